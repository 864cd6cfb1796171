//! The service under test.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    time::Duration,
};

use backend::{
    app::AppState,
    auth::{Auth, HubAuth, HubClient, HubLimits, HubSettings, OAuth, SessionKey, Sessions},
    builds::Builds,
    class::{Class, Reporter, TailLimits},
    copies::{Copies, PushedCopies},
    errands::ErrandDesk,
    feed::{Announcements, Feed},
    help::HelpDesk,
    history::{HistoryStore, Recorder, Retention, SqliteHistory},
    homes::HomesTemplate,
    insight::Insight,
    limits::{LimitSettings, Limits},
    notices::NoticeBoard,
    routes::router,
    secret::Secret,
    server,
    sharing::Sharing,
    steward::StewardClient,
    store::SqliteStore,
};
use reqwest::Response;
use serde_json::{Value, json};
use shared::sharing::{AboutResponse, HistoryBounds};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    common::TEST_TIMEOUT,
    hub::{FakeHub, SERVICE_TOKEN},
    paused_store::PausedStore,
};

pub(crate) const PREFIX: &str = "/base/services/dashboard/";
pub(crate) const TOKEN: &str = "standalone-token-canary";

/// A service that listens, with its data and homes in a temporary folder.
pub(crate) struct App {
    pub(crate) folder: TempDir,
    pub(crate) origin: String,
    pub(crate) hub: Option<Arc<FakeHub>>,
    pub(crate) ending: CancellationToken,
    pub(crate) limits: LimitSettings,
    /// The part of a home's path after the participant's name, or the pattern of the name.
    below: &'static str,
    pub(crate) store: Arc<PausedStore>,
    pub(crate) announcements: Announcements,
    class: Class,
    builds: BuildsGuard,
}

impl App {
    /// Without a Hub; the homes are not watched.
    pub(crate) async fn standalone() -> Self {
        Self::limited(LimitSettings::default()).await
    }

    /// Without a Hub, watching the homes.
    pub(crate) async fn watching() -> Self {
        let limits = LimitSettings::default();
        Self::start(tempfile::tempdir().unwrap(), None, true, limits).await
    }

    /// With a Hub; the homes are not watched.
    pub(crate) async fn with_hub() -> Self {
        Self::limited_with_hub(LimitSettings::default()).await
    }

    /// Without a Hub, and limits of the test's own.
    pub(crate) async fn limited(limits: LimitSettings) -> Self {
        Self::start(tempfile::tempdir().unwrap(), None, false, limits).await
    }

    /// With a Hub, and limits of the test's own.
    pub(crate) async fn limited_with_hub(limits: LimitSettings) -> Self {
        Self::start(tempfile::tempdir().unwrap(), Some(""), false, limits).await
    }

    /// With a Hub and limits of the test's own, watching the homes.
    pub(crate) async fn watching_with_hub(limits: LimitSettings) -> Self {
        Self::start(tempfile::tempdir().unwrap(), Some(""), true, limits).await
    }

    /// With a Hub that has this scheme and host, and gives services hosts of their own.
    pub(crate) async fn with_hub_on(host: &str) -> Self {
        let limits = LimitSettings::default();
        Self::start(tempfile::tempdir().unwrap(), Some(host), false, limits).await
    }

    /// The same data and homes in a new service.
    pub(crate) async fn restarted(self, watching: bool) -> Self {
        self.ending.cancel();
        let hub_host = self.hub.is_some().then_some("");
        Self::start(self.folder, hub_host, watching, self.limits).await
    }

    /// Without a Hub, and without builds.
    pub(crate) async fn without_builds() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_with(folder, None, false, LimitSettings::default(), false, "").await
    }

    /// Without a Hub, the homes being in a folder of this name of each participant's.
    pub(crate) async fn with_homes_below(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_with(folder, None, false, LimitSettings::default(), true, name).await
    }

    /// With a Hub and watching, the homes' folders having names of this pattern.
    pub(crate) async fn with_homes_named(pattern: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = LimitSettings::default();
        Self::start_with(folder, Some(""), true, limits, true, pattern).await
    }

    /// The same with a Hub.
    pub(crate) async fn with_hub_and_homes_below(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = LimitSettings::default();
        Self::start_with(folder, Some(""), false, limits, true, name).await
    }

    async fn start(
        folder: TempDir,
        hub_host: Option<&str>,
        watching: bool,
        limits: LimitSettings,
    ) -> Self {
        Self::start_with(folder, hub_host, watching, limits, true, "").await
    }

    async fn start_with(
        folder: TempDir,
        hub_host: Option<&str>,
        watching: bool,
        limits: LimitSettings,
        builds_served: bool,
        below: &'static str,
    ) -> Self {
        let homes = folder.path().join("homes");
        fs::create_dir_all(&homes).unwrap();
        let homes = match below.starts_with('{') {
            true => format!("{}/{below}", homes.display()),
            false => format!("{}/{{user}}/{below}", homes.display()),
        };
        let homes: HomesTemplate = homes.parse().unwrap();
        let announcements = Announcements::default();
        let store = SqliteStore::open(&folder.path().join("events.sqlite3")).unwrap();
        let store = PausedStore::new(store);
        let history: Arc<dyn HistoryStore> =
            Arc::new(SqliteHistory::open(&folder.path().join("history.sqlite3")).unwrap());
        let retention = Retention::new(30, 1 << 30);
        // Pushes are of tokens that a Hub knows.
        let pushed = folder.path().join("copies");
        let pushed = hub_host.map(|_| Arc::new(PushedCopies::open(&pushed, 0).unwrap()));
        let copies = Copies::of(Some(homes), pushed);
        let insight = Insight::new();
        let recorder = Recorder::start(
            Arc::clone(&history),
            copies.clone(),
            retention,
            announcements.clone(),
            vec![Arc::clone(&insight) as _],
        )
        .unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = server::listen(any, &limits.connections).unwrap();
        let address = listener.local_addr().unwrap();
        // The service before this one may still hold its own.
        let out = folder.path().join(format!("build-{}", address.port()));
        let tail = TailLimits::default();
        let builds = Builds::new(copies.clone(), tail, &out).unwrap();
        let kept = folder.path().join("sharing.json");
        let sharing = Arc::new(Sharing::open(&kept, announcements.clone()).unwrap());
        let builds = builds.writing_every(Duration::ZERO);
        let builds = Arc::new(builds.announcing(announcements.clone(), Arc::clone(&sharing)));
        builds.start(2).unwrap();
        let notices = NoticeBoard::open(
            &folder.path().join("notices.sqlite3"),
            announcements.clone(),
        )
        .unwrap();
        let kept = folder.path().join("errands.sqlite3");
        let errands = ErrandDesk::open(&kept, 0, announcements.clone()).unwrap();
        let kept = folder.path().join("help.sqlite3");
        let help = HelpDesk::open(&kept, announcements.clone()).unwrap();
        insight
            .start(
                &folder.path().join("insight.sqlite3"),
                Arc::clone(&history),
                copies.clone(),
                Arc::clone(&errands),
                Arc::clone(&sharing),
                Arc::clone(&help),
                announcements.clone(),
            )
            .unwrap();
        let class = Class::new(copies, tail)
            .observed_by(Arc::new(announcements.clone()))
            .observed_by(Arc::clone(&builds) as _)
            .observed_by(Arc::clone(&notices) as _)
            .observed_by(Arc::clone(&sharing) as _)
            .observed_by(Arc::new(recorder))
            .observed_by(Arc::clone(&insight) as _);
        insight.heed(&class);
        let reporter = Reporter::new(class.clone(), Arc::clone(&store) as _, Duration::ZERO);
        let reporter = reporter.await.unwrap();
        let ending = CancellationToken::new();
        if watching {
            reporter.start(ending.clone()).unwrap();
        }
        let (hub, auth) = if let Some(host) = hub_host {
            let (hub, api_url) = FakeHub::start().await;
            (Some(hub), hub_auth(api_url, host, limits.hub))
        } else {
            (
                None,
                Auth::Standalone {
                    token: Secret::new(TOKEN),
                },
            )
        };
        let key = SessionKey::load(&folder.path().join("cookie.key")).unwrap();
        let sessions = Sessions::new(key, auth.login_kind(), PREFIX, address.port());
        let state = AppState {
            prefix: PREFIX.to_owned(),
            auth,
            sessions,
            feed: Feed::start(&*store, ending.clone()).await.unwrap(),
            announcements: announcements.clone(),
            limits: Limits::new(limits),
            store: Arc::clone(&store) as _,
            history: Some(history),
            insight: Some(insight),
            class: class.clone(),
            builds: builds_served.then(|| Arc::clone(&builds)),
            notices,
            help: Arc::clone(&help),
            errands,
            sharing,
            steward: StewardClient::new(folder.path().join("no-steward.sock")),
            package_steward: StewardClient::new(folder.path().join("no-steward.sock")),
            image: None,
            about: AboutResponse {
                events: 1_000,
                history: Some(HistoryBounds {
                    days: 30,
                    mib: 1_024,
                }),
                private_tag: "private".to_owned(),
            },
            ending: ending.clone(),
        };
        let routes = router(Arc::new(state));
        tokio::spawn(help.keep_time(ending.clone()));
        let until = ending.clone();
        tokio::spawn(async move {
            server::serve(listener, routes, limits.connections, until)
                .await
                .unwrap();
        });
        Self {
            folder,
            origin: format!("http://{address}"),
            hub,
            ending,
            limits,
            below,
            store,
            announcements,
            class,
            builds: BuildsGuard(builds),
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// Lets the lane of this user hang, as on a disk that does not answer, until the returned
    /// sender is dropped.
    pub(crate) fn hang(&self, user: &str) -> Sender<()> {
        let (let_go, hanging) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        self.class.copies().lanes().submit_detached(user, move || {
            begun.send(()).unwrap();
            // It returns when the sender is dropped.
            let _ = hanging.recv();
        });
        has_begun.recv().unwrap();
        let_go
    }

    /// Returns when all notebooks in the homes are built.
    pub(crate) async fn built(&self) {
        self.built_after(|class| class.scan_homes(|_| true)).await;
    }

    /// Returns when all notebooks are built that servers have pushed.
    pub(crate) async fn built_of_pushed(&self) {
        self.built_after(|_| ()).await;
    }

    async fn built_after(&self, scan: impl FnOnce(&Class) + Send + 'static) {
        let class = self.class.clone();
        let builds = Arc::clone(&self.builds.0);
        let built = tokio::task::spawn_blocking(move || {
            scan(&class);
            class.read_all(2);
            builds.class_was_read(&class);
            builds.settle();
        });
        built.await.unwrap();
    }

    /// The folder of the builds.
    pub(crate) fn out(&self) -> &Path {
        self.builds.0.path()
    }

    /// The answer to the instructor for this path, which no HTTP client normalises.
    pub(crate) async fn raw(&self, path: &str) -> (u16, String) {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: token {TOKEN}\r\n\
             connection: close\r\n\r\n"
        );
        self.send_raw(request).await
    }

    async fn send_raw(&self, request: String) -> (u16, String) {
        let address = self.address().to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        });
        let answer = asked.await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// The answer to a browser without a session for this path, which no HTTP client normalises.
    pub(crate) async fn ask_as_browser(&self, path: &str) -> RawAnswer {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nsec-fetch-mode: navigate\r\n\
             connection: close\r\n\r\n"
        );
        let (status, text) = self.send_raw(request).await;
        RawAnswer { status, text }
    }

    /// Sends `count` navigations without a session, over one connection and all at once.
    pub(crate) async fn begin_sign_ins(&self, count: usize) {
        let one = format!("GET {PREFIX} HTTP/1.1\r\nhost: x\r\nsec-fetch-mode: navigate\r\n\r\n");
        let last = one.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let address = self.address().to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut writer = stream.try_clone().unwrap();
            let requests = one.repeat(count - 1) + &last;
            let writing = std::thread::spawn(move || writer.write_all(requests.as_bytes()));
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).unwrap();
            writing.join().unwrap().unwrap();
            String::from_utf8(answers).unwrap()
        });
        let answers = asked.await.unwrap();
        assert_eq!(answers.matches("HTTP/1.1 303 ").count(), count);
    }

    pub(crate) fn home(&self, user: &str) -> PathBuf {
        let own = self.folder.path().join("homes").join(user);
        match self.below {
            "" => own,
            below => own.join(below),
        }
    }

    /// Writes a notebook whose cells are these sources.
    pub(crate) fn save(&self, user: &str, filename: &str, sources: &[&str]) -> PathBuf {
        self.save_text(user, filename, &notebook(sources))
    }

    pub(crate) fn save_text(&self, user: &str, filename: &str, text: &str) -> PathBuf {
        let path = self.home(user).join(filename);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The body of a save event of this notebook.
    pub(crate) fn save_event(&self, user: &str, filename: &str) -> Value {
        let path = self.home(user).join(filename);
        json!({"type": "save-notebook", "user": user, "filename": filename, "path": path})
    }
}

/// An answer as text.
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    text: String,
}

impl RawAnswer {
    fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The cookie that the answer sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

/// Ends the builds with the test.
pub(crate) struct BuildsGuard(Arc<Builds>);

impl Drop for BuildsGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn hub_auth(api_url: String, host: &str, limits: HubLimits) -> Auth {
    let settings = HubSettings {
        api_url,
        api_token: Secret::new(SERVICE_TOKEN),
        client_id: "service-dashboard".to_owned(),
        service_name: "dashboard".to_owned(),
        callback_url: format!("{PREFIX}oauth_callback"),
        hub_host: host.to_owned(),
        base_url: "/base/".to_owned(),
        admins_instruct: true,
    };
    let client = HubClient::new(settings.clone(), limits).unwrap();
    Auth::Hub(Box::new(HubAuth {
        client,
        oauth: OAuth::new(settings, PREFIX.to_owned()),
    }))
}

/// An nbformat 4.5 document of code cells.
pub(crate) fn notebook(sources: &[&str]) -> String {
    let cell = |(index, source): (usize, &&str)| {
        json!({
            "cell_type": "code", "id": format!("c{index}"), "metadata": {},
            "execution_count": index + 1, "source": source, "outputs": []
        })
    };
    let cells: Vec<_> = sources.iter().enumerate().map(cell).collect();
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).to_string()
}

/// Reads an event stream until it has all of `texts`; returns all that was read.
pub(crate) async fn read_until(stream: &mut Response, texts: &[&str]) -> String {
    let mut read = String::new();
    while !texts.iter().all(|text| read.contains(text)) {
        let chunk = tokio::time::timeout(TEST_TIMEOUT, stream.chunk()).await;
        let chunk = chunk.expect("the text comes in time").unwrap();
        let chunk = chunk.expect("the stream goes on");
        read.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    read
}

/// Whether the JSON contains this text.
pub(crate) fn mentions(value: &Value, text: &str) -> bool {
    value.to_string().contains(text)
}

/// The participants of a wall's tiles, in order.
pub(crate) fn users(wall: &Value) -> Vec<&str> {
    wall["tiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["user"].as_str().unwrap())
        .collect()
}

/// The bytes of all files below `folder`, to search for a text that must not be there.
pub(crate) fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            bytes.extend(bytes_below(&entry.path()));
        } else {
            bytes.extend(fs::read(entry.path()).unwrap_or_default());
        }
    }
    bytes
}
