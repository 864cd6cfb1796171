//! A fake of JupyterHub's API for the calls that the service makes: `GET /hub/api/user` for a
//! token, and `POST /hub/api/oauth2/token` at the end of a sign-in. Every token `token-of-<name>`
//! is valid, and every OAuth code is the user's name.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The prefix of an instructor's name.
pub(crate) const INSTRUCTOR: &str = "ines";
/// The name of an instructor who may change the class too.
pub(crate) const IN_CHARGE: &str = "ines-in-charge";

/// How the fake Hub answers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum HubBehaviour {
    Healthy,
    /// Closes every connection unanswered.
    Down,
    /// Answers after 300 ms.
    Slow,
    /// Answers 500.
    Failing,
    /// Answers 200 with a body that is not JSON.
    NotJson,
    /// Reads the request and never answers.
    Hanging,
}

const HUB_BEHAVIOURS: [HubBehaviour; 6] = [
    HubBehaviour::Healthy,
    HubBehaviour::Down,
    HubBehaviour::Slow,
    HubBehaviour::Failing,
    HubBehaviour::NotJson,
    HubBehaviour::Hanging,
];

#[derive(Default)]
struct FakeHubState {
    behaviour: AtomicU8,
    calls: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// The fake Hub, until it is dropped.
pub(crate) struct FakeHubApi {
    address: SocketAddr,
    state: Arc<FakeHubState>,
    accepting: JoinHandle<()>,
}

impl Drop for FakeHubApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The valid token of a user.
pub(crate) fn token_of(user: &str) -> String {
    format!("token-of-{user}")
}

impl FakeHubApi {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(FakeHubState::default());
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // The client may close its connection at any time.
                tokio::spawn(async move { drop(answer_all(stream, &state).await) });
            }
        });
        Ok(Self {
            address,
            state,
            accepting,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hub/api", self.address)
    }

    pub(crate) fn set(&self, behaviour: HubBehaviour) {
        self.state
            .behaviour
            .store(behaviour as u8, Ordering::SeqCst);
    }

    /// How many requests have come.
    pub(crate) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    /// How many requests were waiting for an answer at the same time, at most.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::SeqCst)
    }
}

impl FakeHubState {
    fn behaviour(&self) -> HubBehaviour {
        HUB_BEHAVIOURS[usize::from(self.behaviour.load(Ordering::SeqCst))]
    }
}

/// A request that is being answered, until it is dropped.
struct InFlightCall<'a>(&'a FakeHubState);

impl<'a> InFlightCall<'a> {
    fn new(state: &'a FakeHubState) -> Self {
        state.calls.fetch_add(1, Ordering::SeqCst);
        let now = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for InFlightCall<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer_all(mut stream: TcpStream, state: &FakeHubState) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(blank) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break blank + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        let _one = InFlightCall::new(state);
        let (status, body) = match state.behaviour() {
            HubBehaviour::Down => return Ok(()),
            HubBehaviour::Hanging => {
                // Until the client gives up.
                while stream.read_buf(&mut buffer).await? > 0 {}
                return Ok(());
            }
            HubBehaviour::Failing => ("500 Internal Server Error", "{}".to_owned()),
            HubBehaviour::NotJson => ("200 OK", "<!doctype html>".to_owned()),
            behaviour => {
                if behaviour == HubBehaviour::Slow {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                if head.starts_with(b"POST ") {
                    let form = form(&head, &mut buffer, &mut stream).await?;
                    token(&form)
                } else {
                    user(&head)?
                }
            }
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// The body of a request.
async fn form(head: &[u8], buffer: &mut Vec<u8>, stream: &mut TcpStream) -> anyhow::Result<String> {
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .context("a form without a length")?;
    let length: usize = length.trim().parse()?;
    while buffer.len() < length {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "half a form");
    }
    Ok(String::from_utf8(buffer.drain(..length).collect())?)
}

fn token(form: &str) -> (&'static str, String) {
    let code = form.split('&').find_map(|pair| pair.strip_prefix("code="));
    let token = token_of(code.unwrap_or_default());
    ("200 OK", json!({"access_token": token}).to_string())
}

fn user(head: &[u8]) -> anyhow::Result<(&'static str, String)> {
    let head = std::str::from_utf8(head).context("not text")?;
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
    let token = line.and_then(|line| line.rsplit(' ').next());
    let Some(name) = token.and_then(|token| token.strip_prefix("token-of-")) else {
        return Ok(("403 Forbidden", "{}".to_owned()));
    };
    let mut scopes = vec!["access:services!service=dashboard"];
    if name.starts_with(INSTRUCTOR) {
        scopes.push("custom:pipalhub:read");
    }
    if name == IN_CHARGE {
        scopes.push("custom:pipalhub:write");
    }
    let user = json!({"kind": "user", "name": name, "admin": false, "scopes": scopes});
    Ok(("200 OK", user.to_string()))
}
