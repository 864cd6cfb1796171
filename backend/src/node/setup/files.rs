//! Files of a server that are as this program writes them, and files that are the trainer's from
//! their first day on.

use std::fs;

use super::{bundle, server::Server, step::SetupStep};

/// A file of the server.
pub(super) struct ServerFile {
    pub(super) path: String,
    pub(super) content: Vec<u8>,
    pub(super) mode: u32,
    /// Whether it is written once and never again.
    pub(super) is_theirs: bool,
}

impl ServerFile {
    /// One that every run brings to this content.
    pub(super) fn ours(path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
            mode,
            is_theirs: false,
        }
    }

    /// One that is written where there is none, and is the trainer's then.
    pub(super) fn theirs(path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self {
            is_theirs: true,
            ..Self::ours(path, content, mode)
        }
    }

    pub(super) fn is_there(&self, server: &Server) -> bool {
        match self.is_theirs {
            true => fs::symlink_metadata(&self.path).is_ok(),
            false => server.has(&self.path, &self.content, self.mode),
        }
    }
}

/// Several files under one name.
pub(super) struct ServerFiles {
    pub(super) name: &'static str,
    pub(super) files: Vec<ServerFile>,
}

impl SetupStep for ServerFiles {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let missing: Vec<_> = self
            .files
            .iter()
            .filter(|file| !file.is_there(server))
            .map(|file| file.path.as_str())
            .collect();
        Ok((!missing.is_empty()).then(|| format!("to be written: {}", missing.join(", "))))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        for file in self.files.iter().filter(|file| !file.is_there(server)) {
            server.write(&file.path, &file.content, file.mode)?;
        }
        Ok(())
    }
}

/// What is in the home of everyone new.
pub(super) fn home_files() -> impl Iterator<Item = ServerFile> {
    bundle::node_files()
        .into_iter()
        .filter_map(|(path, content)| {
            let name = path.strip_prefix("home/")?;
            Some(ServerFile::theirs(
                format!("/etc/skel/{name}"),
                content,
                0o644,
            ))
        })
}
