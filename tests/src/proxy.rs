//! A proxy that misbehaves on command, before a server of these tests.
//!
//! It has a thread and a runtime of its own, so a test that blocks does not hold it up. Each
//! connection carries one request: `Connection: close` goes to both sides. The mode of a request
//! and of its answer is that of the last rule whose text occurs in the request's target. It is
//! looked up again before each piece of the answer, so a changed rule applies to open requests,
//! such as a stream, as well.

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

/// What the proxy does with a request and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Passes both on.
    #[default]
    Pass,
    /// Accepts the connection, and passes neither a request nor a piece of an answer on before the
    /// mode changes.
    Hold,
    /// Passes requests to the server, and holds their answers as [`Mode::Hold`] does, so that an
    /// earlier request can be answered later than others.
    HoldAnswer,
    /// Closes the connection without an answer, or in the middle of one.
    Drop,
    /// Passes requests on after this pause.
    Delay(Duration),
    /// Passes the answer on byte by byte, with a pause after each.
    Trickle(Duration),
    /// Answers with this status and without a body.
    Status(u16),
}

/// A proxy before a server, which ends when it is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<ProxyState>,
}

struct ProxyState {
    back: SocketAddr,
    settings: watch::Sender<ProxySettings>,
    log: Mutex<RequestLog>,
}

#[derive(Clone, Default)]
struct ProxySettings {
    rules: Vec<(String, Mode)>,
    /// Ends requests with a smaller number and this text in their target.
    cuts: Vec<(u64, String)>,
    over: bool,
}

#[derive(Default)]
struct RequestLog {
    /// The target of each request so far.
    requests: Vec<String>,
    /// The targets of the open requests, by number.
    open: BTreeMap<u64, String>,
    /// The numbers of open requests with a piece of an answer that waits here.
    held: BTreeSet<u64>,
}

impl Proxy {
    /// Starts a proxy before the server of `url`, whose host is an IP address.
    pub fn before(url: &str) -> Result<Self> {
        let back = authority(url)?.parse().context("an address of numbers")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(ProxyState {
            back,
            settings: watch::Sender::default(),
            log: Mutex::default(),
        });
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = Arc::clone(&shared);
        thread::spawn(move || runtime.block_on(serve(listener, serving)));
        Ok(Self { port, shared })
    }

    /// The address, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same address through this proxy.
    pub fn instead_of(&self, url: &str) -> Result<String> {
        let direct = format!("http://{}", authority(url)?);
        Ok(url.replacen(&direct, &self.origin(), 1))
    }

    /// Sets the mode of all requests from now on, open ones included, and removes all rules.
    pub fn all(&self, mode: Mode) {
        self.change(|settings| settings.rules = vec![(String::new(), mode)]);
    }

    /// Sets the mode of requests whose target (path and query) contains `part`.
    pub fn only(&self, part: &str, mode: Mode) {
        self.change(|settings| {
            settings.rules.retain(|(of, _)| of != part);
            settings.rules.push((part.to_owned(), mode));
        });
    }

    /// Closes the open requests whose target contains `part`; later ones go by their rule.
    pub fn cut(&self, part: &str) {
        let next = self.shared.log().requests.len() as u64;
        self.change(|settings| settings.cuts.push((next, part.to_owned())));
    }

    /// The number of requests so far whose target contains `part`.
    pub fn requests(&self, part: &str) -> usize {
        let log = self.shared.log();
        count(log.requests.iter(), part)
    }

    /// The number of those that are open: neither answered to the end nor given up.
    pub fn open(&self, part: &str) -> usize {
        let log = self.shared.log();
        count(log.open.values(), part)
    }

    /// The number of those with an answer of the server that waits here.
    pub fn held(&self, part: &str) -> usize {
        let log = self.shared.log();
        count(log.held.iter().filter_map(|of| log.open.get(of)), part)
    }

    /// The target of each request in order, for the message of a test that fails.
    pub fn targets(&self) -> Vec<String> {
        self.shared.log().requests.clone()
    }

    fn change(&self, change: impl FnOnce(&mut ProxySettings)) {
        self.shared.settings.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|settings| settings.over = true);
    }
}

impl ProxyState {
    fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.log.lock()
    }
}

fn count<'a>(targets: impl Iterator<Item = &'a String>, part: &str) -> usize {
    targets.filter(|target| target.contains(part)).count()
}

fn authority(url: &str) -> Result<&str> {
    let rest = url.strip_prefix("http://").context("an http address")?;
    Ok(rest.split('/').next().unwrap_or(rest))
}

async fn serve(listener: TcpListener, shared: Arc<ProxyState>) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut settings = shared.settings.subscribe();
    loop {
        select! {
            accepted = listener.accept() => {
                let (connection, _) = accepted?;
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { carry(connection, &shared).await });
            }
            _ = settings.wait_for(|settings| settings.over) => return Ok(()),
        }
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, shared: &ProxyState) -> Result<()> {
    let Some((target, request)) = read_request(&mut client).await? else {
        // Browsers open connections ahead of time and leave them silent.
        return Ok(());
    };
    let number = {
        let mut log = shared.log();
        let number = log.requests.len() as u64;
        log.requests.push(target.clone());
        log.open.insert(number, target.clone());
        number
    };
    let mut proxied = ProxiedRequest {
        number,
        target,
        settings: shared.settings.subscribe(),
    };
    let (mut from_client, to_client) = client.into_split();
    let done = select! {
        done = answer(&mut proxied, &request, to_client, shared) => done,
        () = gone(&mut from_client) => Ok(()),
    };
    let mut log = shared.log();
    log.open.remove(&number);
    log.held.remove(&number);
    done
}

/// The target and the whole request, with `Connection: close`.
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
    proxied: &mut ProxiedRequest,
    request: &[u8],
    mut client: impl AsyncWriteExt + Unpin,
    shared: &ProxyState,
) -> Result<()> {
    match proxied.mode(|mode| mode != Mode::Hold).await? {
        Mode::Status(status) => {
            let head = format!("HTTP/1.1 {status} \r\nContent-Length: 0\r\n");
            let head = format!("{head}Connection: close\r\n\r\n");
            return Ok(client.write_all(head.as_bytes()).await?);
        }
        Mode::Drop => return Ok(()),
        Mode::Delay(pause) => proxied.pause(pause).await?,
        Mode::Pass | Mode::Hold | Mode::HoldAnswer | Mode::Trickle(_) => {}
    }
    let mut server = TcpStream::connect(shared.back).await?;
    server.write_all(request).await?;
    let mut piece = Vec::with_capacity(16 * 1024);
    loop {
        piece.clear();
        let read = select! {
            read = server.read_buf(&mut piece) => read?,
            closed = proxied.closed() => return closed,
        };
        if read == 0 {
            return Ok(());
        }
        let flows = |mode| !matches!(mode, Mode::Hold | Mode::HoldAnswer);
        shared.log().held.insert(proxied.number);
        let mode = proxied.mode(flows).await?;
        shared.log().held.remove(&proxied.number);
        match mode {
            Mode::Drop => return Ok(()),
            Mode::Trickle(pause) => {
                for byte in &piece {
                    client.write_all(&[*byte]).await?;
                    proxied.pause(pause).await?;
                }
            }
            _ => client.write_all(&piece).await?,
        }
    }
}

/// One request, and the rules for it.
struct ProxiedRequest {
    number: u64,
    target: String,
    settings: watch::Receiver<ProxySettings>,
}

impl ProxiedRequest {
    /// Waits for a mode that `fits` and returns it; an error when the request is to end.
    async fn mode(&mut self, fits: impl Fn(Mode) -> bool) -> Result<Mode> {
        let (number, target) = (self.number, &self.target);
        let ready = |settings: &ProxySettings| {
            ended(settings, number, target) || fits(mode(settings, target))
        };
        let settings = self.settings.wait_for(ready).await?;
        ensure!(!ended(&settings, number, target), "cut");
        Ok(mode(&settings, target))
    }

    /// Returns, with an error, when the request is to end.
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

fn mode(settings: &ProxySettings, target: &str) -> Mode {
    let rule = settings
        .rules
        .iter()
        .rfind(|(part, _)| target.contains(part.as_str()));
    rule.map(|(_, mode)| *mode).unwrap_or_default()
}

fn ended(settings: &ProxySettings, number: u64, target: &str) -> bool {
    let cut = |(before, part): &(u64, String)| number < *before && target.contains(part.as_str());
    settings.over || settings.cuts.iter().any(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{other_origin, until};

    async fn get(proxy: &Proxy, path: &str) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client
            .get(format!("{}{path}", proxy.origin()))
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    fn proxy() -> Result<Proxy> {
        Proxy::before(&other_origin::serve("a page".to_owned())?)
    }

    #[tokio::test]
    async fn a_proxy_passes_drops_and_answers_by_its_rules() -> Result<()> {
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
    async fn a_held_request_goes_on_or_is_cut() -> Result<()> {
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
