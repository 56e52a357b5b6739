//! What goes into the engine.

use super::*;

impl Observer {
    pub(crate) fn born(&mut self, at: At) {
        self.life += 1;
        self.counts.lives += 1;
        (self.boot, self.up, self.closing) = (at.mono, true, false);
        (self.machine, self.idle_since) = (Machine::default(), None);
        self.high = at.wall.unwrap_or(i64::MIN);
        self.tokens.clear();
        self.count_time(at);
        self.note(|| "the server starts".to_owned());
        self.failed_at = i64::MIN;
    }

    pub(super) fn count_time(&mut self, at: At) {
        self.counts.task_time += (at.real - self.last.real) * self.tasks.len() as i64;
        self.last = at;
    }

    pub(crate) fn died(&mut self, at: At) {
        self.unknown_from = at.wall.or(self.unknown_from);
        // What was told of it as the server started is not told again.
        if !self.is_loaded {
            for (task, ..) in std::mem::take(&mut self.tokens) {
                if let Some(known) = self.tasks.get_mut(&task) {
                    known.overtaken.pop();
                }
            }
        }
        self.is_loaded = false;
        let at_once = |item: &Item| !item.asleep && item.due < at.mono;
        for (task, first) in self.overtaken(at_once) {
            if let Some(known) = self.tasks.get_mut(&task) {
                known.overtaken.push(first);
            }
        }
        self.carry(|_| true);
        self.items.clear();
        self.up = false;
        self.count_time(at);
    }

    /// Takes out what waits and comes before what has run.
    fn overtaken(&mut self, waits: impl Fn(&Item) -> bool) -> Vec<(u32, i64)> {
        let mut overtaken = Vec::new();
        for item in std::mem::take(&mut self.items) {
            let first = match item.wanted[..] {
                [Wanted::Exactly(Cause::Calendar(Timestamp(moment)))] => Some(moment),
                _ => None,
            };
            let ran = self.tasks.get(&item.task).map_or(i64::MIN, |known| known.ran);
            match first.filter(|first| *first < ran && waits(&item)) {
                Some(_) if self.is_told(&item) => {}
                Some(first) => overtaken.push((item.task, first)),
                None => self.items.push(item),
            }
        }
        overtaken
    }

    /// What is owed, or was to come, is so again when that is next looked at.
    pub(super) fn carry(&mut self, is_meant: impl Fn(&Item) -> bool) {
        let (meant, rest) = std::mem::take(&mut self.items).into_iter().partition(is_meant);
        self.items = rest;
        let mut meant: Vec<Item> = meant;
        meant.sort_by_key(|item| item.until);
        for item in meant {
            if self.is_told(&item) {
                continue;
            }
            let first = item.wanted.iter().filter_map(|wanted| match *wanted {
                Wanted::Exactly(Cause::Calendar(Timestamp(moment))) | Wanted::Since(moment) => Some(moment),
                _ => None,
            });
            if let Some(first) = first.min()
                && let Some(known) = self.tasks.get_mut(&item.task)
            {
                if first < known.ran {
                    *self.counts.exceptions.entry(RAN_LATER).or_default() += 1;
                    continue;
                }
                known.carried = known.carried.into_iter().chain([first]).min();
            }
        }
    }

    pub(crate) fn ticks(&mut self) {
        self.items.iter_mut().for_each(|item| item.asleep = false);
    }

    pub(crate) fn closes(&mut self) {
        self.closing = true;
        self.stops(true, |_, _| true);
    }

    pub(crate) fn ends(&mut self, at: At) {
        self.settle(at.mono, None);
        self.count_time(at);
    }

    pub(super) fn number_of(&self, name: usize) -> Option<u32> {
        self.tasks.iter().find(|(_, known)| known.name == name).map(|(number, _)| *number)
    }

    /// After a start: which tasks there are, by name, with number, version and whether they are enabled.
    pub(crate) fn loaded(&mut self, at: At, found: &[(usize, u32, Option<u32>, bool)]) {
        let asked = self.asked.take();
        let rule = "acknowledged is durable";
        for name in 0..NAMES {
            let there = found
                .iter()
                .find(|(found, ..)| *found == name)
                .map(|&(_, number, version, enabled)| (number, version, enabled));
            let known = self.number_of(name);
            let expected = known.map(|number| (number, Some(self.tasks[&number].version), self.tasks[&number].enabled));
            if there == expected {
                continue;
            }
            match (&asked, there) {
                (Some(Asked::Register(asked, wanted, wall)), Some((number, Some(version), enabled)))
                    if *asked == name && version == *wanted =>
                {
                    // The floor is lifted with what comes after the entry.
                    let floor = self.tasks.get(&number).map_or(i64::MIN, |known| known.floor);
                    let is_new = known != Some(number);
                    if is_new && let Some(known) = known {
                        self.tasks.remove(&known);
                    }
                    self.adopt(At { wall: *wall, ..at }, name, version, number);
                    let plan_enabled = self.plans[&version].enabled;
                    if enabled != plan_enabled {
                        self.fail(rule, format!("t{name} is registered, and enabled: {enabled}"));
                    }
                    if let Some(known) = self.tasks.get_mut(&number) {
                        // That was in another life.
                        (known.registered, known.floor) = ((0, 0), floor);
                    }
                }
                (Some(Asked::Delete(asked)), None) if *asked == name => {
                    if let Some(number) = known {
                        self.tasks.remove(&number);
                    }
                }
                (Some(Asked::Enable(asked, wanted)), Some((number, _, enabled)))
                    if *asked == name && enabled == *wanted =>
                {
                    if let Some(known) = self.tasks.get_mut(&number) {
                        (known.enabled, known.since) = (enabled, None);
                    }
                }
                // A task that deletes itself may have come that far when the power was cut.
                (_, None) if known.is_some_and(|number| self.tasks[&number].plan.delete_after.is_some()) => {
                    if let Some(number) = known {
                        self.tasks.remove(&number);
                    }
                }
                _ => self.fail(rule, format!("t{name} is {there:?} and not {expected:?}")),
            }
        }
        for (guid, instance) in &self.instances {
            let earlier = instance.started.is_some_and(|(life, _)| life != self.life);
            if earlier && !instance.ended && instance.recovered != self.life {
                let text = format!("{guid} {instance:?}");
                return self.fail("what started is looked for", text);
            }
        }
        self.is_loaded = true;
        for (&task, known) in &mut self.tasks {
            let all = known.enabled && known.plan.catch_up.as_ref().is_some_and(|wish| wish.starts_with("all"));
            let until = at.mono + if all { patience(&known.plan) } else { 0 };
            for moment in std::mem::take(&mut known.overtaken) {
                let wanted = vec![Wanted::Exactly(Cause::Calendar(Timestamp(moment)))];
                let excused = self.store_fails;
                self.items.push(Item { task, wanted, due: at.mono, until, excused, turn: all, asleep: false });
            }
        }
        if let Some(wall) = at.wall {
            self.went_by(wall);
        }
    }

    pub(crate) fn asks_to_register(&mut self, name: usize, version: u32, plan: &Rc<Plan>) {
        self.plans.insert(version, Rc::clone(plan));
        self.asked = Some(Asked::Register(name, version, self.last.wall));
    }

    pub(crate) fn registered(&mut self, at: At, name: usize, version: u32, number: u32, is_done: bool) {
        if is_done {
            self.asked = None;
            self.adopt(at, name, version, number);
        } else if self.store_fails {
            self.asked = None;
        }
    }

    pub(super) fn adopt(&mut self, at: At, name: usize, version: u32, number: u32) {
        let plan = Rc::clone(&self.plans[&version]);
        let before = self.tasks.get(&number);
        let floor = before.map_or(i64::MIN, |known| known.floor.min(at.wall.unwrap_or(i64::MAX)));
        // What is said of one that had this number before is not of this one.
        if before.is_none() {
            self.ledger.remove(&number);
        }
        let known = Known {
            name,
            version,
            enabled: plan.enabled,
            plan,
            since: at.wall,
            low: at.wall.unwrap_or(i64::MIN),
            floor,
            ran: i64::MIN,
            registered: (self.life, at.mono),
            real: at.real,
            carried: None,
            overtaken: Vec::new(),
        };
        self.tasks.insert(number, known);
        // A floor that a wrong clock set too high is lifted.
        let wall = at.wall.unwrap_or(i64::MAX);
        self.claims.retain(|(task, occurrence), _| {
            *task != number || !matches!(occurrence, Occurrence::Calendar(moment) if *moment > wall)
        });
        self.drop_items(number, REGISTERED_ANEW, |_| true);
    }

    pub(super) fn drop_items(&mut self, task: u32, why: &'static str, is_meant: impl Fn(&Item) -> bool) {
        let before = self.items.len();
        self.items.retain(|item| item.task != task || !is_meant(item));
        let dropped = before - self.items.len();
        if dropped > 0 {
            self.except(why, dropped);
        }
    }

    pub(crate) fn asks_to_delete(&mut self, name: usize) {
        self.asked = Some(Asked::Delete(name));
        let number = self.number_of(name);
        self.stops(false, |_, task| Some(task) == number);
    }

    pub(crate) fn deleted(&mut self, name: usize, is_done: bool) {
        if is_done && let Some(number) = self.number_of(name) {
            self.stops(true, |_, task| task == number);
            self.tasks.remove(&number);
            self.items.retain(|item| item.task != number);
        }
        if is_done || self.store_fails {
            self.asked = None;
        }
    }

    pub(crate) fn asks_to_enable(&mut self, name: usize, enabled: bool) {
        self.asked = Some(Asked::Enable(name, enabled));
    }

    pub(crate) fn enabled(&mut self, at: At, name: usize, enabled: bool, is_done: bool) {
        if is_done && let Some(number) = self.number_of(name) {
            let is_owed = |item: &Item| matches!(item.wanted[..], [Wanted::Since(_)]);
            if !enabled {
                // The host slept, and did not tick since.
                // And what is owed is so no more.
                self.drop_items(number, DISABLED, |item| {
                    item.asleep || (item.due <= at.mono && (item.turn || item.until <= at.mono))
                });
            }
            let known = self.tasks.get_mut(&number).expect("a task");
            if known.enabled != enabled {
                known.enabled = enabled;
                known.carried = None;
                known.since = at.wall;
                self.drop_items(number, DISABLED, is_owed);
            }
        }
        if is_done || self.store_fails {
            self.asked = None;
        }
    }

    /// How many skips were told until now.
    pub(crate) fn told_so_far(&self) -> u64 {
        self.token
    }

    /// Somebody asked for a run.
    pub(crate) fn ran(&mut self, name: usize, result: Result<Guid, Refused>, told_before: u64) {
        match result {
            Ok(guid) => {
                self.counts.demanded += 1;
                if !self.instances.contains_key(&guid) {
                    self.fail("acknowledged is durable", format!("a run of t{name} has no record"));
                }
            }
            Err(_) => {
                // What was told of it stands for no occurrence.
                self.tokens.retain(|(.., number)| *number <= told_before);
            }
        }
    }

    pub(crate) fn asks_to_stop(&mut self, name: usize) {
        let number = self.number_of(name);
        self.stops(true, |_, task| Some(task) == number);
    }

    pub(crate) fn stopped(&mut self, at: At, name: usize) {
        if let Some(number) = self.number_of(name) {
            self.drop_items(number, STOPPED, |item| item.due < at.mono);
        }
    }

    pub(crate) fn machine(&mut self, at: At, machine: Machine) {
        let comes = self.machine.idle && !machine.idle;
        let goes_on_batteries = machine.on_batteries && !self.machine.on_batteries;
        self.stops(true, |observer, task| {
            observer.tasks.get(&task).is_some_and(|known| {
                let plan = &known.plan;
                goes_on_batteries && plan.stop_on_batteries || comes && plan.idle.is_some() && plan.stop_on_idle_end
            })
        });
        if machine.idle != self.machine.idle {
            if !machine.idle {
                // The host slept, and somebody came before it ticked.
                for number in self.tasks.keys().copied().collect::<Vec<_>>() {
                    self.drop_items(number, IDLE_NO_MORE, |item| {
                        item.wanted.contains(&Wanted::Idle) && item.until >= at.mono && item.due <= at.mono
                    });
                }
            }
            self.idle_since = machine.idle.then_some(at.mono);
        }
        self.machine = machine;
    }

    pub(crate) fn session(&mut self, at: At, logon: bool) {
        self.happened(at, Wanted::Session, |when| match when.wants {
            Wants::Logon(delay) if logon => Some(delay),
            Wants::Lock(delay) if !logon => Some(delay),
            _ => None,
        });
    }

    pub(crate) fn event(&mut self, at: At, id: u16) {
        self.happened(at, Wanted::Event, |when| match when.wants {
            // Of those that are counted one is not watched alone.
            Wants::Event(wanted, delay, count) if wanted == id && count < 2 => Some(delay),
            _ => None,
        });
    }

    pub(super) fn happened(&mut self, at: At, wanted: Wanted, delay: impl Fn(&When) -> Option<u64>) {
        // The one session that anything becomes of is that of the first member.
        let no_member = wanted == Wanted::Session && self.members == 0;
        let is_meant = |known: &Known| known.enabled && !(known.plan.group && no_member);
        for (&task, known) in self.tasks.iter().filter(|(_, known)| is_meant(known)) {
            for when in known.plan.when.iter().filter(|when| when.enabled) {
                let Some(delay) = delay(when) else { continue };
                let until = at.mono + delay as i64 * SECOND + patience(&known.plan);
                self.items.push(Item {
                    task,
                    wanted: vec![wanted],
                    due: at.mono,
                    until,
                    excused: self.store_fails,
                    turn: false,
                    asleep: false,
                });
            }
        }
    }

    pub(crate) fn zone_changed(&mut self, at: At) {
        self.last = at;
        if !self.zones.contains(&at.zone) {
            self.zones.push(at.zone);
        }
        for number in self.tasks.keys().copied().collect::<Vec<_>>() {
            self.drop_items(number, ANOTHER_ZONE, |item| item.asleep || matches!(item.wanted[..], [Wanted::Since(_)]));
            if let Some(known) = self.tasks.get_mut(&number) {
                known.carried = None;
            }
        }
    }
}
