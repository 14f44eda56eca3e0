//! The JSON that the table `resource` holds.
//!
//! It has a reader of its own, apart from the registry's validation: a rule that is tightened must
//! not make stored records unreadable. The reader ignores members that a later release added, and
//! fills in what an earlier one did not have. Metadata items have a table of their own.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::metadata::{Attributes, Image, Metadata, Record, Resource, Server, Visibility};
use crate::timestamp::Timestamp;

/// Stored text that no release wrote.
#[derive(Debug, Error)]
#[error("the stored record is unreadable: {0}")]
pub struct DecodeError(#[from] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    resource: StoredResource,
    updated: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata_changed_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredResource {
    Server(StoredFields<StoredServer>),
    Image(StoredFields<StoredImage>),
}

#[derive(Serialize, Deserialize)]
struct StoredFields<T> {
    project_id: String,
    #[serde(default)]
    name: String,
    #[serde(flatten)]
    resource: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
    /// Always empty: release 0.1 wrote this member, and a rollback to it reads it.
    #[serde(default, skip_deserializing)]
    metadata: Metadata,
}

#[derive(Serialize, Deserialize)]
struct StoredServer {
    #[serde(default = "active")]
    vm_state: String,
    #[serde(default)]
    task_state: Option<String>,
    #[serde(default = "running")]
    power_state: i32,
    #[serde(default)]
    locked: bool,
    #[serde(default = "launched")]
    launched: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredImage {
    #[serde(default = "active")]
    status: String,
    /// A word: what a later release calls a new visibility is read as `private`.
    #[serde(default)]
    visibility: String,
    #[serde(default)]
    members: Vec<String>,
}

fn active() -> String {
    "active".to_owned()
}

fn running() -> i32 {
    1
}

fn launched() -> bool {
    true
}

/// Writes a record without its metadata items.
///
/// # Errors
///
/// Returns an error when a time cannot be written, which no registration allows.
pub fn write(record: &Record) -> Result<String, DecodeError> {
    let resource = match &record.resource {
        Resource::Server(server) => StoredResource::Server(fields(
            record,
            StoredServer {
                vm_state: server.vm_state.clone(),
                task_state: server.task_state.clone(),
                power_state: server.power_state,
                locked: server.locked,
                launched: server.launched,
            },
        )),
        Resource::Image(image) => StoredResource::Image(fields(
            record,
            StoredImage {
                status: image.status.clone(),
                visibility: image.visibility.word().to_owned(),
                members: image.members.clone(),
            },
        )),
    };
    let stored = Stored {
        resource,
        updated: record.updated,
        metadata_changed_at: record.metadata_changed_at,
    };
    Ok(serde_json::to_string(&stored)?)
}

fn fields<T>(record: &Record, resource: T) -> StoredFields<T> {
    StoredFields {
        project_id: record.project_id.clone(),
        name: record.name.clone(),
        resource,
        created: Some(record.created),
        observed_at: record.observed_at,
        attributes: record.attributes.clone(),
        metadata: Metadata::new(),
    }
}

/// Reads what this release, an earlier one or a later one wrote, and adds the metadata items.
///
/// # Errors
///
/// Returns an error when a member that every release wrote is missing or of another type.
pub fn read(text: &str, metadata: Metadata) -> Result<Record, DecodeError> {
    let stored: Stored = serde_json::from_str(text)?;
    Ok(match stored.resource {
        StoredResource::Server(fields) => {
            let server = Server {
                vm_state: fields.resource.vm_state.clone(),
                task_state: fields.resource.task_state.clone(),
                power_state: fields.resource.power_state,
                locked: fields.resource.locked,
                launched: fields.resource.launched,
            };
            let resource = Resource::Server(server);
            record(
                fields,
                resource,
                stored.updated,
                stored.metadata_changed_at,
                metadata,
            )
        }
        StoredResource::Image(fields) => {
            let image = Image {
                status: fields.resource.status.clone(),
                visibility: Visibility::parse(&fields.resource.visibility).unwrap_or_default(),
                members: fields.resource.members.clone(),
            };
            let resource = Resource::Image(image);
            record(
                fields,
                resource,
                stored.updated,
                stored.metadata_changed_at,
                metadata,
            )
        }
    })
}

fn record<T>(
    fields: StoredFields<T>,
    resource: Resource,
    updated: Timestamp,
    metadata_changed_at: Option<Timestamp>,
    metadata: Metadata,
) -> Record {
    Record {
        project_id: fields.project_id,
        name: fields.name,
        created: fields.created.unwrap_or(updated),
        updated,
        observed_at: fields.observed_at,
        metadata_changed_at,
        attributes: fields.attributes,
        metadata,
        resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Kind;
    use crate::timestamp;

    fn full(kind: Kind) -> Record {
        let time = |text| timestamp::parse(text).unwrap();
        let mut record = Record::new("ace", kind, time("2026-01-02T03:04:05.678Z"));
        record.name = "n".into();
        record.observed_at = Some(time("2026-03-04T05:06:07.123456Z"));
        record.metadata_changed_at = Some(time("2026-03-04T05:06:08.001Z"));
        record.attributes =
            serde_json::from_str(r#"{"hostId": "h", "flavor": {"id": "7"}}"#).unwrap();
        record.metadata = Metadata::from([("k".to_owned(), "v".to_owned())]);
        record
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for kind in [Kind::Server, Kind::Image] {
            let record = full(kind);
            let text = write(&record).unwrap();
            assert_eq!(read(&text, record.metadata.clone()).unwrap(), record);
        }
    }

    #[test]
    fn what_release_0_1_stored_is_readable() {
        let server = r#"{"server":{"project_id":"ace","name":"web-1","vm_state":"stopped","task_state":"rebooting","power_state":4,"locked":true,"launched":false,"created":"2026-01-02T03:04:05Z","metadata":{},"observed_at":"2026-03-04T05:06:07.123456Z"},"updated":"2026-11-21T20:49:38.640Z"}"#;
        let record = read(server, Metadata::new()).unwrap();
        assert_eq!(
            record.resource,
            Resource::Server(Server {
                vm_state: "stopped".into(),
                task_state: Some("rebooting".into()),
                power_state: 4,
                locked: true,
                launched: false,
            })
        );
        assert_eq!(
            record.created,
            timestamp::parse("2026-01-02T03:04:05Z").unwrap()
        );
        let image = r#"{"image":{"project_id":"ace","name":"debian","status":"active","visibility":"shared","members":["0a1b"],"created":"2026-01-02T03:04:05Z","metadata":{}},"updated":"2026-11-21T20:49:38.677Z"}"#;
        let record = read(image, Metadata::new()).unwrap();
        assert_eq!(record.observed_at, None);
        assert_eq!(
            record.resource,
            Resource::Image(Image {
                status: "active".into(),
                visibility: Visibility::Shared,
                members: vec!["0a1b".into()],
            })
        );
    }

    #[test]
    fn what_a_later_release_added_is_ignored_after_a_rollback() {
        for (stored, later) in [
            (
                r#"{"server": {"project_id": "ace"}, "updated": "2026-01-02T00:00:00Z"}"#,
                r#"{"etag": 1, "server": {"flavor": {"id": "7"}, "project_id": "ace", "tags": null},
                    "updated": "2026-01-02T00:00:00Z", "zone": "b"}"#,
            ),
            (
                r#"{"image": {"project_id": "ace"}, "updated": "2026-01-02T00:00:00Z"}"#,
                r#"{"image": {"project_id": "ace", "min_disk": 5, "visibility": "galactic"},
                    "notes": [], "updated": "2026-01-02T00:00:00Z"}"#,
            ),
        ] {
            let stored = read(stored, Metadata::new()).unwrap();
            assert_eq!(read(later, Metadata::new()).unwrap(), stored);
        }
    }

    #[test]
    fn text_that_no_release_wrote_is_an_error() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"server": {"project_id": "ace"}}"#,
            r#"{"server": {}, "updated": "2026-01-02T00:00:00Z"}"#,
            r#"{"server": {"project_id": "ace", "locked": 1}, "updated": "2026-01-02T00:00:00Z"}"#,
        ] {
            assert!(read(text, Metadata::new()).is_err(), "{text}");
        }
    }
}
