//! AT jobs as definitions, and back.

use super::super::xml;
use mainspring::{
    sid::Sid,
    status::Status,
    task::{
        Image, LogonType, TriggerKind,
        job::{AtFlags, AtJob, AtJobError},
    },
    time::civil::DateTime,
};
use mainspring_tests::disk::Chance;

const HOUR: u32 = 3_600_000;

fn image_of(job: &AtJob<'_>, now: DateTime) -> Result<Vec<u8>, AtJobError> {
    let mut into = [0; 4096];
    job.image(Sid::LOCAL_SYSTEM, now, &mut into).map(|image| image.bytes().to_vec())
}

/// A Saturday at noon.
fn noon() -> DateTime {
    DateTime::new(2026, 11, 28, 12, 0, 0).unwrap()
}

fn job(days_of_month: u32, days_of_week: u8, flags: u8) -> AtJob<'static> {
    AtJob { job_time: 8 * HOUR, days_of_month, days_of_week, flags: AtFlags(flags), command: "c:\\1.bat" }
}

fn starts(image: &[u8]) -> Vec<String> {
    Image::parse(image).unwrap().triggers().map(|trigger| trigger.start.unwrap().to_string()).collect()
}

/// As Windows 7 keeps the job `at 8:00 c:\1.bat`, but for the name that its account has there.
#[test]
fn a_job_is_a_task_as_windows_makes_it() {
    let now = DateTime::new(2015, 10, 8, 21, 0, 0).unwrap();
    let image = image_of(&job(0, 0, 0), now).unwrap();
    let xml = xml::written(&image, "\\At1").replace("\r\n", "\n");
    for part in [
        "<Task version=\"1.0\" ",
        "  <Triggers>\n    <TimeTrigger>\n      <StartBoundary>2015-10-09T08:00:00</StartBoundary>\n    </TimeTrigger>\n  </Triggers>",
        "    <Principal id=\"Author\">\n      <UserId>S-1-5-18</UserId>\n      <LogonType>InteractiveTokenOrPassword</LogonType>\n      \
         <RunLevel>HighestAvailable</RunLevel>\n    </Principal>",
        "  <Actions Context=\"Author\">\n    <Exec>\n      <Command>c:\\1.bat</Command>\n    </Exec>\n  </Actions>",
    ] {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
}

#[test]
fn a_job_that_is_not_periodic_runs_once_on_the_next_of_each_day() {
    // 08:00 of today is over, so the 28th is that of December. The next 31st is in December too.
    let days = 1 << 27 | 1 << 28 | 1 << 30;
    let expected = ["2026-11-29T08:00:00", "2026-12-28T08:00:00", "2026-12-31T08:00:00"];
    assert_eq!(starts(&image_of(&job(days, 0, 0), noon()).unwrap()), expected);
    // Monday is the lowest bit, and the next one is the 30th. A day that is asked for twice is one.
    assert_eq!(starts(&image_of(&job(0, 1, 0), noon()).unwrap()), ["2026-11-30T08:00:00"]);
    assert_eq!(starts(&image_of(&job(1 << 29, 1, 0), noon()).unwrap()), ["2026-11-30T08:00:00"]);
    assert_eq!(starts(&image_of(&job(0, 0x40, 0), noon()).unwrap()), ["2026-11-29T08:00:00"]);
    // The next 30th after one in January is in March.
    let january = DateTime::new(2026, 1, 30, 9, 0, 0).unwrap();
    assert_eq!(starts(&image_of(&job(1 << 29, 0, 0), january).unwrap()), ["2026-03-30T08:00:00"]);
    // Before the JobTime it is today, also by the flag.
    let morning = DateTime { hour: 7, ..noon() };
    assert_eq!(starts(&image_of(&job(0, 0, 0), morning).unwrap()), ["2026-11-28T08:00:00"]);
    let today = job(0, 0, AtFlags::ADD_CURRENT_DATE);
    assert_eq!(starts(&image_of(&today, morning).unwrap()), ["2026-11-28T08:00:00"]);
    assert_eq!(starts(&image_of(&today, noon()).unwrap()), ["2026-12-28T08:00:00"]);
}

#[test]
fn a_periodic_job_has_a_calendar() {
    let image = image_of(&job(1 | 1 << 30, 0x41, AtFlags::RUN_PERIODICALLY | AtFlags::NONINTERACTIVE), noon()).unwrap();
    let view = Image::parse(&image).unwrap();
    assert!(view.triggers().all(|trigger| matches!(trigger.kind, TriggerKind::Calendar { .. })));
    assert_eq!(view.principals().next().unwrap().logon_type, Some(LogonType::Password));
    let xml = xml::written(&image, "\\At1");
    for part in ["<Day>1</Day>", "<Day>31</Day>", "<Monday />", "<Sunday />"] {
        assert_eq!(xml.matches(part).count(), 1, "{part}\n{xml}");
    }
}

#[test]
fn what_is_no_job_is_refused() {
    assert_eq!(image_of(&AtJob { job_time: 24 * HOUR, ..job(0, 0, 0) }, noon()), Err(AtJobError::JobTime(24 * HOUR)));
    assert!(image_of(&AtJob { job_time: 24 * HOUR - 1, ..job(0, 0, 0) }, noon()).is_ok());
    for command in ["", "  ", "\"\"", "\"a", "a\0", &"a".repeat(261)] {
        let refused = image_of(&AtJob { command, ..job(0, 0, 0) }, noon());
        assert_eq!(refused, Err(AtJobError::Command), "{command:?}");
    }
    assert_eq!(AtJobError::Command.status(), Status::E_INVALIDARG);
}

#[test]
fn any_job_survives() {
    let mut chance = Chance::new(5);
    let commands = ["a", "a b", "\"c d\" e  f", "\"c d\"", "cmd /c \"echo \u{1F980}\""];
    let mut same = 0;
    for _ in 0..20_000 {
        let now = DateTime::from_seconds(chance.below(4_000_000_000) as i64).unwrap();
        let sparse = |chance: &mut Chance| chance.draw() & chance.draw();
        let drawn = AtJob {
            job_time: chance.below(u64::from(24 * HOUR)) as u32,
            days_of_month: (sparse(&mut chance) as u32) * (chance.below(2) as u32),
            days_of_week: (sparse(&mut chance) as u8) * (chance.below(2) as u8),
            flags: AtFlags(chance.draw() as u8),
            command: commands[chance.below(5) as usize],
        };
        let image = image_of(&drawn, now).unwrap();
        let view = Image::parse(&image).unwrap();
        let mut line = [0; 64];
        let again = AtJob::of(&view, now, &mut line).unwrap();
        assert_eq!(again.job_time, drawn.job_time);
        assert_eq!(again.command, drawn.command);
        assert_eq!(again.flags.0 & AtFlags::NONINTERACTIVE, drawn.flags.0 & AtFlags::NONINTERACTIVE);
        // Dates of single runs come back as days of the month: the runs are the same.
        assert_eq!(image_of(&again, now).unwrap(), image);
        same += u32::from((again.days_of_month, again.days_of_week) == (drawn.days_of_month, drawn.days_of_week));
    }
    println!("{same} of 20000 jobs have the same days");
    assert!(same > 5000);
}
