//! K: the documents that Keystone answers with, as far as they are read.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::auth::access_rule::AccessRule;
use crate::auth::claims::{Claims, Scope};
use crate::timestamp::{self, Timestamp};

/// The type of this service in Keystone's catalog, and in the access rules that concern it.
const SERVICE_TYPE: &str = "compute";

/// The answer to `GET /v3/auth/tokens`.
#[derive(Deserialize)]
pub(super) struct TokenDocument {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    user: Reference,
    #[serde(default, deserialize_with = "if_present")]
    project: Option<Reference>,
    #[serde(default)]
    domain: Option<IgnoredAny>,
    #[serde(default)]
    system: Option<IgnoredAny>,
    /// An unscoped token has none.
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(with = "timestamp")]
    expires_at: Timestamp,
    /// The token's own id, then that of the token it was made from.
    #[serde(default)]
    audit_ids: Vec<String>,
    #[serde(default)]
    application_credential: Option<ApplicationCredential>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

#[derive(Deserialize)]
struct ApplicationCredential {
    /// An empty list allows nothing; null and absence allow everything.
    #[serde(default)]
    access_rules: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
struct Rule {
    service: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
}

/// Deserializes a member that may be absent but not null.
fn if_present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl TokenDocument {
    /// Returns the claims, or [`None`] when a rule for this service is incomplete.
    pub(super) fn into_claims(self) -> Option<Claims> {
        let token = self.token;
        let scope = match (token.project, token.domain, token.system) {
            (Some(project), _, _) => Scope::Project(project.id),
            (None, Some(_), _) => Scope::Domain,
            (None, None, Some(_)) => Scope::System,
            (None, None, None) => Scope::Unscoped,
        };
        let rules = token
            .application_credential
            .and_then(|credential| credential.access_rules);
        Some(Claims {
            user_id: token.user.id,
            scope,
            roles: token.roles.into_iter().map(|role| role.name).collect(),
            expires_at: token.expires_at,
            audit_id: token.audit_ids.into_iter().next(),
            access_rules: match rules {
                None => None,
                Some(rules) => Some(for_this_service(rules)?),
            },
        })
    }
}

fn for_this_service(rules: Vec<Rule>) -> Option<Vec<AccessRule>> {
    rules
        .into_iter()
        .filter(|rule| rule.service == SERVICE_TYPE)
        .map(|rule| {
            Some(AccessRule {
                method: rule.method?,
                path: rule.path?,
            })
        })
        .collect()
}

/// The answer to `POST /v3/auth/tokens`, whose token is in a header.
#[derive(Deserialize)]
pub(super) struct IssuedDocument {
    token: Issued,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(with = "timestamp")]
    expires_at: Timestamp,
}

impl IssuedDocument {
    /// Returns when the token expires.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.token.expires_at
    }
}

/// An error that Keystone itself answers with.
#[derive(Deserialize)]
pub(super) struct ErrorDocument {
    error: ErrorMember,
}

#[derive(Deserialize)]
struct ErrorMember {
    code: u16,
}

impl ErrorDocument {
    /// Returns the code in the document, which is that of the answer.
    pub(super) fn code(&self) -> u16 {
        self.error.code
    }
}
