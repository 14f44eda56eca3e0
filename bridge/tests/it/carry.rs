//! From a queue to the edge: what is acknowledged, and when.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fakes::{FakeCloud, FakeEdge, FakeQueue, metadata, server, until};
use crate::options::options;
use edge_metadata_bridge::bus::carry;
use edge_metadata_bridge::reconcile::Reconciler;
use edge_metadata_bridge::run::{Options, run};
use edge_metadata_bridge::scheduler::{End, Hint, Scheduler};
use tokio_util::sync::CancellationToken;

struct Parts {
    cloud: Arc<FakeCloud>,
    edge: Arc<FakeEdge>,
    bridge: Arc<Reconciler<FakeCloud, FakeEdge>>,
    queue: FakeQueue,
    scheduler: Scheduler,
    stop: CancellationToken,
}

/// A queue that is carried, and one worker.
fn start() -> Parts {
    start_with(Duration::from_millis(20))
}

fn start_with(longest_backoff: Duration) -> Parts {
    let cloud = Arc::new(FakeCloud::default());
    let edge = Arc::new(FakeEdge::default());
    let parts = Parts {
        bridge: Arc::new(Reconciler::new(Arc::clone(&cloud), Arc::clone(&edge))),
        cloud,
        edge,
        queue: FakeQueue::default(),
        scheduler: Scheduler::new(longest_backoff, 1),
        stop: CancellationToken::new(),
    };
    let (scheduler, bridge) = (parts.scheduler.clone(), Arc::clone(&parts.bridge));
    tokio::spawn(async move {
        loop {
            let turn = scheduler.next().await;
            let end = match bridge.reconcile(turn.resource, turn.marked).await {
                Ok(outcome) => outcome.into(),
                Err(_) => End::Failed,
            };
            scheduler.end(turn.resource, end);
        }
    });
    parts.carry();
    parts
}

impl Parts {
    fn carry(&self) {
        let (mut queue, scheduler, stop) = (
            self.queue.clone(),
            self.scheduler.clone(),
            self.stop.clone(),
        );
        tokio::spawn(async move { carry("test", &mut queue, &scheduler, &stop).await.unwrap() });
    }
}

#[tokio::test]
async fn a_message_is_acknowledged_once_the_edge_has_taken_it_and_not_before() {
    let parts = start();
    parts.cloud.put(server(1), &[("k", "v")]);
    parts.edge.down.store(true, Ordering::SeqCst);
    parts.queue.announce(server(1), &[]);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(parts.queue.acknowledged(), 0, "the edge is down");
    parts.edge.down.store(false, Ordering::SeqCst);
    until("acknowledged", || parts.queue.acknowledged() == 1).await;
    assert_eq!(
        parts.edge.metadata(server(1)),
        Some(metadata(&[("k", "v")]))
    );
}

#[tokio::test]
async fn what_was_not_acknowledged_when_the_bridge_died_is_delivered_again() {
    let parts = start();
    parts.cloud.put(server(1), &[("k", "v")]);
    parts.cloud.down.store(true, Ordering::SeqCst);
    parts.queue.announce(server(1), &[]);
    until("delivered", || {
        !parts.queue.inner.lock().unwrap().unacknowledged.is_empty()
    })
    .await;
    // Another bridge, for a broker that has seen the first one's connection end.
    let another = start();
    another.cloud.put(server(1), &[("k", "v")]);
    parts.queue.reconnect();
    let body = parts.queue.inner.lock().unwrap().ready.pop_front().unwrap();
    another.queue.raw(&body);
    until("acknowledged", || another.queue.acknowledged() == 1).await;
    assert_eq!(
        another.edge.metadata(server(1)),
        Some(metadata(&[("k", "v")]))
    );
}

#[tokio::test]
async fn what_the_payload_says_about_metadata_does_not_matter() {
    let parts = start();
    parts.cloud.put(server(1), &[("k", "as it is")]);
    parts
        .queue
        .announce(server(1), &[("k", "as it was"), ("deleted", "x")]);
    until("acknowledged", || parts.queue.acknowledged() == 1).await;
    assert_eq!(
        parts.edge.metadata(server(1)),
        Some(metadata(&[("k", "as it is")]))
    );
}

#[tokio::test]
async fn every_announcement_is_followed_by_a_read_that_began_after_it() {
    let parts = start();
    for number in 0..20 {
        parts.cloud.put(server(1), &[("k", &number.to_string())]);
        parts.queue.announce(server(1), &[]);
        let acknowledged = number + 1;
        until("acknowledged", || {
            parts.queue.acknowledged() == acknowledged
        })
        .await;
        assert_eq!(
            parts.edge.metadata(server(1)),
            Some(metadata(&[("k", &number.to_string())]))
        );
    }
}

#[tokio::test]
async fn a_backlog_of_one_resource_is_a_few_reads_and_all_of_it_is_acknowledged() {
    let parts = start();
    parts.cloud.put(server(1), &[]);
    *parts.cloud.slow.lock().unwrap() = Duration::from_millis(50);
    for _ in 0..1_000 {
        parts.queue.announce(server(1), &[]);
    }
    until("acknowledged", || parts.queue.acknowledged() == 1_000).await;
    assert!(parts.cloud.reads.load(Ordering::SeqCst) < 10);
}

#[tokio::test]
async fn messages_that_announce_nothing_are_acknowledged() {
    let parts = start();
    parts.queue.raw(b"no notification");
    parts
        .queue
        .raw(br#"{"event_type": "service.update", "payload": {}}"#);
    until("acknowledged", || parts.queue.acknowledged() == 2).await;
    assert_eq!(parts.edge.taken.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_resource_that_fails_holds_up_no_other() {
    let parts = start();
    parts.cloud.put(server(2), &[]);
    parts.cloud.down.store(true, Ordering::SeqCst);
    parts.queue.announce(server(1), &[]);
    until("delivered", || !parts.scheduler.is_empty()).await;
    parts.cloud.down.store(false, Ordering::SeqCst);
    parts.queue.announce(server(2), &[]);
    until("acknowledged", || parts.queue.acknowledged() == 2).await;
}

#[tokio::test]
async fn a_key_that_the_cloud_cannot_take_holds_back_no_message_and_is_not_retried_hot() {
    let parts = start_with(Duration::from_hours(1));
    parts.cloud.put(server(1), &[]);
    parts.edge.put(server(1), &[]);
    parts.edge.user(server(1), "k", Some("v"));
    parts.cloud.broken.lock().unwrap().insert("k".into());
    let marked = Hint {
        marked: true,
        ..Hint::default()
    };
    parts.scheduler.announce(server(1), marked);
    until("tried", || {
        !parts.cloud.attempted.lock().unwrap().is_empty()
    })
    .await;
    for number in 1..=20 {
        parts
            .cloud
            .put(server(1), &[("number", &number.to_string())]);
        parts.queue.announce(server(1), &[]);
        until("acknowledged", || parts.queue.acknowledged() == number).await;
    }
    until("registered", || parts.scheduler.oldest().is_none()).await;
    assert_eq!(
        parts.edge.metadata(server(1)),
        Some(metadata(&[("k", "v"), ("number", "20")]))
    );
    let attempts = parts.cloud.attempted.lock().unwrap().len();
    assert!(attempts < 10, "{attempts} attempts");
}

#[tokio::test]
async fn once_carries_what_is_there_and_ends() {
    let parts = start();
    for number in 1..=50 {
        parts.cloud.put(server(number), &[]);
        parts.edge.put(server(number), &[]);
        parts.edge.user(server(number), "k", Some("v"));
    }
    let options = Options {
        once: true,
        ..options()
    };
    let running = run(
        Arc::clone(&parts.bridge),
        options,
        CancellationToken::new(),
        || {},
    );
    // A bridge that leaves marks behind would go on for ever.
    tokio::time::timeout(Duration::from_mins(1), running)
        .await
        .unwrap();
    for number in 1..=50 {
        assert_eq!(
            parts.cloud.metadata(server(number)),
            Some(metadata(&[("k", "v")]))
        );
        assert_eq!(parts.edge.marks(server(number)), [""; 0]);
    }
}

#[tokio::test]
async fn good_rounds_are_reported_while_nothing_is_left_to_carry() {
    let parts = start();
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(
        Arc::clone(&parts.bridge),
        options(),
        stop.clone(),
        || {},
    ));
    until("reported", || parts.edge.reports.lock().unwrap().len() >= 3).await;
    stop.cancel();
    running.await.unwrap();
}
