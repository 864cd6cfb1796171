//! Signing in with the Hub: OAuth's authorization code with state and PKCE.
//!
//! The Hub wants the redirect address relative, which the usual OAuth libraries refuse;
//! so the few steps are here. The browser that began a sign-in keeps the data to end it, for ten
//! minutes, and the service keeps none: see [`super::pending_sign_in`]. So a service that is
//! restarted meanwhile ends it as well. Ending it takes the cookie away, and the Hub takes its
//! code once.

use axum::http::HeaderMap;
use axum_extra::extract::{CookieJar, PrivateCookieJar, cookie::Key};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    HubClient, HubSettings, RequestSource,
    pending_sign_in::{PendingSignIn, SignInCookies},
};
use crate::{secret::Secret, text::percent_encoded, time::now_ms};

/// The query with which the Hub sends the browser back.
#[derive(Debug, Deserialize)]
pub struct CallbackQuery {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
}

/// Why a sign-in failed, in words for the user's page.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The Hub refused it.
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

/// Signs users in with the Hub.
pub struct OAuth {
    settings: HubSettings,
    prefix: String,
}

impl OAuth {
    /// For a service below `prefix`, which ends in a slash.
    #[must_use]
    pub fn new(settings: HubSettings, prefix: String) -> Self {
        Self { settings, prefix }
    }

    /// The Hub's home page.
    #[must_use]
    pub fn home_url(&self) -> String {
        self.settings.page("home")
    }

    /// Where the page of the service is, which ends in a slash.
    #[must_use]
    pub fn page(&self) -> &str {
        let callback = &self.settings.callback_url;
        callback
            .strip_suffix("oauth_callback")
            .unwrap_or(&self.prefix)
    }

    /// Where people make tokens of theirs.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.settings.page("token")
    }

    /// Where the session with the Hub ends.
    #[must_use]
    pub fn logout_url(&self) -> String {
        self.settings.page("logout")
    }

    /// The sign-in cookies of the browser that sent `headers`.
    pub(crate) fn sign_in_cookies(
        &self,
        headers: &HeaderMap,
        key: &Key,
        secure: bool,
    ) -> SignInCookies<'_> {
        SignInCookies::new(headers, key, &self.prefix, secure, now_ms())
    }

    /// Begins a sign-in: returns the address to send the browser to, and the cookies to set and
    /// to remove. `next` is the address that the user wanted.
    pub(crate) fn begin(
        &self,
        next: &str,
        cookies: SignInCookies<'_>,
    ) -> (String, (PrivateCookieJar, CookieJar)) {
        let next = next_below(&self.prefix, next);
        let sign_in = PendingSignIn::new(&next, &self.prefix, now_ms());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sign_in.verifier()));
        let query = [
            ("client_id", self.settings.client_id.as_str()),
            ("redirect_uri", &self.settings.callback_url),
            ("response_type", "code"),
            ("state", sign_in.state()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
            .collect();
        let url = self
            .settings
            .page(&format!("api/oauth2/authorize?{}", query.join("&")));
        (url, cookies.begin(&sign_in))
    }

    /// Ends a sign-in, well or not: returns the cookies to remove, and the user's token with the
    /// address that they wanted.
    pub(crate) async fn complete(
        &self,
        client: &HubClient,
        cookies: SignInCookies<'_>,
        query: &CallbackQuery,
        source: &RequestSource,
    ) -> (CookieJar, Result<(Secret, String), OAuthError>) {
        let result = match cookies.sign_in(&query.state) {
            Some(sign_in) => self.trade(client, &sign_in, query, source).await,
            None => Err(OAuthError::UnknownState),
        };
        (cookies.end(&query.state), result)
    }

    async fn trade(
        &self,
        client: &HubClient,
        sign_in: &PendingSignIn,
        query: &CallbackQuery,
        source: &RequestSource,
    ) -> Result<(Secret, String), OAuthError> {
        if query.error.is_some() {
            return Err(OAuthError::Refused);
        }
        let token = client
            .trade(&query.code, sign_in.verifier(), source)
            .await
            .map_err(|cause| OAuthError::Trade(format!("{cause:#}")))?;
        Ok((token, sign_in.next().to_owned()))
    }
}

/// `next` when it is a path below `prefix` that no browser can take for another host's,
/// else the prefix itself. The query is not checked for tricks in paths.
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
}
