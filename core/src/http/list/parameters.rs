//! The parameters of a list, and how N reads their values.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::http::fault::Fault;
use crate::http::json_page::MAX_ENTRIES;
use crate::http::python_repr::repr_str;
use crate::name_pattern::{MAX_PATTERN_CHARACTERS, NamePattern};
use crate::timestamp::{self, Timestamp};

/// The words for true and false of oslo.utils, in its order.
const TRUE: &[&str] = &["1", "t", "true", "on", "y", "yes"];
const FALSE: &[&str] = &["0", "f", "false", "off", "n", "no"];

/// The decoded parameters of a query, in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl<'a> Parameters<'a> {
    /// Returns names and values.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the values of a parameter.
    pub(super) fn all(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// Returns the value of a parameter. N: the last of several.
    pub(super) fn last(self, name: &str) -> Option<&'a str> {
        self.all(name).last()
    }

    /// Returns the parameter `limit`, at most [`MAX_ENTRIES`]. An empty one counts as absent.
    ///
    /// # Errors
    ///
    /// N: 400 for what is no number, or less than `least`.
    pub(super) fn limit(self, least: usize) -> Result<usize, Fault> {
        let mut limit = MAX_ENTRIES;
        for value in self.all("limit").filter(|value| !value.is_empty()) {
            limit = number("limit", value, least)?.min(MAX_ENTRIES);
        }
        Ok(limit)
    }

    /// Returns the parameter `marker`. An empty one counts as absent.
    pub(super) fn marker(self) -> Option<&'a str> {
        self.last("marker").filter(|marker| !marker.is_empty())
    }

    /// Returns a parameter that is a time.
    ///
    /// # Errors
    ///
    /// N: 400 for what is none.
    pub(super) fn time(self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let mut time = None;
        for value in self.all(name) {
            let parsed = parse_isotime(value);
            time = Some(parsed.ok_or_else(|| invalid(name, value, "is not a 'date-time'"))?);
        }
        Ok(time)
    }

    /// Returns a parameter that is a regular expression.
    ///
    /// # Errors
    ///
    /// N: 400 for a malformed one, also where another one comes after it. P: also for one that is too
    /// large, and for several that are too long together, because each of them is compiled.
    pub(super) fn pattern(self, name: &str) -> Result<Option<NamePattern>, Fault> {
        let mut pattern = None;
        let mut characters = 0;
        for value in self.all(name) {
            characters += value.chars().count();
            let parsed = (characters <= MAX_PATTERN_CHARACTERS)
                .then(|| NamePattern::new(value))
                .flatten();
            pattern = Some(parsed.ok_or_else(|| invalid(name, value, "is not a 'regex'"))?);
        }
        Ok(pattern)
    }
}

/// Returns the number that a parameter is.
///
/// # Errors
///
/// N: 400 for what is no number, or less than `least`.
pub(super) fn number(name: &str, value: &str, least: usize) -> Result<usize, Fault> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(name, value, "does not match '^[0-9]*$'"));
    }
    // One that overflows is more than there can be.
    let number = value.parse().unwrap_or(usize::MAX);
    if number < least {
        return Err(Fault::Schema(format!(
            "Invalid input for query parameters {name}. Value: {value}. {number} is less than the minimum of {least}"
        )));
    }
    Ok(number)
}

/// N's frame around a message about a parameter.
fn invalid(name: &str, value: &str, problem: &str) -> Fault {
    let quoted = repr_str(value);
    Fault::Schema(format!(
        "Invalid input for query parameters {name}. Value: {value}. {quoted} {problem}"
    ))
}

/// N: whether a word is one for true; any other is false.
pub(super) fn is_true(value: &str) -> bool {
    is_one_of(TRUE, value)
}

/// Returns which of true and false a word is.
///
/// # Errors
///
/// N: 400 for any other word.
pub(super) fn boolean(value: &str) -> Result<bool, Fault> {
    if is_one_of(TRUE, value) {
        return Ok(true);
    }
    if is_one_of(FALSE, value) {
        return Ok(false);
    }
    let value = repr_str(value);
    Err(Fault::Schema(format!(
        "Unrecognized value {value}, acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
    )))
}

fn is_one_of(words: &[&str], value: &str) -> bool {
    let value = value.trim();
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Parses the ISO 8601 that N takes: RFC 3339, a date alone, hours and minutes without seconds, and
/// offsets without a colon. Without an offset it is UTC.
fn parse_isotime(text: &str) -> Option<Timestamp> {
    timestamp::parse(text)
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"]
                .iter()
                .find_map(|format| DateTime::parse_from_str(text, format).ok())
                .map(|time| time.to_utc())
        })
        .or_else(|| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
                .ok()
                .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
                .map(|time| time.and_utc())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query;

    fn limit(query: &str, least: usize) -> Result<usize, String> {
        Parameters(&query::pairs(query))
            .limit(least)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_limit_is_a_number_and_no_page_is_longer_than_the_longest() {
        assert_eq!(limit("", 0), Ok(MAX_ENTRIES));
        assert_eq!(limit("limit=", 0), Ok(MAX_ENTRIES));
        assert_eq!(limit("limit=0", 0), Ok(0));
        assert_eq!(limit("limit=5&limit=7", 0), Ok(7));
        assert_eq!(limit("limit=1000000", 0), Ok(MAX_ENTRIES));
        assert_eq!(limit("limit=99999999999999999999999", 0), Ok(MAX_ENTRIES));
        for value in ["-1", "x", "1.5"] {
            assert_eq!(
                limit(&format!("limit={value}"), 0).unwrap_err(),
                format!(
                    "Invalid input for query parameters limit. Value: {value}. '{value}' does not match '^[0-9]*$'"
                )
            );
        }
        assert_eq!(
            limit("limit=0", 1).unwrap_err(),
            "Invalid input for query parameters limit. Value: 0. 0 is less than the minimum of 1"
        );
        assert!(limit("limit=x&limit=5", 0).is_err());
    }

    #[test]
    fn an_empty_marker_counts_as_absent() {
        for (query, marker) in [("", None), ("marker=", None), ("marker=x", Some("x"))] {
            assert_eq!(Parameters(&query::pairs(query)).marker(), marker);
        }
    }

    #[test]
    fn n_each_pattern_must_be_well_formed_and_the_last_one_holds() {
        let pattern = |query: &str| {
            let pairs = query::pairs(query);
            Parameters(&pairs)
                .pattern("name")
                .map(|pattern| pattern.map(|pattern| pattern.as_str().to_owned()))
                .map_err(|fault| fault.to_string())
        };
        assert_eq!(pattern("status=x"), Ok(None));
        assert_eq!(pattern("name=^web&name=b"), Ok(Some("b".to_owned())));
        assert_eq!(
            pattern("name=(&name=b").unwrap_err(),
            "Invalid input for query parameters name. Value: (. '(' is not a 'regex'"
        );
    }

    #[test]
    fn several_patterns_have_no_more_characters_than_one() {
        let pattern = |first: usize, second: usize| {
            let query = format!("name={}&name={}", "a".repeat(first), "b".repeat(second));
            Parameters(&query::pairs(&query)).pattern("name").is_ok()
        };
        assert!(pattern(0, MAX_PATTERN_CHARACTERS));
        assert!(pattern(1, MAX_PATTERN_CHARACTERS - 1));
        assert!(!pattern(1, MAX_PATTERN_CHARACTERS));
    }

    #[test]
    fn n_a_time_is_any_iso_8601() {
        let noon = timestamp::parse("2026-11-21T12:00:00Z");
        for text in [
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00",
            "2026-11-21T12:00:00.000000",
            "2026-11-21T12:00Z",
            "2026-11-21T12:00",
            "2026-11-21T13:00:00+01:00",
            "2026-11-21T13:00:00+0100",
            "2026-11-21T13:00:00+01",
        ] {
            assert_eq!(parse_isotime(text), noon, "{text}");
        }
        assert_eq!(
            parse_isotime("2026-11-21"),
            timestamp::parse("2026-11-21T00:00:00Z")
        );
        for text in ["", "now", "2026-13-01", "2026-11-21T12:00:00 00:00"] {
            assert_eq!(parse_isotime(text), None, "{text}");
        }
    }

    #[test]
    fn n_true_and_false_have_many_words() {
        for (word, expected) in [
            ("1", Some(true)),
            (" True ", Some(true)),
            ("YES", Some(true)),
            ("0", Some(false)),
            ("False", Some(false)),
            ("off", Some(false)),
            ("", None),
            ("2", None),
        ] {
            assert_eq!(boolean(word).ok(), expected, "{word}");
            assert_eq!(is_true(word), expected == Some(true), "{word}");
        }
    }
}
