//! Points in time, as documents write them: RFC 3339.
//!
//! Why not `chrono`: it is 2 KB larger in the wasm (`npm run size`). The tests compare with it.

use std::fmt;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
    /// Since that second began.
    nanos: i64,
}

/// The seconds of the years that RFC 3339 can write: 0000 to 9999.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z; 1970 itself when they are out of range.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        let seconds = millis.div_euclid(1_000);
        if !WRITABLE.contains(&seconds) {
            return Self::default();
        }
        Self {
            seconds,
            nanos: millis.rem_euclid(1_000) * 1_000_000,
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.seconds * 1_000 + self.nanos / 1_000_000
    }

    /// As RFC 3339 with the fraction it came with, so that two observations of one second keep their
    /// order.
    #[must_use]
    pub fn in_full(self) -> String {
        let fraction = match self.nanos {
            0 => return self.to_string(),
            nanos if nanos % 1_000_000 == 0 => format!("{:03}", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => format!("{:06}", nanos / 1_000),
            nanos => format!("{nanos:09}"),
        };
        let to_the_second = self.to_string();
        format!("{}.{fraction}Z", to_the_second.trim_end_matches('Z'))
    }

    /// From RFC 3339 text, with any offset. A leap second is the one after it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.as_bytes());
        let year = reader.number(4)?;
        reader.one_of(b"-")?;
        let month = reader.number(2)?;
        reader.one_of(b"-")?;
        let day = reader.number(2)?;
        reader.one_of(b"Tt ")?;
        let hour = reader.number(2)?;
        reader.one_of(b":")?;
        let minute = reader.number(2)?;
        reader.one_of(b":")?;
        let second = reader.number(2)?;
        let nanos = match reader.one_of(b".") {
            Some(_) => reader.nanos()?,
            None => 0,
        };
        let offset = reader.offset()?;
        let days = days(year, month, day);
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
        let is_valid = date(days) == (year, month, day)
            && hour < 24
            && minute < 60
            && second <= 60
            && reader.0.is_empty()
            && WRITABLE.contains(&seconds);
        is_valid.then_some(Self { seconds, nanos })
    }
}

impl fmt::Display for Timestamp {
    /// To the second and in UTC, as N writes `created` and `updated`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// One of these characters.
    fn one_of(&mut self, characters: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !characters.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// A number of that many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + i64::from(self.one_of(b"0123456789")? - b'0');
        }
        Some(number)
    }

    /// A fraction of a second; what is less than a nanosecond does not count.
    fn nanos(&mut self) -> Option<i64> {
        let mut unit = 100_000_000;
        let mut nanos = self.number(1)? * unit;
        while let Some(digit) = self.number(1) {
            unit /= 10;
            nanos += digit * unit;
        }
        Some(nanos)
    }

    /// How many seconds the clock is ahead of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2)?;
        self.one_of(b":")?;
        let minutes = self.number(2)?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
    }
}

/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

/// Days from the first of March of the year 0000, where the cycles are counted from, to 1970.
const UNTIL_1970: i64 = 719_468;

/// Days since 1970-01-01. A day that is not in the calendar is one of another date: see [`date`].
///
/// Years are counted from March here, so that the leap day is their last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_cycle = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    year.div_euclid(400) * CYCLE + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year
        - UNTIL_1970
}

/// The year, month and day that is so many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + UNTIL_1970;
    let (cycle, of_cycle) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, SecondsFormat, Utc};

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
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00Z ",
            "2026-11-21T12:00:00+0100",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2026-00-01T00:00:00Z",
            // Nothing that could be written as RFC 3339 again.
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
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

    #[test]
    fn a_leap_second_is_the_one_after_it() {
        assert_eq!(
            Timestamp::parse("2016-12-31T23:59:60Z"),
            Timestamp::parse("2017-01-01T00:00:00Z")
        );
    }

    #[test]
    fn milliseconds_that_no_text_can_say_are_1970() {
        for seconds in [WRITABLE.start() - 1, WRITABLE.end() + 1] {
            assert_eq!(Timestamp::from_millis(seconds * 1_000).millis(), 0);
        }
        assert_eq!(Timestamp::from_millis(i64::MIN).millis(), 0);
        assert_eq!(Timestamp::from_millis(i64::MAX).millis(), 0);
    }

    fn by_chrono(text: &str) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        WRITABLE.contains(&time.timestamp()).then_some(time)
    }

    #[test]
    fn each_day_of_a_cycle_is_chronos() {
        for day in 0..CYCLE {
            let time = DateTime::from_timestamp(day * 86_400, 0).unwrap();
            let text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
            let ours = Timestamp::parse(&text).unwrap();
            assert_eq!(ours.millis(), time.timestamp_millis());
            assert_eq!(ours.to_string(), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn each_text_means_what_chrono_says(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{0,12})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])"
        ) {
            let (ours, theirs) = (Timestamp::parse(&text), by_chrono(&text));
            proptest::prop_assert_eq!(ours.map(Timestamp::millis), theirs.map(|time| time.timestamp_millis()));
            proptest::prop_assert_eq!(ours.map(Timestamp::in_full), theirs.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        }

        #[test]
        fn each_millisecond_is_written_as_chrono_writes_it(millis in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let theirs = DateTime::from_timestamp_millis(millis).unwrap();
            let ours = Timestamp::from_millis(millis);
            proptest::prop_assert_eq!(ours.millis(), millis);
            proptest::prop_assert_eq!(ours.in_full(), theirs.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            proptest::prop_assert_eq!(Timestamp::parse(&ours.in_full()), Some(ours));
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,40}") {
            proptest::prop_assert_eq!(Timestamp::parse(&text).is_some(), by_chrono(&text).is_some());
        }
    }
}
