//! The verbs of definitions in files, which need no server.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use mainspring::{
    status::Status,
    task::{
        self, Image,
        job::Job,
        xml::{self, XmlError},
    },
};
use serde_json::{Value, json};

use super::{Failure, line, words};
use crate::definition::{self, Declarations, Strangers, Unread};

/// The most bytes of a .JOB file, or of the image of one: its lengths have 16 bits.
const JOB: usize = 1 << 20;

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
    /// Definitions, in UTF-8 or UTF-16
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    strict: Strict,
}

#[derive(Debug, Args)]
pub(super) struct Convert {
    /// What is read: .xml, .job, or .cbor for the form at rest
    input: PathBuf,
    /// What is written: .xml in normalised form and UTF-16, .job, or .cbor
    output: PathBuf,
    /// Write XML for clients that know no more than this version of the schema: 1.2, 1.3 or 1.4
    #[arg(long, value_name = "VERSION")]
    as_version: Option<String>,
    #[command(flatten)]
    strict: Strict,
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

/// What is said of files, and whether all of them are valid.
///
/// # Errors
/// [`Failure::Usage`] for a file that there is no reading.
pub(super) fn validate(validate: &Validate, json: bool) -> Result<(String, bool), Failure> {
    let (mut text, mut objects, mut valid) = (String::new(), Vec::new(), true);
    for file in &validate.files {
        let (said, object) = match read_xml(file, validate.strict) {
            Ok((bytes, strangers)) => {
                let words = words::of(&parsed(file, &bytes)?, &strangers);
                (words.clone(), json!({ "file": file.display().to_string(), "valid": true, "words": words }))
            }
            Err(Unread::Definition(error)) => {
                valid = false;
                (placed(&error), described(file, &error))
            }
            Err(Unread::File(reason)) => return Err(Failure::Usage(reason)),
        };
        let separator = if object.get("valid") == Some(&Value::Bool(true)) { ": " } else { ":" };
        let _ = writeln!(text, "{}{separator}{said}", file.display());
        objects.push(object);
    }
    Ok((if json { line(&objects.into()) } else { text }, valid))
}

/// Reads one form and writes another, as the names of the files say.
///
/// # Errors
/// [`Failure::File`] for a definition that is invalid or that the other form cannot say, [`Failure::Usage`] for files that there
/// is no reading or writing.
pub(super) fn convert(convert: &Convert) -> Result<String, Failure> {
    let Convert { input, output, as_version, strict } = convert;
    let (from, to) = (Form::of(input)?, Form::of(output)?);
    if as_version.is_some() && to != Form::Xml {
        return Err(unusable(output, &"--as-version is for .xml"));
    }
    let read = || std::fs::read(input).map_err(|error| unusable(input, &error));
    let (bytes, strangers) = match from {
        Form::Xml => read_xml(input, *strict).map_err(|unread| refused(input, unread))?,
        Form::Job => (read_job(input, &read()?)?, Strangers::default()),
        Form::Cbor => (read()?, Strangers::default()),
    };
    let image = parsed(input, &bytes)?;
    let written = match to {
        Form::Xml => utf16(&normalised(&image, &strangers, (input, output), as_version.as_deref())?),
        Form::Job => {
            let mut room = vec![0; JOB];
            let written = Job::default().write_image(&image, &mut room);
            written.map_err(|error| coded(input, error.status(), &error))?.to_vec()
        }
        Form::Cbor => match strangers.iter().next() {
            None => image.bytes().to_vec(),
            Some((name, _)) => {
                let reason = "only its server knows that account, and the form at rest has SIDs and no names";
                return Err(Failure::File(format!("{}: {name}: {reason}", input.display())));
            }
        },
    };
    super::put(output, &written).map_err(|error| unusable(output, &error))?;
    Ok(String::new())
}

/// The text of a definition that a server is to read.
///
/// # Errors
/// [`Failure::Usage`] for a file that there is no reading, [`Failure::File`] for a declaration that lies.
pub(super) fn text(file: &Path, strict: Strict) -> Result<String, Failure> {
    definition::read_as(file, strict.declarations()).map_err(|unread| refused(file, unread))
}

fn refused(file: &Path, unread: Unread) -> Failure {
    match unread {
        Unread::File(reason) => Failure::Usage(reason),
        Unread::Definition(error) => Failure::File(format!("{}:{}", file.display(), placed(&error))),
    }
}

/// The image of what a .JOB file says.
fn read_job(file: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let job = Job::parse(bytes).map_err(|error| coded(file, error.status(), &error))?;
    let (mut text, mut room) = (vec![0; JOB], vec![0; JOB]);
    let image = job.image(None, &mut text, &mut room).map_err(|error| coded(file, error.status(), &error))?;
    Ok(image.bytes().to_vec())
}

/// What a file cannot say, or cannot be understood as, with its code.
fn coded(file: &Path, status: Status, error: &dyn std::fmt::Display) -> Failure {
    Failure::File(format!("{}: {}: {error}", file.display(), name(status)))
}

fn unusable(file: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("{}: {reason}", file.display()))
}

/// The image of a definition, and who is named in it.
fn read_xml(file: &Path, strict: Strict) -> Result<(Vec<u8>, Strangers), Unread> {
    let text = definition::read_as(file, strict.declarations())?;
    definition::image_of(&text).map_err(Unread::Definition)
}

fn parsed<'b>(file: &Path, bytes: &'b [u8]) -> Result<Image<'b>, Failure> {
    Image::parse(bytes).map_err(|error| Failure::File(format!("{}: {error}", file.display())))
}

/// The normalised form, with the names of accounts that only a server knows as they came, and without a principal that
/// nobody named.
fn normalised(
    image: &Image<'_>,
    strangers: &Strangers,
    (input, output): (&Path, &Path),
    version: Option<&str>,
) -> Result<String, Failure> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let path = image.registration().uri.map_or_else(|| format!("\\{stem}"), str::to_owned);
    let path = task::Path::parse(&path).map_err(|error| Failure::File(format!("{path}: {error}")))?;
    let mut text = String::new();
    let enabled = image.settings().enabled;
    match version {
        // Text in memory takes all that is written.
        None => drop(xml::write(image, &path, enabled, None, &mut text)),
        Some(version) => xml::write_version(image, &path, enabled, None, version, &mut text)
            .map_err(|error| Failure::File(format!("{}: {error}", input.display())))?,
    }
    text = text.replace("      <UserId>S-1-0-0</UserId>\r\n", "");
    for (name, sid) in strangers.iter() {
        let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        for element in ["UserId", "GroupId"] {
            let written = |who: &str| format!("<{element}>{who}</{element}>");
            text = text.replace(&written(&sid), &written(&name));
        }
    }
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

fn described(file: &Path, error: &XmlError) -> Value {
    json!({
        "file": file.display().to_string(),
        "valid": false,
        "line": error.line,
        "column": error.column,
        "node": error.node.as_str(),
        "value": error.value.as_str(),
        "code": error.status.0,
        "name": name(error.status),
        "meaning": error.status.meaning(),
    })
}

fn name(status: Status) -> &'static str {
    status.name().unwrap_or("UNKNOWN")
}
