//! What must be accounted for, as time goes by.

use super::*;

impl Observer {
    /// Time went by while the server was up.
    pub(crate) fn passed(&mut self, before: At, after: At, how: Passed) {
        if how == Passed::Awake {
            self.check_lasting();
        }
        // What is due at this very moment may still be told, unless the host goes on as it had nothing to tick for.
        self.settle(before.mono + i64::from(how == Passed::Awake), None);
        self.count_time(after);
        if how == Passed::Asleep {
            // Whatever the sleep passed over is told with the first tick after it.
            for item in &mut self.items {
                let again = self.tasks.get(&item.task).map_or(0, |known| patience(&known.plan));
                // It may be tried again only then.
                let until = if item.until > item.due { after.mono + again } else { after.mono };
                item.until = item.until.max(until);
            }
        }
        if let Some(wall) = after.wall {
            self.high = self.high.max(wall);
            for known in self.tasks.values_mut() {
                known.low = known.low.min(wall);
            }
        }
        if self.closing {
            return;
        }
        if how == Passed::Set {
            self.counts.steps += 1;
            // What the host did not tick for yet is missed.
            self.carry(|item| item.asleep || (item.due <= after.mono && item.until <= after.mono));
            match (before.wall, after.wall) {
                (_, Some(wall)) => {
                    self.unknown_from = before.wall.or(self.unknown_from);
                    self.went_by(wall);
                }
                (Some(wall), None) => {
                    self.unknown_from = Some(wall);
                    // What has not had its turn has it when the time is known again.
                    let busy: Vec<u32> =
                        self.running.iter().filter(|(_, running)| !running.is_empty()).map(|(task, _)| *task).collect();
                    self.carry(|item| {
                        matches!(item.wanted[..], [Wanted::Since(_)]) || item.turn && busy.contains(&item.task)
                    });
                }
                (None, None) => {}
            }
            return;
        }
        let numbers: Vec<u32> = self.tasks.keys().copied().collect();
        for number in numbers {
            self.dues(number, before, after, how);
        }
    }

    /// What a task is due for after one moment and until another.
    pub(super) fn dues(&mut self, number: u32, before: At, after: At, how: Passed) {
        let known = &self.tasks[&number];
        let (plan, version, floor) = (Rc::clone(&known.plan), known.version, known.floor);
        let mut dues: BTreeMap<i64, Vec<Wanted>> = BTreeMap::new();
        if let (Some(from), Some(until)) = (before.wall, after.wall) {
            let moments = self.times.moments(version, &plan, after.zone);
            let due = between(&moments, from, until);
            if !self.tasks[&number].enabled {
                if !due.is_empty() {
                    self.except(DISABLED, due.len());
                }
                return;
            }
            for &moment in due.iter().filter(|moment| **moment > floor) {
                let mono = after.mono - (until - moment);
                dues.entry(mono).or_default().push(Wanted::Exactly(Cause::Calendar(Timestamp(moment))));
            }
            if let Some(known) = self.tasks.get_mut(&number) {
                known.floor = known.floor.max(due.last().copied().unwrap_or(i64::MIN));
            }
        }
        let known = &self.tasks[&number];
        if !known.enabled {
            return;
        }
        for when in plan.when.iter().filter(|when| when.enabled) {
            let (event, cause): (i64, &dyn Fn(i64) -> Wanted) = match when.wants {
                Wants::Boot(_) if known.registered.0 != self.life => {
                    (self.boot, &|elapsed| Wanted::Exactly(Cause::Boot(elapsed.unsigned_abs())))
                }
                Wants::Registration(_) if known.registered.0 == self.life => {
                    (known.registered.1, &|elapsed| Wanted::Exactly(Cause::Registration(elapsed.unsigned_abs())))
                }
                Wants::Idle if self.idle_since.is_some() => (self.idle_since.unwrap_or(0), &|_| Wanted::Idle),
                _ => continue,
            };
            let delay = times::delay(when, &plan).unwrap_or(0);
            // Never at the very moment at which the machine became idle.
            let event = event + i64::from(matches!(when.wants, Wants::Idle) && delay == 0);
            for elapsed in times::elapsed(when, delay, before.mono - event, after.mono - event) {
                dues.entry(event + elapsed).or_default().push(cause(elapsed));
            }
        }
        let late = LATE_TIME as i64;
        let mut passed_over = 0;
        let catches_up_all = plan.catch_up.as_ref().is_some_and(|wish| wish.starts_with("all"));
        let owed = self.items.iter().any(|item| item.task == number && item.turn);
        // When a registration trigger of an earlier life is due, only the engine knows.
        let unknown = known.registered.0 != self.life
            && plan.when.iter().any(|when| when.enabled && matches!(when.wants, Wants::Registration(_)));
        for (place, (mono, wanted)) in dues.into_iter().enumerate() {
            if how == Passed::Asleep && (place > 0 || owed || unknown) && mono < after.mono - late {
                passed_over += 1;
                continue;
            }
            // One that is owed all of them has each in its turn.
            let turn = catches_up_all;
            let turns = if turn { self.turns() } else { 0 };
            let until = mono.max(if how == Passed::Asleep { after.mono } else { mono }) + patience(&plan) + turns;
            self.items.push(Item {
                task: number,
                wanted,
                due: mono,
                until,
                excused: self.store_fails,
                turn,
                asleep: how == Passed::Asleep,
            });
        }
        if passed_over > 0 && (owed || unknown) {
            self.except(LATE_TICK, passed_over);
        } else if passed_over > 0 {
            // They are told together, as missed.
            let (wanted, due, excused) = (Vec::new(), after.mono, self.store_fails);
            self.items.push(Item { task: number, wanted, due, until: due, excused, turn: false, asleep: true });
        }
    }

    /// In how many milliseconds each task has had its turn to run what it is owed.
    pub(super) fn turns(&self) -> i64 {
        (QUIET_TIME + SPREAD_TIME * (NAMES as u64 + 1)) as i64 + MINUTE
    }

    /// The wall clock shows this time, and there are some that nobody saw it show.
    pub(super) fn went_by(&mut self, wall: i64) {
        let Some(from) = self.unknown_from.take() else { return };
        let zone = self.last.zone;
        let turns = self.turns();
        // What lies ahead again is not owed any more.
        self.items.retain(|item| !matches!(item.wanted[..], [Wanted::Since(first)] if first >= wall));
        for number in self.tasks.keys().copied().collect::<Vec<_>>() {
            let Some(known) = self.tasks.get_mut(&number) else { continue };
            known.low = known.low.min(wall);
            let carried = known.carried.take().filter(|first| *first < wall);
            let (plan, version, floor, since, enabled) =
                (Rc::clone(&known.plan), known.version, known.floor, known.since, known.enabled);
            let moments = self.times.moments(version, &plan, zone);
            let after = from.max(since.unwrap_or(from)).max(floor);
            let mut missed: Vec<i64> = between(&moments, after, wall - 1).to_vec();
            missed.extend(carried);
            let Some(&first) = missed.iter().min() else { continue };
            // Each is told, or owed, once: a step back brings none of them again.
            known.floor = known.floor.max(missed.iter().copied().max().unwrap_or(first));
            if !enabled {
                self.except(DISABLED, missed.len());
                continue;
            }
            if since.is_none() {
                self.except(UNKNOWN_SINCE, missed.len());
                continue;
            }
            let wishes = match plan.catch_up.as_deref() {
                Some("skip") => false,
                Some(_) => true,
                None => plan.available,
            };
            let now = self.last.mono;
            let until = if wishes { now + turns + patience(&plan) } else { now };
            // What was owed before is owed with it.
            let mut first = first;
            self.items.retain(|item| match item.wanted[..] {
                [Wanted::Since(before)] if item.task == number => {
                    first = first.min(before);
                    false
                }
                _ => true,
            });
            let wanted = vec![Wanted::Since(first)];
            let item =
                Item { task: number, wanted, due: now, until, excused: self.store_fails, turn: true, asleep: false };
            self.items.push(item);
        }
    }

    /// When all that was due while the store failed has run or is settled.
    pub(super) fn retried(&self) -> i64 {
        self.failed_at.saturating_add(RETRY_TIME as i64 + SECOND)
    }

    /// Whether a skip was told that stands for this and for nothing else.
    pub(super) fn is_told(&mut self, item: &Item) -> bool {
        let place = self.tokens.iter().position(|token| token.0 == item.task && token.1 >= item.due);
        place.map(|place| self.tokens.remove(place)).is_some()
    }

    /// Whether one was told at the very moment at which it was due.
    fn is_told_at_once(&mut self, item: &Item) -> bool {
        let place = self.tokens.iter().position(|token| token.0 == item.task && token.1 == item.due);
        place.map(|place| self.tokens.remove(place)).is_some()
    }

    /// Whatever had to be told before this moment was told.
    pub(super) fn settle(&mut self, limit: i64, only: Option<u32>) {
        let (now, all) = (self.last.mono, limit == i64::MAX);
        if self.items.is_empty() {
            return;
        }
        let failing = self.store_fails || now < self.retried();
        let mut items = std::mem::take(&mut self.items);
        items.sort_by_key(|item| item.until);
        let mut kept = Vec::with_capacity(items.len());
        for mut item in items {
            let is_meant = only.is_none_or(|task| item.task == task);
            if !is_meant || item.until >= limit {
                kept.push(item);
                continue;
            }
            let is_of_many = item.wanted.is_empty() && item.excused;
            if self.is_told_at_once(&item) || !item.turn && !is_of_many && self.is_told(&item) {
                continue;
            }
            let is_busy = self.running.get(&item.task).is_some_and(|running| !running.is_empty());
            let patience = self.tasks.get(&item.task).map_or(0, |known| patience(&known.plan));
            let active = self.active.get(&item.task).map_or(i64::MAX, |at| now - at);
            let is_active = active <= self.turns();
            if item.turn && (is_busy || is_active) && !all {
                // One that is owed all of them waits for the end of each; what is told meanwhile is of something else.
                item.until = now + self.turns();
                kept.push(item);
                continue;
            }
            if !is_of_many && self.is_told(&item) {
                continue;
            }
            if item.turn && active <= self.turns().saturating_add(patience) && !all {
                // Of one that is owed all of them another may wait for its moment, unseen.
                item.until = now + self.turns();
                kept.push(item);
                continue;
            }
            if failing && !all {
                // What comes behind the last failure only waits until the store is tried again.
                item.excused |= self.store_fails || item.due <= self.failed_at;
                kept.push(item);
                continue;
            }
            if item.excused {
                self.except(STORE_FAILED, 1);
                continue;
            }
            let name = self.tasks.get(&item.task).map(|known| known.name);
            self.fail("never lost", format!("t{name:?} {item:?} at {:?}", self.last));
        }
        kept.extend(std::mem::take(&mut self.items));
        self.items = kept;
        let old = now - 400 * MINUTE * 60;
        if self.tokens.len() > 64 {
            self.tokens.retain(|token| token.1 > old);
        }
    }
}

/// For how many milliseconds a run of a plan may wait after it is due.
pub(super) fn patience(plan: &Plan) -> i64 {
    let random = plan.when.iter().map(|when| when.random).max().unwrap_or(0);
    let idle = plan.idle.map_or(0, |(_, timeout)| timeout);
    let again = plan.restart.map_or(0, |(count, interval)| u64::from(count) * (interval + idle));
    (random + idle + again) as i64 * SECOND
}
