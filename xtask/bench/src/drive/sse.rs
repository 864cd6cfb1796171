//! A reader of `/events/stream`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use serde::Deserialize;
use shared::wire::BEAT;
use tokio::time::timeout;

use super::http::{Connection, Unending, request};

/// One message of the stream that has a place in the journal.
#[derive(Debug)]
pub(crate) struct Message {
    /// `hello`, `reset`, or empty for an event.
    pub(crate) name: String,
    /// The sequence number.
    pub(crate) seq: i64,
    data: String,
}

/// What an event says.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) user: String,
    pub(crate) filename: String,
    pub(crate) path: String,
    pub(crate) timestamp: String,
}

impl Message {
    /// The event, when it is one.
    pub(crate) fn event(&self) -> Option<Told> {
        if !self.name.is_empty() {
            return None;
        }
        serde_json::from_str(&self.data).ok()
    }
}

/// An open stream.
pub(crate) struct Stream {
    source: Unending,
    text: Vec<u8>,
}

impl Stream {
    /// Opens it, after `seq` when a past is asked for.
    pub(crate) async fn open(
        address: SocketAddr,
        token: &str,
        after: Option<i64>,
    ) -> anyhow::Result<Self> {
        let query = after.map(|seq| format!("?after={seq}")).unwrap_or_default();
        let path = format!("/events/stream{query}");
        Self::begin(address, &request("GET", &path, token, None)).await
    }

    /// Opens it again as a browser does that has lost it.
    pub(crate) async fn resume(
        address: SocketAddr,
        token: &str,
        last_event_id: i64,
    ) -> anyhow::Result<Self> {
        let mut request = request("GET", "/events/stream", token, None);
        // Before the empty line that ends the head.
        request.truncate(request.len() - 2);
        request.extend(format!("Last-Event-ID: {last_event_id}\r\n\r\n").into_bytes());
        Self::begin(address, &request).await
    }

    async fn begin(address: SocketAddr, request: &[u8]) -> anyhow::Result<Self> {
        let source = Connection::open(address).await?.begin(request).await?;
        Ok(Self {
            source,
            text: Vec::new(),
        })
    }

    /// The next message; `None` when the stream has ended. Loses nothing when it is given
    /// up half-way.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(message) = parse(std::str::from_utf8(&block)?)? {
                    return Ok(Some(message));
                }
                continue;
            }
            if !self.source.read(&mut self.text).await? {
                return Ok(None);
            }
        }
    }

    /// The next message, if one comes in time.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Option<Message> {
        timeout(patience, self.next()).await.ok()?.ok()?
    }
}

/// `None` for a comment, for a beat, and for what else is news: that has no number.
fn parse(block: &str) -> anyhow::Result<Option<Message>> {
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
    Ok(Some(Message { name, seq, data }))
}

/// Every entry of the journal after `seq`, read as a stream that catches up would.
pub(crate) async fn journal_after(
    address: SocketAddr,
    token: &str,
    seq: i64,
) -> anyhow::Result<Vec<(i64, Told)>> {
    let newest = newest(address, token).await?;
    let mut stream = Stream::open(address, token, Some(seq)).await?;
    let hello = stream.next().await?.context("the stream said nothing")?;
    anyhow::ensure!(hello.name == "hello", "after {seq} came {hello:?}");
    let mut journal = Vec::new();
    let mut last = seq;
    while last < newest {
        let message = timeout(super::LONG, stream.next())
            .await
            .with_context(|| format!("the journal stops at {last} of {newest}"))??
            .context("the stream ended while it caught up")?;
        last = message.seq;
        let told = message.event().context("an event was expected")?;
        journal.push((last, told));
    }
    Ok(journal)
}

/// The sequence number of the newest event.
pub(crate) async fn newest(address: SocketAddr, token: &str) -> anyhow::Result<i64> {
    let client = super::http::Client {
        address,
        token: token.to_owned(),
    };
    let updates = client.get_json("/api/updates").await?;
    updates["cursor"].as_i64().context("no cursor")
}
