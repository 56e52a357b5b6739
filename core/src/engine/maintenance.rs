//! Automatic maintenance, MaintenanceSettings of [MS-TSCH] 2.5.4.15 and 3.2.5.4.2.
//!
//! The regular maintenance period of a machine begins at [`MAINTENANCE_HOUR`](crate::limits::MAINTENANCE_HOUR) of local time and
//! lasts for [`MAINTENANCE_TIME`](crate::limits::MAINTENANCE_TIME), which is when Windows has it. A task with these settings starts
//! at the beginning of such a period if its last start, for whatever reason, lies Period back, and at the next of them if it never
//! ran. So that a task of one day runs each day, although it started some minutes into the period, or the day is one that a clock
//! makes shorter, two hours are not looked at. A machine that was off or asleep misses it, and so does a task that conditions
//! hinder; if Deadline has passed since it ran, the task also starts when the machine is idle, for as long as IdleSettings say.
//!
//! Exclusive is what Windows documents: the task and others of this kind do not run at the same time. The page says that it is
//! independent of them, which can be read either way. One that has to wait tries again until the period is over, and is told
//! as skipped then.

use super::{TaskSlot, clocks::Clocks};
use crate::{
    limits::{MAINTENANCE_HOUR, MAINTENANCE_TIME},
    recur::{self, Anchors},
    task::{Boundary, Image, Offset, Schedule, Trigger, TriggerKind},
    time::{Timestamp, civil::DateTime},
};

/// When the regular maintenance periods begin.
const fn periods() -> Trigger<'static> {
    let civil = DateTime { year: 1970, month: 1, day: 1, hour: MAINTENANCE_HOUR, minute: 0, second: 0 };
    Trigger {
        id: None,
        enabled: true,
        start: Some(Boundary { civil, millisecond: 0, offset: Offset::Local, text: "" }),
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Calendar { random_delay: None, schedule: Schedule::Day { interval: 1 } },
    }
}

/// When the task starts next for maintenance, after a moment; `None` if it has no such settings, or the time is not known. From
/// `idle` on, by the monotonic clock, the machine has been idle for as long as the task demands.
pub(super) fn next(
    image: &Image<'_>,
    task: &TaskSlot,
    clocks: &Clocks<'_>,
    after: Timestamp,
    idle: Option<i64>,
) -> Option<Timestamp> {
    let settings = image.conditions().maintenance?;
    let now = clocks.now.wall?;
    let milliseconds = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    // What is still to come by the clock was dated by a wrong one.
    let ran = task.ran().filter(|&ran| ran <= now);
    let slack = i64::try_from(2 * MAINTENANCE_TIME).unwrap_or(0);
    let from = ran.map_or(after, |ran| after.max(ran.plus(milliseconds(settings.period.seconds) - slack)));
    let regular = recur::next(&periods(), &Anchors::default(), from, clocks.zone);
    let late = || {
        let since = ran.or_else(|| clocks.wall_of(task.anchor).filter(|_| task.anchor != i64::MAX))?;
        let overdue = since.plus(milliseconds(settings.deadline?.seconds));
        Some(clocks.wall_of(idle?)?.max(overdue)).filter(|&at| at > after)
    };
    regular.into_iter().chain(late()).min()
}
