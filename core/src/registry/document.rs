//! What the control plane says of one resource: the fields that it names, and no others.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::Revision;
use crate::metadata::{Attributes, Kind, Metadata, Visibility};
use crate::timestamp::Timestamp;

/// The body of a PUT: `{"server": {…}}` or `{"image": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// `{"server": {…}}`
    Server(Registration<ServerDocument>),
    /// `{"image": {…}}`
    Image(Registration<ImageDocument>),
}

/// The fields of a document. An absent field keeps its value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Registration<T> {
    /// Required when the record is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fields that only a server or only an image has.
    #[serde(flatten)]
    pub resource: T,
    /// When the resource was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When the control plane saw what it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// All metadata there is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Further members of N's own document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// The changes that the cloud has taken or refused, by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<BTreeMap<String, Revision>>,
}

/// The fields that only a server has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDocument {
    /// Any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_state: Option<String>,
    /// The only field that may be null: no task runs. The outer [`None`] means absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub task_state: Option<Option<String>>,
    /// N's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<i32>,
    /// Whether its owner or an admin has locked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Whether it was ever launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<bool>,
}

/// The fields that only an image has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDocument {
    /// Any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Who else may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The projects that it is shared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
}

impl Document {
    /// Returns the changes that the cloud has taken or refused, by key.
    #[must_use]
    pub fn applied(&self) -> Option<&BTreeMap<String, Revision>> {
        match self {
            Self::Server(registration) => registration.applied.as_ref(),
            Self::Image(registration) => registration.applied.as_ref(),
        }
    }

    /// Returns which kind of resource it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Server(_) => Kind::Server,
            Self::Image(_) => Kind::Image,
        }
    }
}

/// Tells a field that is null from one that is absent.
#[expect(clippy::option_option, reason = "serde's way to tell null from absent")]
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_the_contract_has_it_and_read_back() {
        for text in [
            r#"{"server":{}}"#,
            r#"{"server":{"project_id":"ace","task_state":null}}"#,
            r#"{"server":{"name":"n","vm_state":"active","task_state":"rebooting","power_state":1,"locked":true,"launched":false,"created":"2026-01-02T03:04:05Z","observed_at":"2026-03-04T05:06:07.123456Z","metadata":{"k":"v"},"attributes":{"hostId":"h"},"applied":{"k":3}}}"#,
            r#"{"image":{"status":"queued","visibility":"shared","members":["ace"]}}"#,
        ] {
            let document: Document = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&document).unwrap(), text);
        }
    }
}
