//! NT LAN Manager messages and the machines of both sides, [MS-NLMP]. Version 2 only, connection-oriented only.

mod acceptor;
mod authenticate;
mod av_pairs;
mod challenge;
mod flags;
mod initiator;
mod keys;
mod negotiate;

pub(super) use acceptor::{Login, NtlmAcceptor};
pub(super) use initiator::NtlmInitiator;

use crate::{
    auth::error::AuthError,
    bytes::{Full, Reader, Writer},
    time::Now,
};

/// First bytes of every message, [MS-NLMP] 2.2.1.
pub(super) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;

/// A reader behind signature and type of a message.
fn open(token: &[u8], expected: u32) -> Result<Reader<'_>, AuthError> {
    let unreadable = AuthError::Unreadable { length: token.len() };
    let mut reader = Reader::new(token);
    if reader.array() != Ok(*SIGNATURE) {
        return Err(unreadable);
    }
    match reader.u32() {
        Ok(message) if message == expected => Ok(reader),
        Ok(message) => Err(AuthError::OutOfTurn { message }),
        Err(_) => Err(unreadable),
    }
}

/// A field of the payload: length, allocated length (ignored, as the specification has it) and offset from the start of
/// the message. An empty field may point anywhere.
#[derive(Clone, Copy)]
struct Field {
    length: u16,
    offset: u32,
}

impl Field {
    const SIZE: usize = 8;

    fn read(reader: &mut Reader<'_>) -> Result<Self, AuthError> {
        let length = reader.u16()?;
        reader.u16()?;
        Ok(Self { length, offset: reader.u32()? })
    }

    fn of<'m>(&self, message: &'m [u8]) -> Result<&'m [u8], AuthError> {
        if self.length == 0 {
            return Ok(&[]);
        }
        let unreadable = AuthError::Unreadable { length: message.len() };
        let offset = usize::try_from(self.offset).map_err(|_| unreadable)?;
        let end = offset.checked_add(self.length.into()).ok_or(unreadable)?;
        message.get(offset..end).ok_or(unreadable)
    }

    /// The bytes of the field as it is written.
    fn bytes(length: usize, offset: usize) -> Result<[u8; Self::SIZE], Full> {
        let full = Full { needed: length, left: usize::from(u16::MAX) };
        let [a, b] = u16::try_from(length).map_err(|_| full)?.to_le_bytes();
        let [c, d, e, f] = u32::try_from(offset).map_err(|_| full)?.to_le_bytes();
        Ok([a, b, a, b, c, d, e, f])
    }
}

/// VERSION, [MS-NLMP] 2.2.2.10: for diagnosis only, but where it is missing some clients shorten their headers. Product
/// 6.1, build 0, and the only revision there is.
const VERSION: [u8; 8] = [6, 1, 0, 0, 0, 0, 0, 15];

/// What is hashed or written in pieces.
trait Sink {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full>;

    fn put_utf16(&mut self, text: &str) -> Result<(), Full> {
        text.encode_utf16().try_for_each(|unit| self.put(&unit.to_le_bytes()))
    }
}

impl Sink for Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        Writer::put(self, bytes)
    }
}

/// Number of bytes of a text in UTF-16.
fn utf16_len(text: &str) -> usize {
    2 * text.encode_utf16().count()
}

/// The moment in units of FILETIME, [MS-DTYP] 2.3.3. While the wall clock is unknown, time since the start of the
/// monotonic clock stands in for time since 1970: peers only compare for equality, and a zero would look like none.
fn filetime(now: Now) -> u64 {
    let since_1970 = now.wall.map_or(i64::try_from(now.monotonic.0).unwrap_or(i64::MAX), |wall| wall.0);
    u64::try_from(since_1970.saturating_add(11_644_473_600_000)).unwrap_or(0).saturating_mul(10_000)
}
