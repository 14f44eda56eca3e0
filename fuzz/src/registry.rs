//! The control plane's documents, and the records that they make.

use std::collections::BTreeMap;
use std::fmt;

use edge_metadata_core::auth::AccessLevel;
use edge_metadata_core::http::body;
use edge_metadata_core::http::documents::View;
use edge_metadata_core::http::microversion::Microversion;
use edge_metadata_core::http::registry::feed;
use edge_metadata_core::http::request::RequestHead;
use edge_metadata_core::http::route::Route;
use edge_metadata_core::metadata::{Kind, Metadata, Record, ResourceId, is_project_id};
use edge_metadata_core::registry::{
    Applied, Document, FullRecord, Known, Marks, TOMBSTONE_LIFETIME, Tombstone, apply,
    is_stale_delete, parse,
};
use edge_metadata_core::rpc::{Registered, ShownRecord};
use edge_metadata_core::storage::record;
use edge_metadata_core::timestamp::{self, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::fault::check_fault;
use crate::round_trip;

const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

/// Nothing is known of the resource.
const NOTHING: Known<'_> = Known {
    record: None,
    tombstone: None,
    marks: None,
};

fn now() -> Timestamp {
    timestamp::from_millis(1_800_000_000_000)
}

/// The body of a PUT.
pub fn registry(input: &[u8]) {
    let Ok(json) = body::parse(input) else {
        return;
    };
    if let Err(fault) = feed(&json, now()) {
        check_fault(&fault, input.len());
    }
    for kind in [Kind::Server, Kind::Image] {
        let document = match parse(kind, &json, now()) {
            Ok(document) => document,
            Err(invalid) => {
                check_fault(&invalid.into(), input.len());
                continue;
            }
        };
        assert_eq!(document.kind(), kind);
        round_trip::check(&document);
        let created = match apply(NOTHING, document.clone(), now()) {
            Ok(Applied::Created(record)) => record,
            Ok(other) => panic!("{other:?}"),
            Err(invalid) => {
                check_fault(&invalid.into(), input.len());
                continue;
            }
        };
        assert_eq!(created.resource.kind(), kind);
        let names_metadata = !json[kind.singular()]["metadata"].is_null();
        assert!(names_metadata || created.metadata.is_empty());
        check_record(&created);
        check_order(&created, &document);
        check_marks(&created, &document);
    }
}

/// The same again is not later, or changes nothing but the time of the change.
fn check_order(created: &Record, document: &Document) {
    let later = now() + chrono::TimeDelta::seconds(1);
    let known = Known {
        record: Some(created),
        ..NOTHING
    };
    match apply(known, document.clone(), later) {
        Ok(Applied::Stale) => assert!(created.observed_at.is_some()),
        Ok(Applied::Updated(again)) => {
            assert_eq!((again.updated, created.observed_at), (later, None));
            let again = Record {
                updated: created.updated,
                ..again
            };
            assert_eq!(&again, created);
        }
        other => panic!("{other:?}"),
    }
    let Some(observed_at) = created.observed_at else {
        return;
    };
    assert!(is_stale_delete(
        created,
        observed_at - chrono::TimeDelta::nanoseconds(1)
    ));
    assert!(!is_stale_delete(created, observed_at));
    let tombstone = Tombstone {
        observed_at,
        until: now() + TOMBSTONE_LIFETIME,
    };
    let deleted = Known {
        tombstone: Some(tombstone),
        ..NOTHING
    };
    let applied = apply(deleted, document.clone(), now());
    assert_eq!(applied, Ok(Applied::Deleted));
    let applied = apply(deleted, document.clone(), tombstone.until);
    assert!(matches!(applied, Ok(Applied::Created(_))));
}

/// A key that the cloud has yet to hear of keeps its value, whatever is registered.
fn check_marks(created: &Record, document: &Document) {
    let mut marks = Marks::default();
    for (revision, key) in (1..).zip(created.metadata.keys().take(2)) {
        marks.mark(key, revision);
    }
    marks.mark("removed here", 9);
    let current = Metadata::new();
    let pending = marks.pending(&created.metadata);
    round_trip::check(&pending);
    for (key, change) in &pending {
        assert_eq!(change.value.as_ref(), created.metadata.get(key));
    }
    let mut changed = created.clone();
    changed.observed_at = None;
    changed.metadata = current;
    let known = Known {
        record: Some(&changed),
        marks: Some(&marks),
        ..NOTHING
    };
    let Ok(Applied::Updated(merged)) = apply(known, document.clone(), now()) else {
        panic!("the document is later");
    };
    for key in pending.keys() {
        assert!(!merged.metadata.contains_key(key), "it was removed here");
    }
    let applied: BTreeMap<_, _> = pending
        .iter()
        .map(|(key, change)| (key.clone(), change.revision))
        .chain(document.applied().cloned().unwrap_or_default())
        .collect();
    let acknowledged = marks.acknowledge(&applied);
    for (key, change) in &pending {
        let is_known = applied.get(key) == Some(&change.revision);
        assert_eq!(acknowledged.contains(key), is_known);
        assert_eq!(marks.contains(key), !is_known);
    }
}

fn check_record(record: &Record) {
    assert!(is_project_id(&record.project_id));
    let written = record::write(record).expect("it has a stored form");
    let read = record::read(&written, record.metadata.clone()).expect("it is readable");
    assert_eq!(&read, record, "{written}");
    let id = ResourceId::parse(ID).expect("an id");
    for changes in [None, Some(BTreeMap::new())] {
        let registered = Registered {
            created: true,
            record: record.clone(),
            changes: changes.clone(),
        };
        round_trip::check(&registered);
        round_trip::check(&FullRecord::new(id, record.clone(), changes));
    }
    let path = format!("/v2.1/{}/{ID}", record.resource.kind().plural());
    let head = RequestHead::new("GET", &format!("https://edge.example{path}"));
    let Some(Route::Compute(route)) = Route::parse(&path, "") else {
        panic!("a known path");
    };
    let written = serde_json::to_string(record).expect("it has a JSON form");
    let shown: ShownRecord = serde_json::from_str(&written).expect("it is readable");
    for version in [1, 47, 75, 98, 104] {
        for access_level in [AccessLevel::Reader, AccessLevel::Admin] {
            let view = View {
                head: &head,
                base_path: "",
                route: &route,
                version: Microversion::new(version),
                access_level,
            };
            check_shown(&view.show(id, &shown), record);
        }
    }
}

/// No attribute takes the place of what is known here, nor stands there twice.
fn check_shown(document: &str, record: &Record) {
    let kind = record.resource.kind().singular();
    let shown: Value = serde_json::from_str(document).expect("JSON");
    let shown = &shown[kind];
    assert_eq!(shown["id"], ID);
    assert_eq!(shown["name"], record.name);
    for (key, value) in &record.metadata {
        assert_eq!(&shown["metadata"][key], value);
    }
    let count = shown["metadata"].as_object().map(|items| items.len());
    assert_eq!(count, Some(record.metadata.len()));
    let members: BTreeMap<String, Names> = serde_json::from_str(document).expect("an object");
    let mut names = members[kind].0.clone();
    names.sort_unstable();
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
}

/// The names of an object's members, as often as they are there.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = members.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(NamesVisitor)
    }
}
