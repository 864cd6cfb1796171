//! The tiles of the chosen notebook, one signal for each.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{Tile, TileResponse, WallResponse};

use super::load::LoadPhase;
use super::refetcher::{LATE_ANSWER_MS, Refetcher};
use crate::answers;
use crate::api;
use crate::behind::BehindMark;
use crate::clock::{Clock, jitter_salt};
use crate::model::backoff;
use crate::model::failure::RequestFailure;
use crate::model::order::RequestOrder;
use crate::model::tile_fetches::{FetchRetry, TileFetches};
use crate::model::wall::TileBrief;
use crate::paths;
use crate::session::SessionHandle;

/// One participant's tile.
#[derive(Clone)]
pub struct TileEntry {
    /// The participant.
    pub user: Arc<str>,
    /// The newest version.
    pub tile: ArcRwSignal<Arc<Tile>>,
    /// Counts the saves since the page was opened, for the pulse animation.
    pub saves: ArcRwSignal<u32>,
}

#[derive(Default)]
struct WallState {
    fetches: TileFetches,
    /// Which requests brought the shown tiles.
    order: RequestOrder,
    /// The number of the newest request for all tiles.
    all_request: u32,
    /// Participants with an event during the loading of the wall, and the event's number.
    early_events: Vec<(String, i64)>,
    /// The cursor of the loaded tiles.
    reached: Option<i64>,
    /// The tiles are loaded again until their cursor is at least this event number.
    required_cursor: i64,
    /// The last request that began before `required_cursor` was set.
    last_request_before: u32,
    /// Counts the chosen notebooks: an answer for an earlier one is dropped.
    generation: u32,
}

/// A handle to the wall; a context.
#[derive(Clone, Copy)]
pub struct WallStore {
    phase: RwSignal<LoadPhase>,
    filename: RwSignal<Option<String>>,
    /// Sorted by participant.
    entries: RwSignal<Vec<TileEntry>>,
    state: StoredValue<WallState>,
    /// Fetches all tiles.
    refetcher: Refetcher,
    /// Set while single tiles are behind.
    behind_mark: BehindMark,
    clock: Clock,
    session: SessionHandle,
}

impl WallStore {
    /// A wall without a notebook.
    pub fn new(clock: Clock, session: SessionHandle) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            filename: RwSignal::default(),
            entries: RwSignal::default(),
            state: StoredValue::default(),
            refetcher: Refetcher::new(session),
            behind_mark: BehindMark::start(),
            clock,
            session,
        };
        let ask = move || {
            let filename = store.filename.try_get_untracked()??;
            store
                .state
                .try_update_value(|state| state.all_request = state.order.begin())?;
            Some(paths::wall_data(&filename))
        };
        store
            .refetcher
            .configure(ask, move |answer| store.loaded(answer));
        store
    }

    /// The phase of loading, as a signal.
    pub fn phase(self) -> LoadPhase {
        self.phase.get()
    }

    /// The tile of `user`, without tracking the set of tiles.
    pub fn entry_untracked(self, user: &str) -> Option<TileEntry> {
        self.entries
            .with_untracked(|entries| tile_index(entries, user).ok().map(|at| entries[at].clone()))
    }

    /// Every tile in brief, for the order and the counts, as a signal.
    pub fn briefs(self) -> Vec<TileBrief> {
        self.entries.with(|entries| {
            entries
                .iter()
                .map(|entry| entry.tile.with(|tile| TileBrief::from(&**tile)))
                .collect()
        })
    }

    /// The participants by name, as a signal of the set of tiles.
    pub fn users(self) -> Vec<String> {
        self.entries
            .with(|entries| entries.iter().map(|entry| entry.user.to_string()).collect())
    }

    /// The participants by name, without tracking the signal.
    pub fn users_untracked(self) -> Vec<String> {
        untrack(|| self.users())
    }

    /// The chosen notebook, without tracking the signal.
    pub fn filename_untracked(self) -> Option<String> {
        self.filename.get_untracked()
    }

    /// Whether `user` has a tile, without tracking the signal.
    pub fn knows(self, user: &str) -> bool {
        self.entries
            .with_untracked(|entries| tile_index(entries, user).is_ok())
    }

    /// Loads all tiles if they are older than `cursor`, the event number at which the stream was
    /// opened for the first time.
    pub fn reach(self, cursor: i64) {
        let is_there = self.state.try_update_value(|state| {
            state.required_cursor = cursor;
            state.last_request_before = state.order.newest();
            state.reached.is_some_and(|reached| reached >= cursor)
        });
        if is_there == Some(false) && !self.refetcher.is_pending() {
            self.refetcher.refetch();
        }
    }

    /// Loads all tiles after the stream was opened again at `cursor`, because announcements may
    /// have been missed, and they are not repeated.
    pub fn catch_up(self, cursor: i64) {
        self.state.update_value(|state| {
            state.required_cursor = cursor;
            state.last_request_before = state.order.newest();
        });
        self.refetcher.refetch_now();
    }

    /// Chooses a notebook and loads it, unless it is the chosen one already.
    pub fn choose(self, filename: &str) {
        if self.filename.get_untracked().as_deref() == Some(filename) {
            return;
        }
        self.state.update_value(|state| {
            *state = WallState {
                generation: state.generation + 1,
                required_cursor: state.required_cursor,
                ..WallState::default()
            };
        });
        self.entries.update(Vec::clear);
        self.filename.set(Some(filename.to_owned()));
        self.phase.set(LoadPhase::Loading);
        self.refetcher.retarget();
    }

    /// Loads all tiles of the chosen notebook again.
    pub fn reload(self) {
        if self.filename.get_untracked().is_some() && self.phase.get_untracked() != LoadPhase::Ready
        {
            self.phase.set(LoadPhase::Loading);
        }
        self.refetcher.refetch_now();
    }

    /// Fetches `user`'s tile, because event number `seq` says that it has changed.
    pub fn changed(self, user: &str, seq: i64) {
        let is_loading = self.refetcher.is_pending();
        self.state.update_value(|state| {
            if is_loading {
                match state
                    .early_events
                    .iter_mut()
                    .find(|(other, _)| other == user)
                {
                    Some((_, latest)) => *latest = seq.max(*latest),
                    None => state.early_events.push((user.to_owned(), seq)),
                }
            } else {
                state.fetches.want(user);
            }
        });
        self.start_fetches();
    }

    fn generation(self) -> Option<u32> {
        self.state.try_with_value(|state| state.generation)
    }

    /// Takes the answer for all tiles; `false` when they have to be fetched again.
    fn loaded(self, answer: Result<String, RequestFailure>) -> bool {
        let mut cursor = None;
        let mut is_final = true;
        match answer.and_then(|body| answers::read::<WallResponse>(&body)) {
            Ok(wall) => {
                self.clock.observe(wall.now_ms);
                self.put_all(wall.tiles);
                self.phase.set(LoadPhase::Ready);
                cursor = Some(wall.cursor);
            }
            Err(failure) => {
                is_final = !failure.may_pass();
                if self.phase.get_untracked() != LoadPhase::Ready {
                    self.phase.set(LoadPhase::Failed(failure));
                }
            }
        }
        let is_new = self.state.try_update_value(|state| {
            let reached = cursor.unwrap_or(i64::MIN);
            for (user, seq) in std::mem::take(&mut state.early_events) {
                if seq > reached {
                    state.fetches.want(&user);
                }
            }
            state.reached = cursor.or(state.reached);
            let is_new = cursor.map_or(is_final, |cursor| cursor >= state.required_cursor);
            // A failed request is retried after a pause, not at once.
            (
                is_new,
                cursor.is_some() && state.all_request <= state.last_request_before,
            )
        });
        self.start_fetches();
        match is_new {
            // The request began before the cursor was required: fetch again at once.
            Some((false, true)) => {
                self.refetcher.refetch();
                true
            }
            Some((is_new, _)) => is_new,
            None => true,
        }
    }

    fn put_all(self, mut tiles: Vec<Tile>) {
        let stays = self.state.try_update_value(|state| {
            let all_request = state.all_request;
            // A later answer for one tile is newer, even the answer that the tile is gone.
            tiles.retain(|tile| state.order.is_newer(&tile.user, all_request));
            let users = self.users_untracked().into_iter();
            let newer = users.filter(|user| !state.order.is_newer(user, all_request));
            let newer: Vec<String> = newer.collect();
            state.order.take_all(all_request);
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

    /// Adds tiles of participants without a tile.
    fn insert(self, tiles: Vec<Tile>, saves: u32) {
        if tiles.is_empty() {
            return;
        }
        self.entries.update(|entries| {
            for tile in tiles {
                if let Err(at) = tile_index(entries, &tile.user) {
                    entries.insert(at, TileEntry::of(tile, saves));
                }
            }
        });
    }

    /// Replaces the participant's tile, or returns `tile` when there is none.
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
        self.update_behind();
        let (Some(filename), Some(generation)) = (self.filename.get_untracked(), self.generation())
        else {
            return;
        };
        let start = |state: &mut WallState| {
            let number = state.order.begin();
            Some((state.fetches.start(number)?, number))
        };
        while let Some(Some((user, number))) = self.state.try_update_value(start) {
            let filename = filename.clone();
            spawn_local(async move {
                let answer = api::tile(&filename, &user).await;
                if self.generation() == Some(generation) {
                    self.fetched(&user, number, generation, answer);
                }
            });
            spawn_local(async move {
                TimeoutFuture::new(LATE_ANSWER_MS).await;
                self.state
                    .try_update_value(|state| state.fetches.note_late(number));
                self.update_behind();
            });
        }
    }

    /// Sets or clears the mark that single tiles are behind.
    fn update_behind(self) {
        let lags = self.state.try_with_value(|state| state.fetches.is_behind());
        self.behind_mark.set(lags == Some(true));
    }

    fn fetched(
        self,
        user: &str,
        number: u32,
        generation: u32,
        answer: Result<TileResponse, RequestFailure>,
    ) {
        let may_pass = answer.as_ref().is_err_and(RequestFailure::may_pass);
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        let is_new = self.state.try_update_value(|state| {
            let is_known = matches!(answer, Ok(_) | Err(RequestFailure::NotFound(_)));
            let is_new = is_known && state.order.is_newer(user, number);
            if is_new {
                state.order.take(user, number);
            }
            is_new
        });
        match answer {
            Ok(answer) if is_new == Some(true) => {
                self.clock.observe(answer.now_ms);
                self.insert(self.replace(answer.tile).into_iter().collect(), 1);
            }
            Err(RequestFailure::NotFound(_)) if is_new == Some(true) => self.remove(user),
            _ => {}
        }
        let next = self.state.try_update_value(|state| {
            if may_pass {
                return Some(state.fetches.failed(user));
            }
            state.fetches.answered(user);
            None
        });
        match next {
            Some(Some(FetchRetry::One(attempt))) => {
                self.retry(user.to_owned(), attempt, generation)
            }
            // One request for all tiles, and its pauses, instead of many.
            Some(Some(FetchRetry::All)) => self.refetcher.followup_failed(),
            Some(None) => self.refetcher.followup_succeeded(),
            None => {}
        }
        self.start_fetches();
    }

    fn retry(self, user: String, attempt: u32, generation: u32) {
        spawn_local(async move {
            TimeoutFuture::new(backoff::retry_wait_ms(attempt, jitter_salt())).await;
            if self.generation() == Some(generation) {
                self.state.update_value(|state| state.fetches.want(&user));
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

/// The index of `user`'s tile, or the index to insert it at.
fn tile_index(entries: &[TileEntry], user: &str) -> Result<usize, usize> {
    entries.binary_search_by(|entry| (*entry.user).cmp(user))
}
