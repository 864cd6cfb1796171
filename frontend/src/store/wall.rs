//! The tiles of the chosen notebook.
//!
//! A tile stays the object that the browser has parsed until it is drawn; only what the order and
//! the counts need is read at once. One signal says that tiles have changed, and a list says whose,
//! so that a save costs what its own tile costs.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::Tile;

use super::load::LoadPhase;
use super::refetcher::{LATE_ANSWER_MS, Refetcher};
use crate::answers::FromFields;
use crate::api;
use crate::behind::BehindMark;
use crate::clock::{Clock, jitter_salt};
use crate::fields::AnswerFields;
use crate::model::arrangement::TileBrief;
use crate::model::backoff;
use crate::model::failure::RequestFailure;
use crate::model::order::RequestOrder;
use crate::model::tile_fetches::{FetchRetry, TileFetches};
use crate::paths;
use crate::session::SessionHandle;

/// One participant's tile.
#[derive(Clone)]
pub struct TileEntry {
    /// What the order and the counts need of it.
    pub brief: Rc<TileBrief>,
    /// The tile as the service sent it.
    fields: AnswerFields,
    /// Counts the saves since the page was opened, for the pulse.
    pub saves: u32,
    /// What the last of them has changed, in a sign or two; empty before the first.
    pub change: Rc<str>,
}

#[derive(Default)]
struct WallState {
    /// Sorted by participant.
    entries: Vec<TileEntry>,
    /// Whose tiles have changed, come or gone since they were asked for.
    changed: Vec<Rc<TileBrief>>,
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
    /// Notifies of changed tiles.
    changes: Trigger,
    /// Notifies of tiles that have come or gone.
    set: Trigger,
    state: StoredValue<WallState, LocalStorage>,
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
            changes: Trigger::new(),
            set: Trigger::new(),
            state: StoredValue::new_local(WallState::default()),
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

    /// The phase of loading, without tracking the signal.
    pub fn phase_untracked(self) -> LoadPhase {
        self.phase.get_untracked()
    }

    /// Tracks changes of tiles, and of the set of tiles.
    pub fn track(self) {
        self.changes.track();
    }

    /// The participants whose tiles have changed since this was asked for last.
    pub fn take_changed(self) -> Vec<Rc<TileBrief>> {
        let changed = self
            .state
            .try_update_value(|state| std::mem::take(&mut state.changed));
        changed.unwrap_or_default()
    }

    /// The tile of `user`, without tracking changes.
    pub fn entry(self, user: &str) -> Option<TileEntry> {
        self.state.with_value(|state| {
            tile_index(&state.entries, user)
                .ok()
                .map(|at| state.entries[at].clone())
        })
    }

    /// Every tile in brief, for the order and the counts, without tracking changes.
    pub fn briefs(self) -> Vec<Rc<TileBrief>> {
        self.state.with_value(|state| {
            let briefs = state.entries.iter().map(|entry| Rc::clone(&entry.brief));
            briefs.collect()
        })
    }

    /// The participants by name, as a signal of the set of tiles.
    pub fn users(self) -> Vec<String> {
        self.set.track();
        let briefs = self.briefs();
        briefs.iter().map(|brief| brief.user.clone()).collect()
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
        self.state
            .with_value(|state| tile_index(&state.entries, user).is_ok())
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
        self.set.notify();
        self.changes.notify();
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
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(wall) => {
                self.clock
                    .observe(wall.number("now_ms").unwrap_or_default());
                self.put_all(wall.list("tiles"));
                self.phase.set(LoadPhase::Ready);
                cursor = Some(wall.number("cursor").unwrap_or_default());
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

    fn put_all(self, tiles: Vec<AnswerFields>) {
        let users = self.users_untracked();
        self.state.update_value(|state| {
            let all_request = state.all_request;
            let mut here: Vec<String> = Vec::new();
            for entry in tiles.into_iter().filter_map(TileEntry::of) {
                // A later answer for one tile is newer, even the answer that the tile is gone.
                if state.order.is_newer(&entry.brief.user, all_request) {
                    here.push(entry.brief.user.clone());
                    state.put(entry);
                }
            }
            let has_gone =
                |user: &&String| state.order.is_newer(user, all_request) && !here.contains(user);
            let gone: Vec<&String> = users.iter().filter(has_gone).collect();
            gone.into_iter().for_each(|user| state.remove(user));
            state.order.take_all(all_request);
        });
        if users != self.users_untracked() {
            self.set.notify();
        }
        self.changes.notify();
    }

    /// Puts one tile in its place, of a participant who has just saved or has just been seen.
    fn put(self, tile: AnswerFields) {
        let Some(mut entry) = TileEntry::of(tile) else {
            return;
        };
        let is_new = !self.knows(&entry.brief.user);
        entry.saves = u32::from(is_new);
        self.state.update_value(|state| state.put(entry));
        if is_new {
            self.set.notify();
        }
        self.changes.notify();
    }

    fn remove(self, user: &str) {
        if self.knows(user) {
            self.state.update_value(|state| state.remove(user));
            self.set.notify();
            self.changes.notify();
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
                let answer = api::text(&paths::tile_data(&filename, &user), None, "").await;
                let answer = answer.and_then(|body| AnswerFields::read(&body));
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
        answer: Result<AnswerFields, RequestFailure>,
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
                self.clock
                    .observe(answer.number("now_ms").unwrap_or_default());
                self.put(answer.object("tile"));
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

impl WallState {
    /// Puts a tile in its place.
    fn put(&mut self, mut entry: TileEntry) {
        self.note_change(&entry.brief);
        match tile_index(&self.entries, &entry.brief.user) {
            Ok(at) => {
                let before = &self.entries[at];
                let is_saved = before.brief.saved_at_ms != entry.brief.saved_at_ms;
                entry.saves = before.saves + u32::from(is_saved);
                entry.change = match is_saved {
                    true => entry.brief.change_since(&before.brief).into(),
                    false => Rc::clone(&before.change),
                };
                self.entries[at] = entry;
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Notes a change once, however often it comes while nobody asks for it.
    fn note_change(&mut self, brief: &Rc<TileBrief>) {
        self.changed.retain(|it| it.user != brief.user);
        self.changed.push(Rc::clone(brief));
    }

    fn remove(&mut self, user: &str) {
        if let Ok(at) = tile_index(&self.entries, user) {
            let gone = self.entries.remove(at);
            self.note_change(&gone.brief);
        }
    }
}

impl TileEntry {
    /// The entry of a tile as the service sent it.
    fn of(fields: AnswerFields) -> Option<Self> {
        let is_there = |name| fields.part(name).is_some();
        let brief = TileBrief {
            user: fields.text("user")?,
            saved_at_ms: fields.number("saved_at_ms")?,
            ends_in_error: fields.is("ends_in_error"),
            total_cells: fields.count("total_cells"),
            has_problem: is_there("problem")
                || is_there("save_problem")
                || is_there("home_problem"),
        };
        Some(Self {
            brief: Rc::new(brief),
            fields,
            saves: 0,
            change: "".into(),
        })
    }

    /// The tile with its cells.
    pub fn tile(&self) -> Option<Tile> {
        Tile::from_fields(&self.fields)
    }
}

/// The index of `user`'s tile, or the index to insert it at.
fn tile_index(entries: &[TileEntry], user: &str) -> Result<usize, usize> {
    entries.binary_search_by(|entry| entry.brief.user.as_str().cmp(user))
}
