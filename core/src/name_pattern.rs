//! The regular expressions by which servers are looked up by name.
//!
//! N gives the expression to its database, so the dialect depends on a deployment. Here it is that of
//! `regex-lite`, whose time is linear in the pattern and the name: the pattern is a client's.

use regex_lite::{Regex, RegexBuilder};

/// P: characters that a pattern may have.
pub const MAX_PATTERN_CHARACTERS: usize = 255;

/// P: bytes that a compiled pattern may have: `.{255}` fits, repetitions of repetitions do not.
const MAX_COMPILED_BYTES: usize = 16 * 1_024;

/// Bytes that a simple compiled pattern has.
const MIN_COMPILED_BYTES: usize = 256;

/// What a name costs whatever the pattern: the search has to be set up.
const STEPS_PER_NAME: usize = 500;

/// P: groups within groups that a pattern may have.
const MAX_NESTING: u32 = 32;

/// A valid pattern.
#[derive(Debug, Clone)]
pub struct NamePattern {
    regex: Regex,
    /// Bytes of the compiled pattern, rounded up to a power of two.
    compiled_bytes: usize,
}

impl NamePattern {
    /// Compiles a pattern. Returns [`None`] when it is malformed or too large.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > MAX_PATTERN_CHARACTERS {
            return None;
        }
        let mut builder = RegexBuilder::new(pattern);
        builder.nest_limit(MAX_NESTING);
        let mut compiled_bytes = MIN_COMPILED_BYTES;
        while compiled_bytes <= MAX_COMPILED_BYTES {
            // `regex-lite` does not tell the size of what it compiled.
            if let Ok(regex) = builder.size_limit(compiled_bytes).build() {
                return Some(Self {
                    regex,
                    compiled_bytes,
                });
            }
            compiled_bytes *= 2;
        }
        None
    }

    /// Returns how long it takes at most to look for the pattern in `name`, in steps of about a
    /// nanosecond. A search through many names adds them up and stops early.
    #[must_use]
    pub fn steps(&self, name: &str) -> u64 {
        let steps = self
            .compiled_bytes
            .saturating_mul(name.len() + 1)
            .saturating_add(STEPS_PER_NAME);
        u64::try_from(steps).unwrap_or(u64::MAX)
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Returns whether the pattern is found anywhere in `name`.
    #[must_use]
    pub fn is_found_in(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// Returns the only name that the pattern matches when it is a literal between `^` and `$`, as
    /// clients send it to find one server. An index finds such a name without reading every entry.
    #[must_use]
    pub fn only_name(&self) -> Option<String> {
        let inner = self.as_str().strip_prefix('^')?.strip_suffix('$')?;
        let mut name = String::with_capacity(inner.len());
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            match character {
                // The pattern is valid, so an escaped punctuation mark stands for itself. Escaped
                // letters and digits are classes.
                '\\' => name.push(characters.next().filter(|next| !next.is_alphanumeric())?),
                '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                    return None;
                }
                _ => name.push(character),
            }
        }
        Some(name)
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for NamePattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_a_pattern_is_found_anywhere_in_a_name() {
        for (pattern, name, found) in [
            ("", "anything", true),
            ("web", "my-web-1", true),
            ("^web", "my-web-1", false),
            ("^(web-)?1", "1st", true),
            ("^(web-)?1", "web-10", true),
            ("^(web-)?1", "my-web-1", false),
            ("1$", "web-1", true),
            ("^web\\-1$", "web-1", true),
            ("^a\\ b$", "a b", true),
            ("[0-9]{2}", "web-10", true),
            ("WEB", "web", false),
            ("(?i)WEB", "web", true),
            ("a|b", "b", true),
            ("é", "café", true),
        ] {
            let pattern = NamePattern::new(pattern).unwrap();
            assert_eq!(pattern.is_found_in(name), found, "{pattern:?} {name}");
        }
    }

    #[test]
    fn malformed_and_oversized_patterns_are_refused() {
        let nested = format!("{}{}", "(".repeat(100), ")".repeat(100));
        for pattern in [
            "(",
            "[a",
            "*",
            "a{2,1}",
            "(?=look)",
            "\\1",
            &"a".repeat(256),
            "((a{99}){99}){99}",
            "(a{0,30}){30}b",
            &nested,
        ] {
            assert!(NamePattern::new(pattern).is_none(), "{pattern}");
        }
        for pattern in ["a".repeat(255), "é".repeat(255), ".{255}".into()] {
            assert!(NamePattern::new(&pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn the_steps_of_a_search_grow_with_the_pattern_and_the_name() {
        let steps = |pattern: &str, name: &str| NamePattern::new(pattern).unwrap().steps(name);
        let long = "a".repeat(255);
        assert_eq!(steps("^web", "web"), 4 * 256 + 500);
        assert_eq!(steps("^web", &long), 256 * 256 + 500);
        assert!(steps(".{255}", &long) >= 8 * steps("^web", &long));
        assert!(steps(".{255}", &long) <= 256 * 16 * 1_024 + 500);
    }

    #[test]
    fn a_literal_between_anchors_matches_only_one_name() {
        for (pattern, name) in [
            ("^web-1$", Some("web-1")),
            ("^web\\.1$", Some("web.1")),
            ("^a\\\\b$", Some("a\\b")),
            ("^$", Some("")),
            ("web-1", None),
            ("^web-1", None),
            ("^web.1$", None),
            ("^web\\d$", None),
            ("^a|b$", None),
            ("^cost\\$", None),
            ("^a$b$", None),
        ] {
            let pattern = NamePattern::new(pattern).unwrap();
            assert_eq!(pattern.only_name().as_deref(), name, "{pattern:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_only_name_is_matched_and_nothing_else_is(
            pattern in "\\^[a-c.\\\\$]{0,6}\\$",
            other in "[a-c.\\\\$]{0,6}",
        ) {
            if let Some(pattern) = NamePattern::new(&pattern)
                && let Some(name) = pattern.only_name()
            {
                proptest::prop_assert!(pattern.is_found_in(&name));
                proptest::prop_assert_eq!(pattern.is_found_in(&other), other == name);
            }
        }
    }
}
