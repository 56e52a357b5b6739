//! The server.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use mainspring::sid::Sid;
use mainspring_linux::{
    accounts::{AccountError, AccountFile, Listed, Role, UnixUsers},
    daemon::{self, Options, ServeError},
    entropy::Kernel,
    folder::Folder,
};
use zeroize::Zeroizing;

/// Bytes that the line of a password may have.
const PASSWORD: usize = 4096;

/// A task scheduler that Windows administrators can manage remotely.
#[derive(Debug, Parser)]
#[command(name = "mainspringd", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve until SIGTERM
    Serve {
        /// The data folder; made with mode 0700
        #[arg(long, value_name = "DIR", required_unless_present = "demo")]
        data: Option<PathBuf>,
        /// Where to listen; port 0 picks a free one
        #[arg(long, value_name = "ADDR:PORT", required_unless_present = "demo")]
        listen: Option<SocketAddr>,
        /// Where the endpoint mapper listens (Windows clients ask it on port 135)
        #[arg(long, value_name = "ADDR:PORT")]
        epm: Option<SocketAddr>,
        /// Tasks and folders there may be; unused ones cost no memory
        #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        max_tasks: u32,
        /// The Unix user for actions whose principals have none of their own; as root they do not run without it
        #[arg(long, value_name = "USER")]
        actions_as: Option<String>,
        /// The Unix user that SYSTEM is, such as root; otherwise as --actions-as says
        #[arg(long, value_name = "USER")]
        system_as: Option<String>,
        /// The Unix user that LocalService and NetworkService are; otherwise as --actions-as says, or as root nobody
        #[arg(long, value_name = "USER")]
        service_as: Option<String>,
        /// Make a temporary data folder, an account and a task that fires every minute, and say how to try them
        #[arg(long)]
        demo: bool,
    },
    /// Manage accounts, and the groups that they are in
    ///
    /// A server that runs on the data folder takes each change over at once, also for who is logged in. Every change prints the
    /// security identifier (SID) of what it was about; none is ever used twice. To put an account into a group: `group add
    /// GROUP`, then `group join GROUP ACCOUNT`.
    Account {
        #[command(subcommand)]
        verb: AccountVerb,
    },
}

/// Where accounts are.
#[derive(Debug, Args)]
struct Data {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Which account, and where it is.
#[derive(Debug, Args)]
struct Named {
    /// Its name
    name: String,
    #[command(flatten)]
    at: Data,
}

/// Which account and group.
#[derive(Debug, Args)]
struct Membership {
    /// Name of the group
    group: String,
    /// Name of the account
    account: String,
    #[command(flatten)]
    at: Data,
}

#[derive(Debug, Subcommand)]
enum AccountVerb {
    /// Add an account; its password is the first line of standard input
    Add {
        #[command(flatten)]
        account: Named,
        /// It may administer the scheduler
        #[arg(long)]
        admin: bool,
        /// The Unix user that its tasks run as
        #[arg(long, value_name = "USER")]
        unix: Option<String>,
    },
    /// List accounts and groups: name, SID, role, state, groups, logins that failed in the last 15 minutes, at most 8 of them, and
    /// the Unix user that its tasks run as, or -
    List {
        #[command(flatten)]
        at: Data,
    },
    /// Give an account another password, the first line of standard input
    Passwd {
        #[command(flatten)]
        account: Named,
    },
    /// Remove an account; who is logged in with it can do no more
    Remove {
        #[command(flatten)]
        account: Named,
        /// Also the last administrator who may log in
        #[arg(long)]
        force: bool,
    },
    /// Keep an account from logging in; who is logged in with it can do no more
    Disable {
        #[command(flatten)]
        account: Named,
        /// Also the last administrator who may log in
        #[arg(long)]
        force: bool,
    },
    /// Let an account log in again
    Enable {
        #[command(flatten)]
        account: Named,
    },
    /// Have the server forget the failed logins of an account
    Unlock {
        #[command(flatten)]
        account: Named,
    },
    /// Have the tasks of an account run as a Unix user
    Unix {
        #[command(flatten)]
        account: Named,
        /// The Unix user, or - for none
        user: String,
    },
    /// Manage groups
    Group {
        #[command(subcommand)]
        verb: GroupVerb,
    },
}

#[derive(Debug, Subcommand)]
enum GroupVerb {
    /// Add a group with nobody in it
    Add {
        #[command(flatten)]
        group: Named,
    },
    /// Remove a group; the accounts in it stay
    Remove {
        #[command(flatten)]
        group: Named,
    },
    /// Put an account into a group; the SIDs of both are printed
    Join(Membership),
    /// Take an account out of a group; the SIDs of both are printed
    Leave(Membership),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Serve { data, listen, epm, max_tasks, actions_as, system_as, service_as, demo } => {
            daemon::start_log();
            let max_tasks = max_tasks as usize;
            let users = UnixUsers { actions: actions_as, system: system_as, services: service_as };
            daemon::serve(&Options { data, listen, epm, max_tasks, users, demo })
        }
        Verb::Account { verb } => account(verb),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mainspringd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn account(verb: AccountVerb) -> Result<(), ServeError> {
    match verb {
        AccountVerb::Add { account: Named { name, at }, admin, unix } => {
            let password = password()?;
            let unix = unix.as_deref();
            print_one(AccountFile::add_as(&at.folder()?, &name, &password, admin, unix, &mut Kernel)?);
        }
        AccountVerb::List { at } => list(&at.folder()?)?,
        AccountVerb::Passwd { account: Named { name, at } } => {
            let password = password()?;
            print_one(AccountFile::set_password(&at.folder()?, &name, &password)?);
        }
        AccountVerb::Remove { account: Named { name, at }, force } => {
            print_one(AccountFile::remove(&at.folder()?, &name, force)?);
        }
        AccountVerb::Disable { account: Named { name, at }, force } => {
            print_one(AccountFile::disable(&at.folder()?, &name, force)?);
        }
        AccountVerb::Enable { account: Named { name, at } } => print_one(AccountFile::enable(&at.folder()?, &name)?),
        AccountVerb::Unlock { account: Named { name, at } } => print_one(AccountFile::unlock(&at.folder()?, &name)?),
        AccountVerb::Unix { account: Named { name, at }, user } => {
            let user = Some(user.as_str()).filter(|user| *user != "-");
            print_one(AccountFile::set_unix_user(&at.folder()?, &name, user)?);
        }
        AccountVerb::Group { verb } => match verb {
            GroupVerb::Add { group: Named { name, at } } => {
                print_one(AccountFile::add_group(&at.folder()?, &name, &mut Kernel)?);
            }
            GroupVerb::Remove { group: Named { name, at } } => {
                print_one(AccountFile::remove_group(&at.folder()?, &name)?);
            }
            GroupVerb::Join(Membership { group, account, at }) => {
                print_both(AccountFile::join(&at.folder()?, &group, &account)?);
            }
            GroupVerb::Leave(Membership { group, account, at }) => {
                print_both(AccountFile::leave(&at.folder()?, &group, &account)?);
            }
        },
    }
    Ok(())
}

impl Data {
    fn folder(&self) -> Result<Folder, ServeError> {
        Ok(Folder::open(&self.data)?)
    }
}

/// The first line of standard input. It is read past the buffer that standard input has, which nobody would wipe.
fn password() -> Result<Zeroizing<String>, ServeError> {
    let mut line = Zeroizing::new([0; PASSWORD]);
    let mut length = 0;
    loop {
        let Some(byte) = line.get_mut(length..=length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "password is too long").into());
        };
        match rustix::io::read(rustix::stdio::stdin(), &mut *byte) {
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) => length += 1,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    let line = line.get(..length).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = str::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "password is no UTF-8"))?;
    Ok(Zeroizing::new(line.to_owned()))
}

/// One line for each, with tabs between, which no name has.
fn list(folder: &Folder) -> Result<(), ServeError> {
    let accounts = AccountFile::open(folder)?;
    let mut out = io::stdout().lock();
    for Listed { name, sid, role, disabled, groups, failures, unix } in accounts.list() {
        match role {
            Role::Group => writeln!(out, "{name}\t{sid}\t{role}")?,
            _ => {
                let (state, groups) = (if disabled { "disabled" } else { "enabled" }, groups.join(","));
                let unix = unix.as_deref().unwrap_or("-");
                writeln!(out, "{name}\t{sid}\t{role}\t{state}\t{groups}\t{failures}\t{unix}")?;
            }
        }
    }
    match accounts.damaged() {
        Some(line) => Err(AccountError::Line { line }.into()),
        None => Ok(()),
    }
}

fn print_one(sid: Sid) {
    println!("{sid}");
}

fn print_both((group, account): (Sid, Sid)) {
    println!("{group}\n{account}");
}
