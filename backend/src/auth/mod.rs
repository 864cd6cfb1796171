//! Who is asking, and what they may do.
//!
//! A handler names the right it needs by the type of its argument: [`Participant`] is
//! anyone who is signed in, [`Viewer`] sees everyone, [`Instructor`] may change the class.
//! Where it depends on whose notebook it is, [`Identity::may_see`] and
//! [`Identity::may_change`] decide.
//!
//! There are two ways to be somebody: a token in `Authorization`, or the session cookie that
//! signing in left in the browser. The cookie alone is good for reading only; to change
//! something, a page sends along the text that [`Session::xsrf`] gives it in
//! `GET /api/session`, which a page of another origin cannot read. So it can make the browser
//! change nothing.

mod asker;
mod follower;
mod hub;
mod oauth;
mod rights;
mod session;
mod trust;
mod unfinished;

use std::fmt;

use axum::http::{HeaderMap, Method, header, request::Parts};
use shared::wire::{Role, XSRF_HEADER};
use subtle::ConstantTimeEq;

pub use asker::Asker;
pub(crate) use follower::Follower;
pub use hub::{HubClient, HubLimits, HubSettings};
pub use oauth::{CallbackQuery, OAuth, OAuthError};
pub use rights::{Instructor, Participant, Viewer};
pub(crate) use session::no_session;
pub use session::{SESSION_COOKIE, Session, SessionKey};
pub(crate) use trust::Trust;

use crate::{app::AppState, error::AppError};

/// A text that must not be seen: it prints as `***` and is compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new one that nobody can guess: 192 bits, in characters that a link can hold.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; there is no going on then.
    #[must_use]
    pub fn random() -> Self {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text itself, for the one place that must send or print it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same text.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How this service lets people in.
pub enum Auth {
    /// No Hub: whoever has the token is the instructor.
    Standalone {
        /// The token of the printed link.
        token: Secret,
    },
    /// The Hub knows everyone.
    Hub(Box<HubAuth>),
}

/// What signing in with a Hub takes.
pub struct HubAuth {
    /// Asks the Hub who a token belongs to.
    pub client: HubClient,
    /// Signs people in.
    pub oauth: OAuth,
}

/// How the page in the browser can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// By loading the page anew: the Hub asks.
    Hub,
    /// By the token of the printed link.
    Token,
}

impl LoginKind {
    /// As the header [`crate::error::LOGIN_HEADER`] has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Token => "token",
        }
    }

    /// What somebody who is not signed in should do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Hub => {
                "You are not signed in. Load the page again to sign in with JupyterHub, \
                 or send a token of the Hub's as `Authorization: token …`."
            }
            Self::Token => {
                "You are not signed in. Open the link that `pipalhub serve` printed, \
                 or send its token as `Authorization: token …`."
            }
        }
    }
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Hub's name for them; of a service of the Hub's it is none that a user can have.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are known by a Hub, so that their name is one of a participant.
    pub from_hub: bool,
}

impl Identity {
    /// The user whose notebooks and events this person is confined to, if any.
    #[must_use]
    pub fn confined_to(&self) -> Option<&str> {
        (!self.role.sees_everyone()).then_some(&self.user)
    }

    /// Whether this person may see what belongs to `user`.
    #[must_use]
    pub fn may_see(&self, user: &str) -> bool {
        self.confined_to().is_none_or(|own| own == user)
    }

    /// Whether this person may change what belongs to `user`: their own, and an instructor
    /// everyone's.
    #[must_use]
    pub fn may_change(&self, user: &str) -> bool {
        self.role.changes_the_class() || self.user == user
    }
}

/// What a request shows of who sent it.
enum Credentials {
    Token(String),
    Session(Session),
}

impl Credentials {
    /// What this request may use: a session only to read, or as a page of ours sends it.
    fn of_request(parts: &Parts, state: &AppState) -> Result<Self, AppError> {
        if let Some(token) = authorization_token(&parts.headers) {
            return Ok(Self::Token(token));
        }
        let refused = AppError::Unauthorized(state.auth.login_kind());
        let session = Session::of_request(&parts.headers, state).ok_or(refused)?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && !session.is_meant(&parts.headers, state) {
            return Err(AppError::Forbidden(format!(
                "A session in the browser may only read here. To change something, send \
                 along what `GET /api/session` calls `xsrf`, as `{XSRF_HEADER}`, or a \
                 token as `Authorization: token …`."
            )));
        }
        Ok(Self::Session(session))
    }
}

impl Auth {
    /// How to sign in here.
    #[must_use]
    pub fn login_kind(&self) -> LoginKind {
        match self {
            Self::Standalone { .. } => LoginKind::Token,
            Self::Hub(_) => LoginKind::Hub,
        }
    }

    async fn identify(
        &self,
        credentials: &Credentials,
        asker: &Asker,
    ) -> Result<Identity, AppError> {
        let refused = || AppError::Unauthorized(self.login_kind());
        let token = match credentials {
            Credentials::Token(token) => token.as_str(),
            Credentials::Session(session) => session.token(),
        };
        match self {
            Self::Standalone { token: right } => right
                .is(token)
                .then(|| Identity {
                    user: "instructor".to_owned(),
                    role: Role::Instructor,
                    from_hub: false,
                })
                .ok_or_else(refused),
            Self::Hub(hub) => {
                let answer = match credentials {
                    Credentials::Token(token) => hub.client.user_of(token, asker).await?,
                    Credentials::Session(session) => {
                        let hub_session = session.hub_session();
                        hub.client
                            .user_in_session(session.token(), hub_session)
                            .await?
                    }
                };
                answer.ok_or_else(refused)?.identity()
            }
        }
    }
}

/// The token of `Authorization: token …` or `Bearer …`, the scheme in any case.
#[must_use]
pub fn authorization_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    let token = token.trim();
    (known && !token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret:?}"), "***");
        assert!(secret.is("canary") && !secret.is("canarx") && !secret.is(""));
        assert_eq!(Secret::random().reveal().len(), 32);
    }

    #[test]
    fn reads_the_token_in_any_case_of_the_scheme() {
        let token = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            authorization_token(&headers)
        };
        for value in ["token abc", "Token abc", "TOKEN  abc ", "bearer abc"] {
            assert_eq!(token(value).as_deref(), Some("abc"), "{value}");
        }
        for value in ["abc", "token", "token ", "Basic abc"] {
            assert_eq!(token(value), None, "{value}");
        }
    }
}
