//! What this isolate remembers of tokens, and for how long it believes that.

use std::cell::RefCell;
use std::rc::Rc;

use super::least_recently_used::LeastRecentlyUsed;
use super::token::{Digest, Identity};
use crate::time::Timestamp;

/// Tokens that are remembered at once.
const MOST: usize = 4_096;

/// Tokens that are remembered not to be valid. They have a place of their own: whoever makes tokens
/// up drives no valid one out.
const MOST_INVALID: usize = 1_024;

/// Seconds that a token is remembered not to be valid, at most. It may become so: a Keystone has
/// several processes, which need not all know of a new token at once.
const INVALID_SECONDS: u32 = 5;

/// Identities by the digest of their token, each believed for a while.
#[derive(Debug)]
pub(super) struct Cache {
    seconds: u32,
    entries: RefCell<LeastRecentlyUsed<Entry>>,
    invalid: RefCell<LeastRecentlyUsed<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// [`None`] for a token that is not valid.
    identity: Option<Rc<Identity>>,
    until: i64,
}

impl Cache {
    /// Remembers each identity for `seconds`; 0 remembers nothing.
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            seconds,
            entries: RefCell::new(LeastRecentlyUsed::new(MOST)),
            invalid: RefCell::new(LeastRecentlyUsed::new(MOST_INVALID)),
        }
    }

    /// Until when what is found out now may be believed, in milliseconds since 1970.
    pub(super) fn until(&self, now: Timestamp) -> i64 {
        now.millis() + i64::from(self.seconds) * 1_000
    }

    /// What is known of the token, unless that is too long ago.
    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<Rc<Identity>> {
        let mut entries = self.entries.try_borrow_mut().ok()?;
        let entry = entries.get(digest)?;
        if now.millis() < entry.until {
            entry.identity.clone()
        } else {
            None
        }
    }

    /// Whether the token was found not to be valid a moment ago.
    pub(super) fn is_invalid(&self, digest: &Digest, now: Timestamp) -> bool {
        self.invalid.try_borrow_mut().is_ok_and(|mut invalid| {
            invalid
                .get(digest)
                .is_some_and(|entry| now.millis() < entry.until)
        })
    }

    /// Remembers that the token was found not to be valid.
    pub(super) fn put_invalid(&self, digest: Digest, now: Timestamp) {
        let seconds = self.seconds.min(INVALID_SECONDS);
        let entry = Entry {
            identity: None,
            until: now.millis() + i64::from(seconds) * 1_000,
        };
        self.keep(&self.invalid, digest, entry);
    }

    /// Remembers what was found out, until then.
    pub(super) fn put(&self, digest: Digest, identity: Rc<Identity>, until: i64) {
        let entry = Entry {
            identity: Some(identity),
            until,
        };
        self.keep(&self.entries, digest, entry);
    }

    fn keep(&self, entries: &RefCell<LeastRecentlyUsed<Entry>>, digest: Digest, entry: Entry) {
        if self.seconds == 0 {
            return;
        }
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.put(digest, entry);
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
            is_service: false,
            access_rules: None,
            expires_at: Timestamp::from_millis(i64::from(i32::MAX)),
        })
    }

    #[test]
    fn what_was_found_out_is_believed_for_the_configured_time_and_no_longer() {
        let cache = Cache::new(2);
        let digest = Digest::of("a");
        let until = cache.until(Timestamp::from_millis(1_000));
        cache.put(digest, identity(), until);
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
        cache.put(Digest::of("a"), identity(), 1_000);
        assert!(cache.get(&Digest::of("a"), Timestamp::default()).is_none());
    }

    #[test]
    fn what_is_not_valid_is_remembered_for_a_few_seconds_and_never_longer_than_what_is() {
        for (seconds, remembered) in [(300, 5_000), (2, 2_000)] {
            let cache = Cache::new(seconds);
            let digest = Digest::of("a");
            cache.put_invalid(digest, Timestamp::default());
            let at = |millis| cache.is_invalid(&digest, Timestamp::from_millis(millis));
            assert!(at(remembered - 1));
            assert!(!at(remembered));
            assert!(cache.get(&digest, Timestamp::default()).is_none());
            assert!(!cache.is_invalid(&Digest::of("b"), Timestamp::default()));
        }
        let off = Cache::new(0);
        off.put_invalid(Digest::of("a"), Timestamp::default());
        assert!(!off.is_invalid(&Digest::of("a"), Timestamp::default()));
    }

    #[test]
    fn any_number_of_made_up_tokens_is_bounded_and_drives_no_valid_one_out() {
        let cache = Cache::new(60);
        let now = Timestamp::default();
        cache.put(Digest::of("valid"), identity(), cache.until(now));
        for at in 0..2 * MOST {
            cache.put_invalid(Digest::of(&at.to_string()), now);
        }
        let invalid = (0..2 * MOST)
            .filter(|at| cache.is_invalid(&Digest::of(&at.to_string()), now))
            .count();
        assert_eq!(invalid, MOST_INVALID);
        assert!(cache.get(&Digest::of("valid"), now).is_some());
    }
}
