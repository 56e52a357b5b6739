//! AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3.

use hmac::{Hmac, Mac};
use md5::Md5;
use subtle::{Choice, ConstantTimeEq};

use super::{
    AUTHENTICATE, Field,
    av_pairs::{self, AvPairs},
    flags, open,
};
use crate::{
    auth::{crypto, error::AuthError},
    text::Utf16,
};

/// NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8: a proof, and what it proves.
#[derive(Clone, Copy)]
pub(super) struct Response<'m> {
    pub(super) proof: &'m [u8; 16],
    /// NTLMv2_CLIENT_CHALLENGE, called temp in section 3.3.2.
    pub(super) temp: &'m [u8],
}

impl<'m> Response<'m> {
    /// Offset of the AV pairs in `temp`.
    pub(super) const PAIRS: usize = 28;

    fn read(bytes: &'m [u8]) -> Option<Self> {
        let (proof, temp) = bytes.split_first_chunk()?;
        (temp.len() >= Self::PAIRS && temp.starts_with(&[1, 1])).then_some(Self { proof, temp })
    }

    fn announces_mic(&self) -> bool {
        let pairs = AvPairs(self.temp.get(Self::PAIRS..).unwrap_or_default());
        let flags =
            pairs.value(av_pairs::FLAGS).and_then(|value| value.first_chunk()).map(|flags| u32::from_le_bytes(*flags));
        flags.is_some_and(|flags| flags & av_pairs::FLAG_MIC != 0)
    }
}

/// A message as a server reads it. Workstation and LM response are not read: nothing depends on them.
pub(super) struct Authenticate<'m> {
    token: &'m [u8],
    /// `None` if the response is empty or of an older version.
    pub(super) response: Option<Response<'m>>,
    pub(super) domain: Utf16<'m>,
    pub(super) user: Utf16<'m>,
    pub(super) session_key: &'m [u8],
    pub(super) flags: u32,
    // Where the MIC lies, if the response announces one.
    mic: Option<usize>,
}

/// Length of the MIC.
const MIC: usize = 16;

impl<'m> Authenticate<'m> {
    /// Reads the message.
    pub(super) fn read(token: &'m [u8]) -> Result<Self, AuthError> {
        let mut reader = open(token, AUTHENTICATE)?;
        let mut fields = [Field { length: 0, offset: 0 }; 6];
        for field in &mut fields {
            *field = Field::read(&mut reader)?;
        }
        let [_, response, domain, user, _, session_key] = fields;
        let negotiated = reader.u32()?;
        let response = Response::read(response.of(token)?);

        let mic = if response.is_some_and(|response| response.announces_mic()) {
            // The version comes before the MIC, but a client that did not negotiate it may leave it out. Where the
            // payload begins tells.
            let payload = fields.iter().filter(|field| field.length != 0).map(|field| field.offset).min().unwrap_or(0);
            let with_version = negotiated & flags::VERSION != 0 || payload >= 88;
            Some(if with_version { 72 } else { 64 })
        } else {
            None
        };
        Ok(Self {
            token,
            response,
            domain: Utf16::little(domain.of(token)?),
            user: Utf16::little(user.of(token)?),
            session_key: session_key.of(token)?,
            flags: negotiated,
            mic,
        })
    }

    /// Whether the MIC is right: `mac` over the messages before, then over this one with the MIC at zero. Right also
    /// if none is announced.
    ///
    /// # Errors
    /// [`AuthError::Unreadable`] if one is announced and the message ends before it.
    pub(super) fn untouched(&self, mut mac: Hmac<Md5>) -> Result<Choice, AuthError> {
        let Some(place) = self.mic else { return Ok(Choice::from(1)) };
        let unreadable = AuthError::Unreadable { length: self.token.len() };
        let (before, rest) = self.token.split_at_checked(place).ok_or(unreadable)?;
        let (found, after) = rest.split_first_chunk::<MIC>().ok_or(unreadable)?;
        [before, &[0; MIC], after].iter().for_each(|part| mac.update(part));
        Ok(crypto::finish(mac).0.ct_eq(found))
    }
}
