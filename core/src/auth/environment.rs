use crate::{
    ports::{Accounts, Entropy},
    time::Now,
};

/// The server's names, as clients are told them in the challenge. They MUST stay the same from a login's first token to
/// its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'n> {
    /// NetBIOS name of the host, by custom in upper case and at most 15 characters.
    pub netbios_name: &'n str,
    /// DNS name of the host.
    pub dns_name: &'n str,
}

/// What an acceptor is lent for one token.
pub struct Environment<'e> {
    /// The clocks; the wall clock may be unknown.
    pub now: Now,
    /// Where challenges come from.
    pub entropy: &'e mut dyn Entropy,
    /// Who there is.
    pub accounts: &'e mut dyn Accounts,
    /// Number of the connection that the login is on, for who counts logins that fail.
    pub connection: u32,
    /// Who we are.
    pub identity: &'e Identity<'e>,
}
