//! What is kept of an account, so that tasks can run as it.

use super::{Damaged, SID_MAX, TooLong, finish, open};
use crate::{
    bytes::{Reader, Writer},
    ports::SEALED_MAX,
    sid::Sid,
};

const VERSION: u8 = 1;
const ELEMENTS: u64 = 3;

/// Bytes of the longest [`Credential`].
///
/// array and version 2, the SID with a length of 2, the sealed secret with a length of 2
pub const CREDENTIAL_MAX: usize = 2 + 2 + SID_MAX + 2 + SEALED_MAX;

/// The sealed secret of an account.
///
/// ```text
/// [version, account, sealed]
/// ```
///
/// The account is a SID in its binary form. How the secret is sealed is the matter of the port that sealed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential<'r> {
    /// Whose it is.
    pub account: Sid,
    /// What the port made of the secret: from 1 to [`SEALED_MAX`] bytes.
    pub sealed: &'r [u8],
}

impl<'r> Credential<'r> {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape. Whether the secret opens is not known here.
    pub fn decode(bytes: &'r [u8]) -> Result<Self, Damaged> {
        let mut decoder = open(bytes, VERSION, ELEMENTS)?;
        let mut sid = Reader::new(decoder.bytes()?);
        let account = Sid::read(&mut sid).map_err(|_| Damaged)?;
        let sealed = decoder.bytes()?;
        if !sid.is_empty() || sealed.is_empty() || sealed.len() > SEALED_MAX {
            return Err(Damaged);
        }
        Ok(Self { account, sealed })
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn encode<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        let mut sid = [0; SID_MAX];
        let mut writer = Writer::new(&mut sid);
        self.account.write(&mut writer).map_err(|_| TooLong)?;
        let sid = writer.written();
        finish(into, |encoder| {
            encoder.array(ELEMENTS)?.u8(VERSION)?.bytes(sid)?.bytes(self.sealed)?;
            Ok(())
        })
    }
}
