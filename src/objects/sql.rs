//! An object's own storage: its SQLite database and its alarm.

use js_sys::Date;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::JsValue;
use worker::{SqlCursor, SqlStorage, SqlStorageValue, State};

use crate::platform::transaction_sync;
use crate::text;

/// A row of an answer.
pub(super) struct Row(Vec<SqlStorageValue>);

impl Row {
    /// Returns a TEXT column, empty when it holds anything else.
    pub(super) fn text(&self, column: usize) -> String {
        match self.0.get(column) {
            Some(SqlStorageValue::String(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// Parses a BLOB column of JSON.
    ///
    /// # Errors
    ///
    /// It holds anything else.
    pub(super) fn json<T: DeserializeOwned>(&self, column: usize) -> worker::Result<T> {
        let json = match self.0.get(column) {
            Some(SqlStorageValue::Blob(json)) => json.as_slice(),
            _ => &[],
        };
        Ok(serde_json::from_slice(json)?)
    }

    /// Returns an INTEGER column, 0 when it holds anything else.
    pub(super) fn integer(&self, column: usize) -> i64 {
        match self.0.get(column) {
            Some(SqlStorageValue::Integer(number)) => *number,
            _ => 0,
        }
    }
}

/// A value that is bound to a `?` of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound<'a> {
    /// TEXT.
    Text(&'a str),
    /// TEXT that may be long: it then crosses as bytes, so the statement has `CAST(? AS TEXT)`.
    LongText(&'a str),
    /// INTEGER, below 2^53.
    Integer(i64),
}

impl<'a> From<&'a str> for Bound<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Bound<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// An object's database. Integers cross to JavaScript as doubles, so they stay below 2^53.
#[derive(Debug)]
pub(super) struct Database {
    sql: SqlStorage,
    storage: worker::Storage,
}

impl Database {
    /// Returns the database of an object.
    pub(super) fn new(state: &State) -> Self {
        let storage = state.storage();
        Self {
            sql: storage.sql(),
            storage,
        }
    }

    /// Runs one statement and collects the rows that it answers.
    ///
    /// # Errors
    ///
    /// Returns SQLite's exception.
    pub(super) fn query(
        &self,
        statement: &str,
        bindings: &[Bound<'_>],
    ) -> worker::Result<Vec<Row>> {
        let rows = self.exec(statement, bindings)?.raw();
        rows.map(|row| Ok(Row(row?))).collect()
    }

    /// Runs a statement that answers nothing.
    ///
    /// # Errors
    ///
    /// Returns SQLite's exception.
    pub(super) fn execute(&self, statement: &str, bindings: &[Bound<'_>]) -> worker::Result<()> {
        let cursor = self.exec(statement, bindings)?;
        #[cfg(feature = "faults")]
        crate::faults::count_rows(cursor.rows_written());
        drop(cursor);
        Ok(())
    }

    /// Values cross as they are: `SqlStorageValue` asks JavaScript about each integer.
    fn exec(&self, statement: &str, bindings: &[Bound<'_>]) -> worker::Result<SqlCursor> {
        let bindings: Vec<JsValue> = bindings
            .iter()
            .map(|bound| match bound {
                Bound::Text(text) => JsValue::from_str(text),
                Bound::LongText(text) => text::to_js(text),
                #[expect(clippy::cast_precision_loss, reason = "integers stay below 2^53")]
                Bound::Integer(number) => JsValue::from_f64(*number as f64),
            })
            .collect();
        self.sql.exec_raw(statement, bindings)
    }

    /// Runs statements that are committed together: what was written before an error is undone.
    ///
    /// # Errors
    ///
    /// Returns the exception of the first statement that failed.
    pub(super) fn transaction(
        &self,
        statements: impl FnMut() -> worker::Result<()>,
    ) -> worker::Result<()> {
        transaction_sync(&self.storage, statements)
    }

    /// Sets the alarm, in milliseconds since 1970. It is committed with the writes before it.
    ///
    /// # Errors
    ///
    /// Returns the runtime's exception.
    pub(super) fn set_alarm(&self, millis: i64) -> worker::Result<()> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a date in milliseconds fits in 53 bits"
        )]
        let date = Date::new(&JsValue::from_f64(millis as f64));
        // Not awaited: the runtime holds the reply back until it is written, as with any write.
        let _promise = self
            .storage
            .as_raw()
            .set_alarm(date, JsValue::UNDEFINED.unchecked_into())?;
        Ok(())
    }

    /// Deletes everything that the object has stored, its tables included.
    ///
    /// # Errors
    ///
    /// Returns the runtime's exception.
    pub(super) fn delete_all(&self) -> worker::Result<()> {
        let _promise = self.storage.as_raw().delete_all()?;
        Ok(())
    }
}
