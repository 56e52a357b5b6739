use hmac::Mac;

use super::{
    AUTHENTICATE, Field, SIGNATURE, Sink, VERSION, authenticate::Response, av_pairs, challenge, filetime, flags, keys,
    negotiate, utf16_len,
};
use crate::{
    auth::{
        credentials::Credentials,
        crypto::{self, Key},
        error::AuthError,
        policy::Policy,
        protection::SessionKey,
    },
    bytes::Writer,
    ports::Entropy,
    text::put_utf16,
    time::Now,
};

/// The client's side of one login. Its first message depends on the policy alone, so it is made again for the MIC.
pub(in super::super) struct NtlmInitiator<'i> {
    policy: Policy,
    credentials: Credentials<'i>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Negotiate,
    Authenticate,
    Done,
}

/// Offset of the payload: version and MIC are always there, and zero if not negotiated or not announced.
const HEADER: usize = 88;
const MIC: usize = 72;

impl<'i> NtlmInitiator<'i> {
    pub(in super::super) const fn new(policy: Policy, credentials: Credentials<'i>) -> Self {
        Self { policy, credentials, state: State::Negotiate }
    }

    /// Takes the server's message, none at first, and writes the client's next. `None` if the challenge is due.
    pub(in super::super) fn initiate(
        &mut self,
        token: Option<&[u8]>,
        reply: &mut Writer<'_>,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<Option<SessionKey>, AuthError> {
        match (core::mem::replace(&mut self.state, State::Done), token) {
            (State::Negotiate, None) => {
                negotiate::write(reply, flags::offered(&self.policy))?;
                self.state = State::Authenticate;
                Ok(None)
            }
            (State::Authenticate, Some(token)) => self.authenticate(token, reply, now, entropy).map(Some),
            _ => Err(AuthError::OutOfTurn { message: 0 }),
        }
    }

    /// Client Receives a CHALLENGE_MESSAGE from the Server, [MS-NLMP] 3.1.5.1.2.
    fn authenticate(
        &self,
        token: &[u8],
        reply: &mut Writer<'_>,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<SessionKey, AuthError> {
        let challenged = challenge::read(token)?;
        let offered = flags::offered(&self.policy);
        let flags = challenged.flags & offered;
        let strength = flags::check(flags, &self.policy)?;
        let timestamp = challenged.target_info.value(av_pairs::TIMESTAMP).and_then(|value| value.first_chunk::<8>());
        let mut client_challenge = [0; 8];
        entropy.fill(&mut client_challenge)?;

        let start = reply.position();
        let Credentials { user, domain, nt_hash } = &self.credentials;
        let mut response_key = keys::ntowf_v2(&Key(*nt_hash), user);
        response_key.put_utf16(domain)?;
        let response_key = crypto::finish(response_key);

        // The header is filled in at the end, when all lengths and the MIC are known.
        reply.zeros(HEADER)?;
        put_utf16(reply, domain)?;
        put_utf16(reply, user)?;
        let lm = reply.position();
        // With a timestamp the response for LM is empty: 24 zeros.
        match timestamp {
            Some(_) => reply.zeros(24)?,
            None => {
                reply.put(&keys::proof(&response_key, &challenged.nonce, &client_challenge).0)?;
                reply.put(&client_challenge)?;
            }
        }
        let nt = reply.position();
        reply.zeros(16)?;
        let temp = reply.position();
        reply.put(&[1, 1, 0, 0, 0, 0, 0, 0])?;
        reply.put(&timestamp.map_or_else(|| filetime(now).to_le_bytes(), |timestamp| *timestamp))?;
        reply.put(&client_challenge)?;
        reply.zeros(4)?;
        debug_assert_eq!(reply.position() - temp, Response::PAIRS);
        put_pairs(reply, &challenged.target_info, timestamp.is_some())?;
        reply.zeros(4)?;
        let end = reply.position();

        let proof = keys::proof(&response_key, &challenged.nonce, reply.written().get(temp..end).unwrap_or_default());
        reply.patch(nt, &proof.0)?;
        let base = keys::session_base_key(&response_key, &proof.0);
        let key = if flags & flags::KEY_EXCHANGE == 0 {
            base
        } else {
            let mut key = Key([0; 16]);
            entropy.fill(&mut key.0)?;
            reply.put(&keys::exchange(&base, &key.0).0)?;
            key
        };

        let user = start + HEADER + utf16_len(domain);
        let places = [(lm, nt), (nt, end), (start + HEADER, user), (user, lm), (lm, lm), (end, reply.position())];
        let mut header = Writer::new(reply.written_mut().get_mut(start..).unwrap_or_default());
        header.put(SIGNATURE)?;
        header.u32(AUTHENTICATE)?;
        for (from, to) in places {
            header.put(&Field::bytes(to - from, from - start)?)?;
        }
        header.u32(flags)?;
        header.put(if flags & flags::VERSION == 0 { &[0; 8] } else { &VERSION })?;
        if timestamp.is_some() {
            let mut mac = crypto::mac(crypto::keyed(&key));
            negotiate::write(&mut mac, offered)?;
            mac.update(token);
            mac.update(reply.written().get(start..).unwrap_or_default());
            reply.patch(start + MIC, &crypto::finish(mac).0)?;
        }
        Ok(SessionKey { key, strength, exchanged: flags & flags::KEY_EXCHANGE != 0 })
    }
}

/// The server's pairs, with the announcement of a MIC among them if there is to be one.
fn put_pairs(reply: &mut Writer<'_>, pairs: &av_pairs::AvPairs<'_>, mic: bool) -> Result<(), AuthError> {
    let mut flags = 0;
    for (id, value) in pairs.clone() {
        if id == av_pairs::FLAGS {
            flags = value.first_chunk().map_or(0, |value| u32::from_le_bytes(*value));
        } else {
            av_pairs::put(reply, id, value)?;
        }
    }
    if mic {
        flags |= av_pairs::FLAG_MIC;
    }
    if flags != 0 {
        av_pairs::put(reply, av_pairs::FLAGS, &flags.to_le_bytes())?;
    }
    Ok(av_pairs::put(reply, av_pairs::EOL, &[])?)
}
