//! The first fill: every server and image of every project, page by page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::backoff::again;
use crate::cloud::{Cloud, CloudPage};
use crate::edge::Edge;
use crate::reconcile::{Failure, Outcome, Reconciler};
use crate::registry::Document;
use crate::resource::{Kind, Resource};

/// Between attempts for one resource or page. An import that gives up goes on later where it was.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The cloud or the edge failed too often.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The state file cannot be read or written.
    #[error("{}: {source}", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state file is another import's.
    #[error("{} belongs to an import into {edge}; remove it to begin anew", path.display())]
    OtherEdge {
        /// The state file.
        path: PathBuf,
        /// Where that import goes.
        edge: String,
    },
}

/// What an import is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The edge's address, so that a state file is not used for another one.
    pub edge: String,
    /// Where it is written down how far the import has come.
    pub state: PathBuf,
    /// Resources that are asked for at once.
    pub page_size: usize,
    /// How many are sent to the edge at once.
    pub concurrency: usize,
    /// Reads everything and sends nothing.
    pub dry_run: bool,
}

/// What an import came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Servers and images.
    pub servers: Tally,
    /// Images.
    pub images: Tally,
}

impl Summary {
    /// Whether the edge has taken everything that was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.servers.rejected + self.images.rejected == 0
    }
}

/// What became of the resources of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Read from the cloud.
    pub read: u64,
    /// At the edge now.
    pub registered: u64,
    /// The edge had something later.
    pub newer: u64,
    /// The edge refuses it.
    pub rejected: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.read += other.read;
        self.registered += other.registered;
        self.newer += other.newer;
        self.rejected += other.rejected;
    }
}

/// How far an import has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    edge: String,
    servers: Progress,
    images: Progress,
}

/// How far it has come with one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    /// Where the next page begins.
    marker: Option<String>,
    complete: bool,
    tally: Tally,
}

impl State {
    fn of(&mut self, kind: Kind) -> &mut Progress {
        match kind {
            Kind::Server => &mut self.servers,
            Kind::Image => &mut self.images,
        }
    }

    fn load(options: &Options) -> Result<Self, ImportError> {
        let path = &options.state;
        let fresh = Self {
            edge: options.edge.clone(),
            ..Self::default()
        };
        if options.dry_run {
            return Ok(fresh);
        }
        let failed = |source| ImportError::State {
            path: path.clone(),
            source,
        };
        let state: Self = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(failed(error)),
        };
        if state.edge != options.edge {
            return Err(ImportError::OtherEdge {
                path: path.clone(),
                edge: state.edge,
            });
        }
        Ok(state)
    }

    /// Writes beside the file and renames: a reader, also after a crash, finds the old state or the new one.
    fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, serde_json::to_vec(self)?)?;
        std::fs::rename(&beside, path)
    }
}

/// Registers everything that the cloud has. An import that was interrupted goes on after its last whole page.
///
/// # Errors
///
/// The cloud or the edge failed too often, or the state file cannot be used.
pub async fn import<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    options: &Options,
) -> Result<Summary, ImportError> {
    let mut state = State::load(options)?;
    for kind in Kind::ALL {
        if state.of(kind).complete {
            continue;
        }
        if state.of(kind).marker.is_some() {
            info!(kind = %kind, done = state.of(kind).tally.read, "goes on where it was");
        }
        import_kind(reconciler, kind, options, &mut state).await?;
    }
    if !options.dry_run {
        std::fs::remove_file(&options.state).map_err(|source| ImportError::State {
            path: options.state.clone(),
            source,
        })?;
    }
    Ok(Summary {
        servers: state.servers.tally,
        images: state.images.tally,
    })
}

/// Shown on a terminal only.
fn progress_bar(kind: Kind, done: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} {msg}, {per_sec}, {elapsed}");
    let bar = ProgressBar::no_length()
        .with_message(kind.plural())
        .with_position(done);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Carries the rest of a kind over, page by page. The next one is read while one is sent.
async fn import_kind<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    options: &Options,
    state: &mut State,
) -> Result<(), ImportError> {
    let bar = progress_bar(kind, state.of(kind).tally.read);
    let marker = state.of(kind).marker.clone();
    let mut page = Some(read(reconciler, kind, marker, options).await?);
    while let Some(Page {
        observed_at,
        page: CloudPage { resources, next },
    }) = page
    {
        let following = async {
            match next.clone() {
                Some(marker) => read(reconciler, kind, Some(marker), options)
                    .await
                    .map(Some),
                None => Ok(None),
            }
        };
        let sending = send(reconciler, options, observed_at, &resources, &bar);
        let (sent, following) = tokio::join!(sending, following);
        let progress = state.of(kind);
        progress.tally.add(sent?);
        progress.complete = next.is_none();
        progress.marker = next;
        // Before the other page's failure: this one has arrived.
        if !options.dry_run {
            state
                .save(&options.state)
                .map_err(|source| ImportError::State {
                    path: options.state.clone(),
                    source,
                })?;
        }
        info!(kind = %kind, read = state.of(kind).tally.read, "imported");
        page = following?;
    }
    bar.finish();
    Ok(())
}

/// A page of the cloud, and when it was asked for.
struct Page {
    /// P: the time before a page was asked for holds for all that is on it.
    observed_at: DateTime<Utc>,
    page: CloudPage,
}

async fn read<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    marker: Option<String>,
    options: &Options,
) -> Result<Page, Failure> {
    again(LONGEST_BACKOFF, || async {
        let observed_at = reconciler.now();
        let page = reconciler
            .cloud()
            .page(kind, marker.as_deref(), options.page_size)
            .await?;
        Ok(Page { observed_at, page })
    })
    .await
}

/// Sends what is on one page.
async fn send<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    options: &Options,
    observed_at: DateTime<Utc>,
    resources: &[(Resource, Document)],
    bar: &ProgressBar,
) -> Result<Tally, Failure> {
    let mut tally = Tally {
        read: resources.len() as u64,
        ..Tally::default()
    };
    if options.dry_run {
        bar.inc(tally.read);
        return Ok(tally);
    }
    let nothing = BTreeMap::new();
    let outcomes: Vec<_> = stream::iter(resources)
        .map(|(resource, document)| async {
            let outcome = again(LONGEST_BACKOFF, || async {
                match reconciler
                    .send(*resource, document, observed_at, &nothing)
                    .await
                {
                    Err(Failure::Stale(_)) => Ok(None),
                    outcome => outcome.map(Some),
                }
            })
            .await;
            bar.inc(1);
            outcome
        })
        .buffer_unordered(options.concurrency)
        .try_collect()
        .await?;
    for outcome in outcomes {
        match outcome {
            Some(Outcome::Rejected) => tally.rejected += 1,
            Some(_) => tally.registered += 1,
            None => tally.newer += 1,
        }
    }
    Ok(tally)
}
