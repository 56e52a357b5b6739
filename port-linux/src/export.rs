//! Exports of tasks, as `schtasks /query /xml` prints them: `<Tasks><Task>…</Task>…</Tasks>`. The whole of one is parsed once;
//! each task is cut out as it stands, with the namespaces that are declared around it, to be read like a definition of its own.

use mainspring::{
    limits::XML_UNITS,
    status::Status,
    task::xml::{NAMESPACE, XmlError},
};
use roxmltree::{Document, Node, ParsingOptions};

use crate::definition::{Known, at_place, end, image_of};

/// What is said of an export where one definition is needed.
pub(crate) const MANY: &str = "an export of many tasks: put each of them into a file of its own";

/// The most nodes of an export; each takes 80 bytes while it is parsed.
const NODES: u32 = 1 << 22;
/// The most attributes of one element. The parser compares each with all others; no definition has so many.
const ATTRIBUTES: usize = 256;
/// The most namespaces that the elements of an export may hold in all. The parser keeps a list for each element that declares
/// one, which holds those around it too.
const NAMESPACES: usize = 1 << 26;
/// White space of XML.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// A definition, and its place in the file that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    /// The URI that it has, if it comes from an export.
    pub(crate) uri: Option<String>,
    /// Where it begins, as [`XmlError`] counts.
    line: u32,
    column: u32,
    /// The column of its first line behind which namespaces were put in, and how many columns they take.
    put_in: (u32, u32),
}

impl From<String> for Part {
    /// A definition that is all of its file.
    fn from(text: String) -> Self {
        Self { text, uri: None, line: 1, column: 1, put_in: (u32::MAX, 0) }
    }
}

impl Part {
    /// A place of this definition as that in its file. What has no place is where the definition begins, unless that is the
    /// file.
    pub(crate) fn place(&self, line: u32, column: u32) -> (u32, u32) {
        let (behind, width) = self.put_in;
        match line {
            0 if (self.line, self.column) == (1, 1) => (0, 0),
            0 => (self.line, self.column),
            1 => {
                let own = if column > behind { column.saturating_sub(width).max(behind) } else { column };
                (self.line, self.column + own.saturating_sub(1))
            }
            _ => (self.line + line - 1, column),
        }
    }

    /// An error of this definition, at its place in the file.
    pub(crate) fn put_in_place(&self, error: &mut XmlError) {
        (error.line, error.column) = self.place(error.line, error.column);
    }
}

/// What an export holds, in order: its tasks, and what else is in it that should not be.
pub(crate) type Parts = Vec<Result<Part, Box<XmlError>>>;

/// The tasks of a text, if it is an export. A text that is not well-formed is none if it is so short that the core says what is
/// wrong with it.
pub(crate) fn tasks(text: &str) -> Option<Parts> {
    let is_short = text.len() <= XML_UNITS || text.encode_utf16().count() <= XML_UNITS;
    let wrong = |status, place, value: &str| Some(vec![Err(at_place(status, place, "", value))]);
    if !is_bounded(text) {
        let why = "too many attributes or namespaces";
        return if is_short { None } else { wrong(Status::SCHED_E_MALFORMEDXML, (1, 1), why) };
    }
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(_) if is_short => return None,
        Err(error) => return wrong(Status::SCHED_E_MALFORMEDXML, place_of(text, &error), &said(&error)),
    };
    let root = document.root_element();
    if root.tag_name().name() != "Tasks" || !matches!(root.tag_name().namespace(), None | Some(NAMESPACE)) {
        return None;
    }
    let mut cursor = Cursor { text, at: 0, line: 1, column: 1 };
    let mut parts = Parts::new();
    let head = root.first_child().and_then(|first| text.get(..first.range().start)).unwrap_or(text);
    if head.contains("&#") {
        // The parser puts something in for references to what is no character, and the core refuses them.
        let whole = if head.len() < text.len() { format!("{head}</Tasks>") } else { text.to_owned() };
        let error = image_of(&whole, &Known::default()).err();
        parts.extend(error.filter(|error| error.status == Status::SCHED_E_MALFORMEDXML).map(Err));
    }
    if !root.children().any(|node| node.is_element()) {
        cursor.go(root.range().start);
        parts.push(Err(cursor.wrong(Status::SCHED_E_MISSINGNODE, "Task", "")));
    }
    for node in root.children() {
        if node.is_element() {
            cursor.go(node.range().start);
            parts.push(Ok(part(node, &cursor)));
        } else if let Some(value) = node.text().filter(|_| node.is_text()).map(|text| text.trim_matches(SPACE))
            && !value.is_empty()
        {
            let source = text.get(node.range()).unwrap_or_default();
            cursor.go(node.range().start + source.len() - source.trim_start_matches(SPACE).len());
            parts.push(Err(cursor.wrong(Status::SCHED_E_UNEXPECTEDNODE, "Tasks", value)));
        }
    }
    Some(parts)
}

/// A place in a text that goes forward only, so that all places together cost one pass.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    fn go(&mut self, to: usize) {
        let (lines, columns) = end(self.text.get(self.at..to).unwrap_or_default());
        self.column = if lines == 1 { self.column + columns - 1 } else { columns };
        (self.at, self.line) = (to, self.line + lines - 1);
    }

    fn wrong(&self, status: Status, node: &str, value: &str) -> Box<XmlError> {
        at_place(status, (self.line, self.column), node, value)
    }
}

/// The task that begins where the cursor is.
fn part(task: Node<'_, '_>, cursor: &Cursor<'_>) -> Part {
    let source = cursor.text.get(task.range()).unwrap_or_default();
    let name = source.find(|character| SPACE.contains(&character) || matches!(character, '/' | '>'));
    let (name, rest) = source.split_at(name.unwrap_or(source.len()));
    let mut text = name.to_owned();
    for namespace in task.parent_element().iter().flat_map(|around| around.namespaces()) {
        let declaration = namespace.name().map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        if namespace.name() != Some("xml") && !attributes(rest).any(|own| own == declaration) {
            let uri = namespace.uri().replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            text += &format!(" {declaration}=\"{uri}\"");
        }
    }
    let units = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
    let put_in = (units(name).saturating_add(1), units(&text) - units(name));
    text += rest;
    let uri = child(task, "RegistrationInfo").and_then(|info| child(info, "URI")?.text());
    let uri = uri.map(|uri| uri.trim_matches(SPACE).to_owned()).filter(|uri| !uri.is_empty());
    Part { text, uri, line: cursor.line, column: cursor.column, put_in }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// Whether the parser takes little time and memory for a text, whatever it is.
fn is_bounded(text: &str) -> bool {
    let prefixed = text.matches("xmlns:").count();
    let namespaces = prefixed.saturating_mul(text.matches("xmlns").count());
    let is_tag = |markup: &&str| !markup.starts_with(['!', '?']);
    namespaces <= NAMESPACES && !text.split('<').filter(is_tag).any(|tag| attributes(tag).nth(ATTRIBUTES).is_some())
}

/// The names of the attributes of a tag from behind its name on, up to its end.
fn attributes(tag: &str) -> impl Iterator<Item = &str> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once(['=', '>'])?;
        if rest.as_bytes().get(name.len()) == Some(&b'>') {
            return None;
        }
        let value = value.trim_start_matches(SPACE);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        (_, rest) = value.get(1..)?.split_once(quote)?;
        name.trim_matches(SPACE).rsplit(SPACE).next()
    })
}

/// What the parser says, without the place that it puts behind.
fn said(error: &roxmltree::Error) -> String {
    let said = error.to_string();
    said.strip_suffix(&format!(" at {}", error.pos())).map_or(said.clone(), str::to_owned)
}

/// Where the parser found an error. Its columns count characters, and it has no place of what is missing at the end.
fn place_of(text: &str, error: &roxmltree::Error) -> (u32, u32) {
    use roxmltree::Error;
    let at_end = [Error::NoRootNode, Error::UnclosedRootNode, Error::UnexpectedEndOfStream, Error::NodesLimitReached]
        .contains(error);
    if at_end {
        return end(text);
    }
    let position = error.pos();
    let lines = text.split_inclusive('\n').take(position.row.saturating_sub(1) as usize);
    let line = lines.map(str::len).sum::<usize>();
    let rest = text.get(line..).unwrap_or_default();
    let before = rest.chars().take(position.col.saturating_sub(1) as usize).map(char::len_utf8).sum::<usize>();
    end(text.get(..line + before).unwrap_or_default())
}
