//! Changes of the account file, as `mainspringd account` makes them. Each is made under a lock, is there whole or not at all,
//! is durable when it returns, and counts at once for a server that runs.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
};

use mainspring::{
    auth::nt_hash,
    ports::{ACCOUNT_GROUPS, Entropy},
    sid::Sid,
    tsch,
};
use rustix::fs::FlockOperation;
use zeroize::Zeroizing;

use super::{
    AccountError, AccountFile, SIZE_MAX,
    form::{Contents, FIRST_NUMBER, Group, Kept, Name, is_unix_name, legal_name},
};
use crate::{definition::Nobody, folder::Folder};

/// An account or a group, for who lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its security identifier.
    pub sid: Sid,
    /// What it is.
    pub role: Role,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Names of the groups that it is in.
    pub groups: Vec<String>,
    /// How often a login in its name has failed lately, as a server that runs has told. No more than eight are counted.
    pub failures: u32,
    /// The Unix user that its tasks run as, if it names one.
    pub unix: Option<String>,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An account that may administer the scheduler.
    Administrator,
    /// Another account.
    User,
    /// A group.
    Group,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Administrator => "administrator",
            Self::User => "user",
            Self::Group => "group",
        })
    }
}

impl AccountFile {
    /// Adds an account. Its SID.
    ///
    /// # Errors
    /// [`AccountError`]; nothing is changed then, nor by any other of these.
    pub fn add(
        folder: &Folder,
        name: &str,
        password: &str,
        administrator: bool,
        entropy: &mut dyn Entropy,
    ) -> Result<Sid, AccountError> {
        Self::add_as(folder, name, password, administrator, None, entropy)
    }

    /// As [`add`](Self::add), with the Unix user that its tasks run as, who must exist.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn add_as(
        folder: &Folder,
        name: &str,
        password: &str,
        administrator: bool,
        unix: Option<&str>,
        entropy: &mut dyn Entropy,
    ) -> Result<Sid, AccountError> {
        let hash = hash_of(password);
        let name = legal_name(name)?;
        let nt_hash = hash?;
        let unix = known_unix(unix)?;
        change(folder, |contents| {
            let number = contents.new_number(&name, entropy)?;
            let account = Kept { name, nt_hash, administrator, disabled: false, unlocked: 0, unix };
            contents.accounts.insert(number, account);
            contents.named(number)
        })
    }

    /// Gives an account another password. Its SID.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn set_password(folder: &Folder, name: &str, password: &str) -> Result<Sid, AccountError> {
        let nt_hash = hash_of(password)?;
        change_account(folder, name, |account| account.nt_hash = nt_hash)
    }

    /// Removes an account: nothing can be done with it from the next call on, by whom ever. The SID that it had, which is never
    /// used again. The last administrator who may log in is removed only by `force`.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn remove(folder: &Folder, name: &str, force: bool) -> Result<Sid, AccountError> {
        change(folder, |contents| {
            let number = contents.known_account(name)?;
            contents.leave_one(number, force)?;
            contents.accounts.remove(&number);
            for group in contents.groups.values_mut() {
                group.members.remove(&number);
            }
            contents.named(number)
        })
    }

    /// Keeps an account from logging in, and who is logged in with it from further calls. Its SID. The last administrator who
    /// may log in is disabled only by `force`.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn disable(folder: &Folder, name: &str, force: bool) -> Result<Sid, AccountError> {
        change(folder, |contents| {
            let number = contents.known_account(name)?;
            contents.leave_one(number, force)?;
            if let Some(account) = contents.accounts.get_mut(&number) {
                account.disabled = true;
            }
            contents.named(number)
        })
    }

    /// Lets an account log in again. Its SID.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn enable(folder: &Folder, name: &str) -> Result<Sid, AccountError> {
        change_account(folder, name, |account| account.disabled = false)
    }

    /// Has a server that runs forget the failed logins of an account. Its SID.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn unlock(folder: &Folder, name: &str) -> Result<Sid, AccountError> {
        // What counts is that the number is another one. None is of no account that was ever unlocked.
        change_account(folder, name, |account| account.unlocked = account.unlocked.checked_add(1).unwrap_or(1))
    }

    /// Has the tasks of an account run as a Unix user, who must exist, or as none of its own. Its SID.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn set_unix_user(folder: &Folder, name: &str, unix: Option<&str>) -> Result<Sid, AccountError> {
        let unix = known_unix(unix)?;
        change_account(folder, name, |account| account.unix = unix)
    }

    /// Adds a group with nobody in it. Its SID.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn add_group(folder: &Folder, name: &str, entropy: &mut dyn Entropy) -> Result<Sid, AccountError> {
        let name = legal_name(name)?;
        change(folder, |contents| {
            let number = contents.new_number(&name, entropy)?;
            contents.groups.insert(number, Group { name, members: Default::default() });
            contents.named(number)
        })
    }

    /// Removes a group, and so everybody from it. The SID that it had, which is never used again.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn remove_group(folder: &Folder, name: &str) -> Result<Sid, AccountError> {
        change(folder, |contents| {
            let number = contents.group(name).ok_or(AccountError::UnknownGroup)?;
            contents.groups.remove(&number);
            contents.named(number)
        })
    }

    /// Puts an account into a group, if it is not in it. The SIDs of the group and the account.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn join(folder: &Folder, group: &str, account: &str) -> Result<(Sid, Sid), AccountError> {
        change(folder, |contents| {
            let (group, account) = contents.group_and_account(group, account)?;
            let room = contents.groups_of(account).len() < ACCOUNT_GROUPS;
            let members = contents.groups.get_mut(&group).map(|group| &mut group.members);
            if members.is_some_and(|members| members.insert(account)) && !room {
                return Err(AccountError::ManyGroups);
            }
            Ok((contents.named(group)?, contents.named(account)?))
        })
    }

    /// Takes an account out of a group, if it is in it. The SIDs of the group and the account.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn leave(folder: &Folder, group: &str, account: &str) -> Result<(Sid, Sid), AccountError> {
        change(folder, |contents| {
            let (group, account) = contents.group_and_account(group, account)?;
            if let Some(group) = contents.groups.get_mut(&group) {
                group.members.remove(&account);
            }
            Ok((contents.named(group)?, contents.named(account)?))
        })
    }

    /// All accounts and groups, in the order in which they were made.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let contents = &self.contents;
        let told = self.told_failures();
        let accounts = contents.accounts.iter().filter_map(|(&number, account)| {
            let groups = contents.groups_of(number);
            let groups = groups.iter().filter_map(|group| Some(contents.groups.get(group)?.name.to_string()));
            let role = if account.administrator { Role::Administrator } else { Role::User };
            let (name, sid, disabled) = (account.name.to_string(), contents.sid(number)?, account.disabled);
            let failures = told.get(&number).copied().unwrap_or_default();
            let (groups, unix) = (groups.collect(), account.unix.clone());
            Some((number, Listed { name, sid, role, disabled, groups, failures, unix }))
        });
        let groups = contents.groups.iter().filter_map(|(&number, group)| {
            let (name, sid) = (group.name.to_string(), contents.sid(number)?);
            let (role, groups) = (Role::Group, Vec::new());
            Some((number, Listed { name, sid, role, disabled: false, groups, failures: 0, unix: None }))
        });
        let mut all = accounts.chain(groups).collect::<Vec<_>>();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, listed)| listed).collect()
    }

    /// The first line of the file that could not be read, if there is one.
    #[must_use]
    pub fn damaged(&self) -> Option<usize> {
        self.contents.damaged
    }
}

impl Contents {
    fn known_account(&self, name: &str) -> Result<u32, AccountError> {
        self.account(name).ok_or(AccountError::UnknownAccount)
    }

    fn group_and_account(&self, group: &str, account: &str) -> Result<(u32, u32), AccountError> {
        let group = self.group(group).ok_or(AccountError::UnknownGroup)?;
        Ok((group, self.known_account(account)?))
    }

    /// The SID of an entry, to tell it.
    fn named(&self, number: u32) -> Result<Sid, AccountError> {
        self.sid(number).ok_or(AccountError::Full)
    }

    /// Uses up a number for a new entry of that name, which must be free.
    fn new_number(&mut self, name: &Name, entropy: &mut dyn Entropy) -> Result<u32, AccountError> {
        // An entry of such a name could never be named.
        if tsch::resolve(name, &mut Nobody).is_some() {
            return Err(AccountError::WellKnown);
        }
        if !self.is_free(name) {
            return Err(AccountError::Exists);
        }
        if self.machine.is_none() {
            self.machine = Some(new_machine(entropy)?);
        }
        let number = self.next.max(FIRST_NUMBER);
        self.next = number.checked_add(1).ok_or(AccountError::Full)?;
        Ok(number)
    }

    /// An account is about to be lost to who uses it: if it is the last administrator who may log in, only by force.
    fn leave_one(&self, lost: u32, force: bool) -> Result<(), AccountError> {
        let may = |account: &Kept| account.administrator && !account.disabled;
        let is_one = self.accounts.get(&lost).is_some_and(may);
        let is_another = self.accounts.iter().any(|(number, account)| *number != lost && may(account));
        if is_one && !is_another && !force { Err(AccountError::LastAdministrator) } else { Ok(()) }
    }
}

fn hash_of(password: &str) -> Result<Zeroizing<[u8; 16]>, AccountError> {
    if password.is_empty() { Err(AccountError::EmptyPassword) } else { Ok(Zeroizing::new(nt_hash(password))) }
}

/// A name that a Unix user of this machine has.
fn known_unix(name: Option<&str>) -> Result<Option<String>, AccountError> {
    let Some(name) = name else { return Ok(None) };
    let is_known = is_unix_name(name) && nix::unistd::User::from_name(name).map_err(io::Error::from)?.is_some();
    if is_known { Ok(Some(name.to_owned())) } else { Err(AccountError::UnknownUnixUser) }
}

fn change_account(folder: &Folder, name: &str, work: impl FnOnce(&mut Kept)) -> Result<Sid, AccountError> {
    change(folder, |contents| {
        let number = contents.known_account(name)?;
        if let Some(account) = contents.accounts.get_mut(&number) {
            work(account);
        }
        contents.named(number)
    })
}

/// Changes the file: locked, written beside the old one, and put in its place once it is durable.
fn change<T>(folder: &Folder, work: impl FnOnce(&mut Contents) -> Result<T, AccountError>) -> Result<T, AccountError> {
    let lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.file("accounts.lock"))?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(io::Error::from)?;

    let mut file = AccountFile::open(folder)?;
    if let Some(line) = file.contents.damaged {
        return Err(AccountError::Line { line });
    }
    let done = work(&mut file.contents)?;
    let text = file.contents.print();
    if text.len() as u64 > SIZE_MAX {
        return Err(AccountError::Full);
    }
    let unfinished = folder.file("accounts.new");
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&unfinished, &file.path)?;
    folder.sync()?;
    Ok(done)
}

/// Draws the SID of this machine, S-1-5-21-x-y-z.
fn new_machine(entropy: &mut dyn Entropy) -> Result<Sid, AccountError> {
    let mut random = [0; 12];
    entropy.fill(&mut random).map_err(|_| AccountError::NoEntropy)?;
    let mut parts = [21, 0, 0, 0];
    for (part, bytes) in parts.iter_mut().skip(1).zip(random.as_chunks().0) {
        *part = u32::from_le_bytes(*bytes);
    }
    Sid::new([0, 0, 0, 0, 0, 5], &parts).ok_or(AccountError::NoEntropy)
}
