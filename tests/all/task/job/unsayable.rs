//! What earlier versions cannot say is named, element by element.

use super::super::xml;
use mainspring::{
    sid::Sid,
    status::Status,
    task::{
        Image,
        job::{AtJob, Flags, Job, LeftOut, ToJobError, left_out},
    },
    time::civil::DateTime,
};

/// The element that a .JOB file cannot say, and the trigger it belongs to.
fn refused(xml: &str) -> Option<(String, Option<usize>)> {
    let image = xml::image_of(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    let image = Image::parse(&image).unwrap();
    match Job::default().write_image(&image, &mut vec![0; 1 << 18]) {
        Ok(_) => None,
        Err(error @ ToJobError::NotV1Compat(what)) => {
            assert_eq!((error.status(), what.status()), (Status::SCHED_E_TASK_NOT_V1_COMPAT, error.status()));
            assert!(error.to_string().contains(what.element));
            Some((what.element.to_owned(), what.trigger))
        }
        Err(error) => panic!("{error}"),
    }
}

/// The same of an AT job, at noon of a Saturday.
fn refused_at(xml: &str) -> Option<(String, Option<usize>)> {
    let image = xml::image_of(xml).unwrap();
    let image = Image::parse(&image).unwrap();
    let now = DateTime::new(2026, 11, 28, 12, 0, 0).unwrap();
    AtJob::of(&image, now, &mut [0; 1024]).err().map(|error| {
        assert_eq!(error.status(), Status::SCHED_E_TASK_NOT_V1_COMPAT);
        (error.element.to_owned(), error.trigger)
    })
}

const PROGRAM: &str = "<Actions><Exec><Command>a</Command></Exec></Actions>";
const ONCE: &str = "<TimeTrigger><StartBoundary>2026-11-28T13:00:00</StartBoundary></TimeTrigger>";

#[test]
fn what_says_nothing_new_is_sayable() {
    let xml = xml::task_with(&format!(
        "<RegistrationInfo><Date>2026-01-01T00:00:00</Date><URI>\\x</URI></RegistrationInfo><Triggers>{ONCE}</Triggers>"
    ));
    assert_eq!((refused(&xml), refused_at(&xml)), (None, None));
}

#[test]
fn what_is_left_out_is_named() {
    let of = |parts: &str| xml::image_of(&xml::task_with(parts)).unwrap();
    let principal = "<Principals><Principal><UserId>S-1-5-18</UserId></Principal></Principals>";
    let image = of(&format!(
        "<RegistrationInfo><Date>2026-01-01T00:00:00</Date><URI>\\x</URI><Author>a</Author></RegistrationInfo>{principal}"
    ));
    let image = Image::parse(&image).unwrap();
    let expected = [LeftOut::Date("2026-01-01T00:00:00"), LeftOut::Uri("\\x"), LeftOut::UserId(Sid::LOCAL_SYSTEM)];
    assert_eq!(left_out(&image).collect::<Vec<_>>(), expected);
    let image = of(&format!("<RegistrationInfo><URI></URI></RegistrationInfo>{principal}"));
    let image = Image::parse(&image).unwrap();
    assert_eq!(left_out(&image).collect::<Vec<_>>(), [LeftOut::UserId(Sid::LOCAL_SYSTEM)]);
}

/// [MS-TSCH] 3.2.5.1.1: a LogonType that is not there is InteractiveToken, which a .JOB file must say.
#[test]
fn a_logon_type_that_is_not_there_is_the_usual_one() {
    let flags = |user: &str, logon: &str| {
        let principal = format!("<Principals><Principal><UserId>{user}</UserId>{logon}</Principal></Principals>");
        let image = xml::image_of(&xml::task_with(&principal)).unwrap();
        let mut room = vec![0; 65536];
        let written = Job::default().write_image(&Image::parse(&image).unwrap(), &mut room).unwrap();
        Job::parse(written).unwrap().fixdlen_data.flags.has(Flags::RUN_ONLY_IF_LOGGED_ON)
    };
    assert!(flags("S-1-5-21-1-2-3-1001", ""));
    assert!(flags("S-1-5-21-1-2-3-1001", "<LogonType>InteractiveToken</LogonType>"));
    assert!(!flags("S-1-5-21-1-2-3-1001", "<LogonType>Password</LogonType>"));
    assert!(!flags("S-1-5-18", ""));
}

#[test]
fn elements_of_the_task() {
    let setting = |xml: &str| format!("<Settings>{xml}</Settings>");
    let principal = |xml: &str| format!("<Principals><Principal>{xml}</Principal></Principals>");
    let cases = [
        ("<RegistrationInfo><Version>1</Version></RegistrationInfo>".to_owned(), "RegistrationInfo/Version"),
        ("<RegistrationInfo><Source>s</Source></RegistrationInfo>".into(), "RegistrationInfo/Source"),
        (
            "<RegistrationInfo><Documentation>d</Documentation></RegistrationInfo>".into(),
            "RegistrationInfo/Documentation",
        ),
        (
            "<RegistrationInfo><SecurityDescriptor>D:</SecurityDescriptor></RegistrationInfo>".into(),
            "RegistrationInfo/SecurityDescriptor",
        ),
        ("<Data>x</Data>".into(), "Data"),
        (setting("<AllowStartOnDemand>false</AllowStartOnDemand>"), "Settings/AllowStartOnDemand"),
        (setting("<AllowHardTerminate>false</AllowHardTerminate>"), "Settings/AllowHardTerminate"),
        (setting("<MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>"), "Settings/MultipleInstancesPolicy"),
        (setting("<StartWhenAvailable>true</StartWhenAvailable>"), "Settings/StartWhenAvailable"),
        (setting("<RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>"), "Settings/RunOnlyIfNetworkAvailable"),
        (setting("<NetworkProfileName>n</NetworkProfileName>"), "Settings/NetworkProfileName"),
        (setting("<NetworkSettings><Name>n</Name></NetworkSettings>"), "Settings/NetworkSettings"),
        (setting("<Priority>5</Priority>"), "Settings/Priority"),
        (setting("<ExecutionTimeLimit>P50D</ExecutionTimeLimit>"), "Settings/ExecutionTimeLimit"),
        (setting("<IdleSettings><Duration>PT90S</Duration></IdleSettings>"), "IdleSettings/Duration"),
        (setting("<IdleSettings><WaitTimeout>P50D</WaitTimeout></IdleSettings>"), "IdleSettings/WaitTimeout"),
        (
            setting("<RestartOnFailure><Count>1</Count><Interval>PT61S</Interval></RestartOnFailure>"),
            "RestartOnFailure/Interval",
        ),
        (principal("<GroupId>Users</GroupId>"), "Principal/GroupId"),
        (principal("<DisplayName>d</DisplayName>"), "Principal/DisplayName"),
        (principal("<RunLevel>HighestAvailable</RunLevel>"), "Principal/RunLevel"),
        (principal("<LogonType>S4U</LogonType>"), "Principal/LogonType"),
    ];
    for (parts, element) in cases {
        assert_eq!(refused(&xml::task_with(&parts)), Some((element.to_owned(), None)), "{parts}");
    }
}

#[test]
fn elements_of_later_versions() {
    let setting = |xml: &str| format!("<Settings>{xml}</Settings>");
    let cases = [
        (
            setting("<DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>"),
            "DisallowStartOnRemoteAppSession",
        ),
        (setting("<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>"), "UseUnifiedSchedulingEngine"),
        (setting("<Volatile>true</Volatile>"), "Volatile"),
    ];
    let service = |xml: &str| format!("<Principals><Principal><UserId>S-1-5-19</UserId>{xml}</Principal></Principals>");
    let privileges = service("<RequiredPrivileges><Privilege>SeTcbPrivilege</Privilege></RequiredPrivileges>");
    let token = service("<ProcessTokenSidType>None</ProcessTokenSidType>");
    for (parts, element) in [(privileges, "RequiredPrivileges"), (token, "ProcessTokenSidType")] {
        let xml = xml::task_with(&parts).replace("\"1.2\"", "\"1.4\"");
        assert_eq!(refused(&xml), Some((format!("Principal/{element}"), None)), "{parts}");
    }
    for (parts, element) in cases {
        let xml = xml::task_with(&parts).replace("\"1.2\"", "\"1.4\"");
        assert_eq!(refused(&xml), Some((format!("Settings/{element}"), None)), "{parts}");
    }
}

#[test]
fn elements_of_actions() {
    let cases = [
        ("<Exec><Command>a</Command></Exec><Exec><Command>b</Command></Exec>", "Actions"),
        ("<Exec id=\"i\"><Command>a</Command></Exec>", "Exec/id"),
        ("<ComHandler><ClassId>{49b247cd-24d4-4ada-ad69-2d975a02b748}</ClassId></ComHandler>", "ComHandler"),
        ("<SendEmail><Server>s</Server><To>t</To><From>f</From></SendEmail>", "SendEmail"),
        ("<ShowMessage><Title>t</Title><Body>b</Body></ShowMessage>", "ShowMessage"),
    ];
    for (actions, element) in cases {
        let xml = xml::task(&format!("<Actions>{actions}</Actions>"));
        assert_eq!(refused(&xml), Some((element.to_owned(), None)), "{actions}");
    }
}

/// What no specification has is named as it is called, and of texts that are too long together the longest.
#[test]
fn what_is_kept_or_too_long_is_named() {
    let program = |exec: &str| format!("<Actions><Exec><Command>a</Command>{exec}</Exec></Actions>");
    for (parts, element) in [
        (format!("<Settings><Foo/></Settings>{PROGRAM}"), "Foo"),
        (format!("<Principals><Principal><Bar/></Principal></Principals>{PROGRAM}"), "Bar"),
        (program("<HideAppWindow>true</HideAppWindow>"), "HideAppWindow"),
    ] {
        let xml = xml::task(&parts).replace("1.4", "1.5");
        assert_eq!(refused(&xml), Some((element.to_owned(), None)));
    }
    for (author, description, arguments, said) in [
        (20_000, 15_000, 1, "RegistrationInfo/Author, Author of a .JOB file, is too long"),
        (1, 1, 70_000, "Exec/Arguments, Parameters of a .JOB file, is too long"),
        (1, 1, 40_000, "Exec/Arguments, Parameters of a .JOB file, is too long"),
    ] {
        let of = |length: usize, text: &str| text.repeat(length);
        let xml = xml::task(&format!(
            "<RegistrationInfo><Author>{}</Author><Description>{}</Description></RegistrationInfo>{}",
            of(author, "y"),
            of(description, "é"),
            program(&format!("<Arguments>{}</Arguments>", of(arguments, "a")))
        ));
        let image = xml::image_of(&xml).unwrap();
        let error = Job::default().write_image(&Image::parse(&image).unwrap(), &mut vec![0; 1 << 18]).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.status()), (said, Status::SCHED_E_TASK_NOT_V1_COMPAT));
    }
}

#[test]
fn elements_of_triggers() {
    let time =
        |xml: &str| format!("<TimeTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>{xml}</TimeTrigger>");
    let calendar = |xml: &str| {
        format!("<CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>{xml}</CalendarTrigger>")
    };
    let begun = |start: &str| format!("<TimeTrigger><StartBoundary>{start}</StartBoundary></TimeTrigger>");
    let cases = [
        (time("<RandomDelay>PT1M</RandomDelay>"), "RandomDelay"),
        (time("<ExecutionTimeLimit>PT1M</ExecutionTimeLimit>"), "ExecutionTimeLimit"),
        (time("<EndBoundary>2026-06-01T00:00:00</EndBoundary>"), "EndBoundary"),
        (time("<Repetition><Interval>PT1M</Interval></Repetition>"), "Duration"),
        (time("<Repetition><Interval>PT5M</Interval><Duration>PT5M</Duration></Repetition>"), "Duration"),
        (time("<Repetition><Interval>PT90S</Interval><Duration>P1D</Duration></Repetition>"), "Interval"),
        (time("").replace("<TimeTrigger>", "<TimeTrigger id=\"i\">"), "id"),
        (begun("2026-01-01T00:00:00Z"), "StartBoundary"),
        (begun("2026-01-01T00:00:30"), "StartBoundary"),
        (begun("2026-01-01T00:00:00.5"), "StartBoundary"),
        (begun("1600-01-01T00:00:00"), "StartBoundary"),
        ("<BootTrigger><Delay>PT1M</Delay></BootTrigger>".to_owned(), "Delay"),
        ("<RegistrationTrigger/>".into(), "RegistrationTrigger"),
        ("<LogonTrigger><UserId>user</UserId></LogonTrigger>".into(), "UserId"),
        ("<LogonTrigger><Delay>PT1M</Delay></LogonTrigger>".into(), "Delay"),
        ("<EventTrigger><Subscription>s</Subscription></EventTrigger>".into(), "EventTrigger"),
        (
            "<SessionStateChangeTrigger><StateChange>SessionLock</StateChange></SessionStateChangeTrigger>".into(),
            "SessionStateChangeTrigger",
        ),
        ("<WnfStateChangeTrigger><StateName>7508</StateName></WnfStateChangeTrigger>".into(), "WnfStateChangeTrigger"),
        (calendar("<ScheduleByMonth><DaysOfMonth><Day>Last</Day></DaysOfMonth></ScheduleByMonth>"), "DaysOfMonth"),
        (
            calendar(
                "<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week><Week>Last</Week></Weeks><DaysOfWeek><Monday/></DaysOfWeek>\
                 </ScheduleByMonthDayOfWeek>",
            ),
            "Weeks",
        ),
    ];
    for (trigger, element) in cases {
        let xml = xml::task_with(&format!("<Triggers>{}{trigger}</Triggers>", time("")));
        assert_eq!(refused(&xml), Some((element.to_owned(), Some(1))), "{trigger}");
    }
}

#[test]
fn what_an_at_job_cannot_say() {
    let none = |element: &str| Some((element.to_owned(), None));
    let second = |element: &str| Some((element.to_owned(), Some(1)));
    let triggers = |xml: &str| xml::task_with(&format!("<Triggers>{ONCE}{xml}</Triggers>"));
    let start = |start: &str| format!("<TimeTrigger><StartBoundary>{start}</StartBoundary></TimeTrigger>");
    assert_eq!(refused_at(&xml::task_with("")), none("Triggers"));
    assert_eq!(refused_at(&triggers(&start("2026-11-28T13:00:01"))), second("StartBoundary"));
    assert_eq!(refused_at(&triggers(&start("2026-12-27T13:00:00"))), None);
    assert_eq!(refused_at(&triggers(&start("2027-12-27T13:00:00"))), second("StartBoundary"));
    assert_eq!(refused_at(&triggers(&start("2026-11-27T13:00:00"))), second("StartBoundary"));
    for trigger in ["BootTrigger", "RegistrationTrigger", "IdleTrigger", "LogonTrigger"] {
        assert_eq!(refused_at(&triggers(&format!("<{trigger}/>"))), second(trigger));
    }
    let daily = "<CalendarTrigger><StartBoundary>2026-11-28T13:00:00</StartBoundary><ScheduleByDay/></CalendarTrigger>";
    assert_eq!(refused_at(&triggers(daily)), second("TimeTrigger"));
    let with = |parts: &str| xml::task(&format!("{parts}<Triggers>{ONCE}</Triggers>{PROGRAM}"));
    assert_eq!(refused_at(&with("")), None);
    assert_eq!(refused_at(&with("<Settings><Enabled>false</Enabled></Settings>")), none("Settings/Enabled"));
    assert_eq!(refused_at(&with("<Settings><Hidden>true</Hidden></Settings>")), none("Settings"));
    assert_eq!(
        refused_at(&with("<RegistrationInfo><Author>a</Author></RegistrationInfo>")),
        none("RegistrationInfo/Author")
    );
    let token = "<Principals><Principal><LogonType>InteractiveToken</LogonType></Principal></Principals>";
    assert_eq!(refused_at(&with(token)), none("Principal/LogonType"));
    let program = |exec: &str| with("").replace("<Command>a</Command>", exec);
    let directory = "<Command>a</Command><WorkingDirectory>w</WorkingDirectory>";
    assert_eq!(refused_at(&program(directory)), none("Exec/WorkingDirectory"));
    assert_eq!(refused_at(&program("<Command>a</Command><Arguments> b</Arguments>")), none("Exec/Arguments"));
    assert_eq!(refused_at(&program("<Command>a\"b c</Command>")), none("Exec/Arguments"));
}
