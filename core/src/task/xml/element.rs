//! An element of a task XML, looked at as the schema sees it: fields, values and attributes, with the faults they have.

use alloc::vec::Vec;
use core::{
    cell::{Cell, OnceCell},
    ops::RangeInclusive,
};

use roxmltree::{Document, Node};

use super::{
    error::{Fault, Refused},
    heap::{NoMemory, Room},
    keep::Kept,
    values::{self, SPACE},
    version,
};
use crate::{
    limits,
    sid::Sid,
    status::Status,
    task::{Span, Texts, User},
};

type Result<T> = core::result::Result<T, Refused>;

/// What all elements of a text share.
pub(super) struct Reading<'d> {
    kept: Kept,
    /// What may still be taken of the heap.
    room: &'d Room,
    /// What is made for views to lend.
    made: Vec<OnceCell<Vec<u8>>>,
    /// How many of them there are.
    count: Cell<usize>,
    /// Why something was refused.
    fault: Cell<Option<Fault<'d>>>,
}

/// No list of elements is longer.
const LIST: usize = limits::TRIGGERS;
/// The elements that are read into something that views lend.
const MADE: [&str; 5] = ["UserId", "ValueQueries", "HeaderFields", "Attachments", "RequiredPrivileges"];
/// The most of them that a task may have: one of each trigger and of each principal, two of each mail.
const MADE_MOST: usize = limits::TRIGGERS + limits::PRINCIPALS + 2 * limits::ACTIONS;

impl<'d> Reading<'d> {
    pub(super) fn new(kept: Kept, document: &Document<'_>, room: &'d Room) -> core::result::Result<Self, NoMemory> {
        let nodes = document.descendants().filter(|node| MADE.contains(&node.tag_name().name()));
        let most = nodes.take(MADE_MOST).count();
        let mut made = room.list(most)?;
        made.resize_with(most, OnceCell::new);
        Ok(Self { kept, room, made, count: Cell::new(0), fault: Cell::new(None) })
    }

    /// Makes something to be lent, which takes `room` bytes at most.
    fn make(&self, room: usize, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Result<&[u8]> {
        let mut bytes = self.room.list(room)?;
        bytes.resize(room, 0);
        let length = write(&mut bytes).ok_or(NoMemory)?;
        bytes.truncate(length);
        let place = self.made.get(self.count.replace(self.count.get() + 1)).ok_or(NoMemory)?;
        Ok(place.get_or_init(|| bytes))
    }

    /// The outermost element.
    pub(super) fn root(&'d self, node: Node<'d, 'd>) -> Result<Element<'d>> {
        Element { node, reading: self }.checked()
    }

    /// Why something was refused.
    pub(super) fn fault(&self) -> Fault<'d> {
        self.fault.get().unwrap_or(Fault::NO_MEMORY)
    }
}

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    node: Node<'d, 'd>,
    reading: &'d Reading<'d>,
}

impl<'d> Element<'d> {
    /// It must be of the one namespace.
    fn checked(self) -> Result<Self> {
        Fault::check_namespace(self.node).map_err(|fault| self.refused_for(fault))?;
        Ok(self)
    }

    pub(super) fn name(&self) -> &'d str {
        self.node.tag_name().name()
    }

    /// Its text, or what is inside of a Data element, if the tree does not have it in one piece.
    pub(super) fn kept(&self) -> Option<&'d str> {
        self.reading.kept.text_of(self.node)
    }

    /// What is kept of it as XML instead of being understood: all of it, or some of its elements.
    pub(super) fn opaque(&self) -> Option<&'d str> {
        self.reading.kept.markup_of(self.node)
    }

    /// Notes why something is refused.
    fn refused_for(&self, fault: Fault<'d>) -> Refused {
        self.reading.fault.set(Some(fault));
        Refused
    }

    pub(super) fn unexpected(&self) -> Refused {
        self.refused_for(Fault::unexpected(self.node))
    }

    pub(super) fn too_many(&self) -> Refused {
        self.refused_for(Fault::too_many(self.node))
    }

    /// It lacks an element or attribute of that name.
    pub(super) fn missing(&self, name: &'d str) -> Refused {
        let fault = Fault::unexpected(self.node);
        self.refused_for(Fault { status: Status::SCHED_E_MISSINGNODE, node: name, ..fault })
    }

    /// The value of its attribute, which is at `at`, is refused.
    pub(super) fn attribute_refused(&self, name: &'d str, (value, at): (&'d str, usize)) -> Refused {
        self.refused_for(Fault { status: Status::SCHED_E_INVALIDVALUE, at, node: name, value })
    }

    /// Its value is refused.
    pub(super) fn refused(&self, status: Status) -> Refused {
        let start = self.node.range().start;
        let mut texts = self.node.children().filter(Node::is_text);
        let first = texts.clone().find(|text| !is_blank(text)).or_else(|| texts.next());
        let at = first.map_or(start, |text| self.start_of(text));
        self.refused_for(Fault { status, at, node: self.name(), value: self.raw().trim_matches(SPACE) })
    }

    /// The place of a text: behind the white space before it, if there is anything else.
    fn start_of(&self, text: Node<'_, '_>) -> usize {
        let source = self.node.document().input_text().get(text.range()).unwrap_or_default();
        let value = source.trim_start_matches(SPACE);
        // A text that goes on in a CDATA section ends in its source where that begins.
        let is_behind = !value.is_empty() || !is_blank(&text);
        text.range().start + if is_behind { source.len() - value.len() } else { 0 }
    }

    fn raw(&self) -> &'d str {
        let text = || self.node.children().find(Node::is_text)?.text();
        self.kept().or_else(text).unwrap_or_default()
    }

    /// A list that has room for what each of its elements is read into.
    pub(super) fn list<T>(&self) -> Result<Vec<T>> {
        self.list_of(self.node.children().filter(Node::is_element).take(LIST).count())
    }

    /// A list that has room for so many.
    pub(super) fn list_of<T>(&self, items: usize) -> Result<Vec<T>> {
        Ok(self.reading.room.list(items)?)
    }

    /// Appends to a list.
    pub(super) fn push<T>(&self, list: &mut Vec<T>, item: T) -> Result<()> {
        Ok(self.reading.room.push(list, item)?)
    }

    /// Its elements, which it may have nothing beside.
    pub(super) fn elements(self) -> impl Iterator<Item = Result<Self>> {
        self.node.children().filter_map(move |node| {
            if node.is_element() {
                return Some(Self { node, ..self }.checked());
            }
            let text = node.text().filter(|_| node.is_text())?.trim_matches(SPACE);
            let (at, node) = (self.start_of(node), self.name());
            let fault = Fault { status: Status::SCHED_E_UNEXPECTEDNODE, at, node, value: text };
            (!text.is_empty()).then(|| Err(self.refused_for(fault)))
        })
    }

    /// Its elements by name, each there at most once, in any order; it may have no others.
    pub(super) fn fields(self, names: &[&str]) -> Result<Fields<'d>> {
        self.fields_in(&|name| names.iter().position(|known| *known == name))
    }

    /// As [`fields`](Self::fields), of names that somebody else knows the places of; there are at most 32.
    pub(super) fn fields_in(self, place: &dyn Fn(&str) -> Option<usize>) -> Result<Fields<'d>> {
        let mut seen = 0_u32;
        for element in self.elements() {
            let element = element?;
            let Some(place) = place(element.name()).filter(|_| element.is_of_version()) else {
                if self.opaque().is_some() {
                    // All that is unknown here is kept.
                    continue;
                }
                return Err(element.unexpected());
            };
            let bit = 1 << place;
            if seen & bit != 0 {
                return Err(element.too_many());
            }
            seen |= bit;
        }
        Ok(Fields(self))
    }

    /// The value and the place of the one attribute that it may have, if it has it.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<(&'d str, usize)>> {
        let mut found = None;
        for attribute in self.node.attributes() {
            let at = attribute.range().start;
            if let Some(namespace) = attribute.namespace() {
                let (status, node) = (Status::SCHED_E_NAMESPACE, attribute.name());
                return Err(self.refused_for(Fault { status, at, node, value: namespace }));
            }
            if attribute.name() != name {
                let (node, value) = (attribute.name(), attribute.value());
                return Err(self.refused_for(Fault { status: Status::SCHED_E_UNEXPECTEDNODE, at, node, value }));
            }
            found = Some((attribute.value(), attribute.range_value().start));
        }
        Ok(found)
    }

    /// As [`attribute`](Self::attribute), of one that is a name: white space may surround it, and it must say something.
    pub(super) fn name_in(&self, attribute: &'static str) -> Result<Option<(&'d str, usize)>> {
        let name = self.attribute(attribute)?.map(|(name, at)| (name.trim_matches(SPACE), at));
        match name {
            Some(name @ ("", _)) => Err(self.attribute_refused(attribute, name)),
            name => Ok(name),
        }
    }

    /// The `id` attribute.
    pub(super) fn id(&self) -> Result<Option<&'d str>> {
        Ok(self.name_in("id")?.map(|(id, _)| id))
    }

    /// As [`id`](Self::id), of what had none before version 1.2.
    pub(super) fn new_id(&self) -> Result<Option<&'d str>> {
        let id = self.id()?;
        match self.node.attribute_node("id").filter(|_| self.is_old()) {
            Some(own) => {
                let (at, node, value) = (own.range().start, own.name(), own.value());
                Err(self.refused_for(Fault { status: Status::SCHED_E_UNEXPECTEDNODE, at, node, value }))
            }
            None => Ok(id),
        }
    }

    /// Its `id` must not be that of an element beside it, understood or not.
    pub(super) fn has_own_id(&self) -> Result<()> {
        let Some(own) = self.node.attribute_node("id") else { return Ok(()) };
        let id = own.value().trim_matches(SPACE);
        let mut others = self.node.prev_siblings().skip(1).filter_map(|other| other.attribute("id"));
        if others.any(|other| other.trim_matches(SPACE) == id) {
            return Err(self.attribute_refused("id", (own.value(), own.range_value().start)));
        }
        Ok(())
    }

    /// Whether the version that the text says it keeps to has such elements.
    pub(super) fn is_of_version(&self) -> bool {
        version::has(self.reading.kept.minor().unwrap_or(u8::MAX), self.name())
    }

    /// Whether the text keeps to a version before 1.2.
    pub(super) fn is_old(&self) -> bool {
        self.reading.kept.minor().is_some_and(|minor| minor < version::FIRST)
    }

    /// It may have no attributes.
    pub(super) fn plain(self) -> Result<Self> {
        self.attribute("").map(|_| self)
    }

    /// Its text as it is.
    pub(super) fn text(&self) -> Result<&'d str> {
        self.plain()?.only_text()
    }

    /// The text of one that may have attributes.
    pub(super) fn only_text(&self) -> Result<&'d str> {
        match self.node.first_element_child() {
            Some(node) => Err(Self { node, ..*self }.checked()?.unexpected()),
            None => Ok(self.raw()),
        }
    }

    /// Its value, which white space may surround.
    pub(super) fn value(&self) -> Result<&'d str> {
        Ok(self.text()?.trim_matches(SPACE))
    }

    /// What its text was read as, if it could be.
    pub(super) fn accepted<T>(&self, read: Option<T>) -> Result<T> {
        read.ok_or_else(|| self.refused(Status::SCHED_E_INVALIDVALUE))
    }

    /// Somebody whom it names.
    pub(super) fn user(&self, resolve: &mut dyn FnMut(&str) -> Option<Sid>) -> Result<User<'d>> {
        let name = self.accepted(values::non_empty(self.value()?))?;
        let sid = resolve(name).ok_or_else(|| self.refused(Status::E_NONE_MAPPED))?;
        let made = self.reading.make(User::ROOM, |room| User::new(&sid, room).map(|user| user.as_image().len()))?;
        Ok(User::from_image(made))
    }

    /// The texts that `read` takes from its elements, of which there may be so many, and which all have one name.
    pub(super) fn texts(
        self,
        name: &'static str,
        (least, most): (usize, usize),
        read: fn(Self, &mut Vec<&'d str>) -> Result<()>,
    ) -> Result<Texts<'d>> {
        let mut texts = Vec::new();
        for (count, element) in self.plain()?.elements().enumerate() {
            let element = element?;
            if element.name() != name {
                return Err(element.unexpected());
            }
            if count == most {
                return Err(element.too_many());
            }
            read(element, &mut texts)?;
        }
        if texts.len() < least {
            return Err(self.missing(name));
        }
        if texts.is_empty() {
            return Ok(Texts::default());
        }
        let room = Texts::room(&texts);
        let made = self.reading.make(room, |room| Texts::new(&texts, room).map(|texts| texts.as_image().len()))?;
        self.reading.room.give_back_list(texts);
        Ok(Texts::from_image(made))
    }

    /// Its text, which must say something.
    pub(super) fn filled(&self) -> Result<&'d str> {
        self.accepted(values::non_empty(self.text()?))
    }

    /// Its value, which is a duration of so many seconds.
    pub(super) fn span(&self, seconds: RangeInclusive<u64>) -> Result<Span<'d>> {
        let span = Span::parse(self.value()?);
        self.accepted(span.filter(|span| span.is_within(seconds)))
    }
}

/// The elements of an element, each of which is there at most once. They are looked up by name, because to hold them takes
/// more of the stack and of the flash.
#[derive(Clone, Copy)]
pub(super) struct Fields<'d>(Element<'d>);

impl<'d> Fields<'d> {
    pub(super) fn get(&self, name: &str) -> Option<Element<'d>> {
        let node = self.0.node.children().find(|node| node.is_element() && node.tag_name().name() == name)?;
        Some(Element { node, ..self.0 })
    }

    /// One that must be there.
    pub(super) fn needed(&self, name: &'static str) -> Result<Element<'d>> {
        self.get(name).ok_or_else(|| self.0.missing(name))
    }

    /// The text of one.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'d str>> {
        self.get(name).map(|field| field.text()).transpose()
    }

    /// The value of one, if `read` accepts it.
    pub(super) fn value<T>(&self, name: &str, read: fn(&'d str) -> Option<T>) -> Result<Option<T>> {
        let Some(field) = self.get(name) else { return Ok(None) };
        field.accepted(read(field.value()?)).map(Some)
    }

    /// A duration of so many seconds.
    pub(super) fn span(&self, name: &str, seconds: RangeInclusive<u64>) -> Result<Option<Span<'d>>> {
        self.get(name).map(|field| field.span(seconds)).transpose()
    }

    /// A boolean.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self.value(name, values::boolean)?.unwrap_or(default))
    }
}

/// Whether a text is white space alone.
fn is_blank(text: &Node<'_, '_>) -> bool {
    text.text().is_none_or(|text| text.trim_matches(SPACE).is_empty())
}
