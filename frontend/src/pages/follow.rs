//! The instructor's notebook that participants follow: live and read-only. The page scrolls along
//! with the newest cell while that cell is in view, and otherwise keeps the reader's position.

use std::sync::Arc;

use leptos::ev::{self, MouseEvent};
use leptos::prelude::*;
use shared::announcements;
use shared::wire::{Tile, TileResponse};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::keyboard::{find_all, on_shortcut};
use crate::answers;
use crate::clipboard::copy;
use crate::clock::Clock;
use crate::components::account_menu::AccountMenu;
use crate::components::cells::{Cells, source};
use crate::components::live_pill::LivePill;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::shortcuts::ShortcutsButton;
use crate::components::skeleton::SkeletonCells;
use crate::components::theme_toggle::ThemeToggle;
use crate::html;
use crate::html::{Html, dynamic_html};
use crate::model::age::{describe, seconds_since};
use crate::model::failure::RequestFailure;
use crate::model::follow::{newest, newest_in_first_version};
use crate::model::view::{View, title};
use crate::paths;
use crate::router::Router;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;
use crate::stream::{EventStream, StreamMessage};

/// The state of the page, and a handle to its fetching; belongs to the page.
#[derive(Clone, Copy)]
struct FollowController {
    phase: RwSignal<LoadPhase>,
    /// The last loaded version.
    tile: RwSignal<Option<Arc<Tile>>>,
    newest: RwSignal<Option<usize>>,
    /// The label of the button that leads to the newest cell; empty while the button is hidden.
    pill: RwSignal<&'static str>,
    refetcher: Refetcher,
    clock: Clock,
}

/// The page of the followed notebook.
#[component]
pub fn FollowPage() -> impl IntoView {
    let stream = expect_context::<EventStream>();
    let router = expect_context::<Router>();
    let follow = FollowController {
        phase: RwSignal::new(LoadPhase::Loading),
        tile: RwSignal::default(),
        newest: RwSignal::default(),
        pill: RwSignal::default(),
        refetcher: Refetcher::new(expect_context()),
        clock: expect_context(),
    };
    let address = || Some(paths::FOLLOWED.to_owned());
    follow
        .refetcher
        .configure(address, move |answer| follow.take(answer));
    follow.refetcher.refetch();
    stream.listen(move |message| match message {
        StreamMessage::Announcement(
            announcements::FOLLOWED_KIND | announcements::SHARING_KIND,
            _,
        ) => follow.refetcher.refetch(),
        StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
            follow.refetcher.refetch_now()
        }
        _ => {}
    });
    let scrolled = window_event_listener(ev::scroll, move |_| follow.scrolled());
    on_cleanup(move || scrolled.remove());
    let wall = router.wall_href(&View::default());
    let back = wall.clone();
    on_shortcut(move |key| match key {
        "n" => {
            follow.go_to_newest(ScrollLogicalPosition::Center);
            true
        }
        "Escape" => {
            router.open(&back);
            true
        }
        _ => false,
    });
    Effect::new(move || {
        let filename = follow.tile.get().map(|tile| tile.filename.clone());
        document().set_title(&title(&[filename.as_deref(), Some("Follow")]));
    });
    let heading = Memo::new(move |_| follow.heading());
    let phase = Memo::new(move |_| follow.phase.get());
    view! {
        <header class="top-bar notebook-bar">
            <a class="button" href=wall.clone() title="Back (Esc)">"← Back"</a>
            <div class="whose" {..dynamic_html(move || heading.get())}></div>
            <div class="bar-end">
                <LivePill live=Signal::derive(move || stream.state()) />
                <ThemeToggle />
                <ShortcutsButton />
                <AccountMenu />
            </div>
        </header>
        <main
            class="notebook-main followed"
            data-testid="follow-page"
            on:click=move |event| follow.clicked(&event)
        >
            {move || follow.content(phase.get(), &wall)}
        </main>
        <button
            class="button primary new-cell"
            data-testid="new-cell"
            title="Go to the newest cell (n)"
            hidden=move || follow.pill.get().is_empty()
            on:click=move |_| follow.go_to_newest(ScrollLogicalPosition::Center)
        >
            {move || follow.pill.get()}
        </button>
    }
}

impl FollowController {
    /// The heading: the followed instructor, the notebook and its age.
    fn heading(self) -> Html {
        let shown = self.phase.get() == LoadPhase::Ready;
        let Some(tile) = self.tile.get().filter(|_| shown) else {
            return Html::from_static("<h1>Follow</h1>");
        };
        html!(
            "<h1>Following {}</h1><p>{} · saved {}</p>",
            tile.user,
            tile.filename,
            describe(seconds_since(tile.saved_at_ms, self.clock.now_ms()))
        )
    }

    fn content(self, phase: LoadPhase, wall: &str) -> AnyView {
        match phase {
            LoadPhase::Idle | LoadPhase::Loading => view! { <SkeletonCells /> }.into_any(),
            LoadPhase::Ready => view! {
                <Cells
                    tile=Signal::derive(move || self.tile.get())
                    version=|| None
                    newest=Signal::derive(move || self.newest.get())
                />
            }
            .into_any(),
            LoadPhase::Failed(RequestFailure::NotFound(_)) => {
                let last = self.tile.get_untracked().map(|tile| tile.user.clone());
                let ended =
                    last.map(|user| html!("<p>{}’s notebook is no longer shared.</p>", user));
                let html = html!(
                    "{}<p>As soon as an instructor shares a notebook, it appears here. \
                     <a href=\"{}\">Go to your own notebooks</a>.</p>",
                    ended,
                    wall
                );
                view! { <Notice title="There is nothing to follow now" testid="ended" html /> }
                    .into_any()
            }
            LoadPhase::Failed(failure) => {
                let retry = move || self.refetcher.refetch_now();
                view! { <FailureNotice title="The notebook cannot be shown" failure retry /> }
                    .into_any()
            }
        }
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| answers::read::<TileResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                self.show(answer.tile);
                true
            }
            Err(failure) => {
                let is_final = !failure.may_pass();
                self.failed(failure);
                is_final
            }
        }
    }

    fn failed(self, failure: RequestFailure) {
        let has_ended = matches!(failure, RequestFailure::NotFound(_));
        // The last loaded version stays when there is one.
        if has_ended || self.phase.get_untracked() != LoadPhase::Ready {
            self.pill.set("");
            self.phase.set(LoadPhase::Failed(failure));
        }
    }

    fn show(self, tile: Tile) {
        let shown = self.phase.get_untracked() == LoadPhase::Ready;
        let before = self
            .tile
            .get_untracked()
            .filter(|before| shown && before.filename == tile.filename && before.user == tile.user);
        let is_first = before.is_none();
        let follows = is_first || self.newest_position() == Some(SlotPosition::InView);
        let changed = match before {
            Some(before) => newest(&before.cells, &tile.cells),
            None => newest_in_first_version(&tile.cells),
        };
        self.tile.set(Some(Arc::new(tile)));
        self.phase.set(LoadPhase::Ready);
        if changed.is_none() {
            return;
        }
        self.newest.set(changed);
        // The cells are drawn after this.
        request_animation_frame(move || {
            if follows {
                self.go_to_newest(match is_first {
                    true => ScrollLogicalPosition::Center,
                    false => ScrollLogicalPosition::Nearest,
                });
            } else {
                self.update_pill();
            }
        });
    }

    /// Shows the button that leads to the newest cell, when that cell is not in view.
    fn update_pill(self) {
        self.pill.set(match self.newest_position() {
            Some(SlotPosition::Below) => "New cell ↓",
            Some(SlotPosition::Above) => "New cell ↑",
            Some(SlotPosition::InView) | None => "",
        });
    }

    fn scrolled(self) {
        if !self.pill.get_untracked().is_empty() {
            self.update_pill();
        }
    }

    fn newest_slot(self) -> Option<HtmlElement> {
        let at = self.newest.get_untracked()?;
        find_all(".followed .nb-slot").into_iter().nth(at)
    }

    fn newest_position(self) -> Option<SlotPosition> {
        let slot = self.newest_slot()?.get_bounding_client_rect();
        let height = window().inner_height().ok()?.as_f64()?;
        Some(match () {
            () if slot.top() >= height => SlotPosition::Below,
            () if slot.bottom() <= BAR_HEIGHT_PX => SlotPosition::Above,
            () => SlotPosition::InView,
        })
    }

    fn go_to_newest(self, block: ScrollLogicalPosition) {
        if let Some(slot) = self.newest_slot() {
            let how = ScrollIntoViewOptions::new();
            how.set_block(block);
            slot.scroll_into_view_with_scroll_into_view_options(&how);
        }
        self.pill.set("");
    }

    /// Copies the code of the cell whose button was clicked.
    fn clicked(self, event: &MouseEvent) {
        let target = event.target();
        let button = target
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest("[data-do=copy]").ok().flatten());
        let slot = button
            .as_ref()
            .and_then(|button| button.closest(".nb-slot").ok().flatten());
        let (Some(button), Some(slot)) = (button, slot) else {
            return;
        };
        let slots = find_all(".followed .nb-slot");
        let at = slots
            .iter()
            .position(|other| other.is_same_node(Some(&slot)));
        let tile = self.tile.get_untracked();
        let cell = at.and_then(|at| tile.as_ref()?.cells.get(at));
        if let Some(cell) = cell {
            let code = slot.query_selector(".nb-source").ok().flatten();
            copy(source(cell), button, code);
        }
    }
}

/// The height of the bar that covers the top of the window.
const BAR_HEIGHT_PX: f64 = 56.0;

/// The position of a cell relative to the view.
#[derive(Clone, Copy, PartialEq)]
enum SlotPosition {
    Above,
    InView,
    Below,
}
