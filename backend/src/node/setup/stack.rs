//! What runs on a server, in one of two ways: as units of systemd, or in a container.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use super::{
    http,
    release::{ReleaseName, Releases},
    server::Server,
    step::SetupStep,
    system_packages::PackageNames,
};

/// Where the Hub's proxy listens.
const HUB: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
/// What has to answer, with the status that says that it works.
const ANSWERS: [(&str, &str, u16); 2] = [
    ("the Hub", "/hub/api/", 200),
    ("the dashboard", "/services/dashboard/healthz", 200),
];
/// How long the Hub may take to start, on a small server.
const START_TIMEOUT: Duration = Duration::from_secs(180);
const INTERVAL: Duration = Duration::from_millis(500);

/// Something that starts one of its releases and stops it.
pub(super) trait ServerStack {
    /// The release that would be started with the server; `None` before the first.
    fn current(&self) -> Option<ReleaseName>;

    /// What is not as it is when this release runs; `None` when it runs.
    fn difference(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<Option<String>>;

    /// Puts the release's files in place and starts it.
    fn start(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<()>;

    /// Stops all that writes data. Participants' servers may go on.
    fn stop(&self, server: &Server) -> anyhow::Result<()>;

    /// Folders whose files a newer release may bring to another form.
    fn data_folders(&self) -> Vec<&'static str>;

    /// The folder in which copies of them are kept while a release is being replaced.
    fn upgrade_folder(&self) -> &'static str;
}

/// What a stack is made of before it runs.
pub(super) trait PreparedStack: ServerStack {
    /// Packages of the system that it needs.
    fn system_packages(&self) -> Vec<PackageNames>;

    /// The folder that an installation fills, and the bytes that go there.
    fn room(&self) -> (&'static str, u64);

    fn releases(&self) -> &Releases;

    /// The Hub's configuration, which is the trainer's.
    fn configuration(&self) -> &'static str;

    /// The steps that make a release ready, while another may run.
    fn preparation<'a>(
        &'a self,
        release: &'a ReleaseName,
        instructors: &[String],
    ) -> Vec<Box<dyn SetupStep + 'a>>;

    /// Removes what releases that are gone have left elsewhere.
    fn tidy(&self, _: &Server) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Waits until the Hub and the dashboard answer. `trouble` says why they never will, when it knows.
///
/// # Errors
/// When one of them does not, in a time that is enough for every start, or there is trouble.
pub(super) fn wait_until_up(trouble: impl Fn() -> Option<String>) -> anyhow::Result<()> {
    let until = Instant::now() + START_TIMEOUT;
    for (what, path, expected) in ANSWERS {
        let mut found = None;
        wait_for(until, || {
            found = trouble();
            if found.is_some() {
                return Ok(());
            }
            let status = http::status(HUB, "127.0.0.1:8000", path)?;
            ensure!(status == expected, "{what} answers {path} with {status}");
            Ok(())
        })
        .with_context(|| {
            format!(
                "{what} has not come up within {} s",
                START_TIMEOUT.as_secs()
            )
        })?;
        if let Some(found) = found {
            bail!("{found}");
        }
    }
    Ok(())
}

/// Tries until it works, or the time is over.
pub(super) fn wait_for(
    until: Instant,
    mut attempt: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}

/// Whether both answer now.
pub(super) fn is_up() -> bool {
    ANSWERS.iter().all(|(_, path, expected)| {
        http::status(HUB, "127.0.0.1:8000", path).ok() == Some(*expected)
    })
}
