//! Points in time.

use chrono::{Datelike as _, Timelike as _};
use edge_metadata_core::timestamp::{self, Timestamp};

use crate::round_trip;

/// A time in RFC 3339, or a number of milliseconds since 1970.
pub fn times(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(time) = timestamp::parse(&text) {
        check(time);
    }
    if let Ok(millis) = text.trim().parse() {
        let time = timestamp::from_millis(millis);
        assert!(time.timestamp_millis() == millis || time == Timestamp::default());
        check(time);
    }
}

fn check(time: Timestamp) {
    assert!((0..=9_999).contains(&time.year()));
    let full = timestamp::to_full(time);
    assert_eq!(timestamp::parse(&full), Some(time), "{full}");
    let whole = timestamp::to_seconds(time);
    assert_eq!(whole.len(), "2026-11-21T12:00:00Z".len());
    let without_fraction = time.with_nanosecond(time.nanosecond() / 1_000_000_000 * 1_000_000_000);
    assert_eq!(timestamp::parse(&whole), without_fraction);
    round_trip::check(&time);
}
