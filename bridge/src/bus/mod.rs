//! The message buses of the cloud: what was announced there.

mod connection;
mod consumer;
mod notification;

pub use connection::{Bus, BusError, Health, listen, waiting};
pub use consumer::{Message, Queue, carry};
pub use notification::{Announcement, Undecodable, parse};
