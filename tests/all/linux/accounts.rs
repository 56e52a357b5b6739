//! The account file: what it keeps, what it refuses, and that it is read again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use mainspring::{
    auth::nt_hash,
    ports::{Accounts, Entropy, NoEntropy},
};
use mainspring_linux::{
    accounts::{AccountError, AccountFile},
    entropy::Kernel,
    folder::{Folder, FolderError},
};

fn private() -> (tempfile::TempDir, Folder) {
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::open(&parent.path().join("data")).unwrap();
    (parent, folder)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_account_counts_from_the_next_look_on() {
    let (_parent, folder) = private();
    let mut accounts = AccountFile::open(&folder).unwrap();
    assert!(accounts.by_name("alice").is_none());

    let sid = AccountFile::add(&folder, "Alice", "secret", true, &mut Kernel).unwrap();
    let alice = accounts.by_name("aLICE").expect("found without letter case");
    assert_eq!((alice.name.as_str(), alice.sid, alice.administrator, alice.disabled), ("Alice", sid, true, false));
    assert_eq!(alice.nt_hash, nt_hash("secret"));
    assert_eq!(accounts.by_sid(&sid).unwrap().name, "Alice");
    assert!(sid.to_string().starts_with("S-1-5-21-") && sid.to_string().ends_with("-1000"), "{sid}");

    let bob = AccountFile::add(&folder, "Bob Ünder", "secret", false, &mut Kernel).unwrap();
    assert_eq!(bob.sub_authorities()[..4], sid.sub_authorities()[..4], "the machine keeps its SID");
    assert_eq!(bob.sub_authorities().last(), Some(&1001));
    assert!(!accounts.by_name("bob ünder").unwrap().administrator);

    // Taken away by hand: gone at once, and its number is not used again.
    let path = folder.file("accounts");
    let kept: String = fs::read_to_string(&path).unwrap().lines().filter(|l| !l.contains("Bob")).fold(
        String::new(),
        |mut kept, line| {
            kept.push_str(line);
            kept.push('\n');
            kept
        },
    );
    fs::write(&path, kept).unwrap();
    assert!(accounts.by_name("Bob Ünder").is_none());
    let carol = AccountFile::add(&folder, "Carol", "secret", false, &mut Kernel).unwrap();
    assert_eq!(carol.sub_authorities().last(), Some(&1002));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_not_legal_is_refused() {
    let (_parent, folder) = private();
    let add = |name: &str, password: &str| AccountFile::add(&folder, name, password, false, &mut Kernel);
    for name in ["", " a", "a ", "a\nb", "a\\b", "a@b", "HOST/a", &"x".repeat(65)] {
        assert!(matches!(add(name, "secret"), Err(AccountError::Name)), "{name:?}");
    }
    assert!(matches!(add("a", ""), Err(AccountError::EmptyPassword)));
    add("a", "secret").unwrap();
    assert!(matches!(add("A", "secret"), Err(AccountError::Exists)));

    struct Dry;
    impl Entropy for Dry {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
    }
    let (_parent, folder) = private();
    assert!(matches!(AccountFile::add(&folder, "a", "secret", false, &mut Dry), Err(AccountError::NoEntropy)));
    assert!(!folder.file("accounts").exists());
}

#[test]
fn an_exposed_file_is_not_believed() {
    let (_parent, folder) = private();
    AccountFile::add(&folder, "a", "secret", false, &mut Kernel).unwrap();
    let mut accounts = AccountFile::open(&folder).unwrap();
    assert!(accounts.by_name("a").is_some());
    for mode in [0o640, 0o604, 0o620, 0o602] {
        set_mode(&folder.file("accounts"), mode);
        assert!(accounts.by_name("a").is_none(), "{mode:o}");
        assert!(accounts.by_name("a").is_none(), "{mode:o} again");
        assert!(matches!(AccountFile::open(&folder), Err(AccountError::Exposed { .. })));
    }
    set_mode(&folder.file("accounts"), 0o600);
    assert!(accounts.by_name("a").is_some());
}

#[test]
fn a_damaged_line_costs_one_account_and_is_never_overwritten() {
    let (_parent, folder) = private();
    for name in ["a", "b"] {
        AccountFile::add(&folder, name, "secret", false, &mut Kernel).unwrap();
    }
    let path = folder.file("accounts");
    let text = fs::read_to_string(&path).unwrap().replace("account 1000 user", "account 1000 usar");
    fs::write(&path, &text).unwrap();
    let mut accounts = AccountFile::open(&folder).unwrap();
    assert!(accounts.by_name("a").is_none() && accounts.by_name("b").is_some());
    let refused = AccountFile::add(&folder, "c", "secret", false, &mut Kernel);
    assert!(matches!(refused, Err(AccountError::Line { line: 4 })), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn accounts_added_at_once_are_all_there() {
    let (_parent, folder) = private();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let folder = &folder;
            scope.spawn(move || AccountFile::add(folder, &format!("a{number}"), "secret", false, &mut Kernel).unwrap());
        }
    });
    let mut accounts = AccountFile::open(&folder).unwrap();
    let sids: std::collections::BTreeSet<_> =
        (0..16).map(|number| accounts.by_name(&format!("a{number}")).unwrap().sid).collect();
    assert_eq!(sids.len(), 16);
}

#[test]
fn the_data_folder_is_private() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/data");
    let mut folder = Folder::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    // Whether it is held is seen by other processes: the tests of the command line ask.
    folder.hold().unwrap();
    assert_eq!(fs::metadata(path.join("lock")).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o720, 0o702, 0o777] {
        set_mode(&path, mode);
        assert!(matches!(Folder::open(&path), Err(FolderError::Writable { .. })), "{mode:o}");
    }
    fs::write(parent.path().join("file"), "").unwrap();
    assert!(matches!(Folder::open(&parent.path().join("file")), Err(FolderError::Io { .. })));
}
