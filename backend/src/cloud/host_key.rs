//! The host key of a node, made here before the server is: it is told to the server by cloud-init
//! and expected from the first connection on, so that no connection trusts whoever answers.

use std::{fs, io, path::Path, process::Stdio};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::process::Command;

use super::{api::TOKEN_VARIABLE, state::NodeFolder};
use crate::files;

/// The name under which a node's key is known, whatever its address.
pub(super) const HOST_KEY_ALIAS: &str = "pipalhub-node";

/// Makes the key unless it is there, and returns what cloud-init is told.
pub(super) async fn user_data(folder: &NodeFolder) -> anyhow::Result<String> {
    let private = folder.host_key();
    let public = private.with_extension("pub");
    // The list of known hosts is written last: without it, a key may be half of one.
    if !folder.known_hosts().exists() {
        remove(&private)?;
        remove(&public)?;
        generate(&private).await?;
        let key = read(&public)?;
        let line = format!("{HOST_KEY_ALIAS} {}\n", without_comment(&key)?);
        files::replace(&folder.known_hosts(), line.as_bytes())?;
    }
    cloud_config(&read(&private)?, &read(&public)?)
}

/// Removes the private key, which nobody needs once the server has it.
pub(super) fn forget(folder: &NodeFolder) -> anyhow::Result<()> {
    let private = folder.host_key();
    remove(&private.with_extension("pub"))?;
    remove(&private)
}

/// Removes all of it: the server that had this key is gone.
pub(super) fn discard(folder: &NodeFolder) -> anyhow::Result<()> {
    remove(&folder.known_hosts())?;
    forget(folder)
}

async fn generate(path: &Path) -> anyhow::Result<()> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(path)
        .env_remove(TOKEN_VARIABLE)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run ssh-keygen: install OpenSSH's client")?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        bail!("ssh-keygen has made no key: {}", said.trim());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The kind and the key of a line `ssh-ed25519 AAAA… comment`.
fn without_comment(line: &str) -> anyhow::Result<String> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("ssh-ed25519"), Some(key)) => Ok(format!("ssh-ed25519 {key}")),
        _ => bail!("ssh-keygen has made a key of another kind"),
    }
}

#[derive(Serialize)]
struct CloudConfig<'a> {
    ssh_deletekeys: bool,
    ssh_genkeytypes: [&'a str; 1],
    ssh_keys: CloudHostKeys<'a>,
}

#[derive(Serialize)]
struct CloudHostKeys<'a> {
    ed25519_private: &'a str,
    ed25519_public: &'a str,
}

/// What cloud-init reads. It reads YAML, of which JSON is a part.
fn cloud_config(private: &str, public: &str) -> anyhow::Result<String> {
    let config = CloudConfig {
        ssh_deletekeys: true,
        ssh_genkeytypes: ["ed25519"],
        ssh_keys: CloudHostKeys {
            ed25519_private: private,
            ed25519_public: public.trim_end(),
        },
    };
    Ok(format!(
        "#cloud-config\n{}\n",
        serde_json::to_string_pretty(&config)?
    ))
}
