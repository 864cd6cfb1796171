//! What is known on this machine of a node: a folder for each, with a file that is written before
//! something is made and after it was made, so that whoever goes on knows what is theirs.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    net::Ipv4Addr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::hostname::{NodeHostname, is_label};
use crate::files;

const STATE_FILE: &str = "node.json";
const LOCK_FILE: &str = "lock";
const KNOWN_HOSTS_FILE: &str = "known_hosts";
/// What the tag of a droplet that was made from here begins with.
const TAG_PREFIX: &str = "pipalhub-node-";
const HOST_KEY_FILE: &str = "host_key";

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeState {
    pub(crate) name: String,
    /// The whole hostname.
    pub(crate) hostname: String,
    /// The hostname below the domain.
    pub(crate) label: String,
    /// The domain that the record is in.
    pub(crate) domain: String,
    /// DigitalOcean's name of the size.
    pub(crate) size: String,
    /// The tag of this droplet alone, which says that it was made from here.
    pub(crate) tag: String,
    /// Whether a droplet was ordered; it may be there though it has no id here.
    pub(crate) is_ordered: bool,
    pub(crate) droplet: Option<u64>,
    /// The action that makes the droplet.
    pub(crate) action: Option<u64>,
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) record: Option<NodeRecord>,
    /// Whether the setup has come to its end.
    pub(crate) is_set_up: bool,
}

impl NodeState {
    /// A node of which nothing was made yet, with a tag that no other has.
    pub(crate) fn new(name: &str, hostname: &NodeHostname, domain: &str, size: &str) -> Self {
        // A tag has letters and digits, and is compared without regard to case.
        let mut mark = [0; 8];
        getrandom::fill(&mut mark).expect("the operating system gives random bytes");
        Self {
            name: name.to_owned(),
            hostname: hostname.full.clone(),
            label: hostname.label.clone(),
            domain: domain.to_owned(),
            size: size.to_owned(),
            tag: format!("{TAG_PREFIX}{:016x}", u64::from_le_bytes(mark)),
            is_ordered: false,
            droplet: None,
            action: None,
            address: None,
            record: None,
            is_set_up: false,
        }
    }

    /// What there is of it, in words; nothing when there is nothing.
    pub(crate) fn existing(&self) -> Option<String> {
        let droplet = match (self.droplet, self.is_ordered) {
            (Some(id), _) => Some(format!("the droplet {id}")),
            (None, true) => Some("a droplet that was ordered".to_owned()),
            (None, false) => None,
        };
        let address = self.address.map(|it| format!("its address {it}"));
        let record = match &self.record {
            Some(NodeRecord::Ordered { .. }) => Some("a DNS record that was ordered".to_owned()),
            Some(_) => Some(format!("the DNS record of {}", self.hostname)),
            None => None,
        };
        let parts: Vec<String> = [droplet, address, record].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What is known of the node's DNS record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum NodeRecord {
    /// It was asked for with this address, and may be there.
    Ordered { data: String },
    /// It was made from here.
    Made { id: u64 },
    /// It was there with another address, and was taken with consent.
    Taken { id: u64, data: String, ttl: u32 },
    /// It was there with the right address, and is somebody else's.
    Found { id: u64 },
}

/// A node's folder, which one command at a time has.
pub(crate) struct NodeFolder {
    path: PathBuf,
    _lock: Option<File>,
}

impl NodeFolder {
    /// Takes the folder of the node `name` below `nodes`, and makes it when it is not there.
    ///
    /// # Errors
    /// When the name cannot be a node's, or another command has the folder.
    pub(crate) fn take(nodes: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder_of(nodes, name)?;
        files::make_folder(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .with_context(|| format!("cannot write to the folder {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path,
                _lock: Some(lock),
            }),
            Err(TryLockError::WouldBlock) => {
                bail!("another pipalhub is at work on the node {name}: let it end first")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// The same folder for looking only: nothing is made.
    ///
    /// # Errors
    /// When the name cannot be a node's.
    pub(crate) fn look(nodes: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder_of(nodes, name)?;
        Ok(Self { path, _lock: None })
    }

    /// What is known of the node; nothing when nothing was begun.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn state(&self) -> anyhow::Result<Option<NodeState>> {
        let path = self.path.join(STATE_FILE);
        let named = || format!("cannot read {}", path.display());
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(named)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(named),
        }
    }

    /// Keeps what is known; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep(&self, state: &NodeState) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(state)?;
        let path = self.path.join(STATE_FILE);
        files::replace(&path, &json).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Forgets the node.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.path.join(KNOWN_HOSTS_FILE)
    }

    pub(super) fn host_key(&self) -> PathBuf {
        self.path.join(HOST_KEY_FILE)
    }
}

fn folder_of(nodes: &Path, name: &str) -> anyhow::Result<PathBuf> {
    if !is_label(name) {
        bail!("{name:?} is no name of a node: letters, digits and dashes, as in alpha");
    }
    Ok(nodes.join(name))
}
