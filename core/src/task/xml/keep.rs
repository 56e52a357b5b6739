//! What is taken out of the tree as new text: opaque elements in canonical form, inner markup, and values that comments
//! cut into pieces.

use alloc::{string::String, vec::Vec};

use roxmltree::{Document, Node};

use super::{
    NAMESPACE,
    error::Fault,
    heap::{Growing, Room},
    values::{ACTIONS, EXEC, PRINCIPAL, SETTINGS, SPACE, TRIGGERS},
    version,
};
use crate::{
    limits::{XML_ATTRIBUTES, XML_NAMESPACES},
    task::opaque,
};

type Result<'d, T = ()> = core::result::Result<T, Fault<'d>>;

/// The namespace of the one prefix that nobody declares.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Text that the tree does not have in one piece.
pub(super) struct Kept {
    text: String,
    // INVARIANT: in the order of the nodes.
    places: Vec<Place>,
    minor: Option<u8>,
}

/// What is kept of a node.
struct Place {
    node: u32,
    is_markup: bool,
    range: core::ops::Range<usize>,
}

impl Kept {
    /// Goes through the whole tree once.
    pub(super) fn new<'d>(document: &'d Document<'d>, room: &Room) -> Result<'d, Self> {
        let mut places = Vec::new();
        let minor = document.root_element().attribute("version").and_then(version::minor);
        // The namespace of the task is declared once.
        let mut markup = Markup { out: Growing::new(room), declarations: 1, keeps_space: false };
        for node in document.descendants().filter(Node::is_element) {
            let start = markup.out.len();
            let is_markup = keep_unknown(&mut markup, node, minor)?;
            if !is_markup && is_data(node) {
                markup.inner(node);
            } else if !is_markup
                && node.first_element_child().is_none()
                && node.children().filter(Node::is_text).count() > 1
            {
                let texts = node.children().filter(Node::is_text).filter_map(|text| text.text());
                texts.for_each(|piece| markup.out.push_str(piece));
            } else if !is_markup {
                continue;
            }
            let range = start..markup.out.len();
            room.push(&mut places, Place { node: node.id().get(), is_markup, range })?;
        }
        Ok(Self { text: markup.out.finish()?, places, minor })
    }

    /// The minor version of the schema that the text says it keeps to.
    pub(super) const fn minor(&self) -> Option<u8> {
        self.minor
    }

    /// The text of `node`.
    pub(super) fn text_of(&self, node: Node<'_, '_>) -> Option<&str> {
        self.of(node, false)
    }

    /// What is kept of `node` as XML.
    pub(super) fn markup_of(&self, node: Node<'_, '_>) -> Option<&str> {
        self.of(node, true)
    }

    fn of(&self, node: Node<'_, '_>, is_markup: bool) -> Option<&str> {
        let at = self.places.binary_search_by_key(&node.id().get(), |place| place.node).ok()?;
        let place = self.places.get(at).filter(|place| place.is_markup == is_markup)?;
        self.text.get(place.range.clone())
    }
}

/// The names of the elements around `node`, from its parent outwards.
fn is_under(node: Node<'_, '_>, names: &[&str]) -> bool {
    let mut around = node.ancestors().skip(1);
    names.iter().all(|name| around.next().is_some_and(|node| node.tag_name().name() == *name))
        && around.next().is_some_and(|node| node.is_root())
}

/// Keeps a trigger or an action that is not known, or the fields of settings, of a principal and of an Exec that are not; says whether
/// there was something to be kept.
fn keep_unknown<'d>(out: &mut Markup<'_>, node: Node<'d, 'd>, minor: Option<u8>) -> Result<'d, bool> {
    let name = node.tag_name().name();
    if minor.is_none_or(|minor| minor < version::OPEN) {
        let is_kept = version::BEYOND.contains(&name)
            && minor.is_none_or(|minor| minor >= version::FIRST)
            && is_under(node, &["Triggers", "Task"]);
        return if is_kept { out.outermost(node).map(|()| true) } else { Ok(false) };
    }
    let is_known = match name {
        "Settings" if is_under(node, &["Task"]) => return out.elements_but(node, &SETTINGS),
        "Exec" if is_under(node, &["Actions", "Task"]) => return out.elements_but(node, &EXEC),
        "Principal" if is_under(node, &["Principals", "Task"]) => return out.elements_but(node, &PRINCIPAL),
        _ if is_under(node, &["Triggers", "Task"]) => TRIGGERS.iter().any(|(known, _)| *known == name),
        _ if is_under(node, &["Actions", "Task"]) => ACTIONS.iter().any(|(known, _)| *known == name),
        _ => true,
    };
    if is_known { Ok(false) } else { out.outermost(node).map(|()| true) }
}

/// Whether white space between tags may count inside of elements of this name, because their markup is kept. Of other elements
/// that may be kept nobody knows that before there is a tree: they are kept without it.
pub(super) fn keeps_space(name: &str) -> bool {
    name == "Data" || (name.ends_with("Trigger") && TRIGGERS.iter().all(|(known, _)| *known != name))
}

fn is_data(node: Node<'_, '_>) -> bool {
    node.tag_name().name() == "Data"
        && (is_under(node, &["Task"]) || is_under(node, &["ComHandler", "Actions", "Task"]))
}

/// XML that is written anew.
struct Markup<'r> {
    out: Growing<'r>,
    /// How many declarations of namespaces a definition will have that has this in it.
    declarations: usize,
    /// Whether white space between elements is still there, and counts where there is text beside it.
    keeps_space: bool,
}

impl Markup<'_> {
    /// Writes the elements of an element whose names are not among those; says whether there were some.
    fn elements_but<'d>(&mut self, node: Node<'d, 'd>, known: &[&str]) -> Result<'d, bool> {
        let start = self.out.len();
        for child in node.children().filter(|child| child.is_element() && !known.contains(&child.tag_name().name())) {
            self.outermost(child)?;
        }
        Ok(self.out.len() != start)
    }

    /// Writes an element that stands where those of the schema do, and so must be of their namespace.
    fn outermost<'d>(&mut self, node: Node<'d, 'd>) -> Result<'d> {
        Fault::check_namespace(node)?;
        self.keeps_space = keeps_space(node.tag_name().name());
        self.element(node, NAMESPACE, true)
    }

    /// Writes an element in the canonical form of [`opaque`], inside of one of the namespace `around`. The nesting, and so the
    /// recursion, is bounded by XML_DEPTH.
    fn element<'d>(&mut self, node: Node<'d, 'd>, around: &str, is_outermost: bool) -> Result<'d> {
        let name = node.tag_name().name();
        self.out.push('<');
        self.out.push_str(name);
        let namespace = node.tag_name().namespace().unwrap_or_default();
        let mut attributes = node.attributes().len();
        if namespace != around {
            self.declare(node, "", namespace, &mut attributes)?;
        }
        let around = node.parent_element().filter(|_| !is_outermost);
        for namespace in node.namespaces() {
            let is_there = around.is_some_and(|around| around.namespaces().any(|other| other == namespace));
            if let Some(prefix) = namespace.name().filter(|prefix| !is_there && *prefix != "xml")
                && says(node, prefix)
            {
                self.declare(node, prefix, namespace.uri(), &mut attributes)?;
            }
        }
        let mut round = None;
        for (at, attribute) in node.attributes().enumerate() {
            let mut prefix = heapless::String::<8>::new();
            match attribute.namespace() {
                None => {}
                Some(XML) => prefix.push_str("xml").unwrap_or_default(),
                Some(uri) => {
                    // Whatever it was called: by the number of the first attribute of that namespace.
                    let first = node.attributes().position(|other| other.namespace() == Some(uri)).unwrap_or(at);
                    let round = *round.get_or_insert_with(|| free_round(node));
                    let number = round.map(|round| first + round * XML_ATTRIBUTES);
                    let number = number.ok_or_else(|| Fault::too_many(node))?;
                    core::fmt::write(&mut prefix, format_args!("n{number}")).unwrap_or_default();
                    if first == at {
                        self.declare(node, &prefix, uri, &mut attributes)?;
                    }
                }
            }
            self.out.push(' ');
            if !prefix.is_empty() {
                self.out.push_str(&prefix);
                self.out.push(':');
            }
            self.attribute(attribute.name(), attribute.value());
        }
        let content = self.out.len();
        self.out.push('>');
        let texts = || node.children().filter(Node::is_text).filter_map(|text| text.text());
        let is_mixed = texts().any(|text| !text.trim_matches(SPACE).is_empty());
        let is_leaf = node.first_element_child().is_none();
        // Whether what stands between two elements says something.
        let mut says = None;
        for child in node.children() {
            if child.is_element() {
                says = None;
                self.element(child, namespace, false)?;
            } else if child.is_text()
                && *says.get_or_insert_with(|| is_leaf || if self.keeps_space { is_mixed } else { is_said(child) })
            {
                child.text().unwrap_or_default().chars().for_each(|character| escape(&mut self.out, character, false));
            }
        }
        if self.out.len() == content + 1 {
            self.out.truncate(content);
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        Ok(())
    }

    /// Declares a prefix, or the namespace of what has none. What is written must be within the bounds of what is read.
    fn declare<'d>(&mut self, node: Node<'d, 'd>, prefix: &str, uri: &str, attributes: &mut usize) -> Result<'d> {
        self.declarations += 1;
        *attributes += 1;
        if self.declarations > XML_NAMESPACES || *attributes > XML_ATTRIBUTES {
            return Err(Fault::too_many(node));
        }
        self.out.push_str(" xmlns");
        if !prefix.is_empty() {
            self.out.push(':');
        }
        self.attribute(prefix, uri);
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push_str(name);
        self.out.push_str("=\"");
        value.chars().for_each(|character| escape(&mut self.out, character, true));
        self.out.push('"');
    }

    /// Writes what is inside of a Data element: its text, or its markup as it was written, with line ends as a parser
    /// sees them. Where the markup speaks of namespaces that were declared around it, the outermost elements declare them.
    fn inner(&mut self, data: Node<'_, '_>) {
        let Some((first, last)) =
            data.first_child().zip(data.last_child()).filter(|_| data.first_element_child().is_some())
        else {
            let texts = data.children().filter(Node::is_text).filter_map(|text| text.text());
            texts.for_each(|text| self.out.push_str(text));
            return;
        };
        let source = data.document().input_text();
        let written = |range: core::ops::Range<usize>| source.get(range).unwrap_or_default();
        let all = written(first.range().start..last.range().end);
        let mut from = first.range().start + (all.len() - all.trim_start_matches(SPACE).len());
        for child in data.children().filter(Node::is_element) {
            let element = written(child.range());
            let name = element.find(|character| matches!(character, '>' | '/') || SPACE.contains(&character));
            let behind_name = child.range().start + name.unwrap_or(element.len());
            self.lines(written(from..behind_name));
            self.declare_around(data, element);
            from = behind_name;
        }
        self.lines(written(from..last.range().end).trim_end_matches(SPACE));
    }

    fn lines(&mut self, source: &str) {
        let mut characters = source.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' if characters.peek() == Some(&'\n') => {}
                '\r' => self.out.push('\n'),
                _ => self.out.push(character),
            }
        }
    }

    /// Declares what an element of a Data element has of the namespaces around it: the prefixes that it speaks of, in names or
    /// in values, and the namespace of names without one if it is not that of the task, in which Data is given back.
    fn declare_around(&mut self, data: Node<'_, '_>, element: &str) {
        let mut declare = |name: &[&str], uri: &str| {
            self.out.push(' ');
            name.iter().for_each(|part| self.out.push_str(part));
            self.attribute("", uri);
        };
        let default = data.lookup_namespace_uri(None).unwrap_or_default();
        if default != NAMESPACE && !declares(element, None) {
            declare(&["xmlns"], default);
        }
        for namespace in data.namespaces() {
            if let Some(prefix) = namespace.name().filter(|prefix| *prefix != "xml")
                && opaque::speaks_of(element.chars(), prefix)
                && !declares(element, Some(prefix))
            {
                declare(&["xmlns:", prefix], namespace.uri());
            }
        }
    }
}

/// Whether there is anything but white space from a text up to the next element. Where comments cut it into pieces, a piece alone
/// does not tell.
fn is_said(text: Node<'_, '_>) -> bool {
    let pieces = text.next_siblings().take_while(|node| !node.is_element()).filter(Node::is_text);
    pieces.filter_map(|piece| piece.text()).any(|piece| !piece.trim_matches(SPACE).is_empty())
}

/// A value in which a prefix may stand that only its reader understands.
#[derive(Clone)]
enum Value<'d> {
    Attribute(&'d str),
    /// The first piece of a text, which goes on behind comments.
    Text(Node<'d, 'd>),
}

impl<'d> Value<'d> {
    /// Those of an element and of what is inside of it.
    fn all(node: Node<'d, 'd>) -> impl Iterator<Item = Self> {
        node.descendants().flat_map(|node| {
            let mut before = node.prev_siblings().skip(1).take_while(|node| !node.is_element());
            let is_first = node.is_text() && !before.any(|node| node.is_text());
            let attributes = node.attributes().map(|attribute| Self::Attribute(attribute.value()));
            attributes.chain(is_first.then_some(Self::Text(node)))
        })
    }

    fn characters(&self) -> impl Iterator<Item = char> + Clone {
        let (value, first) = match self {
            Self::Attribute(value) => (Some(*value), None),
            Self::Text(first) => (None, Some(*first)),
        };
        let pieces = first.into_iter().flat_map(|first| first.next_siblings().take_while(|node| !node.is_element()));
        let texts = pieces.filter(Node::is_text).filter_map(|piece| piece.text());
        value.into_iter().chain(texts).flat_map(str::chars)
    }
}

fn says(node: Node<'_, '_>, prefix: &str) -> bool {
    Value::all(node).any(|value| opaque::speaks_of(value.characters(), prefix))
}

/// The prefixes of attributes are made in rounds of as many as an element has attributes: the first round of which no value speaks,
/// of a few.
fn free_round(node: Node<'_, '_>) -> Option<usize> {
    let taken = Value::all(node).fold(0_u8, |taken, value| {
        opaque::made(value.characters()).fold(taken, |taken, number| {
            let round = u32::try_from(number / XML_ATTRIBUTES).unwrap_or(u32::MAX);
            taken | 1_u8.checked_shl(round).unwrap_or(0)
        })
    });
    (0..8).find(|round| taken >> round & 1 == 0)
}

/// Whether an element's own start tag declares a prefix, or the namespace of names without one.
fn declares(element: &str, prefix: Option<&str>) -> bool {
    let mut rest = element;
    // Values are skipped, so that a `>` is the end of the tag.
    while let Some((name, value)) = rest.split_once('=').filter(|(name, _)| !name.contains('>')) {
        let name = name.trim_matches(SPACE).rsplit(SPACE).next().unwrap_or_default();
        let declared = name.strip_prefix("xmlns").map(|name| name.strip_prefix(':'));
        if declared == Some(prefix) {
            return true;
        }
        let value = value.trim_start_matches(SPACE);
        let quoted = value.chars().next().and_then(|quote| value.get(1..)?.split_once(quote));
        rest = quoted.map_or("", |(_, rest)| rest);
    }
    false
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
