//! .JOB files, [MS-TSCH] 2.4.

mod at;
mod file;
mod model;
mod real;
mod unsayable;

use mainspring::task::job::Job;

/// The bytes of a file.
fn written(job: &Job<'_>) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 22];
    job.write(&mut buffer).unwrap().to_vec()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// As [`written`], for many small files.
fn written_small(job: &Job<'_>) -> Vec<u8> {
    let mut buffer = [0; 4096];
    job.write(&mut buffer).unwrap().to_vec()
}
