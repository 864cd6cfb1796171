//! HTTP/1.1 over one connection, one request at a time, never pipelined: what it takes to
//! talk to the service and no more.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::HANG_TIMEOUT;

/// The bytes of a request. `body` is JSON when it is there.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> Vec<u8> {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: token {token}\r\n"),
    };
    let body = body.unwrap_or_default();
    let content = match body {
        "" => String::new(),
        body => format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{content}\r\n{body}")
        .into_bytes()
}

/// A connection that is kept.
pub(crate) struct HttpConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the buffer of its connection.
pub(crate) struct HttpAnswer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

impl HttpAnswer<'_> {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

impl HttpConnection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<HttpAnswer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = end_of_head(&self.buffer) {
                break end;
            }
            self.read_more().await?;
        };
        let text = head_of(&self.buffer, head)?;
        let status = status(text)?;
        let length = header(text, "content-length").map(str::parse::<usize>);
        let end = match length {
            Some(length) => head + length?,
            None if header(text, "transfer-encoding").is_some() => {
                let mut chunks = Chunks::default();
                let mut body = Vec::new();
                while !chunks.take(&mut self.buffer, head, &mut body)? {
                    self.read_more().await?;
                }
                self.buffer.truncate(head);
                self.buffer.append(&mut body);
                self.buffer.len()
            }
            None => head,
        };
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        Ok(HttpAnswer {
            status,
            head: head_of(&self.buffer, head)?,
            body: &self.buffer[head..end],
        })
    }

    /// Sends a request whose answer does not end; what has come of its body is left in
    /// `rest`.
    pub(super) async fn begin(mut self, request: &[u8]) -> anyhow::Result<Unending> {
        self.stream.write_all(request).await?;
        let head = loop {
            if let Some(end) = end_of_head(&self.buffer) {
                break end;
            }
            self.read_more().await?;
        };
        let status = status(head_of(&self.buffer, head)?)?;
        ensure!(status == 200, "the stream answered {status}");
        let rest = self.buffer.split_off(head);
        Ok(Unending {
            stream: self.stream,
            raw: rest,
            chunks: Chunks::default(),
        })
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the connection was closed");
        Ok(())
    }
}

/// The body of an answer that goes on, in chunks.
pub(super) struct Unending {
    stream: TcpStream,
    raw: Vec<u8>,
    chunks: Chunks,
}

impl Unending {
    /// Reads more into `text`; false at the end. What was read is never lost when this is
    /// given up half-way.
    pub(super) async fn read(&mut self, text: &mut Vec<u8>) -> anyhow::Result<bool> {
        loop {
            let before = text.len();
            if self.chunks.take(&mut self.raw, 0, text)? {
                return Ok(text.len() > before);
            }
            if text.len() > before {
                return Ok(true);
            }
            if self.stream.read_buf(&mut self.raw).await? == 0 {
                return Ok(false);
            }
        }
    }
}

/// Chunked encoding, read piece by piece.
#[derive(Default)]
struct Chunks {
    /// Of the chunk that has begun, with the line's end behind it.
    left: usize,
}

impl Chunks {
    /// Moves what is whole from `raw[from..]` to `body`; true after the last chunk.
    fn take(&mut self, raw: &mut Vec<u8>, from: usize, body: &mut Vec<u8>) -> anyhow::Result<bool> {
        let mut at = from;
        let ended = loop {
            if self.left > 0 {
                let here = self.left.min(raw.len() - at);
                // The last two bytes of a chunk are its line's end.
                let content = here.min(self.left.saturating_sub(2));
                body.extend_from_slice(&raw[at..at + content]);
                at += here;
                self.left -= here;
                if self.left > 0 {
                    break false;
                }
            }
            let Some(line) = raw[at..].windows(2).position(|pair| pair == b"\r\n") else {
                break false;
            };
            let size = std::str::from_utf8(&raw[at..at + line])?;
            let size = usize::from_str_radix(size.trim(), 16).context("not a chunk")?;
            if size == 0 {
                // With the empty line behind it, or the next answer would begin with that.
                let whole = raw.len() >= at + line + 4;
                at += if whole { line + 4 } else { 0 };
                break whole;
            }
            at += line + 2;
            self.left = size + 2;
        };
        raw.drain(from..at);
        Ok(ended)
    }
}

fn end_of_head(buffer: &[u8]) -> Option<usize> {
    let blank = buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(blank + 4)
}

fn head_of(buffer: &[u8], end: usize) -> anyhow::Result<&str> {
    std::str::from_utf8(&buffer[..end]).context("the head is not text")
}

fn status(head: &str) -> anyhow::Result<u16> {
    let status = head.get(9..12).and_then(|digits| digits.parse().ok());
    status.with_context(|| format!("not HTTP: {head:?}"))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Asks in somebody's name, each time over a new connection, as a script would.
#[derive(Clone)]
pub(crate) struct HttpClient {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// An answer with a life of its own.
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

impl HttpReply {
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        if self.status >= 400 {
            bail!("answered {}: {}", self.status, self.body);
        }
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }
}

impl HttpClient {
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<HttpReply> {
        self.send("GET", path, None, HANG_TIMEOUT).await
    }

    pub(crate) async fn get_json(&self, path: &str) -> anyhow::Result<Value> {
        let reply = self.get(path).await?;
        reply.json().with_context(|| format!("GET {path}"))
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> anyhow::Result<HttpReply> {
        self.send("POST", path, Some(body), HANG_TIMEOUT).await
    }

    /// The length of an answer that may be compressed, and is then not read any further.
    pub(crate) async fn get_compressed(&self, path: &str) -> anyhow::Result<usize> {
        let mut request = request("GET", path, &self.token, None);
        // Before the empty line that ends the head.
        request.truncate(request.len() - 2);
        request.extend(b"Accept-Encoding: gzip\r\n\r\n");
        let mut connection = HttpConnection::open(self.address).await?;
        let answer = connection.exchange(&request).await?;
        ensure!(answer.status == 200, "GET {path}: {}", answer.status);
        Ok(answer.body.len())
    }

    /// Sends any request and gives up after `patience`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        patience: Duration,
    ) -> anyhow::Result<HttpReply> {
        let request = request(method, path, &self.token, body);
        let reply = async {
            let mut connection = HttpConnection::open(self.address).await?;
            let answer = connection.exchange(&request).await?;
            anyhow::Ok(HttpReply {
                status: answer.status,
                retry_after: answer.header("retry-after").map(str::to_owned),
                body: String::from_utf8_lossy(answer.body).into_owned(),
            })
        };
        timeout(patience, reply)
            .await
            .with_context(|| format!("{method} {path}: no answer"))?
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn chunks_come_out_whole_however_they_are_cut() {
        let sent = "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        for step in 1..sent.len() {
            let (mut chunks, mut raw, mut body) = (Chunks::default(), Vec::new(), Vec::new());
            let mut ended = false;
            for piece in sent.as_bytes().chunks(step) {
                raw.extend_from_slice(piece);
                ended = chunks.take(&mut raw, 0, &mut body).unwrap() || ended;
            }
            assert!(ended);
            assert_eq!(body, b"hello0123456789abcdef", "in steps of {step}");
        }
    }
}
