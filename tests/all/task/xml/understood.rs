//! Every element that is understood, from XML to values.

use super::{CALLER, image_of, image_with, task, task_with, with_registrant};
use mainspring::{
    sid::Sid,
    task::{
        Action, Days, Image, InstancesPolicy, LogonType, Months, Offset, ProcessTokenSidType, RunLevel, Schedule,
        SessionStateChange, Trigger, TriggerKind, Weekdays, Weeks, xml::read_str,
    },
};

fn look<T>(xml: &str, look: impl FnOnce(&Image<'_>) -> T) -> T {
    let image = image_of(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    look(&Image::parse(&image).unwrap())
}

#[test]
fn the_least_task() {
    look(&task_with("").replace(" version=\"1.4\"", ""), |image| {
        assert_eq!(image.version(), None);
        assert_eq!(image.registration(), Default::default());
        assert_eq!(image.settings(), Default::default());
        assert_eq!(image.conditions(), Default::default());
        assert_eq!(image.triggers().count(), 0);
        assert_eq!(image.data(), None);
        assert_eq!(image.context(), None);
        let principals = image.principals().collect::<Vec<_>>();
        assert_eq!(principals.len(), 1);
        assert_eq!(principals[0].user, Sid::parse(CALLER));
        assert_eq!(principals[0].id, Some("Author"));
        let Some(Action::Exec { id: None, exec }) = image.actions().next() else { panic!() };
        assert_eq!((exec.command, exec.arguments, exec.working_directory), ("a", None, None));
    });
}

#[test]
fn registration_info() {
    let parts = "<RegistrationInfo><URI>\\x</URI><Version>1.0.0</Version><Date> 2005-10-11T13:21:17-08:00\n</Date>\
        <Author>A &amp; B</Author><Description>two\r\nlines<![CDATA[ <and> ]]>more</Description><Source> s </Source>\
        <Documentation/><SecurityDescriptor>D:(A;;FA;;;BA)</SecurityDescriptor></RegistrationInfo>";
    look(&task_with(parts), |image| {
        let info = image.registration();
        assert_eq!(info.uri, Some("\\x"));
        assert_eq!(info.version, Some("1.0.0"));
        assert_eq!(info.date, Some("2005-10-11T13:21:17-08:00"));
        assert_eq!(info.author, Some("A & B"));
        assert_eq!(info.description, Some("two\nlines <and> more"));
        assert_eq!(info.source, Some(" s "));
        assert_eq!(info.documentation, Some(""));
        assert_eq!(info.security_descriptor, Some("D:(A;;FA;;;BA)"));
    });
}

#[test]
fn comments_cut_no_text() {
    let parts = "<!-- a --><RegistrationInfo><Author>a<!-- b -->b<?c d?>c</Author><Source><!-- only --></Source>\
        <Version><!-- first -->1</Version><Date>2005-10-11<!-- -->T13:21:17</Date></RegistrationInfo>";
    look(&task_with(parts), |image| {
        let info = image.registration();
        assert_eq!(info.author, Some("abc"));
        assert_eq!(info.source, Some(""));
        assert_eq!(info.version, Some("1"));
        assert_eq!(info.date, Some("2005-10-11T13:21:17"));
    });
}

#[test]
fn principals() {
    let parts = "<Principals><Principal id=\"A\"><UserId>S-1-5-19</UserId><LogonType>S4U</LogonType>\
        <RunLevel>HighestAvailable</RunLevel><DisplayName>D</DisplayName>\
        <RequiredPrivileges>\n <Privilege>SeTcbPrivilege</Privilege>\n<Privilege> SeDebugPrivilege </Privilege></RequiredPrivileges>\
        <ProcessTokenSidType>None</ProcessTokenSidType></Principal>\
        <Principal id=\"B\"><GroupId> Users </GroupId></Principal><Principal/></Principals>";
    let actions = "<Actions Context=\"B\"><Exec><Command>a</Command></Exec></Actions>";
    look(&task(&format!("{actions}{parts}")), |image| {
        let principals = image.principals().collect::<Vec<_>>();
        assert_eq!(image.context(), Some("B"));
        assert_eq!(principals.len(), 3);
        assert_eq!(principals[0].id, Some("A"));
        assert_eq!(principals[0].user, Some(Sid::LOCAL_SERVICE));
        assert_eq!(principals[0].logon_type, Some(LogonType::S4u));
        assert_eq!(principals[0].run_level, Some(RunLevel::HighestAvailable));
        assert_eq!(principals[0].display_name, Some("D"));
        assert_eq!(principals[0].process_token_sid_type, Some(ProcessTokenSidType::None));
        let privileges = principals[0].required_privileges.iter().collect::<Vec<_>>();
        assert_eq!(privileges, ["SeTcbPrivilege", "SeDebugPrivilege"]);
        assert!(principals.iter().all(|principal| principal.opaque.is_none()));
        assert_eq!((principals[1].process_token_sid_type, principals[1].required_privileges.is_empty()), (None, true));
        assert_eq!((principals[1].user, principals[1].group), (None, Sid::parse("S-1-5-32-545")));
        assert_eq!((principals[2].user, principals[2].group), (Sid::parse(CALLER), None));
    });
}

#[test]
fn a_credential_is_used_instead_of_what_the_xml_names() {
    let other = Sid::parse("S-1-5-21-9-9-9-9");
    let users = |parts: &str, credential| {
        let image = image_with(&task_with(parts), credential).unwrap();
        let principal = Image::parse(&image).unwrap().principals().next().unwrap();
        (principal.user, principal.group)
    };
    assert_eq!(users("", other), (other, None));
    for named in ["", "<UserId>user</UserId>", "<UserId>nobody knows</UserId>", "<GroupId>Users</GroupId>"] {
        let parts = format!("<Principals><Principal>{named}</Principal></Principals>");
        assert_eq!(users(&parts, other), (other, None), "{named}");
    }
    // A credential may name the group itself.
    let group = Sid::parse("S-1-5-32-545");
    assert_eq!(users("<Principals><Principal><GroupId>Users</GroupId></Principal></Principals>", group), (None, group));
    // Without principals the one that is made has the id that actions may name.
    for principals in ["", "<Principals/>"] {
        let xml = task(&format!("{principals}<Actions Context=\"Author\"><Exec><Command>a</Command></Exec></Actions>"));
        assert!(look(&xml, |image| image.principals().next().unwrap().id == image.context()));
    }
}

#[test]
fn a_logon_type_of_the_call_is_used_instead_of_what_the_xml_names() {
    for parts in ["", "<Principals><Principal><LogonType>S4U</LogonType></Principal></Principals>"] {
        let xml = task_with(parts);
        let mut buffer = [0; 512];
        let logon_type = with_registrant(None, |registrant| {
            registrant.override_logon = Some(LogonType::Password);
            read_str(&xml, registrant, &mut buffer).unwrap().principals().next().unwrap().logon_type
        });
        assert_eq!(logon_type, Some(LogonType::Password));
    }
}

#[test]
fn settings() {
    let parts = "<Settings><Enabled>false</Enabled><Hidden>1</Hidden><AllowStartOnDemand>0</AllowStartOnDemand>\
        <AllowHardTerminate> false </AllowHardTerminate><MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>\
        <ExecutionTimeLimit>PT90M</ExecutionTimeLimit><StartWhenAvailable>true</StartWhenAvailable>\
        <Priority>+010</Priority><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\
        <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><RunOnlyIfIdle>true</RunOnlyIfIdle>\
        <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable><WakeToRun>true</WakeToRun>\
        <DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession><Volatile>true</Volatile>\
        <UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><NetworkProfileName/>\
        <NetworkSettings><Id>{49b247cd-24d4-4ada-ad69-2d975a02B748}</Id><Name>n</Name></NetworkSettings>\
        <IdleSettings><RestartOnIdle>true</RestartOnIdle><Duration>PT1S</Duration></IdleSettings>\
        <RestartOnFailure><Interval>P31D</Interval><Count>255</Count></RestartOnFailure>\
        <MaintenanceSettings><Period>P1D</Period><Deadline>P1DT1S</Deadline><Exclusive>true</Exclusive></MaintenanceSettings>\
        <DeleteExpiredTaskAfter>PT0S</DeleteExpiredTaskAfter></Settings>";
    look(&task_with(parts), |image| {
        let settings = image.settings();
        assert!(
            !settings.enabled && settings.hidden && !settings.allow_start_on_demand && !settings.allow_hard_terminate
        );
        assert_eq!(settings.instances_policy, InstancesPolicy::Queue);
        assert_eq!(settings.execution_time_limit.unwrap().to_string(), "PT90M");
        assert_eq!((settings.start_when_available, settings.priority), (true, 10));
        let conditions = image.conditions();
        assert!(!conditions.disallow_start_if_on_batteries && !conditions.stop_if_going_on_batteries);
        assert!(conditions.run_only_if_idle && conditions.run_only_if_network_available && conditions.wake_to_run);
        assert!(conditions.disallow_start_on_remote_app_session && conditions.volatile);
        assert!(conditions.use_unified_scheduling_engine);
        assert_eq!(conditions.network_profile_name, Some(""));
        assert_eq!(conditions.network.unwrap().name, Some("n"));
        assert_eq!(conditions.network.unwrap().id, Some("{49b247cd-24d4-4ada-ad69-2d975a02B748}"));
        assert!(conditions.idle.stop_on_idle_end && conditions.idle.restart_on_idle);
        assert_eq!(conditions.idle.duration.unwrap().seconds, 1);
        assert_eq!(conditions.idle.wait_timeout, None);
        let restart = conditions.restart_on_failure.unwrap();
        assert_eq!((restart.count, restart.interval.seconds), (255, 31 * 86_400));
        let maintenance = conditions.maintenance.unwrap();
        assert_eq!((maintenance.period.seconds, maintenance.exclusive), (86_400, true));
        assert_eq!(maintenance.deadline.unwrap().to_string(), "P1DT1S");
        assert_eq!(conditions.delete_expired_task_after.unwrap().seconds, 0);
    });
    let limit = |text: &str| {
        let parts = format!("<Settings><ExecutionTimeLimit>{text}</ExecutionTimeLimit></Settings>");
        look(&task_with(&parts), |image| image.settings().execution_time_limit.map(|limit| limit.seconds))
    };
    assert_eq!(limit("PT0S"), None);
    assert_eq!(limit("PT72H"), Some(72 * 3600));
    for (name, policy) in [
        ("Parallel", InstancesPolicy::Parallel),
        ("IgnoreNew", InstancesPolicy::IgnoreNew),
        ("StopExisting", InstancesPolicy::StopExisting),
    ] {
        let parts = format!("<Settings><MultipleInstancesPolicy>{name}</MultipleInstancesPolicy></Settings>");
        assert_eq!(look(&task_with(&parts), |image| image.settings().instances_policy), policy);
    }
}

fn trigger<T>(xml: &str, check: impl FnOnce(Trigger<'_>) -> T) -> T {
    let xml = task_with(&format!("<Triggers>{xml}</Triggers>"));
    look(&xml, |image| {
        let triggers = image.triggers().collect::<Vec<_>>();
        assert_eq!(triggers.len(), 1);
        check(triggers[0])
    })
}

#[test]
fn triggers_have_in_common() {
    let base = "<Repetition><StopAtDurationEnd>true</StopAtDurationEnd><Duration>P1D</Duration><Interval>PT1M</Interval>\
        </Repetition><ExecutionTimeLimit>PT0S</ExecutionTimeLimit><EndBoundary>2027-01-01T00:00:00Z</EndBoundary>\
        <StartBoundary>2026-01-02T03:04:05.678+01:00</StartBoundary><Enabled>false</Enabled>";
    let kinds = [
        ("BootTrigger", ""),
        ("RegistrationTrigger", ""),
        ("TimeTrigger", ""),
        ("CalendarTrigger", "<ScheduleByDay/>"),
        ("IdleTrigger", ""),
        ("EventTrigger", "<Subscription>*</Subscription>"),
        ("LogonTrigger", ""),
        ("SessionStateChangeTrigger", "<StateChange>SessionLock</StateChange>"),
    ];
    for (name, own) in kinds {
        trigger(&format!("<{name} id=\"i d\">{base}{own}</{name}>"), |trigger| {
            assert_eq!(trigger.id, Some("i d"));
            assert!(!trigger.enabled);
            let start = trigger.start.unwrap();
            assert_eq!((start.civil.year, start.civil.second, start.millisecond), (2026, 5, 678));
            assert_eq!(start.offset, Offset::Minutes(60));
            assert_eq!(trigger.end.unwrap().offset, Offset::Utc);
            assert_eq!(trigger.execution_time_limit.unwrap().seconds, 0);
            let repetition = trigger.repetition.unwrap();
            assert_eq!((repetition.interval.seconds, repetition.stop_at_duration_end), (60, true));
            assert_eq!(repetition.duration.unwrap().seconds, 86_400);
        });
    }
}

#[test]
fn triggers_of_each_kind() {
    trigger("<BootTrigger/>", |trigger| assert_eq!(trigger.kind, TriggerKind::Boot { delay: None }));
    trigger("<BootTrigger><Delay>PT3M</Delay></BootTrigger>", |trigger| {
        assert!(matches!(trigger.kind, TriggerKind::Boot { delay: Some(delay) } if delay.seconds == 180));
    });
    trigger("<RegistrationTrigger><Delay>PT5S</Delay></RegistrationTrigger>", |trigger| {
        assert!(matches!(trigger.kind, TriggerKind::Registration { delay: Some(delay) } if delay.seconds == 5));
    });
    let start = "<StartBoundary>2026-01-01T00:00:00</StartBoundary>";
    trigger(&format!("<TimeTrigger>{start}<RandomDelay>P1D</RandomDelay></TimeTrigger>"), |trigger| {
        assert!(matches!(trigger.kind, TriggerKind::Time { random_delay: Some(delay) } if delay.seconds == 86_400));
        assert_eq!(trigger.start.unwrap().offset, Offset::Local);
    });
    let schedule = |xml: &str| {
        trigger(&format!("<CalendarTrigger>{start}{xml}</CalendarTrigger>"), |trigger| match trigger.kind {
            TriggerKind::Calendar { schedule, random_delay: None } => schedule,
            kind => panic!("{kind:?}"),
        })
    };
    assert_eq!(schedule("<ScheduleByDay/>"), Schedule::Day { interval: 1 });
    assert_eq!(
        schedule("<ScheduleByDay><DaysInterval>365</DaysInterval></ScheduleByDay>"),
        Schedule::Day { interval: 365 }
    );
    assert_eq!(
        schedule("<ScheduleByWeek><DaysOfWeek><Saturday/><Sunday></Sunday></DaysOfWeek></ScheduleByWeek>"),
        Schedule::Week { interval: 1, days: Weekdays(0b100_0001) }
    );
    assert_eq!(
        schedule(
            "<ScheduleByWeek><WeeksInterval>52</WeeksInterval><DaysOfWeek><Monday/><Tuesday/><Wednesday/><Thursday/>\
             <Friday/></DaysOfWeek></ScheduleByWeek>"
        ),
        Schedule::Week { interval: 52, days: Weekdays(0b011_1110) }
    );
    assert_eq!(
        schedule(
            "<ScheduleByMonth><DaysOfMonth><Day>1</Day><Day>31</Day><Day>Last</Day></DaysOfMonth></ScheduleByMonth>"
        ),
        Schedule::Month { days: Days(1 | 1 << 30 | 1 << 31), months: Months::ALL }
    );
    assert_eq!(
        schedule(
            "<ScheduleByMonth><Months><December/><January/></Months><DaysOfMonth><Day>15</Day></DaysOfMonth></ScheduleByMonth>"
        ),
        Schedule::Month { days: Days(1 << 14), months: Months(0x801) }
    );
    assert_eq!(
        schedule(
            "<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week><Week>4</Week><Week>Last</Week></Weeks><DaysOfWeek><Friday/>\
             </DaysOfWeek><Months><February/></Months></ScheduleByMonthDayOfWeek>"
        ),
        Schedule::MonthDayOfWeek { weeks: Weeks(0b1_1001), days: Weekdays(0b010_0000), months: Months(2) }
    );
}

#[test]
fn triggers_that_wait_for_somebody_or_something() {
    trigger("<IdleTrigger/>", |trigger| assert_eq!(trigger.kind, TriggerKind::Idle));
    trigger("<LogonTrigger/>", |trigger| assert_eq!(trigger.kind, TriggerKind::Logon { user: None, delay: None }));
    trigger("<LogonTrigger><UserId> HOST\\user </UserId><Delay>PT30S</Delay></LogonTrigger>", |trigger| {
        let TriggerKind::Logon { user: Some(user), delay: Some(delay) } = trigger.kind else { panic!("{trigger:?}") };
        assert_eq!((user.sid().to_string().as_str(), delay.seconds), ("S-1-5-21-1-2-3-500", 30));
    });
    for (name, expected) in [
        ("ConsoleConnect", SessionStateChange::ConsoleConnect),
        ("ConsoleDisconnect", SessionStateChange::ConsoleDisconnect),
        ("RemoteConnect", SessionStateChange::RemoteConnect),
        ("RemoteDisconnect", SessionStateChange::RemoteDisconnect),
        ("SessionLock", SessionStateChange::SessionLock),
        ("SessionUnlock", SessionStateChange::SessionUnlock),
    ] {
        let xml = format!(
            "<SessionStateChangeTrigger><StateChange>{name}</StateChange><UserId>SYSTEM</UserId></SessionStateChangeTrigger>"
        );
        trigger(&xml, |trigger| {
            let TriggerKind::SessionState { user: Some(user), delay: None, change } = trigger.kind else { panic!() };
            assert_eq!((user.sid(), change), (Sid::LOCAL_SYSTEM, expected));
        });
    }
    trigger("<EventTrigger><Subscription> * </Subscription></EventTrigger>", |trigger| {
        let TriggerKind::Event(event) = trigger.kind else { panic!() };
        assert_eq!((event.subscription, event.delay, event.number_of_occurrences), (" * ", None, 1));
        assert_eq!((event.period_of_occurrence, event.matching_element), (None, None));
        assert!(event.value_queries.is_empty());
    });
    let xml = "<EventTrigger><ValueQueries><Value name=\"a\">x<!-- -->y</Value><Value name=\"Author\"> Event/*[1 &lt; 2]\
        </Value></ValueQueries><MatchingElement>EventID</MatchingElement><NumberOfOccurrences>32</NumberOfOccurrences>\
        <PeriodOfOccurrence>PT1M</PeriodOfOccurrence><Subscription>&lt;QueryList/&gt;</Subscription></EventTrigger>";
    trigger(xml, |trigger| {
        let TriggerKind::Event(event) = trigger.kind else { panic!() };
        assert_eq!((event.subscription, event.number_of_occurrences), ("<QueryList/>", 32));
        assert_eq!(event.period_of_occurrence.unwrap().seconds, 60);
        assert_eq!(event.matching_element, Some("EventID"));
        let queries = event.value_queries.iter().collect::<Vec<_>>();
        assert_eq!(queries, [("a", "xy"), ("Author", " Event/*[1 < 2]")]);
    });
}

#[test]
fn what_is_not_understood_is_kept_without_white_space() {
    let xml = "<WnfStateChangeTrigger id=\"l\">\r\n  <Enabled>true</Enabled><!-- comment -->\n  <UserId>a&amp;b</UserId>\n</WnfStateChangeTrigger>";
    trigger(xml, |trigger| {
        let xml =
            "<WnfStateChangeTrigger id=\"l\"><Enabled>true</Enabled><UserId>a&amp;b</UserId></WnfStateChangeTrigger>";
        assert_eq!(trigger.kind, TriggerKind::Opaque { xml });
    });
}

#[test]
fn handlers_mails_and_messages() {
    let look_at = |xml: &str, check: fn(Action<'_>)| {
        look(&task(&format!("<Actions>{xml}</Actions>")), |image| {
            assert_eq!(image.actions().count(), 1);
            check(image.actions().next().unwrap());
        });
    };
    let class = "{49b247cd-24d4-4ada-ad69-2d975a02B748}";
    look_at(
        "<ComHandler id=\"c\"><Data> <a>1</a> </Data><ClassId> {49B247CD-24D4-4ADA-AD69-2D975A02B748}\n</ClassId></ComHandler>",
        |action| {
            let Action::ComHandler { id: Some("c"), handler } = action else { panic!("{action:?}") };
            assert_eq!((handler.class_text, handler.data), ("", Some("<a>1</a>")));
        },
    );
    look_at(&format!("<ComHandler><ClassId>{class}</ClassId></ComHandler>"), |action| {
        let Action::ComHandler { id: None, handler } = action else { panic!("{action:?}") };
        assert_eq!((handler.class_text, handler.data), ("{49b247cd-24d4-4ada-ad69-2d975a02B748}", None));
        assert_eq!(handler.class.to_string(), "49b247cd-24d4-4ada-ad69-2d975a02b748");
    });
    look_at(
        "<SendEmail id=\"m\"><Attachments><File>a</File><File> b </File></Attachments><Body> x\r\ny</Body><HeaderFields>\
         <HeaderField><Value/><Name>A</Name></HeaderField></HeaderFields><From>f</From><ReplyTo>r</ReplyTo><Bcc>b</Bcc>\
         <Cc>c</Cc><To>t</To><Subject>s</Subject><Server>srv</Server></SendEmail>",
        |action| {
            let Action::SendEmail { id: Some("m"), email } = action else { panic!("{action:?}") };
            assert_eq!((email.server, email.from, email.subject), ("srv", "f", Some("s")));
            assert_eq!((email.to, email.cc, email.bcc, email.reply_to), (Some("t"), Some("c"), Some("b"), Some("r")));
            assert_eq!(email.body, Some(" x\ny"));
            assert_eq!(email.header_fields.iter().collect::<Vec<_>>(), [("A", "")]);
            assert_eq!(email.attachments.iter().collect::<Vec<_>>(), ["a", " b "]);
        },
    );
    look_at("<SendEmail><Server>a</Server><From>b</From><Attachments/><HeaderFields/></SendEmail>", |action| {
        let Action::SendEmail { id: None, email } = action else { panic!("{action:?}") };
        assert_eq!((email.subject, email.to, email.body), (None, None, None));
        assert!(email.header_fields.is_empty() && email.attachments.is_empty());
    });
    look_at("<ShowMessage id=\"s\"><Body>b</Body><Title> t</Title></ShowMessage>", |action| {
        let Action::ShowMessage { id: Some("s"), message } = action else { panic!("{action:?}") };
        assert_eq!((message.title, message.body), (" t", "b"));
    });
}

#[test]
fn actions_and_data() {
    let xml = task(
        "<Data><a b=\"c\">\r\n</a></Data><Actions><Exec id=\"1\"><WorkingDirectory>C:\\</WorkingDirectory><Arguments> x \
         </Arguments><Command>cmd</Command></Exec><Exec><Command>b</Command></Exec></Actions>",
    );
    look(&xml, |image| {
        assert_eq!(image.data(), Some("<a b=\"c\">\n</a>"));
        let actions = image.actions().collect::<Vec<_>>();
        assert_eq!(actions.len(), 2);
        let Action::Exec { id: Some("1"), exec } = actions[0] else { panic!() };
        assert_eq!((exec.command, exec.arguments, exec.working_directory), ("cmd", Some(" x "), Some("C:\\")));
    });
}

#[test]
fn a_prefix_is_as_good_as_none() {
    let xml = "<t:Task xmlns:t=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><t:Triggers><t:IdleTrigger/>\
        </t:Triggers><t:Actions><t:Exec><t:Command>a</t:Command></t:Exec></t:Actions></t:Task>";
    look(xml, |image| {
        assert_eq!(image.triggers().next().unwrap().kind, TriggerKind::Idle);
        assert_eq!(image.actions().count(), 1);
    });
}
