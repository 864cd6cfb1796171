//! What was done about people, on SQLite in a file of its own. It is synced to the disk, since no
//! other file has it. The name of whoever did it is not kept.

use std::path::Path;

use parking_lot::Mutex;

use rusqlite::{Connection, params};
use shared::insight::SettledKind;

use super::{InsightError, Settlement};
use crate::sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy};

/// Append-only; see [`crate::sqlite::migrate`].
const MIGRATIONS: &[&str] = &["
    CREATE TABLE settlements (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        filename TEXT NOT NULL,
        user TEXT NOT NULL,
        settled TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        -- The newest version of the notebook at that time: a replay has both in their order.
        version INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX settlements_by_notebook ON settlements (filename, id);
"];

/// Names the file's content in errors.
const FILE_CONTENT: &str = "What was done about people";

/// Settlements that are kept, and for how long. They say whom to leave alone for some minutes, and
/// when somebody was last helped in a class.
const MAX_SETTLEMENTS: i64 = 20_000;
const MAX_AGE_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// Something that was done about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredSettlement {
    pub(super) user: String,
    pub(super) settled: SettledKind,
    pub(super) at_ms: i64,
    /// The version after which it was done.
    pub(super) version: i64,
}

/// What was done about people, in an SQLite file.
pub(super) struct SqliteSettlements {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteSettlements {
    /// Opens the file at `path`, making or migrating it as needed.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = connect_pair(path, Durability::Full, MIGRATIONS);
        let [writer, reader] = opened.map_err(|error| with_remedy(path, FILE_CONTENT, error))?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    /// Adds what was done after this version; the oldest of many make room.
    pub(super) fn add(&self, settlement: &Settlement, version: i64) -> Result<(), InsightError> {
        let Settlement {
            copy,
            settled,
            at_ms,
        } = settlement;
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO settlements (filename, user, settled, at_ms, version)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![copy.filename, copy.user, name(*settled), at_ms, version],
        )?;
        transaction.execute(
            "DELETE FROM settlements WHERE id <= ?1 OR at_ms < ?2",
            params![
                transaction.last_insert_rowid() - MAX_SETTLEMENTS,
                at_ms - MAX_AGE_MS
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// What was done about people at a notebook, in order.
    pub(super) fn of(&self, filename: &str) -> Result<Vec<StoredSettlement>, InsightError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT user, settled, at_ms, version FROM settlements WHERE filename = ?1 ORDER BY id",
        )?;
        let found = statement.query_map([filename], |row| {
            Ok(StoredSettlement {
                user: row.get(0)?,
                settled: match &*row.get::<_, String>(1)? {
                    "helped" => SettledKind::Helped,
                    _ => SettledKind::Later,
                },
                at_ms: row.get(2)?,
                version: row.get(3)?,
            })
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

fn name(settled: SettledKind) -> &'static str {
    match settled {
        SettledKind::Helped => "helped",
        SettledKind::Later => "later",
    }
}

/// Inspects the file at `path` without changing it.
pub(crate) fn inspect(path: &Path) -> anyhow::Result<SchemaVersions> {
    sqlite::inspect(path, MIGRATIONS).map_err(|error| with_remedy(path, FILE_CONTENT, error))
}

impl From<rusqlite::Error> for InsightError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(format!("what was done about people: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::CopyId;

    #[test]
    fn settlements_survive_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("insight.sqlite3");
        let settlement = |user: &str, settled, at_ms| Settlement {
            copy: CopyId {
                filename: "a.ipynb".to_owned(),
                user: user.to_owned(),
            },
            settled,
            at_ms,
        };
        let store = SqliteSettlements::open(&path).unwrap();
        store
            .add(&settlement("ana", SettledKind::Helped, 1), 3)
            .unwrap();
        store
            .add(&settlement("bo", SettledKind::Later, 2), 3)
            .unwrap();
        drop(store);
        let store = SqliteSettlements::open(&path).unwrap();
        let of = |store: &SqliteSettlements, filename: &str| {
            let all = store.of(filename).unwrap().into_iter();
            all.map(|it| (it.user, it.settled, it.at_ms, it.version))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(&store, "a.ipynb"),
            [
                ("ana".to_owned(), SettledKind::Helped, 1, 3),
                ("bo".to_owned(), SettledKind::Later, 2, 3),
            ]
        );
        assert!(of(&store, "b.ipynb").is_empty());
        let late = settlement("cy", SettledKind::Helped, MAX_AGE_MS + 2);
        store.add(&late, 9).unwrap();
        let left = of(&store, "a.ipynb");
        assert_eq!(left[0].0, "bo", "of just 30 days: {left:?}");
        assert_eq!(left.len(), 2);
    }
}
