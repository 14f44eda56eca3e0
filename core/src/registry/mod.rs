//! The control plane's door: which servers and images exist, and in which state they are.
//!
//! `PUT` tells, `GET` looks, `DELETE` forgets. A state change never touches metadata that it does
//! not name; an observation that is older than the last one applied changes nothing.

mod apply;
pub mod document;

pub use apply::{Applied, apply};
pub use document::{Document, parse};
