//! An object's own storage: its SQLite database and its alarm.

use js_sys::{Array, Promise};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::Exception;

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage` of an object.
    #[derive(Debug, Clone)]
    pub type Storage;
    #[wasm_bindgen(method, getter, catch)]
    fn sql(this: &Storage) -> Result<Sql, JsValue>;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Storage,
        statements: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Storage, millis: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    fn delete_all(this: &Storage) -> Result<Promise, JsValue>;

    #[derive(Debug)]
    type Sql;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, statement: &str, bindings: &Array) -> Result<Cursor, JsValue>;

    #[wasm_bindgen(method, catch, js_name = exec)]
    fn exec_text(this: &Sql, statement: &str, text: &str) -> Result<Cursor, JsValue>;
    #[wasm_bindgen(method, catch, js_name = exec)]
    fn exec_mixed(
        this: &Sql,
        statement: &str,
        a: f64,
        b: &str,
        c: f64,
        d: &str,
    ) -> Result<Cursor, JsValue>;

    type Cursor;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<Rows, JsValue>;
    #[cfg(feature = "faults")]
    #[wasm_bindgen(method, getter, catch, js_name = rowsWritten)]
    fn rows_written(this: &Cursor) -> Result<f64, JsValue>;

    type Rows;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> Result<Array, JsValue>;
}

/// An object's database.
#[derive(Debug)]
pub struct Database {
    storage: Storage,
    sql: Sql,
}

impl Database {
    /// The database of `ctx.storage`.
    ///
    /// # Errors
    ///
    /// The storage has none.
    pub fn new(storage: Storage) -> Result<Self, Exception> {
        let sql = storage.sql()?;
        Ok(Self { storage, sql })
    }
}

/// A value that is bound to a `?`.
#[derive(Debug, Clone, Copy)]
pub enum Bound<'a> {
    /// TEXT
    Text(&'a str),
    /// INTEGER; crosses as f64, so keep it below 2^53.
    Integer(i64),
}

/// One row of an answer.
#[derive(Debug)]
pub struct Row(Array);

impl Row {
    /// A TEXT column; empty when it is none.
    #[must_use]
    pub fn text(&self, column: u32) -> String {
        self.0.get(column).as_string().unwrap_or_default()
    }

    /// An INTEGER column; 0 when it is none.
    #[must_use]
    pub fn integer(&self, column: u32) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "integers are kept below 2^53"
        )]
        self.0
            .get(column)
            .as_f64()
            .map_or(0, |number| number as i64)
    }
}

/// Runs one statement and collects what it answers.
///
/// # Errors
///
/// SQLite refused it.
pub fn query(
    database: &Database,
    statement: &str,
    bindings: &[Bound<'_>],
) -> Result<Vec<Row>, Exception> {
    let rows = exec(database, statement, bindings)?;
    let rows = rows.raw()?.to_array()?;
    Ok(rows.iter().map(|row| Row(row.unchecked_into())).collect())
}

/// Runs a statement that answers nothing.
///
/// # Errors
///
/// SQLite refused it.
pub fn execute(
    database: &Database,
    statement: &str,
    bindings: &[Bound<'_>],
) -> Result<(), Exception> {
    exec(database, statement, bindings)?;
    Ok(())
}

fn exec(database: &Database, statement: &str, bindings: &[Bound<'_>]) -> Result<Cursor, Exception> {
    let sql = &database.sql;
    // Those of a DELETE are spared the array: 1 to 2 µs.
    let cursor = match *bindings {
        [Bound::Text(a)] => sql.exec_text(statement, a),
        [
            Bound::Integer(a),
            Bound::Text(b),
            Bound::Integer(c),
            Bound::Text(d),
        ] => sql.exec_mixed(statement, float(a), b, float(c), d),
        _ => sql.exec(statement, &values(bindings)),
    }?;
    #[cfg(feature = "faults")]
    crate::faults::count(cursor.rows_written()?);
    Ok(cursor)
}

fn values(bindings: &[Bound<'_>]) -> Array {
    let values = Array::new();
    for bound in bindings {
        values.push(&match bound {
            Bound::Text(text) => JsValue::from_str(text),
            Bound::Integer(number) => JsValue::from_f64(float(*number)),
        });
    }
    values
}

#[expect(clippy::cast_precision_loss, reason = "integers are kept below 2^53")]
fn float(number: i64) -> f64 {
    number as f64
}

/// Runs statements that count together or not at all: what was written before an error is undone.
///
/// # Errors
///
/// The first statement that failed.
pub fn transaction(
    database: &Database,
    mut statements: impl FnMut() -> Result<(), Exception>,
) -> Result<(), Exception> {
    let mut failed = None;
    let result = database.storage.transaction_sync(&mut || {
        statements().map_err(|exception| {
            let thrown = JsValue::from_str(&exception.to_string());
            failed = Some(exception);
            thrown
        })
    });
    match (result, failed) {
        (Ok(_), None) => Ok(()),
        (_, Some(exception)) => Err(exception),
        (Err(thrown), None) => Err(thrown.into()),
    }
}

/// Has the object woken at a time in milliseconds since 1970. Counts with the writes before it.
///
/// # Errors
///
/// The runtime refused.
pub fn set_alarm(database: &Database, millis: i64) -> Result<(), Exception> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a date in milliseconds fits in 53 bits"
    )]
    // Not waited for: the runtime holds the answer back until it is written, as with any write.
    let _ = database.storage.set_alarm(millis as f64)?;
    Ok(())
}

/// Deletes all that the object has stored, its tables included.
///
/// # Errors
///
/// The runtime refused.
pub fn delete_all(database: &Database) -> Result<(), Exception> {
    let _ = database.storage.delete_all()?;
    Ok(())
}
