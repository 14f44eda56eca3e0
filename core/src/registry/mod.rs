//! What the control plane may say: which servers and images exist, and in which state they are.
//!
//! `PUT` registers, `GET` shows, `DELETE` removes. A state change never touches metadata that it
//! does not name, and an observation that is not later than the last one applied changes nothing.

mod apply;
mod changes;
mod document;
mod parse;
mod record;

pub use apply::{
    Applied, Known, MAX_RECORD_BYTES, TOMBSTONE_LIFETIME, Tombstone, apply, check_size,
    is_stale_delete,
};
pub use changes::{Marks, PendingChange, Revision};
pub use document::{Document, ImageDocument, Registration, ServerDocument};
pub use parse::{InvalidField, observed_at, parse};
pub use record::{Fields, FullRecord};
