//! Secrets sealed on Linux, and their key.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
};

use mainspring::{
    ports::{SEALED_MAX, Secrets, Unsealed},
    sid::Sid,
};
use mainspring_linux::{
    folder::Folder,
    secrets::{KeyError, SealedSecrets},
};
use mainspring_tests::damage;

const SECRET: [u8; 16] = *b"sixteen secrets!";

fn account(relative: u32) -> Sid {
    Sid::parse(&format!("S-1-5-21-1-2-3-{relative}")).unwrap()
}

/// A data folder, and what makes it go.
fn folder() -> (Folder, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    (Folder::open(&place.path().join("data")).unwrap(), place)
}

fn seal(secrets: &mut SealedSecrets, account: &Sid) -> Vec<u8> {
    let mut room = [0; SEALED_MAX];
    let length = secrets.seal(account, &SECRET, &mut room).unwrap();
    room[..length].to_vec()
}

fn open(secrets: &mut SealedSecrets, account: &Sid, sealed: &[u8]) -> Result<[u8; 16], Unsealed> {
    let mut secret = [0; 16];
    secrets.open(account, sealed, &mut secret).map(|()| secret)
}

#[test]
fn what_is_sealed_opens_for_the_same_account_alone() {
    let (folder, _place) = folder();
    let mut secrets = SealedSecrets::with(&folder, None);
    let sealed = seal(&mut secrets, &account(1));
    assert!(!sealed.windows(4).any(|part| SECRET.windows(4).any(|clear| clear == part)));
    assert_ne!(sealed, seal(&mut secrets, &account(1)), "a nonce was used twice");
    // Also by the next server.
    for secrets in [&mut secrets, &mut SealedSecrets::with(&folder, None)] {
        assert_eq!(open(secrets, &account(1), &sealed), Ok(SECRET));
        for other in [account(2), Sid::EVERYONE, account(1).with(0).unwrap()] {
            assert_eq!(open(secrets, &other, &sealed), Err(Unsealed::Forged));
        }
    }
    damage::cut(&sealed, |bytes| {
        assert_eq!(open(&mut SealedSecrets::with(&folder, None), &account(1), bytes), Err(Unsealed::Forged));
    });
    damage::flipped(&sealed, |bytes| {
        assert_eq!(open(&mut SealedSecrets::with(&folder, None), &account(1), bytes), Err(Unsealed::Forged));
    });
}

#[test]
fn the_key_is_made_when_it_is_needed_and_is_nobody_else_s() {
    let (folder, _place) = folder();
    let file = folder.file("key");
    let mut secrets = SealedSecrets::with(&folder, None);
    assert_eq!(open(&mut secrets, &account(1), &[1; 57]), Err(Unsealed::Unavailable));
    assert!(!file.exists(), "nothing was to be sealed");
    // What a cut left half-made is not taken for a key.
    fs::write(folder.file("key.new"), "half").unwrap();
    let sealed = seal(&mut secrets, &account(1));
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.len()), (0o600, 32));
    assert!(!folder.file("key.new").exists());
    let key = fs::read(&file).unwrap();
    assert!(key.iter().any(|&byte| byte != key[0]));
    assert!(!format!("{secrets:?}").contains(&format!("{:?}", &key[..4]).replace(['[', ']'], "")));

    // Lost: what was sealed does not open, and another is made; its own opens.
    fs::remove_file(&file).unwrap();
    let mut secrets = SealedSecrets::with(&folder, None);
    assert_eq!(open(&mut secrets, &account(1), &sealed), Err(Unsealed::Unavailable));
    let again = seal(&mut secrets, &account(1));
    assert_ne!(fs::read(&file).unwrap(), key);
    assert_eq!(open(&mut secrets, &account(1), &sealed), Err(Unsealed::Forged));
    assert_eq!(open(&mut secrets, &account(1), &again), Ok(SECRET));
    // Found again.
    fs::write(&file, &key).unwrap();
    assert_eq!(open(&mut SealedSecrets::with(&folder, None), &account(1), &sealed), Ok(SECRET));
}

#[test]
fn a_key_that_others_may_read_is_refused_and_stays() {
    let (folder, _place) = folder();
    let file = folder.file("key");
    let sealed = seal(&mut SealedSecrets::with(&folder, None), &account(1));
    let key = fs::read(&file).unwrap();
    let refuses = |what: fn(&KeyError) -> bool, says: &str| {
        let mut secrets = SealedSecrets::with(&folder, None);
        let error = secrets.key(true).unwrap_err();
        assert!(what(&error) && error.to_string().contains(says), "{error}");
        assert_eq!(open(&mut secrets, &account(1), &sealed), Err(Unsealed::Unavailable));
        let mut room = [0; SEALED_MAX];
        assert_eq!(secrets.seal(&account(1), &SECRET, &mut room), Err(Unsealed::Unavailable));
        secrets
    };
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let mut secrets = refuses(|error| matches!(error, KeyError::Open { .. }), &format!("mode {mode:04o}"));
        // Put right while it runs.
        fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(open(&mut secrets, &account(1), &sealed), Ok(SECRET));
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    for wrong in [&key[..31], &[&key[..], &[0]].concat(), &[]] {
        fs::write(&file, wrong).unwrap();
        refuses(|error| matches!(error, KeyError::Length { .. }), "32 bytes");
        assert_eq!(fs::read(&file).unwrap(), wrong);
    }
    fs::write(&file, &key).unwrap();
    if chown(&file, Some(1), None).is_ok() {
        refuses(|error| matches!(error, KeyError::Foreign { owner: 1, .. }), "another user");
    } else {
        println!("not root: a key of another user was not tried");
    }
}

#[test]
fn the_key_of_systemd_goes_first() {
    let (folder, place) = folder();
    let credentials = place.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    // There is none there: the data folder's is made.
    let own = seal(&mut SealedSecrets::with(&folder, Some(&credentials)), &account(1));
    assert!(folder.file("key").exists());
    // Systemd sees to who may read it with an access control list, whose mask is the mode of the group.
    let passed = credentials.join("mainspring-key");
    fs::write(&passed, [7; 32]).unwrap();
    fs::set_permissions(&passed, Permissions::from_mode(0o440)).unwrap();
    let mut secrets = SealedSecrets::with(&folder, Some(&credentials));
    assert_eq!(open(&mut secrets, &account(1), &own), Err(Unsealed::Forged));
    let sealed = seal(&mut secrets, &account(1));
    fs::remove_file(folder.file("key")).unwrap();
    assert_eq!(open(&mut SealedSecrets::with(&folder, Some(&credentials)), &account(1), &sealed), Ok(SECRET));
    assert!(!folder.file("key").exists());
    // One that is wrong is not passed over.
    fs::set_permissions(&passed, Permissions::from_mode(0o640)).unwrap();
    fs::write(&passed, [7; 31]).unwrap();
    let mut room = [0; SEALED_MAX];
    let mut secrets = SealedSecrets::with(&folder, Some(&credentials));
    assert_eq!(secrets.seal(&account(1), &SECRET, &mut room), Err(Unsealed::Unavailable));
    assert!(!folder.file("key").exists());
}
