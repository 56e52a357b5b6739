//! The data folder: private to its owner, and held by one server at a time.
//!
//! | name | what |
//! | --- | --- |
//! | `accounts`, `accounts.lock` | [accounts](crate::accounts), and what is locked while they are changed |
//! | `failures` | how many logins have failed lately, as the server that runs tells it |
//! | `key` | the key of the [secrets](crate::secrets) that are kept in the records, where systemd gives none |
//! | `lock` | what the server that holds the folder has locked |
//! | `records` | the [store](crate::store) |
//! | `running/` | a note for each [child](crate::children) that runs |

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

/// Bits of the mode that let somebody other than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why the data folder cannot be used.
#[derive(Debug)]
pub enum FolderError {
    /// Another server holds it.
    Held {
        /// The folder.
        folder: PathBuf,
    },
    /// Somebody other than its owner may write it.
    Writable {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// User id of its owner.
        owner: u32,
    },
    /// It could not be made or opened.
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held { folder } => write!(f, "data folder is held by another server: {}", folder.display()),
            Self::Writable { folder, mode } => {
                write!(f, "data folder may be written by others (mode {mode:04o}, expected 0700): {}", folder.display())
            }
            Self::Foreign { folder, owner } => {
                write!(f, "data folder belongs to another user (id {owner}): {}", folder.display())
            }
            Self::Io { folder, error } => write!(f, "data folder cannot be used: {}: {error}", folder.display()),
        }
    }
}

impl std::error::Error for FolderError {}

/// A data folder that is safe to keep secrets in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    directory: File,
    held: Option<File>,
}

impl Folder {
    /// Opens the folder at `path`, made with mode 0700 if it does not exist.
    ///
    /// # Errors
    /// [`FolderError`] if it cannot be made or opened, belongs to another user, or may be written by others.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io { folder: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let directory = File::open(path).map_err(failed)?;
        // What was opened is judged, not what the path names by now.
        let metadata = directory.metadata().map_err(failed)?;
        if !metadata.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(FolderError::Foreign { folder: path.to_owned(), owner: metadata.uid() });
        }
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(FolderError::Writable { folder: path.to_owned(), mode: metadata.mode() & 0o7777 });
        }
        Ok(Self { path: path.to_owned(), directory, held: None })
    }

    /// Holds the folder until this value is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// [`FolderError::Held`] if another server does.
    pub fn hold(&mut self) -> Result<(), FolderError> {
        let failed = |error| FolderError::Io { folder: self.path.clone(), error };
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.file("lock"))
            .map_err(failed)?;
        // A lock of the process, not of the open file: children inherit open files until they run their program, and one
        // that is just being started when the server is killed would keep the folder for itself.
        match rustix::fs::fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.held = Some(lock);
                Ok(())
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                Err(FolderError::Held { folder: self.path.clone() })
            }
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the names in the folder durable: files that were made in it, or renamed.
    ///
    /// # Errors
    /// What the system said.
    pub fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }
}
