//! How long to wait before something is tried again.

use std::fmt::Display;
use std::time::Duration;

use rand::Rng;
use tracing::warn;

const FIRST: Duration = Duration::from_millis(200);
/// Attempts of [`again`].
const ATTEMPTS: u32 = 8;

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

/// Tries something several times, with waits up to `longest`.
///
/// # Errors
///
/// The last attempt failed as well.
pub async fn again<T, E: Display, F: Future<Output = Result<T, E>>>(
    longest: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let mut backoff = Backoff::new(longest);
    for left in (1..ATTEMPTS).rev() {
        match attempt().await {
            Ok(result) => return Ok(result),
            Err(error) => warn!(%error, left, "is tried again"),
        }
        tokio::time::sleep(backoff.wait()).await;
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn something_is_tried_eight_times() {
        let mut attempts = 0;
        let result: Result<(), _> = again(Duration::from_millis(1), || {
            attempts += 1;
            std::future::ready(Err("down"))
        })
        .await;
        assert_eq!((attempts, result), (8, Err("down")));
        let mut failures = 7;
        let result = again(Duration::from_millis(1), || {
            failures -= 1;
            std::future::ready(if failures < 0 { Ok(()) } else { Err("down") })
        });
        assert_eq!(result.await, Ok(()));
    }

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
