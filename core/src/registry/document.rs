//! A record as a JSON document: as the control plane sends it, as it is answered, as it is stored.

use serde_json::{Map, Value};
use thiserror::Error;

use super::apply::{Applied, apply};
use crate::json::{Object, array, quoted};
use crate::metadata::{
    Kind, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS, Metadata, Record, Resource, Visibility,
    is_project_id,
};
use crate::timestamp::Timestamp;

/// A field that cannot be what it is: 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Invalid input for field '{path}': {reason}")]
pub struct InvalidField {
    /// Dotted path from the top of the document.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// What the control plane says of one resource: the fields that it names and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// `{"server": {…}}`
    Server(ServerDocument),
    /// `{"image": {…}}`
    Image(ImageDocument),
}

impl Document {
    /// Whether it says what the metadata shall be.
    #[must_use]
    pub fn names_metadata(&self) -> bool {
        match self {
            Self::Server(document) => document.metadata.is_some(),
            Self::Image(document) => document.metadata.is_some(),
        }
    }
}

/// `{"server": {…}}`; an absent field keeps its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerDocument {
    /// Required when the record is new.
    pub project_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Any text.
    pub vm_state: Option<String>,
    /// The only field that may be null: no task runs. The outer [`None`] means absent.
    pub task_state: Option<Option<String>>,
    /// N's number.
    pub power_state: Option<i32>,
    /// Locked.
    pub locked: Option<bool>,
    /// Ever ran.
    pub launched: Option<bool>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When this was seen.
    pub observed_at: Option<Timestamp>,
    /// All metadata there shall be.
    pub metadata: Option<Metadata>,
}

/// `{"image": {…}}`; an absent field keeps its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDocument {
    /// Required when the record is new.
    pub project_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Any text.
    pub status: Option<String>,
    /// Who else may see it.
    pub visibility: Option<Visibility>,
    /// The projects that it is shared with.
    pub members: Option<Vec<String>>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When this was seen.
    pub observed_at: Option<Timestamp>,
    /// All metadata there shall be.
    pub metadata: Option<Metadata>,
}

/// Reads a document of the kind that the path names.
///
/// # Errors
///
/// The first field that is unknown, has the wrong type or a value that it may not have.
pub fn parse(kind: Kind, body: &Value, item_limit: usize) -> Result<Document, InvalidField> {
    document(kind, body, item_limit, Unknown::Refused)
}

/// What becomes of a field that this release does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// In what the control plane says it is a mistake.
    Refused,
    /// In what is stored, or comes from the other side of a rollout, a later release wrote it.
    Ignored,
}

impl Unknown {
    fn meet(self, path: &str) -> Result<(), InvalidField> {
        match self {
            Self::Refused => Err(invalid(path, "unknown field")),
            Self::Ignored => Ok(()),
        }
    }
}

fn document(
    kind: Kind,
    body: &Value,
    item_limit: usize,
    unknown: Unknown,
) -> Result<Document, InvalidField> {
    let wrapper = kind.singular();
    let object = object(body, "body")?;
    if let Some(name) = object.keys().find(|key| *key != wrapper) {
        unknown.meet(name)?;
    }
    let fields = object
        .get(wrapper)
        .ok_or_else(|| invalid(wrapper, "required"))?;
    let fields = self::object(fields, wrapper)?;
    match kind {
        Kind::Server => server(fields, item_limit, unknown).map(Document::Server),
        Kind::Image => image(fields, item_limit, unknown).map(Document::Image),
    }
}

fn server(
    fields: &Map<String, Value>,
    item_limit: usize,
    unknown: Unknown,
) -> Result<ServerDocument, InvalidField> {
    let mut document = ServerDocument::default();
    for (name, value) in fields {
        let path = format!("server.{name}");
        match name.as_str() {
            "project_id" => document.project_id = Some(project_id(value, &path)?),
            "name" => document.name = Some(text(value, &path)?),
            "vm_state" => document.vm_state = Some(text(value, &path)?),
            "task_state" if value.is_null() => document.task_state = Some(None),
            "task_state" => document.task_state = Some(Some(text(value, &path)?)),
            "power_state" => document.power_state = Some(integer(value, &path)?),
            "locked" => document.locked = Some(boolean(value, &path)?),
            "launched" => document.launched = Some(boolean(value, &path)?),
            "created" => document.created = Some(time(value, &path)?),
            "observed_at" => document.observed_at = Some(time(value, &path)?),
            "metadata" => document.metadata = Some(metadata(value, &path, item_limit)?),
            _ => unknown.meet(&path)?,
        }
    }
    Ok(document)
}

fn image(
    fields: &Map<String, Value>,
    item_limit: usize,
    unknown: Unknown,
) -> Result<ImageDocument, InvalidField> {
    let mut document = ImageDocument::default();
    for (name, value) in fields {
        let path = format!("image.{name}");
        match name.as_str() {
            "project_id" => document.project_id = Some(project_id(value, &path)?),
            "name" => document.name = Some(text(value, &path)?),
            "status" => document.status = Some(text(value, &path)?),
            "visibility" => document.visibility = Some(visibility(value, &path)?),
            "members" => document.members = Some(members(value, &path)?),
            "created" => document.created = Some(time(value, &path)?),
            "observed_at" => document.observed_at = Some(time(value, &path)?),
            "metadata" => document.metadata = Some(metadata(value, &path, item_limit)?),
            _ => unknown.meet(&path)?,
        }
    }
    Ok(document)
}

fn invalid(path: impl Into<String>, reason: impl Into<String>) -> InvalidField {
    InvalidField {
        path: path.into(),
        reason: reason.into(),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, InvalidField> {
    value
        .as_object()
        .ok_or_else(|| invalid(path, "must be an object"))
}

fn text(value: &Value, path: &str) -> Result<String, InvalidField> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| invalid(path, "must be a string"))
}

fn boolean(value: &Value, path: &str) -> Result<bool, InvalidField> {
    value
        .as_bool()
        .ok_or_else(|| invalid(path, "must be a boolean"))
}

fn integer(value: &Value, path: &str) -> Result<i32, InvalidField> {
    value
        .as_i64()
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| invalid(path, "must be an integer"))
}

fn time(value: &Value, path: &str) -> Result<Timestamp, InvalidField> {
    value
        .as_str()
        .and_then(crate::timestamp::parse)
        .ok_or_else(|| invalid(path, "must be an RFC 3339 time"))
}

fn project_id(value: &Value, path: &str) -> Result<String, InvalidField> {
    let text = text(value, path)?;
    if is_project_id(&text) {
        Ok(text)
    } else {
        Err(invalid(path, "must match [0-9a-f-]+"))
    }
}

fn visibility(value: &Value, path: &str) -> Result<Visibility, InvalidField> {
    value
        .as_str()
        .and_then(Visibility::parse)
        .ok_or_else(|| invalid(path, "must be public, community, shared or private"))
}

fn members(value: &Value, path: &str) -> Result<Vec<String>, InvalidField> {
    let members = value
        .as_array()
        .ok_or_else(|| invalid(path, "must be an array"))?;
    members
        .iter()
        .enumerate()
        .map(|(at, member)| project_id(member, &format!("{path}.{at}")))
        .collect()
}

/// The control plane may have items that this API would not write: any key of 1 to 255 characters.
fn metadata(value: &Value, path: &str, item_limit: usize) -> Result<Metadata, InvalidField> {
    let items = object(value, path)?;
    if items.len() > item_limit {
        let reason = format!("must have at most {item_limit} items");
        return Err(invalid(path, reason));
    }
    let mut metadata = Metadata::new();
    for (key, value) in items {
        if !(1..=MAX_KEY_CHARACTERS).contains(&key.chars().count()) {
            return Err(invalid(path, "keys must have 1 to 255 characters"));
        }
        let path = format!("{path}.{key}");
        let value = text(value, &path)?;
        if value.chars().count() > MAX_VALUE_CHARACTERS {
            return Err(invalid(path, "must have at most 255 characters"));
        }
        metadata.insert(key.clone(), value);
    }
    Ok(metadata)
}

/// A record with all its fields as JSON, `{"server": {…}}` or `{"image": {…}}`; [`read`] takes it
/// back.
#[must_use]
pub fn write(record: &Record) -> String {
    let wrapper = record.resource.kind().singular();
    let fields = fields(record, Object::new());
    let fields = match observed_at(record) {
        Some(time) => fields.text("observed_at", &crate::timestamp::to_full(time)),
        None => fields,
    };
    Object::new()
        .json(wrapper, &fields.end())
        .text(UPDATED, &crate::timestamp::to_full(updated(record)))
        .end()
}

/// The full record, as the registry answers it.
#[must_use]
pub fn view(id: &str, record: &Record) -> String {
    let wrapper = record.resource.kind().singular();
    let observed_at = observed_at(record).map(crate::timestamp::to_full);
    let fields = fields(record, Object::new().text("id", id))
        .text_or_null("observed_at", observed_at.as_deref())
        .text(UPDATED, &crate::timestamp::to_full(updated(record)));
    Object::new().json(wrapper, &fields.end()).end()
}

fn fields(record: &Record, object: Object) -> Object {
    let object = match &record.resource {
        Resource::Server(server) => object
            .text("project_id", &server.project_id)
            .text("name", &server.name)
            .text("vm_state", &server.vm_state)
            .text_or_null("task_state", server.task_state.as_deref())
            .integer("power_state", server.power_state.into())
            .boolean("locked", server.locked)
            .boolean("launched", server.launched)
            .text("created", &crate::timestamp::to_full(server.created)),
        Resource::Image(image) => {
            let members: Vec<_> = image.members.iter().map(|member| quoted(member)).collect();
            object
                .text("project_id", &image.project_id)
                .text("name", &image.name)
                .text("status", &image.status)
                .text("visibility", image.visibility.word())
                .json("members", &array(&members))
                .text("created", &crate::timestamp::to_full(image.created))
        }
    };
    object.json("metadata", &items(&record.metadata))
}

fn observed_at(record: &Record) -> Option<Timestamp> {
    match &record.resource {
        Resource::Server(server) => server.observed_at,
        Resource::Image(image) => image.observed_at,
    }
}

fn updated(record: &Record) -> Timestamp {
    match &record.resource {
        Resource::Server(server) => server.updated,
        Resource::Image(image) => image.updated,
    }
}

/// Metadata items as a JSON object.
#[must_use]
pub fn items(metadata: &Metadata) -> String {
    let mut object = Object::new();
    for (key, value) in metadata.iter() {
        object = object.item(key, value);
    }
    object.end()
}

/// Beside the wrapper, because the control plane cannot say it: when the record was changed last.
const UPDATED: &str = "updated";

/// Takes back what [`write()`] wrote, this release's or a later one's, which may have added members.
///
/// # Errors
///
/// The first field that is not as it was written.
pub fn read(text: &str) -> Result<Record, InvalidField> {
    let Ok(Value::Object(mut document)) = serde_json::from_str(text) else {
        return Err(invalid("record", "must be an object"));
    };
    let updated = document.remove(UPDATED).unwrap_or_default();
    let updated = time(&updated, UPDATED)?;
    let kind = if document.contains_key(Kind::Server.singular()) {
        Kind::Server
    } else {
        Kind::Image
    };
    // How many items there may be was decided when they were written.
    let document = Value::Object(document);
    let document = self::document(kind, &document, usize::MAX, Unknown::Ignored)?;
    match apply(None, document, updated)? {
        Applied::Created(record) | Applied::Updated(record) => Ok(record),
        Applied::Outdated => Err(invalid("record", "outdated")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<ServerDocument, String> {
        let body: Value = serde_json::from_str(text).unwrap();
        match parse(Kind::Server, &body, 3) {
            Ok(Document::Server(document)) => Ok(document),
            Ok(Document::Image(_)) => Err("an image".into()),
            Err(invalid) => Err(invalid.to_string()),
        }
    }

    fn image(text: &str) -> Result<ImageDocument, String> {
        let body: Value = serde_json::from_str(text).unwrap();
        match parse(Kind::Image, &body, 3) {
            Ok(Document::Image(document)) => Ok(document),
            Ok(Document::Server(_)) => Err("a server".into()),
            Err(invalid) => Err(invalid.to_string()),
        }
    }

    #[test]
    fn absent_fields_are_absent_and_null_is_allowed_for_task_state_only() {
        assert_eq!(server(r#"{"server": {}}"#), Ok(ServerDocument::default()));
        assert_eq!(
            server(r#"{"server": {"task_state": null}}"#)
                .unwrap()
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
                r#"{"server": {"metadata": {"a": "", "b": "", "c": "", "d": ""}}}"#,
                "server.metadata",
            ),
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
    fn what_a_later_release_added_to_a_stored_record_is_ignored_after_a_rollback() {
        for (stored, added) in [
            (
                r#"{"server": {"project_id": "ace"}, "updated": "2026-01-02T00:00:00Z"}"#,
                r#"{"etag": 1, "server": {"flavor": {"id": "7"}, "project_id": "ace", "tags": null},
                    "updated": "2026-01-02T00:00:00Z", "zone": "b"}"#,
            ),
            (
                r#"{"image": {"project_id": "ace"}, "updated": "2026-01-02T00:00:00Z"}"#,
                r#"{"image": {"project_id": "ace", "min_disk": 5}, "notes": [],
                    "updated": "2026-01-02T00:00:00Z"}"#,
            ),
        ] {
            assert!(read(stored).is_ok(), "{stored}");
            assert_eq!(read(added), read(stored));
        }
        // What it does know is checked as ever: nothing is made up.
        for text in [
            "",
            "[]",
            "{}",
            r#"{"server": {"project_id": "ace"}}"#,
            r#"{"server": {}, "updated": "2026-01-02T00:00:00Z"}"#,
            r#"{"server": {"project_id": "ace", "locked": 1}, "updated": "2026-01-02T00:00:00Z"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_may_hold_keys_that_the_api_would_not_write() {
        let long = "ß".repeat(255);
        let text = format!(r#"{{"server": {{"metadata": {{"a/b\n": "", "{long}": "{long}"}}}}}}"#);
        let metadata = server(&text).unwrap().metadata.unwrap();
        assert_eq!(metadata.len(), 2);
        let longer = format!(r#"{{"server": {{"metadata": {{"{long}x": ""}}}}}}"#);
        assert!(server(&longer).is_err());
        let longer = format!(r#"{{"server": {{"metadata": {{"k": "{long}x"}}}}}}"#);
        assert!(server(&longer).is_err());
    }
}
