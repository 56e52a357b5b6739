//! Out of the written form.

use super::super::{
    ace::{AceFlags, Kind},
    builder::{Builder, Part},
    control::Control,
    error::BuildError,
    mask::AccessMask,
};
use super::{
    Fault, SddlError,
    rights::{FLAGS, KINDS, LABEL, SINGLE, WHOLE, find},
    trustees::{Named, named},
};
use crate::{guid::Guid, sid::Sid};

/// A piece of the text, that knows where it stands.
#[derive(Debug, Clone, Copy)]
struct Piece<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Piece<'t> {
    const fn fault(self, what: Fault) -> SddlError {
        SddlError { at: self.at, what }
    }

    /// The piece without white space around it.
    fn trim(self) -> Self {
        let text = self.text.trim_ascii_start();
        Self { text: text.trim_ascii_end(), at: self.at + self.text.len() - text.len() }
    }

    /// What is behind the first `count` bytes; nothing if a character does not end there.
    fn behind(self, count: usize) -> Self {
        Self { text: self.text.get(count..).unwrap_or_default(), at: self.at + count }
    }

    /// The first `count` bytes; nothing if a character does not end there.
    fn first(self, count: usize) -> Self {
        Self { text: self.text.get(..count).unwrap_or_default(), at: self.at }
    }

    /// What is before `mark` and what is behind it; all, and nothing behind it, without one.
    fn split(self, mark: char) -> (Self, Option<Self>) {
        match self.text.find(mark) {
            Some(at) => (self.first(at), Some(self.behind(at + mark.len_utf8()))),
            None => (self, None),
        }
    }

    /// Goes over `prefix`, letter case aside.
    fn eat(&mut self, prefix: &str) -> bool {
        let is_next = self.text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if is_next {
            *self = self.behind(prefix.len());
        }
        is_next
    }
}

/// Reads a descriptor in its written form, and writes it self-relative to `into`; the number of bytes written. Letters that stand
/// for somebody of a domain stand for somebody of `domain`.
///
/// # Errors
/// [`SddlError`] says what is wrong with the text, and where. [`Fault::Room`] alone is about `into`, to which anything may have been
/// written then.
pub fn read(text: &str, domain: Option<&Sid>, into: &mut [u8]) -> Result<usize, SddlError> {
    let whole = Piece { text, at: 0 };
    let [owner, group, sacl, dacl] = parts(whole)?;
    let built = |at: Piece<'_>, error| {
        at.fault(match error {
            BuildError::TooManyAces => Fault::TooManyAces,
            BuildError::Long => Fault::Long,
            BuildError::Full | BuildError::NoDacl | BuildError::Missing(_) => Fault::Room,
        })
    };
    let mut builder = Builder::new(into).map_err(|error| built(whole, error))?;
    for (part, piece) in [(Part::Owner, owner), (Part::Group, group)] {
        if let Some(piece) = piece {
            builder.sid(part, &trustee(piece, domain)?).map_err(|error| built(piece, error))?;
        }
    }
    let mut control = Control::default();
    for (part, piece) in [(Part::Sacl, sacl), (Part::Dacl, dacl)] {
        let Some(piece) = piece else { continue };
        let (flags, is_null, mut rest) = list_flags(piece, part)?;
        control = control.with(flags);
        if is_null {
            continue;
        }
        builder.begin_list(part).map_err(|error| built(piece, error))?;
        loop {
            rest = rest.trim();
            if rest.text.is_empty() {
                break;
            }
            let (ace, behind) = ace(rest, part, domain)?;
            builder
                .new_ace(ace.kind, ace.flags, ace.mask, ace.guids, &ace.trustee)
                .map_err(|error| built(rest, error))?;
            rest = behind;
        }
        builder.end_list().map_err(|error| built(piece, error))?;
    }
    builder.finish(control).map_err(|error| built(whole, error))
}

/// What is behind the letters of owner, group, SACL and DACL, in this order.
///
/// A part ends where the next begins: before the character before the next `:` that is in no parentheses. So the `D` of
/// `O:S-1-2-0x2D:` is no digit.
fn parts(whole: Piece<'_>) -> Result<[Option<Piece<'_>>; 4], SddlError> {
    let mut parts = [None; 4];
    let mut rest = whole.trim();
    while let Some(letter) = rest.text.chars().next() {
        let [owner, group, sacl, dacl] = &mut parts;
        let part = match letter {
            'O' => owner,
            'G' => group,
            'S' => sacl,
            'D' => dacl,
            _ => return Err(rest.fault(Fault::Part)),
        };
        if part.is_some() {
            return Err(rest.fault(Fault::Repeated));
        }
        let behind = rest.behind(1);
        if !behind.text.starts_with(':') {
            return Err(rest.fault(Fault::Part));
        }
        let behind = behind.behind(1);
        let mut depth = 0_u32;
        let mut last = 0;
        let mut end = behind.text.len();
        for (at, character) in behind.text.char_indices() {
            match character {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                ':' if depth == 0 => {
                    end = last;
                    break;
                }
                _ => {}
            }
            last = at;
        }
        *part = Some(behind.first(end).trim());
        let next = behind.behind(end);
        // A second colon, of which the first is the part's own.
        if next.text.starts_with(':') {
            return Err(next.fault(Fault::Part));
        }
        rest = next.trim();
    }
    Ok(parts)
}

/// The flags of a list, whether it is NULL, and its entries.
fn list_flags(piece: Piece<'_>, part: Part) -> Result<(Control, bool, Piece<'_>), SddlError> {
    let [present, protected, required, inherited] = match part {
        Part::Sacl => [
            Control::SACL_PRESENT,
            Control::SACL_PROTECTED,
            Control::SACL_AUTO_INHERIT_REQ,
            Control::SACL_AUTO_INHERITED,
        ],
        _ => [
            Control::DACL_PRESENT,
            Control::DACL_PROTECTED,
            Control::DACL_AUTO_INHERIT_REQ,
            Control::DACL_AUTO_INHERITED,
        ],
    };
    let mut control = present;
    let mut is_null = false;
    let mut rest = piece.trim();
    while !rest.text.is_empty() && !rest.text.starts_with('(') {
        if rest.eat("NO_ACCESS_CONTROL") {
            is_null = true;
        } else if rest.eat("AR") {
            control = control.with(required);
        } else if rest.eat("AI") {
            control = control.with(inherited);
        } else if rest.eat("P") {
            control = control.with(protected);
        } else {
            return Err(rest.fault(Fault::ListFlags));
        }
        rest = rest.trim();
    }
    if is_null && !rest.text.is_empty() {
        return Err(rest.fault(Fault::NullWithAces));
    }
    Ok((control, is_null, rest))
}

/// An entry that was read.
struct Entry {
    kind: Kind,
    flags: AceFlags,
    mask: AccessMask,
    guids: [Option<Guid>; 2],
    trustee: Sid,
}

/// The entry that `rest` begins with, and what is behind it.
fn ace<'t>(rest: Piece<'t>, part: Part, domain: Option<&Sid>) -> Result<(Entry, Piece<'t>), SddlError> {
    let mut inside = rest;
    if !inside.eat("(") {
        return Err(rest.fault(Fault::Parenthesis));
    }
    // A condition may hold what ends an entry elsewhere.
    let kind = inside.first(inside.text.find([';', ')']).unwrap_or(inside.text.len())).trim();
    let mut found = find(&KINDS, kind.text).ok_or(kind.fault(Fault::Kind))?;
    if !(if part == Part::Sacl { found.is_of_sacl() } else { found.is_of_dacl() }) {
        return Err(kind.fault(Fault::List));
    }
    if found.has_application_data() {
        return Err(kind.fault(Fault::Condition));
    }
    let (inside, behind) = inside.split(')');
    let behind = behind.ok_or(rest.fault(Fault::Parenthesis))?;
    let mut fields = [inside.first(0); 6];
    let mut left = Some(inside);
    for field in &mut fields {
        let (this, others) = left.ok_or(rest.fault(Fault::Fields))?.split(';');
        *field = this.trim();
        left = others;
    }
    if left.is_some() {
        return Err(rest.fault(Fault::Fields));
    }
    let [_, flags, rights, object, inherited, whom] = fields;
    let flags = pairs(flags, Fault::AceFlags, |letters| find(&FLAGS, letters).map(|flag| flag.0.into()))?;
    let guid = |piece: Piece<'_>| match Guid::parse(piece.text) {
        Some(guid) if found.is_object() => Ok(Some(guid)),
        None if piece.text.is_empty() => Ok(None),
        _ => Err(piece.fault(Fault::Guid)),
    };
    let guids = [guid(object)?, guid(inherited)?];
    if found == Kind::ALLOWED_OBJECT && guids == [None, None] {
        found = Kind::ALLOWED;
    }
    let flags = AceFlags(u8::try_from(flags).unwrap_or_default());
    let mask = mask(rights)?;
    Ok((Entry { kind: found, flags, mask, guids, trustee: trustee(whom, domain)? }, behind))
}

/// The bits of letters that are joined in pairs.
fn pairs(piece: Piece<'_>, fault: Fault, bits: impl Fn(&str) -> Option<u32>) -> Result<u32, SddlError> {
    let mut rest = piece;
    let mut joined = 0;
    while !rest.text.is_empty() {
        joined |= bits(rest.first(2).text).ok_or(rest.fault(fault))?;
        rest = rest.behind(2);
    }
    Ok(joined)
}

fn mask(piece: Piece<'_>) -> Result<AccessMask, SddlError> {
    if !piece.text.starts_with(|first: char| first.is_ascii_digit()) {
        let bits = |letters: &str| {
            let found = find(&SINGLE, letters).or_else(|| find(&WHOLE, letters)).or_else(|| find(&LABEL, letters));
            found.map(|mask| mask.0)
        };
        return pairs(piece, Fault::Rights, bits).map(AccessMask);
    }
    let mut digits = piece;
    let radix = if digits.eat("0x") {
        16
    } else if piece.text.starts_with('0') {
        8
    } else {
        10
    };
    // A sign is no digit.
    let is_number = digits.text.bytes().all(|byte| char::from(byte).is_digit(radix));
    let number = is_number.then(|| u32::from_str_radix(digits.text, radix).ok()).flatten();
    number.map(AccessMask).ok_or(piece.fault(Fault::Rights))
}

fn trustee(piece: Piece<'_>, domain: Option<&Sid>) -> Result<Sid, SddlError> {
    if piece.text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("S-")) {
        return Sid::parse(piece.text).ok_or(piece.fault(Fault::Trustee));
    }
    match named(piece.text, domain) {
        Named::Sid(sid) => Ok(sid),
        Named::NoDomain => Err(piece.fault(Fault::Domain)),
        Named::Unknown => Err(piece.fault(Fault::Trustee)),
    }
}
