//! The zone of local times: the variable `TZ`, or the file `/etc/localtime`, and noticing that it becomes another.
//!
//! `TZ` is read as the C library reads it: a name is a file of the zone database (in `TZDIR`, or
//! `/usr/share/zoneinfo`), an absolute path is that file, anything else is a POSIX rule; empty means UTC. The kernel
//! tells of changes in the folders that matter (`/etc`, and where the file really is), so a new zone and a new zone
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

impl LocalZone {
    /// The zone of this machine, as the environment and the file system have it now.
    #[must_use]
    pub fn of_machine() -> Self {
        let source = match std::env::var("TZ") {
            Err(_) => Source::File("/etc/localtime".into()),
            Ok(text) => source(&text, &zones()),
        };
        Self::from_source(source)
    }

    /// The zone of a name, such as `Europe/Paris`, or of a rule, such as `CET-1CEST,M3.5.0,M10.5.0/3`; `None` if it is neither.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match source(name, &zones()) {
            Source::Utc if name != "UTC" => None,
            source => Some(Self::from_source(source)),
        }
    }

    /// The zone in a file, whatever the environment says.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self::from_source(Source::File(path.to_owned()))
    }

    fn from_source(source: Source) -> Self {
        let tail = if let Source::Rule(tail) = &source { Some(*tail) } else { None };
        let mut zone = Self { source, stamp: None, initial: 0, tail, transitions: Vec::new() };
        if matches!(zone.source, Source::File(_)) && !zone.reload() {
            tracing::warn!(source = ?zone.source, "no zone can be read, local time is UTC");
        }
        zone
    }

    /// The zone for the core.
    #[must_use]
    pub fn zone(&self) -> Zone<'_> {
        Zone { initial: self.initial, transitions: &self.transitions, tail: self.tail }
    }

    /// Reads the file if it is another one than was read last; whether the zone is another now. A file that cannot be read
    /// leaves the zone as it is.
    pub fn reload(&mut self) -> bool {
        let Source::File(path) = &self.source else { return false };
        let Ok(metadata) = std::fs::metadata(path) else { return false };
        let stamp = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        if self.stamp == Some(stamp) {
            return false;
        }
        self.stamp = Some(stamp);
        if metadata.size() > SIZE_MAX {
            tracing::warn!(file = %path.display(), "zone file is too large, the zone stays as it was");
            return false;
        }
        let mut transitions = vec![Transition::default(); TRANSITIONS];
        let read = std::fs::read(path).map_err(|error| error.to_string()).and_then(|file| {
            match tzif::read(&file, &mut transitions) {
                Ok(zone) => Ok((zone.initial, zone.tail, zone.transitions.len())),
                Err(error) => Err(error.to_string()),
            }
        });
        let (initial, tail, count) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(file = %path.display(), error, "zone cannot be read, it stays as it was");
                return false;
            }
        };
        transitions.truncate(count);
        transitions.shrink_to_fit();
        if (initial, tail) == (self.initial, self.tail) && transitions == self.transitions {
            return false;
        }
        (self.initial, self.tail, self.transitions) = (initial, tail, transitions);
        true
    }

    /// The folders in which a change may mean another zone.
    fn folders(&self) -> Vec<PathBuf> {
        let Source::File(path) = &self.source else { return Vec::new() };
        let real = path.canonicalize().ok();
        let parents = [path.parent(), real.as_deref().and_then(Path::parent)];
        parents.into_iter().flatten().map(Path::to_owned).collect()
    }
}

/// What a value of `TZ` means.
/// Where the zones are.
fn zones() -> PathBuf {
    std::env::var_os("TZDIR").map_or_else(|| PathBuf::from("/usr/share/zoneinfo"), PathBuf::from)
}

fn source(text: &str, zones: &Path) -> Source {
    let name = text.strip_prefix(':').unwrap_or(text);
    if name.is_empty() {
        return Source::Utc;
    }
    // Joining an absolute path gives that path.
    let file = zones.join(name);
    if file.is_file() {
        return Source::File(file);
    }
    Tail::parse(text.as_bytes()).map_or(Source::Utc, Source::Rule)
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
