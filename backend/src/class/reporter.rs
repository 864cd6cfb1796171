//! Saves that met no hook become events all the same: a hub without the extension, or
//! no hub at all, still works.
//!
//! A change on disk is looked at after a short grace. Under a Hub the grace lets the
//! participant's own server report first, so that a save is one event and not two.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use shared::wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Class, Key, Look, lock, path_of};
use crate::{
    homes::{Fingerprint, Poke, Watch, watch},
    store::{EventFilter, EventStore, NewEvent},
    time,
};

/// Between two walks over all homes, at least.
const SCAN_EVERY: Duration = Duration::from_secs(2);
/// A walk may take this share of one core: one part in twenty.
const SCAN_SHARE: u32 = 20;
/// Until a file that is being written, or is just gone, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Until a store that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Watches the homes and appends events. See the module's words.
pub struct Reporter {
    class: Arc<Class>,
    store: Arc<dyn EventStore>,
    runtime: Handle,
    grace: Duration,
    due: BTreeMap<Key, Instant>,
    next_scan: Instant,
    watch: Watch,
    pokes: Receiver<Poke>,
}

impl Reporter {
    /// Looks at every home once, so that the class is known when this returns.
    /// Notebooks saved while nobody was watching are due at once.
    ///
    /// # Errors
    /// When the store cannot say which saves it knows.
    pub async fn new(
        class: Arc<Class>,
        store: Arc<dyn EventStore>,
        grace: Duration,
    ) -> anyhow::Result<Self> {
        let known = known_saves(&*store).await?;
        let (watch, pokes) = watch();
        let now = Instant::now();
        let mut reporter = Self {
            class,
            store,
            runtime: Handle::current(),
            grace,
            due: BTreeMap::new(),
            next_scan: now + SCAN_EVERY,
            watch,
            pokes,
        };
        for file in reporter.watch.scan(reporter.class.homes()) {
            let (version, key) = (file.fingerprint, Key::from(file));
            let entry = reporter.class.found(&key);
            let path = path_of(reporter.class.homes(), &key).unwrap_or_default();
            let told_us = known.get(&(key.user.clone(), path));
            // Events keep microseconds, the file system nanoseconds.
            if told_us.is_some_and(|told| *told >= version.modified_ns / 1_000) {
                lock(&entry).reported = Some(version);
            } else {
                reporter.due.insert(key, now);
            }
        }
        Ok(reporter)
    }

    /// Runs on a thread of its own until `ending` is cancelled.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(self, ending: CancellationToken) -> anyhow::Result<()> {
        thread::Builder::new()
            .name("save-reporter".to_owned())
            .spawn(move || self.run(&ending))
            .context("cannot start the save reporter")?;
        Ok(())
    }

    fn run(mut self, ending: &CancellationToken) {
        while !ending.is_cancelled() {
            let now = Instant::now();
            if now >= self.next_scan {
                self.rescan();
                self.next_scan = now + SCAN_EVERY.max(now.elapsed() * SCAN_SHARE);
            }
            self.report_due();
            let wake = self
                .due
                .values()
                .min()
                .map_or(self.next_scan, |due| self.next_scan.min(*due));
            match self
                .pokes
                .recv_timeout(wake.saturating_duration_since(Instant::now()))
            {
                Ok(Poke::Written { user, filename }) => {
                    self.due
                        .entry(Key { filename, user })
                        .or_insert_with(|| Instant::now() + self.grace);
                }
                Ok(Poke::Rescan) => {
                    self.next_scan = self.next_scan.min(Instant::now() + LOOK_AGAIN)
                }
                Err(RecvTimeoutError::Timeout) => {}
                // There is no watcher on this system.
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(wake.saturating_duration_since(Instant::now()));
                }
            }
        }
    }

    fn rescan(&mut self) {
        let found = self.watch.scan(self.class.homes());
        let due = Instant::now() + self.grace;
        let mut present = HashSet::new();
        for file in found {
            let (version, key) = (file.fingerprint, Key::from(file));
            if lock(&self.class.found(&key)).reported != Some(version) {
                self.due.entry(key.clone()).or_insert(due);
            }
            present.insert(key);
        }
        for key in self.class.keys() {
            if !present.contains(&key) {
                self.report_gone(&key);
            }
        }
    }

    fn report_due(&mut self) {
        let now = Instant::now();
        let ready: Vec<Key> = self
            .due
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in ready {
            match self.report(&key) {
                Some(again) => self.due.insert(key, now + again),
                None => self.due.remove(&key),
            };
        }
    }

    /// Reports one file; the answer is when to look again, if at all.
    fn report(&mut self, key: &Key) -> Option<Duration> {
        let is_new = self.class.entry(key).is_none();
        let entry = self.class.entry_or_new(key);
        let look = self.class.refresh(key, &mut lock(&entry));
        let version = match look {
            Look::Good(version) | Look::Bad(Some(version), _) => version,
            Look::BeingWritten => return Some(LOOK_AGAIN),
            Look::Missing => {
                self.next_scan = self.next_scan.min(Instant::now() + LOOK_AGAIN);
                return None;
            }
            Look::Bad(None, _) => {
                // Somebody else's file, or a link, is no notebook of theirs: a scan would
                // not have found it either.
                if is_new {
                    self.class.forget(key);
                }
                return None;
            }
        };
        let before = lock(&entry).reported.replace(version);
        if before == Some(version) {
            return None;
        }
        if self.append(SAVE_NOTEBOOK, key, Some(version)) {
            return None;
        }
        lock(&entry).reported = before;
        Some(TRY_AGAIN)
    }

    /// Only what was once seen on disk can be gone; a notebook that a server reported
    /// and that was never found stays on the wall with a word on why.
    fn report_gone(&self, key: &Key) {
        let Some(entry) = self.class.entry(key) else {
            return;
        };
        let (gone, reported) = {
            let mut entry = lock(&entry);
            let gone = entry.seen && self.class.refresh(key, &mut entry) == Look::Missing;
            (gone, entry.reported.is_some())
        };
        // Of what nobody has heard of nobody need hear that it is gone.
        if gone && (!reported || self.append(DELETE_NOTEBOOK, key, None)) {
            self.class.forget(key);
        }
    }

    fn append(&self, kind: &str, key: &Key, version: Option<Fingerprint>) -> bool {
        let Some(path) = path_of(self.class.homes(), key) else {
            return false;
        };
        let timestamp = version.map_or_else(time::now_text, Fingerprint::modified_text);
        let event = NewEvent {
            kind: kind.to_owned(),
            user: key.user.clone(),
            filename: key.filename.clone(),
            path,
            timestamp,
        };
        match self.runtime.block_on(self.store.append(event)) {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a save could not be stored; trying again");
                false
            }
        }
    }
}

/// When the latest known save of each `(user, path)` was, in microseconds.
async fn known_saves(store: &dyn EventStore) -> anyhow::Result<HashMap<(String, String), i128>> {
    let filter = EventFilter {
        kind: Some(SAVE_NOTEBOOK.to_owned()),
        ..EventFilter::default()
    };
    let known = store.list(filter).await?;
    Ok(known
        .into_iter()
        .filter_map(|event| {
            // A clock that is ahead says nothing of what was saved since.
            let told = time::parse(&event.timestamp).filter(|told| time::is_past(*told))?;
            Some(((event.user, event.path), i128::from(told.as_microsecond())))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{class::TailLimits, store::SqliteStore};

    #[tokio::test]
    async fn what_is_gone_before_anybody_reads_it_was_never_there() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("homes/ana/a.ipynb");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, r#"{"cells": []}"#).unwrap();
        let homes = format!("{}/homes/{{user}}", base.path().display());
        let class = Arc::new(Class::new(homes.parse().unwrap(), TailLimits::default()));
        let store = Arc::new(SqliteStore::open(&base.path().join("events.sqlite3")).unwrap());
        let reporter = Reporter::new(Arc::clone(&class), Arc::clone(&store) as _, Duration::ZERO);
        let mut reporter = reporter.await.unwrap();
        let key = class.key_of(file.to_str().unwrap()).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(class.tile(&key).is_none());
        reporter.rescan();
        assert_eq!(class.keys(), []);
        assert_eq!(store.list(EventFilter::default()).await.unwrap(), []);
    }

    #[test]
    fn a_report_that_came_to_nothing_is_the_watchers_again() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().join("ana");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("a.ipynb"), r#"{"cells": []}"#).unwrap();
        let homes = format!("{}/{{user}}", base.path().display());
        let class = Class::new(homes.parse().unwrap(), TailLimits::default());
        let [there, invented] =
            ["a.ipynb", "b.ipynb"].map(|name| class.key_of(home.join(name).to_str()?));
        let (there, invented) = (there.unwrap(), invented.unwrap());
        for key in [&there, &invented] {
            class.note_reported(key);
        }
        let reported = |key| {
            let entry = class.entry(key)?;
            let reported = lock(&entry).reported;
            Some(reported.is_some())
        };
        assert_eq!(
            (reported(&there), reported(&invented)),
            (Some(true), Some(false))
        );
        for key in [&there, &invented] {
            class.note_unreported(key);
        }
        assert_eq!((reported(&there), reported(&invented)), (Some(false), None));
    }
}
