//! The changes that the cloud has yet to apply. P: what is kept is "this key is to be sent", not
//! the operation: a key that changes twice is sent once, with its last value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;

/// The number of a change. It grows per resource and is never used again.
pub type Revision = u64;

/// A key that is to be sent, as the registry shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange {
    /// The change that touched the key last.
    pub revision: Revision,
    /// Its value now, [`None`] when it was removed.
    pub value: Option<String>,
}

/// The keys of one resource that are to be sent, each with the revision of its last change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<String, Revision>);

impl Marks {
    /// Returns whether no key is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the oldest revision that is marked.
    #[must_use]
    pub fn oldest(&self) -> Option<Revision> {
        self.0.values().min().copied()
    }

    /// Returns whether `key` is marked.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Marks a key, or marks it again.
    pub fn mark(&mut self, key: &str, revision: Revision) {
        self.0.insert(key.to_owned(), revision);
    }

    /// Removes the marks that are still at the revision that was applied, and returns their keys.
    /// A key that changed since stays marked.
    pub fn acknowledge(&mut self, applied: &BTreeMap<String, Revision>) -> Vec<String> {
        let acknowledged: Vec<String> = applied
            .iter()
            .filter(|(key, revision)| self.0.get(*key) == Some(revision))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &acknowledged {
            self.0.remove(key);
        }
        acknowledged
    }

    /// Returns the marks with the values that the keys have now.
    #[must_use]
    pub fn pending(&self, metadata: &Metadata) -> BTreeMap<String, PendingChange> {
        let pending = |(key, revision): (&String, &Revision)| {
            let change = PendingChange {
                revision: *revision,
                value: metadata.get(key).cloned(),
            };
            (key.clone(), change)
        };
        self.0.iter().map(pending).collect()
    }

    /// Returns what the control plane's metadata becomes here: marked keys keep what they are.
    #[must_use]
    pub fn merge(&self, registered: Metadata, current: &Metadata) -> Metadata {
        let mut merged: Metadata = registered
            .into_iter()
            .filter(|(key, _)| !self.contains(key))
            .collect();
        for key in self.0.keys() {
            if let Some(value) = current.get(key) {
                merged.insert(key.clone(), value.clone());
            }
        }
        merged
    }
}

impl FromIterator<(String, Revision)> for Marks {
    fn from_iter<I: IntoIterator<Item = (String, Revision)>>(marks: I) -> Self {
        Self(marks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(marks: &[(&str, Revision)]) -> Marks {
        marks
            .iter()
            .map(|(key, revision)| ((*key).to_owned(), *revision))
            .collect()
    }

    fn metadata(items: &[(&str, &str)]) -> Metadata {
        items
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_the_revision_that_was_applied_is_acknowledged() {
        let mut marks = marks(&[("a", 3), ("b", 5), ("c", 5)]);
        let applied = BTreeMap::from([("a".into(), 3), ("b".into(), 4), ("x".into(), 1)]);
        assert_eq!(marks.acknowledge(&applied), ["a"]);
        assert!(!marks.contains("a"));
        assert!(marks.contains("b") && marks.contains("c"));
    }

    #[test]
    fn a_key_that_changes_twice_is_sent_once_with_its_last_value() {
        let mut marks = marks(&[]);
        assert!(marks.is_empty());
        marks.mark("k", 1);
        marks.mark("k", 2);
        let pending = marks.pending(&metadata(&[("k", "new")]));
        assert_eq!(pending.len(), 1);
        assert_eq!(pending["k"].revision, 2);
        assert_eq!(pending["k"].value.as_deref(), Some("new"));
        assert_eq!(marks.pending(&metadata(&[]))["k"].value, None);
    }

    #[test]
    fn marked_keys_keep_what_they_are_here() {
        let marks = marks(&[("removed", 1), ("set", 2)]);
        let current = metadata(&[("set", "here"), ("other", "here")]);
        let registered = metadata(&[("removed", "there"), ("set", "there"), ("new", "there")]);
        assert_eq!(
            marks.merge(registered, &current),
            metadata(&[("set", "here"), ("new", "there")])
        );
    }
}
