//! The real program as a service of its own, killed when it is dropped.

#[path = "link.rs"]
mod link;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Method, RequestBuilder};

use link::address_of;

const TOKEN: &str = "token-of-a-service-that-is-killed";

/// A service over the homes and the data in one folder.
pub(crate) struct KilledService {
    process: Child,
    root: String,
}

impl KilledService {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
            .args(["serve", "--bind", "127.0.0.1:0", "--homes"])
            .arg(folder.join("homes/{user}"))
            .arg("--data")
            .arg(folder.join("data"))
            .env("PIPALHUB_TOKEN", TOKEN)
            .env_remove("JUPYTERHUB_API_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let root = address_of(&mut process);
        Self { process, root }
    }

    /// A request by who holds its token, who is an instructor.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .request(method, format!("{}{path}", self.root))
            .header("authorization", format!("token {TOKEN}"))
    }
}

impl Drop for KilledService {
    /// By SIGKILL, so that the service cannot do anything more.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
