//! A machine for one test: Debian with systemd as its init, at an address that only the host
//! reaches. From the machine only the host is reached.
//!
//! The machine is a container. Its network namespace, its end of the cable to the host and its
//! volumes end with the container. The host forwards no packets and has no firewall rule for it.

use std::{
    fs,
    io::Write,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};

use crate::{WAIT_TIMEOUT, setting, until};

/// Prefix of the names of machines. The id of the process that has started the machine follows.
const NAME_PREFIX: &str = "pipalhub-fresh-";

/// The cgroup around the cgroups of all machines.
const CGROUP: &str = "pipalhub-fresh";

/// A machine that runs until this is dropped.
pub(super) struct Machine {
    name: String,
    address: Ipv4Addr,
}

impl Machine {
    /// Starts an image with these folders and files of the host mounted read-only, and waits until
    /// systemd has started all units.
    pub(super) async fn start(image: &Path, mounts: &[(PathBuf, &str)]) -> Result<Self> {
        let mut options = ["--privileged", "--systemd=always"]
            .map(str::to_owned)
            .to_vec();
        // On the host's file system, because an overlay of the engine's layers cannot lie on
        // the overlay of the container.
        options.push("--volume=/var/lib/docker".to_owned());
        for (source, target) in mounts {
            options.push(format!("--volume={}:{target}:ro", source.display()));
        }
        let machine = Self::start_container(image, &options)?;
        until(("the start of", &machine.name), async || {
            // The command fails in every state but `running`.
            let state = machine.run(&["sh", "-c", "systemctl is-system-running || true"])?;
            Ok((state.trim() == "running").then_some(()))
        })
        .await?;
        Ok(machine)
    }

    /// Starts an image with these options of `podman run`, whatever it is that it runs.
    pub(super) fn start_container(image: &Path, options: &[String]) -> Result<Self> {
        remove_leftovers()?;
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let process = std::process::id();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let network = free_network(process as usize + number)?;
        // From here on an error drops the machine, which removes the container.
        let machine = Self {
            name: format!("{NAME_PREFIX}{process}-{number}"),
            address: Ipv4Addr::new(10, 77, network, 2),
        };
        let mut run = podman();
        run.args(["run", "--detach", "--name", &machine.name])
            .args(["--network=none"])
            .arg(format!("--cgroup-parent=/{CGROUP}"))
            .args(options);
        output(run.arg(image))?;
        machine.connect(&format!("ph{process}-{number}"), network)?;
        Ok(machine)
    }

    /// Lets the container end what it does, as an engine does that replaces it, and returns its log.
    pub(super) fn stop(&self) -> Result<String> {
        output(podman().args(["stop", "--time=30", &self.name]))?;
        self.log()
    }

    /// What the container's programs have said.
    pub(super) fn log(&self) -> Result<String> {
        output(podman().args(["logs", &self.name]))
    }

    /// Connects the machine with the host by a pair of virtual network devices.
    fn connect(&self, device: &str, network: u8) -> Result<()> {
        let pid = output(podman().args(["inspect", "--format", "{{.State.Pid}}", &self.name]))?;
        let pid = pid.trim();
        let host_address = format!("10.77.{network}.1/24");
        let machine_address = format!("{}/24", self.address);
        let ip = |arguments: &[&str]| output(program("ip").args(arguments));
        let inside = |arguments: &[&str]| {
            let mut command = program("nsenter");
            command.args(["--net", "--target", pid, "ip"]);
            output(command.args(arguments))
        };
        let link = ["link", "add", device, "type", "veth", "peer"];
        ip(&[&link[..], &["name", "eth0", "netns", pid]].concat())?;
        ip(&["address", "add", &host_address, "dev", device])?;
        ip(&["link", "set", device, "up"])?;
        inside(&["address", "add", &machine_address, "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["link", "set", "lo", "up"])?;
        // Leads no further than the host, and without it Docker's engine finds no network.
        let gateway = format!("10.77.{network}.1");
        inside(&["route", "add", "default", "via", &gateway])?;
        Ok(())
    }

    /// The address of the machine.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The host's address in the machine's network.
    pub(super) fn host_address(&self) -> Ipv4Addr {
        let [a, b, network, _] = self.address.octets();
        Ipv4Addr::new(a, b, network, 1)
    }

    /// A command that runs a program on the machine as root, for as long as it takes.
    pub(super) fn command(&self, command: &[&str]) -> Command {
        let mut exec = podman();
        exec.args(["exec", &self.name]).args(command);
        exec
    }

    /// Runs a program on the machine as root and returns its output.
    pub(super) fn run(&self, command: &[&str]) -> Result<String> {
        let timeout = WAIT_TIMEOUT.as_secs().to_string();
        let exec = ["exec", &self.name, "timeout", &timeout];
        output(podman().args(exec).args(command))
    }

    /// Writes a file on the machine, in a folder that exists.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let mut tee = podman()
            .args(["exec", "--interactive", &self.name, "tee", path])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("podman cannot be started")?;
        let mut input = tee.stdin.take().context("it was asked for")?;
        input.write_all(content)?;
        drop(input);
        ensure!(tee.wait()?.success(), "{path} cannot be written");
        Ok(())
    }

    /// Loads an image of the host into the machine's Docker engine and returns its name there.
    pub(super) fn load(&self, image: &Path) -> Result<String> {
        let mut save = podman()
            .args(["save", "--quiet"])
            .arg(image)
            .stdout(Stdio::piped())
            .spawn()
            .context("podman cannot be started")?;
        let archive = save.stdout.take().context("it was asked for")?;
        let load = ["exec", "--interactive", &self.name];
        let loaded = output(
            podman()
                .args(load)
                .args(["docker", "load", "--quiet"])
                .stdin(archive),
        );
        let saved = save.wait()?;
        let loaded = loaded?;
        ensure!(saved.success(), "podman save ended with {saved}");
        let (_, name) = loaded.split_once(": ").context("the name of the image")?;
        Ok(name.trim().to_owned())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// Removes the machines of processes that have ended without removing them.
fn remove_leftovers() -> Result<()> {
    let names = output(podman().args(["ps", "--all", "--format", "{{.Names}}"]))?;
    for name in names.lines() {
        let process = name
            .strip_prefix(NAME_PREFIX)
            .and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            remove(name)?;
        }
    }
    Ok(())
}

/// Removes a machine with its volumes, its network and its cgroup.
fn remove(name: &str) -> Result<()> {
    let mut remove = podman();
    remove.args(["rm", "--force", "--ignore", "--time=5", "--volumes", name]);
    output(&mut remove)?;
    // podman removes the cgroup of the container, not the one around it. Version 2 of cgroups
    // has one hierarchy, version 1 one for each controller. A cgroup in use stays.
    let root = Path::new("/sys/fs/cgroup");
    for entry in fs::read_dir(root)?.flatten() {
        let _ = fs::remove_dir(entry.path().join(CGROUP));
    }
    let _ = fs::remove_dir(root.join(CGROUP));
    Ok(())
}

/// The third number of an IPv4 network 10.77.N.0/24 in which the host has no address. The search
/// begins at `seed`.
fn free_network(seed: usize) -> Result<u8> {
    let taken = output(program("ip").args(["-4", "-oneline", "address"]))?;
    let is_free = |network: &u8| !taken.contains(&format!(" 10.77.{network}."));
    (0..u8::MAX)
        .map(|step| ((seed + usize::from(step)) % usize::from(u8::MAX)) as u8)
        .find(is_free)
        .context("a free address")
}

/// podman with the storage and the settings of `cargo xtask`.
fn podman() -> Command {
    let mut podman = program("podman");
    for name in ["CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"] {
        podman.env(name, setting(name));
    }
    podman
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns its output.
fn output(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .with_context(|| format!("{command:?} cannot be started"))?;
    let [written, said] = [stdout, stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    ensure!(status.success(), "{command:?}: {status}: {written}{said}");
    Ok(written)
}
