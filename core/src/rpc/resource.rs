//! The methods of a resource object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::auth::Actor;
use crate::metadata::{Items, Key, Record, Resource, Value, is_visible};
use crate::registry::{Document, InvalidField, PendingChange};
use crate::timestamp::Timestamp;

/// The argument of each method: what the request says about itself, and what is asked, which is of the
/// method's own type `A`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call<'a, A = ()> {
    /// The same for each try of one request: a change that was made already is not made again.
    pub id: Uuid,
    /// Who asks.
    pub actor: Cow<'a, Actor>,
    /// How many items a resource may have after a user's write.
    #[serde(default)]
    pub item_limit: usize,
    /// Whether changes are kept until the cloud has applied them (`CHANGES=keep`).
    #[serde(default)]
    pub keep_changes: bool,
    /// What is asked.
    pub args: A,
}

impl<'a, A> Call<'a, A> {
    /// Takes out what is asked.
    pub fn split(self) -> (Call<'a>, A) {
        let call = Call {
            id: self.id,
            actor: self.actor,
            item_limit: self.item_limit,
            keep_changes: self.keep_changes,
            args: (),
        };
        (call, self.args)
    }
}

/// `show`: replies `Result<`[`ShownRecord`]`, Rejection>`; `list_items`: `Result<Metadata, Rejection>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {}

/// `show_item`: replies `Result<String, Rejection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowItem<'a> {
    /// Any text.
    pub key: Cow<'a, str>,
}

/// `delete_item`: replies `Result<(), Rejection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteItem<'a> {
    /// Any text.
    pub key: Cow<'a, str>,
}

/// `merge_items`, `replace_items`: reply `Result<Metadata, Rejection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteItems<'a> {
    /// The items of the request.
    pub items: Cow<'a, Items>,
}

/// `put_item`: replies `Result<String, Rejection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutItem<'a> {
    /// The key in the URL.
    pub path_key: Cow<'a, str>,
    /// The key in the body.
    pub key: Cow<'a, Key>,
    /// The value in the body.
    pub value: Cow<'a, Value>,
}

/// A record as the front shows it. Its items stay the JSON object that the resource's object wrote: a
/// document passes them on without parsing them.
pub type ShownRecord = Record<Box<RawValue>>;

/// As it travels: written by the resource's object, read by the front.
#[cfg(test)]
impl From<Record> for ShownRecord {
    fn from(record: Record) -> Self {
        serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap()
    }
}

/// What an operation of the API replied to the front.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The item is deleted.
    Deleted,
    /// All items, as the JSON object that the object wrote.
    Metadata(Box<RawValue>),
    /// One item's value.
    Item(String),
    /// The whole record.
    Record(Box<ShownRecord>),
}

/// `show_list_entry`: replies `Option<ListEntry>`, [`None`] when the list does not show the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowListEntry {
    /// Whose list it is.
    pub scope: ListScope,
    /// Whether the whole record is asked for.
    pub detail: bool,
    /// Whether the list of a project shows soft-deleted servers.
    #[serde(default)]
    pub soft_deleted: bool,
}

impl ShowListEntry {
    /// Returns whether the list shows `record` to `actor`.
    #[must_use]
    pub fn shows(&self, record: &Record, actor: &Actor) -> bool {
        match &self.scope {
            ListScope::Visible => is_visible(actor, record),
            ListScope::ListedFor(project_id) => {
                record.is_listed_for(project_id.as_deref())
                    && (self.soft_deleted || !record.resource.is_soft_deleted())
            }
        }
    }
}

/// Which records a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListScope {
    /// Those that the actor sees: what a `marker` may name.
    Visible,
    /// Those in the list of this project; without one, in the list for everyone.
    ListedFor(Option<String>),
}

/// What a list shows of a record: the front reads [`ShownRecord`]s, an object writes references to its
/// own record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListEntry<R = Box<ShownRecord>> {
    /// The short form.
    Brief(Summary),
    /// The whole record.
    Full(R),
}

/// What a list filters by and its short form shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The display name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was registered last.
    pub updated: Timestamp,
    /// The states that its status is made of.
    pub state: SummaryState,
}

/// The states that a status is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryState {
    /// A server's.
    Server {
        /// N's `vm_state`.
        vm_state: String,
        /// N's `task_state`.
        task_state: Option<String>,
        /// N's number.
        #[serde(default)]
        power_state: i32,
        /// Whether its owner or an admin has locked it.
        #[serde(default)]
        locked: bool,
    },
    /// An image's.
    Image {
        /// Glance's status.
        status: String,
    },
}

impl<M> From<&Record<M>> for Summary {
    fn from(record: &Record<M>) -> Self {
        Self {
            name: record.name.clone(),
            created: record.created,
            updated: record.updated,
            state: match &record.resource {
                Resource::Server(server) => SummaryState::Server {
                    vm_state: server.vm_state.clone(),
                    task_state: server.task_state.clone(),
                    power_state: server.power_state,
                    locked: server.locked,
                },
                Resource::Image(image) => SummaryState::Image {
                    status: image.status.clone(),
                },
            },
        }
    }
}

/// `register`: replies `Result<Registered, RegistryError>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register<'a> {
    /// A document that was found valid.
    pub document: Cow<'a, Document>,
}

/// `inspect`: replies `Result<Registered, RegistryError>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspect {}

/// `unregister`: replies `Result<(), RegistryError>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unregister {
    /// When the control plane saw that the resource is gone; [`None`] for now.
    #[serde(default)]
    pub observed_at: Option<Timestamp>,
}

/// The record as the registry knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// 201: whether the record is new.
    #[serde(default)]
    pub created: bool,
    /// The record.
    pub record: Record,
    /// The changes that the cloud has yet to apply; [`None`] unless they are kept.
    #[serde(default)]
    pub changes: Option<BTreeMap<String, PendingChange>>,
}

/// Why the registry did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryError {
    /// 404: there is no such record.
    NotFound,
    /// 400: a field that only the object could check.
    Invalid(InvalidField),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AccessLevel;
    use crate::metadata::{Kind, Rejection, Server};
    use crate::timestamp;

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let actor = Actor {
            project_id: Some("ace".into()),
            access_level: AccessLevel::Member,
        };
        let args = DeleteItem {
            key: "a \"b\"".into(),
        };
        let call = Call {
            id: Uuid::nil(),
            actor: Cow::Borrowed(&actor),
            item_limit: 128,
            keep_changes: true,
            args,
        };
        let text = serde_json::to_string(&call).unwrap();
        let read: Call<'_, DeleteItem<'_>> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, call);
        assert_eq!(read.split().1, call.args);
    }

    #[test]
    fn a_brief_entry_says_nothing_of_the_items_and_has_at_most_250_bytes() {
        let mut record = Record::new(
            "ace",
            Kind::Server,
            timestamp::parse("2026-11-26T03:04:05.678Z").unwrap(),
        );
        record.name = "a name of thirty characters...".into();
        record.metadata = (0..128)
            .map(|key| (key.to_string(), "v".repeat(255)))
            .collect();
        let entry: ListEntry = ListEntry::Brief(Summary::from(&record));
        let text = serde_json::to_string(&entry).unwrap();
        assert!(text.len() <= 250, "{} bytes: {text}", text.len());
    }

    #[test]
    fn members_that_an_earlier_release_does_not_send_have_defaults() {
        let text = r#"{"id":"00000000-0000-0000-0000-000000000000","actor":{},"args":{"key":"k"}}"#;
        let call: Call<'_, DeleteItem<'_>> = serde_json::from_str(text).unwrap();
        assert_eq!((call.item_limit, call.keep_changes), (0, false));
        assert_eq!(call.actor.access_level, AccessLevel::None);
    }

    #[test]
    fn n_a_list_shows_soft_deleted_servers_when_it_is_asked_for_them_and_deleted_ones_never() {
        let actor = Actor {
            project_id: None,
            access_level: AccessLevel::None,
        };
        let shows = |project_id: &str, vm_state: &str, soft_deleted| {
            let mut record = Record::new("ace", Kind::Server, Timestamp::default());
            record.resource = Resource::Server(Server {
                vm_state: vm_state.into(),
                ..Server::default()
            });
            let args = ShowListEntry {
                scope: ListScope::ListedFor(Some(project_id.into())),
                detail: false,
                soft_deleted,
            };
            args.shows(&record, &actor)
        };
        for (vm_state, without, with) in [
            ("active", true, true),
            ("soft-delete", false, true),
            ("deleted", false, false),
        ] {
            assert_eq!(shows("ace", vm_state, false), without, "{vm_state}");
            assert_eq!(shows("ace", vm_state, true), with, "{vm_state}");
            assert!(!shows("bee", vm_state, true), "{vm_state}");
        }
    }

    #[test]
    fn a_list_entry_is_asked_for_as_earlier_releases_ask_for_it() {
        let text = r#"{"scope":{"listed_for":"ace"},"detail":true}"#;
        let earlier: ShowListEntry = serde_json::from_str(text).unwrap();
        let scope = ListScope::ListedFor(Some("ace".into()));
        let current = ShowListEntry {
            scope,
            detail: true,
            soft_deleted: false,
        };
        assert_eq!(earlier, current);
        // An earlier release ignores members that it does not know.
        let written = serde_json::to_value(&current).unwrap();
        assert_eq!(written["scope"], serde_json::json!({"listed_for": "ace"}));
    }

    #[test]
    fn each_rejection_travels_with_what_its_message_needs() {
        for rejection in [
            Rejection::NotFound,
            Rejection::VmState("error".into()),
            Rejection::TaskState(String::new()),
            Rejection::ImageStatus("queued".into()),
        ] {
            let reply: Result<(), Rejection> = Err(rejection);
            let text = serde_json::to_string(&reply).unwrap();
            assert_eq!(
                serde_json::from_str::<Result<(), Rejection>>(&text).unwrap(),
                reply
            );
        }
    }
}
