//! Accounts, in the file `accounts` of the data folder.
//!
//! ```text
//! # Accounts of Mainspring. Keep this file private: a hash in it is as good as its password.
//! machine S-1-5-21-1004336348-1177238915-682003330
//! next 1002
//! account 1000 administrator 8846f7eaee8fb117ad06bdd830b7586c Alice
//! account 1001 user,disabled 0cb6948805f797bf2a82807973b89537 Bob Builder
//! ```
//!
//! `machine` is drawn once at random; an account's SID is that and its number (RID). `next` is the number of the next
//! account: it only grows, so that no SID is used twice. After the role comes the NT hash, and the rest of the line is
//! the name.
//!
//! The file has mode 0600 and is not believed if anybody but its owner may read or write it. It is replaced as a whole,
//! under a lock, and read again whenever it is another file than the one read last: an account added while the server
//! runs counts from the next login on.

use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use mainspring::{
    auth::nt_hash,
    ports::{ACCOUNT_NAME_MAX, Account, Accounts, Entropy, LoginAttempt},
    sid::Sid,
    text,
};
use rustix::fs::FlockOperation;
use zeroize::Zeroizing;

use crate::folder::Folder;

/// Number of the first account, as Windows counts.
const FIRST_NUMBER: u32 = 1000;

/// The most bytes of the file that are read: some 10,000 accounts.
const SIZE_MAX: u64 = 1 << 20;

/// Characters that a name may not have, because clients put names together with them or Windows refuses them.
const FORBIDDEN: &str = "\"/\\[]:;|=,+*?<>@";

/// Why accounts could not be read or changed.
#[derive(Debug)]
pub enum AccountError {
    /// The name is empty, too long, or has a character that no account name may have.
    Name,
    /// There is an account of that name.
    Exists,
    /// The password is empty.
    EmptyPassword,
    /// Somebody other than the owner may read or write the file, or owns it.
    Exposed {
        /// Its permission bits.
        mode: u32,
        /// User id of its owner.
        owner: u32,
    },
    /// A line of the file could not be read.
    Line {
        /// Number of the first such line, from 1.
        line: usize,
    },
    /// There are no random bytes to be had for the machine's SID.
    NoEntropy,
    /// The file could not be read or written.
    Io(io::Error),
}

impl std::fmt::Display for AccountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => write!(
                f,
                "account name must have 1 to {ACCOUNT_NAME_MAX} bytes, no white space around it, no control characters \
                 and none of {FORBIDDEN}"
            ),
            Self::Exists => f.write_str("there is an account of that name"),
            Self::EmptyPassword => f.write_str("password is empty"),
            Self::Exposed { mode, owner } => {
                write!(f, "account file may be read or written by others (mode {mode:04o}, owner {owner})")
            }
            Self::Line { line } => write!(f, "account file cannot be read from line {line} on"),
            Self::NoEntropy => f.write_str("no entropy to be had"),
            Self::Io(error) => write!(f, "account file: {error}"),
        }
    }
}

impl std::error::Error for AccountError {}

impl From<io::Error> for AccountError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What tells one state of the file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What the file says.
#[derive(Debug, Default)]
struct Contents {
    machine: Option<Sid>,
    next: u32,
    accounts: Vec<(u32, Account)>,
    /// The first line that could not be read.
    damaged: Option<usize>,
}

/// The accounts of one data folder.
#[derive(Debug)]
pub struct AccountFile {
    path: PathBuf,
    /// The file that `contents` was read from.
    stamp: Option<Stamp>,
    contents: Contents,
}

impl AccountFile {
    /// The accounts of the data folder; none if there is no file yet.
    ///
    /// # Errors
    /// [`AccountError`] if there is a file, but it cannot be read or is not private.
    pub fn open(folder: &Folder) -> Result<Self, AccountError> {
        let mut file = Self { path: folder.file("accounts"), stamp: None, contents: Contents::default() };
        file.read_if_changed()?;
        Ok(file)
    }

    /// Adds an account; it is durable, and counts for a server that runs, when this returns. Its SID.
    ///
    /// # Errors
    /// [`AccountError`]; nothing is changed then.
    pub fn add(
        folder: &Folder,
        name: &str,
        password: &str,
        administrator: bool,
        entropy: &mut dyn Entropy,
    ) -> Result<Sid, AccountError> {
        let name = legal_name(name)?;
        if password.is_empty() {
            return Err(AccountError::EmptyPassword);
        }
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.file("accounts.lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(io::Error::from)?;

        let mut file = Self::open(folder)?;
        let contents = &mut file.contents;
        if let Some(line) = contents.damaged {
            return Err(AccountError::Line { line });
        }
        if contents.accounts.iter().any(|(_, account)| text::eq_ignore_case(&account.name, name.as_str())) {
            return Err(AccountError::Exists);
        }
        let machine = match contents.machine {
            Some(machine) => machine,
            None => new_machine(entropy)?,
        };
        contents.machine = Some(machine);
        let number = contents.next.max(FIRST_NUMBER);
        contents.next = number + 1;
        let sid = account_sid(&machine, number).ok_or(AccountError::NoEntropy)?;
        let nt_hash = nt_hash(password);
        contents.accounts.push((
            number,
            Account { name, sid, nt_hash, administrator, disabled: false, groups: heapless::Vec::new() },
        ));

        let unfinished = folder.file("accounts.new");
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        new.write_all(printed(contents).as_bytes())?;
        new.sync_all()?;
        std::fs::rename(&unfinished, &file.path)?;
        folder.sync()?;
        Ok(sid)
    }

    /// Reads the file if it is another one than was read last.
    fn read_if_changed(&mut self) -> Result<(), AccountError> {
        let stamp = match std::fs::metadata(&self.path) {
            Ok(metadata) => Some(Stamp::of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if stamp == self.stamp {
            return Ok(());
        }
        self.contents = Contents::default();
        self.stamp = None;
        if stamp.is_none() {
            return Ok(());
        }
        let file = File::open(&self.path)?;
        // What was opened is judged and remembered, not what the path named before.
        let metadata = file.metadata()?;
        self.stamp = Some(Stamp::of(&metadata));
        if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(AccountError::Exposed { mode: metadata.mode() & 0o7777, owner: metadata.uid() });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(SIZE_MAX).read_to_string(&mut text)?;
        self.contents = parsed(&text);
        Ok(())
    }

    /// The accounts as they are now.
    fn current(&mut self) -> impl Iterator<Item = &Account> {
        if let Err(error) = self.read_if_changed() {
            self.contents = Contents::default();
            tracing::error!(%error, "accounts cannot be read, nobody can log in");
        } else if let Some(line) = self.contents.damaged.take() {
            tracing::warn!(line, "a line of the account file cannot be read, and is left out");
        }
        self.contents.accounts.iter().map(|(_, account)| account)
    }
}

impl Accounts for AccountFile {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        self.current().find(|account| text::eq_ignore_case(&account.name, name)).cloned()
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        self.current().find(|account| account.sid == *sid).cloned()
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        tracing::warn!(account = ?attempt.name, connection = attempt.connection, "a login failed");
    }
}

fn legal_name(name: &str) -> Result<heapless::String<ACCOUNT_NAME_MAX>, AccountError> {
    let illegal = |character: char| character.is_control() || FORBIDDEN.contains(character);
    if name.is_empty() || name.trim() != name || name.contains(illegal) {
        return Err(AccountError::Name);
    }
    heapless::String::try_from(name).map_err(|_| AccountError::Name)
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

fn account_sid(machine: &Sid, number: u32) -> Option<Sid> {
    let mut parts = machine.sub_authorities().to_vec();
    parts.push(number);
    Sid::new(machine.authority(), &parts)
}

fn printed(contents: &Contents) -> Zeroizing<String> {
    // Room for all of it at once, so that no hash is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(256 + contents.accounts.len() * (80 + ACCOUNT_NAME_MAX)));
    text.push_str("# Accounts of Mainspring. Keep this file private: a hash in it is as good as its password.\n");
    if let Some(machine) = &contents.machine {
        let _ = writeln!(text, "machine {machine}");
    }
    let _ = writeln!(text, "next {}", contents.next);
    for (number, account) in &contents.accounts {
        let role = if account.administrator { "administrator" } else { "user" };
        let disabled = if account.disabled { ",disabled" } else { "" };
        let _ = write!(text, "account {number} {role}{disabled} ");
        for byte in account.nt_hash {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = writeln!(text, " {}", account.name);
    }
    text
}

fn parsed(text: &str) -> Contents {
    let mut contents = Contents { next: FIRST_NUMBER, ..Contents::default() };
    for (place, line) in text.lines().enumerate() {
        if parse_line(line, &mut contents).is_none() {
            contents.damaged.get_or_insert(place + 1);
        }
    }
    contents
}

fn parse_line(line: &str, contents: &mut Contents) -> Option<()> {
    if line.is_empty() || line.starts_with('#') {
        return Some(());
    }
    let (word, rest) = line.split_once(' ')?;
    match word {
        "machine" => contents.machine = Some(Sid::parse(rest)?),
        "next" => contents.next = rest.parse().ok()?,
        "account" => {
            let mut parts = rest.splitn(4, ' ');
            let number: u32 = parts.next()?.parse().ok()?;
            let (administrator, disabled) = match parts.next()? {
                "administrator" => (true, false),
                "administrator,disabled" => (true, true),
                "user" => (false, false),
                "user,disabled" => (false, true),
                _ => return None,
            };
            let nt_hash = hexadecimal(parts.next()?)?;
            let name = legal_name(parts.next()?).ok()?;
            let sid = account_sid(contents.machine.as_ref()?, number)?;
            contents.next = contents.next.max(number.checked_add(1)?);
            contents
                .accounts
                .push((number, Account { name, sid, nt_hash, administrator, disabled, groups: heapless::Vec::new() }));
        }
        _ => return None,
    }
    Some(())
}

fn hexadecimal(digits: &str) -> Option<[u8; 16]> {
    (digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}
