//! What every SQLite file of this service has in common: how it is opened, and how its
//! schema grows. What is in a file is its engine's business ([`crate::store`],
//! [`crate::history`]).

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Before this version two connections that checkpoint at once can lose a commit.
const OLDEST_SAFE: i32 = 3_051_003;

/// What a commit is worth when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It is on the disk: for what somebody was told is stored.
    Full,
    /// The last ones may be rolled back, whole: for what can be made again.
    Normal,
}

/// How long to wait for another program that holds a file.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Opens or makes the file at `path`, by an engine that can be relied on.
pub(crate) fn connect(path: &Path, durability: Durability) -> anyhow::Result<Connection> {
    check_engine()?;
    open(path, durability, PATIENCE)
        .with_context(|| format!("cannot open the database {}", path.display()))
}

/// Two connections to the file at `path`, one to write and one to read beside it, the schema
/// up to date.
pub(crate) fn connect_pair(
    path: &Path,
    durability: Durability,
    migrations: &[&str],
) -> anyhow::Result<[Connection; 2]> {
    let writer = connect(path, durability)?;
    migrate(&writer, migrations)
        .with_context(|| format!("cannot use the database {}", path.display()))?;
    Ok([writer, connect(path, durability)?])
}

/// Refuses a SQLite that can lose what was committed.
pub(crate) fn check_engine() -> anyhow::Result<()> {
    if rusqlite::version_number() < OLDEST_SAFE {
        bail!(
            "SQLite {} is too old: 3.51.3 or later is needed",
            rusqlite::version()
        );
    }
    Ok(())
}

/// Opens or makes the file at `path`, and waits for whoever holds it for so long.
pub(crate) fn open(
    path: &Path,
    durability: Durability,
    patience: Duration,
) -> rusqlite::Result<Connection> {
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    let connection = Connection::open(path)?;
    connection.busy_timeout(patience)?;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages == 0 {
        // Only a new file takes this, which lets it become smaller again; asking an old one
        // would be a write.
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// Brings the schema up to date. `migrations` is append-only: the place of a migration in
/// it is the schema's version, kept in `PRAGMA user_version`.
pub(crate) fn migrate(connection: &Connection, migrations: &[&str]) -> anyhow::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Exclusive)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = u32::try_from(migrations.len()).expect("the migrations are few");
    if found > known {
        bail!(
            "it was written by a newer pipalhub (schema {found}, this program knows {known}): \
             run that version, or choose another data folder"
        );
    }
    if found == known {
        return Ok(());
    }
    for migration in migrations.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_is_migrating_once() {
        let connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            migrate(&connection, &["CREATE TABLE t (x INTEGER) STRICT"]).unwrap();
        }
    }
}
