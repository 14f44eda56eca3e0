//! Who is asking: roles, claims, access rules and Keystone's answers.

pub mod access_level;
pub mod access_rule;
pub mod cached;
pub mod claims;
pub mod keystone;

pub use access_level::{AccessLevel, Actor};
