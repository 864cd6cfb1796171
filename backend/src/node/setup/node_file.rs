//! What a server is known by to the commands that run on it: `/etc/pipalhub/node.toml`, written
//! when all of a setup has been done.

use std::{fs, io};

use anyhow::Context;
use serde::Deserialize;

use super::{release::ReleaseName, server::Server, step::SetupStep};

const PATH: &str = "/etc/pipalhub/node.toml";
const MODE: u32 = 0o644;

/// How what runs on a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackKind {
    /// As units of systemd.
    Units,
    /// In a container of Docker's.
    Container,
}

impl StackKind {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Units => "without Docker",
            Self::Container => "with Docker",
        }
    }
}

/// A server that was set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeFile {
    pub(super) hostname: String,
    pub(super) kind: StackKind,
    pub(super) release: ReleaseName,
}

#[derive(Deserialize)]
struct NodeText {
    hostname: String,
    docker: bool,
    release: String,
}

impl NodeFile {
    /// That of this server; `None` where no setup has come to its end.
    pub(super) fn read() -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(PATH) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {PATH}")),
        };
        Self::parse(&text).map(Some).with_context(|| {
            format!("{PATH} is not as a setup has written it: remove it, and run the setup again")
        })
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let text: NodeText = toml::from_str(text)?;
        Ok(Self {
            hostname: text.hostname,
            kind: match text.docker {
                true => StackKind::Container,
                false => StackKind::Units,
            },
            release: ReleaseName::parse(&text.release).context("no name of a release")?,
        })
    }

    fn text(&self) -> String {
        format!(
            "# Written by pipalhub setup-node, and read by other commands.\n\
             hostname = \"{}\"\ndocker = {}\nrelease = \"{}\"\n",
            self.hostname,
            self.kind == StackKind::Container,
            self.release.as_str()
        )
    }
}

impl SetupStep for NodeFile {
    fn name(&self) -> String {
        "The server's own record".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let is_there = server.has(PATH, self.text().as_bytes(), MODE);
        Ok((!is_there).then(|| format!("to be written: {PATH}")))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        server.write(PATH, self.text().as_bytes(), MODE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for kind in [StackKind::Units, StackKind::Container] {
            let node = NodeFile {
                hostname: "alpha-lab.pipal.in".to_owned(),
                kind,
                release: ReleaseName::parse("0.1.0-0123456789ab").unwrap(),
            };
            assert_eq!(NodeFile::parse(&node.text()).unwrap(), node);
        }
        assert!(NodeFile::parse("hostname = 1").is_err());
    }
}
