//! Task XML, [MS-TSCH] 2.5: what is read, what is refused and where, and what is written.

// An error carries its texts by value.
#![allow(clippy::result_large_err)]

mod bounds;
mod corpus;
mod kept;
mod malformed;
mod properties;
mod refused;
mod round;
mod schema;
mod spaces;
mod table;
mod understood;
mod versions;

use mainspring::{
    sid::Sid,
    task::{
        Image, Path,
        xml::{Registrant, XmlError, read, read_str, write},
    },
    text::Utf16,
};

/// The caller who registers in these tests.
const CALLER: &str = "S-1-5-21-1-2-3-1000";

/// Knows SIDs, and the names of a few accounts.
fn resolve(name: &str) -> Option<Sid> {
    Sid::parse(name).or_else(|| match name {
        "Administrator" | "user" | "HOST\\user" => Sid::parse("S-1-5-21-1-2-3-500"),
        "NT AUTHORITY\\System" | "SYSTEM" => Some(Sid::LOCAL_SYSTEM),
        "Users" => Sid::parse("S-1-5-32-545"),
        _ => None,
    })
}

fn with_registrant<T>(override_user: Option<Sid>, read: impl FnOnce(&mut Registrant<'_>) -> T) -> T {
    let mut resolve = resolve;
    read(&mut Registrant {
        resolve: &mut resolve,
        default_user: Sid::parse(CALLER).unwrap(),
        override_user,
        override_group: None,
        override_logon: None,
    })
}

/// Reads UTF-8 into an image of its own.
pub(super) fn image_of(xml: &str) -> Result<Vec<u8>, XmlError> {
    image_with(xml, None)
}

/// As `image_of`, with a credential.
fn image_with(xml: &str, override_user: Option<Sid>) -> Result<Vec<u8>, XmlError> {
    let mut buffer = vec![0; 2 * xml.len() + 1024];
    with_registrant(override_user, |registrant| {
        read_str(xml, registrant, &mut buffer).map(|image| image.bytes().to_vec())
    })
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Reads what would come over the wire.
fn image_of_wire(xml: &[u8]) -> Result<Vec<u8>, XmlError> {
    let mut buffer = vec![0; 2 * xml.len() + 1024];
    with_registrant(None, |registrant| {
        read(Utf16::little(xml), registrant, &mut buffer).map(|image| image.bytes().to_vec())
    })
}

/// The normalised form.
pub(super) fn written(image: &[u8], path: &str) -> String {
    let image = Image::parse(image).unwrap();
    let mut text = String::new();
    write(&image, &Path::parse(path).unwrap(), image.settings().enabled, None, &mut text).unwrap();
    text
}

/// Reads and writes, checks that doing it again changes nothing, and gives what was written with plain line ends.
fn normalised(xml: &str) -> String {
    let first = written(&image_of(xml).unwrap_or_else(|error| panic!("{error}\n{xml}")), "\\Task");
    let second = written(&image_of(&first).unwrap_or_else(|error| panic!("{error}\n{first}")), "\\Task");
    assert_eq!(first, second);
    let wire = written(&image_of_wire(&utf16(xml)).unwrap(), "\\Task");
    assert_eq!(first, wire);
    assert_eq!(
        first.matches('\n').count() - first.matches("\r\n").count(),
        first.replace("\r\n", "").matches('\n').count()
    );
    first.replace("\r\n", "\n")
}

/// A task around parts of it.
pub(super) fn task(parts: &str) -> String {
    format!("<Task version=\"1.4\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">{parts}</Task>")
}

/// A task around parts of it that does something.
pub(super) fn task_with(parts: &str) -> String {
    task(&format!("{parts}<Actions><Exec><Command>a</Command></Exec></Actions>"))
}

/// The lines of `text` between the line that opens `element` at the given depth and the one that closes it.
fn part(text: &str, element: &str) -> String {
    let start = text.find(&format!("\n  <{element}")).unwrap() + 1;
    let end = text[start..].find(&format!("\n  </{element}>")).map_or(text.len(), |end| start + end);
    let first = text[start..].find('\n').unwrap() + start + 1;
    text[first..end.max(first)].to_owned()
}
