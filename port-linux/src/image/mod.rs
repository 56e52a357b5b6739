//! Flash images: the store of a microcontroller, made and looked at on the host, for devices that are shipped with their
//! tasks.
//!
//! An image is made by the store and the engine that the device has, over a flash in memory. The same definitions in the
//! same order give the same bytes. An image that came from a device can be looked at; it is never changed.
//!
//! What is not known on the host stays open: a trigger on registration does not fire on the device, because the image does
//! not say when the task was registered.

mod part;

use std::fmt;

use bytemuck::allocation::zeroed_slice_box;
use mainspring::{
    engine::{Context, Creation, Engine, Entry, Loaded, Memory, Refused, Registration, TaskIndex},
    limits::SECURITY_DESCRIPTOR,
    ports::{Entropy, NoEntropy, NoSessions, Store, StoreError},
    security::{
        Descriptor,
        sddl::{self, SddlError},
    },
    sid::Sid,
    status::Status,
    task::{
        LogonType, Path, PathError,
        xml::{self, Registrant, XmlError},
    },
    time::{Monotonic, Now, zone::Zone},
    tsch,
};
use mainspring_embassy::flash::{Blocking, FlashStore, MountError, Mounted, Space};
use part::Part;

use crate::definition::Nobody;

/// Pages that an image has at most, and items.
const PAGES: usize = 4096;
const KEYS: usize = 4096;
/// Tasks and folders of an image at most, which items do not reach.
const TASKS: usize = KEYS;
/// Bytes of the longest record, which is more than any device lends.
const RECORD: usize = 64 * 1024;

/// The sizes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes that are erased at once: a power of two from 256 to 16,384, or 65,536.
    pub page: usize,
    /// Bytes that are programmed at once: 1, 4 or 8. The store takes words of 2, 16 and 32 bytes too; parts that have them and may
    /// be programmed again are rare, and each size is code of its own here.
    pub word: usize,
}

/// Why an image cannot be made or read.
#[derive(Debug)]
pub enum ImageError {
    /// No device has such sizes, or the store has no form for them.
    Geometry,
    /// The flash holds no store, or one that is damaged.
    Mount(MountError<embedded_storage::nor_flash::NorFlashErrorKind>),
    /// The flash holds a store whose records are of another version, or damaged.
    Load(StoreError),
    /// A definition is wrong.
    Definition(Box<XmlError>),
    /// A definition asks for what no device can keep: a password.
    Password,
    /// A definition has a security descriptor that is none.
    Security(SddlError),
    /// The path of a task is none.
    Path(PathError),
    /// The engine refused a task.
    Refused(Refused),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = |f: &mut fmt::Formatter<'_>, status: Status| {
            write!(f, "0x{:08X} {}", status.0, status.name().unwrap_or("UNKNOWN"))
        };
        match self {
            Self::Geometry => f.write_str(
                "no such flash: pages have 256, 512, 1024, 2048, 4096, 8192, 16384 or 65536 bytes, and there are 5 to 4096; words have 1, 4 or 8 bytes",
            ),
            Self::Mount(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Definition(error) => {
                status(f, error.status)?;
                write!(f, " ({},{}):{}:{}", error.line, error.column, error.node, error.value)
            }
            Self::Password => status(f, Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION),
            Self::Security(error) => write!(f, "SecurityDescriptor: {error}"),
            Self::Path(error) => error.fmt(f),
            Self::Refused(refused) => {
                status(f, refused.status())?;
                write!(f, ": {refused}")
            }
        }
    }
}

impl std::error::Error for ImageError {}

impl From<Refused> for ImageError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A task of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path.
    pub path: String,
    /// Whether it may be started.
    pub enabled: bool,
    /// Whether its definition can be read.
    pub readable: bool,
}

/// What an image holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// What the engine found.
    pub loaded: Loaded,
    /// How full it is.
    pub space: Space,
    /// There is nothing in it, not even a store without tasks.
    pub blank: bool,
    /// What was written last is not whole: the power was cut then, or it was damaged since.
    pub torn: bool,
    /// Its tasks, by path.
    pub tasks: Vec<Listed>,
}

/// A definition, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The XML.
    pub xml: &'s str,
    /// The name of the task, if the definition has no URI.
    pub name: &'s str,
}

/// Makes an image of so many pages that holds these tasks. What goes wrong is told with the number of the definition.
///
/// # Errors
/// [`ImageError`], and which of the definitions it is about.
pub fn build(
    geometry: Geometry,
    pages: usize,
    sources: &[Source<'_>],
) -> Result<(Vec<u8>, Space), (Option<usize>, ImageError)> {
    let size = geometry.page.checked_mul(pages).filter(|_| (5..=PAGES).contains(&pages));
    let blank = vec![0xFF; size.ok_or((None, ImageError::Geometry))?];
    let mut at = None;
    let mut write = |store: &mut dyn Store| {
        with_engine(store, |engine, cx, _| {
            for (number, source) in sources.iter().enumerate() {
                at = Some(number);
                register(engine, cx, source)?;
            }
            at = None;
            Ok(())
        })
    };
    let made = with_store(geometry, blank, &mut write);
    made.map(|Used { bytes, space, .. }| (bytes, space)).map_err(|error| (at, error))
}

/// Says what an image holds.
///
/// # Errors
/// [`ImageError`] if it holds no store, or a damaged one.
pub fn read(geometry: Geometry, bytes: Vec<u8>) -> Result<Held, ImageError> {
    let (mut loaded, mut tasks) = (Loaded::default(), Vec::new());
    let Used { space, found, .. } = with_store(geometry, bytes, &mut |store| {
        with_engine(store, |engine, cx, found| {
            loaded = found;
            list(engine, cx, Entry::Root, "", &mut tasks)
        })
    })?;
    tasks.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(Held { loaded, space, blank: found.new, torn: found.torn, tasks })
}

/// Nothing that is random is kept in an image, so that it can be made again.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        into.fill(0);
        Ok(())
    }
}

/// Lends an engine that has read the store.
fn with_engine(
    store: &mut dyn Store,
    work: impl FnOnce(&mut Engine<'_>, &mut Context<'_>, Loaded) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let mut tasks = zeroed_slice_box(TASKS);
    let mut index = zeroed_slice_box(2 * TASKS);
    let mut queue = zeroed_slice_box(3 * TASKS);
    let mut instances = zeroed_slice_box(TASKS);
    let mut record = zeroed_slice_box(RECORD);
    let mut engine = Engine::new(Memory {
        tasks: &mut tasks,
        index: &mut index,
        queue: &mut queue,
        instances: &mut instances,
        record: &mut record,
        // What a device has kept is left alone.
        credentials: &mut [],
        history: u32::MAX,
    });
    let zone = Zone::UTC;
    let now = Now { monotonic: Monotonic(0), wall: None };
    let mut cx = Context { now, zone: &zone, store, entropy: &mut Zeros, sessions: &NoSessions };
    let loaded = engine.load(&mut cx).map_err(ImageError::Load)?;
    work(&mut engine, &mut cx, loaded)
}

fn register(engine: &mut Engine<'_>, cx: &mut Context<'_>, source: &Source<'_>) -> Result<TaskIndex, ImageError> {
    let mut room = vec![0; RECORD];
    let mut registrant = Registrant {
        resolve: &mut |name| tsch::resolve(name, &mut Nobody),
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    let image = xml::read_str(source.xml, &mut registrant, &mut room)
        .map_err(|error| ImageError::Definition(Box::new(error)))?;
    let needs_password = |logon| matches!(logon, Some(LogonType::Password | LogonType::InteractiveTokenOrPassword));
    if image.principals().any(|principal| needs_password(principal.logon_type)) {
        return Err(ImageError::Password);
    }
    let uri = image.registration().uri.map(Path::parse).transpose().map_err(ImageError::Path)?;
    let path = match uri {
        Some(path) if !path.is_root() => path,
        _ => Path::parse(&format!("\\{}", source.name)).map_err(ImageError::Path)?,
    };
    let (mut given, mut composed) = (vec![0; SECURITY_DESCRIPTOR], vec![0; 4 * SECURITY_DESCRIPTOR]);
    let security = match image.registration().security_descriptor {
        None => None,
        Some(text) => {
            let length = sddl::read(text, None, &mut given).map_err(ImageError::Security)?;
            let given = given.get(..length).and_then(|bytes| Descriptor::parse(bytes).ok());
            let given = given.ok_or(ImageError::Refused(Refused::Damaged))?;
            Some(engine.compose(cx, &path, &given, &Sid::LOCAL_SYSTEM, false, &mut composed)?)
        }
    };
    let registration = Registration {
        creation: Creation::Create,
        image,
        security,
        folders: None,
        principal_reads: true,
        disable: false,
        fire_registration_triggers: true,
        registrant: Sid::LOCAL_SYSTEM,
    };
    Ok(engine.register(cx, &path, &registration)?)
}

/// Adds the tasks of a folder and of those below it.
fn list(
    engine: &mut Engine<'_>,
    cx: &mut Context<'_>,
    folder: Entry,
    path: &str,
    into: &mut Vec<Listed>,
) -> Result<(), ImageError> {
    let (mut tasks, mut folders) = (Vec::new(), Vec::new());
    let keep = |names: &mut Vec<String>, name: &str| {
        names.push(format!("{path}\\{name}"));
        true
    };
    engine.tasks(cx, folder, None, true, 0, &mut |name| keep(&mut tasks, name))?;
    engine.folders(cx, folder, None, 0, &mut |name| keep(&mut folders, name))?;
    for path in tasks {
        let Some(Entry::Task(task)) = Path::parse(&path).ok().and_then(|path| engine.find(&path)) else { continue };
        let readable = engine.definition(cx, task).is_ok();
        into.push(Listed { path, enabled: engine.enabled(task), readable });
    }
    for path in folders {
        if let Some(entry) = Path::parse(&path).ok().and_then(|path| engine.find(&path)) {
            list(engine, cx, entry, &path, into)?;
        }
    }
    Ok(())
}

/// What is done with a store.
type Work<'w> = &'w mut dyn FnMut(&mut dyn Store) -> Result<(), ImageError>;

/// A flash that was mounted and worked on.
struct Used {
    bytes: Vec<u8>,
    space: Space,
    found: Mounted,
}

/// Mounts the store in a flash, and gives the flash back. Its sizes are constants to the store: there is one for each.
fn with_store(geometry: Geometry, bytes: Vec<u8>, work: Work<'_>) -> Result<Used, ImageError> {
    let with_pages = match geometry.page {
        256 => with_pages::<256>,
        512 => with_pages::<512>,
        1024 => with_pages::<1024>,
        2048 => with_pages::<2048>,
        4096 => with_pages::<4096>,
        8192 => with_pages::<8192>,
        16384 => with_pages::<16384>,
        65536 => with_pages::<65536>,
        _ => return Err(ImageError::Geometry),
    };
    with_pages(geometry.word, bytes, work)
}

fn with_pages<const PAGE: usize>(word: usize, bytes: Vec<u8>, work: Work<'_>) -> Result<Used, ImageError> {
    match word {
        1 => with_words::<PAGE, 1>(bytes, work),
        4 => with_words::<PAGE, 4>(bytes, work),
        8 => with_words::<PAGE, 8>(bytes, work),
        _ => Err(ImageError::Geometry),
    }
}

fn with_words<const PAGE: usize, const WORD: usize>(bytes: Vec<u8>, work: Work<'_>) -> Result<Used, ImageError> {
    let size = u32::try_from(bytes.len()).map_err(|_| ImageError::Geometry)?;
    let mut record = vec![0; RECORD];
    let part = Blocking(Part::<PAGE, WORD>(bytes));
    let mut store = FlashStore::<_, PAGES, KEYS>::mount(part, 0..size, &mut record).map_err(ImageError::Mount)?;
    work(&mut store)?;
    let (space, found) = (store.space(), store.mounted());
    let part = store.release().ok_or(ImageError::Geometry)?;
    Ok(Used { bytes: part.0.0, space, found })
}
