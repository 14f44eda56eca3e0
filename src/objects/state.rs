//! What a resource's object holds in memory, and how each call changes it and SQLite together.

use std::borrow::Cow;

use edge_metadata_core::metadata::{Change, Operation, Record, Rejection, decide};
use edge_metadata_core::registry::{
    Applied, Known, Marks, Revision, Tombstone, apply, check_size, is_stale_delete,
};
use edge_metadata_core::rpc::{Call, Register, Registered, RegistryError, Unregister};
use edge_metadata_core::storage::index_entry::CHANGES;
use edge_metadata_core::storage::record::DecodeError;
use edge_metadata_core::storage::{
    AppliedOperation, AppliedOutcome, Entry, IndexEntry, OperationLog, Replaced, record,
};
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
    /// Whether updates of lists were pending when this was read. Their alarm may be lost, because the
    /// platform gives up on one that fails repeatedly, as on a full disk. So the next change sets it again.
    had_pending_updates: bool,
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
            had_pending_updates: stored.has_pending_updates,
            tables: stored.tables,
        })
    }

    /// Returns the record.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Returns when the oldest change was made that the cloud has yet to apply, in milliseconds
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

    /// Decides an operation of the API that only reads.
    pub(super) fn read(
        &self,
        call: &Call<'_>,
        operation: &Operation,
    ) -> Result<&Record, Rejection> {
        let record = self.record.as_ref();
        decide(record, operation, &call.actor, call.item_limit)?;
        record.ok_or(Rejection::NotFound)
    }

    /// Carries out an operation of the API that changes items.
    ///
    /// The repetition of a change that was made is told the same outcome, and changes nothing.
    pub(super) fn change(
        &mut self,
        database: &Database,
        object: &str,
        call: &Call<'_>,
        operation: &Operation,
    ) -> worker::Result<Result<Execution, Rejection>> {
        if let Some(applied) = self.log.find(call.id) {
            return Ok(Ok(Execution::Replayed(applied)));
        }
        let record = self.record.as_ref();
        let change = match decide(record, operation, &call.actor, call.item_limit) {
            Ok(Some(change)) => change,
            // Nothing is touched, so there is nothing to remember.
            Ok(None) => return Ok(Ok(Execution::Performed)),
            Err(rejection) => return Ok(Err(rejection)),
        };
        let Some(record) = record else {
            return Ok(Err(Rejection::NotFound));
        };
        let now = platform::now();
        let replaced = self
            .log
            .needs_replaced(now)
            .then(|| Replaced::by_change(&change, &record.metadata));
        let entry = self
            .log
            .next(call.id, outcome(operation), now, replaced.as_ref())
            .map_err(unreadable)?;
        if call.keep_changes {
            self.commit_with_marks(database, object, &change, &entry)?;
        } else {
            commit(database, &change, &entry)?;
        }
        if std::mem::take(&mut self.had_pending_updates) {
            database.set_alarm(now.timestamp_millis())?;
        }
        self.remember(&change, entry.operation);
        Ok(Ok(Execution::Performed))
    }

    /// Returns the record as a change left it; [`None`] when it is deleted.
    ///
    /// Should the changes since then not say what they took away, it is the record as it is now.
    pub(super) fn record_after(
        &self,
        database: &Database,
        execution: Execution,
    ) -> worker::Result<Option<Cow<'_, Record>>> {
        let now = self.record.as_ref().map(Cow::Borrowed);
        let Execution::Replayed(applied) = execution else {
            return Ok(now);
        };
        let Some(replaced) = schema::replaced_since(database, applied.at)? else {
            return Ok(now);
        };
        if replaced.is_empty() {
            return Ok(now);
        }
        let mut record = self.record.clone();
        for replaced in replaced {
            record = replaced.restore(record).map_err(unreadable)?;
        }
        Ok(record.map(Cow::Owned))
    }

    /// Commits a change, and marks the keys that it touches.
    fn commit_with_marks(
        &mut self,
        database: &Database,
        object: &str,
        change: &Change,
        entry: &Entry,
    ) -> worker::Result<()> {
        let at = entry.operation.at;
        let is_first_mark = self.marks.is_empty();
        database.transaction(|| {
            schema::migrate(database, self.tables)?;
            schema::write_operation(database, entry)?;
            schema::write_change(database, change)?;
            schema::write_marks(database, change.keys(), at.timestamp_millis())?;
            if is_first_mark {
                schema::add_pending_updates(database, object, &[CHANGES.to_owned()], at)?;
            }
            Ok(())
        })?;
        self.tables = Tables::Current;
        for key in change.keys() {
            self.marks.mark(key, revision(at));
        }
        if is_first_mark {
            database.set_alarm(at.timestamp_millis())?;
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
            let record = self.record_after(database, Execution::Replayed(applied))?;
            return Ok(self.registered(record, is_new, call.keep_changes));
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
        let stored = record.as_ref().map(record::write).transpose();
        let stored = stored.map_err(unreadable)?.unwrap_or_default();
        if let Some(record) = &record
            && let Err(field) = check_size(record.resource.kind(), stored.len())
        {
            return Ok(Err(RegistryError::Invalid(field)));
        }
        if record.is_some() || !acknowledged.is_empty() {
            let entry = self.registry_entry(call, outcome, now, record.as_ref())?;
            let mut lists = match &record {
                Some(record) => pending_updates(self.record.as_ref(), Some(record)),
                None => Vec::new(),
            };
            if marks.oldest() != self.marks.oldest() {
                lists.push(CHANGES.to_owned());
            }
            database.transaction(|| {
                schema::migrate(database, self.tables)?;
                if self.record.is_none() && self.tables == Tables::Current {
                    schema::remove_remains(database)?;
                }
                if let Some(record) = &record {
                    let before = self.record.as_ref().map(|record| &record.metadata);
                    schema::write_record(database, &stored)?;
                    schema::write_registered_items(database, before, &record.metadata)?;
                }
                schema::remove_marks(database, &acknowledged)?;
                schema::add_pending_updates(database, object, &lists, entry.operation.at)?;
                schema::write_operation(database, &entry)
            })?;
            if !lists.is_empty() || std::mem::take(&mut self.had_pending_updates) {
                database.set_alarm(now.timestamp_millis())?;
            }
            self.tables = Tables::Current;
            self.log.push(entry.operation);
            self.tombstone = None;
            self.marks = marks;
            self.record = record.or_else(|| self.record.take());
        }
        let is_new = outcome == AppliedOutcome::Created;
        let record = self.record.as_ref().map(Cow::Borrowed);
        Ok(self.registered(record, is_new, call.keep_changes))
    }

    /// Registry: GET.
    pub(super) fn inspect(&self, keep_changes: bool) -> Result<Registered, RegistryError> {
        let record = self.record.as_ref().map(Cow::Borrowed);
        self.registered(record, false, keep_changes)
    }

    /// The changes are those of now, whenever the record is of: what is carried to the cloud is the
    /// last of them.
    fn registered(
        &self,
        record: Option<Cow<'_, Record>>,
        is_new: bool,
        keep_changes: bool,
    ) -> Result<Registered, RegistryError> {
        let record = record.ok_or(RegistryError::NotFound)?.into_owned();
        let items = self.record.as_ref().map(|now| &now.metadata);
        let pending = || self.marks.pending(items.unwrap_or(&record.metadata));
        Ok(Registered {
            created: is_new,
            changes: keep_changes.then(pending),
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
        let tombstone = Tombstone::after_delete(self.tombstone, observed_at, now);
        let Some(record) = &self.record else {
            self.write_tombstone(database, tombstone)?;
            return Ok(Err(RegistryError::NotFound));
        };
        // P: a DELETE that is older than the record's `observed_at` changes nothing.
        if is_stale_delete(record, observed_at) {
            return Ok(Ok(()));
        }
        let entry = self.registry_entry(call, AppliedOutcome::Removed, now, None)?;
        let mut lists = pending_updates(Some(record), None);
        if !self.marks.is_empty() {
            lists.push(CHANGES.to_owned());
        }
        database.transaction(|| {
            schema::migrate(database, self.tables)?;
            schema::erase(database, &tombstone)?;
            schema::add_pending_updates(database, object, &lists, entry.operation.at)?;
            schema::write_operation(database, &entry)
        })?;
        database.set_alarm(now.timestamp_millis())?;
        self.tables = Tables::Current;
        self.log.push(entry.operation);
        self.record = None;
        self.marks = Marks::default();
        self.tombstone = Some(tombstone);
        Ok(Ok(()))
    }

    /// Returns the entry of a change by the control plane, which leaves `after`. An update without a
    /// record leaves the one there is.
    fn registry_entry(
        &self,
        call: &Call<'_>,
        outcome: AppliedOutcome,
        now: Timestamp,
        after: Option<&Record>,
    ) -> worker::Result<Entry> {
        let replaced = if !self.log.needs_replaced(now) {
            None
        } else if outcome == AppliedOutcome::Updated && after.is_none() {
            Some(Replaced::default())
        } else {
            Some(Replaced::by_record(self.record.as_ref(), after).map_err(unreadable)?)
        };
        self.log
            .next(call.id, outcome, now, replaced.as_ref())
            .map_err(unreadable)
    }

    /// Remembers a DELETE of a record that does not exist, so that the PUT that it overtook does not
    /// bring it back. P: for 24 hours a PUT that is not later than a DELETE is 404.
    fn write_tombstone(&mut self, database: &Database, tombstone: Tombstone) -> worker::Result<()> {
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

/// Whether a change was made by this call or by an earlier try of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Execution {
    /// By this call.
    Performed,
    /// By an earlier call of the same id, whose reply was lost.
    Replayed(AppliedOperation),
}

/// Commits a change and its entry in the log together.
///
/// Without an await in between, statements are durable together or not at all, and should one fail,
/// `entry.js` resets the object, which undoes those before it. A transaction would have SQLite keep a
/// copy of each page that they write.
fn commit(database: &Database, change: &Change, entry: &Entry) -> worker::Result<()> {
    schema::write_operation(database, entry)?;
    schema::write_change(database, change)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` passes it by value"
)]
fn unreadable(error: DecodeError) -> worker::Error {
    worker::Error::RustError(error.to_string())
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
