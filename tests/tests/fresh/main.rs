//! A class in containers on a fresh server: the service cannot read the homes, so participants'
//! servers push their notebooks to it and write restored versions for it.
//!
//! The test is ignored by default, because it needs root, images and a browser, which
//! `cargo xtask fresh` installs and whose paths it sets. [`debian`] has the test of the Debian
//! package, which `cargo xtask dist` runs.

mod debian;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    fresh::FreshServer,
    hub::{INSTRUCTOR, PASSWORD},
    notebooks::notebook,
    remote::ParticipantServer,
    stopwatch::Stopwatch,
    until, until_within,
};

/// The setting `source` of the service. `None` as long as the service can only read
/// homes; then the test ends after the checks of [`only_homes_are_read`].
const SOURCE: Option<&str> = Some("push");

const FOLDER: &str = "module1";
const NOTEBOOK: &str = "module1/day1.ipynb";
const CANARY: &str = "canary-of-a-private-cell";

/// Longest wait for a notebook that no save, but only an inventory reports.
const INVENTORY_TIMEOUT: Duration = Duration::from_secs(60);

/// A notification of JupyterLab's own.
const TOAST: &str = ".Toastify__toast";

/// The server, and the instructor's token.
struct FreshClass {
    server: FreshServer,
    token: String,
}

impl FreshClass {
    async fn get(&self, path: &str) -> Result<String> {
        let request = self.server.with_token(&self.token, Method::GET, path);
        let answer = request.send().await?.error_for_status()?;
        Ok(String::from_utf8_lossy(&answer.bytes().await?).into_owned())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<StatusCode> {
        let request = self.server.with_token(&self.token, Method::POST, path);
        Ok(request.json(body).send().await?.status())
    }

    /// Waits until a participant's tile shows the text.
    async fn see(&self, user: &str, filename: &str, text: &str) -> Result<()> {
        self.see_within(tests::WAIT_TIMEOUT, user, filename, text)
            .await
    }

    async fn see_within(
        &self,
        patience: Duration,
        user: &str,
        filename: &str,
        text: &str,
    ) -> Result<()> {
        let path = format!("api/tile?filename={filename}&user={user}");
        until_within(patience, (user, filename, text), async || {
            Ok(self.get(&path).await?.contains(text).then_some(()))
        })
        .await
    }

    /// The numbers of the versions of Alice's notebook, newest first.
    async fn versions(&self) -> Result<Vec<i64>> {
        let path = format!("api/history?filename={NOTEBOOK}&user=alice");
        let history: Value = serde_json::from_str(&self.get(&path).await?)?;
        let versions = history["versions"].as_array().context("versions")?;
        let numbers = versions.iter().map(|version| version["version"].as_i64());
        numbers.collect::<Option<_>>().context("numbers")
    }
}

#[tokio::test]
#[ignore = "needs root, a Docker engine of its own and a browser: cargo xtask fresh"]
async fn a_class_in_containers_whose_volumes_the_service_cannot_read() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let settings = SOURCE.map(|source| ("source", source));
    let server = FreshServer::start(settings.as_slice()).await?;
    stopwatch.lap("the server, the Hub and the service");
    for user in ["alice", "bob"] {
        server.add_user(user).await?;
    }
    let (alice, bob) = tokio::try_join!(server.start_server("alice"), server.start_server("bob"))?;
    stopwatch.lap("two participants' containers");
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };

    for (user, server) in [("alice", &alice), ("bob", &bob)] {
        server.make_folder(FOLDER).await?;
        save(server, &notebook(&[&format!("x = 'first of {user}'")])).await?;
        homes_are_closed(&class.server, user)?;
    }
    if SOURCE.is_none() {
        return only_homes_are_read(&class, &alice).await;
    }
    for user in ["alice", "bob"] {
        let first = format!("first of {user}");
        class.see(user, NOTEBOOK, &first).await?;
    }
    stopwatch.lap("saves");
    a_version_is_restored(&class, &alice).await?;
    stopwatch.lap("history");
    private_cells_stay_in_the_volume(&class, &alice).await?;
    stopwatch.lap("private cells");
    a_notice_is_seen_in_lab(&class).await?;
    stopwatch.lap("a notice");
    containers_come_and_go(&class, &alice).await?;
    stopwatch.lap("containers that end and start");
    all_copies_come_back(&class).await?;
    stopwatch.lap("all data lost");
    Ok(())
}

async fn save(server: &ParticipantServer, notebook: &Value) -> Result<()> {
    let status = server.save(NOTEBOOK, notebook).await?;
    ensure!(status.is_success(), "{status}");
    Ok(())
}

/// Checks that a participant's file exists, and that the service's user can read neither the
/// file nor, by the engine, the container.
fn homes_are_closed(server: &FreshServer, user: &str) -> Result<()> {
    let path = server.volume_path(user, NOTEBOOK)?;
    assert!(server.run(&["cat", &path])?.contains("first of"));
    assert_eq!(
        server.run_as_service(&["id", "--user", "--name"])?,
        "pipalhub\n"
    );
    let container = format!("jupyter-{user}");
    for refused in [
        &["cat", &path][..],
        &["docker", "exec", &container, "cat", NOTEBOOK],
    ] {
        let error = server.run_as_service(refused).err().context("a refusal")?;
        let error = error.to_string();
        assert!(
            error.to_lowercase().contains("permission denied"),
            "{error}"
        );
    }
    Ok(())
}

/// Checks what the service answers about notebooks in homes that it cannot read, when it has no
/// other source.
async fn only_homes_are_read(class: &FreshClass, alice: &ParticipantServer) -> Result<()> {
    let event = json!({
        "type": "save-notebook", "user": "alice", "filename": NOTEBOOK,
        "path": format!("/home/jovyan/work/{NOTEBOOK}"),
    });
    let request = class
        .server
        .with_token(&alice.token, Method::POST, "events");
    let status = request.json(&event).send().await?.status();
    assert_eq!(status, StatusCode::FORBIDDEN);
    let notebooks: Value = serde_json::from_str(&class.get("api/notebooks").await?)?;
    assert_eq!(notebooks["notebooks"], json!([]));
    a_notice_is_seen_in_lab(class).await
}

/// Checks that versions are kept byte for byte, and that a version is restored as a new file of
/// Alice's, beside her notebook.
async fn a_version_is_restored(class: &FreshClass, alice: &ParticipantServer) -> Result<()> {
    let path = class.server.volume_path("alice", NOTEBOOK)?;
    let first = class.server.run(&["cat", &path])?;
    let more = ["x = 'first of alice'", "y = 'second of alice'"];
    save(alice, &notebook(&more)).await?;
    class.see("alice", NOTEBOOK, "second of alice").await?;
    let second = class.server.run(&["cat", &path])?;
    let versions = until("two versions", async || {
        let versions = class.versions().await?;
        Ok((versions.len() == 2).then_some(versions))
    })
    .await?;
    let of_alice = format!("filename={NOTEBOOK}&user=alice");
    for (version, bytes) in versions.iter().zip([&second, &first]) {
        let path = format!("api/history/download?{of_alice}&version={version}");
        assert_eq!(&class.get(&path).await?, bytes, "version {version}");
    }

    let before = files_of_alice(class)?;
    let request = json!({"user": "alice", "filename": NOTEBOOK, "version": versions[1]});
    let status = class.post("api/history/restore", &request).await?;
    assert!(status.is_success(), "{status}");
    let restored = until("the restored file", async || {
        let now = files_of_alice(class)?;
        Ok(now.into_iter().find(|name| !before.contains(name)))
    })
    .await?;
    let restored = class
        .server
        .volume_path("alice", &format!("{FOLDER}/{restored}"))?;
    assert_eq!(class.server.run(&["cat", &restored])?, first);
    let owner = class.server.run(&["stat", "--format=%u", &restored])?;
    assert_eq!(owner.trim(), "1000", "it is Alice's");
    assert_eq!(
        class.server.run(&["cat", &path])?,
        second,
        "hers is as it was"
    );
    Ok(())
}

/// The names of the files in Alice's folder, without hidden ones.
fn files_of_alice(class: &FreshClass) -> Result<Vec<String>> {
    let names = class.server.run_as_participant("alice", &["ls", FOLDER])?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Checks that a cell with the tag `private` is in the volume only.
async fn private_cells_stay_in_the_volume(
    class: &FreshClass,
    alice: &ParticipantServer,
) -> Result<()> {
    let mut notebook = notebook(&["z = 'third of alice'"]);
    let private_cell = |place: &str| {
        json!({
            "cell_type": "code", "id": format!("{CANARY}-{place}"), "execution_count": 1,
            "metadata": {"tags": ["private"]}, "source": CANARY,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": CANARY}],
        })
    };
    let cells = notebook["cells"].as_array_mut().context("cells")?;
    cells.insert(0, private_cell("first"));
    cells.push(private_cell("last"));
    save(alice, &notebook).await?;
    let path = class.server.volume_path("alice", NOTEBOOK)?;
    assert!(class.server.run(&["cat", &path])?.contains(CANARY));

    class.see("alice", NOTEBOOK, "third of alice").await?;
    let newest = until("a third version", async || {
        let versions = class.versions().await?;
        Ok((versions.len() == 3).then(|| versions[0]))
    })
    .await?;
    let of_alice = format!("filename={NOTEBOOK}&user=alice");
    for path in [
        format!("api/wall?filename={NOTEBOOK}"),
        format!("api/notebook?{of_alice}"),
        format!("api/history/download?{of_alice}&version={newest}"),
    ] {
        let answer = class.get(&path).await?;
        assert!(
            answer.contains("third of alice") && !answer.contains(CANARY),
            "{path}: {answer}"
        );
    }
    let places = class.server.places_of(CANARY, &["alice", "bob"])?;
    assert!(places.is_empty(), "{places:?}");
    Ok(())
}

/// Checks that the instructor's notice appears in an open JupyterLab.
async fn a_notice_is_seen_in_lab(class: &FreshClass) -> Result<()> {
    let lab = TestBrowser::start().await?;
    let path = format!("user/alice/lab/tree/{NOTEBOOK}");
    lab.goto(&class.server.url(&path)).await?;
    lab.sign_in("alice", PASSWORD).await?;
    lab.wait_for(".jp-Notebook .jp-CodeCell").await?;
    let notice = json!({"text": "Lunch is at noon.", "to": {"user": "alice"}});
    assert_eq!(
        class.post("api/notices", &notice).await?,
        StatusCode::CREATED
    );
    lab.wait_for_text(TOAST, "Lunch is at noon.").await?;
    lab.shot("fresh-lab.png").await
}

/// Restarts Alice's container and replaces Bob's, while a notebook changes in his volume. Checks
/// that the service hears of all changes.
async fn containers_come_and_go(class: &FreshClass, alice: &ParticipantServer) -> Result<()> {
    class.server.restart_container("alice", alice).await?;
    save(alice, &notebook(&["x = 'fourth of alice'"])).await?;
    class.see("alice", NOTEBOOK, "fourth of alice").await?;

    class.server.stop_server("bob").await?;
    let path = class.server.volume_path("bob", NOTEBOOK)?;
    let pull = ["sed", "--in-place", "s/first of bob/pulled by bob/", &path];
    class.server.run(&pull)?;
    class.server.start_server("bob").await?;
    class.see("bob", NOTEBOOK, "pulled by bob").await?;

    // A copy made in a terminal is no save.
    let copy = ["cp", NOTEBOOK, "day2.ipynb"];
    class.server.run_as_participant("bob", &copy)?;
    class.see("bob", "day2.ipynb", "pulled by bob").await
}

/// Kills the service and deletes its data. Checks that participants' servers push all copies
/// again.
async fn all_copies_come_back(class: &FreshClass) -> Result<()> {
    class.server.lose_data()?;
    class.server.wait_until_ready().await?;
    let begin = Instant::now();
    for (user, filename, text) in [
        ("alice", NOTEBOOK, "fourth of alice"),
        ("bob", NOTEBOOK, "pulled by bob"),
        ("bob", "day2.ipynb", "pulled by bob"),
    ] {
        let left = INVENTORY_TIMEOUT.saturating_sub(begin.elapsed());
        class.see_within(left, user, filename, text).await?;
    }
    eprintln!("all copies were back after {:?}", begin.elapsed());
    Ok(())
}
