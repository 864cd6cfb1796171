//! The pages for running a class, which instructors and helpers open now and then: an app of their
//! own (`manage.html`, `src/bin/manage.rs`), so that nobody loads it with the wall.
//!
//! A page here has a module, a variant of `ManagePage`, and its path in
//! [`shared::setup::MANAGE_PAGES`], by which the service gives this app for it. Between these pages
//! and the wall a link loads the document.

pub mod exercise;
pub mod files;
pub mod focus;
mod loading;
pub mod packages;
pub mod queue;
pub mod setup;
pub mod users;

use leptos::prelude::*;
use shared::errands::FILES_PAGE;
use shared::exercise::EXERCISE_PAGE;
use shared::help::QUEUE_PAGE;
use shared::packages::PACKAGES_PAGE;
use shared::setup::SETUP_PAGE;
use shared::users::USERS_PAGE;

use self::exercise::ExercisePage;
use self::files::FilesPage;
use self::focus::may_leave;
use self::packages::PackagesPage;
use self::queue::QueuePage;
use self::setup::SetupPage;
use self::users::UsersPage;
use crate::base;
use crate::behind::BehindCount;
use crate::clock::Clock;
use crate::components::account_menu::AccountMenu;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::skeleton::Skeleton;
use crate::components::theme_toggle::ThemeToggle;
use crate::html;
use crate::html::{Html, static_html};
use crate::model::exercise::ExerciseAddress;
use crate::model::view::{View, title};
use crate::pages::keyboard::on_shortcut;
use crate::pages::login::LoginPage;
use crate::paths;
use crate::session::{SessionHandle, SessionState};
use crate::theme::ThemeChoice;

/// A page of this app, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ManagePage {
    /// How each participant's saves arrive.
    Setup,
    /// Who is in the class's list.
    Users,
    /// What participants can import.
    Packages,
    /// One cell of a handout across everyone.
    Exercise,
    /// Who asks for help.
    Queue,
    /// Handing files out.
    Files,
}

impl ManagePage {
    /// The page that the address bar names; `None` when it names none of this app.
    fn of_address() -> Option<Self> {
        let path = window().location().pathname().unwrap_or_default();
        let below = path.strip_prefix(&base::prefix())?.strip_prefix('/')?;
        match below {
            SETUP_PAGE => Some(Self::Setup),
            USERS_PAGE => Some(Self::Users),
            PACKAGES_PAGE => Some(Self::Packages),
            EXERCISE_PAGE => Some(Self::Exercise),
            QUEUE_PAGE => Some(Self::Queue),
            FILES_PAGE => Some(Self::Files),
            _ => None,
        }
    }
}

/// The whole app.
#[component]
pub fn ManageApp() -> impl IntoView {
    provide_context(BehindCount::default());
    let session = SessionHandle::start();
    provide_context(session);
    provide_context(Clock::start());
    provide_context(ThemeChoice::start());
    let state = Memo::new(move |_| session.state());
    move || match state.get() {
        SessionState::Checking => view! { <Skeleton /> }.into_any(),
        SessionState::SignedIn(who) => {
            let role = who.role;
            let (sees_everyone, may_help) = (role.sees_everyone(), role.helps());
            let may_change = role.changes_the_class();
            view! { <ManagePages sees_everyone may_help may_change /> }.into_any()
        }
        SessionState::NeedsToken { refused } => view! { <LoginPage refused /> }.into_any(),
        SessionState::Failed(failure) => {
            let retry = move || session.check();
            view! { <FailureNotice title="You could not be signed in" failure retry /> }.into_any()
        }
    }
}

/// The pages of this app: the path below the prefix, and the name.
const PAGES: [(&str, &str); 5] = [
    (QUEUE_PAGE, "Queue"),
    (SETUP_PAGE, "Setup"),
    (USERS_PAGE, "Users"),
    (PACKAGES_PAGE, "Packages"),
    FILES,
];

/// The page for those who may hand out, to whom alone a link leads there. In the account menu of the
/// wall it has no name: another *Files* is in the bar beside it.
const FILES: (&str, &str) = (FILES_PAGE, "Files");

/// The links to the other pages of this app. A phone has no room for them in the bar; the account
/// menu has them everywhere.
fn page_links(name: &str, may_hand_out: bool) -> Html {
    let others = PAGES.iter().filter(|(_, other)| *other != name);
    let others = others.filter(|page| may_hand_out || **page != FILES);
    others
        .map(|(path, other)| html!("<a href=\"{}\">{}</a>", *path, *other))
        .collect()
}

/// The bar above a page: the way back, what it is, the other pages, and how old what it shows is.
#[component]
fn ManageBar(
    /// The name of the page.
    name: &'static str,
    /// Where the wall is.
    wall: String,
    /// The age of what is shown, in words.
    age: Signal<String>,
) -> impl IntoView {
    document().set_title(&title(&[Some(name)]));
    let may_hand_out = expect_context::<SessionHandle>().may_hand_out();
    let files = match may_hand_out {
        true => html!("<a class=button href={}>{}</a>", FILES.0, FILES.1),
        false => Html::default(),
    };
    view! {
        <header class="top-bar notebook-bar manage-bar">
            <a class="button" href=wall title="Back to the wall (Esc)">"← Wall"</a>
            <div class="whose"><h1>{name}</h1></div>
            <nav
                class="manage-pages"
                aria-label="Other pages for running the class"
                {..static_html(page_links(name, may_hand_out))}
            ></nav>
            <p class="summary">{move || age.get()}</p>
            <div class="bar-end">
                <ThemeToggle />
                <AccountMenu more=files />
            </div>
        </header>
    }
}

/// What those see whom a page is not for.
fn not_allowed(html: Html) -> AnyView {
    view! { <main><Notice title="This page is not for you" testid="not-allowed" html /></main> }
        .into_any()
}

/// The page that the address names, for a signed-in user.
#[component]
fn ManagePages(
    /// Whether the user sees everyone.
    sees_everyone: bool,
    /// Whether the user is an instructor or a helper.
    may_help: bool,
    /// Whether the user is an instructor.
    may_change: bool,
) -> impl IntoView {
    let theme = expect_context::<ThemeChoice>();
    let search = window().location().search().unwrap_or_default();
    let view = match ManagePage::of_address() {
        Some(ManagePage::Exercise) => ExerciseAddress::parse(&search).wall(),
        Some(ManagePage::Files) => View::parse(&search),
        _ => View::default(),
    };
    let wall = paths::wall(&base::prefix(), &view);
    let back = wall.clone();
    on_shortcut(move |key| {
        match key {
            "t" => theme.advance(),
            "Escape" if !may_leave() => return false,
            // A browser that refuses to navigate stays on the page.
            "Escape" => drop(window().location().assign(&back)),
            _ => return false,
        }
        true
    });
    let to_wall = html!("<a href=\"{}\">Go to the wall</a>.", wall);
    let session = expect_context::<SessionHandle>();
    match ManagePage::of_address() {
        _ if !sees_everyone => {
            let html = html!("<p>It is for instructors and helpers. {}</p>", to_wall);
            not_allowed(html)
        }
        Some(ManagePage::Setup) => view! { <SetupPage wall /> }.into_any(),
        Some(ManagePage::Users) => view! { <UsersPage wall may_change /> }.into_any(),
        Some(ManagePage::Packages) => view! { <PackagesPage wall may_change /> }.into_any(),
        Some(ManagePage::Exercise) => view! { <ExercisePage wall may_change /> }.into_any(),
        Some(ManagePage::Queue) => view! { <QueuePage wall may_help /> }.into_any(),
        Some(ManagePage::Files) if session.may_hand_out() => {
            view! { <FilesPage wall /> }.into_any()
        }
        Some(ManagePage::Files) => {
            let reason = match may_change {
                true => {
                    "Participants’ servers write what is handed out, and there are none without a Hub."
                }
                false => "It is for instructors, who hand files out.",
            };
            let html = html!("<p>{} {}</p>", reason, to_wall);
            not_allowed(html)
        }
        None => {
            let html = html!("<p>The address may be mistyped. {}</p>", to_wall);
            view! { <main><Notice title="There is no such page" html /></main> }.into_any()
        }
    }
}
