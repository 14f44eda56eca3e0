//! What this isolate remembers of tokens: bounded, the least recently used goes first.

use std::cell::RefCell;
use std::rc::Rc;

use lru::LruCache;

use super::token::{Digest, Identity};
use crate::time::Timestamp;

/// Tokens that are remembered at once.
const MOST: usize = 4_096;

/// Identities by the digest of their token, each believed for a while.
#[derive(Debug)]
pub(super) struct Cache {
    seconds: u32,
    entries: RefCell<LruCache<Digest, Entry>>,
}

#[derive(Debug)]
struct Entry {
    identity: Rc<Identity>,
    until: i64,
}

impl Cache {
    /// Remembers each identity for `seconds`; 0 remembers nothing.
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            seconds,
            // Grows with use: most isolates see few tokens.
            entries: RefCell::new(LruCache::unbounded()),
        }
    }

    /// What is known of the token, unless that is too long ago.
    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<Rc<Identity>> {
        let mut entries = self.entries.try_borrow_mut().ok()?;
        let entry = entries.get(digest)?;
        (now.millis() < entry.until).then(|| Rc::clone(&entry.identity))
    }

    /// Remembers what was found out just now.
    pub(super) fn put(&self, digest: Digest, identity: Rc<Identity>, now: Timestamp) {
        if self.seconds == 0 {
            return;
        }
        let until = now.millis() + i64::from(self.seconds) * 1_000;
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.put(digest, Entry { identity, until });
            if entries.len() > MOST {
                entries.pop_lru();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::policy::{Actor, Standing};

    fn identity() -> Rc<Identity> {
        Rc::new(Identity {
            user_id: "u".into(),
            actor: Actor {
                project_id: None,
                standing: Standing::None,
            },
            may_use_registry: false,
            expires_at: Timestamp::from_millis(i64::from(i32::MAX)),
        })
    }

    #[test]
    fn what_was_found_out_is_believed_for_the_configured_time_and_no_longer() {
        let cache = Cache::new(2);
        let digest = Digest::of("a");
        cache.put(digest, identity(), Timestamp::from_millis(1_000));
        assert!(cache.get(&digest, Timestamp::from_millis(2_999)).is_some());
        assert!(cache.get(&digest, Timestamp::from_millis(3_000)).is_none());
        assert!(
            cache
                .get(&Digest::of("b"), Timestamp::from_millis(1_000))
                .is_none()
        );
    }

    #[test]
    fn zero_seconds_switch_it_off() {
        let cache = Cache::new(0);
        cache.put(Digest::of("a"), identity(), Timestamp::default());
        assert!(cache.get(&Digest::of("a"), Timestamp::default()).is_none());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::new(60);
        let now = Timestamp::default();
        let digest = |at: usize| Digest::of(&at.to_string());
        for at in 0..MOST {
            cache.put(digest(at), identity(), now);
        }
        assert!(cache.get(&digest(0), now).is_some());
        cache.put(digest(MOST), identity(), now);
        assert!(cache.get(&digest(0), now).is_some());
        assert!(cache.get(&digest(1), now).is_none());
        assert_eq!(cache.entries.borrow().len(), MOST);
    }
}
