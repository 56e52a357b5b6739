//! Real files, if `MAINSPRING_SHARED` says where they are.

use std::{fs, path::PathBuf};

use super::written;
use mainspring::{
    guid::Guid,
    task::job::{Job, JobTrigger, JobTriggerKind, Priority, TaskReserved1},
    time::filetime::SystemTime,
};

/// A real file, or nothing if there is none.
pub(super) fn real(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("MAINSPRING_SHARED").map(PathBuf::from) else {
        println!("skipped: MAINSPRING_SHARED does not say where real .JOB files are");
        return None;
    };
    Some(fs::read(folder.join("jobs").join(name)).unwrap())
}

pub(super) const AT_TASK: &str = "dissect-AtTask-472.job";
pub(super) const GOOGLE_UPDATE: &str = "plaso-wintask-GoogleUpdate.job";

fn texts(job: &Job<'_>) -> [Option<String>; 5] {
    [job.application_name, job.parameters, job.working_directory, job.author, job.comment]
        .map(|text| text.map(|text| text.chars().collect::<Result<_, _>>().unwrap()))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_file_of_windows_xp_is_read_and_written_to_the_byte() {
    let Some(bytes) = real(AT_TASK) else { return };
    let job = Job::parse(&bytes).unwrap();
    let header = job.fixdlen_data;
    assert_eq!(header.product_version, 0x0501);
    assert_eq!(header.job_uuid, Guid::parse("92528912-0afb-48d0-a97e-fd9bad9e90df").unwrap());
    assert_eq!((header.error_retry_count, header.error_retry_interval), (0, 0));
    assert_eq!((header.idle_deadline, header.idle_wait), (60, 15));
    assert_eq!((header.priority.class(), header.maximum_run_time), (Priority::NORMAL, 72 * 3_600_000));
    assert_eq!((header.exit_code, header.status, header.flags.0), (0, 0x41300, 0x2180_30F2));
    let last_run =
        SystemTime { year: 2023, month: 5, weekday: 0, day: 21, hour: 10, minute: 44, second: 25, milliseconds: 794 };
    assert_eq!(header.last_run, last_run);
    assert_eq!(job.running_instance_count, 0);
    assert_eq!(
        texts(&job),
        [
            some("C:\\WINDOWS\\NOTEPAD.EXE"),
            None,
            some("C:\\Documents and Settings\\John"),
            some("user1"),
            some("At job task for testing purposes"),
        ]
    );
    assert_eq!((job.user_data, job.task_reserved1()), (&[][..], Some(TaskReserved1::default())));
    let triggers = job.triggers.iter().collect::<Vec<_>>();
    let kinds = triggers.iter().map(|trigger| trigger.kind().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        kinds,
        [
            JobTriggerKind::Daily { days_interval: 3 },
            JobTriggerKind::MonthlyDow { which_week: 2, days_of_the_week: 8, months: 0x120 },
            JobTriggerKind::Weekly { weeks_interval: 1, days_of_the_week: 0x2A },
            JobTriggerKind::MonthlyDate { days: 1 << 14, months: 0x2F4 },
        ]
    );
    // Windows XP numbers them in a word that nobody is to read.
    assert_eq!(triggers.iter().map(|trigger| trigger.reserved1).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!((triggers[0].minutes_duration, triggers[0].minutes_interval, triggers[0].flags.0), (795, 12, 3));
    assert_eq!((triggers[3].end_year, triggers[3].end_month, triggers[3].end_day), (2023, 5, 29));
    assert!(job.signature.is_empty());
    assert_eq!(written(&job), bytes);
}

#[test]
fn a_file_of_windows_7_is_read_and_written_to_the_byte() {
    let Some(bytes) = real(GOOGLE_UPDATE) else { return };
    let job = Job::parse(&bytes).unwrap();
    assert_eq!((job.fixdlen_data.product_version, job.fixdlen_data.maximum_run_time), (0x0601, u32::MAX - 1));
    let [application, parameters, directory, author, comment] = texts(&job);
    assert_eq!(application, some("C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe"));
    assert_eq!(parameters, some("/ua /installsource scheduler"));
    assert_eq!((directory, author), (None, some("Brian")));
    assert!(comment.unwrap().starts_with("Keeps your Google software up to date."));
    let expected = JobTrigger {
        trigger_size: 0x30,
        begin_year: 2013,
        begin_month: 7,
        begin_day: 12,
        start_hour: 15,
        start_minute: 42,
        minutes_duration: 24 * 60,
        minutes_interval: 60,
        trigger_type: 1,
        trigger_specific: [1, 0, 0],
        ..JobTrigger::default()
    };
    assert_eq!(job.triggers.iter().collect::<Vec<_>>(), [expected]);
    assert_eq!(written(&job), bytes);
}

#[test]
fn no_damage_to_real_files_makes_reading_panic() {
    for name in [AT_TASK, GOOGLE_UPDATE] {
        let Some(bytes) = real(name) else { return };
        super::file::damaged(&bytes);
    }
}
