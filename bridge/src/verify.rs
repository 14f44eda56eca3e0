//! Whether the cloud and the edge say the same, resource by resource, at a bounded rate.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{error, info, warn};

use crate::cloud::{Cloud, CloudPage};
use crate::edge::{Edge, EdgeError};
use crate::metrics;
use crate::pages::next_marker;
use crate::reconcile::{Failure, Outcome, Reconciler};
use crate::registry::{Document, Record, differences};
use crate::resource::{Kind, Resource, ResourceId};

/// Resources of the cloud that are asked for at once.
const PAGE: usize = 200;
/// Resources that are compared at once.
const CONCURRENCY: usize = 8;

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
}

impl Difference {
    fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ghost => "ghost",
            Self::Different { .. } => "different",
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
}

impl Summary {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.ghost + self.different == 0
    }

    fn count(&mut self, difference: &Difference) {
        match difference {
            Difference::Missing => self.missing += 1,
            Difference::Ghost => self.ghost += 1,
            Difference::Different { .. } => self.different += 1,
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
}

impl Pace {
    fn interval(self) -> Interval {
        let mut interval = tokio::time::interval(Duration::from_secs(1) / self.per_second.get());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    }
}

/// Compares everything, and tells each difference that lasts.
///
/// # Errors
///
/// The cloud or the edge could not be asked.
pub async fn verify<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    pace: Pace,
    mut found: impl FnMut(Finding),
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let mut ticks = pace.interval();
    for kind in Kind::ALL {
        let suspects = suspects(reconciler, kind, &mut ticks, &mut summary).await?;
        if suspects.is_empty() {
            continue;
        }
        // What was on its way while it was compared has arrived by then.
        tokio::time::sleep(pace.settle).await;
        for resource in suspects {
            ticks.tick().await;
            if let Some(difference) = compare(reconciler, resource).await? {
                metrics::difference(kind, difference.name());
                info!(kind = %kind, id = %resource.id, difference = ?difference, "found");
                summary.count(&difference);
                found(Finding {
                    resource,
                    difference,
                });
            }
        }
    }
    Ok(summary)
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

/// The resources of a kind that seem to differ.
async fn suspects<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    kind: Kind,
    ticks: &mut Interval,
    summary: &mut Summary,
) -> Result<Vec<Resource>, Failure> {
    let mut suspects = Vec::new();
    let mut seen: HashSet<ResourceId> = HashSet::new();
    let mut projects: BTreeSet<String> = reconciler.cloud().projects().await?.into_iter().collect();
    let read = |marker: Option<String>| async move {
        let cloud = reconciler.cloud();
        cloud.page(kind, marker.as_deref(), PAGE).await
    };
    let mut page = Some(read(None).await?);
    while let Some(CloudPage { resources, next }) = page {
        for (resource, document) in &resources {
            seen.insert(resource.id);
            projects.insert(document.project_id().to_owned());
        }
        summary.compared += resources.len() as u64;
        let following = async {
            match next {
                Some(marker) => read(Some(marker)).await.map(Some),
                None => Ok(None),
            }
        };
        let (found, following) =
            tokio::join!(suspects_among(reconciler, resources, ticks), following);
        suspects.extend(found?);
        page = following?;
    }
    for project in projects {
        let mut marker = None;
        loop {
            ticks.tick().await;
            let page = match reconciler
                .edge()
                .list(kind, &project, marker.as_deref())
                .await
            {
                Ok(page) => page,
                // P: the edge has nothing of what it refuses as a project's id.
                Err(error @ EdgeError::Rejected { .. }) => {
                    warn!(project, %error, "the edge refuses this project");
                    break;
                }
                Err(error) => return Err(error.into()),
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

/// Those of the cloud's resources that seem to differ.
async fn suspects_among<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    resources: Vec<(Resource, Document)>,
    ticks: &mut Interval,
) -> Result<Vec<Resource>, Failure> {
    let mut suspects = Vec::new();
    let mut comparing = FuturesUnordered::new();
    for (resource, document) in resources {
        ticks.tick().await;
        if comparing.len() == CONCURRENCY
            && let Some(suspect) = comparing.try_next().await?
        {
            suspects.extend(suspect);
        }
        comparing.push(suspect(reconciler, resource, document));
    }
    while let Some(suspect) = comparing.try_next().await? {
        suspects.extend(suspect);
    }
    Ok(suspects)
}

/// The resource, if the edge's record differs from what was read.
async fn suspect<C: Cloud, E: Edge>(
    reconciler: &Arc<Reconciler<C, E>>,
    resource: Resource,
    document: Document,
) -> Result<Option<Resource>, Failure> {
    let record = reconciler.edge().show(resource).await?;
    Ok(difference(Some(&document), record.as_ref()).map(|_| resource))
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
