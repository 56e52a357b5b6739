//! An element of a task XML, looked at as the schema sees it: fields, values and attributes, with the faults they have.

use roxmltree::Node;

use super::{error::Fault, keep::Kept, values::SPACE};
use crate::status::Status;

type Result<'d, T> = core::result::Result<T, Fault<'d>>;

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    pub(super) node: Node<'d, 'd>,
    kept: &'d Kept,
}

impl<'d> Element<'d> {
    /// The outermost element.
    pub(super) fn root(node: Node<'d, 'd>, kept: &'d Kept) -> Result<'d, Self> {
        Fault::check_namespace(node)?;
        Ok(Self { node, kept })
    }

    pub(super) fn name(&self) -> &'d str {
        self.node.tag_name().name()
    }

    /// What is kept of it instead of being understood.
    pub(super) fn kept(&self) -> Option<&'d str> {
        self.kept.of(self.node)
    }

    pub(super) fn unexpected(&self) -> Fault<'d> {
        Fault::unexpected(self.node)
    }

    pub(super) fn too_many(&self) -> Fault<'d> {
        Fault { status: Status::SCHED_E_TOO_MANY_NODES, ..self.unexpected() }
    }

    /// It lacks an element or attribute of that name.
    pub(super) fn missing(&self, name: &'d str) -> Fault<'d> {
        Fault { status: Status::SCHED_E_MISSINGNODE, node: name, ..self.unexpected() }
    }

    /// Its value is refused.
    pub(super) fn refused(&self, status: Status) -> Fault<'d> {
        let start = self.node.range().start;
        let at = self.node.children().find(Node::is_text).map_or(start, |text| {
            // Where white space comes before a value, the place is that of the value.
            let source = self.node.document().input_text().get(text.range()).unwrap_or_default();
            let value = source.trim_start_matches(SPACE);
            text.range().start + if value.is_empty() { 0 } else { source.len() - value.len() }
        });
        Fault { status, at, node: self.name(), value: self.raw().trim_matches(SPACE) }
    }

    fn raw(&self) -> &'d str {
        let text = || self.node.children().find(Node::is_text)?.text();
        self.kept().or_else(text).unwrap_or_default()
    }

    /// Its elements, which it may have nothing beside.
    pub(super) fn elements(self) -> impl Iterator<Item = Result<'d, Self>> {
        self.node.children().filter_map(move |node| {
            if node.is_element() {
                return Some(Fault::check_namespace(node).map(|()| Self { node, ..self }));
            }
            let text = node.text().filter(|_| node.is_text())?.trim_matches(SPACE);
            let fault = Fault {
                status: Status::SCHED_E_UNEXPECTEDNODE,
                at: node.range().start,
                node: self.name(),
                value: text,
            };
            (!text.is_empty()).then_some(Err(fault))
        })
    }

    /// Its elements by name, each there at most once, in any order; it may have no others.
    pub(super) fn fields<const N: usize>(self, names: [&str; N]) -> Result<'d, [Option<Self>; N]> {
        let mut fields = [None; N];
        for element in self.elements() {
            let element = element?;
            let field = names.iter().position(|name| *name == element.name()).and_then(|at| fields.get_mut(at));
            match field {
                None => return Err(element.unexpected()),
                Some(Some(_)) => return Err(element.too_many()),
                Some(field) => *field = Some(element),
            }
        }
        Ok(fields)
    }

    /// The value and the place of the one attribute that it may have, if it has it.
    pub(super) fn attribute(&self, name: &str) -> Result<'d, Option<(&'d str, usize)>> {
        let mut found = None;
        for attribute in self.node.attributes() {
            let at = attribute.range().start;
            if let Some(namespace) = attribute.namespace() {
                return Err(Fault { status: Status::SCHED_E_NAMESPACE, at, node: attribute.name(), value: namespace });
            }
            if attribute.name() != name {
                let (node, value) = (attribute.name(), attribute.value());
                return Err(Fault { status: Status::SCHED_E_UNEXPECTEDNODE, at, node, value });
            }
            found = Some((attribute.value(), attribute.range_value().start));
        }
        Ok(found)
    }

    /// The `id` attribute, which must say something.
    pub(super) fn id(&self) -> Result<'d, Option<&'d str>> {
        match self.attribute("id")? {
            Some(("", at)) => Err(Fault { status: Status::SCHED_E_INVALIDVALUE, at, node: "id", value: "" }),
            id => Ok(id.map(|(id, _)| id)),
        }
    }

    /// It may have no attributes.
    pub(super) fn plain(self) -> Result<'d, Self> {
        self.attribute("").map(|_| self)
    }

    /// Its text as it is.
    pub(super) fn text(&self) -> Result<'d, &'d str> {
        self.plain()?;
        match self.node.first_element_child() {
            Some(child) => {
                Fault::check_namespace(child)?;
                Err(Fault::unexpected(child))
            }
            None => Ok(self.raw()),
        }
    }

    /// Its text, if `read` accepts it.
    pub(super) fn text_that<T>(&self, read: impl FnOnce(&'d str) -> Option<T>) -> Result<'d, T> {
        read(self.text()?).ok_or_else(|| self.refused(Status::SCHED_E_INVALIDVALUE))
    }

    /// Its value, which white space may surround, if `read` accepts it.
    pub(super) fn value<T>(&self, read: impl FnOnce(&'d str) -> Option<T>) -> Result<'d, T> {
        self.text_that(|text| read(text.trim_matches(SPACE)))
    }
}

/// As [`Element::value`], for a field that may be absent.
pub(super) fn value<'d, T>(
    field: Option<Element<'d>>,
    read: impl FnOnce(&'d str) -> Option<T>,
) -> Result<'d, Option<T>> {
    field.map(|element| element.value(read)).transpose()
}

/// As [`Element::text`], for a field that may be absent.
pub(super) fn text<'d>(field: Option<Element<'d>>) -> Result<'d, Option<&'d str>> {
    field.map(|element| element.text()).transpose()
}
