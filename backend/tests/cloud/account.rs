//! What there is in the made-up account.

use std::{
    collections::{BTreeSet, VecDeque},
    net::Ipv4Addr,
    path::PathBuf,
    sync::Arc,
};

use rustix::process::Pid;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::sshd::DropletServer;

/// How often a new droplet is looked at before it is active, and a removed one before it is gone.
const LOOKS: u32 = 2;

/// A fault that the API has once, at the first request that it fits.
pub(crate) struct ApiFault {
    pub(crate) method: &'static str,
    /// The path begins with it.
    pub(crate) path: &'static str,
    pub(crate) kind: FaultKind,
}

pub(crate) enum FaultKind {
    /// This answer, and nothing is done.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// What was asked for is done, and the answer is this status.
    Done(u16),
    /// What was asked for is done, and there is no answer.
    Silence,
}

/// Where the trainer's program is killed: at the request of this number, from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KillAt {
    pub(crate) request: usize,
    /// Whether what was asked for is done.
    pub(crate) is_after: bool,
}

pub(crate) struct FakeDroplet {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    /// The body of the request that it was made by.
    pub(crate) request: Value,
    looks: u32,
    pub(crate) is_removed: bool,
    /// Ends with the droplet; none of somebody else's.
    server: Option<DropletServer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FakeRecord {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) ttl: u64,
}

/// Everything in the account.
pub(crate) struct FakeAccount {
    pub(crate) droplets: Vec<FakeDroplet>,
    pub(crate) records: Vec<FakeRecord>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) keys: Vec<u64>,
    pub(crate) faults: VecDeque<ApiFault>,
    /// Every request, as `GET /v2/…`.
    pub(crate) requests: Vec<String>,
    pub(crate) kill_at: Option<KillAt>,
    /// The trainer's program, once it is started.
    pub(crate) program: watch::Receiver<Option<Pid>>,
    /// The server's files, for droplets that are started.
    pub(crate) server: Arc<crate::sshd::ServerPlace>,
    /// Whether droplets have a host key of their own making.
    pub(crate) has_wrong_host_key: bool,
    /// Whether the action that makes a droplet ends in an error.
    pub(crate) has_failing_action: bool,
    next_id: u64,
}

impl FakeAccount {
    pub(crate) fn new(
        program: watch::Receiver<Option<Pid>>,
        server: Arc<crate::sshd::ServerPlace>,
    ) -> Self {
        let record = |id, name: &str, data: &str| FakeRecord {
            id,
            name: name.to_owned(),
            data: data.to_owned(),
            ttl: 1800,
        };
        Self {
            droplets: vec![],
            // Others' records, on pages of their own.
            records: vec![
                record(1, "@", "192.0.2.1"),
                record(2, "www", "192.0.2.1"),
                record(3, "alpha-lab-old", "192.0.2.9"),
            ],
            tags: ["theirs".to_owned()].into(),
            keys: vec![11, 12, 13],
            faults: VecDeque::new(),
            requests: vec![],
            kill_at: None,
            program,
            server,
            has_wrong_host_key: false,
            has_failing_action: false,
            next_id: 100,
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Somebody else's droplet.
    pub(crate) fn add_foreign_droplet(&mut self, name: &str) -> u64 {
        let id = self.next_id();
        self.droplets.push(FakeDroplet {
            id,
            name: name.to_owned(),
            tags: vec!["theirs".to_owned()],
            request: Value::Null,
            looks: LOOKS,
            is_removed: false,
            server: None,
        });
        id
    }

    /// Somebody else's record.
    pub(crate) fn add_foreign_record(&mut self, name: &str, data: &str) -> FakeRecord {
        let record = FakeRecord {
            id: self.next_id(),
            name: name.to_owned(),
            data: data.to_owned(),
            ttl: 1800,
        };
        self.records.push(record.clone());
        record
    }

    pub(crate) fn create_droplet(&mut self, request: &Value) -> Value {
        let id = self.next_id();
        let tags: Vec<String> = serde_json::from_value(request["tags"].clone()).unwrap();
        self.tags.extend(tags.iter().cloned());
        let user_data = request["user_data"].as_str().unwrap();
        let server = DropletServer::start(&self.server, user_data, self.has_wrong_host_key);
        self.droplets.push(FakeDroplet {
            id,
            name: request["name"].as_str().unwrap().to_owned(),
            tags,
            request: request.clone(),
            looks: 0,
            is_removed: false,
            server: Some(server),
        });
        let action = json!({"id": id + 5000, "rel": "create"});
        json!({"droplet": self.droplets.last().unwrap().json(), "links": {"actions": [action]}})
    }

    /// Looks at a droplet, which brings it on.
    pub(crate) fn look(&mut self, id: u64) -> Option<Value> {
        let at = self.droplets.iter().position(|it| it.id == id)?;
        let droplet = &mut self.droplets[at];
        droplet.looks += 1;
        if droplet.is_removed && droplet.looks >= LOOKS {
            self.droplets.remove(at);
            return None;
        }
        Some(droplet.json())
    }

    pub(crate) fn remove_droplet(&mut self, id: u64) -> bool {
        let Some(droplet) = self.droplets.iter_mut().find(|it| it.id == id) else {
            return false;
        };
        droplet.is_removed = true;
        droplet.looks = 0;
        true
    }

    /// The droplets of a name that are not being removed.
    pub(crate) fn named(&self, name: &str) -> Vec<&FakeDroplet> {
        let droplets = self.droplets.iter();
        droplets
            .filter(|it| it.name == name && !it.is_removed)
            .collect()
    }

    /// The records of a name.
    pub(crate) fn pointing(&self, name: &str) -> Vec<FakeRecord> {
        let records = self.records.iter();
        records.filter(|it| it.name == name).cloned().collect()
    }

    /// How many requests would change something.
    pub(crate) fn changes(&self) -> usize {
        let requests = self.requests.iter();
        requests.filter(|it| !it.starts_with("GET ")).count()
    }
}

impl FakeDroplet {
    pub(crate) fn json(&self) -> Value {
        let is_active = self.looks >= LOOKS || self.is_removed;
        let status = if is_active { "active" } else { "new" };
        let address = self.server.as_ref().map(DropletServer::address);
        let address = address.unwrap_or(Ipv4Addr::LOCALHOST);
        let networks = match is_active {
            true => json!({"v4": [
                {"ip_address": "10.1.2.3", "type": "private"},
                {"ip_address": address, "type": "public"},
            ]}),
            false => json!({"v4": [], "v6": []}),
        };
        json!({
            "id": self.id, "name": self.name, "status": status, "tags": self.tags,
            "networks": networks,
        })
    }
}

impl FakeRecord {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "type": "A", "name": self.name, "data": self.data, "ttl": self.ttl,
            "priority": null,
        })
    }
}

/// A folder below a test's.
pub(crate) fn folder(root: &std::path::Path, name: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}
