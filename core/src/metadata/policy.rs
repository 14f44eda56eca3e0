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

use super::{Image, Server};
use crate::auth::{AccessLevel, Actor};

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
        self.project_id.is_some() && self.access_level >= AccessLevel::Reader
    }

    /// S2: 403 unless the role allows to change a server that is seen.
    #[must_use]
    pub fn may_change_server(&self) -> bool {
        self.project_id.is_some() && self.access_level >= AccessLevel::Member
    }

    /// Whether the image exists for this actor, who may then read it too.
    #[must_use]
    pub fn sees_image(&self, image: &Image) -> bool {
        self.is_admin()
            || self.access_level >= AccessLevel::Reader
                && self
                    .project_id
                    .as_deref()
                    .is_some_and(|project_id| image.is_visible_to(project_id))
    }

    /// S1: 403 unless the image is the project's own and the role allows to change it.
    #[must_use]
    pub fn may_change_image(&self, image: &Image) -> bool {
        self.is_admin() || self.access_level >= AccessLevel::Member && self.owns(&image.project_id)
    }

    /// N: a lock does not hold an admin.
    #[must_use]
    pub fn passes_locks(&self) -> bool {
        self.is_admin()
    }

    fn is_admin(&self) -> bool {
        self.access_level == AccessLevel::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Visibility;
    use crate::timestamp::Timestamp;

    fn actor(project_id: Option<&str>, role: &str) -> Actor {
        Actor {
            project_id: project_id.map(str::to_owned),
            access_level: AccessLevel::of(&[role]),
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
        assert_eq!(AccessLevel::of::<&str>(&[]), AccessLevel::None);
        assert_eq!(AccessLevel::of(&["service"]), AccessLevel::None);
        assert_eq!(AccessLevel::of(&["readers"]), AccessLevel::None);
        assert_eq!(AccessLevel::of(&["reader"]), AccessLevel::Reader);
        assert_eq!(AccessLevel::of(&["member", "reader"]), AccessLevel::Member);
        assert_eq!(AccessLevel::of(&["Manager"]), AccessLevel::Member);
        assert_eq!(AccessLevel::of(&["reader", "ADMIN"]), AccessLevel::Admin);
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
