//! A proxy that misbehaves on command, before a server of these tests.
//!
//! It has a thread and a runtime of its own, so a test that blocks does not hold it up. Each
//! connection carries one request: `Connection: close` goes to both sides. What becomes of a
//! request and of its answer is decided by the last rule whose text occurs in the request's
//! target, and looked up again before each piece of the answer; so a rule that changes is
//! also for what is open already, such as a stream.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
    runtime, select,
    sync::watch,
    time,
};

/// What becomes of requests and of their answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything goes through.
    #[default]
    Pass,
    /// Accepted, and then nothing: neither a request nor a piece of an answer goes on before
    /// the mode is another.
    Hold,
    /// Requests reach the server, and their answers wait as with [`Mode::Hold`]. What was
    /// asked earlier can so be answered later.
    HoldAnswer,
    /// Closed without an answer, or in the middle of one.
    Drop,
    /// This much later.
    Delay(Duration),
    /// The answer comes one byte at a time with a pause after each.
    Trickle(Duration),
    /// Answered here, by this status and with no body.
    Status(u16),
}

/// Stands before a server until it is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    back: SocketAddr,
    orders: watch::Sender<Orders>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Default)]
struct Orders {
    rules: Vec<(String, Mode)>,
    /// Ends what began before the number and has the text in its target.
    cuts: Vec<(u64, String)>,
    over: bool,
}

#[derive(Default)]
struct Seen {
    /// The target of each request that came.
    requests: Vec<String>,
    /// The same of those whose connection is still open, by their numbers.
    open: BTreeMap<u64, String>,
    /// Of these, which have a piece of an answer that waits here.
    held: BTreeSet<u64>,
}

impl Proxy {
    /// One before the server that `url` leads to, at an address of numbers.
    pub fn before(url: &str) -> Result<Self> {
        let back = authority(url)?.parse().context("an address of numbers")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            back,
            orders: watch::Sender::default(),
            seen: Mutex::default(),
        });
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = Arc::clone(&shared);
        thread::spawn(move || runtime.block_on(serve(listener, serving)));
        Ok(Self { port, shared })
    }

    /// Its address, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An address of the server, by way of this.
    pub fn instead_of(&self, url: &str) -> Result<String> {
        let direct = format!("http://{}", authority(url)?);
        Ok(url.replacen(&direct, &self.origin(), 1))
    }

    /// What becomes of everything from now on, of what is open too; other rules are over.
    pub fn all(&self, mode: Mode) {
        self.order(|orders| orders.rules = vec![(String::new(), mode)]);
    }

    /// What becomes of requests whose target (path and query) contains `part`.
    pub fn only(&self, part: &str, mode: Mode) {
        self.order(|orders| {
            orders.rules.retain(|(of, _)| of != part);
            orders.rules.push((part.to_owned(), mode));
        });
    }

    /// Closes what is open whose target contains `part`; what comes later goes by its rule.
    pub fn cut(&self, part: &str) {
        let next = self.shared.seen().requests.len() as u64;
        self.order(|orders| orders.cuts.push((next, part.to_owned())));
    }

    /// How many requests came whose target contains `part`.
    pub fn requests(&self, part: &str) -> usize {
        let seen = self.shared.seen();
        count(seen.requests.iter(), part)
    }

    /// How many of them are open: asked, and neither answered to the end nor given up.
    pub fn open(&self, part: &str) -> usize {
        let seen = self.shared.seen();
        count(seen.open.values(), part)
    }

    /// How many of them were answered by the server, with an answer that waits here.
    pub fn held(&self, part: &str) -> usize {
        let seen = self.shared.seen();
        count(seen.held.iter().filter_map(|of| seen.open.get(of)), part)
    }

    /// The target of each request in the order in which they came, for what a test says.
    pub fn targets(&self) -> Vec<String> {
        self.shared.seen().requests.clone()
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        self.shared.orders.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.order(|orders| orders.over = true);
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }
}

fn count<'a>(targets: impl Iterator<Item = &'a String>, part: &str) -> usize {
    targets.filter(|target| target.contains(part)).count()
}

fn authority(url: &str) -> Result<&str> {
    let rest = url.strip_prefix("http://").context("an http address")?;
    Ok(rest.split('/').next().unwrap_or(rest))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut orders = shared.orders.subscribe();
    loop {
        select! {
            accepted = listener.accept() => {
                let (connection, _) = accepted?;
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { carry(connection, &shared).await });
            }
            _ = orders.wait_for(|orders| orders.over) => return Ok(()),
        }
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, shared: &Shared) -> Result<()> {
    let Some((target, request)) = read_request(&mut client).await? else {
        // Browsers open connections ahead of time and say nothing on them.
        return Ok(());
    };
    let number = {
        let mut seen = shared.seen();
        let number = seen.requests.len() as u64;
        seen.requests.push(target.clone());
        seen.open.insert(number, target.clone());
        number
    };
    let mut turn = Turn {
        number,
        target,
        orders: shared.orders.subscribe(),
    };
    let (mut from_client, to_client) = client.into_split();
    let done = select! {
        done = answer(&mut turn, &request, to_client, shared) => done,
        () = gone(&mut from_client) => Ok(()),
    };
    let mut seen = shared.seen();
    seen.open.remove(&number);
    seen.held.remove(&number);
    done
}

/// The target and the whole request, which asks for the end of the connection.
async fn read_request(client: &mut TcpStream) -> Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    let end = loop {
        if client.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        ensure!(read.len() < 1 << 20, "a request with an endless head");
    };
    let head = str::from_utf8(&read[..end])?.to_owned();
    let mut body = read.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut request = format!("{first}\r\nConnection: close\r\n");
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "connection" => continue,
            "content-length" => length = value.trim().parse()?,
            _ => {}
        }
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    while body.len() < length {
        ensure!(client.read_buf(&mut body).await? > 0, "half a request");
    }
    let mut request = request.into_bytes();
    request.append(&mut body);
    Ok(Some((target, request)))
}

/// Waits until the other side has closed.
async fn gone(client: &mut OwnedReadHalf) {
    let mut more = [0; 1024];
    while matches!(client.read(&mut more).await, Ok(1..)) {}
}

async fn answer(
    turn: &mut Turn,
    request: &[u8],
    mut client: impl AsyncWriteExt + Unpin,
    shared: &Shared,
) -> Result<()> {
    match turn.mode(|mode| mode != Mode::Hold).await? {
        Mode::Status(status) => {
            let head = format!("HTTP/1.1 {status} \r\nContent-Length: 0\r\n");
            let head = format!("{head}Connection: close\r\n\r\n");
            return Ok(client.write_all(head.as_bytes()).await?);
        }
        Mode::Drop => return Ok(()),
        Mode::Delay(pause) => turn.pause(pause).await?,
        Mode::Pass | Mode::Hold | Mode::HoldAnswer | Mode::Trickle(_) => {}
    }
    let mut server = TcpStream::connect(shared.back).await?;
    server.write_all(request).await?;
    let mut piece = Vec::with_capacity(16 * 1024);
    loop {
        piece.clear();
        let read = select! {
            read = server.read_buf(&mut piece) => read?,
            closed = turn.closed() => return closed,
        };
        if read == 0 {
            return Ok(());
        }
        let flows = |mode| !matches!(mode, Mode::Hold | Mode::HoldAnswer);
        shared.seen().held.insert(turn.number);
        let mode = turn.mode(flows).await?;
        shared.seen().held.remove(&turn.number);
        match mode {
            Mode::Drop => return Ok(()),
            Mode::Trickle(pause) => {
                for byte in &piece {
                    client.write_all(&[*byte]).await?;
                    turn.pause(pause).await?;
                }
            }
            _ => client.write_all(&piece).await?,
        }
    }
}

/// What is ordered for one request.
struct Turn {
    number: u64,
    target: String,
    orders: watch::Receiver<Orders>,
}

impl Turn {
    /// The mode, as soon as it is one that `fits`; an error when this is to end.
    async fn mode(&mut self, fits: impl Fn(Mode) -> bool) -> Result<Mode> {
        let (number, target) = (self.number, &self.target);
        let ready = |orders: &Orders| ended(orders, number, target) || fits(mode(orders, target));
        let orders = self.orders.wait_for(ready).await?;
        ensure!(!ended(&orders, number, target), "cut");
        Ok(mode(&orders, target))
    }

    /// Returns when this is to end, with an error.
    async fn closed(&mut self) -> Result<()> {
        self.mode(|mode| mode == Mode::Drop).await.map(drop)
    }

    async fn pause(&mut self, pause: Duration) -> Result<()> {
        select! {
            () = time::sleep(pause) => Ok(()),
            closed = self.closed() => closed.and(Err(anyhow::anyhow!("dropped"))),
        }
    }
}

fn mode(orders: &Orders, target: &str) -> Mode {
    let rule = orders
        .rules
        .iter()
        .rfind(|(part, _)| target.contains(part.as_str()));
    rule.map(|(_, mode)| *mode).unwrap_or_default()
}

fn ended(orders: &Orders, number: u64, target: &str) -> bool {
    let cut = |(before, part): &(u64, String)| number < *before && target.contains(part.as_str());
    orders.over || orders.cuts.iter().any(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{elsewhere, until};

    async fn get(proxy: &Proxy, path: &str) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client
            .get(format!("{}{path}", proxy.origin()))
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    fn proxy() -> Result<Proxy> {
        Proxy::before(&elsewhere::serve("a page".to_owned())?)
    }

    #[tokio::test]
    async fn it_passes_drops_and_answers_by_itself_as_it_is_told() -> Result<()> {
        let proxy = proxy()?;
        assert_eq!(get(&proxy, "/a").await?, "a page");
        proxy.only("/b", Mode::Drop);
        assert!(get(&proxy, "/b?c").await.is_err());
        proxy.only("c", Mode::Status(503));
        let why = get(&proxy, "/b?c").await.unwrap_err().to_string();
        assert!(why.contains("503"), "{why}");
        proxy.only("c", Mode::Trickle(Duration::ZERO));
        assert_eq!(get(&proxy, "/c").await?, "a page");
        proxy.all(Mode::Delay(Duration::from_millis(1)));
        assert_eq!(get(&proxy, "/b").await?, "a page");
        assert_eq!((proxy.requests("/b"), proxy.requests("")), (3, 5));
        Ok(())
    }

    #[tokio::test]
    async fn what_is_held_goes_on_or_is_cut() -> Result<()> {
        let proxy = Arc::new(proxy()?);
        for mode in [Mode::Hold, Mode::HoldAnswer] {
            for cut in [false, true] {
                proxy.all(mode);
                let asking = Arc::clone(&proxy);
                let asked = tokio::spawn(async move { get(&asking, "/held").await });
                until("the request", async || {
                    Ok((proxy.open("/held") == 1).then_some(()))
                })
                .await?;
                proxy.only("/other", Mode::Pass);
                assert_eq!(get(&proxy, "/other").await?, "a page");
                assert!(!asked.is_finished());
                if mode == Mode::HoldAnswer {
                    until("the answer", async || {
                        Ok((proxy.held("/held") == 1).then_some(()))
                    })
                    .await?;
                }
                if cut {
                    proxy.cut("/held");
                    assert!(asked.await?.is_err());
                } else {
                    proxy.all(Mode::Pass);
                    assert_eq!(asked.await??, "a page");
                }
                until("the end", async || {
                    Ok((proxy.open("/held") == 0).then_some(()))
                })
                .await?;
            }
        }
        Ok(())
    }
}
