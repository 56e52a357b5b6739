//! Which task runs when: names, policies, clocks, restarts, and a store that fails.

mod clocks;
pub(crate) mod cut;
mod damage;
mod load;
mod model;
mod names;
mod policies;
mod records;
mod restart;
