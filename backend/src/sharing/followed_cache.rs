//! A cache of the followed notebook's tile as JSON. A whole class asks for it in the moment after a
//! save, so each version is read and prepared once for all participants.

use std::{collections::VecDeque, sync::Arc};

use shared::wire::Tile;
use tokio::sync::Mutex;

use crate::{class::CopyId, homes::Fingerprint};

/// Bytes of older versions that are kept for participants who are still reading them. The newest is
/// always kept.
const MAX_CACHED_BYTES: usize = 128 << 20;

/// The last tiles, the newest first. A response borrows its tile, so that a slow reader keeps none
/// in memory.
#[derive(Default)]
pub(super) struct FollowedCache(Mutex<VecDeque<CachedTile>>);

struct CachedTile {
    key: CopyId,
    version: Fingerprint,
    tile: Arc<Vec<u8>>,
}

impl FollowedCache {
    /// The tile of this version as JSON: from the cache, or made by `make`. Callers that ask
    /// meanwhile wait for that one.
    pub(super) async fn get_or_make(
        &self,
        key: &CopyId,
        version: Fingerprint,
        make: impl AsyncFnOnce() -> Option<Vec<u8>>,
    ) -> Option<Arc<Vec<u8>>> {
        let mut last = self.0.lock().await;
        if let Some(cached) = last.front()
            && cached.version == version
            && cached.key == *key
        {
            return Some(Arc::clone(&cached.tile));
        }
        let tile = Arc::new(make().await?);
        last.push_front(CachedTile {
            key: key.clone(),
            version,
            tile: Arc::clone(&tile),
        });
        let mut bytes = 0;
        let mut is_first = true;
        last.retain(|cached| {
            bytes += cached.tile.len();
            std::mem::take(&mut is_first) || bytes <= MAX_CACHED_BYTES
        });
        Some(tile)
    }
}

/// A tile as JSON.
pub(super) fn json(tile: &Tile) -> Vec<u8> {
    serde_json::to_vec(tile).expect("a tile is texts, numbers and lists of them")
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs};

    use super::*;
    use crate::homes::{HomesTemplate, read_notebook};

    #[tokio::test]
    async fn each_version_of_a_tile_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
            .parse()
            .unwrap();
        fs::create_dir(folder.path().join("ines")).unwrap();
        let save = |text: &str| {
            fs::write(folder.path().join("ines/a.ipynb"), text).unwrap();
            let home = homes.home_of("ines").unwrap();
            read_notebook(&home, "a.ipynb", None).unwrap().0
        };
        let key = |filename: &str| CopyId {
            filename: filename.to_owned(),
            user: "ines".to_owned(),
        };
        let cached = Cell::new(0);
        let make = async || {
            cached.set(cached.get() + 1);
            Some(json(&Tile {
                user: "ines".to_owned(),
                filename: "a.ipynb".to_owned(),
                saved_at_ms: 0,
                total_cells: cached.get(),
                ends_in_error: false,
                cells: Vec::new(),
                problem: None,
                save_problem: None,
                home_problem: None,
            }))
        };
        let cache = FollowedCache::default();
        let [first, second] = [save("one"), save("the second")];
        for (key, version, total) in [
            (key("a.ipynb"), first, 1),
            (key("a.ipynb"), first, 1),
            (key("a.ipynb"), second, 2),
            (key("b.ipynb"), second, 3),
            (key("b.ipynb"), second, 3),
        ] {
            let json = cache.get_or_make(&key, version, make).await.unwrap();
            let tile: Tile = serde_json::from_slice(&json).unwrap();
            assert_eq!(tile.total_cells, total);
        }
        // A tile that could not be made is made again.
        let nothing = cache
            .get_or_make(&key("c.ipynb"), second, async || None)
            .await;
        assert!(nothing.is_none());
        assert!(
            cache
                .get_or_make(&key("c.ipynb"), second, make)
                .await
                .is_some()
        );
    }

    #[tokio::test]
    async fn slow_readers_keep_a_bounded_number_of_tiles() {
        let folder = tempfile::tempdir().unwrap();
        let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
            .parse()
            .unwrap();
        fs::create_dir(folder.path().join("ines")).unwrap();
        let cache = FollowedCache::default();
        let key = CopyId {
            filename: "a.ipynb".to_owned(),
            user: "ines".to_owned(),
        };
        let mut lent = Vec::new();
        for n in 0..6 {
            fs::write(folder.path().join("ines/a.ipynb"), "x".repeat(n)).unwrap();
            let home = homes.home_of("ines").unwrap();
            let version = read_notebook(&home, "a.ipynb", None).unwrap().0;
            let make = async || Some(vec![0; MAX_CACHED_BYTES / 4]);
            let tile = cache.get_or_make(&key, version, make).await.unwrap();
            lent.push(Arc::downgrade(&tile));
        }
        let kept: Vec<_> = lent.iter().map(|lent| lent.strong_count()).collect();
        assert_eq!(kept, [0, 0, 1, 1, 1, 1]);
        // A tile larger than the bound is kept alone.
        fs::write(folder.path().join("ines/a.ipynb"), "larger").unwrap();
        let home = homes.home_of("ines").unwrap();
        let version = read_notebook(&home, "a.ipynb", None).unwrap().0;
        let make = async || Some(vec![0; MAX_CACHED_BYTES + 1]);
        assert!(cache.get_or_make(&key, version, make).await.is_some());
        assert_eq!(cache.0.lock().await.len(), 1);
    }
}
