use core::fmt;

use md4::{Digest, Md4};
use zeroize::Zeroize;

/// NTOWF v1, [MS-NLMP] 3.3.1: MD4 over the password in UTF-16LE. As good as the password itself: keep it secret.
///
/// # Example
/// ```
/// let hash = mainspring::auth::nt_hash("Password");
/// assert_eq!(hash[..4], [0xa4, 0xf4, 0x9c, 0x40]);
/// ```
#[must_use]
pub fn nt_hash(password: &str) -> [u8; 16] {
    hash(password.encode_utf16())
}

fn hash(units: impl Iterator<Item = u16>) -> [u8; 16] {
    let mut md4 = Md4::new();
    units.for_each(|unit| md4.update(unit.to_le_bytes()));
    md4.finalize().into()
}

/// What a client logs in with. The password itself is not kept.
#[derive(Clone)]
pub struct Credentials<'c> {
    /// The user's name.
    pub user: &'c str,
    /// The domain or host that knows the user; may be empty.
    pub domain: &'c str,
    /// [`nt_hash`] of the password. A secret.
    pub nt_hash: [u8; 16],
}

impl<'c> Credentials<'c> {
    /// Credentials from a password; `user` may be `user`, `domain\user` or `user@domain`, and a `domain` in it is
    /// overruled by one given apart.
    #[must_use]
    pub fn new(user: &'c str, domain: &'c str, password: &str) -> Self {
        // A name with an `@` is sent as it is: only the server knows whether it is a name of its own.
        let (domain, user) = match user.split_once('\\') {
            Some((named, user)) if domain.is_empty() => (named, user),
            Some((_, user)) => (domain, user),
            None => (domain, user),
        };
        Self { user, domain, nt_hash: nt_hash(password) }
    }
}

/// Leaves the hash out, so that it never reaches a log.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Drop for Credentials<'_> {
    fn drop(&mut self) {
        self.nt_hash.zeroize();
    }
}
