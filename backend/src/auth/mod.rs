//! Who is asking: by the Hub's OAuth, by a token of the Hub's, or by the one token there is
//! without a Hub.
//!
//! There are two ways to be somebody: a token in `Authorization`, or the session cookie that
//! signing in left in the browser. The cookie alone is good for reading only; to change
//! something, a page sends along the text that [`Sessions::xsrf`] gives it in
//! `GET /api/session`, which a page of another origin cannot read. So it can make the browser
//! change nothing.
//!
//! Not here: what somebody may do ([`crate::identity`]), and which handler needs which right
//! (`routes/extract`).

mod asker;
mod hub;
mod oauth;
mod refusal;
mod session;
mod unfinished;

use axum::http::{HeaderMap, Method, header, request::Parts};
use shared::wire::Role;

pub use asker::Asker;
pub use hub::{HubClient, HubLimits, HubSettings, READ_SCOPE, WRITE_SCOPE};
pub use oauth::{CallbackQuery, OAuth, OAuthError};
pub use refusal::AuthError;
pub use session::{SESSION_COOKIE, Session, SessionKey, Sessions};

use crate::{
    identity::{Identity, LoginKind},
    secret::Secret,
};

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

/// Somebody who is signed in, and what shows it: a request may go on for hours, while the right
/// to it may not.
pub struct Authenticated {
    /// Who it is.
    pub identity: Identity,
    credentials: Credentials,
    asker: Asker,
}

impl Authenticated {
    /// Whether nothing has changed: they are still signed in, with the rights they had. What
    /// the Hub cannot be asked about has not changed.
    pub async fn is_still(&self, auth: &Auth) -> bool {
        match auth.identify(&self.credentials, &self.asker).await {
            Ok(identity) => identity == self.identity,
            Err(error) => matches!(error, AuthError::HubUnavailable { .. }),
        }
    }
}

/// What a request shows of who sent it.
enum Credentials {
    Token(String),
    Session(Session),
}

impl Credentials {
    /// What this request may use: a session only to read, or as a page of ours sends it.
    fn of_request(parts: &Parts, sessions: &Sessions) -> Result<Self, AuthError> {
        if let Some(token) = authorization_token(&parts.headers) {
            return Ok(Self::Token(token));
        }
        let session = sessions.of_request(&parts.headers);
        let session = session.ok_or(AuthError::NotSignedIn)?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && !sessions.is_meant(&session, &parts.headers) {
            return Err(AuthError::MayOnlyRead);
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

    /// Who sent a request.
    ///
    /// # Errors
    /// When nobody is signed in, a session would change something, or the Hub cannot be asked.
    pub async fn authenticate(
        &self,
        parts: &Parts,
        sessions: &Sessions,
    ) -> Result<Authenticated, AuthError> {
        let credentials = Credentials::of_request(parts, sessions)?;
        let asker = Asker::of(parts);
        Ok(Authenticated {
            identity: self.identify(&credentials, &asker).await?,
            credentials,
            asker,
        })
    }

    async fn identify(
        &self,
        credentials: &Credentials,
        asker: &Asker,
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
                    Credentials::Token(token) => hub.client.user_of(token, asker).await?,
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
