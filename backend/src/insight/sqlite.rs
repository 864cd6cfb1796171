//! What was done about people, on SQLite in a file of its own. It is synced to the disk, since no
//! other file has it. The name of whoever did it is not kept.

use std::path::Path;

use parking_lot::Mutex;

use rusqlite::{Connection, params};
use shared::insight::SettledKind;

use super::InsightError;
use crate::sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy};

/// Append-only; see [`crate::sqlite::migrate`].
const MIGRATIONS: &[&str] = &[
    "
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
",
    "
    -- From here on `settled` is also that somebody asks for help, or no longer does.
",
    "
    -- From here on `settled` is also that the class had looked at itself; that is of nobody.
    CREATE INDEX settlements_by_kind ON settlements (settled, id);
",
];

/// Names the file's content in errors.
const FILE_CONTENT: &str = "What was done about people";

/// Settlements that are kept, and for how long. They say whom to leave alone for some minutes, and
/// when somebody was last helped in a class.
const MAX_SETTLEMENTS: i64 = 20_000;
/// The same of looks, which may come by saves alone, so that nobody pushes out what others did.
const MAX_LOOKS: i64 = 2_000;
const MAX_AGE_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// What is done between two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Somebody was seen to.
    Settled(SettledKind),
    /// Somebody asks for help.
    Asks,
    /// They no longer do.
    AsksNoMore,
    /// The class had looked at itself by then, and the next version is of before.
    Looked,
}

/// Something that was done about somebody, or by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredDeed {
    pub(super) user: String,
    pub(super) deed: Deed,
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

    /// Adds what was done at a notebook, each after its version; the oldest of many make room.
    pub(super) fn add(&self, filename: &str, deeds: &[StoredDeed]) -> Result<(), InsightError> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        for StoredDeed {
            user,
            deed,
            at_ms,
            version,
        } in deeds
        {
            transaction.execute(
                "INSERT INTO settlements (filename, user, settled, at_ms, version)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![filename, user, name(*deed), at_ms, version],
            )?;
            transaction.execute(
                "DELETE FROM settlements WHERE at_ms < ?1 OR id <= (
                     SELECT id FROM settlements ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                [at_ms - MAX_AGE_MS, MAX_SETTLEMENTS],
            )?;
            if *deed == Deed::Looked {
                transaction.execute(
                    "DELETE FROM settlements WHERE settled = ?1 AND id <= (
                         SELECT id FROM settlements WHERE settled = ?1
                         ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                    params![name(*deed), MAX_LOOKS],
                )?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Deletes what was done about somebody, and by them.
    pub(super) fn forget(&self, user: &str) -> Result<(), InsightError> {
        let writer = self.writer.lock();
        writer.execute("DELETE FROM settlements WHERE user = ?1", [user])?;
        Ok(())
    }

    /// Deletes what was done at a notebook after a time, which is yet to come: the clock was ahead.
    pub(super) fn forget_after(&self, filename: &str, at_ms: i64) -> Result<(), InsightError> {
        let writer = self.writer.lock();
        writer.execute(
            "DELETE FROM settlements WHERE filename = ?1 AND at_ms > ?2",
            params![filename, at_ms],
        )?;
        Ok(())
    }

    /// What was done about people at a notebook, in order.
    pub(super) fn of(&self, filename: &str) -> Result<Vec<StoredDeed>, InsightError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT user, settled, at_ms, version FROM settlements WHERE filename = ?1
             ORDER BY version, id",
        )?;
        let found = statement.query_map([filename], |row| {
            Ok(StoredDeed {
                user: row.get(0)?,
                deed: match &*row.get::<_, String>(1)? {
                    "helped" => Deed::Settled(SettledKind::Helped),
                    "asks" => Deed::Asks,
                    "asks-no-more" => Deed::AsksNoMore,
                    "looked" => Deed::Looked,
                    _ => Deed::Settled(SettledKind::Later),
                },
                at_ms: row.get(2)?,
                version: row.get(3)?,
            })
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

fn name(deed: Deed) -> &'static str {
    match deed {
        Deed::Settled(SettledKind::Helped) => "helped",
        Deed::Settled(SettledKind::Later) => "later",
        Deed::Asks => "asks",
        Deed::AsksNoMore => "asks-no-more",
        Deed::Looked => "looked",
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

    #[test]
    fn deeds_survive_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("insight.sqlite3");
        let done = |user: &str, deed, at_ms, version| StoredDeed {
            user: user.to_owned(),
            deed,
            at_ms,
            version,
        };
        let deeds = [
            done("ana", Deed::Settled(SettledKind::Helped), 1, 3),
            done("bo", Deed::Settled(SettledKind::Later), 2, 3),
            done("bo", Deed::Asks, 2, 4),
            done("bo", Deed::AsksNoMore, 2, 4),
            done("", Deed::Looked, 2, 5),
        ];
        let store = SqliteSettlements::open(&path).unwrap();
        store.add("a.ipynb", &deeds).unwrap();
        drop(store);
        let store = SqliteSettlements::open(&path).unwrap();
        assert_eq!(store.of("a.ipynb").unwrap(), deeds);
        assert!(store.of("b.ipynb").unwrap().is_empty());
        let late = done("cy", Deed::Settled(SettledKind::Helped), MAX_AGE_MS + 2, 9);
        store.add("a.ipynb", std::slice::from_ref(&late)).unwrap();
        let left = store.of("a.ipynb").unwrap();
        assert_eq!(left[0].user, "bo", "of just 30 days: {left:?}");
        assert_eq!((left.len(), &left[4]), (5, &late));
        store.forget("bo").unwrap();
        let left = store.of("a.ipynb").unwrap();
        assert_eq!(left, [deeds[4].clone(), late], "nothing of bo");
    }

    #[test]
    fn looks_push_nothing_else_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteSettlements::open(&folder.path().join("insight.sqlite3")).unwrap();
        let done = |deed, version| StoredDeed {
            user: "ana".to_owned(),
            deed,
            at_ms: 1,
            version,
        };
        let helped = done(Deed::Settled(SettledKind::Helped), 0);
        store.add("a.ipynb", std::slice::from_ref(&helped)).unwrap();
        let count = MAX_LOOKS + 10;
        let looked: Vec<_> = (1..=count).map(|at| done(Deed::Looked, at)).collect();
        store.add("b.ipynb", &looked).unwrap();
        assert_eq!(store.of("a.ipynb").unwrap(), [helped]);
        let left = store.of("b.ipynb").unwrap();
        assert_eq!((left.len() as i64, left[0].version), (MAX_LOOKS, 11));
    }
}
