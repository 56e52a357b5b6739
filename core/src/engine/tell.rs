//! What the host is told: orders, events, and when to come back.

use super::{
    Deadline, Engine, Order, list,
    slots::{WithOrders, order},
};
use crate::{
    event::Event,
    time::{Monotonic, Timestamp},
};

impl Engine<'_> {
    /// What is to be done next by the host; ask until there is nothing.
    ///
    /// Orders wait in the slots of their instances, so none is lost however late the host asks.
    pub fn order(&mut self) -> Option<Order> {
        loop {
            let index = list::first::<WithOrders, _>(self.memory.instances, self.orders)?;
            let slot = self.memory.instances.get_mut(index as usize)?;
            let instance = slot.guid;
            let (told, what) = if slot.has(order::RECOVER) {
                (order::RECOVER, Some(Order::Recover { instance }))
            } else if slot.has(order::START) {
                (order::START, Some(Order::Start { instance }))
            } else if slot.has(order::STOP) {
                (order::STOP, Some(Order::Stop { instance, hard: false }))
            } else if slot.has(order::STOP_HARD) {
                (order::STOP_HARD, Some(Order::Stop { instance, hard: true }))
            } else {
                (0, None)
            };
            slot.flags &= !told;
            if !slot.has(order::ANY) {
                self.drop_orders(index);
            }
            if what.is_some() {
                return what;
            }
        }
    }

    /// What happened, for logs and history; ask until there is nothing.
    ///
    /// A bounded number waits to be asked for. How many more there would have been is told when the others were.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| {
            let count = core::mem::take(&mut self.lost);
            (count > 0).then_some(Event::Lost { count })
        })
    }

    pub(super) fn tell(&mut self, event: Event) {
        // Once one is lost, those after it would be out of order.
        if self.lost > 0 || self.events.push_back(event).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// When the engine next wants a [`tick`](Self::tick): at the earlier of the two moments. Ask anew after every call.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        let (mut monotonic, mut wall) = (None, None);
        if !self.closing && !self.held {
            let [calendar, relative] = self.first.map(|first| first.due().map(|(_, at)| at));
            monotonic = relative.map(|at| Monotonic(u64::try_from(at).unwrap_or(0)));
            wall = calendar.filter(|_| self.seen.wall.is_some()).map(Timestamp);
        }
        if self.deadlines > 0 {
            let first = self.memory.instances.first().and_then(|slot| self.memory.instances.get(slot.word as usize));
            // What waits without a limit is not waited for.
            let deadline = first
                .map(|slot| slot.deadline)
                .filter(|Monotonic(at)| i64::try_from(*at).is_ok_and(|at| at != i64::MAX));
            monotonic = monotonic.into_iter().chain(deadline).min();
        }
        monotonic = monotonic.into_iter().chain(self.ledger.deadline(self.held)).min();
        if self.unrecorded > 0 || self.rearm || ((self.stalled || self.held) && !self.closing) {
            monotonic = monotonic.into_iter().chain([self.retry]).min();
        }
        Deadline { monotonic, wall }
    }
}
