//! The account file: what it keeps, what it refuses, and that it is read again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use mainspring::{
    auth::nt_hash,
    engine::OtherUser,
    ports::{Accounts, Entropy, LoginAttempt, NoEntropy},
    rpc::Login,
    sid::Sid,
    time::{Monotonic, Now},
};
use mainspring_linux::{
    accounts::{AccountError, AccountFile, UnixUsers, failures::Hold},
    children::{Credentials, UserError},
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

#[test]
fn passwords_and_what_an_account_may_change_for_who_looks_again() {
    let (_parent, folder) = private();
    let sid = AccountFile::add(&folder, "Alice", "secret", true, &mut Kernel).unwrap();
    AccountFile::add(&folder, "Root", "secret", true, &mut Kernel).unwrap();
    let mut accounts = AccountFile::open(&folder).unwrap();
    let mut alice = accounts.by_name("alice").unwrap();
    assert_eq!(AccountFile::set_password(&folder, "alice", "another").unwrap(), sid);
    assert_eq!(accounts.by_name("Alice").unwrap().nt_hash, nt_hash("another"));
    assert!(matches!(AccountFile::set_password(&folder, "alice", ""), Err(AccountError::EmptyPassword)));
    // Who is logged in stays who they are.
    alice.nt_hash = [0; 16];
    assert!(accounts.renew(&mut alice) && alice.nt_hash == [0; 16]);

    assert_eq!(AccountFile::disable(&folder, "ALICE", false).unwrap(), sid);
    assert!(accounts.by_name("alice").unwrap().disabled && !accounts.renew(&mut alice));
    assert_eq!(AccountFile::enable(&folder, "alice").unwrap(), sid);
    assert!(!accounts.by_name("alice").unwrap().disabled && accounts.renew(&mut alice));

    assert_eq!(AccountFile::remove(&folder, "alice", false).unwrap(), sid);
    assert!(accounts.by_name("alice").is_none() && accounts.by_sid(&sid).is_none() && !accounts.renew(&mut alice));
    assert_eq!(accounts.name_of(&sid), None);
    let again = AccountFile::add(&folder, "Alice", "secret", true, &mut Kernel).unwrap();
    assert_ne!(again, sid);
    assert!(!accounts.renew(&mut alice), "another account of that name is another account");
    for unknown in [
        AccountFile::set_password(&folder, "nobody", "x"),
        AccountFile::disable(&folder, "nobody", true),
        AccountFile::enable(&folder, "nobody"),
        AccountFile::remove(&folder, "nobody", true),
        AccountFile::unlock(&folder, "nobody"),
    ] {
        assert!(matches!(unknown, Err(AccountError::UnknownAccount)), "{unknown:?}");
    }
}

#[test]
fn groups_have_members_names_and_sids() {
    let (_parent, folder) = private();
    let mut accounts = AccountFile::open(&folder).unwrap();
    let group = AccountFile::add_group(&folder, "Night shift", &mut Kernel).unwrap();
    let alice = AccountFile::add(&folder, "Alice", "secret", true, &mut Kernel).unwrap();
    let bob = AccountFile::add(&folder, "Bob", "secret", false, &mut Kernel).unwrap();
    assert_eq!(accounts.group_by_name("NIGHT SHIFT"), Some(group));
    assert_eq!(accounts.name_of(&group).as_deref(), Some("Night shift"));
    assert_eq!(accounts.name_of(&bob).as_deref(), Some("Bob"));
    assert!(accounts.by_name("Night shift").is_none() && accounts.by_sid(&group).is_none(), "it is no account");
    assert!(accounts.group_by_name("Alice").is_none(), "and an account is no group");

    let mut logged_in = accounts.by_name("bob").unwrap();
    assert!(!logged_in.is_member(&group));
    assert_eq!(AccountFile::join(&folder, "night shift", "bob").unwrap(), (group, bob));
    AccountFile::join(&folder, "night shift", "bob").unwrap();
    assert!(accounts.renew(&mut logged_in) && logged_in.is_member(&group) && !logged_in.is_member(&alice));
    assert_eq!(logged_in.group_sids().collect::<Vec<_>>(), [group]);
    assert!(!accounts.by_name("alice").unwrap().is_member(&group));
    let listed = AccountFile::open(&folder).unwrap().list();
    let told: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.sid, one.groups.join(","))).collect();
    assert_eq!(
        told,
        [("Night shift", group, String::new()), ("Alice", alice, String::new()), ("Bob", bob, "Night shift".into())]
    );

    assert_eq!(AccountFile::leave(&folder, "night shift", "bob").unwrap(), (group, bob));
    AccountFile::leave(&folder, "night shift", "bob").unwrap();
    assert!(accounts.renew(&mut logged_in) && !logged_in.is_member(&group));
    AccountFile::join(&folder, "night shift", "bob").unwrap();
    assert_eq!(AccountFile::remove_group(&folder, "night shift").unwrap(), group);
    assert!(accounts.renew(&mut logged_in) && logged_in.groups.is_empty());
    assert_ne!(AccountFile::add_group(&folder, "Night shift", &mut Kernel).unwrap(), group);

    for taken in [
        AccountFile::add_group(&folder, "ALICE", &mut Kernel),
        AccountFile::add_group(&folder, "night shift", &mut Kernel),
        AccountFile::add(&folder, "night shift", "x", true, &mut Kernel),
    ] {
        assert!(matches!(taken, Err(AccountError::Exists)), "{taken:?}");
    }
    for well_known in ["SYSTEM", "administrators", "Everyone", "S-1-5-32-544", "s-1-1-0"] {
        let refused = AccountFile::add_group(&folder, well_known, &mut Kernel);
        assert!(matches!(refused, Err(AccountError::WellKnown)), "{well_known}: {refused:?}");
    }
    assert!(matches!(AccountFile::add_group(&folder, "a\\b", &mut Kernel), Err(AccountError::Name)));
    assert!(matches!(AccountFile::join(&folder, "bob", "alice"), Err(AccountError::UnknownGroup)));
    assert!(matches!(AccountFile::join(&folder, "night shift", "eve"), Err(AccountError::UnknownAccount)));
}

#[test]
fn an_account_is_in_eight_groups_at_most() {
    let (_parent, folder) = private();
    AccountFile::add(&folder, "a", "secret", true, &mut Kernel).unwrap();
    let groups: Vec<_> = (0..9).map(|number| format!("g{number}")).collect();
    for group in &groups {
        AccountFile::add_group(&folder, group, &mut Kernel).unwrap();
    }
    for group in &groups[..8] {
        AccountFile::join(&folder, group, "a").unwrap();
    }
    AccountFile::join(&folder, "g3", "a").expect("it is in that one");
    assert!(matches!(AccountFile::join(&folder, "g8", "a"), Err(AccountError::ManyGroups)));
    assert_eq!(AccountFile::open(&folder).unwrap().by_name("a").unwrap().groups.len(), 8);
    AccountFile::leave(&folder, "g0", "a").unwrap();
    AccountFile::join(&folder, "g8", "a").unwrap();
}

#[test]
fn the_last_administrator_who_may_log_in_stays() {
    let (_parent, folder) = private();
    let add = |name, admin| AccountFile::add(&folder, name, "secret", admin, &mut Kernel).unwrap();
    for (name, admin) in [("a", true), ("b", true), ("user", false)] {
        add(name, admin);
    }
    AccountFile::disable(&folder, "a", false).unwrap();
    let refused = [AccountFile::disable(&folder, "b", false), AccountFile::remove(&folder, "b", false)];
    assert!(refused.iter().all(|refused| matches!(refused, Err(AccountError::LastAdministrator))), "{refused:?}");
    AccountFile::disable(&folder, "a", false).expect("it is disabled already");
    AccountFile::remove(&folder, "user", false).expect("it is no administrator");
    AccountFile::disable(&folder, "b", true).unwrap();
    AccountFile::enable(&folder, "a").unwrap();
    AccountFile::remove(&folder, "b", false).expect("there is another");
    AccountFile::remove(&folder, "a", true).unwrap();
    assert!(AccountFile::open(&folder).unwrap().list().is_empty());
}

#[test]
fn lines_that_lie_are_left_out() {
    let (_parent, folder) = private();
    AccountFile::add(&folder, "a", "secret", true, &mut Kernel).unwrap();
    AccountFile::add_group(&folder, "g", &mut Kernel).unwrap();
    AccountFile::join(&folder, "g", "a").unwrap();
    let path = folder.file("accounts");
    let whole = fs::read_to_string(&path).unwrap();
    let hash = "8846f7eaee8fb117ad06bdd830b7586c";
    for line in [
        format!("account 1000 administrator {hash} b"),
        format!("account 1001 administrator {hash} b"),
        format!("account 1002 administrator {hash} A"),
        format!("account 1002 administrator {hash} G"),
        format!("account 4294967295 administrator {hash} b"),
        format!("account 1002 administrator {hash}0 b"),
        "group 1000 - h".into(),
        "group 1002 1000, h".into(),
        "group 1002 , h".into(),
        "group 1002  h".into(),
        "group 1002 - a".into(),
        "group 1002".into(),
        "unlocked 1000".into(),
        "unlocked 1000 -1".into(),
        "unix 1000".into(),
        "unix 1000 ".into(),
        "unix 1000 -".into(),
        "unix 1000 two words".into(),
        "unix x root".into(),
        "next x".into(),
        "what".into(),
    ] {
        fs::write(&path, format!("{whole}{line}\n")).unwrap();
        let mut accounts = AccountFile::open(&folder).unwrap();
        assert_eq!((accounts.damaged(), accounts.list().len()), (Some(6), 2), "{line}");
        assert_eq!(accounts.by_name("a").unwrap().groups, [1001], "{line}");
        let refused = AccountFile::disable(&folder, "a", true);
        assert!(matches!(refused, Err(AccountError::Line { line: 6 })), "{line}: {refused:?}");
    }
    // Whoever takes an account out by hand does not have to take it out of its groups too.
    fs::write(
        &path,
        whole.lines().filter(|line| !line.starts_with("account")).fold(String::new(), |k, l| k + l + "\n"),
    )
    .unwrap();
    assert_eq!(AccountFile::open(&folder).unwrap().damaged(), None);
    fs::write(&path, "# x\n".repeat(300_000)).unwrap();
    assert!(matches!(AccountFile::open(&folder), Err(AccountError::Full)));
}

#[test]
fn an_account_may_name_a_unix_user() {
    let (_parent, folder) = private();
    let unix = |folder: &Folder| {
        let listed = AccountFile::open(folder).unwrap().list();
        listed.into_iter().map(|one| (one.name, one.unix)).collect::<Vec<_>>()
    };
    let named = |name: &str, user: Option<&str>| (name.to_owned(), user.map(str::to_owned));
    let alice = AccountFile::add(&folder, "Alice", "secret", true, &mut Kernel).unwrap();
    AccountFile::add_as(&folder, "Bob", "secret", false, Some("daemon"), &mut Kernel).unwrap();
    AccountFile::add_group(&folder, "Staff", &mut Kernel).unwrap();
    let group = named("Staff", None);
    assert_eq!(unix(&folder), [named("Alice", None), named("Bob", Some("daemon")), group.clone()]);
    assert_eq!(AccountFile::set_unix_user(&folder, "ALICE", Some("nobody")).unwrap(), alice);
    let text = fs::read_to_string(folder.file("accounts")).unwrap();
    assert!(text.ends_with(" Staff\nunix 1000 nobody\nunix 1001 daemon\n"), "{text}");
    // Another change keeps it, and a second line for one account is not believed.
    AccountFile::unlock(&folder, "alice").unwrap();
    assert_eq!(unix(&folder), [named("Alice", Some("nobody")), named("Bob", Some("daemon")), group.clone()]);
    let before = fs::read_to_string(folder.file("accounts")).unwrap();
    fs::write(folder.file("accounts"), format!("{before}unix 1000 root\n")).unwrap();
    assert_eq!(AccountFile::open(&folder).unwrap().damaged(), Some(before.lines().count() + 1));
    assert_eq!(unix(&folder)[0], named("Alice", Some("nobody")));
    fs::write(folder.file("accounts"), before).unwrap();
    AccountFile::set_unix_user(&folder, "alice", None).unwrap();
    AccountFile::remove(&folder, "bob", false).unwrap();
    let again = AccountFile::add(&folder, "Bob", "secret", false, &mut Kernel).unwrap();
    assert_ne!(again, alice);
    assert_eq!(unix(&folder), [named("Alice", None), group, named("Bob", None)]);

    for unknown in ["no such user", "nobody\nunix 1000 root", "", "-", "no-such-user"] {
        let refused = AccountFile::set_unix_user(&folder, "alice", Some(unknown));
        assert!(matches!(refused, Err(AccountError::UnknownUnixUser)), "{unknown:?}: {refused:?}");
        let refused = AccountFile::add_as(&folder, "c", "secret", false, Some(unknown), &mut Kernel);
        assert!(matches!(refused, Err(AccountError::UnknownUnixUser)), "{unknown:?}: {refused:?}");
    }
    assert!(matches!(AccountFile::set_unix_user(&folder, "d", None), Err(AccountError::UnknownAccount)));
}

/// As whom tasks run, by what stands for their principals: `actions`, `system` and `services`.
#[test]
fn nobody_runs_as_root_whom_nobody_made_root() {
    let (_parent, folder) = private();
    let alice = AccountFile::add_as(&folder, "alice", "secret", true, Some("daemon"), &mut Kernel).unwrap();
    let bob = AccountFile::add(&folder, "bob", "secret", true, &mut Kernel).unwrap();
    let gone = bob.with_relative(1999).unwrap();
    let all = [alice, bob, gone, Sid::LOCAL_SYSTEM, Sid::LOCAL_SERVICE, Sid::NETWORK_SERVICE];
    let mut accounts = AccountFile::open(&folder).unwrap();
    let mut as_whom = |actions: Option<&str>, system: Option<&str>, services: Option<&str>| {
        let [actions, system, services] = [actions, system, services].map(|name| name.map(str::to_owned));
        accounts.stand_in(UnixUsers { actions, system, services })?;
        let found = all.map(|sid| {
            let user = accounts.unix_user(&sid);
            assert_eq!(accounts.may_run_as(&sid), user.is_ok(), "{sid}");
            user.map_or_else(|error| error.to_string(), |user| user.name().to_owned())
        });
        Ok::<_, UserError>(found)
    };
    let own = Credentials::own().unwrap().name().to_owned();
    if !rustix::process::geteuid().is_root() {
        let found = as_whom(None, None, None).unwrap();
        assert!(found[0].contains("only root") && found[0].contains("daemon"), "{found:?}");
        assert_eq!(found[1..], [&*own; 5]);
        assert_eq!(as_whom(Some(&own), Some(&own), Some(&own)).unwrap()[1..], [&*own; 5]);
        for refused in [as_whom(Some("root"), None, None), as_whom(None, Some("root"), None)] {
            assert!(matches!(refused, Err(UserError::NotRoot { .. })), "{refused:?}");
        }
        return;
    }
    let none = UserError::Nobody.to_string();
    let none = none.as_str();
    let cases = [
        ((None, None, None), ["daemon", none, none, none, "nobody", "nobody"]),
        ((None, Some("root"), None), ["daemon", none, none, "root", "nobody", "nobody"]),
        ((None, None, Some("games")), ["daemon", none, none, none, "games", "games"]),
        ((Some("bin"), None, None), ["daemon", "bin", "bin", "bin", "bin", "bin"]),
        ((Some("bin"), Some("root"), Some("games")), ["daemon", "bin", "bin", "root", "games", "games"]),
        ((Some("root"), Some("bin"), None), ["daemon", "root", "root", "bin", "root", "root"]),
    ];
    for ((actions, system, services), expected) in cases {
        assert_eq!(as_whom(actions, system, services).unwrap(), expected, "{actions:?} {system:?} {services:?}");
    }
    let unknown = as_whom(None, Some("no-such-user"), None);
    assert!(matches!(unknown, Err(UserError::Unknown { .. })), "{unknown:?}");
    // Whoever changes it while the server runs is heard.
    AccountFile::set_unix_user(&folder, "alice", None).unwrap();
    assert!(matches!(accounts.unix_user(&alice), Ok(user) if user.name() == "root"));
    assert_eq!(accounts.sid_of(OtherUser::new(&alice).unwrap()), Some(alice));
    assert_eq!(accounts.sid_of(OtherUser::new(&Sid::LOCAL_SERVICE).unwrap()), Some(Sid::LOCAL_SERVICE));
}

#[test]
fn no_hash_is_in_what_is_logged() {
    let (_parent, folder) = private();
    AccountFile::add(&folder, "a", "secret", true, &mut Kernel).unwrap();
    let mut accounts = AccountFile::open(&folder).unwrap();
    let account = accounts.by_name("a").unwrap();
    let printed = format!("{accounts:?} {account:?} {:?}", accounts.list());
    for form in [format!("{:?}", nt_hash("secret")), format!("{:?}", &nt_hash("secret")[..4]).replace(']', "")] {
        assert!(!printed.contains(&form), "{printed}");
    }
}

/// A server that runs counts failures, a command that lists them reads what it told, and one that unlocks is heard.
#[test]
fn failures_are_told_and_forgotten() {
    let (_parent, folder) = private();
    AccountFile::add(&folder, "alice", "secret", true, &mut Kernel).unwrap();
    let mut server = AccountFile::open(&folder).unwrap();
    let attempt = |name| {
        let now = Now { monotonic: Monotonic(5_000), wall: None };
        LoginAttempt { name, connection: 3, now }
    };
    let now = Monotonic(6_000);
    server.connected(3, [192, 0, 2, 1].into());
    for name in ["alice", "ALICE", "eve", "alice", "alice", "alice"] {
        server.login_failed(attempt(name));
    }
    assert!(server.failures_changed());
    server.tell_failures(now).unwrap();
    assert_eq!(fs::metadata(folder.file("failures")).unwrap().permissions().mode() & 0o777, 0o600);
    let count = || AccountFile::open(&folder).unwrap().list()[0].failures;
    assert_eq!(count(), 5);
    assert!(matches!(server.hold(3, Some(Login::Begun), now), Hold::For(_)));

    server.disconnected(3);
    server.connected(4, [192, 0, 2, 1].into());
    AccountFile::disable(&folder, "alice", true).unwrap();
    assert!(matches!(server.hold(4, Some(Login::Begun), now), Hold::For(_)), "another change forgets nothing");
    server.connected(5, [192, 0, 2, 1].into());
    AccountFile::unlock(&folder, "alice").unwrap();
    assert_eq!(server.hold(5, Some(Login::Begun), now), Hold::Not);
    server.tell_failures(now).unwrap();
    assert_eq!(count(), 0);
    server.untell_failures();
    assert!(!folder.file("failures").exists());
}
