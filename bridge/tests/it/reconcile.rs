//! One resource, brought into step.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;

use crate::fakes::{FakeCloud, FakeEdge, metadata, server};
use edge_metadata_bridge::edge::EdgeError;
use edge_metadata_bridge::reconcile::{Failure, Outcome, Reconciler};

type Bridge = Arc<Reconciler<FakeCloud, FakeEdge>>;

fn bridge() -> (Arc<FakeCloud>, Arc<FakeEdge>, Bridge) {
    let cloud = Arc::new(FakeCloud::default());
    let edge = Arc::new(FakeEdge::default());
    let bridge = Arc::new(Reconciler::new(Arc::clone(&cloud), Arc::clone(&edge)));
    (cloud, edge, bridge)
}

#[tokio::test]
async fn what_the_cloud_says_is_at_the_edge() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "v")]);
    assert_eq!(
        bridge.reconcile(server(1), false).await.unwrap(),
        Outcome::Registered { marked: false }
    );
    assert_eq!(edge.metadata(server(1)), Some(metadata(&[("k", "v")])));
}

#[tokio::test]
async fn changes_of_users_reach_the_cloud_and_their_marks_go() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("gone", "x"), ("kept", "y")]);
    bridge.reconcile(server(1), false).await.unwrap();
    edge.user(server(1), "new", Some("z"));
    edge.user(server(1), "gone", None);
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Registered { marked: false }
    );
    let both = metadata(&[("kept", "y"), ("new", "z")]);
    assert_eq!(cloud.metadata(server(1)), Some(both.clone()));
    assert_eq!(edge.metadata(server(1)), Some(both));
    assert_eq!(edge.marks(server(1)), [""; 0]);
}

#[tokio::test]
async fn a_change_that_the_cloud_refuses_is_undone_at_the_edge() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "cloud")]);
    bridge.reconcile(server(1), false).await.unwrap();
    cloud.refused.lock().unwrap().insert("k".into());
    edge.user(server(1), "k", Some("mine"));
    edge.user(server(1), "other", Some("taken"));
    bridge.reconcile(server(1), true).await.unwrap();
    assert_eq!(
        edge.metadata(server(1)),
        Some(metadata(&[("k", "cloud"), ("other", "taken")]))
    );
    assert_eq!(edge.marks(server(1)), [""; 0]);
}

#[tokio::test]
async fn a_hint_of_the_cloud_leaves_marks_alone_and_tells_of_them() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "cloud")]);
    bridge.reconcile(server(1), false).await.unwrap();
    edge.user(server(1), "k", Some("mine"));
    assert_eq!(
        bridge.reconcile(server(1), false).await.unwrap(),
        Outcome::Registered { marked: true }
    );
    assert_eq!(edge.metadata(server(1)), Some(metadata(&[("k", "mine")])));
    assert_eq!(cloud.metadata(server(1)), Some(metadata(&[("k", "cloud")])));
}

#[tokio::test]
async fn a_change_made_while_another_is_applied_is_not_lost() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[]);
    bridge.reconcile(server(1), false).await.unwrap();
    edge.user(server(1), "k", Some("first"));
    *cloud.slow.lock().unwrap() = Duration::from_millis(100);
    let running = tokio::spawn({
        let bridge = Arc::clone(&bridge);
        async move { bridge.reconcile(server(1), true).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    edge.user(server(1), "k", Some("second"));
    assert_eq!(running.await.unwrap(), Outcome::Registered { marked: true });
    assert_eq!(edge.metadata(server(1)), Some(metadata(&[("k", "second")])));
    bridge.reconcile(server(1), true).await.unwrap();
    assert_eq!(
        cloud.metadata(server(1)),
        Some(metadata(&[("k", "second")]))
    );
}

#[tokio::test]
async fn a_read_that_began_earlier_does_not_win_over_a_later_one() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "old")]);
    *cloud.slow.lock().unwrap() = Duration::from_millis(200);
    let slow = tokio::spawn({
        let bridge = Arc::clone(&bridge);
        async move { bridge.reconcile(server(1), false).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    *cloud.slow.lock().unwrap() = Duration::ZERO;
    cloud.put(server(1), &[("k", "new")]);
    bridge.reconcile(server(1), false).await.unwrap();
    assert!(matches!(slow.await.unwrap(), Err(Failure::Stale(_))));
    assert_eq!(edge.metadata(server(1)), Some(metadata(&[("k", "new")])));
}

#[tokio::test]
async fn a_server_that_the_cloud_no_longer_has_is_deleted() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[]);
    bridge.reconcile(server(1), false).await.unwrap();
    edge.user(server(1), "k", Some("too late"));
    cloud.servers.lock().unwrap().clear();
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Deleted
    );
    assert_eq!(edge.metadata(server(1)), None);
}

#[tokio::test]
async fn a_cloud_that_is_down_leaves_everything_as_it_is() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "v")]);
    bridge.reconcile(server(1), false).await.unwrap();
    edge.user(server(1), "k", None);
    cloud.down.store(true, Ordering::SeqCst);
    assert!(matches!(
        bridge.reconcile(server(1), true).await,
        Err(Failure::Cloud(_))
    ));
    assert_eq!(edge.marks(server(1)), ["k"]);
    cloud.down.store(false, Ordering::SeqCst);
    bridge.reconcile(server(1), true).await.unwrap();
    assert_eq!(cloud.metadata(server(1)), Some(metadata(&[])));
    assert_eq!(edge.marks(server(1)), [""; 0]);
}

#[tokio::test]
async fn a_change_that_the_cloud_fails_on_holds_up_no_other() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("name", "old")]);
    bridge.reconcile(server(1), false).await.unwrap();
    cloud.broken.lock().unwrap().insert("a".into());
    cloud.put(server(1), &[("name", "new")]);
    edge.user(server(1), "a", Some("\u{1f600}"));
    edge.user(server(1), "b", Some("v"));
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Unapplied
    );
    assert_eq!(
        cloud.metadata(server(1)),
        Some(metadata(&[("b", "v"), ("name", "new")]))
    );
    assert_eq!(
        edge.metadata(server(1)),
        Some(metadata(&[("a", "\u{1f600}"), ("b", "v"), ("name", "new")]))
    );
    assert_eq!(edge.marks(server(1)), ["a"]);
    cloud.broken.lock().unwrap().clear();
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Registered { marked: false }
    );
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_is_asked_for_no_further_change() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[]);
    bridge.reconcile(server(1), false).await.unwrap();
    cloud.unanswered.lock().unwrap().insert("b".into());
    for key in ["a", "b", "c"] {
        edge.user(server(1), key, Some("v"));
    }
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Unapplied
    );
    assert_eq!(*cloud.attempted.lock().unwrap(), ["a", "b"]);
    assert_eq!(edge.marks(server(1)), ["b", "c"]);
}

#[tokio::test]
async fn a_change_that_failed_ends_with_a_server_that_is_deleted() {
    let (cloud, edge, bridge) = bridge();
    edge.put(server(1), &[]);
    edge.user(server(1), "k", Some("v"));
    cloud.broken.lock().unwrap().insert("k".into());
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Deleted
    );
}

#[tokio::test]
async fn a_change_that_was_made_loses_its_mark_even_if_the_edge_refuses_the_document() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("cloud", "c")]);
    edge.put(server(1), &[("edge", "e")]);
    for key in ["applied", "broken", "refused"] {
        edge.user(server(1), key, Some("v"));
    }
    edge.refuse(server(1));
    cloud.refused.lock().unwrap().insert("refused".into());
    cloud.broken.lock().unwrap().insert("broken".into());
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Unapplied
    );
    assert_eq!(edge.marks(server(1)), ["broken"]);
    cloud.broken.lock().unwrap().clear();
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Rejected
    );
    assert_eq!(edge.marks(server(1)), [""; 0]);
    assert_eq!(edge.metadata(server(1)).unwrap()["edge"], "e");
}

#[tokio::test]
async fn a_turn_fails_if_neither_the_document_nor_the_acknowledgement_is_taken() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[]);
    edge.put(server(1), &[]);
    edge.refuse(server(1));
    assert_eq!(
        bridge.reconcile(server(1), true).await.unwrap(),
        Outcome::Rejected
    );
    edge.user(server(1), "k", Some("v"));
    edge.keeps_marks.store(true, Ordering::SeqCst);
    assert!(matches!(
        bridge.reconcile(server(1), true).await,
        Err(Failure::Edge(_))
    ));
    assert_eq!(edge.marks(server(1)), ["k"]);
}

#[tokio::test]
async fn a_server_that_stays_because_it_was_observed_later_is_not_deleted() {
    let (_, edge, bridge) = bridge();
    edge.observed_ahead(server(1), &[]);
    assert!(matches!(
        bridge.reconcile(server(1), false).await,
        Err(Failure::Stale(Some(_)))
    ));
    assert!(edge.metadata(server(1)).is_some());
}

#[tokio::test]
async fn once_the_edge_has_refused_a_time_that_is_ahead_times_are_the_clocks_again() {
    let (cloud, edge, bridge) = bridge();
    cloud.put(server(1), &[("k", "v")]);
    *edge.most_ahead.lock().unwrap() = Some(TimeDelta::milliseconds(500));
    // Each is a millisecond later than the one before, so in the end they are far ahead of the clock.
    for _ in 0..100_000 {
        bridge.now();
    }
    assert!(matches!(
        bridge.reconcile(server(1), false).await,
        Err(Failure::Edge(EdgeError::Clock { .. }))
    ));
    assert_eq!(
        bridge.reconcile(server(1), false).await.unwrap(),
        Outcome::Registered { marked: false }
    );
}
