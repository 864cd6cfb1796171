//! The parts that all SQLite files of this service have in common: opening a file, migrating its
//! schema, inspecting it. Their tables and queries are in [`crate::store`], [`crate::history`]
//! and [`crate::notices`].

use std::{path::Path, time::Duration};

use anyhow::{anyhow, bail};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

/// Before this version two connections that checkpoint at once can lose a commit.
const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// Whether a commit survives when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It does: for data whose storing is acknowledged.
    Full,
    /// The last ones may be rolled back, whole: for data that can be made again.
    Normal,
}

/// How long to wait for another program that locks a file.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Two connections to the file at `path`, one to write and one to read beside it, after the
/// engine was checked and the schema migrated.
pub(crate) fn connect_pair(
    path: &Path,
    durability: Durability,
    migrations: &[&str],
) -> anyhow::Result<[Connection; 2]> {
    check_engine()?;
    let writer = open(path, durability, BUSY_TIMEOUT)?;
    migrate(&writer, migrations)?;
    Ok([writer, open(path, durability, BUSY_TIMEOUT)?])
}

/// Refuses a version of SQLite that can lose commits.
pub(crate) fn check_engine() -> anyhow::Result<()> {
    if rusqlite::version_number() < MIN_SQLITE_VERSION {
        bail!(
            "SQLite {} is too old: 3.51.3 or later is needed",
            rusqlite::version()
        );
    }
    Ok(())
}

/// Opens or makes the file at `path`; statements wait `busy_timeout` for another program that
/// locks it.
pub(crate) fn open(
    path: &Path,
    durability: Durability,
    busy_timeout: Duration,
) -> rusqlite::Result<Connection> {
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout)?;
    let page_count: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if page_count == 0 {
        // Only a new file takes this, which lets it become smaller again; asking an old one
        // would be a write.
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// Gives up to so many free pages back to the file system.
pub(crate) fn give_back(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    // Each step of the statement frees one page and returns a row. Executing a statement would
    // step it once only.
    let mut freeing = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut freed = freeing.query([])?;
    while freed.next()?.is_some() {}
    Ok(())
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

/// Checks for damage; thorough enough to find pages that do not belong together.
pub(crate) fn check(connection: &Connection) -> anyhow::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(anyhow!(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(found),
        )));
    }
    Ok(())
}

/// Whether the error is that of a damaged file.
pub(crate) fn is_damaged(error: &anyhow::Error) -> bool {
    let code = error
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Adds to the error the file's name and, for a damaged file, the remedy, after which `what`
/// begin anew.
pub(crate) fn with_remedy(path: &Path, what: &str, error: anyhow::Error) -> anyhow::Error {
    let damaged = is_damaged(&error);
    let path = path.display();
    if damaged {
        error.context(format!(
            "the database {path} is damaged: move it away together with {path}-wal and \
             {path}-shm and start again. {what} begin anew then; notebooks are not touched. \
             (`sqlite3 {path} .recover` may get them back.)"
        ))
    } else {
        error.context(format!("cannot use the database {path}"))
    }
}

/// The schema's version in a file, and in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SchemaVersions {
    /// The version of its schema.
    pub(crate) schema: u32,
    /// The newest that this program knows.
    pub(crate) known: u32,
}

/// Checks the file at `path` and leaves everything as it is: for `pipalhub doctor`, which another
/// user than the service's may run.
pub(crate) fn inspect(path: &Path, migrations: &[&str]) -> anyhow::Result<SchemaVersions> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check(&connection)?;
    Ok(SchemaVersions {
        schema: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        known: u32::try_from(migrations.len())?,
    })
}

/// The texts that `query` selects from the file at `path`, which is left as it is.
pub(crate) fn texts(path: &Path, query: &str) -> anyhow::Result<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let mut statement = connection.prepare(query)?;
    let texts = statement.query_map([], |row| row.get(0))?;
    Ok(texts.collect::<rusqlite::Result<_>>()?)
}

/// Writes what the database at `path` holds now to the new file `into`, also while a service uses
/// it: one state of it, without the log beside it, and without what was deleted but is still in
/// unused pages.
pub(crate) fn snapshot(path: &Path, into: &Path) -> anyhow::Result<()> {
    // It reads only, and has to take part in the locking of the others, which is done by files
    // beside the database; as the last to close them it removes them.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let name = into
        .to_str()
        .ok_or_else(|| anyhow!("{} is no UTF-8", into.display()))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    check(&Connection::open_with_flags(into, flags)?)
}

/// The file's URI. Even a reading connection makes a log where there is none, unless the URI says
/// that the file is immutable.
fn uri(path: &Path) -> String {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let path = path.to_string_lossy();
    let path = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    match Path::new(&log).exists() {
        true => format!("file:{path}"),
        false => format!("file:{path}?immutable=1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn give_back_frees_as_many_pages_as_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite3");
        let connection = open(&path, Durability::Normal, BUSY_TIMEOUT).unwrap();
        let fill = "CREATE TABLE t (x BLOB) STRICT;
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 1000)
            INSERT INTO t SELECT zeroblob(4000) FROM n;
            DELETE FROM t";
        connection.execute_batch(fill).unwrap();
        let free = || -> i64 {
            let count = "PRAGMA freelist_count";
            connection.query_row(count, [], |row| row.get(0)).unwrap()
        };
        let before = free();
        assert!(before > 900, "{before}");
        give_back(&connection, 256).unwrap();
        assert_eq!(free(), before - 256);
        give_back(&connection, 100_000).unwrap();
        assert_eq!(free(), 0);
        give_back(&connection, 256).unwrap();
    }

    #[test]
    fn a_snapshot_has_what_is_committed_and_nothing_that_was_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let [path, into] = ["a.sqlite3", "b.sqlite3"].map(|name| folder.path().join(name));
        let writer = open(&path, Durability::Full, BUSY_TIMEOUT).unwrap();
        let rows = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT) STRICT;
            INSERT INTO t (x) VALUES ('deleted-canary'), ('kept');
            DELETE FROM t WHERE id = 1";
        writer.execute_batch(rows).unwrap();
        // What is not committed when it is taken is not in it, and does not keep it waiting.
        writer
            .execute_batch("BEGIN IMMEDIATE; INSERT INTO t (x) VALUES ('open')")
            .unwrap();
        snapshot(&path, &into).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        let rows = texts(&into, "SELECT id || x FROM t").unwrap();
        assert_eq!(rows, ["2kept"]);
        let bytes = std::fs::read(&into).unwrap();
        let canary = b"deleted-canary";
        assert!(!bytes.windows(canary.len()).any(|part| part == canary));
        assert!(snapshot(&path, &into).is_err(), "it overwrites nothing");
    }

    #[test]
    fn migrating_twice_is_migrating_once() {
        let connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            migrate(&connection, &["CREATE TABLE t (x INTEGER) STRICT"]).unwrap();
        }
    }
}
