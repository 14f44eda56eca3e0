//! A server or an image as clients read it before they touch its metadata.

use super::microversion::Microversion;
use crate::json::{Object, array};
use crate::metadata::{Kind, Record, Resource, Server};
use crate::registry::document::items;

/// The document of one resource, without the wrapper `{"server": …}` or `{"image": …}`.
///
/// `collection` is the URL of the list it is in.
#[must_use]
pub fn in_full(id: &str, record: &Record, collection: &str, version: Microversion) -> String {
    match &record.resource {
        Resource::Server(server) => {
            let view = beginning(id, &server.name, record, collection)
                .json("metadata", &items(&record.metadata));
            server_in_full(view, server, version)
        }
        Resource::Image(image) => beginning(id, &image.name, record, collection)
            .json("metadata", &items(&record.metadata))
            .text("status", image_status(&image.status))
            .text("created", &image.created.to_string())
            .text("updated", &image.updated.to_string())
            .end(),
    }
}

/// The short form, for lists.
#[must_use]
pub fn in_brief(id: &str, record: &Record, collection: &str) -> String {
    let name = match &record.resource {
        Resource::Server(server) => &server.name,
        Resource::Image(image) => &image.name,
    };
    beginning(id, name, record, collection).end()
}

fn beginning(id: &str, name: &str, record: &Record, collection: &str) -> Object {
    Object::new()
        .text("id", id)
        .text("name", name)
        .json("links", &links(id, record.resource.kind(), collection))
}

fn server_in_full(view: Object, server: &Server, version: Microversion) -> String {
    let task_state = server.task_state.as_deref();
    let view = view
        .text("status", server_status(&server.vm_state, task_state))
        .text("tenant_id", &server.project_id)
        .text("created", &server.created.to_string())
        .text("updated", &server.updated.to_string())
        .text("OS-EXT-STS:vm_state", &server.vm_state)
        .text_or_null("OS-EXT-STS:task_state", task_state)
        .integer("OS-EXT-STS:power_state", server.power_state.into())
        // openstackclient, novaclient and the SDK fail without these two, which are not known here.
        .json("flavor", "{}")
        .json("addresses", "{}");
    // N: shown from 2.9 on.
    if version >= Microversion::LOCKED_SHOWN {
        view.boolean("locked", server.locked).end()
    } else {
        view.end()
    }
}

fn links(id: &str, kind: Kind, collection: &str) -> String {
    let link = |rel, href: String| Object::new().text("rel", rel).text("href", &href).end();
    let origin = origin(collection);
    array(&[
        link("self", format!("{collection}/{id}")),
        link("bookmark", format!("{origin}/{}/{id}", kind.plural())),
    ])
}

fn origin(url: &str) -> &str {
    // Behind the two after the scheme.
    let path = url.match_indices('/').nth(2);
    path.and_then(|(at, _)| url.get(..at)).unwrap_or(url)
}

/// N: what a client sees of a server's two states.
fn server_status(vm_state: &str, task_state: Option<&str>) -> &'static str {
    let task_state = task_state.unwrap_or_default();
    let resizing = matches!(
        task_state,
        "resize_prep" | "resize_migrating" | "resize_migrated" | "resize_finish"
    );
    let rebuilding = task_state.starts_with("rebuild");
    match vm_state {
        "active" => match task_state {
            "rebooting" | "reboot_pending" | "reboot_started" => "REBOOT",
            "rebooting_hard" | "reboot_pending_hard" | "reboot_started_hard" => "HARD_REBOOT",
            "updating_password" => "PASSWORD",
            "migrating" => "MIGRATING",
            _ if rebuilding => "REBUILD",
            _ if resizing => "RESIZE",
            _ => "ACTIVE",
        },
        "stopped" | "error" if rebuilding => "REBUILD",
        "stopped" if resizing => "RESIZE",
        "stopped" => "SHUTOFF",
        "resized" if task_state == "resize_reverting" => "REVERT_RESIZE",
        "resized" => "VERIFY_RESIZE",
        "paused" if task_state == "migrating" => "MIGRATING",
        "paused" => "PAUSED",
        "error" => "ERROR",
        "building" => "BUILD",
        "suspended" => "SUSPENDED",
        "rescued" => "RESCUE",
        "deleted" => "DELETED",
        "soft-delete" => "SOFT_DELETED",
        "shelved" => "SHELVED",
        "shelved_offloaded" => "SHELVED_OFFLOADED",
        _ => "UNKNOWN",
    }
}

/// N: what a client sees of Glance's status.
fn image_status(status: &str) -> &'static str {
    match status {
        "active" => "ACTIVE",
        "queued" | "saving" => "SAVING",
        "deleted" | "pending_delete" => "DELETED",
        "killed" => "ERROR",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_status_comes_from_vm_state_and_task_state() {
        for (vm_state, task_state, status) in [
            ("active", None, "ACTIVE"),
            ("active", Some("image_snapshot"), "ACTIVE"),
            ("active", Some("rebooting"), "REBOOT"),
            ("active", Some("reboot_started"), "REBOOT"),
            ("active", Some("rebooting_hard"), "HARD_REBOOT"),
            ("active", Some("updating_password"), "PASSWORD"),
            ("active", Some("rebuilding"), "REBUILD"),
            ("active", Some("rebuild_spawning"), "REBUILD"),
            ("active", Some("migrating"), "MIGRATING"),
            ("active", Some("resize_prep"), "RESIZE"),
            ("active", Some("resize_reverting"), "ACTIVE"),
            ("active", Some("resize_confirming"), "ACTIVE"),
            ("stopped", Some("resize_confirming"), "SHUTOFF"),
            ("building", None, "BUILD"),
            ("stopped", None, "SHUTOFF"),
            ("stopped", Some("resize_finish"), "RESIZE"),
            ("stopped", Some("rebuilding"), "REBUILD"),
            ("resized", None, "VERIFY_RESIZE"),
            ("resized", Some("resize_reverting"), "REVERT_RESIZE"),
            ("paused", None, "PAUSED"),
            ("paused", Some("migrating"), "MIGRATING"),
            ("suspended", None, "SUSPENDED"),
            ("rescued", None, "RESCUE"),
            ("error", None, "ERROR"),
            ("error", Some("rebuilding"), "REBUILD"),
            ("deleted", None, "DELETED"),
            ("soft-delete", None, "SOFT_DELETED"),
            ("shelved", None, "SHELVED"),
            ("shelved_offloaded", None, "SHELVED_OFFLOADED"),
            ("never heard of", None, "UNKNOWN"),
        ] {
            assert_eq!(
                server_status(vm_state, task_state),
                status,
                "{vm_state} {task_state:?}"
            );
        }
    }

    #[test]
    fn n_status_of_an_image() {
        for (status, shown) in [
            ("active", "ACTIVE"),
            ("queued", "SAVING"),
            ("saving", "SAVING"),
            ("killed", "ERROR"),
            ("deleted", "DELETED"),
            ("pending_delete", "DELETED"),
            ("deactivated", "UNKNOWN"),
        ] {
            assert_eq!(image_status(status), shown);
        }
    }

    #[test]
    fn bookmarks_have_no_version() {
        let links = links("x", Kind::Server, "https://edge.example/v2.1/ace/servers");
        let links: serde_json::Value = serde_json::from_str(&links).unwrap();
        assert_eq!(links[0]["href"], "https://edge.example/v2.1/ace/servers/x");
        assert_eq!(links[1]["href"], "https://edge.example/servers/x");
    }
}
