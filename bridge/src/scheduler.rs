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
mod tests;
