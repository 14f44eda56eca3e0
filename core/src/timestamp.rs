//! Points in time as documents write them: RFC 3339, through `chrono`.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize as _, Deserializer, Serializer, de};

/// A point in time.
pub type Timestamp = DateTime<Utc>;

/// Seconds since 1970 of the years that RFC 3339 can write: 0000 to 9999.
const WRITABLE_SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// Parses RFC 3339 with any offset. P: a time without an offset, as N writes them, is UTC.
///
/// Returns [`None`] for anything else, and for times that RFC 3339 cannot write in UTC.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| DateTime::parse_from_rfc3339(&format!("{text}Z")).map(|time| time.to_utc()))
        .ok()?;
    WRITABLE_SECONDS.contains(&time.timestamp()).then_some(time)
}

/// Returns the time that is `millis` milliseconds after 1970-01-01T00:00:00Z, or 1970 itself when
/// RFC 3339 cannot write it.
#[must_use]
pub fn from_millis(millis: i64) -> Timestamp {
    DateTime::from_timestamp_millis(millis)
        .filter(|time| WRITABLE_SECONDS.contains(&time.timestamp()))
        .unwrap_or_default()
}

/// Formats to the second and in UTC, as N writes `created` and `updated`.
#[must_use]
pub fn to_seconds(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Formats with the fraction that the time has, so that two observations within one second keep
/// their order.
#[must_use]
pub fn to_full(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Serializes as [`to_full`], for `#[serde(with = "crate::timestamp")]`.
///
/// # Errors
///
/// The serializer's own.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_full(*time))
}

/// Deserializes as [`parse`], for `#[serde(with = "crate::timestamp")]`.
///
/// # Errors
///
/// The value is not a string that [`parse`] accepts.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_the_same_point_in_time() {
        let noon = parse("2026-11-21T12:00:00Z").unwrap();
        assert_eq!(parse("2026-11-21T13:00:00+01:00"), Some(noon));
        assert_eq!(parse("2026-11-21T12:00:00.000000Z"), Some(noon));
        assert_eq!(to_seconds(noon), "2026-11-21T12:00:00Z");
        assert_eq!(noon.timestamp_millis(), 1_795_262_400_000);
        assert_eq!(from_millis(noon.timestamp_millis()), noon);
    }

    #[test]
    fn p_a_time_without_an_offset_is_utc() {
        assert_eq!(parse("2026-11-21T12:00:00"), parse("2026-11-21T12:00:00Z"));
        assert_eq!(
            parse("2026-11-21T12:00:00.123456"),
            parse("2026-11-21T12:00:00.123456Z")
        );
    }

    #[test]
    fn malformed_times_are_rejected() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00Z ",
            "2026-11-21T12:00:00+0100",
            "2026-02-29T00:00:00Z",
            "2026-11-00T00:00:00Z",
            // RFC 3339 cannot write these in UTC.
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn fractions_survive_storage() {
        for text in [
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00.640Z",
            "2026-11-21T12:00:00.123456Z",
            "2026-11-21T12:00:00.123456789Z",
        ] {
            assert_eq!(to_full(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn times_that_rfc_3339_cannot_write_become_1970() {
        for millis in [i64::MIN, i64::MAX, -62_167_219_201_000, 253_402_300_800_000] {
            assert_eq!(from_millis(millis).timestamp_millis(), 0);
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
