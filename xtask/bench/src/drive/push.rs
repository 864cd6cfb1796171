//! Pushes of notebooks, as participants' servers make them.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::bail;
use flate2::{Compression, write::DeflateEncoder};
use http_body_util::Full;
use hyper::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    HANG_TIMEOUT,
    http::{HttpRequest, LastingConnection},
    hub::token_of,
    service::ServiceProcess,
};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

pub(crate) fn push_body(head: &Value, middle: &[u8]) -> Vec<u8> {
    [head.to_string().as_bytes(), b"\n", &deflated(middle)].concat()
}

pub(crate) fn push_request(user: &str, body: Vec<u8>) -> HttpRequest {
    Request::builder()
        .method("PUT")
        .uri("/api/copies")
        .header(HOST, "localhost")
        .header(AUTHORIZATION, format!("token {}", token_of(user)))
        .header(CONTENT_TYPE, "application/vnd.pipalhub.copy")
        .body(Full::from(body))
        .expect("the headers are valid in HTTP")
}

/// A participant's server with one notebook, of which it pushes what has changed.
pub(crate) struct PushingServer {
    user: String,
    filename: &'static str,
    connection: LastingConnection,
    /// The content that was acknowledged last.
    base: Option<String>,
}

impl PushingServer {
    pub(crate) fn new(service: &ServiceProcess, user: String, filename: &'static str) -> Self {
        Self {
            user,
            filename,
            connection: LastingConnection::to(service.address),
            base: None,
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Pushes a save until it is acknowledged; whether it is news.
    pub(crate) async fn push(&mut self, saved_at_ms: i64, content: &str) -> anyhow::Result<bool> {
        let base = self.base.as_deref().unwrap_or_default();
        let prefix = common(base.bytes(), content.bytes());
        let suffix = common(
            base.as_bytes()[prefix..].iter().rev(),
            content.as_bytes()[prefix..].iter().rev(),
        );
        let head = json!({
            "filename": self.filename, "path": format!("/home/jovyan/{}", self.filename), "server": "",
            "saved_at_ms": saved_at_ms, "size": content.len(), "sha256": sha256(content.as_bytes()),
            "base": self.base.as_ref().map(|base| sha256(base.as_bytes())),
            "prefix": prefix, "suffix": suffix,
        });
        let middle = &content.as_bytes()[prefix..content.len() - suffix];
        let request = push_request(&self.user, push_body(&head, middle));
        let begun = Instant::now();
        loop {
            let answer = self.connection.exchange(&request).await?;
            match answer.status {
                200 => {
                    self.base = Some(content.to_owned());
                    let answer: Value = serde_json::from_slice(&answer.body)?;
                    return Ok(!answer["seq"].is_null());
                }
                // Too many: whoever has saved waits, and pushes again.
                429 | 503 if begun.elapsed() < HANG_TIMEOUT => {
                    let seconds = answer.header("retry-after").and_then(|it| it.parse().ok());
                    tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1))).await;
                }
                status => {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    bail!("a push of {} got {status}: {text}", self.user);
                }
            }
        }
    }
}

/// How many items two sequences begin with alike.
fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
