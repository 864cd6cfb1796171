//! HTTP/1.1 by hyper's client: one connection with one request at a time, never pipelined; and a
//! client that opens a connection for each request.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::HANG_TIMEOUT;

pub(crate) type HttpRequest = Request<Full<Bytes>>;

/// A request with `token`, if not empty, and with a body of JSON, if any.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> HttpRequest {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "localhost");
    if !token.is_empty() {
        request = request.header(AUTHORIZATION, format!("token {token}"));
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = body.unwrap_or_default().to_owned();
    request
        .body(Full::from(body))
        .expect("methods, paths and tokens here are valid in HTTP")
}

/// The bytes of a GET, for a raw connection whose answer is not read.
pub(crate) fn raw_get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: token {token}\r\n\r\n")
        .into_bytes()
}

/// A keep-alive connection.
pub(crate) struct HttpConnection(SendRequest<Full<Bytes>>);

/// A whole answer.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl HttpConnection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // The request that is on its way returns the error, too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self(sender))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &HttpRequest) -> anyhow::Result<HttpAnswer> {
        let (head, body) = self.begin(request).await?.into_parts();
        Ok(HttpAnswer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Sends a request and reads only the head of the answer.
    pub(super) async fn begin(
        &mut self,
        request: &HttpRequest,
    ) -> anyhow::Result<Response<Incoming>> {
        self.0.ready().await?;
        Ok(self.0.send_request(request.clone()).await?)
    }
}

/// A keep-alive connection that is opened again when the service has closed it, as it does with one
/// that was not used for a while. For requests that may be made twice.
pub(crate) struct LastingConnection {
    address: SocketAddr,
    connection: Option<HttpConnection>,
}

impl LastingConnection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    pub(crate) async fn exchange(&mut self, request: &HttpRequest) -> anyhow::Result<HttpAnswer> {
        if let Some(connection) = &mut self.connection
            && let Ok(answer) = connection.exchange(request).await
        {
            return Ok(answer);
        }
        let connection = HttpConnection::open(self.address).await?;
        self.connection.insert(connection).exchange(request).await
    }
}

/// A client with a token, which opens a new connection for each request, as a script would.
#[derive(Clone)]
pub(crate) struct HttpClient {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// An answer as text.
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

    /// The length of a gzip-compressed answer.
    pub(crate) async fn get_compressed(&self, path: &str) -> anyhow::Result<usize> {
        let mut request = request("GET", path, &self.token, None);
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        let mut connection = HttpConnection::open(self.address).await?;
        let answer = connection.exchange(&request).await?;
        ensure!(answer.status == 200, "GET {path}: {}", answer.status);
        Ok(answer.body.len())
    }

    /// Sends a request and gives up after `limit`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        limit: Duration,
    ) -> anyhow::Result<HttpReply> {
        let request = request(method, path, &self.token, body);
        let reply = async {
            let mut connection = HttpConnection::open(self.address).await?;
            let answer = connection.exchange(&request).await?;
            anyhow::Ok(HttpReply {
                status: answer.status,
                retry_after: answer.header("retry-after").map(str::to_owned),
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            })
        };
        timeout(limit, reply)
            .await
            .with_context(|| format!("{method} {path}: no answer"))?
    }
}
