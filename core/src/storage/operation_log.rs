//! The changes that were applied lately, by the id of the request that asked for them.
//!
//! The runtime may lose a reply after the change was made. The front then repeats the call under the
//! same id, and is told the first outcome; nothing is done twice. A slot is used again once its
//! entry is older than any repetition can be, so a change costs one row written, and the table grows
//! with the rate of changes only. An entry holds no more than a word: the rest of a reply follows
//! from the record and the repeated request.

use std::collections::VecDeque;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::timestamp::{self, Timestamp};

/// For how long after its first try a request may be repeated.
pub const REPEATABLE: TimeDelta = TimeDelta::seconds(20);

/// For how long a change is remembered at least: longer, by what two clocks may differ.
const REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// Entries that are kept at most, however fast changes come. At some 60 bytes each the table stays
/// below 1 MiB.
const MAX_ENTRIES: usize = 16_384;

/// A change that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppliedOperation {
    /// The row that remembers it.
    pub slot: i64,
    /// The id of the request that asked for it.
    pub id: Uuid,
    /// When it was applied. No two changes of one object have the same time.
    pub at: Timestamp,
    /// What the caller was told.
    pub outcome: AppliedOutcome,
}

/// What the caller of a change was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliedOutcome {
    /// An item is deleted.
    Deleted,
    /// Items are merged or replaced: all metadata.
    Metadata,
    /// One item is written: its value.
    Item,
    /// A record is new.
    Created,
    /// A known record is registered again.
    Updated,
    /// A record is removed.
    Removed,
}

impl AppliedOutcome {
    /// Returns the word that is stored. Words never change: other releases read them.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Metadata => "metadata",
            Self::Item => "item",
            Self::Created => "created",
            Self::Updated => "known",
            Self::Removed => "forgotten",
        }
    }

    /// Parses a stored note, of which release 0.1 wrote more than the word.
    #[must_use]
    pub fn parse(note: &str) -> Option<Self> {
        let word = note.split(' ').next()?;
        [
            Self::Deleted,
            Self::Metadata,
            Self::Item,
            Self::Created,
            Self::Updated,
            Self::Removed,
        ]
        .into_iter()
        .find(|outcome| outcome.word() == word)
    }

    /// Returns whether it is a user's change to metadata.
    #[must_use]
    pub fn is_by_user(self) -> bool {
        matches!(self, Self::Deleted | Self::Metadata | Self::Item)
    }
}

/// Parses a stored id, which release 0.1 wrote as `req-<uuid>`.
#[must_use]
pub fn parse_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.strip_prefix("req-").unwrap_or(text)).ok()
}

/// The changes of the last seconds.
#[derive(Debug, Default)]
pub struct OperationLog {
    oldest_first: VecDeque<AppliedOperation>,
    /// One more than the highest slot in use.
    slots: i64,
}

impl OperationLog {
    /// Returns the log of what is stored, oldest first. Rows that cannot be parsed count as unused.
    #[must_use]
    pub fn new(stored: impl IntoIterator<Item = AppliedOperation>) -> Self {
        let mut log = Self::default();
        for operation in stored {
            log.push(operation);
        }
        log
    }

    /// Returns the change that the request with this id made.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<AppliedOperation> {
        // The newest first: a repetition comes soon.
        let mut newest_first = self.oldest_first.iter().rev();
        newest_first.find(|operation| operation.id == id).copied()
    }

    /// Returns the entry of a change that is about to be applied, in a slot of its own or in one
    /// that is no longer needed.
    #[must_use]
    pub fn next(&self, id: Uuid, outcome: AppliedOutcome, now: Timestamp) -> AppliedOperation {
        let is_full = self.oldest_first.len() >= MAX_ENTRIES;
        let slot = match self.oldest_first.front() {
            Some(oldest) if is_full || oldest.at < now - REMEMBERED => oldest.slot,
            _ => self.slots,
        };
        AppliedOperation {
            slot,
            id,
            at: self.next_time(now),
            outcome,
        }
    }

    /// Adds an entry, once it is written.
    pub fn push(&mut self, operation: AppliedOperation) {
        let oldest = self.oldest_first.front();
        if oldest.is_some_and(|oldest| oldest.slot == operation.slot) {
            self.oldest_first.pop_front();
        }
        self.slots = self.slots.max(operation.slot + 1);
        self.oldest_first.push_back(operation);
    }

    /// Returns when a user changed the metadata last, as far as the log knows.
    #[must_use]
    pub fn last_user_change(&self) -> Option<Timestamp> {
        let mut newest_first = self.oldest_first.iter().rev();
        newest_first
            .find(|operation| operation.outcome.is_by_user())
            .map(|operation| operation.at)
    }

    /// Returns `now`, or the millisecond after the last change when the clock has not moved on:
    /// the time of a change is its revision as well, and no revision is used twice.
    fn next_time(&self, now: Timestamp) -> Timestamp {
        match self.oldest_first.back() {
            Some(last) if last.at >= now => timestamp::from_millis(last.at.timestamp_millis() + 1),
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::from_millis;

    const LIFETIME: i64 = REMEMBERED.num_milliseconds();

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    fn apply(log: &mut OperationLog, number: usize, millis: i64) -> i64 {
        let operation = log.next(id(number), AppliedOutcome::Deleted, from_millis(millis));
        log.push(operation);
        operation.slot
    }

    #[test]
    fn a_change_is_found_by_the_id_of_its_request_only() {
        let mut log = OperationLog::default();
        assert_eq!(log.find(id(1)), None);
        apply(&mut log, 1, 0);
        apply(&mut log, 2, 0);
        assert_eq!(log.find(id(1)).unwrap().slot, 0);
        assert_eq!(log.find(id(2)).unwrap().slot, 1);
        assert_eq!(log.find(id(3)), None);
    }

    #[test]
    fn a_slot_is_used_again_once_no_repetition_can_ask_for_it() {
        let mut log = OperationLog::default();
        assert_eq!(apply(&mut log, 1, 0), 0);
        assert_eq!(apply(&mut log, 2, 10), 1);
        assert_eq!(apply(&mut log, 3, LIFETIME), 2);
        assert_eq!(apply(&mut log, 4, LIFETIME + 1), 0);
        assert_eq!(log.find(id(1)), None);
        assert_eq!(apply(&mut log, 5, LIFETIME + 2), 3);
        assert_eq!(apply(&mut log, 6, LIFETIME + 11), 1);
        for number in 3..=6 {
            assert!(log.find(id(number)).is_some(), "{number}");
        }
    }

    #[test]
    fn the_log_is_bounded_however_fast_changes_come() {
        let mut log = OperationLog::default();
        for number in 0..MAX_ENTRIES + 100 {
            apply(&mut log, number, 0);
        }
        assert_eq!(log.oldest_first.len(), MAX_ENTRIES);
        assert_eq!(usize::try_from(log.slots).unwrap(), MAX_ENTRIES);
        assert!(log.find(id(MAX_ENTRIES + 99)).is_some());
    }

    #[test]
    fn no_two_changes_have_the_same_time_even_when_the_clock_stands_still_or_goes_back() {
        let mut log = OperationLog::default();
        apply(&mut log, 1, 50);
        apply(&mut log, 2, 50);
        apply(&mut log, 3, 40);
        let at = |number| log.find(id(number)).unwrap().at.timestamp_millis();
        assert_eq!([at(1), at(2), at(3)], [50, 51, 52]);
    }

    #[test]
    fn what_is_stored_is_known_after_a_restart() {
        let stored = |slot, number, millis, outcome| AppliedOperation {
            slot,
            id: id(number),
            at: from_millis(millis),
            outcome,
        };
        let mut log = OperationLog::new([
            stored(1, 1, 5, AppliedOutcome::Item),
            stored(0, 2, 9, AppliedOutcome::Created),
        ]);
        assert_eq!(log.find(id(2)).unwrap().slot, 0);
        assert_eq!(log.last_user_change(), Some(from_millis(5)));
        assert_eq!(apply(&mut log, 3, 10), 2);
        assert_eq!(apply(&mut log, 4, 6 + LIFETIME), 1);
    }

    #[test]
    fn stored_words_and_ids_of_release_0_1_are_understood() {
        for (note, outcome) in [
            ("deleted", Some(AppliedOutcome::Deleted)),
            (r#"metadata {"k":"v"}"#, Some(AppliedOutcome::Metadata)),
            ("item a value", Some(AppliedOutcome::Item)),
            ("created", Some(AppliedOutcome::Created)),
            (r#"known {"server":{}}"#, Some(AppliedOutcome::Updated)),
            ("forgotten", Some(AppliedOutcome::Removed)),
            ("", None),
            ("deletedx", None),
        ] {
            assert_eq!(AppliedOutcome::parse(note), outcome, "{note}");
        }
        let text = "c1e7b0fc-1990-42b8-8688-e53db2e234ea";
        assert_eq!(parse_id(&format!("req-{text}")), parse_id(text));
        assert!(parse_id(text).is_some());
        assert_eq!(parse_id("x"), None);
    }
}
