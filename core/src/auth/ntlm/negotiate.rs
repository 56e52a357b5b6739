//! NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1.

use super::{Field, NEGOTIATE, SIGNATURE, Sink, VERSION, open};
use crate::{auth::error::AuthError, bytes::Full};

/// The flags of the client. The names of domain and workstation are for logs of domain controllers, and not read.
pub(super) fn read(token: &[u8]) -> Result<u32, AuthError> {
    Ok(open(token, NEGOTIATE)?.u32()?)
}

/// Writes a message without names, which is the same each time for the same flags.
pub(super) fn write(sink: &mut dyn Sink, flags: u32) -> Result<(), Full> {
    let nameless = Field::bytes(0, 40)?;
    sink.put(SIGNATURE)?;
    sink.put(&NEGOTIATE.to_le_bytes())?;
    sink.put(&flags.to_le_bytes())?;
    sink.put(&nameless)?;
    sink.put(&nameless)?;
    sink.put(&VERSION)
}
