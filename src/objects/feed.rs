//! When the control plane last reported: one small record in an object of its own.

use super::sql::Database;

/// Remembers the time, in milliseconds since 1970, unless a later one is known.
pub(super) fn write(database: &Database, observed_at: f64) -> worker::Result<()> {
    database.execute(
        "CREATE TABLE IF NOT EXISTS feed (id INTEGER PRIMARY KEY, observed_at INTEGER NOT NULL) STRICT",
        &[],
    )?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a date in milliseconds fits in 53 bits"
    )]
    let observed_at = observed_at as i64;
    database.execute(
        "INSERT INTO feed (id, observed_at) VALUES (1, ?)
         ON CONFLICT (id) DO UPDATE SET observed_at = max(observed_at, excluded.observed_at)",
        &[observed_at.into()],
    )
}

/// Returns the time, 0 when there is none.
pub(super) fn read(database: &Database) -> worker::Result<f64> {
    let tables = database.query(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'feed' LIMIT 1",
        &[],
    )?;
    if tables.is_empty() {
        return Ok(0.0);
    }
    let rows = database.query("SELECT observed_at FROM feed LIMIT 1", &[])?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a date in milliseconds fits in 53 bits"
    )]
    Ok(rows.first().map_or(0.0, |row| row.integer(0) as f64))
}
