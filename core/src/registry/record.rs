//! The full record as the registry answers it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PendingChange;
use crate::metadata::{Attributes, Image, Metadata, Record, Resource, ResourceId, Server};
use crate::timestamp::Timestamp;

/// `{"server": {…}}` or `{"image": {…}}` with every field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FullRecord {
    /// `{"server": {…}}`
    Server(Fields<Server>),
    /// `{"image": {…}}`
    Image(Fields<Image>),
}

/// The fields of a full record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fields<T> {
    /// The resource's id.
    pub id: ResourceId,
    /// The project it belongs to.
    pub project_id: String,
    /// Its display name.
    pub name: String,
    /// The fields that only a server or only an image has.
    #[serde(flatten)]
    pub resource: T,
    /// When it was created.
    pub created: Timestamp,
    /// All metadata items.
    pub metadata: Metadata,
    /// Further members of N's own document.
    #[serde(default)]
    pub attributes: Attributes,
    /// When the control plane saw the state that was applied last.
    pub observed_at: Option<Timestamp>,
    /// When the control plane registered it last.
    pub updated: Timestamp,
    /// The changes that the cloud has yet to apply, by key; absent unless they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<BTreeMap<String, PendingChange>>,
}

impl FullRecord {
    /// Returns the record of `id` as the registry shows it.
    #[must_use]
    pub fn new(
        id: ResourceId,
        record: Record,
        changes: Option<BTreeMap<String, PendingChange>>,
    ) -> Self {
        let fields = Fields {
            id,
            project_id: record.project_id,
            name: record.name,
            resource: (),
            created: record.created,
            metadata: record.metadata,
            attributes: record.attributes,
            observed_at: record.observed_at,
            updated: record.updated,
            changes,
        };
        match record.resource {
            Resource::Server(server) => Self::Server(fields.with(server)),
            Resource::Image(image) => Self::Image(fields.with(image)),
        }
    }
}

/// What a record without marks has.
static NO_CHANGES: BTreeMap<String, PendingChange> = BTreeMap::new();

impl FullRecord {
    /// Returns the changes that the cloud has yet to apply, by key.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<String, PendingChange> {
        match self {
            Self::Server(fields) => fields.changes(),
            Self::Image(fields) => fields.changes(),
        }
    }

    /// Returns when the control plane saw the state that was applied last.
    #[must_use]
    pub fn observed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Server(fields) => fields.observed_at,
            Self::Image(fields) => fields.observed_at,
        }
    }
}

impl<T> Fields<T> {
    /// Returns the changes that the cloud has yet to apply, by key.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<String, PendingChange> {
        self.changes.as_ref().unwrap_or(&NO_CHANGES)
    }
}

impl Fields<()> {
    fn with<T>(self, resource: T) -> Fields<T> {
        Fields {
            id: self.id,
            project_id: self.project_id,
            name: self.name,
            resource,
            created: self.created,
            metadata: self.metadata,
            attributes: self.attributes,
            observed_at: self.observed_at,
            updated: self.updated,
            changes: self.changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Kind;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn full(record: Record, changes: Option<BTreeMap<String, PendingChange>>) -> serde_json::Value {
        let full = FullRecord::new(ResourceId::parse(ID).unwrap(), record, changes);
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(
            serde_json::from_value::<FullRecord>(json.clone()).unwrap(),
            full
        );
        json
    }

    #[test]
    fn a_record_shows_every_field() {
        let server = Record::new("ace", Kind::Server, Timestamp::default());
        assert_eq!(
            full(server, None),
            serde_json::json!({"server": {
                "id": ID, "project_id": "ace", "name": "", "vm_state": "active", "task_state": null,
                "power_state": 1, "locked": false, "launched": true,
                "created": "1970-01-01T00:00:00Z", "metadata": {}, "attributes": {}, "observed_at": null,
                "updated": "1970-01-01T00:00:00Z",
            }})
        );
        let image = Record::new("ace", Kind::Image, Timestamp::default());
        assert_eq!(
            full(image, None),
            serde_json::json!({"image": {
                "id": ID, "project_id": "ace", "name": "", "status": "active",
                "visibility": "private", "members": [],
                "created": "1970-01-01T00:00:00Z", "metadata": {}, "attributes": {}, "observed_at": null,
                "updated": "1970-01-01T00:00:00Z",
            }})
        );
    }

    #[test]
    fn pending_changes_are_shown_with_their_revision_and_value() {
        let server = Record::new("ace", Kind::Server, Timestamp::default());
        let change = |revision, value: Option<&str>| PendingChange {
            revision,
            value: value.map(str::to_owned),
        };
        let changes = BTreeMap::from([
            ("gone".to_owned(), change(4, None)),
            ("key".to_owned(), change(3, Some("v"))),
        ]);
        assert_eq!(
            full(server, Some(changes))["server"]["changes"],
            serde_json::json!({
                "gone": {"revision": 4, "value": null},
                "key": {"revision": 3, "value": "v"},
            })
        );
    }
}
