//! A summary or an export as it is built, with a word when there is a newer one.

mod frame;

use leptos::prelude::*;
use shared::announcements;
use shared::wire::BuiltVersion;

use super::keyboard::on_shortcut;
use crate::api;
use crate::clock::Clock;
use crate::components::live_pill::LivePill;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::shortcuts::ShortcutsButton;
use crate::components::theme_toggle::ThemeToggle;
use crate::html;
use crate::html::{Html, showing};
use crate::model::age::{describe, seconds_since};
use crate::model::document::Document;
use crate::model::failure::Failure;
use crate::model::view::{View, title};
use crate::paths;
use crate::router::Router;
use crate::store::upkeep::Upkeep;
use crate::stream::{Message, Stream};
use crate::theme::{ThemeChoice, storage};

/// Where the browser keeps whether newer versions are shown by themselves.
const BY_ITSELF: &str = "pipalhub-update-by-itself";

/// The document of the address.
#[component]
pub fn DocumentPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let stream = expect_context::<Stream>();
    let clock = expect_context::<Clock>();
    let theme = expect_context::<ThemeChoice>();
    let reader = Reader::new(router);
    Effect::new(move || {
        let View { notebook, user, .. } = router.view();
        if let Some(notebook) = notebook {
            let what = user.as_deref().unwrap_or("Summary");
            document().set_title(&title(&[Some(what), Some(&notebook)]));
            reader.choose(notebook, user);
        }
    });
    stream.listen(move |message| match message {
        Message::Aside(announcements::BUILT_KIND, data) => reader.built(data),
        // What may be read is another.
        Message::Aside(announcements::SHARING_KIND, _) => reader.upkeep.want(),
        Message::Opened(_) | Message::Resumed(_) | Message::Reset(_) => reader.upkeep.now(),
        _ => {}
    });
    let document = reader.document;
    let is_shown = Memo::new(move |_| document.with(|it| it.shown().is_some()));
    let has_newer = Memo::new(move |_| document.with(Document::has_newer));
    Effect::new(move || {
        document.track();
        frame::paint(theme.get().name());
    });
    let back = Memo::new(move |_| {
        let view = router.view();
        match view.user {
            Some(_) => (router.notebook_href(&view), "← Notebook"),
            None => (router.wall_href(&view), "← Wall"),
        }
    });
    on_shortcut(move |key| {
        match key {
            "u" => reader.take(),
            "Escape" => router.open(&back.get_untracked().0),
            _ => return false,
        }
        true
    });
    let what = Memo::new(move |_| {
        let View { notebook, user, .. } = router.view();
        html!(
            "<h1>{}</h1><p>{}</p>",
            user.as_deref().unwrap_or("Summary"),
            notebook
        )
    });
    let built = Memo::new(move |_| {
        let now_ms = clock.now_ms();
        document.with(|it| it.shown().map_or_else(Html::default, |it| told(it, now_ms)))
    });
    view! {
        <header class="top-bar notebook-bar">
            <a class="button" href=move || back.get().0 title="Back (Esc)">{move || back.get().1}</a>
            <div class="whose" {..showing(move || what.get())}></div>
            <p class="summary" data-testid="built" {..showing(move || built.get())}></p>
            <div class="bar-end">
                <span role="status" class="contents">
                    <button
                        class="button primary"
                        data-testid="newer"
                        title="Show the newer version where you are reading (u)"
                        hidden=move || !has_newer.get()
                        on:click=move |_| reader.take()
                    >
                        "Newer version: show it"
                    </button>
                </span>
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="by-itself"
                        prop:checked=move || document.with(Document::is_by_itself)
                        on:change=move |event| reader.set_by_itself(event_target_checked(&event))
                    />
                    "Update by itself"
                </label>
                <LivePill live=Signal::derive(move || stream.state()) />
                <ThemeToggle />
                <ShortcutsButton />
            </div>
        </header>
        <main class="document-main" data-testid="document-page">
            {move || notice(router, reader, is_shown.get())}
            <div id=frame::PLACE class="document-place"></div>
        </main>
    }
}

/// When the version was built, and the way to the file.
fn told(built: &BuiltVersion, now_ms: i64) -> Html {
    html!(
        "<span>built {}</span><a href=\"{}\" target=_blank rel=\"external noopener\" \
         title=\"The document by itself, to keep or to print\">File</a>",
        describe(seconds_since(built.built_at_ms, now_ms)),
        built.address
    )
}

/// Why there is no document.
fn notice(router: Router, reader: Reader, is_shown: bool) -> Option<AnyView> {
    let view = router.view();
    if view.notebook.is_none() {
        let wall = router.wall_href(&view);
        let html = html!(
            "<p>The address names no notebook. <a href=\"{}\">Choose one on the wall</a>.</p>",
            wall
        );
        return Some(view! { <Notice title="No notebook is chosen" html /> }.into_any());
    }
    let failure = reader.failure.get().filter(|_| !is_shown)?;
    let retry = move || reader.upkeep.now();
    Some(view! { <FailureNotice title="There is nothing to show yet" failure retry /> }.into_any())
}

/// Brings the frame up to date, as the reader wants.
#[derive(Clone, Copy)]
struct Reader {
    document: RwSignal<Document>,
    failure: RwSignal<Option<Failure>>,
    /// Of which version there is.
    upkeep: Upkeep,
    router: Router,
    clock: Clock,
}

impl Reader {
    fn new(router: Router) -> Self {
        let kept = storage().and_then(|storage| storage.get_item(BY_ITSELF).ok().flatten());
        let reader = Self {
            document: RwSignal::new(Document::new(kept.is_some())),
            failure: RwSignal::default(),
            upkeep: Upkeep::new(expect_context()),
            router,
            clock: expect_context(),
        };
        let address = move || {
            let chosen = reader.document.with_untracked(|it| it.chosen().cloned());
            chosen.map(|(filename, user)| paths::built_data(&filename, user.as_deref()))
        };
        reader
            .upkeep
            .serve(address, move |answer| reader.told(answer));
        reader
    }

    fn choose(self, filename: String, user: Option<String>) {
        let is_another = self.document.try_update(|it| it.choose((filename, user)));
        if is_another == Some(true) {
            frame::clear();
            self.failure.set(None);
            self.upkeep.retarget();
        }
    }

    /// The stream says that something was built.
    fn built(self, data: &str) {
        let built: Option<announcements::BuildAnnouncement> = serde_json::from_str(data).ok();
        if built.is_some_and(|built| self.document.with_untracked(|it| it.is(&built))) {
            self.upkeep.want();
        }
    }

    /// The service says which version there is.
    fn told(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read::<BuiltVersion>(&body)) {
            Ok(newest) => {
                self.found(newest);
                true
            }
            Err(failure) => {
                let is_final = !failure.may_pass();
                self.failure.set(Some(failure));
                is_final
            }
        }
    }

    fn found(self, newest: BuiltVersion) {
        self.clock.observe(newest.now_ms);
        self.failure.set(None);
        self.load(self.document.try_update(|it| it.found(newest)).flatten());
    }

    /// The reader wants the newer version.
    fn take(self) {
        self.load(self.document.try_update(Document::take).flatten());
    }

    fn set_by_itself(self, by_itself: bool) {
        if let Some(storage) = storage() {
            // A browser that forbids storage still does it, until a reload.
            let _ = match by_itself {
                true => storage.set_item(BY_ITSELF, "1"),
                false => storage.remove_item(BY_ITSELF),
            };
        }
        let wanted = self.document.try_update(|it| it.set_by_itself(by_itself));
        self.load(wanted.flatten());
    }

    fn load(self, address: Option<String>) {
        let Some(address) = address else { return };
        let view = self.router.view_untracked();
        let router = self.router;
        let export_of = move |user: &str| router.document_href(&view.with_user(Some(user)));
        let chosen = self.document.with_untracked(|it| it.chosen().cloned());
        frame::load(&address, export_of, move |came| {
            let is_meant = |it: &Document| it.chosen() == chosen.as_ref();
            // Else another was chosen since, or the page was left.
            if self.document.try_with_untracked(is_meant) != Some(true) {
                return;
            }
            let next = self.document.try_update(|it| match came {
                true => it.came(),
                false => {
                    it.lost();
                    None
                }
            });
            if came {
                self.upkeep.used();
            } else {
                self.failure.try_set(Some(Failure::Unreachable));
                self.upkeep.spoiled();
            }
            self.load(next.flatten());
        });
    }
}
