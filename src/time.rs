//! Points in time, as documents write them: RFC 3339.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z; 1970 itself when they are out of range.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// As RFC 3339 with the fraction it came with, so that two observations of one second keep their
    /// order.
    #[must_use]
    pub fn in_full(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// From RFC 3339 text, with any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(time.to_utc()))
    }
}

impl fmt::Display for Timestamp {
    /// To the second and in UTC, as N writes `created` and `updated`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_with_any_offset_is_one_point_in_time() {
        let noon = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        assert_eq!(Timestamp::parse("2026-11-21T13:00:00+01:00"), Some(noon));
        assert_eq!(Timestamp::parse("2026-11-21T12:00:00.000000Z"), Some(noon));
        assert_eq!(noon.to_string(), "2026-11-21T12:00:00Z");
        assert_eq!(noon.millis(), 1_795_262_400_000);
        assert_eq!(Timestamp::from_millis(noon.millis()), noon);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T12:00:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn fractions_survive_storage() {
        let time = Timestamp::parse("2026-11-21T12:00:00.123456Z").unwrap();
        assert_eq!(time.in_full(), "2026-11-21T12:00:00.123456Z");
        assert_eq!(Timestamp::parse(&time.in_full()), Some(time));
    }
}
