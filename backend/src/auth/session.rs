//! The session cookie: the visitor's token, encrypted with a key that only this
//! service has and that outlives its restarts.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use axum::http::HeaderMap;
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key, SameSite},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use shared::wire::XSRF_HEADER;

use crate::{files::replace, identity::LoginKind, secret::Secret};

/// The cookie's name.
pub const SESSION_COOKIE: &str = "pipalhub-session";
/// The Hub's own cookie, not secret: it changes when the user signs out of the Hub.
const HUB_SESSION_COOKIE: &str = "jupyterhub-session-id";
/// The length of the master key that the cookie library derives its keys from.
const KEY_BYTES: usize = 64;

/// The key that cookies are encrypted with.
#[derive(Clone)]
pub struct SessionKey(Key);

impl SessionKey {
    /// Reads the key at `path`, making a new one, readable by the owner alone, when
    /// there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            let mut bytes = [0; KEY_BYTES];
            getrandom::fill(&mut bytes).context("the system has no randomness to give")?;
            replace(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.len() != KEY_BYTES {
            bail!(
                "{} is not a key of pipalhub's; move it away to get a new one",
                path.display()
            );
        }
        Ok(Self(Key::from(&bytes)))
    }

    /// The key that is made of a secret of any length.
    #[must_use]
    pub fn of_secret(secret: &[u8]) -> Self {
        // The library takes keys of one length, and half of it for each of its purposes. A digest
        // spreads over both what may be text.
        let mut hash = Sha512::new();
        hash.update(b"pipalhub cookie key\0");
        hash.update(secret);
        Self(Key::from(&hash.finalize()))
    }
}

/// The content of the session cookie, and the Hub's session of the same browser.
#[derive(Clone, Serialize, Deserialize)]
pub struct CookieSession {
    token: String,
    #[serde(skip)]
    hub_session: Option<String>,
}

impl std::fmt::Debug for CookieSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieSession(***)")
    }
}

impl CookieSession {
    /// A session with this token.
    #[must_use]
    pub fn new(token: &Secret) -> Self {
        Self {
            token: token.reveal().to_owned(),
            hub_session: None,
        }
    }

    /// The visitor's token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The browser's session with the Hub.
    #[must_use]
    pub fn hub_session(&self) -> Option<&str> {
        self.hub_session.as_deref()
    }
}

/// The sessions of this service's pages.
#[derive(Clone)]
pub struct Sessions {
    key: SessionKey,
    cookie_name: String,
    prefix: String,
}

impl Sessions {
    /// Of a service below `prefix`, which listens on `port`. Browsers keep cookies by host and
    /// path but not by port, so two services on one machine without a Hub, each at `/`, need
    /// names of their own.
    #[must_use]
    pub fn new(key: SessionKey, kind: LoginKind, prefix: &str, port: u16) -> Self {
        Self {
            key,
            cookie_name: match kind {
                LoginKind::Hub => SESSION_COOKIE.to_owned(),
                LoginKind::Token => format!("{SESSION_COOKIE}-{port}"),
            },
            prefix: prefix.to_owned(),
        }
    }

    /// The session in the request's cookies.
    #[must_use]
    pub fn of_request(&self, headers: &HeaderMap) -> Option<CookieSession> {
        let cookie = self.jar(headers).get(&self.cookie_name)?;
        let mut session: CookieSession = serde_json::from_str(cookie.value()).ok()?;
        session.hub_session = plain_cookie(headers, HUB_SESSION_COOKIE);
        Some(session)
    }

    /// The text that a page of ours sends along when it changes something. It goes with this
    /// session and this service, and only pages of this origin can read it: unlike a cookie, the
    /// browser does not send it by itself.
    #[must_use]
    pub fn xsrf(&self, session: &CookieSession) -> Secret {
        // Both lengths are in the digest, and only this service knows the key, so this is as
        // good as a keyed hash of the token.
        let key = URL_SAFE_NO_PAD.encode(self.key.0.master());
        let digest = digest(&["xsrf", &key, &session.token]);
        Secret::new(URL_SAFE_NO_PAD.encode(digest))
    }

    /// Whether the request has the header that only a page of ours can send.
    pub(super) fn has_xsrf(&self, session: &CookieSession, headers: &HeaderMap) -> bool {
        let sent = headers.get(XSRF_HEADER).and_then(|sent| sent.to_str().ok());
        sent.is_some_and(|sent| self.xsrf(session).is(sent))
    }

    /// The cookie that keeps `session` until the browser is closed.
    pub fn begun(&self, session: &CookieSession, secure: bool) -> PrivateCookieJar {
        let value = serde_json::to_string(session).expect("a struct of strings is JSON");
        let name = self.cookie_name.clone();
        let cookie = private_cookie(name, value, &self.prefix, secure);
        PrivateCookieJar::new(self.key.0.clone()).add(cookie)
    }

    /// Removes the session's cookie.
    pub fn ended(&self, headers: &HeaderMap, secure: bool) -> PrivateCookieJar {
        let name = self.cookie_name.clone();
        let gone = private_cookie(name, String::new(), &self.prefix, secure);
        self.jar(headers).remove(gone)
    }

    /// The key that cookies of this service are encrypted with.
    #[must_use]
    pub(crate) fn key(&self) -> &Key {
        &self.key.0
    }

    fn jar(&self, headers: &HeaderMap) -> PrivateCookieJar {
        PrivateCookieJar::from_headers(headers, self.key.0.clone())
    }
}

/// A cookie that scripts cannot read, below the prefix, for the browser's session.
#[must_use]
pub(crate) fn private_cookie(
    name: String,
    value: String,
    prefix: &str,
    secure: bool,
) -> Cookie<'static> {
    Cookie::build((name, value))
        .path(prefix.to_owned())
        .http_only(true)
        // Lax, not Strict: the browser comes back from the Hub's login by a navigation that
        // begins on another page.
        .same_site(SameSite::Lax)
        .secure(secure)
        .build()
}

/// A digest from which the parts, such as a token, cannot be recovered.
#[must_use]
pub(crate) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn plain_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let jar = axum_extra::extract::CookieJar::from_headers(headers);
    jar.get(name).map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use axum::{http::header, response::IntoResponse};

    use super::*;

    #[test]
    fn the_session_key_is_made_once_and_readable_by_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookie.key");
        let first = SessionKey::load(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(first.0, SessionKey::load(&path).unwrap().0);
        fs::write(&path, "short").unwrap();
        assert!(SessionKey::load(&path).is_err());
    }

    #[test]
    fn a_session_is_read_with_the_secret_that_it_was_begun_with_alone() {
        let sessions = |secret: &[u8]| {
            let key = SessionKey::of_secret(secret);
            Sessions::new(key, LoginKind::Hub, "/", 0)
        };
        let token = Secret::new("a-token");
        let begun = sessions(b"one").begun(&CookieSession::new(&token), false);
        let cookies = begun.into_response();
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            cookies.headers()[header::SET_COOKIE].clone(),
        );
        let read = |secret: &[u8]| sessions(secret).of_request(&headers);
        assert_eq!(read(b"one").unwrap().token(), "a-token");
        assert!(read(b"two").is_none());
    }
}
