//! A droplet's server: OpenSSH of a fresh server, with the host key that cloud-init is told.

use std::{net::Ipv4Addr, sync::Arc};

use serde_json::Value;
use tests::fresh::BareServer;

/// The one server of the account, and the key that opens it.
pub(crate) struct ServerPlace {
    pub(crate) server: Arc<BareServer>,
    pub(crate) public_key: String,
}

/// The server as a droplet.
pub(crate) struct DropletServer(Arc<BareServer>);

impl DropletServer {
    /// Does what cloud-init would: the host key, who may sign in, and that it is over.
    pub(crate) fn start(place: &ServerPlace, user_data: &str, has_wrong_key: bool) -> Self {
        assert!(!has_wrong_key, "the key is always the one that was made");
        let server = Arc::clone(&place.server);
        let config: Value =
            serde_json::from_str(user_data.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        let key = config["ssh_keys"]["ed25519_private"].as_str().unwrap();
        let folders = "mkdir --parents --mode 700 /root/.ssh && rm -f /etc/ssh/ssh_host_* && \
                       umask 077 && touch /etc/ssh/ssh_host_ed25519_key /root/.ssh/authorized_keys";
        server.run(&["sh", "-ec", folders]).unwrap();
        server
            .write("/etc/ssh/ssh_host_ed25519_key", key.as_bytes())
            .unwrap();
        server
            .write("/root/.ssh/authorized_keys", place.public_key.as_bytes())
            .unwrap();
        let over = b"#!/bin/sh\necho 'status: done'\n";
        server.write("/usr/local/bin/cloud-init", over).unwrap();
        let start = "chmod 755 /usr/local/bin/cloud-init && systemctl restart ssh";
        server.run(&["sh", "-ec", start]).unwrap();
        Self(server)
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.0.address()
    }
}
