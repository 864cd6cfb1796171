//! The frame of the page: its contexts, the sign-in state, and which page is shown.

use leptos::prelude::*;
use shared::announcements::{CopyAnnouncement, READ_KIND};

use crate::answers;
use crate::behind::BehindCount;
use crate::clock::Clock;
use crate::components::handout_link::open_files_on_shortcut;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::notice_button::ShowNotices;
use crate::components::shortcuts::{Shortcuts, ShowShortcuts};
use crate::components::skeleton::Skeleton;
use crate::html;
use crate::model::view::View;
use crate::model::wall::effect_of;
use crate::pages::document::DocumentPage;
use crate::pages::follow::FollowPage;
use crate::pages::login::LoginPage;
use crate::pages::notebook::NotebookPage;
use crate::pages::notices::NoticeParts;
use crate::pages::wall::WallPage;
use crate::paths::PageRoute;
use crate::router::Router;
use crate::session::{SessionHandle, SessionState};
use crate::store::class::ClassStore;
use crate::store::sharing::SharingStore;

use crate::store::wall::WallStore;
use crate::stream::{EventStream, StreamMessage};
use crate::theme::ThemeChoice;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_context(BehindCount::default());
    let session = SessionHandle::start();
    let clock = Clock::start();
    let stream = EventStream::new(clock, session);
    let class = ClassStore::new(clock, session);
    let wall = WallStore::new(clock, session);
    provide_context(SharingStore::start(stream, session));
    provide_context(session);
    provide_context(clock);
    provide_context(stream);
    provide_context(class);
    provide_context(wall);
    provide_context(ThemeChoice::start());

    update_stores(stream, class, wall);
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
            view! {
                <main><FailureNotice title="You could not be signed in" failure retry /></main>
            }
            .into_any()
        }
    }
}

/// Updates the stores from the stream's messages, for as long as the page is open. The page of
/// one participant's notebook listens by itself.
fn update_stores(stream: EventStream, class: ClassStore, wall: WallStore) {
    stream.listen(move |message| match message {
        StreamMessage::Opened(cursor) => {
            wall.reach(*cursor);
            class.refresh();
        }
        StreamMessage::Resumed(cursor) | StreamMessage::Reset(cursor) => {
            wall.catch_up(*cursor);
            class.load();
        }
        StreamMessage::Announcement(READ_KIND, data) => {
            if let Some(CopyAnnouncement { filename, user }) = answers::read_message(data)
                && wall.filename_untracked() == Some(filename)
            {
                // No event has a number for this: an answer on its way may be older.
                wall.changed(&user, i64::MAX);
            }
        }
        StreamMessage::Notices | StreamMessage::Announcement(..) => {}
        StreamMessage::Event(seq, event) => {
            let filename = wall.filename_untracked();
            let effect = effect_of(event, filename.as_deref(), |user| wall.knows(user));
            if let Some(user) = effect.fetch {
                wall.changed(&user, *seq);
            }
            if effect.list_changed {
                class.refresh();
            }
        }
    });
}

/// The page that the address names, for a signed-in user.
#[component]
fn Routed() -> impl IntoView {
    let router = Router::start();
    provide_context(router);
    provide_context(ShowShortcuts::default());
    provide_context(ShowNotices::default());
    open_files_on_shortcut(router);
    let page = move || match router.page() {
        Some(PageRoute::Wall) => view! { <WallPage /> }.into_any(),
        Some(PageRoute::Notebook) => view! { <NotebookPage /> }.into_any(),
        Some(PageRoute::Follow) => view! { <FollowPage /> }.into_any(),
        Some(PageRoute::Document) => view! { <DocumentPage /> }.into_any(),
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

/// The message for an address without a page.
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
        <main><Notice title="There is no such page" html /></main>
    }
}
