//! The client.

use std::process::ExitCode;

use clap::Parser;
use mainspring_linux::client::{Arguments, run};

fn main() -> ExitCode {
    run(&Arguments::parse()).into()
}
