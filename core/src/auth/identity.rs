//! Who is asking, after the token was found valid.

use super::access_level::Actor;
use super::access_rule::{AccessRule, RequestPath};
use crate::timestamp::Timestamp;

/// Who is asking. An identity that exists was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose token it is.
    pub user_id: String,
    /// The project and the strongest role.
    pub actor: Actor,
    /// Whether the registry may be read and changed.
    pub may_use_registry: bool,
    /// Whether it is another service, with the role `service`.
    pub is_service: bool,
    /// When the token ends to be valid.
    pub expires_at: Timestamp,
    /// The id under which Keystone's own records know the token; it is no secret.
    pub audit_id: Option<String>,
    /// All requests that the token may be used for; [`None`] for whatever its role allows.
    pub access_rules: Option<Vec<AccessRule>>,
}

impl Identity {
    /// Returns whether the token has expired.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Returns whether the token may be used for this method, in capitals, on this path, as it came
    /// in the request.
    #[must_use]
    pub fn may_request(&self, method: &str, path: &str) -> bool {
        let Some(rules) = &self.access_rules else {
            return true;
        };
        RequestPath::new(path)
            .is_some_and(|path| rules.iter().any(|rule| rule.allows(method, &path)))
    }

    /// Returns what the request rate is counted by. P: the project, else the user.
    #[must_use]
    pub fn rate_key(&self) -> &str {
        self.actor.project_id.as_deref().unwrap_or(&self.user_id)
    }

    /// Returns how many bytes of memory the identity takes, roughly.
    #[must_use]
    pub(super) fn weight(&self) -> usize {
        let rules = self.access_rules.iter().flatten();
        let rules: usize = rules
            .map(|rule| size_of::<AccessRule>() + rule.method.len() + rule.path.len())
            .sum();
        let project_id = self.actor.project_id.as_ref().map_or(0, String::len);
        let audit_id = self.audit_id.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.user_id.len() + project_id + audit_id + rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::access_level::AccessLevel;
    use crate::auth::access_rule::MAX_PATH_BYTES;
    use crate::timestamp;

    fn identity() -> Identity {
        Identity {
            user_id: "alice".into(),
            actor: Actor {
                project_id: Some("acme".into()),
                access_level: AccessLevel::Member,
            },
            may_use_registry: false,
            is_service: false,
            expires_at: timestamp::from_millis(1_000),
            audit_id: None,
            access_rules: None,
        }
    }

    #[test]
    fn a_token_is_valid_until_it_expires_and_not_a_millisecond_longer() {
        let identity = identity();
        for (millis, is_expired) in [(999, false), (1_000, true), (1_001, true)] {
            assert_eq!(
                identity.is_expired(timestamp::from_millis(millis)),
                is_expired
            );
        }
    }

    #[test]
    fn p_the_rate_is_counted_by_project_else_by_user() {
        let mut identity = identity();
        assert_eq!(identity.rate_key(), "acme");
        identity.actor.project_id = None;
        assert_eq!(identity.rate_key(), "alice");
    }

    #[test]
    fn k_access_rules_allow_what_one_of_them_allows_and_an_empty_list_allows_nothing() {
        let with = |access_rules| Identity {
            access_rules,
            ..identity()
        };
        let rule = |path: &str| AccessRule {
            method: "GET".into(),
            path: path.into(),
        };
        assert!(with(None).may_request("GET", "/v2.1/servers"));
        let two = with(Some(vec![rule("/v2.1/images/*"), rule("/v2.1/servers")]));
        assert!(two.may_request("GET", "/v2.1/servers"));
        assert!(!two.may_request("PUT", "/v2.1/servers"));
        assert!(!with(Some(vec![])).may_request("GET", "/v2.1/servers"));
    }

    #[test]
    fn p_a_path_that_is_too_long_is_allowed_only_without_access_rules() {
        let any = AccessRule {
            method: "GET".into(),
            path: "/**".into(),
        };
        let ruled = Identity {
            access_rules: Some(vec![any]),
            ..identity()
        };
        let longest = format!("/{}", "a".repeat(MAX_PATH_BYTES - 1));
        assert!(ruled.may_request("GET", &longest));
        assert!(!ruled.may_request("GET", &format!("{longest}a")));
        assert!(identity().may_request("GET", &format!("{longest}a")));
    }
}
