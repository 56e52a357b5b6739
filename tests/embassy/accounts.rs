//! Accounts of the firmware and of the store.

use embassy_net::Stack;
use embassy_time::Duration;
use mainspring::{
    ports::{Accounts as _, Change, Key, Store as _, StoreError},
    sid::Sid,
    status::Status,
    tsch::client::GetTaskInfo,
};
use mainspring_embassy::{
    accounts::{ACCOUNT, AccountBook, AccountError, FIRST, MACHINE},
    entropy::Seeded,
};
use mainspring_tests::store::{NO_POWER, RamStore};

use crate::{
    machine::{ALICE, Machine, Made},
    session::Session,
    wire::{Hub, Weather},
    world::World,
};

/// A board, and a stack for clients.
fn connected(world: &mut World) -> (Machine, Stack<'static>) {
    let machine = Machine::boot(world, Made::default());
    let hub = Hub::new(1, Weather { lost: 0, doubled: 0, delay: (1, 1) });
    let (server, _) = hub.stack(world, 1);
    let (client, _) = hub.stack(world, 2);
    machine.listen(world, server, 4);
    (machine, client)
}

/// Whether somebody gets in and is answered.
fn gets_in(world: &mut World, client: Stack<'static>, user: &'static str, password: &'static str) -> bool {
    let answer = world.run(Duration::from_secs(10), async move {
        let mut session = Session::open(client, user, password).await?;
        let status = session.call(&GetTaskInfo { path: r"\none", state: true }, |answer| answer.status).await?;
        session.close().await;
        Ok::<_, crate::session::Lost>(status)
    });
    world.pass(Duration::from_secs(3));
    answer.is_ok_and(|status| status == Status::E_FILE_NOT_FOUND)
}

/// An account counts as soon as it is added, and no more once it is removed.
#[test]
fn accounts_come_and_go_while_the_board_runs() {
    let mut world = World::new();
    let (machine, client) = connected(&mut world);
    let book = machine.book;
    assert!(gets_in(&mut world, client, "alice", "Passw0rd!"));
    assert!(gets_in(&mut world, client, "ALICE", "Passw0rd!"));
    assert!(!gets_in(&mut world, client, "alice", "passw0rd!"));
    assert!(!gets_in(&mut world, client, "bob", "secret"));
    assert_eq!(book.failures().count, 2);
    assert!(book.failures().last.is_some());

    let sid = machine.host.with_ports(|ports| book.add(ports.store, ports.entropy, "Bob", "secret", true)).unwrap();
    assert!(gets_in(&mut world, client, "bob", "secret"));
    assert_eq!(sid.sub_authorities().last(), Some(&FIRST));
    machine.host.with_ports(|ports| book.remove(ports.store, "BOB")).unwrap();
    assert!(!gets_in(&mut world, client, "bob", "secret"));
    assert_eq!(machine.host.with_ports(|ports| book.remove(ports.store, "bob")), Err(AccountError::Unknown));
}

/// What was added is there after a restart; who was removed stays away, and his SID with him.
#[test]
fn accounts_outlive_the_power() {
    let (mut store, mut entropy) = (RamStore::default(), Seeded::new([1; 32]));
    let mut places = [const { None }; 2];
    let book = AccountBook::new(&[ALICE], &mut places);
    let bob = book.add(&mut store, &mut entropy, "bob", "secret", false).unwrap();
    let carol = book.add(&mut store, &mut entropy, "Carol Ünlü", "secret", true).unwrap();
    assert_eq!(book.add(&mut store, &mut entropy, "dave", "secret", true), Err(AccountError::NoPlace));
    book.remove(&mut store, "bob").unwrap();

    let mut places = [const { None }; 2];
    let book = AccountBook::new(&[ALICE], &mut places);
    assert_eq!(book.load(&mut store), Ok(0));
    assert!((&book).by_name("bob").is_none());
    assert!((&book).by_sid(&bob).is_none());
    let found = (&book).by_name("carol ünlü").unwrap();
    assert_eq!((found.sid, found.administrator, found.disabled), (carol, true, false));
    assert_eq!(found.nt_hash, mainspring::auth::nt_hash("secret"));
    let again = book.add(&mut store, &mut entropy, "bob", "secret", false).unwrap();
    assert!(![bob, carol].contains(&again));
    assert_eq!((&book).by_sid(&again).unwrap().name, "bob");

    let mut listed = Vec::new();
    book.list(&mut |account| listed.push((account.name.to_owned(), account.administrator, account.built_in)));
    listed.sort();
    let expected = [("Carol Ünlü", true, false), ("alice", true, true), ("bob", false, false)];
    assert_eq!(listed, expected.map(|(name, administrator, built_in)| (name.to_owned(), administrator, built_in)));
    // All are of one machine, which is drawn at random.
    let alice = (&book).by_name("alice").unwrap().sid;
    let machine = |sid: &Sid| sid.sub_authorities().split_last().unwrap().1.to_vec();
    assert_eq!(machine(&alice), machine(&carol));
    assert_ne!(machine(&alice), [21, 0, 0, 0]);
}

/// A power cut between the two records of an addition uses a number up, and nothing else.
#[test]
fn an_addition_that_is_cut_leaves_nothing_half() {
    for changes in 0..=2 {
        let (mut store, mut entropy) = (RamStore::default(), Seeded::new([1; 32]));
        store.cut_after = Some(changes);
        let mut places = [const { None }; 2];
        let book = AccountBook::new(&[], &mut places);
        let added = book.add(&mut store, &mut entropy, "bob", "secret", false);
        assert_eq!(added, Err(AccountError::Store(NO_POWER)));
        assert!((&book).by_name("bob").is_none());
        store.power();
        let mut places = [const { None }; 2];
        let book = AccountBook::new(&[], &mut places);
        assert_eq!(book.load(&mut store), Ok(0));
        // The last cut is behind both: nobody heard that it was done.
        assert_eq!((&book).by_name("bob").is_some(), changes == 2);
        let next = book.add(&mut store, &mut entropy, "carol", "secret", false).unwrap();
        assert_eq!(next.sub_authorities().last(), Some(&(FIRST + u32::from(changes > 0))));
    }
}

#[test]
fn what_may_not_be_is_refused() {
    let (mut store, mut entropy) = (RamStore::default(), Seeded::new([1; 32]));
    let mut places = [const { None }; 2];
    let book = AccountBook::new(&[ALICE], &mut places);
    let long = "x".repeat(65);
    for (name, password, error) in [
        ("", "secret", AccountError::Name),
        (" bob", "secret", AccountError::Name),
        (r"board\bob", "secret", AccountError::Name),
        ("bob@board", "secret", AccountError::Name),
        ("b\nob", "secret", AccountError::Name),
        (long.as_str(), "secret", AccountError::Name),
        ("bob", "", AccountError::EmptyPassword),
        ("Alice", "secret", AccountError::Exists),
    ] {
        assert_eq!(book.add(&mut store, &mut entropy, name, password, false), Err(error), "{name}");
    }
    assert_eq!(book.remove(&mut store, "alice"), Err(AccountError::BuiltIn));
    assert_eq!(book.add(&mut store, &mut Seeded::unseeded(), "bob", "x", false), Err(AccountError::NoEntropy));
    store.fail_writes = Some((StoreError::Full, 0));
    assert_eq!(book.add(&mut store, &mut entropy, "bob", "x", false), Err(AccountError::Store(StoreError::Full)));
    assert!(store.records.is_empty());
    store.fail_writes = None;
    book.add(&mut store, &mut entropy, "bob", "x", false).unwrap();
    assert_eq!(book.add(&mut store, &mut entropy, "BOB", "x", false), Err(AccountError::Exists));
}

/// A record that is damaged is left out and kept, the others count; without the machine's record there are none.
#[test]
fn damaged_records_let_nobody_in() {
    let (mut store, mut entropy) = (RamStore::default(), Seeded::new([1; 32]));
    let mut places = [const { None }; 4];
    let book = AccountBook::new(&[], &mut places);
    for name in ["ann", "bob"] {
        book.add(&mut store, &mut entropy, name, "secret", true).unwrap();
    }
    let key = Key { kind: ACCOUNT, number: FIRST };
    let whole = store.records[&key].clone();
    for at in 0..whole.len() {
        // Cut short, and every bit of every byte.
        let mut damaged = vec![whole[..at].to_vec()];
        damaged.extend((0..8).map(|bit| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            bytes
        }));
        for bytes in damaged {
            store.apply(&[Change::Put(key, &bytes)]).unwrap();
            let mut places = [const { None }; 4];
            let book = AccountBook::new(&[], &mut places);
            let left_out = book.load(&mut store).unwrap();
            assert!((&book).by_name("bob").is_some());
            // A flipped bit of a name or a hash is another name or hash: that the store has to notice.
            assert_eq!(store.get(key, &mut [0; 128]), Ok(Some(bytes.len())));
            let mut known = 0;
            book.list(&mut |_| known += 1);
            assert_eq!(known + left_out, 2);
        }
    }
    let machine = Key { kind: MACHINE, number: 0 };
    store.apply(&[Change::Put(machine, &[0xFF])]).unwrap();
    let mut places = [const { None }; 4];
    let book = AccountBook::new(&[], &mut places);
    assert_eq!(book.load(&mut store), Err(StoreError::Corrupt));
    assert!((&book).by_name("bob").is_none());
}
