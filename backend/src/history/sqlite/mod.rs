//! [`HistoryStore`] on SQLite, in a file of its own.
//!
//! A commit is not synced to the disk: after a power failure the file lacks the last versions,
//! whole, and the newest of those is still in its home and is recorded at the next start. So a save
//! does not wait for the disk.

mod add;
mod content;
mod lists;
mod refs;
#[cfg(test)]
mod tests;
mod tidy;
mod usage;

use std::{
    fs,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{CellChanges, HistoryError, HistoryStore, NewVersion, Retention, Version};
use crate::{
    class::CopyId,
    reserve::Reserve,
    sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy},
};

/// Append-only; see [`crate::sqlite::migrate`]. Numbers are never reused, because pages hold them.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE notebooks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user TEXT NOT NULL,
        filename TEXT NOT NULL,
        UNIQUE (user, filename)
    ) STRICT;
    CREATE TABLE contents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        notebook INTEGER NOT NULL,
        saved_at_ms INTEGER NOT NULL,
        noted_at_ms INTEGER NOT NULL,
        cells INTEGER NOT NULL,
        added INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        weight INTEGER NOT NULL,
        base INTEGER NOT NULL,
        patch BLOB NOT NULL
    ) STRICT;
    CREATE INDEX versions_by_notebook ON versions (notebook, id);
"];

/// Names the file's content in errors.
const FILE_CONTENT: &str = "Versions";

/// The fields of a [`Version`], of a notebook by user and filename.
const SELECT_VERSION: &str = "SELECT v.id, saved_at_ms, cells, added, changed, removed
    FROM versions v JOIN notebooks n ON n.id = v.notebook
    WHERE n.user = ?1 AND n.filename = ?2";

/// The history in an SQLite file.
pub struct SqliteHistory {
    writer: Mutex<HistoryWriter>,
    reader: Mutex<Connection>,
    /// The write-ahead log beside the file.
    log: PathBuf,
    reserve: Reserve,
}

/// A larger log is truncated when it begins anew.
const MAX_LOG_BYTES: i64 = 16 << 20;
/// Bytes are written twice, into the log and into the file, and so are the rows of a version.
const WRITES_PER_BYTE: u64 = 2;

struct HistoryWriter {
    connection: Connection,
    latest: lists::LatestLists,
    tidy: tidy::Tidier,
}

impl SqliteHistory {
    /// Opens the file at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database, or was written by a newer
    /// version of the program.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = connect_pair(path, Durability::Normal, MIGRATIONS);
        let [connection, reader] =
            opened.map_err(|error| with_remedy(path, FILE_CONTENT, error))?;
        connection.pragma_update(None, "journal_size_limit", MAX_LOG_BYTES)?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self {
            log: log.into(),
            reserve: Reserve::new(folder_of(path), 0, RESERVED_FOR),
            reader: Mutex::new(reader),
            writer: Mutex::new(HistoryWriter {
                connection,
                latest: lists::LatestLists::new(lists::MAX_CACHED_PIECES),
                tidy: tidy::Tidier::default(),
            }),
        })
    }
}

impl SqliteHistory {
    /// The same, which keeps versions of at most `notebooks` notebooks of one participant, of at
    /// most `each` bytes together, and leaves `reserve` bytes of the disk free.
    #[must_use]
    pub fn within(self, path: &Path, each: u64, notebooks: u32, reserve: u64) -> Self {
        self.writer.lock().tidy.quota = tidy::HistoryQuota { each, notebooks };
        let reserve = Reserve::new(folder_of(path), reserve, RESERVED_FOR);
        Self { reserve, ..self }
    }

    #[cfg(test)]
    pub(crate) fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }
}

/// Names the writer in the reserve's log and metrics.
const RESERVED_FOR: &str = "versions";

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Inspects the file at `path` without changing it.
pub(crate) fn inspect(path: &Path) -> anyhow::Result<SchemaVersions> {
    sqlite::inspect(path, MIGRATIONS).map_err(|error| with_remedy(path, FILE_CONTENT, error))
}

impl HistoryStore for SqliteHistory {
    fn add(&self, saves: &[NewVersion<'_>]) -> Result<Vec<bool>, HistoryError> {
        self.check_room(saves.iter().map(|save| save.bytes.len() as u64).sum())?;
        let mut writer = self.writer.lock();
        let HistoryWriter {
            connection,
            latest,
            tidy,
        } = &mut *writer;
        let added = add::all(connection, latest, tidy, saves).inspect_err(|_| latest.clear())?;
        Ok(added)
    }

    fn versions(
        &self,
        key: &CopyId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Version>, HistoryError> {
        let reader = self.reader.lock();
        let sql = format!("{SELECT_VERSION} AND v.id < ?3 ORDER BY v.id DESC LIMIT ?4");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let before = before.unwrap_or(i64::MAX);
        let mut statement = reader.prepare_cached(&sql)?;
        let found = statement.query_map(params![key.user, key.filename, before, limit], version)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn version(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError> {
        self.one(key, id, &format!("{SELECT_VERSION} AND v.id = ?3"))
    }

    fn next(&self, key: &CopyId, id: i64) -> Result<Option<Version>, HistoryError> {
        self.one(
            key,
            id,
            &format!("{SELECT_VERSION} AND v.id > ?3 ORDER BY v.id LIMIT 1"),
        )
    }

    fn versions_of_all(
        &self,
        filename: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, HistoryError> {
        let reader = self.reader.lock();
        // Versions are walked in their order, and the copy of each looked up: those that came after
        // are few, and nothing is sorted.
        let mut statement = reader.prepare_cached(
            "SELECT v.id, saved_at_ms, cells, added, changed, removed, n.user
             FROM versions v CROSS JOIN notebooks n ON n.id = v.notebook
             WHERE v.id > ?2 AND n.filename = ?1 ORDER BY v.id LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = statement.query_map(params![filename, after, limit], |row| {
            Ok((row.get(6)?, version(row)?))
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn newest(&self) -> Result<i64, HistoryError> {
        let sql = "SELECT coalesce(max(id), 0) FROM versions";
        let reader = self.reader.lock();
        Ok(reader
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?)
    }

    fn length(&self, key: &CopyId, id: i64) -> Result<Option<u64>, HistoryError> {
        let (mut length, mut piece) = (0, Vec::new());
        let found = self.each_piece(key, id, |transaction, id| {
            piece.clear();
            content::load_to(transaction, id, &mut piece)?;
            length += piece.len() as u64;
            Ok(())
        })?;
        Ok(found.then_some(length))
    }

    fn bytes(&self, key: &CopyId, id: i64) -> Result<Option<Vec<u8>>, HistoryError> {
        let mut bytes = Vec::new();
        let found = self.each_piece(key, id, |transaction, id| {
            content::load_to(transaction, id, &mut bytes)
        })?;
        Ok(found.then_some(bytes))
    }

    fn tidy(&self, retention: &Retention, now_ms: i64) -> Result<bool, HistoryError> {
        let mut writer = self.writer.lock();
        let HistoryWriter {
            connection,
            latest,
            tidy,
        } = &mut *writer;
        Ok(tidy.step(connection, latest, retention, now_ms)?)
    }

    fn size(&self) -> Result<u64, HistoryError> {
        let reader = self.reader.lock();
        let log = fs::metadata(&self.log).map_or(0, |log| log.len());
        Ok(tidy::pages(&reader, "page_count")? * tidy::pages(&reader, "page_size")? + log)
    }

    fn check_room(&self, bytes: u64) -> Result<(), HistoryError> {
        let room = self.reserve.check(WRITES_PER_BYTE * bytes);
        room.map_err(|error| HistoryError::NoRoom(error.to_string()))
    }

    fn is_urgent(&self) -> bool {
        self.writer.lock().tidy.is_urgent()
    }

    fn note(&self, user: &str) -> Option<String> {
        let writer = self.writer.lock();
        let tidy::HistoryQuota { each, notebooks } = writer.tidy.quota;
        writer.tidy.is_over_quota(user).then(|| {
            format!(
                "Over the quota of {} MiB or {notebooks} notebooks: the oldest versions of {user} \
                 are not kept.",
                each >> 20
            )
        })
    }
}

impl SqliteHistory {
    fn one(&self, key: &CopyId, id: i64, sql: &str) -> Result<Option<Version>, HistoryError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(sql)?;
        let found = statement.query_row(params![key.user, key.filename, id], version);
        Ok(found.optional()?)
    }

    /// Calls `look` with the number of every piece of a version; `false` when there is no such
    /// version.
    fn each_piece(
        &self,
        key: &CopyId,
        id: i64,
        mut look: impl FnMut(&Connection, i64) -> rusqlite::Result<()>,
    ) -> Result<bool, HistoryError> {
        let reader = self.reader.lock();
        // One transaction, so that no piece is deleted while the version is put together.
        let transaction = reader.unchecked_transaction()?;
        let found = transaction
            .prepare_cached(
                "SELECT base, patch FROM versions v JOIN notebooks n ON n.id = v.notebook
                 WHERE n.user = ?1 AND n.filename = ?2 AND v.id = ?3",
            )?
            .query_row(params![key.user, key.filename, id], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()?;
        let Some((base, patch)) = found else {
            return Ok(false);
        };
        for id in lists::list(&transaction, base, &patch)? {
            look(&transaction, id)?;
        }
        Ok(true)
    }
}

fn version(row: &Row<'_>) -> rusqlite::Result<Version> {
    let count = |at| Ok::<_, rusqlite::Error>(row.get::<_, u32>(at)? as usize);
    Ok(Version {
        id: row.get(0)?,
        saved_at_ms: row.get(1)?,
        cells: count(2)?,
        counts: CellChanges {
            added: count(3)?,
            changed: count(4)?,
            removed: count(5)?,
        },
    })
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}
