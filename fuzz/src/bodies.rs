//! JSON bodies of POST and PUT, and what becomes of them.

use edge_metadata_core::auth::{AccessLevel, Actor};
use edge_metadata_core::http::operation::operation;
use edge_metadata_core::http::rejection;
use edge_metadata_core::http::route::{Name, Part};
use edge_metadata_core::http::{body, fault::Fault};
use edge_metadata_core::metadata::{
    Kind, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS, Operation, RESERVED_PREFIX, Record, decide,
};
use edge_metadata_core::timestamp::Timestamp;
use serde_json::Value;

use crate::fault::check_fault;

/// Items that a resource may have.
const ITEM_LIMIT: usize = 3;

/// The name that no body may have in an object: `serde_json` would read its value as JSON.
const RESERVED_NAME: &str = "$serde_json::private::RawValue";

/// The body of a request.
pub fn bodies(input: &[u8]) {
    let length = input.len();
    let json = match body::parse(input) {
        Ok(json) => json,
        Err(fault) => {
            assert_eq!(fault, Fault::MalformedBody);
            let read: Result<Value, _> = serde_json::from_slice(input);
            // It may be written with escapes.
            let is_reserved = |text: &str| text.contains("private") || text.contains("\\u");
            assert!(read.is_err() || is_reserved(&String::from_utf8_lossy(input)));
            return check_fault(&fault, length);
        }
    };
    if !input.is_empty() {
        let read: Value = serde_json::from_slice(input).expect("it was read before");
        assert_eq!(json, read);
    }
    assert!(!json.to_string().contains(RESERVED_NAME) || is_in_a_text(&json));
    match body::metadata(&json) {
        Ok(items) => {
            for (key, value) in &items {
                check_item(key.as_str(), value.as_str());
                assert_eq!(json["metadata"][key.as_str()], value.as_str());
            }
            let object = json["metadata"].as_object();
            assert_eq!(object.map(|items| items.len()), Some(items.len()));
        }
        Err(fault) => check_fault(&fault, length),
    }
    match body::meta(&json) {
        Ok((key, value)) => {
            check_item(key.as_str(), value.as_str());
            assert_eq!(json["meta"][key.as_str()], value.as_str());
        }
        Err(fault) => check_fault(&fault, length),
    }
    for kind in [Kind::Server, Kind::Image] {
        let item = |key: &str| Part::Item(Name::Text(key.to_owned()));
        for (method, part) in [
            ("POST", Part::Metadata),
            ("PUT", Part::Metadata),
            ("PUT", item("k")),
            ("DELETE", item("a")),
        ] {
            match operation(method, kind, &part, &json) {
                Ok(operation) => check_decision(kind, &operation, length),
                Err(fault) => check_fault(&fault, length),
            }
        }
    }
}

fn check_item(key: &str, value: &str) {
    assert!((1..=MAX_KEY_CHARACTERS).contains(&key.chars().count()) && key.is_ascii());
    assert!(value.chars().count() <= MAX_VALUE_CHARACTERS);
}

/// Whether a text in it has the reserved name, which is no name then.
fn is_in_a_text(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains(RESERVED_NAME),
        Value::Array(elements) => elements.iter().any(is_in_a_text),
        Value::Object(members) => members.iter().any(|(name, value)| {
            assert_ne!(name, RESERVED_NAME);
            name.contains(RESERVED_NAME) || is_in_a_text(value)
        }),
        _ => false,
    }
}

/// What the operation does to a resource with two items.
fn check_decision(kind: Kind, operation: &Operation, length: usize) {
    let reserved = format!("{RESERVED_PREFIX}k");
    let mut record = Record::new("ace", kind, Timestamp::default());
    for key in ["a", &reserved] {
        record.metadata.insert(key.to_owned(), "v".to_owned());
    }
    for access_level in [AccessLevel::Reader, AccessLevel::Member, AccessLevel::Admin] {
        let actor = Actor {
            project_id: Some("ace".to_owned()),
            access_level,
        };
        match decide(Some(&record), operation, &actor, ITEM_LIMIT) {
            Ok(change) => {
                let change = change.expect("the operation changes something");
                assert!(access_level >= AccessLevel::Member);
                let mut metadata = record.metadata.clone();
                change.apply(&mut metadata);
                assert!(change.keys().all(|key| {
                    record.metadata.contains_key(key) || metadata.contains_key(key)
                }));
                assert!(change.put.is_empty() || metadata.len() <= ITEM_LIMIT);
                if kind == Kind::Image {
                    assert_eq!(metadata.get(&reserved), record.metadata.get(&reserved));
                }
            }
            Err(rejected) => {
                let fault = rejection::fault(rejected, kind, "id", operation, ITEM_LIMIT);
                check_fault(&fault, length);
            }
        }
    }
}
