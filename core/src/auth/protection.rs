use core::{fmt, ops::Range};

use hmac::{
    Hmac, KeyInit, Mac,
    block_api::HmacCore,
    digest::block_api::{Buffer, CoreProxy},
};
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    BadSignature,
    ntlm::{SessionKey, flags},
};

/// Which side of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Session Security Details, [MS-NLMP] 3.4, as [MS-RPCE] 3.3.1.5.2.2 uses them: signs and seals whole PDUs, in order.
///
/// Every call moves the stream on by one message, so each PDU passes exactly once, in the order of the wire.
///
/// In the methods, `pdu` is the whole PDU from its header up to and including its sec_trailer, without the signature
/// that follows; `sealed` is where its stub and padding lie in it.
pub struct Protection {
    sending: Direction,
    receiving: Direction,
    // With key exchange the checksum is encrypted with the sealing stream, [MS-NLMP] 3.4.4.2.
    encrypts_checksum: bool,
}

/// One direction: its keys, its place in the RC4 stream, its place in the sequence.
struct Direction {
    // The keyed state of HMAC alone, without a buffer: two MD5 states that are copied for each message.
    mac: HmacCore<Md5>,
    stream: Rc4,
    sequence: u32,
}

impl Protection {
    /// Number of bytes of a signature.
    pub const SIGNATURE: usize = 16;

    /// The keys of a session, at the message numbered `sequence` in both directions, with RC4 streams at their start.
    pub(super) fn new(key: &SessionKey, side: Side, sequence: u32) -> Self {
        let client = Direction::new(key, Side::Client, sequence);
        let server = Direction::new(key, Side::Server, sequence);
        let (sending, receiving) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        Self { sending, receiving, encrypts_checksum: key.flags & flags::KEY_EXCHANGE != 0 }
    }

    /// Signs a PDU that is sent as it is (packet integrity).
    pub fn sign(&mut self, pdu: &[u8]) -> [u8; Self::SIGNATURE] {
        let checksum = self.sending.checksum(pdu);
        self.sending.signature(checksum, self.encrypts_checksum)
    }

    /// Encrypts the `sealed` part of a PDU in place and signs what it was before (packet privacy). A range that reaches
    /// beyond the PDU is cut off there.
    pub fn seal(&mut self, pdu: &mut [u8], sealed: Range<usize>) -> [u8; Self::SIGNATURE] {
        let checksum = self.sending.checksum(pdu);
        self.sending.crypt(pdu, sealed);
        self.sending.signature(checksum, self.encrypts_checksum)
    }

    /// Checks the signature of a PDU that came as it is.
    ///
    /// # Errors
    /// [`BadSignature`]: the PDU or the signature was changed, lost, repeated or moved.
    pub fn verify(&mut self, pdu: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let checksum = self.receiving.checksum(pdu);
        let expected = self.receiving.signature(checksum, self.encrypts_checksum);
        if bool::from(expected.as_slice().ct_eq(signature)) { Ok(()) } else { Err(BadSignature) }
    }

    /// Decrypts the `sealed` part of a PDU in place and checks the signature of what comes out.
    ///
    /// # Errors
    /// [`BadSignature`] as for [`verify`](Self::verify); the PDU holds garbage then.
    pub fn unseal(&mut self, pdu: &mut [u8], sealed: Range<usize>, signature: &[u8]) -> Result<(), BadSignature> {
        self.receiving.crypt(pdu, sealed);
        self.verify(pdu, signature)
    }
}

/// Keeps the keys out of logs.
impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection")
            .field("sent", &self.sending.sequence)
            .field("received", &self.receiving.sequence)
            .finish_non_exhaustive()
    }
}

impl Direction {
    /// SIGNKEY and SEALKEY, [MS-NLMP] 3.4.5.2 and 3.4.5.3, of what `sender` sends.
    fn new(key: &SessionKey, sender: Side, sequence: u32) -> Self {
        let (signing, sealing): (&[u8], &[u8]) = match sender {
            Side::Client => (
                b"session key to client-to-server signing key magic constant\0",
                b"session key to client-to-server sealing key magic constant\0",
            ),
            Side::Server => (
                b"session key to server-to-client signing key magic constant\0",
                b"session key to server-to-client sealing key magic constant\0",
            ),
        };
        let strength = match key.flags {
            negotiated if negotiated & flags::STRENGTH_128 != 0 => 16,
            negotiated if negotiated & flags::STRENGTH_56 != 0 => 7,
            _ => 5,
        };
        let weakened = key.key.get(..strength).unwrap_or_default();
        Self { mac: keyed_mac(&md5(key.key.as_slice(), signing)), stream: stream(&md5(weakened, sealing)), sequence }
    }

    /// HMAC-MD5 over the sequence number and the message.
    fn checksum(&self, message: &[u8]) -> [u8; 8] {
        let mut mac = mac(self.mac.clone());
        mac.update(&self.sequence.to_le_bytes());
        mac.update(message);
        let full: [u8; 16] = mac.finalize().into_bytes().into();
        let [a, b, c, d, e, f, g, h, ..] = full;
        [a, b, c, d, e, f, g, h]
    }

    fn crypt(&mut self, pdu: &mut [u8], sealed: Range<usize>) {
        let end = sealed.end.min(pdu.len());
        if let Some(part) = pdu.get_mut(sealed.start.min(end)..end) {
            self.stream.apply_keystream(part);
        }
    }

    /// NTLMSSP_MESSAGE_SIGNATURE for Extended Session Security, [MS-NLMP] 2.2.2.9.2; moves on to the next message.
    fn signature(&mut self, mut checksum: [u8; 8], encrypts_checksum: bool) -> [u8; Protection::SIGNATURE] {
        if encrypts_checksum {
            self.stream.apply_keystream(&mut checksum);
        }
        let [a, b, c, d, e, f, g, h] = checksum;
        let [s, t, u, v] = self.sequence.to_le_bytes();
        self.sequence = self.sequence.wrapping_add(1);
        [1, 0, 0, 0, a, b, c, d, e, f, g, h, s, t, u, v]
    }
}

/// MD5 over a key and a constant.
fn md5(key: &[u8], constant: &[u8]) -> Zeroizing<[u8; 16]> {
    Zeroizing::new(Md5::new().chain_update(key).chain_update(constant).finalize().into())
}

/// The state of HMAC-MD5 after its key.
pub(super) fn keyed_mac(key: &[u8; 16]) -> HmacCore<Md5> {
    // HMAC pads a short key with zeros to the block anyway; a whole block is what needs no error for its length.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = *key);
    HmacCore::new((&*block).into())
}

/// HMAC-MD5 after its key, ready for a message.
pub(super) fn mac(keyed: HmacCore<Md5>) -> Hmac<Md5> {
    Hmac::compose(keyed, Buffer::<HmacCore<Md5>>::default())
}

/// An RC4 stream at its start.
pub(super) fn stream(key: &[u8; 16]) -> Rc4 {
    // RC4 repeats its key to 256 bytes; the key written twice gives the same stream, and needs no error for its length.
    let mut twice = Zeroizing::new([0; 32]);
    twice.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte = *key);
    rc4::KeyInit::new((&*twice).into())
}
