//! Authentication of requests: by the Hub's OAuth, by a token of the Hub's, or by the one token
//! there is without a Hub.
//!
//! A request is authenticated by a token in `Authorization`, or by the session cookie that
//! signing in left in the browser. The cookie alone is good for reading only; to change
//! something, a page sends along the text that [`Sessions::xsrf`] gives it in
//! `GET /api/session`. A page of another origin cannot read that text, so it can make the
//! browser change nothing.
//!
//! Not here: what an identity may do ([`crate::identity`]), and which handler needs which right
//! (`routes/extract`).

mod error;
mod hub;
mod oauth;
mod pending_sign_in;
mod request_source;
mod session;

use axum::http::{HeaderMap, Method, header, request::Parts};
use shared::wire::Role;

pub use error::AuthError;
pub use hub::{
    HELP_SCOPE, HubClient, HubLimits, HubServer, HubServerState, HubSettings, READ_SCOPE, Roster,
    RosterAnswer, WRITE_SCOPE,
};
pub use oauth::{CallbackQuery, OAuth, OAuthError};
pub use request_source::RequestSource;
pub use session::{CookieSession, SESSION_COOKIE, SessionKey, Sessions};

use crate::{
    identity::{Identity, LoginKind},
    secret::Secret,
};

/// How this service authenticates requests.
pub enum Auth {
    /// Without a Hub: a request with the token is the instructor's.
    Standalone {
        /// The token of the printed link.
        token: Secret,
    },
    /// By the Hub, which knows all users.
    Hub(Box<HubAuth>),
}

/// The parts of authentication by a Hub.
pub struct HubAuth {
    /// Asks the Hub for the user of a token.
    pub client: HubClient,
    /// Signs people in.
    pub oauth: OAuth,
}

/// The identity of an authenticated request, with its credentials, to check them again: a request
/// may go on for hours, while the right to it may not.
pub struct Authenticated {
    /// The sender of the request.
    pub identity: Identity,
    credentials: Credentials,
    source: RequestSource,
}

impl Authenticated {
    /// Whether the credentials still give the same identity, with the same rights. While the Hub
    /// cannot be asked, they do.
    pub async fn is_still(&self, auth: &Auth) -> bool {
        match auth.identify(&self.credentials, &self.source).await {
            Ok(identity) => identity == self.identity,
            Err(error) => matches!(error, AuthError::HubUnavailable { .. }),
        }
    }
}

/// The token or the session that authenticates a request.
enum Credentials {
    Token(String),
    Session(CookieSession),
}

impl Credentials {
    /// The credentials of this request; a session is refused for a change without the header of a
    /// page of ours.
    fn of_request(parts: &Parts, sessions: &Sessions) -> Result<Self, AuthError> {
        if let Some(token) = authorization_token(&parts.headers) {
            return Ok(Self::Token(token));
        }
        let session = sessions.of_request(&parts.headers);
        let session = session.ok_or(AuthError::NotSignedIn)?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && !sessions.has_xsrf(&session, &parts.headers) {
            return Err(AuthError::MayOnlyRead);
        }
        Ok(Self::Session(session))
    }
}

impl Auth {
    /// How a page can sign in.
    #[must_use]
    pub fn login_kind(&self) -> LoginKind {
        match self {
            Self::Standalone { .. } => LoginKind::Token,
            Self::Hub(_) => LoginKind::Hub,
        }
    }

    /// Authenticates a request.
    ///
    /// # Errors
    /// When it has no valid credentials, a session cookie alone would change something, or the
    /// Hub cannot be asked.
    pub async fn authenticate(
        &self,
        parts: &Parts,
        sessions: &Sessions,
    ) -> Result<Authenticated, AuthError> {
        let credentials = Credentials::of_request(parts, sessions)?;
        let source = RequestSource::of(parts);
        Ok(Authenticated {
            identity: self.identify(&credentials, &source).await?,
            credentials,
            source,
        })
    }

    async fn identify(
        &self,
        credentials: &Credentials,
        source: &RequestSource,
    ) -> Result<Identity, AuthError> {
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
                    groups: Vec::new(),
                })
                .ok_or(AuthError::NotSignedIn),
            Self::Hub(hub) => {
                let answer = match credentials {
                    Credentials::Token(token) => hub.client.user_of(token, source).await?,
                    Credentials::Session(session) => {
                        let hub_session = session.hub_session();
                        hub.client
                            .user_in_session(session.token(), hub_session)
                            .await?
                    }
                };
                answer.ok_or(AuthError::NotSignedIn)?.identity()
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
    fn the_token_is_read_in_any_case_of_the_scheme() {
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
