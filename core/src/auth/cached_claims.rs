//! What KV holds of a Keystone's answer: claims, and until when they may be believed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::access_rule::AccessRule;
use super::claims::{Claims, Scope};
use crate::timestamp::{self, Timestamp};

/// How long KV keeps a value at least. The time in the value decides; KV's own only cleans up.
const MIN_KV_TTL: Duration = Duration::from_mins(1);

/// Claims with the time until which they may be believed without asking Keystone again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedClaims {
    /// What Keystone said.
    pub claims: Claims,
    /// Never after the token has expired.
    pub until: Timestamp,
}

/// The value under `keystone:<digest>`. Several releases read and write it at the same time, so
/// fields may be added but not changed.
#[derive(Serialize, Deserialize)]
struct Value {
    user_id: String,
    project_id: Option<String>,
    /// Of a token without a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<OtherScope>,
    roles: Vec<String>,
    #[serde(with = "timestamp")]
    expires_at: Timestamp,
    /// Required: a value without it says nothing about what the token may be used for.
    #[serde(deserialize_with = "Option::deserialize")]
    access_rules: Option<Vec<AccessRule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_id: Option<String>,
    #[serde(with = "timestamp")]
    cached_until: Timestamp,
    /// The URL at which the token was validated. Required: a value without it, as release 0.1 wrote
    /// it, may be of another Keystone.
    keystone: String,
}

/// [`Scope`], but for projects.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OtherScope {
    Domain,
    System,
    Unscoped,
}

impl CachedClaims {
    /// Makes what Keystone says at `now` believable for `ttl`, or until the token expires.
    #[must_use]
    pub fn new(claims: Claims, now: Timestamp, ttl: Duration) -> Self {
        let until = (now + ttl).min(claims.expires_at);
        Self { claims, until }
    }

    /// Parses a value of KV. Returns [`None`] when it may no longer be believed, is not such a value
    /// or does not name `keystone`, the URL at which tokens are validated. A `ttl` that is shorter now
    /// than when the value was written counts.
    #[must_use]
    pub fn parse(text: &str, keystone: &str, now: Timestamp, ttl: Duration) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        if value.keystone != keystone {
            return None;
        }
        let scope = match (value.project_id, value.scope) {
            (Some(id), None) => Scope::Project(id),
            (None, Some(OtherScope::Domain)) => Scope::Domain,
            (None, Some(OtherScope::System)) => Scope::System,
            (None, Some(OtherScope::Unscoped)) => Scope::Unscoped,
            (None, None) | (Some(_), Some(_)) => return None,
        };
        let claims = Claims {
            user_id: value.user_id,
            scope,
            roles: value.roles,
            expires_at: value.expires_at,
            audit_id: value.audit_id,
            access_rules: value.access_rules,
        };
        let mut cached = Self::new(claims, now, ttl);
        cached.until = cached.until.min(value.cached_until);
        (now < cached.until).then_some(cached)
    }

    /// Returns the value that KV is to hold of what the Keystone said that validates at `keystone`.
    ///
    /// # Errors
    ///
    /// Never: every claim has a JSON form.
    pub fn to_json(&self, keystone: &str) -> Result<String, serde_json::Error> {
        let claims = self.claims.clone();
        let (project_id, scope) = match claims.scope {
            Scope::Project(id) => (Some(id), None),
            Scope::Domain => (None, Some(OtherScope::Domain)),
            Scope::System => (None, Some(OtherScope::System)),
            Scope::Unscoped => (None, Some(OtherScope::Unscoped)),
        };
        serde_json::to_string(&Value {
            user_id: claims.user_id,
            project_id,
            scope,
            roles: claims.roles,
            expires_at: claims.expires_at,
            access_rules: claims.access_rules,
            audit_id: claims.audit_id,
            cached_until: self.until,
            keystone: keystone.to_owned(),
        })
    }

    /// Returns how long KV is to keep the value.
    #[must_use]
    pub fn kv_ttl(&self, now: Timestamp) -> Duration {
        let left = (self.until - now).to_std().unwrap_or_default();
        // KV counts in seconds.
        Duration::from_secs(left.as_secs() + 1).max(MIN_KV_TTL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(5);
    const KEYSTONE: &str = "https://keystone.example/v3/auth/tokens";

    fn at(seconds: u64) -> Timestamp {
        timestamp::parse("2026-11-21T12:00:00Z").unwrap() + Duration::from_secs(seconds)
    }

    fn acme() -> Scope {
        Scope::Project("acme".into())
    }

    fn claims(expires_in: u64) -> Claims {
        Claims {
            user_id: "alice".into(),
            scope: acme(),
            roles: vec!["member".into(), "reader".into()],
            expires_at: at(expires_in),
            audit_id: Some("3T2dc1CGQxyJsHdDu1xkcw".into()),
            access_rules: None,
        }
    }

    fn stored(claims: Claims, ttl: Duration) -> String {
        CachedClaims::new(claims, at(0), ttl)
            .to_json(KEYSTONE)
            .unwrap()
    }

    fn parse(text: &str, now: Timestamp, ttl: Duration) -> Option<CachedClaims> {
        CachedClaims::parse(text, KEYSTONE, now, ttl)
    }

    #[test]
    fn a_value_is_read_as_it_was_written() {
        let rules = vec![AccessRule {
            method: "GET".into(),
            path: "/v2.1/**".into(),
        }];
        for access_rules in [None, Some(vec![]), Some(rules)] {
            for scope in [acme(), Scope::Domain, Scope::System, Scope::Unscoped] {
                for audit_id in [None, Some("a".to_owned())] {
                    let claims = Claims {
                        access_rules: access_rules.clone(),
                        audit_id,
                        scope: scope.clone(),
                        ..claims(3_600)
                    };
                    let cached = CachedClaims::new(claims, at(0), TTL);
                    let text = cached.to_json(KEYSTONE).unwrap();
                    assert_eq!(parse(&text, at(0), TTL), Some(cached));
                }
            }
        }
    }

    #[test]
    fn a_value_that_another_keystone_or_none_vouched_for_is_not_believed() {
        let text = stored(claims(3_600), TTL);
        assert!(parse(&text, at(0), TTL).is_some());
        let another = "https://keystone.another.example/v3/auth/tokens";
        assert_eq!(CachedClaims::parse(&text, another, at(0), TTL), None);
        assert_eq!(CachedClaims::parse(&text, "", at(0), TTL), None);
        // What release 0.1 wrote.
        let text = r#"{"user_id":"alice","project_id":"acme","roles":["member","reader"],"expires_at":"2026-11-21T13:00:00Z","access_rules":[["GET","/v2.1/**"],["PUT","/a"]],"cached_until":"2026-11-21T12:05:00.250Z"}"#;
        assert_eq!(parse(text, at(0), TTL), None);
        assert_eq!(CachedClaims::parse(text, "", at(0), TTL), None);
        // But for that, it is such a value.
        let named = text.replacen('{', &format!("{{\"keystone\":\"{KEYSTONE}\","), 1);
        assert!(parse(&named, at(0), TTL).is_some());
    }

    /// While a new release is rolled out, the older one reads what it writes.
    #[test]
    fn release_0_1_reads_what_is_written_now() {
        let rules = vec![AccessRule {
            method: "GET".into(),
            path: "/v2.1/**".into(),
        }];
        let claims = Claims {
            access_rules: Some(rules),
            ..claims(3_600)
        };
        let value: serde_json::Value = serde_json::from_str(&stored(claims, TTL)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "user_id": "alice", "project_id": "acme", "roles": ["member", "reader"],
                "expires_at": "2026-11-21T13:00:00Z", "access_rules": [["GET", "/v2.1/**"]],
                "cached_until": "2026-11-21T12:05:00Z", "audit_id": "3T2dc1CGQxyJsHdDu1xkcw",
                "keystone": KEYSTONE,
            })
        );
    }

    #[test]
    fn a_value_is_believed_for_the_configured_time_and_no_longer() {
        let text = stored(claims(3_600), TTL);
        assert!(parse(&text, at(299), TTL).is_some());
        assert!(parse(&text, at(300), TTL).is_none());
    }

    #[test]
    fn a_value_is_never_believed_past_the_tokens_expiry() {
        let text = stored(claims(10), TTL);
        assert!(parse(&text, at(9), TTL).is_some());
        assert!(parse(&text, at(10), TTL).is_none());
        // Nor when the value says so.
        let until = |time| format!("\"cached_until\":\"{time}\"");
        let changed = text.replace(
            &until(timestamp::to_full(at(10))),
            &until("2099-01-01T00:00:00Z".into()),
        );
        assert_ne!(changed, text);
        assert!(parse(&changed, at(9), TTL).is_some());
        assert!(parse(&changed, at(10), TTL).is_none());
    }

    #[test]
    fn reading_a_value_does_not_prolong_it() {
        let text = stored(claims(3_600), TTL);
        let read = parse(&text, at(200), TTL).unwrap();
        assert_eq!(read.until, at(300));
    }

    #[test]
    fn a_shorter_setting_counts_for_what_is_stored_already() {
        let text = stored(claims(3_600), TTL);
        let read = parse(&text, at(0), Duration::from_secs(10)).unwrap();
        assert_eq!(read.until, at(10));
    }

    #[test]
    fn kv_keeps_a_value_a_minute_at_least() {
        for (ttl, kept) in [(2, 60), (300, 301)] {
            let cached = CachedClaims::new(claims(3_600), at(0), Duration::from_secs(ttl));
            assert_eq!(cached.kv_ttl(at(0)), Duration::from_secs(kept));
        }
    }

    #[test]
    fn a_value_of_another_shape_is_not_believed() {
        let text = stored(claims(3_600), TTL);
        for (from, to) in [
            ("\"access_rules\":null", "\"access_rules\":[[1]]"),
            ("\"access_rules\":null", "\"access_rules\":[[\"GET\"]]"),
            ("\"access_rules\":null", "\"access_rules\":{}"),
            ("\"access_rules\":null,", ""),
            ("\"cached_until\"", "\"x\""),
            ("\"user_id\"", "\"x\""),
            ("\"project_id\":\"acme\"", "\"project_id\":null"),
            ("\"roles\"", "\"scope\":\"system\",\"roles\""),
            ("\"roles\"", "\"scope\":\"planet\",\"roles\""),
            ("{", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(parse(&changed, at(0), TTL), None, "{changed}");
        }
    }
}
