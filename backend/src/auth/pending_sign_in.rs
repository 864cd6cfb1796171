//! Sign-ins that are under way. The data to end one lies, encrypted, in a cookie of the browser
//! that began it, and none of it here: so a client that begins many cannot make this service
//! forget those of another.
//!
//! Each has a cookie of its own, named after its state, so that two tabs do not disturb each
//! other. A browser keeps the newest few: every cookie goes with every request, and a head
//! that is too large is refused.

use std::time::Duration;

use axum::http::HeaderMap;
use axum_extra::extract::{
    CookieJar, PrivateCookieJar,
    cookie::{Cookie, Key},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::session::{digest, private_cookie};
use crate::secret::Secret;

/// How long a sign-in may take.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(600);
/// How many sign-ins of one browser may be under way, each in a tab of its own.
const MAX_SIGN_INS: usize = 4;
/// How many bytes the cookies of all sign-ins may have. Proxies refuse a header line of 8 KiB, and
/// it has other cookies too.
const MAX_COOKIE_BYTES: usize = 4 << 10;
/// The longest address that a sign-in returns to; instead of a longer one it is the start page.
const MAX_NEXT_BYTES: usize = 1 << 10;
/// How many cookies one answer removes: a browser never has so many of ours.
const MAX_REMOVED_COOKIES: usize = 32;

/// The beginning of the cookies' names.
const COOKIE_PREFIX: &str = "pipalhub-login-";

/// The data of a sign-in that is under way.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingSignIn {
    state: String,
    verifier: String,
    next: String,
    expires_ms: i64,
}

impl PendingSignIn {
    /// One that begins now and is to end at `next`, or at `start` when that is too long.
    pub(super) fn new(next: &str, start: &str, now_ms: i64) -> Self {
        let next = Some(next).filter(|next| next.len() <= MAX_NEXT_BYTES);
        let timeout_ms = i64::try_from(SIGN_IN_TIMEOUT.as_millis()).expect("minutes fit");
        Self {
            state: Secret::random().reveal().to_owned(),
            // Two of them: PKCE wants at least 43 characters.
            verifier: Secret::random().reveal().to_owned() + Secret::random().reveal(),
            next: next.unwrap_or(start).to_owned(),
            expires_ms: now_ms.saturating_add(timeout_ms),
        }
    }

    /// The state that the Hub sends back with the browser.
    pub(super) fn state(&self) -> &str {
        &self.state
    }

    /// The PKCE verifier, which proves to the Hub that this service began the sign-in.
    pub(super) fn verifier(&self) -> &str {
        &self.verifier
    }

    /// The address that the user wanted.
    pub(super) fn next(&self) -> &str {
        &self.next
    }

    fn is_over(&self, now_ms: i64) -> bool {
        self.expires_ms <= now_ms
    }
}

/// The cookies of one browser's sign-ins.
pub(crate) struct SignInCookies<'a> {
    jar: PrivateCookieJar,
    sent: CookieJar,
    prefix: &'a str,
    secure: bool,
    now_ms: i64,
}

impl<'a> SignInCookies<'a> {
    /// The cookies in `headers`, sent to a service below `prefix`.
    pub(super) fn new(
        headers: &HeaderMap,
        key: &Key,
        prefix: &'a str,
        secure: bool,
        now_ms: i64,
    ) -> Self {
        Self {
            jar: PrivateCookieJar::from_headers(headers, key.clone()),
            sent: CookieJar::from_headers(headers),
            prefix,
            secure,
            now_ms,
        }
    }

    /// The sign-in that this browser began with this state, if it is not over. Compared in
    /// constant time, since the name alone holds only a part of it.
    pub(super) fn sign_in(&self, state: &str) -> Option<PendingSignIn> {
        let sign_in = self.read(&name_of(state))?;
        let is_it = !state.is_empty() && Secret::new(sign_in.state()).is(state);
        is_it.then_some(sign_in)
    }

    /// Adds one more sign-in: returns the cookie to set, and those to remove, of sign-ins that are
    /// over or too many.
    pub(super) fn begin(self, sign_in: &PendingSignIn) -> (PrivateCookieJar, CookieJar) {
        let name = name_of(sign_in.state());
        let value = serde_json::to_string(sign_in).expect("a struct of texts is JSON");
        let mut cookie = private_cookie(name, value, self.prefix, self.secure);
        cookie.set_max_age(SIGN_IN_TIMEOUT.try_into().ok());
        // Encrypted, a third and some 40 bytes are added.
        let mut bytes = cookie.value().len() * 4 / 3 + cookie.name().len() + 64;
        let mut kept = 1;
        let mut others = self.others();
        others.retain(|(name, sign_in)| {
            let length = name.len() + self.sent.get(name).map_or(0, |sent| sent.value().len());
            let keeps =
                sign_in.is_some() && kept < MAX_SIGN_INS && bytes + length <= MAX_COOKIE_BYTES;
            if keeps {
                kept += 1;
                bytes += length;
            }
            !keeps
        });
        let cookies = others
            .into_iter()
            .take(MAX_REMOVED_COOKIES)
            .fold(self, |cookies, (name, _)| cookies.without(name));
        (cookies.jar.add(cookie), cookies.sent)
    }

    /// Returns the cookie to remove of the sign-in of this state, which has ended.
    pub(super) fn end(self, state: &str) -> CookieJar {
        self.without(name_of(state)).sent
    }

    /// All sign-in cookies, the newest first, and those that are not valid (any more) last.
    fn others(&self) -> Vec<(String, Option<PendingSignIn>)> {
        let names = self.sent.iter().map(Cookie::name);
        let mut all: Vec<_> = names
            .filter(|name| name.starts_with(COOKIE_PREFIX))
            .map(|name| (name.to_owned(), self.read(name)))
            .collect();
        all.sort_by_key(|(_, sign_in)| {
            std::cmp::Reverse(sign_in.as_ref().map(|sign_in| sign_in.expires_ms))
        });
        all
    }

    fn read(&self, name: &str) -> Option<PendingSignIn> {
        let cookie = self.jar.get(name)?;
        let sign_in: PendingSignIn = serde_json::from_str(cookie.value()).ok()?;
        (!sign_in.is_over(self.now_ms)).then_some(sign_in)
    }

    fn without(self, name: String) -> Self {
        let gone = private_cookie(name, String::new(), self.prefix, self.secure);
        // From the jar of all cookies: the other one lacks those that it cannot decrypt.
        let sent = self.sent.remove(gone);
        Self { sent, ..self }
    }
}

/// The name of the cookie of the sign-in with this state, from which the state cannot be
/// recovered.
fn name_of(state: &str) -> String {
    let digest = digest(&["login", state]);
    format!("{COOKIE_PREFIX}{}", URL_SAFE_NO_PAD.encode(&digest[..9]))
}

#[cfg(test)]
mod tests {
    use axum::{
        http::header,
        response::{IntoResponse, Response},
    };

    use super::*;

    const PREFIX: &str = "/services/dashboard/";
    const MINUTE: i64 = 60_000;

    /// A browser's cookies, which it changes as answers tell it to.
    #[derive(Default)]
    struct Cookies(Vec<(String, String)>);

    impl Cookies {
        fn browser(&self, key: &Key, now_ms: i64) -> SignInCookies<'static> {
            let mut headers = HeaderMap::new();
            let all: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
            headers.insert(header::COOKIE, all.join("; ").parse().unwrap());
            SignInCookies::new(&headers, key, PREFIX, false, now_ms)
        }

        fn take(&mut self, told: impl IntoResponse) {
            let response: Response = told.into_response();
            for told in response.headers().get_all(header::SET_COOKIE) {
                let told = told.to_str().unwrap();
                assert!(told.contains("HttpOnly") && told.contains("SameSite=Lax"));
                assert!(told.contains(&format!("Path={PREFIX}")), "{told}");
                let (name, value) = told.split(';').next().unwrap().split_once('=').unwrap();
                self.0.retain(|(known, _)| known != name);
                if !told.contains("Max-Age=0") {
                    self.0.push((name.to_owned(), value.to_owned()));
                }
            }
        }

        fn begin(&mut self, key: &Key, next: &str, now_ms: i64) -> String {
            let sign_in = PendingSignIn::new(next, PREFIX, now_ms);
            self.take(self.browser(key, now_ms).begin(&sign_in));
            sign_in.state().to_owned()
        }

        fn bytes(&self) -> usize {
            self.0.iter().map(|(n, v)| n.len() + v.len()).sum()
        }
    }

    #[test]
    fn a_browser_keeps_the_newest_few() {
        let key = Key::generate();
        let mut cookies = Cookies::default();
        let states: Vec<_> = (0..50)
            .map(|n| cookies.begin(&key, "/services/dashboard/x", n))
            .collect();
        assert_eq!(cookies.0.len(), MAX_SIGN_INS);
        for (n, state) in states.iter().enumerate() {
            let found = cookies.browser(&key, 50).sign_in(state);
            assert_eq!(found.is_some(), n >= 50 - MAX_SIGN_INS, "{n}");
        }
        // The last of them ends, and the others do not.
        cookies.take(cookies.browser(&key, 50).end(&states[49]));
        let known = |state: &str| cookies.browser(&key, 50).sign_in(state).is_some();
        assert!(!known(&states[49]) && known(&states[48]));
    }

    #[test]
    fn the_cookies_are_never_too_long_together() {
        let key = Key::generate();
        let mut cookies = Cookies::default();
        let long = format!("{PREFIX}{}", "\"".repeat(MAX_NEXT_BYTES - PREFIX.len()));
        for n in 0..10 {
            let state = cookies.begin(&key, &long, n);
            let found = cookies.browser(&key, n).sign_in(&state).unwrap();
            assert_eq!(found.next(), long);
            assert!(cookies.bytes() <= MAX_COOKIE_BYTES, "{}", cookies.bytes());
        }
        let too_long = format!("{long}x");
        let state = cookies.begin(&key, &too_long, 11);
        let found = cookies.browser(&key, 11).sign_in(&state).unwrap();
        assert_eq!(found.next(), PREFIX);
    }

    #[test]
    fn a_sign_in_that_took_too_long_is_over_and_its_cookie_is_removed() {
        let key = Key::generate();
        let mut cookies = Cookies::default();
        let state = cookies.begin(&key, PREFIX, 0);
        let found = |now_ms| cookies.browser(&key, now_ms).sign_in(&state).is_some();
        assert!(found(10 * MINUTE - 1));
        assert!(!found(10 * MINUTE));
        cookies.begin(&key, PREFIX, 10 * MINUTE);
        assert_eq!(cookies.0.len(), 1);
    }

    #[test]
    fn a_cookie_that_was_tampered_with_is_ignored_and_removed() {
        let key = Key::generate();
        let mut cookies = Cookies::default();
        let first = cookies.begin(&key, PREFIX, 0);
        let second = cookies.begin(&key, PREFIX, 1);
        // The values exchanged: each is good under its own name only.
        let (left, right) = cookies.0.split_at_mut(1);
        std::mem::swap(&mut left[0].1, &mut right[0].1);
        for state in [&first, &second, &String::new()] {
            assert!(cookies.browser(&key, 2).sign_in(state).is_none());
        }
        // Nor is another key's.
        let third = cookies.begin(&Key::generate(), PREFIX, 2);
        assert!(cookies.browser(&key, 2).sign_in(&third).is_none());
        for n in 0..MAX_REMOVED_COOKIES - 3 {
            cookies
                .0
                .push((format!("{COOKIE_PREFIX}{n}"), "x".to_owned()));
        }
        let last = cookies.begin(&key, PREFIX, 3);
        assert_eq!(cookies.0.len(), 1);
        assert!(cookies.browser(&key, 3).sign_in(&last).is_some());
    }
}
