//! The time at which the cloud is asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells times that only ever grow, in whole milliseconds.
///
/// P: a document whose `observed_at` is not later than the last one changes nothing. Two reads of a resource must
/// therefore never have the same time, not even when the machine's clock is set back between them.
#[derive(Debug, Default)]
pub struct Clock {
    last: Mutex<DateTime<Utc>>,
}

impl Clock {
    /// A time later than all that this clock has told.
    pub fn now(&self) -> DateTime<Utc> {
        self.at(Utc::now())
    }

    /// Forgets what it has told, so that times may go back to the machine's clock: after the edge has refused a time
    /// that is ahead, and with it all that would follow.
    pub fn reset(&self) {
        *self.last() = DateTime::UNIX_EPOCH;
    }

    fn last(&self) -> MutexGuard<'_, DateTime<Utc>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut last = self.last();
        let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        *last = now.max(*last + TimeDelta::milliseconds(1));
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_grow_even_when_the_clock_is_set_back() {
        let clock = Clock::default();
        let time = |milliseconds| DateTime::from_timestamp_millis(milliseconds).unwrap();
        assert_eq!(clock.at(time(5_000)), time(5_000));
        assert_eq!(clock.at(time(5_000)), time(5_001));
        assert_eq!(clock.at(time(1_000)), time(5_002));
        assert_eq!(clock.at(time(6_000)), time(6_000));
        clock.reset();
        assert_eq!(clock.at(time(2_000)), time(2_000));
    }
}
