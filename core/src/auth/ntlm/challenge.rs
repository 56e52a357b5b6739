//! CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2.

use super::{CHALLENGE, Field, SIGNATURE, Sink, VERSION, av_pairs, flags, open, utf16_len};
use crate::{
    auth::{environment::Identity, error::AuthError},
    bytes::Full,
};

/// What a server says in its challenge, besides its names.
#[derive(Clone, Copy)]
pub(super) struct Challenge {
    pub(super) flags: u32,
    pub(super) nonce: [u8; 8],
    /// FILETIME.
    pub(super) timestamp: u64,
}

/// Offset of the payload; the version is always there, and zero if not negotiated.
const HEADER: usize = 56;

impl Challenge {
    /// Writes the message; the same identity gives the same bytes again, so that they need not be kept for the MIC.
    ///
    /// MsvAvFlags is not among the pairs: with it, even at zero, Windows clients compute a MIC that nobody else does.
    pub(super) fn write(&self, sink: &mut dyn Sink, identity: &Identity<'_>) -> Result<(), Full> {
        // A server that belongs to no domain is its own domain.
        let names = [
            (av_pairs::NB_DOMAIN_NAME, identity.netbios_name),
            (av_pairs::NB_COMPUTER_NAME, identity.netbios_name),
            (av_pairs::DNS_DOMAIN_NAME, identity.dns_name),
            (av_pairs::DNS_COMPUTER_NAME, identity.dns_name),
        ];
        let target = utf16_len(identity.netbios_name);
        let pairs: usize = names.iter().map(|(_, name)| av_pairs::HEADER + utf16_len(name)).sum();
        let info = pairs + av_pairs::HEADER + 8 + av_pairs::HEADER;

        sink.put(SIGNATURE)?;
        sink.put(&CHALLENGE.to_le_bytes())?;
        sink.put(&Field::bytes(target, HEADER)?)?;
        sink.put(&self.flags.to_le_bytes())?;
        sink.put(&self.nonce)?;
        sink.put(&[0; 8])?;
        sink.put(&Field::bytes(info, HEADER + target)?)?;
        sink.put(if self.flags & flags::VERSION == 0 { &[0; 8] } else { &VERSION })?;

        sink.put_utf16(identity.netbios_name)?;
        for (id, name) in names {
            av_pairs::put_header(sink, id, utf16_len(name))?;
            sink.put_utf16(name)?;
        }
        av_pairs::put(sink, av_pairs::TIMESTAMP, &self.timestamp.to_le_bytes())?;
        av_pairs::put(sink, av_pairs::EOL, &[])
    }
}

/// A challenge as a client reads it.
pub(super) struct Challenged<'m> {
    pub(super) flags: u32,
    pub(super) nonce: [u8; 8],
    pub(super) target_info: av_pairs::AvPairs<'m>,
}

/// Reads the message.
pub(super) fn read(token: &[u8]) -> Result<Challenged<'_>, AuthError> {
    let mut reader = open(token, CHALLENGE)?;
    reader.take(Field::SIZE)?;
    let flags = reader.u32()?;
    let nonce = reader.array()?;
    let target_info = if flags & flags::TARGET_INFO == 0 {
        &[]
    } else {
        reader.take(8)?;
        Field::read(&mut reader)?.of(token)?
    };
    Ok(Challenged { flags, nonce, target_info: av_pairs::AvPairs(target_info) })
}
