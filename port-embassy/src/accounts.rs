//! Accounts: some that are built into the firmware, some that are kept in the store.
//!
//! An [`AccountBook`] knows both. Built-in ones are a table of constants and cannot be removed. The others are records of the
//! store, added and removed while the firmware runs, and kept in memory as well, because a login must not wait for flash:
//! as many as there are places in what the book was lent.
//!
//! | kind | number | value |
//! | --- | --- | --- |
//! | [`ACCOUNT`] | RID | `[1, name, NT hash, flags]`; flag 1: administrator, flag 2: disabled |
//! | [`MACHINE`] | 0 | `[1, a, b, c, next]`: the SID of this machine is `S-1-5-21-a-b-c`, and `next` the next RID |
//!
//! The machine's SID is drawn at random when the first account is added, and numbers only grow, so that no SID is used
//! twice. The SIDs of built-in accounts are of that machine too, if it has one; before, of `S-1-5-21-0-0-0`. They should
//! have numbers below [`FIRST`].
//!
//! **A hash is as good as its password**, and flash can be read by who has the board. A password that is in the firmware can
//! be read by who has the firmware.
//!
//! ```
//! use mainspring::ports::Accounts as _;
//! use mainspring_embassy::accounts::{AccountBook, BuiltIn, Secret};
//!
//! const OPERATOR: BuiltIn = BuiltIn {
//!     name: "operator",
//!     number: 500,
//!     secret: Secret::NtHash(0x8846f7eaee8fb117ad06bdd830b7586c),
//!     administrator: true,
//!     disabled: false,
//! };
//! let mut places = [const { None }; 4];
//! let book = AccountBook::new(&[OPERATOR], &mut places);
//! assert!((&book).by_name("Operator").is_some());
//! ```

use core::cell::RefCell;

use mainspring::{
    auth::nt_hash,
    ports::{ACCOUNT_NAME_MAX, Account, Accounts, Change, Entropy, Key, LoginAttempt, Store, StoreError},
    sid::Sid,
    text,
    time::Timestamp,
};
use minicbor::{Decoder, Encoder, encode::write::Cursor};
use zeroize::Zeroize as _;

/// Kind of the records of accounts. The core's kinds end below 16.
pub const ACCOUNT: u8 = 16;
/// Kind of the one record of the machine.
pub const MACHINE: u8 = 17;

/// Number (RID) of the first account that is added, as Windows counts.
pub const FIRST: u32 = 1000;

/// Characters that a name may not have, because clients put names together with them or Windows refuses them.
const FORBIDDEN: &str = "\"/\\[]:;|=,+*?<>@";

const VERSION: u8 = 1;
const ADMINISTRATOR: u8 = 1;
const DISABLED: u8 = 2;

/// Bytes of the longest record.
const RECORD: usize = 2 + 2 + ACCOUNT_NAME_MAX + 1 + 16 + 1;

/// What somebody logs in with.
#[derive(Clone, Copy)]
pub enum Secret {
    /// The password; for demonstrations, as it stands in the firmware for everybody to read.
    Password(&'static str),
    /// The NT hash (MD4 of the password in UTF-16LE), its bytes read as one hexadecimal number.
    NtHash(u128),
}

/// Tells nothing.
impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

/// An account that is built into the firmware.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// The name.
    pub name: &'static str,
    /// The last part of the SID (RID), below [`FIRST`].
    pub number: u32,
    /// What logs in with it.
    pub secret: Secret,
    /// Whether it may administer the scheduler.
    pub administrator: bool,
    /// Whether it may not log in.
    pub disabled: bool,
}

/// An account of the store, in memory.
#[derive(Debug, Clone)]
pub struct Kept {
    number: u32,
    name: heapless::String<ACCOUNT_NAME_MAX>,
    nt_hash: Hash,
    flags: u8,
}

/// Not to be shown, and wiped.
#[derive(Clone)]
struct Hash([u8; 16]);

impl core::fmt::Debug for Hash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hash")
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why an account was not added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AccountError {
    /// The name is empty, too long, or has a character that no account name may have.
    Name,
    /// The password is empty.
    EmptyPassword,
    /// There is an account of that name.
    Exists,
    /// There is no account of that name.
    Unknown,
    /// It is built into the firmware.
    BuiltIn,
    /// Every place in memory is taken.
    NoPlace,
    /// There are no random bytes for the machine's SID.
    NoEntropy,
    /// What befell the store.
    Store(StoreError),
}

impl core::fmt::Display for AccountError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Name => "no account may have that name",
            Self::EmptyPassword => "password is empty",
            Self::Exists => "there is an account of that name",
            Self::Unknown => "there is no account of that name",
            Self::BuiltIn => "account is built into the firmware",
            Self::NoPlace => "every place for accounts is taken",
            Self::NoEntropy => "no entropy to be had",
            Self::Store(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for AccountError {}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An account, for who lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'l> {
    /// The name.
    pub name: &'l str,
    /// The security identifier.
    pub sid: Sid,
    /// Whether it may administer the scheduler.
    pub administrator: bool,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Whether it is built into the firmware.
    pub built_in: bool,
}

/// What was counted of failed logins since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many there were, for whatever name.
    pub count: u32,
    /// When the last one was, if the time was known.
    pub last: Option<Timestamp>,
}

/// Accounts of the firmware and of the store. See the module.
#[derive(Debug)]
pub struct AccountBook<'b> {
    built_in: &'b [BuiltIn],
    inner: RefCell<Inner<'b>>,
}

#[derive(Debug)]
struct Inner<'b> {
    places: &'b mut [Option<Kept>],
    machine: Option<[u32; 3]>,
    next: u32,
    failures: Failures,
}

impl<'b> AccountBook<'b> {
    /// A book that knows those of the firmware; [`load`](Self::load) reads the others.
    #[must_use]
    pub const fn new(built_in: &'b [BuiltIn], places: &'b mut [Option<Kept>]) -> Self {
        let inner = Inner { places, machine: None, next: FIRST, failures: Failures { count: 0, last: None } };
        Self { built_in, inner: RefCell::new(inner) }
    }

    /// Reads the accounts of the store. Records that are damaged, and those for which there is no place, are left out and
    /// kept; how many.
    ///
    /// # Errors
    /// What befell the store.
    pub fn load(&self, store: &mut dyn Store) -> Result<usize, StoreError> {
        let inner = &mut *self.inner.borrow_mut();
        let mut buffer = [0; RECORD];
        if let Some(length) = store.get(Key { kind: MACHINE, number: 0 }, &mut buffer)? {
            (inner.machine, inner.next) = match buffer.get(..length).and_then(machine_of) {
                Some((machine, next)) => (Some(machine), next),
                None => return Err(StoreError::Corrupt),
            };
        }
        inner.places.fill(None);
        let mut left_out = 0;
        let (places, next) = (&mut *inner.places, &mut inner.next);
        store.scan(ACCOUNT, &mut |key, record| {
            *next = (*next).max(key.number.saturating_add(1));
            let place = places.iter_mut().find(|place| place.is_none());
            match (account_of(key.number, record), place) {
                (Some(kept), Some(place)) => *place = Some(kept),
                _ => left_out += 1,
            }
            true
        })?;
        buffer.zeroize();
        Ok(left_out)
    }

    /// Adds an account; it is durable, and counts, when this returns. Its SID.
    ///
    /// ```ignore
    /// host.with_ports(|ports| BOOK.add(ports.store, ports.entropy, "alice", "Passw0rd!", true))?;
    /// ```
    ///
    /// # Errors
    /// [`AccountError`]; nothing is changed then.
    pub fn add(
        &self,
        store: &mut dyn Store,
        entropy: &mut dyn Entropy,
        name: &str,
        password: &str,
        administrator: bool,
    ) -> Result<Sid, AccountError> {
        let name = legal_name(name)?;
        if password.is_empty() {
            return Err(AccountError::EmptyPassword);
        }
        if self.built_in(&name).is_some() {
            return Err(AccountError::Exists);
        }
        let inner = &mut *self.inner.borrow_mut();
        if inner.find(&name).is_some() {
            return Err(AccountError::Exists);
        }
        let machine = match inner.machine {
            Some(machine) => machine,
            None => draw_machine(entropy)?,
        };
        let place = inner.places.iter_mut().find(|place| place.is_none()).ok_or(AccountError::NoPlace)?;
        let number = inner.next;
        let next = number.checked_add(1).ok_or(AccountError::NoPlace)?;
        let flags = if administrator { ADMINISTRATOR } else { 0 };
        let kept = Kept { number, name, nt_hash: Hash(nt_hash(password)), flags };
        let (mut first, mut second) = ([0; RECORD], [0; RECORD]);
        let full = AccountError::Store(StoreError::TooSmall { needed: RECORD });
        let written = machine_record(machine, next, &mut first).zip(account_record(&kept, &mut second));
        let (machine_record, account_record) = written.ok_or(full)?;
        // The number is used up before anybody has it.
        let applied = store.apply(&[
            Change::Put(Key { kind: MACHINE, number: 0 }, machine_record),
            Change::Put(Key { kind: ACCOUNT, number }, account_record),
        ]);
        second.zeroize();
        applied?;
        (inner.machine, inner.next) = (Some(machine), next);
        *place = Some(kept);
        sid(machine, number).ok_or(full)
    }

    /// Removes an account; its SID is never used again. Who is logged in stays so until the connection ends.
    ///
    /// # Errors
    /// [`AccountError`]; nothing is changed then.
    pub fn remove(&self, store: &mut dyn Store, name: &str) -> Result<(), AccountError> {
        if self.built_in(name).is_some() {
            return Err(AccountError::BuiltIn);
        }
        let inner = &mut *self.inner.borrow_mut();
        let is = |kept: &Kept| text::eq_ignore_case(&kept.name, name);
        let place = inner.places.iter_mut().find(|place| place.as_ref().is_some_and(is));
        let place = place.ok_or(AccountError::Unknown)?;
        let number = place.as_ref().map_or(0, |kept| kept.number);
        store.apply(&[Change::Delete(Key { kind: ACCOUNT, number })])?;
        *place = None;
        Ok(())
    }

    /// Calls `visit` with each account.
    pub fn list(&self, visit: &mut dyn FnMut(&Listed<'_>)) {
        let inner = self.inner.borrow();
        let machine = inner.machine.unwrap_or_default();
        for account in self.built_in {
            if let Some(sid) = sid(machine, account.number) {
                let BuiltIn { name, administrator, disabled, .. } = *account;
                visit(&Listed { name, sid, administrator, disabled, built_in: true });
            }
        }
        for kept in inner.places.iter().flatten() {
            if let Some(sid) = sid(machine, kept.number) {
                let (administrator, disabled) = (kept.flags & ADMINISTRATOR != 0, kept.flags & DISABLED != 0);
                visit(&Listed { name: &kept.name, sid, administrator, disabled, built_in: false });
            }
        }
    }

    /// How many logins have failed.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.inner.borrow().failures
    }

    fn built_in(&self, name: &str) -> Option<&BuiltIn> {
        self.built_in.iter().find(|account| text::eq_ignore_case(account.name, name))
    }
}

impl Inner<'_> {
    fn find(&self, name: &str) -> Option<&Kept> {
        self.places.iter().flatten().find(|kept| text::eq_ignore_case(&kept.name, name))
    }

    fn built_in(&self, account: &BuiltIn) -> Option<Account> {
        Some(Account {
            name: heapless::String::try_from(account.name).ok()?,
            sid: sid(self.machine.unwrap_or_default(), account.number)?,
            nt_hash: match account.secret {
                Secret::Password(password) => nt_hash(password),
                Secret::NtHash(hash) => hash.to_be_bytes(),
            },
            administrator: account.administrator,
            disabled: account.disabled,
            groups: heapless::Vec::new(),
        })
    }

    fn kept(&self, kept: &Kept) -> Option<Account> {
        Some(Account {
            name: kept.name.clone(),
            sid: sid(self.machine?, kept.number)?,
            nt_hash: kept.nt_hash.0,
            administrator: kept.flags & ADMINISTRATOR != 0,
            disabled: kept.flags & DISABLED != 0,
            groups: heapless::Vec::new(),
        })
    }
}

/// Shared, so that who adds accounts and the host can both have it.
impl Accounts for &AccountBook<'_> {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        let inner = self.inner.borrow();
        match self.built_in(name) {
            Some(account) => inner.built_in(account),
            None => inner.kept(inner.find(name)?),
        }
    }

    fn by_sid(&mut self, wanted: &Sid) -> Option<Account> {
        let inner = self.inner.borrow();
        let mut built_in = self.built_in.iter().filter_map(|account| inner.built_in(account));
        let mut kept = inner.places.iter().flatten().filter_map(|kept| inner.kept(kept));
        built_in.find(|account| account.sid == *wanted).or_else(|| kept.find(|account| account.sid == *wanted))
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        let failures = &mut self.inner.borrow_mut().failures;
        failures.count = failures.count.saturating_add(1);
        failures.last = attempt.now.wall;
    }
}

fn legal_name(name: &str) -> Result<heapless::String<ACCOUNT_NAME_MAX>, AccountError> {
    let illegal = |character: char| character.is_control() || FORBIDDEN.contains(character);
    if name.is_empty() || name.trim() != name || name.contains(illegal) {
        return Err(AccountError::Name);
    }
    heapless::String::try_from(name).map_err(|_| AccountError::Name)
}

fn draw_machine(entropy: &mut dyn Entropy) -> Result<[u32; 3], AccountError> {
    let mut random = [0; 12];
    entropy.fill(&mut random).map_err(|_| AccountError::NoEntropy)?;
    let mut machine = [0; 3];
    for (part, bytes) in machine.iter_mut().zip(random.as_chunks().0) {
        *part = u32::from_le_bytes(*bytes);
    }
    Ok(machine)
}

fn sid([a, b, c]: [u32; 3], number: u32) -> Option<Sid> {
    Sid::new([0, 0, 0, 0, 0, 5], &[21, a, b, c, number])
}

fn machine_record(machine: [u32; 3], next: u32, into: &mut [u8]) -> Option<&[u8]> {
    let mut encoder = Encoder::new(Cursor::new(&mut *into));
    encoder.array(5).ok()?.u8(VERSION).ok()?;
    for part in machine.into_iter().chain([next]) {
        encoder.u32(part).ok()?;
    }
    let length = encoder.writer().position();
    into.get(..length)
}

fn machine_of(record: &[u8]) -> Option<([u32; 3], u32)> {
    let mut decoder = opened(record, 5)?;
    let mut parts = [0; 4];
    for part in &mut parts {
        *part = decoder.u32().ok()?;
    }
    let [a, b, c, next] = parts;
    Some(([a, b, c], next))
}

fn account_record<'i>(kept: &Kept, into: &'i mut [u8]) -> Option<&'i [u8]> {
    let mut encoder = Encoder::new(Cursor::new(&mut *into));
    encoder.array(4).ok()?.u8(VERSION).ok()?;
    encoder.str(&kept.name).ok()?.bytes(&kept.nt_hash.0).ok()?.u8(kept.flags).ok()?;
    let length = encoder.writer().position();
    into.get(..length)
}

fn account_of(number: u32, record: &[u8]) -> Option<Kept> {
    let mut decoder = opened(record, 4)?;
    Some(Kept {
        number,
        name: legal_name(decoder.str().ok()?).ok()?,
        nt_hash: Hash(decoder.bytes().ok()?.try_into().ok()?),
        flags: decoder.u8().ok()?,
    })
}

/// A decoder behind the version of a record. Later versions may append elements.
fn opened(record: &[u8], elements: u64) -> Option<Decoder<'_>> {
    let mut decoder = Decoder::new(record);
    let length = decoder.array().ok()??;
    (length >= elements && decoder.u8().ok()? == VERSION).then_some(decoder)
}
