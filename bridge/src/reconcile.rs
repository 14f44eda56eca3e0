//! One resource, brought into step: what is marked at the edge goes to the cloud, then what the cloud says goes to
//! the edge.
//!
//! A notification is a hint. Nothing in it but the id is used: the state is read from Nova or Glance afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, Taken};
use crate::edge::{Edge, EdgeError, Stored};
use crate::metrics;
use crate::registry::{Change, Document, Record};
use crate::resource::Resource;

/// Why a resource is not in step yet. All of these are tried again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The cloud could not be asked, or failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The edge could not be asked, or failed.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The edge has seen something later than what was read just now: another bridge is at work, or a clock was set
    /// back.
    #[error("the edge has a state that was observed later, at {0:?}")]
    Stale(Option<DateTime<Utc>>),
}

/// What became of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The edge has what the cloud says.
    Registered {
        /// Whether the edge has marks that are not done with.
        marked: bool,
    },
    /// The cloud does not have it, and neither does the edge now.
    Deleted,
    /// The edge will never take what the cloud says.
    Rejected,
    /// As [`Registered`](Self::Registered) or [`Rejected`](Self::Rejected), but the cloud has not made a change yet,
    /// which has to be tried again.
    Unapplied,
}

/// Brings resources into step, one call each. Two calls for one resource must not overlap.
pub struct Reconciler<C, E> {
    cloud: Arc<C>,
    edge: Arc<E>,
    clock: Clock,
}

impl<C: Cloud, E: Edge> Reconciler<C, E> {
    /// Between this cloud and this edge.
    #[must_use]
    pub fn new(cloud: Arc<C>, edge: Arc<E>) -> Self {
        Self {
            cloud,
            edge,
            clock: Clock::default(),
        }
    }

    /// The cloud's side.
    #[must_use]
    pub fn cloud(&self) -> &C {
        &self.cloud
    }

    /// The edge's side.
    #[must_use]
    pub fn edge(&self) -> &E {
        &self.edge
    }

    /// The time, as documents say when they were observed.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Brings a resource into step. `marked` tells that the edge may have marks for it.
    ///
    /// # Errors
    ///
    /// Something could not be asked, failed, or was overtaken. What was done until then stays done, and doing it again
    /// does no harm.
    pub async fn reconcile(&self, resource: Resource, marked: bool) -> Result<Outcome, Failure> {
        let outcome = self.bring_into_step(resource, marked).await;
        if let Err(Failure::Edge(EdgeError::Clock { .. })) = outcome {
            // The machine's clock may be right again by the next attempt.
            self.clock.reset();
        }
        outcome
    }

    async fn bring_into_step(&self, resource: Resource, marked: bool) -> Result<Outcome, Failure> {
        let record = if marked {
            self.edge.show(resource).await?
        } else {
            None
        };
        let changes = record
            .map(|record| record.changes().clone())
            .unwrap_or_default();
        let (applied, failed) = self.apply(resource, &changes).await;
        let outcome = self.register(resource, &applied).await?;
        match outcome {
            Outcome::Registered { .. } | Outcome::Rejected if failed => Ok(Outcome::Unapplied),
            _ => Ok(outcome),
        }
    }

    /// Makes the marked changes in the cloud. One that the cloud answers with an error holds up no other; the first for
    /// which there is no answer ends it. Gives the revisions that are done with, refused ones included, and whether a
    /// change failed.
    async fn apply(
        &self,
        resource: Resource,
        changes: &BTreeMap<String, Change>,
    ) -> (BTreeMap<String, u64>, bool) {
        let mut applied = BTreeMap::new();
        let mut failed = false;
        for (key, change) in changes {
            match self
                .cloud
                .change(resource, key, change.value.as_deref())
                .await
            {
                Ok(Taken::Applied) => {
                    metrics::change(resource.kind, "applied");
                    debug!(kind = %resource.kind, id = %resource.id, key, revision = change.revision, "applied");
                }
                Ok(Taken::Refused(reason)) => {
                    metrics::change(resource.kind, "refused");
                    warn!(
                        kind = %resource.kind, id = %resource.id, key, revision = change.revision, reason,
                        "refused: the cloud refuses this change, and it is undone at the edge"
                    );
                }
                Err(error) => {
                    failed = true;
                    metrics::failure("cloud");
                    warn!(
                        kind = %resource.kind, id = %resource.id, key, revision = change.revision, %error,
                        "this change is tried again"
                    );
                    if matches!(error, CloudError::Status { .. }) {
                        continue;
                    }
                    break;
                }
            }
            applied.insert(key.clone(), change.revision);
        }
        (applied, failed)
    }

    /// Reads the resource and tells the edge.
    async fn register(
        &self,
        resource: Resource,
        applied: &BTreeMap<String, u64>,
    ) -> Result<Outcome, Failure> {
        // P: the time before the read begins, so that a read that began earlier never wins over a later one.
        let observed_at = self.clock.now();
        if let Some(document) = self.cloud.read(resource).await? {
            return self.send(resource, &document, observed_at, applied).await;
        }
        self.edge.remove(resource, observed_at).await?;
        // P: a DELETE that is older than the record changes nothing, and is answered as one that deletes it.
        if let Some(record) = self.edge.show(resource).await? {
            return Err(Failure::Stale(record.observed_at()));
        }
        metrics::reconciled(resource.kind, "deleted");
        Ok(Outcome::Deleted)
    }

    /// Tells the edge what was read at a time, and which marks are done with, also if it refuses what was read.
    ///
    /// # Errors
    ///
    /// The edge could not be asked, failed, or has something later.
    pub async fn send(
        &self,
        resource: Resource,
        document: &Document,
        observed_at: DateTime<Utc>,
        applied: &BTreeMap<String, u64>,
    ) -> Result<Outcome, Failure> {
        match self
            .edge
            .register(resource, document, observed_at, applied)
            .await
        {
            Ok(Stored::Record(record)) => match standing(&record, observed_at) {
                Standing::Taken { marked } => {
                    metrics::reconciled(resource.kind, "registered");
                    Ok(Outcome::Registered { marked })
                }
                Standing::Overtaken(later) => Err(Failure::Stale(Some(later))),
            },
            Ok(Stored::Stale) => Err(Failure::Stale(None)),
            Err(error @ EdgeError::Rejected { .. }) => {
                metrics::reconciled(resource.kind, "rejected");
                tracing::error!(kind = %resource.kind, id = %resource.id, %error, "the edge refuses this document");
                if !applied.is_empty() {
                    // Otherwise the edge lists them again, and the same changes are made without end.
                    self.edge.acknowledge(resource, applied).await?;
                }
                Ok(Outcome::Rejected)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the edge's answer says about the document that was sent.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Taken { marked: bool },
    Overtaken(DateTime<Utc>),
}

fn standing(record: &Record, sent: DateTime<Utc>) -> Standing {
    match record.observed_at() {
        Some(later) if later > sent => Standing::Overtaken(later),
        _ => Standing::Taken {
            marked: !record.changes().is_empty(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(observed_at: i64, changes: &serde_json::Value) -> Record {
        serde_json::from_value(json!({"server": {
            "id": "5ec95878-b74d-40f2-be61-c3c1ae5e5b19", "created": "1970-01-01T00:00:00Z",
            "updated": "1970-01-01T00:00:00Z", "project_id": "a1", "name": "", "vm_state": "active", "task_state": null, "power_state": 1,
            "locked": false, "launched": true, "metadata": {}, "changes": changes, "observed_at": time(observed_at),
        }}))
        .unwrap()
    }

    fn time(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    #[test]
    fn a_document_is_taken_unless_the_edge_has_a_later_one() {
        assert_eq!(
            standing(&record(5, &json!({})), time(5)),
            Standing::Taken { marked: false }
        );
        assert_eq!(
            standing(&record(6, &json!({})), time(5)),
            Standing::Overtaken(time(6))
        );
    }

    #[test]
    fn marks_that_are_left_are_told() {
        let record = record(5, &json!({"k": {"revision": 1, "value": null}}));
        assert_eq!(standing(&record, time(5)), Standing::Taken { marked: true });
    }
}
