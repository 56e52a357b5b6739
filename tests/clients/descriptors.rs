//! What the core makes of security descriptors, for another program to judge: one question a line, one answer a line.
//!
//! - `read SDDL`: the self-relative form in hexadecimal digits, or `refused` and why. The domain is S-1-5-21-1-2-3.
//! - `write HEX`: the SDDL.
//! - `check HEX RIGHTS USER GROUP…`: `granted`, or `denied`. The user is no administrator.

#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead, Write, stdin, stdout};

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{AccessMask, Descriptor, SecurityInformation, Token, access, sddl},
    sid::Sid,
};

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pair = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn answer(question: &str) -> Option<String> {
    let (verb, given) = question.split_once(' ')?;
    if verb == "read" {
        let mut room = [0; SECURITY_DESCRIPTOR];
        return Some(match sddl::read(given, Sid::parse("S-1-5-21-1-2-3").as_ref(), &mut room) {
            Ok(length) => room.get(..length)?.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(error) => format!("refused {error}"),
        });
    }
    let mut words = given.split(' ');
    let bytes = unhex(words.next()?)?;
    let descriptor = match Descriptor::parse(&bytes) {
        Ok(descriptor) => descriptor,
        Err(error) => return Some(format!("refused {error}")),
    };
    match verb {
        "write" => {
            let mut text = String::new();
            sddl::write(&descriptor, SecurityInformation::ALL, &mut text).ok()?;
            Some(text)
        }
        "check" => {
            let desired = AccessMask(words.next()?.parse().ok()?);
            let sids: Vec<_> = words.map(Sid::parse).collect::<Option<_>>()?;
            let (user, groups) = sids.split_first()?;
            let token = Token { user, groups, relative: &[], is_administrator: false };
            let is_granted = access::check(&descriptor, &token, desired).is_ok();
            Some(if is_granted { "granted" } else { "denied" }.to_owned())
        }
        _ => None,
    }
}

fn main() {
    let mut out = stdout().lock();
    for question in stdin().lock().lines() {
        let question = question.unwrap();
        writeln!(out, "{}", answer(&question).unwrap_or_else(|| "not understood".to_owned())).unwrap();
    }
}
