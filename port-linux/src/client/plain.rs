//! Texts of files and servers, for a line or for a terminal: with the characters written out that would break the line, move the
//! cursor, turn what stands behind them around, or cannot be seen.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether a character is not shown as one: control characters, line and paragraph separators, and format characters, those that
/// turn the direction of a text among them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// A text that is to stand in a line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if is_hidden(character) { line.extend(character.escape_default()) } else { line.push(character) }
    }
    line
}

/// XML that is to stand on a terminal, with character references for hidden characters.
pub(super) fn shown(xml: &str) -> String {
    let mut shown = String::new();
    for character in xml.chars() {
        if is_hidden(character) && !matches!(character, '\n' | '\t') {
            let _ = write!(shown, "&#x{:X};", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A line of JSON. Hidden characters are only in its strings, in which they may be written as numbers.
pub(super) fn line(value: &Value) -> String {
    let mut line = String::new();
    for character in value.to_string().chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line + "\n"
}
