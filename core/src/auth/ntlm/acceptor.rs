use hmac::Mac;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::{authenticate::Authenticate, challenge::Challenge, filetime, flags, keys, negotiate};
use crate::{
    auth::{
        crypto::{self, Key},
        environment::Environment,
        error::AuthError,
        policy::Policy,
        protection::SessionKey,
    },
    bytes::Writer,
    limits,
    ports::{Account, LoginAttempt},
};

/// The server's side of one login.
pub(in super::super) struct NtlmAcceptor {
    policy: Policy,
    state: State,
}

#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
enum State {
    /// A NEGOTIATE_MESSAGE is due.
    Negotiate,
    /// The challenge was sent, an AUTHENTICATE_MESSAGE is due. The MIC covers all three messages, and its key comes
    /// with the last one: the first is kept, the second is made again.
    Authenticate { negotiate: heapless::Vec<u8, { limits::NTLM_NEGOTIATE }>, challenge: Challenge },
    /// It is over, one way or the other.
    Done,
}

/// Somebody proved who they are.
pub(in super::super) struct Login {
    /// The account; its hash is wiped.
    pub(in super::super) account: Account,
    pub(in super::super) key: SessionKey,
}

impl NtlmAcceptor {
    pub(in super::super) const fn new(policy: Policy) -> Self {
        Self { policy, state: State::Negotiate }
    }

    /// Takes the client's next message and writes the server's, if one is due: the challenge. `None` if a message of
    /// the client is still due.
    pub(in super::super) fn accept(
        &mut self,
        token: &[u8],
        reply: &mut Writer<'_>,
        env: &mut Environment<'_>,
    ) -> Result<Option<Login>, AuthError> {
        match core::mem::replace(&mut self.state, State::Done) {
            State::Negotiate => {
                self.state = self.challenge(token, reply, env)?;
                Ok(None)
            }
            State::Authenticate { negotiate, challenge } => {
                self.authenticate(token, &negotiate, &challenge, env).map(Some)
            }
            State::Done => Err(AuthError::OutOfTurn { message: 0 }),
        }
    }

    #[inline(never)]
    fn challenge(&self, token: &[u8], reply: &mut Writer<'_>, env: &mut Environment<'_>) -> Result<State, AuthError> {
        let too_long = AuthError::TooLong { length: token.len(), most: limits::NTLM_NEGOTIATE };
        let negotiated = negotiate::read(token)? & flags::offered(&self.policy);
        flags::check(negotiated, &self.policy)?;
        let negotiate = heapless::Vec::from_slice(token).map_err(|_| too_long)?;

        let mut nonce = [0; 8];
        env.entropy.fill(&mut nonce)?;
        let flags = negotiated | flags::TARGET_INFO | flags::REQUEST_TARGET | flags::TARGET_TYPE_SERVER;
        let challenge = Challenge { flags, nonce, timestamp: filetime(env.now) };
        challenge.write(reply, env.identity)?;
        Ok(State::Authenticate { negotiate, challenge })
    }

    /// Server Receives an AUTHENTICATE_MESSAGE from the Client, [MS-NLMP] 3.2.5.1.2.
    ///
    /// Whatever is wrong with name, password, account or MIC: everything is computed, and then refused.
    #[inline(never)]
    fn authenticate(
        &self,
        token: &[u8],
        negotiate: &[u8],
        challenge: &Challenge,
        env: &mut Environment<'_>,
    ) -> Result<Login, AuthError> {
        let message = Authenticate::read(token)?;
        let flags = message.flags & challenge.flags;
        let strength = flags::check(flags, &self.policy)?;

        let user: heapless::String<{ limits::NTLM_USER }> = message.user.to_string().unwrap_or_default();
        let (name, account) = account(&user, env);
        let attempt = LoginAttempt { name, connection: env.connection, now: env.now };
        let mut account = account.map(|account| (Key(account.nt_hash), account));
        if let Some((_, account)) = &mut account {
            account.nt_hash.zeroize();
        }
        let Some(response) = message.response else {
            env.accounts.login_failed(attempt);
            return Err(AuthError::Denied);
        };

        // Without an account the same work is done with a hash that nobody knows a password for.
        let nobody = Key([0; 16]);
        let nt_hash = account.as_ref().map_or(&nobody, |(nt_hash, _)| nt_hash);
        let welcome = Choice::from(u8::from(account.as_ref().is_some_and(|(_, account)| !account.disabled)));
        // Some clients leave the domain out of the key although they name it.
        let domainless = keys::ntowf_v2(nt_hash, &user);
        let mut named = domainless.clone();
        named.update(message.domain.bytes());
        let (domainless, mut response_key) = (crypto::finish(domainless), crypto::finish(named));
        let proves = |key: &Key| keys::proof(key, &challenge.nonce, response.temp).0.ct_eq(response.proof);
        let (proven_named, proven_domainless) = (proves(&response_key), proves(&domainless));
        for (byte, other) in response_key.0.iter_mut().zip(&domainless.0) {
            byte.conditional_assign(other, proven_domainless);
        }

        let base = keys::session_base_key(&response_key, response.proof);
        let exchanged = flags & flags::KEY_EXCHANGE != 0 && flags & (flags::SIGN | flags::SEAL) != 0;
        let key = match message.session_key.first_chunk() {
            Some(session_key) if exchanged => keys::exchange(&base, session_key),
            None if exchanged => return Err(AuthError::Unreadable { length: token.len() }),
            _ => base,
        };

        let mut mac = crypto::mac(crypto::keyed(&key));
        mac.update(negotiate);
        challenge.write(&mut mac, env.identity)?;
        let untouched = message.untouched(mac)?;

        match account {
            Some((_, account)) if bool::from(welcome & (proven_named | proven_domainless) & untouched) => {
                env.accounts.login_succeeded(attempt);
                Ok(Login { account, key: SessionKey { key, strength, exchanged: flags & flags::KEY_EXCHANGE != 0 } })
            }
            _ => {
                env.accounts.login_failed(attempt);
                Err(AuthError::Denied)
            }
        }
    }
}

/// The account that a client means, and the name it was looked for under: as it came, or what it is without
/// `HOST\` before it or `@host` behind it. There is one host here, so whichever is named is ours.
fn account<'u>(user: &'u str, env: &mut Environment<'_>) -> (&'u str, Option<Account>) {
    let start = user.bytes().rposition(|byte| byte == b'\\').map_or(0, |at| at + 1);
    let bare = user.get(start..).unwrap_or_default();
    let bare = bare.bytes().position(|byte| byte == b'@').and_then(|at| bare.get(..at)).unwrap_or(bare);
    match env.accounts.by_name(user) {
        Some(account) => (user, Some(account)),
        None => (bare, if bare == user { None } else { env.accounts.by_name(bare) }),
    }
}
