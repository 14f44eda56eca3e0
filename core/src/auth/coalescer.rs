//! Many requests with one question: the leader asks, the followers wait for its outcome.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;
use std::time::Duration;

use crate::timestamp::Timestamp;

/// Wakes one waiting request. May be called from any other request.
pub trait Notify {
    /// Wakes the request.
    fn notify(&self);
}

/// The questions of type `K` that are being asked in this isolate, each by one leader.
///
/// Followers do not depend on the leader's fate. One that completes wakes them with its outcome.
/// One that is dropped wakes them without, and the first of them leads, which is the one that joined
/// last: it has the most time left. One that is neither, because the runtime has cancelled its
/// request, is given up after [`patience`](Self::new).
#[derive(Debug)]
pub struct Coalescer<K, T, N> {
    patience: Duration,
    calls: RefCell<Calls<K, T, N>>,
}

#[derive(Debug)]
struct Calls<K, T, N> {
    by_key: HashMap<K, Rc<Call<T, N>>>,
    /// How many calls there may be before those that were given up are looked for.
    sweep_at: usize,
}

/// How many calls are too few to look for those that were given up.
const SWEEP_AT_LEAST: usize = 64;

#[derive(Debug)]
struct Call<T, N> {
    started_at: Timestamp,
    state: RefCell<State<T, N>>,
}

#[derive(Debug)]
enum State<T, N> {
    /// The leader is asking, and these are to be woken.
    Pending(Vec<N>),
    /// The leader found this.
    Completed(T),
    /// The leader was dropped.
    Abandoned,
}

/// What a request is to do about its question.
#[derive(Debug)]
pub enum Role<'a, K: Eq + Hash, T, N: Notify> {
    /// Ask, then [`complete`](Leader::complete).
    Leader(Leader<'a, K, T, N>),
    /// [`subscribe`](Follower::subscribe), wait, then read the [`outcome`](Follower::outcome).
    Follower(Follower<T, N>),
}

/// The one request that asks. Dropping it hands over to the followers.
#[derive(Debug)]
#[must_use = "dropping the leader abandons the call"]
pub struct Leader<'a, K: Eq + Hash, T, N: Notify> {
    coalescer: &'a Coalescer<K, T, N>,
    key: K,
    call: Rc<Call<T, N>>,
}

/// A request that waits for the leader.
#[derive(Debug)]
pub struct Follower<T, N> {
    call: Rc<Call<T, N>>,
    patience: Duration,
}

impl<K: Eq + Hash + Clone, T: Clone, N: Notify> Coalescer<K, T, N> {
    /// Creates a coalescer whose followers wait for one leader no longer than `patience`.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        let calls = Calls {
            by_key: HashMap::new(),
            sweep_at: SWEEP_AT_LEAST,
        };
        Self {
            patience,
            calls: RefCell::new(calls),
        }
    }

    /// Joins the call for `key` that is under way, or becomes its leader when there is none or when
    /// its leader has taken too long.
    pub fn join(&self, key: K, now: Timestamp) -> Role<'_, K, T, N> {
        let mut calls = self.calls.borrow_mut();
        if let Some(call) = calls.by_key.get(&key)
            && !call.patience_left(self.patience, now).is_zero()
        {
            return Role::Follower(Follower {
                call: Rc::clone(call),
                patience: self.patience,
            });
        }
        calls.sweep(self.patience, now);
        let call = Rc::new(Call {
            started_at: now,
            state: RefCell::new(State::Pending(Vec::new())),
        });
        calls.by_key.insert(key.clone(), Rc::clone(&call));
        Role::Leader(Leader {
            coalescer: self,
            key,
            call,
        })
    }

    /// Returns how many calls are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.borrow().by_key.len()
    }

    /// Returns whether no call is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Eq + Hash, T, N> Calls<K, T, N> {
    /// Forgets calls that were given up, once there are twice as many calls as the last time: each
    /// join pays for one of them at most.
    fn sweep(&mut self, patience: Duration, now: Timestamp) {
        if self.by_key.len() < self.sweep_at {
            return;
        }
        self.by_key
            .retain(|_, call| !call.patience_left(patience, now).is_zero());
        self.sweep_at = (2 * self.by_key.len()).max(SWEEP_AT_LEAST);
    }
}

impl<T, N> Call<T, N> {
    fn patience_left(&self, patience: Duration, now: Timestamp) -> Duration {
        let waited = (now - self.started_at).to_std().unwrap_or_default();
        patience.saturating_sub(waited)
    }
}

impl<K: Eq + Hash, T, N: Notify> Leader<'_, K, T, N> {
    /// Gives all followers the outcome.
    pub fn complete(self, outcome: T) {
        self.end(State::Completed(outcome));
    }

    fn end(&self, end: State<T, N>) {
        let mut state = self.call.state.borrow_mut();
        if !matches!(*state, State::Pending(_)) {
            return;
        }
        let mut calls = self.coalescer.calls.borrow_mut();
        // Another call for the same key may have replaced this one.
        if calls
            .by_key
            .get(&self.key)
            .is_some_and(|call| Rc::ptr_eq(call, &self.call))
        {
            calls.by_key.remove(&self.key);
        }
        if let State::Pending(followers) = std::mem::replace(&mut *state, end) {
            drop((calls, state));
            for follower in followers.into_iter().rev() {
                follower.notify();
            }
        }
    }
}

impl<K: Eq + Hash, T, N: Notify> Drop for Leader<'_, K, T, N> {
    fn drop(&mut self) {
        self.end(State::Abandoned);
    }
}

impl<T: Clone, N: Notify> Follower<T, N> {
    /// Returns how long the follower may wait at `now`.
    #[must_use]
    pub fn patience_left(&self, now: Timestamp) -> Duration {
        self.call.patience_left(self.patience, now)
    }

    /// Has `notify` called when the leader ends; at once if it has.
    pub fn subscribe(&self, notify: N) {
        let mut state = self.call.state.borrow_mut();
        match &mut *state {
            State::Pending(followers) => followers.push(notify),
            State::Completed(_) | State::Abandoned => {
                drop(state);
                notify.notify();
            }
        }
    }

    /// Returns what the leader found, or [`None`] while it has found nothing: whoever was woken or
    /// waited in vain joins again.
    #[must_use]
    pub fn outcome(&self) -> Option<T> {
        match &*self.call.state.borrow() {
            State::Completed(outcome) => Some(outcome.clone()),
            State::Pending(_) | State::Abandoned => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::timestamp::from_millis;

    const PATIENCE: Duration = Duration::from_millis(100);

    #[derive(Debug, Clone, Default)]
    struct Woken(Rc<Cell<u32>>);

    impl Notify for Woken {
        fn notify(&self) {
            self.0.set(self.0.get() + 1);
        }
    }

    type Calls = Coalescer<u32, &'static str, Woken>;

    fn lead(calls: &Calls, key: u32, millis: i64) -> Leader<'_, u32, &'static str, Woken> {
        match calls.join(key, from_millis(millis)) {
            Role::Leader(leader) => leader,
            Role::Follower(_) => panic!("{key} is led at {millis}"),
        }
    }

    fn follow(calls: &Calls, key: u32, millis: i64) -> (Follower<&'static str, Woken>, Woken) {
        match calls.join(key, from_millis(millis)) {
            Role::Leader(_) => panic!("{key} is not led at {millis}"),
            Role::Follower(follower) => {
                let woken = Woken::default();
                follower.subscribe(woken.clone());
                (follower, woken)
            }
        }
    }

    #[test]
    fn all_followers_are_woken_once_and_have_the_leaders_outcome() {
        let calls = Calls::new(PATIENCE);
        let leader = lead(&calls, 1, 0);
        let followers: Vec<_> = (0..3).map(|_| follow(&calls, 1, 10)).collect();
        assert!(
            followers
                .iter()
                .all(|(follower, _)| follower.outcome().is_none())
        );
        leader.complete("found");
        for (follower, woken) in &followers {
            assert_eq!(woken.0.get(), 1);
            assert_eq!(follower.outcome(), Some("found"));
        }
        assert!(calls.is_empty());
        lead(&calls, 1, 10).complete("again");
    }

    #[test]
    fn each_key_has_a_leader_of_its_own() {
        let calls = Calls::new(PATIENCE);
        let one = lead(&calls, 1, 0);
        let two = lead(&calls, 2, 0);
        let (follower, woken) = follow(&calls, 2, 0);
        one.complete("one");
        assert_eq!((follower.outcome(), woken.0.get()), (None, 0));
        two.complete("two");
        assert_eq!((follower.outcome(), woken.0.get()), (Some("two"), 1));
    }

    #[test]
    fn a_leader_that_is_dropped_hands_over_at_once() {
        let calls = Calls::new(PATIENCE);
        let leader = lead(&calls, 1, 0);
        let (first, first_woken) = follow(&calls, 1, 0);
        let (second, second_woken) = follow(&calls, 1, 0);
        drop(leader);
        for (follower, woken) in [(&first, &first_woken), (&second, &second_woken)] {
            assert_eq!((follower.outcome(), woken.0.get()), (None, 1));
        }
        let next = lead(&calls, 1, 1);
        let (third, _) = follow(&calls, 1, 1);
        next.complete("found");
        assert_eq!(third.outcome(), Some("found"));
    }

    /// Were it the one that joined first, which has the least time left, each leader could run out of
    /// time in turn while new followers join.
    #[test]
    fn the_follower_that_joined_last_is_woken_first() {
        #[derive(Debug)]
        struct Named(u32, Rc<RefCell<Vec<u32>>>);

        impl Notify for Named {
            fn notify(&self) {
                self.1.borrow_mut().push(self.0);
            }
        }

        let calls = Coalescer::<u32, &str, Named>::new(PATIENCE);
        let woken = Rc::default();
        let Role::Leader(leader) = calls.join(1, from_millis(0)) else {
            panic!("there is no leader");
        };
        for name in 1..=3 {
            let Role::Follower(follower) = calls.join(1, from_millis(0)) else {
                panic!("there is a leader");
            };
            follower.subscribe(Named(name, Rc::clone(&woken)));
        }
        drop(leader);
        assert_eq!(*woken.borrow(), [3, 2, 1]);
    }

    #[test]
    fn a_leader_that_does_not_end_is_given_up_when_patience_ends() {
        let calls = Calls::new(PATIENCE);
        let lost = lead(&calls, 1, 0);
        let (follower, woken) = follow(&calls, 1, 60);
        assert_eq!(
            follower.patience_left(from_millis(60)),
            Duration::from_millis(40)
        );
        assert_eq!(follower.patience_left(from_millis(200)), Duration::ZERO);
        follow(&calls, 1, 99);
        let next = lead(&calls, 1, 100);
        // Should it end after all, its followers are woken, and the next call goes on.
        lost.complete("late");
        assert_eq!((follower.outcome(), woken.0.get()), (Some("late"), 1));
        let (other, _) = follow(&calls, 1, 100);
        next.complete("found");
        assert_eq!(other.outcome(), Some("found"));
    }

    #[test]
    fn whoever_subscribes_after_the_end_is_woken_at_once() {
        let calls = Calls::new(PATIENCE);
        for completes in [true, false] {
            let leader = lead(&calls, 1, 0);
            let Role::Follower(follower) = calls.join(1, from_millis(0)) else {
                panic!("there is a leader");
            };
            if completes {
                leader.complete("found");
            } else {
                drop(leader);
            }
            let woken = Woken::default();
            follower.subscribe(woken.clone());
            assert_eq!(woken.0.get(), 1);
        }
    }

    #[test]
    fn calls_whose_leaders_are_lost_do_not_pile_up() {
        let calls = Calls::new(PATIENCE);
        for key in 0..10_000_u32 {
            std::mem::forget(lead(&calls, key, i64::from(key)));
            assert!(calls.len() <= 400, "{}", calls.len());
        }
    }

    #[test]
    fn a_time_that_runs_backwards_does_not_end_patience() {
        let calls = Calls::new(PATIENCE);
        let leader = lead(&calls, 1, 1_000);
        let (follower, _) = follow(&calls, 1, 0);
        assert_eq!(follower.patience_left(from_millis(0)), PATIENCE);
        leader.complete("found");
    }
}
