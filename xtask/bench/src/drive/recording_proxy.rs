//! A TCP proxy that passes all on unchanged, and keeps what has passed.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The bytes of one connection, in order.
#[derive(Clone, Default)]
pub(crate) struct Conversation {
    /// What the client has sent.
    pub(crate) requests: Vec<u8>,
    /// What it was sent.
    pub(crate) answers: Vec<u8>,
}

type Conversations = Arc<Mutex<Vec<Conversation>>>;

/// The proxy, until it is dropped.
pub(crate) struct RecordingProxy {
    pub(crate) address: SocketAddr,
    conversations: Conversations,
    accepting: JoinHandle<()>,
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl RecordingProxy {
    /// A proxy before the server at `target`.
    pub(crate) async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let conversations = Conversations::default();
        let all = Arc::clone(&conversations);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let all = Arc::clone(&all);
                // Either side may close its connection at any time.
                tokio::spawn(async move { drop(pass(client, target, &all).await) });
            }
        });
        Ok(Self {
            address,
            conversations,
            accepting,
        })
    }

    /// What has passed so far.
    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        locked(&self.conversations).clone()
    }
}

fn locked(conversations: &Conversations) -> MutexGuard<'_, Vec<Conversation>> {
    conversations.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    all: &Conversations,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let at = {
        let mut all = locked(all);
        all.push(Conversation::default());
        all.len() - 1
    };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let requests = pass_all(from_client, to_server, |bytes| {
        locked(all)[at].requests.extend_from_slice(bytes);
    });
    let answers = pass_all(from_server, to_client, |bytes| {
        locked(all)[at].answers.extend_from_slice(bytes);
    });
    tokio::try_join!(requests, answers)?;
    Ok(())
}

async fn pass_all(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    keep: impl Fn(&[u8]),
) -> anyhow::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(to.shutdown().await?);
        }
        keep(&buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}
