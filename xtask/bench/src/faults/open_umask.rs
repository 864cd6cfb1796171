//! A service that is started with an umask of 0, which would leave everything open: whatever it
//! makes in its data folder must be for its user alone all the same, at every moment.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, ensure};
use http_body_util::Full;
use hyper::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use serde_json::json;

use super::{
    FaultSetup, Verdict,
    pushes::{head_of, notebook, plan, push},
};
use crate::drive::{
    HANG_TIMEOUT,
    http::{HttpClient, HttpConnection},
    hub::{FakeHubApi, IN_CHARGE, token_of},
    poll_until,
    service::ServiceProcess,
};

/// How often everything is used, with a kill after each.
const ROUNDS: usize = 3;

/// Paths that others might get at, with their modes.
type OpenPaths = BTreeMap<PathBuf, u32>;

/// Looks through a folder again and again, since some files are there for a moment only.
struct FolderWatch {
    is_ending: Arc<AtomicBool>,
    looking: JoinHandle<(OpenPaths, usize)>,
}

impl FolderWatch {
    fn begin(folder: &Path) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let (folder, ends) = (folder.to_owned(), Arc::clone(&is_ending));
        let looking = thread::spawn(move || {
            let (mut open, mut looks) = (OpenPaths::new(), 0);
            while !ends.load(Ordering::SeqCst) {
                collect(&folder, &mut open);
                looks += 1;
            }
            (open, looks)
        });
        Self { is_ending, looking }
    }

    /// What was open at some time, and how often it has looked.
    fn end(self) -> anyhow::Result<(OpenPaths, usize)> {
        self.is_ending.store(true, Ordering::SeqCst);
        self.looking.join().ok().context("the watch has panicked")
    }
}

/// Adds all that is open below the folder, and returns how much there is. What goes meanwhile is
/// passed over.
fn collect(folder: &Path, open: &mut OpenPaths) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        count += 1;
        if mode(&metadata) & 0o077 != 0 {
            open.insert(entry.path(), mode(&metadata));
        }
        if metadata.is_dir() {
            count += collect(&entry.path(), open);
        }
    }
    count
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o777
}

/// Opens everything below the folder to everyone.
fn open_all(folder: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        count += 1;
        if path.is_dir() {
            count += open_all(&path)?;
        }
        fs::set_permissions(&path, Permissions::from_mode(0o777))?;
    }
    Ok(count)
}

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let hub = FakeHubApi::start().await?;
    let plan = plan(setup, &hub)?.wrapped(&["sh", "-c", "umask 0 && exec \"$@\"", "-"]);
    let data = plan.data();
    let (mut looks, mut paths) = (0, 0);
    for round in 0..ROUNDS {
        let watch = FolderWatch::begin(&setup.folder);
        let service = ServiceProcess::start(&plan).await?;
        use_everything(&service, round).await?;
        service.kill().await?;
        let (mut open, looked) = watch.end()?;
        looks += looked;
        paths = collect(&data, &mut open);
        let is_data = |path: &&PathBuf| path.starts_with(&data);
        let open: Vec<_> = open.iter().filter(|(path, _)| is_data(path)).collect();
        verdict.must(open.is_empty(), format!("open to others: {open:?}"));
    }

    let opened = open_all(&data)?;
    // A key that others may read is refused, wherever it is.
    fs::set_permissions(data.join("cookie.key"), Permissions::from_mode(0o600))?;
    let service = ServiceProcess::start(&plan).await?;
    let mut open = OpenPaths::new();
    collect(&data, &mut open);
    verdict.must(open.is_empty(), format!("left open: {open:?}"));
    let log = fs::read_to_string(setup.folder.join("log"))?;
    let told = log.contains("open to others are closed now");
    verdict.must(told, "the log does not say what was closed");
    drop(service);
    verdict.figure(format!(
        "everything used {ROUNDS} times and killed: {paths} files and folders for the service's \
         user alone, {looks} looks; {opened} opened and closed again at the start"
    ));
    Ok(verdict)
}

/// Saves, builds, history, notices, handouts, restores and sharing, so that each has its files.
async fn use_everything(service: &ServiceProcess, round: usize) -> anyhow::Result<()> {
    for (user, version) in [("ana", 1), ("bo", 1), (IN_CHARGE, 1), ("ana", 2)] {
        let content = notebook(user, round * 10 + version);
        let answer = push(service, user, &head_of(&content), &content).await?;
        ensure!(answer.status == 200, "a push got {}", answer.status);
    }
    let in_charge = service.client_of(&token_of(IN_CHARGE));
    let day1 = "filename=day1.ipynb";
    poll_until("the builds", HANG_TIMEOUT, async || {
        let export = in_charge
            .get(&format!("/api/build?{day1}&user=ana"))
            .await?;
        let summary = in_charge.get(&format!("/api/build?{day1}")).await?;
        let archive = in_charge.get("/build/archive.zip").await?;
        let all = [export.status, summary.status, archive.status];
        Ok((all == [200, 200, 200]).then_some(()))
    })
    .await?;
    let history = format!("/api/history?{day1}&user=ana");
    let version = poll_until("the history", HANG_TIMEOUT, async || {
        let versions = in_charge.get_json(&history).await?;
        Ok(versions["versions"][0]["version"].as_i64())
    })
    .await?;
    let restore = json!({"user": "ana", "filename": "day1.ipynb", "version": version});
    let notice = json!({"text": "a word", "to": {"everyone": true}});
    let shared = json!({"filename": "day1.ipynb", "shared": round == 0});
    let followed = json!({"filename": "day1.ipynb"});
    for (method, path, body) in [
        ("POST", "/api/history/restore", restore),
        ("POST", "/api/notices", notice),
        ("PUT", "/api/sharing/summary", shared),
        ("PUT", "/api/sharing/followed", followed),
    ] {
        let body = body.to_string();
        let answer = in_charge
            .send(method, path, Some(&body), HANG_TIMEOUT)
            .await?;
        ensure!(
            answer.status < 300,
            "{path} got {}: {}",
            answer.status,
            answer.body
        );
    }
    hand_out(&in_charge, round).await
}

async fn hand_out(in_charge: &HttpClient, round: usize) -> anyhow::Result<()> {
    let path = format!("/api/handouts/file?filename=data-{round}.csv&everyone=true");
    let request = Request::post(path)
        .header(HOST, "localhost")
        .header(AUTHORIZATION, format!("token {}", in_charge.token))
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(Full::from("a,b\n".repeat(10_000)))?;
    let mut connection = HttpConnection::open(in_charge.address).await?;
    let answer = connection.exchange(&request).await?;
    ensure!(answer.status == 201, "a handout got {}", answer.status);
    Ok(())
}
