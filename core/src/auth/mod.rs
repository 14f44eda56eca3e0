//! Who is asking: tokens' claims, access levels, access rules and what Keystone's answers mean.
//!
//! Everything here is a function of values. What waits for KV or Keystone is in the Worker's own
//! `auth`.

mod access_level;
mod access_rule;
mod cached_claims;
mod claims;
mod coalescer;
mod identity;
mod identity_cache;
pub mod keystone;
mod token_digest;

pub use access_level::{AccessLevel, Actor};
pub use access_rule::{AccessRule, MAX_PATH_BYTES, RequestPath};
pub use cached_claims::CachedClaims;
pub use claims::{Claims, Scope};
pub use coalescer::{Coalescer, Follower, Leader, Notify, Role};
pub use identity::Identity;
pub use identity_cache::IdentityCache;
pub use token_digest::TokenDigest;
