//! What a token is worth: its claims, until when they hold, and the digest under which they are kept.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::access_level::{AccessLevel, Actor, is_service, may_use_registry};
use super::access_rule::AccessRule;
use crate::timestamp::Timestamp;

/// SHA-256 of a token. Nothing a token can be recovered from is kept or logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// The key in KV: `{namespace}:{64 hex digits}`.
    #[must_use]
    pub fn kv_key(&self, namespace: &str) -> String {
        let mut key = String::with_capacity(namespace.len() + 65);
        key.push_str(namespace);
        key.push(':');
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                key.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
            }
        }
        key
    }
}

/// What a token says of its user, whoever vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose token it is.
    pub user_id: String,
    /// The project it is for; none for an unscoped token.
    pub project_id: Option<String>,
    /// The roles as granted; implied ones are added on reading.
    pub roles: Vec<String>,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// All that it may be used for here, if its application credential says so.
    pub access_rules: Option<Vec<AccessRule>>,
}

/// Who is asking: an identity that exists was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose token it is.
    pub user_id: String,
    /// The project and the strongest role.
    pub actor: Actor,
    /// Whether the registry opens to it.
    pub may_use_registry: bool,
    /// Whether it is another service's own, with role `service`.
    pub is_service: bool,
    /// Until when the token holds.
    pub expires_at: Timestamp,
    /// All that it may be used for; [`None`] for whatever its role allows.
    pub access_rules: Option<Vec<AccessRule>>,
}

impl Claims {
    /// The claims of an embedded token, as they are stored under `token:<digest>`. Unknown fields are
    /// ignored; [`None`] when it is not a claim at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::stored(&serde_json::from_str(text).ok()?)
    }

    /// The claims in a document in KV, but for the access rules.
    #[must_use]
    pub fn stored(stored: &Value) -> Option<Self> {
        let text = |name: &str| stored.get(name).and_then(Value::as_str);
        let roles = stored.get("roles")?.as_array()?;
        let project_id = match stored.get("project_id") {
            None | Some(Value::Null) => None,
            Some(project_id) => Some(project_id.as_str()?.to_owned()),
        };
        Some(Self {
            user_id: text("user_id")?.to_owned(),
            project_id,
            roles: roles
                .iter()
                .map(|role| role.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            expires_at: crate::timestamp::parse(text("expires_at")?)?,
            access_rules: None,
        })
    }

    /// The identity, whether the token still holds or not.
    #[must_use]
    pub fn identity(self) -> Identity {
        Identity {
            is_service: is_service(&self.roles),
            may_use_registry: may_use_registry(self.project_id.as_deref(), &self.roles),
            actor: Actor {
                project_id: self.project_id,
                access_level: AccessLevel::of(&self.roles),
            },
            user_id: self.user_id,
            expires_at: self.expires_at,
            access_rules: self.access_rules,
        }
    }
}

impl Identity {
    /// Whether the token has not expired yet.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Whether the token may be used for this method on this path, as it came in the request.
    #[must_use]
    pub fn may_ask(&self, method: &str, path: &str) -> bool {
        self.access_rules
            .as_ref()
            .is_none_or(|rules| rules.iter().any(|rule| rule.allows(method, path)))
    }

    /// What the request rate is counted by: the project, else the user.
    #[must_use]
    pub fn rate_key(&self) -> &str {
        self.actor.project_id.as_deref().unwrap_or(&self.user_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(roles: &[&str], project_id: Option<&str>) -> Claims {
        Claims {
            user_id: "alice".into(),
            project_id: project_id.map(str::to_owned),
            roles: roles.iter().map(|&role| role.into()).collect(),
            expires_at: crate::timestamp::from_millis(1_000),
            access_rules: None,
        }
    }

    #[test]
    fn claims_are_kept_under_the_sha_256_of_the_token() {
        assert_eq!(
            Digest::of("870466f60fd3461abbcf1f2f16ffc30f").kv_key("token"),
            "token:aaffd435559e4b2ee57cead3e3d4eb5bf4544fc5bd67dc54fc2fb98f458bd8e9"
        );
    }

    #[test]
    fn a_token_holds_until_it_expires_and_not_a_millisecond_longer() {
        let identity = claims(&["member"], Some("acme")).identity();
        let at = |millis| identity.holds(crate::timestamp::from_millis(millis));
        assert!(at(999));
        assert!(!at(1_000));
        assert!(!at(1_001));
    }

    #[test]
    fn unknown_fields_are_ignored_and_expires_at_is_required() {
        let parsed = Claims::parse(
            r#"{"user_id": "u", "project_id": null, "roles": ["reader"], "expires_at": "2026-11-21T12:00:00Z", "new": 1}"#,
        )
        .unwrap();
        assert_eq!(parsed.project_id, None);
        assert_eq!(parsed.expires_at.to_string(), "2026-11-21T12:00:00Z");
        for text in [
            r#"{"user_id": "u", "project_id": "p", "roles": []}"#,
            r#"{"user_id": "u", "roles": [], "expires_at": "tomorrow"}"#,
            r#"{"user_id": "u", "roles": [1], "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "project_id": 1, "roles": [], "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "roles": "admin", "expires_at": "2026-11-21T12:00:00Z"}"#,
            "[]",
            "",
        ] {
            assert_eq!(Claims::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_rate_is_counted_by_project_else_by_user() {
        let identity = |project| claims(&[], project).identity();
        assert_eq!(identity(Some("acme")).rate_key(), "acme");
        assert_eq!(identity(None).rate_key(), "alice");
    }

    #[test]
    fn only_a_role_of_exactly_that_name_makes_it_a_services_own() {
        for (roles, is_service) in [
            (&["service"][..], true),
            (&["reader", "service"], true),
            (&["admin"], false),
            (&["Service"], false),
            (&[], false),
        ] {
            let identity = claims(roles, Some("acme")).identity();
            assert_eq!(identity.is_service, is_service, "{roles:?}");
        }
    }

    #[test]
    fn access_rules_allow_what_one_of_them_allows_and_none_allow_nothing() {
        let with = |access_rules| {
            Claims {
                access_rules,
                ..claims(&["member"], Some("acme"))
            }
            .identity()
        };
        let rule = |path: &str| AccessRule {
            method: "GET".into(),
            path: path.into(),
        };
        assert!(with(None).may_ask("GET", "/v2.1/servers"));
        let two = with(Some(vec![rule("/v2.1/images/*"), rule("/v2.1/servers")]));
        assert!(two.may_ask("GET", "/v2.1/servers"));
        assert!(!two.may_ask("PUT", "/v2.1/servers"));
        assert!(!with(Some(vec![])).may_ask("GET", "/v2.1/servers"));
    }
}
