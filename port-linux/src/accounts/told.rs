//! What a server that runs tells of failed logins, in the file `failures` of the data folder: for each account with some, its
//! number, how many there were and how many seconds before the file was written the last one was.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::Duration,
};

use mainspring::time::Monotonic;

use super::{AccountFile, SIZE_MAX, failures::WINDOW};

impl AccountFile {
    /// Whether the counts are others since this was last asked, and are to be told.
    pub fn failures_changed(&mut self) -> bool {
        self.failures.take_changed()
    }

    /// Tells the counts as they are now. They are not made durable: a server that starts anew has none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn tell_failures(&self, now: Monotonic) -> io::Result<()> {
        let mut text = String::new();
        for (number, account) in &self.contents.accounts {
            let (count, last) = self.failures.of_name(&account.name, now);
            if count > 0 {
                text.push_str(&format!("{number} {count} {}\n", now.since(last) / 1000));
            }
        }
        let unfinished = self.path.with_file_name("failures.new");
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        new.write_all(text.as_bytes())?;
        fs::rename(unfinished, self.told())
    }

    /// Tells no counts: no server runs.
    pub fn untell_failures(&self) {
        // Without a file there is nothing to be done about it.
        let _ = fs::remove_file(self.told());
    }

    /// The counts that a server has told and that are not too old by now, by number of the account.
    pub(super) fn told_failures(&self) -> HashMap<u32, u32> {
        self.read_told().unwrap_or_default()
    }

    fn read_told(&self) -> io::Result<HashMap<u32, u32>> {
        let file = fs::File::open(self.told())?;
        let since = file.metadata()?.modified()?.elapsed().unwrap_or_default();
        let mut text = String::new();
        file.take(SIZE_MAX).read_to_string(&mut text)?;
        let counts = text.lines().filter_map(|line| {
            let mut parts = line.split(' ');
            let (number, count) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let age = since.checked_add(Duration::from_secs(parts.next()?.parse().ok()?))?;
            (age < Duration::from_millis(WINDOW)).then_some((number, count))
        });
        Ok(counts.collect())
    }

    fn told(&self) -> PathBuf {
        self.path.with_file_name("failures")
    }
}
