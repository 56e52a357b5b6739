//! Who is kept out, and how little they learn from it.

use mainspring::{
    auth::{Acceptor, AuthError, Credentials, Environment, Initiated, Initiator, Provider},
    bytes::Writer,
};

use super::{Dice, IDENTITY, NOW, People, accept, initiate, login};

fn refusal(user: &str, password: &str, people: &mut People) -> AuthError {
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new(user, "", password));
    login(&mut initiator, &mut Acceptor::new(Provider::Ntlm), people).unwrap_err()
}

#[test]
fn wrong_names_passwords_and_disabled_accounts_look_the_same() {
    for (user, password) in [("ada", "wrong"), ("ada", ""), ("eve", "correct horse"), ("", "correct horse"), ("", "")] {
        let mut people = People::recorded();
        assert_eq!(refusal(user, password, &mut people), AuthError::Denied, "{user}");
        assert_eq!((people.failed, people.asked), (vec![user.to_owned()], 1));
    }
    for user in ["CLOCK@eve", "ada@clock"] {
        let mut people = People::recorded();
        assert_eq!(refusal(user, "wrong", &mut people), AuthError::Denied);
        assert_eq!(people.asked, 2);
    }
    let mut people = People::recorded();
    people.list[0].disabled = true;
    assert_eq!(refusal("ada", "correct horse", &mut people), AuthError::Denied);
    assert_eq!(people.failed, ["ada"]);
}

#[test]
fn a_name_too_long_is_nobodys() {
    let user = "a".repeat(300);
    assert_eq!(refusal(&user, "correct horse", &mut People::recorded()), AuthError::Denied);
}

#[test]
fn an_account_added_meanwhile_counts() {
    let mut people = People::new(&[]);
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let (_, token) = initiate(&mut initiator, None).unwrap();
    let (_, token) = accept(&mut acceptor, &token, &mut people).unwrap();
    let (_, token) = initiate(&mut initiator, Some(&token)).unwrap();
    people.list = People::recorded().list;
    accept(&mut acceptor, &token, &mut people).unwrap();
}

/// The flags that everybody negotiates.
const FLAGS: u32 = 0xe288_8235;

fn negotiate(flags: u32) -> Vec<u8> {
    [b"NTLMSSP\0\x01\0\0\0".as_slice(), &flags.to_le_bytes()].concat()
}

/// An AUTHENTICATE_MESSAGE with these fields, without a MIC.
fn authenticate(lm: &[u8], nt: &[u8], user: &str, key: &[u8], flags: u32) -> Vec<u8> {
    let user: Vec<u8> = user.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut offset = 72;
    for field in [lm, nt, &[], &user, &[], key] {
        let length = u16::try_from(field.len()).unwrap().to_le_bytes();
        message.extend([length, length].concat());
        message.extend(u32::try_from(offset).unwrap().to_le_bytes());
        offset += field.len();
    }
    message.extend(flags.to_le_bytes());
    message.extend([0; 8]);
    message.extend([lm, nt, &user, key].concat());
    message
}

#[test]
fn older_and_anonymous_logins_are_refused() {
    let response = |kind: [u8; 2], length: usize| [&[0x5a; 16], &kind[..], &vec![0; length]].concat();
    for (lm, nt, user) in [
        (vec![], vec![], ""),
        (vec![0], vec![], ""),
        (vec![7; 24], vec![], "ada"),
        (vec![7; 24], vec![7; 24], "ada"),
        (vec![], vec![1; 43], "ada"),
        (vec![], response([1, 1], 25), "ada"),
        (vec![], response([2, 2], 60), "ada"),
    ] {
        let (mut acceptor, mut people) = (Acceptor::new(Provider::Ntlm), People::recorded());
        accept(&mut acceptor, &negotiate(FLAGS), &mut people).unwrap();
        let token = authenticate(&lm, &nt, user, &[9; 16], FLAGS);
        let error = accept(&mut acceptor, &token, &mut people).unwrap_err();
        assert_eq!(error, AuthError::Denied);
        assert_eq!(people.failed, [user]);
    }
}

#[test]
fn what_is_not_negotiated_is_refused_at_both_ends() {
    const UNICODE: u32 = 1;
    const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
    const STRENGTH_128: u32 = 0x2000_0000;
    for missing in [UNICODE, EXTENDED_SESSION_SECURITY, STRENGTH_128] {
        let mut people = People::recorded();
        let error = accept(&mut Acceptor::new(Provider::Ntlm), &negotiate(FLAGS & !missing), &mut people).unwrap_err();
        assert!(matches!(error, AuthError::TooWeak { flags } if flags & missing == 0));

        let mut acceptor = Acceptor::new(Provider::Ntlm);
        let (_, mut challenge) = accept(&mut acceptor, &negotiate(FLAGS), &mut people).unwrap();
        let token = authenticate(&[], &[1; 60], "ada", &[9; 16], FLAGS & !missing);
        let error = accept(&mut acceptor, &token, &mut people).unwrap_err();
        assert!(matches!(error, AuthError::TooWeak { flags } if flags & missing == 0));

        let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
        initiate(&mut initiator, None).unwrap();
        let flags = u32::from_le_bytes(challenge[20..24].try_into().unwrap()) & !missing;
        challenge[20..24].copy_from_slice(&flags.to_le_bytes());
        let error = initiate(&mut initiator, Some(&challenge)).unwrap_err();
        assert!(matches!(error, AuthError::TooWeak { flags } if flags & missing == 0));
    }
}

#[test]
fn the_mic_covers_all_three_messages() {
    // Whoever changes a flag of the first message on the way is found out by the third.
    let mut people = People::recorded();
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let (_, mut token) = initiate(&mut initiator, None).unwrap();
    token[12] ^= 0x40;
    let (_, token) = accept(&mut acceptor, &token, &mut people).unwrap();
    let (_, token) = initiate(&mut initiator, Some(&token)).unwrap();
    assert_eq!(accept(&mut acceptor, &token, &mut people).unwrap_err(), AuthError::Denied);

    // So is whoever changes the second: here a name in it.
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let (_, token) = initiate(&mut initiator, None).unwrap();
    let (_, mut token) = accept(&mut acceptor, &token, &mut people).unwrap();
    token[56] ^= 1;
    let (_, token) = initiate(&mut initiator, Some(&token)).unwrap();
    assert_eq!(accept(&mut acceptor, &token, &mut people).unwrap_err(), AuthError::Denied);
    assert_eq!(people.failed, ["ada", "ada"]);
}

#[test]
fn a_message_of_another_login_is_refused() {
    let mut people = People::recorded();
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let (_, first) = initiate(&mut initiator, None).unwrap();
    let (_, challenge) = accept(&mut Acceptor::new(Provider::Ntlm), &first, &mut people).unwrap();
    let (_, last) = initiate(&mut initiator, Some(&challenge)).unwrap();

    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let mut dice = Dice::Of(0x77);
    let mut environment =
        Environment { now: NOW, entropy: &mut dice, accounts: &mut people, connection: 0, identity: &IDENTITY };
    let mut buffer = [0; 1024];
    acceptor.accept(&first, &mut Writer::new(&mut buffer), &mut environment).unwrap();
    let refused = acceptor.accept(&last, &mut Writer::new(&mut buffer), &mut environment);
    assert_eq!(refused.unwrap_err(), AuthError::Denied);
}

#[test]
fn messages_out_of_turn_end_the_login() {
    let mut people = People::recorded();
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let last = authenticate(&[], &[1; 60], "ada", &[9; 16], FLAGS);
    assert_eq!(accept(&mut acceptor, &last, &mut people).unwrap_err(), AuthError::OutOfTurn { message: 3 });
    let over = AuthError::OutOfTurn { message: 0 };
    assert_eq!(accept(&mut acceptor, &negotiate(FLAGS), &mut people).unwrap_err(), over);

    let mut acceptor = Acceptor::new(Provider::Ntlm);
    accept(&mut acceptor, &negotiate(FLAGS), &mut people).unwrap();
    let error = accept(&mut acceptor, &negotiate(FLAGS), &mut people).unwrap_err();
    assert_eq!(error, AuthError::OutOfTurn { message: 1 });

    for provider in [Provider::Ntlm, Provider::Spnego] {
        let mut initiator = Initiator::new(provider, Credentials::new("ada", "", "correct horse"));
        assert_eq!(initiate(&mut initiator, Some(b"early")).unwrap_err(), over);
        assert_eq!(initiate(&mut initiator, None).unwrap_err(), over);
    }
}

#[test]
fn without_entropy_there_is_no_challenge_and_no_answer() {
    let (mut people, mut dice) = (People::recorded(), Dice::Empty);
    let mut environment =
        Environment { now: NOW, entropy: &mut dice, accounts: &mut people, connection: 0, identity: &IDENTITY };
    let mut buffer = [0; 1024];
    let mut reply = Writer::new(&mut buffer);
    let refused = Acceptor::new(Provider::Ntlm).accept(&negotiate(FLAGS), &mut reply, &mut environment);
    assert_eq!(refused.unwrap_err(), AuthError::NoEntropy);
    assert_eq!(reply.position(), 0);

    let (_, challenge) = accept(&mut Acceptor::new(Provider::Ntlm), &negotiate(FLAGS), &mut people).unwrap();
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    initiate(&mut initiator, None).unwrap();
    let refused = initiator.initiate(Some(&challenge), &mut reply, NOW, &mut Dice::Empty);
    assert_eq!(refused.unwrap_err(), AuthError::NoEntropy);
    assert_eq!(reply.position(), 0);
}

#[test]
fn a_client_wants_the_servers_signature() {
    let mut people = People::recorded();
    for end in
        ["a1073005a0030a0100", "a11b3019a0030a0100a312041001000000000000000000000000000000", "a1073005a0030a0102"]
    {
        let mut initiator = Initiator::new(Provider::Spnego, Credentials::new("ada", "", "correct horse"));
        let mut acceptor = Acceptor::new(Provider::Spnego);
        let (_, token) = initiate(&mut initiator, None).unwrap();
        let (_, token) = accept(&mut acceptor, &token, &mut people).unwrap();
        let (initiated, _) = initiate(&mut initiator, Some(&token)).unwrap();
        assert!(matches!(initiated, Initiated::Continue));
        let error = initiate(&mut initiator, Some(&super::unhex(end))).unwrap_err();
        let rejected = end.ends_with('2');
        assert_eq!(error, if rejected { AuthError::Denied } else { AuthError::Tampered });
    }
}

#[test]
fn secrets_stay_out_of_logs() {
    let credentials = Credentials::new("ada", "CLOCK", "correct horse");
    assert_eq!(format!("{credentials:?}"), "Credentials { user: \"ada\", domain: \"CLOCK\", .. }");
    let mut initiator = Initiator::new(Provider::Ntlm, credentials);
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let (client, server) = login(&mut initiator, &mut acceptor, &mut People::recorded()).unwrap();
    assert_eq!(format!("{client:?}"), "Protection { sent: 0, received: 0, .. }");
    assert!(!format!("{server:?}").contains("hash"));
    assert_eq!(format!("{acceptor:?} {initiator:?}"), "Acceptor { .. } Initiator { .. }");
}
