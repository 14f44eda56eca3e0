//! The first fill, interrupted and resumed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fakes::{FakeCloud, FakeEdge, server, until};
use edge_metadata_bridge::import::{ImportError, Options, import};
use edge_metadata_bridge::reconcile::Reconciler;

fn options(state: PathBuf) -> Options {
    Options {
        edge: "https://edge.example/".into(),
        state,
        page_size: 10,
        concurrency: 4,
        dry_run: false,
    }
}

#[tokio::test]
async fn everything_is_registered_and_the_state_file_goes() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("state"));
    let (cloud, edge) = (
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    );
    for number in 0..95 {
        cloud.put(server(number), &[("k", "v")]);
    }
    let bridge = Arc::new(Reconciler::new(cloud, Arc::clone(&edge)));
    let summary = import(&bridge, &options).await.unwrap();
    assert_eq!((summary.servers.read, summary.servers.registered), (95, 95));
    assert_eq!(edge.servers.lock().unwrap().len(), 95);
    assert!(!options.state.exists());
}

#[tokio::test]
async fn an_import_is_not_complete_when_the_edge_refuses_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("state"));
    let (cloud, edge) = (
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    );
    for number in 0..3 {
        cloud.put(server(number), &[]);
    }
    edge.refuse(server(1));
    let bridge = Arc::new(Reconciler::new(cloud, Arc::clone(&edge)));
    let summary = import(&bridge, &options).await.unwrap();
    assert!(!summary.is_complete());
    let servers = summary.servers;
    assert_eq!((servers.registered, servers.rejected), (2, 1));
    edge.refused.lock().unwrap().clear();
    assert!(import(&bridge, &options).await.unwrap().is_complete());
}

#[tokio::test]
async fn an_interrupted_import_goes_on_after_its_last_whole_page() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("state"));
    let (cloud, edge) = (
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    );
    for number in 0..95 {
        cloud.put(server(number), &[]);
    }
    let bridge = Arc::new(Reconciler::new(cloud, Arc::clone(&edge)));
    {
        let importing = import(&bridge, &options);
        tokio::pin!(importing);
        // Dropped in the middle, as a process that is killed.
        while edge.taken.load(Ordering::SeqCst) < 30 {
            assert!(futures::poll!(&mut importing).is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert!(options.state.exists());
    let summary = import(&bridge, &options).await.unwrap();
    assert_eq!(summary.servers.read, 95);
    assert_eq!(edge.servers.lock().unwrap().len(), 95);
    let sent_again = edge.taken.load(Ordering::SeqCst) - 95;
    assert!(sent_again <= 10, "{sent_again} were sent again");
}

#[tokio::test]
async fn the_next_page_is_read_while_one_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("state"));
    let (cloud, edge) = (
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    );
    for number in 0..30 {
        cloud.put(server(number), &[]);
    }
    *edge.slow.lock().unwrap() = Duration::from_hours(1);
    let bridge = Arc::new(Reconciler::new(Arc::clone(&cloud), Arc::clone(&edge)));
    let read_ahead = until("two pages", || cloud.pages.load(Ordering::SeqCst) == 2);
    tokio::select! {
        _ = import(&bridge, &options) => panic!("nothing can be sent yet"),
        () = read_ahead => {}
    }
    assert_eq!(edge.taken.load(Ordering::SeqCst), 0);
    assert!(!options.state.exists(), "no page has arrived");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        dry_run: true,
        ..options(folder.path().join("state"))
    };
    let (cloud, edge) = (
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    );
    cloud.put(server(1), &[]);
    let bridge = Arc::new(Reconciler::new(cloud, Arc::clone(&edge)));
    assert_eq!(import(&bridge, &options).await.unwrap().servers.read, 1);
    assert_eq!(edge.taken.load(Ordering::SeqCst), 0);
    assert!(!options.state.exists());
}

#[tokio::test]
async fn the_state_of_another_edge_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("state"));
    std::fs::write(
        &options.state,
        r#"{"edge": "https://other/", "servers": {"marker": null, "complete": false, "tally": {"read": 0, "registered": 0, "newer": 0, "rejected": 0}},
            "images": {"marker": null, "complete": false, "tally": {"read": 0, "registered": 0, "newer": 0, "rejected": 0}}}"#,
    )
    .unwrap();
    let bridge = Arc::new(Reconciler::new(
        Arc::new(FakeCloud::default()),
        Arc::new(FakeEdge::default()),
    ));
    assert!(matches!(
        import(&bridge, &options).await,
        Err(ImportError::OtherEdge { .. })
    ));
}
