use super::{
    credentials::Credentials,
    error::AuthError,
    ntlm::NtlmInitiator,
    policy::{Policy, Provider},
    protection::{Protection, SessionKey, Side},
    spnego::{self, NegState, NegTokenResp, RespWriter},
};
use crate::{bytes::Writer, ports::Entropy, time::Now};

/// The client's side of a login: writes the client's tokens, takes the server's. See [`Acceptor`](super::Acceptor) for
/// an example of both.
pub struct Initiator<'i> {
    ntlm: NtlmInitiator<'i>,
    state: State,
}

enum State {
    /// NTLM messages as they are.
    Bare,
    /// Inside SPNEGO, and nothing was sent yet.
    Start,
    /// The server's challenge is due.
    Challenge,
    /// The server's signature of the list of mechanisms is due.
    Signature(SessionKey),
    /// It is over, one way or the other.
    Done,
}

/// What came of a token. If the reply holds something, it is to be sent to the server.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum Initiated {
    /// The server has to send a token.
    Continue,
    /// The client is logged in as far as it can tell; the reply may still hold the last token to send.
    Established(Protection),
}

impl<'i> Initiator<'i> {
    /// An initiator that has sent nothing yet, under the default [`Policy`].
    #[must_use]
    pub fn new(provider: Provider, credentials: Credentials<'i>) -> Self {
        Self::with_policy(provider, credentials, Policy::default())
    }

    /// An initiator that has sent nothing yet.
    #[must_use]
    pub fn with_policy(provider: Provider, credentials: Credentials<'i>, policy: Policy) -> Self {
        let state = match provider {
            Provider::Ntlm => State::Bare,
            Provider::Spnego => State::Start,
        };
        Self { ntlm: NtlmInitiator::new(policy, credentials), state }
    }

    /// Takes the server's next token, none at first, and appends the answer to it, if there is one, to `reply`.
    ///
    /// # Errors
    /// [`AuthError`]; nothing is appended then, and the initiator refuses every further token.
    pub fn initiate(
        &mut self,
        token: Option<&[u8]>,
        reply: &mut Writer<'_>,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<Initiated, AuthError> {
        let start = reply.position();
        let initiated = self.step(token, reply, now, entropy);
        if initiated.is_err() {
            reply.rewind(start);
            self.state = State::Done;
        }
        initiated
    }

    fn step(
        &mut self,
        token: Option<&[u8]>,
        reply: &mut Writer<'_>,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<Initiated, AuthError> {
        match (core::mem::replace(&mut self.state, State::Done), token) {
            (State::Bare, token) => match self.ntlm.initiate(token, reply, now, entropy)? {
                None => {
                    self.state = State::Bare;
                    Ok(Initiated::Continue)
                }
                Some(key) => Ok(Initiated::Established(Protection::new(&key, Side::Client, 0))),
            },
            (State::Start, None) => {
                spnego::put_init(reply, |reply| self.ntlm.initiate(None, reply, now, entropy))?;
                self.state = State::Challenge;
                Ok(Initiated::Continue)
            }
            (State::Challenge, Some(token)) => {
                let response = respond(token)?;
                let message = response.token.ok_or(AuthError::Unreadable { length: token.len() })?;
                let answer = RespWriter::new(reply, None)?;
                let key = answer.token(reply, |reply| self.ntlm.initiate(Some(message), reply, now, entropy))?;
                let key = key.ok_or(AuthError::OutOfTurn { message: 0 })?;
                // Always signed: a server has to answer with its own signature then, and so proves that it knows the
                // password too.
                let signature = Protection::new(&key, Side::Client, 0).sign(&spnego::NTLM_ALONE);
                answer.signature(reply, &signature)?;
                answer.finish(reply)?;
                self.state = State::Signature(key);
                Ok(Initiated::Continue)
            }
            (State::Signature(key), Some(token)) => {
                let response = respond(token)?;
                let signature = response.signature.ok_or(AuthError::Tampered)?;
                let mut protection = Protection::new(&key, Side::Client, 0);
                protection.verify(&spnego::NTLM_ALONE, signature).map_err(|_| AuthError::Tampered)?;
                // The streams start anew after this exchange, the sequence goes on.
                Ok(Initiated::Established(Protection::new(&key, Side::Client, 1)))
            }
            _ => Err(AuthError::OutOfTurn { message: 0 }),
        }
    }
}

/// Reads the server's token and heeds its state and mechanism.
fn respond(token: &[u8]) -> Result<NegTokenResp<'_>, AuthError> {
    let response = NegTokenResp::read(token)?;
    if response.state == Some(NegState::Reject as u8) {
        return Err(AuthError::Denied);
    }
    if response.foreign { Err(AuthError::NoMechanism) } else { Ok(response) }
}

/// Keeps credentials out of logs.
impl core::fmt::Debug for Initiator<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Initiator").finish_non_exhaustive()
    }
}
