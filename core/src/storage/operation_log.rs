//! The changes that were applied lately, by the id of the request that asked for them.
//!
//! The runtime may lose a reply after the change was made. The front then repeats the call under the
//! same id, and is told the first reply; nothing is done twice. A slot is used again once its entry
//! is older than any repetition can be, so a change costs one row written, and the table grows with
//! the rate of changes only.
//!
//! An entry's note is a word for the outcome; the rest of a reply follows from the request and the
//! record. While a reply that shows the record may still be repeated, later changes add to their
//! notes what they took away from it ([`Replaced`]).

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::TimeDelta;
use uuid::Uuid;

use super::record::DecodeError;
use super::replaced::Replaced;
use crate::timestamp::{self, Timestamp};

/// For how long after its first try a request may be repeated.
pub const REPEATABLE: TimeDelta = TimeDelta::seconds(20);

/// For how long a change is remembered at least: longer, by what two clocks may differ.
const REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// Bytes that the table holds at most, however fast changes come: 1 MiB.
const MAX_BYTES: usize = 1 << 20;

/// What an entry takes without what its change took away.
const ENTRY_BYTES: usize = 64;

/// Entries that are kept at most.
const MAX_ENTRIES: usize = MAX_BYTES / ENTRY_BYTES;

/// Stands in a note between the word and what the change took away. Release 0.1 wrote a space, and
/// whole replies behind it.
const SEPARATOR: char = '\n';

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
    /// How many bytes say what the change took away; [`None`] when that is not kept.
    pub replaced: Option<usize>,
}

impl AppliedOperation {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.replaced.unwrap_or_default()
    }
}

/// What is to be written for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry.
    pub operation: AppliedOperation,
    /// What the change took away, as it is stored.
    pub replaced: Option<String>,
    /// Entries that have to lose what is kept with them, for this one to fit.
    pub in_excess: Vec<AppliedOperation>,
}

impl Entry {
    /// Returns the note that is stored.
    #[must_use]
    pub fn note(&self) -> Cow<'static, str> {
        let word = self.operation.outcome.word();
        match &self.replaced {
            Some(replaced) => format!("{word}{SEPARATOR}{replaced}").into(),
            None => word.into(),
        }
    }
}

/// Returns what a change took away, as its note has it.
#[must_use]
pub fn replaced(note: &str) -> Option<&str> {
    Some(note.split_once(SEPARATOR)?.1)
}

/// Returns how many bytes of a note say what the change took away. `beginning` holds the word and
/// the character behind it.
#[must_use]
pub fn replaced_bytes(beginning: &str, bytes: usize) -> Option<usize> {
    let (word, _) = beginning.split_once(SEPARATOR)?;
    bytes.checked_sub(word.len() + SEPARATOR.len_utf8())
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
        let word = note.split([' ', SEPARATOR]).next()?;
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

    /// Returns whether the reply shows more of the record than the request has.
    #[must_use]
    pub fn shows_record(self) -> bool {
        matches!(self, Self::Metadata | Self::Created | Self::Updated)
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
    /// What all entries take.
    bytes: usize,
    /// When the last reply was made that shows the record.
    last_shown: Option<Timestamp>,
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

    /// Returns whether a change that is about to be applied has to say what it takes away, because an
    /// earlier reply that shows the record may still be repeated.
    #[must_use]
    pub fn needs_replaced(&self, now: Timestamp) -> bool {
        self.last_shown.is_some_and(|at| at >= now - REMEMBERED)
    }

    /// Returns the entry of a change that is about to be applied, in a slot of its own or in one
    /// that is no longer needed.
    ///
    /// # Errors
    ///
    /// As [`Replaced::write`].
    pub fn next(
        &self,
        id: Uuid,
        outcome: AppliedOutcome,
        now: Timestamp,
        replaced: Option<&Replaced>,
    ) -> Result<Entry, DecodeError> {
        let replaced = replaced.map(Replaced::write).transpose()?;
        let replaced = replaced.filter(|text| ENTRY_BYTES + text.len() <= MAX_BYTES);
        let is_full = self.oldest_first.len() >= MAX_ENTRIES;
        let slot = match self.oldest_first.front() {
            Some(oldest) if is_full || oldest.at < now - REMEMBERED => oldest.slot,
            _ => self.slots,
        };
        let operation = AppliedOperation {
            slot,
            id,
            at: self.next_time(now),
            outcome,
            replaced: replaced.as_ref().map(String::len),
        };
        Ok(Entry {
            in_excess: self.in_excess(&operation),
            operation,
            replaced,
        })
    }

    /// Adds an entry, once it is written.
    pub fn push(&mut self, operation: AppliedOperation) {
        for excess in self.in_excess(&operation) {
            let mut entries = self.oldest_first.iter_mut();
            if let Some(entry) = entries.find(|entry| entry.slot == excess.slot) {
                self.bytes -= entry.replaced.take().unwrap_or_default();
            }
        }
        let oldest = self.oldest_first.front().copied();
        if let Some(oldest) = oldest.filter(|oldest| oldest.slot == operation.slot) {
            self.oldest_first.pop_front();
            self.bytes -= oldest.bytes();
        }
        self.slots = self.slots.max(operation.slot + 1);
        self.bytes += operation.bytes();
        if operation.outcome.shows_record() {
            self.last_shown = Some(operation.at);
        }
        self.oldest_first.push_back(operation);
    }

    /// Returns the entries, oldest first, that have to lose what is kept with them for `next` to fit.
    fn in_excess(&self, next: &AppliedOperation) -> Vec<AppliedOperation> {
        let mut bytes = self.bytes + next.bytes();
        let mut excess = Vec::new();
        for entry in &self.oldest_first {
            if bytes <= MAX_BYTES {
                break;
            }
            if entry.slot == next.slot {
                bytes -= entry.bytes();
            } else if let Some(replaced) = entry.replaced {
                bytes -= replaced;
                excess.push(*entry);
            }
        }
        excess
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
    use crate::metadata::{Change, Items, Metadata};
    use crate::timestamp::from_millis;

    const LIFETIME: i64 = REMEMBERED.num_milliseconds();

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    /// Applies a change that takes away one item, with a value of this many bytes.
    fn entry(log: &OperationLog, number: usize, at: (AppliedOutcome, i64), value: usize) -> Entry {
        let metadata = Metadata::from([("k".to_owned(), "v".repeat(value))]);
        let change = Change {
            removed: vec!["k".to_owned()],
            put: Items::new(),
        };
        let now = from_millis(at.1);
        let replaced = log
            .needs_replaced(now)
            .then(|| Replaced::by_change(&change, &metadata));
        log.next(id(number), at.0, now, replaced.as_ref()).unwrap()
    }

    fn apply_as(
        log: &mut OperationLog,
        number: usize,
        outcome: AppliedOutcome,
        millis: i64,
    ) -> AppliedOperation {
        let operation = entry(log, number, (outcome, millis), 1).operation;
        log.push(operation);
        operation
    }

    fn apply(log: &mut OperationLog, number: usize, millis: i64) -> i64 {
        apply_as(log, number, AppliedOutcome::Deleted, millis).slot
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
            replaced: None,
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
    fn what_a_change_takes_away_is_kept_while_an_earlier_reply_that_shows_the_record_may_be_repeated()
     {
        let mut log = OperationLog::default();
        assert_eq!(
            apply_as(&mut log, 1, AppliedOutcome::Item, 0).replaced,
            None
        );
        assert_eq!(
            apply_as(&mut log, 2, AppliedOutcome::Metadata, 1).replaced,
            None
        );
        let text = r#"{"items":{"k":"v"}}"#;
        let next = entry(&log, 3, (AppliedOutcome::Deleted, 1 + LIFETIME), 1);
        assert_eq!(next.operation.replaced, Some(text.len()));
        let note = next.note();
        assert_eq!(note, format!("deleted\n{text}"));
        assert_eq!(replaced(&note), Some(text));
        assert_eq!(replaced_bytes("deleted\n{", note.len()), Some(text.len()));
        assert_eq!(AppliedOutcome::parse(&note), Some(AppliedOutcome::Deleted));
        let later = entry(&log, 3, (AppliedOutcome::Deleted, 2 + LIFETIME), 1);
        assert_eq!(later.operation.replaced, None);
        assert_eq!(later.note(), "deleted");
        assert_eq!(replaced("metadata {}"), None);
        assert_eq!(replaced_bytes("metadata {", 11), None);
    }

    #[test]
    fn what_changes_took_away_is_bounded_and_the_oldest_loses_it_first() {
        let mut log = OperationLog::default();
        apply_as(&mut log, 0, AppliedOutcome::Metadata, 0);
        let quarter = MAX_BYTES / 4;
        for number in 1..=3 {
            let next = entry(&log, number, (AppliedOutcome::Deleted, 0), quarter);
            assert_eq!(next.in_excess, []);
            log.push(next.operation);
        }
        let next = entry(&log, 4, (AppliedOutcome::Deleted, 0), quarter);
        assert_eq!(next.in_excess, [log.find(id(1)).unwrap()]);
        log.push(next.operation);
        assert_eq!(log.find(id(1)).unwrap().replaced, None);
        assert!(log.find(id(2)).unwrap().replaced.is_some());
        assert!(log.bytes <= MAX_BYTES);
        let huge = entry(&log, 5, (AppliedOutcome::Deleted, 0), MAX_BYTES);
        assert_eq!((huge.replaced, huge.in_excess), (None, vec![]));
        // Slots that are used again give back what they held.
        for number in 6..20 {
            let at = LIFETIME * i64::try_from(number).unwrap();
            let next = entry(&log, number, (AppliedOutcome::Metadata, at), quarter);
            log.push(next.operation);
            let all: usize = log.oldest_first.iter().map(AppliedOperation::bytes).sum();
            assert_eq!(log.bytes, all);
            assert!(all <= MAX_BYTES);
        }
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
