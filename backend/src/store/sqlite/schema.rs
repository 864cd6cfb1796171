//! Opening the file: its tables, the setup of a connection, and refusing damaged or newer files.

use std::{path::Path, time::Duration};

use rusqlite::Connection;

use crate::sqlite::{
    self, Durability, SchemaVersions, check, check_engine, migrate, open, with_remedy,
};

/// Append-only; see [`migrate`].
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        path TEXT NOT NULL,
        timestamp TEXT NOT NULL,
        UNIQUE (type, user, path)
    ) STRICT;
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id INTEGER NOT NULL,
        type TEXT NOT NULL,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        path TEXT NOT NULL,
        timestamp TEXT NOT NULL
    ) STRICT;
",
    "
    CREATE INDEX events_by_user ON events (user);
",
    // The newest entry is never cut, so the next number is one more than the largest. With
    // AUTOINCREMENT it was kept in another table besides, which is a page more to write, and
    // to wait for, in every commit.
    "
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY,
        event_id INTEGER NOT NULL,
        type TEXT NOT NULL,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        path TEXT NOT NULL,
        timestamp TEXT NOT NULL
    ) STRICT;
    INSERT INTO entries (seq, event_id, type, user, filename, path, timestamp)
        SELECT seq, event_id, type, user, filename, path, timestamp FROM journal;
    DROP TABLE journal;
    ALTER TABLE entries RENAME TO journal;
",
];

/// The content of the file, for error messages.
const CONTENT_NAME: &str = "Events";

/// A file up to this size is checked whole when it is opened; that takes milliseconds. A
/// larger one is checked by `pipalhub doctor`.
const MAX_CHECKED_BYTES: u64 = 4 << 20;

/// A log that has grown beyond this is cut when it begins anew.
const MAX_LOG_BYTES: i64 = 64 << 20;

/// The version of the schema that this program writes.
pub(super) fn version() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("the migrations are few")
}

/// Makes or migrates the file at `path`, and returns the writer's connection.
pub(super) fn prepare(path: &Path, busy_timeout: Duration) -> anyhow::Result<Connection> {
    check_engine()?;
    let opened = || -> anyhow::Result<Connection> {
        let connection = connect(path, busy_timeout)?;
        migrate(&connection, MIGRATIONS)?;
        if path.metadata()?.len() <= MAX_CHECKED_BYTES {
            check(&connection)?;
        }
        Ok(connection)
    };
    opened().map_err(|error| with_remedy(path, CONTENT_NAME, error))
}

/// A connection to the file at `path`, which the writer and the readers set up alike.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    // Less may roll back an acknowledged commit when the power fails.
    let connection = open(path, Durability::Full, busy_timeout)?;
    // A commit never pays for a checkpoint: `checkpoint.rs` makes them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", MAX_LOG_BYTES)?;
    // Each of the connections may keep as much: enough for the pages that events go to.
    connection.pragma_update(None, "cache_size", -4_000)?;
    Ok(connection)
}

/// Checks the file at `path`, leaving everything as it is.
pub(crate) fn inspect(path: &Path) -> anyhow::Result<SchemaVersions> {
    sqlite::inspect(path, MIGRATIONS).map_err(|error| with_remedy(path, CONTENT_NAME, error))
}

/// The users of all events in the file at `path`, which is left as it is.
pub(crate) fn users(path: &Path) -> anyhow::Result<Vec<String>> {
    sqlite::texts(path, "SELECT DISTINCT user FROM events ORDER BY user")
}

/// The version of SQLite, and of the schema that this program writes.
#[must_use]
pub fn versions() -> (&'static str, u32) {
    (rusqlite::version(), version())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sqlite::BUSY_TIMEOUT;

    fn refusal(path: &Path) -> String {
        format!("{:#}", prepare(path, BUSY_TIMEOUT).unwrap_err())
    }

    #[test]
    fn a_journal_of_an_older_schema_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        let old = connect(&path, BUSY_TIMEOUT).unwrap();
        migrate(&old, &MIGRATIONS[..2]).unwrap();
        old.execute_batch(
            "INSERT INTO journal VALUES (7, 1, 'a', 'ana', 'f', 'p', 't'),
                                        (8, 2, 'b', 'bo', 'g', 'q', 'u')",
        )
        .unwrap();
        drop(old);
        let new = prepare(&path, BUSY_TIMEOUT).unwrap();
        let insert = "INSERT INTO journal (event_id, type, user, filename, path, timestamp)
             SELECT event_id, type, user, filename, path, timestamp FROM journal WHERE seq = 7";
        new.execute(insert, []).unwrap();
        let entries: Vec<(i64, String)> = new
            .prepare("SELECT seq, user || type || filename || path || timestamp FROM journal")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let text = |seq, text: &str| (seq, text.to_owned());
        let expected = [text(7, "anaafpt"), text(8, "bobgqu"), text(9, "anaafpt")];
        assert_eq!(entries, expected);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let refusal = refusal(&path);
        assert!(refusal.contains("newer pipalhub"), "{refusal}");
    }

    #[test]
    fn a_damaged_file_is_refused_by_its_name_and_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite3");
        fs::write(
            &path,
            "this is a text, and a long one at that. ".repeat(200),
        )
        .unwrap();
        for _ in 0..2 {
            let refusal = refusal(&path);
            let named = path.display().to_string();
            assert!(refusal.contains(&named), "{refusal}");
            assert!(refusal.contains("damaged") && refusal.contains("move it away"));
            // The second time: right at the front, and torn further on.
            fs::remove_file(&path).unwrap();
            drop(prepare(&path, BUSY_TIMEOUT).unwrap());
            let mut bytes = fs::read(&path).unwrap();
            for byte in &mut bytes[5_000..] {
                *byte = 0xA5;
            }
            fs::write(&path, bytes).unwrap();
        }
    }

    #[test]
    fn inspecting_a_file_leaves_no_other_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("100% #1?.sqlite3");
        assert!(inspect(&path).is_err());
        drop(prepare(&path, BUSY_TIMEOUT).unwrap());
        let found = inspect(&path).unwrap();
        assert_eq!((found.schema, found.known), (version(), version()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_can_give_its_pages_back() {
        let folder = tempfile::tempdir().unwrap();
        let connection = prepare(&folder.path().join("a"), BUSY_TIMEOUT).unwrap();
        let mode: u32 = connection
            .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, 2);
    }
}
