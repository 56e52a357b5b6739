//! Security contexts of one connection: which login protects a fragment, and how.

use super::Level;
use crate::{
    auth::{Acceptor, Established, Protection, Provider},
    bytes::{Full, Writer},
    event::Closed,
    limits::SECURITY_CONTEXTS,
    pdu::{Layout, SecurityTrailer},
    ports::Account,
};

/// One login, under way or done.
pub(super) struct Security {
    /// `auth_context_id`.
    pub(super) id: u32,
    /// `auth_type`.
    pub(super) provider: u8,
    /// `auth_level`, as the client gave it.
    pub(super) level: u8,
    pub(super) state: State,
}

#[allow(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub(super) enum State {
    /// The client owes a token.
    Negotiating(Acceptor),
    /// The client is who it says.
    Established(Established),
    /// The login was refused; calls that name it are refused too.
    Failed,
}

/// All logins of one connection.
#[derive(Default)]
pub(super) struct Securities(heapless::Vec<Security, SECURITY_CONTEXTS>);

/// Under which login a fragment came, and how it was protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// Which login, if any.
    security: Option<u8>,
    /// How the fragment was protected.
    pub(super) level: Level,
    /// Whether it carried a verifier, and its answer does too.
    pub(super) verified: bool,
}

impl Judged {
    const NOBODY: Self = Self { security: None, level: Level::None, verified: false };

    /// Whether it came under no login.
    pub(super) const fn is_stranger(&self) -> bool {
        self.security.is_none()
    }
}

/// The token wrapping that an `auth_type` means, [MS-RPCE] 2.2.1.1.7.
pub(super) const fn provider(number: u8) -> Option<Provider> {
    match number {
        9 => Some(Provider::Spnego),
        10 => Some(Provider::Ntlm),
        _ => None,
    }
}

impl Securities {
    /// `auth_length` of a protected fragment.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const SIGNATURE: u16 = Protection::SIGNATURE as u16;

    /// The signature of a fragment at level connect, which signs nothing.
    const DUMMY: [u8; Protection::SIGNATURE] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// The login with that `auth_context_id`.
    pub(super) fn by_id(&mut self, id: u32) -> Option<&mut Security> {
        self.0.iter_mut().find(|security| security.id == id)
    }

    /// Whether the login that a trailer names is done, by that provider and at that level.
    pub(super) fn is_done(&self, trailer: &SecurityTrailer) -> bool {
        self.0.iter().any(|security| {
            (security.id, security.provider, security.level) == (trailer.context, trailer.provider, trailer.level)
                && matches!(security.state, State::Established(_))
        })
    }

    /// Keeps another login; `None` if there are as many as a connection may have.
    pub(super) fn add(&mut self, security: Security) -> Option<&mut Security> {
        self.0.push(security).ok()?;
        self.0.last_mut()
    }

    /// Whether somebody is logged in.
    pub(super) fn any_established(&self) -> bool {
        self.0.iter().any(|security| matches!(security.state, State::Established(_)))
    }

    /// Checks the verifier of a fragment, and decrypts in place what is encrypted, from `sealed_at` to the trailer.
    ///
    /// A fragment without a verifier came from nobody, except under a bind at level connect: some of its clients send none.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    pub(super) fn judge(&mut self, bytes: &mut [u8], layout: &Layout, sealed_at: usize) -> Result<Judged, Closed> {
        let Some(trailer) = layout.trailer else {
            return Ok(match self.0.first() {
                Some(Security { level: 2, state: State::Established(_), .. }) => {
                    Judged { security: Some(0), level: Level::Connect, verified: false }
                }
                _ => Judged::NOBODY,
            });
        };
        let mut known = (0u8..).zip(self.0.iter_mut());
        let (index, security) = known.find(|(_, security)| security.id == trailer.context).ok_or(Closed::Forbidden)?;
        let State::Established(Established { protection, .. }) = &mut security.state else {
            return Err(Closed::Forbidden);
        };
        if (security.provider, security.level) != (trailer.provider, trailer.level) {
            return Err(Closed::Forbidden);
        }
        let level = Level::from_wire(trailer.level).ok_or(Closed::Forbidden)?;
        let end = usize::from(layout.header.fragment_length);
        let (pdu, value) = bytes
            .get_mut(..end)
            .and_then(|fragment| fragment.split_at_mut_checked(layout.value_at))
            .ok_or(Closed::Unreadable)?;
        match level {
            Level::None => return Err(Closed::Forbidden),
            Level::Connect => Ok(()),
            Level::Integrity => protection.verify(pdu, value),
            Level::Privacy => protection.unseal(pdu, sealed_at..layout.trailer_at, value),
        }
        .map_err(|_| Closed::BadVerifier)?;
        Ok(Judged { security: Some(index), level, verified: true })
    }

    /// The same, to be brought up to date.
    pub(super) fn account_mut(&mut self, judged: &Judged) -> Option<&mut Account> {
        match &mut self.0.get_mut(usize::from(judged.security?))?.state {
            State::Established(established) => Some(&mut established.account),
            _ => None,
        }
    }

    /// Who sent a fragment that was judged so.
    pub(super) fn account(&self, judged: &Judged) -> Option<&Account> {
        match &self.0.get(usize::from(judged.security?))?.state {
            State::Established(established) => Some(&established.account),
            _ => None,
        }
    }

    /// Bytes that [`protect`](Self::protect) adds to a fragment, padding not counted.
    pub(super) const fn overhead(judged: &Judged) -> usize {
        if judged.verified { SecurityTrailer::LENGTH + Protection::SIGNATURE } else { 0 }
    }

    /// Ends a fragment whose stub begins at `stub_at` as the fragment that it answers was protected: padding, so that the
    /// trailer is aligned to 16 after the begin of the stub, trailer, signature.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub(super) fn protect(&mut self, judged: &Judged, writer: &mut Writer<'_>, stub_at: usize) -> Result<(), Full> {
        let security = judged.security.filter(|_| judged.verified).and_then(|index| self.0.get_mut(usize::from(index)));
        let Some(Security { id, provider, level, state: State::Established(Established { protection, .. }) }) =
            security
        else {
            return Ok(());
        };
        let stub = writer.position().saturating_sub(stub_at);
        let padding = stub.wrapping_neg() & 15;
        writer.zeros(padding)?;
        let sealed = stub_at..writer.position();
        // Padding is at most 15.
        let padding = padding.to_le_bytes()[0];
        SecurityTrailer { provider: *provider, level: *level, padding, reserved: 0, context: *id }.write(writer)?;
        let signature = match judged.level {
            Level::None | Level::Connect => Self::DUMMY,
            Level::Integrity => protection.sign(writer.written()),
            Level::Privacy => protection.seal(writer.written_mut(), sealed),
        };
        writer.put(&signature)
    }
}
