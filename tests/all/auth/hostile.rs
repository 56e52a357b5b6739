//! Every truncation and every flipped bit of every token gives an error or an answer.

use mainspring::auth::{Accepted, Acceptor, AuthError, Credentials, Initiated, Initiator};

use super::{People, accept, captures::Recording, initiate};

/// All ways to spoil a token: cut off anywhere, any bit flipped, any byte at its extremes.
fn spoiled(token: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..token.len()).map(|end| token[..end].to_vec());
    let flipped = (0..8 * token.len()).map(|bit| {
        let mut token = token.to_vec();
        token[bit / 8] ^= 1 << (bit % 8);
        token
    });
    let extreme = (0..2 * token.len()).map(|at| {
        let mut token = token.to_vec();
        token[at / 2] = if at % 2 == 0 { 0 } else { 0xff };
        token
    });
    cut.chain(flipped).chain(extreme)
}

fn acceptor_with(recording: &Recording, tokens: &[Vec<u8>]) -> (Acceptor, People) {
    let (mut acceptor, mut people) = (Acceptor::new(recording.provider()), People::recorded());
    for token in tokens {
        accept(&mut acceptor, token, &mut people).unwrap();
    }
    (acceptor, people)
}

#[test]
fn an_acceptor_survives_every_spoiled_token() {
    let mut tried = 0;
    for recording in Recording::all().iter().filter(|recording| recording.word("user").is_some()) {
        let tokens = recording.tokens(">");
        // These announce a MIC and have nothing around their messages, so that every bit of the last one counts.
        let sealed_by_mic = ["pyspnego-raw", "samba-raw-seal", "pyspnego-bare"].contains(&recording.name.as_str());
        for (turn, token) in tokens.iter().enumerate() {
            for bad in spoiled(token).filter(|bad| bad != token) {
                let (mut acceptor, mut people) = acceptor_with(recording, &tokens[..turn]);
                match accept(&mut acceptor, &bad, &mut people) {
                    Ok((Accepted::Established(_), _)) => {
                        assert!(turn + 1 == tokens.len() && !sealed_by_mic, "{}: {bad:02x?}", recording.name);
                    }
                    Ok((Accepted::Continue, _)) => {
                        // What went through at first is found out at the end, or is harmless.
                        for token in &tokens[turn + 1..] {
                            let _ = accept(&mut acceptor, token, &mut people);
                        }
                    }
                    Err(error) => {
                        let over = accept(&mut acceptor, token, &mut people).unwrap_err();
                        assert_eq!(over, AuthError::OutOfTurn { message: 0 }, "after {error}");
                    }
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 50_000, "{tried}");
}

#[test]
fn an_initiator_survives_every_spoiled_token() {
    for recording in Recording::all().iter().filter(|recording| recording.word("client").is_some()) {
        let answers = recording.tokens("<");
        for (turn, answer) in answers.iter().enumerate() {
            for bad in spoiled(answer).filter(|bad| bad != answer) {
                let credentials = Credentials::new("ada", "CLOCK", "correct horse");
                let mut initiator = Initiator::new(recording.provider(), credentials);
                initiate(&mut initiator, None).unwrap();
                for answer in &answers[..turn] {
                    initiate(&mut initiator, Some(answer)).unwrap();
                }
                match initiate(&mut initiator, Some(&bad)) {
                    Ok((Initiated::Continue, _)) => {
                        for answer in &answers[turn + 1..] {
                            let _ = initiate(&mut initiator, Some(answer));
                        }
                    }
                    Ok((Initiated::Established(_), _)) => {}
                    Err(_) => assert!(initiate(&mut initiator, Some(answer)).is_err()),
                }
            }
        }
    }
}

/// Numbers that look random and are the same each time.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn an_acceptor_survives_tokens_spoiled_in_many_places() {
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    for recording in Recording::all().iter().filter(|recording| recording.word("user").is_some()) {
        let tokens = recording.tokens(">");
        for _ in 0..500 {
            let turn = random.below(tokens.len());
            let mut bad = tokens[turn].clone();
            for _ in 0..=random.below(6) {
                let at = random.below(bad.len());
                match random.below(4) {
                    0 => bad[at] = random.below(256) as u8,
                    1 => bad[at] = bad[random.below(bad.len())],
                    2 => bad.insert(at, random.below(256) as u8),
                    _ => drop(bad.drain(at..(at + random.below(9)).min(bad.len() - 1).max(at))),
                }
            }
            let (mut acceptor, mut people) = acceptor_with(recording, &tokens[..turn]);
            let _ = accept(&mut acceptor, &bad, &mut people);
        }
    }
}
