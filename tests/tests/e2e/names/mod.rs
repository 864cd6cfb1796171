//! Participants with the names that people have, in folders with other names, below a real Hub
//! that starts processes: the service knows their homes by their servers' pushes alone, or both.
//!
//! What the page makes of such names is in [`pages`].

mod pages;
mod sources;

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{Hub, HubSetup, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    remote::{ParticipantServer, encoded},
    stopwatch::Stopwatch,
    until, until_within,
};

use crate::{
    NOTEBOOK, notices,
    private::{CANARY, holds, with_private_cells},
    tile,
};

const MARIA: &str = "maria.gonzalez-perez@students.example.edu";
const LONG: &str = "wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftsch";
/// The Hub refuses a slash, and nothing else within a name.
const ODD: &str = "Jo O'Ann+50% <b>&#38;";

/// Each participant and the name of their home's folder, in the order of their names: as The
/// Littlest JupyterHub cuts it, as spawners escape it, and one that has nothing of it.
const PEOPLE: [(&str, &str); 6] = [
    (ODD, "jo"),
    ("Zoë", "-5ao-c3-ab"),
    ("a_b", "a-5fb"),
    (MARIA, "jupyter-maria.gonzalez-per-6d9ea"),
    ("matt-ns", "matt-2dns"),
    (LONG, "volume 7"),
];

/// Longest wait for the copies that no save, but only an inventory reports.
const INVENTORY_TIMEOUT: Duration = Duration::from_secs(60);

/// A notification of JupyterLab's own.
const TOAST: &str = ".Toastify__toast";

/// The Hub, and the instructor's token.
struct NamedClass {
    hub: Hub,
    token: String,
}

/// A participant and their running server.
struct Person {
    user: &'static str,
    server: ParticipantServer,
}

/// A query that names a participant's copy.
fn copy_query(user: &str) -> String {
    format!("filename={}&user={}", encoded(NOTEBOOK), encoded(user))
}

impl NamedClass {
    async fn start(setup: HubSetup) -> Result<Self> {
        let hub = setup.home_folders(PEOPLE).start("PIPALHUB_VENV").await?;
        for (user, _) in PEOPLE {
            hub.add_user(user).await?;
        }
        let token = hub.token_of(INSTRUCTOR).await?;
        Ok(Self { hub, token })
    }

    async fn get(&self, path: &str) -> Result<String> {
        let request = self.hub.with_token(&self.token, Method::GET, path);
        let answer = request.send().await?.error_for_status()?;
        Ok(String::from_utf8_lossy(&answer.bytes().await?).into_owned())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<StatusCode> {
        let request = self.hub.with_token(&self.token, Method::POST, path);
        Ok(request.json(body).send().await?.status())
    }

    /// Starts the servers of these participants.
    async fn start_servers(&self, users: &[&'static str]) -> Result<Vec<Person>> {
        let start = async |user: &'static str| {
            let server = self.hub.start_known_server(user).await?;
            anyhow::Ok(Person { user, server })
        };
        try_join_all(users.iter().map(|user| start(user))).await
    }

    /// Waits until a participant's tile shows the text.
    async fn see(&self, user: &str, text: &str) -> Result<()> {
        let path = format!("api/tile?{}", copy_query(user));
        until((user, text), async || {
            Ok(self.get(&path).await?.contains(text).then_some(()))
        })
        .await
    }

    /// Waits for so many versions of a participant's notebook: their numbers, newest first.
    async fn versions(&self, user: &str, count: usize) -> Result<Vec<i64>> {
        let path = format!("api/history?{}", copy_query(user));
        until((user, "versions", count), async || {
            let history: Value = serde_json::from_str(&self.get(&path).await?)?;
            let versions = history["versions"].as_array().context("versions")?;
            let numbers = versions.iter().filter_map(|one| one["version"].as_i64());
            Ok(Some(numbers.collect::<Vec<_>>()).filter(|all| all.len() == count))
        })
        .await
    }

    /// What is kept of everyone: each copy's user, name, time, size and checksum.
    async fn kept_copies(&self) -> Result<BTreeSet<String>> {
        let copies: Vec<Value> = serde_json::from_str(&self.get("api/copies").await?)?;
        Ok(copies.iter().map(Value::to_string).collect())
    }

    /// The users of the tiles on the Wall.
    async fn users_on_the_wall(&self) -> Result<Vec<String>> {
        let wall = self.get(&format!("api/wall?filename={NOTEBOOK}")).await?;
        let wall: Value = serde_json::from_str(&wall)?;
        let tiles = wall["tiles"].as_array().context("tiles")?;
        let users = tiles.iter().filter_map(|tile| tile["user"].as_str());
        Ok(users.map(str::to_owned).collect())
    }

    /// The names of the files in the folder of a participant's notebook, hidden ones too.
    fn files_of(&self, user: &str) -> Result<Vec<String>> {
        let path = self.hub.home_path(user, NOTEBOOK);
        let entries = fs::read_dir(path.parent().context("a folder")?)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    /// Restores a version; the name of the new file.
    async fn restore(&self, user: &str, version: i64) -> Result<String> {
        let before = self.files_of(user)?;
        let request = json!({"user": user, "filename": NOTEBOOK, "version": version});
        let status = self.post("api/history/restore", &request).await?;
        ensure!(status.is_success(), "{user}: {status}");
        self.new_file_of(user, &before).await
    }

    /// Waits for a file that was not there before; its name.
    async fn new_file_of(&self, user: &str, before: &[String]) -> Result<String> {
        until((user, "the restored file"), async || {
            let mut now = self.files_of(user)?.into_iter();
            Ok(now.find(|name| !name.starts_with('.') && !before.contains(name)))
        })
        .await
    }
}

impl Person {
    /// Saves their notebook as JupyterLab does.
    async fn save(&self, notebook: &Value) -> Result<()> {
        let status = self.server.save(NOTEBOOK, notebook).await?;
        ensure!(status.is_success(), "{}: {status}", self.user);
        Ok(())
    }
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn names_and_folders_may_be_any_where_servers_push() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let setup = HubSetup::new()?
        .service_setting("source", "push")
        // No home is told to the service.
        .service_setting("homes", "/nowhere/{user}")
        .restarting_the_service_soon();
    let class = NamedClass::start(setup).await?;
    stopwatch.lap("the Hub and the service");
    let all = PEOPLE.map(|(user, _)| user);
    let (people, wall) = tokio::try_join!(class.start_servers(&all), TestBrowser::start())?;
    stopwatch.lap("servers and a browser");
    saves_are_seen(&class, &people, &wall).await?;
    stopwatch.lap("saves");
    versions_are_restored(&class, &people).await?;
    stopwatch.lap("history");
    private_cells_stay_in_the_homes(&class, &people).await?;
    stopwatch.lap("private cells");
    pages::every_link_leads_to_its_participant(&class, &wall).await?;
    stopwatch.lap("links");
    pages::names_fit_on_a_phone(&class, &wall).await?;
    stopwatch.lap("a phone");
    notices_arrive(&class, &people, &wall).await?;
    stopwatch.lap("notices");
    servers_come_and_go(&class, people).await?;
    stopwatch.lap("servers that end and start");
    all_copies_come_back(&class, &wall).await?;
    stopwatch.lap("all data lost");
    Ok(())
}

/// Saves everyone's notebook, and checks that each is on the Wall below its participant's name.
async fn saves_are_seen(class: &NamedClass, people: &[Person], wall: &TestBrowser) -> Result<()> {
    for person in people {
        let (folder, _) = NOTEBOOK.split_once('/').context("a folder")?;
        person.server.make_folder(folder).await?;
        let source = format!("'first of {}'", person.user);
        person.save(&notebook(&[&source])).await?;
        ensure!(class.hub.home_path(person.user, NOTEBOOK).is_file());
    }
    wall.goto(&class.hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    for (user, _) in PEOPLE {
        let text = format!("first of {user}");
        wall.wait_for_text(&tile(user), &text).await?;
        let heading = format!("{} h2", tile(user));
        assert_eq!(wall.texts(&heading).await?, [user]);
    }
    let shown = wall.attributes("[data-testid=tile]", "data-user").await?;
    assert_eq!(shown, PEOPLE.map(|(user, _)| user));
    pages::tiles_are_named(wall).await?;
    pages::names_are_found(wall).await
}

/// Checks that everyone's versions are kept byte for byte, and that an instructor's restore is a
/// new file beside their notebook.
async fn versions_are_restored(class: &NamedClass, people: &[Person]) -> Result<()> {
    for person in people {
        let user = person.user;
        let path = class.hub.home_path(user, NOTEBOOK);
        let first = fs::read_to_string(&path)?;
        class.versions(user, 1).await?;
        person.save(&notebook(&["second = 2"])).await?;
        let versions = class.versions(user, 2).await?;
        let query = format!("{}&version={}", copy_query(user), versions[1]);
        let kept = class.get(&format!("api/history/download?{query}")).await?;
        assert_eq!(kept, first, "{user}");
        let kept = format!("api/copies/content?{}", copy_query(user));
        let kept = class.get(&kept).await?;
        assert_eq!(kept, fs::read_to_string(&path)?, "{user}");

        let restored = class.restore(user, versions[1]).await?;
        let restored = fs::read_to_string(path.with_file_name(restored))?;
        assert_eq!(restored, first, "{user}");
        assert!(fs::read_to_string(&path)?.contains("second = 2"), "{user}");
    }
    Ok(())
}

/// Checks that cells with the tag `private` are in the homes only.
async fn private_cells_stay_in_the_homes(class: &NamedClass, people: &[Person]) -> Result<()> {
    for person in people {
        person.save(&with_private_cells(&["third = 3"])).await?;
    }
    for Person { user, .. } in people {
        class.see(user, "third = 3").await?;
        let newest = class.versions(user, 3).await?[0];
        let of_user = copy_query(user);
        for path in [
            format!("api/notebook?{of_user}"),
            format!("api/history/download?{of_user}&version={newest}"),
            format!("api/copies/content?{of_user}"),
        ] {
            let answer = class.get(&path).await?;
            ensure!(answer.contains("third = 3"), "{path}: {answer}");
            ensure!(!answer.contains(CANARY), "{path}: {answer}");
        }
        assert!(holds(&class.hub.home_path(user, NOTEBOOK), CANARY));
    }
    let data = class.hub.folder().join("data");
    until("everything that is built", async || {
        Ok(holds(&data.join("build"), "third = 3").then_some(()))
    })
    .await?;
    assert!(!holds(&data, CANARY));
    assert!(!holds(&class.hub.folder().join("hub.log"), CANARY));
    Ok(())
}

/// Checks that a notice to one participant reaches that one, in JupyterLab's page and by each
/// server.
async fn notices_arrive(class: &NamedClass, people: &[Person], wall: &TestBrowser) -> Result<()> {
    let lab = TestBrowser::start().await?;
    let path = format!("user/{}/lab/tree/{NOTEBOOK}", encoded(ODD));
    lab.goto(&class.hub.url(&path)).await?;
    lab.sign_in(ODD, PASSWORD).await?;
    lab.wait_for(".jp-Notebook .jp-CodeCell").await?;

    for (user, _) in PEOPLE {
        // As code, since a name may look like Markdown and HTML.
        notices::write(wall, &format!("user:{user}"), &format!("For `{user}`.")).await?;
        // Once it is in the list, the fields are empty for the next.
        wall.wait_for_text("[data-testid=sent]", &format!("to {user} ·"))
            .await?;
    }
    lab.wait_for_text(TOAST, &format!("For {ODD}.")).await?;
    lab.shot("names-lab.png").await?;
    for Person { user, server } in people {
        let text = format!("For {user}.");
        until((user, "a notice"), async || {
            let answer = server.notices().await?;
            let notices = answer["notices"].as_array().context("notices")?;
            let texts: Vec<&Value> = notices.iter().map(|notice| &notice["brief"]).collect();
            ensure!(texts.len() <= 1, "{texts:?}");
            Ok((texts == [&text]).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Restarts everyone's server, while their notebook changes in their home. Checks that the service
/// hears of it.
async fn servers_come_and_go(class: &NamedClass, people: Vec<Person>) -> Result<()> {
    try_join_all(people.iter().map(|person| class.hub.stop(person.user))).await?;
    for Person { user, .. } in &people {
        let pulled = notebook(&[&format!("'pulled by {user}'")]);
        save(&class.hub.home_path(user, NOTEBOOK), &pulled)?;
    }
    let start = |person: &Person| class.hub.start_known_server(person.user);
    try_join_all(people.iter().map(start)).await?;
    for Person { user, .. } in people {
        class.see(user, &format!("pulled by {user}")).await?;
    }
    Ok(())
}

/// Takes the service's data away and kills it. Checks that participants' servers push all copies
/// again, and that the page shows them.
async fn all_copies_come_back(class: &NamedClass, wall: &TestBrowser) -> Result<()> {
    let before = class.kept_copies().await?;
    // The notebooks, what was restored of each, and what was restored on the page.
    assert_eq!(before.len(), 2 * PEOPLE.len() + 1, "{before:?}");
    // The Hub may start the next service at once, so the data are gone before this one is.
    class.hub.signal_service(Signal::STOP)?;
    let [data, lost] = ["data", "lost"].map(|name| class.hub.folder().join(name));
    fs::rename(data, lost)?;
    class.hub.signal_service(Signal::KILL)?;
    until("the service", async || {
        Ok(class.hub.is_ready().await?.then_some(()))
    })
    .await?;
    let begin = Instant::now();
    until_within(INVENTORY_TIMEOUT, "all copies", async || {
        Ok((class.kept_copies().await? == before).then_some(()))
    })
    .await?;
    eprintln!("all copies were back after {:?}", begin.elapsed());
    assert_eq!(
        class.users_on_the_wall().await?,
        PEOPLE.map(|(user, _)| user)
    );
    wall.goto(&class.hub.service("")).await?;
    for (user, _) in PEOPLE {
        let text = format!("pulled by {user}");
        wall.wait_for_text(&tile(user), &text).await?;
    }
    Ok(())
}
