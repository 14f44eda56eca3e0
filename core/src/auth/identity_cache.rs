//! What an isolate's memory holds of tokens, and for how long.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use lru::LruCache;

use super::identity::Identity;
use super::token_digest::TokenDigest;
use crate::timestamp::Timestamp;

/// How many valid tokens are remembered at most.
const CAPACITY: usize = 4_096;

/// How many bytes they may take together. Access rules can make one a hundred kilobytes large, and
/// an isolate has 128 MB.
const MAX_WEIGHT: usize = 16 << 20;

/// How many invalid tokens are remembered at most. They have a cache of their own: made-up tokens
/// do not evict valid ones.
const INVALID_CAPACITY: usize = 1_024;

/// How long a token is remembered to be invalid at most. It may become valid: a Keystone has several
/// processes, which need not all know a new token at once.
const INVALID_FOR: Duration = Duration::from_secs(5);

/// Identities and invalid tokens by the digest of their token, each for a while. The least recently
/// used are evicted.
#[derive(Debug)]
pub struct IdentityCache {
    ttl: Duration,
    valid: RefCell<Valid>,
    invalid: RefCell<LruCache<TokenDigest, Timestamp>>,
}

#[derive(Debug)]
struct Valid {
    entries: LruCache<TokenDigest, Entry>,
    weight: usize,
}

#[derive(Debug)]
struct Entry {
    identity: Rc<Identity>,
    until: Timestamp,
}

impl IdentityCache {
    /// Creates a cache that remembers each token for `ttl` at most. Zero remembers nothing.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        let valid = Valid {
            entries: LruCache::new(non_zero(CAPACITY)),
            weight: 0,
        };
        Self {
            ttl,
            valid: RefCell::new(valid),
            invalid: RefCell::new(LruCache::new(non_zero(INVALID_CAPACITY))),
        }
    }

    /// Returns the identity of a token that is known and has not expired at `now`.
    #[must_use]
    pub fn get(&self, digest: &TokenDigest, now: Timestamp) -> Option<Rc<Identity>> {
        let mut valid = self.valid.borrow_mut();
        let entry = valid.entries.get(digest)?;
        (now < entry.until && !entry.identity.is_expired(now)).then(|| Rc::clone(&entry.identity))
    }

    /// Returns whether the token is known to be invalid.
    #[must_use]
    pub fn is_invalid(&self, digest: &TokenDigest, now: Timestamp) -> bool {
        let mut invalid = self.invalid.borrow_mut();
        invalid.get(digest).is_some_and(|until| now < *until)
    }

    /// Remembers an identity until then, and never longer than its token is valid.
    pub fn insert(&self, digest: TokenDigest, identity: Rc<Identity>, until: Timestamp) {
        if self.ttl.is_zero() {
            return;
        }
        let mut valid = self.valid.borrow_mut();
        valid.weight += identity.weight();
        if let Some((_, evicted)) = valid.entries.push(digest, Entry { identity, until }) {
            valid.weight -= evicted.identity.weight();
        }
        while valid.weight > MAX_WEIGHT
            && let Some((_, evicted)) = valid.entries.pop_lru()
        {
            valid.weight -= evicted.identity.weight();
        }
    }

    /// Remembers that the token was found invalid at `now`.
    pub fn insert_invalid(&self, digest: TokenDigest, now: Timestamp) {
        if !self.ttl.is_zero() {
            let until = now + self.ttl.min(INVALID_FOR);
            self.invalid.borrow_mut().put(digest, until);
        }
    }
}

fn non_zero(capacity: usize) -> NonZeroUsize {
    NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AccessRule, Claims, Scope};
    use crate::timestamp::from_millis;

    const NOON: i64 = 1_795_262_400_000;

    fn at(millis: i64) -> Timestamp {
        from_millis(NOON + millis)
    }

    fn identity_with(access_rules: Option<Vec<AccessRule>>) -> Rc<Identity> {
        let claims = Claims {
            user_id: "u".into(),
            scope: Scope::Unscoped,
            roles: vec![],
            expires_at: at(3_600_000),
            audit_id: None,
            access_rules,
        };
        Rc::new(claims.into_identity())
    }

    fn digest(number: usize) -> TokenDigest {
        TokenDigest::of(&number.to_string())
    }

    fn cache(seconds: u64) -> IdentityCache {
        IdentityCache::new(Duration::from_secs(seconds))
    }

    fn insert(cache: &IdentityCache, digest: TokenDigest, identity: &Rc<Identity>) {
        cache.insert(digest, Rc::clone(identity), at(0) + cache.ttl);
    }

    #[test]
    fn a_token_is_remembered_for_the_configured_time_and_no_longer() {
        let cache = cache(2);
        insert(&cache, digest(1), &identity_with(None));
        assert!(cache.get(&digest(1), at(1_999)).is_some());
        assert!(cache.get(&digest(1), at(2_000)).is_none());
        assert!(cache.get(&digest(2), at(0)).is_none());
    }

    #[test]
    fn reading_does_not_prolong_it() {
        let cache = cache(2);
        insert(&cache, digest(1), &identity_with(None));
        for millis in 0..2_000 {
            assert!(cache.get(&digest(1), at(millis)).is_some());
        }
        assert!(cache.get(&digest(1), at(2_000)).is_none());
    }

    #[test]
    fn a_token_is_never_remembered_past_its_expiry() {
        let cache = cache(86_400);
        let identity = identity_with(None);
        cache.insert(digest(1), identity, at(86_400_000));
        assert!(cache.get(&digest(1), at(3_599_999)).is_some());
        assert!(cache.get(&digest(1), at(3_600_000)).is_none());
    }

    #[test]
    fn zero_seconds_switch_it_off() {
        let cache = cache(0);
        insert(&cache, digest(1), &identity_with(None));
        cache.insert_invalid(digest(2), at(0));
        assert!(cache.get(&digest(1), at(0)).is_none());
        assert!(!cache.is_invalid(&digest(2), at(0)));
    }

    #[test]
    fn p_an_invalid_token_is_remembered_for_5_seconds_and_never_longer_than_a_valid_one() {
        for (seconds, remembered) in [(300, 5_000), (2, 2_000)] {
            let cache = cache(seconds);
            cache.insert_invalid(digest(1), at(0));
            assert!(cache.is_invalid(&digest(1), at(remembered - 1)));
            assert!(!cache.is_invalid(&digest(1), at(remembered)));
            assert!(cache.get(&digest(1), at(0)).is_none());
            assert!(!cache.is_invalid(&digest(2), at(0)));
        }
    }

    #[test]
    fn made_up_tokens_are_bounded_and_evict_no_valid_one() {
        let cache = cache(60);
        insert(&cache, TokenDigest::of("valid"), &identity_with(None));
        for number in 0..2 * CAPACITY {
            cache.insert_invalid(digest(number), at(0));
        }
        let invalid = (0..2 * CAPACITY).filter(|number| cache.is_invalid(&digest(*number), at(0)));
        assert_eq!(invalid.count(), INVALID_CAPACITY);
        assert!(cache.get(&TokenDigest::of("valid"), at(0)).is_some());
    }

    #[test]
    fn the_least_recently_used_token_is_evicted_first() {
        let cache = cache(60);
        let identity = identity_with(None);
        for number in 0..CAPACITY {
            insert(&cache, digest(number), &identity);
        }
        assert!(cache.get(&digest(0), at(0)).is_some());
        insert(&cache, digest(CAPACITY), &identity);
        assert!(cache.get(&digest(0), at(0)).is_some());
        assert!(cache.get(&digest(1), at(0)).is_none());
    }

    #[test]
    fn tokens_with_many_access_rules_take_a_bounded_share_of_memory() {
        let cache = cache(60);
        let rule = AccessRule {
            method: "GET".into(),
            path: "/".repeat(225),
        };
        let identity = identity_with(Some(vec![rule; 1_000]));
        for number in 0..1_000 {
            insert(&cache, digest(number), &identity);
            assert!(cache.valid.borrow().weight <= MAX_WEIGHT);
        }
        let remembered = (0..1_000).filter(|number| cache.get(&digest(*number), at(0)).is_some());
        let remembered = remembered.count();
        assert!((40..100).contains(&remembered), "{remembered}");
        // What is evicted or replaced weighs nothing.
        for number in 0..CAPACITY {
            insert(&cache, digest(number), &identity_with(None));
            insert(&cache, digest(number), &identity_with(None));
        }
        let expected = CAPACITY * identity_with(None).weight();
        assert_eq!(cache.valid.borrow().weight, expected);
    }
}
