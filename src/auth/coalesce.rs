//! Requests that share one upstream call.

use std::hash::Hash;

use edge_metadata_core::auth::{self, Role};
use edge_metadata_core::timestamp::Timestamp;

use crate::platform::{Notify, now, timeout};

/// The calls of all requests of an isolate.
pub(super) type Coalescer<K, T, E> = auth::Coalescer<K, Result<T, E>, Notify>;

/// Returns what `call` comes to, which one request at a time carries out for all that want `key`.
///
/// Whoever waited for a leader in vain joins again, and leads when nobody else does. [`None`] when
/// the deadline has passed. A leader that fails when its own deadline has passed keeps that to
/// itself: its followers may have more time.
pub(super) async fn coalesce<K, T, E>(
    coalescer: &Coalescer<K, T, E>,
    key: K,
    deadline: Timestamp,
    call: impl AsyncFnOnce() -> Result<T, E>,
) -> Option<Result<T, E>>
where
    K: Eq + Hash + Copy,
    T: Clone,
    E: Clone,
{
    loop {
        let joined_at = now();
        if joined_at >= deadline {
            return None;
        }
        match coalescer.join(key, joined_at) {
            Role::Leader(leader) => {
                let outcome = call().await;
                if outcome.is_ok() || now() < deadline {
                    leader.complete(outcome.clone());
                }
                return Some(outcome);
            }
            Role::Follower(follower) => {
                let notify = Notify::default();
                follower.subscribe(notify.clone());
                let left = (deadline - joined_at).to_std().unwrap_or_default();
                let patience = follower.patience_left(joined_at).min(left);
                let _ = timeout(patience, notify.notified()).await;
                if let Some(outcome) = follower.outcome() {
                    return Some(outcome);
                }
            }
        }
    }
}
