//! [`ErrandStore`] on SQLite, in a file of its own. A commit is on the disk before it is
//! acknowledged: a restore that was promised comes back, and a file that was written for an
//! errand is not written twice.

mod schema;

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};
use shared::errands::{ErrandState, HandoutAudience};

use super::{
    CLAIM_MS, ErrandChange, ErrandError, ErrandSource, ErrandStore, HandoutDraft, HandoutSource,
    KnownPerson, MAX_HANDOUTS, MAX_LISTED, MAX_PENDING_RESTORES, MAX_STORED_BYTES, RestoreDraft,
    StoredErrand, StoredHandout, sha256_hex,
};
use crate::sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy};
use schema::MIGRATIONS;

/// The content of the file, for messages.
const FILE_CONTENT: &str = "Errands and handouts";

/// Restores of one participant that are kept after they are done or have failed.
const MAX_SETTLED_RESTORES: i64 = 20;
/// Free pages that are given back to the disk at once: those of the largest handout.
const PAGES_GIVEN_BACK: u32 = 10_000;

const ERRAND_COLUMNS: &str = "errands.id, errands.user, errands.handout, errands.notebook,
    errands.version, errands.filename, errands.size, errands.sha256, errands.state,
    errands.written, errands.reason, errands.opened_at_ms, errands.server";

/// The columns of a handout.
const HANDOUT_COLUMNS: &str =
    "id, author, user, notebook, filename, to_group, to_user, size, sha256,
    created_at_ms, retracted_at_ms";

/// A claim that is so old is renewed when its server asks again, well before it ends.
const CLAIM_RENEWED_MS: i64 = CLAIM_MS / 5;

/// Errands and handouts in one SQLite file.
pub struct SqliteErrands {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteErrands {
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

    fn list(&self, rest: &str, arguments: impl Params) -> Result<Vec<StoredErrand>, ErrandError> {
        let reader = self.reader.lock();
        let sql = format!("SELECT {ERRAND_COLUMNS} FROM errands {rest}");
        let mut statement = reader.prepare_cached(&sql)?;
        let found = statement.query_map(arguments, errand)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

/// Inspects the file at `path` without changing it.
pub(crate) fn inspect(path: &Path) -> anyhow::Result<SchemaVersions> {
    sqlite::inspect(path, MIGRATIONS).map_err(|error| with_remedy(path, FILE_CONTENT, error))
}

impl ErrandStore for SqliteErrands {
    fn add_handout(
        &self,
        draft: &HandoutDraft,
        content: &[u8],
        at_ms: i64,
    ) -> Result<i64, ErrandError> {
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let (group, user) = match &draft.to {
            HandoutAudience::Everyone(_) => (None, None),
            HandoutAudience::Group(name) => (Some(name), None),
            HandoutAudience::User(name) => (None, Some(name)),
        };
        let sha256 = sha256_hex(content);
        // The columns of a file that was uploaded are empty, as no user's name is.
        let (owner, notebook) = match &draft.source {
            HandoutSource::Notebook(user, notebook) => (user.as_str(), notebook.as_str()),
            HandoutSource::Upload => ("", ""),
        };
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        let same = "SELECT 1 FROM handouts WHERE retracted_at_ms IS NULL AND sha256 = ?1
            AND filename = ?2 AND to_group IS ?3 AND to_user IS ?4";
        let same =
            transaction.query_row(same, params![sha256, draft.filename, group, user], |_| {
                Ok(())
            });
        if same.optional()?.is_some() {
            return Err(ErrandError::SameHandout(draft.filename.clone()));
        }
        let kept = "SELECT 1 FROM contents WHERE sha256 = ?1";
        let kept = transaction.query_row(kept, [&sha256], |_| Ok(()));
        let is_kept = kept.optional()?.is_some();
        make_room(&transaction, if is_kept { 0 } else { size })?;
        if !is_kept {
            let sql = "INSERT INTO contents (sha256, size, bytes) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![sha256, size, content])?;
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO handouts (author, user, notebook, filename, to_group, to_user, size,
                     sha256, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .insert(params![
                draft.author,
                owner,
                notebook,
                draft.filename,
                group,
                user,
                size,
                sha256,
                at_ms
            ])?;
        transaction.commit()?;
        Ok(id)
    }

    fn retract(&self, handout: i64, at_ms: i64) -> Result<bool, ErrandError> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        let sql = "UPDATE handouts SET retracted_at_ms = coalesce(retracted_at_ms, ?2)
            WHERE id = ?1";
        let is_there = transaction.execute(sql, params![handout, at_ms])? > 0;
        let sql = "DELETE FROM contents WHERE sha256 NOT IN
            (SELECT sha256 FROM handouts WHERE retracted_at_ms IS NULL)";
        transaction.execute(sql, [])?;
        transaction.commit()?;
        sqlite::give_back(&writer, PAGES_GIVEN_BACK)?;
        Ok(is_there)
    }

    fn handouts(&self) -> Result<Vec<StoredHandout>, ErrandError> {
        let reader = self.reader.lock();
        let sql = format!("SELECT {HANDOUT_COLUMNS} FROM handouts ORDER BY id DESC");
        let mut statement = reader.prepare_cached(&sql)?;
        let found = statement.query_map([], handout)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn content(&self, handout: i64) -> Result<Option<Vec<u8>>, ErrandError> {
        let sql = "SELECT bytes FROM contents JOIN handouts USING (sha256)
            WHERE id = ?1 AND retracted_at_ms IS NULL";
        let reader = self.reader.lock();
        let found = reader.query_row(sql, [handout], |row| row.get(0));
        Ok(found.optional()?)
    }

    fn errands_of(&self, handout: i64) -> Result<Vec<StoredErrand>, ErrandError> {
        self.list("WHERE handout = ?1 ORDER BY user", [handout])
    }

    fn add_restore(&self, draft: &RestoreDraft, at_ms: i64) -> Result<i64, ErrandError> {
        let RestoreDraft {
            user,
            notebook,
            server,
            version,
            filename,
            size,
            sha256,
        } = draft;
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        let same = "SELECT id FROM errands
            WHERE user = ?1 AND state = 'pending' AND notebook = ?2 AND version = ?3";
        let same = transaction.query_row(same, params![user, notebook, version], |row| row.get(0));
        if let Some(id) = same.optional()? {
            return Ok(id);
        }
        let waiting = "SELECT count(*) FROM errands
            WHERE user = ?1 AND state = 'pending' AND handout IS NULL";
        let waiting: i64 = transaction.query_row(waiting, [user], |row| row.get(0))?;
        if waiting >= MAX_PENDING_RESTORES {
            return Err(ErrandError::TooManyRestores(user.clone()));
        }
        let settled = "DELETE FROM errands WHERE id IN (
            SELECT id FROM errands WHERE user = ?1 AND state <> 'pending' AND handout IS NULL
            ORDER BY id DESC LIMIT -1 OFFSET ?2)";
        transaction.execute(settled, params![user, MAX_SETTLED_RESTORES])?;
        let id = transaction
            .prepare_cached(
                "INSERT INTO errands (user, notebook, version, filename, size, sha256,
                     created_at_ms, server)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .insert(params![
                user,
                notebook,
                version,
                filename,
                integer(*size),
                sha256,
                at_ms,
                server
            ])?;
        transaction.commit()?;
        Ok(id)
    }

    fn give_handouts(&self, user: &str, groups: &[String], at_ms: i64) -> Result<(), ErrandError> {
        let new: Vec<StoredHandout> = {
            let reader = self.reader.lock();
            let sql = format!(
                "SELECT {HANDOUT_COLUMNS} FROM handouts
                 WHERE retracted_at_ms IS NULL AND NOT EXISTS (
                     SELECT 1 FROM errands WHERE handout = handouts.id AND errands.user = ?1)
                 ORDER BY id"
            );
            let mut statement = reader.prepare_cached(&sql)?;
            let found = statement.query_map([user], handout)?;
            found.collect::<rusqlite::Result<_>>()?
        };
        let new = new
            .into_iter()
            .filter(|handout| handout.is_for(user, groups));
        let new: Vec<StoredHandout> = new.collect();
        if new.is_empty() {
            // The writer is not locked for nothing.
            return Ok(());
        }
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        for StoredHandout {
            id,
            draft,
            size,
            sha256,
            ..
        } in new
        {
            // Two requests of one participant may be here at once.
            let sql = "INSERT OR IGNORE INTO errands (user, handout, filename, size, sha256,
                    created_at_ms)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![user, id, draft.filename, integer(size), sha256, at_ms];
            transaction.prepare_cached(sql)?.execute(values)?;
        }
        Ok(transaction.commit()?)
    }

    fn claim_handouts(&self, user: &str, server: &str, at_ms: i64) -> Result<(), ErrandError> {
        const CLAIMABLE: &str = "SELECT errands.id FROM errands
            JOIN handouts ON handouts.id = handout
            WHERE errands.user = ?1 AND state = 'pending' AND retracted_at_ms IS NULL
                AND (server IS NULL OR claimed_at_ms < ?3
                    OR (server = ?2 AND claimed_at_ms < ?4))";
        let (over_ms, old_ms) = (at_ms - CLAIM_MS, at_ms - CLAIM_RENEWED_MS);
        let claimable = {
            let reader = self.reader.lock();
            let mut statement = reader.prepare_cached(CLAIMABLE)?;
            statement.exists(params![user, server, over_ms, old_ms])?
        };
        if !claimable {
            // The writer is not locked for nothing.
            return Ok(());
        }
        let sql =
            format!("UPDATE errands SET server = ?2, claimed_at_ms = ?5 WHERE id IN ({CLAIMABLE})");
        let values = params![user, server, over_ms, old_ms, at_ms];
        self.writer.lock().execute(&sql, values)?;
        Ok(())
    }

    fn pending(&self, user: &str, server: &str) -> Result<Vec<StoredErrand>, ErrandError> {
        self.list(
            "LEFT JOIN handouts ON handouts.id = handout
             WHERE errands.user = ?1 AND server = ?2 AND state = 'pending'
                 AND retracted_at_ms IS NULL
             ORDER BY errands.id LIMIT ?3",
            params![user, server, MAX_LISTED],
        )
    }

    fn handout_at(
        &self,
        user: &str,
        server: &str,
        path: &str,
    ) -> Result<Option<(i64, u64)>, ErrandError> {
        let sql =
            "SELECT handouts.id, handouts.size FROM errands JOIN handouts ON handouts.id = handout
            WHERE errands.user = ?1 AND state = 'done' AND coalesce(server, '') = ?2
                AND written = ?3
                AND retracted_at_ms IS NULL
            ORDER BY handouts.id DESC LIMIT 1";
        let reader = self.reader.lock();
        let found = reader.query_row(sql, params![user, server, path], |row| {
            Ok((row.get(0)?, size(row, 1)?))
        });
        Ok(found.optional()?)
    }

    fn restores(
        &self,
        user: &str,
        notebook: &str,
        since_ms: i64,
    ) -> Result<Vec<StoredErrand>, ErrandError> {
        self.list(
            "WHERE user = ?1 AND notebook = ?2 AND (state = 'pending'
                 OR (state IN ('done', 'failed') AND settled_at_ms >= ?3))
             ORDER BY id DESC",
            params![user, notebook, since_ms],
        )
    }

    fn errand(&self, id: i64) -> Result<Option<StoredErrand>, ErrandError> {
        Ok(self.list("WHERE id = ?1", [id])?.pop())
    }

    fn change(&self, id: i64, change: &ErrandChange, at_ms: i64) -> Result<bool, ErrandError> {
        let writer = self.writer.lock();
        let changed = match change {
            ErrandChange::Done(filename) => {
                let sql = "UPDATE errands
                    SET state = 'done', written = ?2, reason = NULL, settled_at_ms = ?3
                    WHERE id = ?1 AND state <> 'done'";
                writer.execute(sql, params![id, filename, at_ms])
            }
            ErrandChange::Failed(reason) => {
                let sql = "UPDATE errands SET state = 'failed', reason = ?2, settled_at_ms = ?3
                    WHERE id = ?1 AND state = 'pending'";
                writer.execute(sql, params![id, reason, at_ms])
            }
            ErrandChange::Opened => {
                let sql = "UPDATE errands SET opened_at_ms = ?2
                    WHERE id = ?1 AND opened_at_ms IS NULL";
                writer.execute(sql, params![id, at_ms])
            }
            ErrandChange::Retracted => {
                let sql = "UPDATE errands SET state = 'retracted', settled_at_ms = ?2
                    WHERE id = ?1 AND state = 'pending' AND handout IS NULL";
                writer.execute(sql, params![id, at_ms])
            }
        };
        Ok(changed? > 0)
    }

    fn expire(&self, before_ms: i64) -> Result<(), ErrandError> {
        let sql = "DELETE FROM errands WHERE state = 'pending' AND created_at_ms < ?1";
        self.writer.lock().execute(sql, [before_ms])?;
        Ok(())
    }

    fn people(&self) -> Result<Vec<(String, KnownPerson)>, ErrandError> {
        let reader = self.reader.lock();
        let sql = "SELECT user, groups, has_default_server FROM people";
        let mut statement = reader.prepare_cached(sql)?;
        let found = statement.query_map([], |row| {
            let groups: String = row.get(1)?;
            let person = KnownPerson {
                groups: groups_of(&groups),
                has_default_server: row.get(2)?,
            };
            Ok((row.get(0)?, person))
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn note_person(&self, user: &str, person: &KnownPerson) -> Result<(), ErrandError> {
        let sql = "INSERT INTO people (user, groups, has_default_server) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET groups = excluded.groups,
                has_default_server = excluded.has_default_server";
        let groups = serde_json::to_string(&person.groups).expect("texts are JSON");
        let values = params![user, groups, person.has_default_server];
        self.writer.lock().execute(sql, values)?;
        Ok(())
    }
}

/// Removes handouts that were taken back, oldest first, until one more of `size` bytes fits.
fn make_room(transaction: &Transaction<'_>, size: i64) -> Result<(), ErrandError> {
    let stored = "SELECT coalesce(sum(size), 0) FROM contents";
    let stored: i64 = transaction.query_row(stored, [], |row| row.get(0))?;
    if stored.saturating_add(size) > integer(MAX_STORED_BYTES) {
        return Err(ErrandError::NoRoom);
    }
    let count = "SELECT count(*) FROM handouts";
    let count: i64 = transaction.query_row(count, [], |row| row.get(0))?;
    if count < MAX_HANDOUTS {
        return Ok(());
    }
    let oldest = "SELECT min(id) FROM handouts WHERE retracted_at_ms IS NOT NULL";
    let oldest: Option<i64> = transaction.query_row(oldest, [], |row| row.get(0))?;
    let oldest = oldest.ok_or(ErrandError::TooManyHandouts)?;
    transaction.execute("DELETE FROM errands WHERE handout = ?1", [oldest])?;
    transaction.execute("DELETE FROM handouts WHERE id = ?1", [oldest])?;
    Ok(())
}

fn groups_of(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// SQLite's integers are signed; no file comes near their end.
fn integer(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn size(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let size: i64 = row.get(column)?;
    Ok(u64::try_from(size).unwrap_or_default())
}

fn handout(row: &Row<'_>) -> rusqlite::Result<StoredHandout> {
    let to = match (row.get(5)?, row.get(6)?) {
        (Some(group), _) => HandoutAudience::Group(group),
        (None, Some(user)) => HandoutAudience::User(user),
        (None, None) => HandoutAudience::Everyone(true),
    };
    Ok(StoredHandout {
        id: row.get(0)?,
        draft: HandoutDraft {
            author: row.get(1)?,
            source: match (row.get(2)?, row.get(3)?) {
                (user, _) if String::is_empty(&user) => HandoutSource::Upload,
                (user, notebook) => HandoutSource::Notebook(user, notebook),
            },
            filename: row.get(4)?,
            to,
        },
        size: size(row, 7)?,
        sha256: row.get(8)?,
        created_at_ms: row.get(9)?,
        retracted_at_ms: row.get(10)?,
    })
}

/// The errand in a row of [`ERRAND_COLUMNS`].
fn errand(row: &Row<'_>) -> rusqlite::Result<StoredErrand> {
    let source = match row.get(2)? {
        Some(handout) => ErrandSource::Handout(handout),
        None => ErrandSource::Version {
            notebook: row.get(3)?,
            version: row.get(4)?,
        },
    };
    let state: String = row.get(8)?;
    Ok(StoredErrand {
        id: row.get(0)?,
        user: row.get(1)?,
        source,
        filename: row.get(5)?,
        size: size(row, 6)?,
        sha256: row.get(7)?,
        state: match state.as_str() {
            "done" => ErrandState::Done,
            "failed" => ErrandState::Failed,
            "retracted" => ErrandState::Retracted,
            _ => ErrandState::Pending,
        },
        written: row.get(9)?,
        reason: row.get(10)?,
        opened_at_ms: row.get(11)?,
        server: row.get(12)?,
    })
}

impl From<rusqlite::Error> for ErrandError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

#[cfg(test)]
mod tests;
