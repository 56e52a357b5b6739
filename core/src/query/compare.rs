//! Types and comparisons, [MS-EVEN6] 2.2.15.2.

use core::cmp::Ordering;

use super::{
    cursor::{Text, is_space},
    event::Value,
};
use crate::{
    guid::Guid,
    sid::Sid,
    time::{Timestamp, civil::DateTime, filetime::FileTime},
};

/// Digits behind the point.
const PLACES: usize = 18;

/// A number: exact to 18 places, and to 64 bits before the point, where it is clamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    /// Less than zero; zero is not.
    is_negative: bool,
    whole: u64,
    /// Units of the last place.
    fraction: u64,
}

impl Number {
    /// A whole number.
    const fn whole(number: u64) -> Self {
        Self { is_negative: false, whole: number, fraction: 0 }
    }

    /// A whole number that may be negative.
    pub(super) const fn signed(number: i64) -> Self {
        Self { is_negative: number < 0, whole: number.unsigned_abs(), fraction: 0 }
    }

    /// The place of a node.
    pub(super) const fn position(position: u32) -> Self {
        Self::whole(position as u64)
    }

    /// Reads a Double or a UINT64, with white space around it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(is_space);
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return digits
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit())
                .then(|| u64::from_str_radix(digits, 16).ok())
                .flatten()
                .map(Self::whole);
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E', 'd', 'D']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (unsigned, 0),
        };
        let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = before.bytes().chain(behind.bytes());
        if !digits.clone().all(|byte| byte.is_ascii_digit()) || digits.clone().next().is_none() {
            return None;
        }
        // Where the point is, counted in digits from the first one.
        let point = i64::try_from(before.len()).ok()?.saturating_add(exponent);
        let is_before = |place: i64| place < point;
        let last = point.saturating_add(PLACES as i64);
        let (mut whole, mut fraction, mut place) = (0_u64, 0_u64, 0_i64);
        for digit in digits {
            let digit = u64::from(digit - b'0');
            if is_before(place) {
                whole = whole.saturating_mul(10).saturating_add(digit);
            } else if place < last {
                fraction = fraction * 10 + digit;
            }
            place += 1;
        }
        // The zeros that are not written.
        while is_before(place) && whole > 0 && whole < u64::MAX {
            whole = whole.saturating_mul(10);
            place += 1;
        }
        while fraction > 0 && place < last {
            fraction *= 10;
            place += 1;
        }
        let is_negative = text.starts_with('-') && (whole, fraction) != (0, 0);
        Some(Self { is_negative, whole, fraction })
    }

    /// The number as 64 bits, if it is whole and not negative.
    fn bits(self) -> Option<u64> {
        (!self.is_negative && self.fraction == 0).then_some(self.whole)
    }

    fn is_zero(self) -> bool {
        (self.whole, self.fraction) == (0, 0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sizes = || (self.whole, self.fraction).cmp(&(other.whole, other.fraction));
        match (self.is_negative, other.is_negative) {
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// An exponent, clamped to what makes every number zero or too large.
fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.bytes().fold(0_i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(1 << 32));
    Some(if text.starts_with('-') { -size } else { size })
}

/// Reads a FILETIME or SYSTEMTIME: `2006-10-20T03:23:54.248Z`, with up to nine digits behind the point, or with no point.
fn moment_of(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, length: usize| {
        let digits = bytes.get(from..from + length)?;
        digits
            .iter()
            .try_fold(0_u16, |number, &byte| byte.is_ascii_digit().then(|| number * 10 + u16::from(byte - b'0')))
    };
    let small = |from| number(from, 2).and_then(|number| u8::try_from(number).ok());
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !marks.iter().all(|&(at, mark)| bytes.get(at) == Some(&mark)) {
        return None;
    }
    let year = i16::try_from(number(0, 4)?).ok()?;
    let civil = DateTime::new(year, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?)?;
    let rest = text.get(19..)?.strip_suffix('Z')?;
    let mut milliseconds = 0;
    if !rest.is_empty() {
        let digits = rest.strip_prefix('.').filter(|digits| (1..=9).contains(&digits.len()))?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths = digits.bytes().chain(*b"00").take(3);
        milliseconds = thousandths.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    }
    Some(civil.utc().plus(milliseconds))
}

/// An operator that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    const fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether it holds of operands that are in this order.
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// What a part of an expression comes to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fact<'q, 'e> {
    /// A path without an operator: whether there is such a node.
    Exists(bool),
    /// A condition.
    Truth(bool),
    /// A number.
    Number(Number),
    /// A literal.
    Literal(Text<'q>),
    /// A value of the event.
    Value(Value<'e>),
    /// Nothing: no comparison holds of it.
    Absent,
}

/// As what two operands are compared.
enum Kind {
    Moment,
    Guid,
    Sid,
    Truth,
    Number,
    Text,
}

impl Fact<'_, '_> {
    /// As a condition, as XPath 1.0 does it.
    pub(super) fn truth(self) -> bool {
        match self {
            Self::Exists(truth) | Self::Truth(truth) => truth,
            Self::Number(number) => !number.is_zero(),
            Self::Literal(text) => !text.is_empty(),
            Self::Value(_) => true,
            Self::Absent => false,
        }
    }

    /// As a predicate of a node at `position`.
    pub(super) fn holds(self, position: u32) -> bool {
        match self {
            Self::Number(number) => number == Number::position(position),
            other => other.truth(),
        }
    }

    /// Reads the text, if it is one.
    fn read<T>(self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self {
            Self::Literal(text) => text.read(read),
            Self::Value(Value::Text(text)) => read(text),
            _ => None,
        }
    }

    fn number(self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Value(Value::Number(number) | Value::Bits(number)) => Some(Number::whole(number)),
            Self::Exists(truth) | Self::Truth(truth) => Some(Number::whole(truth.into())),
            other => other.read(Number::parse),
        }
    }

    /// As 64 bits.
    pub(super) fn bits(self) -> Option<u64> {
        self.number().and_then(Number::bits)
    }

    /// As a moment, of which numbers are a FILETIME.
    pub(super) fn time(self) -> Option<Timestamp> {
        self.moment().or_else(|| self.bits().map(|ticks| FileTime(ticks).timestamp()))
    }

    fn moment(self) -> Option<Timestamp> {
        match self {
            Self::Value(Value::Moment(moment)) => Some(moment),
            other => other.read(moment_of),
        }
    }

    fn guid(self) -> Option<Guid> {
        match self {
            Self::Value(Value::Guid(guid)) => Some(guid),
            other => other.read(Guid::parse),
        }
    }

    fn sid(self) -> Option<Sid> {
        match self {
            Self::Value(Value::Sid(sid)) => Some(*sid),
            other => other.read(Sid::parse),
        }
    }

    /// As a Boolean: numbers, and the words for it; `None` of what is neither.
    fn boolean(self) -> Option<bool> {
        match self {
            Self::Exists(truth) | Self::Truth(truth) => Some(truth),
            other => other.word().or_else(|| other.number().map(|number| !number.is_zero())),
        }
    }

    /// What `true` or `false` says.
    fn word(self) -> Option<bool> {
        self.read(|text| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    const fn is_truth(self) -> bool {
        matches!(self, Self::Exists(_) | Self::Truth(_))
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Number(_) | Self::Value(Value::Number(_) | Value::Bits(_)))
    }

    /// What the value is in the event; `None` of those that anything is compared with.
    const fn kind(self) -> Option<Kind> {
        match self {
            Self::Value(Value::Moment(_)) => Some(Kind::Moment),
            Self::Value(Value::Guid(_)) => Some(Kind::Guid),
            Self::Value(Value::Sid(_)) => Some(Kind::Sid),
            _ => None,
        }
    }

    /// What a literal is by its syntax, if it is not compared as text or number.
    fn syntax(self) -> Option<Kind> {
        let Self::Literal(text) = self else { return None };
        text.read(|text| match text.as_bytes() {
            [b'S' | b's', b'-', ..] => Sid::parse(text).map(|_| Kind::Sid),
            [.., b'Z'] => moment_of(text).map(|_| Kind::Moment),
            bytes if matches!(bytes.len(), 36 | 38) => Guid::parse(text).map(|_| Kind::Guid),
            _ => None,
        })
    }

    fn same_text(self, other: Self) -> bool {
        match (self, other) {
            (Self::Literal(literal), Self::Value(Value::Text(text)))
            | (Self::Value(Value::Text(text)), Self::Literal(literal)) => literal.is(text),
            (Self::Literal(left), Self::Literal(right)) => left.characters().eq(right.characters()),
            (Self::Value(Value::Text(left)), Self::Value(Value::Text(right))) => left == right,
            _ => false,
        }
    }
}

/// As what the operands are compared.
fn kind(left: Fact<'_, '_>, operator: Operator, right: Fact<'_, '_>) -> Kind {
    if let Some(kind) = left.kind().or_else(|| right.kind()) {
        return kind;
    }
    if left.is_truth() || right.is_truth() {
        return if operator.is_ordering() { Kind::Number } else { Kind::Truth };
    }
    if let (Fact::Value(Value::Text(_)), literal) | (literal, Fact::Value(Value::Text(_))) = (left, right)
        && let Some(kind) = literal.syntax()
    {
        return kind;
    }
    if operator.is_ordering() || (left.is_number() && right.is_number()) {
        return Kind::Number;
    }
    let is_word = |fact: Fact<'_, '_>| matches!(fact, Fact::Literal(_)) && fact.word().is_some();
    if is_word(left) || is_word(right) {
        return if left.boolean().is_some() && right.boolean().is_some() { Kind::Truth } else { Kind::Text };
    }
    if left.is_number() || right.is_number() { Kind::Number } else { Kind::Text }
}

/// Whether `left` is to `right` as the operator says.
pub(super) fn compare(left: Fact<'_, '_>, operator: Operator, right: Fact<'_, '_>) -> bool {
    /// `None` where a value is not of the type: then nothing holds.
    fn ordered<T: Ord>(left: Option<T>, right: Option<T>) -> Option<Ordering> {
        Some(left?.cmp(&right?))
    }
    fn same<T: PartialEq>(left: Option<T>, right: Option<T>) -> Option<bool> {
        Some(left? == right?)
    }
    if matches!(left, Fact::Absent) || matches!(right, Fact::Absent) {
        return false;
    }
    let equal = |is_same: bool| match operator {
        Operator::Equal => is_same,
        Operator::NotEqual => !is_same,
        _ => false,
    };
    match kind(left, operator, right) {
        Kind::Moment => ordered(left.moment(), right.moment()).is_some_and(|order| operator.holds(order)),
        Kind::Guid => same(left.guid(), right.guid()).is_some_and(equal),
        Kind::Sid => same(left.sid(), right.sid()).is_some_and(equal),
        Kind::Truth => same(left.boolean(), right.boolean()).is_some_and(equal),
        // What is no number is unlike every number, as in XPath 1.0.
        Kind::Number => match ordered(left.number(), right.number()) {
            Some(order) => operator.holds(order),
            None => operator == Operator::NotEqual,
        },
        Kind::Text => equal(left.same_text(right)),
    }
}
