//! Which changes were made lately, by the id of the request that asked for them.
//!
//! The runtime may lose an answer after the change was made. The front then repeats the request
//! under the same id, and must be told that it is done, not do it again. Slots are reused once their
//! entry is older than any request can last, so that remembering costs one row written per change
//! and the table grows only with the rate of changes.

use std::collections::VecDeque;

use super::schema::Made;

/// Milliseconds for which a change is remembered at least: longer than a request may last.
const REMEMBERED_MILLIS: i64 = 30_000;

/// Entries that are kept at most, however fast changes come.
const MOST: usize = 16_384;

/// The changes made lately, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Made>);

impl Recent {
    /// From what is stored, oldest first.
    pub(super) fn new(made: Vec<Made>) -> Self {
        Self(made.into())
    }

    /// The note on the change that this request made already.
    pub(super) fn find(&self, id: &str) -> Option<&str> {
        // The one that is repeated is most likely the last one made.
        self.0
            .iter()
            .rev()
            .find(|made| made.id == id)
            .map(|made| made.note.as_str())
    }

    /// The entry for a change that is about to be written, in a slot of its own or in one that is
    /// no longer needed.
    pub(super) fn next(&self, id: &str, now: i64, note: &str) -> Made {
        let reusable = |oldest: &&Made| {
            oldest.at < now.saturating_sub(REMEMBERED_MILLIS) || self.0.len() >= MOST
        };
        let slot = match self.0.front().filter(reusable) {
            Some(oldest) => oldest.slot,
            None => i64::try_from(self.0.len()).unwrap_or_default(),
        };
        Made {
            slot,
            id: id.to_owned(),
            at: now,
            note: note.to_owned(),
        }
    }

    /// Takes the entry in, once it is written.
    pub(super) fn remember(&mut self, made: Made) {
        if self
            .0
            .front()
            .is_some_and(|oldest| oldest.slot == made.slot)
        {
            self.0.pop_front();
        }
        self.0.push_back(made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_at(recent: &mut Recent, id: &str, now: i64) -> i64 {
        let made = recent.next(id, now, "");
        let slot = made.slot;
        recent.remember(made);
        slot
    }

    #[test]
    fn a_change_is_found_by_its_request_and_no_other_is() {
        let mut recent = Recent::default();
        assert_eq!(recent.find("a"), None);
        recent.remember(recent.next("a", 0, "created"));
        recent.remember(recent.next("b", 0, ""));
        assert_eq!(recent.find("a"), Some("created"));
        assert_eq!(recent.find("b"), Some(""));
        assert_eq!(recent.find("c"), None);
    }

    #[test]
    fn a_slot_is_reused_once_its_change_need_not_be_known_any_more() {
        let mut recent = Recent::default();
        assert_eq!(made_at(&mut recent, "a", 0), 0);
        assert_eq!(made_at(&mut recent, "b", 10), 1);
        assert_eq!(made_at(&mut recent, "c", REMEMBERED_MILLIS), 2);
        assert_eq!(made_at(&mut recent, "d", REMEMBERED_MILLIS + 1), 0);
        assert_eq!(recent.find("a"), None);
        assert_eq!(made_at(&mut recent, "e", REMEMBERED_MILLIS + 1), 3);
        assert_eq!(made_at(&mut recent, "f", REMEMBERED_MILLIS + 11), 1);
        for id in ["c", "d", "e", "f"] {
            assert!(recent.find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn memory_is_bounded_however_fast_changes_come() {
        let mut recent = Recent::default();
        for at in 0..MOST + 100 {
            made_at(&mut recent, &at.to_string(), 0);
        }
        assert_eq!(recent.0.len(), MOST);
        assert!(
            recent
                .0
                .iter()
                .all(|made| usize::try_from(made.slot).unwrap() < MOST)
        );
        assert!(recent.find(&(MOST + 99).to_string()).is_some());
    }

    #[test]
    fn what_is_stored_is_remembered_after_a_restart() {
        let stored = vec![
            Made {
                slot: 1,
                id: "a".into(),
                at: 5,
                note: String::new(),
            },
            Made {
                slot: 0,
                id: "b".into(),
                at: 9,
                note: "created".into(),
            },
        ];
        let mut recent = Recent::new(stored);
        assert_eq!(recent.find("b"), Some("created"));
        assert_eq!(made_at(&mut recent, "c", 10), 2);
        assert_eq!(made_at(&mut recent, "d", 6 + REMEMBERED_MILLIS), 1);
    }
}
