//! Random registrations, changes, deletions and restarts, beside a model that counts anew each time.

use std::collections::{BTreeMap, BTreeSet};

use mainspring::{status::Status, tsch::client::LogonType};
use mainspring_tests::chance::Chance;

use super::{OF_ANN, OF_OTHERS, TASK, Task, delete, restart, server, whose};

const PATHS: [&str; 6] = [r"\a", r"\b", r"\c", r"\f\a", r"\f\b", r"\g\h"];
const PEOPLE: [&str; 3] = ["admin", "ann", "ben"];

#[test]
fn what_is_kept_is_what_a_model_keeps() {
    let mut chance = Chance::new(0x5EC2_E75A);
    let mut server = server();
    // The account of each task that would run with its credential.
    let mut tasks: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let (mut most, mut none) = (0, 0);
    for _ in 0..3000 {
        let path = PATHS[chance.below(PATHS.len() as u64) as usize];
        match chance.below(8) {
            0 => assert_eq!(restart(&mut server), 0),
            1..=3 => {
                if tasks.remove(path).is_some() {
                    delete(&mut server, path);
                }
            }
            _ => {
                let user = PEOPLE[chance.below(3) as usize];
                let password = Some(if user == "ann" { OF_ANN } else { OF_OTHERS });
                let (logon, password) = [
                    (LogonType::Password, password),
                    (LogonType::InteractiveTokenOrPassword, password),
                    (LogonType::InteractiveTokenOrPassword, None),
                    (LogonType::S4u, password),
                    (LogonType::InteractiveToken, None),
                ][chance.below(5) as usize];
                assert_eq!(Task { path, user, logon, password, ..TASK }.register(&mut server), Status::S_OK);
                let uses = matches!(logon, LogonType::Password | LogonType::InteractiveTokenOrPassword);
                tasks.insert(path, uses.then_some(user));
                if uses && password.is_some() {
                    kept.insert(user);
                }
            }
        }
        kept.retain(|user| tasks.values().any(|of_it| *of_it == Some(*user)));
        assert_eq!(whose(&server), kept.iter().copied().collect::<Vec<_>>());
        most += usize::from(kept.len() == PEOPLE.len());
        none += usize::from(kept.is_empty());
    }
    assert!(most > 50 && none > 50, "all {most} times, none {none} times");
}
