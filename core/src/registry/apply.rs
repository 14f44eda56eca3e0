//! A document meets what is known already. P: "Order in time".

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::document::{Document, ImageDocument, Registration, ServerDocument};
use super::{InvalidField, Marks};
use crate::metadata::{Image, Kind, Record, Resource, Server};
use crate::timestamp::Timestamp;

/// P: for so long after a DELETE a PUT of an earlier observation is refused.
pub const TOMBSTONE_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// P: bytes of JSON that a record may have beside its metadata. A body may have 1 MiB, but fields that
/// it does not name keep their values; a value of SQLite may have 2 MB on the platform.
pub const MAX_RECORD_BYTES: usize = 1_536 * 1_024;

/// What is left of a record that the control plane deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// When the control plane saw that the resource is gone.
    pub observed_at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

impl Tombstone {
    /// Returns what a DELETE leaves that was observed at `observed_at`, beside what an earlier one has left.
    ///
    /// P: for 24 hours after it a PUT that is not later than any of them is 404.
    #[must_use]
    pub fn after_delete(known: Option<Self>, observed_at: Timestamp, now: Timestamp) -> Self {
        let known = known.filter(|known| now < known.until);
        Self {
            observed_at: known.map_or(observed_at, |known| known.observed_at.max(observed_at)),
            until: now + TOMBSTONE_LIFETIME,
        }
    }
}

/// What is known of a resource when a document arrives.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The record, [`None`] when there is none.
    pub record: Option<&'a Record>,
    /// What the last DELETE left.
    pub tombstone: Option<Tombstone>,
    /// The keys that the cloud has yet to apply; [`None`] unless they are kept.
    pub marks: Option<&'a Marks>,
}

/// What a document changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// 201: there was no such record before.
    Created(Record),
    /// 200: the record as it is now.
    Updated(Record),
    /// 200: the document is not later than what was applied last, so nothing changes.
    Stale,
    /// 404: the resource was deleted, and the document is not later than that.
    Deleted,
}

/// Returns what `document` makes of what is known.
///
/// # Errors
///
/// Returns the field `project_id` when the record is new and has none.
pub fn apply(
    known: Known<'_>,
    document: Document,
    now: Timestamp,
) -> Result<Applied, InvalidField> {
    match document {
        Document::Server(document) => register(known, Kind::Server, document, now),
        Document::Image(document) => register(known, Kind::Image, document, now),
    }
}

/// Validates the size of a record that would be stored, in bytes of JSON without its metadata.
///
/// # Errors
///
/// Returns the document's kind as the field when it has more than [`MAX_RECORD_BYTES`].
pub fn check_size(kind: Kind, bytes: usize) -> Result<(), InvalidField> {
    if bytes > MAX_RECORD_BYTES {
        let reason = "must have at most 1.5 MiB of JSON beside its metadata";
        return Err(InvalidField::new(kind.singular(), reason));
    }
    Ok(())
}

/// Returns whether a DELETE that was observed at `observed_at` is older than the record, and so
/// changes nothing.
#[must_use]
pub fn is_stale_delete(record: &Record, observed_at: Timestamp) -> bool {
    record.observed_at.is_some_and(|known| observed_at < known)
}

/// The fields of one kind, and the part of a record that they fill.
trait Fill {
    fn fill(self, resource: &mut Resource);
}

fn register<T: Fill>(
    known: Known<'_>,
    kind: Kind,
    document: Registration<T>,
    now: Timestamp,
) -> Result<Applied, InvalidField> {
    let Some(record) = known.record else {
        let is_deleted = known.tombstone.is_some_and(|tombstone| {
            now < tombstone.until
                && document
                    .observed_at
                    .is_some_and(|observed_at| observed_at <= tombstone.observed_at)
        });
        if is_deleted {
            return Ok(Applied::Deleted);
        }
        let project_id = document.project_id.clone().ok_or_else(|| {
            let path = format!("{}.project_id", kind.singular());
            InvalidField::new(path, "required for a new record")
        })?;
        let mut record = fill(
            Record::new(&project_id, kind, now),
            document,
            known.marks,
            now,
        );
        // What was seen before the DELETE stays refused, whether or not this document says its time.
        let tombstone = known.tombstone.filter(|tombstone| now < tombstone.until);
        record.observed_at = record
            .observed_at
            .or(tombstone.map(|tombstone| tombstone.observed_at));
        return Ok(Applied::Created(record));
    };
    let is_stale = match (document.observed_at, record.observed_at) {
        (Some(observed_at), Some(known)) => observed_at <= known,
        _ => false,
    };
    if is_stale {
        return Ok(Applied::Stale);
    }
    let record = fill(record.clone(), document, known.marks, now);
    Ok(Applied::Updated(record))
}

fn fill<T: Fill>(
    mut record: Record,
    document: Registration<T>,
    marks: Option<&Marks>,
    now: Timestamp,
) -> Record {
    if let Some(metadata) = document.metadata {
        match marks {
            Some(marks) => record.metadata = marks.merge(metadata, &record.metadata),
            // A user's change that the observation cannot have seen yet stands. Without
            // `observed_at` the sender means it.
            None if is_before_change(document.observed_at, record.metadata_changed_at) => {}
            None => record.metadata = metadata,
        }
    }
    document.resource.fill(&mut record.resource);
    Record {
        project_id: document.project_id.unwrap_or(record.project_id),
        name: document.name.unwrap_or(record.name),
        created: document.created.unwrap_or(record.created),
        updated: now,
        observed_at: document.observed_at.or(record.observed_at),
        attributes: document.attributes.unwrap_or(record.attributes),
        ..record
    }
}

fn is_before_change(observed_at: Option<Timestamp>, changed_at: Option<Timestamp>) -> bool {
    matches!((observed_at, changed_at), (Some(observed_at), Some(changed_at)) if observed_at <= changed_at)
}

impl Fill for ServerDocument {
    fn fill(self, resource: &mut Resource) {
        // An object's name fixes its kind, and the document's kind comes from the same path.
        if let Resource::Server(server) = resource {
            *server = Server {
                vm_state: self
                    .vm_state
                    .unwrap_or_else(|| std::mem::take(&mut server.vm_state)),
                task_state: self.task_state.unwrap_or_else(|| server.task_state.take()),
                power_state: self.power_state.unwrap_or(server.power_state),
                locked: self.locked.unwrap_or(server.locked),
                launched: self.launched.unwrap_or(server.launched),
            };
        }
    }
}

impl Fill for ImageDocument {
    fn fill(self, resource: &mut Resource) {
        if let Resource::Image(image) = resource {
            *image = Image {
                status: self
                    .status
                    .unwrap_or_else(|| std::mem::take(&mut image.status)),
                visibility: self.visibility.unwrap_or(image.visibility),
                members: self
                    .members
                    .unwrap_or_else(|| std::mem::take(&mut image.members)),
            };
        }
    }
}

#[cfg(test)]
mod tests;
