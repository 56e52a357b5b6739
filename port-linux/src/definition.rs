//! Reads a task definition from a file: UTF-8 or UTF-16, by its bytes and not by what its declaration says. And the
//! accounts that it names, where no server is there to say who they are.

use std::{io::Read as _, path::Path};

use mainspring::{
    limits::XML_UNITS,
    ports::{Account, Accounts, LoginAttempt},
    sid::Sid,
    status::Status,
    task::{
        Image,
        xml::{self, Called, Names, Registrant, XmlError},
    },
    tsch,
};

use crate::export::{self, Part};

/// The most bytes of a file, which may be an export of some ten thousand tasks.
const SIZE_MAX: u64 = 32 << 20;
/// The most bytes of the image of a definition, for each unit of its text, and beyond that: room as for the longest one would
/// cost more than reading a short one.
const IMAGE_UNIT: usize = 4;
const IMAGE_LEAST: usize = 1 << 16;

/// Whether a declaration may name another encoding than the file has, as that of one in five real files does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declarations {
    /// What it names is not looked at.
    Ignored,
    /// It must be true, as for Windows' own tools.
    Believed,
}

/// Why there is no definition.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file cannot be read: what to tell the user.
    File(String),
    /// It is too long: what to tell the user.
    TooLong(String),
    /// Its text is none, is no definition, or is not in the encoding that it says.
    Definition(Box<XmlError>),
}

/// The text in a file, without a byte order mark.
///
/// # Errors
/// [`Unread`]: what is no text gets SCHED_E_MALFORMEDXML at the place up to which it is. A declaration that is
/// [believed](Declarations::Believed) and lies gets the error of Windows' parser, at the place behind the declaration.
pub(crate) fn read_as(path: &Path, declarations: Declarations) -> Result<String, Unread> {
    let (text, encoding) = decoded(&bytes_of(path, SIZE_MAX)?).map_err(Unread::Definition)?;
    let lie = declared(&text).filter(|(named, _)| declarations == Declarations::Believed && !encoding.is_named(named));
    match lie {
        None => Ok(text),
        Some((_, before)) => Err(Unread::Definition(malformed(before, "unable to switch the encoding"))),
    }
}

/// The bytes of a file that has at most so many.
///
/// # Errors
/// [`Unread::File`], [`Unread::TooLong`].
pub(crate) fn bytes_of(path: &Path, most: u64) -> Result<Vec<u8>, Unread> {
    let told = |error: std::io::Error| Unread::File(error.to_string());
    let mut bytes = Vec::new();
    // A device has no length, and no end.
    let file = std::fs::File::open(path).map_err(told)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > most {
        return Err(Unread::TooLong(format!("a file of definitions has at most {most} bytes")));
    }
    Ok(bytes)
}

/// The one definition of a text.
///
/// # Errors
/// What is wrong with an export that holds something else than one task; nothing if there are many.
pub(crate) fn only(text: String) -> Result<Part, Option<Box<XmlError>>> {
    let Some(parts) = export::tasks(&text) else { return Ok(text.into()) };
    let mut parts = parts.into_iter().collect::<Result<Vec<_>, _>>().map_err(Some)?;
    parts.pop().filter(|_| parts.is_empty()).ok_or(None)
}

/// An error behind the part of a text that is well-formed as far as anybody knows.
pub(crate) fn malformed(before: &str, why: &str) -> Box<XmlError> {
    at_place(Status::SCHED_E_MALFORMEDXML, end(before), "", why)
}

/// An error of which everything is known; of node and value as much as it carries.
pub(crate) fn at_place(status: Status, (line, column): (u32, u32), node: &str, value: &str) -> Box<XmlError> {
    let cut = |text: &str| {
        let mut cut = heapless::String::new();
        // A character that does not fit ends it.
        let _ = text.chars().try_for_each(|character| cut.push(character));
        cut
    };
    Box::new(XmlError { status, line, column, node: cut(node), value: cut(value) })
}

/// Line and column behind a text, as [`XmlError`] counts them.
pub(crate) fn end(text: &str) -> (u32, u32) {
    let (mut line, mut column) = (1, 1);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\n' || (character == '\r' && characters.peek() != Some(&'\n')) {
            (line, column) = (line + 1, 1);
        } else {
            column += if character.len_utf16() == 1 { 1 } else { 2 };
        }
    }
    (line, column)
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// UTF-8 without a mark, in which every character is ASCII.
    Ascii,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// Whether a parser that believes the name reads the same text.
    fn is_named(self, name: &str) -> bool {
        let utf16 = ["UTF-16", "ISO-10646-UCS-2", "UCS-2"];
        let is = |own: &str| own.eq_ignore_ascii_case(name);
        let begins = |own: &str| name.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own));
        match self {
            Self::Utf8 => is("UTF-8"),
            // ASCII is the same in all of them.
            Self::Ascii => {
                ["UTF-8", "US-ASCII", "ASCII"].into_iter().any(is) || begins("ISO-8859-") || begins("windows-125")
            }
            Self::Utf16Le => is("UTF-16LE") || utf16.into_iter().any(is),
            Self::Utf16Be => is("UTF-16BE") || utf16.into_iter().any(is),
        }
    }
}

/// The encoding that the declaration of a text names, and the text up to the end of the declaration. A text in UTF-16 needs none.
fn declared(text: &str) -> Option<(&str, &str)> {
    let end = text.strip_prefix("<?xml")?.find("?>")? + "<?xml".len() + "?>".len();
    let declaration = text.get(..end)?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (named, _) = value.get(1..)?.split_once(quote)?;
    Some((named, declaration))
}

type Decoded = Result<(String, Encoding), Box<XmlError>>;

/// A definition begins with `<` or white space, so in UTF-16 one of its first two bytes is zero, with or without a mark.
fn decoded(bytes: &[u8]) -> Decoded {
    let decoded = match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, Encoding::Utf16Le),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, Encoding::Utf16Be),
        [1..=u8::MAX, 0, ..] => utf16(bytes, Encoding::Utf16Le),
        [0, 1..=u8::MAX, ..] => utf16(bytes, Encoding::Utf16Be),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest, Encoding::Utf8),
        _ if bytes.is_ascii() => utf8(bytes, Encoding::Ascii),
        _ => utf8(bytes, Encoding::Utf8),
    };
    match decoded {
        Ok((text, _)) if text.starts_with('\u{FEFF}') => Err(malformed("", "two byte order marks")),
        decoded => decoded,
    }
}

fn utf8(bytes: &[u8], encoding: Encoding) -> Decoded {
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| {
        let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        malformed(&String::from_utf8_lossy(valid), "neither UTF-8 nor UTF-16")
    })?;
    Ok((text, encoding))
}

fn utf16(bytes: &[u8], encoding: Encoding) -> Decoded {
    let unit = if encoding == Encoding::Utf16Be { u16::from_be_bytes } else { u16::from_le_bytes };
    let (pairs, rest) = bytes.as_chunks();
    let mut text = String::new();
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        text.push(character.map_err(|_| malformed(&text, "lone surrogate"))?);
    }
    if rest.is_empty() { Ok((text, encoding)) } else { Err(malformed(&text, "half a UTF-16 unit")) }
}

/// Who is known where no server is.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Names of accounts, and the SIDs that the server has for them.
    pub(crate) accounts: Vec<(String, Sid)>,
    /// Who registers a definition that names nobody.
    pub(crate) registrant: Option<Sid>,
}

/// The accounts that a definition names and that only the server which it is for knows. They get SIDs of nobody, so that
/// everything else of the definition can be looked at; so does whoever registers it, where it names nobody.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    // INVARIANT: a SID of the domain of strangers that is in the definition was given to one of these.
    names: Vec<String>,
    /// Whether the first of the domain stands for whoever registers the definition.
    has_registrant: bool,
    /// Whether SYSTEM is there because the file says nothing of whom its task runs as.
    is_assumed: bool,
}

impl Strangers {
    /// The domain of SIDs that are given to strangers, which no server gives.
    const DOMAIN: [u32; 4] = [21, 0, 0, 0];
    /// The number of whoever registers a definition; names follow.
    const REGISTRANT: u32 = 1000;

    /// Those of a .JOB file: nobody, and SYSTEM for whom its task runs as.
    pub(crate) fn of_job() -> Self {
        Self { is_assumed: true, ..Self::default() }
    }

    fn given(number: u32) -> Option<Sid> {
        let [a, b, c, d] = Self::DOMAIN;
        Sid::new([0, 0, 0, 0, 0, 5], &[a, b, c, d, number])
    }

    /// The number of a SID that is a stranger's.
    fn number(sid: &Sid) -> Option<u32> {
        let (number, domain) = sid.sub_authorities().split_last()?;
        (sid.authority() == [0, 0, 0, 0, 0, 5] && domain == Self::DOMAIN).then_some(*number)
    }

    /// The SID of a name: its own if it is a SID or known. A SID of the domain of strangers that is written out is a
    /// name as well, so that it is not taken for somebody else's.
    fn sid(&mut self, name: &str, known: &Known) -> Option<Sid> {
        let account = known.accounts.iter().find(|(account, _)| account.eq_ignore_ascii_case(name));
        let sid = account.map(|(_, sid)| *sid).or_else(|| tsch::resolve(name, &mut Nobody));
        if let Some(sid) = sid.filter(|sid| Self::number(sid).is_none()) {
            return Some(sid);
        }
        let met = self.names.iter().position(|met| met == name);
        let at = met.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Self::given(Self::REGISTRANT.checked_add(u32::try_from(at).ok()?)?.checked_add(1)?)
    }

    fn is_registrant(&self, sid: &Sid) -> bool {
        self.has_registrant && Self::number(sid) == Some(Self::REGISTRANT)
    }

    fn stranger(&self, sid: &Sid) -> Option<&str> {
        let at = Self::number(sid)?.checked_sub(Self::REGISTRANT)?.checked_sub(1)?;
        self.names.get(usize::try_from(at).ok()?).map(String::as_str)
    }

    /// Somebody in a definition who has no SID: a name, or `None` for whoever registers it.
    pub(crate) fn first(&self, image: &Image<'_>) -> Option<Option<&str>> {
        let is_there = self.has_registrant
            && image.principals().any(|principal| principal.user.is_some_and(|user| self.is_registrant(&user)));
        self.names.first().map(|name| Some(name.as_str())).or(is_there.then_some(None))
    }

    /// What a definition calls somebody.
    pub(crate) fn name(&self, sid: &Sid) -> String {
        let well_known = match *sid {
            Sid::LOCAL_SYSTEM if self.is_assumed => Some("SYSTEM (assumed: a .job names nobody)"),
            Sid::LOCAL_SYSTEM => Some("SYSTEM"),
            Sid::LOCAL_SERVICE => Some("LOCAL SERVICE"),
            Sid::NETWORK_SERVICE => Some("NETWORK SERVICE"),
            Sid::ADMINISTRATORS => Some("Administrators"),
            _ if self.is_registrant(sid) => Some("whoever registers it"),
            _ => None,
        };
        well_known.or_else(|| self.stranger(sid)).map_or_else(|| sid.to_string(), str::to_owned)
    }
}

impl Names for Strangers {
    fn called(&self, sid: &Sid) -> Called<'_> {
        match self.stranger(sid) {
            Some(name) => Called::Name(name),
            None if self.is_registrant(sid) => Called::Nobody,
            None => Called::Sid,
        }
    }
}

/// Reads a definition for nobody's server: the bytes of its image, and the accounts that only a server knows.
///
/// # Errors
/// [`XmlError`] as a server has it.
pub(crate) fn image_of(text: &str, known: &Known) -> Result<(Vec<u8>, Strangers), Box<XmlError>> {
    let mut strangers = Strangers { has_registrant: known.registrant.is_none(), ..Strangers::default() };
    let mut room = vec![0; IMAGE_LEAST + IMAGE_UNIT * text.len().min(3 * XML_UNITS)];
    let mut registrant = Registrant {
        resolve: &mut |name| strangers.sid(name, known),
        default_user: known.registrant.or(Strangers::given(Strangers::REGISTRANT)).unwrap_or(Sid::NOBODY),
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    let image: Image<'_> = xml::read_str(text, &mut registrant, &mut room)?;
    let bytes = image.bytes().to_vec();
    Ok((bytes, strangers))
}

/// Nobody has an account where no server is: definitions name well-known accounts, or SIDs.
pub(crate) struct Nobody;

impl Accounts for Nobody {
    fn by_name(&mut self, _: &str) -> Option<Account> {
        None
    }

    fn by_sid(&mut self, _: &Sid) -> Option<Account> {
        None
    }

    fn login_failed(&mut self, _: LoginAttempt<'_>) {}
}
