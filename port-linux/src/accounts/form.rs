//! The form of the account file: what it says, as text and in memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
};

use mainspring::{
    ports::{ACCOUNT_GROUPS, ACCOUNT_NAME_MAX, Account},
    sid::Sid,
    text,
};
use zeroize::Zeroizing;

use super::AccountError;

/// Number of the first account or group, as Windows counts.
pub(super) const FIRST_NUMBER: u32 = 1000;

/// Characters that a name may not have, because clients put names together with them or Windows refuses them.
pub(super) const FORBIDDEN: &str = "\"/\\[]:;|=,+*?<>@";

/// The most bytes of the name of a Unix user.
const UNIX_NAME_MAX: usize = 255;

/// A name of an account or a group.
pub(super) type Name = heapless::String<ACCOUNT_NAME_MAX>;

/// An account of the file.
pub(super) struct Kept {
    pub(super) name: Name,
    pub(super) nt_hash: Zeroizing<[u8; 16]>,
    pub(super) administrator: bool,
    pub(super) disabled: bool,
    /// How often it was unlocked.
    pub(super) unlocked: u32,
    /// The Unix user that its tasks run as.
    pub(super) unix: Option<String>,
}

/// A group of the file.
pub(super) struct Group {
    pub(super) name: Name,
    /// Numbers of the accounts that are in it.
    pub(super) members: BTreeSet<u32>,
}

/// What the file says. Numbers are those of SIDs (RIDs); an account and a group never have the same.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) machine: Option<Sid>,
    pub(super) next: u32,
    pub(super) accounts: BTreeMap<u32, Kept>,
    pub(super) groups: BTreeMap<u32, Group>,
    /// The number of each name, letter case folded.
    names: HashMap<String, u32>,
    /// The groups that each account is in.
    memberships: HashMap<u32, heapless::Vec<u32, ACCOUNT_GROUPS>>,
    /// The first line that could not be read.
    pub(super) damaged: Option<usize>,
}

/// Counts only, so that no hash reaches a log.
impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contents")
            .field("machine", &self.machine)
            .field("accounts", &self.accounts.len())
            .field("groups", &self.groups.len())
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

impl Contents {
    /// What `text` says. Lines that cannot be read are left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut contents = Self { next: FIRST_NUMBER, ..Self::default() };
        for (place, line) in text.lines().enumerate() {
            if contents.parse_line(line).is_none() {
                contents.damaged.get_or_insert(place + 1);
            }
        }
        contents.index();
        contents
    }

    /// The text of all of it.
    pub(super) fn print(&self) -> Zeroizing<String> {
        // Room for all of it at once, so that no hash is left behind by growing.
        let members: usize = self.groups.values().map(|group| group.members.len()).sum();
        let lines = self.accounts.len() * 3 + self.groups.len();
        let mut text = Zeroizing::new(String::with_capacity(256 + lines * (80 + ACCOUNT_NAME_MAX) + members * 12));
        text.push_str("# Accounts of Mainspring. Keep this file private: a hash in it is as good as its password.\n");
        if let Some(machine) = &self.machine {
            let _ = writeln!(text, "machine {machine}");
        }
        let _ = writeln!(text, "next {}", self.next);
        for (number, account) in &self.accounts {
            let role = if account.administrator { "administrator" } else { "user" };
            let disabled = if account.disabled { ",disabled" } else { "" };
            let _ = write!(text, "account {number} {role}{disabled} ");
            for byte in account.nt_hash.iter() {
                let _ = write!(text, "{byte:02x}");
            }
            let _ = writeln!(text, " {}", account.name);
        }
        for (number, group) in &self.groups {
            let _ = write!(text, "group {number} ");
            let mut members = group.members.iter();
            match members.next() {
                Some(first) => drop(write!(text, "{first}")),
                None => text.push('-'),
            }
            for member in members {
                let _ = write!(text, ",{member}");
            }
            let _ = writeln!(text, " {}", group.name);
        }
        for (number, account) in self.accounts.iter().filter(|(_, account)| account.unlocked > 0) {
            let _ = writeln!(text, "unlocked {number} {}", account.unlocked);
        }
        for (number, account) in &self.accounts {
            if let Some(user) = &account.unix {
                let _ = writeln!(text, "unix {number} {user}");
            }
        }
        text
    }

    fn parse_line(&mut self, line: &str) -> Option<()> {
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        let (word, rest) = line.split_once(' ')?;
        match word {
            "machine" => self.machine = Some(Sid::parse(rest)?),
            "next" => self.next = self.next.max(rest.parse().ok()?),
            "account" => {
                let mut parts = rest.splitn(4, ' ');
                let number = parts.next()?.parse().ok()?;
                let (administrator, disabled) = match parts.next()? {
                    "administrator" => (true, false),
                    "administrator,disabled" => (true, true),
                    "user" => (false, false),
                    "user,disabled" => (false, true),
                    _ => return None,
                };
                let nt_hash = hexadecimal(parts.next()?)?;
                let name = self.take(number, parts.next()?)?;
                let account = Kept { name, nt_hash, administrator, disabled, unlocked: 0, unix: None };
                self.accounts.insert(number, account);
            }
            "group" => {
                let mut parts = rest.splitn(3, ' ');
                let number = parts.next()?.parse().ok()?;
                let members = match parts.next()? {
                    "-" => BTreeSet::new(),
                    list => list.split(',').map(|member| member.parse().ok()).collect::<Option<_>>()?,
                };
                let name = self.take(number, parts.next()?)?;
                self.groups.insert(number, Group { name, members });
            }
            "unlocked" => {
                let (number, times) = rest.split_once(' ')?;
                let (number, times): (u32, u32) = (number.parse().ok()?, times.parse().ok()?);
                // Of an account that somebody took out by hand.
                if let Some(account) = self.accounts.get_mut(&number) {
                    account.unlocked = times;
                }
            }
            "unix" => {
                let (number, user) = rest.split_once(' ')?;
                let number: u32 = number.parse().ok()?;
                is_unix_name(user).then_some(())?;
                if let Some(account) = self.accounts.get_mut(&number) {
                    account.unix.is_none().then_some(())?;
                    account.unix = Some(user.to_owned());
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The name of a new entry with that number, if neither is taken.
    fn take(&mut self, number: u32, name: &str) -> Option<Name> {
        let name = legal_name(name).ok()?;
        self.sid(number)?;
        let next = number.checked_add(1)?;
        if self.accounts.contains_key(&number) || self.groups.contains_key(&number) {
            return None;
        }
        let folded = fold(&name);
        if self.names.contains_key(&folded) {
            return None;
        }
        self.names.insert(folded, number);
        self.next = self.next.max(next);
        Some(name)
    }

    /// Looks up once who is in which group. Numbers of groups' members that no account has are of accounts that somebody
    /// took out by hand, and so are groups beyond those that one may be in somebody's own work: both are left out.
    fn index(&mut self) {
        for (number, group) in &mut self.groups {
            group.members.retain(|member| {
                self.accounts.contains_key(member) && self.memberships.entry(*member).or_default().push(*number).is_ok()
            });
        }
    }

    /// The number of the account of that name.
    pub(super) fn account(&self, name: &str) -> Option<u32> {
        self.names.get(&fold(name)).copied().filter(|number| self.accounts.contains_key(number))
    }

    /// The number of some account, if there is one.
    pub(super) fn first(&self) -> u32 {
        self.accounts.keys().next().copied().unwrap_or_default()
    }

    /// The number of the group of that name.
    pub(super) fn group(&self, name: &str) -> Option<u32> {
        self.names.get(&fold(name)).copied().filter(|number| self.groups.contains_key(number))
    }

    /// Whether that name is nobody's.
    pub(super) fn is_free(&self, name: &str) -> bool {
        !self.names.contains_key(&fold(name))
    }

    /// The number of a SID, if it is of this machine.
    pub(super) fn number(&self, sid: &Sid) -> Option<u32> {
        let number = *sid.sub_authorities().last()?;
        (self.sid(number)? == *sid).then_some(number)
    }

    /// The SID with that number.
    pub(super) fn sid(&self, number: u32) -> Option<Sid> {
        let machine = self.machine?;
        let mut parts = heapless::Vec::<u32, 15>::from_slice(machine.sub_authorities()).ok()?;
        parts.push(number).ok()?;
        Sid::new(machine.authority(), &parts)
    }

    /// The groups that an account is in.
    pub(super) fn groups_of(&self, number: u32) -> heapless::Vec<u32, ACCOUNT_GROUPS> {
        self.memberships.get(&number).cloned().unwrap_or_default()
    }

    /// The account with that number, as the core knows accounts.
    pub(super) fn whole(&self, number: u32) -> Option<Account> {
        let Kept { name, nt_hash, administrator, disabled, .. } = self.accounts.get(&number)?;
        Some(Account {
            name: name.clone(),
            sid: self.sid(number)?,
            nt_hash: **nt_hash,
            administrator: *administrator,
            disabled: *disabled,
            groups: self.groups_of(number),
        })
    }
}

/// A name without its letter case.
fn fold(name: &str) -> String {
    text::folded(name).collect()
}

pub(super) fn legal_name(name: &str) -> Result<Name, AccountError> {
    let illegal = |character: char| character.is_control() || FORBIDDEN.contains(character);
    if name.is_empty() || name.trim() != name || name.contains(illegal) {
        return Err(AccountError::Name);
    }
    heapless::String::try_from(name).map_err(|_| AccountError::Name)
}

/// Whether a Unix user may have that name: one word, as in the list of users.
pub(super) fn is_unix_name(name: &str) -> bool {
    let illegal = |character: char| character.is_control() || character.is_whitespace() || ":/,".contains(character);
    !name.is_empty() && name.len() <= UNIX_NAME_MAX && name != "-" && !name.contains(illegal)
}

fn hexadecimal(digits: &str) -> Option<Zeroizing<[u8; 16]>> {
    (digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())?;
    u128::from_str_radix(digits, 16).ok().map(|number| Zeroizing::new(number.to_be_bytes()))
}
