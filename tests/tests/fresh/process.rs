//! What the service's process on a fresh server may do and has open.

use anyhow::{Context, Result};
use tests::fresh::HubMachine;

/// The sets of capabilities that a process has, by their names in its status.
pub(crate) const CAPABILITY_SETS: [&str; 5] =
    ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
/// A set without capabilities.
pub(crate) const NONE: &str = "0000000000000000";

/// CAP_NET_BIND_SERVICE, which listens on ports that are no participant's.
pub(crate) const LISTENS: &str = "0000000000000400";

/// Tries what the service must not be able to do, as a program in its place, and prints what went.
pub(crate) const PROBE: &str = "\
    for folder in /srv/open /home/open /etc /usr /var/lib /var/tmp /tmp /run/lock /dev/shm; do \
        if touch $folder/probe 2>/dev/null; then echo wrote $folder; fi; \
    done; \
    for file in /home/*/file; do \
        if cat $file >/dev/null 2>&1; then echo read $file; fi; \
    done; \
    touch /var/lib/pipalhub/probe && rm /var/lib/pipalhub/probe && echo wrote its own";

/// What [`PROBE`] printed, among what else is in a log.
pub(crate) fn done_by_probe(log: &str) -> Vec<&str> {
    let is_of_probe = |line: &&str| ["wrote ", "read "].iter().any(|did| line.starts_with(did));
    log.lines().filter(is_of_probe).collect()
}

/// Makes what [`PROBE`] tries: a folder of everyone's in a place where data are, a home that is
/// open, and one that only its owner may enter.
pub(crate) fn prepare_for_probe(server: &impl HubMachine) -> Result<()> {
    let make = "mkdir --parents --mode=777 /srv/open /home/open && echo text >/home/open/file && \
                mkdir --parents --mode=700 /home/closed && echo text >/home/closed/file && \
                chown --recursive nobody: /home/closed";
    server.run(&["sh", "-c", make]).map(drop)
}

/// What a process may do, as the kernel says it in its status.
pub(crate) struct ProcessStatus(String);

impl ProcessStatus {
    pub(crate) fn of(server: &impl HubMachine, process: &str) -> Result<Self> {
        let status = server.run(&["cat", &format!("/proc/{process}/status")])?;
        Ok(Self(status))
    }

    /// The words of a field.
    pub(crate) fn field(&self, name: &str) -> Result<Vec<&str>> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("{name} in {}", self.0))?;
        Ok(line.split_whitespace().collect())
    }

    /// Checks that it runs as this user and as no other.
    pub(crate) fn assert_user(&self, server: &impl HubMachine, user: &str) -> Result<()> {
        for (what, field) in [("--user", "Uid:"), ("--group", "Gid:")] {
            let id = server.run(&["id", what, user])?;
            assert_eq!(self.field(field)?, [id.trim(); 4], "{field} {}", self.0);
        }
        Ok(())
    }

    /// Checks its capabilities: what each of [`CAPABILITY_SETS`] holds.
    pub(crate) fn assert_capabilities(&self, expected: [&str; 5]) -> Result<()> {
        for (set, expected) in CAPABILITY_SETS.into_iter().zip(expected) {
            assert_eq!(self.field(set)?, [expected], "{set}");
        }
        Ok(())
    }

    /// Checks that it can gain no privilege, and that its system calls are filtered.
    pub(crate) fn assert_confined(&self) -> Result<()> {
        assert_eq!(self.field("NoNewPrivs:")?, ["1"]);
        // 2 is a filter.
        assert_eq!(self.field("Seccomp:")?, ["2"]);
        Ok(())
    }
}

/// Tries, as a participant, to listen where services do, and then where participants may; `run` runs
/// a program on the server as root.
///
/// # Errors
/// When a port of a service can be had, whether it is free at the moment or not.
pub(crate) fn ports_are_the_services_own(
    run: impl FnOnce(&[&str]) -> Result<String>,
    user: &str,
) -> Result<()> {
    // Of those that are in use, who has no right is told of that first.
    let bind = "import errno, socket\n\
                def said(port):\n    \
                    try: socket.socket().bind((\"127.0.0.1\", port))\n    \
                    except OSError as error: return errno.errorcode[error.errno]\n    \
                    return \"bound\"\n\
                print(*map(said, [8000, 8001, 8081, 10101, 10100, 10102]))";
    let said = run(&[
        "setpriv",
        "--reuid",
        user,
        "--regid",
        user,
        "--clear-groups",
        "python3",
        "-c",
        bind,
    ])?;
    assert_eq!(said.trim(), "EACCES EACCES EACCES EACCES EACCES bound");
    Ok(())
}

/// Checks who may read the data.
pub(crate) fn its_data_are_its_own(server: &impl HubMachine) -> Result<()> {
    let folder = "/var/lib/pipalhub";
    let stat = server.run(&["stat", "--format=%a %U %G", folder])?;
    assert_eq!(stat, "700 pipalhub pipalhub\n");
    // Neither the group nor others have any right to what is in it.
    let open = ["find", folder, "-mindepth", "1", "-perm", "/077"];
    assert_eq!(server.run(&open)?, "");
    Ok(())
}

/// Checks what a process has open after it has worked: its data, and what is no file.
pub(crate) fn its_open_files_are_its_own(server: &impl HubMachine, process: &str) -> Result<()> {
    let list = format!("for file in /proc/{process}/fd/*; do readlink $file; done");
    let open = server.run(&["sh", "-c", &list])?;
    assert!(open.contains("/var/lib/pipalhub/"), "{open}");
    for file in open.lines() {
        let is_own = ["/var/lib/pipalhub", "socket:", "pipe:", "anon_inode:"]
            .iter()
            .any(|start| file.starts_with(start));
        assert!(is_own || file == "/dev/null", "{file}");
    }
    Ok(())
}

/// Checks that in the place of a service of systemd's no program can be run, and that one which can
/// be run after all does only what is `expected` of [`PROBE`]. The programs are run in units that
/// are copies of the service's, `name` before their names.
pub(crate) fn only_this_can_be_done_in_its_unit(
    server: &impl HubMachine,
    name: &str,
    expected: &[&str],
) -> Result<()> {
    prepare_for_probe(server)?;
    let run = |name: &str, without: &str, command: &str| {
        let unit = format!("/etc/systemd/system/{name}.service");
        let make = format!(
            "of_service=$(systemctl show --property=FragmentPath --value pipalhub); \
             sed -e /^Restart=/d -e /^ExecStart=/d -e s/^Type=.*/Type=oneshot/ -e {without} \
             $of_service >{unit}; \
             printf '[Service]\\nExecStart=%s\\n' \"$0\" >>{unit}; \
             if [ -d /etc/systemd/system/pipalhub.service.d ]; then \
                 cp -r /etc/systemd/system/pipalhub.service.d {unit}.d; \
             fi; \
             systemctl daemon-reload; systemctl start {name}; journalctl --sync; \
             journalctl --unit={name} --no-pager --output=cat"
        );
        server.run(&["sh", "-c", &make, command])
    };
    let refused = run(&format!("{name}-program"), "''", "/usr/bin/id")?;
    assert!(refused.contains("Permission denied"), "{refused}");
    assert!(!refused.contains("uid="), "{refused}");
    // A dollar in a unit is written as two. A program can try more where programs may be run at all.
    let probe = format!("/bin/sh -c '{}'", PROBE.replace('$', "$$"));
    let log = run(&format!("{name}-places"), "/ExecPaths=/d", &probe)?;
    assert_eq!(done_by_probe(&log), expected, "{log}");
    // The private folders for temporary files have ended with the unit.
    for file in ["/tmp/probe", "/var/tmp/probe"] {
        server.run(&["test", "!", "-e", file])?;
    }
    Ok(())
}
