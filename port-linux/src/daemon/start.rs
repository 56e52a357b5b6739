//! Whether the machine has started since the last server: the kernel gives each of its starts an identifier.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the kernel says which start this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// This start of the machine, and the one that the last server saw.
#[derive(Debug)]
pub(super) struct MachineStart {
    file: PathBuf,
    seen: Option<String>,
    current: Option<String>,
}

impl MachineStart {
    /// Reads both; the one that was seen is kept in `file`.
    pub(super) fn read(file: PathBuf) -> Self {
        let of = |path: &Path| fs::read_to_string(path).ok().map(|id| id.trim().to_owned());
        Self { seen: of(&file), current: of(Path::new(BOOT_ID)), file }
    }

    /// Whether they differ. Where the kernel does not say, every server is taken for the first of its machine.
    pub(super) fn is_new(&self) -> bool {
        self.current.is_none() || self.seen != self.current
    }

    /// Notes this one as seen, once everything is done that a new one asks for.
    pub(super) fn note(&self) -> io::Result<()> {
        match &self.current {
            Some(current) if self.is_new() => fs::write(&self.file, current),
            _ => Ok(()),
        }
    }
}
