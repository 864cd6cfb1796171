//! The smallest server that a page can be measured on: files, and one answer back.

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

/// How long one page may take for all its runs.
const PATIENCE: Duration = Duration::from_secs(600);

/// Serves folders under names, and waits for a page to report.
pub(super) struct Server {
    pub(super) port: u16,
    reports: mpsc::Receiver<String>,
}

impl Server {
    /// `folders` by the first part of the path. Its threads end with the process.
    pub(super) fn start(folders: HashMap<&'static str, PathBuf>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (sender, reports) = mpsc::channel();
        let folders = Arc::new(folders);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folders, sender) = (Arc::clone(&folders), sender.clone());
                // A browser opens connections ahead that may never say a word.
                thread::spawn(move || {
                    // One that breaks off is the browser's business.
                    let _ = answer(stream, &folders, &sender);
                });
            }
        });
        Ok(Self { port, reports })
    }

    /// What the next page reports.
    pub(super) fn report(&self) -> anyhow::Result<String> {
        self.reports
            .recv_timeout(PATIENCE)
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

/// With isolation, which makes the page's clock a fine one.
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
