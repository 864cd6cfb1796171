//! The followed notebook, ready to be sent. A whole class asks for it in the moment after
//! it was saved, so it is read and prepared once for all of them.

use std::{collections::VecDeque, sync::Arc};

use shared::wire::Tile;
use tokio::sync::Mutex;

use crate::{class::CopyId, homes::Fingerprint};

/// So many bytes of versions are kept for those who are still reading them. The newest is kept
/// in any case.
const KEPT_MAX: usize = 128 << 20;

/// The last ones that were made, the newest first. Who reads one of them borrows it, so that a
/// slow reader keeps none.
#[derive(Default)]
pub(super) struct Page(Mutex<VecDeque<Made>>);

struct Made {
    key: CopyId,
    version: Fingerprint,
    tile: Arc<Vec<u8>>,
}

impl Page {
    /// The tile of this version as JSON: the last one, or what `make` gives. Whoever asks
    /// while it is made waits for that one.
    pub(super) async fn of(
        &self,
        key: &CopyId,
        version: Fingerprint,
        make: impl AsyncFnOnce() -> Option<Vec<u8>>,
    ) -> Option<Arc<Vec<u8>>> {
        let mut last = self.0.lock().await;
        if let Some(made) = last.front()
            && made.version == version
            && made.key == *key
        {
            return Some(Arc::clone(&made.tile));
        }
        let tile = Arc::new(make().await?);
        last.push_front(Made {
            key: key.clone(),
            version,
            tile: Arc::clone(&tile),
        });
        let mut bytes = 0;
        let mut is_first = true;
        last.retain(|made| {
            bytes += made.tile.len();
            std::mem::take(&mut is_first) || bytes <= KEPT_MAX
        });
        Some(tile)
    }
}

/// A tile as it is sent.
pub(super) fn json(tile: &Tile) -> Vec<u8> {
    serde_json::to_vec(tile).expect("a tile is texts, numbers and lists of them")
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs};

    use super::*;
    use crate::homes::{HomesTemplate, read_notebook};

    #[tokio::test]
    async fn each_version_is_made_once() {
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
        let made = Cell::new(0);
        let make = async || {
            made.set(made.get() + 1);
            Some(json(&Tile {
                user: "ines".to_owned(),
                filename: "a.ipynb".to_owned(),
                saved_at_ms: 0,
                total_cells: made.get(),
                ends_in_error: false,
                cells: Vec::new(),
                problem: None,
                save_problem: None,
                home_problem: None,
            }))
        };
        let page = Page::default();
        let [first, second] = [save("one"), save("the second")];
        for (key, version, total) in [
            (key("a.ipynb"), first, 1),
            (key("a.ipynb"), first, 1),
            (key("a.ipynb"), second, 2),
            (key("b.ipynb"), second, 3),
            (key("b.ipynb"), second, 3),
        ] {
            let json = page.of(&key, version, make).await.unwrap();
            let tile: Tile = serde_json::from_slice(&json).unwrap();
            assert_eq!(tile.total_cells, total);
        }
        // What could not be made is asked for again.
        let nothing = page.of(&key("c.ipynb"), second, async || None).await;
        assert!(nothing.is_none());
        assert!(page.of(&key("c.ipynb"), second, make).await.is_some());
    }

    #[tokio::test]
    async fn slow_readers_keep_no_more_than_so_much() {
        let folder = tempfile::tempdir().unwrap();
        let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
            .parse()
            .unwrap();
        fs::create_dir(folder.path().join("ines")).unwrap();
        let page = Page::default();
        let key = CopyId {
            filename: "a.ipynb".to_owned(),
            user: "ines".to_owned(),
        };
        let mut lent = Vec::new();
        for n in 0..6 {
            fs::write(folder.path().join("ines/a.ipynb"), "x".repeat(n)).unwrap();
            let home = homes.home_of("ines").unwrap();
            let version = read_notebook(&home, "a.ipynb", None).unwrap().0;
            let make = async || Some(vec![0; KEPT_MAX / 4]);
            let tile = page.of(&key, version, make).await.unwrap();
            lent.push(Arc::downgrade(&tile));
        }
        let kept: Vec<_> = lent.iter().map(|lent| lent.strong_count()).collect();
        assert_eq!(kept, [0, 0, 1, 1, 1, 1]);
        // One that is larger than all that is kept has the place for itself.
        fs::write(folder.path().join("ines/a.ipynb"), "larger").unwrap();
        let home = homes.home_of("ines").unwrap();
        let version = read_notebook(&home, "a.ipynb", None).unwrap().0;
        let make = async || Some(vec![0; KEPT_MAX + 1]);
        assert!(page.of(&key, version, make).await.is_some());
        assert_eq!(page.0.lock().await.len(), 1);
    }
}
