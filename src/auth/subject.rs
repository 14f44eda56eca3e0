//! A token that is to be resolved, and what was found out about it.

use std::rc::Rc;

use edge_metadata_core::auth::{CachedClaims, Identity, TokenDigest};
use edge_metadata_core::timestamp::Timestamp;

use crate::context::TokenSource;

/// What was found out about a token.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) identity: Rc<Identity>,
    /// Until when it may be remembered.
    pub(super) until: Timestamp,
    pub(super) source: TokenSource,
}

impl Resolved {
    /// Returns what a cached or an issued claim says.
    pub(super) fn new(cached: CachedClaims, source: TokenSource) -> Self {
        Self {
            identity: Rc::new(cached.claims.into_identity()),
            until: cached.until,
            source,
        }
    }
}

/// A token that is to be resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) token: &'a str,
    pub(super) digest: TokenDigest,
    /// The token of a service that vouches for the request. K: with it, Keystone also shows tokens
    /// that expired a short while ago.
    pub(super) service_token: Option<&'a str>,
}
