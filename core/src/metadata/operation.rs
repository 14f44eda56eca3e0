//! What a client asks of one resource.

use super::image::RESERVED_PREFIX;
use super::{Items, Key, Metadata, Value};

/// An operation of the API on one server or image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// GET of the resource itself.
    Show,
    /// GET of all items.
    List,
    /// GET of one item.
    ShowItem {
        /// Any text.
        key: String,
    },
    /// DELETE of one item: the operation that the product exists for.
    DeleteItem {
        /// Any text.
        key: String,
    },
    /// POST of items: merge.
    Merge {
        /// What to add or overwrite.
        items: Items,
    },
    /// PUT of items: replace all.
    Replace {
        /// All items there are to be.
        items: Items,
    },
    /// PUT of one item.
    PutItem {
        /// The key in the URL.
        path_key: String,
        /// The key in the body.
        key: Key,
        /// The value in the body.
        value: Value,
    },
}

impl Operation {
    /// Returns whether it is one that writes.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Show | Self::List | Self::ShowItem { .. })
    }

    /// Returns the key in the URL, or an empty text when the operation is not about one item.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::ShowItem { key } | Self::DeleteItem { key } => key,
            Self::PutItem { path_key, .. } => path_key,
            Self::Show | Self::List | Self::Merge { .. } | Self::Replace { .. } => "",
        }
    }

    /// Whether it removes items and writes none.
    pub(super) fn only_removes(&self) -> bool {
        match self {
            Self::DeleteItem { .. } => true,
            Self::Replace { items } => items.is_empty(),
            _ => false,
        }
    }

    pub(super) fn keys_agree(&self) -> bool {
        match self {
            Self::PutItem { path_key, key, .. } => path_key == key.as_str(),
            _ => true,
        }
    }

    /// Whether the item exists that the operation is about.
    pub(super) fn finds_its_item(&self, metadata: &Metadata) -> bool {
        match self {
            Self::ShowItem { key } | Self::DeleteItem { key } => metadata.contains_key(key),
            _ => true,
        }
    }

    /// Whether it names an item that Glance reserves for itself.
    pub(super) fn touches_reserved_names(&self) -> bool {
        let reserved = |key: &str| key.starts_with(RESERVED_PREFIX);
        match self {
            Self::Show | Self::List | Self::ShowItem { .. } => false,
            Self::DeleteItem { key } => reserved(key),
            Self::Merge { items } | Self::Replace { items } => {
                items.iter().any(|(key, _)| reserved(key.as_str()))
            }
            Self::PutItem { key, .. } => reserved(key.as_str()),
        }
    }
}
