//! What a change of a record took away, from which the record before it can be told.
//!
//! It is kept for the requests whose replies show the record: once another change was made, their
//! repetitions are told what they were told at first.

use serde::{Deserialize, Serialize};

use super::record::{self, DecodeError};
use crate::metadata::{Change, Metadata, Record};

/// What a change took away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Whether there was no record.
    #[serde(default, skip_serializing_if = "is_false")]
    created: bool,
    /// The record without its items, as it is stored, when the change wrote or removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// The items that were removed or overwritten.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    items: Metadata,
    /// The keys of items that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    added: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Replaced {
    /// Returns what a user's change takes away from these items.
    #[must_use]
    pub fn by_change(change: &Change, metadata: &Metadata) -> Self {
        let mut replaced = Self::default();
        for key in change.keys() {
            match metadata.get(key) {
                Some(value) => {
                    replaced.items.insert(key.to_owned(), value.clone());
                }
                None => replaced.added.push(key.to_owned()),
            }
        }
        replaced
    }

    /// Returns what the control plane takes away with `after` in place of `before`.
    ///
    /// # Errors
    ///
    /// As [`record::write`].
    pub fn by_record(before: Option<&Record>, after: Option<&Record>) -> Result<Self, DecodeError> {
        let nothing = Metadata::new();
        let [old, new] = [before, after].map(|record| record.map_or(&nothing, |it| &it.metadata));
        let mut replaced = Self {
            created: before.is_none(),
            document: before.map(record::write).transpose()?,
            ..Self::default()
        };
        for (key, value) in old {
            if new.get(key) != Some(value) {
                replaced.items.insert(key.clone(), value.clone());
            }
        }
        let added = new.keys().filter(|key| !old.contains_key(*key));
        replaced.added.extend(added.cloned());
        Ok(replaced)
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
        if self.created {
            return Ok(None);
        }
        let before = match (self.document, after) {
            (None, after) => after,
            (Some(text), after) => {
                let metadata = after.map(|record| record.metadata).unwrap_or_default();
                Some(record::read(&text, metadata)?)
            }
        };
        Ok(before.map(|mut record| {
            record.metadata.extend(self.items);
            for key in &self.added {
                record.metadata.remove(key);
            }
            record
        }))
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
            r#"{"items":{"gone":"1","other":"2"},"added":["new"]}"#
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
