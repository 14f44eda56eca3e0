//! Validates what the control plane sends.

use serde_json::{Map, Value};
use thiserror::Error;

use super::Revision;
use super::document::{Document, ImageDocument, Registration, ServerDocument};
use crate::metadata::{Attributes, Kind, MAX_KEY_CHARACTERS, Metadata, Visibility, is_project_id};
use crate::timestamp::{self, Timestamp};

/// P: bytes of JSON that `attributes` may have.
const MAX_ATTRIBUTES_BYTES: usize = 64 * 1_024;

/// P: objects and arrays that may lie within each other in `attributes`. A body may have 127 levels, and
/// what passes between the front and the object, and what is stored, has some more around them.
const MAX_ATTRIBUTES_DEPTH: usize = 64;

/// P: how far `observed_at` may be ahead of this clock.
const MAX_AHEAD: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// A field with a value that it may not have: 400.
#[derive(Debug, Clone, PartialEq, Eq, Error, serde::Serialize, serde::Deserialize)]
#[error("Invalid input for field '{path}': {reason}")]
pub struct InvalidField {
    /// Dotted path from the top of the document.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl InvalidField {
    /// Returns the error for the field at `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

/// Validates a document of the kind that the path names.
///
/// # Errors
///
/// Returns the first field that is unknown, has the wrong type or a value that it may not have.
pub fn parse(kind: Kind, body: &Value, now: Timestamp) -> Result<Document, InvalidField> {
    let wrapper = kind.singular();
    let object = object(body, "body")?;
    if let Some(name) = object.keys().find(|key| *key != wrapper) {
        return Err(InvalidField::new(name, "unknown field"));
    }
    let fields = object
        .get(wrapper)
        .ok_or_else(|| InvalidField::new(wrapper, "required"))?;
    let fields = self::object(fields, wrapper)?;
    match kind {
        Kind::Server => registration(kind, fields, now, server_field).map(Document::Server),
        Kind::Image => registration(kind, fields, now, image_field).map(Document::Image),
    }
}

/// Reads the field `name` into `document`; returns whether there is such a field.
type ReadField<T> = fn(&mut T, name: &str, value: &Value, path: &str) -> Result<bool, InvalidField>;

fn registration<T: Default>(
    kind: Kind,
    fields: &Map<String, Value>,
    now: Timestamp,
    read_field: ReadField<T>,
) -> Result<Registration<T>, InvalidField> {
    let mut document = Registration::<T>::default();
    for (name, value) in fields {
        let path = format!("{}.{name}", kind.singular());
        match name.as_str() {
            "project_id" => document.project_id = Some(project_id(value, &path)?),
            "name" => document.name = Some(text(value, &path)?),
            "created" => document.created = Some(time(value, &path)?),
            "observed_at" => document.observed_at = Some(observed_at(value, &path, now)?),
            "metadata" => document.metadata = Some(metadata(value, &path)?),
            "attributes" => document.attributes = Some(attributes(value, &path)?),
            "applied" => document.applied = Some(applied(value, &path)?),
            _ if read_field(&mut document.resource, name, value, &path)? => {}
            _ => return Err(InvalidField::new(path, "unknown field")),
        }
    }
    Ok(document)
}

fn server_field(
    document: &mut ServerDocument,
    name: &str,
    value: &Value,
    path: &str,
) -> Result<bool, InvalidField> {
    match name {
        "vm_state" => document.vm_state = Some(text(value, path)?),
        "task_state" if value.is_null() => document.task_state = Some(None),
        "task_state" => document.task_state = Some(Some(text(value, path)?)),
        "power_state" => document.power_state = Some(power_state(value, path)?),
        "locked" => document.locked = Some(boolean(value, path)?),
        "launched" => document.launched = Some(boolean(value, path)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn image_field(
    document: &mut ImageDocument,
    name: &str,
    value: &Value,
    path: &str,
) -> Result<bool, InvalidField> {
    match name {
        "status" => document.status = Some(text(value, path)?),
        "visibility" => document.visibility = Some(visibility(value, path)?),
        "members" => document.members = Some(members(value, path)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, InvalidField> {
    value
        .as_object()
        .ok_or_else(|| InvalidField::new(path, "must be an object"))
}

fn text(value: &Value, path: &str) -> Result<String, InvalidField> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| InvalidField::new(path, "must be a string"))
}

fn boolean(value: &Value, path: &str) -> Result<bool, InvalidField> {
    value
        .as_bool()
        .ok_or_else(|| InvalidField::new(path, "must be a boolean"))
}

/// N's number, or N's word for it as notifications write it.
fn power_state(value: &Value, path: &str) -> Result<i32, InvalidField> {
    let number = match value {
        Value::String(word) => match word.as_str() {
            "pending" => Some(0),
            "running" => Some(1),
            "paused" => Some(3),
            "shutdown" => Some(4),
            "crashed" => Some(6),
            "suspended" => Some(7),
            _ => None,
        },
        _ => value.as_i64().and_then(|number| i32::try_from(number).ok()),
    };
    number.ok_or_else(|| InvalidField::new(path, "must be an integer or N's word for one"))
}

fn time(value: &Value, path: &str) -> Result<Timestamp, InvalidField> {
    value
        .as_str()
        .and_then(timestamp::parse)
        .ok_or_else(|| InvalidField::new(path, "must be an RFC 3339 time"))
}

/// Validates an `observed_at`, which may be at most 5 minutes in the future.
///
/// # Errors
///
/// Returns the field when it is malformed or too far in the future.
pub fn observed_at(value: &Value, path: &str, now: Timestamp) -> Result<Timestamp, InvalidField> {
    let time = time(value, path)?;
    if time > now + MAX_AHEAD {
        let reason = "must be at most 5 minutes in the future";
        return Err(InvalidField::new(path, reason));
    }
    Ok(time)
}

fn project_id(value: &Value, path: &str) -> Result<String, InvalidField> {
    let text = text(value, path)?;
    if is_project_id(&text) {
        Ok(text)
    } else {
        Err(InvalidField::new(path, "must match [0-9a-f-]+"))
    }
}

fn visibility(value: &Value, path: &str) -> Result<Visibility, InvalidField> {
    value
        .as_str()
        .and_then(Visibility::parse)
        .ok_or_else(|| InvalidField::new(path, "must be public, community, shared or private"))
}

fn members(value: &Value, path: &str) -> Result<Vec<String>, InvalidField> {
    let members = value
        .as_array()
        .ok_or_else(|| InvalidField::new(path, "must be an array"))?;
    members
        .iter()
        .enumerate()
        .map(|(at, member)| project_id(member, &format!("{path}.{at}")))
        .collect()
}

/// P: a mirror holds what the original holds: any key of 1 to 255 characters, values of any length,
/// any number of items.
fn metadata(value: &Value, path: &str) -> Result<Metadata, InvalidField> {
    let mut metadata = Metadata::new();
    for (key, value) in object(value, path)? {
        if !(1..=MAX_KEY_CHARACTERS).contains(&key.chars().count()) {
            return Err(InvalidField::new(
                path,
                "keys must have 1 to 255 characters",
            ));
        }
        let value = text(value, &format!("{path}.{key}"))?;
        metadata.insert(key.clone(), value);
    }
    Ok(metadata)
}

fn attributes(value: &Value, path: &str) -> Result<Attributes, InvalidField> {
    let attributes = object(value, path)?;
    if value.to_string().len() > MAX_ATTRIBUTES_BYTES {
        return Err(InvalidField::new(path, "must have at most 64 KiB of JSON"));
    }
    if depth(value) > MAX_ATTRIBUTES_DEPTH {
        return Err(InvalidField::new(path, "must have at most 64 levels"));
    }
    Ok(attributes.clone())
}

/// Returns how many objects and arrays lie within each other.
fn depth(value: &Value) -> usize {
    let members = match value {
        Value::Array(elements) => elements.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + members.unwrap_or_default()
}

fn applied(
    value: &Value,
    path: &str,
) -> Result<std::collections::BTreeMap<String, Revision>, InvalidField> {
    object(value, path)?
        .iter()
        .map(|(key, revision)| {
            let revision = revision.as_u64().ok_or_else(|| {
                InvalidField::new(format!("{path}.{key}"), "must be a revision's number")
            })?;
            Ok((key.clone(), revision))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        timestamp::parse("2026-11-25T12:00:00Z").unwrap()
    }

    fn server(text: &str) -> Result<Registration<ServerDocument>, String> {
        let body: Value = serde_json::from_str(text).unwrap();
        match parse(Kind::Server, &body, now()) {
            Ok(Document::Server(document)) => Ok(document),
            Ok(Document::Image(_)) => Err("an image".into()),
            Err(invalid) => Err(invalid.to_string()),
        }
    }

    fn image(text: &str) -> Result<Registration<ImageDocument>, String> {
        let body: Value = serde_json::from_str(text).unwrap();
        match parse(Kind::Image, &body, now()) {
            Ok(Document::Image(document)) => Ok(document),
            Ok(Document::Server(_)) => Err("a server".into()),
            Err(invalid) => Err(invalid.to_string()),
        }
    }

    #[test]
    fn absent_fields_are_absent_and_null_is_allowed_for_task_state_only() {
        assert_eq!(server(r#"{"server": {}}"#), Ok(Registration::default()));
        assert_eq!(
            server(r#"{"server": {"task_state": null}}"#)
                .unwrap()
                .resource
                .task_state,
            Some(None)
        );
        for field in [
            "project_id",
            "name",
            "vm_state",
            "power_state",
            "locked",
            "launched",
            "created",
            "observed_at",
            "metadata",
        ] {
            let message = server(&format!(r#"{{"server": {{"{field}": null}}}}"#)).unwrap_err();
            assert!(
                message.starts_with(&format!("Invalid input for field 'server.{field}': must ")),
                "{message}"
            );
        }
        for field in [
            "project_id",
            "name",
            "status",
            "visibility",
            "members",
            "created",
        ] {
            let message = image(&format!(r#"{{"image": {{"{field}": null}}}}"#)).unwrap_err();
            assert!(
                message.starts_with(&format!("Invalid input for field 'image.{field}': must ")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, path) in [
            ("[]", "body"),
            ("null", "body"),
            ("{}", "server"),
            (r#"{"server": 1}"#, "server"),
            (r#"{"server": {}, "x": 1}"#, "x"),
            (r#"{"image": {}}"#, "image"),
            (r#"{"server": {"id": "x"}}"#, "server.id"),
            (r#"{"server": {"project_id": "ACME"}}"#, "server.project_id"),
            (r#"{"server": {"project_id": ""}}"#, "server.project_id"),
            (r#"{"server": {"power_state": 1.5}}"#, "server.power_state"),
            (
                r#"{"server": {"power_state": 3000000000}}"#,
                "server.power_state",
            ),
            (r#"{"server": {"locked": "true"}}"#, "server.locked"),
            (r#"{"server": {"created": "today"}}"#, "server.created"),
            (r#"{"server": {"metadata": []}}"#, "server.metadata"),
            (r#"{"server": {"metadata": {"": "v"}}}"#, "server.metadata"),
            (r#"{"server": {"metadata": {"k": 1}}}"#, "server.metadata.k"),
            (
                r#"{"server": {"power_state": "sleeping"}}"#,
                "server.power_state",
            ),
            (
                r#"{"server": {"observed_at": "2026-11-25T12:05:01Z"}}"#,
                "server.observed_at",
            ),
            (r#"{"server": {"attributes": []}}"#, "server.attributes"),
            (r#"{"server": {"applied": []}}"#, "server.applied"),
            (r#"{"server": {"applied": {"k": -1}}}"#, "server.applied.k"),
        ] {
            let message = server(text).unwrap_err();
            assert!(
                message.starts_with(&format!("Invalid input for field '{path}': ")),
                "{text}: {message}"
            );
        }
        for (text, path) in [
            (r#"{"image": {"visibility": "secret"}}"#, "image.visibility"),
            (r#"{"image": {"members": "acme"}}"#, "image.members"),
            (r#"{"image": {"members": ["acme"]}}"#, "image.members.0"),
            (r#"{"image": {"members": ["ace", "X"]}}"#, "image.members.1"),
            (r#"{"image": {"vm_state": "active"}}"#, "image.vm_state"),
        ] {
            let message = image(text).unwrap_err();
            assert!(
                message.starts_with(&format!("Invalid input for field '{path}': ")),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn p_a_mirror_holds_any_key_of_1_to_255_characters_and_values_of_any_length() {
        let (key, value) = ("ß".repeat(255), "ß".repeat(600));
        let text = format!(r#"{{"server": {{"metadata": {{"a/b\n": "", "{key}": "{value}"}}}}}}"#);
        let metadata = server(&text).unwrap().metadata.unwrap();
        assert_eq!(metadata.get(&key), Some(&value));
        assert_eq!(metadata.len(), 2);
        let longer = format!(r#"{{"server": {{"metadata": {{"{key}x": ""}}}}}}"#);
        assert!(server(&longer).is_err());
        let many: Vec<_> = (0..1_000).map(|at| format!(r#""k{at}": """#)).collect();
        let text = format!(r#"{{"image": {{"metadata": {{{}}}}}}}"#, many.join(","));
        assert_eq!(image(&text).unwrap().metadata.unwrap().len(), 1_000);
    }

    #[test]
    fn p_attributes_have_at_most_64_kib() {
        let text = |length: usize| {
            format!(
                r#"{{"server": {{"attributes": {{"k": "{}"}}}}}}"#,
                "v".repeat(length)
            )
        };
        assert!(server(&text(64 * 1_024 - 8)).is_ok());
        assert!(server(&text(64 * 1_024)).is_err());
    }

    #[test]
    fn p_attributes_have_at_most_64_levels() {
        let text = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"server": {{"attributes": {{"k": {open}{close}}}}}}}"#)
        };
        assert!(server(&text(64)).is_ok());
        assert!(server(&text(65)).is_err());
    }

    #[test]
    fn n_power_state_is_a_number_or_its_word() {
        for (text, number) in [
            ("1", 1),
            (r#""pending""#, 0),
            (r#""running""#, 1),
            (r#""paused""#, 3),
            (r#""shutdown""#, 4),
            (r#""crashed""#, 6),
            (r#""suspended""#, 7),
        ] {
            let document = server(&format!(r#"{{"server": {{"power_state": {text}}}}}"#)).unwrap();
            assert_eq!(document.resource.power_state, Some(number), "{text}");
        }
    }

    #[test]
    fn p_an_observation_may_be_up_to_5_minutes_ahead_of_this_clock() {
        let text = r#"{"server": {"observed_at": "2026-11-25T12:05:00Z"}}"#;
        assert!(server(text).is_ok());
    }

    #[test]
    fn n_times_without_an_offset_are_utc() {
        let text = r#"{"server": {"created": "2026-11-25T12:00:00.000000"}}"#;
        assert_eq!(server(text).unwrap().created, Some(now()));
    }
}
