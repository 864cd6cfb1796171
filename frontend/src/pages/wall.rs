//! The wall: the tail of everyone's copy of one notebook.

use js_sys::JsString;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::keyboard::{find, find_all, focus, on_shortcut};
use super::participant::ParticipantPart;
use crate::clock::Clock;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::skeleton::SkeletonTiles;
use crate::components::tile::TileView;
use crate::components::top_bar::TopBar;
use crate::html;
use crate::html::Html;
use crate::model::failure::RequestFailure;
use crate::model::grid::{self, GridStep};
use crate::model::view::title;
use crate::model::wall::{arrange, count};
use crate::paths::PageRoute;
use crate::router::Router;
use crate::session::SessionHandle;
use crate::store::class::ClassStore;
use crate::store::load::LoadPhase;
use crate::store::wall::WallStore;
use crate::stream::EventStream;

/// The links in the tiles' headers, among which the keyboard moves the focus.
const TILE_LINKS: &str = "[data-testid=tile] .tile-link";

/// The wall.
#[component]
pub fn WallPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let session = expect_context::<SessionHandle>();
    let class = expect_context::<ClassStore>();
    let wall = expect_context::<WallStore>();
    let clock = expect_context::<Clock>();
    let stream = expect_context::<EventStream>();

    Effect::new(move || match router.view().notebook {
        Some(notebook) => wall.choose(&notebook),
        None => {
            // The address may already be another page's while this page is still drawn.
            if router.page() == Some(PageRoute::Wall)
                && let Some(newest) = class.newest()
            {
                router.replace_wall(|view| view.notebook = Some(newest));
            }
        }
    });
    shortcuts(router);
    Effect::new(move || {
        let notebook = router.view().notebook;
        document().set_title(&title(&[notebook.as_deref()]));
    });

    let briefs = Memo::new(move |_| wall.briefs());
    let counts = Memo::new(move |_| briefs.with(|briefs| count(briefs, clock.now_ms())));
    let view = Signal::derive(move || router.view());
    let main = Memo::new(move |_| main_part(router, class, wall));
    view! {
        <TopBar
            view
            notebooks=Signal::derive(move || class.notebooks())
            who=Signal::derive(move || session.who())
            counts=counts
            live=Signal::derive(move || stream.state())
            on_notebook=move |notebook| router.push_wall(|view| view.notebook = Some(notebook))
            on_filter=move |filter| router.replace_wall(|view| view.filter = filter)
            on_sort=move |sort| router.replace_wall(|view| view.sort = sort)
        />
        <ParticipantPart />
        <main class="wall-main">{move || content(main.get(), router, class, wall)}</main>
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

fn content(main: MainContent, router: Router, class: ClassStore, wall: WallStore) -> AnyView {
    match main {
        MainContent::Waiting => view! { <SkeletonTiles /> }.into_any(),
        MainContent::Tiles => view! { <Tiles router wall /> }.into_any(),
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
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        let view = router.view();
        arrange(&wall.briefs(), &view.filter, view.sort, lower)
    });
    Effect::new(move || {
        if let Some(user) = router.take_left() {
            return_to(&user);
        }
    });
    let is_empty = Memo::new(move |_| shown.with(Vec::is_empty));
    let tile = move |user: String| {
        let entry = wall.entry_untracked(&user)?;
        let href =
            Signal::derive(move || router.notebook_href(&router.view().with_user(Some(&user))));
        Some(view! { <TileView entry href /> })
    };
    view! {
        <div class="wall" data-testid="wall">
            <For each=move || shown.get() key=String::clone children=tile />
        </div>
        {move || is_empty.get().then(|| none_shown(router, wall))}
    }
}

/// `text` in small letters, whatever its alphabet.
fn lower(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
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
    let html = html!(
        "<p>The filter is <code>{}</code>.</p><button class=button>Show everyone</button>",
        view.filter
    );
    let everyone: Box<dyn Fn()> = Box::new(move || router.replace_wall(|view| view.filter.clear()));
    view! {
        <Notice title="No participant has such a name" testid="empty" html on_button=everyone />
    }
    .into_any()
}

/// The shortcuts of this page.
fn shortcuts(router: Router) {
    on_shortcut(move |key| match key {
        "/" => {
            let field = find("#filter");
            field.as_ref().map(focus).is_some()
        }
        "Escape" => {
            let filtered = !router.view_untracked().filter.is_empty();
            if filtered {
                router.replace_wall(|view| view.filter.clear());
            }
            filtered
        }
        _ => GridStep::from_key(key).is_some_and(|step| move_focus(key, step)),
    });
}

/// Moves the focus from tile to tile; returns whether the key was used. Arrow keys inside a tile
/// scroll it.
fn move_focus(key: &str, step: GridStep) -> bool {
    let links = find_all(TILE_LINKS);
    let focused = document().active_element();
    let at = links
        .iter()
        .position(|link| focused.as_deref() == Some(link.as_ref()));
    let elsewhere = focused.is_some_and(|element| element.tag_name() != "BODY");
    if at.is_none() && elsewhere && key.starts_with("Arrow") {
        return false;
    }
    let Some(to) = grid::target(at, step, links.len(), columns()) else {
        return at.is_some();
    };
    focus(&links[to]);
    // The whole tile should come into view, not only its header.
    if let Ok(Some(tile)) = links[to].closest("[data-testid=tile]") {
        tile.scroll_into_view_with_bool(false);
    }
    true
}

/// Focuses the tile whose notebook was open before.
fn return_to(user: &str) {
    let tile = find_all("[data-testid=tile]")
        .into_iter()
        .find(|tile| tile.get_attribute("data-user").as_deref() == Some(user));
    let link = tile.and_then(|tile| tile.query_selector(".tile-link").ok().flatten());
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        focus(&link);
    }
}

/// How many tiles stand side by side.
fn columns() -> usize {
    let tiles = find_all("[data-testid=tile]");
    let Some(top) = tiles.first().map(|tile| tile.offset_top()) else {
        return 1;
    };
    tiles
        .iter()
        .take_while(|tile| tile.offset_top() == top)
        .count()
}
