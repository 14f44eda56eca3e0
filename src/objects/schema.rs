//! The tables of a resource's database, how they came to be, and each statement on them.
//!
//! | table | rows |
//! |---|---|
//! | `resource` | one: what the control plane says, as JSON that other releases can read |
//! | `item` | one per metadata item; keys are compared byte for byte |
//! | `outbox` | the lists that do not know yet what the record is now |
//! | `operation` | the changes of the last seconds, by the id of the request that made them |
//! | `tombstone` | one at most: when the record was deleted |
//! | `change` | the keys that the cloud has yet to apply |
//!
//! A resource that does not exist has no tables: looking for it leaves nothing behind.

use edge_metadata_core::metadata::{Change, Metadata, Record};
use edge_metadata_core::registry::{Marks, Tombstone};
use edge_metadata_core::storage::operation_log::{self, parse_id};
use edge_metadata_core::storage::{AppliedOperation, AppliedOutcome, Entry, Replaced, record};
use edge_metadata_core::timestamp::{self, Timestamp};
use serde::{Serialize, Serializer};
use wasm_bindgen::intern;

use super::sql::{Bound, Database, Row};

/// The tables of schema 1, and what release 0.2 added to them.
///
/// What is released never changes. Additions must leave the database usable for the release before:
/// they are tables, and columns that have a default. For the same reason each statement here names its
/// columns, and rows written by a newer schema are safe to read.
const SCHEMA_1: &str = "
    CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
    INSERT INTO schema_version VALUES (1);
    CREATE TABLE resource (id INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
    CREATE TABLE item (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE operation (
        slot INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        project_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, name TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";
const SCHEMA_2: &str = "
    CREATE TABLE tombstone (
        id INTEGER PRIMARY KEY, observed_at TEXT NOT NULL, until INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE change (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    UPDATE schema_version SET version = 2 WHERE version < 2;
";

/// Which tables there are. A database that a later release wrote may have any version and all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// None.
    None,
    /// Those of schema 1.
    Schema1,
    /// Those of this release.
    Current,
}

/// The statements of a change of one item.
const WRITE_OPERATION: &str = "
    INSERT INTO operation (slot, id, at, note) VALUES (?, ?, ?, CAST(? AS TEXT))
    ON CONFLICT (slot) DO UPDATE SET id = excluded.id, at = excluded.at, note = excluded.note";
const DELETE_ITEM: &str = "DELETE FROM item WHERE key = ?";
const PUT_ITEM: &str = "
    INSERT INTO item (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value";

/// The same for many items: the members of a JSON object.
const PUT_ITEMS: &str = "
    INSERT INTO item (key, value) SELECT key, value FROM json_each(CAST(? AS TEXT)) WHERE true
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value";

/// From this many items on, one statement writes all of them.
const MANY: usize = 4;

/// Up to this many items are read as one JSON text. Those that users write have at most half a megabyte
/// together, those of a registration at most one.
const MAX_TOGETHER: i64 = 256;

/// Keeps the statements of each change in JavaScript, where they would be decoded each time.
pub(super) fn intern_statements() {
    for statement in [WRITE_OPERATION, DELETE_ITEM, PUT_ITEM, PUT_ITEMS] {
        intern(statement);
    }
}

/// Returns which tables there are.
pub(super) fn tables(database: &Database) -> worker::Result<Tables> {
    let found = database.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('resource', 'change')",
        &[],
    )?;
    Ok(match found.len() {
        0 => Tables::None,
        1 => Tables::Schema1,
        _ => Tables::Current,
    })
}

/// Creates the tables that are missing. Runs in the transaction of the write that needs them.
pub(super) fn migrate(database: &Database, from: Tables) -> worker::Result<()> {
    match from {
        Tables::None => {
            database.execute(SCHEMA_1, &[])?;
            database.execute(SCHEMA_2, &[])
        }
        Tables::Schema1 => database.execute(SCHEMA_2, &[]),
        Tables::Current => Ok(()),
    }
}

/// Everything that is stored of a resource.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) record: Option<Record>,
    pub(super) tombstone: Option<Tombstone>,
    pub(super) marks: Marks,
    /// Oldest first.
    pub(super) operations: Vec<AppliedOperation>,
    /// Whether a list does not know yet what the record is now. Not read without a record.
    pub(super) has_pending_updates: bool,
    pub(super) tables: Tables,
}

/// Reads everything. Creates nothing.
pub(super) fn load(database: &Database) -> worker::Result<Stored> {
    let mut stored = Stored {
        record: None,
        tombstone: None,
        marks: Marks::default(),
        operations: Vec::new(),
        has_pending_updates: false,
        tables: tables(database)?,
    };
    if stored.tables == Tables::None {
        return Ok(stored);
    }
    let operations = database.query(
        // The longest word and the character behind it; the rest is read when it is needed.
        "SELECT slot, id, at, substr(note, 1, 10), length(CAST(note AS BLOB))
         FROM operation ORDER BY at",
        &[],
    )?;
    stored.operations = operations.iter().filter_map(operation).collect();
    if let Some((record, has_pending_updates)) = record(database)? {
        stored.record = Some(record);
        stored.has_pending_updates = has_pending_updates;
    }
    if stored.tables == Tables::Current {
        // A record has no tombstone, and without one there are no marks.
        match stored.record {
            Some(_) => stored.marks = marks(database)?,
            None => stored.tombstone = tombstone(database)?,
        }
    }
    Ok(stored)
}

/// Reads the record, and whether a list does not know yet what it is now.
///
/// Its items cross as one JSON text, because each row is several crossings: an array of pairs, because
/// SQLite ends a member's name at a NUL, which keys of the control plane may have. Of more than
/// [`MAX_TOGETHER`] it could be longer than a value may be in SQLite, which is 2 MB on the platform.
fn record(database: &Database) -> worker::Result<Option<(Record, bool)>> {
    let rows = database.query(
        "SELECT document, items, count, EXISTS (SELECT 1 FROM outbox)
         FROM resource, (
             SELECT
                 CASE WHEN count(*) <= ? THEN
                     CAST(json_group_array(json_array(key, value)) AS BLOB)
                 END AS items,
                 count(*) AS count
             FROM (SELECT key, value FROM item LIMIT ?)
         )
         LIMIT 1",
        &[MAX_TOGETHER.into(), (MAX_TOGETHER + 1).into()],
    )?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let metadata = if row.integer(2) <= MAX_TOGETHER {
        let items: Vec<(String, String)> = row.json(1)?;
        items.into_iter().collect()
    } else {
        let items = database.query("SELECT key, value FROM item", &[])?;
        items.iter().map(|row| (row.text(0), row.text(1))).collect()
    };
    let record = record::read(&row.text(0), metadata)
        .map_err(|error| worker::Error::RustError(error.to_string()))?;
    Ok(Some((record, row.integer(3) != 0)))
}

fn operation(row: &Row) -> Option<AppliedOperation> {
    let note = row.text(3);
    let bytes = usize::try_from(row.integer(4)).ok()?;
    Some(AppliedOperation {
        slot: row.integer(0),
        id: parse_id(&row.text(1))?,
        at: timestamp::from_millis(row.integer(2)),
        outcome: AppliedOutcome::parse(&note)?,
        replaced: operation_log::replaced_bytes(&note, bytes),
    })
}

fn tombstone(database: &Database) -> worker::Result<Option<Tombstone>> {
    let rows = database.query("SELECT observed_at, until FROM tombstone LIMIT 1", &[])?;
    Ok(rows.first().and_then(|row| {
        Some(Tombstone {
            observed_at: timestamp::parse(&row.text(0))?,
            until: timestamp::from_millis(row.integer(1)),
        })
    }))
}

fn marks(database: &Database) -> worker::Result<Marks> {
    let rows = database.query("SELECT key, revision FROM change", &[])?;
    let mark = |row: &Row| Some((row.text(0), u64::try_from(row.integer(1)).ok()?));
    Ok(rows.iter().filter_map(mark).collect())
}

/// Returns what each change after `at` took away from the record, the newest first; [`None`] when
/// one of them does not say it.
pub(super) fn replaced_since(
    database: &Database,
    at: Timestamp,
) -> worker::Result<Option<Vec<Replaced>>> {
    let rows = database.query(
        "SELECT note FROM operation WHERE at > ? ORDER BY at DESC",
        &[at.timestamp_millis().into()],
    )?;
    let replaced = |row: &Row| Replaced::read(operation_log::replaced(&row.text(0))?).ok();
    Ok(rows.iter().map(replaced).collect())
}

/// Remembers a change in its slot, in place of whatever was there.
pub(super) fn write_operation(database: &Database, entry: &Entry) -> worker::Result<()> {
    for operation in &entry.in_excess {
        database.execute(
            "UPDATE operation SET note = ? WHERE slot = ?",
            &[operation.outcome.word().into(), operation.slot.into()],
        )?;
    }
    let operation = &entry.operation;
    database.execute(
        WRITE_OPERATION,
        &[
            operation.slot.into(),
            operation.id.simple().to_string().as_str().into(),
            operation.at.timestamp_millis().into(),
            Bound::LongText(&entry.note()),
        ],
    )
}

/// Writes a user's change of items.
pub(super) fn write_change(database: &Database, change: &Change) -> worker::Result<()> {
    let removed = change.removed.iter().map(String::as_str);
    let put: Vec<_> = change
        .put
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    write_items(database, removed, &put)
}

/// Removes items and puts others, many of them by one statement: it costs as much CPU as two that put
/// one, and reads as many rows as it has items.
fn write_items<'a>(
    database: &Database,
    removed: impl Iterator<Item = &'a str>,
    put: &[(&str, &str)],
) -> worker::Result<()> {
    for key in removed {
        database.execute(DELETE_ITEM, &[key.into()])?;
    }
    #[cfg(feature = "faults")]
    crate::faults::between_statements()?;
    if put.len() < MANY {
        for &(key, value) in put {
            database.execute(PUT_ITEM, &[key.into(), value.into()])?;
        }
        return Ok(());
    }
    let items = serde_json::to_string(&JsonObject(put))?;
    database.execute(PUT_ITEMS, &[Bound::LongText(&items)])
}

/// Serializes as an object of these members.
struct JsonObject<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for JsonObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Writes what the control plane says, which [`record::write`] made a text of.
pub(super) fn write_record(database: &Database, document: &str) -> worker::Result<()> {
    database.execute(
        "INSERT INTO resource (id, document) VALUES (1, CAST(? AS TEXT))
         ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        &[Bound::LongText(document)],
    )
}

/// Writes the items in which what the control plane says differs from `before`.
pub(super) fn write_registered_items(
    database: &Database,
    before: Option<&Metadata>,
    metadata: &Metadata,
) -> worker::Result<()> {
    let nothing = Metadata::new();
    let before = before.unwrap_or(&nothing);
    let removed = before
        .keys()
        .filter(|key| !metadata.contains_key(*key))
        .map(String::as_str);
    let put: Vec<_> = metadata
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    write_items(database, removed, &put)
}

/// Removes the record and its items, and leaves a tombstone. The changes made stay known for the
/// repetitions to come.
pub(super) fn erase(database: &Database, tombstone: &Tombstone) -> worker::Result<()> {
    database.execute("DELETE FROM item", &[])?;
    database.execute("DELETE FROM change", &[])?;
    database.execute("DELETE FROM resource", &[])?;
    database.execute(
        "INSERT INTO tombstone (id, observed_at, until) VALUES (1, ?, ?)
         ON CONFLICT (id) DO UPDATE SET observed_at = excluded.observed_at, until = excluded.until",
        &[
            timestamp::to_full(tombstone.observed_at).as_str().into(),
            tombstone.until.timestamp_millis().into(),
        ],
    )
}

/// Removes what is left of an earlier record: its tombstone, and marks, which an earlier release's
/// DELETE does not know.
pub(super) fn remove_remains(database: &Database) -> worker::Result<()> {
    database.execute("DELETE FROM tombstone", &[])?;
    database.execute("DELETE FROM change", &[])
}

/// Marks keys that the cloud has yet to apply.
pub(super) fn write_marks<'a>(
    database: &Database,
    keys: impl Iterator<Item = &'a str>,
    revision: i64,
) -> worker::Result<()> {
    for key in keys {
        database.execute(
            "INSERT INTO change (key, revision) VALUES (?, ?)
             ON CONFLICT (key) DO UPDATE SET revision = excluded.revision",
            &[key.into(), revision.into()],
        )?;
    }
    Ok(())
}

/// Removes the marks of these keys.
pub(super) fn remove_marks(database: &Database, keys: &[String]) -> worker::Result<()> {
    for key in keys {
        database.execute("DELETE FROM change WHERE key = ?", &[key.as_str().into()])?;
    }
    Ok(())
}

/// A list that does not know yet what the record is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingUpdate {
    /// The list's project, or one of the lists that are no project's.
    pub(super) list: String,
    /// When the last change that the list must show was made, in milliseconds since 1970. A change made
    /// while the update is sent keeps it pending, and the list ignores an update that is older than the
    /// one it has.
    pub(super) revision: i64,
    /// The name of the resource's object.
    pub(super) name: String,
}

/// Records that `lists` must be updated after the change made at `at`. No two changes of a resource have
/// the same time.
pub(super) fn add_pending_updates(
    database: &Database,
    name: &str,
    lists: &[String],
    at: Timestamp,
) -> worker::Result<()> {
    for list in lists {
        database.execute(
            "INSERT INTO outbox (project_id, revision, name) VALUES (?, ?, ?)
             ON CONFLICT (project_id) DO UPDATE SET revision = excluded.revision",
            &[
                list.as_str().into(),
                at.timestamp_millis().into(),
                name.into(),
            ],
        )?;
    }
    Ok(())
}

/// Returns up to `limit` pending updates of lists behind `after`.
pub(super) fn pending_updates(
    database: &Database,
    after: &str,
    limit: i64,
) -> worker::Result<Vec<PendingUpdate>> {
    let rows = database.query(
        "SELECT project_id, revision, name FROM outbox WHERE project_id > ?
         ORDER BY project_id LIMIT ?",
        &[after.into(), limit.into()],
    )?;
    let update = |row: &Row| PendingUpdate {
        list: row.text(0),
        revision: row.integer(1),
        name: row.text(2),
    };
    Ok(rows.iter().map(update).collect())
}

/// Removes pending updates together, except those that were made again since.
pub(super) fn acknowledge<'a>(
    database: &Database,
    updates: impl Iterator<Item = &'a PendingUpdate>,
) -> worker::Result<()> {
    for update in updates {
        database.execute(
            "DELETE FROM outbox WHERE project_id = ? AND revision = ?",
            &[update.list.as_str().into(), update.revision.into()],
        )?;
    }
    Ok(())
}
