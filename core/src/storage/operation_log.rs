//! Which changes were made lately, by the id of the request that asked for them.
//!
//! The runtime may lose an answer after the change was made. The front then repeats the request
//! under the same id, and must be told what came of it, not have it done twice. Slots are reused once
//! their entry is older than any repetition can be, so that remembering costs one row written per
//! change and the table grows only with the rate of changes. What was replied is in that row alone:
//! it is rarely asked for, and may be long.

use std::collections::VecDeque;
use std::rc::Rc;

use super::schema::Made;

/// Milliseconds after its first try for which a request may be repeated.
pub(super) const REPEATABLE_MILLIS: i64 = 20_000;

/// Milliseconds for which a change is remembered at least: longer, by what clocks may differ.
const REMEMBERED_MILLIS: i64 = REPEATABLE_MILLIS + 10_000;

/// Entries that are kept at most, however fast changes come.
const MOST: usize = 16_384;

/// The changes made lately.
#[derive(Debug, Default)]
pub(super) struct Recent {
    oldest_first: VecDeque<Rc<Made>>,
    /// In the order of their ids. A list, because even 16,384 pointers are moved in a microsecond, and a
    /// tree is 2 KB of wasm.
    by_id: Vec<Rc<Made>>,
}

impl Recent {
    /// From what is stored, oldest first.
    pub(super) fn new(made: Vec<Made>) -> Self {
        let mut recent = Self::default();
        for made in made {
            recent.add(made);
        }
        recent
    }

    /// The slot of the change that this request made already.
    pub(super) fn find(&self, id: &str) -> Option<i64> {
        let at = self.place(id).ok()?;
        self.by_id.get(at).map(|made| made.slot)
    }

    /// The entry for a change that is about to be written, in a slot of its own or in one that is
    /// no longer needed.
    pub(super) fn next(&self, id: &str, now: i64) -> Made {
        let kept = self.oldest_first.len();
        let is_over = |made: &Made| made.at < now.saturating_sub(REMEMBERED_MILLIS);
        let slot = match self.oldest_first.front() {
            Some(oldest) if kept >= MOST || is_over(oldest) => oldest.slot,
            _ => i64::try_from(kept).unwrap_or_default(),
        };
        Made {
            slot,
            id: id.to_owned(),
            at: now,
        }
    }

    /// Takes the entry in, once it is written.
    pub(super) fn remember(&mut self, made: Made) {
        let oldest = self.oldest_first.front();
        if oldest.is_some_and(|oldest| oldest.slot == made.slot)
            && let Some(oldest) = self.oldest_first.pop_front()
            && let Ok(at) = self.place(&oldest.id)
        {
            self.by_id.remove(at);
        }
        self.add(made);
    }

    fn add(&mut self, made: Made) {
        let made = Rc::new(made);
        let (Ok(at) | Err(at)) = self.place(&made.id);
        self.by_id.insert(at, Rc::clone(&made));
        self.oldest_first.push_back(made);
    }

    /// Where in `by_id` the request's change is, or would be.
    fn place(&self, id: &str) -> Result<usize, usize> {
        self.by_id.binary_search_by(|made| made.id.as_str().cmp(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_at(recent: &mut Recent, id: &str, now: i64) -> i64 {
        let made = recent.next(id, now);
        let slot = made.slot;
        recent.remember(made);
        slot
    }

    #[test]
    fn a_change_is_found_by_its_request_and_no_other_is() {
        let mut recent = Recent::default();
        assert_eq!(recent.find("a"), None);
        made_at(&mut recent, "a", 0);
        made_at(&mut recent, "b", 0);
        assert_eq!(recent.find("a"), Some(0));
        assert_eq!(recent.find("b"), Some(1));
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
        assert_eq!(recent.oldest_first.len(), MOST);
        assert_eq!(recent.by_id.len(), MOST);
        assert!(
            recent
                .oldest_first
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
            },
            Made {
                slot: 0,
                id: "b".into(),
                at: 9,
            },
        ];
        let mut recent = Recent::new(stored);
        assert_eq!(recent.find("b"), Some(0));
        assert_eq!(made_at(&mut recent, "c", 10), 2);
        assert_eq!(made_at(&mut recent, "d", 6 + REMEMBERED_MILLIS), 1);
    }
}
