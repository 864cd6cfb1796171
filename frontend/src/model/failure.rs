//! Why an answer did not come, and what to tell the reader.

use crate::html;
use crate::html::Html;

/// How the service wants people to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// By the Hub: any navigation leads there.
    Hub,
    /// By the token in the link that `pipalhub serve` printed.
    Token,
}

impl Login {
    /// Reads the header `X-PipalHub-Login` of a 401; a service that does not say is
    /// one without a Hub.
    pub fn from_header(value: Option<&str>) -> Self {
        match value {
            Some("hub") => Self::Hub,
            _ => Self::Token,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody is signed in, or no longer.
    SignedOut(Login),
    /// What was asked for does not exist.
    NotFound(String),
    /// The service answered with another status; its own words when it had some.
    Refused(u16, String),
    /// There was no answer at all.
    Unreachable,
    /// There was no answer in time.
    Late,
    /// There was an answer that this page cannot read.
    Unreadable(String),
}

impl Failure {
    /// Whether the same request may succeed later: the network, the service or the Hub had
    /// trouble, too much was asked for at once, or somebody in between answered with a page of
    /// their own.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable | Self::Late | Self::Unreadable(_) => true,
            Self::Refused(status, _) => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::SignedOut(_) | Self::NotFound(_) => false,
        }
    }

    /// What happened, as one sentence.
    pub fn what(&self) -> String {
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

    /// The same as a line of HTML.
    pub fn what_as_html(&self) -> Html {
        html!("<p class=problem role=alert>{}</p>", self.what())
    }

    /// What the reader can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::SignedOut(Login::Hub) => "Reload the page to sign in through the Hub.",
            Self::SignedOut(Login::Token) => "Open the link that pipalhub serve printed.",
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
        assert_eq!(Login::from_header(Some("hub")), Login::Hub);
        assert_eq!(Login::from_header(Some("token")), Login::Token);
        assert_eq!(Login::from_header(None), Login::Token);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let refused = |status| Failure::Refused(status, String::new());
        for passing in [
            Failure::Unreachable,
            Failure::Late,
            Failure::Unreadable("<html>".to_owned()),
            refused(503),
            refused(429),
        ] {
            assert!(passing.may_pass(), "{passing:?}");
        }
        let not_found = Failure::NotFound(String::new());
        for lasting in [not_found, refused(403), Failure::SignedOut(Login::Hub)] {
            assert!(!lasting.may_pass(), "{lasting:?}");
        }
    }

    #[test]
    fn the_services_own_words_come_first() {
        assert_eq!(Failure::Refused(503, "Busy.".into()).what(), "Busy.");
        assert!(Failure::Refused(503, String::new()).what().contains("503"));
        assert!(!Failure::NotFound(String::new()).what().is_empty());
    }
}
