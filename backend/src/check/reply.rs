//! An answer, whatever its status.

use axum::http::{HeaderMap, StatusCode, header};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest message of an answer that is told.
const MAX_MESSAGE_CHARS: usize = 200;

/// An answer that was read whole.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The path that answered, after redirects.
    pub(super) path: String,
}

impl Reply {
    /// Where it leads.
    pub(super) fn location(&self) -> Option<&str> {
        let location = self.headers.get(header::LOCATION)?.to_str().ok()?;
        self.status.is_redirection().then_some(location)
    }

    /// The body as JSON of this shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Why it refuses, in its own words; they are those of JSON.
    pub(super) fn message(&self) -> Option<String> {
        let said: Value = self.json()?;
        let message = said.get("message")?.as_str()?;
        let words: Vec<&str> = message.split_whitespace().collect();
        let words: String = words.join(" ").chars().take(MAX_MESSAGE_CHARS).collect();
        (!words.is_empty()).then_some(words)
    }
}
