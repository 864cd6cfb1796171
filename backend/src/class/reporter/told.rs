//! What events had told before this service began, held against what it finds.
//!
//! Of each save one of two things is found out, once: its notebook is there, in the version
//! that was told or a later one; or it went while nobody watched, which is to be said. A home
//! that is not there, cannot be read or is quite empty tells nothing: a disk that is not mounted
//! has deleted nobody's work.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use shared::wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK};

use super::{Class, Key};
use crate::{
    homes::{Fingerprint, HomesTemplate},
    store::{EventFilter, EventStore, StoreError},
    time,
};

/// So many are said to be gone between two looks at what else is due.
const AT_ONCE: usize = 32;

/// See the module's words.
#[derive(Default)]
pub(super) struct Told {
    /// When the last save of each notebook was, in microseconds, of whom it is not found out
    /// yet; nothing, where the clock that said so was ahead.
    saves: HashMap<String, HashMap<String, Option<i128>>>,
    /// Those that went, until it is said.
    gone: VecDeque<Key>,
    /// Not before then.
    again: Option<Instant>,
}

impl Told {
    /// What the store knows of the notebooks of `class`: those that are not said to be gone.
    pub(super) async fn by(store: &dyn EventStore, class: &Class) -> Result<Self, StoreError> {
        let deleted = latest(store, class, DELETE_NOTEBOOK).await?;
        let mut told = Self::default();
        for (key, saved) in latest(store, class, SAVE_NOTEBOOK).await? {
            if deleted.get(&key).is_some_and(|deleted| *deleted >= saved) {
                continue;
            }
            let theirs = told.saves.entry(key.user).or_default();
            theirs.insert(key.filename, saved);
        }
        Ok(told)
    }

    /// Whether this version, or a later one, was told before this service began. What is found
    /// a second time was gone meanwhile, and is news.
    pub(super) fn knows(&mut self, key: &Key, version: Fingerprint) -> bool {
        let theirs = self.saves.get_mut(&key.user);
        let told = theirs.and_then(|theirs| theirs.remove(&key.filename));
        // Events keep microseconds, the file system nanoseconds.
        told.flatten()
            .is_some_and(|told| told >= version.modified_ns / 1_000)
    }

    /// Those of this person's that were not found until now.
    pub(super) fn missed(&self, user: &str) -> Vec<String> {
        let theirs = self.saves.get(user).into_iter();
        theirs.flat_map(HashMap::keys).cloned().collect()
    }

    /// It was found out of all of them: these are not there.
    pub(super) fn are_gone(&mut self, user: &str, gone: Vec<String>) {
        let theirs = self.saves.remove(user).unwrap_or_default();
        // What was found meanwhile is not there any more.
        let gone = gone.into_iter().filter(|name| theirs.contains_key(name));
        self.gone.extend(gone.map(|filename| Key {
            filename,
            user: user.to_owned(),
        }));
    }

    /// When there is something to say.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        (!self.gone.is_empty()).then(|| self.again.map_or(now, |again| again.max(now)))
    }

    /// Takes out a few of which it is time to be said.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Key> {
        if self.again.is_some_and(|again| now < again) {
            return Vec::new();
        }
        self.again = None;
        let few = self.gone.len().min(AT_ONCE);
        self.gone.drain(..few).collect()
    }

    /// This could not be said, and is to be said then.
    pub(super) fn say_again(&mut self, key: Key, again: Instant) {
        self.gone.push_back(key);
        self.again = Some(again);
    }
}

/// Which of these notebooks of one person's are not there; nothing, when that cannot be known.
pub(super) fn absent(
    homes: &HomesTemplate,
    user: &str,
    mut names: Vec<String>,
) -> Option<Vec<String>> {
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

async fn latest(
    store: &dyn EventStore,
    class: &Class,
    kind: &str,
) -> Result<HashMap<Key, Option<i128>>, StoreError> {
    let filter = EventFilter {
        kind: Some(kind.to_owned()),
        ..EventFilter::default()
    };
    let events = store.list(filter).await?.into_iter();
    let of_class = events.filter_map(|event| {
        let key = class.key_of(&event.path)?;
        // A clock that is ahead says nothing of what was saved since.
        let at = time::parse(&event.timestamp).filter(|at| time::is_past(*at));
        let at = at.map(|at| i128::from(at.as_microsecond()));
        (key.user == event.user).then_some((key, at))
    });
    Ok(of_class.collect())
}
