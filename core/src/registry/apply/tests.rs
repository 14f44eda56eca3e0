//! Each rule of "Order in time".

use super::*;
use crate::metadata::{Metadata, Visibility};
use crate::registry::parse;
use crate::timestamp::{from_millis, parse as time};

fn document(kind: Kind, text: &str) -> Document {
    let now = time("2026-11-25T00:00:00Z").unwrap();
    parse(kind, &serde_json::from_str(text).unwrap(), now).unwrap()
}

fn known(record: Option<&Record>) -> Known<'_> {
    Known {
        record,
        tombstone: None,
        marks: None,
    }
}

fn put(known: Known<'_>, kind: Kind, text: &str, millis: i64) -> Applied {
    apply(known, document(kind, text), from_millis(millis)).unwrap()
}

fn created(kind: Kind, text: &str) -> Record {
    match put(known(None), kind, text, 1_000) {
        Applied::Created(record) => record,
        other => panic!("{other:?}"),
    }
}

fn updated(before: &Record, kind: Kind, text: &str) -> Record {
    match put(known(Some(before)), kind, text, 2_000) {
        Applied::Updated(record) => record,
        other => panic!("{other:?}"),
    }
}

fn server(record: &Record) -> &Server {
    match &record.resource {
        Resource::Server(server) => server,
        Resource::Image(_) => panic!("an image"),
    }
}

fn metadata(items: &[(&str, &str)]) -> Metadata {
    items
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A server document with a state, one item and the time of the observation.
fn observed(seconds: u32, state: &str, value: &str) -> String {
    format!(
        r#"{{"server": {{"project_id": "ace", "vm_state": "{state}", "metadata": {{"k": "{value}"}},
            "observed_at": "2026-11-21T12:00:{seconds:02}Z"}}}}"#
    )
}

#[test]
fn a_new_record_has_the_contracts_defaults() {
    for kind in [Kind::Server, Kind::Image] {
        let text = format!(r#"{{"{}": {{"project_id": "ace"}}}}"#, kind.singular());
        assert_eq!(
            created(kind, &text),
            Record::new("ace", kind, from_millis(1_000))
        );
    }
}

#[test]
fn a_new_record_needs_a_project() {
    for (kind, text, path) in [
        (Kind::Server, r#"{"server": {}}"#, "server.project_id"),
        (Kind::Image, r#"{"image": {}}"#, "image.project_id"),
    ] {
        let invalid = apply(known(None), document(kind, text), Timestamp::default());
        assert_eq!(invalid.unwrap_err().path, path);
    }
}

#[test]
fn a_state_change_touches_nothing_that_it_does_not_name() {
    let before = created(
        Kind::Server,
        r#"{"server": {"project_id": "ace", "name": "n", "task_state": "rebooting", "locked": true,
            "metadata": {"k": "v"}, "attributes": {"hostId": "h"}}}"#,
    );
    let after = updated(
        &before,
        Kind::Server,
        r#"{"server": {"vm_state": "stopped"}}"#,
    );
    let mut expected = before.clone();
    expected.updated = from_millis(2_000);
    if let Resource::Server(server) = &mut expected.resource {
        server.vm_state = "stopped".into();
    }
    assert_eq!(after, expected);
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
    assert_eq!(server(&after).task_state, None);
    assert_eq!(after.metadata, metadata(&[("new", "1")]));
}

#[test]
fn each_field_of_an_image_may_change() {
    let before = created(Kind::Image, r#"{"image": {"project_id": "ace"}}"#);
    let after = updated(
        &before,
        Kind::Image,
        r#"{"image": {"project_id": "bee", "name": "n", "status": "queued", "visibility": "shared",
            "members": ["ace"], "created": "2026-01-01T00:00:00Z", "metadata": {"k": "v"},
            "attributes": {"minDisk": 1}}}"#,
    );
    assert_eq!(
        after.resource,
        Resource::Image(Image {
            status: "queued".into(),
            visibility: Visibility::Shared,
            members: vec!["ace".into()],
        })
    );
    assert_eq!(
        (after.project_id.as_str(), after.name.as_str()),
        ("bee", "n")
    );
    assert_eq!(after.created, time("2026-01-01T00:00:00Z").unwrap());
    assert_eq!(after.metadata, metadata(&[("k", "v")]));
    assert_eq!(after.attributes["minDisk"], 1);
}

#[test]
fn an_observation_that_is_not_later_than_the_last_one_changes_nothing() {
    let record = created(Kind::Server, &observed(5, "active", "v"));
    for seconds in [4, 5] {
        let applied = put(
            known(Some(&record)),
            Kind::Server,
            &observed(seconds, "error", "w"),
            2_000,
        );
        assert_eq!(applied, Applied::Stale, "{seconds}");
    }
    let newer = updated(&record, Kind::Server, &observed(6, "stopped", "w"));
    assert_eq!(server(&newer).vm_state, "stopped");
    let unobserved = updated(&newer, Kind::Server, r#"{"server": {"vm_state": "error"}}"#);
    assert_eq!(server(&unobserved).vm_state, "error");
    assert_eq!(unobserved.observed_at, newer.observed_at);
}

#[test]
fn metadata_observed_before_a_users_change_is_not_applied_but_the_state_is() {
    let mut record = created(Kind::Server, &observed(1, "active", "v"));
    record.metadata.clear();
    record.metadata_changed_at = time("2026-11-21T12:00:05Z");
    for seconds in [4, 5] {
        let after = updated(&record, Kind::Server, &observed(seconds, "stopped", "v"));
        assert_eq!(after.metadata, Metadata::new(), "{seconds}");
        assert_eq!(server(&after).vm_state, "stopped");
    }
    let after = updated(&record, Kind::Server, &observed(6, "stopped", "w"));
    assert_eq!(after.metadata, metadata(&[("k", "w")]));
    let meant = r#"{"server": {"metadata": {"k": "x"}}}"#;
    let after = updated(&record, Kind::Server, meant);
    assert_eq!(after.metadata, metadata(&[("k", "x")]));
}

#[test]
fn with_marks_metadata_is_decided_key_by_key() {
    let mut record = created(Kind::Server, &observed(1, "active", "v"));
    record.metadata = metadata(&[("k", "here"), ("other", "here")]);
    record.metadata_changed_at = time("2026-11-21T12:00:05Z");
    let mut marks = Marks::default();
    marks.mark("k", 7);
    let known = Known {
        marks: Some(&marks),
        ..known(Some(&record))
    };
    let Applied::Updated(after) = put(known, Kind::Server, &observed(2, "active", "there"), 2_000)
    else {
        panic!("not updated");
    };
    assert_eq!(after.metadata, metadata(&[("k", "here")]));
}

#[test]
fn a_put_that_is_not_later_than_a_delete_is_refused_for_24_hours() {
    let tombstone = Tombstone {
        observed_at: time("2026-11-21T12:00:10Z").unwrap(),
        until: time("2026-11-22T12:00:10Z").unwrap(),
    };
    let put = |seconds: u32, now: &str| {
        let known = Known {
            tombstone: Some(tombstone),
            ..known(None)
        };
        let document = document(Kind::Server, &observed(seconds, "active", "v"));
        apply(known, document, time(now).unwrap()).unwrap()
    };
    assert_eq!(put(5, "2026-11-21T13:00:00Z"), Applied::Deleted);
    assert_eq!(put(10, "2026-11-21T13:00:00Z"), Applied::Deleted);
    assert!(matches!(
        put(11, "2026-11-21T13:00:00Z"),
        Applied::Created(_)
    ));
    assert!(matches!(
        put(5, "2026-11-22T12:00:10Z"),
        Applied::Created(_)
    ));
}

#[test]
fn what_was_seen_before_a_delete_is_refused_after_a_document_without_a_time() {
    let tombstone = Tombstone {
        observed_at: time("2026-11-21T12:00:10Z").unwrap(),
        until: time("2026-11-22T12:00:10Z").unwrap(),
    };
    let put = |known: Known<'_>, text: &str, now: &str| {
        apply(known, document(Kind::Server, text), time(now).unwrap()).unwrap()
    };
    let deleted = Known {
        tombstone: Some(tombstone),
        ..known(None)
    };
    let timeless = r#"{"server": {"project_id": "ace"}}"#;
    let Applied::Created(record) = put(deleted, timeless, "2026-11-21T13:00:00Z") else {
        panic!("not created");
    };
    let again = |seconds| {
        let text = observed(seconds, "active", "v");
        put(known(Some(&record)), &text, "2026-11-21T13:00:01Z")
    };
    assert_eq!(again(5), Applied::Stale);
    assert!(matches!(again(11), Applied::Updated(_)));
    // The time of a DELETE is forgotten with its tombstone.
    let Applied::Created(record) = put(deleted, timeless, "2026-11-22T12:00:10Z") else {
        panic!("not created");
    };
    assert_eq!(record.observed_at, None);
}

#[test]
fn a_delete_older_than_the_record_is_stale() {
    let record = created(Kind::Server, &observed(5, "active", "v"));
    let at = |seconds: u32| time(&format!("2026-11-21T12:00:{seconds:02}Z")).unwrap();
    assert!(is_stale_delete(&record, at(4)));
    assert!(!is_stale_delete(&record, at(5)));
    let unobserved = created(Kind::Server, r#"{"server": {"project_id": "ace"}}"#);
    assert!(!is_stale_delete(&unobserved, at(4)));
}

#[test]
fn p_a_tombstone_holds_for_24_hours_after_the_last_delete_and_from_the_latest_observation() {
    const HOUR: i64 = 3_600_000;
    let after = |known, observed_at, now| {
        Tombstone::after_delete(known, from_millis(observed_at), from_millis(now))
    };
    let tombstone = |observed_at, until| {
        Some(Tombstone {
            observed_at: from_millis(observed_at),
            until: from_millis(until),
        })
    };
    let first = Some(after(None, HOUR, HOUR));
    assert_eq!(first, tombstone(HOUR, 25 * HOUR));
    let older = Some(after(first, HOUR - 1, 20 * HOUR));
    assert_eq!(older, tombstone(HOUR, 44 * HOUR));
    let later = Some(after(first, 2 * HOUR, 20 * HOUR));
    assert_eq!(later, tombstone(2 * HOUR, 44 * HOUR));
    // One that has expired tells nothing any more.
    let expired = Some(after(first, HOUR - 1, 25 * HOUR));
    assert_eq!(expired, tombstone(HOUR - 1, 49 * HOUR));
}
