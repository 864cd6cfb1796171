//! Versions as lists of pieces, as they are read.

use rusqlite::Connection;

use super::{content, refs};
use crate::history::recent::Recent;

/// What a version takes on the disk beside its pieces.
pub(super) const ROW: usize = 64;

/// The newest list of notebooks, and the one it was made from. What is forgotten is found
/// again in the file.
pub(super) type LatestLists = Recent<Latest>;
/// They have so many pieces together, at most: of eight bytes each.
pub(super) const MOST_LISTED: usize = 1 << 20;

/// The newest version of a notebook.
pub(super) struct Latest {
    pub(super) notebook: i64,
    pub(super) base: i64,
    pub(super) base_list: Vec<i64>,
    pub(super) list: Vec<i64>,
}

/// The pieces of a version.
pub(super) fn list(connection: &Connection, base: i64, patch: &[u8]) -> rusqlite::Result<Vec<i64>> {
    let base = base_list(connection, base)?;
    refs::apply(&base, patch).ok_or_else(damaged)
}

/// A list that is stored as a piece.
pub(super) fn base_list(connection: &Connection, base: i64) -> rusqlite::Result<Vec<i64>> {
    let mut bytes = Vec::new();
    content::load_to(connection, base, &mut bytes)?;
    refs::decode(&bytes).ok_or_else(damaged)
}

/// The file holds what this program has not written.
pub(super) fn damaged() -> rusqlite::Error {
    let error = std::io::Error::other("a list of pieces in an unknown form");
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, error.into())
}
