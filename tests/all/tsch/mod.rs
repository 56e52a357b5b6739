//! ITaskSchedulerService over the real engine and a store in memory.

mod access;
mod answers;
mod client;
mod enumerate;
mod information;
mod instances;
mod refusals;
mod register;
mod retrieve;

use mainspring_tests::server::{Server, daily, principal, registration, xml};
