//! What the items of the map hold: records, parts of records, and the marks that a record is gone.
//!
//! The key is a part of the value as far as the map knows, and takes no bytes of its own: the map subtracts the length of
//! a key from that of an item without looking, and an item that is shorter than its key would make it panic.

use mainspring::ports::Key;
use sequential_storage::map::{self, SerializationError};

/// The key of an item. The items of one record are neighbours, its head first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ItemKey {
    kind: u8,
    number: u32,
    /// 0 for the head of a record; the parts of one that is long carry another number each time it is put.
    pub(super) generation: u8,
    pub(super) index: u8,
}

impl ItemKey {
    /// Not the key of any item that is written.
    const NONE: Self = Self { kind: u8::MAX, number: u32::MAX, generation: 0, index: u8::MAX };

    /// The key of the head of a record.
    pub(super) const fn of(key: Key) -> Self {
        Self { kind: key.kind, number: key.number, generation: 0, index: 0 }
    }

    /// The key of a part of the record.
    pub(super) const fn part(self, generation: u8, index: u8) -> Self {
        Self { generation, index, ..self }
    }

    /// The key of the head of the record that this is a part of.
    pub(super) const fn head(self) -> Self {
        self.part(0, 0)
    }

    /// The key of the record.
    pub(super) const fn key(self) -> Key {
        Key { kind: self.kind, number: self.number }
    }

    pub(super) const fn is_part(self) -> bool {
        self.generation != 0
    }
}

/// What is known of a record that is in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The generation of its parts, not 0.
    pub(super) generation: u8,
    /// Bytes of the record.
    pub(super) length: u32,
    /// [`crc32`](super::walk::crc32) of the record.
    pub(super) check: u32,
}

/// What an item says about its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'d> {
    /// The record is this.
    Whole(&'d [u8]),
    /// The record is in parts.
    Parts(Head),
    /// A part of a record.
    Part(&'d [u8]),
    /// There is no record.
    Gone,
    /// The same, and its items, of which this is the last, are being erased.
    Erasing,
}

/// An item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'d> {
    pub(super) key: ItemKey,
    pub(super) body: Body<'d>,
}

const WHOLE: u8 = 0;
const PARTS: u8 = 1;
const PART: u8 = 2;
const GONE: u8 = 3;
const ERASING: u8 = 4;

impl<'d> Item<'d> {
    /// Reads an item; `None` if it is none that was written here.
    pub(super) fn parse(data: &'d [u8]) -> Option<Self> {
        let (&kind, rest) = data.split_first()?;
        let (number, rest) = read_number(rest)?;
        let (&form, rest) = rest.split_first()?;
        let key = ItemKey { kind, number, generation: 0, index: 0 };
        Some(match form {
            WHOLE => Self { key, body: Body::Whole(rest) },
            PARTS => {
                let (&generation, rest) = rest.split_first()?;
                let (length, rest) = rest.split_first_chunk()?;
                let check = rest.try_into().ok()?;
                let head = Head { generation, length: u32::from_le_bytes(*length), check: u32::from_le_bytes(check) };
                Some(Self { key, body: Body::Parts(head) }).filter(|_| generation != 0)?
            }
            PART => {
                let (&[generation, index], rest) = rest.split_first_chunk()?;
                Some(Self { key: key.part(generation, index), body: Body::Part(rest) }).filter(|_| generation != 0)?
            }
            GONE | ERASING if !rest.is_empty() => return None,
            GONE => Self { key, body: Body::Gone },
            ERASING => Self { key, body: Body::Erasing },
            _ => return None,
        })
    }

    /// Bytes that it is written as.
    pub(super) fn length(&self) -> usize {
        let mut number = [0; 5];
        let body = match self.body {
            Body::Whole(bytes) => bytes.len(),
            Body::Parts(_) => 9,
            Body::Part(bytes) => 2 + bytes.len(),
            Body::Gone | Body::Erasing => 0,
        };
        1 + write_number(self.key.number, &mut number).len() + 1 + body
    }

    fn write(&self, into: &mut [u8]) -> Option<usize> {
        let mut number = [0; 5];
        let number = write_number(self.key.number, &mut number);
        let (first, into) = into.split_first_mut()?;
        *first = self.key.kind;
        let (room, into) = into.split_at_mut_checked(number.len())?;
        room.copy_from_slice(number);
        let (form, into) = into.split_first_mut()?;
        let mut put = |at: usize, bytes: &[u8]| -> Option<()> {
            into.get_mut(at..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(())
        };
        *form = match self.body {
            Body::Whole(bytes) => {
                put(0, bytes)?;
                WHOLE
            }
            Body::Parts(head) => {
                put(0, &[head.generation])?;
                put(1, &head.length.to_le_bytes())?;
                put(5, &head.check.to_le_bytes())?;
                PARTS
            }
            Body::Part(bytes) => {
                put(0, &[self.key.generation, self.key.index])?;
                put(2, bytes)?;
                PART
            }
            Body::Gone => GONE,
            Body::Erasing => ERASING,
        };
        Some(self.length())
    }
}

/// A number in groups of seven bits, the lowest first.
fn write_number(mut number: u32, into: &mut [u8; 5]) -> &[u8] {
    let mut length = 0;
    for byte in into.iter_mut() {
        length += 1;
        *byte = (number & 0x7F) as u8;
        number >>= 7;
        if number == 0 {
            break;
        }
        *byte |= 0x80;
    }
    into.get(..length).unwrap_or_default()
}

fn read_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(number).ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}

impl map::Key for ItemKey {
    fn serialize_into(&self, _: &mut [u8]) -> Result<usize, SerializationError> {
        Ok(0)
    }

    fn deserialize_from(buffer: &[u8]) -> Result<(Self, usize), SerializationError> {
        // The buffer goes on behind the item. That is no matter: a key does not depend on what follows it.
        Ok((Self::parse(buffer).unwrap_or(Self::NONE), 0))
    }
}

impl ItemKey {
    fn parse(data: &[u8]) -> Option<Self> {
        let (&kind, rest) = data.split_first()?;
        let (number, rest) = read_number(rest)?;
        let (&form, rest) = rest.split_first()?;
        let key = Self { kind, number, generation: 0, index: 0 };
        Some(match (form, rest) {
            (PART, &[generation, index, ..]) => key.part(generation, index),
            _ => key,
        })
    }
}

impl<'d> map::Value<'d> for Item<'d> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        self.write(buffer).ok_or(SerializationError::BufferTooSmall)
    }

    fn deserialize_from(buffer: &'d [u8]) -> Result<(Self, usize), SerializationError> {
        Self::parse(buffer).map(|item| (item, buffer.len())).ok_or(SerializationError::InvalidFormat)
    }
}
