//! What a change of a record took away, from which the record before it can be told.
//!
//! It is kept for the requests whose replies show the record: once another change was made, their
//! repetitions are told what they were told at first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{self, DecodeError};
use crate::metadata::{Change, Metadata, Record};

/// What a change took away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    #[serde(default, skip_serializing_if = "Document::is_unchanged")]
    document: Document,
    /// The values of the items that the change removed or overwrote; [`None`] for those that are new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    items: BTreeMap<String, Option<String>>,
}

/// The record without its items, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Document {
    /// A user's change: the same as afterwards.
    #[default]
    Unchanged,
    /// There was no record.
    Absent,
    /// Another one.
    Was(String),
}

impl Document {
    fn is_unchanged(&self) -> bool {
        *self == Self::Unchanged
    }
}

impl Replaced {
    /// Returns what a user's change takes away from these items.
    #[must_use]
    pub fn by_change(change: &Change, metadata: &Metadata) -> Self {
        let before = |key: &str| (key.to_owned(), metadata.get(key).cloned());
        Self {
            document: Document::Unchanged,
            items: change.keys().map(before).collect(),
        }
    }

    /// Returns what the control plane takes away with `after` in place of `before`.
    ///
    /// # Errors
    ///
    /// As [`record::write`].
    pub fn by_record(before: Option<&Record>, after: Option<&Record>) -> Result<Self, DecodeError> {
        let nothing = Metadata::new();
        let [old, new] = [before, after].map(|record| record.map_or(&nothing, |it| &it.metadata));
        let changed = old
            .iter()
            .filter(|(key, value)| new.get(*key) != Some(value));
        let added = new.keys().filter(|key| !old.contains_key(*key));
        Ok(Self {
            document: match before {
                Some(before) => Document::Was(record::write(before)?),
                None => Document::Absent,
            },
            items: changed
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .chain(added.map(|key| (key.clone(), None)))
                .collect(),
        })
    }

    /// Returns the stored text.
    ///
    /// # Errors
    ///
    /// None that is known: every map has texts for keys.
    pub fn write(&self) -> Result<String, DecodeError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Parses a stored text.
    ///
    /// # Errors
    ///
    /// Returns an error when no release wrote it.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Returns the record before the change, given the one after it.
    ///
    /// # Errors
    ///
    /// Returns an error when the stored document is unreadable.
    pub fn restore(self, after: Option<Record>) -> Result<Option<Record>, DecodeError> {
        let mut before = match (self.document, after) {
            (Document::Absent, _) => None,
            (Document::Unchanged, after) => after,
            (Document::Was(text), after) => {
                let metadata = after.map(|record| record.metadata).unwrap_or_default();
                Some(record::read(&text, metadata)?)
            }
        };
        if let Some(record) = &mut before {
            for (key, value) in self.items {
                match value {
                    Some(value) => record.metadata.insert(key, value),
                    None => record.metadata.remove(&key),
                };
            }
        }
        Ok(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Key, Kind, Value};
    use crate::timestamp::Timestamp;

    fn server(items: &[(&str, &str)]) -> Record {
        let mut record = Record::new("ace", Kind::Server, Timestamp::default());
        let items = items
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        record.metadata = items.collect();
        record
    }

    fn stored(replaced: &Replaced) -> Replaced {
        Replaced::read(&replaced.write().unwrap()).unwrap()
    }

    #[test]
    fn a_users_change_is_taken_back() {
        let before = server(&[("gone", "1"), ("other", "2"), ("same", "3")]);
        let item = |key: &str, value: &str| (Key::new(key).unwrap(), Value::new(value).unwrap());
        let change = Change {
            removed: vec!["gone".into()],
            put: vec![item("other", "20"), item("new", "4")],
        };
        let replaced = Replaced::by_change(&change, &before.metadata);
        let mut after = before.clone();
        change.apply(&mut after.metadata);
        assert_eq!(
            stored(&replaced).restore(Some(after)).unwrap(),
            Some(before)
        );
        assert_eq!(
            replaced.write().unwrap(),
            r#"{"items":{"gone":"1","new":null,"other":"2"}}"#
        );
    }

    #[test]
    fn a_registration_and_a_removal_are_taken_back() {
        let one = server(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let mut other = server(&[("a", "1"), ("b", "20"), ("d", "4")]);
        other.name = "renamed".into();
        for (before, after) in [
            (None, Some(one.clone())),
            (Some(one.clone()), Some(other)),
            (Some(one), None),
        ] {
            let replaced = Replaced::by_record(before.as_ref(), after.as_ref()).unwrap();
            assert_eq!(stored(&replaced).restore(after).unwrap(), before);
        }
    }
}
