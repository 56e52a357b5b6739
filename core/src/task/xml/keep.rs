//! What is taken out of the tree as new text: opaque elements in canonical form, inner markup, and values that comments
//! cut into pieces.

use alloc::{string::String, vec::Vec};

use roxmltree::{Document, Node};

use super::{
    error::Fault,
    heap::{Growing, Room},
    values::{SPACE, TRIGGERS},
};
use crate::{status::Status, task::opaque};

type Result<'d, T = ()> = core::result::Result<T, Fault<'d>>;

/// Text that the tree does not have in one piece.
pub(super) struct Kept {
    text: String,
    // INVARIANT: in the order of the nodes.
    places: Vec<(u32, core::ops::Range<usize>)>,
}

impl Kept {
    /// Goes through the whole tree once.
    pub(super) fn new<'d>(document: &'d Document<'d>, room: &Room) -> Result<'d, Self> {
        let (mut text, mut places) = (Growing::new(room), Vec::new());
        for node in document.descendants().filter(Node::is_element) {
            let start = text.len();
            if is_opaque(node) {
                write_element(&mut text, node)?;
            } else if is_data(node) {
                write_inner(&mut text, node);
            } else if node.first_element_child().is_none() && node.children().filter(Node::is_text).count() > 1 {
                node.children()
                    .filter_map(|text| text.text().filter(|_| text.is_text()))
                    .for_each(|piece| text.push_str(piece));
            } else {
                continue;
            }
            room.push(&mut places, (node.id().get(), start..text.len()))?;
        }
        Ok(Self { text: text.finish()?, places })
    }

    /// What is kept of `node`.
    pub(super) fn of(&self, node: Node<'_, '_>) -> Option<&str> {
        let at = self.places.binary_search_by_key(&node.id().get(), |(id, _)| *id).ok()?;
        self.text.get(self.places.get(at)?.1.clone())
    }
}

/// The names of the elements around `node`, from its parent outwards.
fn is_under(node: Node<'_, '_>, names: &[&str]) -> bool {
    let mut around = node.ancestors().skip(1);
    names.iter().all(|name| around.next().is_some_and(|node| node.tag_name().name() == *name))
        && around.next().is_some_and(|node| node.is_root())
}

fn is_opaque(node: Node<'_, '_>) -> bool {
    is_opaque_trigger(node.tag_name().name()) && is_under(node, &["Triggers", "Task"])
}

/// Whether white space between tags may count inside of elements of this name, because their markup is kept.
pub(super) fn keeps_space(name: &str) -> bool {
    name == "Data" || is_opaque_trigger(name)
}

fn is_opaque_trigger(name: &str) -> bool {
    name.ends_with("Trigger") && TRIGGERS.iter().all(|(known, _)| *known != name)
}

fn is_data(node: Node<'_, '_>) -> bool {
    node.tag_name().name() == "Data"
        && (is_under(node, &["Task"]) || is_under(node, &["ComHandler", "Actions", "Task"]))
}

/// Writes an element in the canonical form of [`opaque`]. The nesting, and so the recursion, is bounded by XML_DEPTH.
fn write_element<'d>(out: &mut Growing<'_>, node: Node<'d, 'd>) -> Result<'d> {
    Fault::check_namespace(node)?;
    let name = node.tag_name().name();
    let fault = Fault::unexpected(node);
    if !opaque::is_name(name) {
        return Err(fault);
    }
    out.push('<');
    out.push_str(name);
    for attribute in node.attributes() {
        let fault = Fault { at: attribute.range().start, node: attribute.name(), value: attribute.value(), ..fault };
        if let Some(value) = attribute.namespace() {
            return Err(Fault { status: Status::SCHED_E_NAMESPACE, value, ..fault });
        }
        if !opaque::is_name(attribute.name()) {
            return Err(fault);
        }
        out.push(' ');
        out.push_str(attribute.name());
        out.push_str("=\"");
        attribute.value().chars().for_each(|character| escape(out, character, true));
        out.push('"');
    }
    let content = out.len();
    out.push('>');
    let texts = || node.children().filter(Node::is_text).filter_map(|text| text.text());
    let is_mixed = texts().any(|text| !text.trim_matches(SPACE).is_empty());
    let is_leaf = node.first_element_child().is_none();
    for child in node.children() {
        if child.is_element() {
            write_element(out, child)?;
        } else if child.is_text() && (is_mixed || is_leaf) {
            child.text().unwrap_or_default().chars().for_each(|character| escape(out, character, false));
        }
    }
    if out.len() == content + 1 {
        out.truncate(content);
        out.push_str("/>");
    } else {
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }
    Ok(())
}

/// Writes what is inside of a Data element: its text, or its markup as it was written, with line ends as a parser
/// sees them.
fn write_inner(out: &mut Growing<'_>, node: Node<'_, '_>) {
    if node.first_element_child().is_none() {
        node.children().filter(Node::is_text).filter_map(|text| text.text()).for_each(|text| out.push_str(text));
        return;
    }
    let range = node.first_child().zip(node.last_child()).map(|(first, last)| first.range().start..last.range().end);
    let source = range.and_then(|range| node.document().input_text().get(range)).unwrap_or_default();
    let mut characters = source.trim_matches(SPACE).chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            _ => out.push(character),
        }
    }
}

/// Writes a character of text or of an attribute's value, so that a parser gives it back.
fn escape(out: &mut Growing<'_>, character: char, is_attribute: bool) {
    match character {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '\r' => out.push_str("&#13;"),
        '"' if is_attribute => out.push_str("&quot;"),
        '\t' if is_attribute => out.push_str("&#9;"),
        '\n' if is_attribute => out.push_str("&#10;"),
        _ => out.push(character),
    }
}
