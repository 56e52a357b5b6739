//! What is left of a script when everything is taken out of it that a failure does not need.

use crate::{
    host,
    liar::Liar,
    observer::Violation,
    script::{Happening, Script},
};
use std::{fmt::Write, rc::Rc};

/// How many scripts are tried.
const TRIES: u32 = 1500;

struct Shrinking {
    best: Script,
    rule: &'static str,
    left: u32,
}

impl Shrinking {
    /// Takes a script if it still breaks the rule.
    fn is_enough(&mut self, script: Script) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let is_enough = host::violation(&script).is_some_and(|violation| violation.rule == self.rule);
        if is_enough {
            self.best = script;
        }
        is_enough
    }

    fn without_happenings(&mut self) {
        let mut size = self.best.happenings.len().div_ceil(2);
        loop {
            let mut at = 0;
            while at < self.best.happenings.len() {
                let mut script = self.best.clone();
                let end = (at + size).min(script.happenings.len());
                script.happenings.drain(at..end);
                if !self.is_enough(script) {
                    at += size;
                }
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Makes one change of every plan that may be made simpler, as long as the rule is broken.
    fn with_simpler_plans(&mut self) {
        for place in 0..self.best.happenings.len() {
            for part in 0..24 {
                let mut script = self.best.clone();
                let Happening::Register(name, plan) = &script.happenings[place].1 else { break };
                let mut plan = (**plan).clone();
                match part {
                    0..=2 if plan.when.len() > part => drop(plan.when.remove(part)),
                    3 => plan.actions.truncate(1),
                    4 => plan.actions[0] = "for=0".to_owned(),
                    5 => (plan.mains, plan.stop_on_batteries) = (false, false),
                    6 => plan.network = false,
                    7 => plan.no_remote_app = false,
                    8 => (plan.idle, plan.stop_on_idle_end, plan.restart_on_idle) = (None, false, false),
                    9 => plan.restart = None,
                    10 => plan.limit = None,
                    11 => plan.delete_after = None,
                    12 => plan.catch_up = None,
                    13 => plan.available = false,
                    14 => plan.policy = mainspring::task::InstancesPolicy::Parallel,
                    15 => plan.when.iter_mut().for_each(|when| when.random = 0),
                    16 => plan.when.iter_mut().for_each(|when| when.repeat = None),
                    17 => plan.when.iter_mut().for_each(|when| when.end = None),
                    18 => (plan.wake, plan.hard, plan.on_demand) = (false, true, true),
                    19 => plan.when.iter_mut().for_each(|when| (when.limit, when.stop_at_end) = (None, false)),
                    _ => continue,
                }
                if let Happening::Register(_, before) = &script.happenings[place].1
                    && **before == plan
                {
                    continue;
                }
                script.happenings[place].1 = Happening::Register(*name, Rc::new(plan));
                self.is_enough(script);
            }
        }
    }
}

/// A script that breaks the same rule, and hardly anything can be left out of it.
pub(crate) fn shrink(script: &Script, violation: &Violation) -> Script {
    let mut best = script.clone();
    // Nothing of what came later matters.
    best.length = (violation.real + 1).min(best.length);
    best.happenings.retain(|(at, _)| *at <= violation.real);
    let mut shrinking = Shrinking { best: script.clone(), rule: violation.rule, left: TRIES };
    shrinking.is_enough(best);
    shrinking.without_happenings();
    shrinking.with_simpler_plans();
    shrinking.without_happenings();
    shrinking.best
}

/// What is said of a failure: the seed, the rule, and a script that is as short as can be.
pub(crate) fn report(script: &Script, violation: &Violation) -> String {
    let small = shrink(script, violation);
    let (observer, _) = host::run(&small, Liar::default(), true);
    let again = observer.broken;
    let mut text = format!(
        "seed {}: {}, at {} ms: {}\nsmallest script that breaks the same rule: {again:?}\n",
        script.seed, violation.rule, violation.real, violation.text
    );
    let zone = crate::zones::NAMES[small.zone];
    let _ = writeln!(text, "zone {zone}, begin {}, {} slots, {} ms", small.start, small.slots, small.length);
    for (at, happening) in &small.happenings {
        let _ = writeln!(text, "{at}: {happening:?}");
    }
    text += "what was seen last:\n";
    for line in observer.trace.iter().flatten() {
        let _ = writeln!(text, "    {line}");
    }
    text
}
