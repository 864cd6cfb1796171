//! A certificate authority for tests, on this machine: it looks at a server by its name, as the
//! authorities of the world do, and believes what is answered there.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{setting, until};

const PORT: u16 = 14000;
const MANAGEMENT_PORT: u16 = 15000;
const NAMES_PORT: u16 = 8053;

/// An authority that runs until this is dropped.
pub struct TestAuthority {
    folder: TempDir,
    host: Ipv4Addr,
    processes: Vec<Child>,
}

impl TestAuthority {
    /// Starts it at an address of this machine. For it, every name leads to `server`.
    pub async fn start(host: Ipv4Addr, server: Ipv4Addr) -> Result<Self> {
        let mut authority = Self {
            folder: TempDir::with_prefix("pipalhub-authority-")?,
            host,
            processes: Vec::new(),
        };
        authority.make_own_certificate()?;
        let program = setting("PIPALHUB_AUTHORITY");
        let names = program.with_file_name("pebble-challtestsrv");
        let names_at = format!("{host}:{NAMES_PORT}");
        let mut command = Command::new(names);
        command
            .args(["-dns01", &names_at, "-defaultIPv4", &server.to_string()])
            .args([
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .args(["-management", &format!("{host}:8055")]);
        authority.spawn(&mut command)?;
        let config = authority.write_config()?;
        let mut command = Command::new(program);
        command
            .arg("-config")
            .arg(config)
            .args(["-dnsserver", &names_at])
            // It would wait some seconds before it looks, and refuse some good answers.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0");
        authority.spawn(&mut command)?;
        until("the authority", async || {
            authority.root_certificate().await.map(Some)
        })
        .await?;
        Ok(authority)
    }

    /// The ACME directory.
    pub fn directory(&self) -> String {
        format!("https://{}:{PORT}/dir", self.host)
    }

    /// The file with the certificate of the authority's own site, which its clients must trust.
    pub fn own_certificate(&self) -> PathBuf {
        self.folder.path().join("own.pem")
    }

    /// The certificate by which all that it gives are signed.
    pub async fn root_certificate(&self) -> Result<String> {
        let url = format!("https://{}:{MANAGEMENT_PORT}/roots/0", self.host);
        let fetched = Command::new("curl")
            .args(["--silent", "--fail", "--noproxy", "*", "--cacert"])
            .arg(self.own_certificate())
            .arg(url)
            .output()
            .context("curl cannot be started")?;
        ensure!(fetched.status.success(), "the authority does not answer");
        Ok(String::from_utf8(fetched.stdout)?)
    }

    fn make_own_certificate(&self) -> Result<()> {
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args(["-subj", "/CN=pipalhub-test", "-addext"])
            .arg(format!("subjectAltName=IP:{}", self.host))
            .arg("-keyout")
            .arg(self.folder.path().join("own.key"))
            .arg("-out")
            .arg(self.own_certificate())
            .stderr(Stdio::null())
            .status()?;
        ensure!(made.success(), "openssl has made no certificate");
        Ok(())
    }

    fn write_config(&self) -> Result<PathBuf> {
        let host = self.host;
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("{host}:{PORT}"),
            "managementListenAddress": format!("{host}:{MANAGEMENT_PORT}"),
            "certificate": path("own.pem"),
            "privateKey": path("own.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let file = self.folder.path().join("config.json");
        fs::write(&file, config.to_string())?;
        Ok(file)
    }

    fn spawn(&mut self, command: &mut Command) -> Result<()> {
        let quiet = command
            .current_dir(Path::new("/"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.processes
            .push(quiet.spawn().context("the authority cannot be started")?);
        Ok(())
    }
}

impl Drop for TestAuthority {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
