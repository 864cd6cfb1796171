//! Why a request failed, and the message for the reader.

use crate::html;
use crate::html::Html;

/// How users sign in to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// By the Hub: any navigation leads there.
    Hub,
    /// By the token in the link that `pipalhub serve` printed.
    Token,
}

impl LoginMethod {
    /// Parses the header `X-PipalHub-Login` of a 401; a service without the header has no Hub.
    pub fn from_header(value: Option<&str>) -> Self {
        match value {
            Some("hub") => Self::Hub,
            _ => Self::Token,
        }
    }
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// No user is signed in, or no longer.
    SignedOut(LoginMethod),
    /// The requested resource does not exist; the service's message.
    NotFound(String),
    /// The service answered with another status; its message, which may be empty.
    Refused(u16, String),
    /// There was no answer.
    Unreachable,
    /// There was no answer in time.
    Late,
    /// This page cannot parse the answer.
    Unreadable(String),
}

impl RequestFailure {
    /// Whether the same request may succeed later: the network, the service or the Hub failed, a
    /// rate limit was exceeded, or a proxy answered with a page of its own.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable | Self::Late | Self::Unreadable(_) => true,
            Self::Refused(status, _) => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::SignedOut(_) | Self::NotFound(_) => false,
        }
    }

    /// The failure as one sentence.
    pub fn message(&self) -> String {
        match self {
            Self::SignedOut(_) => "You are not signed in.".to_owned(),
            Self::NotFound(message) if message.is_empty() => "It is not there.".to_owned(),
            Self::Refused(status, message) if message.is_empty() => {
                format!("The service answered with status {status}.")
            }
            Self::NotFound(message) | Self::Refused(_, message) => message.clone(),
            Self::Unreachable => "The service does not answer.".to_owned(),
            Self::Late => "The service does not answer in time.".to_owned(),
            Self::Unreadable(_) => "The service's answer could not be read.".to_owned(),
        }
    }

    /// The message as a line of HTML.
    pub fn message_html(&self) -> Html {
        html!("<p class=problem role=alert>{}</p>", self.message())
    }

    /// A remedy for the reader.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::SignedOut(LoginMethod::Hub) => "Reload the page to sign in through the Hub.",
            Self::SignedOut(LoginMethod::Token) => "Open the link that pipalhub serve printed.",
            Self::NotFound(_) => "Choose another notebook, or wait until somebody saves it.",
            Self::Refused(..) => "Try again; if it stays so, the service's log says why.",
            Self::Unreachable | Self::Late => {
                "Check that pipalhub is running and that you are online, then try again."
            }
            Self::Unreadable(_) => {
                "The page may be older than the service: reload it, then try again."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_how_to_sign_in() {
        assert_eq!(LoginMethod::from_header(Some("hub")), LoginMethod::Hub);
        assert_eq!(LoginMethod::from_header(Some("token")), LoginMethod::Token);
        assert_eq!(LoginMethod::from_header(None), LoginMethod::Token);
    }

    #[test]
    fn only_temporary_failures_may_pass() {
        let refused = |status| RequestFailure::Refused(status, String::new());
        for passing in [
            RequestFailure::Unreachable,
            RequestFailure::Late,
            RequestFailure::Unreadable("<html>".to_owned()),
            refused(503),
            refused(429),
        ] {
            assert!(passing.may_pass(), "{passing:?}");
        }
        let not_found = RequestFailure::NotFound(String::new());
        for lasting in [
            not_found,
            refused(403),
            RequestFailure::SignedOut(LoginMethod::Hub),
        ] {
            assert!(!lasting.may_pass(), "{lasting:?}");
        }
    }

    #[test]
    fn the_services_own_words_come_first() {
        assert_eq!(
            RequestFailure::Refused(503, "Busy.".into()).message(),
            "Busy."
        );
        assert!(
            RequestFailure::Refused(503, String::new())
                .message()
                .contains("503")
        );
        assert!(!RequestFailure::NotFound(String::new()).message().is_empty());
    }
}
