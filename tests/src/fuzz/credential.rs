//! Records of credentials.

use mainspring::store::{CREDENTIAL_MAX, Credential};

/// What is read is written, in the room that there is for the longest, and read as the same.
pub fn credential(bytes: &[u8]) {
    let Ok(credential) = Credential::decode(bytes) else { return };
    let mut room = [0; CREDENTIAL_MAX];
    let record = credential.encode(&mut room).expect("what is read fits the longest record");
    assert_eq!(Credential::decode(record), Ok(credential));
}
