//! The entries of tasks and folders in the store, and what their paths say of the folders they are in.

use super::{Context, Refused};
use crate::{
    ports::Change,
    sid::Sid,
    store::{self, entry_key},
};

/// The folders above a path, outermost first, the root left out.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('\\').filter_map(|(at, _)| path.get(..at)).filter(|folder| !folder.is_empty())
}

/// The folder that a path is in, empty for the root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('\\').map_or("", |(parent, _)| parent)
}

/// The entry of that number, fetched into `record`.
pub(super) fn fetch<'e>(record: &'e mut [u8], cx: &mut Context<'_>, number: u32) -> Result<store::Entry<'e>, Refused> {
    let length = cx.store.get(store::entry_key(number), record)?.ok_or(Refused::Damaged)?;
    Ok(store::Entry::decode(record.get(..length).ok_or(Refused::Damaged)?)?)
}

/// The entry of a folder that nobody described.
pub(super) const fn folder(path: &str, owner: Option<Sid>) -> store::Entry<'_> {
    store::Entry {
        enabled: true,
        folder: true,
        path,
        definition: 0,
        registration_triggers: true,
        registered: None,
        registrant: owner,
        security: None,
        reader: None,
        disabled: None,
    }
}

/// The change that puts an entry, which is encoded to the front of `room`.
pub(super) fn encode<'r>(
    room: &mut &'r mut [u8],
    number: u32,
    entry: &store::Entry<'_>,
) -> Result<Change<'r>, Refused> {
    let length = entry.encode(room)?.len();
    let (record, rest) = core::mem::take(room).split_at_mut_checked(length).ok_or(Refused::TooLarge)?;
    *room = rest;
    Ok(Change::Put(entry_key(number), record))
}
