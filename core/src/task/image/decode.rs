//! Reading an image; the layout is described in the module above.

use minicbor::{Decoder, data::Type};

use super::{
    ImageError, LAYOUT, Named, Texts, User,
    action_key::{ATTACHMENTS, CLASS, HEADER_FIELDS, OPAQUE, first_text},
    flag, section,
    words::WORDS,
};
use crate::{
    bytes::{Order, Reader, Short},
    guid::Guid,
    limits::{self, ACTIONS, PRIVILEGES, TRIGGERS, VALUE_QUERIES},
    sid::{SUB_AUTHORITIES_MAX, Sid},
    task::{
        Action, Boundary, Conditions, Days, Event, Idle, InstancesPolicy, LogonType, Maintenance, Months, Network,
        Offset, Principal, ProcessTokenSidType, RegistrationInfo, Repetition, RestartOnFailure, RunLevel, Schedule,
        SessionStateChange, Settings, Span, Trigger, TriggerKind, Weekdays, Weeks, action::Parts, opaque,
        span::Designator,
    },
    time::civil::DateTime,
};

/// A value is not what the layout says. Where, the decoder knows.
pub(super) enum Error {
    /// Another type, or the end of the input.
    Shape,
    /// A value out of its range.
    Invalid,
    /// Another layout.
    Layout(u32),
}

impl From<minicbor::decode::Error> for Error {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Shape
    }
}

impl From<Short> for Error {
    fn from(_: Short) -> Self {
        Self::Shape
    }
}

type In<'b> = Decoder<'b>;
type Result<T, E = Error> = core::result::Result<T, E>;

/// Looks at every byte of an image.
pub(super) fn check(bytes: &[u8]) -> Result<(), ImageError> {
    let mut at = Decoder::new(bytes);
    let checked = image(&mut at);
    let position = at.position();
    match checked {
        Ok(()) if position == bytes.len() => Ok(()),
        Ok(()) | Err(Error::Shape) => Err(ImageError::Unreadable { at: position }),
        Err(Error::Invalid) => Err(ImageError::Invalid { at: position }),
        Err(Error::Layout(found)) => Err(ImageError::Version(found)),
    }
}

fn image(at: &mut In<'_>) -> Result<()> {
    let mut has_layout = false;
    fields(at, |key, at| {
        match key {
            section::LAYOUT => match at.u32()? {
                LAYOUT => has_layout = true,
                found => return Err(Error::Layout(found)),
            },
            _ if !has_layout => return Err(Error::Shape),
            section::VERSION | section::DATA | section::CONTEXT => drop(text(at)?),
            section::REGISTRATION => drop(registration(at)?),
            section::PRINCIPALS => items(at, usize::MAX, principal)?,
            section::SETTINGS => drop(settings(at)?),
            section::TRIGGERS => items(at, TRIGGERS, trigger)?,
            section::ACTIONS => items(at, ACTIONS, action)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if has_layout { Ok(()) } else { Err(Error::Shape) }
}

/// A decoder that stands before the value of `key` in the outermost map.
pub(super) fn find(bytes: &[u8], key: u32) -> Option<In<'_>> {
    let mut at = Decoder::new(bytes);
    for _ in 0..at.map().ok()?? {
        if at.u32().ok()? == key {
            return Some(at);
        }
        skip(&mut at).ok()?;
    }
    None
}

/// Reads a map whose keys ascend; what `read` says that it does not know is skipped.
fn fields<'b>(at: &mut In<'b>, mut read: impl FnMut(u32, &mut In<'b>) -> Result<bool>) -> Result<()> {
    let mut next = 0;
    for _ in 0..at.map()?.ok_or(Error::Shape)? {
        let key = at.u32()?;
        if key < next {
            return Err(Error::Invalid);
        }
        next = key.checked_add(1).ok_or(Error::Invalid)?;
        if !read(key, at)? {
            skip(at)?;
        }
    }
    Ok(())
}

/// Passes a value, whatever it is, as long as its length is definite. Those that minicbor passes too take ten times the code.
fn skip(at: &mut In<'_>) -> Result<()> {
    const BYTES: u8 = 2;
    const TEXT: u8 = 3;
    const ARRAY: u8 = 4;
    const MAP: u8 = 5;
    const TAG: u8 = 6;
    let mut rest = Reader::with_order(at.input().get(at.position()..).unwrap_or_default(), Order::Big);
    let mut values = 1_u64;
    while let Some(left) = values.checked_sub(1) {
        let head = rest.u8()?;
        let argument = match head & 0x1F {
            small @ 0..24 => small.into(),
            24 => rest.u8()?.into(),
            25 => rest.u16()?.into(),
            26 => rest.u32()?.into(),
            27 => rest.u64()?,
            _ => return Err(Error::Shape),
        };
        // Each value takes a byte at least, so that more of them than there are come to the end.
        values = match head >> 5 {
            BYTES | TEXT => rest.take(usize::try_from(argument).map_err(|_| Error::Shape)?).map(|_| left)?,
            ARRAY => left.saturating_add(argument),
            MAP => left.saturating_add(argument.saturating_mul(2)),
            TAG => left.saturating_add(1),
            _ => left,
        };
    }
    at.set_position(at.input().len() - rest.left());
    Ok(())
}

fn items<'b, T>(at: &mut In<'b>, most: usize, read: fn(&mut In<'b>) -> Result<T>) -> Result<()> {
    let count = at.array()?.ok_or(Error::Shape)?;
    if count > most as u64 {
        return Err(Error::Invalid);
    }
    (0..count).try_for_each(|_| read(at).map(drop))
}

/// The length of an array that must have one of `lengths`.
fn array(at: &mut In<'_>, lengths: core::ops::RangeInclusive<u64>) -> Result<u64> {
    at.array()?.filter(|length| lengths.contains(length)).ok_or(Error::Shape)
}

fn valid<T>(value: T, is_valid: impl FnOnce(&T) -> bool) -> Result<T> {
    if is_valid(&value) { Ok(value) } else { Err(Error::Invalid) }
}

/// `None` for null.
fn nullable<'b, T>(at: &mut In<'b>, read: fn(&mut In<'b>) -> Result<T>) -> Result<Option<T>> {
    if at.datatype()? == Type::Null {
        at.null()?;
        return Ok(None);
    }
    read(at).map(Some)
}

pub(super) fn text<'b>(at: &mut In<'b>) -> Result<&'b str> {
    if at.datatype()? == Type::String {
        return valid(at.str()?, |text| opaque::is_xml_text(text));
    }
    let number = usize::from(at.u8()?);
    WORDS.get(number).copied().ok_or(Error::Invalid)
}

/// A text that says something.
fn filled<'b>(at: &mut In<'b>) -> Result<&'b str> {
    valid(text(at)?, |text| !text.is_empty())
}

/// What `pass` goes over, as it is in the image.
fn span_of<'b>(at: &mut In<'b>, pass: impl FnOnce(&mut In<'b>) -> Result<()>) -> Result<&'b [u8]> {
    let start = at.position();
    pass(at)?;
    Ok(at.input().get(start..at.position()).unwrap_or_default())
}

/// A list of at most so many texts, which say something.
fn texts<'b>(at: &mut In<'b>, most: usize) -> Result<Texts<'b>> {
    let cbor = span_of(at, |at| {
        let count = valid(at.array()?.ok_or(Error::Shape)?, |count| (1..=most as u64).contains(count))?;
        (0..count).try_for_each(|_| filled(at).map(drop))
    })?;
    Ok(Texts::from_image(cbor))
}

/// A list of at most so many texts that have names.
fn named<'b>(at: &mut In<'b>, most: usize, read: fn(&mut In<'b>) -> Result<&'b str>) -> Result<Named<'b>> {
    let cbor = span_of(at, |at| {
        let count = at.array()?.filter(|count| count % 2 == 0).ok_or(Error::Shape)?;
        valid(count, |count| *count <= 2 * most as u64 && *count != 0)?;
        (0..count / 2).try_for_each(|_| filled(at).and_then(|_| read(at)).map(drop))
    })?;
    Ok(Named::from_texts(Texts::from_image(cbor)))
}

fn user<'b>(at: &mut In<'b>) -> Result<User<'b>> {
    span_of(at, |at| sid(at).map(drop)).map(User::from_image)
}

fn elements<'b>(at: &mut In<'b>) -> Result<&'b str> {
    valid(at.str()?, |xml| opaque::is_canonical(xml))
}

fn span<'b>(at: &mut In<'b>) -> Result<Span<'b>> {
    if at.datatype()? == Type::String {
        return Span::parse(at.str()?).ok_or(Error::Invalid);
    }
    let number = at.u64()?;
    let designator = match number % 4 {
        0 => Designator::Seconds,
        1 => Designator::Minutes,
        2 => Designator::Hours,
        _ => Designator::Days,
    };
    (number / 4).checked_mul(designator.seconds()).map(Span::from_seconds).ok_or(Error::Invalid)
}

fn boundary<'b>(at: &mut In<'b>) -> Result<Boundary<'b>> {
    let (length, moment) = match at.datatype()? {
        Type::String => return Boundary::parse(at.str()?).ok_or(Error::Invalid),
        Type::Array => (array(at, 2..=3)?, at.i64()?),
        _ => (1, at.i64()?),
    };
    let (moment, second) = (moment.div_euclid(60), moment.rem_euclid(60));
    let (moment, minute) = (moment.div_euclid(60), moment.rem_euclid(60));
    let (moment, hour) = (moment.div_euclid(24), moment.rem_euclid(24));
    let (moment, day) = (moment.div_euclid(31), moment.rem_euclid(31));
    let (year, month) = (moment.div_euclid(12), moment.rem_euclid(12));
    let civil = DateTime {
        year: i16::try_from(2000 + year).map_err(|_| Error::Invalid)?,
        month: month as u8 + 1,
        day: day as u8 + 1,
        hour: hour as u8,
        minute: minute as u8,
        second: second as u8,
    };
    let offset = match (length, at.datatype()) {
        (1, _) => Offset::Local,
        (_, Ok(Type::Null)) => at.null().map(|()| Offset::Utc)?,
        (_, Ok(Type::Bool)) => valid(at.bool()?, |is_fixed| !is_fixed).map(|_| Offset::Local)?,
        _ => Offset::Minutes(at.i16()?),
    };
    let millisecond = if length == 3 { at.u16()? } else { 0 };
    valid(Boundary { civil, millisecond, offset, text: "" }, Boundary::is_possible)
}

pub(super) fn sid(at: &mut In<'_>) -> Result<Sid> {
    let count = array(at, 1..=1 + SUB_AUTHORITIES_MAX as u64)?;
    let [0, 0, authority @ ..] = at.u64()?.to_be_bytes() else { return Err(Error::Invalid) };
    let mut sub_authorities = [0; SUB_AUTHORITIES_MAX];
    let sub_authorities = sub_authorities.get_mut(..(count - 1) as usize).ok_or(Error::Shape)?;
    for sub_authority in sub_authorities.iter_mut() {
        *sub_authority = at.u32()?;
    }
    Sid::new(authority, sub_authorities).ok_or(Error::Invalid)
}

pub(super) fn registration<'b>(at: &mut In<'b>) -> Result<RegistrationInfo<'b>> {
    let mut info = RegistrationInfo::default();
    fields(at, |key, at| {
        let field = match key {
            0 => &mut info.version,
            1 => &mut info.date,
            2 => &mut info.security_descriptor,
            3 => &mut info.source,
            4 => &mut info.author,
            5 => &mut info.description,
            6 => &mut info.documentation,
            7 => &mut info.uri,
            _ => return Ok(false),
        };
        *field = Some(text(at)?);
        Ok(true)
    })?;
    Ok(info)
}

pub(super) fn principal<'b>(at: &mut In<'b>) -> Result<Principal<'b>> {
    let mut principal = Principal::default();
    fields(at, |key, at| {
        match key {
            0 => principal.id = Some(text(at)?),
            1 => principal.user = Some(sid(at)?),
            2 => principal.group = Some(sid(at)?),
            3 => principal.display_name = Some(text(at)?),
            4 => {
                principal.logon_type = Some(match at.u8()? {
                    0 => LogonType::S4u,
                    1 => LogonType::Password,
                    2 => LogonType::InteractiveToken,
                    3 => LogonType::InteractiveTokenOrPassword,
                    _ => return Err(Error::Invalid),
                });
            }
            5 => {
                principal.run_level = Some(match at.u8()? {
                    0 => RunLevel::LeastPrivilege,
                    1 => RunLevel::HighestAvailable,
                    _ => return Err(Error::Invalid),
                });
            }
            6 => principal.opaque = Some(elements(at)?),
            7 => {
                principal.process_token_sid_type = Some(match at.u8()? {
                    0 => ProcessTokenSidType::None,
                    1 => ProcessTokenSidType::Unrestricted,
                    _ => return Err(Error::Invalid),
                });
            }
            8 => principal.required_privileges = texts(at, PRIVILEGES)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(principal)
}

pub(super) fn settings<'b>(at: &mut In<'b>) -> Result<(Settings<'b>, Conditions<'b>)> {
    let (mut settings, mut conditions) = (Settings::default(), Conditions::default());
    let mut flags = flag::DEFAULT;
    fields(at, |key, at| {
        match key {
            0 => flags ^= at.u32()?,
            1 => {
                settings.instances_policy = match at.u8()? {
                    0 => InstancesPolicy::Parallel,
                    1 => InstancesPolicy::Queue,
                    2 => InstancesPolicy::IgnoreNew,
                    3 => InstancesPolicy::StopExisting,
                    _ => return Err(Error::Invalid),
                };
            }
            2 => settings.execution_time_limit = Some(span(at)?).filter(|limit| limit.seconds != 0),
            3 => settings.priority = valid(at.u8()?, |priority| *priority <= 10)?,
            4 => {
                array(at, 2..=2)?;
                let count = valid(at.u8()?, |count| *count != 0)?;
                conditions.restart_on_failure = Some(RestartOnFailure { count, interval: span(at)? });
            }
            5 => {
                array(at, 2..=2)?;
                let (duration, wait_timeout) = (nullable(at, span)?, nullable(at, span)?);
                conditions.idle = Idle { duration, wait_timeout, ..conditions.idle };
            }
            6 => {
                array(at, 2..=2)?;
                conditions.network = Some(Network { name: nullable(at, text)?, id: nullable(at, text)? });
            }
            7 => conditions.network_profile_name = Some(text(at)?),
            8 => {
                array(at, 3..=3)?;
                conditions.maintenance =
                    Some(Maintenance { period: span(at)?, deadline: nullable(at, span)?, exclusive: at.bool()? });
            }
            9 => conditions.delete_expired_task_after = Some(span(at)?),
            10 => conditions.opaque = Some(elements(at)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let is_set = |bit| flags & bit != 0;
    settings.enabled = is_set(flag::ENABLED);
    settings.hidden = is_set(flag::HIDDEN);
    settings.allow_start_on_demand = is_set(flag::ALLOW_START_ON_DEMAND);
    settings.allow_hard_terminate = is_set(flag::ALLOW_HARD_TERMINATE);
    settings.start_when_available = is_set(flag::START_WHEN_AVAILABLE);
    conditions.disallow_start_if_on_batteries = is_set(flag::DISALLOW_START_IF_ON_BATTERIES);
    conditions.stop_if_going_on_batteries = is_set(flag::STOP_IF_GOING_ON_BATTERIES);
    conditions.run_only_if_network_available = is_set(flag::RUN_ONLY_IF_NETWORK_AVAILABLE);
    conditions.run_only_if_idle = is_set(flag::RUN_ONLY_IF_IDLE);
    conditions.wake_to_run = is_set(flag::WAKE_TO_RUN);
    conditions.disallow_start_on_remote_app_session = is_set(flag::DISALLOW_START_ON_REMOTE_APP_SESSION);
    conditions.use_unified_scheduling_engine = is_set(flag::USE_UNIFIED_SCHEDULING_ENGINE);
    conditions.volatile = is_set(flag::VOLATILE);
    conditions.idle.stop_on_idle_end = is_set(flag::STOP_ON_IDLE_END);
    conditions.idle.restart_on_idle = is_set(flag::RESTART_ON_IDLE);
    Ok((settings, conditions))
}

pub(super) fn trigger<'b>(at: &mut In<'b>) -> Result<Trigger<'b>> {
    let mut trigger = Trigger::bare(TriggerKind::Opaque { xml: "" });
    if at.datatype()? == Type::String {
        trigger.kind = TriggerKind::Opaque { xml: valid(elements(at)?, |xml| !xml.is_empty())? };
        return Ok(trigger);
    }
    let (mut kind, mut on_days, mut user, mut change) = (None, None, None, None);
    let mut event = Event {
        subscription: "",
        delay: None,
        number_of_occurrences: 1,
        period_of_occurrence: None,
        matching_element: None,
        value_queries: Named::default(),
    };
    fields(at, |key, at| {
        match key {
            0 => kind = Some(at.u32()?),
            1 => trigger.id = Some(text(at)?),
            2 => trigger.enabled = at.bool()?,
            3 => trigger.start = Some(boundary(at)?),
            4 => trigger.end = Some(boundary(at)?),
            5 => trigger.execution_time_limit = Some(span(at)?),
            6 => trigger.repetition = Some(repetition(at)?),
            7 => event.delay = Some(span(at)?),
            8 => on_days = Some(schedule(at)?),
            9 => event.subscription = filled(at)?,
            10 => user = Some(self::user(at)?),
            11 => change = Some(SessionStateChange::NAMES.get(usize::from(at.u8()?)).ok_or(Error::Invalid)?.1),
            12 => event.number_of_occurrences = valid(at.u8()?, |number| (1..=32).contains(number))?,
            13 => event.period_of_occurrence = Some(span(at)?),
            14 => event.matching_element = Some(filled(at)?),
            15 => event.value_queries = named(at, VALUE_QUERIES, filled)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let delay = event.delay;
    trigger.kind = match (kind.ok_or(Error::Shape)?, trigger.start, on_days, change) {
        (0, Some(_), ..) => TriggerKind::Time { random_delay: delay },
        (1, Some(_), Some(schedule), _) => TriggerKind::Calendar { random_delay: delay, schedule },
        (2, ..) => TriggerKind::Boot { delay },
        (3, ..) => TriggerKind::Registration { delay },
        (4, ..) => TriggerKind::Idle,
        (5, ..) if !event.subscription.is_empty() => TriggerKind::Event(event),
        (6, ..) => TriggerKind::Logon { user, delay },
        (7, .., Some(change)) => TriggerKind::SessionState { user, delay, change },
        (..8, ..) => return Err(Error::Invalid),
        // A kind that a newer minor form of the layout has: it is kept in the image, and never fires here.
        _ => trigger.kind,
    };
    Ok(trigger)
}

fn repetition<'b>(at: &mut In<'b>) -> Result<Repetition<'b>> {
    let length = array(at, 1..=3)?;
    let interval = valid(span(at)?, |interval| interval.seconds != 0)?;
    let duration = if length >= 2 { nullable(at, span)? } else { None };
    let stop_at_duration_end = if length == 3 { at.bool()? } else { false };
    Ok(Repetition { interval, duration, stop_at_duration_end })
}

fn schedule(at: &mut In<'_>) -> Result<Schedule> {
    let length = array(at, 2..=4)?;
    match (at.u8()?, length) {
        (0, 2) => Ok(Schedule::Day { interval: valid(at.u16()?, |interval| (1..=365).contains(interval))? }),
        (1, 3) => {
            let interval = valid(at.u8()?, |interval| (1..=52).contains(interval))?;
            Ok(Schedule::Week { interval, days: weekdays(at)? })
        }
        (2, 2 | 3) => {
            let days = Days(valid(at.u32()?, |days| *days != 0)?);
            Ok(Schedule::Month { days, months: months(at, length == 3)? })
        }
        (3, 3 | 4) => {
            let weeks = Weeks(valid(at.u8()?, |weeks| (1..1 << 5).contains(weeks))?);
            let days = weekdays(at)?;
            Ok(Schedule::MonthDayOfWeek { weeks, days, months: months(at, length == 4)? })
        }
        _ => Err(Error::Shape),
    }
}

fn weekdays(at: &mut In<'_>) -> Result<Weekdays> {
    valid(at.u8()?, |days| (1..1 << 7).contains(days)).map(Weekdays)
}

fn months(at: &mut In<'_>, named: bool) -> Result<Months> {
    if !named {
        return Ok(Months::ALL);
    }
    valid(at.u16()?, |months| (1..1 << 12).contains(months)).map(Months)
}

pub(super) fn action<'b>(at: &mut In<'b>) -> Result<Action<'b>> {
    if at.datatype()? == Type::String {
        return Ok(Action::Opaque { xml: valid(elements(at)?, |xml| !xml.is_empty())? });
    }
    let mut parts = Parts::new(Parts::EXEC);
    fields(at, |key, at| {
        let text = match key {
            0 => {
                parts.kind = at.u32()?;
                return Ok(true);
            }
            1 => Some(&mut parts.id),
            HEADER_FIELDS => {
                parts.header_fields = named(at, limits::HEADER_FIELDS, text)?;
                return Ok(true);
            }
            ATTACHMENTS => {
                parts.attachments = texts(at, limits::ATTACHMENTS)?;
                return Ok(true);
            }
            OPAQUE => {
                parts.opaque = Some(valid(elements(at)?, |xml| !xml.is_empty())?);
                return Ok(true);
            }
            CLASS => {
                let class = at.bytes()?.try_into().map_err(|_| Error::Invalid)?;
                parts.class = Some(Guid::from_bytes(class));
                return Ok(true);
            }
            _ => key.checked_sub(first_text(parts.kind)).and_then(|at| parts.texts.get_mut(at as usize)),
        };
        let Some(field) = text else { return Ok(false) };
        *field = Some(self::text(at)?);
        Ok(true)
    })?;
    parts.action().ok_or(Error::Invalid)
}
