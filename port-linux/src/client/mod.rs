//! The client `mainspring`: its verbs, what they print, and its exit codes.
//!
//! # JSON
//!
//! With `--json`, `show` prints one object and `list` one array of them, ordered by path. These keys are always there:
//!
//! | key | value |
//! | --- | --- |
//! | `path` | the full path |
//! | `state` | `"unknown"`, `"disabled"`, `"queued"`, `"ready"` or `"running"` |
//! | `enabled` | `true` or `false` |
//! | `last_run` | start of the last run, or `null` if there was none |
//! | `last_result` | its result as a number, or `null`; 267009 (0x41301) while it runs |
//! | `next_run` | start of the next run on a schedule, or `null` if there is none |
//!
//! Times are local times of the server, as `2026-07-01T02:30:00`. `show` adds the key `missed_runs`: how many were missed since
//! the last that went well, which Windows says is always 0; and the key `kept`: the names of the elements that are
//! in the definition and that no client or server but Windows' own understands, or `null` if the definition cannot be read.
//! `show --xml` adds the key `xml`. `register` and
//! `delete` print an object with `path`; `run` one with `path` and `instance`; `security` one with `path` and `security`, the
//! descriptor in SDDL.
//!
//! The protocol has no method that gives the next run alone: the client asks for the first run after its own local time,
//! as Windows does, so `next_run` is right where client and server have the same zone.

mod files;
mod history;
mod image;
mod plain;
mod runs;
mod security;
mod session;
mod words;

use std::{
    fs::{self, Permissions},
    io::{self, IsTerminal as _, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};
use mainspring::{
    auth::Credentials,
    guid::Guid,
    rpc::{Fault, Interface},
    status::Status,
    task::Image,
    time::filetime::SystemTime,
    tsch::{
        self,
        client::{
            Creation, Delete, EnumFolders, EnumTasks, GetLastRunInfo, GetNumberOfMissedRuns, GetTaskInfo, LogonType,
            RegisterTask, RetrieveTask, Run, ScheduledRuntimes,
        },
    },
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    clock::now,
    definition::{self, Known},
    export::Part,
    zone::{LocalZone, ZoneError},
};
use plain::{line, one_line};
pub use session::{CallError, Session};

/// The variable that holds the password.
const PASSWORD: &str = "MAINSPRING_PASSWORD";

/// Folders below one another that `list` follows.
const DEPTH: usize = 64;

/// Manages the tasks of a Mainspring or Windows server.
///
/// The password is taken from MAINSPRING_PASSWORD, or asked for. Exit codes: 0 done, 1 refused by the server, or a file that is
/// not valid, 2 usage, or a file that cannot be read, 3 cannot reach or log in.
#[derive(Debug, Parser)]
#[command(name = "mainspring", version)]
pub struct Arguments {
    /// Where the server listens
    #[arg(long, value_name = "ADDR:PORT")]
    server: Option<String>,
    /// Who logs in
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The domain or host that knows the user
    #[arg(long, value_name = "D", default_value = "")]
    domain: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Ask(Request),
    /// Make a flash image for a microcontroller, or look at one; needs no server
    #[command(subcommand)]
    Image(image::Verb),
    /// Say of each definition what is wrong with it, or what the task does; needs no server
    Validate(files::Validate),
    /// Write a definition in another form; needs no server
    Convert(files::Convert),
    /// Say when a task runs next, or would have run; of a disabled task too, which is said then
    Runs(runs::Runs),
    /// Say what became of a task's runs, and why some did not happen
    History(history::History),
    /// Say who may do what with a task or a folder, or set it
    Security(security::Security),
}

/// What a server is asked.
#[derive(Debug, Subcommand)]
enum Request {
    /// Register a task
    Register {
        /// Path of the task; folders on the way are made
        path: String,
        /// Its definition, in UTF-8 or UTF-16
        file: PathBuf,
        /// Replace the task if it exists
        #[arg(long)]
        update: bool,
        #[command(flatten)]
        strict: files::Strict,
    },
    /// List the tasks of a folder and of the folders below it
    List {
        /// The folder
        #[arg(default_value = "\\")]
        folder: String,
    },
    /// Show a task
    Show {
        /// Path of the task
        path: String,
        /// Its definition
        #[arg(long)]
        xml: bool,
    },
    /// Run a task now and print the instance
    Run {
        /// Whatever its conditions say, such as an idle machine
        #[arg(long)]
        ignore_conditions: bool,
        /// Path of the task
        path: String,
        /// What becomes $(Arg0) onwards
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<String>,
    },
    /// Delete a task or an empty folder
    Delete {
        /// Path of the task or folder
        path: String,
    },
}

/// Why a verb was not done.
#[derive(Debug)]
enum Failure {
    /// The server refused it, exit code 1.
    Refused {
        status: Status,
        /// What else is known of why.
        detail: Option<String>,
    },
    /// A file is not what it should be, exit code 1.
    File(String),
    /// It cannot be asked, exit code 2.
    Usage(String),
    /// The server cannot be reached, or does not let the user in: exit code 3.
    Unreachable(String),
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::File(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { status, detail } => {
                let name = status.name().unwrap_or("UNKNOWN");
                let meaning = status.meaning().unwrap_or("the server gave a code that this client does not know");
                write!(f, "0x{:08X} {name}: {meaning}", status.0)?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, " {detail}"))
            }
            Self::File(reason) | Self::Usage(reason) | Self::Unreachable(reason) => f.write_str(reason),
        }
    }
}

impl From<ZoneError> for Failure {
    fn from(error: ZoneError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            // Win32 codes come as they are, codes of DCE in a range of their own.
            CallError::Fault(Fault(code)) => {
                let status = u16::try_from(code).map_or(Status(code), Status::from_win32);
                Self::Refused { status, detail: None }
            }
            CallError::TooLong(_) => Self::Usage(error.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// Does what the command line says; the exit code.
#[must_use]
pub fn run(arguments: &Arguments) -> u8 {
    match carry_out(arguments) {
        Ok((text, code)) => {
            // Whoever reads may have read enough.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            code
        }
        Err(failure) => {
            eprintln!("{}", one_line(&failure.to_string()));
            failure.code()
        }
    }
}

/// The text to print, and the exit code.
fn carry_out(arguments: &Arguments) -> Result<(String, u8), Failure> {
    let done = |text| (text, 0);
    match &arguments.verb {
        Verb::Ask(request) => ask(arguments, request).map(done),
        Verb::Image(verb) => image::carry_out(verb, arguments.json).map(done),
        Verb::Validate(what) => Ok(files::validate(what, arguments.json)),
        Verb::Convert(what) => files::convert(what).map(done),
        Verb::Runs(what) => runs::carry_out(arguments, what).map(done),
        Verb::History(what) => history::carry_out(arguments, what).map(done),
        Verb::Security(what) => security::carry_out(arguments, what).map(done),
    }
}

/// Writes a file; one that was there stays as it was until the new one is whole, which has its permissions then.
fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Without the bits that the umask takes, as any file that is made.
    let mut new = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    if let Ok(before) = fs::metadata(file) {
        new.as_file().set_permissions(before.permissions())?;
    }
    new.write_all(bytes)?;
    new.persist(file)?;
    Ok(())
}

/// Logs in, and does something with the session.
fn with_session<R>(
    arguments: &Arguments,
    work: impl FnOnce(&mut Session<'_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    with_session_of(arguments, &tsch::INTERFACE, work)
}

/// The same, with another interface than ITaskSchedulerService.
fn with_session_of<R>(
    arguments: &Arguments,
    interface: &Interface,
    work: impl FnOnce(&mut Session<'_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let needed =
        |given: &Option<String>, what| given.clone().ok_or_else(|| Failure::Usage(format!("{what} is needed")));
    let (server, user) = (needed(&arguments.server, "--server ADDR:PORT")?, needed(&arguments.user, "--user NAME")?);
    let password = password(&user)?;
    let credentials = Credentials::new(&user, &arguments.domain, &password);
    let unreachable = |error: CallError| Failure::Unreachable(format!("{server}: {error}"));
    work(&mut Session::open(&server, interface, credentials).map_err(unreachable)?)
}

fn ask(arguments: &Arguments, request: &Request) -> Result<String, Failure> {
    let json = arguments.json;
    // Files are read first: a name that is wrong should cost no login.
    let definition = match request {
        Request::Register { file, strict, .. } => Some(files::text(file, *strict)?),
        _ => None,
    };
    with_session(arguments, |session| answer(session, request, definition.as_ref(), json))
}

/// What the server says to a request.
fn answer(
    session: &mut Session<'_>,
    request: &Request,
    definition: Option<&Part>,
    json: bool,
) -> Result<String, Failure> {
    match request {
        Request::Register { path, update, .. } => {
            let definition = definition.ok_or_else(|| Failure::Usage("a definition is needed".to_owned()))?;
            let path = register(session, path, definition, *update)?;
            Ok(if json { line(&json!({ "path": path })) } else { one_line(&path) + "\n" })
        }
        Request::List { folder } => {
            let mut tasks = Vec::new();
            list(session, folder, DEPTH, &mut tasks)?;
            tasks.sort_by(|left, right| left.path.cmp(&right.path));
            Ok(if json { line(&tasks.iter().map(Task::json).collect()) } else { table(&tasks) })
        }
        Request::Show { path, xml: true } if !json => {
            let xml = retrieve(session, path)?;
            // What is not read by somebody is kept as it is.
            Ok(if io::stdout().is_terminal() { plain::shown(&xml) } else { xml })
        }
        Request::Show { path, xml } => {
            let task = Task::ask(session, path)?;
            let definition = retrieve(session, path)?;
            let kept = kept(&definition);
            let answer = session.call(&GetNumberOfMissedRuns { path })?;
            checked(answer.status)?;
            if !json {
                let missed = format!("missed runs  {}\n", answer.missed);
                return Ok(task.text() + &missed + &kept_line(kept.as_deref()));
            }
            let mut object = task.json();
            if let Some(object) = object.as_object_mut() {
                object.insert("missed_runs".into(), answer.missed.into());
                object.insert("kept".into(), kept.into());
                if *xml {
                    object.insert("xml".into(), definition.into());
                }
            }
            Ok(line(&object))
        }
        Request::Run { path, arguments, ignore_conditions } => {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let request = Run { path, arguments: &words, ignore_constraints: *ignore_conditions };
            let answer = session.call(&request)?;
            checked(answer.status)?;
            // A run that the task's policy or a condition did not let start is no failure to the server, which names no
            // instance then.
            if answer.instance == Guid::NIL {
                let detail = Some("(or a condition of the task is not met: --ignore-conditions)".to_owned());
                return Err(Failure::Refused { status: Status::SCHED_E_ALREADY_RUNNING, detail });
            }
            let instance = answer.instance.to_string();
            Ok(if json { line(&json!({ "path": rooted(path), "instance": instance })) } else { instance + "\n" })
        }
        Request::Delete { path } => {
            checked(session.call(&Delete { path })?)?;
            Ok(if json { line(&json!({ "path": rooted(path) })) } else { String::new() })
        }
    }
}

fn password(user: &str) -> Result<Zeroizing<String>, Failure> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(Zeroizing::new(password));
    }
    rpassword::prompt_password(format!("Password of {user}: "))
        .map(Zeroizing::new)
        .map_err(|error| Failure::Usage(format!("no password: set {PASSWORD}, or ask on a terminal ({error})")))
}

/// Registers a task; the path it got.
///
/// # Errors
/// The server's refusal, with the place in the definition if it names one.
fn register(session: &mut Session<'_>, path: &str, definition: &Part, update: bool) -> Result<String, Failure> {
    let answer = session.call(&RegisterTask {
        path: Some(path),
        xml: &definition.text,
        creation: if update { Creation::CreateOrUpdate } else { Creation::Create },
        disable: false,
        sddl: None,
        logon_type: LogonType::None,
        credential: None,
    })?;
    if answer.status.is_failure() {
        let detail = answer.error.map(|error| {
            let (line, column) = definition.place(error.line, error.column);
            format!("({line},{column}):{}:{}", text(error.node), text(error.value))
        });
        return Err(Failure::Refused { status: answer.status, detail });
    }
    Ok(answer.path.map_or_else(|| rooted(path), text))
}

fn retrieve(session: &mut Session<'_>, path: &str) -> Result<String, Failure> {
    let answer = session.call(&RetrieveTask { path })?;
    checked(answer.status)?;
    // What is printed is UTF-8, whatever the declaration says of the bytes on the wire.
    let xml = answer.xml.map(text).unwrap_or_default().replacen("encoding=\"UTF-16\"", "encoding=\"UTF-8\"", 1);
    Ok(xml.replace("\r\n", "\n") + "\n")
}

/// The elements of a definition that are kept and given back, and that nothing here understands: by name, each once.
fn kept(definition: &str) -> Option<Vec<String>> {
    let (bytes, _) = definition::image_of(definition, &Known::default()).ok()?;
    Some(words::kept(&Image::parse(&bytes).ok()?))
}

/// What is said of them, which is nothing if there are none.
fn kept_line(kept: Option<&[String]>) -> String {
    match kept {
        None => "kept         a definition that this client cannot read\n".into(),
        Some([]) => String::new(),
        Some(names) => {
            format!("kept         {}: not understood, and nothing is done about it\n", one_line(&names.join(", ")))
        }
    }
}

/// One task, as it is shown.
#[derive(Debug)]
struct Task {
    path: String,
    state: u32,
    enabled: bool,
    last: Option<(SystemTime, Status)>,
    next: Option<SystemTime>,
}

impl Task {
    fn ask(session: &mut Session<'_>, path: &str) -> Result<Self, Failure> {
        let info = session.call(&GetTaskInfo { path, state: true })?;
        checked(info.status)?;
        let last = session.call(&GetLastRunInfo { path })?;
        // A task that has not run gives a success code without a time.
        checked(last.status)?;
        let last = (!last.at.is_zero()).then_some((last.at, last.result));
        let start = local_time()?;
        let runs = session.call(&ScheduledRuntimes { path, start, end: None, requested: 1 })?;
        // Neither having no more runs nor having no schedule is a failure.
        checked(runs.status)?;
        let next = runs.runtimes.clone().next();
        Ok(Self { path: rooted(path), state: info.state, enabled: info.enabled, last, next })
    }

    /// TASK_STATE, [MS-TSCH] 2.3.13.
    const fn state(&self) -> &'static str {
        match self.state {
            1 => "disabled",
            2 => "queued",
            3 => "ready",
            4 => "running",
            _ => "unknown",
        }
    }

    fn json(&self) -> Value {
        json!({
            "path": self.path,
            "state": self.state(),
            "enabled": self.enabled,
            "last_run": self.last.map(|(at, _)| printed(at)),
            "last_result": self.last.map(|(_, result)| result.0),
            "next_run": self.next.map(printed),
        })
    }

    /// The columns of `list`.
    fn columns(&self) -> [String; 5] {
        let never = || "-".to_owned();
        [
            one_line(&self.path),
            self.state().into(),
            self.next.map_or_else(never, printed),
            self.last.map_or_else(never, |(at, _)| printed(at)),
            self.last.map_or_else(never, |(_, result)| result.to_string()),
        ]
    }

    fn text(&self) -> String {
        let [path, state, next, last, result] = self.columns();
        format!(
            "path         {path}\nstate        {state}\nenabled      {}\nlast run     {last}\nlast result  {result}\nnext run     \
             {next}\n",
            if self.enabled { "yes" } else { "no" },
        )
    }
}

/// Adds the tasks of `folder` and of those below it, down to `depth`.
fn list(session: &mut Session<'_>, folder: &str, depth: usize, into: &mut Vec<Task>) -> Result<(), Failure> {
    let folder = rooted(folder);
    for name in names(session, |session, start| {
        let answer = session.call(&EnumTasks { path: &folder, hidden: true, start, requested: 0 })?;
        Ok((answer.names.map(text).collect(), answer.next, answer.status))
    })? {
        match Task::ask(session, &joined(&folder, &name)) {
            Ok(task) => into.push(task),
            // It was deleted since the folder was read.
            Err(Failure::Refused { status: Status::E_FILE_NOT_FOUND, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    if depth == 0 {
        return Ok(());
    }
    for name in names(session, |session, start| {
        let answer = session.call(&EnumFolders { path: &folder, start, requested: 0 })?;
        Ok((answer.names.map(text).collect(), answer.next, answer.status))
    })? {
        list(session, &joined(&folder, &name), depth - 1, into)?;
    }
    Ok(())
}

/// All names of an enumeration, of which the server gives as many at a time as fit.
fn names(
    session: &mut Session<'_>,
    mut ask: impl FnMut(&mut Session<'_>, u32) -> Result<(Vec<String>, u32, Status), CallError>,
) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    let mut start = 0;
    loop {
        let (some, next, status) = ask(session, start)?;
        checked(status)?;
        let done = status != Status::S_FALSE || some.is_empty() || next <= start;
        all.extend(some);
        if done {
            return Ok(all);
        }
        start = next;
    }
}

fn checked(status: Status) -> Result<(), Failure> {
    if status.is_failure() { Err(Failure::Refused { status, detail: None }) } else { Ok(()) }
}

fn text(units: mainspring::text::Utf16<'_>) -> String {
    units.chars().map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A path as the server gives it: with a backslash in front.
fn rooted(path: &str) -> String {
    if path.starts_with('\\') { path.to_owned() } else { format!("\\{path}") }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.ends_with('\\') { format!("{folder}{name}") } else { format!("{folder}\\{name}") }
}

fn printed(time: SystemTime) -> String {
    let SystemTime { year, month, day, hour, minute, second, .. } = time;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// What the clock on the wall shows here.
fn local_time() -> Result<Option<SystemTime>, ZoneError> {
    let zone = LocalZone::of_machine()?;
    let shown = now().wall.and_then(|now| zone.zone().civil_at(now));
    Ok(shown.and_then(|(civil, milliseconds)| SystemTime::from_civil(civil, milliseconds)))
}

/// The tasks in columns, under their titles.
fn table(tasks: &[Task]) -> String {
    let titles = ["PATH", "STATE", "NEXT RUN", "LAST RUN", "LAST RESULT"].map(String::from);
    let rows: Vec<[String; 5]> = std::iter::once(titles).chain(tasks.iter().map(Task::columns)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}
