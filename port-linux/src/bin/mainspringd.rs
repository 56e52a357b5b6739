//! The server.

use std::{io::BufRead, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use mainspring_linux::{
    accounts::AccountFile,
    daemon::{self, Options, ServeError},
    entropy::Kernel,
    folder::Folder,
};
use zeroize::Zeroizing;

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
        /// The user that actions run as; as root there is no serving without it
        #[arg(long, value_name = "USER")]
        actions_as: Option<String>,
        /// Make a temporary data folder, an account and a task that fires every minute, and say how to try them
        #[arg(long)]
        demo: bool,
    },
    /// Manage accounts
    Account {
        #[command(subcommand)]
        verb: AccountVerb,
    },
}

#[derive(Debug, Subcommand)]
enum AccountVerb {
    /// Add an account; its password is the first line of standard input
    Add {
        /// Its name
        name: String,
        /// It may administer the scheduler
        #[arg(long)]
        admin: bool,
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Serve { data, listen, epm, max_tasks, actions_as, demo } => {
            daemon::start_log();
            let max_tasks = max_tasks as usize;
            daemon::serve(&Options { data, listen, epm, max_tasks, actions_as, demo })
        }
        Verb::Account { verb: AccountVerb::Add { name, admin, data } } => add(&data, &name, admin),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mainspringd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn add(data: &std::path::Path, name: &str, admin: bool) -> Result<(), ServeError> {
    let mut password = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut password)?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    let folder = Folder::open(data)?;
    let sid = AccountFile::add(&folder, name, password, admin, &mut Kernel)?;
    println!("{sid}");
    Ok(())
}
