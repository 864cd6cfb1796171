//! The page of one participant's whole notebook, live or in an earlier version.

mod history;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::announcements::{CopyAnnouncement, ERRAND_KIND, READ_KIND, RECORDED_KIND};

use self::history::HistoryController;
use super::keyboard::on_shortcut;
use crate::answers;
use crate::clock::Clock;
use crate::components::cells::{Cells, id_prefix};
use crate::components::notebook_bar::NotebookBar;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::skeleton::SkeletonCells;
use crate::html;
use crate::model::view::title;
use crate::model::wall::neighbours;
use crate::router::Router;
use crate::scroll;
use crate::session::SessionHandle;
use crate::store::load::LoadPhase;
use crate::store::notebook::NotebookStore;
use crate::store::wall::WallStore;
use crate::stream::{EventStream, StreamMessage};

/// The page of one participant's whole notebook.
#[component]
pub fn NotebookPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let clock = expect_context::<Clock>();
    let wall = expect_context::<WallStore>();
    let stream = expect_context::<EventStream>();
    let session = expect_context::<SessionHandle>();
    let store = NotebookStore::new(clock, session);
    let history = HistoryController::new(router, session, clock);

    Effect::new(move || {
        let view = router.view();
        history.follow(view.clone());
        if let (Some(notebook), Some(user)) = (view.notebook, view.user) {
            document().set_title(&title(&[Some(&user), Some(&notebook)]));
            // The wall has the previous and the next participant.
            wall.choose(&notebook);
            store.choose(notebook, user, view.version);
        }
    });
    stream.listen(move |message| match message {
        StreamMessage::Event(_, event) if !store.shows(&event.filename, &event.user) => {}
        // A save becomes a version later, which an announcement says. A shown version never
        // changes.
        StreamMessage::Event(..) if router.view_untracked().version.is_none() => store.reload(),
        StreamMessage::Event(..) => {}
        // An announcement may have been missed, and is not repeated.
        StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
            store.retry();
            history.retry();
        }
        // Perhaps a restore of this notebook.
        StreamMessage::Announcement(ERRAND_KIND, _) => history.renew(),
        StreamMessage::Announcement(kind @ (READ_KIND | RECORDED_KIND), data) => {
            let told = answers::read_message(data);
            if told.is_some_and(|CopyAnnouncement { filename, user }| store.shows(&filename, &user))
            {
                if *kind == READ_KIND && router.view_untracked().version.is_none() {
                    store.reload();
                }
                history.renew();
            }
        }
        StreamMessage::Notices | StreamMessage::Announcement(..) => {}
    });

    scroll_to_fragment(router, store);

    let around = Memo::new(move |_| {
        let view = router.view();
        let users = wall.users();
        let (before, after) = neighbours(&users, view.user.as_deref().unwrap_or_default());
        let href = |user: &str| router.notebook_href(&view.with_user(Some(user)));
        (before.map(href), after.map(href))
    });
    let back = Signal::derive(move || router.wall_href(&router.view()));
    shortcuts(router, history, around);
    let phase = Memo::new(move |_| store.phase());
    let clicked = move |event: MouseEvent| history.clicked(&event);

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
                on:close=move |_| history.dialog_closed()
            ></dialog>
        </div>
    }
}

/// Scrolls to the fragment of the address, once the notebook is loaded and when the fragment
/// changes.
fn scroll_to_fragment(router: Router, store: NotebookStore) {
    let go = move || {
        let user = router.view_untracked().user.unwrap_or_default();
        scroll::go_to_hash(&id_prefix(&user));
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

/// The content of the main part; redrawn when `phase` changes, not with every answer.
fn content(phase: LoadPhase, router: Router, store: NotebookStore) -> AnyView {
    match phase {
        LoadPhase::Failed(failure) => {
            let retry = move || store.retry();
            view! { <FailureNotice title="This notebook cannot be shown" failure retry /> }
                .into_any()
        }
        LoadPhase::Ready => view! { <Cells tile=Signal::derive(move || store.tile()) version=move || router.view_untracked().version /> }.into_any(),
        LoadPhase::Loading => view! { <SkeletonCells /> }.into_any(),
        LoadPhase::Idle => {
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

/// The shortcuts of this page.
fn shortcuts(
    router: Router,
    history: HistoryController,
    around: Memo<(Option<String>, Option<String>)>,
) {
    on_shortcut(move |key| {
        if history.key(key) {
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
