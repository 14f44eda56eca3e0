//! A document meets what is known already.

use super::document::{Document, ImageDocument, InvalidField, ServerDocument};
use crate::metadata::{Image, Metadata, Record, Resource, Server, Visibility};
use crate::timestamp::Timestamp;

/// What came of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// 201: there was no such record before.
    Created(Record),
    /// 200: the record as it is now.
    Updated(Record),
    /// 200: the document is older than what is known, nothing changes.
    Outdated,
}

/// The record after the document.
///
/// # Errors
///
/// A new record without a project.
pub fn apply(
    known: Option<&Record>,
    document: Document,
    now: Timestamp,
) -> Result<Applied, InvalidField> {
    match (known, document) {
        (None, Document::Server(document)) => {
            let project_id = required(document.project_id.as_ref(), "server.project_id")?;
            let fresh = Server {
                project_id,
                name: String::new(),
                vm_state: "active".to_owned(),
                task_state: None,
                power_state: 1,
                locked: false,
                launched: true,
                created: now,
                updated: now,
                observed_at: None,
            };
            let mut metadata = Metadata::new();
            let server = fill_server(fresh, document, &mut metadata, now);
            Ok(Applied::Created(Record {
                resource: Resource::Server(server),
                metadata,
            }))
        }
        (None, Document::Image(document)) => {
            let project_id = required(document.project_id.as_ref(), "image.project_id")?;
            let fresh = Image {
                project_id,
                name: String::new(),
                status: "active".to_owned(),
                visibility: Visibility::Private,
                members: Vec::new(),
                created: now,
                updated: now,
                observed_at: None,
            };
            let mut metadata = Metadata::new();
            let image = fill_image(fresh, document, &mut metadata, now);
            Ok(Applied::Created(Record {
                resource: Resource::Image(image),
                metadata,
            }))
        }
        (Some(record), document) => Ok(update(record.clone(), document, now)),
    }
}

fn update(record: Record, document: Document, now: Timestamp) -> Applied {
    let Record {
        resource,
        mut metadata,
    } = record;
    let resource = match (resource, document) {
        (Resource::Server(server), Document::Server(document)) => {
            if is_older(document.observed_at, server.observed_at) {
                return Applied::Outdated;
            }
            Resource::Server(fill_server(server, document, &mut metadata, now))
        }
        (Resource::Image(image), Document::Image(document)) => {
            if is_older(document.observed_at, image.observed_at) {
                return Applied::Outdated;
            }
            Resource::Image(fill_image(image, document, &mut metadata, now))
        }
        // An object's name fixes its kind, and the document's kind comes from the same path.
        (resource, _) => resource,
    };
    Applied::Updated(Record { resource, metadata })
}

fn is_older(observed_at: Option<Timestamp>, known: Option<Timestamp>) -> bool {
    matches!((observed_at, known), (Some(observed_at), Some(known)) if observed_at < known)
}

fn required(project_id: Option<&String>, path: &str) -> Result<String, InvalidField> {
    project_id.cloned().ok_or_else(|| InvalidField {
        path: path.to_owned(),
        reason: "required for a new record".to_owned(),
    })
}

fn fill_server(
    server: Server,
    document: ServerDocument,
    metadata: &mut Metadata,
    now: Timestamp,
) -> Server {
    if let Some(items) = document.metadata {
        *metadata = items;
    }
    Server {
        project_id: document.project_id.unwrap_or(server.project_id),
        name: document.name.unwrap_or(server.name),
        vm_state: document.vm_state.unwrap_or(server.vm_state),
        task_state: document.task_state.unwrap_or(server.task_state),
        power_state: document.power_state.unwrap_or(server.power_state),
        locked: document.locked.unwrap_or(server.locked),
        launched: document.launched.unwrap_or(server.launched),
        created: document.created.unwrap_or(server.created),
        updated: now,
        observed_at: document.observed_at.or(server.observed_at),
    }
}

fn fill_image(
    image: Image,
    document: ImageDocument,
    metadata: &mut Metadata,
    now: Timestamp,
) -> Image {
    if let Some(items) = document.metadata {
        *metadata = items;
    }
    Image {
        project_id: document.project_id.unwrap_or(image.project_id),
        name: document.name.unwrap_or(image.name),
        status: document.status.unwrap_or(image.status),
        visibility: document.visibility.unwrap_or(image.visibility),
        members: document.members.unwrap_or(image.members),
        created: document.created.unwrap_or(image.created),
        updated: now,
        observed_at: document.observed_at.or(image.observed_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Kind;
    use crate::registry::parse;

    fn document(kind: Kind, text: &str) -> Document {
        parse(kind, &serde_json::from_str(text).unwrap(), 128).unwrap()
    }

    fn put(known: Option<&Record>, kind: Kind, text: &str, millis: i64) -> Applied {
        apply(known, document(kind, text), crate::timestamp::from_millis(millis)).unwrap()
    }

    fn created(kind: Kind, text: &str) -> Record {
        match put(None, kind, text, 1_000) {
            Applied::Created(record) => record,
            other => panic!("{other:?}"),
        }
    }

    fn updated(known: &Record, kind: Kind, text: &str) -> Record {
        match put(Some(known), kind, text, 2_000) {
            Applied::Updated(record) => record,
            other => panic!("{other:?}"),
        }
    }

    fn as_server(record: &Record) -> &Server {
        match &record.resource {
            Resource::Server(server) => server,
            Resource::Image(_) => panic!("an image"),
        }
    }

    #[test]
    fn a_new_server_has_the_contracts_defaults() {
        let record = created(Kind::Server, r#"{"server": {"project_id": "ace"}}"#);
        let now = crate::timestamp::from_millis(1_000);
        assert_eq!(
            record,
            Record {
                resource: Resource::Server(Server {
                    project_id: "ace".into(),
                    name: String::new(),
                    vm_state: "active".into(),
                    task_state: None,
                    power_state: 1,
                    locked: false,
                    launched: true,
                    created: now,
                    updated: now,
                    observed_at: None,
                }),
                metadata: Metadata::new(),
            }
        );
    }

    #[test]
    fn a_new_image_has_the_contracts_defaults() {
        let record = created(Kind::Image, r#"{"image": {"project_id": "ace"}}"#);
        let now = crate::timestamp::from_millis(1_000);
        assert_eq!(
            record,
            Record {
                resource: Resource::Image(Image {
                    project_id: "ace".into(),
                    name: String::new(),
                    status: "active".into(),
                    visibility: Visibility::Private,
                    members: vec![],
                    created: now,
                    updated: now,
                    observed_at: None,
                }),
                metadata: Metadata::new(),
            }
        );
    }

    #[test]
    fn a_new_record_needs_a_project() {
        for (kind, text, path) in [
            (Kind::Server, r#"{"server": {}}"#, "server.project_id"),
            (Kind::Image, r#"{"image": {}}"#, "image.project_id"),
        ] {
            let refused = apply(None, document(kind, text), Timestamp::default());
            assert_eq!(refused.unwrap_err().path, path);
        }
    }

    #[test]
    fn a_state_change_touches_nothing_that_it_does_not_name() {
        let before = created(
            Kind::Server,
            r#"{"server": {"project_id": "ace", "name": "n", "task_state": "rebooting",
                "locked": true, "metadata": {"k": "v"}}}"#,
        );
        let after = updated(
            &before,
            Kind::Server,
            r#"{"server": {"vm_state": "stopped"}}"#,
        );
        assert_eq!(after.metadata, before.metadata);
        let mut expected = as_server(&before).clone();
        expected.vm_state = "stopped".into();
        expected.updated = crate::timestamp::from_millis(2_000);
        assert_eq!(as_server(&after), &expected);
    }

    #[test]
    fn task_state_null_ends_the_task_and_metadata_replaces_all() {
        let before = created(
            Kind::Server,
            r#"{"server": {"project_id": "ace", "task_state": "rebooting", "metadata": {"k": "v"}}}"#,
        );
        let after = updated(
            &before,
            Kind::Server,
            r#"{"server": {"task_state": null, "metadata": {"new": "1"}}}"#,
        );
        assert_eq!(as_server(&after).task_state, None);
        assert_eq!(after.metadata, Metadata::from([("new".into(), "1".into())]));
    }

    #[test]
    fn each_field_of_an_image_may_change() {
        let before = created(Kind::Image, r#"{"image": {"project_id": "ace"}}"#);
        let after = updated(
            &before,
            Kind::Image,
            r#"{"image": {"project_id": "bee", "name": "n", "status": "queued", "visibility": "shared",
                "members": ["ace"], "created": "2026-01-01T00:00:00Z", "metadata": {"k": "v"}}}"#,
        );
        assert_eq!(
            after.resource,
            Resource::Image(Image {
                project_id: "bee".into(),
                name: "n".into(),
                status: "queued".into(),
                visibility: Visibility::Shared,
                members: vec!["ace".into()],
                created: crate::timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
                updated: crate::timestamp::from_millis(2_000),
                observed_at: None,
            })
        );
        assert_eq!(after.metadata, Metadata::from([("k".into(), "v".into())]));
    }

    #[test]
    fn an_observation_older_than_the_last_one_applied_changes_nothing() {
        let at = |seconds: u32, state: &str| {
            format!(
                r#"{{"server": {{"project_id": "ace", "vm_state": "{state}",
                    "observed_at": "2026-11-21T12:00:0{seconds}Z"}}}}"#
            )
        };
        let record = created(Kind::Server, &at(5, "active"));
        assert_eq!(
            put(Some(&record), Kind::Server, &at(4, "error"), 2_000),
            Applied::Outdated
        );
        let same = updated(&record, Kind::Server, &at(5, "paused"));
        assert_eq!(as_server(&same).vm_state, "paused");
        let newer = updated(&same, Kind::Server, &at(6, "stopped"));
        assert_eq!(as_server(&newer).vm_state, "stopped");
        let unobserved = updated(&newer, Kind::Server, r#"{"server": {"vm_state": "error"}}"#);
        assert_eq!(as_server(&unobserved).vm_state, "error");
        assert_eq!(
            put(Some(&unobserved), Kind::Server, &at(5, "active"), 3_000),
            Applied::Outdated
        );
    }
}
