//! One participant's whole notebook, live or as it was.

mod handouts;
mod past;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::asides::{ERRAND, HANDOUTS, READ, RECORDED, Recorded};

use self::handouts::HandoutParts;
use self::past::PastParts;
use super::keyboard::on_shortcut;
use crate::clock::Clock;
use crate::components::cells::{Cells, id_prefix};
use crate::components::notebook_bar::NotebookBar;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::skeleton::SkeletonCells;
use crate::html;
use crate::model::view::title;
use crate::model::wall::neighbours;
use crate::place;
use crate::router::Router;
use crate::session::Session;
use crate::store::load::Phase;
use crate::store::notebook::NotebookStore;
use crate::store::wall::WallStore;
use crate::stream::{Message, Stream};

/// One participant's whole notebook.
#[component]
pub fn NotebookPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let clock = expect_context::<Clock>();
    let wall = expect_context::<WallStore>();
    let stream = expect_context::<Stream>();
    let session = expect_context::<Session>();
    let store = NotebookStore::new(clock, session);
    let past = PastParts::new(router, session, clock);
    let handouts = HandoutParts::new(router, session, clock);

    Effect::new(move || {
        let view = router.view();
        past.follow(view.clone());
        if let (Some(notebook), Some(user)) = (view.notebook, view.user) {
            document().set_title(&title(&[Some(&user), Some(&notebook)]));
            // The wall knows who comes before and after.
            wall.choose(&notebook);
            store.choose(notebook, user, view.version);
        }
    });
    stream.listen(move |message| match message {
        Message::Event(_, event) if !store.shows(&event.filename, &event.user) => {}
        // No save waits for its history: that it is a version is news of its own. A version
        // never changes.
        Message::Event(..) if router.view_untracked().version.is_none() => store.reload(),
        Message::Event(..) => {}
        // What nobody says again to who was not there may have been said.
        Message::Opened(_) | Message::Resumed(_) | Message::Reset(_) => {
            store.retry();
            past.retry();
            handouts.renew();
        }
        Message::Aside(ERRAND, _) => {
            past.renew_errand();
            handouts.renew();
        }
        Message::Aside(HANDOUTS, _) => handouts.renew(),
        Message::Aside(kind @ (READ | RECORDED), data) => {
            let told = serde_json::from_str(data);
            if told.is_ok_and(|Recorded { filename, user }| store.shows(&filename, &user)) {
                if *kind == READ && router.view_untracked().version.is_none() {
                    store.reload();
                }
                past.renew();
            }
        }
        Message::Notices | Message::Aside(..) => {}
    });

    follow_place(router, store);

    let around = Memo::new(move |_| {
        let view = router.view();
        let users = wall.users();
        let (before, after) = neighbours(&users, view.user.as_deref().unwrap_or_default());
        let href = |user: &str| router.notebook_href(&view.with_user(Some(user)));
        (before.map(href), after.map(href))
    });
    let back = Signal::derive(move || router.wall_href(&router.view()));
    shortcuts(router, past, handouts, around);
    let phase = Memo::new(move |_| store.phase());
    let clicked = move |event: MouseEvent| {
        past.clicked(&event);
        handouts.clicked(&event);
    };

    view! {
        <NotebookBar
            view=Signal::derive(move || router.view())
            tile=Signal::derive(move || store.tile())
            live=Signal::derive(move || stream.state())
            back
            before=Signal::derive(move || around.get().0)
            after=Signal::derive(move || around.get().1)
            export=Signal::derive(move || router.document_href(&router.view()))
            builds=session.who_untracked().is_some_and(|who| who.builds)
            history=session.who_untracked().is_some_and(|who| who.history)
            hand_out=handouts.may_hand_out()
            on_action=clicked
        />
        <div class="notebook-page" on:click=clicked>
            <main class="notebook-main" data-testid="notebook-page">
                <div id="version-bar" class="version-bar" data-testid="version-bar"></div>
                <div id="changes" class="changes" data-testid="changes"></div>
                {move || content(phase.get(), router, store)}
            </main>
            <aside id="history" class="history" aria-label="History" data-testid="history"></aside>
            <dialog
                id="restore"
                class="dialog"
                data-testid="restore-dialog"
                aria-labelledby="restore-title"
                on:close=move |_| past.dialog_closed()
            ></dialog>
        </div>
    }
}

/// Leads to the place that the address names, once its notebook is there, and when
/// somebody changes it.
fn follow_place(router: Router, store: NotebookStore) {
    let go = move || {
        let user = router.view_untracked().user.unwrap_or_default();
        place::go_to_hash(&id_prefix(&user));
    };
    let loaded = Memo::new(move |_| store.tile().is_some());
    Effect::new(move || {
        if loaded.get() {
            // The cells are drawn after this.
            request_animation_frame(go);
        }
    });
    let changed = window_event_listener(leptos::ev::hashchange, move |_| go());
    on_cleanup(move || changed.remove());
}

/// What the main part shows; drawn anew when `phase` changes, not with every answer.
fn content(phase: Phase, router: Router, store: NotebookStore) -> AnyView {
    match phase {
        Phase::Failed(failure) => {
            let retry = move || store.retry();
            view! { <FailureNotice title="This notebook cannot be shown" failure retry /> }
                .into_any()
        }
        Phase::Ready => view! { <Cells tile=Signal::derive(move || store.tile()) version=move || router.view_untracked().version /> }.into_any(),
        Phase::Loading => view! { <SkeletonCells /> }.into_any(),
        Phase::Idle => {
            let wall = router.wall_href(&router.view_untracked());
            let html = html!(
                "<p>The address names no notebook or no participant. \
                 <a href=\"{}\">Choose one on the wall</a>.</p>",
                wall
            );
            view! { <Notice title="No notebook is chosen" testid="empty" html /> }.into_any()
        }
    }
}

/// The keys of this page; those of every page are in the dialog that lists them.
fn shortcuts(
    router: Router,
    past: PastParts,
    handouts: HandoutParts,
    around: Memo<(Option<String>, Option<String>)>,
) {
    on_shortcut(move |key| {
        if past.key(key) {
            return true;
        }
        if key == "d" && handouts.may_hand_out() {
            handouts.open();
            return true;
        }
        let (before, after) = around.get_untracked();
        let href = match key {
            "Escape" => Some(router.wall_href(&router.view_untracked())),
            "k" | "ArrowLeft" => before,
            "j" | "ArrowRight" => after,
            _ => None,
        };
        if let Some(href) = &href {
            router.open(href);
        }
        href.is_some()
    });
}
