//! The tiles in the page: which of them are there, in which order, and when each is drawn.
//!
//! A tile is drawn when it comes near the sight, and its cells leave the page when it is far from
//! it. Whatever has changed is drawn once in a frame, and only as much in one as leaves the page
//! quick. The order, the counts and the ages change once a second, with the clock, and nothing moves
//! while somebody points at the wall or has the focus in it.

use std::cell::RefCell;

use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Element, HtmlElement, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit,
};

use super::elements::{heading, is_held, lower, pixels};
use super::peek::Peek;
use super::tile::BoardTile;
use crate::clock::{Clock, monotonic_ms};
use crate::model::arrangement::{
    Density, Grouping, TileBrief, WallCounts, WallItem, arrange, count, settled,
};
use crate::model::grid::square_side;
use crate::model::view::View;
use crate::router::Router;
use crate::store::insight::InsightStore;
use crate::store::load::LoadPhase;
use crate::store::people::PeopleStore;
use crate::store::wall::WallStore;

/// The tiles that are drawn before they are in sight: a quarter of a screen above and
/// below.
const NEAR: &str = "25% 0px";
/// So much of a frame is spent on drawing; what is left waits for the next.
const FRAME_BUDGET_MS: i64 = 8;
/// The gap between squares, as in the stylesheet, in pixels.
const SQUARE_GAP_PX: u32 = 4;
/// In a hidden page there are no frames.
const HIDDEN_FRAME_MS: i32 = 250;

type OnSight = Closure<dyn FnMut(Array)>;

#[derive(Default)]
struct TileBoardState {
    place: Option<HtmlElement>,
    /// Sorted by participant.
    tiles: Vec<BoardTile>,
    shown: Vec<WallItem>,
    /// The view of the arrangement that is shown.
    view: View,
    /// The next frame arranges the tiles.
    is_due: bool,
    /// The reader has asked for the next arrangement, and everything may move.
    is_asked: bool,
    has_frame: bool,
    /// The grid's measures are fixed while somebody points at it.
    is_pinned: bool,
    observer: Option<(IntersectionObserver, OnSight)>,
    peek: Peek,
}

/// A handle to the tiles; belongs to the wall.
#[derive(Clone, Copy)]
pub(super) struct Board {
    state: StoredValue<RefCell<TileBoardState>, LocalStorage>,
    wall: WallStore,
    people: PeopleStore,
    insight: InsightStore,
    router: Router,
    clock: Clock,
    /// The counts above the tiles.
    pub(super) counts: RwSignal<WallCounts>,
    /// No tile is shown.
    pub(super) is_empty: RwSignal<bool>,
    /// What is said once of each arrangement that the reader has asked for.
    pub(super) said: RwSignal<String>,
}

impl Board {
    pub(super) fn new(
        wall: WallStore,
        people: PeopleStore,
        insight: InsightStore,
        router: Router,
        clock: Clock,
    ) -> Self {
        Self {
            state: StoredValue::new_local(RefCell::default()),
            wall,
            people,
            insight,
            router,
            clock,
            counts: RwSignal::default(),
            is_empty: RwSignal::new(false),
            said: RwSignal::default(),
        }
    }

    /// Draws the tiles in `place` from now on.
    pub(super) fn start(self, place: HtmlElement) {
        let on_sight = OnSight::new(move |entries| self.on_sight(&entries));
        let options = IntersectionObserverInit::new();
        options.set_root_margin(NEAR);
        let observer =
            IntersectionObserver::new_with_options(on_sight.as_ref().unchecked_ref(), &options);
        // Of another notebook's tiles nothing is left.
        self.with(|state| {
            *state = TileBoardState {
                place: Some(place),
                observer: observer.ok().map(|observer| (observer, on_sight)),
                ..TileBoardState::default()
            };
        });
        on_cleanup(move || {
            let left = self.with(|state| state.observer.take());
            if let Some(Some((observer, _))) = left {
                observer.disconnect();
            }
        });
        Effect::new(move || {
            let view = self.router.view();
            self.people.current();
            self.wall.users();
            self.with(|state| state.is_asked |= state.view != view);
            self.ask_frame(true);
        });
        Effect::new(move || {
            self.wall.track();
            self.ask_frame(false);
        });
        Effect::new(move || {
            self.clock.now_ms();
            self.tick();
        });
        let resized = window_event_listener(leptos::ev::resize, move |_| {
            self.with(|state| state.is_asked = true);
            self.ask_frame(true);
        });
        on_cleanup(move || resized.remove());
    }

    fn with<T>(self, change: impl FnOnce(&mut TileBoardState) -> T) -> Option<T> {
        // `None`: the wall is not shown any more.
        self.state
            .try_with_value(|state| {
                state
                    .try_borrow_mut()
                    .ok()
                    .map(|mut state| change(&mut state))
            })
            .flatten()
    }

    /// Has the next frame draw what has changed, and arrange the tiles if that is `due`.
    fn ask_frame(self, due: bool) {
        let is_first = self.with(|state| {
            state.is_due |= due;
            !std::mem::replace(&mut state.has_frame, true)
        });
        if is_first != Some(true) {
            return;
        }
        match document().hidden() {
            true => {
                let wait = std::time::Duration::from_millis(HIDDEN_FRAME_MS.unsigned_abs().into());
                set_timeout(move || self.frame(), wait);
            }
            false => request_animation_frame(move || self.frame()),
        }
    }

    /// Draws what has changed, as far as this frame has time.
    fn frame(self) {
        let begun = monotonic_ms();
        let is_due = self.with(|state| {
            state.has_frame = false;
            std::mem::take(&mut state.is_due)
        });
        if is_due == Some(true) {
            self.arrange();
        }
        let now_ms = self.clock.now_ms_untracked();
        let changed = self.wall.take_changed();
        self.with(|state| {
            for brief in &changed {
                state.note_change(&brief.user, self.wall);
            }
        });
        let is_late = self.with(|state| {
            let density = state.view.density;
            for tile in &mut state.tiles {
                if !tile.is_near || !tile.is_stale {
                    continue;
                }
                if monotonic_ms() - begun > FRAME_BUDGET_MS {
                    return true;
                }
                if let Some(entry) = self.wall.entry(&tile.user) {
                    tile.draw(&entry, density, now_ms);
                }
            }
            state.peek.refresh(&changed, self.wall, now_ms);
            false
        });
        if is_late == Some(true) {
            self.ask_frame(false);
        }
    }

    /// Once a second: the order, the counts and the ages.
    fn tick(self) {
        self.arrange();
        let now_ms = self.clock.now_ms_untracked();
        self.with(|state| {
            let is_dots = state.view.density == Density::Dots;
            for tile in &mut state.tiles {
                if tile.is_shown
                    && (is_dots || tile.is_near)
                    && let Some(entry) = self.wall.entry(&tile.user)
                {
                    tile.head(&entry, now_ms);
                }
            }
        });
    }

    /// Brings the tiles into the order of the view.
    fn arrange(self) {
        let view = self.router.view_untracked();
        let people = self.people.current_untracked();
        let now_ms = self.clock.now_ms_untracked();
        let briefs: Vec<TileBrief> = self
            .wall
            .briefs()
            .iter()
            .map(|brief| (**brief).clone())
            .collect();
        let counts = count(&briefs, &people, view.group.as_deref(), now_ms);
        if self.counts.try_get_untracked() != Some(counts) {
            self.counts.set(counts);
        }
        let insight = self.insight.current_untracked();
        let wanted = arrange(&briefs, &view, &people, &insight, now_ms, lower);
        let is_empty = wanted.is_empty();
        let is_asked = self.with(|state| {
            let is_asked = std::mem::take(&mut state.is_asked);
            state.arrange(wanted, &view, is_asked, &briefs, self);
            for tile in state.tiles.iter_mut().filter(|it| it.is_shown) {
                tile.help(insight.help_of(&tile.user));
            }
            is_asked
        });
        if self.is_empty.try_get_untracked() != Some(is_empty) {
            self.is_empty.set(is_empty);
        }
        let is_there = self.wall.phase_untracked() == LoadPhase::Ready;
        if is_there && (is_asked == Some(true) || self.said.with_untracked(String::is_empty)) {
            let [all, errors, recent, _] = counts.words().map(|(_, words)| words);
            let notebook = view.notebook.unwrap_or_default();
            self.said
                .set(format!("{notebook}: {all}, {errors}, {recent}"));
        }
    }

    /// Takes what the browser says of tiles that have come near the sight, or left it.
    fn on_sight(self, entries: &Array) {
        self.with(|state| {
            for entry in entries.iter() {
                let entry: IntersectionObserverEntry = entry.unchecked_into();
                let user = entry.target().get_attribute("data-user");
                let Some(tile) = user.and_then(|user| state.tile(&user)) else {
                    continue;
                };
                tile.is_near = entry.is_intersecting();
                if !tile.is_near {
                    tile.clear();
                }
            }
        });
        self.ask_frame(false);
    }

    /// Shows the tile of the square that is pointed at or has the focus, or none.
    pub(super) fn peek(self, target: Option<Element>) {
        let square = target.and_then(|it| it.closest(".dots .tile").ok().flatten());
        let now_ms = self.clock.now_ms_untracked();
        self.with(|state| state.peek.show(square.as_ref(), self.wall, now_ms));
    }

    /// Hides the tile of a square; whether there was one.
    pub(super) fn end_peek(self) -> bool {
        self.with(|state| state.peek.hide()) == Some(true)
    }
}

impl TileBoardState {
    fn tile(&mut self, user: &str) -> Option<&mut BoardTile> {
        let at = self.tiles.binary_search_by(|it| it.user.as_str().cmp(user));
        at.ok().map(|at| &mut self.tiles[at])
    }

    /// Notes that a tile has changed; it is drawn when it is near the sight.
    fn note_change(&mut self, user: &str, wall: WallStore) {
        let Some(tile) = self.tile(user) else { return };
        tile.is_stale = true;
        if !tile.is_near
            && let Some(entry) = wall.entry(user)
        {
            tile.skip_pulse(&entry);
        }
    }

    fn arrange(
        &mut self,
        wanted: Vec<WallItem>,
        view: &View,
        is_asked: bool,
        briefs: &[TileBrief],
        board: Board,
    ) {
        let Some(place) = self.place.clone() else {
            return;
        };
        let is_held = !is_asked && !view.screen && is_held(&place);
        let items = match is_held {
            true => settled(&self.shown, &wanted),
            false => wanted,
        };
        let is_news = *view != self.view || items != self.shown;
        if *view != self.view {
            self.change_view(view, &place);
        }
        if !is_held && self.is_pinned {
            self.pin(&place, false);
        }
        if items != self.shown {
            if is_held && !self.is_pinned {
                self.pin(&place, true);
            }
            self.place(&items, &place, board);
            self.shown = items;
        }
        if is_news {
            self.name_tiles(view, briefs, board.router);
        }
        if view.density == Density::Dots && !is_held {
            self.fit_squares(&place);
        }
    }

    fn change_view(&mut self, view: &View, place: &HtmlElement) {
        let density = match view.density {
            Density::Full => "wall",
            Density::Small => "wall small",
            Density::Dots => "wall dots",
        };
        let is_grouped = view.grouping != Grouping::None;
        let grouped = if is_grouped { " grouped" } else { "" };
        if view.density != self.view.density {
            self.tiles.iter_mut().for_each(BoardTile::clear);
            self.peek.hide();
        }
        place.set_class_name(&format!("{density}{grouped}"));
        self.view = view.clone();
    }

    /// Writes the names and the addresses, which are of the view.
    fn name_tiles(&mut self, view: &View, briefs: &[TileBrief], router: Router) {
        for tile in self.tiles.iter_mut().filter(|it| it.is_shown) {
            let href = router.notebook_href(&view.with_user(Some(&tile.user)));
            let at = briefs.binary_search_by(|it| it.user.cmp(&tile.user));
            let number = at.map_or(0, |at| at + 1);
            match view.hides_names {
                true => tile.name(&format!("Participant {number}"), true, &href),
                false => {
                    let name = tile.user.clone();
                    tile.name(&name, false, &href);
                }
            }
        }
    }

    /// Puts the items into the page, in this order, and nothing else.
    fn place(&mut self, items: &[WallItem], place: &HtmlElement, board: Board) {
        self.tiles.iter_mut().for_each(|tile| tile.is_shown = false);
        for item in items {
            if let WallItem::Tile(user) = item {
                self.make(user, board);
            }
        }
        for tile in self.tiles.iter_mut().filter(|tile| !tile.is_shown) {
            tile.element.remove();
        }
        // Those that came and went while nothing showed them.
        let wall = board.wall;
        self.tiles
            .retain(|tile| tile.is_shown || wall.knows(&tile.user));
        let headings = place.query_selector_all(".wall-heading");
        for at in 0..headings.as_ref().map_or(0, web_sys::NodeList::length) {
            let heading = headings.as_ref().ok().and_then(|all| all.get(at));
            if let Some(heading) = heading.and_then(|it| it.dyn_into::<Element>().ok()) {
                heading.remove();
            }
        }
        let mut next = place.first_element_child();
        for item in items {
            let element = match item {
                WallItem::Heading(name, count) => heading(name, *count),
                WallItem::Tile(user) => self
                    .tile(user)
                    .map(|tile| Element::from(tile.element.clone())),
            };
            let Some(element) = element else { continue };
            match next {
                Some(at) if at.is_same_node(Some(&element)) => next = at.next_element_sibling(),
                at => {
                    // It fails only for a page that is being left.
                    let _ = place.insert_before(&element, at.as_deref());
                    next = at;
                }
            }
        }
    }

    /// Makes the tile of `user` unless it is there.
    fn make(&mut self, user: &str, board: Board) {
        match self.tiles.binary_search_by(|it| it.user.as_str().cmp(user)) {
            Ok(at) => self.tiles[at].is_shown = true,
            Err(at) => {
                let Some(entry) = board.wall.entry(user) else {
                    return;
                };
                let Some(mut tile) = BoardTile::new(user, entry.saves) else {
                    return;
                };
                tile.head(&entry, board.clock.now_ms_untracked());
                tile.is_shown = true;
                if let Some((observer, _)) = &self.observer {
                    observer.observe(&tile.element);
                }
                self.tiles.insert(at, tile);
            }
        }
    }

    /// Fixes the measures of the grid, so that what is new moves nothing; or lets them go.
    fn pin(&mut self, place: &HtmlElement, is_pinned: bool) {
        self.is_pinned = is_pinned;
        let style = place.style();
        let computed = window().get_computed_style(place).ok().flatten();
        for property in ["grid-template-columns", "grid-template-rows"] {
            let now = computed
                .as_ref()
                .and_then(|it| it.get_property_value(property).ok());
            // The properties exist.
            let _ = match (is_pinned, now) {
                (true, Some(now)) => style.set_property(property, &now),
                _ => style.remove_property(property).map(|_| ()),
            };
        }
    }

    /// Makes the squares as large as the window has room for.
    fn fit_squares(&self, place: &HtmlElement) {
        let mut groups = Vec::new();
        for item in &self.shown {
            match (item, groups.last_mut()) {
                (WallItem::Heading(..), _) => groups.push(0),
                (WallItem::Tile(_), Some(count)) => *count += 1,
                (WallItem::Tile(_), None) => groups.push(1),
            }
        }
        let inner = window().inner_height().ok().and_then(|it| it.as_f64());
        let top = place.offset_top().unsigned_abs();
        let height = pixels(inner.unwrap_or_default()).saturating_sub(2 * top.min(12) + top);
        let width = place.client_width().unsigned_abs();
        let side = square_side(&groups, [width, height], SQUARE_GAP_PX);
        let side = format!("{side}px");
        let style = place.style();
        if style.get_property_value("--square").as_deref() != Ok(&side) {
            // The property is one of the page's own.
            let _ = style.set_property("--square", &side);
        }
    }
}
