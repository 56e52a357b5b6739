//! Which task runs when: names, policies, clocks, restarts, and a store that fails.

mod catch_up;
mod clocks;
pub(crate) mod cut;
mod damage;
mod events;
mod failing;
mod history;
mod load;
mod machine;
mod maintenance;
mod members;
mod model;
mod names;
mod once;
mod parameters;
mod policies;
mod queue;
mod records;
mod restart;
mod run_as;
mod security;
mod sessions;
mod waits;
mod wish;
