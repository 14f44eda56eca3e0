//! What a token says of its user, whoever vouches for it.

use serde::Deserialize;

use super::access_level::{AccessLevel, Actor};
use super::access_rule::AccessRule;
use super::identity::Identity;
use crate::timestamp::{self, Timestamp};

/// What a token's roles are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The project with this id.
    Project(String),
    /// A domain.
    Domain,
    /// The whole cloud.
    System,
    /// Nothing: the token has no roles.
    Unscoped,
}

/// What a token says of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose token it is.
    pub user_id: String,
    /// What the roles are for.
    pub scope: Scope,
    /// The roles as granted. Implied ones are added by [`AccessLevel::of`].
    pub roles: Vec<String>,
    /// When the token ends to be valid.
    pub expires_at: Timestamp,
    /// The id under which Keystone's own records know the token; it is no secret.
    pub audit_id: Option<String>,
    /// All requests that the token may be used for, if its application credential has access rules.
    /// An empty list allows none.
    pub access_rules: Option<Vec<AccessRule>>,
}

/// The value under `token:<digest>`.
#[derive(Deserialize)]
struct EmbeddedToken {
    user_id: String,
    #[serde(default)]
    project_id: Option<String>,
    roles: Vec<String>,
    #[serde(with = "timestamp")]
    expires_at: Timestamp,
}

impl Claims {
    /// Parses the claims of an embedded token, as they are stored under `token:<digest>`:
    /// `{"user_id", "project_id", "roles", "expires_at"}`. P: unknown fields are ignored, and
    /// `project_id` may be null.
    ///
    /// # Errors
    ///
    /// The text is not such a document.
    pub fn from_embedded(text: &str) -> Result<Self, serde_json::Error> {
        let token: EmbeddedToken = serde_json::from_str(text)?;
        Ok(Self {
            user_id: token.user_id,
            // P: an embedded token without a project is the system's, not a domain's.
            scope: token.project_id.map_or(Scope::System, Scope::Project),
            roles: token.roles,
            expires_at: token.expires_at,
            audit_id: None,
            access_rules: None,
        })
    }

    /// Returns the identity that these claims stand for, whether they have expired or not.
    #[must_use]
    pub fn into_identity(self) -> Identity {
        let has_role = |name: &str| {
            self.roles
                .iter()
                .any(|role| role.eq_ignore_ascii_case(name))
        };
        // P: a domain's admin is no admin of images, which belong to projects.
        let access_level = match self.scope {
            Scope::Domain | Scope::Unscoped => AccessLevel::None,
            Scope::Project(_) | Scope::System => AccessLevel::of(&self.roles),
        };
        let project_id = match self.scope {
            Scope::Project(id) => Some(id),
            Scope::Domain | Scope::System | Scope::Unscoped => None,
        };
        Identity {
            // P: the registry is for `admin` and `service`, and never without a project.
            may_use_registry: project_id.is_some()
                && (access_level == AccessLevel::Admin || has_role("service")),
            // K: the middleware compares the role of a service exactly.
            is_service: self.roles.iter().any(|role| role == "service"),
            actor: Actor {
                project_id,
                access_level,
            },
            user_id: self.user_id,
            expires_at: self.expires_at,
            audit_id: self.audit_id,
            access_rules: self.access_rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(scope: Scope, roles: &[&str]) -> Identity {
        Claims {
            user_id: "alice".into(),
            scope,
            roles: roles.iter().map(|&role| role.into()).collect(),
            expires_at: Timestamp::default(),
            audit_id: None,
            access_rules: None,
        }
        .into_identity()
    }

    fn acme() -> Scope {
        Scope::Project("acme".into())
    }

    #[test]
    fn p_embedded_claims_may_have_more_fields_and_no_project() {
        let claims = Claims::from_embedded(
            r#"{"user_id": "u", "project_id": null, "roles": ["reader"], "expires_at": "2026-11-21T12:00:00Z",
                "audit_id": 1, "access_rules": [], "scope": "domain"}"#,
        )
        .unwrap();
        assert_eq!(claims.scope, Scope::System);
        assert_eq!(claims.access_rules, None);
        assert_eq!(
            claims.expires_at,
            timestamp::parse("2026-11-21T12:00:00Z").unwrap()
        );
        let text = r#"{"user_id": "u", "project_id": "acme", "roles": [], "expires_at": "2026-11-21T12:00:00Z"}"#;
        assert_eq!(Claims::from_embedded(text).unwrap().scope, acme());
        let text = r#"{"user_id": "u", "roles": [], "expires_at": "2026-11-21T12:00:00Z"}"#;
        assert_eq!(Claims::from_embedded(text).unwrap().scope, Scope::System);
    }

    #[test]
    fn p_embedded_claims_without_a_user_roles_or_an_end_are_rejected() {
        for text in [
            r#"{"user_id": "u", "project_id": "p", "roles": []}"#,
            r#"{"project_id": "p", "roles": [], "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "project_id": "p", "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "roles": [], "expires_at": "tomorrow"}"#,
            r#"{"user_id": "u", "roles": [1], "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "project_id": 1, "roles": [], "expires_at": "2026-11-21T12:00:00Z"}"#,
            r#"{"user_id": "u", "roles": "admin", "expires_at": "2026-11-21T12:00:00Z"}"#,
            "[]",
            "",
        ] {
            assert!(Claims::from_embedded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn p_the_registry_is_for_admin_and_service_with_a_project() {
        for (role, may) in [
            ("admin", true),
            ("service", true),
            ("Service", true),
            ("manager", false),
            ("member", false),
            ("reader", false),
            ("unheard-of", false),
        ] {
            assert_eq!(identity(acme(), &[role]).may_use_registry, may, "{role}");
            for scope in [Scope::Domain, Scope::System, Scope::Unscoped] {
                assert!(!identity(scope, &[role]).may_use_registry, "{role}");
            }
        }
    }

    #[test]
    fn p_a_domains_admin_has_no_access_level_and_a_systems_admin_is_an_admin() {
        for (scope, expected) in [
            (acme(), AccessLevel::Admin),
            (Scope::System, AccessLevel::Admin),
            (Scope::Domain, AccessLevel::None),
            (Scope::Unscoped, AccessLevel::None),
        ] {
            let identity = identity(scope, &["admin", "member"]);
            assert_eq!(identity.actor.access_level, expected);
        }
    }

    #[test]
    fn k_only_a_role_of_exactly_that_name_makes_it_a_services_token() {
        for (roles, is_service) in [
            (&["service"][..], true),
            (&["reader", "service"], true),
            (&["admin"], false),
            (&["Service"], false),
            (&[], false),
        ] {
            assert_eq!(identity(acme(), roles).is_service, is_service, "{roles:?}");
        }
    }
}
