//! A login that is refused costs the same whether the name is unknown, the password wrong or the account disabled.

use std::{fs, hint::black_box, os::unix::fs::PermissionsExt};

use mainspring::{
    auth::{Acceptor, AuthError, Credentials, Environment, Identity, Initiator, Provider, nt_hash},
    bytes::Writer,
    ports::{Account, Accounts, Entropy, LoginAttempt, NoEntropy},
    sid::Sid,
    time::{Monotonic, Now},
};
use mainspring_linux::{accounts::AccountFile, folder::Folder};

/// Logins that are refused: what they are called, the name, and the password; all names are as long.
pub(crate) const REFUSED: [(&str, &str, &str); 3] = [
    ("an unknown user", "stranger", "correct horse"),
    ("a wrong password", "annabell", "battery"),
    ("a disabled account", "benjamin", "correct horse"),
];
/// The second of them, at a host that does more for names that it knows.
pub(crate) const CANARY: &str = "a wrong password at a host that hashes two for whom it knows";

/// The connection that they come by.
const CONNECTION: u32 = 1;
const NOW: Now = Now { monotonic: Monotonic(1_000), wall: None };
const IDENTITY: Identity<'static> = Identity { netbios_name: "CLOCK", dns_name: "clock.example" };

/// The same bytes every time, so that the client's messages can be made beforehand.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        into.fill(7);
        Ok(())
    }
}

/// The accounts of a server, which may do more for names that it knows.
struct Host {
    file: AccountFile,
    lies: bool,
}

impl Accounts for Host {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        let account = self.file.by_name(name);
        if self.lies && account.is_some() {
            (0..2).for_each(|_| {
                black_box(nt_hash(black_box("of somebody who is there")));
            });
        }
        account
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        self.file.by_sid(sid)
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        self.file.login_failed(attempt);
    }
}

/// Refuses what is called so, so many times; `false` if nothing is.
pub(crate) fn run(what: &str, times: usize) -> bool {
    let lies = what == CANARY;
    let called = if lies { REFUSED[1].0 } else { what };
    let Some((_, name, password)) = REFUSED.iter().find(|(refused, ..)| *refused == called) else { return false };
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::open(&parent.path().join("data")).unwrap();
    // Made in one go: what comes before is to cost little, because no two runs of the program hash alike.
    let hash = nt_hash("correct horse").iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let mut text = String::from("machine S-1-5-21-1-2-3\n");
    for (place, known) in ["admin", "annabell", "benjamin"].into_iter().enumerate() {
        let disabled = if known == "benjamin" { ",disabled" } else { "" };
        text.push_str(&format!("account {} administrator{disabled} {hash} {known}\n", 1000 + place));
    }
    (0..50).for_each(|number| text.push_str(&format!("account {} user {hash} another {number}\n", 2000 + number)));
    let path = folder.file("accounts");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut host = Host { file: AccountFile::open(&folder).unwrap(), lies };
    host.file.connected(CONNECTION, [192, 0, 2, 1].into());

    // What the client sends, once and for all.
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new(name, "", password));
    let (mut first, mut challenge, mut last) = ([0; 1024], [0; 1024], [0; 1024]);
    let mut to_server = Writer::new(&mut first);
    initiator.initiate(None, &mut to_server, NOW, &mut Fixed).unwrap();
    let first = to_server.into_written();
    let mut answer = Writer::new(&mut challenge);
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    acceptor.accept(first, &mut answer, &mut environment(&mut host, &mut Fixed)).unwrap();
    let mut to_server = Writer::new(&mut last);
    initiator.initiate(Some(answer.written()), &mut to_server, NOW, &mut Fixed).unwrap();
    let last = to_server.into_written();

    for _ in 0..times {
        let mut acceptor = Acceptor::new(Provider::Ntlm);
        let mut buffer = [0; 1024];
        acceptor.accept(first, &mut Writer::new(&mut buffer), &mut environment(&mut host, &mut Fixed)).unwrap();
        let refused = acceptor.accept(last, &mut Writer::new(&mut buffer), &mut environment(&mut host, &mut Fixed));
        assert!(matches!(refused, Err(AuthError::Denied)), "{refused:?}");
        // How long its answer is held belongs to it.
        black_box(host.file.hold(CONNECTION, None, NOW.monotonic));
    }
    true
}

fn environment<'e>(host: &'e mut Host, entropy: &'e mut Fixed) -> Environment<'e> {
    Environment { now: NOW, entropy, accounts: host, connection: CONNECTION, identity: &IDENTITY }
}
