//! The strongest role of a token, and the actor that it makes.

use serde::{Deserialize, Serialize};

/// The strongest role of a token.
///
/// K: Keystone's implied roles hold: `admin` ⊃ `manager` ⊃ `member` ⊃ `reader`. `manager` allows
/// here what `member` allows, so it has no level of its own.
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
    /// Also changes what is locked and what belongs to another project.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_the_strongest_role_counts_whatever_its_case() {
        for (roles, expected) in [
            (&[][..], AccessLevel::None),
            (&["service"], AccessLevel::None),
            (&["readers"], AccessLevel::None),
            (&["reader"], AccessLevel::Reader),
            (&["member", "reader"], AccessLevel::Member),
            (&["Manager"], AccessLevel::Member),
            (&["reader", "ADMIN"], AccessLevel::Admin),
        ] {
            assert_eq!(AccessLevel::of(roles), expected, "{roles:?}");
        }
    }
}
