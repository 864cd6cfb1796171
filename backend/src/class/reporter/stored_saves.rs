//! Saves that the store knew before this service began, compared with what it finds.
//!
//! Of each save one of two things is found out, once: its notebook is there, in the stored
//! version or a later one; or it was deleted while no service ran, which is to be reported. A
//! home that is not there, cannot be read or is quite empty says nothing of deletions: a disk
//! that is not mounted has deleted no work.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_NOTEBOOK};

use super::{Class, CopyId};
use crate::{
    homes::{Fingerprint, Homes},
    store::{EventFilter, EventStore, StoreError},
    time,
};

/// So many deletions are reported before due files are looked at.
const MAX_DELETIONS_PER_ROUND: usize = 32;

/// The saves that are not compared yet, and the deletions that are not reported yet.
#[derive(Default)]
pub(super) struct StoredSaves {
    /// The time of each notebook's last save, in microseconds, by user and filename; `None` when
    /// that time is ahead of this clock.
    saves: HashMap<String, HashMap<String, Option<i128>>>,
    /// The deleted notebooks that are not reported yet.
    gone: VecDeque<CopyId>,
    /// No deletion is reported before then.
    retry_at: Option<Instant>,
}

impl StoredSaves {
    /// Loads the saves of the notebooks of `class` that no later event says are deleted.
    pub(super) async fn load(store: &dyn EventStore, class: &Class) -> Result<Self, StoreError> {
        let saves = list(store, SAVE_NOTEBOOK).await?;
        // Whose homes are asked for by name is known from their events.
        class
            .learn_homes(saves.iter().map(|event| &*event.user))
            .await;
        let deleted = latest(list(store, DELETE_NOTEBOOK).await?, class);
        let mut stored = Self::default();
        for (key, saved) in latest(saves, class) {
            if deleted.get(&key).is_some_and(|deleted| *deleted >= saved) {
                continue;
            }
            let theirs = stored.saves.entry(key.user).or_default();
            theirs.insert(key.filename, saved);
        }
        Ok(stored)
    }

    /// Whether this version, or a later one, was stored before this service began. False for a
    /// notebook that is found a second time: it was gone meanwhile.
    pub(super) fn confirms(&mut self, key: &CopyId, version: Fingerprint) -> bool {
        let theirs = self.saves.get_mut(&key.user);
        let saved_us = theirs.and_then(|theirs| theirs.remove(&key.filename));
        // Events keep microseconds, the file system nanoseconds.
        saved_us
            .flatten()
            .is_some_and(|saved_us| saved_us >= version.modified_ns / 1_000)
    }

    /// The notebooks of this person that were not found until now.
    pub(super) fn unfound(&self, user: &str) -> Vec<String> {
        let theirs = self.saves.get(user).into_iter();
        theirs.flat_map(HashMap::keys).cloned().collect()
    }

    /// Ends the comparison for this person, of whose notebooks these are gone.
    pub(super) fn set_gone(&mut self, user: &str, gone: Vec<String>) {
        let theirs = self.saves.remove(user).unwrap_or_default();
        // A notebook that was found meanwhile has been removed from the saves.
        let gone = gone.into_iter().filter(|name| theirs.contains_key(name));
        self.gone.extend(gone.map(|filename| CopyId {
            filename,
            user: user.to_owned(),
        }));
    }

    /// When the next deletion is to be reported.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        (!self.gone.is_empty()).then(|| self.retry_at.map_or(now, |retry_at| retry_at.max(now)))
    }

    /// Takes out a few deletions whose time has come.
    pub(super) fn take(&mut self, now: Instant) -> Vec<CopyId> {
        if self.retry_at.is_some_and(|retry_at| now < retry_at) {
            return Vec::new();
        }
        self.retry_at = None;
        let few = self.gone.len().min(MAX_DELETIONS_PER_ROUND);
        self.gone.drain(..few).collect()
    }

    /// Puts back a deletion that could not be reported, for `retry_at`.
    pub(super) fn retry(&mut self, key: CopyId, retry_at: Instant) {
        self.gone.push_back(key);
        self.retry_at = Some(retry_at);
    }
}

/// Which of these notebooks of one person are not there; `None` when that cannot be known.
pub(super) fn absent(homes: &Homes, user: &str, mut names: Vec<String>) -> Option<Vec<String>> {
    if names.is_empty() {
        return None;
    }
    let home = homes.home_of(user)?.open().ok()?;
    if home.is_empty().ok()? {
        return None;
    }
    names.retain(|name| home.lacks(name));
    Some(names)
}

async fn list(store: &dyn EventStore, kind: &str) -> Result<Vec<Event>, StoreError> {
    let filter = EventFilter {
        kind: Some(kind.to_owned()),
        ..EventFilter::default()
    };
    store.list(filter).await
}

fn latest(events: Vec<Event>, class: &Class) -> HashMap<CopyId, Option<i128>> {
    let of_class = events.into_iter().filter_map(|event| {
        let key = class
            .copies()
            .copy_of_stored(&event.user, &event.filename, &event.path)?;
        // A time that is ahead says nothing about later saves.
        let at = time::parse(&event.timestamp).filter(|at| time::is_past(*at));
        let at = at.map(|at| i128::from(at.as_microsecond()));
        (key.user == event.user).then_some((key, at))
    });
    of_class.collect()
}
