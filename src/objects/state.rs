//! What a resource's object holds in memory, and how each call changes it and SQLite together.

use edge_metadata_core::metadata::{Change, Operation, Record, Rejection, decide};
use edge_metadata_core::registry::{
    Applied, Known, Marks, Revision, TOMBSTONE_LIFETIME, Tombstone, apply, is_stale_delete,
};
use edge_metadata_core::rpc::{Call, Register, Registered, RegistryError, Unregister};
use edge_metadata_core::storage::index_entry::CHANGES;
use edge_metadata_core::storage::{AppliedOperation, AppliedOutcome, IndexEntry, OperationLog};
use edge_metadata_core::timestamp::Timestamp;

use super::schema::{self, Tables};
use super::sql::Database;
use crate::platform;

/// A copy of what SQLite holds.
#[derive(Debug)]
pub(super) struct ResourceState {
    record: Option<Record>,
    tombstone: Option<Tombstone>,
    marks: Marks,
    log: OperationLog,
    tables: Tables,
}

impl ResourceState {
    /// Reads what is stored.
    pub(super) fn load(database: &Database) -> worker::Result<Self> {
        let stored = schema::load(database)?;
        let log = OperationLog::new(stored.operations);
        let mut record = stored.record;
        if let Some(record) = &mut record {
            // A user's change writes no document, only its entry in the log.
            record.metadata_changed_at = record.metadata_changed_at.max(log.last_user_change());
        }
        Ok(Self {
            record,
            tombstone: stored.tombstone,
            marks: stored.marks,
            log,
            tables: stored.tables,
        })
    }

    /// Returns the record.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Returns when the oldest change was made that the cloud has yet to hear of, in milliseconds
    /// since 1970.
    pub(super) fn oldest_mark(&self) -> Option<i64> {
        let oldest = self.marks.oldest()?;
        i64::try_from(oldest).ok()
    }

    /// Returns when nothing of the object is needed any more, in milliseconds since 1970; [`None`]
    /// while there is a record.
    pub(super) fn removable_at(&self) -> Option<i64> {
        match (&self.record, self.tombstone) {
            (Some(_), _) => None,
            (None, Some(tombstone)) => Some(tombstone.until.timestamp_millis()),
            (None, None) => Some(0),
        }
    }

    /// Carries out an operation of the API; `reply` makes the reply from the record afterwards.
    ///
    /// The repetition of a change that was made is told the same outcome, and changes nothing.
    pub(super) fn perform<R>(
        &mut self,
        database: &Database,
        object: &str,
        call: &Call<'_>,
        operation: &Operation,
        reply: impl FnOnce(&Record) -> R,
    ) -> worker::Result<Result<R, Rejection>> {
        let is_repetition = operation.changes() && self.log.find(call.id).is_some();
        if !is_repetition {
            let record = self.record.as_ref();
            match decide(record, operation, &call.actor, call.item_limit) {
                Ok(None) => {}
                Ok(Some(change)) => {
                    let applied = self.log.next(call.id, outcome(operation), platform::now());
                    if call.keep_changes {
                        self.commit_with_marks(database, object, &change, &applied)?;
                    } else {
                        commit(database, &change, &applied)?;
                    }
                    self.remember(&change, applied);
                }
                Err(rejection) => return Ok(Err(rejection)),
            }
        }
        Ok(self.record.as_ref().map(reply).ok_or(Rejection::NotFound))
    }

    /// Commits a change, and marks the keys that it touches.
    fn commit_with_marks(
        &mut self,
        database: &Database,
        object: &str,
        change: &Change,
        applied: &AppliedOperation,
    ) -> worker::Result<()> {
        let is_first_mark = self.marks.is_empty();
        database.transaction(|| {
            schema::migrate(database, self.tables)?;
            schema::write_operation(database, applied)?;
            schema::write_change(database, change)?;
            schema::write_marks(database, change.keys(), applied.at.timestamp_millis())?;
            if is_first_mark {
                schema::add_pending_updates(database, object, &[CHANGES.to_owned()])?;
            }
            Ok(())
        })?;
        self.tables = Tables::Current;
        for key in change.keys() {
            self.marks.mark(key, revision(applied.at));
        }
        if is_first_mark {
            database.set_alarm(applied.at.timestamp_millis())?;
        }
        Ok(())
    }

    fn remember(&mut self, change: &Change, applied: AppliedOperation) {
        if let Some(record) = &mut self.record {
            change.apply(&mut record.metadata);
            record.metadata_changed_at = Some(applied.at);
        }
        self.log.push(applied);
    }

    /// Registry: PUT.
    pub(super) fn register(
        &mut self,
        database: &Database,
        object: &str,
        call: &Call<'_>,
        args: Register<'_>,
    ) -> worker::Result<Result<Registered, RegistryError>> {
        if let Some(applied) = self.log.find(call.id) {
            let is_new = applied.outcome == AppliedOutcome::Created;
            return Ok(self.registered(is_new, call.keep_changes));
        }
        let now = platform::now();
        let document = args.document.into_owned();
        let mut marks = self.marks.clone();
        let acknowledged = match document.applied() {
            Some(applied) if call.keep_changes => marks.acknowledge(applied),
            _ => Vec::new(),
        };
        let known = Known {
            record: self.record.as_ref(),
            tombstone: self.tombstone,
            marks: call.keep_changes.then_some(&marks),
        };
        let (record, outcome) = match apply(known, document, now) {
            Ok(Applied::Created(record)) => (Some(record), AppliedOutcome::Created),
            Ok(Applied::Updated(record)) => (Some(record), AppliedOutcome::Updated),
            Ok(Applied::Stale) => (None, AppliedOutcome::Updated),
            Ok(Applied::Deleted) => return Ok(Err(RegistryError::NotFound)),
            Err(field) => return Ok(Err(RegistryError::Invalid(field))),
        };
        if record.is_some() || !acknowledged.is_empty() {
            let applied = self.log.next(call.id, outcome, now);
            let mut lists = match &record {
                Some(record) => pending_updates(self.record.as_ref(), Some(record)),
                None => Vec::new(),
            };
            if marks.is_empty() && !self.marks.is_empty() {
                lists.push(CHANGES.to_owned());
            }
            database.transaction(|| {
                schema::migrate(database, self.tables)?;
                if let Some(record) = &record {
                    schema::write_record(database, self.record.as_ref(), record)?;
                }
                if self.tombstone.is_some() {
                    schema::remove_tombstone(database)?;
                }
                schema::remove_marks(database, &acknowledged)?;
                schema::add_pending_updates(database, object, &lists)?;
                schema::write_operation(database, &applied)
            })?;
            if !lists.is_empty() {
                database.set_alarm(now.timestamp_millis())?;
            }
            self.tables = Tables::Current;
            self.log.push(applied);
            self.tombstone = None;
            self.marks = marks;
            self.record = record.or_else(|| self.record.take());
        }
        let is_new = outcome == AppliedOutcome::Created;
        Ok(self.registered(is_new, call.keep_changes))
    }

    /// Registry: GET.
    pub(super) fn inspect(&self, keep_changes: bool) -> Result<Registered, RegistryError> {
        self.registered(false, keep_changes)
    }

    fn registered(&self, is_new: bool, keep_changes: bool) -> Result<Registered, RegistryError> {
        let record = self.record.clone().ok_or(RegistryError::NotFound)?;
        Ok(Registered {
            created: is_new,
            changes: keep_changes.then(|| self.marks.pending(&record.metadata)),
            record,
        })
    }

    /// Registry: DELETE.
    pub(super) fn unregister(
        &mut self,
        database: &Database,
        object: &str,
        call: &Call<'_>,
        args: Unregister,
    ) -> worker::Result<Result<(), RegistryError>> {
        if self.log.find(call.id).is_some() {
            return Ok(Ok(()));
        }
        let now = platform::now();
        let observed_at = args.observed_at.unwrap_or(now);
        let tombstone = Tombstone {
            observed_at,
            until: now + TOMBSTONE_LIFETIME,
        };
        let Some(record) = &self.record else {
            self.bury(database, tombstone)?;
            return Ok(Err(RegistryError::NotFound));
        };
        // P: a DELETE that is older than the record's `observed_at` changes nothing.
        if is_stale_delete(record, observed_at) {
            return Ok(Ok(()));
        }
        let applied = self.log.next(call.id, AppliedOutcome::Removed, now);
        let mut lists = pending_updates(Some(record), None);
        if !self.marks.is_empty() {
            lists.push(CHANGES.to_owned());
        }
        database.transaction(|| {
            schema::migrate(database, self.tables)?;
            schema::erase(database, &tombstone)?;
            schema::add_pending_updates(database, object, &lists)?;
            schema::write_operation(database, &applied)
        })?;
        database.set_alarm(now.timestamp_millis())?;
        self.tables = Tables::Current;
        self.log.push(applied);
        self.record = None;
        self.marks = Marks::default();
        self.tombstone = Some(tombstone);
        Ok(Ok(()))
    }

    /// Remembers a DELETE of a record that does not exist, so that the PUT that it overtook does not
    /// bring it back. P: for 24 hours a PUT that is not later than a DELETE is 404.
    fn bury(&mut self, database: &Database, tombstone: Tombstone) -> worker::Result<()> {
        let is_known = |known: Tombstone| known.observed_at >= tombstone.observed_at;
        if self.tombstone.is_some_and(is_known) {
            return Ok(());
        }
        database.transaction(|| {
            schema::migrate(database, self.tables)?;
            schema::erase(database, &tombstone)
        })?;
        // Lists may still have to be told of an earlier DELETE; the alarm sets the next one.
        database.set_alarm(platform::now().timestamp_millis())?;
        self.tables = Tables::Current;
        self.tombstone = Some(tombstone);
        Ok(())
    }
}

/// Commits a change and its entry in the log together.
fn commit(database: &Database, change: &Change, applied: &AppliedOperation) -> worker::Result<()> {
    if change.removed.len() + change.put.len() == 1 {
        // Without an await in between two statements are durable together or not at all, and should
        // the second one fail, `entry.js` resets the object, which undoes the first one.
        schema::write_operation(database, applied)?;
        return schema::write_change(database, change);
    }
    database.transaction(|| {
        schema::write_operation(database, applied)?;
        schema::write_change(database, change)
    })
}

fn outcome(operation: &Operation) -> AppliedOutcome {
    match operation {
        Operation::DeleteItem { .. } => AppliedOutcome::Deleted,
        Operation::PutItem { .. } => AppliedOutcome::Item,
        _ => AppliedOutcome::Metadata,
    }
}

/// The revision of a change is its time: no two changes of an object have the same.
fn revision(at: Timestamp) -> Revision {
    u64::try_from(at.timestamp_millis()).unwrap_or_default()
}

fn pending_updates(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
    let before = before.map(IndexEntry::of);
    let after = after.map(IndexEntry::of);
    IndexEntry::pending_updates(before.as_ref(), after.as_ref())
}
