//! The followed notebook, ready to be sent. A whole class asks for it in the moment after
//! it was saved, so it is read and prepared once for all of them.

use axum::body::Bytes;
use shared::wire::Tile;
use tokio::sync::Mutex;

use crate::{class::Key, homes::Fingerprint};

/// The last one that was made.
#[derive(Default)]
pub(super) struct Page(Mutex<Option<Made>>);

struct Made {
    key: Key,
    version: Fingerprint,
    tile: Bytes,
}

impl Page {
    /// The tile of this version as JSON: the last one, or what `make` gives. Whoever asks
    /// while it is made waits for that one.
    pub(super) async fn of(
        &self,
        key: &Key,
        version: Fingerprint,
        make: impl AsyncFnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let mut last = self.0.lock().await;
        if let Some(made) = &*last
            && made.version == version
            && made.key == *key
        {
            return Some(made.tile.clone());
        }
        let tile = make().await?;
        *last = Some(Made {
            key: key.clone(),
            version,
            tile: tile.clone(),
        });
        Some(tile)
    }
}

/// A tile as it is sent.
pub(super) fn json(tile: &Tile) -> Bytes {
    let json = serde_json::to_vec(tile);
    json.expect("a tile is texts, numbers and lists of them")
        .into()
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
        let key = |filename: &str| Key {
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
}
