//! The tables of an object's database, how they came to be, and each statement on them.
//!
//! | table | rows |
//! |---|---|
//! | `resource` | one: what the control plane says, as JSON that old and new code can read |
//! | `item` | one per metadata item; keys are compared byte for byte |
//! | `outbox` | the lists that do not know yet what the record is now |
//! | `operation` | the changes of the last seconds, by the id of the request that made them |
//!
//! A resource that does not exist has no tables: looking for it leaves nothing behind.

use crate::metadata::{Change, Key, Metadata, Record, Value};
use crate::platform::Exception;
use crate::platform::sql::{Bound, Database, Row, execute, query, transaction};
use crate::registry::document;

/// Each entry brings the tables from the version that is its index to the next.
/// Released entries never change; new ones are added below, and must leave the database usable
/// for the release before: they add tables, and columns that have a default. For the same reason
/// each statement here names the columns that it means, and a later version is none to worry about.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
    INSERT INTO schema_version VALUES (0);
    CREATE TABLE resource (id INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
    CREATE TABLE item (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE operation (
        slot INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        project_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, name TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// The version of the tables, [`None`] without any.
fn version(database: &Database) -> Result<Option<usize>, Exception> {
    let tables = query(
        database,
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version' LIMIT 1",
        &[],
    )?;
    if tables.is_empty() {
        return Ok(None);
    }
    let rows = query(database, "SELECT version FROM schema_version LIMIT 1", &[])?;
    let version = rows.first().map_or(0, |row| row.integer(0));
    Ok(Some(usize::try_from(version).unwrap_or_default()))
}

/// Brings the tables to this release's version. Run in the transaction of the write that needs it.
pub(super) fn migrate(database: &Database) -> Result<(), Exception> {
    let from = version(database)?.unwrap_or(0);
    let Some(missing) = MIGRATIONS.get(from..).filter(|missing| !missing.is_empty()) else {
        return Ok(());
    };
    for statements in missing {
        execute(database, statements, &[])?;
    }
    let version = i64::try_from(MIGRATIONS.len()).unwrap_or_default();
    execute(
        database,
        "UPDATE schema_version SET version = ?",
        &[Bound::Integer(version)],
    )?;
    Ok(())
}

/// A change that was made, remembered so that it is not made twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) slot: i64,
    pub(super) id: String,
    /// Milliseconds since 1970.
    pub(super) at: i64,
}

/// All that is stored.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) record: Option<Record>,
    pub(super) made: Vec<Made>,
}

/// Reads everything. Creates nothing.
pub(super) fn load(database: &Database) -> Result<Stored, Exception> {
    let Some(version) = version(database)? else {
        return Ok(Stored::default());
    };
    if version < MIGRATIONS.len() {
        migrate(database)?;
    }
    let made = query(
        database,
        "SELECT slot, id, at FROM operation ORDER BY at",
        &[],
    )?
    .iter()
    .map(|row| Made {
        slot: row.integer(0),
        id: row.text(1),
        at: row.integer(2),
    })
    .collect();
    let documents = query(database, "SELECT document FROM resource LIMIT 1", &[])?;
    let Some(document) = documents.first() else {
        return Ok(Stored { record: None, made });
    };
    let mut record = document::read(&document.text(0))
        .map_err(|field| Exception::ours(format!("the stored resource is unreadable: {field}")))?;
    for row in query(database, "SELECT key, value FROM item", &[])? {
        record.metadata.insert(row.text(0), row.text(1));
    }
    Ok(Stored {
        record: Some(record),
        made,
    })
}

/// Writes a change of items, and what was replied.
///
/// What is written without an await in between is durable together or not at all. Only a statement
/// that fails could leave the ones before it behind: several are undone by their transaction, and a
/// call that fails is taken back as a whole when the entrance has the object start anew.
pub(super) fn write_change(
    database: &Database,
    change: &Change,
    made: &Made,
    reply: &str,
) -> Result<(), Exception> {
    match change {
        Change::Remove(key) => {
            write_made(database, made, reply)?;
            execute(
                database,
                "DELETE FROM item WHERE key = ?",
                &[Bound::Text(key)],
            )
        }
        Change::Put(items) => transaction(database, || {
            write_made(database, made, reply)?;
            put_items(database, items)
        }),
        Change::Replace(items) => transaction(database, || {
            write_made(database, made, reply)?;
            execute(database, "DELETE FROM item", &[])?;
            put_items(database, items)
        }),
    }
}

fn put_items(database: &Database, items: &[(Key, Value)]) -> Result<(), Exception> {
    for (key, value) in items {
        put_item(database, key.as_str(), value.as_str())?;
    }
    Ok(())
}

fn put_item(database: &Database, key: &str, value: &str) -> Result<(), Exception> {
    execute(
        database,
        "INSERT INTO item (key, value) VALUES (?, ?)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        &[Bound::Text(key), Bound::Text(value)],
    )?;
    Ok(())
}

/// Writes what the control plane says; the items only when it names them.
pub(super) fn write_record(
    database: &Database,
    record: &Record,
    with_items: bool,
) -> Result<(), Exception> {
    let without_items = Record {
        resource: record.resource.clone(),
        metadata: Metadata::new(),
    };
    let document = document::write(&without_items);
    execute(
        database,
        "INSERT INTO resource (id, document) VALUES (1, ?)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        &[Bound::Text(&document)],
    )?;
    if with_items {
        execute(database, "DELETE FROM item", &[])?;
        for (key, value) in record.metadata.iter() {
            put_item(database, key, value)?;
        }
    }
    Ok(())
}

/// Forgets the resource and its items; the changes made stay known for the retries to come.
pub(super) fn erase(database: &Database) -> Result<(), Exception> {
    execute(database, "DELETE FROM item", &[])?;
    execute(database, "DELETE FROM resource", &[])?;
    Ok(())
}

/// Remembers a change and what was replied in its slot, over whatever was there.
pub(super) fn write_made(database: &Database, made: &Made, reply: &str) -> Result<(), Exception> {
    execute(
        database,
        "INSERT INTO operation (slot, id, at, note) VALUES (?, ?, ?, ?)
         ON CONFLICT (slot) DO UPDATE SET id = excluded.id, at = excluded.at, note = excluded.note",
        &[
            Bound::Integer(made.slot),
            Bound::Text(&made.id),
            Bound::Integer(made.at),
            Bound::Text(reply),
        ],
    )?;
    Ok(())
}

/// What was replied when the change in this slot was made.
pub(super) fn reply(database: &Database, slot: i64) -> Result<String, Exception> {
    let rows = query(
        database,
        "SELECT note FROM operation WHERE slot = ? LIMIT 1",
        &[Bound::Integer(slot)],
    )?;
    Ok(rows.first().map(|row| row.text(0)).unwrap_or_default())
}

/// A list that does not know yet what the record is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) project_id: String,
    /// Grows with each mark, so that one made while the list was being told is not taken away.
    pub(super) revision: i64,
    /// The object's own name.
    pub(super) name: String,
}

/// Marks lists.
pub(super) fn mark(database: &Database, name: &str, projects: &[String]) -> Result<(), Exception> {
    for project_id in projects {
        execute(
            database,
            "INSERT INTO outbox (project_id, revision, name) VALUES (?, 1, ?)
             ON CONFLICT (project_id) DO UPDATE SET revision = revision + 1",
            &[Bound::Text(project_id), Bound::Text(name)],
        )?;
    }
    Ok(())
}

/// The lists that are marked; of very many some, as one alarm can tell no more in its time.
pub(super) fn marks(database: &Database) -> Result<Vec<Mark>, Exception> {
    if version(database)?.is_none() {
        return Ok(Vec::new());
    }
    let rows = query(
        database,
        "SELECT project_id, revision, name FROM outbox LIMIT 100",
        &[],
    )?;
    let mark = |row: &Row| Mark {
        project_id: row.text(0),
        revision: row.integer(1),
        name: row.text(2),
    };
    Ok(rows.iter().map(mark).collect())
}

/// Takes a mark away, unless it was made again since.
pub(super) fn unmark(
    database: &Database,
    project_id: &str,
    revision: i64,
) -> Result<(), Exception> {
    execute(
        database,
        "DELETE FROM outbox WHERE project_id = ? AND revision = ?",
        &[Bound::Text(project_id), Bound::Integer(revision)],
    )?;
    Ok(())
}
