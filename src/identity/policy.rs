//! Role × operation × ownership → yes or no.
//!
//! | role in the token's project | servers and images of that project | another project's |
//! |---|---|---|
//! | none of these, or only `service` | servers 403, images 404 | 404 |
//! | reader | read | 404; visible images: read |
//! | member, manager | read, change | 404; visible images: read, change 403 |
//! | admin | read, change, also when locked | read, change |
//!
//! A token without a project: servers 403 whatever its roles; images 404, but an admin is an admin.

use crate::metadata::{Image, Server};

/// The strongest role of a token. Keystone's implied roles hold: `admin` ⊃ `manager` ⊃ `member` ⊃
/// `reader`; `manager` may do here what `member` may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Standing {
    /// None of the four, or only `service`.
    #[default]
    None,
    /// May read.
    Reader,
    /// May change.
    Member,
    /// May change what is locked and what is another project's.
    Admin,
}

impl Standing {
    /// The strongest of `roles`. N: role names are compared without regard to case.
    #[must_use]
    pub fn of<S: AsRef<str>>(roles: &[S]) -> Self {
        let standing = |role: &S| {
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
        roles.iter().map(standing).max().unwrap_or_default()
    }
}

impl From<u8> for Standing {
    /// From the number that travels to an object; an unknown one may nothing.
    fn from(number: u8) -> Self {
        [Self::Reader, Self::Member, Self::Admin]
            .into_iter()
            .find(|standing| *standing as u8 == number)
            .unwrap_or_default()
    }
}

/// Who asks, as far as the decision about a resource depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's project.
    pub project_id: Option<String>,
    /// The strongest of the token's roles.
    pub standing: Standing,
}

impl Actor {
    /// Whether the token's project owns what belongs to `project_id`.
    fn owns(&self, project_id: &str) -> bool {
        self.project_id.as_deref() == Some(project_id)
    }

    /// Whether the server exists for this actor; a server that is not seen answers as one that is
    /// not there.
    #[must_use]
    pub fn sees_server(&self, server: &Server) -> bool {
        self.is_admin() || self.owns(&server.project_id)
    }

    /// S2: 403 unless the role allows to read a server that is seen.
    #[must_use]
    pub fn may_read_server(&self) -> bool {
        self.project_id.is_some() && self.standing >= Standing::Reader
    }

    /// S2: 403 unless the role allows to change a server that is seen.
    #[must_use]
    pub fn may_change_server(&self) -> bool {
        self.project_id.is_some() && self.standing >= Standing::Member
    }

    /// Whether the image exists for this actor, who may then read it too.
    #[must_use]
    pub fn sees_image(&self, image: &Image) -> bool {
        self.is_admin()
            || self.standing >= Standing::Reader
                && self
                    .project_id
                    .as_deref()
                    .is_some_and(|project_id| image.is_visible_to(project_id))
    }

    /// S1: 403 unless the image is the project's own and the role allows to change it.
    #[must_use]
    pub fn may_change_image(&self, image: &Image) -> bool {
        self.is_admin() || self.standing >= Standing::Member && self.owns(&image.project_id)
    }

    /// N: a lock does not hold an admin.
    #[must_use]
    pub fn passes_locks(&self) -> bool {
        self.is_admin()
    }

    fn is_admin(&self) -> bool {
        self.standing == Standing::Admin
    }
}

/// Whether these are the roles of another service, whose word counts for more than a user's. K: the
/// name is compared exactly.
#[must_use]
pub fn is_service<S: AsRef<str>>(roles: &[S]) -> bool {
    roles.iter().any(|role| role.as_ref() == "service")
}

/// Whether a token with a project and these roles may use the registry: `admin` or `service`.
#[must_use]
pub fn may_use_registry<S: AsRef<str>>(project_id: Option<&str>, roles: &[S]) -> bool {
    project_id.is_some()
        && (Standing::of(roles) == Standing::Admin
            || roles
                .iter()
                .any(|role| role.as_ref().eq_ignore_ascii_case("service")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Visibility;
    use crate::time::Timestamp;

    fn actor(project_id: Option<&str>, role: &str) -> Actor {
        Actor {
            project_id: project_id.map(str::to_owned),
            standing: Standing::of(&[role]),
        }
    }

    fn server(project_id: &str) -> Server {
        Server {
            project_id: project_id.into(),
            name: String::new(),
            vm_state: "active".into(),
            task_state: None,
            power_state: 1,
            locked: false,
            launched: true,
            created: Timestamp::default(),
            updated: Timestamp::default(),
            observed_at: None,
        }
    }

    fn image(visibility: Visibility) -> Image {
        Image {
            project_id: "acme".into(),
            name: String::new(),
            status: "active".into(),
            visibility,
            members: vec!["member".into()],
            created: Timestamp::default(),
            updated: Timestamp::default(),
            observed_at: None,
        }
    }

    #[test]
    fn the_strongest_role_counts_whatever_its_case() {
        assert_eq!(Standing::of::<&str>(&[]), Standing::None);
        assert_eq!(Standing::of(&["service"]), Standing::None);
        assert_eq!(Standing::of(&["readers"]), Standing::None);
        assert_eq!(Standing::of(&["reader"]), Standing::Reader);
        assert_eq!(Standing::of(&["member", "reader"]), Standing::Member);
        assert_eq!(Standing::of(&["Manager"]), Standing::Member);
        assert_eq!(Standing::of(&["reader", "ADMIN"]), Standing::Admin);
    }

    #[test]
    fn servers_each_row_of_the_role_table() {
        for (role, reads, changes, sees_other, passes) in [
            ("service", false, false, false, false),
            ("unheard-of", false, false, false, false),
            ("reader", true, false, false, false),
            ("member", true, true, false, false),
            ("manager", true, true, false, false),
            ("admin", true, true, true, true),
        ] {
            let actor = actor(Some("acme"), role);
            assert!(actor.sees_server(&server("acme")), "{role}");
            assert_eq!(actor.sees_server(&server("other")), sees_other, "{role}");
            assert_eq!(actor.may_read_server(), reads, "{role}");
            assert_eq!(actor.may_change_server(), changes, "{role}");
            assert_eq!(actor.passes_locks(), passes, "{role}");
        }
    }

    #[test]
    fn servers_a_token_without_a_project_may_nothing() {
        for role in ["service", "reader", "member", "manager", "admin"] {
            let actor = actor(None, role);
            assert!(!actor.may_read_server(), "{role}");
            assert!(!actor.may_change_server(), "{role}");
        }
        assert!(!actor(None, "member").sees_server(&server("acme")));
    }

    #[test]
    fn images_each_row_of_the_role_table() {
        use Visibility::{Community, Private, Public, Shared};
        for (role, project, sees, changes) in [
            ("service", "acme", [false; 4], false),
            ("service", "other", [false; 4], false),
            ("reader", "acme", [true; 4], false),
            ("reader", "other", [false, false, true, true], false),
            ("reader", "member", [false, true, true, true], false),
            ("member", "acme", [true; 4], true),
            ("member", "other", [false, false, true, true], false),
            ("member", "member", [false, true, true, true], false),
            ("manager", "acme", [true; 4], true),
            ("manager", "other", [false, false, true, true], false),
            ("admin", "acme", [true; 4], true),
            ("admin", "other", [true; 4], true),
        ] {
            let actor = actor(Some(project), role);
            for (visibility, sees) in [Private, Shared, Public, Community].into_iter().zip(sees) {
                let image = image(visibility);
                assert_eq!(
                    actor.sees_image(&image),
                    sees,
                    "{role} {project} {visibility:?}"
                );
                assert_eq!(actor.may_change_image(&image), changes, "{role} {project}");
            }
        }
    }

    #[test]
    fn images_a_token_without_a_project_sees_none_unless_it_is_an_admins() {
        for role in ["service", "reader", "member", "manager"] {
            assert!(
                !actor(None, role).sees_image(&image(Visibility::Public)),
                "{role}"
            );
            assert!(
                !actor(None, role).may_change_image(&image(Visibility::Public)),
                "{role}"
            );
        }
        assert!(actor(None, "admin").sees_image(&image(Visibility::Private)));
        assert!(actor(None, "admin").may_change_image(&image(Visibility::Private)));
    }

    #[test]
    fn the_registry_is_for_admin_and_service_with_a_project() {
        for (role, may) in [
            ("admin", true),
            ("service", true),
            ("Service", true),
            ("manager", false),
            ("member", false),
            ("reader", false),
            ("unheard-of", false),
        ] {
            assert_eq!(may_use_registry(Some("acme"), &[role]), may, "{role}");
            assert!(!may_use_registry(None, &[role]), "{role}");
        }
    }
}
