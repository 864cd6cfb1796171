//! What went wrong in a step, and what to do.

use std::{error::Error, time::Duration};

use axum::http::StatusCode;

use super::reply::Reply;
use crate::findings::Finding;

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Trouble {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn late(what: &str, patience: Duration) -> Self {
        Self::new(
            format!("{what} takes longer than {} s", patience.as_secs()),
            "The machine may be too busy or short of memory: look at `top` on it, and at its log. \
             --timeout waits longer.",
        )
    }

    /// An answer that is not what it should be. The proxies on the way answer for what is behind
    /// them, and their statuses say more than what was asked for.
    pub(super) fn answered(what: &str, reply: &Reply) -> Self {
        let said = reply.message().map(|said| format!(": {said}"));
        let message = format!("{what}: {}{}", reply.status, said.unwrap_or_default());
        let remedy = match reply.status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                "What is behind the web server does not answer: see whether the Hub runs \
                 (systemctl status jupyterhub, or docker compose ps), and its log."
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                "What the Hub leads to does not run: see its log, and `pipalhub doctor` on the \
                 server."
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                "The web server takes no larger uploads: client_max_body_size 50m in nginx, as \
                 `pipalhub nginx-site` has it."
            }
            StatusCode::TOO_MANY_REQUESTS => "It was asked too often: wait a minute.",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "The right for it is missing, or the proxy in front drops cookies or headers."
            }
            StatusCode::NOT_FOUND => {
                "Nothing is there: is the address the Hub's, with its base_url, and the service's \
                 name right (--service)?"
            }
            _ => "The Hub's log says more.",
        };
        Self::new(message, remedy)
    }

    pub(super) fn finding(&self, subject: &'static str) -> Finding {
        Finding::problem(subject, &self.message, &self.remedy)
    }
}

/// An error with those that caused it: the last says most.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
        source = error.source();
    }
    words
}
