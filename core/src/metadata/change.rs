//! What an operation writes.

use super::image::RESERVED_PREFIX;
use super::{Items, Kind, Metadata, Operation};

/// The items that an operation removes and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Keys of items that are removed. All of them exist.
    pub removed: Vec<String>,
    /// Items that are added or overwritten.
    pub put: Items,
}

impl Change {
    /// Returns what `operation` writes on a resource with this metadata, [`None`] for one that only
    /// reads.
    pub(super) fn of(operation: &Operation, kind: Kind, metadata: &Metadata) -> Option<Self> {
        match operation {
            Operation::Show | Operation::List | Operation::ShowItem { .. } => None,
            Operation::DeleteItem { key } => Some(Self {
                removed: vec![key.clone()],
                put: Items::new(),
            }),
            Operation::Merge { items } => Some(Self {
                removed: Vec::new(),
                put: items.clone(),
            }),
            Operation::Replace { items } => Some(Self {
                removed: replaced(items, kind, metadata),
                put: items.clone(),
            }),
            Operation::PutItem { key, value, .. } => Some(Self {
                removed: Vec::new(),
                put: vec![(key.clone(), value.clone())],
            }),
        }
    }

    /// Returns how many items there are afterwards.
    pub(super) fn items_after(&self, metadata: &Metadata) -> usize {
        let new = self
            .put
            .iter()
            .filter(|(key, _)| !metadata.contains_key(key.as_str()))
            .count();
        metadata.len() - self.removed.len() + new
    }

    /// Returns whether it touches no key.
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.put.is_empty()
    }

    /// Returns the keys that it touches, whether or not their values differ.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let put = self.put.iter().map(|(key, _)| key.as_str());
        self.removed.iter().map(String::as_str).chain(put)
    }

    /// Makes the change.
    pub fn apply(&self, metadata: &mut Metadata) {
        for key in &self.removed {
            metadata.remove(key);
        }
        for (key, value) in &self.put {
            metadata.insert(key.as_str().to_owned(), value.as_str().to_owned());
        }
    }
}

/// The keys that a PUT of all removes. P: what Glance reserves for itself stays.
fn replaced(items: &Items, kind: Kind, metadata: &Metadata) -> Vec<String> {
    let is_named = |key: &str| items.iter().any(|(named, _)| named.as_str() == key);
    let is_kept = |key: &str| kind == Kind::Image && key.starts_with(RESERVED_PREFIX);
    metadata
        .keys()
        .filter(|key| !is_named(key) && !is_kept(key))
        .cloned()
        .collect()
}
