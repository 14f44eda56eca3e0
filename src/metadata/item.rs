//! Keys, values and the map of them.

use std::collections::BTreeMap;

/// N: a key has 1 to 255 characters.
pub const MAX_KEY_CHARACTERS: usize = 255;

/// N: a value has at most 255 characters (code points).
pub const MAX_VALUE_CHARACTERS: usize = 255;

/// All metadata items of one resource, in the order of their keys.
pub type Metadata = BTreeMap<String, String>;

/// A key that may be written: N: `^[a-zA-Z0-9-_:. ]{1,255}$`.
///
/// Keys are compared byte for byte: `UPPER` is not `upper`, `trail ` is not `trail`.
/// GET and DELETE look any text up; only what is written must be one of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key, when `text` is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.' | b' ')
        };
        let valid = (1..=MAX_KEY_CHARACTERS).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// A value that may be written: any text of at most 255 code points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// The value, when `text` is not too long to be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.chars().count() <= MAX_VALUE_CHARACTERS).then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

    proptest::proptest! {
        #[test]
        fn a_key_that_exists_is_the_text_it_was_made_from(text in ".{0,300}") {
            if let Some(key) = Key::new(&text) {
                proptest::prop_assert_eq!(key.as_str(), text);
            }
        }
    }
}
