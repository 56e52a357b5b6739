//! The credential store: what is kept, how long, and who may start.

mod life;
mod random;
mod start;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use mainspring::{
    ports::{Key, SEALED_MAX, Secrets, Unsealed},
    sid::Sid,
    status::Status,
    store::{CREDENTIAL, Credential},
    task::Path,
    tsch::client::{self, Creation, LogonType, RegisterTask},
};
use mainspring_tests::server::{Server, principal, registration};

/// The password of `ann`, of everybody else.
const OF_ANN: &str = "pässword";
const OF_OTHERS: &str = "secret";

/// Seals with a key of one byte, and nothing that anybody should trust.
#[derive(Debug, Clone, Copy)]
struct Keyed(u8);

impl Keyed {
    fn sum(self, account: &Sid, secret: [u8; 16]) -> [u8; 8] {
        let mut hasher = DefaultHasher::new();
        (self.0, account, secret).hash(&mut hasher);
        hasher.finish().to_le_bytes()
    }
}

impl Secrets for Keyed {
    fn seal(&mut self, account: &Sid, secret: &[u8; 16], into: &mut [u8; SEALED_MAX]) -> Result<usize, Unsealed> {
        into[..8].copy_from_slice(&self.sum(account, *secret));
        into[8..24].copy_from_slice(&secret.map(|byte| byte ^ self.0));
        Ok(24)
    }

    fn open(&mut self, account: &Sid, sealed: &[u8], secret: &mut [u8; 16]) -> Result<(), Unsealed> {
        let (sum, hidden) = sealed.split_first_chunk::<8>().ok_or(Unsealed::Forged)?;
        *secret = <[u8; 16]>::try_from(hidden).map_err(|_| Unsealed::Forged)?.map(|byte| byte ^ self.0);
        if self.sum(account, *secret) == *sum { Ok(()) } else { Err(Unsealed::Forged) }
    }
}

/// A server whose port seals.
fn server() -> Server {
    let mut server = Server::new();
    server.secrets = Box::new(Keyed(0x5A));
    server
}

/// A registration of a task for somebody; the answer.
#[derive(Debug, Clone, Copy)]
struct Task<'t> {
    path: &'t str,
    user: &'t str,
    logon: LogonType,
    password: Option<&'t str>,
    creation: Creation,
}

const TASK: Task<'_> = Task {
    path: r"\a",
    user: "ann",
    logon: LogonType::Password,
    password: Some(OF_ANN),
    creation: Creation::CreateOrUpdate,
};

impl Task<'_> {
    fn register(self, server: &mut Server) -> Status {
        let xml = principal(&format!("<UserId>{}</UserId>", self.user));
        server.status(&RegisterTask {
            path: Some(self.path),
            xml: &xml,
            logon_type: self.logon,
            creation: self.creation,
            credential: self.password.map(|_| client::Credential { user: self.user, password: self.password }),
            ..registration()
        })
    }
}

/// The records of credentials, by account.
fn kept(server: &Server) -> BTreeMap<Sid, (Key, Vec<u8>)> {
    let records = server.records.records.iter().filter(|(key, _)| key.kind == CREDENTIAL);
    records
        .map(|(&key, record)| {
            let record = Credential::decode(record).unwrap();
            (record.account, (key, record.sealed.to_vec()))
        })
        .collect()
}

fn sid(server: &mut Server, name: &str) -> Sid {
    server.people.accounts.iter().find(|account| account.name == name).unwrap().sid
}

/// Whose credentials are kept.
fn whose(server: &Server) -> Vec<String> {
    let kept = kept(server);
    let people = server.people.accounts.iter();
    people.filter(|account| kept.contains_key(&account.sid)).map(|account| account.name.to_string()).collect()
}

fn delete(server: &mut Server, path: &str) {
    server.with(|engine, cx| engine.delete(cx, &Path::parse(path).unwrap())).unwrap();
}

/// The server ends and comes again; how many records were swept.
fn restart(server: &mut Server) -> u32 {
    server.with(|engine, cx| engine.load(cx)).unwrap().swept
}
