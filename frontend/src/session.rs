//! Who is signed in, signing out, and what to do when nobody is.
//!
//! Under a Hub every navigation without a session leads to the Hub's own login, so
//! the page only reloads itself. Without a Hub the printed link carries a token in
//! its fragment, which never reaches a server's log; it is traded for a cookie and
//! removed from the address bar.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{LogoutResponse, SessionResponse};
use wasm_bindgen::JsValue;

use crate::api;
use crate::model::backoff;
use crate::model::failure::{Failure, Login};
use crate::model::token;
use crate::paths;
use crate::store::upkeep::salt;

/// Marks, for the life of the tab, that a reload did not sign anybody in.
const RELOADED_KEY: &str = "pipalhub-reloaded";

/// Where signing in stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The service is being asked.
    Checking,
    /// Somebody is signed in.
    SignedIn(SessionResponse),
    /// The token is needed; `refused` when the one given was wrong.
    NeedsToken {
        /// The service did not take the token.
        refused: bool,
    },
    /// Signing in is not possible now.
    Failed(Failure),
}

/// A handle to the session, and how often asking for it has failed in a row; a context.
#[derive(Clone, Copy)]
pub struct Session(RwSignal<SessionState>, StoredValue<u32>);

impl Session {
    /// Takes the token out of the address bar, if there is one, and signs in.
    ///
    /// Must run before the router starts: the token must not stay in the address bar.
    pub fn start() -> Self {
        let session = Self(
            RwSignal::new(SessionState::Checking),
            StoredValue::default(),
        );
        // A browser may keep the page of somebody who has signed out, to go back to.
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

    /// Where signing in stands, as a signal.
    pub fn state(self) -> SessionState {
        self.0.get()
    }

    /// Who is signed in, as a signal.
    pub fn who(self) -> Option<SessionResponse> {
        match self.0.get() {
            SessionState::SignedIn(who) => Some(who),
            _ => None,
        }
    }

    /// Who is signed in, without following it.
    pub fn who_untracked(self) -> Option<SessionResponse> {
        untrack(|| self.who())
    }

    /// Signs in with a token.
    pub fn login(self, token: String) {
        self.0.set(SessionState::Checking);
        spawn_local(async move {
            match api::login(&token).await {
                Ok(()) => self.ask().await,
                Err(Failure::SignedOut(Login::Token)) => {
                    self.0.set(SessionState::NeedsToken { refused: true });
                }
                Err(failure) => self.failed(failure),
            }
        });
    }

    /// Asks the service who is signed in.
    pub fn check(self) {
        self.0.set(SessionState::Checking);
        spawn_local(self.ask());
    }

    /// Looks at the failure of a call: when it says that the session has ended, the
    /// page goes to signing in. Not on the way out: loading the page again would take the
    /// place of signing out, and the Hub, which was not told, would sign them in again.
    pub fn note(self, failure: &Failure) {
        if let Failure::SignedOut(_) = failure
            && self.who_untracked().is_some()
        {
            self.failed(failure.clone());
        }
    }

    /// Signs out here and leads to where it goes on: under a Hub, to signing out there. When
    /// it could not be done, `failed` is told why.
    pub fn sign_out(self, failed: fn(&str)) {
        let xsrf = self.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let xsrf = xsrf.unwrap_or_default();
            let answer = api::text(paths::LOGOUT, Some("{}".to_owned()), &xsrf).await;
            let next = answer.and_then(|body| api::read::<LogoutResponse>(&body));
            match next {
                Ok(LogoutResponse { next }) => {
                    // Nobody is signed in now, and nothing of anybody's is shown meanwhile.
                    self.0.set(SessionState::Checking);
                    // The page is on its way out; a browser that refuses shows the skeleton.
                    let _ = window().location().assign(&next);
                }
                Err(failure) => {
                    failed(&failure.what());
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

    fn failed(self, failure: Failure) {
        match failure {
            Failure::SignedOut(Login::Token) => {
                self.0.set(SessionState::NeedsToken { refused: false });
            }
            Failure::SignedOut(Login::Hub) if !has_reloaded() => {
                remember_reload(true);
                self.0.set(SessionState::Checking);
                // The page is on its way out; a browser that refuses shows the skeleton.
                let _ = window().location().reload();
            }
            failure => {
                // The next try may reload again: only a loop without anybody's doing
                // has to be broken.
                remember_reload(false);
                let may_pass = failure.may_pass();
                self.0.set(SessionState::Failed(failure));
                if may_pass {
                    self.try_again();
                }
            }
        }
    }

    /// Asks again after a while, unless the reader has done so before.
    fn try_again(self) {
        let failures = self.1.try_update_value(|failures| {
            *failures += 1;
            *failures
        });
        let failures = failures.unwrap_or_default();
        spawn_local(async move {
            TimeoutFuture::new(backoff::pause_ms(failures, salt())).await;
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

/// Without storage a loop could not be noticed, so then `has_reloaded` must not be
/// trusted; browsers that forbid it forbid cookies too, and nobody can sign in there.
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
