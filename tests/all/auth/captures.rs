//! Replays the recordings of `tests/data/auth`.

use mainspring::auth::{Accepted, Acceptor, Credentials, Initiated, Initiator, Protection, Provider};

use super::{People, accept, initiate, unhex};

/// One recording: its name and its lines, split into words.
pub(super) struct Recording {
    pub(super) name: String,
    lines: Vec<Vec<String>>,
}

impl Recording {
    pub(super) fn all() -> Vec<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/auth");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
            .map(|path| Self {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                lines: std::fs::read_to_string(&path)
                    .unwrap()
                    .lines()
                    .filter(|line| !line.starts_with('#'))
                    .map(|line| line.split(' ').map(str::to_owned).collect())
                    .collect(),
            })
            .collect();
        assert!(all.len() >= 19, "recordings are missing: {} left", all.len());
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all
    }

    pub(super) fn word(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|line| line[0] == key).map(|line| line[1].as_str())
    }

    pub(super) fn provider(&self) -> Provider {
        if self.word("provider") == Some("9") { Provider::Spnego } else { Provider::Ntlm }
    }

    /// The tokens of one side, `>` or `<`, in order.
    pub(super) fn tokens(&self, side: &str) -> Vec<Vec<u8>> {
        self.lines.iter().filter(|line| line[0] == side).map(|line| unhex(&line[1])).collect()
    }

    fn replay_traffic(&self, protection: &mut Protection) -> usize {
        let mut count = 0;
        for line in &self.lines {
            let bytes = |word: usize| unhex(&line[word]);
            let range = || line[1].parse().unwrap()..line[2].parse().unwrap();
            match line[0].as_str() {
                "seal" => {
                    let mut pdu = bytes(3);
                    assert_eq!(protection.seal(&mut pdu, range()).as_slice(), bytes(5), "{}", self.name);
                    assert_eq!(pdu, bytes(4), "{}", self.name);
                }
                "unseal" => {
                    let mut pdu = bytes(3);
                    protection.unseal(&mut pdu, range(), &bytes(4)).unwrap();
                    assert_eq!(pdu, bytes(5), "{}", self.name);
                }
                "sign" => assert_eq!(protection.sign(&bytes(1)).as_slice(), bytes(2), "{}", self.name),
                "verify" => protection.verify(&bytes(1), &bytes(2)).unwrap(),
                _ => continue,
            }
            count += 1;
        }
        count
    }
}

#[test]
fn recorded_clients_log_in_and_their_pdus_verify() {
    for recording in Recording::all() {
        let Some(user) = recording.word("user") else { continue };
        let (mut acceptor, mut people) = (Acceptor::new(recording.provider()), People::recorded());
        let mut established = None;
        for (token, answer) in recording.tokens(">").iter().zip(recording.tokens("<")) {
            assert!(established.is_none(), "{}: a token after the end", recording.name);
            let (accepted, reply) = accept(&mut acceptor, token, &mut people).expect(&recording.name);
            assert_eq!(reply, answer, "{}", recording.name);
            if let Accepted::Established(end) = accepted {
                established = Some(end);
            }
        }
        let mut established = established.expect(&recording.name);
        assert_eq!(established.account.name, user, "{}", recording.name);
        assert_eq!(established.account.nt_hash, [0; 16], "the hash does not leave");
        assert!(people.failed.is_empty());
        assert!(recording.replay_traffic(&mut established.protection) >= 6, "{}", recording.name);
    }
}

#[test]
fn recorded_servers_are_logged_in_to_and_their_pdus_verify() {
    for recording in Recording::all() {
        let Some(user) = recording.word("client") else { continue };
        let mut initiator = Initiator::new(recording.provider(), Credentials::new(user, "CLOCK", "correct horse"));
        let answers = recording.tokens("<");
        let mut protection = None;
        for (turn, token) in recording.tokens(">").iter().enumerate() {
            let answer = turn.checked_sub(1).map(|turn| answers[turn].as_slice());
            let (initiated, written) = initiate(&mut initiator, answer).expect(&recording.name);
            assert_eq!(written, *token, "{}", recording.name);
            if let Initiated::Established(end) = initiated {
                protection = Some(end);
            }
        }
        assert!(recording.replay_traffic(&mut protection.expect(&recording.name)) >= 6, "{}", recording.name);
    }
}
