//! What comes out of the engine.

use super::*;

impl Observer {
    pub(crate) fn see(&mut self, at: At, sight: &Sight) {
        self.note(|| format!("{sight:?}"));
        match *sight {
            Sight::Record { queued: Some(VOLATILE), .. } => {}
            Sight::Record { guid, queued: Some(OVERTAKEN), .. } => drop(self.overtaken.insert(guid)),
            Sight::Record { guid, task, definition, cause, action, queued } => {
                if !self.instances.contains_key(&guid) {
                    self.claim(at, guid, task, definition, cause);
                }
                self.recorded(at, guid, action, queued.is_some());
            }
            Sight::Start { guid, ref line, session } => self.ordered(guid, line.as_deref(), session),
            Sight::Failed { guid } => {
                if let Some(instance) = self.instances.get_mut(&guid) {
                    instance.failed = Some(self.life);
                }
            }
            Sight::Stop { guid, hard } => self.told_to_stop(guid, hard),
            Sight::Recover { guid } => {
                self.goes_on(guid);
                self.counts.recoveries += 1;
                let life = self.life;
                match self.instances.get_mut(&guid) {
                    Some(instance) => (instance.recovered, instance.ended) = (life, false),
                    None => self.fail("what is looked for was recorded", format!("{guid}")),
                }
            }
            Sight::Event(ref event) => self.told(event),
        }
    }

    /// An instance is seen for the first time.
    pub(super) fn claim(&mut self, at: At, guid: Guid, task: u32, definition: u32, cause: Cause) {
        let instance = Instance {
            task,
            cause,
            started: None,
            ordered: false,
            queued: false,
            failed: None,
            ended: false,
            recovered: 0,
            began: None,
            occurrence: None,
            session: None,
        };
        self.instances.insert(guid, instance);
        let Some(known) = self.tasks.get(&task).cloned() else {
            return self.fail("only tasks run that are there", format!("{task} {cause:?}"));
        };
        let plan = Rc::clone(&known.plan);
        let waits = patience(&plan) > 0;
        let early = "never early";
        let occurrence = match cause {
            Cause::Calendar(Timestamp(moment)) => {
                let is_moment =
                    |zone: &usize| self.times.moments(known.version, &plan, *zone).binary_search(&moment).is_ok();
                let is_moment = self.zones.clone().iter().any(is_moment);
                if !is_moment {
                    return self.fail(early, format!("t{} runs for {moment}, which is no moment of it", known.name));
                }
                // It came in an earlier life, if it waited then.
                let is_reached = at.wall.is_some_and(|wall| moment <= wall)
                    || (waits && moment <= self.high)
                    || self.claims.contains_key(&(task, Occurrence::Calendar(moment)))
                    || self.overtaken.contains(&guid);
                if !is_reached {
                    return self.fail(early, format!("t{} runs for {moment} at {:?}", known.name, at.wall));
                }
                // A clock that was wrong then may have shown a later time than it shows of that moment now.
                let real = at.wall.map_or(i64::MIN, |wall| at.real - (wall - moment));
                if moment < known.low && real < known.real {
                    return self.fail(early, format!("t{} runs for {moment}, before it was there", known.name));
                }
                Some(Occurrence::Calendar(moment))
            }
            // No task of these worlds has MaintenanceSettings.
            Cause::Maintenance { at: moment, .. } => {
                return self.fail(early, format!("t{} runs for maintenance at {moment:?}", known.name));
            }
            Cause::Boot(elapsed) => {
                // One that had to wait for its turn since an earlier life may wait for something else then, as another instance.
                let is_reached = at.mono - self.boot >= elapsed as i64 && known.registered.0 != self.life;
                let claim = |life: &u64| self.claims.get(&(task, Occurrence::Boot(*life, elapsed)));
                let earlier = (0..self.life).rev().find(|life| {
                    let before = claim(life).and_then(|(guid, _)| self.instances.get(guid));
                    before.is_some_and(|before| before.ended && before.started.is_none())
                });
                match earlier {
                    Some(life) if !is_reached || claim(&self.life).is_some() => Some(Occurrence::Boot(life, elapsed)),
                    _ if is_reached => Some(Occurrence::Boot(self.life, elapsed)),
                    _ => return self.fail(early, format!("t{} at boot after {elapsed}", known.name)),
                }
            }
            Cause::Registration(elapsed) => {
                let (life, registered) = known.registered;
                if life == self.life && at.mono - registered < elapsed as i64 {
                    return self.fail(early, format!("t{} registered {registered}, after {elapsed}", known.name));
                }
                Some(Occurrence::Registration(definition, elapsed))
            }
            Cause::Idle => {
                let duration = plan.idle.map_or(0, |(duration, _)| duration) as i64 * SECOND;
                if !waits && self.idle_since.is_none_or(|since| at.mono - since < duration) {
                    return self.fail(early, format!("t{} as if the machine were idle", known.name));
                }
                None
            }
            Cause::Event | Cause::Session | Cause::Demand => None,
        };
        if let Some(instance) = self.instances.get_mut(&guid) {
            instance.occurrence = occurrence;
        }
        if let Some(occurrence) = occurrence.filter(|_| plan.group) {
            let (runs, _) = self.served.entry((task, occurrence)).or_default();
            *runs += 1;
            let runs = *runs;
            if runs > self.members {
                return self.fail("never twice", format!("t{} {occurrence:?}, for {runs} members", known.name));
            }
        } else if let Some(occurrence) = occurrence {
            let tries = plan.restart.map_or(0, |(count, _)| count);
            match self.claims.get_mut(&(task, occurrence)) {
                None => {
                    self.claims.insert((task, occurrence), (guid, 0));
                }
                Some((before, attempts)) => {
                    let failed = self.instances.get(before).is_some_and(|instance| instance.failed.is_some());
                    // One that waited for its turn and was skipped then did not run: a restart may owe it again.
                    let skipped =
                        self.instances.get(before).is_some_and(|instance| instance.ended && instance.started.is_none());
                    if !skipped && (!failed || *attempts >= tries) {
                        return self.fail("never twice", format!("t{} {occurrence:?}", known.name));
                    }
                    (*before, *attempts) = (guid, *attempts + 1);
                }
            }
        }
        if let Cause::Calendar(Timestamp(moment)) = cause
            && let Some(known) = self.tasks.get_mut(&task)
        {
            known.overtaken.retain(|waited| *waited != moment);
            // What waited for its delay, and ran while nobody knew the time.
            known.carried = known.carried.filter(|first| *first > moment);
            known.floor = known.floor.max(moment);
            known.ran = known.ran.max(moment);
        }
        self.account(task, cause);
    }

    /// A run stands for what is to be accounted for.
    pub(super) fn account(&mut self, task: u32, cause: Cause) {
        self.active.insert(task, self.last.mono);
        let kind = match cause {
            Cause::Event => Wanted::Event,
            Cause::Session => Wanted::Session,
            Cause::Idle => Wanted::Idle,
            _ => Wanted::Exactly(cause),
        };
        if !matches!(kind, Wanted::Exactly(_)) {
            // Nobody can tell them apart: it stands for the one that is due now, or must come first.
            let now = self.last.mono;
            let of_kind =
                self.items.iter().enumerate().filter(|(_, item)| item.task == task && item.wanted.contains(&kind));
            if let Some((place, _)) = of_kind.min_by_key(|(_, item)| (item.due != now, item.until)) {
                self.items.remove(place);
            }
            return;
        }
        self.items.retain(|item| {
            let fits = |wanted: &Wanted| match (*wanted, cause) {
                (Wanted::Since(first), Cause::Calendar(Timestamp(moment))) => moment >= first,
                (wanted, _) => wanted == kind,
            };
            item.task != task || !item.wanted.iter().any(fits)
        });
    }

    pub(super) fn recorded(&mut self, at: At, guid: Guid, action: u8, queued: bool) {
        let life = self.life;
        let Some(instance) = self.instances.get_mut(&guid) else { return };
        if queued {
            instance.queued = true;
            let task = instance.task;
            // Of the members of a group it stops the runs of one.
            if let Some(plan) = self.tasks.get(&task).map(|known| Rc::clone(&known.plan))
                && plan.policy == InstancesPolicy::StopExisting
            {
                self.stops(!plan.group, |_, of| of == task);
            }
            return;
        }
        let first = action == 0;
        let (was_queued, task, cause) = (instance.queued, instance.task, instance.cause);
        instance.started = Some((life, action));
        instance.ordered = false;
        instance.queued = false;
        if !first {
            return;
        }
        instance.began = Some(at.wall);
        self.counts.runs += 1;
        if cause == Cause::Demand {
            return;
        }
        let Some(known) = self.tasks.get(&task) else { return };
        let (plan, machine) = (&known.plan, &self.machine);
        let idle = plan.idle.map(|(duration, _)| duration as i64 * SECOND);
        let not_idle = |idle| self.idle_since.is_none_or(|since| at.mono - since < idle);
        let hindered = if plan.mains && machine.on_batteries {
            Some("on batteries")
        } else if plan.network && !machine.network {
            Some("without a network")
        } else if plan.no_remote_app && machine.remote_app_session {
            Some("in the session of a remote application")
        } else if idle.is_some_and(not_idle) {
            Some("while the machine is used")
        } else if !known.enabled && !was_queued {
            Some("though it is disabled")
        } else {
            None
        };
        let (name, is_group) = (known.name, plan.group);
        if let Some(hindered) = hindered {
            self.fail("conditions hold", format!("t{name} starts {hindered}: {cause:?}"));
        }
        if matches!(cause, Cause::Calendar(_)) && !is_group {
            self.walked.push((name, at.wall.unwrap_or(i64::MIN)));
        }
    }

    pub(super) fn ordered(&mut self, guid: Guid, line: Option<&str>, session: Option<u32>) {
        self.counts.starts += 1;
        let life = self.life;
        let rule = "started once, and recorded before";
        let Some(instance) = self.instances.get_mut(&guid) else {
            return self.fail(rule, format!("{guid} was never recorded"));
        };
        if instance.ordered || instance.started.is_none_or(|(recorded, _)| recorded != life) {
            let text = format!("{guid}: {instance:?}");
            return self.fail(rule, text);
        }
        instance.ordered = true;
        instance.session = session;
        let (task, occurrence) = (instance.task, instance.occurrence);
        // An action that follows another has the session of that one.
        if instance.started == Some((life, 0))
            && let Some(known) = self.tasks.get(&task)
        {
            let is_member = session.map(|session| (1..=self.members).contains(&session));
            let is_served = session.zip(occurrence).is_some_and(|(session, occurrence)| {
                let (_, sessions) = self.served.entry((task, occurrence)).or_default();
                let is_served = sessions.contains(&session);
                sessions.push(session);
                is_served
            });
            if is_member != known.plan.group.then_some(true) || is_served {
                let text = format!("t{} for session {session:?} {occurrence:?}", known.name);
                return self.fail("once for each member", text);
            }
            let is_same = |other: &&Guid| {
                **other != guid && self.instances.get(*other).is_some_and(|other| other.session == session)
            };
            let others = self.running.get(&task).map_or(0, |running| running.iter().filter(is_same).count());
            if known.plan.group && known.plan.policy != InstancesPolicy::Parallel && others > 0 {
                let text = format!("t{} starts for {session:?} beside {others}", known.name);
                return self.fail("the policy holds", text);
            }
        }
        let Some(instance) = self.instances.get(&guid) else { return };
        let name = self.tasks.get(&instance.task).map(|known| known.name);
        if let (Some(line), Some(name)) = (line, name)
            && !line.starts_with(&format!("t{name}v"))
        {
            self.fail("a run is of its task", format!("{line} is run for t{name}"));
        }
    }

    pub(super) fn told(&mut self, event: &Event) {
        if let Some((task, reason)) = host::skip(event) {
            *self.counts.skips.entry(format!("{reason:?}")).or_default() += 1;
            self.token += 1;
            self.tokens.push((task, self.last.mono, self.token));
            self.active.insert(task, self.last.mono);
            self.is_skipped(task, reason);
        }
        match *event {
            Event::InstanceStarted { task, instance } => {
                self.begins(instance);
                let running = self.running.entry(task).or_default();
                let others = running.len();
                running.insert(instance);
                // Whose it is if it is a member's is known when it is ordered.
                if let Some(known) = self.tasks.get(&task).filter(|known| !known.plan.group)
                    && known.plan.policy != InstancesPolicy::Parallel
                    && others > 0
                {
                    let text = format!("t{} starts beside {others}", known.name);
                    self.fail("the policy holds", text);
                }
            }
            Event::InstanceEnded { task, instance, result } => {
                self.ends_with(task, instance, result);
                self.running.entry(task).or_default().remove(&instance);
                self.lasting.remove(&instance);
                self.active.insert(task, self.last.mono);
                if let Some(instance) = self.instances.get_mut(&instance) {
                    instance.ended = true;
                }
            }
            Event::Deleted { task } if !matches!(self.asked, Some(Asked::Delete(_))) => self.expired(task),
            Event::Lost { .. } => {
                (self.events_lost, self.ledger_fails) = (true, self.life);
                // What of this moment was lost, nobody knows.
                let now = self.last.mono;
                let before = self.items.len();
                self.items.retain(|item| item.due < now && item.until > now);
                self.except(EVENTS_LOST, before - self.items.len());
            }
            Event::RecordDamaged { .. } => self.fail("records are whole", format!("{event:?}")),
            Event::StoreFailed { .. } if self.up => {
                self.ledger_fails = self.life;
                self.failed_at = self.last.mono;
            }
            _ => {}
        }
    }

    /// A task deleted itself.
    pub(super) fn expired(&mut self, task: u32) {
        let Some(known) = self.tasks.get(&task).cloned() else { return };
        let ends = known.plan.when.iter().map(|when| match (when.end, &when.wants, when.repeat) {
            (Some(end), ..) => Some((end, when.shown)),
            (None, Wants::Once, None) => when.start.map(|start| (start, when.shown)),
            _ => None,
        });
        let ends: Option<Vec<_>> = ends.collect();
        let zone = self.last.zone;
        let last =
            ends.and_then(|ends| ends.into_iter().map(|(civil, shown)| self.times.moment(civil, shown, zone)).max());
        let at = last.zip(known.plan.delete_after).map(|(last, after)| last + after as i64 * SECOND);
        if at.zip(self.last.wall).is_none_or(|(at, wall)| at > wall) {
            self.fail("a task is there until it is deleted", format!("t{} went by itself before {at:?}", known.name));
        }
        self.settle(i64::MAX, Some(task));
        self.tasks.remove(&task);
        self.items.retain(|item| item.task != task);
    }
}
