use super::{
    environment::Environment,
    error::AuthError,
    ntlm::{self, Login, NtlmAcceptor},
    policy::{Policy, Provider},
    protection::{Protection, Side},
    spnego::{NegState, NegTokenInit, NegTokenResp, RespWriter},
};
use crate::{bytes::Writer, limits, ports::Account};

/// The server's side of a login: takes the client's tokens, writes the server's.
///
/// # Example
/// ```
/// # use mainspring::{auth::*, bytes::Writer, ports::*, sid::Sid, time::*};
/// # struct Host;
/// # impl Entropy for Host {
/// #     fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> { into.fill(7); Ok(()) }
/// # }
/// # impl Accounts for Host {
/// #     fn by_name(&mut self, name: &str) -> Option<Account> {
/// #         (name == "ada").then(|| Account {
/// #             name: "ada".try_into().unwrap(), sid: Sid::LOCAL_SYSTEM, nt_hash: nt_hash("secret"),
/// #             administrator: true, disabled: false, groups: Default::default(),
/// #         })
/// #     }
/// #     fn by_sid(&mut self, _: &Sid) -> Option<Account> { None }
/// #     fn login_failed(&mut self, _: LoginAttempt<'_>) {}
/// # }
/// # let now = Now { monotonic: Monotonic(0), wall: None };
/// # let (mut entropy, mut accounts) = (Host, Host);
/// let identity = Identity { netbios_name: "CLOCK", dns_name: "clock.example" };
/// let mut environment =
///     Environment { now, entropy: &mut entropy, accounts: &mut accounts, connection: 0, identity: &identity };
/// let mut acceptor = Acceptor::new(Provider::Spnego);
/// let mut initiator = Initiator::new(Provider::Spnego, Credentials::new("ada", "", "secret"));
///
/// let (mut to_server, mut to_client) = ([0; 1024], [0; 1024]);
/// let mut token: Option<&[u8]> = None;
/// let (client, server) = loop {
///     let mut writer = Writer::new(&mut to_server);
///     let initiated = initiator.initiate(token, &mut writer, now, &mut Host).unwrap();
///     let mut reply = Writer::new(&mut to_client);
///     let accepted = acceptor.accept(writer.written(), &mut reply, &mut environment).unwrap();
///     if let Accepted::Established(server) = accepted {
///         let last = reply.into_written();
///         let Initiated::Established(client) =
///             initiator.initiate(Some(last), &mut Writer::new(&mut []), now, &mut Host).unwrap()
///         else { panic!() };
///         break (client, server);
///     }
///     # let _ = initiated;
///     token = Some(reply.into_written());
/// };
/// # let (mut client, mut server) = (client, server);
/// assert_eq!(server.account.name, "ada");
/// let mut pdu = *b"header, stub";
/// let signature = client.seal(&mut pdu, 8..12);
/// server.protection.unseal(&mut pdu, 8..12, &signature).unwrap();
/// assert_eq!(&pdu, b"header, stub");
/// ```
pub struct Acceptor {
    ntlm: NtlmAcceptor,
    wrapping: Wrapping,
}

/// How tokens are wrapped on this connection.
enum Wrapping {
    /// The first token will tell.
    Undecided,
    /// NTLM messages as they are.
    Bare,
    /// Inside SPNEGO.
    Spnego {
        /// The client's list of mechanisms in DER, for its signature.
        list: heapless::Vec<u8, { limits::SPNEGO_MECHANISMS }>,
        /// NTLMSSP is not what the client likes best: the list must be signed.
        signature_due: bool,
    },
    /// It is over, one way or the other.
    Done,
}

/// What came of a token. If the reply holds something, it is to be sent to the client.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum Accepted {
    /// The client has to send another token.
    Continue,
    /// The client is who it says.
    Established(Established),
}

/// A login that is complete.
#[derive(Debug)]
pub struct Established {
    /// Whose it is. The hash in it is wiped.
    pub account: Account,
    /// What protects the bytes from now on.
    pub protection: Protection,
}

impl Acceptor {
    /// An acceptor that waits for a client's first token, under the default [`Policy`].
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        Self::with_policy(provider, Policy::default())
    }

    /// An acceptor that waits for a client's first token.
    #[must_use]
    pub fn with_policy(provider: Provider, policy: Policy) -> Self {
        let wrapping = match provider {
            Provider::Ntlm => Wrapping::Bare,
            Provider::Spnego => Wrapping::Undecided,
        };
        Self { ntlm: NtlmAcceptor::new(policy), wrapping }
    }

    /// Takes the client's next token and appends the answer to it, if there is one, to `reply`.
    ///
    /// # Errors
    /// [`AuthError`]; nothing is appended then, and the acceptor refuses every further token.
    pub fn accept(
        &mut self,
        token: &[u8],
        reply: &mut Writer<'_>,
        env: &mut Environment<'_>,
    ) -> Result<Accepted, AuthError> {
        let start = reply.position();
        let accepted = self.step(token, reply, env);
        if accepted.is_err() {
            reply.rewind(start);
            self.wrapping = Wrapping::Done;
        }
        accepted
    }

    #[inline(never)]
    fn step(&mut self, token: &[u8], reply: &mut Writer<'_>, env: &mut Environment<'_>) -> Result<Accepted, AuthError> {
        if matches!(self.wrapping, Wrapping::Undecided) && token.starts_with(ntlm::SIGNATURE) {
            self.wrapping = Wrapping::Bare;
        }
        match core::mem::replace(&mut self.wrapping, Wrapping::Done) {
            Wrapping::Undecided => {
                let init = NegTokenInit::read(token)?;
                let too_long = AuthError::TooLong { length: init.list.len(), most: limits::SPNEGO_MECHANISMS };
                let list = heapless::Vec::from_slice(init.list).map_err(|_| too_long)?;
                let signature_due = init.ntlm != 0;
                // The token of another mechanism is of no use here.
                let token = init.token.filter(|_| !signature_due);

                let state = if signature_due { NegState::RequestMic } else { NegState::AcceptIncomplete };
                let answer = RespWriter::new(reply, Some(state))?;
                answer.mechanism(reply)?;
                if let Some(token) = token {
                    answer.token(reply, |reply| self.ntlm.accept(token, reply, env))?;
                }
                answer.finish(reply)?;
                self.wrapping = Wrapping::Spnego { list, signature_due };
                Ok(Accepted::Continue)
            }
            Wrapping::Bare => match self.ntlm.accept(token, reply, env)? {
                None => {
                    self.wrapping = Wrapping::Bare;
                    Ok(Accepted::Continue)
                }
                Some(login) => Ok(Self::established(login, 0)),
            },
            Wrapping::Spnego { list, signature_due } => {
                let unreadable = AuthError::Unreadable { length: token.len() };
                let response = NegTokenResp::read(token)?;
                let message = response.token.ok_or(unreadable)?;
                let start = reply.position();
                let answer = RespWriter::new(reply, Some(NegState::AcceptIncomplete))?;
                let Some(login) = answer.token(reply, |reply| self.ntlm.accept(message, reply, env))? else {
                    answer.finish(reply)?;
                    self.wrapping = Wrapping::Spnego { list, signature_due };
                    return Ok(Accepted::Continue);
                };
                reply.rewind(start);
                match response.signature {
                    Some(signature) => Self::sign_list(reply, login, &list, signature),
                    None if signature_due => Err(AuthError::Tampered),
                    None => {
                        RespWriter::new(reply, Some(NegState::AcceptCompleted))?.finish(reply)?;
                        Ok(Self::established(login, 0))
                    }
                }
            }
            Wrapping::Done => Err(AuthError::OutOfTurn { message: 0 }),
        }
    }

    /// Verifies the client's signature of its list of mechanisms, and ends the login with the own one.
    #[inline(never)]
    fn sign_list(reply: &mut Writer<'_>, login: Login, list: &[u8], signature: &[u8]) -> Result<Accepted, AuthError> {
        let answer = RespWriter::new(reply, Some(NegState::AcceptCompleted))?;
        let mut protection = Protection::new(&login.key, Side::Server, 0);
        protection.verify(list, signature).map_err(|_| AuthError::Tampered)?;
        answer.signature(reply, &protection.sign(list))?;
        answer.finish(reply)?;
        // The streams start anew after this exchange, the sequence goes on.
        Ok(Self::established(login, 1))
    }

    #[inline(never)]
    fn established(Login { account, key }: Login, sequence: u32) -> Accepted {
        Accepted::Established(Established { account, protection: Protection::new(&key, Side::Server, sequence) })
    }
}

/// Keeps challenges out of logs.
impl core::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
