//! `run`: when everything is verified, and when a good round is reported.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::broker::{Access, FakeBroker};
use crate::fakes::{FakeCloud, FakeEdge, metadata, server, until};
use crate::options;
use edge_metadata_bridge::reconcile::Reconciler;
use edge_metadata_bridge::run::{Options, run};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const QUEUE: &str = "edge_metadata.info";
const ERRORS: &str = "edge_metadata.error";
/// Longer than any of these tests.
const NEVER: Duration = Duration::from_hours(1);

/// With one verification, at the beginning.
fn options() -> Options {
    Options {
        verify_every: Some(NEVER),
        ..options::options()
    }
}

/// A bridge that runs until it is dropped.
struct Running {
    cloud: Arc<FakeCloud>,
    edge: Arc<FakeEdge>,
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Running {
    fn new() -> Self {
        Self {
            cloud: Arc::default(),
            edge: Arc::default(),
            ready: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    fn start(&self, options: Options) -> JoinHandle<()> {
        let bridge = Reconciler::new(Arc::clone(&self.cloud), Arc::clone(&self.edge));
        let ready = Arc::clone(&self.ready);
        tokio::spawn(run(
            Arc::new(bridge),
            options,
            self.stop.clone(),
            move || ready.store(true, Ordering::SeqCst),
        ))
    }
}

impl Running {
    /// Those that have come to an end, or to the last kind at least.
    fn verifications(&self) -> usize {
        // Each asks for a page of servers and one of images.
        self.cloud.pages.load(Ordering::SeqCst) / 2
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Long enough for a bridge that does not wait to do something again and again.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_verification_that_failed_is_repeated_after_a_wait_although_messages_were_lost() {
    let broker = FakeBroker::start(&[(QUEUE, Access::Open)]).await;
    let bridge = Running::new();
    bridge.cloud.down.store(true, Ordering::SeqCst);
    bridge.start(Options {
        buses: vec![broker.bus(&[QUEUE])],
        longest_backoff: NEVER,
        ..options()
    });
    until("reading", || broker.looks(QUEUE) == 1).await;
    broker.cut();
    until("connected again", || broker.looks(QUEUE) == 2).await;
    a_while().await;
    let asked = bridge.cloud.asked.load(Ordering::SeqCst);
    assert!(asked <= 8, "the cloud was asked {asked} times");
}

#[tokio::test]
async fn a_resource_that_stays_different_holds_back_the_good_round_and_no_verification() {
    let bridge = Running::new();
    bridge.cloud.put(server(1), &[("k", "v")]);
    bridge.edge.failing.lock().unwrap().insert(server(1));
    bridge.start(Options {
        verify_every: Some(Duration::from_millis(10)),
        ..options()
    });
    until("verified several times", || bridge.verifications() >= 3).await;
    a_while().await;
    let held = bridge.edge.round();
    assert!(held.is_some());
    a_while().await;
    assert_eq!(bridge.edge.round(), held);
    bridge.edge.failing.lock().unwrap().clear();
    until("the round goes on", || bridge.edge.round() > held).await;
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_holds_back_the_good_round_until_it_can() {
    let bridge = Running::new();
    bridge.cloud.put(server(1), &[("k", "v")]);
    bridge.edge.put(server(1), &[]);
    bridge.cloud.unreadable.lock().unwrap().insert(server(1));
    bridge.start(options());
    until("announced", || {
        bridge.cloud.reads.load(Ordering::SeqCst) > 3
    })
    .await;
    a_while().await;
    let held = bridge.edge.round();
    assert!(held.is_some());
    a_while().await;
    assert_eq!(bridge.edge.round(), held);
    bridge.cloud.unreadable.lock().unwrap().clear();
    until("the round goes on", || bridge.edge.round() > held).await;
    assert_eq!(
        bridge.edge.metadata(server(1)),
        Some(metadata(&[("k", "v")]))
    );
}

/// A bridge that reads one queue, and has looked for another several times, on one connection.
async fn reading_beside(access: Access) -> (FakeBroker, Running) {
    let broker = FakeBroker::start(&[(QUEUE, Access::Open), (ERRORS, access)]).await;
    let bridge = Running::new();
    bridge.start(Options {
        buses: vec![broker.bus(&[QUEUE, ERRORS])],
        ..options()
    });
    until("looked for several times", || broker.looks(ERRORS) >= 5).await;
    assert_eq!((broker.looks(QUEUE), broker.connections()), (1, 1));
    (broker, bridge)
}

#[tokio::test]
async fn a_queue_that_may_not_be_read_ends_no_connection() {
    let (broker, bridge) = reading_beside(Access::Refused).await;
    a_while().await;
    assert_eq!(bridge.edge.round(), None);
    broker.declare(ERRORS, Access::Open);
    until("reported", || bridge.edge.round().is_some()).await;
    a_while().await;
    let looks = broker.looks(ERRORS);
    a_while().await;
    assert_eq!(broker.looks(ERRORS), looks, "it is read");
    assert_eq!(bridge.verifications(), 1, "nothing was lost");
}

#[tokio::test]
async fn a_channel_that_the_broker_closes_is_opened_again_and_nothing_is_lost() {
    let (broker, bridge) = reading_beside(Access::Expiring).await;
    broker.declare(ERRORS, Access::Open);
    until("reported", || bridge.edge.round().is_some()).await;
    a_while().await;
    assert_eq!(bridge.verifications(), 1, "nothing was lost");
}

/// Waits for the end of a bridge; fails after a while.
async fn ends(bridge: JoinHandle<()>) {
    let ended = tokio::time::timeout(Duration::from_secs(10), bridge);
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn run_once_reports_no_good_round_because_it_verifies_nothing() {
    let bridge = Running::new();
    let ended = bridge.start(Options {
        once: true,
        ..options::options()
    });
    ends(ended).await;
    assert_eq!(bridge.edge.round(), None);
}

#[tokio::test]
async fn a_turn_that_takes_longer_than_the_end_may_take_is_left() {
    let bridge = Running::new();
    bridge.cloud.put(server(1), &[("k", "v")]);
    bridge.edge.put(server(1), &[("k", "v")]);
    bridge.edge.user(server(1), "k", None);
    *bridge.cloud.slow.lock().unwrap() = NEVER;
    let ended = bridge.start(Options {
        shutdown_timeout: Duration::from_millis(100),
        ..options::options()
    });
    until("its turn has begun", || {
        bridge.cloud.reads.load(Ordering::SeqCst) > 0
    })
    .await;
    bridge.stop.cancel();
    ends(ended).await;
}

#[tokio::test]
async fn a_bus_whose_queues_cannot_be_opened_is_connected_to_less_and_less_often() {
    let broker = FakeBroker::start(&[(QUEUE, Access::Broken)]).await;
    let bridge = Running::new();
    bridge.start(Options {
        buses: vec![broker.bus(&[QUEUE])],
        ..options()
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // After 0.1, 0.3, 0.7 and 1.5 seconds at the earliest.
    let connections = broker.connections();
    assert!(connections <= 5, "{connections} connections");
    assert_eq!(bridge.verifications(), 1, "nothing is known to be lost yet");
    broker.declare(QUEUE, Access::Open);
    until("verified again", || bridge.verifications() == 2).await;
}

#[tokio::test]
async fn no_good_round_is_reported_before_the_first_verification_is_through() {
    let bridge = Running::new();
    bridge.cloud.down.store(true, Ordering::SeqCst);
    bridge.start(options());
    until("asked", || bridge.cloud.asked.load(Ordering::SeqCst) > 0).await;
    a_while().await;
    assert_eq!(bridge.edge.round(), None);
    bridge.cloud.down.store(false, Ordering::SeqCst);
    until("reported", || bridge.edge.round().is_some()).await;
    assert_eq!(bridge.verifications(), 1);
}

/// What is logged by this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn count(&self, message: &str) -> usize {
        let text = self.0.lock().unwrap();
        String::from_utf8_lossy(&text).matches(message).count()
    }
}

#[tokio::test]
async fn a_bus_none_of_whose_queues_exists_is_ready_and_has_no_good_round() {
    const WARNING: &str = "no queue of this bus can be read";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let connected = |value: u8| {
        let line = format!("edge_metadata_bridge_bus_connected{{bus=\"test\"}} {value}\n");
        recorder.handle().render().contains(&line)
    };

    let broker = FakeBroker::start(&[]).await;
    let bridge = Running::new();
    bridge.start(Options {
        buses: vec![broker.bus(&[QUEUE, ERRORS])],
        verify_every: None,
        ..options()
    });
    until("ready", || bridge.ready.load(Ordering::SeqCst)).await;
    until("looked for several times", || broker.looks(ERRORS) >= 5).await;
    assert_eq!(bridge.edge.round(), None);
    assert!(connected(0));
    assert_eq!(log.count(WARNING), 1, "once a minute");
    broker.declare(QUEUE, Access::Open);
    until("reported", || bridge.edge.round().is_some()).await;
    assert!(connected(1));
    // The other queue does not exist, as that for errors before there is one.
    assert_eq!(log.count(WARNING), 1);
    broker.cut();
    until("cut", || connected(0)).await;
    until("reading again", || connected(1)).await;
}
