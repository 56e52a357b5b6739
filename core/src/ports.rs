//! What the core must know at once to go on: records, random bytes, accounts, who is logged on, and how a secret is sealed. The host
//! brings an implementation of each; they travel together as [`Ports`].
//!
//! Clocks, sockets and processes are not here: time is an argument, bytes and actions are inputs and outputs.

use core::num::NonZeroU32;

use zeroize::Zeroize as _;

use crate::{sid::Sid, time::Now};

/// The key of a record: its kind, then its number. Keys sort by kind first, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key {
    /// Which sort of record, see [`crate::store`].
    pub kind: u8,
    /// Which one of that sort.
    pub number: u32,
}

impl Key {
    /// The key as five bytes that sort as the key does.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.number.to_be_bytes();
        [self.kind, a, b, c, d]
    }

    /// The key of which `bytes` is the form.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 5]) -> Self {
        let [kind, number @ ..] = bytes;
        Self { kind, number: u32::from_be_bytes(number) }
    }
}

/// One step of a list that [`Store::apply`] carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'c> {
    /// The record under this key is now this value, whether there was one before or not.
    Put(Key, &'c [u8]),
    /// There is no record under this key; no error if there was none before.
    Delete(Key),
}

/// Why a store call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StoreError {
    /// The record is longer than the buffer it should be copied to.
    TooSmall {
        /// Bytes of the record.
        needed: usize,
    },
    /// The medium has no room left, whoever took it. Nothing of the list may have been lost that was there before.
    Full,
    /// The store holds as much as it was made for, and has room again once something is deleted. Nothing was lost either.
    Exhausted,
    /// The medium could not be read or written; the host's own error number.
    Failed {
        /// The host's error number (`errno` on Linux).
        code: i32,
    },
    /// The medium can be read, but what it holds is damaged.
    Corrupt,
}

impl core::fmt::Display for StoreError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooSmall { needed } => write!(f, "record of {needed} bytes does not fit its buffer"),
            Self::Full => f.write_str("medium of the store is full"),
            Self::Exhausted => f.write_str("store holds as much as it can"),
            Self::Failed { code } => write!(f, "store failed with error {code}"),
            Self::Corrupt => f.write_str("store is damaged"),
        }
    }
}

impl core::error::Error for StoreError {}

/// Keeps records over power cuts.
///
/// An implementation
/// - MUST have made a change durable, so that a power cut cannot undo it, before `apply` returns `Ok`;
/// - MUST apply a list in its order, each change whole: after a power cut during `apply` the first changes of the list,
///   from none to all of them, are there, and no other;
/// - MUST, when `apply` fails, leave a prefix of the list applied, nothing else changed, and stay usable;
/// - MUST give each key once in `scan`, in any order, and MUST NOT be changed during one;
/// - MUST NOT call back into the scheduler.
pub trait Store {
    /// Copies the record under `key` to the front of `into` and returns its length; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::TooSmall`] if it does not fit, or whatever befell the medium.
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError>;

    /// Calls `visit` once with each record of `kind`; ends early, without error, when it returns `false`.
    ///
    /// # Errors
    /// Whatever befell the medium.
    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError>;

    /// Carries out `changes` in order; they are durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Exhausted`] or whatever befell the medium; see the trait for what may have been done by then.
    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError>;
}

/// There are no random bytes to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoEntropy;

impl core::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no entropy to be had")
    }
}

impl core::error::Error for NoEntropy {}

/// Gives random bytes.
///
/// An implementation
/// - MUST give bytes that nobody outside can predict, or fail;
/// - MUST NOT block for longer than a call may take.
pub trait Entropy {
    /// Fills `into` with random bytes.
    ///
    /// # Errors
    /// [`NoEntropy`]; no challenge is sent then and binds are refused.
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The most bytes of UTF-8 an account name may have.
pub const ACCOUNT_NAME_MAX: usize = 64;

/// The most groups an account may be in. They are held by value in every security context.
pub const ACCOUNT_GROUPS: usize = 8;

/// Who somebody is, as the account store knows it. The hash is wiped when it is dropped.
#[derive(Clone)]
pub struct Account {
    /// The name as it was given when the account was made.
    pub name: heapless::String<ACCOUNT_NAME_MAX>,
    /// The security identifier: never reused.
    pub sid: Sid,
    /// The NT hash (MD4 of the password in UTF-16LE), [MS-NLMP] 3.3.1. A secret.
    pub nt_hash: [u8; 16],
    /// Whether the account may administer the scheduler.
    pub administrator: bool,
    /// Whether the account may not log in.
    pub disabled: bool,
    /// The groups it is in: relative identifiers, each the last sub-authority of a SID that is otherwise the account's,
    /// [MS-DTYP] 2.4.2.
    pub groups: heapless::Vec<u32, ACCOUNT_GROUPS>,
}

impl Account {
    /// Whether the account is in that group.
    #[must_use]
    pub fn is_member(&self, group: &Sid) -> bool {
        self.group_sids().any(|sid| sid == *group)
    }

    /// The SIDs of the groups it is in.
    pub fn group_sids(&self) -> impl Iterator<Item = Sid> + '_ {
        self.groups.iter().filter_map(|&relative| self.sid.with_relative(relative))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.nt_hash.zeroize();
    }
}

/// Leaves the hash out, so that it never reaches a log.
impl core::fmt::Debug for Account {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("sid", &self.sid)
            .field("administrator", &self.administrator)
            .field("disabled", &self.disabled)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

/// A login that has ended, one way or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginAttempt<'l> {
    /// The name that was given, as it came or without the host that is named with it. There may be no such account.
    pub name: &'l str,
    /// Number of the connection that it came by: the host, which accepted it, knows from where.
    pub connection: u32,
    /// When.
    pub now: Now,
}

/// Knows accounts, and the groups they are in.
///
/// An implementation
/// - MUST compare names without letter case;
/// - MUST answer from what is known now: an account added while the server runs counts from the next call on;
/// - MUST treat an account it cannot read as absent.
pub trait Accounts {
    /// The account of that name.
    fn by_name(&mut self, name: &str) -> Option<Account>;

    /// The account with that SID.
    fn by_sid(&mut self, sid: &Sid) -> Option<Account>;

    /// Hears of a failed login, so that it can be counted. It must not take another time for a name that is known.
    fn login_failed(&mut self, attempt: LoginAttempt<'_>);

    /// Hears of a login that did not fail. By default that changes nothing.
    fn login_succeeded(&mut self, attempt: LoginAttempt<'_>) {
        let _ = attempt;
    }

    /// Brings an account up to date that somebody logged in with earlier, before each of their calls; `false` if it is
    /// gone or disabled since, and the call is to be refused. By default who is logged in stays who they were until the
    /// connection ends.
    fn renew(&mut self, account: &mut Account) -> bool {
        let _ = account;
        true
    }

    /// Whether the host can run something as the user with that SID: a task of one whom it cannot is not registered. The host
    /// says why, in its log. By default it runs everything alike.
    fn may_run_as(&mut self, sid: &Sid) -> bool {
        let _ = sid;
        true
    }

    /// The SID of the group of that name. By default there are no groups.
    fn group_by_name(&mut self, name: &str) -> Option<Sid> {
        let _ = name;
        None
    }

    /// The name of the account or the group with that SID. By default there are no groups.
    fn name_of(&mut self, sid: &Sid) -> Option<heapless::String<ACCOUNT_NAME_MAX>> {
        self.by_sid(sid).map(|account| account.name.clone())
    }
}

/// One of the sessions of those who are logged on: a number of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub NonZeroU32);

/// Knows who is logged on.
///
/// An implementation
/// - MUST NOT give a number to another session before the session is over and every run in it has ended;
/// - MUST give each session once, and one for each member who is logged on if a task is to run once for each.
pub trait Sessions {
    /// Calls `visit` with the session of each member of a group who is logged on, until it returns false.
    fn members(&self, group: &Sid, visit: &mut dyn FnMut(SessionId) -> bool);

    /// The user of a session; `None` if there is no such session. By default there is none for whom a task could be asked for.
    fn user(&self, session: SessionId) -> Option<Sid> {
        let _ = session;
        None
    }
}

/// Nobody ever logs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSessions;

impl Sessions for NoSessions {
    fn members(&self, _: &Sid, _: &mut dyn FnMut(SessionId) -> bool) {}
}

/// The most bytes that a sealed secret may have.
pub const SEALED_MAX: usize = 64;

/// Why a secret is not sealed, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unsealed {
    /// The host keeps no secrets at all.
    Unsupported,
    /// It does, but has no key now, or no random bytes.
    Unavailable,
    /// What is to be opened was not sealed with this key for this account, or was changed since.
    Forged,
}

impl core::fmt::Display for Unsealed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "host keeps no secrets",
            Self::Unavailable => "key of the secrets is not to be had",
            Self::Forged => "secret was not sealed with this key for this account",
        })
    }
}

impl core::error::Error for Unsealed {}

/// Seals secrets of accounts, so that they can lie in the [`Store`].
///
/// An implementation
/// - MUST encrypt and authenticate the secret together with the account's SID, so that one that was changed, or was sealed for
///   another account or with another key, does not open;
/// - MUST NOT seal two secrets with the same nonce;
/// - MUST keep its key elsewhere than in the store, readable by nobody else, and durable before it seals with it;
/// - MUST wipe what it copies of a secret, and never log one.
pub trait Secrets {
    /// Seals a secret of an account into the front of `into`, and returns how many bytes that took.
    ///
    /// # Errors
    /// [`Unsealed::Unsupported`] or [`Unsealed::Unavailable`].
    fn seal(&mut self, account: &Sid, secret: &[u8; 16], into: &mut [u8; SEALED_MAX]) -> Result<usize, Unsealed>;

    /// Opens what was sealed for an account, into `secret`, which the caller wipes.
    ///
    /// # Errors
    /// [`Unsealed`], as its variants say; `secret` holds nothing of use then.
    fn open(&mut self, account: &Sid, sealed: &[u8], secret: &mut [u8; 16]) -> Result<(), Unsealed>;
}

/// Keeps no secrets: what would need one kept is refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn seal(&mut self, _: &Sid, _: &[u8; 16], _: &mut [u8; SEALED_MAX]) -> Result<usize, Unsealed> {
        Err(Unsealed::Unsupported)
    }

    fn open(&mut self, _: &Sid, _: &[u8], _: &mut [u8; 16]) -> Result<(), Unsealed> {
        Err(Unsealed::Unsupported)
    }
}

/// All ports of one call, lent together.
pub struct Ports<'p> {
    /// Records.
    pub store: &'p mut dyn Store,
    /// Random bytes.
    pub entropy: &'p mut dyn Entropy,
    /// Accounts.
    pub accounts: &'p mut dyn Accounts,
    /// Who is logged on.
    pub sessions: &'p dyn Sessions,
    /// How the secrets of accounts are sealed.
    pub secrets: &'p mut dyn Secrets,
}

impl Ports<'_> {
    /// The same ports, lent for a shorter time.
    pub fn reborrow(&mut self) -> Ports<'_> {
        Ports {
            store: self.store,
            entropy: self.entropy,
            accounts: self.accounts,
            sessions: self.sessions,
            secrets: self.secrets,
        }
    }
}
