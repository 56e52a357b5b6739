//! Negotiation tokens, RFC 4178 section 4.2 and [MS-SPNG].

use super::{
    der::{self, Elements},
    error::AuthError,
};
use crate::bytes::{Full, Writer};

/// The mechanism list that an initiator sends, in DER: NTLMSSP, 1.3.6.1.4.1.311.2.2.10, alone. The list's signature
/// covers it from its tag on.
pub(super) const NTLM_ALONE: [u8; 14] = [0x30, 12, 6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10];

/// The identifier of NTLMSSP, without tag and length.
fn ntlmssp() -> &'static [u8] {
    NTLM_ALONE.split_at(4).1
}

/// The identifier of SPNEGO, 1.3.6.1.5.5.2, without tag and length.
const SPNEGO: [u8; 6] = [0x2b, 6, 1, 5, 5, 2];

const APPLICATION: u8 = 0x60;
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 6;
const OCTET_STRING: u8 = 4;
const ENUMERATED: u8 = 10;

/// Context tag of NegTokenInit, and of the first member of a sequence; the others follow in order.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const CONTEXT_2: u8 = 0xa2;
const CONTEXT_3: u8 = 0xa3;

/// negState of a response, RFC 4178 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NegState {
    AcceptCompleted = 0,
    AcceptIncomplete = 1,
    Reject = 2,
    RequestMic = 3,
}

/// NegTokenInit, RFC 4178 4.2.1: the first token of a client.
pub(super) struct NegTokenInit<'t> {
    /// The list of mechanisms in DER, as its signature will cover it.
    pub(super) list: &'t [u8],
    /// Where NTLMSSP stands in the list.
    pub(super) ntlm: usize,
    /// The first token of the mechanism that stands first.
    pub(super) token: Option<&'t [u8]>,
}

impl<'t> NegTokenInit<'t> {
    /// Reads the token, with the frame of RFC 2743 3.1 around it or, as some clients send it, without.
    pub(super) fn read(bytes: &'t [u8]) -> Result<Self, AuthError> {
        let unreadable = AuthError::Unreadable { length: bytes.len() };
        let members = || {
            let mut outer = Elements(bytes);
            let mut first = outer.element()?;
            if first.tag == APPLICATION {
                let mut framed = Elements(first.content);
                framed.expect(OBJECT_IDENTIFIER).filter(|mechanism| *mechanism == SPNEGO)?;
                first = framed.element()?;
            }
            Some(first).filter(|token| token.tag == CONTEXT_0).map(|token| token.content)
        };
        let (mut list, mut token) = (None, None);
        let mut members = Elements(Elements(members().ok_or(unreadable)?).expect(SEQUENCE).ok_or(unreadable)?);
        while let Some(member) = members.element() {
            match member.tag {
                CONTEXT_0 => list = Elements(member.content).element().filter(|list| list.tag == SEQUENCE),
                CONTEXT_2 => token = Elements(member.content).expect(OCTET_STRING),
                _ => {}
            }
        }
        let list = list.ok_or(unreadable)?;
        let mut mechanisms = Elements(list.content);
        let mut ntlm = 0;
        while mechanisms.expect(OBJECT_IDENTIFIER).ok_or(AuthError::NoMechanism)? != ntlmssp() {
            ntlm += 1;
        }
        Ok(Self { list: list.whole, ntlm, token })
    }
}

/// NegTokenResp, RFC 4178 4.2.2: every other token.
#[derive(Default)]
pub(super) struct NegTokenResp<'t> {
    pub(super) state: Option<u8>,
    /// Whether a mechanism is named that is not NTLMSSP.
    pub(super) foreign: bool,
    pub(super) token: Option<&'t [u8]>,
    /// mechListMIC.
    pub(super) signature: Option<&'t [u8]>,
}

impl<'t> NegTokenResp<'t> {
    /// Reads the token.
    pub(super) fn read(bytes: &'t [u8]) -> Result<Self, AuthError> {
        let members = Elements(bytes).expect(CONTEXT_1).and_then(|token| Elements(token).expect(SEQUENCE));
        let mut members = Elements(members.ok_or(AuthError::Unreadable { length: bytes.len() })?);
        let mut read = Self::default();
        while let Some(member) = members.element() {
            let mut content = Elements(member.content);
            match member.tag {
                CONTEXT_0 => read.state = content.expect(ENUMERATED).and_then(|state| state.first().copied()),
                CONTEXT_1 => read.foreign = content.expect(OBJECT_IDENTIFIER) != Some(ntlmssp()),
                CONTEXT_2 => read.token = content.expect(OCTET_STRING),
                CONTEXT_3 => read.signature = content.expect(OCTET_STRING),
                _ => {}
            }
        }
        Ok(read)
    }
}

/// Writes a NegTokenInit; `token` writes the first token of NTLMSSP into it.
pub(super) fn put_init<E: From<Full>, T>(
    writer: &mut Writer<'_>,
    token: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let frame = writer.position();
    writer.put(&[OBJECT_IDENTIFIER, 6])?;
    writer.put(&SPNEGO)?;
    let start = writer.position();
    writer.put(&[CONTEXT_0, 14])?;
    writer.put(&NTLM_ALONE)?;
    let value = put_octets(writer, CONTEXT_2, token)?;
    der::wrap(writer, start, SEQUENCE)?;
    der::wrap(writer, start, CONTEXT_0)?;
    der::wrap(writer, frame, APPLICATION)?;
    Ok(value)
}

/// A NegTokenResp being written, member by member in the order of the methods.
pub(super) struct RespWriter {
    start: usize,
}

impl RespWriter {
    /// Starts with the state, if one is said.
    pub(super) fn new(writer: &mut Writer<'_>, state: Option<NegState>) -> Result<Self, Full> {
        let start = writer.position();
        if let Some(state) = state {
            writer.put(&[CONTEXT_0, 3, ENUMERATED, 1, state as u8])?;
        }
        Ok(Self { start })
    }

    /// Names NTLMSSP as the mechanism.
    pub(super) fn mechanism(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.put(&[CONTEXT_1, 12, OBJECT_IDENTIFIER, 10])?;
        writer.put(ntlmssp())
    }

    /// Puts the token that `token` writes; none if it writes nothing.
    pub(super) fn token<E: From<Full>, T>(
        &self,
        writer: &mut Writer<'_>,
        token: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        put_octets(writer, CONTEXT_2, token)
    }

    /// Puts the signature of the list of mechanisms.
    pub(super) fn signature(&self, writer: &mut Writer<'_>, signature: &[u8]) -> Result<(), Full> {
        put_octets(writer, CONTEXT_3, |writer| writer.put(signature))
    }

    /// Ends the token.
    pub(super) fn finish(self, writer: &mut Writer<'_>) -> Result<(), Full> {
        der::wrap(writer, self.start, SEQUENCE)?;
        der::wrap(writer, self.start, CONTEXT_1)
    }
}

fn put_octets<E: From<Full>, T>(
    writer: &mut Writer<'_>,
    tag: u8,
    octets: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let start = writer.position();
    let value = octets(writer)?;
    if writer.position() != start {
        der::wrap(writer, start, OCTET_STRING)?;
        der::wrap(writer, start, tag)?;
    }
    Ok(value)
}
