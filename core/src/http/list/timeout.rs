//! How long a list waits for records.

use std::time::Duration;

use chrono::TimeDelta;

use crate::timestamp::Timestamp;

/// How long the records that were asked for together may take at most.
const LONGEST: TimeDelta = TimeDelta::seconds(2);

/// How long each group of records that are asked for together may take, so that what was found is
/// answered before the request's deadline.
#[derive(Debug, Clone, Copy)]
pub struct GroupTimeout {
    deadline: Timestamp,
    full: TimeDelta,
}

impl GroupTimeout {
    /// Returns the timeout of a list that is begun `now`: a quarter of the time that is left, at most
    /// 2 s. So a second group has as much time as the first one, and half of the time is left after it.
    #[must_use]
    pub fn new(now: Timestamp, deadline: Timestamp) -> Self {
        Self {
            deadline,
            full: LONGEST.min((deadline - now) / 4),
        }
    }

    /// Returns how long a group that is asked for `now` may take: at most half of the time that is
    /// left.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Duration {
        self.full
            .min((self.deadline - now) / 2)
            .to_std()
            .unwrap_or_default()
    }

    /// Returns whether a further group may take its full time. With less, records would be left out
    /// that the next page can read.
    #[must_use]
    pub fn allows_another(&self, now: Timestamp) -> bool {
        self.full <= (self.deadline - now) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::from_millis;

    fn timeout(deadline: i64) -> GroupTimeout {
        GroupTimeout::new(from_millis(0), from_millis(deadline))
    }

    #[test]
    fn a_group_may_take_a_quarter_of_the_time_and_2_seconds_at_most() {
        for (deadline, longest) in [
            (1, 0),
            (2_000, 500),
            (8_000, 2_000),
            (10_000, 2_000),
            (600_000, 2_000),
        ] {
            let longest_at_first = timeout(deadline).at(from_millis(0));
            assert_eq!(longest_at_first.as_millis(), longest, "{deadline}");
        }
    }

    #[test]
    fn a_group_that_is_asked_for_late_leaves_time_for_the_answer() {
        let timeout = timeout(10_000);
        assert_eq!(timeout.at(from_millis(6_000)), Duration::from_secs(2));
        assert_eq!(timeout.at(from_millis(9_000)), Duration::from_millis(500));
        assert_eq!(timeout.at(from_millis(10_000)), Duration::ZERO);
        assert_eq!(timeout.at(from_millis(11_000)), Duration::ZERO);
    }

    #[test]
    fn a_further_group_has_its_full_time_or_is_left_to_the_next_page() {
        for deadline in [2_000, 10_000] {
            let timeout = timeout(deadline);
            let mut now = 0;
            let mut groups = 0;
            while groups == 0 || timeout.allows_another(from_millis(now)) {
                let longest = timeout.at(from_millis(now));
                assert_eq!(longest, timeout.at(from_millis(0)));
                now += i64::try_from(longest.as_millis()).unwrap() + 5;
                groups += 1;
            }
            assert!(groups >= 2, "{groups} groups in {deadline} ms");
            assert!(now < deadline, "the last group ends after {now} ms");
        }
    }
}
