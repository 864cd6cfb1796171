//! The tiles of the chosen notebook, a signal for each.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{Tile, WallResponse};

use super::load::Phase;
use crate::api;
use crate::clock::{Clock, monotonic_ms};
use crate::model::backoff;
use crate::model::failure::Failure;
use crate::model::fetches::Fetches;
use crate::model::wall::Brief;
use crate::session::Session;

/// One participant's tile.
#[derive(Clone)]
pub struct TileEntry {
    /// The participant.
    pub user: Arc<str>,
    /// The newest version.
    pub tile: ArcRwSignal<Arc<Tile>>,
    /// Counts the saves seen while the page was open, for the pulse.
    pub saves: ArcRwSignal<u32>,
}

#[derive(Default)]
struct Inner {
    fetches: Fetches,
    /// Participants whose event came while the wall was loading, and its number.
    early: Vec<(String, i64)>,
    loading: bool,
    /// Another load was asked for while one was on its way.
    again: bool,
    /// An answer older than this event number is not the last word.
    must_reach: i64,
    /// Counts the notebooks chosen: an answer for an earlier one is dropped.
    generation: u32,
}

/// A handle to the wall; a context.
#[derive(Clone, Copy)]
pub struct WallStore {
    phase: RwSignal<Phase>,
    filename: RwSignal<Option<String>>,
    /// By participant.
    entries: RwSignal<Vec<TileEntry>>,
    cursor: StoredValue<i64>,
    inner: StoredValue<Inner>,
    clock: Clock,
    session: Session,
}

impl WallStore {
    /// A wall without a notebook.
    pub fn new(clock: Clock, session: Session) -> Self {
        Self {
            phase: RwSignal::default(),
            filename: RwSignal::default(),
            entries: RwSignal::default(),
            cursor: StoredValue::default(),
            inner: StoredValue::default(),
            clock,
            session,
        }
    }

    /// Where loading stands, as a signal.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// The tile of `user`, without following which tiles there are.
    pub fn entry_untracked(self, user: &str) -> Option<TileEntry> {
        self.entries
            .with_untracked(|entries| place(entries, user).ok().map(|at| entries[at].clone()))
    }

    /// What order and numbers need to know of every tile, as a signal of all.
    pub fn briefs(self) -> Vec<Brief> {
        self.entries.with(|entries| {
            entries
                .iter()
                .map(|entry| entry.tile.with(|tile| Brief::from(&**tile)))
                .collect()
        })
    }

    /// The participants by name, as a signal of the set of tiles.
    pub fn users(self) -> Vec<String> {
        self.entries
            .with(|entries| entries.iter().map(|entry| entry.user.to_string()).collect())
    }

    /// The same, without following it.
    pub fn users_untracked(self) -> Vec<String> {
        untrack(|| self.users())
    }

    /// The chosen notebook, without following it.
    pub fn filename_untracked(self) -> Option<String> {
        self.filename.get_untracked()
    }

    /// Whether `user` has a tile, without following it.
    pub fn knows(self, user: &str) -> bool {
        self.entries
            .with_untracked(|entries| place(entries, user).is_ok())
    }

    /// Makes sure that the tiles are at least as new as event number `cursor`.
    pub fn catch_up(self, cursor: i64) {
        let loading = self.inner.try_update_value(|inner| {
            inner.must_reach = cursor;
            inner.loading
        });
        if loading == Some(false) && self.cursor.get_value() < cursor {
            self.reload();
        }
    }

    /// Chooses a notebook and loads it, unless it is the chosen one already.
    pub fn choose(self, filename: &str) {
        if self.filename.get_untracked().as_deref() == Some(filename) {
            return;
        }
        self.inner.update_value(|inner| {
            *inner = Inner {
                generation: inner.generation + 1,
                must_reach: inner.must_reach,
                ..Inner::default()
            };
        });
        self.entries.update(Vec::clear);
        self.filename.set(Some(filename.to_owned()));
        self.phase.set(Phase::Loading);
        self.reload();
    }

    /// Loads all tiles of the chosen notebook again.
    pub fn reload(self) {
        let Some(filename) = self.filename.get_untracked() else {
            return;
        };
        if self.phase.get_untracked() != Phase::Ready {
            self.phase.set(Phase::Loading);
        }
        let generation = self.inner.try_update_value(|inner| {
            inner.again = inner.loading;
            inner.loading = true;
            (!inner.again).then_some(inner.generation)
        });
        let Some(Some(generation)) = generation else {
            return;
        };
        spawn_local(async move {
            let answer = api::wall(&filename).await;
            if self.generation() == Some(generation) {
                self.loaded(answer);
            }
        });
    }

    /// Event number `seq` says that `user`'s tile has changed.
    pub fn changed(self, user: &str, seq: i64) {
        self.inner.update_value(|inner| {
            if inner.loading {
                inner.early.push((user.to_owned(), seq));
            } else {
                inner.fetches.want(user);
            }
        });
        self.start_fetches();
    }

    fn generation(self) -> Option<u32> {
        self.inner.try_with_value(|inner| inner.generation)
    }

    fn loaded(self, answer: Result<WallResponse, Failure>) {
        let loaded = answer.is_ok();
        match answer {
            Ok(wall) => {
                self.clock.observe(wall.now_ms);
                self.cursor.set_value(wall.cursor);
                self.put_all(wall.tiles);
                self.phase.set(Phase::Ready);
            }
            Err(failure) => {
                self.session.note(&failure);
                if self.phase.get_untracked() != Phase::Ready {
                    self.phase.set(Phase::Failed(failure));
                }
            }
        }
        let cursor = self.cursor.get_value();
        let again = self.inner.try_update_value(|inner| {
            inner.loading = false;
            for (user, seq) in std::mem::take(&mut inner.early) {
                if seq > cursor {
                    inner.fetches.want(&user);
                }
            }
            std::mem::take(&mut inner.again) || (loaded && cursor < inner.must_reach)
        });
        if again == Some(true) {
            self.reload();
        }
        self.start_fetches();
    }

    fn put_all(self, tiles: Vec<Tile>) {
        let here: Vec<String> = tiles.iter().map(|tile| tile.user.clone()).collect();
        let stays = |entry: &TileEntry| here.iter().any(|user| **user == *entry.user);
        if !self
            .entries
            .with_untracked(|entries| entries.iter().all(stays))
        {
            self.entries.update(|entries| entries.retain(stays));
        }
        let new: Vec<Tile> = tiles
            .into_iter()
            .filter_map(|tile| self.replace(tile))
            .collect();
        self.insert(new, 0);
    }

    /// Adds tiles of participants who have none yet.
    fn insert(self, tiles: Vec<Tile>, saves: u32) {
        if tiles.is_empty() {
            return;
        }
        self.entries.update(|entries| {
            for tile in tiles {
                if let Err(at) = place(entries, &tile.user) {
                    entries.insert(at, TileEntry::of(tile, saves));
                }
            }
        });
    }

    /// Puts `tile` in the place of the one there is, or gives it back.
    fn replace(self, tile: Tile) -> Option<Tile> {
        let Some(entry) = self.entry_untracked(&tile.user) else {
            return Some(tile);
        };
        let (same, saved) = entry
            .tile
            .with_untracked(|old| (**old == tile, old.saved_at_ms != tile.saved_at_ms));
        if !same {
            entry.tile.set(Arc::new(tile));
        }
        if saved {
            entry.saves.update(|saves| *saves += 1);
        }
        None
    }

    fn remove(self, user: &str) {
        if self.knows(user) {
            self.entries
                .update(|entries| entries.retain(|entry| *entry.user != *user));
        }
    }

    fn start_fetches(self) {
        let (Some(filename), Some(generation)) = (self.filename.get_untracked(), self.generation())
        else {
            return;
        };
        while let Some(Some(user)) = self.inner.try_update_value(|inner| inner.fetches.start()) {
            let filename = filename.clone();
            spawn_local(async move {
                let answer = api::tile(&filename, &user).await;
                if self.generation() == Some(generation) {
                    self.fetched(&user, generation, answer);
                }
            });
        }
    }

    fn fetched(
        self,
        user: &str,
        generation: u32,
        answer: Result<shared::wire::TileResponse, Failure>,
    ) {
        let failed = match answer {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                self.insert(self.replace(answer.tile).into_iter().collect(), 1);
                false
            }
            Err(Failure::NotFound(_)) => {
                self.remove(user);
                false
            }
            Err(failure) => {
                self.session.note(&failure);
                true
            }
        };
        let retry = self.inner.try_update_value(|inner| {
            if failed {
                return inner.fetches.failed(user);
            }
            inner.fetches.answered(user);
            None
        });
        if let Some(Some(attempt)) = retry {
            self.retry(user.to_owned(), attempt, generation);
        }
        self.start_fetches();
    }

    fn retry(self, user: String, attempt: u32, generation: u32) {
        let salt = u32::try_from(monotonic_ms() & 0xFFFF).unwrap_or_default();
        spawn_local(async move {
            TimeoutFuture::new(backoff::delay_ms(attempt, salt)).await;
            if self.generation() == Some(generation) {
                self.inner.update_value(|inner| inner.fetches.want(&user));
                self.start_fetches();
            }
        });
    }
}

impl TileEntry {
    fn of(tile: Tile, saves: u32) -> Self {
        Self {
            user: Arc::from(tile.user.as_str()),
            tile: ArcRwSignal::new(Arc::new(tile)),
            saves: ArcRwSignal::new(saves),
        }
    }
}

/// Where `user`'s tile is, or where it would have to be.
fn place(entries: &[TileEntry], user: &str) -> Result<usize, usize> {
    entries.binary_search_by(|entry| (*entry.user).cmp(user))
}
