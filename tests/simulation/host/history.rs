//! The end of a world: the server ends in order, and what its ledger says is held against what was seen.

use super::*;
use mainspring::{engine::LATEST, store::HISTORY};

/// Records of the ring: of every other world all that happens has room in it.
pub(super) const fn records(script: &Script) -> u32 {
    if script.seed.is_multiple_of(2) { 64 } else { 1 << 16 }
}

/// Calls after which a reader of the history has come to its end.
const CALLS: usize = 1000;

impl Life<'_, '_, '_> {
    /// Ends the server in order and reads the history of each task.
    pub(super) fn close(&mut self) {
        self.earth.observer.closes();
        self.call(Engine::stop_all);
        if self.earth.observer.broken.is_some() || self.earth.store.records.is_dead() || self.earth.observer.store_fails
        {
            return;
        }
        let is_full = self.earth.store.records.kind(HISTORY).count() >= records(self.earth.script) as usize;
        let mut shown = Vec::new();
        for name in 0..crate::script::NAMES {
            let Some(task) = self.find(name) else { continue };
            let number = self.number(name);
            let mut entries = Vec::new();
            let mut from = LATEST;
            for _ in 0..CALLS {
                let next = self.quiet(|engine, cx| {
                    engine.history(cx, task, from, &mut |some| {
                        entries.extend(some.copied());
                        true
                    })
                });
                match next {
                    Ok(next) if next != 0 => from = next,
                    Ok(_) => break,
                    Err(refused) => {
                        return self.earth.observer.fail("the ledger is right", format!("of t{name}: {refused:?}"));
                    }
                }
            }
            shown.push((number, entries));
        }
        self.earth.liar.tell_history(&mut shown, &self.earth.observer, is_full);
        self.earth.observer.reads(&shown, is_full);
    }
}
