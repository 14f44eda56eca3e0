//! What is kept of Keystone's answer in KV: claims, and until when they may be believed.

use serde_json::Value;

use crate::auth::access_rule::AccessRule;
use crate::auth::claims::Claims;
use crate::json::{Object, array, quoted};
use crate::timestamp::Timestamp;

/// Seconds that KV keeps anything, at least. What decides is the time in the value; KV's own only
/// cleans up.
const LEAST_TTL_SECONDS: i64 = 60;

/// Claims with the time until which they may be believed without asking Keystone again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What Keystone said.
    pub claims: Claims,
    /// In milliseconds since 1970; never after the token has expired.
    pub until: i64,
}

impl Stored {
    /// What Keystone says now, to be believed for `seconds` at most.
    #[must_use]
    pub fn new(claims: Claims, now: Timestamp, seconds: u32) -> Self {
        let until = (now.timestamp_millis() + i64::from(seconds) * 1_000)
            .min(claims.expires_at.timestamp_millis());
        Self { claims, until }
    }

    /// What KV holds, while it may be believed; [`None`] when it may not, or is not understood.
    #[must_use]
    pub fn parse(text: &str, now: Timestamp, seconds: u32) -> Option<Self> {
        let stored: Value = serde_json::from_str(text).ok()?;
        let mut claims = Claims::stored(&stored)?;
        claims.access_rules = match stored.get("access_rules")? {
            Value::Null => None,
            rules => Some(access_rules(rules)?),
        };
        let until =
            crate::timestamp::parse(stored.get("cached_until")?.as_str()?)?.timestamp_millis();
        // The setting may be shorter now than when this was written.
        let until = until.min(Self::new(claims.clone(), now, seconds).until);
        (now.timestamp_millis() < until).then_some(Self { claims, until })
    }

    /// As KV is to hold it.
    #[must_use]
    pub fn text(&self) -> String {
        let claims = &self.claims;
        let access_rules = claims.access_rules.as_ref().map(|rules| {
            let pair = |rule: &AccessRule| texts([rule.method.as_str(), &rule.path]);
            array(&rules.iter().map(pair).collect::<Vec<_>>())
        });
        Object::new()
            .text("user_id", &claims.user_id)
            .text_or_null("project_id", claims.project_id.as_deref())
            .json("roles", &texts(claims.roles.iter().map(String::as_str)))
            .text("expires_at", &crate::timestamp::to_full(claims.expires_at))
            .json("access_rules", access_rules.as_deref().unwrap_or("null"))
            .text(
                "cached_until",
                &crate::timestamp::to_full(crate::timestamp::from_millis(self.until)),
            )
            .end()
    }

    /// How many seconds KV may keep it.
    #[must_use]
    pub fn ttl(&self, now: Timestamp) -> u32 {
        let seconds = (self.until - now.timestamp_millis()) / 1_000 + 1;
        u32::try_from(seconds.max(LEAST_TTL_SECONDS)).unwrap_or_default()
    }
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    array(&texts.into_iter().map(quoted).collect::<Vec<_>>())
}

/// `[[method, path], …]`
fn access_rules(rules: &Value) -> Option<Vec<AccessRule>> {
    let rule = |rule: &Value| {
        Some(AccessRule {
            method: rule.get(0)?.as_str()?.to_owned(),
            path: rule.get(1)?.as_str()?.to_owned(),
        })
    };
    rules.as_array()?.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-11-21T12:00:00Z";

    fn at(second: i64) -> Timestamp {
        crate::timestamp::from_millis(
            crate::timestamp::parse(NOON).unwrap().timestamp_millis() + second * 1_000,
        )
    }

    fn claims(expires_in: i64) -> Claims {
        Claims {
            user_id: "alice".into(),
            project_id: Some("acme".into()),
            roles: vec!["member".into(), "reader".into()],
            expires_at: at(expires_in),
            access_rules: None,
        }
    }

    #[test]
    fn what_was_stored_is_read_again() {
        let rules = vec![AccessRule {
            method: "GET".into(),
            path: "/v2.1/**".into(),
        }];
        for access_rules in [None, Some(vec![]), Some(rules)] {
            for project_id in [None, Some("acme".to_owned())] {
                let claims = Claims {
                    access_rules: access_rules.clone(),
                    project_id,
                    ..claims(3_600)
                };
                let stored = Stored::new(claims, at(0), 300);
                assert_eq!(Stored::parse(&stored.text(), at(0), 300), Some(stored));
            }
        }
    }

    #[test]
    fn it_is_believed_for_the_configured_time_and_no_longer() {
        let text = Stored::new(claims(3_600), at(0), 300).text();
        assert!(Stored::parse(&text, at(299), 300).is_some());
        assert!(Stored::parse(&text, at(300), 300).is_none());
    }

    #[test]
    fn it_is_never_believed_past_the_tokens_own_time() {
        let stored = Stored::new(claims(10), at(0), 300);
        assert_eq!(stored.until, at(10).timestamp_millis());
        assert!(Stored::parse(&stored.text(), at(9), 300).is_some());
        assert!(Stored::parse(&stored.text(), at(10), 300).is_none());
        // Nor when the value says so.
        let text = stored.text().replace(
            &format!("\"cached_until\":\"{}\"", at(10).in_full()),
            "\"cached_until\":\"2099-01-01T00:00:00Z\"",
        );
        assert!(text.contains("2099"));
        assert!(Stored::parse(&text, at(10), 300).is_none());
    }

    #[test]
    fn reading_it_does_not_make_it_last_longer() {
        let text = Stored::new(claims(3_600), at(0), 300).text();
        let read = Stored::parse(&text, at(200), 300).unwrap();
        assert_eq!(read.until, at(300).timestamp_millis());
    }

    #[test]
    fn a_shorter_setting_counts_for_what_is_stored_already() {
        let text = Stored::new(claims(3_600), at(0), 300).text();
        let read = Stored::parse(&text, at(0), 10).unwrap();
        assert_eq!(read.until, at(10).timestamp_millis());
    }

    #[test]
    fn kv_keeps_it_a_minute_at_least() {
        assert_eq!(Stored::new(claims(3_600), at(0), 2).ttl(at(0)), 60);
        assert_eq!(Stored::new(claims(3_600), at(0), 300).ttl(at(0)), 301);
    }

    #[test]
    fn what_is_not_understood_is_not_believed() {
        let text = Stored::new(claims(3_600), at(0), 300).text();
        for (from, to) in [
            ("\"access_rules\":null", "\"access_rules\":[[1]]"),
            ("\"access_rules\":null", "\"access_rules\":{}"),
            ("\"access_rules\":null,", ""),
            ("\"cached_until\"", "\"x\""),
            ("\"user_id\"", "\"x\""),
            ("{", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(Stored::parse(&changed, at(0), 300), None, "{changed}");
        }
    }
}
