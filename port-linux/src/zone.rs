//! The zone of local times: the variable `TZ`, or the file `/etc/localtime`, and noticing that it becomes another.
//!
//! `TZ` is read as the C library reads it: a name is a file of the zone database (in `TZDIR`, or
//! `/usr/share/zoneinfo`), an absolute path is that file, anything else is a POSIX rule; empty means UTC. What is none of
//! these is an error, where the C library takes UTC without a word. The kernel tells of changes in the folders that matter (`/etc`, and where the file really is), so a new zone and a new zone
//! database count at once.

use std::{
    io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use mainspring::time::{
    tail::Tail,
    tzif,
    zone::{Transition, Zone},
};
use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use tokio::io::unix::AsyncFd;

use crate::readable::readable;

/// The file of the machine's zone.
const LOCALTIME: &str = "/etc/localtime";

/// Transitions there is room for; the zone database needs 256.
const TRANSITIONS: usize = 1024;

/// The most bytes of a zone file that are read; the largest of the database has 4 KB.
const SIZE_MAX: u64 = 1 << 20;

/// Where the zone comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Rule(Tail),
    Utc,
}

/// What tells one state of a file from another without reading it.
type Stamp = (u64, u64, u64, i64, i64);

/// The zone, kept up to date.
#[derive(Debug)]
pub struct LocalZone {
    source: Source,
    /// The file that was read.
    stamp: Option<Stamp>,
    initial: i32,
    tail: Option<Tail>,
    transitions: Vec<Transition>,
}

/// Why there is no such zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoneError {
    /// Neither a file of the zone database nor a rule.
    Unknown(String),
    /// A file that cannot be read, or that is no zone file.
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl std::fmt::Display for ZoneError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "{name}: no zone of that name, and no rule such as CET-1CEST,M3.5.0,M10.5.0/3")
            }
            Self::File { path, reason } => write!(f, "{}: no zone can be read from it: {reason}", path.display()),
        }
    }
}

impl std::error::Error for ZoneError {}

impl LocalZone {
    /// The zone of this machine, as the environment and the file system have it now. Without `TZ` and `/etc/localtime` that is
    /// UTC.
    ///
    /// # Errors
    /// [`ZoneError`] if `TZ` means nothing, or the file is none of a zone.
    pub fn of_machine() -> Result<Self, ZoneError> {
        match Self::of_variable() {
            Some(zone) => zone,
            None if Path::new(LOCALTIME).symlink_metadata().is_err() => Self::read(Source::Utc),
            None => Self::read(Source::File(LOCALTIME.into())),
        }
    }

    /// As [`of_machine`](Self::of_machine), for a server: one whose `/etc/localtime` cannot be read goes on with UTC and warns
    /// of it, until it notices a file that it can read.
    ///
    /// # Errors
    /// [`ZoneError`] if `TZ` means nothing: whoever set it is there to set it right.
    pub fn of_server() -> Result<Self, ZoneError> {
        Self::of_variable().unwrap_or_else(|| Ok(Self::of_file(Path::new(LOCALTIME))))
    }

    /// The zone that `TZ` names, if it is set.
    fn of_variable() -> Option<Result<Self, ZoneError>> {
        let text = std::env::var_os("TZ")?;
        let unknown = || ZoneError::Unknown(format!("TZ={}", text.to_string_lossy()));
        let source = text.to_str().and_then(|text| source(text, &zones())).ok_or_else(unknown);
        Some(source.and_then(Self::read))
    }

    /// The zone of a name, such as `Europe/Paris`, or of a rule, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    ///
    /// # Errors
    /// [`ZoneError`] if it is neither.
    pub fn of_name(name: &str) -> Result<Self, ZoneError> {
        // To the variable no name is UTC; whoever asks for a zone means one.
        let source = source(name, &zones()).filter(|_| !matches!(name, "" | ":"));
        source.ok_or_else(|| ZoneError::Unknown(name.to_owned())).and_then(Self::read)
    }

    /// The zone in a file, whatever the environment says. As long as it cannot be read that is UTC, and warned of.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let mut zone = Self::new(Source::File(path.to_owned()));
        if let Err(error) = zone.read_again() {
            tracing::warn!("{error}; local time is UTC until it is mended");
        }
        zone
    }

    fn new(source: Source) -> Self {
        let tail = if let Source::Rule(tail) = &source { Some(*tail) } else { None };
        Self { source, stamp: None, initial: 0, tail, transitions: Vec::new() }
    }

    fn read(source: Source) -> Result<Self, ZoneError> {
        let mut zone = Self::new(source);
        zone.read_again()?;
        Ok(zone)
    }

    /// The zone for the core.
    #[must_use]
    pub fn zone(&self) -> Zone<'_> {
        Zone { initial: self.initial, transitions: &self.transitions, tail: self.tail }
    }

    /// Reads the file if it is another one than was read last; whether the zone is another now. A file that cannot be read
    /// leaves the zone as it is.
    pub fn reload(&mut self) -> bool {
        self.read_again().unwrap_or_else(|error| {
            tracing::warn!("{error}; the zone stays as it was");
            false
        })
    }

    fn read_again(&mut self) -> Result<bool, ZoneError> {
        let Source::File(path) = &self.source else { return Ok(false) };
        let fault = |reason: String| ZoneError::File { path: path.clone(), reason };
        let metadata = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?;
        let stamp = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        if self.stamp == Some(stamp) {
            return Ok(false);
        }
        self.stamp = Some(stamp);
        if !metadata.is_file() || metadata.size() > SIZE_MAX {
            return Err(fault("no file, or too large".to_owned()));
        }
        let mut transitions = vec![Transition::default(); TRANSITIONS];
        let file = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let read = tzif::read(&file, &mut transitions).map_err(|error| fault(error.to_string()))?;
        let (initial, tail, count) = (read.initial, read.tail, read.transitions.len());
        transitions.truncate(count);
        transitions.shrink_to_fit();
        if (initial, tail) == (self.initial, self.tail) && transitions == self.transitions {
            return Ok(false);
        }
        (self.initial, self.tail, self.transitions) = (initial, tail, transitions);
        Ok(true)
    }

    /// The folders in which a change may mean another zone.
    fn folders(&self) -> Vec<PathBuf> {
        let Source::File(path) = &self.source else { return Vec::new() };
        let real = path.canonicalize().ok();
        let parents = [path.parent(), real.as_deref().and_then(Path::parent)];
        parents.into_iter().flatten().map(Path::to_owned).collect()
    }
}

/// Where the zones are.
fn zones() -> PathBuf {
    std::env::var_os("TZDIR").map_or_else(|| PathBuf::from("/usr/share/zoneinfo"), PathBuf::from)
}

/// What a value of `TZ` means, if anything.
fn source(text: &str, zones: &Path) -> Option<Source> {
    let name = text.strip_prefix(':').unwrap_or(text);
    if name.is_empty() {
        return Some(Source::Utc);
    }
    // Joining an absolute path gives that path.
    let file = zones.join(name);
    if file.is_file() {
        return Some(Source::File(file));
    }
    match Tail::parse(text.as_bytes()) {
        Ok(rule) => Some(Source::Rule(rule)),
        // There may be no database.
        Err(_) => (name == "UTC").then_some(Source::Utc),
    }
}

/// Notices that the zone may be another.
#[derive(Debug)]
pub struct ZoneWatch {
    handle: AsyncFd<OwnedFd>,
}

impl ZoneWatch {
    /// Begins to watch. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the kernel gives no more watches.
    pub fn new(zone: &LocalZone) -> io::Result<Self> {
        let watch = Self { handle: readable(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?)? };
        watch.follow(zone);
        Ok(watch)
    }

    /// Watches the folders that matter now; after a zone has become another, they may be others.
    pub fn follow(&self, zone: &LocalZone) {
        let changes = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
        for folder in zone.folders() {
            if let Err(error) = inotify::add_watch(self.handle.get_ref(), &folder, changes) {
                tracing::warn!(folder = %folder.display(), %error, "changes of the zone cannot be watched for");
            }
        }
    }

    /// Waits until something changed; then ask [`LocalZone::reload`].
    ///
    /// # Errors
    /// What the kernel said.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.handle.readable().await?;
            let mut buffer = [MaybeUninit::uninit(); 1024];
            match rustix::io::read(self.handle.get_ref(), &mut buffer) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
