//! A demonstration: an account, a task that fires every minute, and the line to try.

use std::{net::SocketAddr, thread};

use mainspring::{
    auth::Credentials,
    ports::Entropy,
    tsch::{
        INTERFACE,
        client::{Creation, LogonType, RegisterTask},
    },
};

use super::{ServeError, say};
use crate::{
    accounts::{AccountError, AccountFile},
    client::Session,
    entropy::Kernel,
    folder::Folder,
};

/// Name of the account.
const NAME: &str = "demo";

/// Path of the task.
const PATH: &str = r"\Demo\Every minute";

/// Fires every minute from a moment on that has long passed.
const XML: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Fires every minute</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>PT1M</Interval>
      </Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
    </TimeTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
  </Settings>
  <Actions>
    <Exec>
      <Command>/bin/sleep</Command>
      <Arguments>1</Arguments>
    </Exec>
  </Actions>
</Task>
"#;

/// Makes the account at once, and the task as any client would: over the network, as soon as the server answers.
pub(super) fn prepare(folder: &Folder, server: SocketAddr) -> Result<(), ServeError> {
    let password = random_password()?;
    match AccountFile::add(folder, NAME, &password, true, &mut Kernel) {
        Ok(_) => {}
        // A data folder that was named, and used before: its account has another password.
        Err(AccountError::Exists) => {
            say(&format!("account {NAME} exists already, with the password that was printed then"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    thread::Builder::new().name("demo".into()).spawn(move || {
        let credentials = Credentials::new(NAME, "", &password);
        let registered = Session::open(&server.to_string(), &INTERFACE, credentials).and_then(|mut session| {
            let answer = session.call(&RegisterTask {
                path: Some(PATH),
                xml: XML,
                creation: Creation::CreateOrUpdate,
                disable: false,
                sddl: None,
                logon_type: LogonType::None,
                credential: None,
            })?;
            Ok(answer.status)
        });
        match registered {
            Ok(status) if !status.is_failure() => {
                say(&format!("account {NAME} has the password {password}"));
                say(&format!("task {PATH} fires every minute"));
                say("try:");
                say(&format!("  MAINSPRING_PASSWORD={password} {} --server {server} --user {NAME} list", client()));
            }
            Ok(status) => tracing::error!(%status, "the task of the demonstration was refused"),
            Err(error) => tracing::error!(%error, "the task of the demonstration could not be registered"),
        }
    })?;
    Ok(())
}

/// How the client is called from here: it is beside the server, or cargo has yet to build it there.
fn client() -> String {
    let server = std::env::current_exe().unwrap_or_default();
    let beside = server.with_file_name("mainspring");
    if beside.is_file() {
        return beside.display().to_string();
    }
    let built_by_cargo = server.ancestors().nth(2).is_some_and(|target| target.join("CACHEDIR.TAG").is_file());
    if built_by_cargo { "cargo run -q --release -p mainspring-linux --bin mainspring --" } else { "mainspring" }.into()
}

/// Twenty characters that no shell minds, of 32 different ones.
fn random_password() -> Result<String, AccountError> {
    const CHARACTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 20];
    Kernel.fill(&mut random).map_err(|_| AccountError::NoEntropy)?;
    Ok(random.iter().filter_map(|byte| CHARACTERS.get(usize::from(byte % 32)).map(|&c| char::from(c))).collect())
}
