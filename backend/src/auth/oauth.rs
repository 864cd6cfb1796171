//! Signing in with the Hub: OAuth's authorization code with state and PKCE.
//!
//! The Hub wants the redirect address relative, which the usual OAuth libraries refuse;
//! so the few steps are here. The state lives on this side for ten minutes and must come
//! back from the same browser, which shows it by a cookie.

use std::{sync::Arc, time::Duration};

use axum::http::HeaderMap;
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use moka::future::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{HubClient, HubSettings, Secret, session::private_cookie};

/// How long someone may take to sign in.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many people may be signing in at once; the oldest beginning is forgotten first.
const AT_ONCE: u64 = 10_000;

/// The cookie of one sign-in. Each has its own, so that two tabs do not disturb each
/// other.
fn state_cookie(state: &str) -> String {
    format!("pipalhub-login-{}", state.get(..8).unwrap_or_default())
}

/// Someone who is on the way to the Hub and back.
struct Pending {
    verifier: Secret,
    next: String,
}

/// What the Hub sends back.
#[derive(Debug, Deserialize)]
pub struct CallbackQuery {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
}

/// Why someone could not be signed in, in words for their page.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The Hub says no.
    #[error(
        "JupyterHub does not let you in here. Ask whoever runs the hub for the scope \
         access:services!service=dashboard."
    )]
    Refused,
    /// No sign-in of this browser is under way, or it took too long.
    #[error("This sign-in is not one that this browser began, or it took more than ten minutes.")]
    UnknownState,
    /// The Hub did not give a token.
    #[error("JupyterHub did not complete the sign-in; try again in a moment.")]
    Trade(String),
}

/// See the module's words.
pub struct OAuth {
    settings: HubSettings,
    prefix: String,
    pending: Cache<String, Arc<Pending>>,
}

impl OAuth {
    /// For a service below `prefix`, which ends in a slash.
    #[must_use]
    pub fn new(settings: HubSettings, prefix: String) -> Self {
        let pending = Cache::builder()
            .max_capacity(AT_ONCE)
            .time_to_live(PATIENCE)
            .build();
        Self {
            settings,
            prefix,
            pending,
        }
    }

    /// The Hub's home page.
    #[must_use]
    pub fn home_url(&self) -> String {
        self.settings.page("home")
    }

    /// Where the session with the Hub ends.
    #[must_use]
    pub fn logout_url(&self) -> String {
        self.settings.page("logout")
    }

    /// Begins: where to send the browser, and the cookie it must bring back. `next` is
    /// where they wanted to go.
    pub async fn begin(&self, next: &str, secure: bool) -> (String, Cookie<'static>) {
        let state = Secret::random();
        let verifier = Secret::new(format!(
            "{}{}",
            Secret::random().reveal(),
            Secret::random().reveal()
        ));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.reveal()));
        let query = [
            ("client_id", self.settings.client_id.as_str()),
            ("redirect_uri", &self.settings.callback_url),
            ("response_type", "code"),
            ("state", state.reveal()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let url = self
            .settings
            .page(&format!("api/oauth2/authorize?{}", query.join("&")));
        let next = next_below(&self.prefix, next);
        let pending = Pending { verifier, next };
        self.pending
            .insert(state.reveal().to_owned(), Arc::new(pending))
            .await;
        let value = state.reveal().to_owned();
        let mut cookie = private_cookie(state_cookie(&value), value, &self.prefix, secure);
        cookie.set_max_age(PATIENCE.try_into().ok());
        (url, cookie)
    }

    /// Ends: the visitor's token and where they wanted to go.
    ///
    /// # Errors
    /// See [`OAuthError`].
    pub async fn complete(
        &self,
        client: &HubClient,
        headers: &HeaderMap,
        key: &Key,
        query: &CallbackQuery,
    ) -> Result<(Secret, String), OAuthError> {
        let jar = PrivateCookieJar::from_headers(headers, key.clone());
        let cookie = jar
            .get(&state_cookie(&query.state))
            .ok_or(OAuthError::UnknownState)?;
        if query.state.is_empty() || !Secret::new(cookie.value()).is(&query.state) {
            return Err(OAuthError::UnknownState);
        }
        let pending = self
            .pending
            .remove(&query.state)
            .await
            .ok_or(OAuthError::UnknownState)?;
        if query.error.is_some() {
            return Err(OAuthError::Refused);
        }
        let token = client
            .trade(&query.code, pending.verifier.reveal())
            .await
            .map_err(|cause| OAuthError::Trade(format!("{cause:#}")))?;
        Ok((token, pending.next.clone()))
    }
}

/// `next` when it is a path below `prefix` that no browser can take for another host's,
/// else the prefix itself. What stands behind the `?` is not a place to go.
fn next_below(prefix: &str, next: &str) -> String {
    let path = next
        .split('?')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let plain = next.is_ascii()
        && !next.contains(|c: char| c.is_ascii_control() || c == '\\' || c == ' ')
        && !["//", "/..", "%2f", "%5c", "%2e"]
            .iter()
            .any(|trick| path.contains(trick))
        && !["%0", "%1", "%7f"]
            .iter()
            .any(|control| path.contains(control));
    if plain && next.starts_with(prefix) {
        next.to_owned()
    } else {
        prefix.to_owned()
    }
}

/// Percent-encodes for a query: everything but letters, digits and `-_.~`.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_stays_below_the_prefix() {
        let prefix = "/services/dashboard/";
        for good in [
            "/services/dashboard/",
            "/services/dashboard/?notebook=m1%2Fday1.ipynb",
            "/services/dashboard/build/m1/day%201.ipynb",
        ] {
            assert_eq!(next_below(prefix, good), good);
        }
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/services/dashboard/../../hub/logout",
            "/services/dashboard//evil",
            "/services/dashboard/\t/evil",
            "/services/dashboard/%2f%2fevil",
            "/services/dashboard/%09/evil",
            "/services/dashboard/%0d%0aLocation:evil",
            "/services/dashboard/%5cevil",
            "/services/dashboard/%2e%2e/%2e%2e/hub/logout",
            "/services/dashboard/\nevil",
            "/services/dashboard",
            "/services/dashboardevil",
            "/services/dashboard.evil.example/",
            "/hub/home",
            "",
        ] {
            assert_eq!(next_below(prefix, bad), prefix, "{bad:?}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encode("/a b&c=ä"), "%2Fa%20b%26c%3D%C3%A4");
    }
}
