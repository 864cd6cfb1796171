//! The signed-in user, signing in and signing out.
//!
//! Under a Hub every navigation without a session leads to the Hub's login, so the page only
//! reloads itself. Without a Hub the printed link carries a token in
//! its fragment, which never reaches a server's log; it is traded for a cookie and
//! removed from the address bar.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::SessionResponse;
use wasm_bindgen::JsValue;

use crate::api;
use crate::clock::jitter_salt;
use crate::fields::AnswerFields;
use crate::model::backoff;
use crate::model::failure::{LoginMethod, RequestFailure};
use crate::model::token;
use crate::paths;

/// The key in the tab's storage that is set when a reload did not sign the reader in.
const RELOADED_KEY: &str = "pipalhub-reloaded";

/// The state of signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The service is being asked.
    Checking,
    /// A user is signed in.
    SignedIn(SessionResponse),
    /// The reader has to enter a token.
    NeedsToken {
        /// The service refused the last token.
        refused: bool,
    },
    /// Signing in failed.
    Failed(RequestFailure),
}

/// A handle to the session state, and the number of failed requests for it in a row; a context.
#[derive(Clone, Copy)]
pub struct SessionHandle(RwSignal<SessionState>, StoredValue<u32>);

impl SessionHandle {
    /// Takes the token out of the address bar, if there is one, and signs in.
    ///
    /// Must run before the router starts: the token must not stay in the address bar.
    pub fn start() -> Self {
        let session = Self(
            RwSignal::new(SessionState::Checking),
            StoredValue::default(),
        );
        // After a sign-out the browser may show the cached page again, by the Back button.
        window_event_listener_untyped("pageshow", move |event| {
            let persisted = js_sys::Reflect::get(&event, &"persisted".into());
            let was_kept = persisted.is_ok_and(|persisted| persisted.is_truthy());
            if was_kept && session.0.get_untracked() == SessionState::Checking {
                session.check();
            }
        });
        match take_token() {
            Some(token) => session.login(token),
            None => session.check(),
        }
        session
    }

    /// The state of signing in, as a signal.
    pub fn state(self) -> SessionState {
        self.0.get()
    }

    /// The signed-in user, as a signal.
    pub fn who(self) -> Option<SessionResponse> {
        match self.0.get() {
            SessionState::SignedIn(who) => Some(who),
            _ => None,
        }
    }

    /// The signed-in user, without tracking the signal.
    pub fn who_untracked(self) -> Option<SessionResponse> {
        untrack(|| self.who())
    }

    /// Whether the user may hand out: an instructor, where participants have servers.
    pub fn may_hand_out(self) -> bool {
        let who = self.who_untracked();
        who.is_some_and(|who| who.role.changes_the_class() && who.hub_url.is_some())
    }

    /// Signs in with a token.
    pub fn login(self, token: String) {
        self.0.set(SessionState::Checking);
        spawn_local(async move {
            match api::login(&token).await {
                Ok(()) => self.ask().await,
                Err(RequestFailure::SignedOut(LoginMethod::Token)) => {
                    self.0.set(SessionState::NeedsToken { refused: true });
                }
                Err(failure) => self.failed(failure),
            }
        });
    }

    /// Fetches the session from the service.
    pub fn check(self) {
        self.0.set(SessionState::Checking);
        spawn_local(self.ask());
    }

    /// Goes to signing in when the failure of a call says that the session has ended. Does nothing
    /// during a sign-out: a reload would replace the sign-out at the Hub, and the Hub would then
    /// sign the user in again.
    pub fn note(self, failure: &RequestFailure) {
        if let RequestFailure::SignedOut(_) = failure
            && self.who_untracked().is_some()
        {
            self.failed(failure.clone());
        }
    }

    /// Signs out and goes to the address in the answer: under a Hub, to the Hub's sign-out. Calls
    /// `on_failure` with the reason when signing out failed.
    pub fn sign_out(self, on_failure: fn(&str)) {
        let xsrf = self.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let xsrf = xsrf.unwrap_or_default();
            let answer = api::text(paths::LOGOUT, Some("{}".to_owned()), &xsrf).await;
            match answer.and_then(|body| AnswerFields::read(&body)) {
                Ok(fields) => {
                    let next = fields.text("next").unwrap_or_default();
                    // The user is signed out, so the page shows no notebooks meanwhile.
                    self.0.set(SessionState::Checking);
                    // A browser that refuses to navigate shows the skeleton.
                    let _ = window().location().assign(&next);
                }
                Err(failure) => {
                    on_failure(&failure.message());
                    self.note(&failure);
                }
            }
        });
    }

    async fn ask(self) {
        match api::session().await {
            Ok(who) => {
                remember_reload(false);
                self.1.set_value(0);
                self.0.set(SessionState::SignedIn(who));
            }
            Err(failure) => self.failed(failure),
        }
    }

    fn failed(self, failure: RequestFailure) {
        match failure {
            RequestFailure::SignedOut(LoginMethod::Token) => {
                self.0.set(SessionState::NeedsToken { refused: false });
            }
            RequestFailure::SignedOut(LoginMethod::Hub) if !has_reloaded() => {
                remember_reload(true);
                self.0.set(SessionState::Checking);
                // A browser that refuses to reload shows the skeleton.
                let _ = window().location().reload();
            }
            failure => {
                // The next attempt may reload again: only a loop without the reader's doing has to
                // be broken.
                remember_reload(false);
                let may_pass = failure.may_pass();
                self.0.set(SessionState::Failed(failure));
                if may_pass {
                    self.try_again();
                }
            }
        }
    }

    /// Fetches the session again after a wait, unless the reader has retried before.
    fn try_again(self) {
        let failures = self.1.try_update_value(|failures| {
            *failures += 1;
            *failures
        });
        let failures = failures.unwrap_or_default();
        spawn_local(async move {
            TimeoutFuture::new(backoff::retry_wait_ms(failures, jitter_salt())).await;
            let has_failed = matches!(
                self.0.try_get_untracked(),
                Some(SessionState::Failed(failure)) if failure.may_pass()
            );
            if has_failed && self.1.try_get_value() == Some(failures) {
                self.ask().await;
            }
        });
    }
}

fn take_token() -> Option<String> {
    let location = window().location();
    let token = token::from_hash(&location.hash().ok()?)?.to_owned();
    let here = location.pathname().ok()? + &location.search().ok()?;
    let history = window().history().ok()?;
    // If the address bar cannot be changed the token only stays visible.
    let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&here));
    Some(token)
}

fn has_reloaded() -> bool {
    storage().is_some_and(|storage| storage.get_item(RELOADED_KEY).ok().flatten().is_some())
}

/// Without storage a loop could not be noticed, so `has_reloaded` must not be trusted then;
/// browsers that forbid storage forbid cookies too, and signing in is impossible there.
fn remember_reload(reloaded: bool) {
    if let Some(storage) = storage() {
        let _ = if reloaded {
            storage.set_item(RELOADED_KEY, "1")
        } else {
            storage.remove_item(RELOADED_KEY)
        };
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}
