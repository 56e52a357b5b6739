//! NTLM v2 Authentication, [MS-NLMP] 3.3.2, and the session key that comes out of it.

use hmac::{Hmac, Mac};
use md5::Md5;
use rc4::StreamCipher;
use zeroize::Zeroizing;

use super::Sink;
use crate::{
    auth::crypto::{self, Key},
    bytes::Full,
    text::folded,
};

/// HMAC-MD5 being made.
#[derive(Clone)]
pub(super) struct Hasher(Hmac<Md5>);

impl Hasher {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        Self(crypto::mac(crypto::keyed(key)))
    }

    pub(super) fn and(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> Key {
        Zeroizing::new(self.0.finalize().into_bytes().into())
    }
}

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.update(bytes);
        Ok(())
    }
}

/// NTOWFv2 up to the user's name; the domain's name in UTF-16LE is still to come.
pub(super) fn ntowf_v2(nt_hash: &[u8; 16], user: &str) -> Hasher {
    let mut hasher = Hasher::new(nt_hash);
    let mut units = [0; 2];
    for character in folded(user) {
        for unit in character.encode_utf16(&mut units) {
            hasher.0.update(&unit.to_le_bytes());
        }
    }
    hasher
}

/// NTProofStr: what the client's response must begin with.
pub(super) fn proof(response_key: &[u8; 16], server_challenge: &[u8; 8], temp: &[u8]) -> Key {
    Hasher::new(response_key).and(server_challenge).and(temp).finish()
}

/// SessionBaseKey, which is also KeyExchangeKey: KXKEY (section 3.4.5.1) does nothing in version 2.
pub(super) fn session_base_key(response_key: &[u8; 16], proof: &[u8; 16]) -> Key {
    Hasher::new(response_key).and(proof).finish()
}

/// RC4K of a session key: encrypts and decrypts.
pub(super) fn exchange(key_exchange_key: &[u8; 16], session_key: &[u8; 16]) -> Key {
    let mut key = Zeroizing::new(*session_key);
    crypto::stream(key_exchange_key).apply_keystream(key.as_mut_slice());
    key
}
