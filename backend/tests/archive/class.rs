//! A class on the disk, the service on it, and the commands.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use backend::copies::{ContentHash, CopyId, Delta, Push, PushedContent, PushedCopies};
use flate2::{Compression, write::DeflateEncoder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{common::eventually, link::address_of};

const TOKEN: &str = "token-of-a-class-that-is-archived";

/// What participants have marked as private is not in an archive.
pub(crate) const CANARY: &str = "private-canary";

/// A folder in which a class is at `class`, and another for archives.
pub(crate) struct ArchivedClass {
    folder: TempDir,
}

pub(crate) fn pipalhub() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    // The environment of the tests must not matter, nor may a list of this machine's.
    command.env_clear();
    command.env("PIPALHUB_USERS_FILE", "/nowhere/users.txt");
    command.env("PIPALHUB_STEWARD_SOCKET", "/nowhere/steward.sock");
    command
}

pub(crate) fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

/// A notebook of these sources, and perhaps a private cell.
pub(crate) fn notebook(sources: &[&str], has_private: bool) -> String {
    let cell = |source: &str| json!({"cell_type": "markdown", "metadata": {}, "source": source});
    let mut cells: Vec<Value> = sources.iter().map(|source| cell(source)).collect();
    if has_private {
        let metadata = json!({"tags": ["private"]});
        cells.push(json!({"cell_type": "markdown", "metadata": metadata, "source": CANARY}));
    }
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

impl ArchivedClass {
    pub(crate) fn new() -> Self {
        let class = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["class/data", "class/homes", "archives"] {
            fs::create_dir_all(class.at(name)).unwrap();
        }
        use std::os::unix::fs::PermissionsExt;
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(class.at("class/data"), private).unwrap();
        class
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A notebook in a home.
    pub(crate) fn save(&self, user: &str, filename: &str, text: &str) {
        let path = self.at("class/homes").join(user).join(filename);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A notebook that a server has pushed.
    pub(crate) fn push(&self, user: &str, filename: &str, text: &str) {
        let pushed = PushedCopies::open(&self.at("class/data/copies"), 0).unwrap();
        let mut middle = DeflateEncoder::new(Vec::new(), Compression::fast());
        middle.write_all(text.as_bytes()).unwrap();
        let middle = middle.finish().unwrap();
        let delta = Delta {
            size: text.len(),
            hash: ContentHash::of(text.as_bytes()),
            prefix: 0,
            suffix: 0,
            middle: &middle,
        };
        let push = Push {
            server: String::new(),
            path: format!("/home/jovyan/{filename}"),
            saved_at_ms: 1_700_000_000_000,
            content: Ok(PushedContent { base: None, delta }),
        };
        let copy = CopyId {
            filename: filename.to_owned(),
            user: user.to_owned(),
        };
        pushed.push(&copy, &push).unwrap();
    }

    /// The settings of the class, for a command.
    pub(crate) fn settings(&self, command: &mut Command) {
        let homes = self.at("class/homes/{user}");
        command.arg("--data").arg(self.at("class/data"));
        command.arg("--homes").arg(homes);
    }

    pub(crate) fn archive_command(&self, name: &str) -> Command {
        let mut command = pipalhub();
        command.arg("archive").arg(self.at("archives").join(name));
        self.settings(&mut command);
        command
    }

    /// Archives the class, and returns the file and what `--json` says.
    pub(crate) fn archive(&self, name: &str) -> (PathBuf, Value) {
        let output = self.archive_command(name).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        (self.at("archives").join(name), report)
    }

    /// Takes the class away, as if the server were a new one.
    pub(crate) fn take_away(&self) {
        fs::rename(self.at("class"), self.at("before")).unwrap();
    }

    pub(crate) fn restore_command(&self, archive: &Path) -> Command {
        let mut command = pipalhub();
        command.arg("restore").arg(archive).arg(self.at("class"));
        command
    }

    pub(crate) fn restore(&self, archive: &Path) {
        let output = self.restore_command(archive).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Starts the service.
    pub(crate) fn serve(&self) -> ClassService {
        let mut command = pipalhub();
        command.args(["serve", "--bind", "127.0.0.1:0", "--no-build"]);
        self.settings(&mut command);
        let mut process = command
            .env("PIPALHUB_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let root = address_of(&mut process);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        ClassService {
            process,
            root,
            client,
        }
    }
}

/// Everything in an archive, by name.
pub(crate) fn unpacked(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(archive).unwrap()).unwrap();
    let files = (0..zip.len()).map(|at| {
        let mut file = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    });
    files.collect()
}

/// The files below a folder, by their paths.
pub(crate) fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let below = entry.path().strip_prefix(folder).unwrap().to_owned();
            (below, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The service at work.
pub(crate) struct ClassService {
    process: Child,
    root: String,
    client: reqwest::Client,
}

impl ClassService {
    pub(crate) async fn get(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.root));
        let request = request.header("authorization", format!("token {TOKEN}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) {
        let request = self.client.post(format!("{}{path}", self.root));
        let request = request.header("authorization", format!("token {TOKEN}"));
        let response = request.json(body).send().await.unwrap();
        assert_eq!(response.status(), 201, "{path}");
    }

    /// Waits until so many notebooks have an event and a version.
    pub(crate) async fn knows(&self, copies: &[(&str, &str)]) {
        for (user, filename) in copies {
            eventually(async || {
                let events = self.json("events").await;
                let is_of =
                    |event: &&Value| event["user"] == *user && event["filename"] == *filename;
                events.as_array().unwrap().iter().find(is_of)?;
                let query = history_query(user, filename);
                let versions = self.json(&format!("api/history?{query}")).await;
                (!versions["versions"].as_array().unwrap().is_empty()).then_some(())
            })
            .await;
        }
    }

    /// Ends it as an administrator does.
    pub(crate) fn end(mut self) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for ClassService {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn history_query(user: &str, filename: &str) -> String {
    let encoded = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect::<String>()
    };
    format!("user={}&filename={}", encoded(user), encoded(filename))
}
