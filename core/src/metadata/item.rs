//! Keys, values and the map of them.

/// N: a key has 1 to 255 characters.
pub const MAX_KEY_CHARACTERS: usize = 255;

/// N: a value has at most 255 characters (code points).
pub const MAX_VALUE_CHARACTERS: usize = 255;

/// All metadata items of one resource, in the order of their keys.
///
/// A sorted list: a resource has few items, and a tree for them weighs more than it gains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// No items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    /// Whether there is an item with that key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Adds an item, or overwrites it.
    pub fn insert(&mut self, key: String, value: String) {
        match self.find(&key) {
            Ok(at) => {
                if let Some(item) = self.0.get_mut(at) {
                    item.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// Takes an item out, if it is there.
    pub fn remove(&mut self, key: &str) {
        if let Ok(at) = self.find(key) {
            self.0.remove(at);
        }
    }

    /// Takes all items out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The items, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(found, _)| found.as_str().cmp(key))
    }
}

impl<const N: usize> From<[(String, String); N]> for Metadata {
    fn from(items: [(String, String); N]) -> Self {
        items.into_iter().collect()
    }
}

impl FromIterator<(String, String)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(items: I) -> Self {
        let mut metadata = Self::new();
        metadata.extend(items);
        metadata
    }
}

impl Extend<(String, String)> for Metadata {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, items: I) {
        for (key, value) in items {
            self.insert(key, value);
        }
    }
}

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
        fn items_are_kept_as_in_a_map(changes in proptest::collection::vec(("[a-d]{1,2}", proptest::option::of("[x-z]")), 0..40)) {
            let mut metadata = Metadata::new();
            let mut model = std::collections::BTreeMap::new();
            for (key, value) in changes {
                if let Some(value) = value {
                    metadata.insert(key.clone(), value.clone());
                    model.insert(key, value);
                } else {
                    metadata.remove(&key);
                    model.remove(&key);
                }
                proptest::prop_assert_eq!(metadata.len(), model.len());
                proptest::prop_assert_eq!(metadata.is_empty(), model.is_empty());
                for key in ["a", "b", "cc", "dd"] {
                    proptest::prop_assert_eq!(metadata.get(key), model.get(key).map(String::as_str));
                    proptest::prop_assert_eq!(metadata.contains_key(key), model.contains_key(key));
                }
            }
            let items: Vec<_> = metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            proptest::prop_assert_eq!(items, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_key_that_exists_is_the_text_it_was_made_from(text in ".{0,300}") {
            if let Some(key) = Key::new(&text) {
                proptest::prop_assert_eq!(key.as_str(), text);
            }
        }
    }
}
