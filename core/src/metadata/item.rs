//! Keys, values and the map of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// N: a key has 1 to 255 characters.
pub const MAX_KEY_CHARACTERS: usize = 255;

/// N: a value has at most 255 characters (code points).
pub const MAX_VALUE_CHARACTERS: usize = 255;

/// All metadata items of one resource, as they are kept. The control plane may register keys and
/// values that users may not write, so these are plain strings.
pub type Metadata = BTreeMap<String, String>;

/// Items that a user writes, in the order of the request.
pub type Items = Vec<(Key, Value)>;

/// A text that is not a valid [`Key`] or [`Value`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a valid metadata {0}")]
pub struct InvalidItem(&'static str);

/// A key that a user may write. N: `^[a-zA-Z0-9-_:. ]{1,255}$`.
///
/// Keys are compared byte for byte: `UPPER` is not `upper`, `trail ` is not `trail`.
/// GET and DELETE look any text up; only what is written must be one of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// Returns the key, or [`None`] when `text` breaks the rule.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.' | b' ')
        };
        let valid = (1..=MAX_KEY_CHARACTERS).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidItem;

    fn try_from(text: String) -> Result<Self, InvalidItem> {
        Self::new(&text).ok_or(InvalidItem("key"))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// A value that a user may write: any text of at most 255 code points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value(String);

impl Value {
    /// Returns the value, or [`None`] when `text` is too long.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.chars().count() <= MAX_VALUE_CHARACTERS).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Value {
    type Error = InvalidItem;

    fn try_from(text: String) -> Result<Self, InvalidItem> {
        Self::new(&text).ok_or(InvalidItem("value"))
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_a_key_has_1_to_255_of_the_allowed_characters() {
        for text in ["a", "aZ09-_:. ", " ", "..", &"k".repeat(255)] {
            assert!(Key::new(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a!",
            "a/b",
            "é",
            "foo\n",
            "a\tb",
            "a\0",
            &"k".repeat(256),
        ] {
            assert!(Key::new(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn n_a_value_has_at_most_255_code_points() {
        for text in ["", "a\0b", &"v".repeat(255), &"😀".repeat(255)] {
            assert!(Value::new(text).is_some());
        }
        for text in ["v".repeat(256), "😀".repeat(256)] {
            assert!(Value::new(&text).is_none());
        }
    }

    #[test]
    fn a_key_or_value_that_breaks_the_rule_is_not_deserialized() {
        assert!(serde_json::from_str::<Key>("\"a b\"").is_ok());
        assert!(serde_json::from_str::<Key>("\"a/b\"").is_err());
        let long = "v".repeat(256);
        assert!(serde_json::from_str::<Value>(&format!("\"{long}\"")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_key_that_exists_is_the_text_it_was_made_from(text in ".{0,300}") {
            if let Some(key) = Key::new(&text) {
                proptest::prop_assert_eq!(key.as_str(), text);
            }
        }
    }
}
