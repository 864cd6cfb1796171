//! A class in containers on a fresh server: the service cannot read the homes, so participants'
//! servers push their notebooks to it and write restored versions for it.
//!
//! The test is ignored by default, because it needs root, images and a browser, which
//! `cargo xtask fresh` installs and whose paths it sets.
//!
//! [`stack`] is a node's container with all of it inside.
//!
//! `cargo xtask dist` runs the tests of packages: each follows the documentation on a server on
//! which nothing of PipalHub is.
//!
//! * [`wheels`]: the wheels in the Hub's environment
//! * [`external`]: the tarball, as a service that the Hub does not start
//! * [`debian`]: the Debian package
//! * [`tljh`]: the wheels in The Littlest JupyterHub
//! * [`oldest`]: wheels and Debian package on the oldest Debian
//!
//! [`setup_units`] and [`setup_docker`] have `pipalhub setup-node` set up bare servers ([`setup`]);
//! [`handbook`] and [`by_hand`] walk the handbook's pages there.

mod by_hand;
mod class;
mod container;
mod debian;
mod docker_upgrade;
mod external;
mod handbook;
mod oldest;
mod process;
mod setup;
mod setup_docker;
mod setup_units;
mod stack;
mod tljh;
mod users;
mod wheels;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    fresh::{FreshServer, HubMachine},
    hub::{INSTRUCTOR, PASSWORD},
    notebooks::notebook,
    remote::ParticipantServer,
    stopwatch::Stopwatch,
    until,
};

use class::{FOLDER, FreshClass, NOTEBOOK, a_version_is_restored, save};

/// The setting `source` of the service. `None` as long as the service can only read
/// homes; then the test ends after the checks of [`only_homes_are_read`].
const SOURCE: Option<&str> = Some("push");

const CANARY: &str = "canary-of-a-private-cell";

/// Longest wait for a notebook that no save, but only an inventory reports.
const INVENTORY_TIMEOUT: Duration = Duration::from_secs(60);

/// A notification of JupyterLab's own.
const TOAST: &str = ".Toastify__toast";

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
    a_version_is_restored(&class, "alice", &alice).await?;
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

/// Checks that a participant's file exists, and that the service's user can read neither the
/// file nor, by the engine, the container.
fn homes_are_closed(server: &FreshServer, user: &str) -> Result<()> {
    let path = server.path_in_home(user, NOTEBOOK)?;
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
    let path = class.server.path_in_home("alice", NOTEBOOK)?;
    assert!(class.server.run(&["cat", &path])?.contains(CANARY));

    class.see("alice", NOTEBOOK, "third of alice").await?;
    let newest = until("a third version", async || {
        let versions = class.versions("alice").await?;
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
    let path = class.server.path_in_home("bob", NOTEBOOK)?;
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
