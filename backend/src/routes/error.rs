//! The one error a handler returns, and its JSON body.
//!
//! A variant is something a client can act on. The cause inside the service is logged once,
//! here, and never sent.

use std::error::Error;

use axum::{
    Json,
    extract::rejection::{BytesRejection, QueryRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use shared::{
    copies::NeedsWhole,
    wire::{ErrorBody, XSRF_HEADER},
};

use crate::{
    auth::{AuthError, HELP_SCOPE, READ_SCOPE, WRITE_SCOPE},
    errands::ErrandError,
    help::{HelpError, HelpRefusal},
    history::HistoryError,
    homes::CreateError,
    identity::LoginKind,
    lanes::LaneError,
    limits::LimitExceeded,
    notices::NoticeError,
    server::BodyTooSlow,
    store::StoreError,
    telemetry::loggable,
};

/// Tells the page in the browser how to sign in: `hub` or `token`.
const LOGIN_HEADER: HeaderName = HeaderName::from_static("x-pipalhub-login");

/// The reason why a request is refused.
#[derive(Debug)]
pub enum AppError {
    /// 400: the request has an impossible or unknown value.
    BadRequest(String),
    /// 401: the request has no valid token or session.
    Unauthorized(LoginKind),
    /// 403: the requester is signed in and has no right to this.
    Forbidden(String),
    /// 404: there is no such thing, or none for this requester.
    NotFound(String),
    /// 405: the route is for other methods.
    MethodNotAllowed(String),
    /// 408: the body did not come in time.
    BodyTooSlow,
    /// 409: the present state does not allow it.
    Conflict(String),
    /// 409: a push was made for another version than the one that is kept.
    NeedsWhole,
    /// 413: the body is larger than this route takes.
    TooLarge(String),
    /// 415: the body is not JSON, or not plainly so.
    UnsupportedMediaType(&'static str),
    /// 429: too often, or too much at once.
    TooManyRequests {
        /// The limit that was met, and the remedy.
        message: String,
        /// Seconds until another try is worth it.
        retry_after: u64,
    },
    /// 503: a part that the answer needs is down; try again.
    Unavailable {
        /// The part that is down, in words for the client.
        message: &'static str,
        /// The error, for the log.
        cause: String,
    },
    /// 500: a fault of ours.
    Internal(String),
}

impl AppError {
    /// The HTTP status of this error.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) | Self::NeedsWhole => StatusCode::CONFLICT,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// An [`AppError::Internal`] with `cause` for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The answer to a request that was not authenticated, in a service with this kind of login.
    pub(super) fn from_auth(error: AuthError, kind: LoginKind) -> Self {
        match error {
            AuthError::NotSignedIn => Self::Unauthorized(kind),
            AuthError::MayOnlyRead => Self::Forbidden(format!(
                "A session in the browser may only read here. To change something, send \
                 along what `GET /api/session` calls `xsrf`, as `{XSRF_HEADER}`, or a \
                 token as `Authorization: token …`."
            )),
            AuthError::ServiceWithoutScope(name) => Self::Forbidden(format!(
                "This token is that of the Hub's service {name}, which is nobody here: a \
                 service needs {READ_SCOPE}, {HELP_SCOPE} or {WRITE_SCOPE}, and access:services \
                 for this one."
            )),
            AuthError::HubUnavailable { cause } => Self::Unavailable {
                message: "JupyterHub cannot be asked who you are; try again in a moment.",
                cause,
            },
        }
    }

    /// The answer to a body that was not read, on a route that takes `max` bytes.
    pub(super) fn from_body(rejection: &BytesRejection, max: usize) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::TooLarge(format!("The body has more than {max} bytes."))
        } else if has_cause::<BodyTooSlow>(rejection) {
            Self::BodyTooSlow
        } else {
            Self::BadRequest("The body could not be read.".to_owned())
        }
    }
}

impl From<LimitExceeded> for AppError {
    fn from(LimitExceeded { message, wait }: LimitExceeded) -> Self {
        // In whole seconds, and at least one.
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        Self::TooManyRequests {
            message,
            retry_after: seconds.try_into().unwrap_or(u64::MAX),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        if let StoreError::TooManyKeys { user, most } = error {
            return Self::Conflict(format!(
                "{user} has {most} entries in the list of events, as many as a participant \
                 may: only paths that are there already can be reported."
            ));
        }
        Self::Unavailable {
            message: "The event store cannot be used right now; try again in a moment.",
            cause: error.to_string(),
        }
    }
}

impl From<HistoryError> for AppError {
    fn from(error: HistoryError) -> Self {
        Self::Unavailable {
            message: "The history of notebooks cannot be used right now; try again in a moment.",
            cause: error.to_string(),
        }
    }
}

impl From<NoticeError> for AppError {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::Full => Self::Conflict(format!("{error}.")),
            NoticeError::Engine(_) => Self::Unavailable {
                message: "The notices cannot be used right now; try again in a moment.",
                cause: error.to_string(),
            },
        }
    }
}

impl From<HelpError> for AppError {
    fn from(error: HelpError) -> Self {
        let refusal = match error {
            HelpError::Engine(_) => {
                return Self::Unavailable {
                    message: "The help queue cannot be used right now; try again in a moment.",
                    cause: error.to_string(),
                };
            }
            HelpError::Refused(refusal) => refusal,
        };
        let message = match &refusal {
            // A name is written as it is.
            HelpRefusal::Held { .. }
            | HelpRefusal::NotHeld(_)
            | HelpRefusal::Paused(_)
            | HelpRefusal::AskedAnew(_)
            | HelpRefusal::TooOften(_) => format!("{refusal}."),
            HelpRefusal::NoTicket(_) | HelpRefusal::TooLate => sentence(&refusal.to_string()),
        };
        match refusal {
            HelpRefusal::NoTicket(_) => Self::NotFound(message),
            HelpRefusal::TooOften(_) => Self::TooManyRequests {
                message,
                retry_after: 600,
            },
            _ => Self::Conflict(message),
        }
    }
}

impl From<ErrandError> for AppError {
    fn from(error: ErrandError) -> Self {
        match error {
            ErrandError::Engine(_) => Self::Unavailable {
                message: "The errands cannot be used right now; try again in a moment.",
                cause: error.to_string(),
            },
            ErrandError::DiskFull(_) => Self::Unavailable {
                message: "The service's disk has no room for this handout: free some space there, \
                          then hand it out again.",
                cause: error.to_string(),
            },
            ErrandError::TooManyHandouts
            | ErrandError::NoRoom
            | ErrandError::SameHandout(_)
            | ErrandError::TooManyRestores(_) => Self::Conflict(sentence(&error.to_string())),
        }
    }
}

/// A message of an error as a sentence; it begins with a letter of ASCII.
fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

impl From<CreateError> for AppError {
    fn from(error: CreateError) -> Self {
        // The cause is in the participant's home, and the participant can mend it.
        Self::Conflict(error.to_string())
    }
}

impl From<LaneError> for AppError {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Busy => Self::TooManyRequests {
                message: "Too much is being read of this person's files: try again in a moment."
                    .to_owned(),
                retry_after: 2,
            },
            LaneError::Late => Self::Unavailable {
                message: "This person's files cannot be read in time: their disk may be slow. Try \
                          again in a moment.",
                cause: error.to_string(),
            },
            LaneError::Fault => Self::internal(error),
        }
    }
}

impl From<QueryRejection> for AppError {
    fn from(rejection: QueryRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

/// Whether `error` is, somewhere down its causes, a `T`.
fn has_cause<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    error.is::<T>() || error.source().is_some_and(has_cause::<T>)
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut login = None;
        let mut retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        let message = match self {
            Self::NeedsWhole => {
                let body = NeedsWhole::default();
                return (status, Json(body)).into_response();
            }
            Self::BadRequest(message)
            | Self::Forbidden(message)
            | Self::NotFound(message)
            | Self::MethodNotAllowed(message)
            | Self::Conflict(message)
            | Self::TooLarge(message) => message,
            Self::BodyTooSlow => {
                "The body did not arrive in time; send the request again.".to_owned()
            }
            Self::UnsupportedMediaType(message) => message.to_owned(),
            Self::TooManyRequests {
                message,
                retry_after: seconds,
            } => {
                retry_after = Some(seconds);
                message
            }
            Self::Unauthorized(kind) => {
                login = Some(kind);
                kind.advice().to_owned()
            }
            Self::Unavailable { message, cause } => {
                tracing::warn!(cause = %loggable(&cause), "{message}");
                message.to_owned()
            }
            Self::Internal(cause) => {
                tracing::error!(cause = %loggable(&cause), "internal error");
                "Something went wrong in the service; its log says what.".to_owned()
            }
        };
        let mut response = (status, Json(ErrorBody { message })).into_response();
        let headers = response.headers_mut();
        if let Some(kind) = login {
            headers.insert(
                header::WWW_AUTHENTICATE,
                "token".parse().expect("static text"),
            );
            headers.insert(LOGIN_HEADER, kind.as_str().parse().expect("static text"));
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            // The connection does not wait for the rest of the body.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
