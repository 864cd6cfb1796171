//! What participants, who are users of the server where there is no container, may not: listen on
//! the ports of services, and sign in by SSH, where nothing holds them to their limits.

use std::{fs, path::Path};

use super::{bundle, server::Server, step::SetupStep};

const PORTS_FILE: &str = "/etc/sysctl.d/60-pipalhub.conf";
const SSH_FILE: &str = "/etc/ssh/sshd_config.d/60-pipalhub.conf";
const MODE: u32 = 0o644;
/// The kernel's own word on the first port that everybody may listen on.
const FIRST_PORT_FILE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// Settings of the kernel and of sshd.
pub(super) struct Confinement;

impl Confinement {
    fn ports() -> String {
        bundle::node_file("participants/ports.conf")
    }

    fn ssh() -> String {
        bundle::node_file("participants/sshd.conf")
    }
}

/// The value of the one setting in a file of sysctl's.
fn first_port(settings: &str) -> &str {
    let line = settings.lines().find_map(|line| line.split_once('='));
    line.map_or("", |(_, port)| port.trim())
}

impl SetupStep for Confinement {
    fn name(&self) -> String {
        "What participants may not on the server".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let ports = Self::ports();
        let is_set =
            fs::read_to_string(FIRST_PORT_FILE).is_ok_and(|port| port.trim() == first_port(&ports));
        if !is_set || !server.has(PORTS_FILE, ports.as_bytes(), MODE) {
            return Ok(Some("they could listen on ports of services".to_owned()));
        }
        // Written also where there is no sshd yet.
        let is_refused = server.has(SSH_FILE, Self::ssh().as_bytes(), MODE);
        Ok((!is_refused).then(|| "they could sign in by SSH".to_owned()))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        server.write(PORTS_FILE, Self::ports().as_bytes(), MODE)?;
        server.run("sysctl", &["--quiet", "--load", PORTS_FILE])?;
        // The last, so that an interrupted run does the rest again.
        let folder = Path::new(SSH_FILE).parent();
        let was_there = folder.is_some_and(Path::exists);
        let before = fs::read(SSH_FILE).ok();
        server.write(SSH_FILE, Self::ssh().as_bytes(), MODE)?;
        if was_there && server.succeeds("systemctl", &["is-active", "--quiet", "ssh"]) {
            let reload = server.run("systemctl", &["reload", "ssh"]);
            if reload.is_err() {
                match before {
                    Some(before) => server.write(SSH_FILE, &before, MODE)?,
                    None => fs::remove_file(SSH_FILE)?,
                }
            }
            reload?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_services_are_below_those_of_participants() {
        let first: u16 = first_port(&Confinement::ports()).parse().unwrap();
        let compose = bundle::node_file("container/compose.yaml");
        let setting = format!("- net.ipv4.ip_unprivileged_port_start={first}\n");
        assert!(compose.contains(&setting), "{compose}");
        let proxy = bundle::node_file("systemd/pipalhub-proxy.service");
        let ports = proxy.split("port=").skip(1).map(|rest| &rest[..4]);
        let service = bundle::settings_file("pipalhub.env");
        let addresses = service.split("127.0.0.1:").skip(1);
        let listened = addresses.map(|rest| rest.split(|it: char| !it.is_ascii_digit()).next());
        let all: Vec<u16> = ports
            .chain(listened.flatten())
            .map(|port| port.parse().unwrap())
            .collect();
        for port in [8000, 8001, 8081, 10101] {
            assert!(all.contains(&port), "{all:?}");
        }
        assert!(all.iter().all(|port| *port < first), "{all:?}");
    }
}
