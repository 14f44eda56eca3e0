//! Whether the cloud and the edge say the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::fakes::{FakeCloud, FakeEdge, server};
use crate::options::pace;
use edge_metadata_bridge::reconcile::{Failure, Reconciler};
use edge_metadata_bridge::verify::{Difference, Finding, Summary, repair, verify};

struct Parts {
    cloud: Arc<FakeCloud>,
    edge: Arc<FakeEdge>,
    bridge: Arc<Reconciler<FakeCloud, FakeEdge>>,
}

impl Parts {
    /// So many servers, in step.
    async fn of(servers: u32) -> Self {
        let cloud = Arc::new(FakeCloud::default());
        let edge = Arc::new(FakeEdge::default());
        let bridge = Arc::new(Reconciler::new(Arc::clone(&cloud), Arc::clone(&edge)));
        for number in 1..=servers {
            cloud.put(server(number), &[("k", "v")]);
            bridge.reconcile(server(number), false).await.unwrap();
        }
        Self {
            cloud,
            edge,
            bridge,
        }
    }

    async fn verify(&self) -> (Summary, Vec<Finding>) {
        let mut findings = Vec::new();
        let summary = verify(&self.bridge, pace(), |finding| findings.push(finding))
            .await
            .unwrap();
        (summary, findings)
    }
}

#[tokio::test]
async fn a_verification_tells_what_is_missing_what_is_a_ghost_and_what_differs() {
    let parts = Parts::of(7).await;
    parts.edge.servers.lock().unwrap().remove(&server(2));
    parts.cloud.servers.lock().unwrap().remove(&server(7));
    parts.cloud.put(server(4), &[("k", "w")]);
    parts.edge.user(server(5), "k", Some("on its way"));
    let (summary, findings) = parts.verify().await;
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.resource, &finding.difference))
        .collect();
    let different = Difference::Different {
        fields: vec!["metadata.k".into()],
    };
    assert_eq!(
        found,
        [
            (server(2), &Difference::Missing),
            (server(4), &different),
            (server(7), &Difference::Ghost)
        ]
    );
    assert_eq!(
        summary,
        Summary {
            compared: 6,
            missing: 1,
            ghost: 1,
            different: 1,
            unknown: 0
        }
    );
    for finding in findings {
        assert!(repair(&parts.bridge, finding.resource).await);
    }
    assert!(parts.verify().await.0.is_clean());
}

#[tokio::test]
async fn a_repair_makes_no_change_in_the_cloud() {
    let parts = Parts::of(2).await;
    parts.edge.user(server(1), "k", Some("mine"));
    parts.cloud.put(server(1), &[("k", "v"), ("other", "w")]);
    parts.edge.user(server(2), "k", Some("mine"));
    parts.cloud.servers.lock().unwrap().remove(&server(2));
    let (summary, findings) = parts.verify().await;
    assert_eq!((summary.different, summary.ghost), (1, 1));
    for finding in findings {
        assert!(repair(&parts.bridge, finding.resource).await);
    }
    assert!(parts.verify().await.0.is_clean());
    assert_eq!(*parts.cloud.attempted.lock().unwrap(), [""; 0]);
    assert_eq!(parts.edge.marks(server(1)), ["k"], "left for `run`");
    assert_eq!(
        parts.edge.metadata(server(1)),
        Some(crate::fakes::metadata(&[("k", "mine"), ("other", "w")]))
    );
}

#[tokio::test]
async fn what_was_observed_later_is_repaired_only_if_nothing_differs() {
    let parts = Parts::of(0).await;
    parts.cloud.put(server(1), &[("k", "v")]);
    parts.edge.observed_ahead(server(1), &[("k", "v")]);
    parts.cloud.put(server(2), &[("k", "v")]);
    parts.edge.observed_ahead(server(2), &[("k", "w")]);
    parts.edge.observed_ahead(server(3), &[]);
    let repaired = async |number| repair(&parts.bridge, server(number)).await;
    assert!(repaired(1).await);
    assert!(!repaired(2).await, "different");
    assert!(!repaired(3).await, "a ghost");
}

#[tokio::test]
async fn several_pages_are_compared() {
    let parts = Parts::of(450).await;
    parts.edge.servers.lock().unwrap().remove(&server(449));
    let (summary, _) = parts.verify().await;
    assert_eq!((summary.compared, summary.missing), (450, 1));
}

#[tokio::test]
async fn a_project_that_the_edge_refuses_hides_no_difference_of_another() {
    let parts = Parts::of(2).await;
    parts
        .cloud
        .projects
        .lock()
        .unwrap()
        .push("a pattern".into());
    parts
        .edge
        .refused
        .lock()
        .unwrap()
        .insert("a pattern".into());
    parts.cloud.servers.lock().unwrap().remove(&server(2));
    let (summary, _) = parts.verify().await;
    assert_eq!((summary.compared, summary.ghost), (1, 1));
}

#[tokio::test]
async fn what_the_edge_refuses_is_not_repaired() {
    let parts = Parts::of(1).await;
    parts.cloud.put(server(1), &[("k", "w")]);
    parts.edge.refuse(server(1));
    assert!(!repair(&parts.bridge, server(1)).await);
    parts.edge.refused.lock().unwrap().clear();
    assert!(repair(&parts.bridge, server(1)).await);
}

#[tokio::test]
async fn requests_that_fail_now_and_then_are_made_again() {
    let parts = Parts::of(20).await;
    parts.cloud.put(server(4), &[("k", "w")]);
    parts.cloud.failures.store(5, Ordering::SeqCst);
    parts.edge.failures.store(5, Ordering::SeqCst);
    let (summary, _) = parts.verify().await;
    assert_eq!(
        summary,
        Summary {
            compared: 20,
            different: 1,
            ..Summary::default()
        }
    );
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_is_unknown_and_hides_no_difference_of_another() {
    let parts = Parts::of(4).await;
    parts.cloud.unreadable.lock().unwrap().insert(server(2));
    parts.edge.unreadable.lock().unwrap().insert(server(3));
    parts.cloud.put(server(4), &[("k", "w")]);
    let (summary, findings) = parts.verify().await;
    let unknown: Vec<_> = findings
        .iter()
        .filter(|finding| matches!(finding.difference, Difference::Unknown { .. }))
        .map(|finding| finding.resource)
        .collect();
    // What the cloud leaves out of its pages is looked at last.
    assert_eq!(unknown, [server(3), server(2)]);
    assert_eq!((summary.unknown, summary.different), (2, 1));
    assert!(!summary.is_clean());
}

#[tokio::test]
async fn a_verification_fails_when_a_side_stays_away() {
    let parts = Parts::of(850).await;
    parts.cloud.down.store(true, Ordering::SeqCst);
    let result = verify(&parts.bridge, pace(), |_| {}).await;
    assert!(matches!(result, Err(Failure::Cloud(_))));
    parts.cloud.down.store(false, Ordering::SeqCst);
    parts.edge.down.store(true, Ordering::SeqCst);
    let result = verify(&parts.bridge, pace(), |_| {}).await;
    assert!(matches!(result, Err(Failure::Edge(_))));
    let pages = parts.cloud.pages.load(Ordering::SeqCst);
    assert_eq!(pages, 3, "the first, the one read ahead, and the question");
}

#[tokio::test]
async fn a_verification_fails_when_a_side_goes_away_before_the_last_look() {
    let parts = Parts::of(50).await;
    for number in 1..=50 {
        parts.cloud.put(server(number), &[("k", "w")]);
    }
    let mut found = 0;
    let result = verify(&parts.bridge, pace(), |_| {
        found += 1;
        parts.cloud.down.store(true, Ordering::SeqCst);
    })
    .await;
    assert!(matches!(result, Err(Failure::Cloud(_))));
    assert_eq!(found, 1, "the others are not unknown");
}

#[tokio::test]
async fn the_project_of_images_without_an_owner_is_looked_through() {
    let parts = Parts::of(1).await;
    parts.verify().await;
    let listed = parts.edge.listed.lock().unwrap();
    assert!(listed.contains("00000000000000000000000000000000"));
}
