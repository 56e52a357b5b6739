//! NTLM v2 Authentication, [MS-NLMP] 3.3.2, and the session key that comes out of it.

use hmac::{Hmac, Mac};
use md5::Md5;
use rc4::StreamCipher;

use super::Sink;
use crate::{
    auth::crypto::{self, Key},
    bytes::Full,
    text::folded,
};

impl Sink for Hmac<Md5> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.update(bytes);
        Ok(())
    }
}

/// NTOWFv2 up to the user's name; the domain's name in UTF-16LE is still to come.
pub(super) fn ntowf_v2(nt_hash: &Key, user: &str) -> Hmac<Md5> {
    let mut mac = crypto::mac(crypto::keyed(nt_hash));
    let mut units = [0; 2];
    for character in folded(user) {
        for unit in character.encode_utf16(&mut units) {
            mac.update(&unit.to_le_bytes());
        }
    }
    mac
}

/// NTProofStr: what the client's response must begin with.
pub(super) fn proof(response_key: &Key, server_challenge: &[u8; 8], temp: &[u8]) -> Key {
    crypto::hmac(response_key, &[server_challenge, temp])
}

/// SessionBaseKey, which is also KeyExchangeKey: KXKEY (section 3.4.5.1) does nothing in version 2.
pub(super) fn session_base_key(response_key: &Key, proof: &[u8; 16]) -> Key {
    crypto::hmac(response_key, &[proof])
}

/// RC4K of a session key: encrypts and decrypts.
pub(super) fn exchange(key_exchange_key: &Key, session_key: &[u8; 16]) -> Key {
    let mut key = Key(*session_key);
    crypto::stream(key_exchange_key).apply_keystream(&mut key.0);
    key
}
