//! Reads versions as lists of pieces.

use rusqlite::Connection;

use super::{content, refs};
use crate::history::lru_cache::LruCache;

/// Bytes of a version on the disk beside its pieces.
pub(super) const VERSION_ROW_BYTES: usize = 64;

/// The newest versions of notebooks. Those removed from the cache are read again from the file.
pub(super) type LatestLists = LruCache<LatestVersion>;
/// Pieces in the lists of the cache, eight bytes each.
pub(super) const MAX_CACHED_PIECES: usize = 1 << 20;

/// The newest version of a notebook, with the list that it is a patch of.
pub(super) struct LatestVersion {
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

/// The error for data that this program has not written.
pub(super) fn damaged() -> rusqlite::Error {
    let error = std::io::Error::other("a list of pieces in an unknown form");
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, error.into())
}
