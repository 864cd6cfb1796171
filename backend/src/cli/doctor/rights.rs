//! The rights of the service's process: what it has, and what of that it does not need. When no
//! service runs, those that it would have if this user started it.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::super::homes::SourceArg;
use crate::findings::Finding;

const SUBJECT: &str = "rights";
/// What the system calls a process of the service.
const PROGRAM_NAME: &str = "pipalhub";
/// The capability that reads what only its owner may read.
const READ_CAPABILITY: &str = "CAP_DAC_READ_SEARCH";
/// The capability that listens on a port which not everybody may have.
const PORT_CAPABILITY: &str = "CAP_NET_BIND_SERVICE";
/// The capabilities in the kernel's order, which is that of the bits in `/proc/PID/status`.
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    READ_CAPABILITY,
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    PORT_CAPABILITY,
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];
/// What the service never writes, and could be made to if it may: the Hub's and the system's
/// settings, and programs.
const SYSTEM_FOLDERS: [&str; 4] = ["/etc", "/etc/pipalhub", "/etc/systemd/system", "/usr/bin"];

/// Checks the service on the data folder `data`, whose notebooks come from `source`.
pub(super) fn check(data: &Path, source: SourceArg) -> Vec<Finding> {
    let running = running_service(data);
    let (whose, status) = match running {
        Some(pid) => (
            format!("the service (process {pid}) runs"),
            format!("/proc/{pid}/status"),
        ),
        None => (
            "the service, started by this user, would run".to_owned(),
            "/proc/self/status".to_owned(),
        ),
    };
    let text = fs::read_to_string(status).unwrap_or_default();
    let Some(rights) = ServiceRights::read(&text) else {
        let message = format!("{whose} with rights that the system does not tell");
        return vec![Finding::ok(SUBJECT, message)];
    };
    let mut findings = vec![rights.finding(&whose, source)];
    // What this user may write is what the service may, if it is the service's user.
    let is_own = rights.user == rustix::process::geteuid().as_raw();
    if is_own && !rights.is_root() {
        findings.extend(writable());
    }
    findings
}

/// The process that holds the lock of the data folder, as far as the system tells.
fn running_service(data: &Path) -> Option<u32> {
    let lock = fs::metadata(data.join("lock")).ok()?.ino();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pids = locks.lines().filter_map(|line| holder(line, lock));
    // Files of two disks may have one number.
    let mut services = pids.filter(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim_end() == PROGRAM_NAME)
    });
    services.next()
}

/// The process in a line of `/proc/locks` that holds the exclusive lock of the file with this
/// number: `3: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`.
fn holder(line: &str, file: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, "WRITE", pid, place, ..] = words[..] else {
        return None;
    };
    let number: u64 = place.rsplit(':').next()?.parse().ok()?;
    (number == file).then(|| pid.parse().ok()).flatten()
}

/// The rights of a process.
#[derive(Debug, PartialEq, Eq)]
struct ServiceRights {
    /// The effective user.
    user: u32,
    /// The effective capabilities, as bits.
    capabilities: u64,
    gets_no_new: bool,
    has_filter: bool,
}

impl ServiceRights {
    /// The rights in the text of `/proc/PID/status`.
    fn read(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            Some(line?.strip_prefix(':')?.trim())
        };
        Some(Self {
            user: field("Uid")?.split_whitespace().nth(1)?.parse().ok()?,
            capabilities: u64::from_str_radix(field("CapEff")?, 16).ok()?,
            gets_no_new: field("NoNewPrivs") == Some("1"),
            has_filter: field("Seccomp") == Some("2"),
        })
    }

    fn is_root(&self) -> bool {
        self.user == 0
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        let has = |bit: &usize| self.capabilities >> *bit & 1 == 1;
        let bits: Vec<usize> = (0..CAPABILITIES.len()).filter(has).collect();
        bits.into_iter().map(|bit| CAPABILITIES[bit])
    }

    fn finding(&self, whose: &str, source: SourceArg) -> Finding {
        let is_needed = |name: &&str| match *name {
            READ_CAPABILITY => source.reads_homes(),
            // On a node, where ports of services are no participant's, it listens by it.
            PORT_CAPABILITY => true,
            _ => false,
        };
        let beyond: Vec<&str> = self.names().filter(|name| !is_needed(name)).collect();
        let has = format!("{whose} as {}{}", self.named_user(), self.details());
        if self.is_root() {
            return Finding::warning(
                SUBJECT,
                format!("{has}: {}", need(source)),
                "Run it as a user of its own: configure(c, user=\"pipalhub\"), or by the Debian \
                 package's unit of systemd; see docs/install.md.",
            );
        }
        match beyond.is_empty() {
            true => Finding::ok(SUBJECT, has),
            false => Finding::warning(
                SUBJECT,
                format!("{has}: {}", need(source)),
                &format!("Take away what is more: {}.", beyond.join(", ")),
            ),
        }
    }

    fn named_user(&self) -> String {
        match self.is_root() {
            true => "root".to_owned(),
            false => format!("user {}", self.user),
        }
    }

    fn details(&self) -> String {
        let names: Vec<_> = self.names().collect();
        let capabilities = match names.len() {
            0 => "no capability".to_owned(),
            1..=3 => names.join(", "),
            many => format!("{many} capabilities"),
        };
        let mut text = format!(", with {capabilities}");
        if self.gets_no_new {
            text += ", no way to get more";
        }
        if self.has_filter {
            text += ", a filter of system calls";
        }
        text
    }
}

/// What the service needs.
fn need(source: SourceArg) -> &'static str {
    match source {
        SourceArg::Push => "servers push, and so it needs no right at all",
        SourceArg::Homes => "CAP_DAC_READ_SEARCH is enough to read homes",
        SourceArg::Auto => {
            "CAP_DAC_READ_SEARCH is enough to read homes, and where servers push it needs no right"
        }
    }
}

/// A warning of what this user may write that the service never does.
fn writable() -> Option<Finding> {
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let places = SYSTEM_FOLDERS.iter().map(PathBuf::from);
    let places = places
        .chain(folder.map(Path::to_owned))
        .chain(program.clone());
    let mut writable: Vec<String> = places
        .filter(|place| access(place, Access::WRITE_OK).is_ok())
        .map(|place| place.display().to_string())
        .collect();
    writable.dedup();
    (!writable.is_empty()).then(|| {
        Finding::warning(
            SUBJECT,
            format!("the service's user can write {}", writable.join(", ")),
            "It need not: let them belong to root.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tpipalhub\nUid:\t996\t996\t996\t996\n\
        CapEff:\t0000000000000004\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    fn said(status: &str, source: SourceArg) -> String {
        let rights = ServiceRights::read(status).unwrap();
        format!("{:?}", rights.finding("it runs", source))
    }

    #[test]
    fn a_right_that_is_not_needed_is_named() {
        let homes = said(STATUS, SourceArg::Homes);
        assert!(homes.contains("Ok") && homes.contains("as user 996, with CAP_DAC_READ_SEARCH"));
        assert!(homes.contains("no way to get more, a filter of system calls"));
        let push = said(STATUS, SourceArg::Push);
        assert!(
            push.contains("Warning") && push.contains("no right at all"),
            "{push}"
        );
        assert!(push.contains("more: CAP_DAC_READ_SEARCH."), "{push}");
        let more = STATUS.replace("0004", "0006");
        let homes = said(&more, SourceArg::Homes);
        assert!(homes.contains("more: CAP_DAC_OVERRIDE."), "{homes}");
    }

    #[test]
    fn a_service_of_a_node_may_have_its_port() {
        let node = STATUS.replace("0000000004", "0000000400");
        let said = said(&node, SourceArg::Push);
        assert!(!said.contains("Warning"), "{said}");
        assert!(said.contains("CAP_NET_BIND_SERVICE"), "{said}");
    }

    #[test]
    fn root_is_told_which_user_would_do() {
        let root = STATUS
            .replace("996\t996", "0\t0")
            .replace("0000000004", "01ffffffff");
        for source in [SourceArg::Push, SourceArg::Homes, SourceArg::Auto] {
            let said = said(&root, source);
            assert!(
                said.contains("Warning") && said.contains("as root"),
                "{said}"
            );
            assert!(said.contains("configure(c, user="), "{said}");
        }
    }

    #[test]
    fn the_holder_of_a_lock_is_found_by_the_number_of_its_file() {
        let line = "3: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF";
        assert_eq!(holder(line, 1234), Some(4711));
        assert_eq!(holder(line, 34), None);
        assert_eq!(holder(&line.replace("WRITE", "READ"), 1234), None);
        assert_eq!(
            holder("3: -> FLOCK ADVISORY WRITE 1 fe:00:1234 0 EOF", 1234),
            None
        );
    }
}
