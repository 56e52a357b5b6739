//! What the parser says of a text that is no XML: its own words, without the place, which an error has fields for. Its `Display`
//! would bring the tables of all characters, to quote one.

use roxmltree::Error;

use super::error::ERROR_TEXT;

/// What the parser says, or as much of it as an error carries.
#[derive(Default)]
pub(super) struct Said(heapless::String<ERROR_TEXT>);

impl Said {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, character: char) {
        // What does not fit is left out.
        let _ = self.0.push(character);
    }

    fn put(&mut self, words: &[&str]) {
        words.iter().flat_map(|words| words.chars()).for_each(|character| self.push(character));
    }

    /// What is said of an error that has this character at its place, of which the parser tells the first byte.
    pub(super) fn new(error: &Error, there: Option<char>) -> Self {
        let mut said = Self::default();
        let character = |byte: u8| there.filter(|_| !byte.is_ascii()).unwrap_or(char::from(byte));
        match error {
            Error::DuplicatedNamespace(name, _) => said.put(&["namespace '", name, "'"]),
            Error::UnknownNamespace(name, _) => said.put(&["an unknown namespace prefix '", name, "'"]),
            Error::UnknownEntityReference(name, _) => said.put(&["unknown entity reference '", name, "'"]),
            Error::DuplicatedAttribute(name, _) => said.put(&["attribute '", name, "'"]),
            Error::UnexpectedCloseTag(expected, actual, _) => {
                said.put(&["expected '", expected, "' tag, not '", actual, "'"]);
            }
            Error::InvalidString(expected, _) => said.put(&["expected '", expected, "'"]),
            Error::InvalidChar(expected, actual, _) => {
                said.put(&["expected '"]);
                said.push(char::from(*expected));
                said.put(&["' not '"]);
                said.push(character(*actual));
                said.put(&["'"]);
            }
            Error::InvalidChar2(expected, actual, _) => {
                said.put(&["expected ", expected, " not '"]);
                said.push(character(*actual));
                said.put(&["'"]);
            }
            Error::NonXmlChar(character, _) => {
                said.put(&["a non-XML character '"]);
                match character {
                    '\0' => said.put(&["\\0"]),
                    _ => character.escape_unicode().for_each(|character| said.push(character)),
                }
                said.put(&["' found"]);
            }
            _ => said.put(&[fixed(error)]),
        }
        said
    }
}

/// What is said of an error that quotes nothing.
fn fixed(error: &Error) -> &'static str {
    match error {
        Error::InvalidXmlPrefixUri(_) => "'xml' namespace prefix mapped to wrong URI",
        Error::UnexpectedXmlUri(_) => "the 'xml' namespace URI is used for not 'xml' prefix",
        Error::UnexpectedXmlnsUri(_) => "the 'xmlns' URI is used",
        Error::InvalidElementNamePrefix(_) => "the 'xmlns' prefix is used",
        Error::UnexpectedEntityCloseTag(_) => "unexpected close tag",
        Error::MalformedEntityReference(_) => "malformed entity reference",
        Error::EntityReferenceLoop(_) => "a possible entity reference loop is detected",
        Error::InvalidAttributeValue(_) => "unescaped '<' found",
        Error::NoRootNode => "the document does not have a root node",
        Error::UnclosedRootNode => "the root node was opened but never closed",
        Error::UnexpectedDeclaration(_) => "unexpected XML declaration",
        Error::DtdDetected => "XML with DTD detected",
        Error::AttributesLimitReached => "more than 2^32 attributes were parsed",
        Error::NamespacesLimitReached => "more than 2^16 unique namespaces were parsed",
        Error::InvalidName(_) => "invalid name token",
        Error::InvalidExternalID(_) => "invalid ExternalID",
        Error::EntityResolver(..) => "entity resolver failed",
        Error::InvalidComment(_) => "comment",
        Error::InvalidCharacterData(_) => "']]>'",
        Error::UnknownToken(_) => "unknown token",
        Error::UnexpectedEndOfStream => "unexpected end of stream",
        _ => "",
    }
}
