//! Who is logged on.

use mainspring::{
    ports::{SessionId, Sessions},
    sid::Sid,
};
use std::num::NonZeroU32;

/// Sessions, each with whose it is and that user's groups.
#[derive(Debug, Clone, Default)]
pub struct People(pub Vec<(SessionId, Sid, Vec<Sid>)>);

/// The session of that number.
///
/// # Panics
/// If it is zero.
#[must_use]
pub fn session(number: u32) -> SessionId {
    SessionId(NonZeroU32::new(number).expect("a number"))
}

impl People {
    /// Somebody logs on.
    pub fn logs_on(&mut self, number: u32, user: &Sid, groups: &[Sid]) {
        self.0.push((session(number), *user, groups.to_vec()));
    }

    /// A session ends.
    pub fn logs_off(&mut self, number: u32) {
        self.0.retain(|(session, ..)| session.0.get() != number);
    }
}

impl Sessions for People {
    fn members(&self, group: &Sid, visit: &mut dyn FnMut(SessionId) -> bool) {
        let _ = self.0.iter().filter(|(.., groups)| groups.contains(group)).all(|(session, ..)| visit(*session));
    }
}
