//! A bounded memory that forgets what was not asked for lately: the algorithm "second chance".
//!
//! A hand goes round, when there is no room for another one. It passes by what was asked for since it
//! was there last, and forgets the first that was not. That is nearly the order of least recent use,
//! without a list of it: whoever asks leaves a mark and moves nothing.

use super::token::Digest;

/// What is remembered of tokens, by their digest.
#[derive(Debug)]
pub(super) struct SecondChance<T> {
    most: usize,
    /// In the order of their digests, which is as good as any for the hand.
    entries: Vec<Entry<T>>,
    hand: usize,
}

#[derive(Debug)]
struct Entry<T> {
    digest: Digest,
    value: T,
    asked_for: bool,
}

impl<T> SecondChance<T> {
    /// Remembers so many at once, which must not be none. It grows with use: most isolates see few
    /// tokens.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            entries: Vec::new(),
            hand: 0,
        }
    }

    /// What is remembered under a digest.
    pub(super) fn get(&mut self, digest: &Digest) -> Option<&T> {
        let at = self.place(digest).ok()?;
        let entry = self.entries.get_mut(at)?;
        entry.asked_for = true;
        Some(&entry.value)
    }

    /// Remembers it in the place of what was remembered under that digest, or of another one.
    pub(super) fn put(&mut self, digest: Digest, value: T) {
        let entry = Entry {
            digest,
            value,
            asked_for: false,
        };
        if let Ok(at) = self.place(&digest) {
            self.entries.remove(at);
        } else if self.entries.len() >= self.most {
            self.forget_one();
        }
        let (Ok(at) | Err(at)) = self.place(&digest);
        self.entries.insert(at, entry);
    }

    fn forget_one(&mut self) {
        loop {
            match self.entries.get_mut(self.hand) {
                Some(entry) if entry.asked_for => {
                    entry.asked_for = false;
                    self.hand += 1;
                }
                Some(_) => break,
                None => self.hand = 0,
            }
        }
        self.entries.remove(self.hand);
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

    fn filled(count: usize) -> SecondChance<usize> {
        let mut memory = SecondChance::new(MOST);
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
    fn one_goes_even_when_all_were_asked_for() {
        let mut memory = filled(MOST);
        for number in 0..MOST {
            memory.get(&digest(number));
        }
        memory.put(digest(MOST), MOST);
        assert_eq!(memory.get(&digest(MOST)), Some(&MOST));
        let known = (0..MOST).filter(|number| memory.get(&digest(*number)).is_some());
        assert_eq!(known.count(), MOST - 1);
    }
}
