//! The registry's documents, as they are on the wire.
//!
//! P: the contract's "Registry", "Order in time" and "Pending changes" decide
//! every name and shape here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use edge_metadata_core::registry::{self, Registration, Revision};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use edge_metadata_core::metadata::{Metadata, Visibility};
pub use edge_metadata_core::registry::{FullRecord as Record, PendingChange as Change};

/// What is sent for a server: `PUT /registry/servers/{id}` with `{"server": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerDocument {
    /// The project that owns it.
    pub project_id: String,
    /// Its display name.
    pub name: String,
    /// N's `OS-EXT-STS:vm_state`.
    pub vm_state: String,
    /// N's `OS-EXT-STS:task_state`; null while no task runs.
    pub task_state: Option<String>,
    /// N's `OS-EXT-STS:power_state`.
    pub power_state: i32,
    /// Whether it is locked.
    pub locked: bool,
    /// Whether it ever ran.
    pub launched: bool,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// All the metadata that Nova has for it.
    pub metadata: Metadata,
    /// Further members of Nova's document that the edge shows as they are.
    pub attributes: Map<String, Value>,
}

/// What is sent for an image: `PUT /registry/images/{id}` with `{"image": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageDocument {
    /// The project that owns it.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// Glance's `status`.
    pub status: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// The projects that it is shared with, sorted.
    pub members: Vec<String>,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// All the properties that Nova shows as metadata.
    pub metadata: Metadata,
    /// Further members of Nova's image document that the edge shows as they are.
    pub attributes: Map<String, Value>,
}

/// What the cloud says of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A server, as Nova describes it.
    Server(ServerDocument),
    /// An image, as Glance describes it.
    Image(ImageDocument),
}

impl Document {
    /// The metadata in it.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Server(server) => &server.metadata,
            Self::Image(image) => &image.metadata,
        }
    }

    /// Returns the body of the PUT that registers the resource. `observed_at` is when the cloud was
    /// asked, before it answered; `applied` are the marks that are done with, by key: each goes if
    /// its revision is still that one.
    #[must_use]
    pub fn registration(
        &self,
        observed_at: DateTime<Utc>,
        applied: &BTreeMap<String, Revision>,
    ) -> registry::Document {
        match self.clone() {
            Self::Server(server) => registry::Document::Server(Registration {
                project_id: Some(server.project_id),
                name: Some(server.name),
                resource: registry::ServerDocument {
                    vm_state: Some(server.vm_state),
                    task_state: Some(server.task_state),
                    power_state: Some(server.power_state),
                    locked: Some(server.locked),
                    launched: Some(server.launched),
                },
                created: Some(server.created),
                observed_at: Some(observed_at),
                metadata: Some(server.metadata),
                // The edge keeps attributes that it is not sent.
                attributes: Some(server.attributes),
                applied: Some(applied.clone()).filter(|applied| !applied.is_empty()),
            }),
            Self::Image(image) => registry::Document::Image(Registration {
                project_id: Some(image.project_id),
                name: Some(image.name),
                resource: registry::ImageDocument {
                    status: Some(image.status),
                    visibility: Some(image.visibility),
                    members: Some(image.members),
                },
                created: Some(image.created),
                observed_at: Some(observed_at),
                metadata: Some(image.metadata),
                attributes: Some(image.attributes),
                applied: Some(applied.clone()).filter(|applied| !applied.is_empty()),
            }),
        }
    }

    /// The project that owns the resource.
    #[must_use]
    pub fn project_id(&self) -> &str {
        match self {
            Self::Server(server) => &server.project_id,
            Self::Image(image) => &image.project_id,
        }
    }
}

/// A link of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Link {
    /// `next` when there may be more.
    pub rel: String,
    /// Where.
    pub href: String,
}

/// One entry of `GET /registry/changes`: a resource that has marks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedResource {
    /// `server` or `image`.
    pub kind: crate::resource::Kind,
    /// Its id.
    pub id: String,
    /// When its oldest mark was made, if the edge says so.
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
}

/// A page of `GET /registry/changes`, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangesPage {
    /// The resources that have marks.
    pub changes: Vec<ChangedResource>,
    /// Where the next page is.
    #[serde(default)]
    pub changes_links: Vec<Link>,
}

/// One entry of `GET /registry/{servers,images}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedResource {
    /// Its id.
    pub id: String,
    /// When the control plane saw what it last sent.
    #[serde(default)]
    pub observed_at: Option<DateTime<Utc>>,
}

/// A page of `GET /registry/{servers,images}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResourcePage {
    /// What the edge has.
    #[serde(alias = "servers", alias = "images")]
    pub resources: Vec<ListedResource>,
    /// Where the next page is.
    #[serde(default, alias = "servers_links", alias = "images_links")]
    pub links: Vec<Link>,
}

/// The bridge's last good round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feed {
    /// Everything that the cloud announced before this is at the edge.
    pub observed_at: DateTime<Utc>,
}

/// The body of `PUT /registry/feed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedBody {
    /// The report.
    pub feed: Feed,
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_sent_with_observed_at_and_applied_inside() {
        let document = Document::Server(ServerDocument {
            project_id: "a1".into(),
            name: "web".into(),
            vm_state: "active".into(),
            task_state: None,
            power_state: 1,
            locked: false,
            launched: true,
            created: Utc.timestamp_opt(0, 0).unwrap(),
            metadata: Metadata::from([("k".into(), "v".into())]),
            attributes: Map::new(),
        });
        let applied = BTreeMap::from([("k".to_owned(), 3)]);
        let at = Utc.timestamp_millis_opt(1_001).unwrap();
        let body = serde_json::to_value(document.registration(at, &applied)).unwrap();
        assert_eq!(
            body,
            json!({"server": {
                "project_id": "a1", "name": "web", "vm_state": "active", "task_state": null, "power_state": 1,
                "locked": false, "launched": true, "created": "1970-01-01T00:00:00Z", "metadata": {"k": "v"},
                "attributes": {}, "observed_at": "1970-01-01T00:00:01.001Z", "applied": {"k": 3},
            }})
        );
    }

    #[test]
    fn a_record_tells_its_changes_and_ignores_what_a_later_release_adds() {
        let record: Record = serde_json::from_value(json!({"image": {
            "id": "5ec95878-b74d-40f2-be61-c3c1ae5e5b19", "updated": "1970-01-01T00:00:00Z", "project_id": "a1", "name": "i", "status": "active", "visibility": "shared", "members": ["b2"],
            "created": "1970-01-01T00:00:00Z", "metadata": {}, "observed_at": null, "later": 1,
            "changes": {"k": {"revision": 3, "value": null}, "l": {"revision": 4, "value": "v"}},
        }}))
        .unwrap();
        assert_eq!(
            record.changes()["k"],
            Change {
                revision: 3,
                value: None
            }
        );
        assert_eq!(
            record.changes()["l"],
            Change {
                revision: 4,
                value: Some("v".into())
            }
        );
        assert_eq!(record.observed_at(), None);
    }

    #[test]
    fn pages_are_read() {
        let page: ResourcePage = serde_json::from_value(
            json!({"servers": [{"id": "x"}], "servers_links": [{"rel": "next", "href": "h"}]}),
        )
        .unwrap();
        assert_eq!(page.resources[0].id, "x");
        assert_eq!(page.links[0].rel, "next");
    }
}
