//! The kernel's word that something below the homes changed, within milliseconds.
//!
//! Only folders that hold notebooks are watched, not whole trees: a home may hold a
//! virtual environment with ten thousand folders, and watches are few. What this misses
//! (a network file system, a new folder) the next scan finds.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poke {
    /// This notebook was written.
    Written(PathBuf),
    /// Folders came or notebooks went; only a scan can tell.
    Rescan,
}

/// A running watch.
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: HashSet<PathBuf>,
}

/// Starts a watch of no folder yet, and where its news come out.
#[must_use]
pub fn watch() -> (Watch, Receiver<Poke>) {
    let (sender, receiver) = channel();
    let watcher = notify::recommended_watcher(forward_to(sender))
        .inspect_err(|error| tracing::warn!(%error, "no file watching; scanning only"))
        .ok();
    (
        Watch {
            watcher,
            folders: HashSet::new(),
        },
        receiver,
    )
}

impl Watch {
    /// Watches exactly these folders from now on.
    pub fn set_folders(&mut self, wanted: HashSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for gone in self.folders.difference(&wanted) {
            // The kernel drops the watch of a folder that is deleted by itself.
            let _ = watcher.unwatch(gone);
        }
        self.folders.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            if self.folders.contains(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                Err(error) => tracing::debug!(%error, "a folder is scanned, not watched"),
            }
        }
    }
}

fn forward_to(sender: Sender<Poke>) -> impl Fn(notify::Result<Event>) {
    move |event| {
        let pokes = match event {
            Ok(event) => pokes(&event),
            // The queue overflowed: something changed, nobody knows what.
            Err(_) => vec![Poke::Rescan],
        };
        for poke in pokes {
            // The other end is gone only while the service ends.
            let _ = sender.send(poke);
        }
    }
}

fn pokes(event: &Event) -> Vec<Poke> {
    match event.kind {
        // Reading a file says nothing new; closing one that was written does.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return Vec::new(),
        _ => {}
    }
    let mut pokes = Vec::new();
    for path in &event.paths {
        match (is_notebook(path), event.kind) {
            (true, EventKind::Remove(_)) => pokes.push(Poke::Rescan),
            (true, _) => pokes.push(Poke::Written(path.clone())),
            (
                false,
                EventKind::Create(_) | EventKind::Modify(notify::event::ModifyKind::Name(_)),
            ) if path.is_dir() => {
                pokes.push(Poke::Rescan);
            }
            (false, _) => {}
        }
    }
    pokes
}

fn is_notebook(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    name.ends_with(".ipynb") && !name.starts_with('.')
}
