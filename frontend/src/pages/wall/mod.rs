//! The wall: the tail of everyone's copy of one notebook.
//!
//! * `board`: the tiles in the page; `tile`: one of them; `peek`: that of a square
//! * `lane`: what the saves say, above them
//! * `keys`: the keyboard; `elements`: what is done with single elements

mod board;
mod elements;
mod keys;
pub mod lane;
mod peek;
mod tile;

pub(crate) use elements::lower;

use leptos::ev::MouseEvent;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, EventTarget};

use self::board::Board;
use self::lane::LanePart;
use super::participant::ParticipantPart;
use crate::clock::Clock;
use crate::components::cells::on_notebook_click;
use crate::components::live_pill::LivePill;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::skeleton::SkeletonTiles;
use crate::components::top_bar::TopBar;
use crate::html;
use crate::html::Html;
use crate::model::arrangement::Show;
use crate::model::failure::RequestFailure;
use crate::model::view::title;
use crate::paths::PageRoute;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::class::ClassStore;
use crate::store::insight::InsightStore;
use crate::store::load::LoadPhase;
use crate::store::people::PeopleStore;
use crate::store::wall::WallStore;
use crate::stream::EventStream;

/// What a click in a tile does not open the notebook on.
const OPERATED: &str = "a, button, input, summary, select, textarea, label, iframe, audio, video";

/// The wall.
#[component]
pub fn WallPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let session = expect_context::<SessionHandle>();
    let class = expect_context::<ClassStore>();
    let wall = expect_context::<WallStore>();
    let clock = expect_context::<Clock>();
    let stream = expect_context::<EventStream>();
    let people = PeopleStore::start(session);
    // What saves say is read from the history.
    let has_insight = session
        .who_untracked()
        .is_some_and(|who| who.role.sees_everyone() && who.history);
    let insight = InsightStore::start(session, stream, clock);
    let board = Board::new(wall, people, insight, router, clock);

    Effect::new(move || match router.view().notebook {
        Some(notebook) => {
            wall.choose(&notebook);
            if has_insight {
                insight.choose(&notebook);
            }
        }
        None => {
            // The address may already be another page's while this page is still drawn.
            if router.page() == Some(PageRoute::Wall)
                && let Some(notebook) = class.most_worked_on()
            {
                router.replace_wall(|view| view.notebook = Some(notebook));
            }
        }
    });
    keys::shortcuts(router, board);
    Effect::new(move || {
        let notebook = router.view().notebook;
        document().set_title(&title(&[notebook.as_deref()]));
    });
    let main = Memo::new(move |_| main_part(router, class, wall));
    let is_screen = Memo::new(move |_| router.view().screen);
    let controls = move || match is_screen.get() {
        // A wall that is not up to date says so on a second screen too.
        true => view! {
            <header class="screen-pill">
                <h1 class="visually-hidden">"PipalHub"</h1>
                <LivePill live=Signal::derive(move || stream.state()) />
            </header>
        }
        .into_any(),
        false => view! {
            <TopBar class people counts=board.counts live=Signal::derive(move || stream.state()) />
            <ParticipantPart />
        }
        .into_any(),
    };
    view! {
        {controls}
        <main class="wall-main">
            <p class="visually-hidden" role="status" data-testid="wall-said">{move || board.said.get()}</p>
            {has_insight.then(|| view! { <LanePart insight wall clock /> })}
            {move || content(main.get(), router, class, wall, board)}
        </main>
    }
}

/// The content of the main part.
#[derive(Clone, PartialEq)]
enum MainContent {
    Waiting,
    Failed(RequestFailure),
    NothingYet,
    Tiles,
}

/// Which content the main part shows; the part is redrawn when this changes, not with every answer.
fn main_part(router: Router, class: ClassStore, wall: WallStore) -> MainContent {
    let chosen = router.view().notebook.is_some();
    let phase = if chosen { wall.phase() } else { class.phase() };
    match phase {
        LoadPhase::Failed(failure) => MainContent::Failed(failure),
        LoadPhase::Ready if chosen => MainContent::Tiles,
        LoadPhase::Ready if class.notebooks().is_empty() => MainContent::NothingYet,
        LoadPhase::Ready | LoadPhase::Idle | LoadPhase::Loading => MainContent::Waiting,
    }
}

fn content(
    main: MainContent,
    router: Router,
    class: ClassStore,
    wall: WallStore,
    board: Board,
) -> AnyView {
    match main {
        MainContent::Waiting => view! { <SkeletonTiles /> }.into_any(),
        MainContent::Tiles => view! { <Tiles router wall board /> }.into_any(),
        MainContent::NothingYet => nothing_yet().into_any(),
        MainContent::Failed(failure) => {
            let retry = move || {
                class.load();
                wall.reload();
            };
            view! { <FailureNotice title="The notebooks could not be loaded" failure retry /> }
                .into_any()
        }
    }
}

/// The home folder in which the service looks for notebooks, if the signed-in user may know it.
fn homes() -> Html {
    match expect_context::<SessionHandle>()
        .who()
        .and_then(|who| who.homes)
    {
        Some(homes) => html!("<code>{}</code>", homes),
        None => Html::from_static("the home folder"),
    }
}

/// The message for a class without notebooks.
fn nothing_yet() -> impl IntoView {
    let html = html!(
        "<p>As soon as a participant saves a notebook below {}, it appears here. There is no \
         need to reload.</p>",
        homes()
    );
    view! { <Notice title="No notebooks yet" testid="empty" html /> }
}

/// The tiles of the chosen notebook.
#[component]
fn Tiles(
    /// The URL.
    router: Router,
    /// The tiles.
    wall: WallStore,
    /// The tiles in the page.
    board: Board,
) -> impl IntoView {
    let place = NodeRef::<Div>::new();
    place.on_load(move |place| {
        board.start(place.into());
        if let Some(user) = router.take_left() {
            keys::return_to(&user);
        }
    });
    let element = |target: Option<EventTarget>| target.and_then(|it| it.dyn_into::<Element>().ok());
    view! {
        <div
            class="wall"
            data-testid="wall"
            node_ref=place
            on:click=move |event| clicked(&event, router)
            on:pointerover=move |event| board.peek(element(event.target()))
            on:pointerleave=move |_| board.peek(None)
            on:focusin=move |event| board.peek(element(event.target()))
            on:focusout=move |_| board.peek(None)
        ></div>
        {move || board.is_empty.get().then(|| none_shown(router, wall))}
    }
}

/// A click on a tile opens its notebook, unless it is on something that has a click of its own, or
/// ends a selection.
fn clicked(event: &MouseEvent, router: Router) {
    let target = event.target();
    let Some(target) = target.and_then(|it| it.dyn_into::<Element>().ok()) else {
        return;
    };
    let closest = |selector| target.closest(selector).ok().flatten();
    let Some(user) = closest(".tile").and_then(|tile| tile.get_attribute("data-user")) else {
        return;
    };
    let view = router.view_untracked();
    if closest(".tile-body").is_some() {
        let notebook = view.notebook.clone().unwrap_or_default();
        on_notebook_click(event, &notebook, &user, None);
    }
    let selected = window().get_selection().ok().flatten();
    let is_selecting = selected.is_some_and(|it| !it.is_collapsed());
    let modified = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
    if closest(OPERATED).is_none() && !is_selecting && !modified && !event.default_prevented() {
        router.open(&router.notebook_href(&view.with_user(Some(&user))));
    }
}

/// The message for a wall without shown tiles.
fn none_shown(router: Router, wall: WallStore) -> AnyView {
    let view = router.view();
    if wall.users().is_empty() {
        let html = html!(
            "<p>As soon as a participant saves <code>{}</code> below {}, it appears here. Or \
             choose another notebook above.</p>",
            view.notebook,
            homes()
        );
        return view! {
            <Notice title="Nobody has a copy of this notebook" testid="empty" html />
        }
        .into_any();
    }
    let html = match view.filter.is_empty() {
        true => html!("<button class=button>Show everyone</button>"),
        false => html!(
            "<p>The filter is <code>{}</code>.</p><button class=button>Show everyone</button>",
            view.filter
        ),
    };
    let everyone: Box<dyn Fn()> = Box::new(move || {
        router.replace_wall(|view| {
            view.filter.clear();
            view.group = None;
            view.show = Show::Everyone;
        });
    });
    let title = match view.filter.is_empty() {
        true => "There is nobody like that now",
        false => "No participant has such a name",
    };
    view! { <Notice title testid="empty" html on_button=everyone /> }.into_any()
}
