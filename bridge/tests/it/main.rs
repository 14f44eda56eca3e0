//! The bridge between a cloud and an edge in memory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod broker;
mod carry;
mod command;
mod fakes;
mod import;
mod openstack;
mod options;
mod reconcile;
mod run;
mod verify;
