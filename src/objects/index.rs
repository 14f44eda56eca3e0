//! The Durable Object of one list: which servers and images a project looks for by name.
//!
//! What it knows is a hint: each resource's own object tells it (see [`outbox`](super::outbox)), at
//! most 60 seconds late, and the front asks each resource's own record before it shows it.

#![expect(missing_docs, reason = "`#[durable_object]` writes methods without")]

use std::cell::Cell;

use edge_metadata_core::rpc::{IndexPage, IndexQuery, IndexUpdate, Order, Position};
use edge_metadata_core::storage::NameSearch;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{DurableObject, Env, Error, Request, Response, State, durable_object};

use super::feed;
use super::sql::{Database, Row};
use crate::text;

/// Steps that one search takes at most, some 2 ms, before it says where to go on: how long a pattern
/// takes is a client's choice, and a search must not hold up the list's other callers.
const MAX_STEPS: u64 = 2_500_000;

/// The least revision that is a time. Release 0.1 counted its updates anew each time, so that theirs
/// tell nothing of their order: they are applied as they come.
const FIRST_REVISION: i64 = 1_000_000_000_000;

/// The latest revision, and the largest integer that crosses to JavaScript and back.
const LAST_REVISION: i64 = (1 << 53) - 1;

/// One list. JavaScript's `IndexObject` holds it and hands calls on.
#[durable_object(fetch)]
pub struct IndexObject {
    database: Database,
    /// Whether there is a table to read.
    has_entries: Cell<bool>,
    /// Whether there is everything that this release writes.
    is_current: Cell<bool>,
}

impl DurableObject for IndexObject {
    fn new(state: State, _env: Env) -> Self {
        Self {
            database: Database::new(&state),
            has_entries: Cell::new(false),
            is_current: Cell::new(false),
        }
    }

    /// The object answers RPC only.
    async fn fetch(&self, _request: Request) -> worker::Result<Response> {
        Response::error("Not Found", 404)
    }
}

/// The RPC methods; arguments and replies are JSON.
#[wasm_bindgen]
impl IndexObject {
    /// Takes a resource in, changes its entry or takes it out: [`IndexUpdate`] → nothing.
    ///
    /// Calls arrive in any order, and one that its caller has given up may arrive late. An entry ignores an
    /// update that is older than itself. Of a removed entry nothing is known, so an older update may put it
    /// back: the resource's object sends the removal again until that cannot happen any more.
    ///
    /// # Errors
    ///
    /// The update is not understood, or the database refuses.
    pub fn update(&self, update: &str) -> Result<(), JsValue> {
        let update: IndexUpdate = serde_json::from_str(update).map_err(Error::from)?;
        self.create_tables()?;
        let kind = update.kind.word();
        let overtakes = if update.revision < FIRST_REVISION {
            LAST_REVISION
        } else {
            update.revision
        };
        match update.entry {
            Some(entry) => self.database.execute(
                "INSERT INTO entry (kind, id, name, created, revision) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (kind, id) DO UPDATE
                 SET name = ?3, created = ?4, revision = ?5 WHERE revision <= ?6",
                &[
                    kind.into(),
                    update.id.as_str().into(),
                    entry.name.as_str().into(),
                    entry.created.into(),
                    update.revision.into(),
                    overtakes.into(),
                ],
            )?,
            None => self.database.execute(
                "DELETE FROM entry WHERE kind = ? AND id = ? AND revision <= ?",
                &[kind.into(), update.id.as_str().into(), overtakes.into()],
            )?,
        }
        Ok(())
    }

    /// A page of the list: [`IndexQuery`] → [`IndexPage`].
    ///
    /// # Errors
    ///
    /// The query is not understood, or the database refuses.
    pub fn list(&self, query: &str) -> Result<JsValue, JsValue> {
        let query: IndexQuery = serde_json::from_str(query).map_err(Error::from)?;
        let page = if self.has_entries()? {
            self.page(&query)?
        } else {
            IndexPage::default()
        };
        let page = serde_json::to_string(&page).map_err(Error::from)?;
        Ok(text::to_js(&page))
    }

    /// Remembers when the control plane last reported: milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// The database refuses.
    #[wasm_bindgen(js_name = reportFeed)]
    pub fn report_feed(&self, observed_at: f64) -> Result<(), JsValue> {
        Ok(feed::write(&self.database, observed_at)?)
    }

    /// When the control plane last reported, in milliseconds since 1970; 0 for never.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub fn feed(&self) -> Result<f64, JsValue> {
        Ok(feed::read(&self.database)?)
    }
}

impl IndexObject {
    fn page(&self, query: &IndexQuery) -> worker::Result<IndexPage> {
        let search =
            NameSearch::new(&query.name).map_err(|error| Error::RustError(error.to_string()))?;
        let limit = search.rows_within(MAX_STEPS).unwrap_or(query.limit);
        let (comparison, direction) = match query.order {
            Order::NewestFirst => ("<", "DESC"),
            Order::OldestFirst => (">", "ASC"),
        };
        let statement = format!(
            "SELECT id, created, name FROM entry
             WHERE kind = ?1 AND (created, id) {comparison} (?2, ?3) AND {}
             ORDER BY created {direction}, id {direction} LIMIT ?5",
            search.condition()
        );
        let rows = self.database.query(
            &statement,
            &[
                query.kind.word().into(),
                query.after.created.into(),
                query.after.id.as_str().into(),
                search.text().into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
        )?;
        let mut entries = Vec::new();
        let mut compared = 0;
        let mut steps = 0;
        for row in &rows {
            if entries.len() >= query.limit || steps >= MAX_STEPS {
                break;
            }
            compared += 1;
            let name = row.text(2);
            steps += search.steps(&name);
            if search.matches(&name) {
                entries.push(position(row));
            }
        }
        let is_end = compared == rows.len() && rows.len() < limit;
        let last = compared.checked_sub(1).and_then(|last| rows.get(last));
        Ok(IndexPage {
            resume_after: last.filter(|_| !is_end).map(position),
            entries,
        })
    }

    fn has_entries(&self) -> worker::Result<bool> {
        if !self.has_entries.get() {
            let tables = self.database.query(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'entry' LIMIT 1",
                &[],
            )?;
            self.has_entries.set(!tables.is_empty());
        }
        Ok(self.has_entries.get())
    }

    fn create_tables(&self) -> worker::Result<()> {
        if self.is_current.get() {
            return Ok(());
        }
        for statement in [
            "CREATE TABLE IF NOT EXISTS entry (
                kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
                created INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0,
                PRIMARY KEY (kind, id)
            ) STRICT, WITHOUT ROWID",
            "CREATE INDEX IF NOT EXISTS entry_by_age ON entry (kind, created, id)",
            // A search for one name would otherwise read the whole list.
            "CREATE INDEX IF NOT EXISTS entry_by_name ON entry (kind, name, created, id)",
        ] {
            self.database.execute(statement, &[])?;
        }
        // A table of release 0.1 has none.
        let has_revision = self.database.query(
            "SELECT 1 FROM sqlite_master WHERE name = 'entry' AND sql LIKE '%revision%'",
            &[],
        )?;
        if has_revision.is_empty() {
            let column = "ALTER TABLE entry ADD COLUMN revision INTEGER NOT NULL DEFAULT 0";
            self.database.execute(column, &[])?;
        }
        self.is_current.set(true);
        self.has_entries.set(true);
        Ok(())
    }
}

fn position(row: &Row) -> Position {
    Position {
        id: row.text(0),
        created: row.integer(1),
    }
}
