//! The frame of the page: contexts, the gate of the session, the choice of the page.

use leptos::prelude::*;
use shared::announcements::{CopyAnnouncement, READ_KIND};

use crate::clock::Clock;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::notice_button::ShowNotices;
use crate::components::shortcuts::{Shortcuts, ShowShortcuts};
use crate::components::skeleton::Skeleton;
use crate::html;
use crate::model::view::View;
use crate::model::wall::effect;
use crate::pages::document::DocumentPage;
use crate::pages::follow::FollowPage;
use crate::pages::login::LoginPage;
use crate::pages::notebook::NotebookPage;
use crate::pages::notices::NoticeParts;
use crate::pages::wall::WallPage;
use crate::paths::Page;
use crate::router::Router;
use crate::session::{Session, SessionState};
use crate::store::class::ClassStore;
use crate::store::sharing::SharingStore;
use crate::store::upkeep::Behind;
use crate::store::wall::WallStore;
use crate::stream::{Message, Stream};
use crate::theme::ThemeChoice;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_context(Behind::default());
    let session = Session::start();
    let clock = Clock::start();
    let stream = Stream::new(clock, session);
    let class = ClassStore::new(clock, session);
    let wall = WallStore::new(clock, session);
    provide_context(SharingStore::start(stream, session));
    provide_context(session);
    provide_context(clock);
    provide_context(stream);
    provide_context(class);
    provide_context(wall);
    provide_context(ThemeChoice::start());

    follow(stream, class, wall);
    let signed_in = Memo::new(move |_| session.who().is_some());
    Effect::new(move || {
        if signed_in.get() {
            class.load();
            wall.reload();
            stream.open();
        } else {
            stream.close();
        }
    });

    let state = Memo::new(move |_| session.state());
    move || match state.get() {
        SessionState::Checking => view! { <Skeleton /> }.into_any(),
        SessionState::SignedIn(_) => view! { <Routed /> }.into_any(),
        SessionState::NeedsToken { refused } => view! { <LoginPage refused /> }.into_any(),
        SessionState::Failed(failure) => {
            let retry = move || session.check();
            view! { <FailureNotice title="You could not be signed in" failure retry /> }.into_any()
        }
    }
}

/// Brings the stores up to date with what the stream says, for as long as the page is
/// open. One participant's page listens by itself.
fn follow(stream: Stream, class: ClassStore, wall: WallStore) {
    stream.listen(move |message| match message {
        Message::Opened(cursor) => {
            wall.reach(*cursor);
            class.refresh();
        }
        Message::Resumed(cursor) | Message::Reset(cursor) => {
            wall.catch_up(*cursor);
            class.load();
        }
        Message::Aside(READ_KIND, data) => {
            if let Ok(CopyAnnouncement { filename, user }) = serde_json::from_str(data)
                && wall.filename_untracked() == Some(filename)
            {
                // No event says it: whatever is on its way may be from before.
                wall.changed(&user, i64::MAX);
            }
        }
        Message::Notices | Message::Aside(..) => {}
        Message::Event(seq, event) => {
            let filename = wall.filename_untracked();
            let effect = effect(event, filename.as_deref(), |user| wall.knows(user));
            if let Some(user) = effect.fetch {
                wall.changed(&user, *seq);
            }
            if effect.list_changed {
                class.refresh();
            }
        }
    });
}

/// The pages, for somebody who is signed in.
#[component]
fn Routed() -> impl IntoView {
    let router = Router::start();
    provide_context(router);
    provide_context(ShowShortcuts::default());
    provide_context(ShowNotices::default());
    let page = move || match router.page() {
        Some(Page::Wall) => view! { <WallPage /> }.into_any(),
        Some(Page::Notebook) => view! { <NotebookPage /> }.into_any(),
        Some(Page::Follow) => view! { <FollowPage /> }.into_any(),
        Some(Page::Document) => view! { <DocumentPage /> }.into_any(),
        None => {
            let wall = router.wall_href(&View::default());
            view! { <NotFound wall /> }.into_any()
        }
    };
    view! {
        <Shortcuts />
        <NoticeParts />
        {page}
    }
}

/// What an address without a page shows.
#[component]
fn NotFound(
    /// Where the wall is.
    wall: String,
) -> impl IntoView {
    let html = html!(
        "<p>The address may be mistyped. <a href=\"{}\">Go to the wall</a>.</p>",
        wall
    );
    view! {
        <Notice title="There is no such page" html />
    }
}
