//! Tiles for callers: looks at the files first, then copies the cached tiles, a few at a time,
//! and makes the answer of them.

use std::{panic, sync::Arc};

use shared::{prepare, sanitize::Ammonia, wire::Tile};
use tokio::task::JoinError;

use super::{
    Class, CopyId,
    copy::{CopyRecord, LookOutcome},
};
use crate::lanes::LaneError;

/// So many answers are made of tiles at the same time.
pub(super) const MAX_TILE_ANSWERS: usize = 4;

impl Class {
    /// Applies `make` to the tiles of one notebook, by user; of everyone or of one
    /// participant. All are looked at side by side, and one that takes too long is shown as it
    /// was.
    pub async fn wall_as<T: Send + 'static>(
        &self,
        filename: &str,
        of: Option<&str>,
        make: impl FnOnce(Vec<Tile>) -> T + Send + 'static,
    ) -> T {
        let wanted =
            |key: &CopyId| key.filename == filename && of.is_none_or(|user| user == key.user);
        let asked: Vec<_> = self
            .0
            .all(wanted)
            .into_iter()
            .map(|(key, record)| {
                let look = self.look(&key, &record);
                (key, record, look)
            })
            .collect();
        let mut looked = Vec::with_capacity(asked.len());
        for (key, record, look) in asked {
            looked.push((key, record, look.answer().await));
        }
        self.show(move |class| {
            let looked = looked.into_iter();
            let tiles =
                looked.filter_map(|(key, record, look)| class.tile_after(&key, &record, look));
            make(tiles.collect())
        })
        .await
    }

    /// Applies `make` to one tile, from the file as it is now; `None` when there is no such
    /// notebook. Where reading takes too long, it is the tile of an earlier version.
    pub async fn tile_as<T: Send + 'static>(
        &self,
        key: &CopyId,
        make: impl FnOnce(Tile) -> T + Send + 'static,
    ) -> Option<T> {
        let record = self.0.record(key)?;
        let look = self.look(key, &record).answer().await;
        let key = key.clone();
        self.show(move |class| class.tile_after(&key, &record, look).map(make))
            .await
    }

    /// One tile, for a caller that may block its thread.
    #[must_use]
    pub fn wait_for_tile(&self, key: &CopyId) -> Option<Tile> {
        let record = self.0.record(key)?;
        let look = self.look(key, &record).wait();
        self.tile_after(key, &record, look)
    }

    /// Applies `make` to a tile with every cell, nothing trimmed; in the turn in which the
    /// notebook was read, when it is large.
    pub async fn whole_as<T: Send + 'static>(
        &self,
        key: &CopyId,
        make: impl Fn(Tile) -> T + Clone + Send + 'static,
    ) -> Option<T> {
        let record = self.0.record(key)?;
        let core = Arc::clone(&self.0);
        let (key, its_record, make_whole) = (key.clone(), Arc::clone(&record), make.clone());
        let owned = key.clone();
        let read = self.0.copies.lanes().submit(&key.user, move || {
            let look = core.refresh(&owned, &its_record);
            let read = core.with_notebook(&owned, |notebook| {
                make_whole(Tile {
                    cells: prepare::cells(notebook, 0, &Ammonia),
                    total_cells: notebook.len(),
                    ends_in_error: notebook.ends_in_error(),
                    ..core.tile_with_problem(&owned, &its_record, &look)
                })
            });
            (look, read)
        });
        let look = match read.answer().await {
            Ok((look, Some(whole))) => {
                let is_there = !(look == LookOutcome::Missing && record.was_on_disk());
                return is_there.then_some(whole);
            }
            Ok((look, None)) => Ok(look),
            Err(error) => Err(error),
        };
        self.show(move |class| class.tile_after(&key, &record, look).map(make))
            .await
    }

    /// Runs `work`, which copies cached tiles, on a blocking thread, where it delays no other
    /// request, and only [`MAX_TILE_ANSWERS`] at a time: each tile may have some MiB.
    async fn show<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let turn = Arc::clone(&self.0.tile_turns).acquire_owned().await;
        let class = self.clone();
        let shown = tokio::task::spawn_blocking(move || {
            let _turn = turn.expect("the semaphore is never closed");
            work(&class)
        });
        let panicked = |error: JoinError| panic::resume_unwind(error.into_panic());
        shown.await.unwrap_or_else(panicked)
    }

    /// The tile after this look. A reader who is shown an earlier version is told when the file
    /// is read, so it is looked at once more in any case.
    fn tile_after(
        &self,
        key: &CopyId,
        record: &Arc<CopyRecord>,
        look: Result<LookOutcome, LaneError>,
    ) -> Option<Tile> {
        if look.is_err() && record.await_read() {
            let (core, record, owned) = (Arc::clone(&self.0), Arc::clone(record), key.clone());
            let lanes = self.0.copies.lanes();
            lanes.submit_detached(&key.user, move || drop(core.refresh(&owned, &record)));
        }
        self.0.tile(key, record, look)
    }
}
