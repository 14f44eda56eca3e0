//! How long to wait before something is tried again.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(200);

/// Waits that double from 0.2 seconds to a longest one.
#[derive(Debug, Clone)]
pub struct Backoff {
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Nothing has failed yet.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self {
            longest,
            failures: 0,
        }
    }

    /// The wait after one more failure, between half of it and all of it, so that what failed together is not tried
    /// again together.
    pub fn wait(&mut self) -> Duration {
        let whole = self.whole();
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    fn whole(&self) -> Duration {
        FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.longest)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for whole in [200, 400, 800, 1_000, 1_000] {
            assert_eq!(backoff.whole(), Duration::from_millis(whole));
            let wait = backoff.wait();
            assert!(
                wait >= Duration::from_millis(whole / 2) && wait <= Duration::from_millis(whole),
                "{wait:?}"
            );
        }
        for _ in 0..100 {
            backoff.wait();
        }
        assert_eq!(backoff.whole(), Duration::from_secs(1));
        backoff.reset();
        assert_eq!(backoff.whole(), Duration::from_millis(200));
    }
}
