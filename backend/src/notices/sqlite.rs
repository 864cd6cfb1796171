//! [`NoticeStore`] on SQLite, in a file of its own. A stored notice is synced to the disk, because
//! it could not be restored from anywhere, and notices are few.

use std::path::Path;

use parking_lot::Mutex;

use rusqlite::{Connection, Row, params};
use shared::notices::{Audience, NoticeLink};

use super::{NoticeDraft, NoticeError, NoticeStore, Receipt, StoredNotice};
use crate::sqlite::{self, Durability, SchemaVersions, connect_pair, with_remedy};

/// Append-only; see [`crate::sqlite::migrate`]. Numbers are never reused, because pages hold them.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE notices (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        author TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        retracted_at_ms INTEGER,
        until_ms INTEGER,
        notebook TEXT,
        user TEXT,
        title TEXT,
        text TEXT NOT NULL,
        link_url TEXT,
        link_label TEXT,
        file TEXT
    ) STRICT;
    CREATE TABLE receipts (
        user TEXT NOT NULL,
        notice INTEGER NOT NULL,
        shown_at_ms INTEGER,
        opened_at_ms INTEGER,
        PRIMARY KEY (user, notice)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX receipts_by_notice ON receipts (notice);
",
    "
    -- The names of several users, as a list of JSON.
    ALTER TABLE notices ADD COLUMN users TEXT;
",
];

/// Names the file's content in errors.
const FILE_CONTENT: &str = "Notices";

/// Notices and receipts in an SQLite file.
pub struct SqliteNotices {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteNotices {
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

impl NoticeStore for SqliteNotices {
    fn all(&self) -> Result<Vec<StoredNotice>, NoticeError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT id, author, created_at_ms, retracted_at_ms, until_ms, notebook, user, title,
                 text, link_url, link_label, file, users
             FROM notices ORDER BY id",
        )?;
        let found = statement.query_map([], stored_notice)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn add(&self, draft: &NoticeDraft, author: &str, at_ms: i64) -> Result<i64, NoticeError> {
        let (notebook, user, users) = match &draft.to {
            Audience::Everyone(_) => (None, None, None),
            Audience::Notebook(filename) => (Some(filename), None, None),
            Audience::User(user) => (None, Some(user), None),
            Audience::Users(users) => (None, None, serde_json::to_string(users).ok()),
        };
        let link = draft.link.as_ref();
        let id = self
            .writer
            .lock()
            .prepare_cached(
                "INSERT INTO notices (author, created_at_ms, until_ms, notebook, user, title,
                     text, link_url, link_label, file, users)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .insert(params![
                author,
                at_ms,
                draft.until_ms,
                notebook,
                user,
                draft.title,
                draft.text,
                link.map(|link| &link.url),
                link.map(|link| &link.label),
                draft.file,
                users,
            ])?;
        Ok(id)
    }

    fn retract(&self, id: i64, at_ms: i64) -> Result<(), NoticeError> {
        let sql = "UPDATE notices SET retracted_at_ms = ?2 WHERE id = ?1";
        self.writer.lock().execute(sql, params![id, at_ms])?;
        Ok(())
    }

    fn remove(&self, id: i64) -> Result<(), NoticeError> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        transaction.execute("DELETE FROM receipts WHERE notice = ?1", [id])?;
        transaction.execute("DELETE FROM notices WHERE id = ?1", [id])?;
        Ok(transaction.commit()?)
    }

    fn note(&self, id: i64, user: &str, receipt: Receipt) -> Result<(), NoticeError> {
        // A receipt without a new time is not written, so the request waits for no disk.
        self.writer
            .lock()
            .prepare_cached(
                "INSERT INTO receipts (user, notice, shown_at_ms, opened_at_ms)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET
                     shown_at_ms = coalesce(shown_at_ms, excluded.shown_at_ms),
                     opened_at_ms = coalesce(opened_at_ms, excluded.opened_at_ms)
                 WHERE (shown_at_ms IS NULL AND excluded.shown_at_ms IS NOT NULL)
                     OR (opened_at_ms IS NULL AND excluded.opened_at_ms IS NOT NULL)",
            )?
            .execute(params![user, id, receipt.shown_at_ms, receipt.opened_at_ms])?;
        Ok(())
    }

    fn read_by(&self, user: &str) -> Result<Vec<(i64, Receipt)>, NoticeError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT notice, shown_at_ms, opened_at_ms FROM receipts WHERE user = ?1",
        )?;
        let found = statement.query_map([user], |row| Ok((row.get(0)?, receipt(row)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn readers_of(&self, id: i64) -> Result<Vec<(String, Receipt)>, NoticeError> {
        let reader = self.reader.lock();
        let mut statement = reader.prepare_cached(
            "SELECT user, shown_at_ms, opened_at_ms FROM receipts WHERE notice = ?1 ORDER BY user",
        )?;
        let found = statement.query_map([id], |row| Ok((row.get(0)?, receipt(row)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

fn stored_notice(row: &Row<'_>) -> rusqlite::Result<StoredNotice> {
    let users: Option<String> = row.get(12)?;
    let to = match (row.get(5)?, row.get(6)?, users) {
        (Some(filename), _, _) => Audience::Notebook(filename),
        (None, Some(user), _) => Audience::User(user),
        // A list that cannot be read is one of nobody, and no notice for everyone.
        (None, None, Some(users)) => {
            Audience::Users(serde_json::from_str(&users).unwrap_or_default())
        }
        (None, None, None) => Audience::Everyone(true),
    };
    let url: Option<String> = row.get(9)?;
    let label: Option<String> = row.get(10)?;
    let link = url.map(|url| NoticeLink {
        url,
        label: label.unwrap_or_default(),
    });
    Ok(StoredNotice {
        id: row.get(0)?,
        author: row.get(1)?,
        created_at_ms: row.get(2)?,
        retracted_at_ms: row.get(3)?,
        draft: NoticeDraft {
            until_ms: row.get(4)?,
            to,
            title: row.get(7)?,
            text: row.get(8)?,
            link,
            file: row.get(11)?,
        },
    })
}

/// The receipt in the second and third columns.
fn receipt(row: &Row<'_>) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        shown_at_ms: row.get(1)?,
        opened_at_ms: row.get(2)?,
    })
}

impl From<rusqlite::Error> for NoticeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(to: Audience) -> NoticeDraft {
        NoticeDraft {
            text: "text".to_owned(),
            title: Some("title".to_owned()),
            to,
            link: Some(NoticeLink {
                url: "https://a".to_owned(),
                label: "A".to_owned(),
            }),
            file: Some("m/a.ipynb".to_owned()),
            until_ms: Some(99),
        }
    }

    #[test]
    fn stored_notices_come_back_whole_and_numbers_are_never_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.sqlite3");
        let audiences = [
            Audience::Everyone(true),
            Audience::Notebook("m/a.ipynb".into()),
            Audience::User("ana".into()),
            Audience::Users(vec!["ana".into(), "bo".into()]),
        ];
        {
            let store = SqliteNotices::open(&path).unwrap();
            for (at, to) in (1..).zip(&audiences) {
                assert_eq!(store.add(&draft(to.clone()), "ines", at).unwrap(), at);
            }
            store.retract(2, 7).unwrap();
        }
        let store = SqliteNotices::open(&path).unwrap();
        let all = store.all().unwrap();
        for (stored_notice, to) in all.iter().zip(&audiences) {
            assert_eq!(stored_notice.draft, draft(to.clone()));
            assert_eq!(
                (stored_notice.author.as_str(), stored_notice.created_at_ms),
                ("ines", stored_notice.id)
            );
        }
        assert_eq!(all[1].retracted_at_ms, Some(7));
        store.remove(3).unwrap();
        let next = store.add(&draft(Audience::Everyone(true)), "ines", 4);
        assert_eq!(next.unwrap(), 4);
    }

    #[test]
    fn the_first_time_of_a_receipt_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteNotices::open(&folder.path().join("notices.sqlite3")).unwrap();
        let id = store
            .add(&draft(Audience::Everyone(true)), "ines", 1)
            .unwrap();
        let shown = |at| Receipt {
            shown_at_ms: Some(at),
            opened_at_ms: None,
        };
        let both = |at| Receipt {
            shown_at_ms: Some(at),
            opened_at_ms: Some(at),
        };
        for receipt in [shown(5), shown(6), both(7), both(8)] {
            store.note(id, "ana", receipt).unwrap();
        }
        let known = Receipt {
            shown_at_ms: Some(5),
            opened_at_ms: Some(7),
        };
        assert_eq!(store.read_by("ana").unwrap(), [(id, known)]);
        assert_eq!(store.readers_of(id).unwrap(), [("ana".to_owned(), known)]);
        assert_eq!(store.read_by("bob").unwrap(), []);
        store.remove(id).unwrap();
        assert_eq!(store.read_by("ana").unwrap(), []);
    }
}
