//! What identifies a resource: its kind, its id and its project's id.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One of the two kinds of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A server (N: instance).
    Server,
    /// An image.
    Image,
}

impl Kind {
    /// Returns the word for one of them, in objects' names and in JSON documents.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Image => "image",
        }
    }

    /// Returns the word for the collection, in paths and in JSON documents.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Server => "servers",
            Self::Image => "images",
        }
    }

    /// Returns the kind of a collection.
    #[must_use]
    pub fn from_plural(word: &str) -> Option<Self> {
        match word {
            "servers" => Some(Self::Server),
            "images" => Some(Self::Image),
            _ => None,
        }
    }

    /// Returns the kind that [`singular`](Self::singular) names.
    #[must_use]
    pub fn from_singular(word: &str) -> Option<Self> {
        match word {
            "server" => Some(Self::Server),
            "image" => Some(Self::Image),
            _ => None,
        }
    }
}

/// The id of a server or an image. P: only lower-case hyphenated UUIDs exist, and ids are compared
/// as written, so no object is ever made for another spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(Uuid);

impl ResourceId {
    /// Parses a lower-case hyphenated UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if text.len() != uuid::fmt::Hyphenated::LENGTH || !is_lower_case {
            return None;
        }
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(formatter)
    }
}

/// Returns whether `text` is a project id: `[0-9a-f-]+`.
#[must_use]
pub fn is_project_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_hyphenated_uuids_are_ids() {
        let text = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
        assert_eq!(ResourceId::parse(text).unwrap().to_string(), text);
        for text in [
            "5EC95878-B74D-40F2-BE61-C3C1AE5E5B19",
            "5ec95878b74d40f2be61c3c1ae5e5b19",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b1",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b199",
            "5ec95878-b74d-40f2-be61_c3c1ae5e5b19",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b1g",
            "{ec95878-b74d-40f2-be61-c3c1ae5e5b1}",
            "not-a-uuid",
            "1",
            "",
        ] {
            assert!(ResourceId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn project_ids_are_hex_digits_and_hyphens() {
        for text in ["e4ee5a9bdf934e35b62c8b995152feee", "0", "-", "a-b"] {
            assert!(is_project_id(text), "{text}");
        }
        for text in ["", "E4EE", "g", "a b", "a/b", "é"] {
            assert!(!is_project_id(text), "{text}");
        }
    }

    #[test]
    fn both_words_of_a_kind_lead_back_to_it() {
        for kind in [Kind::Server, Kind::Image] {
            assert_eq!(Kind::from_plural(kind.plural()), Some(kind));
            assert_eq!(Kind::from_singular(kind.singular()), Some(kind));
        }
        assert_eq!(Kind::from_plural("flavors"), None);
        assert_eq!(Kind::from_singular("servers"), None);
    }
}
