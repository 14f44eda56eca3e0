//! How a list finds the names that it is asked for.
//!
//! Nova takes a regular expression. Most clients send a name or `^name$`, which SQLite compares by
//! itself; everything else is matched row by row by an engine that takes linear time.

use thiserror::Error;

use crate::name_pattern::NamePattern;
use crate::rpc::NameFilter;

/// A filter whose pattern is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the pattern of the names is malformed")]
pub struct MalformedPattern;

/// A search for names: a condition that SQLite checks, and a pattern for what it leaves.
#[derive(Debug, Clone)]
pub struct NameSearch {
    condition: &'static str,
    text: String,
    pattern: Option<NamePattern>,
}

impl NameSearch {
    /// Returns the search for a filter.
    ///
    /// # Errors
    ///
    /// Returns an error for a malformed regular expression.
    pub fn new(filter: &NameFilter) -> Result<Self, MalformedPattern> {
        let by_condition = |condition, text: &str| Self {
            condition,
            text: text.to_owned(),
            pattern: None,
        };
        let pattern = match filter {
            NameFilter::Any => return Ok(by_condition(ANY, "")),
            NameFilter::Exact(name) => return Ok(by_condition(EXACT, name)),
            NameFilter::Pattern(pattern) => pattern,
        };
        let (from_start, rest) = match pattern.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, pattern.as_str()),
        };
        let (to_end, text) = match rest.strip_suffix('$') {
            Some(text) => (true, text),
            None => (false, rest),
        };
        if text.contains(is_special) {
            return Ok(Self {
                pattern: Some(NamePattern::new(pattern).ok_or(MalformedPattern)?),
                ..by_condition(ANY, "")
            });
        }
        let condition = match (from_start, to_end) {
            (true, true) => EXACT,
            (true, false) => "substr(name, 1, length(?4)) = ?4",
            (false, true) => "(?4 = '' OR substr(name, -length(?4)) = ?4)",
            (false, false) => "instr(name, ?4) > 0",
        };
        Ok(by_condition(condition, text))
    }

    /// Returns the SQL condition on the column `name`, in which `?4` stands for [`text`](Self::text).
    #[must_use]
    pub fn condition(&self) -> &'static str {
        self.condition
    }

    /// Returns the text that the condition compares with.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many rows to read for a search of so many steps, at least 1. Returns [`None`] when
    /// every row that meets the condition is one of those that are searched for.
    #[must_use]
    pub fn rows_within(&self, steps: u64) -> Option<usize> {
        let pattern = self.pattern.as_ref()?;
        let rows = steps / pattern.steps(USUAL_NAME);
        Some(usize::try_from(rows).unwrap_or(usize::MAX).max(1))
    }

    /// Returns how long [`matches`](Self::matches) takes at most for a name, in steps of about a
    /// nanosecond.
    #[must_use]
    pub fn steps(&self, name: &str) -> u64 {
        self.pattern
            .as_ref()
            .map_or(0, |pattern| pattern.steps(name))
    }

    /// Returns whether a name that meets the condition is one of those that are searched for.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_found_in(name))
    }
}

/// A name of a usual length.
const USUAL_NAME: &str = "web-1.example";

const ANY: &str = "?4 = ''";
const EXACT: &str = "name = ?4";

/// Whether a character means something else than itself in a regular expression.
fn is_special(character: char) -> bool {
    r"\.+*?()|[]{}^$".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NameSearch {
        NameSearch::new(&NameFilter::Pattern(text.into())).unwrap()
    }

    #[test]
    fn plain_names_and_anchors_are_compared_by_sqlite() {
        for (text, condition, compared) in [
            ("web", "instr(name, ?4) > 0", "web"),
            ("^web", "substr(name, 1, length(?4)) = ?4", "web"),
            ("web$", "(?4 = '' OR substr(name, -length(?4)) = ?4)", "web"),
            ("^web-1$", "name = ?4", "web-1"),
            ("^$", "name = ?4", ""),
            ("", "instr(name, ?4) > 0", ""),
        ] {
            let search = pattern(text);
            assert_eq!(search.condition(), condition, "{text}");
            assert_eq!(search.text(), compared, "{text}");
            assert_eq!(search.rows_within(u64::MAX), None, "{text}");
        }
    }

    #[test]
    fn n_any_other_pattern_is_searched_for_anywhere_in_the_name() {
        for (text, name, is_found) in [
            ("^(web-)?1", "web-1", true),
            ("^(web-)?1", "1", true),
            ("^(web-)?1", "db-1", false),
            ("b.d", "a-bcd-e", true),
            (r"a\.b", "a.b", true),
            (r"a\.b", "axb", false),
            ("a|b", "b", true),
            ("[0-9]{3}$", "host-123", true),
            ("^a$|^b$", "ab", false),
        ] {
            let search = pattern(text);
            assert!(search.rows_within(0).is_some(), "{text}");
            assert_eq!(search.matches(name), is_found, "{text} {name}");
        }
        assert!(NameSearch::new(&NameFilter::Pattern("(".into())).is_err());
    }

    #[test]
    fn only_a_pattern_takes_steps() {
        assert_eq!(pattern("^web").steps("web-1"), 0);
        assert!(pattern("^web.").steps("web-1") > 0);
    }

    #[test]
    fn the_larger_a_pattern_the_fewer_rows_are_read() {
        let rows = |text: &str| pattern(text).rows_within(2_500_000).unwrap();
        assert!((200..1_000).contains(&rows("^web-[0-9]$")));
        assert!((1..50).contains(&rows(".{200}")));
        assert_eq!(pattern(".").rows_within(1), Some(1));
    }

    #[test]
    fn an_exact_name_is_no_pattern() {
        let search = NameSearch::new(&NameFilter::Exact("^web".into())).unwrap();
        assert_eq!((search.condition(), search.text()), ("name = ?4", "^web"));
        let all = NameSearch::new(&NameFilter::Any).unwrap();
        assert_eq!((all.condition(), all.text()), ("?4 = ''", ""));
    }
}
