//! Storage.

pub mod listing;
