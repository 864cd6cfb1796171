//! A minimal HTTP server for a measured page: it serves files and receives the page's report.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use anyhow::Context;

/// How long a page may take for all its runs.
const REPORT_TIMEOUT: Duration = Duration::from_secs(600);

/// Serves folders by name, and waits for the report of a page.
pub(super) struct ReportServer {
    pub(super) port: u16,
    reports: mpsc::Receiver<String>,
}

impl ReportServer {
    /// Serves each of `folders` below its name as first path segment. The threads end with the
    /// process.
    pub(super) fn start(folders: HashMap<&'static str, PathBuf>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (sender, reports) = mpsc::channel();
        let folders = Arc::new(folders);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folders, sender) = (Arc::clone(&folders), sender.clone());
                // A browser opens connections in advance, and may send nothing on them.
                thread::spawn(move || {
                    // The browser may close a connection at any time.
                    let _ = answer(stream, &folders, &sender);
                });
            }
        });
        Ok(Self { port, reports })
    }

    /// Waits for the report of the next page.
    pub(super) fn report(&self) -> anyhow::Result<String> {
        self.reports
            .recv_timeout(REPORT_TIMEOUT)
            .context("the page did not report")
    }
}

fn answer(
    stream: TcpStream,
    folders: &HashMap<&'static str, PathBuf>,
    reports: &mpsc::Sender<String>,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = request.split_whitespace().nth(1).unwrap_or("/");
    if path == "/done" {
        respond(stream, "200 OK", "text/plain", b"thank you")?;
        reports.send(String::from_utf8(body)?)?;
        return Ok(());
    }
    let path = path.split('?').next().unwrap_or(path);
    let (folder, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path, ""));
    let file = folders.get(folder).map(|folder| folder.join(rest));
    match file.and_then(|file| fs::read(file).ok()) {
        Some(bytes) => respond(stream, "200 OK", mime(path), &bytes),
        None => respond(stream, "404 Not Found", "text/plain", b"no such file"),
    }
}

/// Responds with cross-origin isolation, which gives the page a clock of high resolution.
fn respond(mut stream: TcpStream, status: &str, mime: &str, body: &[u8]) -> anyhow::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {mime}\r\nContent-Length: {}\r\n\
         Connection: close\r\nCache-Control: no-store\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\n\
         Cross-Origin-Embedder-Policy: require-corp\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    Ok(())
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css",
        Some("wasm") => "application/wasm",
        _ => "application/json",
    }
}
