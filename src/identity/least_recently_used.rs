//! A bounded memory in which the least recently used makes room for the next.
//!
//! Why not the crate `lru`: its hash table is 2 KB of the wasm (`npm run size`). To find a token is as fast
//! here. To forget one, when there is no room for another, is to look through them all; that comes
//! after a wait for whoever decides about tokens.

use super::token::Digest;

/// What is remembered of tokens, by their digest.
#[derive(Debug)]
pub(super) struct LeastRecentlyUsed<T> {
    most: usize,
    /// In the order of their digests.
    entries: Vec<Entry<T>>,
    /// Counts what is used, so that each use is later than the one before.
    uses: u64,
}

#[derive(Debug)]
struct Entry<T> {
    digest: Digest,
    value: T,
    used: u64,
}

impl<T> LeastRecentlyUsed<T> {
    /// Remembers so many at once, which must not be none. It grows with use: most isolates see few
    /// tokens.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            entries: Vec::new(),
            uses: 0,
        }
    }

    /// What is remembered under a digest.
    pub(super) fn get(&mut self, digest: &Digest) -> Option<&T> {
        let at = self.place(digest).ok()?;
        self.uses += 1;
        let entry = self.entries.get_mut(at)?;
        entry.used = self.uses;
        Some(&entry.value)
    }

    /// Remembers it in the place of what was remembered under that digest, or of another one.
    pub(super) fn put(&mut self, digest: Digest, value: T) {
        if let Ok(at) = self.place(&digest) {
            self.entries.remove(at);
        } else if self.entries.len() >= self.most {
            self.forget_one();
        }
        self.uses += 1;
        let entry = Entry {
            digest,
            value,
            used: self.uses,
        };
        let (Ok(at) | Err(at)) = self.place(&digest);
        self.entries.insert(at, entry);
    }

    fn forget_one(&mut self) {
        let used = self.entries.iter().map(|entry| entry.used);
        if let Some((at, _)) = used.enumerate().min_by_key(|(_, used)| *used) {
            self.entries.remove(at);
        }
    }

    fn place(&self, digest: &Digest) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| entry.digest.cmp(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 100;

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_string())
    }

    fn filled(count: usize) -> LeastRecentlyUsed<usize> {
        let mut memory = LeastRecentlyUsed::new(MOST);
        for number in 0..count {
            memory.put(digest(number), number);
        }
        memory
    }

    #[test]
    fn all_is_remembered_as_long_as_there_is_room() {
        let mut memory = filled(MOST);
        for number in 0..MOST {
            assert_eq!(memory.get(&digest(number)), Some(&number));
        }
        assert_eq!(memory.get(&digest(MOST)), None);
    }

    #[test]
    fn the_last_word_counts_and_takes_nobodys_room() {
        let mut memory = filled(MOST);
        memory.put(digest(0), 7);
        assert_eq!(memory.entries.len(), MOST);
        assert_eq!(memory.get(&digest(0)), Some(&7));
        assert_eq!(memory.get(&digest(1)), Some(&1));
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays_and_all_else_goes() {
        let mut memory = filled(MOST);
        for number in MOST..10 * MOST {
            for popular in 0..5 {
                assert_eq!(memory.get(&digest(popular)), Some(&popular));
            }
            memory.put(digest(number), number);
            assert_eq!(memory.get(&digest(number)), Some(&number));
            assert_eq!(memory.entries.len(), MOST);
        }
        assert!((5..MOST).all(|number| memory.get(&digest(number)).is_none()));
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut memory = filled(MOST);
        for number in (0..MOST).rev() {
            memory.get(&digest(number));
        }
        for number in 0..MOST {
            memory.put(digest(MOST + number), number);
            assert_eq!(memory.place(&digest(MOST - 1 - number)).ok(), None);
            let left = (0..MOST - 1 - number).filter(|left| memory.place(&digest(*left)).is_ok());
            assert_eq!(left.count(), MOST - 1 - number);
        }
    }
}
