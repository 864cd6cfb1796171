//! The steward's socket: whoever connects is known by the kernel's word for it, and anyone but
//! root and the users that were allowed is refused before a byte is read.

use std::{
    fs::{self, Permissions},
    io::{self, ErrorKind},
    os::unix::{
        fs::{PermissionsExt, lchown},
        net::UnixStream as StdUnixStream,
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::geteuid;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::{
    desk::Desk,
    protocol::{MAX_REQUEST_BYTES, StewardReply, StewardRequest},
};

/// Connections at once.
const MAX_CONNECTIONS: usize = 16;
/// Connections of root at once, beside the others.
const MAX_CONNECTIONS_OF_ROOT: usize = 16;
/// Changes at once that are under way or wait for their turn: each has its request in memory.
const MAX_CHANGES: usize = 16;
/// The same of root's.
const MAX_CHANGES_OF_ROOT: usize = 64;
/// Connections of each kind that wait for a turn.
const MAX_WAITING: usize = 200;
/// One line of the log for so many who may not ask.
const REFUSALS_A_LINE: u64 = 1_000;
/// How often it is looked whether another steward listens.
const LOOKS_AT_ANOTHER: usize = 10;
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// The time that a request may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket, which is removed with it.
pub(crate) struct StewardListener {
    path: PathBuf,
    listener: UnixListener,
    /// The users who may ask, besides root and the steward's own.
    allowed: Vec<u32>,
    /// How often somebody has tried who may not ask.
    refusals: AtomicU64,
}

impl StewardListener {
    /// Listens at `path`.
    ///
    /// # Errors
    /// When another steward does, or nothing can be made there.
    pub(crate) fn bind(path: &Path, allowed: Vec<u32>) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent()
            && !folder.exists()
        {
            let cannot = || format!("cannot make the folder {}", folder.display());
            fs::create_dir_all(folder).with_context(cannot)?;
            // Whoever may ask has to get there, whatever the umask.
            let open = Permissions::from_mode(0o755);
            fs::set_permissions(folder, open).with_context(cannot)?;
        }
        // One that was killed while it started a program leaves the socket open for a moment.
        let mut looks = 0;
        while StdUnixStream::connect(path).is_ok() {
            looks += 1;
            if looks == LOOKS_AT_ANOTHER {
                bail!("another steward listens at {}", path.display());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        match StdUnixStream::connect(path) {
            // It was left behind by one that was killed.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => {}
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("cannot listen at {}", path.display()))?;
        let cannot = || format!("cannot say who may use {}", path.display());
        // One user is let in by the file's own rights; several are told from others by who they are.
        let mode = match allowed[..] {
            [] => 0o600,
            [user] if geteuid().is_root() => {
                lchown(path, Some(user), None).with_context(cannot)?;
                0o600
            }
            _ => 0o666,
        };
        fs::set_permissions(path, Permissions::from_mode(mode)).with_context(cannot)?;
        Ok(Self {
            path: path.to_owned(),
            listener,
            allowed,
            refusals: AtomicU64::default(),
        })
    }

    /// Answers requests, without end.
    pub(crate) async fn serve(&self, desk: &Arc<Desk>) -> anyhow::Result<()> {
        // Root's own, too, so that an administrator is heard whatever the service does.
        let turns = [MAX_CONNECTIONS, MAX_CONNECTIONS_OF_ROOT]
            .map(Semaphore::new)
            .map(Arc::new);
        let changes = [MAX_CHANGES, MAX_CHANGES_OF_ROOT]
            .map(Semaphore::new)
            .map(Arc::new);
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // One connection that says nothing of itself ends no steward.
            let Ok(peer) = stream.peer_cred().map(|it| it.uid()) else {
                continue;
            };
            if !self.is_allowed(peer) {
                self.refuse(peer);
                continue;
            }
            let is_root = peer == 0 || peer == geteuid().as_raw();
            let kind = usize::from(peer == 0);
            let (turns, changes) = (Arc::clone(&turns[kind]), Arc::clone(&changes[kind]));
            // More than these wait here, each with a socket and nothing else.
            let desk = Arc::clone(desk);
            if turns.available_permits() == 0 && Arc::strong_count(&turns) > MAX_WAITING {
                continue;
            }
            tokio::spawn(async move {
                let Ok(turn) = turns.acquire().await else {
                    return;
                };
                let answered = async {
                    let (request, write) = read(stream).await?;
                    let changes_users = request.as_ref().is_ok_and(StewardRequest::changes_users);
                    // Those who only read wait for no change.
                    let reading = (!changes_users).then_some(turn);
                    let changing = changes_users.then(|| changes.try_acquire());
                    let request = match changing {
                        Some(Err(_)) => Err(desk.busy()),
                        _ => request,
                    };
                    let _held = (reading, changing);
                    answer(request, write, &desk, is_root).await
                };
                if let Err(error) = answered.await {
                    tracing::debug!(%error, "a request of the steward has ended early");
                }
            });
        }
    }

    /// Notes that somebody has tried who may not ask, now and then: they may try as often as they
    /// want.
    fn refuse(&self, peer: u32) {
        let before = self.refusals.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(REFUSALS_A_LINE) {
            tracing::warn!(
                uid = peer,
                before,
                "a user who may not ask the steward has tried"
            );
        }
    }

    fn is_allowed(&self, peer: u32) -> bool {
        let own = geteuid().as_raw();
        peer == 0 || peer == own || self.allowed.contains(&peer)
    }
}

impl Drop for StewardListener {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// Reads a request, or why it is none.
async fn read(stream: UnixStream) -> io::Result<(Result<StewardRequest, String>, OwnedWriteHalf)> {
    let (read, write) = stream.into_split();
    let mut line = Vec::new();
    // One byte more than may be, to tell a request that is too long.
    let limit = MAX_REQUEST_BYTES as u64 + 1;
    let mut reader = BufReader::new(read).take(limit);
    timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await??;
    let request = match line.len() > MAX_REQUEST_BYTES {
        true => Err(format!("a request has {MAX_REQUEST_BYTES} bytes at most")),
        false => serde_json::from_slice::<StewardRequest>(&line)
            // The error may quote a password.
            .map_err(|error| format!("the request cannot be read, at column {}", error.column())),
    };
    Ok((request, write))
}

/// Does what is asked, and says how far it is and what came of it.
async fn answer(
    request: Result<StewardRequest, String>,
    mut write: OwnedWriteHalf,
    desk: &Desk,
    is_root: bool,
) -> io::Result<()> {
    let reply = match request {
        Err(reason) => StewardReply::Refused {
            reason,
            is_unknown: false,
        },
        Ok(request) => {
            let (tell, mut told) = mpsc::channel(1);
            let mut on_progress = move |reply| {
                // Where the last word is not taken yet, this one is not missed.
                let _ = tell.try_send(reply);
            };
            // A change goes on when whoever has asked for it does not listen any more.
            let work = async move {
                let reply = desk.handle(&request, is_root, &mut on_progress).await;
                drop(on_progress);
                reply
            };
            let tell_progress = async {
                while let Some(reply) = told.recv().await {
                    if send(&mut write, &reply).await.is_err() {
                        break;
                    }
                }
            };
            tokio::join!(work, tell_progress).0
        }
    };
    send(&mut write, &reply).await
}

async fn send(write: &mut OwnedWriteHalf, reply: &StewardReply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    timeout(PATIENCE, write.write_all(&line)).await?
}
