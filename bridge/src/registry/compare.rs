//! Whether the cloud and the edge say the same of a resource.

use std::collections::BTreeMap;

use edge_metadata_core::metadata::{Attributes, Image, Server};
use edge_metadata_core::registry::Fields;

use super::types::{Change, Document, ImageDocument, Metadata, Record, ServerDocument};

/// The names of the fields in which the edge's record differs from the cloud's document, sorted.
///
/// A key of metadata that is marked is no difference: the cloud has yet to apply it. Of attributes only the names are
/// compared: some values change without a notification, addresses for example when Neutron gives a port another.
#[must_use]
pub fn differences(cloud: &Document, edge: &Record) -> Vec<String> {
    let mut fields = match (cloud, edge) {
        (Document::Server(cloud), Record::Server(edge)) => server(cloud, edge),
        (Document::Image(cloud), Record::Image(edge)) => image(cloud, edge),
        _ => vec!["kind".to_owned()],
    };
    fields.sort();
    fields
}

fn server(cloud: &ServerDocument, edge: &Fields<Server>) -> Vec<String> {
    let mut fields = names(&[
        ("project_id", cloud.project_id == edge.project_id),
        ("name", cloud.name == edge.name),
        ("vm_state", cloud.vm_state == edge.resource.vm_state),
        ("task_state", cloud.task_state == edge.resource.task_state),
        (
            "power_state",
            cloud.power_state == edge.resource.power_state,
        ),
        ("locked", cloud.locked == edge.resource.locked),
        ("launched", cloud.launched == edge.resource.launched),
    ]);
    fields.extend(attributes(&cloud.attributes, &edge.attributes));
    fields.extend(metadata(&cloud.metadata, &edge.metadata, edge.changes()));
    fields
}

fn image(cloud: &ImageDocument, edge: &Fields<Image>) -> Vec<String> {
    let mut members = edge.resource.members.clone();
    members.sort();
    let mut fields = names(&[
        ("project_id", cloud.project_id == edge.project_id),
        ("name", cloud.name == edge.name),
        ("status", cloud.status == edge.resource.status),
        ("visibility", cloud.visibility == edge.resource.visibility),
        ("members", cloud.members == members),
    ]);
    fields.extend(attributes(&cloud.attributes, &edge.attributes));
    fields.extend(metadata(&cloud.metadata, &edge.metadata, edge.changes()));
    fields
}

/// The attributes that only one side has.
fn attributes(cloud: &Attributes, edge: &Attributes) -> Vec<String> {
    let missing = cloud.keys().filter(|name| !edge.contains_key(*name));
    let left = edge.keys().filter(|name| !cloud.contains_key(*name));
    missing
        .chain(left)
        .map(|name| format!("attributes.{name}"))
        .collect()
}

fn names(equal: &[(&str, bool)]) -> Vec<String> {
    equal
        .iter()
        .filter(|(_, equal)| !equal)
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

fn metadata(cloud: &Metadata, edge: &Metadata, changes: &BTreeMap<String, Change>) -> Vec<String> {
    let mut keys: Vec<_> = unmarked(cloud, changes)
        .chain(unmarked(edge, changes))
        .filter(|key| cloud.get(*key) != edge.get(*key))
        .map(|key| format!("metadata.{key}"))
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The keys of metadata that carry no mark.
pub fn unmarked<'a>(
    metadata: &'a Metadata,
    changes: &'a BTreeMap<String, Change>,
) -> impl Iterator<Item = &'a String> {
    metadata.keys().filter(|key| !changes.contains_key(*key))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Map, json};

    use super::*;

    fn cloud(metadata: &[(&str, &str)]) -> Document {
        Document::Server(ServerDocument {
            project_id: "a1".into(),
            name: "web".into(),
            vm_state: "active".into(),
            task_state: None,
            power_state: 1,
            locked: false,
            launched: true,
            created: DateTime::UNIX_EPOCH,
            metadata: metadata
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            attributes: Map::new(),
        })
    }

    fn edge(fields: &serde_json::Value) -> Record {
        let mut server = json!({
            "id": "5ec95878-b74d-40f2-be61-c3c1ae5e5b19", "created": "1970-01-01T00:00:00Z",
            "updated": "1970-01-01T00:00:00Z", "observed_at": null, "project_id": "a1", "name": "web", "vm_state": "active", "task_state": null, "power_state": 1,
            "locked": false, "launched": true, "metadata": {},
        });
        server
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        serde_json::from_value(json!({"server": server})).unwrap()
    }

    #[test]
    fn equal_documents_have_no_differences() {
        assert_eq!(
            differences(
                &cloud(&[("k", "v")]),
                &edge(&json!({"metadata": {"k": "v"}}))
            ),
            [""; 0]
        );
    }

    #[test]
    fn each_field_and_key_that_differs_is_named() {
        let record =
            edge(&json!({"name": "db", "locked": true, "metadata": {"k": "w", "extra": "x"}}));
        assert_eq!(
            differences(&cloud(&[("k", "v"), ("missing", "m")]), &record),
            [
                "locked",
                "metadata.extra",
                "metadata.k",
                "metadata.missing",
                "name"
            ]
        );
    }

    #[test]
    fn an_attribute_that_only_one_side_has_is_named() {
        let mut cloud = cloud(&[]);
        if let Document::Server(server) = &mut cloud {
            server.attributes = Map::from_iter([
                ("addresses".into(), json!({"net": []})),
                ("key_name".into(), json!(null)),
            ]);
        }
        let record = edge(&json!({"attributes": {"addresses": {}, "hostId": "h"}}));
        assert_eq!(
            differences(&cloud, &record),
            ["attributes.hostId", "attributes.key_name"]
        );
    }

    #[test]
    fn a_marked_key_is_no_difference() {
        let record = edge(&json!({
            "metadata": {"k": "mine"},
            "changes": {"k": {"revision": 1, "value": "mine"}, "gone": {"revision": 2, "value": null}},
        }));
        assert_eq!(
            differences(&cloud(&[("k", "v"), ("gone", "g")]), &record),
            [""; 0]
        );
    }
}
