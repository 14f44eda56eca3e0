//! How fast the tests' bridges work.

use std::num::NonZeroU32;
use std::time::Duration;

use edge_metadata_bridge::run::Options;
use edge_metadata_bridge::verify::Pace;

pub(crate) fn pace() -> Pace {
    Pace {
        per_second: NonZeroU32::new(10_000).unwrap(),
        settle: Duration::from_millis(10),
        longest_backoff: Duration::from_millis(10),
    }
}

/// Without a bus, and without verifications.
pub(crate) fn options() -> Options {
    Options {
        buses: Vec::new(),
        concurrency: 4,
        longest_backoff: Duration::from_millis(20),
        shutdown_timeout: Duration::from_secs(1),
        poll_every: Duration::from_millis(10),
        report_every: Duration::from_millis(10),
        verify_every: None,
        pace: pace(),
        once: false,
    }
}
