//! A client of the event stream.

use futures::StreamExt;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::{clients::TestClient, common::TEST_TIMEOUT};

/// One connection to the event stream, message by message.
pub(super) struct StreamClient {
    pub(super) bytes: futures::stream::BoxStream<'static, Vec<u8>>,
    pub(super) text: String,
}

/// A server-sent event.
#[derive(Debug, PartialEq)]
pub(super) struct ReceivedMessage {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Value,
}

impl StreamClient {
    pub(super) async fn open(person: &TestClient<'_>, query: &str) -> Self {
        Self::of(person.get(&format!("events/stream{query}")).await)
    }

    /// Reconnects as a browser that has seen all messages up to `id`.
    pub(super) async fn resume(person: &TestClient<'_>, id: i64) -> Self {
        let request = person.request(Method::GET, "events/stream");
        let request = request.header("last-event-id", id);
        Self::of(request.send().await.unwrap())
    }

    pub(super) fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let bytes = futures::stream::unfold(response, async |mut response| {
            let chunk = response.chunk().await.ok()??;
            Some((chunk.to_vec(), response))
        });
        Self {
            bytes: bytes.boxed(),
            text: String::new(),
        }
    }

    /// The next message that is neither a comment nor a beat; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<ReceivedMessage> {
        loop {
            let next = self.next_or_beat().await;
            if next.as_ref().is_none_or(|message| message.name != "beat") {
                return next;
            }
        }
    }

    /// The next message that is no comment; `None` at the end of the stream.
    pub(super) async fn next_or_beat(&mut self) -> Option<ReceivedMessage> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(message) = parse(&block) {
                    return Some(message);
                }
                continue;
            }
            let chunk = tokio::time::timeout(TEST_TIMEOUT, self.bytes.next())
                .await
                .expect("in time")?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub(super) async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.next().await.unwrap().id);
        }
        ids
    }
}

fn parse(block: &str) -> Option<ReceivedMessage> {
    let field = |name: &str| {
        let prefix = format!("{name}: ");
        block
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .map(str::to_owned)
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(ReceivedMessage {
        name: field("event").unwrap_or_default(),
        id: field("id")?,
        data,
    })
}
