//! A reader of `/events/stream`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use shared::wire::BEAT;
use tokio::time::timeout;

use super::http::{HttpConnection, HttpRequest, request};

/// A message of the stream with a sequence number.
#[derive(Debug)]
pub(crate) struct SseMessage {
    /// `hello`, `reset`, or empty for an event.
    pub(crate) name: String,
    /// The sequence number.
    pub(crate) seq: i64,
    data: String,
}

/// The data of an event.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReceivedEvent {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) user: String,
    pub(crate) filename: String,
    pub(crate) path: String,
    pub(crate) timestamp: String,
}

impl SseMessage {
    /// The event, if the message is one.
    pub(crate) fn event(&self) -> Option<ReceivedEvent> {
        if !self.name.is_empty() {
            return None;
        }
        serde_json::from_str(&self.data).ok()
    }
}

/// An open stream.
pub(crate) struct SseStream {
    body: Incoming,
    text: Vec<u8>,
}

impl SseStream {
    /// Opens the stream, from now on or after event `after`.
    pub(crate) async fn open(
        address: SocketAddr,
        token: &str,
        after: Option<i64>,
    ) -> anyhow::Result<Self> {
        let query = after.map(|seq| format!("?after={seq}")).unwrap_or_default();
        let path = format!("/events/stream{query}");
        Self::begin(address, &request("GET", &path, token, None)).await
    }

    /// Opens the stream again with `Last-Event-ID`, as a browser does after losing it.
    pub(crate) async fn resume(
        address: SocketAddr,
        token: &str,
        last_event_id: i64,
    ) -> anyhow::Result<Self> {
        let mut request = request("GET", "/events/stream", token, None);
        request
            .headers_mut()
            .insert("last-event-id", last_event_id.into());
        Self::begin(address, &request).await
    }

    async fn begin(address: SocketAddr, request: &HttpRequest) -> anyhow::Result<Self> {
        let answer = HttpConnection::open(address).await?.begin(request).await?;
        let status = answer.status().as_u16();
        anyhow::ensure!(status == 200, "the stream answered {status}");
        Ok(Self {
            body: answer.into_body(),
            text: Vec::new(),
        })
    }

    /// The next message; `None` when the stream has ended. Loses nothing when the future is
    /// dropped.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<SseMessage>> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(message) = parse(std::str::from_utf8(&block)?)? {
                    return Ok(Some(message));
                }
                continue;
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame?.into_data() {
                self.text.extend_from_slice(&data);
            }
        }
    }

    /// The next message, if one comes in time.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Option<SseMessage> {
        timeout(patience, self.next()).await.ok()?.ok()?
    }
}

/// Parses a message; `None` for a comment, a beat and other messages without a number.
fn parse(block: &str) -> anyhow::Result<Option<SseMessage>> {
    let (mut name, mut seq, mut data) = (String::new(), None, String::new());
    for line in block.lines() {
        match line.split_once(':') {
            Some(("event", value)) => value.trim().clone_into(&mut name),
            Some(("id", value)) => seq = Some(value.trim().parse()?),
            Some(("data", value)) => value.trim().clone_into(&mut data),
            _ => {}
        }
    }
    let seq = seq.filter(|_| name != BEAT);
    let Some(seq) = seq else {
        anyhow::ensure!(
            data.is_empty() || !name.is_empty(),
            "an event without a number"
        );
        return Ok(None);
    };
    Ok(Some(SseMessage { name, seq, data }))
}

/// Every entry of the journal after `seq`, read by a stream that catches up.
pub(crate) async fn journal_after(
    address: SocketAddr,
    token: &str,
    seq: i64,
) -> anyhow::Result<Vec<(i64, ReceivedEvent)>> {
    let newest = newest(address, token).await?;
    let mut stream = SseStream::open(address, token, Some(seq)).await?;
    let hello = stream.next().await?.context("the stream said nothing")?;
    anyhow::ensure!(hello.name == "hello", "after {seq} came {hello:?}");
    let mut journal = Vec::new();
    let mut last = seq;
    while last < newest {
        let message = timeout(super::HANG_TIMEOUT, stream.next())
            .await
            .with_context(|| format!("the journal stops at {last} of {newest}"))??
            .context("the stream ended while it caught up")?;
        last = message.seq;
        let received = message.event().context("an event was expected")?;
        journal.push((last, received));
    }
    Ok(journal)
}

/// The sequence number of the newest event.
pub(crate) async fn newest(address: SocketAddr, token: &str) -> anyhow::Result<i64> {
    let client = super::http::HttpClient {
        address,
        token: token.to_owned(),
    };
    let updates = client.get_json("/api/updates").await?;
    updates["cursor"].as_i64().context("no cursor")
}
