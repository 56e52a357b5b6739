//! The verbs of definitions in files, which need no server.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use mainspring::{
    guid::Guid,
    limits::XML_UNITS,
    ports::Entropy as _,
    sid::Sid,
    status::Status,
    task::{
        self, Image,
        job::{Job, LeftOut, left_out},
        xml::{self, Called, Names as _, XmlError, lowest_version},
    },
};
use serde_json::{Value, json};

use super::{
    Failure,
    plain::{line, one_line},
    words,
};
use crate::{
    definition::{self, Declarations, Known, Strangers, Unread},
    entropy::Kernel,
    export::{self, Part},
};

/// The most bytes of a .JOB file, or of the image of one: its lengths have 16 bits.
const JOB: usize = 1 << 20;
/// The most bytes of a file of the form at rest.
const CBOR: u64 = 1 << 22;
/// What `--as-version` calls the lowest version that expresses the task.
const LOWEST: &str = "lowest";

/// What a definition is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Xml,
    Job,
    Cbor,
}

impl Form {
    /// As the name of a file says.
    fn of(file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "xml" => Ok(Self::Xml),
            "job" => Ok(Self::Job),
            "cbor" => Ok(Self::Cbor),
            _ => Err(unusable(file, &"its name ends in none of .xml, .job and .cbor")),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Definitions: .job, .cbor, and else XML in UTF-8 or UTF-16, which may be an export of many tasks
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    strict: Strict,
}

#[derive(Debug, Args)]
pub(super) struct Convert {
    /// What is read: .xml, .job, or .cbor for the form at rest
    input: PathBuf,
    /// What is written: .xml in normalised form and UTF-16, .job, or .cbor. A definition without URI gets the name of this file
    output: PathBuf,
    /// Write XML for clients that know no more than this version of the schema: 1.2 to 1.6, or `lowest` for the lowest that
    /// expresses the task
    #[arg(long, value_name = "VERSION")]
    as_version: Option<String>,
    /// The SID of an account that XML names: .cbor has no names. For .job, which names nobody, whom the task runs as
    #[arg(long = "account", value_name = "NAME=SID", value_parser = account)]
    accounts: Vec<(String, Sid)>,
    /// The SID of whoever registers XML that names nobody: .cbor says who that is. For .job, whom the task runs as
    #[arg(long, value_name = "SID", value_parser = sid)]
    registrant: Option<Sid>,
    #[command(flatten)]
    strict: Strict,
}

fn sid(text: &str) -> Result<Sid, String> {
    Sid::parse(text).ok_or_else(|| format!("{text} is no SID"))
}

fn account(text: &str) -> Result<(String, Sid), String> {
    let (name, number) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or("NAME=SID is needed")?;
    Ok((name.to_owned(), sid(number)?))
}

/// How much of Windows' own strictness there is.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Strict {
    /// Refuse a declaration that names another encoding than the file has, as Windows does
    #[arg(long)]
    strict: bool,
}

impl Strict {
    /// As little as there is.
    pub(super) const NONE: Self = Self { strict: false };

    pub(super) const fn declarations(self) -> Declarations {
        if self.strict { Declarations::Believed } else { Declarations::Ignored }
    }
}

/// What is wrong with a file, or with one of its tasks.
enum Wrong {
    /// There is no reading it.
    Unreadable(String),
    /// The XML has an error in a place.
    Xml(Box<XmlError>),
    /// Another form has one.
    Other(Status, String),
}

impl Wrong {
    /// What is put behind the name of the file.
    fn said(&self) -> String {
        match self {
            Self::Unreadable(reason) => format!(": {reason}"),
            Self::Xml(error) => format!(":{}", placed(error)),
            Self::Other(status, reason) => format!(": {}: {reason}", name(*status)),
        }
    }

    fn failure(&self, file: &Path) -> Failure {
        let said = format!("{}{}", file.display(), self.said());
        if matches!(self, Self::Unreadable(_)) { Failure::Usage(said) } else { Failure::File(said) }
    }

    /// What JSON has besides the file; `valid` is null for what could not be looked at.
    fn described(&self) -> Value {
        match self {
            Self::Unreadable(reason) => json!({ "valid": null, "meaning": reason }),
            Self::Xml(error) => json!({
                "valid": false,
                "line": error.line,
                "column": error.column,
                "node": error.node.as_str(),
                "value": error.value.as_str(),
                "code": error.status.0,
                "name": name(error.status),
                "meaning": error.status.meaning(),
            }),
            Self::Other(status, reason) => {
                json!({ "valid": false, "code": status.0, "name": name(*status), "meaning": reason })
            }
        }
    }
}

impl From<Unread> for Wrong {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::File(reason) => Self::Unreadable(reason),
            Unread::TooLong(reason) => Self::Other(Status::E_OUTOFMEMORY, reason),
            Unread::Definition(error) => Self::Xml(error),
        }
    }
}

impl From<Box<XmlError>> for Wrong {
    fn from(error: Box<XmlError>) -> Self {
        Self::Xml(error)
    }
}

/// What is said of a task of a file: what it does, or what is wrong.
type Judged = Result<String, Wrong>;

/// Which task of an export it is: its number, from 1, and its URI.
type Which = Option<(usize, Option<String>)>;

/// What is said of files, a line for each task, and the exit code: 1 if any task is invalid, else 2 if there is no reading one
/// of the files.
pub(super) fn validate(validate: &Validate, json: bool) -> (String, u8) {
    let (mut text, mut objects, mut is_invalid, mut is_unreadable) = (String::new(), Vec::new(), false, false);
    for file in &validate.files {
        for (which, judged) in judge(file, validate.strict) {
            let task = which.as_ref().map(|(number, uri)| {
                uri.as_ref().map_or_else(|| format!("task {number}"), |uri| format!("task {number} {uri}"))
            });
            let (said, mut object) = match judged {
                Ok(words) => {
                    let task = task.map_or_else(String::new, |task| format!(": {task}"));
                    (format!("{task}: {words}"), json!({ "valid": true, "words": words }))
                }
                Err(wrong) => {
                    is_unreadable |= matches!(wrong, Wrong::Unreadable(_));
                    is_invalid |= !matches!(wrong, Wrong::Unreadable(_));
                    let task = task.map_or_else(String::new, |task| format!(" ({task})"));
                    (wrong.said() + &task, wrong.described())
                }
            };
            if let Some(object) = object.as_object_mut() {
                object.insert("file".into(), file.display().to_string().into());
                if let Some((number, uri)) = which {
                    object.insert("task".into(), number.into());
                    object.insert("uri".into(), uri.into());
                }
            }
            let _ = writeln!(text, "{}", one_line(&format!("{}{said}", file.display())));
            objects.push(object);
        }
    }
    let code = if is_invalid { 1 } else { 2 * u8::from(is_unreadable) };
    (if json { line(&objects.into()) } else { text }, code)
}

/// Judges each task of a file.
fn judge(file: &Path, strict: Strict) -> Vec<(Which, Judged)> {
    let form = Form::of(file).unwrap_or(Form::Xml);
    if form != Form::Xml {
        let strangers = if form == Form::Job { Strangers::of_job() } else { Strangers::default() };
        let image = read_bare(file, form, None);
        return vec![(None, image.and_then(|bytes| in_words(&bytes, &strangers)))];
    }
    let text = match definition::read_as(file, strict.declarations()) {
        Ok(text) => text,
        Err(unread) => return vec![(None, Err(unread.into()))],
    };
    let told = |part: &Part| {
        let (bytes, strangers) = image_of(part, &Known::default())?;
        in_words(&bytes, &strangers)
    };
    let Some(parts) = export::tasks(&text) else { return vec![(None, told(&text.into()))] };
    let mut number = 0;
    let each = parts.into_iter().map(|part| match part {
        Ok(part) => {
            number += 1;
            let judged = told(&part);
            (Some((number, part.uri)), judged)
        }
        Err(error) => (None, Err(error.into())),
    });
    each.collect()
}

/// The image of a definition, and the accounts that only a server knows. What is wrong is told with its place in the file.
fn image_of(part: &Part, known: &Known) -> Result<(Vec<u8>, Strangers), Wrong> {
    definition::image_of(&part.text, known).map_err(|mut error| {
        let units = part.text.encode_utf16().count();
        if units > XML_UNITS {
            let reason = format!("a definition has at most {XML_UNITS} UTF-16 units, and this one has {units}");
            return Wrong::Other(error.status, reason);
        }
        part.put_in_place(&mut error);
        Wrong::Xml(error)
    })
}

fn in_words(bytes: &[u8], strangers: &Strangers) -> Judged {
    Ok(words::of(&parsed(bytes)?, strangers))
}

/// Reads one form and writes another, as the names of the files say.
///
/// # Errors
/// [`Failure::File`] for a definition that is invalid or that the other form cannot say, [`Failure::Usage`] for files that there
/// is no reading or writing.
pub(super) fn convert(convert: &Convert) -> Result<String, Failure> {
    let (from, to) = (Form::of(&convert.input)?, Form::of(&convert.output)?);
    if convert.as_version.is_some() && to != Form::Xml {
        return Err(unusable(&convert.output, &"--as-version is for .xml"));
    }
    let is_whose = convert.accounts.len() + usize::from(convert.registrant.is_some());
    if from == Form::Cbor && is_whose > 0 {
        return Err(unusable(&convert.input, &"--account and --registrant are for .xml and .job"));
    }
    if from == Form::Job && is_whose > 1 {
        return Err(unusable(&convert.input, &"a .job runs as one account: --account or --registrant is needed once"));
    }
    let mut notes = Vec::new();
    let written = converted(convert, from, to, &mut notes).map_err(|wrong| wrong.failure(&convert.input))?;
    super::put(&convert.output, &written).map_err(|error| unusable(&convert.output, &error))?;
    for note in notes {
        eprintln!("{}", one_line(&format!("{}: {note}", convert.output.display())));
    }
    Ok(String::new())
}

/// The bytes to write; what they do not say, or say without being told, is added to the notes.
fn converted(convert: &Convert, from: Form, to: Form, notes: &mut Vec<String>) -> Result<Vec<u8>, Wrong> {
    let Convert { input, output, as_version, accounts, registrant, strict } = convert;
    if (from, to) == (Form::Job, Form::Job) {
        // Its signature, its last run and what is behind it have no place in a definition.
        if !accounts.is_empty() || registrant.is_some() {
            notes.push(
                "a .job has no place for whom its task runs as: the accounts that were given are not in it".into(),
            );
        }
        read_bare(input, from, None)?;
        return Ok(definition::bytes_of(input, CBOR)?);
    }
    let (bytes, strangers) = match from {
        Form::Xml => {
            let known = Known { accounts: accounts.clone(), registrant: *registrant };
            image_of(&only(definition::read_as(input, strict.declarations())?)?, &known)?
        }
        _ => {
            let account = accounts.first().map(|(_, sid)| *sid).or(*registrant);
            if from == Form::Job && account.is_none() {
                let who = "a .job does not say whom its task runs as, and SYSTEM is assumed";
                notes.push(format!("{who}; --account NAME=SID says who it is"));
            }
            (read_bare(input, from, account)?, Strangers::default())
        }
    };
    let image = parsed(&bytes)?;
    if to != Form::Cbor && words::is_newer(&image) {
        notes.push("a trigger of a kind that is not known here is not kept".to_owned());
    }
    let other = |status: Status, error: &dyn std::fmt::Display| Wrong::Other(status, error.to_string());
    match to {
        Form::Xml => Ok(utf16(&normalised(&image, &strangers, output, as_version.as_deref(), notes)?)),
        Form::Job => {
            let mut random = [0; 16];
            Kernel.fill(&mut random).map_err(|error| Wrong::Unreadable(error.to_string()))?;
            let mut room = vec![0; JOB];
            let written = Job::new(Guid::from_random(random)).write_image(&image, &mut room);
            let written = written.map_err(|error| other(error.status(), &error))?.to_vec();
            notes.extend(left_out(&image).filter_map(|left_out| not_kept(&left_out, &strangers)));
            Ok(written)
        }
        Form::Cbor => match strangers.first(&image) {
            None => Ok(bytes),
            Some(Some(name)) => {
                let reason = "only its server knows that account, and the form at rest has SIDs and no names";
                Err(other(Status::E_NONE_MAPPED, &format_args!("{name}: {reason}; give --account {name}=SID")))
            }
            Some(None) => {
                let reason = "the definition names nobody, and the form at rest says who registers it";
                Err(other(Status::E_NONE_MAPPED, &format_args!("{reason}; give --registrant SID")))
            }
        },
    }
}

/// What is said of what a .job has no place for; nothing of whoever registers a definition that names nobody.
fn not_kept(left_out: &LeftOut<'_>, strangers: &Strangers) -> Option<String> {
    Some(match left_out {
        LeftOut::Date(date) => format!("RegistrationInfo/Date {date} is not kept: a .job has no place for it"),
        LeftOut::Uri(uri) => format!("RegistrationInfo/URI {uri} is not kept: a .job is called as its file is"),
        LeftOut::UserId(user) if matches!(strangers.called(user), Called::Nobody) => return None,
        LeftOut::UserId(user) => {
            format!("UserId {} is not kept: the server that takes a .job says whom it runs as", strangers.name(user))
        }
    })
}

/// Whether a name is that of a file with a definition, and not the path of a task.
pub(super) fn is_definition(name: &Path) -> bool {
    Form::of(name).is_ok() && name.is_file()
}

/// The image of the one definition in a file of any form.
///
/// # Errors
/// As for [`convert`].
pub(super) fn image(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = || match Form::of(file).unwrap_or(Form::Xml) {
        Form::Xml => {
            let part = only(definition::read_as(file, Declarations::Ignored)?)?;
            Ok(image_of(&part, &Known::default())?.0)
        }
        form => read_bare(file, form, None),
    };
    read().map_err(|wrong: Wrong| wrong.failure(file))
}

/// The text of a definition that a server or an image is to have.
///
/// # Errors
/// [`Failure::Usage`] for a file that there is no reading, [`Failure::File`] for one that is no text, a declaration that lies, and
/// an export that holds something else than one task.
pub(super) fn text(file: &Path, strict: Strict) -> Result<Part, Failure> {
    let text = definition::read_as(file, strict.declarations()).map_err(Wrong::from);
    text.and_then(only).map_err(|wrong| wrong.failure(file))
}

/// The one definition of a text.
fn only(text: String) -> Result<Part, Wrong> {
    definition::only(text).map_err(|wrong| {
        let many = || Wrong::Other(Status::SCHED_E_TOO_MANY_NODES, export::MANY.to_owned());
        wrong.map_or_else(many, Wrong::Xml)
    })
}

/// The image in a file that is not XML. A .JOB file runs as an account, or else as SYSTEM.
fn read_bare(file: &Path, form: Form, account: Option<Sid>) -> Result<Vec<u8>, Wrong> {
    if form == Form::Cbor {
        // A record of a store is packed, and is unpacked where it is.
        let mut bytes = definition::bytes_of(file, CBOR)?;
        let length = bytes.len();
        bytes.resize(length + CBOR as usize, 0);
        let image = Image::unpack(&mut bytes, length);
        let image = image.map_err(|error| Wrong::Other(Status::SCHED_E_INVALID_TASK_HASH, error.to_string()))?;
        allowed(&image)?;
        return Ok(image.bytes().to_vec());
    }
    let bytes = definition::bytes_of(file, CBOR)?;
    let job = Job::parse(&bytes).map_err(|error| Wrong::Other(error.status(), error.to_string()))?;
    let (mut text, mut room) = (vec![0; JOB], vec![0; JOB]);
    let image = job.image(account, &mut text, &mut room);
    Ok(image.map_err(|error| Wrong::Other(error.status(), error.to_string()))?.bytes().to_vec())
}

/// Whether a definition at rest is one that XML could have been read as: its layout says nothing of ranges, and of what does
/// not go together.
fn allowed(image: &Image<'_>) -> Result<(), Wrong> {
    let text = normalised(image, &Strangers::default(), Path::new("task"), None, &mut Vec::new())?;
    definition::image_of(&text, &Known::default()).map(drop).map_err(|error| {
        let XmlError { status, node, value, .. } = *error;
        Wrong::Other(status, format!("{node}: {value}: {}", status.meaning().unwrap_or_default()))
    })
}

fn unusable(file: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("{}: {reason}", file.display()))
}

fn parsed(bytes: &[u8]) -> Result<Image<'_>, Wrong> {
    Image::parse(bytes).map_err(|error| Wrong::Other(Status::SCHED_E_INVALID_TASK_HASH, error.to_string()))
}

/// The normalised form, with the names of accounts that only a server knows as they came, and without a user where nobody is
/// named. The path is the URI. Where there is none, or an empty one, or one that is no path, it is the name of the file that is
/// written: a server takes such a definition too, under the path that it is given with it.
fn normalised(
    image: &Image<'_>,
    strangers: &Strangers,
    output: &Path,
    version: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<String, Wrong> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let uri = image.registration().uri.filter(|uri| !uri.is_empty());
    let read = uri.map(|uri| (uri, task::Path::parse(uri)));
    let path = match read {
        Some((_, Ok(path))) if !path.is_root() => path,
        _ => {
            let path = format!("\\{stem}");
            let own = task::Path::parse(&path);
            let own = own.map_err(|error| Wrong::Other(Status::E_INVALID_NAME, format!("{path}: {error}")))?;
            if let Some((uri, _)) = read {
                notes.push(format!("the URI `{uri}` is no path of a task, and {own} is written"));
            }
            own
        }
    };
    let version = version.map(|version| if version == LOWEST { lowest_version(image) } else { version });
    let mut text = String::new();
    xml::write_named(image, &path, image.settings().enabled, version, strangers, &mut text)
        .map_err(|error| Wrong::Other(Status::SCHED_E_UNKNOWN_OBJECT_VERSION, error.to_string()))?;
    Ok(text)
}

/// As its declaration says, with a byte order mark.
fn utf16(text: &str) -> Vec<u8> {
    core::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Where and what, as users of Windows know it, and the code with its meaning.
fn placed(error: &XmlError) -> String {
    let XmlError { status, line, column, node, value } = error;
    format!("({line},{column}):{node}:{value}: {} {}", name(*status), status.meaning().unwrap_or_default())
}

fn name(status: Status) -> &'static str {
    status.name().unwrap_or("UNKNOWN")
}
