//! Role × operation × ownership → yes or no.
//!
//! | role in the token's project | servers and images of that project | another project's |
//! |---|---|---|
//! | none of these, or only `service` | servers 403, images 404 | 404 |
//! | reader | read | 404; visible images: read |
//! | member, manager | read, change | 404; visible images: read, change 403 |
//! | admin | read, change, also when locked | read, change |
//!
//! A token without a project: servers 403 whatever its roles; images 404, but a system admin is an
//! admin.

use super::{Record, Resource};
use crate::auth::{AccessLevel, Actor};

/// Returns whether the resource exists for the actor. One that does not is answered as unknown.
#[must_use]
pub fn is_visible(actor: &Actor, record: &Record) -> bool {
    if record.resource.is_gone() {
        return false;
    }
    if is_admin(actor) || owns(actor, record) && matches!(record.resource, Resource::Server(_)) {
        return true;
    }
    match &record.resource {
        Resource::Server(_) => false,
        Resource::Image(image) => {
            actor.access_level >= AccessLevel::Reader
                && actor.project_id.as_deref().is_some_and(|project_id| {
                    project_id == record.project_id || image.is_visible_to_other(project_id)
                })
        }
    }
}

/// S2: 403 unless the role allows to read a server that is seen. An image that is seen may be read.
#[must_use]
pub(super) fn may_read(actor: &Actor, record: &Record) -> bool {
    match &record.resource {
        Resource::Server(_) => has_level(actor, AccessLevel::Reader),
        Resource::Image(_) => true,
    }
}

/// S1, S2: 403 unless the role allows to change a resource that is seen; an image must also be the
/// project's own.
#[must_use]
pub(super) fn may_change(actor: &Actor, record: &Record) -> bool {
    match &record.resource {
        Resource::Server(_) => has_level(actor, AccessLevel::Member),
        Resource::Image(_) => {
            is_admin(actor) || actor.access_level >= AccessLevel::Member && owns(actor, record)
        }
    }
}

/// N: a lock does not hold an admin.
#[must_use]
pub(super) fn passes_locks(actor: &Actor) -> bool {
    is_admin(actor)
}

fn is_admin(actor: &Actor) -> bool {
    actor.access_level == AccessLevel::Admin
}

fn owns(actor: &Actor, record: &Record) -> bool {
    actor.project_id.as_deref() == Some(record.project_id.as_str())
}

fn has_level(actor: &Actor, level: AccessLevel) -> bool {
    actor.project_id.is_some() && actor.access_level >= level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Image, Kind, Visibility};
    use crate::timestamp::Timestamp;

    fn actor(project_id: Option<&str>, role: &str) -> Actor {
        Actor {
            project_id: project_id.map(str::to_owned),
            access_level: AccessLevel::of(&[role]),
        }
    }

    fn server(project_id: &str) -> Record {
        Record::new(project_id, Kind::Server, Timestamp::default())
    }

    fn image(visibility: Visibility) -> Record {
        Record {
            resource: Resource::Image(Image {
                visibility,
                members: vec!["member".into()],
                ..Image::default()
            }),
            ..Record::new("acme", Kind::Image, Timestamp::default())
        }
    }

    #[test]
    fn each_row_of_the_role_table_for_servers() {
        for (role, reads, changes, sees_other, passes) in [
            ("service", false, false, false, false),
            ("unknown", false, false, false, false),
            ("reader", true, false, false, false),
            ("member", true, true, false, false),
            ("manager", true, true, false, false),
            ("admin", true, true, true, true),
        ] {
            let actor = actor(Some("acme"), role);
            let own = server("acme");
            assert!(is_visible(&actor, &own), "{role}");
            assert_eq!(is_visible(&actor, &server("other")), sees_other, "{role}");
            assert_eq!(may_read(&actor, &own), reads, "{role}");
            assert_eq!(may_change(&actor, &own), changes, "{role}");
            assert_eq!(passes_locks(&actor), passes, "{role}");
        }
    }

    #[test]
    fn a_token_without_a_project_may_not_use_servers() {
        for role in ["service", "reader", "member", "manager", "admin"] {
            let actor = actor(None, role);
            assert!(!may_read(&actor, &server("acme")), "{role}");
            assert!(!may_change(&actor, &server("acme")), "{role}");
        }
        assert!(!is_visible(&actor(None, "member"), &server("acme")));
    }

    #[test]
    fn each_row_of_the_role_table_for_images() {
        use Visibility::{Community, Private, Public, Shared};
        for (role, project, sees_image, changes) in [
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
            for (visibility, expected) in [Private, Shared, Public, Community]
                .into_iter()
                .zip(sees_image)
            {
                let image = image(visibility);
                assert_eq!(
                    is_visible(&actor, &image),
                    expected,
                    "{role} {project} {visibility:?}"
                );
                assert_eq!(may_change(&actor, &image), changes, "{role} {project}");
            }
        }
    }

    #[test]
    fn a_token_without_a_project_sees_no_image_unless_it_is_an_admins() {
        for role in ["service", "reader", "member", "manager"] {
            let actor = actor(None, role);
            assert!(!is_visible(&actor, &image(Visibility::Public)), "{role}");
            assert!(!may_change(&actor, &image(Visibility::Public)), "{role}");
        }
        let admin = actor(None, "admin");
        assert!(is_visible(&admin, &image(Visibility::Private)));
        assert!(may_change(&admin, &image(Visibility::Private)));
    }
}
