//! One participant's whole notebook, live or as it was.

mod keys;
mod past;
mod past_view;

use leptos::prelude::*;

use crate::clock::Clock;
use crate::components::cells::{Cells, id_prefix};
use crate::components::notebook_bar::NotebookBar;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::restore_dialog::Restoring;
use crate::components::skeleton::SkeletonCells;
use crate::model::view::title;
use crate::model::wall::neighbours;
use crate::place;
use crate::router::Router;
use crate::session::Session;
use crate::store::changes::ChangesStore;
use crate::store::load::Phase;
use crate::store::notebook::NotebookStore;
use crate::store::timeline::TimelineStore;
use crate::store::wall::WallStore;
use crate::stream::{Message, Stream};

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Parts {
    router: Router,
    session: Session,
    notebook: NotebookStore,
    timeline: TimelineStore,
    changes: ChangesStore,
    panel: RwSignal<bool>,
    restoring: RwSignal<Restoring>,
}

/// One participant's whole notebook.
#[component]
pub fn NotebookPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let clock = expect_context::<Clock>();
    let wall = expect_context::<WallStore>();
    let stream = expect_context::<Stream>();
    let session = expect_context::<Session>();
    let view = router.view_untracked();
    let parts = Parts {
        router,
        session,
        notebook: NotebookStore::new(clock, session),
        timeline: TimelineStore::new(session),
        changes: ChangesStore::new(session),
        // An address of a version is one of its history.
        panel: RwSignal::new(view.version.is_some() || view.changes),
        restoring: RwSignal::default(),
    };
    let store = parts.notebook;

    Effect::new(move || {
        let view = router.view();
        if let (Some(notebook), Some(user)) = (view.notebook, view.user) {
            document().set_title(&title(&[Some(&user), Some(&notebook)]));
            // The wall knows who comes before and after.
            wall.choose(&notebook);
            store.choose(notebook, user, view.version);
        }
    });
    stream.listen(move |message| match message {
        Message::Event(_, event) if store.shows(&event.filename, &event.user) => parts.saved(),
        Message::Opened(_) | Message::Reset => parts.saved(),
        Message::Event(..) | Message::Resumed => {}
    });
    parts.follow_history();
    follow_place(router, store);

    let around = Memo::new(move |_| {
        let view = router.view();
        let users = wall.users();
        let (before, after) = neighbours(&users, view.user.as_deref().unwrap_or_default());
        let href = |user: &str| router.notebook_href(&view.with_user(Some(user)));
        (before.map(href), after.map(href))
    });
    let back = Signal::derive(move || router.wall_href(&router.view()));
    keys::shortcuts(parts, around);
    let phase = Memo::new(move |_| store.phase());
    let showing_changes = Memo::new(move |_| router.view().changes);
    let main = move || match showing_changes.get() {
        true => parts.changes_part(),
        false => parts.content(phase.get()),
    };
    view! {
        <NotebookBar
            view=Signal::derive(move || router.view())
            tile=Signal::derive(move || store.tile())
            live=Signal::derive(move || stream.state())
            back
            before=Signal::derive(move || around.get().0)
            after=Signal::derive(move || around.get().1)
            history=Signal::derive(move || parts.keeps_history().then(|| parts.panel.get()))
            on_history=move || parts.toggle_panel()
        />
        <div class="notebook-page" class:with-history=move || parts.panel.get()>
            <main class="notebook-main" data-testid="notebook-page">
                {move || parts.panel.get().then(|| parts.version_bar())}
                {main}
            </main>
            {move || parts.panel.get().then(|| parts.history_panel())}
        </div>
        {parts.restore_dialog()}
    }
}

impl Parts {
    /// What the main part shows; drawn anew when `phase` changes, not with every answer.
    fn content(self, phase: Phase) -> AnyView {
        let store = self.notebook;
        match phase {
            Phase::Failed(failure) => {
                let retry = move || store.reload();
                view! { <FailureNotice title="This notebook cannot be shown" failure retry /> }
                    .into_any()
            }
            Phase::Ready => view! {
                <Cells
                    tile=Signal::derive(move || store.tile())
                    version=Signal::derive(move || self.router.view().version)
                />
            }
            .into_any(),
            Phase::Loading => view! { <SkeletonCells /> }.into_any(),
            Phase::Idle => {
                let wall = self.router.wall_href(&self.router.view_untracked());
                view! {
                    <Notice title="No notebook is chosen" testid="empty">
                        <p>
                            "The address names no notebook or no participant. "
                            <a href=wall>"Choose one on the wall"</a> "."
                        </p>
                    </Notice>
                }
                .into_any()
            }
        }
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
