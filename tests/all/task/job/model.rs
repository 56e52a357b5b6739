//! .JOB files as definitions, and back.

use super::{
    super::xml,
    file::{Parts, everything, push},
    real::{AT_TASK, GOOGLE_UPDATE, real},
    utf16,
};
use mainspring::{
    guid::Guid,
    sid::Sid,
    status::Status,
    task::{
        Action, Boundary, Conditions, Days, Definition, Exec, Idle, Image, LogonType, Months, Principal,
        RegistrationInfo, Repetition, RestartOnFailure, RunLevel, Schedule, Settings, Span, Trigger, TriggerKind,
        Weekdays, Weeks,
        job::{
            FixdlenData, Flags, FromJobError, Job, JobTrigger, JobTriggerKind, Priority, TaskReserved1, TriggerFlags,
        },
    },
    time::filetime::SystemTime,
};
use mainspring_tests::disk::Chance;

const USER: &str = "S-1-5-21-1-2-3-500";

pub(super) fn image_of(job: &Job<'_>, account: Option<Sid>) -> Result<Vec<u8>, FromJobError> {
    let (mut text, mut into) = (vec![0; 4096], vec![0; 16384]);
    job.image(account, &mut text, &mut into).map(|image| image.bytes().to_vec())
}

fn file_of(image: &[u8], before: &Job<'_>) -> Result<Vec<u8>, String> {
    let mut into = vec![0; 65536];
    let image = Image::parse(image).unwrap();
    match before.write_image(&image, &mut into) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) => {
            assert_eq!(error.status(), Status::SCHED_E_TASK_NOT_V1_COMPAT, "{error}");
            Err(error.to_string())
        }
    }
}

#[test]
fn a_file_of_windows_xp_is_a_task() {
    let Some(bytes) = real(AT_TASK) else { return };
    let job = Job::parse(&bytes).unwrap();
    let image = image_of(&job, Sid::parse(USER)).unwrap();
    let xml = xml::written(&image, "\\AtTask").replace("\r\n", "\n");
    let expected = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.1" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>user1</Author>
    <Description>At job task for testing purposes</Description>
    <URI>\AtTask</URI>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-21-1-2-3-500</UserId>
      <LogonType>InteractiveToken</LogonType>
    </Principal>
  </Principals>
  <Settings>
    <DeleteExpiredTaskAfter>PT0S</DeleteExpiredTaskAfter>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>true</StopIfGoingOnBatteries>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <WakeToRun>true</WakeToRun>
    <RunOnlyIfIdle>true</RunOnlyIfIdle>
    <IdleSettings>
      <Duration>PT15M</Duration>
      <StopOnIdleEnd>true</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
  </Settings>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2023-05-11T13:37:00</StartBoundary>
      <EndBoundary>2023-05-12T23:59:59</EndBoundary>
      <Repetition>
        <Interval>PT12M</Interval>
        <Duration>PT795M</Duration>
        <StopAtDurationEnd>true</StopAtDurationEnd>
      </Repetition>
      <ScheduleByDay>
        <DaysInterval>3</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
"#;
    assert!(xml.starts_with(expected), "{xml}");
    for part in
        ["<Week>2</Week>", "<Wednesday />", "<June />", "<Day>15</Day>", "<Friday />", "C:\\WINDOWS\\NOTEPAD.EXE"]
    {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
    // What comes back are the bytes of the file, but for the numbers that Windows XP gives its triggers.
    let again = file_of(&image, &job).unwrap();
    let different = again.iter().zip(&bytes).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
    assert_eq!(different.map(|(at, _)| at).collect::<Vec<_>>(), [0x14A, 0x17A, 0x1AA]);
    assert_eq!(again.len(), bytes.len());
    assert_eq!(xml::written(&xml::image_of(&xml).unwrap(), "\\AtTask").replace("\r\n", "\n"), xml);
}

#[test]
fn a_file_of_windows_7_is_a_task_without_limit() {
    let Some(bytes) = real(GOOGLE_UPDATE) else { return };
    let job = Job::parse(&bytes).unwrap();
    let image = image_of(&job, None).unwrap();
    let view = Image::parse(&image).unwrap();
    assert_eq!((view.settings().execution_time_limit, view.conditions().idle.duration), (None, None));
    assert_eq!(
        view.principals().map(|one| (one.user, one.logon_type)).collect::<Vec<_>>(),
        [(Some(Sid::LOCAL_SYSTEM), None)]
    );
    let again = file_of(&image, &job).unwrap();
    let different = again.iter().zip(&bytes).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
    // Undefined flags stay. INFINITE is written as what it is, and there is a flag for the application name.
    assert_eq!(different.map(|(at, _)| at).collect::<Vec<_>>(), [0x24]);
    assert_eq!(again[0x24..0x28], [0xFF; 4]);
}

/// A header that is a task's.
fn header() -> FixdlenData {
    FixdlenData {
        idle_deadline: 60,
        idle_wait: 10,
        priority: Priority(Priority::NORMAL),
        maximum_run_time: 1000,
        ..FixdlenData::default()
    }
}

/// A trigger that fires once.
fn once() -> JobTrigger {
    JobTrigger { begin_year: 2020, begin_month: 2, begin_day: 29, ..JobTrigger::default() }
}

fn parts(header: FixdlenData, triggers: &[JobTrigger]) -> Parts {
    let mut bytes = Vec::new();
    triggers.iter().for_each(|trigger| push(&mut bytes, trigger));
    Parts { header, texts: [Some(utf16("a")), None, None, None, None], triggers: bytes, ..Parts::default() }
}

#[test]
fn what_no_definition_can_say_is_named() {
    let invalid = |field, trigger| Err(FromJobError::Invalid { field, trigger });
    let unsayable = |field, trigger| Err(FromJobError::Unsayable { field, trigger });
    let of = |parts: &Parts| image_of(&parts.job(), None).map(drop);
    let with_header = |change: fn(&mut FixdlenData)| {
        let mut changed = header();
        change(&mut changed);
        of(&parts(changed, &[]))
    };
    assert_eq!(with_header(|_| ()), Ok(()));
    assert_eq!(with_header(|header| header.priority.0 = 0), invalid("Priority", None));
    assert_eq!(with_header(|header| header.priority.0 = 0x60), invalid("Priority", None));
    assert_eq!(with_header(|header| header.error_retry_count = 1), invalid("Error Retry Interval", None));
    let retry = |header: &mut FixdlenData| (header.error_retry_count, header.error_retry_interval) = (256, 1);
    assert_eq!(with_header(retry), unsayable("Error Retry Count", None));
    let retry = |header: &mut FixdlenData| (header.error_retry_count, header.error_retry_interval) = (1, 44_641);
    assert_eq!(with_header(retry), unsayable("Error Retry Interval", None));

    let with_trigger = |change: fn(&mut JobTrigger)| {
        let mut changed = once();
        change(&mut changed);
        of(&parts(header(), &[once(), changed]))
    };
    assert_eq!(with_trigger(|_| ()), Ok(()));
    assert_eq!(with_trigger(|trigger| trigger.begin_year = 1600), invalid("Begin Year", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.begin_year = 10_000), invalid("Begin Year", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.begin_month = 13), invalid("Begin Month", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.begin_day = 30), invalid("Begin Day", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.start_hour = 24), invalid("Start Hour", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.start_minute = 60), invalid("Start Minute", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.flags = TriggerFlags(1)), invalid("End Year", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.trigger_type = 8), invalid("Trigger Type", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.minutes_interval = 44_641), invalid("Minutes Interval", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.minutes_interval = 5), invalid("Minutes Duration", Some(1)));
    assert_eq!(with_trigger(|trigger| trigger.minutes_duration = u32::MAX), Ok(()));
    let stops = |trigger: &mut JobTrigger| (trigger.minutes_duration, trigger.flags) = (5, TriggerFlags(2));
    assert_eq!(with_trigger(stops), unsayable("Minutes Duration", Some(1)));
    let kinds = [
        (JobTriggerKind::Daily { days_interval: 0 }, invalid("Days Interval", Some(0))),
        (JobTriggerKind::Daily { days_interval: 366 }, unsayable("Days Interval", Some(0))),
        (JobTriggerKind::Weekly { weeks_interval: 0, days_of_the_week: 1 }, invalid("Weeks Interval", Some(0))),
        (JobTriggerKind::Weekly { weeks_interval: 53, days_of_the_week: 1 }, unsayable("Weeks Interval", Some(0))),
        (JobTriggerKind::Weekly { weeks_interval: 1, days_of_the_week: 0x80 }, invalid("DaysOfTheWeek", Some(0))),
        (JobTriggerKind::MonthlyDate { days: 1 << 31, months: 1 }, invalid("Days", Some(0))),
        (JobTriggerKind::MonthlyDate { days: 1, months: 0xF000 }, invalid("Months", Some(0))),
        (JobTriggerKind::MonthlyDow { which_week: 6, days_of_the_week: 1, months: 1 }, invalid("WhichWeek", Some(0))),
    ];
    for (kind, expected) in kinds {
        let (trigger_type, trigger_specific) = kind.fields();
        assert_eq!(of(&parts(header(), &[JobTrigger { trigger_type, trigger_specific, ..once() }])), expected);
    }

    let texts = |texts: [Option<Vec<u8>>; 5]| of(&Parts { texts, ..parts(header(), &[]) });
    let name = || Some(utf16("a"));
    assert_eq!(texts([None, None, None, None, None]), Err(FromJobError::NoApplicationName));
    assert_eq!(texts([Some(Vec::new()), None, None, None, None]), Err(FromJobError::NoApplicationName));
    let text = |field| Err(FromJobError::Text(field));
    use mainspring::task::job::JobField::{ApplicationName, Comment, Parameters, WorkingDirectory};
    assert_eq!(texts([name(), Some(vec![0, 0xD8]), None, None, None]), text(Parameters));
    assert_eq!(texts([name(), None, None, None, Some(vec![0, 0])]), text(Comment));
    assert_eq!(texts([Some(utf16(&"a".repeat(261))), None, None, None, None]), text(ApplicationName));
    assert_eq!(texts([name(), None, Some(utf16(&"a".repeat(261))), None, None]), text(WorkingDirectory));
    assert_eq!(texts([name(), None, Some(Vec::new()), None, None]), Ok(()));

    assert_eq!(of(&parts(header(), &[once(); 49])), Err(FromJobError::TooManyTriggers(49)));
    let statuses = [
        (FromJobError::NoApplicationName, Status::SCHED_E_MISSINGNODE),
        (FromJobError::Invalid { field: "Days", trigger: None }, Status::SCHED_E_INVALIDVALUE),
        (FromJobError::Unsayable { field: "Weeks Interval", trigger: None }, Status::SCHED_E_TASK_NOT_V1_COMPAT),
        (FromJobError::TooManyTriggers(49), Status::SCHED_E_TOO_MANY_NODES),
        (FromJobError::Full, Status::E_OUTOFMEMORY),
    ];
    assert!(statuses.iter().all(|(error, status)| error.status() == *status));

    let typical = parts(header(), &[once()]);
    let (mut text, mut into) = ([0; 64], [0; 256]);
    let length = typical.job().image(None, &mut text, &mut into).unwrap().bytes().len();
    for room in 0..length {
        assert_eq!(typical.job().image(None, &mut text, &mut into[..room]), Err(FromJobError::Full));
    }
    assert_eq!(typical.job().image(None, &mut [], &mut into), Err(FromJobError::Full));
}

/// What a client keeps in its own part says nothing to anybody else, 2.4.2.8: the task is read without it, and it stays in the
/// file.
#[test]
fn user_data_is_a_clients_own() {
    let with_data = Parts { user_data: vec![1, 2], ..parts(header(), &[once()]) };
    let image = image_of(&with_data.job(), None).unwrap();
    assert_eq!(image, image_of(&parts(header(), &[once()]).job(), None).unwrap());
    assert_eq!(Job::parse(&file_of(&image, &with_data.job()).unwrap()).unwrap().user_data, [1, 2]);
}

/// The signature is made of the Application Name, 2.4.2.12; what a file that is sent says of runs is nothing, 2.4.1 and 2.4.2.9.
#[test]
fn what_does_not_hold_any_more_is_not_carried_on() {
    let mut before = Parts { triggers: parts(header(), &[once()]).triggers, ..everything() };
    before.header = FixdlenData { priority: Priority(Priority::HIGH), maximum_run_time: 1000, ..before.header };
    before.texts[4] = None;
    let image = image_of(&before.job(), None).unwrap();
    let same = file_of(&image, &before.job()).unwrap();
    let same = Job::parse(&same).unwrap();
    assert_eq!((same.signature, same.fixdlen_data.last_run), (&before.signature[..], before.header.last_run));
    before.texts[0] = Some(utf16("b"));
    let other = file_of(&image, &before.job()).unwrap();
    let other = Job::parse(&other).unwrap();
    assert_eq!((other.signature, other.fixdlen_data.last_run), (&[][..], SystemTime::default()));
    for file in [same, other] {
        let header = file.fixdlen_data;
        assert_eq!((header.exit_code, header.status, file.running_instance_count), (0, 0x41300, 0));
        assert_eq!(file.task_reserved1(), Some(TaskReserved1::default()));
        assert_eq!((header.job_uuid, header.product_version), (before.header.job_uuid, before.header.product_version));
        assert_eq!(file.user_data, before.user_data);
    }
}

/// A file that nobody wrote before is as a client would write it, 2.4.1 and 2.4.2.9.
#[test]
fn a_new_file_is_as_clients_write_it() {
    let uuid = Guid::from_u128(7);
    let image = image_of(&parts(header(), &[once()]).job(), None).unwrap();
    let file = file_of(&image, &Job::new(uuid)).unwrap();
    let file = Job::parse(&file).unwrap();
    assert_eq!((file.fixdlen_data.product_version, file.fixdlen_data.job_uuid), (0x0601, uuid));
    assert_eq!(file.task_reserved1(), Some(TaskReserved1::default()));
    assert!(file.user_data.is_empty() && file.signature.is_empty());
}

#[test]
fn how_a_principal_logs_on_is_in_the_flags() {
    let user = Sid::parse(USER);
    let cases = [
        (0, user, Some(LogonType::Password)),
        (Flags::INTERACTIVE, user, Some(LogonType::InteractiveTokenOrPassword)),
        (Flags::RUN_ONLY_IF_LOGGED_ON, user, Some(LogonType::InteractiveToken)),
        (Flags::RUN_ONLY_IF_LOGGED_ON | Flags::INTERACTIVE, user, Some(LogonType::InteractiveToken)),
        (0, None, None),
        (0, Some(Sid::LOCAL_SERVICE), None),
    ];
    for (bits, account, logon_type) in cases {
        let parts = parts(FixdlenData { flags: Flags(bits), ..header() }, &[]);
        let image = image_of(&parts.job(), account).unwrap();
        let principal = Image::parse(&image).unwrap().principals().next().unwrap();
        assert_eq!((principal.user, principal.logon_type), (account.or(Some(Sid::LOCAL_SYSTEM)), logon_type));
    }
}

#[test]
fn milliseconds_of_a_limit_are_kept() {
    for (limit, text) in
        [(1, "PT0.001S"), (999, "PT0.999S"), (1000, "PT1S"), (90_500, "PT90.500S"), (0xFFFF_FFFD, "PT4294967.293S")]
    {
        let parts = parts(FixdlenData { maximum_run_time: limit, ..header() }, &[]);
        let image = image_of(&parts.job(), None).unwrap();
        let found = Image::parse(&image).unwrap().settings().execution_time_limit;
        assert_eq!(found.unwrap().to_string(), text);
        let again = file_of(&image, &Job::default()).unwrap();
        assert_eq!(Job::parse(&again).unwrap().fixdlen_data.maximum_run_time, limit);
    }
}

/// No file makes the mapping panic, and what it makes of one is a fixed point.
#[test]
fn any_file_is_a_task_or_is_refused() {
    let mut sound = everything();
    sound.header.priority = Priority(Priority::HIGH);
    sound.texts[4] = None;
    let bytes = super::written(&sound.job());
    let (mut taken, mut refused) = (0, 0);
    let mut check = |bytes: &[u8]| {
        let Ok(job) = Job::parse(bytes) else { return };
        match image_of(&job, None) {
            Ok(image) => {
                let file = file_of(&image, &job).unwrap();
                let again = Job::parse(&file).unwrap();
                assert_eq!(image_of(&again, None).unwrap(), image);
                assert_eq!(file_of(&image, &again).unwrap(), file);
                taken += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    };
    let good = [real(AT_TASK), real(GOOGLE_UPDATE), Some(bytes)];
    for bytes in good.into_iter().flatten() {
        check(&bytes);
        let mut flipped = bytes.clone();
        for bit in 0..8 * bytes.len() {
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(&flipped);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
    }
    let mut chance = Chance::new(7);
    for _ in 0..20_000 {
        let mut trigger = once();
        trigger.trigger_type = chance.below(9) as u32;
        trigger.trigger_specific =
            core::array::from_fn(|_| chance.draw() as u16 & [1, 7, 0x7F, 0xFFFF][chance.below(4) as usize]);
        trigger.flags = TriggerFlags(chance.draw() as u32);
        (trigger.end_year, trigger.end_month, trigger.end_day) =
            (2030, chance.below(14) as u16, chance.below(33) as u16);
        (trigger.minutes_interval, trigger.minutes_duration) = (chance.below(4) as u32, chance.below(9) as u32);
        let header = FixdlenData {
            flags: Flags(chance.draw() as u32),
            priority: Priority(0x20 << chance.below(5)),
            maximum_run_time: chance.draw() as u32,
            idle_wait: chance.draw() as u16,
            idle_deadline: chance.draw() as u16,
            error_retry_count: chance.below(3) as u16,
            error_retry_interval: chance.below(3) as u16,
            ..FixdlenData::default()
        };
        check(&super::written_small(&parts(header, &[trigger]).job()));
    }
    println!("{taken} files are tasks, {refused} are not");
    assert!(taken > 2000 && refused > 2000);
}

/// A definition with values drawn from those that a .JOB file can say, and now and then one that it cannot.
#[test]
fn any_definition_survives_where_it_can_be_said() {
    let mut chance = Chance::new(11);
    let (mut said, mut unsaid) = (0, 0);
    for _ in 0..20_000 {
        let chance = &mut chance;
        let rare = |chance: &mut Chance| chance.below(60) == 0;
        let minutes = |chance: &mut Chance, most: u64| Span::from_seconds(60 * (1 + chance.below(most)));
        let text = |chance: &mut Chance| [None, Some(""), Some("x y"), Some("名前\n🦀")][chance.below(4) as usize];
        let starts = [
            "2020-02-29T00:00:00",
            "1601-01-01T00:01:00",
            "9999-12-31T23:59:00",
            "2020-01-01T00:00:01",
            "2020-01-01T00:00:00Z",
        ];
        let mut drawn = Vec::new();
        for _ in 0..chance.below(4) {
            let days = Weekdays(1 + chance.below(127) as u8);
            let months = Months(1 + chance.below(0xFFF) as u16);
            let calendar = |schedule| TriggerKind::Calendar { random_delay: None, schedule };
            let kind = match chance.below(8) {
                0 => TriggerKind::Time { random_delay: rare(chance).then(|| minutes(chance, 3)) },
                1 => calendar(Schedule::Day { interval: 1 + chance.below(365) as u16 }),
                2 => calendar(Schedule::Week { interval: 1 + chance.below(52) as u8, days }),
                3 => {
                    let last = if rare(chance) { 1 << 31 } else { 0 };
                    calendar(Schedule::Month { days: Days((1 + chance.below(0x7FFF_FFFF) as u32) | last), months })
                }
                4 => {
                    let weeks = Weeks(if rare(chance) { 3 } else { 1 << chance.below(5) });
                    calendar(Schedule::MonthDayOfWeek { weeks, days, months })
                }
                5 => TriggerKind::Idle,
                6 => TriggerKind::Logon { user: None, delay: None },
                _ => TriggerKind::Boot { delay: None },
            };
            let is_timed = matches!(kind, TriggerKind::Time { .. } | TriggerKind::Calendar { .. });
            let start = if rare(chance) { 3 + chance.below(2) } else { chance.below(3) };
            let start = Boundary::parse(starts[start as usize]).filter(|_| is_timed || chance.below(2) == 0);
            let end = (chance.below(3) == 0)
                .then(|| if rare(chance) { "2030-06-30T12:00:00" } else { "2030-06-30T23:59:59" });
            let interval = minutes(chance, 44_640);
            let beyond = minutes(chance, 44_640);
            let repetition = (chance.below(2) == 0).then(|| Repetition {
                interval,
                duration: (!rare(chance)).then(|| Span::from_seconds(interval.seconds + beyond.seconds)),
                stop_at_duration_end: chance.below(2) == 0,
            });
            drawn.push(Trigger {
                id: rare(chance).then_some("id"),
                enabled: chance.below(2) == 0,
                start,
                end: end.and_then(Boundary::parse),
                execution_time_limit: rare(chance).then(|| minutes(chance, 9)),
                repetition,
                kind,
            });
        }
        let logons = [LogonType::Password, LogonType::InteractiveToken, LogonType::InteractiveTokenOrPassword];
        let principal = Principal {
            id: Some("Author"),
            user: Sid::parse(USER),
            group: None,
            display_name: rare(chance).then_some("d"),
            logon_type: Some(if rare(chance) { LogonType::S4u } else { logons[chance.below(3) as usize] }),
            run_level: rare(chance).then_some(RunLevel::HighestAvailable),
            ..Principal::default()
        };
        let flag = |chance: &mut Chance| chance.below(2) == 0;
        let exec = Exec {
            command: "c d",
            arguments: text(chance),
            working_directory: flag(chance).then_some("w"),
            opaque: None,
        };
        let limits =
            [None, Some(Span::from_seconds(259_200)), Span::parse("PT90.500S"), Some(Span::from_seconds(4_294_968))];
        let idle = |chance: &mut Chance, usual: u64| {
            // What it is without being said is read as not said.
            flag(chance).then(|| minutes(chance, 0xFFFF)).filter(|idle| idle.seconds != 60 * usual)
        };
        let definition = Definition {
            version: Some("1.1"),
            registration: RegistrationInfo {
                author: text(chance),
                description: text(chance),
                source: rare(chance).then_some("s"),
                ..RegistrationInfo::default()
            },
            principals: &[principal],
            settings: Settings {
                enabled: flag(chance),
                hidden: flag(chance),
                allow_start_on_demand: !rare(chance),
                execution_time_limit: limits[if rare(chance) { 3 } else { chance.below(3) as usize }],
                priority: if rare(chance) { 5 } else { [0, 1, 7, 10][chance.below(4) as usize] },
                ..Settings::default()
            },
            conditions: Conditions {
                disallow_start_if_on_batteries: flag(chance),
                stop_if_going_on_batteries: flag(chance),
                run_only_if_idle: flag(chance),
                wake_to_run: flag(chance),
                idle: Idle {
                    duration: idle(chance, 10),
                    wait_timeout: idle(chance, 60),
                    stop_on_idle_end: flag(chance),
                    restart_on_idle: flag(chance),
                },
                restart_on_failure: flag(chance).then(|| RestartOnFailure {
                    count: 1 + chance.below(255) as u8,
                    interval: minutes(chance, 44_640),
                }),
                delete_expired_task_after: flag(chance).then_some(Span::from_seconds(0)),
                volatile: rare(chance),
                ..Conditions::default()
            },
            data: None,
            triggers: &drawn,
            context: Some("Author"),
            actions: &[Action::Exec { id: None, exec }],
        };
        let mut buffer = [0; 4096];
        let image = Image::encode(&definition, &mut buffer).unwrap();
        match file_of(image.bytes(), &Job::default()) {
            Ok(file) => {
                said += 1;
                let job = Job::parse(&file).unwrap();
                assert_eq!(image_of(&job, Sid::parse(USER)).unwrap(), image.bytes());
            }
            Err(_) => unsaid += 1,
        }
    }
    println!("{said} definitions survive, {unsaid} cannot be said");
    assert!(said > 5000 && unsaid > 3000);
}
