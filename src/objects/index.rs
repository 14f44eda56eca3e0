//! The Durable Object of one project's list: which servers and images it may look for by name.
//!
//! What it knows is a hint: each resource's own object tells it (see [`outbox`](super::outbox)), at
//! most 60 seconds late, and who reads the list asks each resource's own record before showing it.

use wasm_bindgen::prelude::{JsError, wasm_bindgen};

use super::listing::{Page, Position};
use crate::platform::Exception;
use crate::platform::sql::{Bound, Database, Storage, execute, query};

/// One list. JavaScript's `IndexObject` holds it and hands calls on.
#[wasm_bindgen]
pub struct IndexObject {
    database: Database,
    has_table: bool,
}

#[wasm_bindgen]
impl IndexObject {
    /// An object on `ctx.storage`; reads nothing yet.
    ///
    /// # Errors
    ///
    /// The storage has no database.
    #[wasm_bindgen(constructor)]
    pub fn new(storage: Storage) -> Result<Self, JsError> {
        Ok(Self {
            database: Database::new(storage)?,
            has_table: false,
        })
    }

    /// Takes a resource in, or its new name; `created` in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub fn put(&mut self, kind: &str, id: &str, name: &str, created: f64) -> Result<(), JsError> {
        self.create_table()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a date in milliseconds fits in 53 bits"
        )]
        let created = created as i64;
        execute(
            &self.database,
            "INSERT INTO entry (kind, id, name, created) VALUES (?, ?, ?, ?)
             ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, created = excluded.created",
            &[
                Bound::Text(kind),
                Bound::Text(id),
                Bound::Text(name),
                Bound::Integer(created),
            ],
        )?;
        Ok(())
    }

    /// Takes a resource out.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub fn remove(&mut self, kind: &str, id: &str) -> Result<(), JsError> {
        self.create_table()?;
        execute(
            &self.database,
            "DELETE FROM entry WHERE kind = ? AND id = ?",
            &[Bound::Text(kind), Bound::Text(id)],
        )?;
        Ok(())
    }

    /// A page of the list, as [`Page`] asks for it: newest first, a line for each.
    ///
    /// # Errors
    ///
    /// The request is not understood, or the database refuses.
    pub fn list(&mut self, page: &str) -> Result<String, JsError> {
        let page = Page::decode(page)?;
        if !self.has_table && !self.table_exists()? {
            return Ok(String::new());
        }
        self.has_table = true;
        let name = page.name.text();
        let statement = format!(
            "SELECT id, created FROM entry WHERE kind = ?1 AND (created, id) < (?2, ?3) AND {}
             ORDER BY created DESC, id DESC LIMIT ?5",
            page.name.condition("?4")
        );
        let rows = query(
            &self.database,
            &statement,
            &[
                Bound::Text(&page.kind),
                Bound::Integer(page.after.created),
                Bound::Text(&page.after.id),
                Bound::Text(name),
                Bound::Integer(page.limit),
            ],
        )?;
        let lines: Vec<_> = rows
            .iter()
            .map(|row| {
                Position {
                    id: row.text(0),
                    created: row.integer(1),
                }
                .encode()
            })
            .collect();
        Ok(lines.join("\n"))
    }
}

impl IndexObject {
    fn table_exists(&self) -> Result<bool, Exception> {
        let tables = query(
            &self.database,
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'entry' LIMIT 1",
            &[],
        )?;
        Ok(!tables.is_empty())
    }

    fn create_table(&mut self) -> Result<(), Exception> {
        if !self.has_table {
            execute(
                &self.database,
                "CREATE TABLE IF NOT EXISTS entry (
                    kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
                    created INTEGER NOT NULL, PRIMARY KEY (kind, id)
                ) STRICT, WITHOUT ROWID",
                &[],
            )?;
            execute(
                &self.database,
                "CREATE INDEX IF NOT EXISTS entry_by_age ON entry (kind, created, id)",
                &[],
            )?;
            self.has_table = true;
        }
        Ok(())
    }
}
