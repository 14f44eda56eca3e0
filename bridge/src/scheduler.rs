//! Whose turn it is: each resource once, however often it was announced, and one at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};

use crate::backoff::Backoff;
use crate::metrics;
use crate::resource::Resource;

/// One consumer's connection to a queue. A delivery's tag means something to it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId(u64);

/// Tells that a delivery is done with: the resource was read after it had arrived, and the edge has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Which resource it announced.
    pub resource: Resource,
    /// The bus's tag for it.
    pub tag: u64,
}

/// Where deliveries come from. Once it is dropped, nothing of them is remembered: the bus delivers them again.
#[derive(Debug)]
pub struct Source {
    scheduler: Scheduler,
    id: SourceId,
    done: mpsc::UnboundedReceiver<Done>,
}

impl Source {
    /// What its deliveries are announced with.
    #[must_use]
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// The next delivery that is done with. May be dropped and called again.
    pub async fn done(&mut self) -> Option<Done> {
        self.done.recv().await
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.scheduler.forget(self.id);
    }
}

/// Why a resource shall have its turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hint {
    /// Whom to tell when it is done with.
    pub delivery: Option<(SourceId, u64)>,
    /// The edge has marks for it.
    pub marked: bool,
    /// It comes from the edge's list of changes: nothing says that the cloud has something new.
    pub only_changes: bool,
    /// When the cloud announced it.
    pub announced: Option<DateTime<Utc>>,
    /// When a user changed it at the edge.
    pub changed: Option<DateTime<Utc>>,
}

/// A resource whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The resource.
    pub resource: Resource,
    /// Whether the edge may have marks for it.
    pub marked: bool,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is in step.
    Done,
    /// It is in step, but the edge has marks for it.
    Marked,
    /// The edge has what the cloud says, but the cloud has not made a change yet, which has to be tried again.
    Unapplied,
    /// It has to be tried again.
    Failed,
}

/// Everything known about why a resource shall have a turn, several hints in one.
#[derive(Debug, Default)]
struct Wanted {
    /// The newest delivery of each source: the source acknowledges older ones when a newer one arrives.
    deliveries: HashMap<SourceId, u64>,
    marked: bool,
    /// The cloud has to be read for another reason than the marks.
    read: bool,
    announced: Option<DateTime<Utc>>,
    changed: Option<DateTime<Utc>>,
}

impl Wanted {
    fn add(&mut self, hint: Hint) {
        self.deliveries.extend(hint.delivery);
        self.marked |= hint.marked;
        self.read |= !hint.only_changes;
        self.announced = earlier(self.announced, hint.announced);
        self.changed = earlier(self.changed, hint.changed);
    }

    /// Takes back what had its turn in vain. What has arrived since is newer.
    fn restore(&mut self, earlier_turn: Self) {
        let newer = std::mem::replace(&mut self.deliveries, earlier_turn.deliveries);
        self.deliveries.extend(newer);
        self.marked |= earlier_turn.marked;
        self.read |= earlier_turn.read;
        self.announced = earlier(self.announced, earlier_turn.announced);
        self.changed = earlier(self.changed, earlier_turn.changed);
    }

    /// Takes out what the marks ask for, and leaves what asks for a read.
    fn split_changes(&mut self) -> Self {
        Self {
            marked: std::mem::take(&mut self.marked),
            changed: self.changed.take(),
            ..Self::default()
        }
    }
}

fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.into_iter().chain(other).min()
}

/// What waits for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delay {
    Everything,
    /// The changes for the cloud. The resource may be read meanwhile.
    Changes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TurnKind {
    First,
    /// It tries again what has failed.
    Repetition,
    /// It began while changes waited for their next attempt, and leaves them out.
    Between,
}

#[derive(Debug)]
struct Entry {
    /// Hints that no turn has served yet; [`None`] when all of them are served by the turn that is on.
    waiting: Option<Wanted>,
    /// What the turn that is on serves.
    running: Option<Wanted>,
    /// What kind of turn is on.
    kind: TurnKind,
    /// What waits for the next attempt, for which a timer is set.
    delay: Option<Delay>,
    backoff: Backoff,
}

impl Entry {
    /// Whether a turn may begin, as soon as none is on.
    fn is_due(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| match self.delay {
                None => true,
                Some(Delay::Everything) => false,
                Some(Delay::Changes) => waiting.read,
            })
    }
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Resource, Entry>,
    ready: VecDeque<Resource>,
    /// What is ready as well and has failed before.
    ready_again: VecDeque<Resource>,
    /// Repetitions that are on.
    repeating: usize,
    /// Whether the last turn that began is a repetition.
    repeated: bool,
    sources: HashMap<SourceId, mpsc::UnboundedSender<Done>>,
    last_source: u64,
}

impl State {
    /// Takes out the resource that is next, and whether its turn is a repetition.
    ///
    /// Repetitions may be slow, because what they ask is: at most half of the workers make them at once, and a single one
    /// makes them by turns with first attempts.
    fn pop(&mut self, workers: usize) -> Option<(Resource, bool)> {
        let may_repeat = self.repeating < (workers / 2).max(1);
        let first = workers <= 1 && self.repeated && !self.ready.is_empty();
        if may_repeat
            && !first
            && let Some(resource) = self.ready_again.pop_front()
        {
            return Some((resource, true));
        }
        Some((self.ready.pop_front()?, false))
    }
}

/// The resources that shall have a turn. Its size is bounded by what its sources hold back.
#[derive(Debug, Clone)]
pub struct Scheduler {
    state: Arc<Mutex<State>>,
    ready: Arc<Notify>,
    changed: Arc<Notify>,
    longest_backoff: Duration,
    workers: usize,
}

impl Scheduler {
    /// Nothing is pending. `workers` is how many turns may be on at once.
    #[must_use]
    pub fn new(longest_backoff: Duration, workers: usize) -> Self {
        Self {
            state: Arc::default(),
            ready: Arc::default(),
            changed: Arc::default(),
            longest_backoff,
            workers,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new source of deliveries.
    #[must_use]
    pub fn source(&self) -> Source {
        let (sender, done) = mpsc::unbounded_channel();
        let mut state = self.state();
        state.last_source += 1;
        let id = SourceId(state.last_source);
        state.sources.insert(id, sender);
        Source {
            scheduler: self.clone(),
            id,
            done,
        }
    }

    fn forget(&self, source: SourceId) {
        let mut state = self.state();
        state.sources.remove(&source);
        for entry in state.entries.values_mut() {
            for wanted in entry.waiting.iter_mut().chain(&mut entry.running) {
                wanted.deliveries.remove(&source);
            }
        }
    }

    /// A resource shall have a turn that begins from now on.
    pub fn announce(&self, resource: Resource, hint: Hint) {
        let longest = self.longest_backoff;
        let mut state = self.state();
        let State { entries, ready, .. } = &mut *state;
        let entry = entries.entry(resource).or_insert_with(|| Entry {
            waiting: None,
            running: None,
            kind: TurnKind::First,
            delay: None,
            backoff: Backoff::new(longest),
        });
        let queued = entry.is_due();
        entry.waiting.get_or_insert_default().add(hint);
        if !queued && entry.is_due() && entry.running.is_none() {
            ready.push_back(resource);
            self.ready.notify_one();
        }
        metrics::pending(entries.len());
    }

    /// The next resource whose turn it is. Whoever takes it tells its [`end`](Self::end).
    pub async fn next(&self) -> Turn {
        loop {
            if let Some(turn) = self.take() {
                return turn;
            }
            self.ready.notified().await;
        }
    }

    fn take(&self) -> Option<Turn> {
        let mut state = self.state();
        let (resource, repeats) = state.pop(self.workers)?;
        if !(state.ready.is_empty() && state.ready_again.is_empty()) {
            // One notification may have been made for two of them.
            self.ready.notify_one();
        }
        let entry = state.entries.get_mut(&resource)?;
        let mut wanted = entry.waiting.take()?;
        entry.kind = if repeats {
            TurnKind::Repetition
        } else if entry.delay.is_some() {
            entry.waiting = Some(wanted.split_changes());
            TurnKind::Between
        } else {
            TurnKind::First
        };
        let marked = wanted.marked;
        entry.running = Some(wanted);
        state.repeating += usize::from(repeats);
        state.repeated = repeats;
        Some(Turn { resource, marked })
    }

    /// Ends a turn.
    pub fn end(&self, resource: Resource, end: End) {
        let mut state = self.state();
        let State {
            entries,
            ready,
            ready_again,
            repeating,
            sources,
            ..
        } = &mut *state;
        let Some(entry) = entries.get_mut(&resource) else {
            return;
        };
        let Some(mut served) = entry.running.take() else {
            return;
        };
        if entry.kind == TurnKind::Repetition {
            *repeating = repeating.saturating_sub(1);
        }
        match end {
            End::Failed => {
                entry.waiting.get_or_insert_default().restore(served);
                self.delay(resource, entry, Delay::Everything);
            }
            End::Unapplied => {
                let changes = served.split_changes();
                report(resource, &served, sources);
                entry.waiting.get_or_insert_default().restore(changes);
                self.delay(resource, entry, Delay::Changes);
            }
            End::Done | End::Marked => {
                report(resource, &served, sources);
                if entry.kind != TurnKind::Between {
                    entry.backoff.reset();
                }
                if end == End::Marked {
                    entry.waiting.get_or_insert_default().marked = true;
                }
            }
        }
        if entry.waiting.is_none() {
            entries.remove(&resource);
        } else if entry.is_due() {
            if entry.kind == TurnKind::Between && entry.delay.is_none() {
                ready_again.push_back(resource);
            } else {
                ready.push_back(resource);
            }
        }
        // Also for what waited until a repetition ended.
        self.ready.notify_one();
        metrics::pending(entries.len());
        self.changed.notify_waiters();
    }

    /// Sets a timer for the next attempt, unless one is set.
    fn delay(&self, resource: Resource, entry: &mut Entry, what: Delay) {
        if entry.delay.replace(what).is_some() {
            return;
        }
        let wait = entry.backoff.wait();
        let scheduler = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            scheduler.try_again(resource);
        });
    }

    fn try_again(&self, resource: Resource) {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&resource) else {
            return;
        };
        let queued = entry.is_due();
        entry.delay = None;
        if !queued && entry.is_due() && entry.running.is_none() {
            state.ready_again.push_back(resource);
            self.ready.notify_one();
        }
    }

    /// How many resources are pending, those whose turn it is included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the oldest announcement was made that the edge has not got yet.
    #[must_use]
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        let state = self.state();
        let wanted = state
            .entries
            .values()
            .flat_map(|entry| entry.waiting.iter().chain(&entry.running));
        wanted.filter_map(|wanted| wanted.announced).min()
    }

    /// Waits until fewer than `limit` resources are pending that the edge or a verification has announced, or whose
    /// marks are to be looked at. What only a bus has announced is bounded by its prefetch, and does not count. One
    /// that waits for its next attempt takes memory alone, and counts as a fiftieth: it must not hold up the others.
    pub async fn room(&self, limit: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.marked() < limit {
                return;
            }
            changed.await;
        }
    }

    /// How many resources are pending that may have marks, those that wait for their next attempt as a fiftieth.
    fn marked(&self) -> usize {
        const DELAYED_AS_ONE: usize = 50;
        let state = self.state();
        let is_marked = |entry: &&Entry| {
            let mut wanted = entry.waiting.iter().chain(&entry.running);
            wanted.any(|wanted| wanted.marked)
        };
        let (mut active, mut delayed) = (0, 0);
        for entry in state.entries.values().filter(is_marked) {
            if entry.delay.is_some() && entry.running.is_none() {
                delayed += 1;
            } else {
                active += 1;
            }
        }
        active + delayed / DELAYED_AS_ONE
    }
}

fn report(
    resource: Resource,
    served: &Wanted,
    sources: &HashMap<SourceId, mpsc::UnboundedSender<Done>>,
) {
    let now = Utc::now();
    if let Some(announced) = served.announced {
        metrics::lag("to_edge", announced, now);
    }
    if let Some(changed) = served.changed {
        metrics::lag("to_cloud", changed, now);
    }
    for (source, tag) in &served.deliveries {
        // A source that is gone has no use for it.
        if let Some(sender) = sources.get(source) {
            let _ = sender.send(Done {
                resource,
                tag: *tag,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Kind, ResourceId};

    fn server(number: u8) -> Resource {
        let id = format!("{number:08x}-0000-4000-8000-000000000000");
        Resource {
            kind: Kind::Server,
            id: ResourceId::parse(&id).unwrap(),
        }
    }

    fn scheduler() -> Scheduler {
        Scheduler::new(Duration::from_millis(1), 8)
    }

    fn marked() -> Hint {
        Hint {
            marked: true,
            ..Hint::default()
        }
    }

    fn delivered(source: SourceId, tag: u64) -> Hint {
        Hint {
            delivery: Some((source, tag)),
            ..Hint::default()
        }
    }

    #[tokio::test]
    async fn many_hints_make_one_turn_which_serves_the_newest_delivery() {
        let scheduler = scheduler();
        let mut source = scheduler.source();
        for tag in 1..=3 {
            scheduler.announce(server(1), delivered(source.id(), tag));
        }
        assert_eq!(scheduler.next().await.resource, server(1));
        assert_eq!(scheduler.take(), None);
        scheduler.end(server(1), End::Done);
        assert_eq!(
            source.done().await,
            Some(Done {
                resource: server(1),
                tag: 3
            })
        );
        assert!(source.done.is_empty() && scheduler.is_empty());
    }

    #[tokio::test]
    async fn a_hint_during_a_turn_is_not_served_by_it() {
        let scheduler = scheduler();
        let mut source = scheduler.source();
        scheduler.announce(server(1), delivered(source.id(), 1));
        scheduler.next().await;
        scheduler.announce(server(1), delivered(source.id(), 2));
        assert_eq!(scheduler.take(), None, "one at a time");
        scheduler.end(server(1), End::Done);
        assert_eq!(source.done().await.unwrap().tag, 1);
        assert!(source.done.is_empty());
        scheduler.next().await;
        scheduler.end(server(1), End::Done);
        assert_eq!(source.done().await.unwrap().tag, 2);
    }

    #[tokio::test]
    async fn a_failed_turn_serves_nobody_and_comes_again() {
        let scheduler = scheduler();
        let mut source = scheduler.source();
        let hint = Hint {
            marked: true,
            ..delivered(source.id(), 1)
        };
        scheduler.announce(server(1), hint);
        scheduler.next().await;
        scheduler.announce(server(1), delivered(source.id(), 2));
        scheduler.end(server(1), End::Failed);
        assert!(source.done.is_empty());
        assert_eq!(
            scheduler.next().await,
            Turn {
                resource: server(1),
                marked: true
            }
        );
        scheduler.end(server(1), End::Done);
        assert_eq!(source.done().await.unwrap().tag, 2, "the newer delivery");
    }

    #[tokio::test]
    async fn marks_that_are_left_make_another_turn() {
        let scheduler = scheduler();
        scheduler.announce(server(1), Hint::default());
        assert!(!scheduler.next().await.marked);
        scheduler.end(server(1), End::Marked);
        assert!(scheduler.next().await.marked);
        scheduler.end(server(1), End::Done);
        assert!(scheduler.is_empty());
    }

    /// A marked resource whose turn served a delivery and left a change unapplied.
    async fn unapplied(scheduler: &Scheduler, source: &mut Source) {
        let hint = Hint {
            marked: true,
            announced: DateTime::from_timestamp(5, 0),
            ..delivered(source.id(), 1)
        };
        scheduler.announce(server(1), hint);
        scheduler.next().await;
        scheduler.end(server(1), End::Unapplied);
    }

    #[tokio::test]
    async fn a_change_that_is_not_applied_keeps_its_mark_alone() {
        let scheduler = scheduler();
        let mut source = scheduler.source();
        unapplied(&scheduler, &mut source).await;
        assert_eq!(source.done().await.unwrap().tag, 1, "acknowledged");
        assert_eq!(scheduler.oldest(), None);
        assert_eq!(scheduler.take(), None, "not at once");
        assert!(scheduler.next().await.marked);
        scheduler.end(server(1), End::Done);
        assert!(scheduler.is_empty());
    }

    #[tokio::test]
    async fn a_hint_of_the_cloud_does_not_wait_for_a_change_that_is_tried_again() {
        let scheduler = Scheduler::new(Duration::from_hours(1), 8);
        let mut source = scheduler.source();
        unapplied(&scheduler, &mut source).await;
        source.done().await;
        let polled = Hint {
            marked: true,
            only_changes: true,
            ..Hint::default()
        };
        scheduler.announce(server(1), polled);
        assert_eq!(scheduler.take(), None, "the marks wait");
        for tag in 2..=3 {
            scheduler.announce(server(1), delivered(source.id(), tag));
            assert_eq!(
                scheduler.take(),
                Some(Turn {
                    resource: server(1),
                    marked: false
                })
            );
            scheduler.end(server(1), End::Marked);
            assert_eq!(source.done().await.unwrap().tag, tag);
            assert_eq!(scheduler.take(), None, "the marks still wait");
        }
        scheduler.try_again(server(1));
        assert!(scheduler.take().unwrap().marked);
    }

    #[tokio::test]
    async fn a_change_whose_wait_ends_during_a_turn_follows_it() {
        let scheduler = Scheduler::new(Duration::from_hours(1), 8);
        let mut source = scheduler.source();
        unapplied(&scheduler, &mut source).await;
        scheduler.announce(server(1), delivered(source.id(), 2));
        assert!(!scheduler.next().await.marked);
        scheduler.try_again(server(1));
        assert_eq!(scheduler.take(), None, "one at a time");
        scheduler.end(server(1), End::Done);
        assert!(scheduler.take().unwrap().marked);
    }

    #[tokio::test]
    async fn a_turn_that_fails_while_a_change_waits_comes_again_with_it() {
        let scheduler = scheduler();
        let mut source = scheduler.source();
        unapplied(&scheduler, &mut source).await;
        source.done().await;
        scheduler.announce(server(1), delivered(source.id(), 2));
        assert!(!scheduler.take().unwrap().marked);
        scheduler.end(server(1), End::Failed);
        assert!(scheduler.next().await.marked);
        assert_eq!(scheduler.take(), None, "once");
        scheduler.end(server(1), End::Done);
        assert_eq!(source.done().await.unwrap().tag, 2);
        assert!(scheduler.is_empty());
    }

    /// Failed resources of these numbers that are to be tried again now.
    async fn failed(scheduler: &Scheduler, numbers: std::ops::RangeInclusive<u8>) {
        for number in numbers.clone() {
            scheduler.announce(server(number), Hint::default());
            scheduler.next().await;
            scheduler.end(server(number), End::Failed);
        }
        for number in numbers {
            scheduler.try_again(server(number));
        }
    }

    #[tokio::test]
    async fn half_of_the_workers_at_most_repeat_what_has_failed() {
        let scheduler = Scheduler::new(Duration::from_hours(1), 4);
        failed(&scheduler, 1..=5).await;
        let repeated = [scheduler.take(), scheduler.take()].map(|turn| turn.unwrap().resource);
        assert_eq!(repeated, [server(1), server(2)]);
        assert_eq!(scheduler.take(), None, "the others are kept free");
        for number in 6..=7 {
            scheduler.announce(server(number), Hint::default());
            assert_eq!(scheduler.take().unwrap().resource, server(number));
        }
        scheduler.end(server(1), End::Failed);
        assert_eq!(scheduler.take().unwrap().resource, server(3));
        assert_eq!(scheduler.take(), None);
        scheduler.end(server(2), End::Done);
        scheduler.end(server(6), End::Done);
        assert_eq!(scheduler.take().unwrap().resource, server(4));
    }

    #[tokio::test]
    async fn a_worker_that_waits_takes_a_repetition_when_another_ends() {
        let scheduler = Scheduler::new(Duration::from_hours(1), 2);
        failed(&scheduler, 1..=2).await;
        assert_eq!(scheduler.next().await.resource, server(1));
        let waiting = scheduler.clone();
        let waiter = tokio::spawn(async move { waiting.next().await });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        scheduler.end(server(1), End::Done);
        assert_eq!(waiter.await.unwrap().resource, server(2));
    }

    #[tokio::test]
    async fn a_single_worker_takes_repetitions_and_first_attempts_by_turns() {
        let scheduler = Scheduler::new(Duration::from_hours(1), 1);
        failed(&scheduler, 1..=3).await;
        for number in 4..=5 {
            scheduler.announce(server(number), Hint::default());
        }
        let mut order = Vec::new();
        while let Some(turn) = scheduler.take() {
            order.push(turn.resource);
            scheduler.end(turn.resource, End::Done);
        }
        assert_eq!(order, [1, 4, 2, 5, 3].map(server));
    }

    #[tokio::test]
    async fn turns_come_in_the_order_of_their_announcement() {
        let scheduler = scheduler();
        for number in 1..=3 {
            scheduler.announce(server(number), Hint::default());
        }
        for number in 1..=3 {
            assert_eq!(scheduler.next().await.resource, server(number));
        }
    }

    #[tokio::test]
    async fn the_oldest_announcement_counts_until_it_is_served() {
        let scheduler = scheduler();
        let time = |seconds| DateTime::from_timestamp(seconds, 0);
        scheduler.announce(
            server(1),
            Hint {
                announced: time(7),
                ..Hint::default()
            },
        );
        scheduler.announce(
            server(1),
            Hint {
                announced: time(5),
                ..Hint::default()
            },
        );
        scheduler.announce(
            server(2),
            Hint {
                announced: time(6),
                ..Hint::default()
            },
        );
        scheduler.next().await;
        assert_eq!(scheduler.oldest(), time(5));
        scheduler.end(server(1), End::Done);
        assert_eq!(scheduler.oldest(), time(6));
    }

    #[tokio::test]
    async fn no_room_is_taken_by_what_a_bus_has_announced() {
        let scheduler = scheduler();
        let source = scheduler.source();
        for number in 1..=5 {
            scheduler.announce(server(number), delivered(source.id(), number.into()));
        }
        assert!(futures::poll!(Box::pin(scheduler.room(1))).is_ready());
        scheduler.announce(server(1), marked());
        assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
        scheduler.next().await;
        assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
        assert!(futures::poll!(Box::pin(scheduler.room(2))).is_ready());
    }

    #[tokio::test]
    async fn what_waits_for_its_next_attempt_holds_up_no_other() {
        let scheduler = scheduler();
        for number in 1..=60 {
            scheduler.announce(server(number), marked());
            let turn = scheduler.next().await;
            scheduler.end(turn.resource, End::Failed);
        }
        assert_eq!(scheduler.len(), 60);
        assert!(futures::poll!(Box::pin(scheduler.room(2))).is_ready());
        assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
    }

    #[tokio::test]
    async fn room_is_made_by_the_end_of_a_turn() {
        let scheduler = scheduler();
        scheduler.announce(server(1), marked());
        let waiting = scheduler.clone();
        let waiter = tokio::spawn(async move { waiting.room(1).await });
        scheduler.next().await;
        assert!(!waiter.is_finished());
        scheduler.end(server(1), End::Done);
        waiter.await.unwrap();
    }

    #[tokio::test]
    async fn deliveries_of_a_source_that_is_gone_are_forgotten() {
        let scheduler = scheduler();
        let source = scheduler.source();
        scheduler.announce(server(1), delivered(source.id(), 1));
        drop(source);
        let mut another = scheduler.source();
        scheduler.next().await;
        scheduler.end(server(1), End::Done);
        assert!(scheduler.state().sources.len() == 1 && another.done.try_recv().is_err());
    }
}
