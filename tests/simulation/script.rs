//! What happens in a simulated world: plain data, made of a seed, that can be run again with parts of it left out.

use crate::zones;
use mainspring::{
    sid::Sid,
    task::{
        self, Days, Idle, InstancesPolicy, Months, Named, Network, RestartOnFailure, Schedule, SessionStateChange,
        Span, Trigger, TriggerKind, Weekdays, Weeks,
    },
};
use mainspring_tests::{
    chance::Chance,
    world::{DAY, HOUR, MINUTE, SECOND, Task, exec, trigger},
};
use std::rc::Rc;

/// Names that tasks may have.
pub(crate) const NAMES: usize = 14;

/// The one group that there is.
pub(crate) const GROUP: Sid = Sid::ADMINISTRATORS;

/// What shows the civil time of a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    Local,
    Utc,
    Minutes(i16),
}

/// What a trigger waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wants {
    Once,
    Days(Schedule),
    /// After a delay in seconds.
    Boot(u64),
    Registration(u64),
    Idle,
    /// Events of this number, after a delay, the count-th of them.
    Event(u16, u64, u8),
    Logon(u64),
    Lock(u64),
}

/// A trigger to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct When {
    pub(crate) wants: Wants,
    /// Seconds of civil time.
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) shown: Shown,
    /// Seconds of interval and duration.
    pub(crate) repeat: Option<(u64, Option<u64>)>,
    pub(crate) stop_at_end: bool,
    /// Seconds of RandomDelay.
    pub(crate) random: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) enabled: bool,
}

/// A task to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) when: Vec<When>,
    pub(crate) policy: InstancesPolicy,
    /// What each action does, in the words of the host.
    pub(crate) actions: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) on_demand: bool,
    pub(crate) hard: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) available: bool,
    /// What its Data says of catching up.
    pub(crate) catch_up: Option<String>,
    pub(crate) mains: bool,
    pub(crate) stop_on_batteries: bool,
    pub(crate) network: bool,
    pub(crate) no_remote_app: bool,
    /// Seconds of Duration and WaitTimeout of RunOnlyIfIdle.
    pub(crate) idle: Option<(u64, u64)>,
    pub(crate) stop_on_idle_end: bool,
    pub(crate) restart_on_idle: bool,
    /// Count, and seconds of interval.
    pub(crate) restart: Option<(u8, u64)>,
    pub(crate) delete_after: Option<u64>,
    pub(crate) wake: bool,
    /// Whether it runs for the members of [`GROUP`].
    pub(crate) group: bool,
}

/// How the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is killed, and what it started goes on.
    Killed,
    /// The power is cut at once.
    Cut,
    /// The power is cut after so many further changes of the store.
    CutAfter(u64),
    /// It is told to end.
    Told,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    Register(usize, Rc<Plan>),
    Delete(usize),
    Enable(usize, bool),
    /// On demand, with or without its conditions.
    Run(usize, bool),
    Stop(usize),
    Batteries(bool),
    Network(bool),
    Idle(bool),
    RemoteApp(bool),
    Logon,
    Lock,
    /// So many members of [`GROUP`] are logged on.
    Members(u32),
    Event(u16),
    /// The wall clock is set, by so many milliseconds; the flag says whether the engine is told.
    Step(i64, bool),
    Zone(usize),
    /// Nobody knows the time for so many milliseconds.
    TimeUnknown(i64),
    /// The machine sleeps; the flag says whether its monotonic clock goes on meanwhile.
    Sleep(i64, bool),
    /// The server is down for so many milliseconds; the flag says that the time is unknown for a while afterwards.
    Down(End, i64, bool),
    /// The store fails for so many milliseconds: what is written, or also what is read.
    StoreFails(i64, bool),
    /// There are no random bytes for so many milliseconds.
    Dry(i64),
}

/// One world.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) zone: usize,
    /// When it begins, in milliseconds of UTC.
    pub(crate) start: i64,
    pub(crate) length: i64,
    /// Slots for instances.
    pub(crate) slots: usize,
    /// What happens, and how many milliseconds after the begin.
    pub(crate) happenings: Vec<(i64, Happening)>,
}

/// The text of a boundary.
pub(crate) fn text(civil: i64, shown: Shown) -> String {
    let civil = jiff::Timestamp::from_second(civil).unwrap().strftime("%Y-%m-%dT%H:%M:%S");
    match shown {
        Shown::Local => civil.to_string(),
        Shown::Utc => format!("{civil}Z"),
        Shown::Minutes(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{civil}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    }
}

impl When {
    /// An enabled trigger without anything else.
    pub(crate) fn new(wants: Wants) -> Self {
        Self {
            wants,
            start: None,
            end: None,
            shown: Shown::Local,
            repeat: None,
            stop_at_end: false,
            random: 0,
            limit: None,
            enabled: true,
        }
    }

    pub(crate) fn is_calendar(&self) -> bool {
        matches!(self.wants, Wants::Once | Wants::Days(_))
    }
}

fn span(seconds: u64) -> Option<Span<'static>> {
    (seconds > 0).then(|| Span::from_seconds(seconds))
}

impl Plan {
    /// A task of one action without triggers or demands.
    pub(crate) fn new(action: &str) -> Self {
        Self {
            when: Vec::new(),
            policy: InstancesPolicy::Parallel,
            actions: vec![action.to_owned()],
            enabled: true,
            on_demand: true,
            hard: true,
            limit: None,
            available: false,
            catch_up: None,
            mains: false,
            stop_on_batteries: false,
            network: false,
            no_remote_app: false,
            idle: None,
            stop_on_idle_end: false,
            restart_on_idle: false,
            restart: None,
            delete_after: None,
            wake: false,
            group: false,
        }
    }

    /// Lets `use_task` have the definition, whose commands begin with `name`.
    pub(crate) fn with_task<R>(&self, name: &str, use_task: impl FnOnce(&Task<'_>) -> R) -> R {
        let texts: Vec<[String; 3]> = self
            .when
            .iter()
            .map(|when| {
                let text = |civil: Option<i64>| civil.map_or_else(String::new, |civil| text(civil, when.shown));
                let query = match when.wants {
                    Wants::Event(id, ..) => format!("*[System[EventID={id}]]"),
                    _ => String::new(),
                };
                [text(when.start), text(when.end), query]
            })
            .collect();
        let mut room = [0; 16];
        let none = Named::new(&[], &mut room).unwrap();
        let triggers = self.when.iter().zip(&texts).map(|(when, [start, end, query])| {
            let kind = match when.wants {
                Wants::Once => TriggerKind::Time { random_delay: span(when.random) },
                Wants::Days(schedule) => TriggerKind::Calendar { random_delay: span(when.random), schedule },
                Wants::Boot(delay) => TriggerKind::Boot { delay: span(delay) },
                Wants::Registration(delay) => TriggerKind::Registration { delay: span(delay) },
                Wants::Idle => TriggerKind::Idle,
                Wants::Event(_, delay, count) => TriggerKind::Event(task::Event {
                    subscription: query,
                    delay: span(delay),
                    number_of_occurrences: count,
                    period_of_occurrence: None,
                    matching_element: None,
                    value_queries: none,
                }),
                Wants::Logon(delay) => TriggerKind::Logon { user: None, delay: span(delay) },
                Wants::Lock(delay) => {
                    let change = SessionStateChange::SessionLock;
                    TriggerKind::SessionState { user: None, delay: span(delay), change }
                }
            };
            let end = (!end.is_empty()).then(|| task::Boundary::parse(end).unwrap());
            let repetition = when.repeat.map(|(interval, duration)| task::Repetition {
                interval: Span::from_seconds(interval),
                duration: duration.map(Span::from_seconds),
                stop_at_duration_end: when.stop_at_end,
            });
            let execution_time_limit = when.limit.map(Span::from_seconds);
            Trigger { end, repetition, enabled: when.enabled, execution_time_limit, ..trigger(kind, start) }
        });
        let triggers: Vec<Trigger<'_>> = triggers.collect();
        let commands: Vec<String> =
            self.actions.iter().enumerate().map(|(number, does)| format!("{name}.{number} {does}")).collect();
        let data =
            self.catch_up.as_ref().map(|text| format!("<CatchUp xmlns=\"urn:mainspring:task\">{text}</CatchUp>"));
        let mut task = Task::new("");
        task.triggers = triggers;
        task.actions = commands.iter().map(|command| exec(command)).collect();
        task.data = data.as_deref();
        task.group = self.group.then_some(GROUP);
        task.settings.enabled = self.enabled;
        task.settings.allow_start_on_demand = self.on_demand;
        task.settings.allow_hard_terminate = self.hard;
        task.settings.instances_policy = self.policy;
        task.settings.execution_time_limit = self.limit.map(Span::from_seconds);
        task.settings.start_when_available = self.available;
        let on = &mut task.conditions;
        on.disallow_start_if_on_batteries = self.mains;
        on.stop_if_going_on_batteries = self.stop_on_batteries;
        on.run_only_if_network_available = self.network;
        on.network = self.network.then(Network::default);
        on.run_only_if_idle = self.idle.is_some();
        on.wake_to_run = self.wake;
        on.disallow_start_on_remote_app_session = self.no_remote_app;
        on.idle = Idle {
            duration: self.idle.map(|(duration, _)| Span::from_seconds(duration)),
            wait_timeout: self.idle.map(|(_, timeout)| Span::from_seconds(timeout)),
            stop_on_idle_end: self.stop_on_idle_end,
            restart_on_idle: self.restart_on_idle,
        };
        on.restart_on_failure =
            self.restart.map(|(count, interval)| RestartOnFailure { count, interval: Span::from_seconds(interval) });
        on.delete_expired_task_after = self.delete_after.map(Span::from_seconds);
        use_task(&task)
    }
}

/// Draws worlds.
pub(crate) struct Lots(pub(crate) Chance);

impl Lots {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The low bits of this source are not worth much.
        (self.0.draw() >> 20) % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub(crate) fn between(&mut self, from: i64, until: i64) -> i64 {
        from + self.below((until - from).unsigned_abs()) as i64
    }

    /// A schedule of days.
    pub(crate) fn schedule(&mut self) -> Schedule {
        let weekdays = |lots: &mut Self| Weekdays(lots.below(127) as u8 + 1);
        match self.below(9) {
            0..=4 => Schedule::Day { interval: self.of(&[1, 1, 1, 1, 2, 3]) },
            5 | 6 => Schedule::Week { interval: self.of(&[1, 1, 2]), days: weekdays(self) },
            7 => Schedule::Month {
                days: Days((self.0.draw() >> 13) as u32),
                months: self.of(&[Months::ALL, Months(0x555)]),
            },
            _ => Schedule::MonthDayOfWeek {
                weeks: Weeks(self.below(31) as u8 + 1),
                days: weekdays(self),
                months: Months::ALL,
            },
        }
    }

    fn civil(&mut self, from: i64, until: i64) -> i64 {
        let day = self.between(from, until).div_euclid(DAY) * 86_400;
        // Times around which zones like to move, and any other.
        day + match self.below(5) {
            0 => 0,
            1 => 2 * 3600 + 1800,
            2 => 3600 + 900 * self.below(12) as i64,
            _ => self.below(86_400) as i64,
        }
    }

    /// A trigger of the calendar that begins between two moments.
    pub(crate) fn calendar(&mut self, from: i64, until: i64) -> When {
        let wants = if self.one_in(4) { Wants::Once } else { Wants::Days(self.schedule()) };
        let start = self.civil(from, until);
        let shown = match self.below(8) {
            0 => Shown::Utc,
            1 => Shown::Minutes(self.of(&[-480, -210, 90, 345, 840])),
            _ => Shown::Local,
        };
        let end = self.one_in(5).then(|| self.civil(from, until + 60 * DAY).max(start));
        let repeat = match self.below(12) {
            0 => Some((900, Some(3600))),
            1 => Some((60, Some(240))),
            2 => Some((4 * 3600, None)),
            3 => Some((self.of(&[3600, 7200, 10_800, 39_600]), Some(self.of(&[7200, 86_400, 200_000])))),
            _ => None,
        };
        When { start: Some(start), shown, end, repeat, enabled: !self.one_in(30), ..When::new(wants) }
    }

    fn when(&mut self, from: i64, until: i64) -> When {
        let delay = self.of(&[0, 0, 30, 90, 3600]);
        let wants = match self.below(24) {
            0 | 1 => Wants::Boot(delay),
            2 | 3 => Wants::Registration(delay),
            4 => Wants::Idle,
            5 => Wants::Event(self.of(&[1, 2]), delay, self.of(&[1, 1, 3])),
            6 => Wants::Logon(delay),
            7 => Wants::Lock(delay),
            _ => {
                let mut when = self.calendar(from, until);
                when.random = self.of(&[0, 0, 0, 0, 0, 0, 600]);
                when.stop_at_end = self.one_in(4);
                when.limit = self.one_in(8).then_some(30);
                return when;
            }
        };
        let repeat = match self.below(6) {
            0 => Some((600, Some(1800))),
            1 => Some((6 * 3600, None)),
            _ => None,
        };
        When { repeat, ..When::new(wants) }
    }

    fn plan(&mut self, from: i64, until: i64) -> Plan {
        let lasts = |lots: &mut Self| match lots.below(12) {
            0 => "missing".to_owned(),
            1 => "for=7200".to_owned(),
            2 => "for=100000".to_owned(),
            3 => "for=90 stubborn".to_owned(),
            4 => "".to_owned(),
            5 => "for=3 code=1".to_owned(),
            6 | 7 => "for=0".to_owned(),
            _ => format!("for={}", lots.below(60)),
        };
        let mut plan = Plan::new(&lasts(self));
        while self.one_in(6) && plan.actions.len() < 3 {
            let next = lasts(self);
            plan.actions.push(next);
        }
        plan.when = (0..self.of(&[1, 1, 1, 2, 3])).map(|_| self.when(from, until)).collect();
        plan.policy = self.of(&[
            InstancesPolicy::Parallel,
            InstancesPolicy::Queue,
            InstancesPolicy::IgnoreNew,
            InstancesPolicy::IgnoreNew,
            InstancesPolicy::StopExisting,
        ]);
        plan.enabled = !self.one_in(12);
        plan.on_demand = !self.one_in(8);
        plan.hard = !self.one_in(4);
        plan.limit = self.of(&[None, Some(40), Some(3600), Some(259_200)]);
        plan.available = self.one_in(3);
        plan.catch_up = match self.below(8) {
            0 => Some("skip".to_owned()),
            1 => Some("latest".to_owned()),
            2 => Some(format!("all {}", self.of(&[1, 3, 20]))),
            _ => None,
        };
        plan.mains = self.one_in(6);
        plan.stop_on_batteries = self.one_in(6);
        plan.network = self.one_in(6);
        plan.no_remote_app = self.one_in(12);
        plan.idle = self.one_in(8).then(|| (self.of(&[60, 600]), self.of(&[0, 600, 7200])));
        plan.stop_on_idle_end = self.one_in(2);
        plan.restart_on_idle = self.one_in(2);
        plan.restart = self.one_in(6).then(|| (self.of(&[1, 3]), self.of(&[60, 600])));
        plan.delete_after = self.one_in(10).then(|| self.of(&[0, 3600, 86_400]));
        plan.wake = self.one_in(8);
        plan
    }

    fn happening(&mut self, from: i64, until: i64) -> Happening {
        let name = self.below(NAMES as u64) as usize;
        let coin = self.one_in(2);
        let while_ = |lots: &mut Self| match lots.below(4) {
            0 => lots.between(1, 50 * SECOND),
            1 => lots.between(SECOND, 20 * MINUTE),
            2 => lots.between(MINUTE, 12 * HOUR),
            _ => lots.between(HOUR, 3 * DAY),
        };
        match self.below(100) {
            0..=9 => Happening::Register(name, Rc::new(self.plan(from - 10 * DAY, until))),
            10 | 11 => Happening::Delete(name),
            12..=19 => Happening::Enable(name, !self.one_in(3)),
            20..=27 => Happening::Run(name, coin),
            28 | 29 => Happening::Stop(name),
            30..=35 => Happening::Batteries(coin),
            36..=41 => Happening::Network(!self.one_in(3)),
            42..=52 => Happening::Idle(coin),
            53 | 54 => Happening::RemoteApp(self.one_in(3)),
            55..=57 => Happening::Logon,
            58..=60 => Happening::Lock,
            61..=66 => Happening::Event(self.of(&[1, 2, 3])),
            67..=70 => {
                let by = while_(self);
                Happening::Step(if coin { by } else { -by }, !self.one_in(4))
            }
            71 | 72 => Happening::Zone(self.below(zones::NAMES.len() as u64) as usize),
            73 | 74 => Happening::TimeUnknown(while_(self)),
            75..=78 => Happening::Sleep(while_(self), coin),
            79..=92 => {
                let end = match self.below(8) {
                    0 | 1 => End::Killed,
                    2 => End::Cut,
                    3 => End::Told,
                    _ => End::CutAfter(self.below(6)),
                };
                Happening::Down(end, while_(self), self.one_in(5))
            }
            93..=95 => Happening::StoreFails(self.between(1, 10 * MINUTE), self.one_in(3)),
            96 => Happening::Dry(self.between(1, 10 * MINUTE)),
            _ => Happening::Register(name, Rc::new(self.plan(from - 10 * DAY, until))),
        }
    }
}

impl Script {
    /// Some of the tasks are for the members of a group, who log on and off. What waits for a member is known to nobody who looks
    /// from outside until it starts, so none of them waits for its turn or is tried again.
    fn with_members(seed: u64, length: i64, happenings: &mut Vec<(i64, Happening)>) {
        let mut lots = Lots(Chance::new(seed ^ 0x6d65_6d62));
        for (_, happening) in happenings.iter_mut() {
            let Happening::Register(_, plan) = happening else { continue };
            let fits = matches!(plan.policy, InstancesPolicy::Parallel | InstancesPolicy::IgnoreNew);
            if fits && plan.restart.is_none() && lots.one_in(4) {
                Rc::make_mut(plan).group = true;
            }
        }
        happenings.insert(0, (0, Happening::Members(lots.below(4) as u32)));
        for _ in 0..lots.of(&[0, 2, 10]) {
            happenings.push((lots.between(SECOND, length), Happening::Members(lots.below(4) as u32)));
        }
    }

    /// The world of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut lots = Lots(Chance::new(seed + 1));
        for _ in 0..8 {
            lots.0.draw();
        }
        let zone = lots.below(zones::NAMES.len() as u64) as usize;
        let length = lots.between(20 * DAY, 120 * DAY);
        // Half a second past a full one, so that nobody's moment is the begin.
        let start = lots.between(946_684_800, 2_114_380_800) * SECOND + 500;
        let tasks = 4 + lots.below(8) as usize;
        let mut happenings: Vec<(i64, Happening)> = (0..tasks)
            .map(|name| (0, Happening::Register(name, Rc::new(lots.plan(start - 10 * DAY, start + length)))))
            .collect();
        // From calm worlds to wild ones.
        let wild = lots.of(&[2, 10, 10, 40, 120]);
        for _ in 0..wild {
            let at = lots.between(SECOND, length);
            // Some things happen together, or at the moment for which tasks are due.
            let at = match lots.below(3) {
                0 => at / MINUTE * MINUTE + 500,
                _ => at,
            };
            let happening = lots.happening(start + at, start + length);
            happenings.push((at, happening));
        }
        Self::with_members(seed, length, &mut happenings);
        happenings.sort_by_key(|(at, _)| *at);
        let slots = lots.of(&[6, 24, 64, 64]);
        Self { seed, zone, start, length, slots, happenings }
    }
}
