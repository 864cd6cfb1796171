//! The page of a summary or an export, which offers a newer version when there is one.

mod frame;

use leptos::prelude::*;
use shared::announcements;
use shared::wire::BuiltVersion;

use super::keyboard::on_shortcut;
use crate::answers;
use crate::clock::Clock;
use crate::components::account_menu::AccountMenu;
use crate::components::live_pill::LivePill;
use crate::components::notice::{FailureNotice, Notice};
use crate::components::shortcuts::ShortcutsButton;
use crate::components::theme_toggle::ThemeToggle;
use crate::fields::AnswerFields;
use crate::html;
use crate::html::{Html, dynamic_html};
use crate::model::age::{describe, seconds_since};
use crate::model::document::DocumentVersions;
use crate::model::failure::RequestFailure;
use crate::model::view::{View, title};
use crate::paths;
use crate::router::Router;
use crate::store::refetcher::Refetcher;
use crate::stream::{EventStream, StreamMessage};
use crate::theme::{ThemeChoice, storage};

/// The storage key for whether the page shows newer versions at once.
const AUTO_UPDATE_KEY: &str = "pipalhub-update-by-itself";

/// The page of the document that the address names.
#[component]
pub fn DocumentPage() -> impl IntoView {
    let router = expect_context::<Router>();
    let stream = expect_context::<EventStream>();
    let clock = expect_context::<Clock>();
    let theme = expect_context::<ThemeChoice>();
    let controller = DocumentController::new(router);
    Effect::new(move || {
        let View { notebook, user, .. } = router.view();
        if let Some(notebook) = notebook {
            let name = user.as_deref().unwrap_or("Summary");
            document().set_title(&title(&[Some(name), Some(&notebook)]));
            controller.choose(notebook, user);
        }
    });
    stream.listen(move |message| match message {
        StreamMessage::Announcement(announcements::BUILT_KIND, data) => controller.on_built(data),
        // A summary may be shared or not any more.
        StreamMessage::Announcement(announcements::SHARING_KIND, _) => {
            controller.refetcher.refetch()
        }
        StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
            controller.refetcher.refetch_now()
        }
        _ => {}
    });
    let document = controller.document;
    let is_shown = Memo::new(move |_| document.with(|it| it.shown().is_some()));
    let has_newer = Memo::new(move |_| document.with(DocumentVersions::has_newer));
    Effect::new(move || {
        document.track();
        frame::apply_theme(theme.get().name());
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
            "u" => controller.show_newest(),
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
        document.with(|it| {
            it.shown()
                .map_or_else(Html::default, |it| built_html(it, now_ms))
        })
    });
    view! {
        <header class="top-bar notebook-bar">
            <a class="button" href=move || back.get().0 title="Back (Esc)">{move || back.get().1}</a>
            <div class="whose" {..dynamic_html(move || what.get())}></div>
            <p class="summary" data-testid="built" {..dynamic_html(move || built.get())}></p>
            <div class="bar-end">
                <span role="status" class="contents">
                    <button
                        class="button primary"
                        data-testid="newer"
                        title="Show the newer version where you are reading (u)"
                        hidden=move || !has_newer.get()
                        on:click=move |_| controller.show_newest()
                    >
                        "Newer version: show it"
                    </button>
                </span>
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="by-itself"
                        prop:checked=move || document.with(DocumentVersions::is_auto_update)
                        on:change=move |event| controller.set_auto_update(event_target_checked(&event))
                    />
                    "Update by itself"
                </label>
                <LivePill live=Signal::derive(move || stream.state()) />
                <ThemeToggle />
                <ShortcutsButton />
                <AccountMenu />
            </div>
        </header>
        <main class="document-main" data-testid="document-page">
            {move || notice(router, controller, is_shown.get())}
            <div id=frame::CONTAINER_ID class="document-place"></div>
        </main>
    }
}

/// When the version was built, and the link to its file.
fn built_html(built: &BuiltVersion, now_ms: i64) -> Html {
    html!(
        "<span>built {}</span><a href=\"{}\" target=_blank rel=\"external noopener\" \
         title=\"The document by itself, to keep or to print\">File</a>",
        describe(seconds_since(built.built_at_ms, now_ms)),
        built.address
    )
}

/// Why no document is shown.
fn notice(router: Router, controller: DocumentController, is_shown: bool) -> Option<AnyView> {
    let view = router.view();
    if view.notebook.is_none() {
        let wall = router.wall_href(&view);
        let html = html!(
            "<p>The address names no notebook. <a href=\"{}\">Choose one on the wall</a>.</p>",
            wall
        );
        return Some(view! { <Notice title="No notebook is chosen" html /> }.into_any());
    }
    let failure = controller.failure.get().filter(|_| !is_shown)?;
    let retry = move || controller.refetcher.refetch_now();
    Some(view! { <FailureNotice title="There is nothing to show yet" failure retry /> }.into_any())
}

/// Loads new versions into the frame, as the reader chooses; belongs to the page.
#[derive(Clone, Copy)]
struct DocumentController {
    document: RwSignal<DocumentVersions>,
    failure: RwSignal<Option<RequestFailure>>,
    /// Fetches which version is the newest.
    refetcher: Refetcher,
    router: Router,
    clock: Clock,
}

impl DocumentController {
    fn new(router: Router) -> Self {
        let stored = storage().and_then(|storage| storage.get_item(AUTO_UPDATE_KEY).ok().flatten());
        let controller = Self {
            document: RwSignal::new(DocumentVersions::new(stored.is_some())),
            failure: RwSignal::default(),
            refetcher: Refetcher::new(expect_context()),
            router,
            clock: expect_context(),
        };
        let address = move || {
            let chosen = controller
                .document
                .with_untracked(|it| it.chosen().cloned());
            chosen.map(|(filename, user)| paths::built_data(&filename, user.as_deref()))
        };
        controller
            .refetcher
            .configure(address, move |answer| controller.take(answer));
        controller
    }

    fn choose(self, filename: String, user: Option<String>) {
        let is_another = self.document.try_update(|it| it.choose((filename, user)));
        if is_another == Some(true) {
            frame::clear();
            self.failure.set(None);
            self.refetcher.retarget();
        }
    }

    /// Takes an announcement that a document was built.
    fn on_built(self, data: &str) {
        let built: Option<announcements::BuildAnnouncement> = answers::read_message(data);
        if built.is_some_and(|built| self.document.with_untracked(|it| it.is_about(&built))) {
            self.refetcher.refetch();
        }
    }

    /// Takes the answer that names the newest version; `false` when the failure may pass.
    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                let text = |name| fields.text(name).unwrap_or_default();
                let number = |name| fields.number(name).unwrap_or_default();
                self.set_newest(BuiltVersion {
                    now_ms: number("now_ms"),
                    version: text("version"),
                    built_at_ms: number("built_at_ms"),
                    address: text("address"),
                });
                true
            }
            Err(failure) => {
                let is_final = !failure.may_pass();
                self.failure.set(Some(failure));
                is_final
            }
        }
    }

    fn set_newest(self, newest: BuiltVersion) {
        self.clock.observe(newest.now_ms);
        self.failure.set(None);
        self.load(
            self.document
                .try_update(|it| it.note_newest(newest))
                .flatten(),
        );
    }

    /// Loads the newest version, for the reader.
    fn show_newest(self) {
        self.load(
            self.document
                .try_update(DocumentVersions::request_newest)
                .flatten(),
        );
    }

    fn set_auto_update(self, auto_update: bool) {
        if let Some(storage) = storage() {
            // Without storage the choice holds until a reload.
            let _ = match auto_update {
                true => storage.set_item(AUTO_UPDATE_KEY, "1"),
                false => storage.remove_item(AUTO_UPDATE_KEY),
            };
        }
        let wanted = self
            .document
            .try_update(|it| it.set_auto_update(auto_update));
        self.load(wanted.flatten());
    }

    fn load(self, address: Option<String>) {
        let Some(address) = address else { return };
        let view = self.router.view_untracked();
        let router = self.router;
        let export_of = move |user: &str| router.document_href(&view.with_user(Some(user)));
        let chosen = self.document.with_untracked(|it| it.chosen().cloned());
        frame::load(&address, export_of, move |is_loaded| {
            let is_current = |it: &DocumentVersions| it.chosen() == chosen.as_ref();
            // Otherwise another document was chosen since, or the page was left.
            if self.document.try_with_untracked(is_current) != Some(true) {
                return;
            }
            let next = self.document.try_update(|it| match is_loaded {
                true => it.loaded(),
                false => {
                    it.load_failed();
                    None
                }
            });
            if is_loaded {
                self.refetcher.followup_succeeded();
            } else {
                self.failure.try_set(Some(RequestFailure::Unreachable));
                self.refetcher.followup_failed();
            }
            self.load(next.flatten());
        });
    }
}
