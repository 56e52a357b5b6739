//! MD5, HMAC-MD5 and RC4 with keys of 16 bytes, which leave no error to handle.

use hmac::{
    Hmac, KeyInit, Mac,
    block_api::HmacCore,
    digest::block_api::{Buffer, CoreProxy},
};
use md5::{Digest, Md5};
use rc4::Rc4;
use zeroize::{Zeroize, Zeroizing};

/// A key, wiped when it is dropped.
pub(super) struct Key(pub(super) [u8; 16]);

impl Drop for Key {
    // Keys are dropped in many places, and wiping is a loop.
    #[inline(never)]
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// HMAC-MD5 after its key and before its message, without a buffer: two MD5 states, cheap to keep and to copy.
pub(super) type Keyed = HmacCore<Md5>;

/// MD5 over a key and a constant.
pub(super) fn md5(key: &[u8], constant: &[u8]) -> Key {
    Key(Md5::new().chain_update(key).chain_update(constant).finalize().into())
}

/// The state of HMAC-MD5 after its key.
pub(super) fn keyed(key: &Key) -> Keyed {
    // HMAC pads a short key with zeros to the block anyway; a whole block is what needs no error for its length.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(&key.0).for_each(|(byte, key)| *byte = *key);
    HmacCore::new((&*block).into())
}

/// HMAC-MD5 over the parts of a message.
pub(super) fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let mut mac = mac(keyed(key));
    parts.iter().for_each(|part| mac.update(part));
    finish(mac)
}

/// HMAC-MD5 after its message.
#[inline(never)]
pub(super) fn finish(mac: Hmac<Md5>) -> Key {
    Key(mac.finalize().into_bytes().into())
}

/// HMAC-MD5 after its key, ready for a message.
pub(super) fn mac(keyed: Keyed) -> Hmac<Md5> {
    Hmac::compose(keyed, Buffer::<Keyed>::default())
}

/// An RC4 stream at its start.
pub(super) fn stream(key: &Key) -> Rc4 {
    // RC4 repeats its key to 256 bytes; the key written twice gives the same stream, and needs no error for its length.
    let mut twice = Zeroizing::new([0; 32]);
    twice.iter_mut().zip(key.0.iter().cycle()).for_each(|(byte, key)| *byte = *key);
    rc4::KeyInit::new((&*twice).into())
}
