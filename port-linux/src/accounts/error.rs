//! Why accounts could not be read or changed.

use std::io;

use mainspring::ports::{ACCOUNT_GROUPS, ACCOUNT_NAME_MAX};

use super::form::FORBIDDEN;

/// Why accounts could not be read or changed.
#[derive(Debug)]
pub enum AccountError {
    /// The name is empty, too long, or has a character that no account name may have.
    Name,
    /// The name means somebody already: it is well known, or a security identifier.
    WellKnown,
    /// There is an account or a group of that name.
    Exists,
    /// There is no account of that name.
    UnknownAccount,
    /// There is no group of that name.
    UnknownGroup,
    /// The account is in as many groups as it may be.
    ManyGroups,
    /// No administrator who may log in would be left.
    LastAdministrator,
    /// There is no Unix user of that name.
    UnknownUnixUser,
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
    /// The file is, or would be, longer than what is read of one, or every number is used up.
    Full,
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
            Self::WellKnown => f.write_str("that name means somebody else already"),
            Self::Exists => f.write_str("there is an account or a group of that name"),
            Self::UnknownAccount => f.write_str("there is no account of that name"),
            Self::UnknownGroup => f.write_str("there is no group of that name"),
            Self::UnknownUnixUser => f.write_str("there is no Unix user of that name"),
            Self::ManyGroups => write!(f, "account is in {ACCOUNT_GROUPS} groups already, and cannot be in more"),
            Self::LastAdministrator => {
                f.write_str("no administrator who may log in would be left: --force does it nevertheless")
            }
            Self::EmptyPassword => f.write_str("password is empty"),
            Self::Exposed { mode, owner } => {
                write!(f, "account file may be read or written by others (mode {mode:04o}, owner {owner})")
            }
            Self::Line { line } => write!(f, "account file cannot be read from line {line} on"),
            Self::Full => f.write_str("account file has room for no more"),
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
