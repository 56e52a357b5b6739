//! Who can log in to whom: every combination of policies, and the forms of SPNEGO.

use mainspring::{
    auth::{Accepted, Acceptor, AuthError, Credentials, Environment, Initiated, Initiator, Policy, Provider, Strength},
    bytes::Writer,
    limits,
    time::{Monotonic, Now},
};

use super::{Dice, IDENTITY, NOW, People, accept, captures::Recording, element, initiate, login, talk, unhex};

const NTLMSSP: &str = "060a2b06010401823702020a";
const KRB5: &str = "06092a864886f712010202";

fn policies() -> Vec<Policy> {
    let strengths = [Strength::Bits40, Strength::Bits56, Strength::Bits128];
    let mut policies = Vec::new();
    for weakest in strengths {
        for strongest in strengths.into_iter().filter(|strongest| *strongest >= weakest) {
            policies.extend([true, false].map(|key_exchange| Policy { weakest, strongest, key_exchange }));
        }
    }
    policies
}

#[test]
fn every_policy_meets_every_other() {
    let mut met = 0;
    for provider in [Provider::Ntlm, Provider::Spnego] {
        for ours in policies() {
            for theirs in policies() {
                let credentials = Credentials::new("ada", "", "correct horse");
                let mut initiator = Initiator::with_policy(provider, credentials, theirs);
                let mut acceptor = Acceptor::with_policy(provider, ours);
                let strength = ours.strongest.min(theirs.strongest);
                match login(&mut initiator, &mut acceptor, &mut People::recorded()) {
                    Ok((mut client, mut server)) => {
                        assert!(strength >= ours.weakest.max(theirs.weakest));
                        talk(&mut client, &mut server.protection);
                        met += 1;
                    }
                    Err(AuthError::TooWeak { .. }) => assert!(strength < ours.weakest.max(theirs.weakest)),
                    Err(error) => panic!("{error}: {ours:?} {theirs:?}"),
                }
            }
        }
    }
    assert_eq!(met, 2 * 4 * 26, "of 36 pairs of strengths 26 meet");
}

#[test]
fn an_acceptor_for_spnego_takes_bare_messages() {
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let mut acceptor = Acceptor::new(Provider::Spnego);
    let (mut client, mut server) = login(&mut initiator, &mut acceptor, &mut People::recorded()).unwrap();
    talk(&mut client, &mut server.protection);
}

#[test]
fn an_acceptor_for_ntlm_takes_no_spnego() {
    let mut initiator = Initiator::new(Provider::Spnego, Credentials::new("ada", "", "correct horse"));
    let error = login(&mut initiator, &mut Acceptor::new(Provider::Ntlm), &mut People::recorded()).unwrap_err();
    assert!(matches!(error, AuthError::Unreadable { .. }), "{error}");
}

#[test]
fn names_come_in_every_form() {
    for (user, domain) in [
        ("ada", ""),
        ("ADA", "CLOCK"),
        ("Ada", "."),
        ("ada", "ELSEWHERE"),
        ("CLOCK\\ada", ""),
        (".\\ada", ""),
        ("ada@clock.example", ""),
        ("ada@elsewhere", "CLOCK"),
    ] {
        let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new(user, domain, "correct horse"));
        let mut acceptor = Acceptor::new(Provider::Ntlm);
        let (mut client, mut server) = login(&mut initiator, &mut acceptor, &mut People::recorded())
            .unwrap_or_else(|error| panic!("{error}: {user}"));
        assert_eq!(server.account.name, "ada");
        talk(&mut client, &mut server.protection);
    }
}

#[test]
fn an_account_with_an_at_sign_is_found_before_the_name_is_cut() {
    let mut people = People::new(&[("ada", "one"), ("ada@clock", "two")]);
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada@clock", "", "two"));
    let (_, server) = login(&mut initiator, &mut Acceptor::new(Provider::Ntlm), &mut people).unwrap();
    assert_eq!(server.account.name, "ada@clock");
}

#[test]
fn an_unknown_wall_clock_keeps_nobody_out() {
    let now = Now { monotonic: Monotonic(0), wall: None };
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let (_, negotiate) = initiate(&mut initiator, None).unwrap();
    let (mut acceptor, mut people, mut dice) = (Acceptor::new(Provider::Ntlm), People::recorded(), Dice::Repeating);
    let mut environment =
        Environment { now, entropy: &mut dice, accounts: &mut people, connection: 0, identity: &IDENTITY };
    let mut buffer = [0; 1024];
    let mut reply = Writer::new(&mut buffer);
    acceptor.accept(&negotiate, &mut reply, &mut environment).unwrap();
    let (_, authenticate) = initiate(&mut initiator, Some(reply.written())).unwrap();
    let mut nothing = Writer::new(&mut []);
    assert!(matches!(acceptor.accept(&authenticate, &mut nothing, &mut environment), Ok(Accepted::Established(_))));
}

#[test]
fn the_challenge_names_the_server_and_the_time() {
    let recording = Recording::all().into_iter().find(|recording| recording.name == "pyspnego-raw").unwrap();
    let challenge = &recording.tokens("<")[0];
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let pair = |id: u8, value: &[u8]| [&[id, 0, u8::try_from(value.len()).unwrap(), 0], value].concat();
    // 2024-01-02T03:04:05Z in units of FILETIME.
    let time = (1_704_164_645_u64 + 11_644_473_600) * 10_000_000;
    let info = [
        pair(2, &utf16("CLOCK")),
        pair(1, &utf16("CLOCK")),
        pair(4, &utf16("clock.example")),
        pair(3, &utf16("clock.example")),
        pair(7, &time.to_le_bytes()),
        pair(0, &[]),
    ];
    assert!(challenge.ends_with(&info.concat()));
}

/// The frame of a first token: the list of mechanisms, and the token of the first.
fn first_token(mechanisms: &[&str], token: Option<&[u8]>) -> Vec<u8> {
    let mut members = element(0xa0, &element(0x30, &unhex(&mechanisms.concat())));
    if let Some(token) = token {
        members.extend(element(0xa2, &element(4, token)));
    }
    let token = element(0xa0, &element(0x30, &members));
    element(0x60, &[unhex("06062b0601050502"), token].concat())
}

/// A later token.
fn later_token(token: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let mut members = element(0xa2, &element(4, token));
    if let Some(signature) = signature {
        members.extend(element(0xa3, &element(4, signature)));
    }
    element(0xa1, &element(0x30, &members))
}

/// The NTLM message in an answer.
fn message(answer: &[u8]) -> &[u8] {
    let start = answer.windows(8).position(|window| window == b"NTLMSSP\0").unwrap();
    &answer[start..]
}

/// Logs in inside SPNEGO with an NTLM that knows nothing of it; `signature` of the list as it should come last.
fn login_in_spnego(
    first: &[&str],
    optimistic: bool,
    signature: impl FnOnce(&mut mainspring::auth::Protection) -> Option<[u8; 16]>,
) -> Result<Vec<u8>, AuthError> {
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "correct horse"));
    let (mut acceptor, mut people) = (Acceptor::new(Provider::Spnego), People::recorded());
    let (_, negotiate) = initiate(&mut initiator, None)?;
    let mut token = first_token(first, optimistic.then_some(&negotiate));
    if !optimistic {
        accept(&mut acceptor, &token, &mut people)?;
        token = later_token(&negotiate, None);
    }
    let (_, answer) = accept(&mut acceptor, &token, &mut people)?;
    let (initiated, authenticate) = initiate(&mut initiator, Some(message(&answer)))?;
    let Initiated::Established(mut protection) = initiated else { panic!() };
    let signature = signature(&mut protection);
    let token = later_token(&authenticate, signature.as_ref().map(<[u8; 16]>::as_slice));
    let (accepted, answer) = accept(&mut acceptor, &token, &mut people)?;
    let Accepted::Established(mut server) = accepted else { panic!() };
    if signature.is_none() {
        // Nothing was signed: the sequence starts at 0, as in bare NTLM.
        talk(&mut protection, &mut server.protection);
    }
    Ok(answer)
}

#[test]
fn a_client_may_leave_the_list_unsigned_if_ntlm_is_its_first_choice() {
    let completed = unhex("a1073005a0030a0100");
    assert_eq!(login_in_spnego(&[NTLMSSP], true, |_| None).unwrap(), completed);
    assert_eq!(login_in_spnego(&[NTLMSSP], false, |_| None).unwrap(), completed);
    assert_eq!(login_in_spnego(&[NTLMSSP, KRB5], true, |_| None).unwrap(), completed);
}

#[test]
fn a_signed_list_is_answered_with_a_signature() {
    let list = element(0x30, &unhex(NTLMSSP));
    let answer = login_in_spnego(&[NTLMSSP], true, |client| Some(client.sign(&list))).unwrap();
    assert!(answer.starts_with(&unhex("a11b3019a0030a0100a312041001000000")), "{answer:02x?}");
    assert_eq!(answer.len(), 29);
}

#[test]
fn another_first_choice_makes_the_signature_mandatory() {
    let list = element(0x30, &unhex(&[KRB5, NTLMSSP].concat()));
    let tampered = Err(AuthError::Tampered);
    assert!(login_in_spnego(&[KRB5, NTLMSSP], false, |client| Some(client.sign(&list))).is_ok());
    assert_eq!(login_in_spnego(&[KRB5, NTLMSSP], false, |_| None), tampered);
    // Somebody on the way put another list in the place of the client's.
    let other = element(0x30, &unhex(NTLMSSP));
    assert_eq!(login_in_spnego(&[KRB5, NTLMSSP], false, |client| Some(client.sign(&other))), tampered);
    assert_eq!(login_in_spnego(&[NTLMSSP], true, |client| Some(client.sign(&list))), tampered);
}

#[test]
fn the_token_of_another_mechanism_is_answered_with_request_mic_and_nothing_else() {
    let mut acceptor = Acceptor::new(Provider::Spnego);
    let token = first_token(&[KRB5, NTLMSSP], Some(&[0x6e; 5000]));
    let (_, answer) = accept(&mut acceptor, &token, &mut People::recorded()).unwrap();
    assert_eq!(answer, unhex("a1153013a0030a0103a10c060a2b06010401823702020a"));
}

#[test]
fn without_ntlm_in_the_list_there_is_no_mechanism() {
    for list in [&[KRB5][..], &[]] {
        let mut acceptor = Acceptor::new(Provider::Spnego);
        let answer = accept(&mut acceptor, &first_token(list, Some(b"anything")), &mut People::recorded());
        assert_eq!(answer.unwrap_err(), AuthError::NoMechanism);
    }
}

#[test]
fn what_is_kept_of_a_client_is_bounded() {
    let most = limits::SPNEGO_MECHANISMS;
    let list = [&[KRB5; 12][..], &[NTLMSSP]].concat();
    let mut acceptor = Acceptor::new(Provider::Spnego);
    let error = accept(&mut acceptor, &first_token(&list, None), &mut People::recorded()).unwrap_err();
    assert_eq!(error, AuthError::TooLong { length: 12 * 11 + 12 + 3, most });

    let most = limits::NTLM_NEGOTIATE;
    let (_, mut negotiate) = initiate(&mut Initiator::new(Provider::Ntlm, Credentials::new("", "", "")), None).unwrap();
    negotiate.resize(most, 0);
    assert!(accept(&mut Acceptor::new(Provider::Ntlm), &negotiate, &mut People::recorded()).is_ok());
    negotiate.resize(most + 1, 0);
    let error = accept(&mut Acceptor::new(Provider::Ntlm), &negotiate, &mut People::recorded()).unwrap_err();
    assert_eq!(error, AuthError::TooLong { length: most + 1, most });
}

#[test]
fn answers_are_appended_and_a_full_buffer_is_an_error() {
    for recording in Recording::all().iter().filter(|recording| recording.word("user").is_some()) {
        let (tokens, answers) = (recording.tokens(">"), recording.tokens("<"));
        for (turn, (token, answer)) in tokens.iter().zip(&answers).enumerate() {
            for room in 0..=answer.len() {
                let (mut acceptor, mut people) = (Acceptor::new(recording.provider()), People::recorded());
                for token in &tokens[..turn] {
                    accept(&mut acceptor, token, &mut people).unwrap();
                }
                let mut dice = Dice::Repeating;
                let mut environment = Environment {
                    now: NOW,
                    entropy: &mut dice,
                    accounts: &mut people,
                    connection: 0,
                    identity: &IDENTITY,
                };
                let mut buffer = vec![0; 5 + room];
                let mut reply = Writer::new(&mut buffer);
                reply.put(b"start").unwrap();
                match acceptor.accept(token, &mut reply, &mut environment) {
                    Ok(_) => {
                        assert_eq!(room, answer.len());
                        assert_eq!(reply.written(), [b"start", answer.as_slice()].concat());
                    }
                    Err(AuthError::ReplyFull(_)) => {
                        assert!(room < answer.len());
                        assert_eq!(reply.written(), b"start");
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}
