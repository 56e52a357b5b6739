//! Accounts and groups, in the file `accounts` of the data folder.
//!
//! ```text
//! # Accounts of Mainspring. Keep this file private: a hash in it is as good as its password.
//! machine S-1-5-21-1004336348-1177238915-682003330
//! next 1004
//! account 1000 administrator 8846f7eaee8fb117ad06bdd830b7586c Alice
//! account 1001 user,disabled 0cb6948805f797bf2a82807973b89537 Bob Builder
//! group 1002 1000,1001 Night shift
//! group 1003 - Auditors
//! unlocked 1000 2
//! unix 1000 alice
//! ```
//!
//! `machine` is drawn once at random; the SID of an account or a group is that and its number (RID). `next` is the number of
//! the next one: it only grows, so that no SID is used twice. After an account's role comes the NT hash, after a group's number
//! come those of the accounts in it, and the rest of the line is the name, which one account or group has. `unlocked` says how
//! often the failed logins of an account were forgotten, and `unix` which [Unix user](UnixUsers) its tasks run as. A server that does not
//! know that word leaves the line out, and says so.
//!
//! The file has mode 0600 and is not believed if anybody but its owner may read or write it. It is replaced as a whole,
//! under a lock, and read again whenever it is another file than the one read last: a change that is made while the server
//! runs counts from the next login or call on, also for who is logged in already.
//!
//! [Failed logins](failures) are counted in memory. A server tells the counts in the file `failures` beside, for who lists
//! accounts.

mod change;
mod error;
pub mod failures;
mod form;
mod told;
mod unix;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use mainspring::{
    ports::{ACCOUNT_NAME_MAX, Account, Accounts, LoginAttempt},
    rpc::Login,
    sid::Sid,
    time::Monotonic,
};
use zeroize::Zeroizing;

use crate::folder::Folder;
pub use change::{Listed, Role};
pub use error::AccountError;
use failures::{Failures, Hold};
use form::Contents;
pub use unix::UnixUsers;

/// The most bytes of the file: some 10,000 accounts.
const SIZE_MAX: u64 = 1 << 20;

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

/// The accounts of one data folder.
#[derive(Debug)]
pub struct AccountFile {
    path: PathBuf,
    /// The file that `contents` was read from.
    stamp: Option<Stamp>,
    contents: Contents,
    failures: Failures,
    /// How often each account had been unlocked when that was last looked at.
    unlocked: HashMap<u32, u32>,
    users: UnixUsers,
}

impl AccountFile {
    /// The accounts of the data folder; none if there is no file yet.
    ///
    /// # Errors
    /// [`AccountError`] if there is a file, but it cannot be read or is not private.
    pub fn open(folder: &Folder) -> Result<Self, AccountError> {
        let mut file = Self {
            path: folder.file("accounts"),
            stamp: None,
            contents: Contents::default(),
            failures: Failures::default(),
            unlocked: HashMap::new(),
            users: UnixUsers::default(),
        };
        file.read_if_changed()?;
        Ok(file)
    }

    /// A connection came from that address; what fails on it counts for who has that.
    pub fn connected(&mut self, connection: u32, remote: IpAddr) {
        self.failures.connected(connection, remote);
    }

    /// A connection is gone.
    pub fn disconnected(&mut self, connection: u32) {
        self.failures.disconnected(connection);
    }

    /// How long what a step has made is held, because of logins that failed: `login` is what the step came to.
    pub fn hold(&mut self, connection: u32, login: Option<Login>, now: Monotonic) -> Hold {
        if login == Some(Login::Begun) {
            // Somebody may have unlocked an account since.
            self.look();
        }
        self.failures.hold(connection, login, now)
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
        let Some(size) = usize::try_from(metadata.size()).ok().filter(|_| metadata.size() <= SIZE_MAX) else {
            return Err(AccountError::Full);
        };
        // Room for all of it and more, so that no hash is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(size + 64));
        file.take(SIZE_MAX).read_to_string(&mut text)?;
        self.contents = Contents::parse(&text);
        for (number, account) in &self.contents.accounts {
            let seen = self.unlocked.entry(*number).or_default();
            if *seen != account.unlocked {
                *seen = account.unlocked;
                self.failures.forget(&account.name);
            }
        }
        self.unlocked.retain(|number, _| self.contents.accounts.contains_key(number));
        Ok(())
    }

    /// Takes over what the file says now.
    fn look(&mut self) -> &Contents {
        if let Err(error) = self.read_if_changed() {
            self.contents = Contents::default();
            tracing::error!(%error, "accounts cannot be read, nobody can log in");
        } else if let Some(line) = self.contents.damaged.take() {
            tracing::warn!(line, "a line of the account file cannot be read, and is left out");
        }
        &self.contents
    }
}

impl Accounts for AccountFile {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        let contents = self.look();
        let number = contents.account(name);
        // For a name that is nobody's another account is put together, and thrown away: so it takes as long.
        let found = std::hint::black_box(contents.whole(number.unwrap_or(contents.first())));
        found.filter(|_| number.is_some())
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        let contents = self.look();
        contents.whole(contents.number(sid)?)
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        let LoginAttempt { name, connection, now } = attempt;
        self.failures.failed(name, connection, now.monotonic);
        tracing::warn!(account = ?name, connection, "a login failed");
    }

    fn login_succeeded(&mut self, attempt: LoginAttempt<'_>) {
        self.failures.succeeded(attempt.name, attempt.connection, attempt.now.monotonic);
    }

    fn renew(&mut self, account: &mut Account) -> bool {
        let contents = self.look();
        let number = contents.number(&account.sid);
        let Some((number, kept)) = number.and_then(|number| Some((number, contents.accounts.get(&number)?))) else {
            return false;
        };
        account.administrator = kept.administrator;
        account.disabled = kept.disabled;
        account.groups = contents.groups_of(number);
        !kept.disabled
    }

    fn may_run_as(&mut self, sid: &Sid) -> bool {
        match self.unix_user(sid) {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%sid, %error, "a task is not registered, because it could not run");
                false
            }
        }
    }

    fn group_by_name(&mut self, name: &str) -> Option<Sid> {
        let contents = self.look();
        contents.sid(contents.group(name)?)
    }

    fn name_of(&mut self, sid: &Sid) -> Option<heapless::String<ACCOUNT_NAME_MAX>> {
        let contents = self.look();
        let number = contents.number(sid)?;
        let account = contents.accounts.get(&number).map(|account| &account.name);
        account.or_else(|| contents.groups.get(&number).map(|group| &group.name)).cloned()
    }
}
