//! The units of systemd on a server without containers.

use super::bundle;

/// Leads to the release that runs.
pub(super) const CURRENT: &str = "/opt/pipalhub/current";
/// The units in the order in which they are started.
pub(super) const UNITS: [&str; 5] = [
    "pipalhub-proxy.service",
    "pipalhub-hub.service",
    "pipalhub.service",
    "pipalhub-steward.service",
    "pipalhub-packages.service",
];
/// Those that are in `etc/node/systemd`; the others are the Debian package's.
const OWN_UNITS: [&str; 2] = ["pipalhub-proxy.service", "pipalhub-hub.service"];

/// A unit with the program where it is on such a server.
///
/// # Panics
/// When there is no such unit.
pub(super) fn unit_text(name: &str) -> String {
    let text = match OWN_UNITS.contains(&name) {
        true => bundle::node_file(&format!("systemd/{name}")),
        false => bundle::systemd_file(name),
    };
    // The package's steward asks no Hub and has no network. This one has the Hub, on the same
    // server, start servers.
    let text = match name {
        "pipalhub-steward.service" => text
            .replace(
                "PrivateNetwork=yes\n",
                "IPAddressDeny=any\nIPAddressAllow=localhost\n",
            )
            .replace(
                "RestrictAddressFamilies=AF_UNIX AF_NETLINK",
                "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6",
            ),
        // Ports of services are no participant's here, nor the service's without a word.
        "pipalhub.service" => text.replace(
            "CapabilityBoundingSet=\nAmbientCapabilities=\n",
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
             AmbientCapabilities=CAP_NET_BIND_SERVICE\n",
        ),
        _ => text,
    };
    let is_documentation = |line: &&str| line.starts_with("Documentation=file:");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !is_documentation(line))
        .collect();
    lines
        .join("\n")
        .replace("/usr/bin/pipalhub", &format!("{CURRENT}/hub/bin/pipalhub"))
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_starts_the_program_of_the_release_that_runs() {
        for name in UNITS {
            let text = unit_text(name);
            assert!(text.contains(&format!("ExecStart={CURRENT}/")), "{text}");
            assert!(!text.contains("/usr/bin/pipalhub"), "{text}");
            assert!(!text.contains("PrivateNetwork"), "{text}");
        }
    }

    #[test]
    fn units_have_what_is_theirs_on_such_a_server() {
        for name in ["pipalhub.service", "pipalhub-proxy.service"] {
            let right = "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n";
            assert!(unit_text(name).contains(right), "{}", unit_text(name));
        }
        let steward = unit_text("pipalhub-steward.service");
        let address = "\nIPAddressAllow=localhost\n";
        assert!(steward.contains(address), "{steward}");
    }
}
