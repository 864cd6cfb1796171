//! Tiles for who asks: looks at the files first, then copies what is kept out of memory, a few at
//! a time, and makes the answer of it.

use std::{panic, sync::Arc};

use shared::{prepare, sanitize::Ammonia, wire::Tile};
use tokio::task::JoinError;

use super::{
    Class, Key,
    entry::{Entry, Look},
};
use crate::lanes::Unread;

/// So many answers are made of tiles at a time.
pub(super) const SHOWN_AT_ONCE: usize = 4;

impl Class {
    /// What `make` makes of the tiles of one notebook, by user; of everyone or of one
    /// participant. All are looked at side by side, and one that takes too long is shown as it
    /// was.
    pub async fn wall_as<T: Send + 'static>(
        &self,
        filename: &str,
        of: Option<&str>,
        make: impl FnOnce(Vec<Tile>) -> T + Send + 'static,
    ) -> T {
        let wanted = |key: &Key| key.filename == filename && of.is_none_or(|user| user == key.user);
        let asked: Vec<_> = self
            .0
            .all(wanted)
            .into_iter()
            .map(|(key, entry)| {
                let look = self.look(&key, &entry);
                (key, entry, look)
            })
            .collect();
        let mut looked = Vec::with_capacity(asked.len());
        for (key, entry, look) in asked {
            looked.push((key, entry, look.answer().await));
        }
        self.show(move |class| {
            let looked = looked.into_iter();
            let tiles =
                looked.filter_map(|(key, entry, look)| class.tile_after(&key, &entry, look));
            make(tiles.collect())
        })
        .await
    }

    /// What `make` makes of one tile, from the file as it is now; `None` when there is no such
    /// notebook. Where it takes too long, of what was there before.
    pub async fn tile_as<T: Send + 'static>(
        &self,
        key: &Key,
        make: impl FnOnce(Tile) -> T + Send + 'static,
    ) -> Option<T> {
        let entry = self.0.entry(key)?;
        let look = self.look(key, &entry).answer().await;
        let key = key.clone();
        self.show(move |class| class.tile_after(&key, &entry, look).map(make))
            .await
    }

    /// One tile, for who waits on a thread of their own.
    #[must_use]
    pub fn wait_for_tile(&self, key: &Key) -> Option<Tile> {
        let entry = self.0.entry(key)?;
        let look = self.look(key, &entry).wait();
        self.tile_after(key, &entry, look)
    }

    /// What `make` makes of a tile with every cell, nothing trimmed; in the turn in which the
    /// notebook was read, when it is large.
    pub async fn whole_as<T: Send + 'static>(
        &self,
        key: &Key,
        make: impl Fn(Tile) -> T + Clone + Send + 'static,
    ) -> Option<T> {
        let entry = self.0.entry(key)?;
        let core = Arc::clone(&self.0);
        let (key, copy, make_whole) = (key.clone(), Arc::clone(&entry), make.clone());
        let owned = key.clone();
        let read = self.0.reader.lanes().ask(&key.user, move || {
            let look = core.refresh(&owned, &copy);
            let read = core.with_notebook(&owned, |notebook| {
                make_whole(Tile {
                    cells: prepare::cells(notebook, 0, &Ammonia),
                    total_cells: notebook.len(),
                    ends_in_error: notebook.ends_in_error(),
                    ..core.shown(&owned, &copy, &look)
                })
            });
            (look, read)
        });
        let look = match read.answer().await {
            Ok((look, Some(whole))) => {
                let is_there = !(look == Look::Missing && entry.was_seen());
                return is_there.then_some(whole);
            }
            Ok((look, None)) => Ok(look),
            Err(unread) => Err(unread),
        };
        self.show(move |class| class.tile_after(&key, &entry, look).map(make))
            .await
    }

    /// Does `work`, which copies tiles out of what is kept, where waiting for it delays nobody
    /// else, and little of it at a time: each copy may be some MiB.
    async fn show<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let turn = Arc::clone(&self.0.showing).acquire_owned().await;
        let class = self.clone();
        let shown = tokio::task::spawn_blocking(move || {
            let _turn = turn.expect("nobody closes it");
            work(&class)
        });
        let panicked = |error: JoinError| panic::resume_unwind(error.into_panic());
        shown.await.unwrap_or_else(panicked)
    }

    /// The tile after this look. Who is shown what was there before is told when the file is
    /// read, so it is looked at once more in any case.
    fn tile_after(
        &self,
        key: &Key,
        entry: &Arc<Entry>,
        look: Result<Look, Unread>,
    ) -> Option<Tile> {
        if look.is_err() && entry.set_awaited() {
            let (core, entry, owned) = (Arc::clone(&self.0), Arc::clone(entry), key.clone());
            let lanes = self.0.reader.lanes();
            lanes.put(&key.user, move || drop(core.refresh(&owned, &entry)));
        }
        self.0.tile(key, entry, look)
    }
}
