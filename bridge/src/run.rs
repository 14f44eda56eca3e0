//! Both ways, until it is told to end.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::backoff::Backoff;
use crate::bus::{Bus, Health, listen, waiting};
use crate::cloud::Cloud;
use crate::edge::{Edge, EdgeError};
use crate::metrics;
use crate::pages::next_marker;
use crate::reconcile::{Failure, Outcome, Reconciler};
use crate::resource::{Resource, ResourceId};
use crate::scheduler::{End, Hint, Scheduler, Turn};
use crate::verify::{Pace, verify};

/// Resources that the edge or a verification may have pending at once; buses are bounded by their prefetch.
const PENDING: usize = 2_000;
/// How often an edge that keeps no changes is asked whether it does now.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// How long nothing may come before `--once` takes it for all there was.
const QUIET: Duration = Duration::from_millis(500);

/// How `run` works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The buses that are read.
    pub buses: Vec<Bus>,
    /// Resources that have their turn at once.
    pub concurrency: usize,
    /// The longest wait before something that failed is tried again.
    pub longest_backoff: Duration,
    /// How long what is under way may take at the end.
    pub shutdown_timeout: Duration,
    /// How often the edge is asked for changes.
    pub poll_every: Duration,
    /// How often the last good round is reported.
    pub report_every: Duration,
    /// How often everything is verified and mended; [`None`] for never.
    pub verify_every: Option<Duration>,
    /// How fast.
    pub pace: Pace,
    /// Ends by itself when there is nothing more to do.
    pub once: bool,
}

struct Run<C, E> {
    reconciler: Arc<Reconciler<C, E>>,
    scheduler: Scheduler,
    health: Arc<Health>,
    /// Told when the edge has been asked for changes, and has none.
    polled: Arc<Notify>,
    options: Arc<Options>,
}

impl<C, E> Clone for Run<C, E> {
    fn clone(&self) -> Self {
        Self {
            reconciler: Arc::clone(&self.reconciler),
            scheduler: self.scheduler.clone(),
            health: Arc::clone(&self.health),
            polled: Arc::clone(&self.polled),
            options: Arc::clone(&self.options),
        }
    }
}

/// Carries both ways until `stop` is cancelled, and then ends what is under way. Calls `ready` once, when the edge was
/// asked and all buses are connected.
pub async fn run<C: Cloud, E: Edge>(
    reconciler: Arc<Reconciler<C, E>>,
    options: Options,
    stop: CancellationToken,
    ready: impl FnOnce() + Send + 'static,
) {
    let run = Run {
        reconciler,
        scheduler: Scheduler::new(options.longest_backoff, options.concurrency),
        health: Arc::new(Health::new(options.buses.len())),
        polled: Arc::default(),
        options: Arc::new(options),
    };
    let end_turns = CancellationToken::new();
    let mut turns = JoinSet::new();
    for _ in 0..run.options.concurrency {
        turns.spawn(run.clone().take_turns(end_turns.clone()));
    }
    if run.options.verify_every.is_some() {
        // P: a broker may have restarted while there was no bridge.
        run.health.lost();
    }
    let mut sources = JoinSet::new();
    for bus in run.options.buses.clone() {
        sources.spawn(listen(
            bus,
            run.scheduler.clone(),
            Arc::clone(&run.health),
            stop.clone(),
        ));
    }
    sources.spawn(stopped_by(stop.clone(), run.clone().poll()));
    if !run.options.once {
        // P: without a verification nothing is known of what was lost before.
        sources.spawn(stopped_by(stop.clone(), run.clone().report()));
    }
    if let Some(every) = run.options.verify_every {
        sources.spawn(stopped_by(stop.clone(), run.clone().verify(every)));
    }
    let (first, ended) = (run.clone(), stop.clone());
    sources.spawn(stopped_by(stop.clone(), async move {
        first.until_ready().await;
        ready();
        if first.options.once {
            first.until_quiet().await;
            ended.cancel();
        }
    }));
    stop.cancelled().await;
    info!(pending = run.scheduler.len(), "ends");
    let ending = async {
        while sources.join_next().await.is_some() {}
        end_turns.cancel();
        while turns.join_next().await.is_some() {}
    };
    if tokio::time::timeout(run.options.shutdown_timeout, ending)
        .await
        .is_err()
    {
        warn!(
            pending = run.scheduler.len(),
            "ends with work under way: what was not acknowledged is delivered again"
        );
        // Repeating what a turn has begun does no harm.
        turns.shutdown().await;
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Registered { marked: true } => Self::Marked,
            Outcome::Registered { marked: false } | Outcome::Deleted | Outcome::Rejected => {
                Self::Done
            }
            Outcome::Unapplied => Self::Unapplied,
        }
    }
}

async fn stopped_by(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

impl<C: Cloud, E: Edge> Run<C, E> {
    /// Gives one resource after another its turn.
    async fn take_turns(self, end: CancellationToken) {
        loop {
            let turn = tokio::select! {
                biased;
                () = end.cancelled() => return,
                turn = self.scheduler.next() => turn,
            };
            self.scheduler
                .end(turn.resource, self.take_turn(turn).await);
        }
    }

    async fn take_turn(&self, Turn { resource, marked }: Turn) -> End {
        match self.reconciler.reconcile(resource, marked).await {
            Ok(outcome) => outcome.into(),
            Err(error) => {
                metrics::failure(match error {
                    Failure::Cloud(_) => "cloud",
                    Failure::Edge(_) => "edge",
                    Failure::Stale(_) => "stale",
                });
                warn!(kind = %resource.kind, id = %resource.id, %error, "is tried again");
                End::Failed
            }
        }
    }

    /// Asks the edge for changes, again and again.
    async fn poll(self) {
        let mut backoff = Backoff::new(self.options.longest_backoff);
        let mut told = false;
        loop {
            let wait = match self.poll_all().await {
                Ok(()) => {
                    backoff.reset();
                    self.polled.notify_waiters();
                    self.options.poll_every
                }
                Err(EdgeError::NoChanges { .. }) => {
                    if !std::mem::replace(&mut told, true) {
                        warn!(
                            "the edge keeps no changes for the cloud (its setting CHANGES): what users change there stays there"
                        );
                    }
                    self.polled.notify_waiters();
                    ASK_AGAIN
                }
                Err(error) => {
                    metrics::failure("edge");
                    warn!(%error, "the edge cannot be asked for changes");
                    backoff.wait()
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn poll_all(&self) -> Result<(), EdgeError> {
        let mut marker = None;
        loop {
            let page = self.reconciler.edge().changes(marker.as_deref()).await?;
            for changed in &page.changes {
                let Some(id) = ResourceId::parse(&changed.id) else {
                    continue;
                };
                let resource = Resource {
                    kind: changed.kind,
                    id,
                };
                metrics::hint("edge");
                debug!(kind = %resource.kind, id = %resource.id, "changed at the edge");
                self.scheduler.announce(
                    resource,
                    Hint {
                        marked: true,
                        only_changes: true,
                        changed: changed.changed_at,
                        ..Hint::default()
                    },
                );
            }
            match next_marker(&page.changes_links) {
                Some(next) => marker = Some(next),
                None => return Ok(()),
            }
            self.scheduler.room(PENDING).await;
        }
    }

    /// Reports again and again up to when everything that was announced is at the edge.
    async fn report(self) {
        let mut told = false;
        loop {
            tokio::time::sleep(self.options.report_every).await;
            let now = Utc::now();
            // First whether all are read: a loss is told before its bus counts as read again.
            let read = self.health.all_read();
            let mended = self.health.gap().is_none() || self.options.verify_every.is_none();
            if !read || !mended {
                debug!("no good round to report");
                continue;
            }
            let round = self
                .scheduler
                .oldest()
                .map_or(now, |oldest| oldest.min(now));
            match self.reconciler.edge().report(round).await {
                Ok(()) => {
                    metrics::good_round(round);
                    told = false;
                }
                Err(error) => {
                    metrics::failure("edge");
                    if !std::mem::replace(&mut told, true) {
                        warn!(%error, "the last good round could not be reported");
                    }
                }
            }
        }
    }

    /// Verifies at the beginning, then regularly and whenever a bus may have lost messages, and mends what differs.
    async fn verify(self, every: Duration) {
        info!("no good round is reported until everything has been verified");
        loop {
            let began = Utc::now();
            let mend = |finding: crate::verify::Finding| {
                metrics::hint("verification");
                self.scheduler.announce(
                    finding.resource,
                    Hint {
                        marked: true,
                        // Holds the good round back until the edge has it. Nothing else waits for it.
                        announced: Some(began),
                        ..Hint::default()
                    },
                );
            };
            match verify(&self.reconciler, self.options.pace, mend).await {
                Ok(summary) => {
                    info!(
                        compared = summary.compared,
                        missing = summary.missing,
                        ghost = summary.ghost,
                        different = summary.different,
                        unknown = summary.unknown,
                        "verified"
                    );
                    if self.health.mend(began) {
                        info!("everything has been verified: good rounds are reported");
                    }
                    metrics::verified(Utc::now());
                }
                Err(error) => {
                    warn!(%error, "the verification could not go through");
                    // Also when messages may have been lost: whoever did not answer is not asked without a pause.
                    tokio::time::sleep(self.options.longest_backoff).await;
                    continue;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = self.health.until_lost() => {
                    info!("messages may have been lost: everything is verified");
                    info!("no good round is reported until everything has been verified");
                }
            }
        }
    }

    /// Waits until the edge was asked and all buses are connected. Their queues may come into being later: Nova makes
    /// its own with the first notification.
    async fn until_ready(&self) {
        self.polled.notified().await;
        while !self.health.all_connected() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing is pending here, at the edge and in the queues.
    async fn until_quiet(&self) {
        loop {
            tokio::time::sleep(QUIET).await;
            self.polled.notified().await;
            if !self.scheduler.is_empty() {
                continue;
            }
            let mut left = 0;
            for bus in &self.options.buses {
                left += waiting(bus).await.unwrap_or(1);
            }
            if left == 0 && self.scheduler.is_empty() {
                return;
            }
        }
    }
}
