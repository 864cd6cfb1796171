//! The bytes that one user's versions take up: of every piece that one of them needs, even if
//! another user's version stored it first. So a user cannot charge their bytes to another, nor hide
//! them behind a removed version.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::{
    content,
    lists::{VERSION_ROW_BYTES, base_list, damaged},
    refs,
};

/// The result of [`within`].
pub(super) struct UserUsage {
    /// Bytes of the newest versions that fit, together.
    pub(super) size: u64,
    /// The newest version that does not fit.
    pub(super) beyond: Option<i64>,
}

/// Measures the newest versions of `user` that take up at most `most` bytes.
pub(super) fn within(
    connection: &Connection,
    user: &str,
    most: u64,
) -> rusqlite::Result<UserUsage> {
    let mut statement = connection.prepare_cached(
        "SELECT v.id, base, patch FROM versions v JOIN notebooks n ON n.id = v.notebook
         WHERE n.user = ?1 ORDER BY v.id DESC",
    )?;
    let mut rows = statement.query([user])?;
    let mut pieces = HashSet::new();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        let base: i64 = row.get(1)?;
        let patch: Vec<u8> = row.get(2)?;
        let mut more = (VERSION_ROW_BYTES + patch.len()) as u64;
        let mut needed = refs::brought(&patch).ok_or_else(damaged)?;
        if pieces.insert(base) {
            more += content::size(connection, base)?;
            needed.extend(base_list(connection, base)?);
        }
        for id in needed {
            if pieces.insert(id) {
                more += content::size(connection, id)?;
            }
        }
        if size + more > most {
            let beyond = Some(row.get(0)?);
            return Ok(UserUsage { size, beyond });
        }
        size += more;
    }
    let beyond = None;
    Ok(UserUsage { size, beyond })
}

/// Removes the versions of `user` up to the version `until`. Returns their number.
pub(super) fn remove(connection: &Connection, user: &str, until: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM versions WHERE id <= ?2
             AND notebook IN (SELECT id FROM notebooks WHERE user = ?1)",
        )?
        .execute(params![user, until])
}

/// All users with a version.
pub(super) fn users(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT user FROM notebooks")?;
    let users = statement.query_map([], |row| row.get(0))?;
    users.collect()
}

/// Makes a place for one more notebook of `user`, saved at `saved_at_ms`; whether there is one.
/// When the user has `most` notebooks, the one that was saved longest ago is removed for a newer
/// one, and the second value is true.
pub(super) fn place(
    connection: &Connection,
    user: &str,
    saved_at_ms: i64,
    most: u32,
) -> rusqlite::Result<(bool, bool)> {
    let count: u32 = connection
        .prepare_cached("SELECT count(*) FROM notebooks WHERE user = ?1")?
        .query_row([user], |row| row.get(0))?;
    if count < most {
        return Ok((true, false));
    }
    let (stalest, saved): (i64, Option<i64>) = connection
        .prepare_cached(
            "SELECT n.id, max(v.saved_at_ms) AS saved
             FROM notebooks n LEFT JOIN versions v ON v.notebook = n.id
             WHERE n.user = ?1 GROUP BY n.id ORDER BY saved LIMIT 1",
        )?
        .query_row([user], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if saved.is_some_and(|saved| saved >= saved_at_ms) {
        return Ok((false, false));
    }
    forget(connection, stalest)?;
    Ok((true, true))
}

/// Removes a notebook and its versions.
fn forget(connection: &Connection, notebook: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM versions WHERE notebook = ?1",
        "DELETE FROM notebooks WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([notebook])?;
    }
    Ok(())
}
