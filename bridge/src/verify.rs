//! Whether the cloud and the edge say the same, resource by resource, at a bounded rate.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{error, info, warn};

use crate::backoff::again;
use crate::cloud::{Cloud, CloudPage, NOBODY};
use crate::edge::{Edge, EdgeError};
use crate::metrics;
use crate::pages::next_marker;
use crate::reconcile::{Failure, Outcome, Reconciler};
use crate::registry::{Document, Record, ResourcePage, differences};
use crate::resource::{Kind, Resource, ResourceId};

/// Resources of the cloud that are asked for at once.
const PAGE: usize = 200;
/// Resources that are compared at once.
const CONCURRENCY: usize = 8;
/// How often a resource that seems to differ, or cannot be read, is looked at again.
const LOOKS: usize = 3;
/// After so many resources in a row that cannot be read it is asked whether both sides answer at all.
const IN_A_ROW: usize = 20;

/// How a resource differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Difference {
    /// The cloud has it, the edge does not.
    Missing,
    /// The edge has it, the cloud does not.
    Ghost,
    /// Both have it, and do not say the same.
    Different {
        /// The names of the fields.
        fields: Vec<String>,
    },
    /// One of them cannot say what it has, while it answers otherwise.
    Unknown {
        /// What it answered.
        reason: String,
    },
}

impl Difference {
    fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ghost => "ghost",
            Self::Different { .. } => "different",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// A resource that differs, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The resource.
    pub resource: Resource,
    /// How it differs.
    pub difference: Difference,
}

/// What a verification came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Resources of the cloud that were compared.
    pub compared: u64,
    /// Resources that the edge lacks.
    pub missing: u64,
    /// Resources that only the edge has.
    pub ghost: u64,
    /// Resources that differ.
    pub different: u64,
    /// Resources that could not be read on one side.
    pub unknown: u64,
}

impl Summary {
    /// Whether everything was read and nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.ghost + self.different + self.unknown == 0
    }

    fn count(&mut self, difference: &Difference) {
        match difference {
            Difference::Missing => self.missing += 1,
            Difference::Ghost => self.ghost += 1,
            Difference::Different { .. } => self.different += 1,
            Difference::Unknown { .. } => self.unknown += 1,
        }
    }
}

/// How fast, and how sure.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Resources that are compared in a second, at most.
    pub per_second: NonZeroU32,
    /// How long a difference must last to be one.
    pub settle: Duration,
    /// The longest wait before a page that could not be read is asked for again.
    pub longest_backoff: Duration,
}

impl Pace {
    fn interval(self) -> Interval {
        let mut interval = tokio::time::interval(Duration::from_secs(1) / self.per_second.get());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    }
}

/// Compares everything, and tells each difference that lasts, and each resource that cannot be read.
///
/// # Errors
///
/// The cloud or the edge could not be asked several times in a row.
pub async fn verify<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    pace: Pace,
    mut found: impl FnMut(Finding),
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let mut ticks = pace.interval();
    for kind in Kind::ALL {
        let mut tell = |summary: &mut Summary, resource: Resource, difference: Difference| {
            metrics::difference(kind, difference.name());
            info!(kind = %kind, id = %resource.id, difference = ?difference, "found");
            summary.count(&difference);
            found(Finding {
                resource,
                difference,
            });
        };
        let mut suspects = suspects(
            reconciler,
            kind,
            pace.longest_backoff,
            &mut ticks,
            &mut summary,
        )
        .await?;
        let mut unread = Vec::new();
        for _ in 0..LOOKS {
            if suspects.is_empty() {
                break;
            }
            // What was on its way while it was compared has arrived by then.
            tokio::time::sleep(pace.settle).await;
            let mut in_a_row = 0;
            unread.clear();
            for resource in suspects {
                ticks.tick().await;
                match compare(reconciler, resource).await {
                    Ok(difference) => {
                        in_a_row = 0;
                        if let Some(difference) = difference {
                            tell(&mut summary, resource, difference);
                        }
                    }
                    Err(error) => {
                        warn!(kind = %kind, id = %resource.id, %error, "could not be compared");
                        if in_a_row % IN_A_ROW == 0 {
                            both_answer(reconciler, kind, pace.longest_backoff).await?;
                        }
                        in_a_row += 1;
                        unread.push((resource, error));
                    }
                }
            }
            suspects = unread.iter().map(|(resource, _)| *resource).collect();
        }
        for (resource, error) in unread {
            let reason = error.to_string();
            tell(&mut summary, resource, Difference::Unknown { reason });
        }
    }
    Ok(summary)
}

/// Fails when a side does not answer: a resource of it that could not be read is then no exception.
async fn both_answer<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    longest: Duration,
) -> Result<(), Failure> {
    cloud_page(reconciler, kind, None, 1, longest).await?;
    edge_page(reconciler, kind, NOBODY, None, longest).await?;
    Ok(())
}

/// Reads a page of the cloud, in several attempts.
async fn cloud_page<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    marker: Option<&str>,
    size: usize,
    longest: Duration,
) -> Result<CloudPage, Failure> {
    let page = again(longest, || reconciler.cloud().page(kind, marker, size));
    Ok(page.await?)
}

/// Reads a page of what the edge has of a project, in several attempts; [`None`] when the edge refuses the project.
async fn edge_page<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    project: &str,
    marker: Option<&str>,
    longest: Duration,
) -> Result<Option<ResourcePage>, Failure> {
    let page = again(longest, || async {
        match reconciler.edge().list(kind, project, marker).await {
            // P: the edge has nothing of what it refuses as a project's id.
            Err(error @ EdgeError::Rejected { .. }) => {
                warn!(project, %error, "the edge refuses this project");
                Ok(None)
            }
            page => page.map(Some),
        }
    });
    Ok(page.await?)
}

/// Brings a resource that differs into step. What the edge refuses stays different.
///
/// Makes no change in the cloud, for which the marks are left: a marked key is no difference, and a `run` beside this may
/// just have made a later change of the same key.
pub async fn repair<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    resource: Resource,
) -> bool {
    match reconciler.reconcile(resource, false).await {
        Ok(Outcome::Registered { .. } | Outcome::Deleted | Outcome::Unapplied) => true,
        Ok(Outcome::Rejected) => false,
        Err(error) => {
            // Another bridge may have registered it meanwhile.
            let repaired = matches!(error, Failure::Stale(_))
                && matches!(compare(reconciler, resource).await, Ok(None));
            if !repaired {
                error!(kind = %resource.kind, id = %resource.id, %error, "could not be repaired");
            }
            repaired
        }
    }
}

/// The resources of a kind that seem to differ, or could not be compared.
async fn suspects<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    longest: Duration,
    ticks: &mut Interval,
    summary: &mut Summary,
) -> Result<Vec<Resource>, Failure> {
    let mut suspects = Vec::new();
    let mut seen: HashSet<ResourceId> = HashSet::new();
    let projects = again(longest, || reconciler.cloud().projects());
    let mut projects: BTreeSet<String> = projects.await?.into_iter().collect();
    projects.insert(NOBODY.to_owned());
    let mut page = Some(cloud_page(reconciler, kind, None, PAGE, longest).await?);
    while let Some(CloudPage { resources, next }) = page {
        for (resource, document) in &resources {
            seen.insert(resource.id);
            projects.insert(document.project_id().to_owned());
        }
        summary.compared += resources.len() as u64;
        let following = async {
            match &next {
                Some(marker) => cloud_page(reconciler, kind, Some(marker), PAGE, longest)
                    .await
                    .map(Some),
                None => Ok(None),
            }
        };
        let ((found, all_read), following) =
            tokio::join!(suspects_among(reconciler, resources, ticks), following);
        if !all_read {
            both_answer(reconciler, kind, longest).await?;
        }
        suspects.extend(found);
        page = following?;
    }
    for project in projects {
        let mut marker = None;
        loop {
            ticks.tick().await;
            let page = edge_page(reconciler, kind, &project, marker.as_deref(), longest).await?;
            let Some(page) = page else {
                break;
            };
            let ids = page
                .resources
                .iter()
                .filter_map(|listed| ResourceId::parse(&listed.id));
            suspects.extend(
                ids.filter(|id| !seen.contains(id))
                    .map(|id| Resource { kind, id }),
            );
            match next_marker(&page.links) {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
    }
    Ok(suspects)
}

/// Those of the cloud's resources that seem to differ, or could not be compared, and whether all could be.
async fn suspects_among<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    resources: Vec<(Resource, Document)>,
    ticks: &mut Interval,
) -> (Vec<Resource>, bool) {
    let mut suspects = Vec::new();
    let mut all_read = true;
    let mut take = |(resource, same): (Resource, Result<bool, EdgeError>)| match same {
        Ok(true) => {}
        Ok(false) => suspects.push(resource),
        Err(error) => {
            warn!(kind = %resource.kind, id = %resource.id, %error, "could not be compared");
            all_read = false;
            suspects.push(resource);
        }
    };
    let mut comparing = FuturesUnordered::new();
    for (resource, document) in resources {
        ticks.tick().await;
        if comparing.len() == CONCURRENCY
            && let Some(compared) = comparing.next().await
        {
            take(compared);
        }
        comparing.push(async move {
            let record = reconciler.edge().show(resource).await;
            let same = record.map(|record| difference(Some(&document), record.as_ref()).is_none());
            (resource, same)
        });
    }
    while let Some(compared) = comparing.next().await {
        take(compared);
    }
    (suspects, all_read)
}

/// Asks both sides again.
async fn compare<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    resource: Resource,
) -> Result<Option<Difference>, Failure> {
    let document = reconciler.cloud().read(resource).await?;
    let record = reconciler.edge().show(resource).await?;
    Ok(difference(document.as_ref(), record.as_ref()))
}

/// How the cloud's document and the edge's record of a resource differ.
fn difference(document: Option<&Document>, record: Option<&Record>) -> Option<Difference> {
    match (document, record) {
        (None, None) => None,
        (Some(_), None) => Some(Difference::Missing),
        (None, Some(_)) => Some(Difference::Ghost),
        (Some(document), Some(record)) => {
            let fields = differences(document, record);
            (!fields.is_empty()).then_some(Difference::Different { fields })
        }
    }
}
