//! One person's browser: a connection that is kept, cookies, redirects, streams and websockets.
//!
//! It follows redirects within the Hub's address alone, so that a password or token goes nowhere
//! else. With a token it sends that and keeps no cookies.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Response,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use shared::wire::XSRF_HEADER;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error as SocketError, handshake::client::generate_key},
};

use super::{
    cookies::CookieStore,
    dial::{Dialer, Wire},
    reply::Reply,
    trouble::{Trouble, chain},
};
use crate::secret::Secret;

/// The largest answer that is read; JupyterLab's page is below one MB.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Redirects that are followed: a sign-in takes five.
const MAX_REDIRECTS: usize = 12;
const XSRF_COOKIE: &str = "_xsrf";
/// [`XSRF_HEADER`] as names of fields are kept.
const XSRF_FIELD: &str = "x-xsrftoken";
const USER_AGENT: &str = concat!("pipalhub/", env!("CARGO_PKG_VERSION"), " check");

/// The websocket of a kernel.
pub(super) type KernelSocket = WebSocketStream<Box<dyn Wire>>;

/// What a request sends.
pub(super) enum Sent<'a> {
    Nothing,
    Json(&'a Value),
    Form(String),
}

/// One person's browser.
pub(super) struct Browser {
    dialer: Arc<Dialer>,
    token: Option<Secret>,
    cookies: Mutex<CookieStore>,
    line: tokio::sync::Mutex<Option<SendRequest<Full<Bytes>>>>,
    patience: Duration,
}

impl Browser {
    pub(super) fn new(dialer: Arc<Dialer>, token: Option<Secret>, patience: Duration) -> Self {
        Self {
            dialer,
            token,
            cookies: Mutex::default(),
            line: tokio::sync::Mutex::new(None),
            patience,
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// A path below the Hub's `base_url`.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.dialer.address.base)
    }

    /// The value of the cookie that guards requests for `path`.
    pub(super) fn xsrf(&self, path: &str) -> Option<String> {
        let is_tls = self.dialer.address.is_tls;
        self.cookies.lock().value(XSRF_COOKIE, path, is_tls)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, Trouble> {
        self.send(Method::GET, path, &Sent::Nothing, &[]).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Reply, Trouble> {
        self.send(Method::DELETE, path, &Sent::Nothing, &[]).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, Trouble> {
        self.send(Method::POST, path, &Sent::Json(body), &[]).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Reply, Trouble> {
        self.send(Method::PUT, path, &Sent::Json(body), &[]).await
    }

    /// Opens a page, wherever it leads within the Hub's address.
    pub(super) async fn visit(&self, path: &str) -> Result<Reply, Trouble> {
        let navigation = [
            (header::ACCEPT, "text/html"),
            (HeaderName::from_static("sec-fetch-mode"), "navigate"),
            (HeaderName::from_static("sec-fetch-dest"), "document"),
            (HeaderName::from_static("sec-fetch-site"), "same-origin"),
        ];
        let mut path = path.to_owned();
        for _ in 0..MAX_REDIRECTS {
            let sent = self.send(Method::GET, &path, &Sent::Nothing, &navigation);
            let reply = sent.await?;
            let Some(location) = reply.location() else {
                return Ok(reply);
            };
            path = self.dialer.address.path_of(location).ok_or_else(|| {
                let whole = location.split('?').next().unwrap_or_default();
                let origin = self.dialer.address.origin();
                Trouble::new(
                    format!("{path} leads to {whole}, which is not below {origin}"),
                    "Where that is the Hub under another name or scheme, check that address, and \
                     see whether the web server tells the Hub what browsers ask for (Host, \
                     X-Forwarded-Proto). Where it is a provider who signs people in, give a token \
                     in PIPALHUB_CHECK_TOKEN.",
                )
            })?;
        }
        Err(Trouble::new(
            format!("{path} leads on and on"),
            "Cookies do not come back: see whether the web server tells the Hub what browsers ask \
             for (Host, X-Forwarded-Proto).",
        ))
    }

    /// Sends one request and reads its answer, whatever its status.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        sent: &Sent<'_>,
        headers: &[(HeaderName, &str)],
    ) -> Result<Reply, Trouble> {
        let exchange = async {
            let kept = self.line.lock().await.take();
            let is_open = kept.as_ref().is_some_and(|line| !line.is_closed());
            if let Some(line) = kept.filter(|_| is_open) {
                let request = self.request(&method, path, sent, headers);
                match self.exchange(line, request, path).await {
                    // The other end closed the connection when it was idle.
                    Err(error) if error.is_canceled() || error.is_incomplete_message() => {}
                    done => return done.map_err(|error| broken(&error)),
                }
            }
            let line = self.connect().await?;
            let request = self.request(&method, path, sent, headers);
            let done = self.exchange(line, request, path).await;
            done.map_err(|error| broken(&error))
        };
        match timeout(self.patience, exchange).await {
            Ok(done) => done,
            Err(_) => Err(Trouble::late(&format!("{method} {path}"), self.patience)),
        }
    }

    async fn exchange(
        &self,
        mut line: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
        path: &str,
    ) -> hyper::Result<Reply> {
        line.ready().await?;
        let answer = line.send_request(request).await?;
        self.take_cookies(answer.headers(), path);
        let (parts, body) = answer.into_parts();
        let body = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => match error.downcast::<hyper::Error>() {
                Ok(error) => return Err(*error),
                // What is larger than any answer that is looked at.
                Err(_) => Bytes::new(),
            },
        };
        *self.line.lock().await = Some(line);
        Ok(Reply {
            status: parts.status,
            headers: parts.headers,
            body,
            path: path.to_owned(),
        })
    }

    /// Opens a stream, on a connection of its own, and gives it as soon as it begins.
    pub(super) async fn stream(&self, path: &str) -> Result<Response<Incoming>, Trouble> {
        let mut line = self.connect().await?;
        // As browsers do, so that whoever would compress a stream does it now, too.
        let accept = [
            (header::ACCEPT, "text/event-stream"),
            (header::ACCEPT_ENCODING, "gzip"),
        ];
        let request = self.request(&Method::GET, path, &Sent::Nothing, &accept);
        line.send_request(request)
            .await
            .map_err(|error| broken(&error))
    }

    /// Opens a websocket, on a connection of its own.
    pub(super) async fn websocket(&self, path: &str) -> Result<KernelSocket, Trouble> {
        let mut request = self
            .request(&Method::GET, path, &Sent::Nothing, &[])
            .map(|_| ());
        // The client refuses a request that does not name scheme and host.
        let address = &self.dialer.address;
        let scheme = if address.is_tls { "wss" } else { "ws" };
        let whole = format!("{scheme}://{}{path}", address.authority());
        *request.uri_mut() = whole.parse().expect("an address and a path are a URI");
        let upgrade = [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ];
        for (name, value) in upgrade {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        put(
            request.headers_mut(),
            header::SEC_WEBSOCKET_KEY,
            &generate_key(),
        );
        let wire = self.dialer.wire().await?;
        match timeout(self.patience, client_async(request, wire)).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(SocketError::Http(answer))) => Err(Trouble::new(
                format!("the websocket is refused with {}", answer.status()),
                "The web server must let websockets through (proxy_http_version 1.1, the headers \
                 Upgrade and Connection) and tell the Hub the host that browsers ask for (Host): \
                 `pipalhub nginx-site` prints a site that does.",
            )),
            Ok(Err(error)) => Err(Trouble::new(
                format!("the websocket fails: {}", chain(&error)),
                "See what is between this machine and the server: some proxies of companies let no \
                 websockets through.",
            )),
            Err(_) => Err(Trouble::late("opening the websocket", self.patience)),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let wire = self.dialer.wire().await?;
        let shaken = http1::handshake(TokioIo::new(wire)).await;
        let (line, connection) = shaken.map_err(|error| broken(&error))?;
        tokio::spawn(async move {
            // Its end is seen by whoever sends the next request.
            let _ = connection.await;
        });
        Ok(line)
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        sent: &Sent<'_>,
        headers: &[(HeaderName, &str)],
    ) -> Request<Full<Bytes>> {
        let (kind, body) = match sent {
            Sent::Nothing => (None, Bytes::new()),
            Sent::Json(body) => (Some("application/json"), body.to_string().into()),
            Sent::Form(text) => (
                Some("application/x-www-form-urlencoded"),
                text.clone().into(),
            ),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        // What is no path leads to the root, where nothing is found.
        *request.uri_mut() = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
        let fields = request.headers_mut();
        let address = &self.dialer.address;
        put(fields, header::HOST, &address.authority());
        put(fields, header::ORIGIN, &address.origin());
        put(fields, header::USER_AGENT, USER_AGENT);
        if let Some(kind) = kind {
            put(fields, header::CONTENT_TYPE, kind);
        }
        for (name, value) in headers {
            put(fields, name.clone(), value);
        }
        self.add_rights(fields, path);
        request
    }

    /// Says who asks.
    fn add_rights(&self, fields: &mut HeaderMap, path: &str) {
        let is_tls = self.dialer.address.is_tls;
        let (name, value) = match &self.token {
            Some(token) => (
                header::AUTHORIZATION,
                Some(format!("token {}", token.reveal())),
            ),
            None => (header::COOKIE, self.cookies.lock().header(path, is_tls)),
        };
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            fields.insert(name, sensitive(value));
        }
        let xsrf = self
            .xsrf(path)
            .filter(|_| !fields.contains_key(XSRF_HEADER));
        if let Some(xsrf) = xsrf {
            put(fields, HeaderName::from_static(XSRF_FIELD), &xsrf);
        }
    }

    fn take_cookies(&self, headers: &HeaderMap, path: &str) {
        let mut cookies = self.cookies.lock();
        for set in headers.get_all(header::SET_COOKIE) {
            if let Ok(set) = set.to_str() {
                cookies.set(set, path);
            }
        }
    }
}

fn put(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn broken(error: &hyper::Error) -> Trouble {
    Trouble::new(
        format!("the connection breaks: {}", chain(error)),
        "See the web server's error log, and whether the address has the right port and scheme.",
    )
}
