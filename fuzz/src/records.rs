//! What is stored of a resource. It was written here, but maybe by another release.

use edge_metadata_core::metadata::{Metadata, Record, Resource};
use edge_metadata_core::storage::index_entry::{IndexEntry, PUBLIC};
use edge_metadata_core::storage::record;
use serde_json::Value;

/// The JSON of the table `resource`.
pub fn records(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let metadata = Metadata::from([("k".to_owned(), text.clone().into_owned())]);
    let Ok(record) = record::read(&text, metadata.clone()) else {
        return;
    };
    assert_eq!(record.metadata, metadata);
    let written = record::write(&record).expect("it has a stored form");
    let read = record::read(&written, metadata.clone()).expect("it is readable");
    assert_eq!(read, record, "{written}");
    check_later_release(&written, &record);
    check_lists(&record);
}

/// Members that a later release adds change nothing.
fn check_later_release(written: &str, record: &Record) {
    let mut stored: Value = serde_json::from_str(written).expect("JSON");
    let kind = record.resource.kind().singular();
    for object in ["", kind] {
        let object = match object {
            "" => &mut stored,
            name => &mut stored[name],
        };
        let members = object.as_object_mut().expect("an object");
        members.insert("later".to_owned(), serde_json::json!({"k": [1]}));
    }
    let read = record::read(&stored.to_string(), record.metadata.clone());
    assert_eq!(&read.expect("it is readable"), record);
}

/// Every list that shows the record has an entry of it.
fn check_lists(record: &Record) {
    let entry = IndexEntry::of(record);
    assert!(entry.lists.is_sorted_by(|one, other| one < other));
    assert!(entry.is_in(&record.project_id));
    let members = match &record.resource {
        Resource::Image(image) => image.members.as_slice(),
        Resource::Server(_) => &[],
    };
    for project_id in members.iter().chain([&record.project_id]) {
        let is_entered = entry.is_in(project_id) || entry.is_in(PUBLIC);
        assert!(is_entered || !record.is_listed_for(Some(project_id)));
    }
    assert!(entry.is_in(PUBLIC) || !record.is_listed_for(None));
    assert!(IndexEntry::pending_updates(Some(&entry), Some(&entry)).is_empty());
    assert_eq!(IndexEntry::pending_updates(None, Some(&entry)), entry.lists);
}
