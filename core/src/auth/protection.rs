use core::{fmt, ops::Range};

use hmac::Mac;
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;

use super::{
    crypto::{self, Key, Keyed},
    error::BadSignature,
    policy::Strength,
};

/// ExportedSessionKey, and how other keys are made of it.
pub(super) struct SessionKey {
    pub(super) key: Key,
    pub(super) strength: Strength,
    /// With key exchange the checksum of a signature is encrypted with the sealing stream, [MS-NLMP] 3.4.4.2.
    pub(super) exchanged: bool,
}

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
    encrypts_checksum: bool,
}

/// One direction: its keys, its place in the RC4 stream, its place in the sequence.
struct Direction {
    keyed: Keyed,
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
        Self { sending, receiving, encrypts_checksum: key.exchanged }
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
        let strength = match key.strength {
            Strength::Bits128 => 16,
            Strength::Bits56 => 7,
            Strength::Bits40 => 5,
        };
        let weakened = key.key.0.get(..strength).unwrap_or_default();
        Self {
            keyed: crypto::keyed(&crypto::md5(&key.key.0, signing)),
            stream: crypto::stream(&crypto::md5(weakened, sealing)),
            sequence,
        }
    }

    /// HMAC-MD5 over the sequence number and the message.
    fn checksum(&self, message: &[u8]) -> [u8; 8] {
        let mut mac = crypto::mac(self.keyed.clone());
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
