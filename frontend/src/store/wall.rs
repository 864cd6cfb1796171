//! The tiles of the chosen notebook, a signal for each.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{Tile, TileResponse, WallResponse};

use super::load::Phase;
use super::upkeep::{LATE_MS, Lag, Upkeep, salt};
use crate::api;
use crate::clock::Clock;
use crate::model::backoff;
use crate::model::failure::Failure;
use crate::model::fetches::{Fetches, Next};
use crate::model::order::Order;
use crate::model::wall::Brief;
use crate::paths;
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
    /// What the tiles that are shown come from.
    order: Order,
    /// The number of the request for all tiles.
    asked: u32,
    /// Participants whose event came while the wall was loading, and its number.
    early: Vec<(String, i64)>,
    /// The event number that the tiles are as new as, once they are there.
    reached: Option<i64>,
    /// An answer older than this event number is not the last word.
    must_reach: i64,
    /// The request that began last before that was known.
    before: u32,
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
    inner: StoredValue<Inner>,
    /// Of all tiles.
    upkeep: Upkeep,
    /// Of tiles that could not be had by themselves.
    lag: Lag,
    clock: Clock,
    session: Session,
}

impl WallStore {
    /// A wall without a notebook.
    pub fn new(clock: Clock, session: Session) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            filename: RwSignal::default(),
            entries: RwSignal::default(),
            inner: StoredValue::default(),
            upkeep: Upkeep::new(session),
            lag: Lag::start(),
            clock,
            session,
        };
        let ask = move || {
            let filename = store.filename.try_get_untracked()??;
            store
                .inner
                .try_update_value(|inner| inner.asked = inner.order.begin())?;
            Some(paths::wall_data(&filename))
        };
        store.upkeep.serve(ask, move |answer| store.loaded(answer));
        store
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

    /// The stream is open for the first time, at event number `cursor`: the tiles have to be
    /// at least as new.
    pub fn reach(self, cursor: i64) {
        let is_there = self.inner.try_update_value(|inner| {
            inner.must_reach = cursor;
            inner.before = inner.order.newest();
            inner.reached.is_some_and(|reached| reached >= cursor)
        });
        if is_there == Some(false) && !self.upkeep.is_pending() {
            self.upkeep.want();
        }
    }

    /// The stream is open again. What nobody says twice may have been said meanwhile.
    pub fn catch_up(self, cursor: i64) {
        self.inner.update_value(|inner| {
            inner.must_reach = cursor;
            inner.before = inner.order.newest();
        });
        self.upkeep.now();
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
        self.upkeep.retarget();
    }

    /// Loads all tiles of the chosen notebook again.
    pub fn reload(self) {
        if self.filename.get_untracked().is_some() && self.phase.get_untracked() != Phase::Ready {
            self.phase.set(Phase::Loading);
        }
        self.upkeep.now();
    }

    /// Event number `seq` says that `user`'s tile has changed.
    pub fn changed(self, user: &str, seq: i64) {
        let is_loading = self.upkeep.is_pending();
        self.inner.update_value(|inner| {
            if is_loading {
                match inner.early.iter_mut().find(|(other, _)| other == user) {
                    Some((_, latest)) => *latest = seq.max(*latest),
                    None => inner.early.push((user.to_owned(), seq)),
                }
            } else {
                inner.fetches.want(user);
            }
        });
        self.start_fetches();
    }

    fn generation(self) -> Option<u32> {
        self.inner.try_with_value(|inner| inner.generation)
    }

    /// Whether the answer is as new as it has to be.
    fn loaded(self, answer: Result<String, Failure>) -> bool {
        let mut cursor = None;
        let mut is_final = true;
        match answer.and_then(|body| api::read::<WallResponse>(&body)) {
            Ok(wall) => {
                self.clock.observe(wall.now_ms);
                self.put_all(wall.tiles);
                self.phase.set(Phase::Ready);
                cursor = Some(wall.cursor);
            }
            Err(failure) => {
                is_final = !failure.may_pass();
                if self.phase.get_untracked() != Phase::Ready {
                    self.phase.set(Phase::Failed(failure));
                }
            }
        }
        let is_new = self.inner.try_update_value(|inner| {
            let reached = cursor.unwrap_or(i64::MIN);
            for (user, seq) in std::mem::take(&mut inner.early) {
                if seq > reached {
                    inner.fetches.want(&user);
                }
            }
            inner.reached = cursor.or(inner.reached);
            let is_new = cursor.map_or(is_final, |cursor| cursor >= inner.must_reach);
            // One that failed is no older than it has to be: it pauses.
            (is_new, cursor.is_some() && inner.asked <= inner.before)
        });
        self.start_fetches();
        match is_new {
            // It began before that was known: one more, and no reason to wait.
            Some((false, true)) => {
                self.upkeep.want();
                true
            }
            Some((is_new, _)) => is_new,
            None => true,
        }
    }

    fn put_all(self, mut tiles: Vec<Tile>) {
        let stays = self.inner.try_update_value(|inner| {
            let asked = inner.asked;
            // What was asked for later, by itself, is newer; so is that it was gone.
            tiles.retain(|tile| inner.order.is_newer(&tile.user, asked));
            let users = self.users_untracked().into_iter();
            let newer = users.filter(|user| !inner.order.is_newer(user, asked));
            let newer: Vec<String> = newer.collect();
            inner.order.take_all(asked);
            newer
        });
        let mut here = stays.unwrap_or_default();
        here.extend(tiles.iter().map(|tile| tile.user.clone()));
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
        self.tell();
        let (Some(filename), Some(generation)) = (self.filename.get_untracked(), self.generation())
        else {
            return;
        };
        let start = |inner: &mut Inner| {
            let number = inner.order.begin();
            Some((inner.fetches.start(number)?, number))
        };
        while let Some(Some((user, number))) = self.inner.try_update_value(start) {
            let filename = filename.clone();
            spawn_local(async move {
                let answer = api::tile(&filename, &user).await;
                if self.generation() == Some(generation) {
                    self.fetched(&user, number, generation, answer);
                }
            });
            spawn_local(async move {
                TimeoutFuture::new(LATE_MS).await;
                self.inner
                    .try_update_value(|inner| inner.fetches.late(number));
                self.tell();
            });
        }
    }

    /// Whether tiles are behind.
    fn tell(self) {
        let lags = self.inner.try_with_value(|inner| inner.fetches.lag());
        self.lag.set(lags == Some(true));
    }

    fn fetched(
        self,
        user: &str,
        number: u32,
        generation: u32,
        answer: Result<TileResponse, Failure>,
    ) {
        let may_pass = answer.as_ref().is_err_and(Failure::may_pass);
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        let is_new = self.inner.try_update_value(|inner| {
            let is_known = matches!(answer, Ok(_) | Err(Failure::NotFound(_)));
            let is_new = is_known && inner.order.is_newer(user, number);
            if is_new {
                inner.order.take(user, number);
            }
            is_new
        });
        match answer {
            Ok(answer) if is_new == Some(true) => {
                self.clock.observe(answer.now_ms);
                self.insert(self.replace(answer.tile).into_iter().collect(), 1);
            }
            Err(Failure::NotFound(_)) if is_new == Some(true) => self.remove(user),
            _ => {}
        }
        let next = self.inner.try_update_value(|inner| {
            if may_pass {
                return Some(inner.fetches.failed(user));
            }
            inner.fetches.answered(user);
            None
        });
        match next {
            Some(Some(Next::One(attempt))) => self.retry(user.to_owned(), attempt, generation),
            // One request, and its pauses, instead of many.
            Some(Some(Next::All)) => self.upkeep.spoiled(),
            Some(None) => self.upkeep.used(),
            None => {}
        }
        self.start_fetches();
    }

    fn retry(self, user: String, attempt: u32, generation: u32) {
        spawn_local(async move {
            TimeoutFuture::new(backoff::pause_ms(attempt, salt())).await;
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
