//! The strongest role of a token, and the actor that it makes.

use serde::{Deserialize, Serialize};

/// The strongest role of a token. Keystone's implied roles hold: `admin` ⊃ `manager` ⊃ `member` ⊃
/// `reader`; `manager` allows here what `member` allows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// None of the four roles, or only `service`.
    #[default]
    None,
    /// Reads.
    Reader,
    /// Reads and changes.
    Member,
    /// Changes what is locked and what belongs to another project.
    Admin,
}

impl AccessLevel {
    /// Returns the strongest level among `roles`. N: role names are compared without regard to case.
    #[must_use]
    pub fn of<S: AsRef<str>>(roles: &[S]) -> Self {
        let level = |role: &S| {
            let role = role.as_ref();
            if role.eq_ignore_ascii_case("admin") {
                Self::Admin
            } else if role.eq_ignore_ascii_case("manager") || role.eq_ignore_ascii_case("member") {
                Self::Member
            } else if role.eq_ignore_ascii_case("reader") {
                Self::Reader
            } else {
                Self::None
            }
        };
        roles.iter().map(level).max().unwrap_or_default()
    }
}

/// Who asks, as far as a decision about a resource depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The token's project; [`None`] for a token without one.
    #[serde(default)]
    pub project_id: Option<String>,
    /// The strongest of the token's roles.
    #[serde(default)]
    pub access_level: AccessLevel,
}

/// Returns whether these are the roles of another service, which may vouch for a user's token.
/// K: the name is compared exactly.
#[must_use]
pub fn is_service<S: AsRef<str>>(roles: &[S]) -> bool {
    roles.iter().any(|role| role.as_ref() == "service")
}

/// Returns whether a token with this project and these roles may use the registry: `admin` or
/// `service`. P: never without a project.
#[must_use]
pub fn may_use_registry<S: AsRef<str>>(project_id: Option<&str>, roles: &[S]) -> bool {
    project_id.is_some()
        && (AccessLevel::of(roles) == AccessLevel::Admin
            || roles
                .iter()
                .any(|role| role.as_ref().eq_ignore_ascii_case("service")))
}
