//! Where it lasts: one SQLite-backed Durable Object per server and per image.
//!
//! The front sends a [`Task`](message::Task) and gets a [`Reply`](message::Reply); checks and change are one step in the object, which is the only writer of its database.

pub mod client;
pub mod index;
pub mod listing;
mod made;
pub mod message;
pub mod object;
pub mod outbox;
mod schema;
