//! Names of accounts: what a client writes for somebody, and whether a credential is right.

#[cfg(feature = "xml")]
use md4::{Digest, Md4};
#[cfg(feature = "xml")]
use subtle::ConstantTimeEq;

#[cfg(feature = "xml")]
use crate::text::Utf16;
use crate::{
    ports::{Account, Accounts},
    sid::Sid,
    text::eq_ignore_case,
};

/// Bytes of UTF-8 of a user name with its domain; nobody has a longer one.
pub(super) const NAME_MAX: usize = 320;

/// Somebody that a name was found to mean.
pub(super) enum Identity {
    /// LocalSystem, LocalService or NetworkService: nobody can log in as one of them, and nobody needs a password.
    Service(Sid),
    /// A group, or a SID that no account has.
    Other(Sid),
    /// An account.
    Account(Account),
}

impl Identity {
    /// Who it is.
    pub(super) fn sid(&self) -> Sid {
        match self {
            Self::Service(sid) | Self::Other(sid) => *sid,
            Self::Account(account) => account.sid,
        }
    }
}

/// Whether it is LocalSystem, LocalService or NetworkService.
pub(super) fn is_service(sid: &Sid) -> bool {
    sid.is_service()
}

/// A well-known authority, the SID of it that is meant, and its names; the first is the one that Windows prints.
struct WellKnown {
    authority: &'static str,
    identifier: u8,
    sub_authorities: &'static [u32],
    names: &'static [&'static str],
}

const NT_AUTHORITY: &str = "NT AUTHORITY";
const BUILTIN: &str = "BUILTIN";

/// [MS-DTYP] 2.4.2.4, those that tasks are registered for.
const WELL_KNOWN: &[WellKnown] = &[
    WellKnown {
        authority: NT_AUTHORITY,
        identifier: 5,
        sub_authorities: &[18],
        names: &["SYSTEM", "LocalSystem", "LOCAL SYSTEM"],
    },
    WellKnown {
        authority: NT_AUTHORITY,
        identifier: 5,
        sub_authorities: &[19],
        names: &["LOCAL SERVICE", "LocalService"],
    },
    WellKnown {
        authority: NT_AUTHORITY,
        identifier: 5,
        sub_authorities: &[20],
        names: &["NETWORK SERVICE", "NetworkService"],
    },
    WellKnown { authority: NT_AUTHORITY, identifier: 5, sub_authorities: &[4], names: &["INTERACTIVE"] },
    WellKnown { authority: NT_AUTHORITY, identifier: 5, sub_authorities: &[11], names: &["Authenticated Users"] },
    WellKnown { authority: BUILTIN, identifier: 5, sub_authorities: &[32, 544], names: &["Administrators"] },
    WellKnown { authority: BUILTIN, identifier: 5, sub_authorities: &[32, 545], names: &["Users"] },
    WellKnown { authority: BUILTIN, identifier: 5, sub_authorities: &[32, 546], names: &["Guests"] },
    WellKnown { authority: "", identifier: 1, sub_authorities: &[0], names: &["Everyone"] },
];

/// Finds out who is meant by `name`: a SID string, a well-known name, or the name of an account or a group, which may come as `user`,
/// `HOST\user`, `.\user` or `user@host`. Which host is named does not matter: there are no accounts but ours.
pub(super) fn identify(name: &str, accounts: &mut dyn Accounts) -> Option<Identity> {
    if let Some(sid) = Sid::parse(name) {
        return Some(of_sid(sid, accounts));
    }
    let (authority, bare) = name.rsplit_once('\\').unwrap_or(("", name));
    if let Some(sid) = well_known(authority, bare) {
        return Some(of_sid(sid, accounts));
    }
    let short = bare.rsplit_once('@').map(|(short, _)| short).filter(|_| authority.is_empty());
    for name in [Some(bare), short].into_iter().flatten() {
        if let Some(account) = accounts.by_name(name) {
            return Some(Identity::Account(account));
        }
        if let Some(group) = accounts.group_by_name(name) {
            return Some(Identity::Other(group));
        }
    }
    None
}

/// The SID of who is meant by a name in a definition, as [`Registrant`](crate::task::xml::Registrant) wants it: a SID string,
/// a well-known name, or the name of an account, which may come as `user`, `HOST\user`, `.\user` or `user@host`.
pub fn resolve(name: &str, accounts: &mut dyn Accounts) -> Option<Sid> {
    identify(name, accounts).map(|identity| identity.sid())
}

fn of_sid(sid: Sid, accounts: &mut dyn Accounts) -> Identity {
    if is_service(&sid) {
        return Identity::Service(sid);
    }
    accounts.by_sid(&sid).map_or(Identity::Other(sid), Identity::Account)
}

fn well_known(authority: &str, bare: &str) -> Option<Sid> {
    WELL_KNOWN
        .iter()
        .filter(|entry| authority.is_empty() || eq_ignore_case(authority, entry.authority))
        .find(|entry| entry.names.iter().any(|name| eq_ignore_case(name, bare)))
        .and_then(|entry| Sid::new([0, 0, 0, 0, 0, entry.identifier], entry.sub_authorities))
}

/// As [`identify`], for a name from the wire.
#[cfg(feature = "xml")]
pub(super) fn identify_utf16(name: Utf16<'_>, accounts: &mut dyn Accounts) -> Option<Identity> {
    identify(&name.to_string::<NAME_MAX>().ok()?, accounts)
}

/// A name without the host that is named with it: `HOST\user`, `.\user` or `user@host`.
#[cfg(feature = "xml")]
pub(super) fn bare(name: &str) -> &str {
    let name = name.rsplit_once('\\').map_or(name, |(_, bare)| bare);
    name.split_once('@').map_or(name, |(bare, _)| bare)
}

/// Whether `password` is the account's, found out in the same time whatever it is, and whether there is such an account.
#[cfg(feature = "xml")]
pub(super) fn is_password(account: Option<&Account>, password: Utf16<'_>) -> bool {
    let mut hash = Md4::new();
    for unit in password.units() {
        hash.update(unit.to_le_bytes());
    }
    let given: [u8; 16] = hash.finalize().into();
    let right = given.ct_eq(&account.map_or([0; 16], |account| account.nt_hash));
    bool::from(right) && account.is_some_and(|account| !account.disabled)
}
