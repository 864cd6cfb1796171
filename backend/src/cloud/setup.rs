//! The setup of a node: this program is copied there and runs `setup-node`.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;

use super::ssh::NodeShell;

/// How a node is set up.
pub(crate) struct NodeSetup {
    /// The program that is copied there, for the system of the server.
    pub(crate) program: PathBuf,
    /// Of `setup-node`, beside the hostname: words in which a shell reads nothing else.
    pub(crate) options: Vec<String>,
    pub(crate) timeout: Duration,
}

impl NodeSetup {
    /// Copies the program and runs it; what it says is seen.
    pub(super) async fn run(&self, shell: &NodeShell, hostname: &str) -> anyhow::Result<()> {
        // A hostname has nothing in it that a shell reads as anything else. The program is in a
        // folder of its own, which goes with the command.
        let options = self.options.join(" ");
        let command = format!(
            "d=$(mktemp -d) && trap 'rm -rf \"$d\"' EXIT && cat > \"$d/pipalhub\" && \
             chmod 700 \"$d/pipalhub\" && \"$d/pipalhub\" setup-node {hostname} {options} < /dev/null"
        );
        let status = shell
            .run_with_file(&command, &self.program, self.timeout)
            .await?;
        if !status.success() {
            bail!("setup-node has ended with {status}; what it said is above");
        }
        Ok(())
    }
}
