//! The verbs of definitions in files, which need no server.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use mainspring::{
    guid::Guid,
    ports::Entropy as _,
    sid::Sid,
    status::Status,
    task::{
        self, Image,
        job::Job,
        xml::{self, XmlError, lowest_version},
    },
};
use serde_json::{Value, json};

use super::{Failure, line, one_line, words};
use crate::{
    definition::{self, Declarations, Known, Strangers, Unread},
    entropy::Kernel,
    export,
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
    /// The SID of an account that XML names: .cbor has no names
    #[arg(long = "account", value_name = "NAME=SID", value_parser = account)]
    accounts: Vec<(String, Sid)>,
    /// The SID of whoever registers XML that names nobody: .cbor says who that is
    #[arg(long, value_name = "SID", value_parser = sid)]
    registrant: Option<Sid>,
    #[command(flatten)]
    strict: Strict,
}

fn sid(text: &str) -> Result<Sid, String> {
    Sid::parse(text).ok_or_else(|| format!("{text} is no SID"))
}

fn account(text: &str) -> Result<(String, Sid), String> {
    let (name, number) = text.rsplit_once('=').ok_or("NAME=SID is needed")?;
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
            Unread::Definition(error) => Self::Xml(error),
        }
    }
}

impl From<Box<XmlError>> for Wrong {
    fn from(error: Box<XmlError>) -> Self {
        Self::Xml(error)
    }
}

/// What is said of each task of a file: what it does, or what is wrong.
type Judged = Result<String, Wrong>;

/// What is said of files, a line for each task, and the exit code: 1 if any task is invalid, else 2 if there is no reading one
/// of the files.
pub(super) fn validate(validate: &Validate, json: bool) -> (String, u8) {
    let (mut text, mut objects, mut is_invalid, mut is_unreadable) = (String::new(), Vec::new(), false, false);
    for file in &validate.files {
        let judged = judge(file, validate.strict);
        let is_export = judged.len() > 1;
        for (number, judged) in (1..).zip(judged) {
            let (said, mut object) = match judged {
                Ok(words) if is_export => {
                    (format!(": task {number}: {words}"), json!({ "valid": true, "words": words }))
                }
                Ok(words) => (format!(": {words}"), json!({ "valid": true, "words": words })),
                Err(wrong) => {
                    is_unreadable |= matches!(wrong, Wrong::Unreadable(_));
                    is_invalid |= !matches!(wrong, Wrong::Unreadable(_));
                    (wrong.said(), wrong.described())
                }
            };
            if let Some(object) = object.as_object_mut() {
                object.insert("file".into(), file.display().to_string().into());
                if is_export {
                    object.insert("task".into(), number.into());
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
fn judge(file: &Path, strict: Strict) -> Vec<Judged> {
    let form = Form::of(file).unwrap_or(Form::Xml);
    if form != Form::Xml {
        let image = read_bare(file, form);
        return vec![image.and_then(|bytes| in_words(&bytes, &Strangers::default()))];
    }
    let text = match definition::read_as(file, strict.declarations()) {
        Ok(text) => text,
        Err(unread) => return vec![Err(unread.into())],
    };
    let told = |text: &str| {
        let (bytes, strangers) = definition::image_of(text, &Known::default())?;
        in_words(&bytes, &strangers)
    };
    let Some(parts) = export::tasks(&text) else { return vec![told(&text)] };
    let each = parts.into_iter().map(|part| {
        let part = part?;
        told(part.text).map_err(|mut wrong| {
            if let Wrong::Xml(error) = &mut wrong {
                part.place(error);
            }
            wrong
        })
    });
    each.collect()
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
    if (convert.registrant.is_some() || !convert.accounts.is_empty()) && from != Form::Xml {
        return Err(unusable(&convert.input, &"--account and --registrant are for .xml"));
    }
    let written = converted(convert, from, to).map_err(|wrong| wrong.failure(&convert.input))?;
    super::put(&convert.output, &written).map_err(|error| unusable(&convert.output, &error))?;
    Ok(String::new())
}

/// The bytes to write.
fn converted(convert: &Convert, from: Form, to: Form) -> Result<Vec<u8>, Wrong> {
    let Convert { input, output, as_version, accounts, registrant, strict } = convert;
    let (bytes, strangers) = match from {
        Form::Xml => {
            let known = Known { accounts: accounts.clone(), registrant: *registrant };
            definition::image_of(&only(definition::read_as(input, strict.declarations())?)?, &known)?
        }
        _ => (read_bare(input, from)?, Strangers::default()),
    };
    let image = parsed(&bytes)?;
    let other = |status: Status, error: &dyn std::fmt::Display| Wrong::Other(status, error.to_string());
    match to {
        Form::Xml => Ok(utf16(&normalised(&image, &strangers, output, as_version.as_deref())?)),
        Form::Job => {
            let mut random = [0; 16];
            Kernel.fill(&mut random).map_err(|error| Wrong::Unreadable(error.to_string()))?;
            let mut room = vec![0; JOB];
            let written = Job::new(Guid::from_random(random)).write_image(&image, &mut room);
            Ok(written.map_err(|error| other(error.status(), &error))?.to_vec())
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
            let text = only(definition::read_as(file, Declarations::Ignored)?)?;
            Ok(definition::image_of(&text, &Known::default())?.0)
        }
        form => read_bare(file, form),
    };
    read().map_err(|wrong: Wrong| wrong.failure(file))
}

/// The text of a definition that a server is to read.
///
/// # Errors
/// [`Failure::Usage`] for a file that there is no reading, [`Failure::File`] for one that is no text, a declaration that lies, and
/// an export of many tasks.
pub(super) fn text(file: &Path, strict: Strict) -> Result<String, Failure> {
    let text = definition::read_as(file, strict.declarations()).map_err(Wrong::from);
    text.and_then(only).map_err(|wrong| wrong.failure(file))
}

/// The text of one definition.
fn only(text: String) -> Result<String, Wrong> {
    match export::tasks(&text) {
        None => Ok(text),
        Some(_) => Err(Wrong::Other(Status::SCHED_E_TOO_MANY_NODES, export::MANY.to_owned())),
    }
}

/// The image in a file that is not XML.
fn read_bare(file: &Path, form: Form) -> Result<Vec<u8>, Wrong> {
    if form == Form::Cbor {
        // A record of a store is packed, and is unpacked where it is.
        let mut bytes = definition::bytes_of(file, CBOR)?;
        let length = bytes.len();
        bytes.resize(length + CBOR as usize, 0);
        let image = Image::unpack(&mut bytes, length);
        let image = image.map_err(|error| Wrong::Other(Status::SCHED_E_INVALID_TASK_HASH, error.to_string()))?;
        return Ok(image.bytes().to_vec());
    }
    let bytes = definition::bytes_of(file, CBOR)?;
    let job = Job::parse(&bytes).map_err(|error| Wrong::Other(error.status(), error.to_string()))?;
    let (mut text, mut room) = (vec![0; JOB], vec![0; JOB]);
    let image = job.image(None, &mut text, &mut room);
    Ok(image.map_err(|error| Wrong::Other(error.status(), error.to_string()))?.bytes().to_vec())
}

fn unusable(file: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("{}: {reason}", file.display()))
}

fn parsed(bytes: &[u8]) -> Result<Image<'_>, Wrong> {
    Image::parse(bytes).map_err(|error| Wrong::Other(Status::SCHED_E_INVALID_TASK_HASH, error.to_string()))
}

/// The normalised form, with the names of accounts that only a server knows as they came, and without a user where nobody is
/// named. The path is the URI; where there is none, or an empty one, it is the name of the file that is written.
fn normalised(image: &Image<'_>, strangers: &Strangers, output: &Path, version: Option<&str>) -> Result<String, Wrong> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let uri = image.registration().uri.filter(|uri| !uri.is_empty());
    let path = uri.map_or_else(|| format!("\\{stem}"), str::to_owned);
    let path =
        task::Path::parse(&path).map_err(|error| Wrong::Other(Status::E_INVALID_NAME, format!("{path}: {error}")))?;
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
