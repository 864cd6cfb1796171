//! Servers that count the connections and requests that reach them.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

/// A TCP and a UDP port that count what reaches them, until the test ends.
pub struct PortListeners {
    ports: [u16; 2],
    contacts: Arc<AtomicUsize>,
}

impl PortListeners {
    /// Binds both ports and counts from now on.
    pub fn open() -> Result<Self> {
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let ports = [tcp.local_addr()?.port(), udp.local_addr()?.port()];
        let contacts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&contacts);
        thread::spawn(move || {
            for _connection in tcp.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let count = Arc::clone(&contacts);
        thread::spawn(move || {
            let mut packet = [0; 2048];
            while udp.recv(&mut packet).is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { ports, contacts })
    }

    /// The TCP port and the UDP port.
    pub fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// The number of connections and packets so far.
    pub fn contacts(&self) -> usize {
        self.contacts.load(Ordering::SeqCst)
    }
}

/// A proxy before a server that counts the requests for participants' servers.
pub struct CountingProxy {
    port: u16,
    requests: Arc<AtomicUsize>,
}

/// The path of a participant's server on a Hub, in the head of a request.
const MALLORYS_SERVER: &[u8] = b" /user/mallory/";

impl CountingProxy {
    /// Starts a proxy before the server at `back`.
    pub fn before(back: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || relay(&connection, back, &count));
            }
        });
        Ok(Self { port, requests })
    }

    /// Starts a server that answers every path with `page`.
    pub fn of(page: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let page = Arc::new(page);
        thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let (count, page) = (Arc::clone(&count), Arc::clone(&page));
                thread::spawn(move || answer(&mut connection, &*page, &count));
            }
        });
        Ok(Self { port, requests })
    }

    /// The address, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The number of requests for participants' servers so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn relay(browser: &TcpStream, back: SocketAddr, count: &AtomicUsize) -> std::io::Result<()> {
    let server = TcpStream::connect(back)?;
    let (mut from_server, mut to_browser) = (server.try_clone()?, browser.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_browser);
        let _ = to_browser.shutdown(Shutdown::Both);
    });
    let (mut from_browser, mut to_server) = (browser, &server);
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from_browser.read(&mut buffer)?;
        if length == 0 {
            return server.shutdown(Shutdown::Both);
        }
        count_requests(&buffer[..length], count);
        to_server.write_all(&buffer[..length])?;
    }
}

fn answer(
    browser: &mut TcpStream,
    page: &(dyn Fn(&str) -> String + Send + Sync),
    count: &AtomicUsize,
) -> std::io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let length = browser.read(&mut buffer)?;
    count_requests(&buffer[..length], count);
    let head = String::from_utf8_lossy(&buffer[..length]);
    let body = page(head.split(' ').nth(1).unwrap_or_default());
    write!(
        browser,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

fn count_requests(bytes: &[u8], count: &AtomicUsize) {
    let found = bytes
        .windows(MALLORYS_SERVER.len())
        .filter(|part| *part == MALLORYS_SERVER);
    count.fetch_add(found.count(), Ordering::SeqCst);
}
