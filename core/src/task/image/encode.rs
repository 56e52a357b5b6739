//! Writing an image; the layout is described in the module above.

use minicbor::Encoder;

use super::{LAYOUT, Texts, action_key, flag, section, words::WORDS};
use crate::{
    bytes::{Full, Writer},
    sid::Sid,
    task::{
        Action, Boundary, Conditions, Definition, Event, InstancesPolicy, LogonType, Months, Network, Offset,
        Principal, RegistrationInfo, Repetition, RunLevel, Schedule, Settings, Span, Trigger, TriggerKind,
        action::Parts,
    },
};

type Out<'b> = Encoder<Writer<'b>>;
/// The buffer is full. minicbor's error says no more, and has to be copied at every step.
pub(super) struct NoRoom;
type Error = minicbor::encode::Error<Full>;
type Result<T = (), E = NoRoom> = core::result::Result<T, E>;

impl From<Error> for NoRoom {
    fn from(_: Error) -> Self {
        Self
    }
}

/// Ends what was written.
fn written(out: Result<&mut Out<'_>, Error>) -> Result {
    out?;
    Ok(())
}

#[inline(never)]
pub(super) fn definition<'b>(definition: &Definition<'_>, into: &'b mut [u8]) -> Result<&'b [u8]> {
    let mut out = Encoder::new(Writer::new(into));
    map(&mut out, |fields| {
        fields.key(section::LAYOUT)?.u32(LAYOUT)?;
        fields.text(section::VERSION, definition.version)?;
        if definition.registration != RegistrationInfo::default() {
            registration(fields.key(section::REGISTRATION)?, &definition.registration)?;
        }
        fields.items(section::PRINCIPALS, definition.principals, principal)?;
        if (definition.settings, definition.conditions) != Default::default() {
            settings(fields.key(section::SETTINGS)?, &definition.settings, &definition.conditions)?;
        }
        fields.text(section::DATA, definition.data)?;
        fields.items(section::TRIGGERS, definition.triggers, trigger)?;
        fields.text(section::CONTEXT, definition.context)?;
        fields.items(section::ACTIONS, definition.actions, action)
    })?;
    Ok(out.into_writer().into_written())
}

/// A map whose number of pairs is known once they are written.
struct Fields<'o, 'b> {
    out: &'o mut Out<'b>,
    // INVARIANT: at most 23, which the head of a map has room for: no map of the layout has more keys.
    count: u8,
}

fn map(out: &mut Out<'_>, write: impl FnOnce(&mut Fields<'_, '_>) -> Result) -> Result {
    const EMPTY: u8 = 0xA0;
    let head = out.writer().position();
    out.map(0)?;
    let mut fields = Fields { out, count: 0 };
    write(&mut fields)?;
    let count = fields.count;
    out.writer_mut().patch(head, &[EMPTY | count]).map_err(|_| NoRoom)
}

impl<'b> Fields<'_, 'b> {
    fn key(&mut self, key: u32) -> Result<&mut Out<'b>> {
        self.count += 1;
        Ok(self.out.u32(key)?)
    }

    fn text(&mut self, key: u32, value: Option<&str>) -> Result {
        value.map_or(Ok(()), |value| text(self.key(key)?, value))
    }

    fn span(&mut self, key: u32, value: Option<Span<'_>>) -> Result {
        value.map_or(Ok(()), |value| span(self.key(key)?, value))
    }

    fn boundary(&mut self, key: u32, value: Option<Boundary<'_>>) -> Result {
        value.map_or(Ok(()), |value| boundary(self.key(key)?, value))
    }

    /// A value that an image has in this form.
    fn cbor(&mut self, key: u32, value: Option<&[u8]>) -> Result {
        let Some(value) = value else { return Ok(()) };
        self.key(key)?.writer_mut().put(value).map_err(|_| NoRoom)
    }

    fn list(&mut self, key: u32, list: Texts<'_>) -> Result {
        self.cbor(key, Some(list.as_image()).filter(|list| !list.is_empty()))
    }

    fn items<T>(&mut self, key: u32, items: &[T], write: fn(&mut Out<'b>, &T) -> Result) -> Result {
        if items.is_empty() {
            return Ok(());
        }
        let out = self.key(key)?;
        out.array(items.len() as u64)?;
        items.iter().try_for_each(|item| write(out, item))
    }
}

fn text(out: &mut Out<'_>, text: &str) -> Result {
    match WORDS.iter().zip(0..).find(|(word, _)| **word == text) {
        Some((_, number)) => written(out.u8(number)),
        None => written(out.str(text)),
    }
}

/// Writes a list of texts to the front of `into`; nothing for none.
pub(super) fn texts<'b>(texts: &[&str], into: &'b mut [u8]) -> Option<&'b [u8]> {
    if texts.is_empty() {
        return Some(&[]);
    }
    let mut out = Encoder::new(Writer::new(into));
    out.array(texts.len() as u64).ok()?;
    texts.iter().try_for_each(|item| text(&mut out, item)).ok()?;
    Some(out.into_writer().into_written())
}

/// Writes a SID to the front of `into`.
pub(super) fn user<'b>(user: &Sid, into: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut out = Encoder::new(Writer::new(into));
    sid(&mut out, user).ok()?;
    Some(out.into_writer().into_written())
}

fn text_or_null(out: &mut Out<'_>, value: Option<&str>) -> Result {
    match value {
        Some(value) => text(out, value),
        None => written(out.null()),
    }
}

fn span(out: &mut Out<'_>, span: Span<'_>) -> Result {
    // Text that the canonical form gives back as well need not be kept.
    let span = if span.text.is_empty() { span } else { Span::parse(span.text).unwrap_or(span) };
    if !span.text.is_empty() {
        return written(out.str(span.text));
    }
    let (count, designator) = span.canonical();
    written(out.u64(count.saturating_mul(4).saturating_add(designator as u64)))
}

fn span_or_null(out: &mut Out<'_>, value: Option<Span<'_>>) -> Result {
    match value {
        Some(value) => span(out, value),
        None => written(out.null()),
    }
}

fn boundary(out: &mut Out<'_>, boundary: Boundary<'_>) -> Result {
    let boundary = if boundary.text.is_empty() { boundary } else { Boundary::parse(boundary.text).unwrap_or(boundary) };
    if !boundary.text.is_empty() {
        return written(out.str(boundary.text));
    }
    let civil = boundary.civil;
    let months = 12 * (i64::from(civil.year) - 2000) + i64::from(civil.month) - 1;
    let hours = 24 * (31 * months + i64::from(civil.day) - 1) + i64::from(civil.hour);
    let moment = 60 * (60 * hours + i64::from(civil.minute)) + i64::from(civil.second);
    match (boundary.offset, boundary.millisecond) {
        (Offset::Local, 0) => return written(out.i64(moment)),
        (_, 0) => out.array(2)?,
        _ => out.array(3)?,
    };
    out.i64(moment)?;
    match boundary.offset {
        Offset::Local => out.bool(false)?,
        Offset::Utc => out.null()?,
        Offset::Minutes(minutes) => out.i16(minutes)?,
    };
    if boundary.millisecond != 0 {
        out.u16(boundary.millisecond)?;
    }
    Ok(())
}

fn sid(out: &mut Out<'_>, sid: &Sid) -> Result {
    out.array(1 + sid.sub_authorities().len() as u64)?;
    let [a, b, c, d, e, f] = sid.authority();
    out.u64(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))?;
    sid.sub_authorities().iter().try_for_each(|&sub_authority| written(out.u32(sub_authority)))
}

fn registration(out: &mut Out<'_>, info: &RegistrationInfo<'_>) -> Result {
    map(out, |fields| {
        fields.text(0, info.version)?;
        fields.text(1, info.date)?;
        fields.text(2, info.security_descriptor)?;
        fields.text(3, info.source)?;
        fields.text(4, info.author)?;
        fields.text(5, info.description)?;
        fields.text(6, info.documentation)?;
        fields.text(7, info.uri)
    })
}

fn principal(out: &mut Out<'_>, principal: &Principal<'_>) -> Result {
    map(out, |fields| {
        fields.text(0, principal.id)?;
        if let Some(user) = &principal.user {
            sid(fields.key(1)?, user)?;
        }
        if let Some(group) = &principal.group {
            sid(fields.key(2)?, group)?;
        }
        fields.text(3, principal.display_name)?;
        if let Some(logon_type) = principal.logon_type {
            fields.key(4)?.u8(match logon_type {
                LogonType::S4u => 0,
                LogonType::Password => 1,
                LogonType::InteractiveToken => 2,
                LogonType::InteractiveTokenOrPassword => 3,
            })?;
        }
        if let Some(run_level) = principal.run_level {
            fields.key(5)?.u8(match run_level {
                RunLevel::LeastPrivilege => 0,
                RunLevel::HighestAvailable => 1,
            })?;
        }
        if let Some(xml) = principal.opaque {
            fields.key(6)?.str(xml)?;
        }
        if let Some(kind) = principal.process_token_sid_type {
            fields.key(7)?.u8(kind as u8)?;
        }
        fields.list(8, principal.required_privileges)
    })
}

fn settings(out: &mut Out<'_>, settings: &Settings<'_>, conditions: &Conditions<'_>) -> Result {
    let flags = [
        (flag::DISALLOW_START_IF_ON_BATTERIES, conditions.disallow_start_if_on_batteries),
        (flag::STOP_IF_GOING_ON_BATTERIES, conditions.stop_if_going_on_batteries),
        (flag::START_WHEN_AVAILABLE, settings.start_when_available),
        (flag::USE_UNIFIED_SCHEDULING_ENGINE, conditions.use_unified_scheduling_engine),
        (flag::RUN_ONLY_IF_NETWORK_AVAILABLE, conditions.run_only_if_network_available),
        (flag::HIDDEN, settings.hidden),
        (flag::ALLOW_HARD_TERMINATE, settings.allow_hard_terminate),
        (flag::STOP_ON_IDLE_END, conditions.idle.stop_on_idle_end),
        (flag::ENABLED, settings.enabled),
        (flag::ALLOW_START_ON_DEMAND, settings.allow_start_on_demand),
        (flag::RUN_ONLY_IF_IDLE, conditions.run_only_if_idle),
        (flag::WAKE_TO_RUN, conditions.wake_to_run),
        (flag::RESTART_ON_IDLE, conditions.idle.restart_on_idle),
        (flag::DISALLOW_START_ON_REMOTE_APP_SESSION, conditions.disallow_start_on_remote_app_session),
        (flag::VOLATILE, conditions.volatile),
    ];
    let flags = flags.iter().filter(|(_, is_set)| *is_set).fold(0, |flags, (bit, _)| flags | bit);
    map(out, |fields| {
        if flags != flag::DEFAULT {
            fields.key(0)?.u32(flags ^ flag::DEFAULT)?;
        }
        if settings.instances_policy != InstancesPolicy::IgnoreNew {
            fields.key(1)?.u8(match settings.instances_policy {
                InstancesPolicy::Parallel => 0,
                InstancesPolicy::Queue => 1,
                InstancesPolicy::IgnoreNew => 2,
                InstancesPolicy::StopExisting => 3,
            })?;
        }
        let limit = settings.execution_time_limit.unwrap_or_default();
        if !Settings::is_default_limit(&limit) {
            fields.span(2, Some(limit))?;
        }
        if settings.priority != Settings::PRIORITY {
            fields.key(3)?.u8(settings.priority)?;
        }
        if let Some(restart) = &conditions.restart_on_failure {
            let out = fields.key(4)?;
            out.array(2)?.u8(restart.count)?;
            span(out, restart.interval)?;
        }
        let idle = conditions.idle;
        if idle.duration.is_some() || idle.wait_timeout.is_some() {
            let out = fields.key(5)?;
            out.array(2)?;
            span_or_null(out, idle.duration)?;
            span_or_null(out, idle.wait_timeout)?;
        }
        if let Some(Network { name, id }) = conditions.network {
            let out = fields.key(6)?;
            out.array(2)?;
            text_or_null(out, name)?;
            text_or_null(out, id)?;
        }
        fields.text(7, conditions.network_profile_name)?;
        if let Some(maintenance) = &conditions.maintenance {
            let out = fields.key(8)?;
            out.array(3)?;
            span(out, maintenance.period)?;
            span_or_null(out, maintenance.deadline)?;
            out.bool(maintenance.exclusive)?;
        }
        fields.span(9, conditions.delete_expired_task_after)?;
        conditions.opaque.map_or(Ok(()), |xml| written(fields.key(10)?.str(xml)))
    })
}

fn trigger(out: &mut Out<'_>, trigger: &Trigger<'_>) -> Result {
    let (kind, delay) = match trigger.kind {
        TriggerKind::Opaque { xml } => return written(out.str(xml)),
        kind => kind.numbered().ok_or(NoRoom)?,
    };
    map(out, |fields| {
        fields.key(0)?.u8(kind)?;
        fields.text(1, trigger.id)?;
        if !trigger.enabled {
            fields.key(2)?.bool(false)?;
        }
        fields.boundary(3, trigger.start)?;
        fields.boundary(4, trigger.end)?;
        fields.span(5, trigger.execution_time_limit)?;
        if let Some(value) = &trigger.repetition {
            repetition(fields.key(6)?, value)?;
        }
        fields.span(7, delay)?;
        match trigger.kind {
            TriggerKind::Calendar { schedule: value, .. } => schedule(fields.key(8)?, value),
            TriggerKind::Event(value) => event(fields, &value),
            TriggerKind::Logon { user, .. } => fields.cbor(10, user.map(|user| user.as_image())),
            TriggerKind::SessionState { user, change, .. } => {
                fields.cbor(10, user.map(|user| user.as_image()))?;
                written(fields.key(11)?.u8(change as u8))
            }
            _ => Ok(()),
        }
    })
}

fn event(fields: &mut Fields<'_, '_>, event: &Event<'_>) -> Result {
    fields.text(9, Some(event.subscription))?;
    if event.number_of_occurrences != 1 {
        fields.key(12)?.u8(event.number_of_occurrences)?;
    }
    fields.span(13, event.period_of_occurrence)?;
    fields.text(14, event.matching_element)?;
    fields.list(15, event.value_queries.texts())
}

fn repetition(out: &mut Out<'_>, repetition: &Repetition<'_>) -> Result {
    out.array(match (repetition.duration, repetition.stop_at_duration_end) {
        (_, true) => 3,
        (Some(_), false) => 2,
        (None, false) => 1,
    })?;
    span(out, repetition.interval)?;
    match (repetition.duration, repetition.stop_at_duration_end) {
        (duration, true) => {
            span_or_null(out, duration)?;
            written(out.bool(true))
        }
        (Some(duration), false) => span(out, duration),
        (None, false) => Ok(()),
    }
}

fn schedule(out: &mut Out<'_>, schedule: Schedule) -> Result {
    match schedule {
        Schedule::Day { interval } => written(out.array(2)?.u8(0)?.u16(interval)),
        Schedule::Week { interval, days } => written(out.array(3)?.u8(1)?.u8(interval)?.u8(days.0)),
        Schedule::Month { days, months: Months::ALL } => written(out.array(2)?.u8(2)?.u32(days.0)),
        Schedule::Month { days, months } => written(out.array(3)?.u8(2)?.u32(days.0)?.u16(months.0)),
        Schedule::MonthDayOfWeek { weeks, days, months: Months::ALL } => {
            written(out.array(3)?.u8(3)?.u8(weeks.0)?.u8(days.0))
        }
        Schedule::MonthDayOfWeek { weeks, days, months } => {
            written(out.array(4)?.u8(3)?.u8(weeks.0)?.u8(days.0)?.u16(months.0))
        }
    }
}

fn action(out: &mut Out<'_>, action: &Action<'_>) -> Result {
    let Some(parts) = action.parts() else {
        return if let Action::Opaque { xml } = action { written(out.str(xml)) } else { Ok(()) };
    };
    map(out, |fields| {
        if parts.kind != Parts::EXEC {
            fields.key(0)?.u32(parts.kind)?;
        }
        fields.text(1, parts.id)?;
        let first = action_key::first_text(parts.kind);
        parts.texts.iter().zip(first..).try_for_each(|(text, key)| fields.text(key, *text))?;
        fields.list(action_key::HEADER_FIELDS, parts.header_fields.texts())?;
        fields.list(action_key::ATTACHMENTS, parts.attachments)?;
        if let Some(xml) = parts.opaque {
            fields.key(action_key::OPAQUE)?.str(xml)?;
        }
        let Some(class) = parts.class else { return Ok(()) };
        written(fields.key(action_key::CLASS)?.bytes(&class.to_bytes()))
    })
}
