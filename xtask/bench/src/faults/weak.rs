//! The control of the kill rows: a server that acknowledges and publishes events at once and writes
//! them 5 ms later. It exists so that the service needs no weak mode.
//!
//! It has only the routes that the kill rows use, runs on plain threads, and prints its address as
//! the service does.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::Context;
use serde_json::{Value, json};

/// The delay between the acknowledgement and the write.
const WRITE_DELAY: Duration = Duration::from_millis(5);

struct WeakServer {
    events: Mutex<Vec<Value>>,
    readers: Mutex<Vec<mpsc::Sender<usize>>>,
    file: Mutex<File>,
}

/// Serves until it is killed; `words` are those of `pipalhub serve`.
pub(crate) fn serve(words: &[String]) -> anyhow::Result<()> {
    let after = |name: &str| {
        let place = words.iter().position(|word| word == name);
        place
            .and_then(|place| words.get(place + 1))
            .context("a word is missing")
    };
    let data = Path::new(after("--data")?);
    fs::create_dir_all(data)?;
    let path = data.join("events");
    let known = fs::read_to_string(&path).unwrap_or_default();
    // The last line may have been cut by the kill.
    let events = known
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let events: Vec<Value> = events.collect();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file)?;
    let weak = Arc::new(WeakServer {
        events: Mutex::new(events),
        readers: Mutex::default(),
        file: Mutex::new(file),
    });
    let listener = TcpListener::bind(after("--bind")?)?;
    println!("http://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, weak) = (stream?, Arc::clone(&weak));
        thread::spawn(move || drop(weak.answer_all(stream)));
    }
    Ok(())
}

impl WeakServer {
    fn answer_all(self: Arc<Self>, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let (mut line, mut length) = (String::new(), 0);
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut header = String::new();
            while reader.read_line(&mut header)? > 2 {
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
                header.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let path = line.split(' ').nth(1).unwrap_or_default();
            if let Some(query) = path.strip_prefix("/events/stream") {
                let after = query
                    .strip_prefix("?after=")
                    .and_then(|seq| seq.parse().ok());
                return self.stream(stream, after);
            }
            let (status, answer) = match path {
                "/events" => (201, self.append(serde_json::from_slice(&body)?)),
                _ => (200, json!({"cursor": self.newest()})),
            };
            let answer = answer.to_string();
            let length = answer.len();
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &answer).as_bytes())?;
        }
    }

    fn newest(&self) -> usize {
        lock(&self.events).len()
    }

    fn append(self: &Arc<Self>, mut event: Value) -> Value {
        let mut events = lock(&self.events);
        // One id for each path, as in the service.
        let known = events.iter().find(|known| known["path"] == event["path"]);
        let id = known.map_or_else(|| json!(events.len() + 1), |known| known["id"].clone());
        event["id"] = id;
        event["timestamp"] = json!("");
        events.push(event.clone());
        let seq = events.len();
        drop(events);
        lock(&self.readers).retain(|reader| reader.send(seq).is_ok());
        let (weak, line) = (Arc::clone(self), format!("{event}\n"));
        thread::spawn(move || {
            thread::sleep(WRITE_DELAY);
            // A failed write loses the event, as intended.
            let _ = lock(&weak.file).write_all(line.as_bytes());
        });
        event
    }

    fn stream(&self, mut stream: TcpStream, after: Option<usize>) -> anyhow::Result<()> {
        let (sender, receiver) = mpsc::channel();
        lock(&self.readers).push(sender);
        let mut sent = after.unwrap_or_else(|| self.newest());
        let head = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        chunk(
            &mut stream,
            &format!("event: hello\nid: {sent}\ndata: {{}}\n\n"),
        )?;
        loop {
            for seq in sent + 1..=self.newest() {
                let event = lock(&self.events)[seq - 1].clone();
                chunk(&mut stream, &format!("id: {seq}\ndata: {event}\n\n"))?;
                sent = seq;
            }
            receiver.recv()?;
        }
    }
}

fn chunk(stream: &mut TcpStream, text: &str) -> anyhow::Result<()> {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    Ok(stream.write_all(chunk.as_bytes())?)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
