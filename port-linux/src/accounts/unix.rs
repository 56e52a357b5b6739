//! Which Unix user stands for whom.

use mainspring::{engine::OtherUser, sid::Sid};

use super::{AccountFile, form::FIRST_NUMBER};
use crate::children::{Credentials, UserError};

/// Who LocalService and NetworkService are on a server that is root, if nobody says otherwise.
const UNPRIVILEGED: &str = "nobody";

/// The Unix users that stand for principals which have none of their own: an account has the one that its line in the account file
/// names.
///
/// A server that is root runs nothing for whom nobody stands; another runs everything as its own user, and nothing for whom
/// somebody else stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnixUsers {
    /// Who stands for everybody who has nobody else.
    pub actions: Option<String>,
    /// Who stands for SYSTEM: root, if that is meant.
    pub system: Option<String>,
    /// Who stands for LocalService and NetworkService: `nobody`, if the server is root and nobody stands for everybody.
    pub services: Option<String>,
}

impl AccountFile {
    /// Has these users stand for principals that have none of their own.
    ///
    /// # Errors
    /// [`UserError`] if there is no such user, or the server cannot become one of them.
    pub fn stand_in(&mut self, users: UnixUsers) -> Result<(), UserError> {
        for name in [&users.actions, &users.system, &users.services].into_iter().flatten() {
            Credentials::of(name)?;
        }
        self.users = users;
        Ok(())
    }

    /// The Unix user that stands for a principal now.
    ///
    /// # Errors
    /// [`UserError`] if nobody does, there is no such user, or the server cannot become that user.
    pub fn unix_user(&mut self, sid: &Sid) -> Result<Credentials, UserError> {
        let is_service = [Sid::LOCAL_SERVICE, Sid::NETWORK_SERVICE].contains(sid);
        let own = if *sid == Sid::LOCAL_SYSTEM {
            self.users.system.clone()
        } else if is_service {
            self.users.services.clone()
        } else {
            let contents = self.look();
            let account = contents.number(sid).and_then(|number| contents.accounts.get(&number));
            account.and_then(|account| account.unix.clone())
        };
        let is_root = rustix::process::geteuid().is_root();
        match own.or_else(|| self.users.actions.clone()) {
            Some(name) => Credentials::of(&name),
            None if !is_root => Credentials::own(),
            None if is_service => Credentials::of(UNPRIVILEGED),
            None => Err(UserError::Nobody),
        }
    }

    /// The SID of a user for whom somebody asked for a run.
    pub fn sid_of(&mut self, user: OtherUser) -> Option<Sid> {
        user.sid(&self.look().sid(FIRST_NUMBER).unwrap_or(Sid::NOBODY))
    }
}
