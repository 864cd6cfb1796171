//! The hostname that a server was set up with, as `setup-node` keeps it.

use std::{fs, path::Path};

use serde::Deserialize;

/// Where a server that was set up keeps what it is, in TOML: `hostname = "alpha-lab.pipal.in"`.
const NODE_FILE: &str = "/etc/pipalhub/node.toml";

/// What is read of the file; it may say more.
#[derive(Deserialize)]
struct OwnHostname {
    hostname: String,
}

/// The hostname of this server, where it was set up by `setup-node`.
pub(crate) fn hostname_of_node() -> Option<String> {
    read_hostname(Path::new(NODE_FILE))
}

fn read_hostname(path: &Path) -> Option<String> {
    let file: OwnHostname = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    Some(file.hostname)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hostname_is_read_beside_whatever_else_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        assert_eq!(read_hostname(&path), None);
        for wrong in ["docker = true\n", "hostname = 1\n", "hostname"] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(read_hostname(&path), None, "{wrong:?}");
        }
        fs::write(&path, "hostname = \"alpha-lab.pipal.in\"\ndocker = true\n").unwrap();
        let read = read_hostname(&path);
        assert_eq!(read.as_deref(), Some("alpha-lab.pipal.in"));
    }
}
