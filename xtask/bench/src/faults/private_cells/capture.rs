//! What tcpdump captures on the loopback of the service's connections, and the streams of bytes
//! that its packets are put together to.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::{super::is_there, search::find};
use crate::drive::{
    HANG_TIMEOUT, poll_until, recording_proxy::Conversation, service::ServiceProcess,
};

/// Bytes of the kernel's buffer, in KiB: packets wait there while tcpdump has no processor.
const BUFFER_KIB: &str = "262144";
/// The path of a request with which the capture ends.
const LAST_PATH: &str = "/healthz?the-capture-ends-here";

/// A running tcpdump.
pub(super) struct PacketCapture {
    child: Child,
    said: BufReader<ChildStderr>,
    file: PathBuf,
    port: u16,
}

/// What was captured.
pub(super) struct CapturedPackets {
    /// The packets as they were.
    pub(super) bytes: Vec<u8>,
    pub(super) count: usize,
    /// The connections to the service.
    pub(super) of_service: Vec<Conversation>,
    /// What is missing, if anything.
    pub(super) missing: Option<String>,
}

impl PacketCapture {
    /// Captures what goes from and to the service and the Hub, and nothing else; where this cannot
    /// be done here, the reason.
    pub(super) async fn start(
        folder: &Path,
        service: SocketAddr,
        hub: SocketAddr,
    ) -> anyhow::Result<Result<Self, String>> {
        if !is_there("tcpdump") {
            return Ok(Err("tcpdump is not installed".to_owned()));
        }
        let file = folder.join("packets.pcap");
        let filter = format!("tcp port {} or tcp port {}", service.port(), hub.port());
        let mut child = Command::new("tcpdump")
            .args(["-i", "lo", "-n", "-s", "0", "-U", "--immediate-mode"])
            // The row's folder is its owner's alone.
            .args(["-Z", "root", "-B", BUFFER_KIB, "-w"])
            .arg(&file)
            .arg(filter)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut said = BufReader::new(child.stderr.take().context("its output is piped")?);
        let mut line = String::new();
        let mut last = String::new();
        while timeout(HANG_TIMEOUT, said.read_line(&mut line)).await?? > 0 {
            if line.contains("listening on") {
                return Ok(Ok(Self {
                    child,
                    said,
                    file,
                    port: service.port(),
                }));
            }
            last = std::mem::take(&mut line);
        }
        Ok(Err(last.trim().to_owned()))
    }

    /// Ends the capture with all that has travelled until now.
    pub(super) async fn stop(
        mut self,
        service: &ServiceProcess,
    ) -> anyhow::Result<CapturedPackets> {
        service.client_of("").get(LAST_PATH).await?;
        let is_complete = async || {
            let bytes = fs::read(&self.file)?;
            let tail = &bytes[bytes.len().saturating_sub(64 << 10)..];
            Ok(find(tail, LAST_PATH.as_bytes()).map(|_| ()))
        };
        poll_until("the last packet", HANG_TIMEOUT, is_complete).await?;
        let id = self.child.id().context("tcpdump has ended")?;
        let pid = Pid::from_raw(id.cast_signed()).context("not a process id")?;
        kill_process(pid, Signal::INT)?;
        let mut said = String::new();
        self.said.read_to_string(&mut said).await?;
        self.child.wait().await?;
        let bytes = fs::read(&self.file)?;
        let mut streams = PacketStreams::to(self.port);
        let count = streams.add_all(&bytes)?;
        let missing = match said.contains("\n0 packets dropped by kernel") {
            false => Some(format!("tcpdump says {said:?}")),
            true if streams.has_gaps() => Some("a stream has gaps".to_owned()),
            true => None,
        };
        Ok(CapturedPackets {
            count,
            missing,
            of_service: streams.conversations(),
            bytes,
        })
    }
}

/// The bytes of one direction of a connection.
#[derive(Default)]
struct PacketStream {
    bytes: Vec<u8>,
    /// The sequence number of the next byte.
    next: u32,
    /// What came before its turn.
    early: BTreeMap<u32, Vec<u8>>,
}

impl PacketStream {
    fn add(&mut self, seq: u32, payload: &[u8]) {
        // What acknowledges the end has the number after it.
        if payload.is_empty() {
            return;
        }
        let ahead = seq.wrapping_sub(self.next).cast_signed();
        if ahead > 0 {
            self.early.insert(seq, payload.to_vec());
            return;
        }
        // What was sent once more is there already.
        let known = ahead.unsigned_abs() as usize;
        if let Some(new) = payload.get(known..) {
            self.bytes.extend_from_slice(new);
            self.next = self.next.wrapping_add(new.len() as u32);
        }
        let is_due = |(seq, _): (&u32, &Vec<u8>)| {
            (seq.wrapping_sub(self.next).cast_signed() <= 0).then_some(*seq)
        };
        if let Some(due) = self.early.iter().find_map(is_due) {
            let payload = self.early.remove(&due).unwrap_or_default();
            self.add(due, &payload);
        }
    }
}

/// The connections to one port.
struct PacketStreams {
    port: u16,
    /// In the order in which they began: to the service, and from it.
    connections: Vec<[PacketStream; 2]>,
    /// The newest connection of a client's port.
    by_client: HashMap<u16, usize>,
}

impl PacketStreams {
    fn to(port: u16) -> Self {
        Self {
            port,
            connections: Vec::new(),
            by_client: HashMap::new(),
        }
    }

    /// Adds the packets of a file of tcpdump's; returns how many there are.
    fn add_all(&mut self, file: &[u8]) -> anyhow::Result<usize> {
        let number = |bytes: &[u8], at: usize| {
            let four = bytes.get(at..at + 4).context("a file that was cut off")?;
            anyhow::Ok(u32::from_ne_bytes(four.try_into()?))
        };
        ensure!(number(file, 0)? == 0xa1b2_c3d4, "no file of tcpdump's");
        ensure!(number(file, 20)? == 1, "no packets of an Ethernet");
        let (mut at, mut count) = (24, 0);
        while at < file.len() {
            let (captured, length) = (number(file, at + 8)?, number(file, at + 12)?);
            ensure!(captured == length, "half a packet was captured");
            let end = at + 16 + captured as usize;
            let packet = file.get(at + 16..end).context("a packet was cut off")?;
            self.add(packet).context("a packet that is too short")?;
            (at, count) = (end, count + 1);
        }
        Ok(count)
    }

    /// Adds a packet of Ethernet, IPv4 and TCP; `None` when it is none.
    fn add(&mut self, packet: &[u8]) -> Option<()> {
        let short = |bytes: &[u8], at: usize| {
            Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
        };
        let ip = packet.get(14..)?;
        let ip_head = usize::from(ip.first()? & 15) * 4;
        let tcp = ip.get(ip_head..usize::from(short(ip, 2)?))?;
        let (from, to) = (short(tcp, 0)?, short(tcp, 2)?);
        let seq = u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?);
        let payload = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
        let is_syn = tcp.get(13)? & 2 != 0;
        let (client, direction) = match self.port {
            port if port == to => (from, 0),
            port if port == from => (to, 1),
            _ => return Some(()),
        };
        if is_syn && direction == 0 {
            self.by_client.insert(client, self.connections.len());
            self.connections.push(Default::default());
        }
        // Of one that began before the capture nothing is known.
        let Some(at) = self.by_client.get(&client) else {
            return Some(());
        };
        let stream = &mut self.connections[*at][direction];
        match is_syn {
            true => stream.next = seq.wrapping_add(1),
            false => stream.add(seq, payload),
        }
        Some(())
    }

    fn has_gaps(&self) -> bool {
        let mut streams = self.connections.iter().flatten();
        streams.any(|stream| !stream.early.is_empty())
    }

    fn conversations(self) -> Vec<Conversation> {
        let connections = self.connections.into_iter();
        let conversations = connections.map(|[to, from]| Conversation {
            requests: to.bytes,
            answers: from.bytes,
        });
        conversations.collect()
    }
}
