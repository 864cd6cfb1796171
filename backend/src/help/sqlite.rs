//! [`HelpStore`] on SQLite, in a file of its own. An event is synced to the disk before it is
//! acknowledged: whoever has asked for help must not be forgotten.

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, params};

use super::{HelpDeed, HelpError, HelpEvent, HelpStore, StoredHelpEvent};
use crate::sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy};

/// Append-only; see [`crate::sqlite::migrate`]. Numbers are never reused, because pages hold them.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE help_events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        -- Whose ticket or note it is of; empty for what is of the whole class.
        user TEXT NOT NULL,
        -- What has happened, as JSON.
        deed TEXT NOT NULL
    ) STRICT;
    CREATE INDEX help_events_by_user ON help_events (user);
    CREATE INDEX help_events_by_time ON help_events (at_ms);
"];

/// Names the file's content in errors.
const FILE_CONTENT: &str = "Tickets and notes";

/// Tickets and notes in an SQLite file.
pub struct SqliteHelp {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteHelp {
    /// Opens the file at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database, or was written by a newer
    /// version of the program.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = connect_pair(path, Durability::Full, MIGRATIONS);
        let [writer, reader] = opened.map_err(|error| with_remedy(path, FILE_CONTENT, error))?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }
}

/// Inspects the file at `path` without changing it.
pub(crate) fn inspect(path: &Path) -> anyhow::Result<SchemaVersions> {
    sqlite::inspect(path, MIGRATIONS).map_err(|error| with_remedy(path, FILE_CONTENT, error))
}

impl HelpStore for SqliteHelp {
    fn since(&self, at_ms: i64) -> Result<Vec<StoredHelpEvent>, HelpError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT id, at_ms, user, deed FROM help_events WHERE at_ms >= ?1 ORDER BY id",
        )?;
        let found = statement.query_map([at_ms], |row| {
            let deed: String = row.get(3)?;
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, deed))
        })?;
        let mut events = Vec::new();
        for row in found {
            let (id, at_ms, user, deed) = row?;
            // What a newer program has written and this one does not know is passed over.
            let Ok(deed) = serde_json::from_str::<HelpDeed>(&deed) else {
                continue;
            };
            let event = HelpEvent { user, deed };
            events.push(StoredHelpEvent { id, at_ms, event });
        }
        Ok(events)
    }

    fn append(&self, at_ms: i64, events: &[HelpEvent]) -> Result<Vec<i64>, HelpError> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        let mut ids = Vec::with_capacity(events.len());
        for HelpEvent { user, deed } in events {
            let deed = serde_json::to_string(deed)
                .map_err(|error| HelpError::Engine(error.to_string()))?;
            let id = transaction
                .prepare_cached("INSERT INTO help_events (at_ms, user, deed) VALUES (?1, ?2, ?3)")?
                .insert(params![at_ms, user, deed])?;
            ids.push(id);
        }
        transaction.commit()?;
        Ok(ids)
    }

    fn tidy(&self, before_ms: i64) -> Result<(), HelpError> {
        let sql = "DELETE FROM help_events WHERE at_ms < ?1";
        self.writer.lock().execute(sql, [before_ms])?;
        Ok(())
    }

    fn forget(&self, user: &str) -> Result<(), HelpError> {
        let sql = "DELETE FROM help_events WHERE user = ?1";
        self.writer.lock().execute(sql, [user])?;
        Ok(())
    }
}

impl From<rusqlite::Error> for HelpError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_in_order_and_numbers_are_never_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("help.sqlite3");
        let of = |user: &str, deed| HelpEvent {
            user: user.to_owned(),
            deed,
        };
        let asked = of(
            "ana",
            HelpDeed::Asked {
                text: "it’s \"red\"".to_owned(),
                filename: Some("a.ipynb".to_owned()),
                paused: false,
            },
        );
        let both = [asked.clone(), of("bo", HelpDeed::Done)];
        {
            let store = SqliteHelp::open(&path).unwrap();
            assert_eq!(store.append(5, &both).unwrap(), [1, 2]);
            store.forget("bo").unwrap();
        }
        let store = SqliteHelp::open(&path).unwrap();
        let stored = |id, at_ms, event: &HelpEvent| StoredHelpEvent {
            id,
            at_ms,
            event: event.clone(),
        };
        assert_eq!(store.since(0).unwrap(), [stored(1, 5, &asked)]);
        assert_eq!(store.append(9, &both[1..]).unwrap(), [3]);
        store.tidy(9).unwrap();
        assert_eq!(store.since(0).unwrap(), [stored(3, 9, &both[1])]);
        assert_eq!(store.since(10).unwrap(), []);
    }
}
