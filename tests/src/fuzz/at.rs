//! AT jobs.

use mainspring::{
    bytes::Reader,
    sid::Sid,
    task::job::{AtFlags, AtJob},
    time::civil::DateTime,
};

/// The fields of a job and the seconds that it is, then its command line. A job that is a task must come back as one that runs
/// at the same moments.
pub fn at(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let (Ok(job_time), Ok(days_of_month), Ok(days_of_week)) = (reader.u32(), reader.u32(), reader.u8()) else { return };
    let (Ok(flags), Ok(seconds)) = (reader.u8(), reader.u32()) else { return };
    let (Ok(command), Some(now)) = (std::str::from_utf8(reader.rest()), DateTime::from_seconds(seconds.into())) else {
        return;
    };
    let job = AtJob { job_time, days_of_month, days_of_week, flags: AtFlags(flags), command };
    let mut into = vec![0; bytes.len() + 2048];
    let Ok(image) = job.image(Sid::LOCAL_SYSTEM, now, &mut into) else { return };
    let mut line = vec![0; bytes.len() + 8];
    match AtJob::of(&image, now, &mut line) {
        Ok(again) => {
            let mut into = vec![0; bytes.len() + 2048];
            assert_eq!(again.image(Sid::LOCAL_SYSTEM, now, &mut into), Ok(image));
        }
        Err(error) => panic!("a task of an AT job is none: {error}"),
    }
}
