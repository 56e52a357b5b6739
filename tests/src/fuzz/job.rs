//! .JOB files.

use mainspring::task::job::Job;

/// A file that is read must be written to the byte; a task that it is must survive the file that it makes.
pub fn job(bytes: &[u8]) {
    let Ok(job) = Job::parse(bytes) else { return };
    let mut buffer = vec![0; bytes.len()];
    assert_eq!(job.write(&mut buffer).expect("there is room"), bytes);
    let (mut text, mut into) = (vec![0; 2 * bytes.len() + 64], vec![0; 2 * bytes.len() + 4096]);
    let Ok(image) = job.image(None, &mut text, &mut into) else { return };
    let mut buffer = vec![0; bytes.len() + 64];
    let file = match job.write_image(&image, &mut buffer) {
        Ok(file) => file,
        Err(error) => panic!("a task of a .JOB file is none: {error}"),
    };
    let again = Job::parse(file).expect("it was just written");
    let mut into = vec![0; 2 * bytes.len() + 4096];
    assert_eq!(again.image(None, &mut text, &mut into).expect("it was one before"), image);
}
