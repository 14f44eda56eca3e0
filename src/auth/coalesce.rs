//! Requests that share one upstream call.

use std::hash::Hash;

use edge_metadata_core::auth::{self, Role};
use edge_metadata_core::timestamp::Timestamp;

use crate::platform::{Notify, now, timeout};

/// The calls of all requests of an isolate.
pub(super) type Coalescer<K, T> = auth::Coalescer<K, T, Notify>;

/// Returns what `call` comes to, which one request at a time carries out for all that want `key`.
///
/// Whoever waited for a leader in vain joins again, and leads when nobody else does. [`None`] when
/// the deadline has passed.
pub(super) async fn coalesce<K, T>(
    coalescer: &Coalescer<K, T>,
    key: K,
    deadline: Timestamp,
    call: impl AsyncFnOnce() -> T,
) -> Option<T>
where
    K: Eq + Hash + Copy,
    T: Clone,
{
    loop {
        let now = now();
        if now >= deadline {
            return None;
        }
        match coalescer.join(key, now) {
            Role::Leader(leader) => {
                let outcome = call().await;
                leader.complete(outcome.clone());
                return Some(outcome);
            }
            Role::Follower(follower) => {
                let notify = Notify::default();
                follower.subscribe(notify.clone());
                let left = (deadline - now).to_std().unwrap_or_default();
                let patience = follower.patience_left(now).min(left);
                let _ = timeout(patience, notify.notified()).await;
                if let Some(outcome) = follower.outcome() {
                    return Some(outcome);
                }
            }
        }
    }
}
