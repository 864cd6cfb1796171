//! Adds versions.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{
    content,
    lists::{LatestLists, LatestVersion, VERSION_ROW_BYTES, base_list, list},
    refs,
    tidy::Tidier,
    usage,
};
use crate::{
    class::CopyId,
    history::{NewVersion, pieces},
};

/// When a patch is longer, the list itself is stored, and later versions are patches of it.
const MAX_PATCH_BYTES: usize = 64;
/// Adds all versions that are new, in one transaction. Returns for each whether it is.
pub(super) fn all(
    connection: &mut Connection,
    latest: &mut LatestLists,
    tidy: &mut Tidier,
    saves: &[NewVersion<'_>],
) -> rusqlite::Result<Vec<bool>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut one = |save| one(&transaction, latest, tidy, save);
    let added = saves.iter().map(&mut one).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(added)
}

fn one(
    connection: &Connection,
    lists: &mut LatestLists,
    tidy: &mut Tidier,
    save: &NewVersion<'_>,
) -> rusqlite::Result<bool> {
    let mut latest = match lists.take(save.key) {
        Some(latest) => latest,
        None => {
            let is_known = find(connection, save.key)?.is_some();
            if !is_known && !has_place(connection, lists, tidy, save)? {
                return Ok(false);
            }
            newest(connection, save.key)?
        }
    };
    let is_new = after(connection, &mut latest, tidy, save)?;
    let pieces = latest.base_list.len() + latest.list.len();
    lists.put(save.key.clone(), pieces, latest);
    Ok(is_new)
}

/// Adds a version to its notebook, unless the newest version is the same.
fn after(
    connection: &Connection,
    latest: &mut LatestVersion,
    tidy: &mut Tidier,
    save: &NewVersion<'_>,
) -> rusqlite::Result<bool> {
    let mut weight = VERSION_ROW_BYTES;
    let mut list = Vec::new();
    for piece in pieces::cut(save.bytes) {
        let (id, stored) = content::store(connection, piece)?;
        weight += stored;
        list.push(id);
    }
    if latest.base != 0 && list == latest.list {
        return Ok(false);
    }
    let mut patch = refs::patch(&latest.base_list, &list);
    if latest.base == 0 || patch.len() > MAX_PATCH_BYTES {
        let (base, stored) = content::store(connection, &refs::encode(&list))?;
        weight += stored;
        latest.base = base;
        latest.base_list.clone_from(&list);
        patch = refs::patch(&list, &list);
    }
    tidy.keep(&list);
    tidy.keep(&[latest.base]);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO versions (notebook, saved_at_ms, noted_at_ms, cells, added, changed,
                 removed, weight, base, patch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            latest.notebook,
            save.saved_at_ms,
            save.noted_at_ms,
            number(save.cells),
            number(save.counts.added),
            number(save.counts.changed),
            number(save.counts.removed),
            number(weight + patch.len()),
            latest.base,
            &patch
        ])?;
    tidy.stored(&save.key.user, (weight + patch.len()) as u64);
    latest.list = list;
    Ok(true)
}

/// The number of a notebook.
fn find(connection: &Connection, key: &CopyId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM notebooks WHERE user = ?1 AND filename = ?2")?
        .query_row(params![key.user, key.filename], |row| row.get(0))
        .optional()
}

/// Whether the quota has a place for a notebook that has no version yet.
fn has_place(
    connection: &Connection,
    latest: &mut LatestLists,
    tidy: &mut Tidier,
    save: &NewVersion<'_>,
) -> rusqlite::Result<bool> {
    let user = &save.key.user;
    let most = tidy.quota.notebooks;
    let (has_place, removed) = usage::place(connection, user, save.saved_at_ms, most)?;
    if removed {
        latest.forget(user);
        tidy.set_has_garbage();
    }
    if removed || !has_place {
        tidy.over_quota(user);
    }
    Ok(has_place)
}

/// The newest stored version of a notebook. A notebook without a number gets one.
fn newest(connection: &Connection, key: &CopyId) -> rusqlite::Result<LatestVersion> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO notebooks (user, filename) VALUES (?1, ?2)")?
        .execute(params![key.user, key.filename])?;
    let notebook = find(connection, key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let found = connection
        .prepare_cached(
            "SELECT base, patch FROM versions WHERE notebook = ?1 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([notebook], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let (base, patch) = found.unwrap_or_default();
    let none = base == 0;
    Ok(LatestVersion {
        notebook,
        base,
        base_list: if none {
            Vec::new()
        } else {
            base_list(connection, base)?
        },
        list: if none {
            Vec::new()
        } else {
            list(connection, base, &patch)?
        },
    })
}
