//! The store in NOR flash.

mod contract;
mod cut;
mod damage;
mod engine;
mod fault;
mod forge;
mod random;
mod veil;
mod wear;
mod witness;
