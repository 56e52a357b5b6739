//! Actions, [MS-TSCH] 2.5.7.

use alloc::vec::Vec;

use super::{element::Element, error::Refused, values::ACTIONS};
use crate::{
    limits,
    task::{Action, ComHandler, Named, action::Parts},
};

type Result<T> = core::result::Result<T, Refused>;

#[inline(never)]
pub(super) fn read(actions: Element<'_>) -> Result<Vec<Action<'_>>> {
    let mut read = actions.list()?;
    for action in actions.elements() {
        let action = action?;
        if read.len() == if action.is_old() { 1 } else { limits::ACTIONS } {
            return Err(action.too_many());
        }
        let one = read_action(action)?;
        action.has_own_id()?;
        action.push(&mut read, one)?;
    }
    if read.is_empty() {
        return Err(actions.missing("Exec"));
    }
    Ok(read)
}

fn read_action(element: Element<'_>) -> Result<Action<'_>> {
    let known = ACTIONS.iter().zip(0..).find(|((name, _), _)| *name == element.name() && element.is_of_version());
    let Some(((_, texts), kind)) = known else {
        return element.opaque().map(|xml| Action::Opaque { xml }).ok_or_else(|| element.unexpected());
    };
    let mut parts = Parts { id: element.new_id()?, opaque: element.opaque(), ..Parts::new(kind) };
    let is_mail = kind == Parts::SEND_EMAIL;
    let lists: &[&str] = if is_mail { &["HeaderFields", "Attachments"] } else { &[] };
    let fields = element
        .fields_in(&|name| texts.iter().map(|(known, ..)| known).chain(lists).position(|known| *known == name))?;
    for ((name, is_needed, read), text) in texts.iter().zip(&mut parts.texts) {
        *text = match fields.get(name) {
            None if *is_needed => return Err(element.missing(name)),
            None => None,
            // What is inside is not looked at.
            Some(data) if *name == "Data" => data.plain()?.kept(),
            Some(field) => Some(field.accepted(read(field.text()?))?),
        };
    }
    if is_mail {
        let headers = fields.get("HeaderFields").map(|headers| {
            headers.texts("HeaderField", (0, limits::HEADER_FIELDS), |header, texts| {
                let fields = header.plain()?.fields(&["Name", "Value"])?;
                header.push(texts, fields.needed("Name")?.filled()?)?;
                header.push(texts, fields.needed("Value")?.text()?)
            })
        });
        parts.header_fields = Named::from_texts(headers.transpose()?.unwrap_or_default());
        let attachments = fields
            .get("Attachments")
            .map(|files| files.texts("File", (0, limits::ATTACHMENTS), |file, texts| file.push(texts, file.filled()?)));
        parts.attachments = attachments.transpose()?.unwrap_or_default();
    }
    if let (Parts::COM_HANDLER, [Some(class), ..]) = (kind, parts.texts) {
        parts.class = ComHandler::of_class(class).filter(|handler| handler.class_text.is_empty()).map(|one| one.class);
    }
    // It has what it needs.
    parts.action().ok_or_else(|| element.unexpected())
}
