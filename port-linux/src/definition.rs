//! Reads a task definition from a file: UTF-8 or UTF-16, by its bytes and not by what its declaration says. And the
//! accounts that it names, where no server is there to say who they are.

use std::path::Path;

use mainspring::{
    limits::XML_UNITS,
    ports::{Account, Accounts},
    sid::Sid,
    status::Status,
    task::{
        Image,
        xml::{self, Registrant, XmlError},
    },
    time::Timestamp,
    tsch,
};

/// The most bytes of a file: the longest definition, three bytes of UTF-8 for each unit.
const SIZE_MAX: u64 = 3 * XML_UNITS as u64;
/// The most bytes of the image of a definition.
const IMAGE_MAX: usize = 4 * XML_UNITS;

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
    /// The file cannot be read, or holds no text: what to tell the user.
    File(String),
    /// Its text is no definition, or is not in the encoding that it says.
    Definition(Box<XmlError>),
}

/// The text in a file, without a byte order mark.
///
/// # Errors
/// [`Unread`]; a declaration that is [believed](Declarations::Believed) and lies gets the error of Windows' parser, at the place
/// behind the declaration.
pub(crate) fn read_as(path: &Path, declarations: Declarations) -> Result<String, Unread> {
    let told = |reason: &dyn std::fmt::Display| Unread::File(format!("{}: {reason}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > SIZE_MAX {
        return Err(told(&format!("a definition has at most {SIZE_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| told(&error))?;
    let (text, encoding) = decoded(&bytes).ok_or_else(|| told(&"neither UTF-8 nor UTF-16"))?;
    let lie = declared(&text).filter(|(named, _)| declarations == Declarations::Believed && !encoding.is_named(named));
    match lie {
        None => Ok(text),
        Some((_, end)) => Err(Unread::Definition(Box::new(XmlError {
            status: Status::SCHED_E_MALFORMEDXML,
            line: 1,
            column: u32::try_from(end.encode_utf16().count() + 1).unwrap_or(u32::MAX),
            node: heapless::String::new(),
            value: heapless::String::try_from("unable to switch the encoding").unwrap_or_default(),
        }))),
    }
}

/// As [`read_as`], whatever the declaration says.
///
/// # Errors
/// What to tell the user.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    read_as(path, Declarations::Ignored).map_err(|unread| match unread {
        Unread::File(reason) => reason,
        Unread::Definition(error) => error.to_string(),
    })
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    fn is_named(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Self::Utf8 => &["UTF-8"],
            Self::Utf16 => &["UTF-16", "UTF-16LE", "UTF-16BE", "ISO-10646-UCS-2", "UCS-2"],
        };
        names.iter().any(|own| own.eq_ignore_ascii_case(name))
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

/// A definition begins with `<` or white space, so in UTF-16 one of its first two bytes is zero, with or without a mark.
fn decoded(bytes: &[u8]) -> Option<(String, Encoding)> {
    let utf8 = |bytes: &[u8]| Some((String::from_utf8(bytes.to_vec()).ok()?, Encoding::Utf8));
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [1..=u8::MAX, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=u8::MAX, ..] => utf16(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<(String, Encoding)> {
    let (pairs, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return None;
    }
    let text = char::decode_utf16(pairs.iter().map(|&pair| unit(pair))).collect::<Result<_, _>>().ok()?;
    Some((text, Encoding::Utf16))
}

/// The accounts that a definition names and that only the server which it is for knows. They get SIDs of nobody, so that
/// everything else of the definition can be looked at.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    names: Vec<String>,
}

impl Strangers {
    /// The domain of SIDs that are given to names, which no server gives.
    const DOMAIN: [u32; 4] = [21, 0, 0, 0];
    const FIRST: u32 = 1000;

    /// The SID of a name: its own if it is a SID or well known.
    fn sid(&mut self, name: &str) -> Option<Sid> {
        if let Some(sid) = tsch::resolve(name, &mut Nobody) {
            return Some(sid);
        }
        let known = self.names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let at = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        let [a, b, c, d] = Self::DOMAIN;
        Sid::new([0, 0, 0, 0, 0, 5], &[a, b, c, d, Self::FIRST.checked_add(u32::try_from(at).ok()?)?])
    }

    /// Each name with the SID that was given to it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        let [a, b, c, d] = Self::DOMAIN;
        let numbers = Self::FIRST..;
        self.names
            .iter()
            .zip(numbers)
            .map(move |(name, number)| (name.as_str(), format!("S-1-5-{a}-{b}-{c}-{d}-{number}")))
    }

    /// What a definition calls somebody.
    pub(crate) fn name(&self, sid: &Sid) -> String {
        let written = sid.to_string();
        let well_known = match *sid {
            Sid::LOCAL_SYSTEM => Some("SYSTEM"),
            Sid::LOCAL_SERVICE => Some("LOCAL SERVICE"),
            Sid::NETWORK_SERVICE => Some("NETWORK SERVICE"),
            Sid::ADMINISTRATORS => Some("Administrators"),
            Sid::NOBODY => Some("whoever registers it"),
            _ => None,
        };
        let stranger = || self.iter().find(|(_, sid)| *sid == written).map(|(name, _)| name);
        well_known.or_else(stranger).map_or_else(|| written.clone(), str::to_owned)
    }
}

/// Reads a definition for nobody's server: the bytes of its image, and the accounts that only a server knows.
///
/// # Errors
/// [`XmlError`] as a server has it.
pub(crate) fn image_of(text: &str) -> Result<(Vec<u8>, Strangers), Box<XmlError>> {
    let mut strangers = Strangers::default();
    let mut room = vec![0; IMAGE_MAX];
    let mut registrant = Registrant {
        resolve: &mut |name| strangers.sid(name),
        default_user: Sid::NOBODY,
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

    fn login_failed(&mut self, _: &str, _: Option<Timestamp>) {}
}
