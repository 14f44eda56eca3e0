//! What passes between the front and an object: a call with positional arguments, and a reply that
//! is one text.
//!
//! Both old and new code of either side meet during a rollout: words and arguments never change
//! their meaning, new arguments are added at the end, and an unknown word is an error.
//! By hand: derived JSON for the same made a fifth of the module (`npm run size`).

use std::borrow::Cow;

use serde_json::Value as Json;
use thiserror::Error;

use crate::auth::{AccessLevel, Actor};
use crate::json::Object;
use crate::metadata::{Key, Metadata, Operation, Outcome, Record, Rejection, Value};
use crate::registry::document;

/// What an object is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task<'a> {
    /// An operation of the API.
    Perform {
        /// Which.
        operation: Cow<'a, Operation>,
        /// For whom.
        actor: Cow<'a, Actor>,
        /// How many items the resource may have.
        item_limit: usize,
    },
    /// Registry: PUT of a document that was found valid, as JSON.
    Register {
        /// The object's own name, which the runtime does not tell it.
        name: Cow<'a, str>,
        /// The text of `{"server": {…}}` or `{"image": {…}}`.
        document: Cow<'a, str>,
        /// How many items the resource may have.
        item_limit: usize,
    },
    /// Registry: GET.
    Inspect,
    /// Registry: DELETE.
    Forget {
        /// The object's own name.
        name: Cow<'a, str>,
    },
}

/// What an object answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The operation was carried out.
    Done(Outcome),
    /// It was not.
    Refused(Rejection),
    /// Registry: the record as it is now.
    Known(Record),
    /// Registry: the record, which is new.
    Created(Record),
    /// Registry: there is no such record.
    Unknown,
    /// Registry: the record is gone.
    Forgotten,
    /// Registry: a field that only the object could check.
    Invalid(document::InvalidField),
}

/// A task as it travels: the arguments of the object's one method, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// The same for each try of one request: a change that was made already is not made again.
    pub operation_id: &'a str,
    /// Whether this is another try.
    pub retry: bool,
    /// What to do.
    pub task: &'a str,
    /// The actor's project; empty without one.
    pub project_id: &'a str,
    /// [`AccessLevel`] as a number.
    pub access_level: u8,
    /// How many items the resource may have.
    pub item_limit: usize,
    /// The key in the URL; for the registry the object's name.
    pub key: &'a str,
    /// JSON: the items, or the document.
    pub body: Cow<'a, str>,
}

/// What one side said and the other does not understand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not understood: {0}")]
pub struct NotUnderstood(String);

impl NotUnderstood {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'a> Call<'a> {
    /// The first try of a task.
    #[must_use]
    pub fn new(operation_id: &'a str, task: &'a Task<'a>) -> Self {
        let mut call = Self {
            operation_id,
            retry: false,
            task: word(task),
            project_id: "",
            access_level: 0,
            item_limit: 0,
            key: "",
            body: Cow::Borrowed(""),
        };
        match task {
            Task::Perform {
                operation,
                actor,
                item_limit,
            } => {
                call.project_id = actor.project_id.as_deref().unwrap_or_default();
                call.access_level = actor.access_level as u8;
                call.item_limit = *item_limit;
                call.key = operation.key();
                call.body = match operation.as_ref() {
                    Operation::Merge { items } | Operation::Replace { items } => {
                        items_to_json(items).into()
                    }
                    Operation::PutItem { key, value, .. } => {
                        items_to_json(&[(key.clone(), value.clone())]).into()
                    }
                    _ => Cow::Borrowed(""),
                };
            }
            Task::Register {
                name,
                document,
                item_limit,
            } => {
                call.key = name;
                call.body = Cow::Borrowed(document);
                call.item_limit = *item_limit;
            }
            Task::Forget { name } => call.key = name,
            Task::Inspect => {}
        }
        call
    }

    /// The task that travelled.
    ///
    /// # Errors
    ///
    /// A word or a body that this side does not know.
    pub fn task(&self) -> Result<Task<'_>, NotUnderstood> {
        let key = || self.key.to_owned();
        let operation = match self.task {
            "register" => {
                return Ok(Task::Register {
                    name: self.key.into(),
                    document: self.body.as_ref().into(),
                    item_limit: self.item_limit,
                });
            }
            "inspect" => return Ok(Task::Inspect),
            "forget" => {
                return Ok(Task::Forget {
                    name: self.key.into(),
                });
            }
            "show" => Operation::Show,
            "list" => Operation::List,
            "show_item" => Operation::ShowItem { key: key() },
            "delete_item" => Operation::DeleteItem { key: key() },
            "merge" => Operation::Merge {
                items: items_from_json(&self.body)?,
            },
            "replace" => Operation::Replace {
                items: items_from_json(&self.body)?,
            },
            "put_item" => {
                let (item_key, value) = items_from_json(&self.body)?
                    .pop()
                    .ok_or_else(|| NotUnderstood::new("put_item without an item"))?;
                Operation::PutItem {
                    path_key: key(),
                    key: item_key,
                    value,
                }
            }
            other => return Err(NotUnderstood::new(other)),
        };
        let project_id = (!self.project_id.is_empty()).then(|| self.project_id.to_owned());
        Ok(Task::Perform {
            operation: Cow::Owned(operation),
            actor: Cow::Owned(Actor {
                project_id,
                access_level: AccessLevel::default(),
            }),
            item_limit: self.item_limit,
        })
    }
}

fn word(task: &Task<'_>) -> &'static str {
    match task {
        Task::Perform { operation, .. } => match operation.as_ref() {
            Operation::Show => "show",
            Operation::List => "list",
            Operation::ShowItem { .. } => "show_item",
            Operation::DeleteItem { .. } => "delete_item",
            Operation::Merge { .. } => "merge",
            Operation::Replace { .. } => "replace",
            Operation::PutItem { .. } => "put_item",
        },
        Task::Register { .. } => "register",
        Task::Inspect => "inspect",
        Task::Forget { .. } => "forget",
    }
}

fn items_to_json(items: &[(Key, Value)]) -> String {
    let mut object = Object::new();
    for (key, value) in items {
        object = object.item(key.as_str(), value.as_str());
    }
    object.end()
}

fn items_from_json(text: &str) -> Result<Vec<(Key, Value)>, NotUnderstood> {
    let strange = || NotUnderstood::new("items");
    let Ok(Json::Object(fields)) = serde_json::from_str(text) else {
        return Err(strange());
    };
    let mut items = Vec::with_capacity(fields.len());
    for (key, value) in &fields {
        let value = value.as_str().and_then(Value::new).ok_or_else(strange)?;
        items.push((Key::new(key).ok_or_else(strange)?, value));
    }
    Ok(items)
}

fn metadata_from_json(text: &str) -> Result<Metadata, NotUnderstood> {
    let Ok(Json::Object(fields)) = serde_json::from_str(text) else {
        return Err(NotUnderstood::new("metadata"));
    };
    let mut metadata = Metadata::new();
    for (key, value) in fields {
        if let Json::String(value) = value {
            metadata.insert(key, value);
        }
    }
    Ok(metadata)
}

impl Reply {
    /// As one text: a word, a blank, and what belongs to it.
    #[must_use]
    pub fn encode(&self) -> String {
        let (word, rest) = match self {
            Self::Done(Outcome::Deleted) => return "deleted".to_owned(),
            Self::Done(Outcome::Metadata(metadata)) => ("metadata", document::items(metadata)),
            Self::Done(Outcome::Item(value)) => ("item", value.clone()),
            Self::Done(Outcome::Record(record)) => ("record", document::write(record)),
            Self::Known(record) => ("known", document::write(record)),
            Self::Created(record) => ("created", document::write(record)),
            Self::Unknown => return "unknown".to_owned(),
            Self::Forgotten => return "forgotten".to_owned(),
            Self::Invalid(field) => ("invalid", format!("{} {}", field.path, field.reason)),
            Self::Refused(rejection) => return encode_rejection(rejection),
        };
        format!("{word} {rest}")
    }

    /// From that text.
    ///
    /// # Errors
    ///
    /// A word or a body that this side does not know.
    pub fn decode(text: &str) -> Result<Self, NotUnderstood> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let record = || {
            document::read(rest)
                .ok()
                .ok_or_else(|| NotUnderstood::new("record"))
        };
        let refused = |rejection| Ok(Self::Refused(rejection));
        match word {
            "deleted" => Ok(Self::Done(Outcome::Deleted)),
            "metadata" => Ok(Self::Done(Outcome::Metadata(metadata_from_json(rest)?))),
            "item" => Ok(Self::Done(Outcome::Item(rest.to_owned()))),
            "record" => Ok(Self::Done(Outcome::Record(record()?))),
            "known" => Ok(Self::Known(record()?)),
            "created" => Ok(Self::Created(record()?)),
            "unknown" => Ok(Self::Unknown),
            "forgotten" => Ok(Self::Forgotten),
            "invalid" => {
                let (path, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                Ok(Self::Invalid(document::InvalidField {
                    path: path.to_owned(),
                    reason: reason.to_owned(),
                }))
            }
            "not_found" => refused(Rejection::NotFound),
            "forbidden" => refused(Rejection::Forbidden),
            "key_mismatch" => refused(Rejection::KeyMismatch),
            "item_not_found" => refused(Rejection::ItemNotFound),
            "locked" => refused(Rejection::Locked),
            "vm_state" => refused(Rejection::VmState(rest.to_owned())),
            "task_state" => refused(Rejection::TaskState(rest.to_owned())),
            "never_launched" => refused(Rejection::NeverLaunched),
            "image_status" => refused(Rejection::ImageStatus(rest.to_owned())),
            "quota" => refused(Rejection::Quota),
            other => Err(NotUnderstood::new(other)),
        }
    }
}

fn encode_rejection(rejection: &Rejection) -> String {
    let word = match rejection {
        Rejection::NotFound => "not_found",
        Rejection::Forbidden => "forbidden",
        Rejection::KeyMismatch => "key_mismatch",
        Rejection::ItemNotFound => "item_not_found",
        Rejection::Locked => "locked",
        Rejection::VmState(state) => return format!("vm_state {state}"),
        Rejection::TaskState(state) => return format!("task_state {state}"),
        Rejection::NeverLaunched => "never_launched",
        Rejection::ImageStatus(status) => return format!("image_status {status}"),
        Rejection::Quota => "quota",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Image, Resource, Server, Visibility};
    use crate::timestamp::Timestamp;

    fn records() -> [Record; 2] {
        let time = |text| crate::timestamp::parse(text).unwrap();
        let metadata = Metadata::from([("a \"b\"\n".into(), "\0é".into())]);
        [
            Record {
                resource: Resource::Server(Server {
                    project_id: "ace".into(),
                    name: "a name".into(),
                    vm_state: "odd state".into(),
                    task_state: Some("rebooting".into()),
                    power_state: -1,
                    locked: true,
                    launched: false,
                    created: time("2026-01-01T00:00:00Z"),
                    updated: time("2026-01-02T00:00:00.25Z"),
                    observed_at: Some(time("2026-01-01T00:00:00.123456Z")),
                }),
                metadata: metadata.clone(),
            },
            Record {
                resource: Resource::Image(Image {
                    project_id: "ace".into(),
                    name: String::new(),
                    status: "queued".into(),
                    visibility: Visibility::Shared,
                    members: vec!["bee".into(), "0-1".into()],
                    created: time("2026-01-01T00:00:00Z"),
                    updated: time("2026-01-02T00:00:00Z"),
                    observed_at: None,
                }),
                metadata,
            },
        ]
    }

    #[test]
    fn tasks_arrive_as_they_were_sent() {
        let item = || (Key::new("k").unwrap(), Value::new("v \"w\"\0é").unwrap());
        let operations = [
            Operation::Show,
            Operation::List,
            Operation::ShowItem {
                key: "\n é".into()
            },
            Operation::DeleteItem { key: String::new() },
            Operation::Merge { items: vec![] },
            Operation::Replace {
                items: vec![item()],
            },
            Operation::PutItem {
                path_key: "other".into(),
                key: item().0,
                value: item().1,
            },
        ];
        let mut tasks = vec![
            Task::Inspect,
            Task::Forget {
                name: "image:x".into(),
            },
            Task::Register {
                name: "server:x".into(),
                document: r#"{"server": {"project_id": "ace"}}"#.into(),
                item_limit: 7,
            },
        ];
        for access_level in [
            AccessLevel::None,
            AccessLevel::Reader,
            AccessLevel::Member,
            AccessLevel::Admin,
        ] {
            for project_id in [None, Some("ace".to_owned())] {
                tasks.extend(operations.iter().map(|operation| Task::Perform {
                    operation: Cow::Borrowed(operation),
                    actor: Cow::Owned(Actor {
                        project_id: project_id.clone(),
                        access_level,
                    }),
                    item_limit: 128,
                }));
            }
        }
        for task in tasks {
            assert_eq!(Call::new("req-1", &task).task().as_ref(), Ok(&task));
        }
    }

    #[test]
    fn replies_arrive_as_they_were_sent() {
        let [server, image] = records();
        for reply in [
            Reply::Done(Outcome::Deleted),
            Reply::Done(Outcome::Metadata(server.metadata.clone())),
            Reply::Done(Outcome::Item(String::new())),
            Reply::Done(Outcome::Item(" a  b ".into())),
            Reply::Done(Outcome::Record(server.clone())),
            Reply::Known(image),
            Reply::Created(server),
            Reply::Unknown,
            Reply::Forgotten,
            Reply::Invalid(document::InvalidField {
                path: "server.project_id".into(),
                reason: "required for a new record".into(),
            }),
            Reply::Refused(Rejection::NotFound),
            Reply::Refused(Rejection::Forbidden),
            Reply::Refused(Rejection::KeyMismatch),
            Reply::Refused(Rejection::ItemNotFound),
            Reply::Refused(Rejection::Locked),
            Reply::Refused(Rejection::VmState("odd state".into())),
            Reply::Refused(Rejection::TaskState(String::new())),
            Reply::Refused(Rejection::NeverLaunched),
            Reply::Refused(Rejection::ImageStatus("queued".into())),
            Reply::Refused(Rejection::Quota),
        ] {
            assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
        }
    }

    #[test]
    fn what_the_other_side_has_learnt_since_is_an_error_and_no_guess() {
        let mut call = Call::new("req-1", &Task::Inspect);
        call.task = "defragment";
        assert!(call.task().is_err());
        let mut call = Call::new("req-1", &Task::Inspect);
        call.task = "merge";
        for body in ["", "[]", r#"{"a!": "1"}"#, r#"{"a": 1}"#] {
            call.body = body.into();
            assert!(call.task().is_err(), "{body}");
        }
        assert!(Reply::decode("defragmented").is_err());
        assert!(Reply::decode("known {}").is_err());
    }
}
