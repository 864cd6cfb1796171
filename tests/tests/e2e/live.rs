//! Pages behind a network that holds, drops and reorders: what was saved is seen, and a page
//! always comes back.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    browser::Browser,
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    standalone::Standalone,
    until, until_within,
};

use crate::{NOTEBOOK, tile};

const PILL: &str = "[data-testid=live-pill]";
const PAGE: &str = "[data-testid=notebook-page]";
/// Longer than the page waits for an answer, and than any of its pauses.
const PATIENCE: Duration = Duration::from_secs(90);

/// A service with a proxy before it, and a browser that knows the proxy alone.
struct Scene {
    service: Standalone,
    proxy: Proxy,
    browser: Browser,
}

impl Scene {
    /// The Wall, live, with what each of these has saved.
    async fn of(users: &[&str]) -> Result<Self> {
        let service = Standalone::start()?;
        for user in users {
            save(&service.home_path(user, NOTEBOOK), &notebook(&["first"]))?;
        }
        let proxy = Proxy::before(service.link())?;
        let browser = Browser::start().await?;
        browser.goto(&proxy.instead_of(service.link())?).await?;
        let scene = Self {
            service,
            proxy,
            browser,
        };
        for user in users {
            scene.shows(user, "first").await?;
        }
        scene.pill("live").await?;
        Ok(scene)
    }

    fn save(&self, user: &str, words: &str) -> Result<()> {
        save(&self.service.home_path(user, NOTEBOOK), &notebook(&[words]))
    }

    async fn shows(&self, user: &str, words: &str) -> Result<()> {
        self.browser.wait_for_text(&tile(user), words).await
    }

    /// Waits until the page says so of itself, for as long as a deadline and a pause take.
    async fn pill(&self, state: &str) -> Result<()> {
        let came = until_within(PATIENCE, ("the pill", state), async || {
            let states = self.browser.attributes(PILL, "data-state").await?;
            Ok(states.iter().any(|is| is == state).then_some(()))
        });
        came.await.with_context(|| {
            let targets = self.proxy.targets();
            format!("{:?}", &targets[targets.len().saturating_sub(20)..])
        })
    }

    /// Waits for so many more requests.
    async fn asked(&self, part: &str, before: usize, more: usize) -> Result<()> {
        until_within(PATIENCE, ("requests of", part), async || {
            Ok((self.proxy.requests(part) >= before + more).then_some(()))
        })
        .await
    }
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn requests_that_hang_are_given_up_and_tried_again() -> Result<()> {
    let users = ["ana", "bo", "cy", "di", "eva"];
    let scene = Scene::of(&users).await?;
    scene.proxy.only("api/tile", Mode::Hold);
    let asked = scene.proxy.requests("api/tile");
    for user in users {
        scene.save(user, "second")?;
    }
    until("four that hang", async || {
        Ok((scene.proxy.open("api/tile") == 4).then_some(()))
    })
    .await?;
    // They do not pass for an answer, long before they are given up.
    scene.pill("behind").await?;
    ensure!(scene.proxy.requests("api/tile") == asked + 4, "given up");
    scene.browser.shot("live-behind.png").await?;
    scene.proxy.only("api/tile", Mode::Pass);
    for user in users {
        scene.shows(user, "second").await?;
    }
    scene.pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_stream_comes_back_whatever_else_hangs() -> Result<()> {
    let scene = Scene::of(&["ana"]).await?;
    scene.proxy.only("api/session", Mode::Hold);
    scene.proxy.only("events/stream", Mode::Drop);
    scene.proxy.cut("events/stream");
    scene.pill("reconnecting").await?;
    let asked = scene.proxy.requests("events/stream");
    scene.asked("events/stream", asked, 2).await?;
    until("a question after the session", async || {
        Ok((scene.proxy.open("api/session") > 0).then_some(()))
    })
    .await?;
    scene.save("ana", "second")?;
    scene.proxy.only("events/stream", Mode::Pass);
    scene.shows("ana", "second").await?;
    scene.pill("live").await?;
    ensure!(scene.proxy.open("api/session") > 0, "it was answered");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wall_goes_on_when_the_events_are_other_ones() -> Result<()> {
    let mut scene = Scene::of(&["ana", "bo"]).await?;
    for round in 0..5 {
        scene.save("ana", &format!("round {round}"))?;
        scene.shows("ana", &format!("round {round}")).await?;
    }
    // A page that knows from its first moment on of more than there will be.
    let wall = format!("{}/", scene.proxy.origin());
    scene.browser.goto(&wall).await?;
    scene.shows("ana", "round 4").await?;
    scene.pill("live").await?;
    scene.proxy.all(Mode::Drop);
    scene.proxy.cut("");
    scene.pill("reconnecting").await?;
    scene.service = scene.service.restart(|folder| {
        for file in fs::read_dir(folder.join("data"))? {
            let path = file?.path();
            if path.to_string_lossy().contains("events.sqlite3") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    })?;
    let before = scene.proxy.requests("api/wall");
    scene.proxy.all(Mode::Pass);
    scene.pill("live").await?;
    scene.save("bo", "after it all")?;
    scene.shows("bo", "after it all").await?;
    scene.shows("ana", "round 4").await?;
    let walls = scene.proxy.requests("api/wall") - before;
    ensure!(walls <= 4, "{walls} requests of the wall");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn requests_that_fail_are_few() -> Result<()> {
    let scene = Scene::of(&["ana", "bo"]).await?;
    for (round, mode) in [Mode::Drop, Mode::Status(500), Mode::Status(429)]
        .into_iter()
        .enumerate()
    {
        let words = format!("round {round}");
        scene.proxy.only("api/", mode);
        let (before, tiles) = (scene.proxy.requests(""), scene.proxy.requests("api/tile"));
        let began = Instant::now();
        for user in ["ana", "bo"] {
            scene.save(user, &words)?;
        }
        // Of each kind: a tile, the wall and the list.
        scene.asked("api/tile", tiles, 1).await?;
        scene.pill("behind").await?;
        let asked = scene.proxy.requests("api/");
        scene.asked("api/", asked, 6).await?;
        let took = began.elapsed().as_secs_f64();
        // Two tiles, the wall and the list, each after 0, 1, 3, 7 … s, a quarter less.
        let each = (took / 0.75 + 1.0).log2() + 2.0;
        let came = scene.proxy.requests("") - before;
        ensure!(
            (came as f64) < 5.0 * each,
            "{came} requests in {took} s: {:?}",
            &scene.proxy.targets()[before..]
        );
        scene.proxy.only("api/", Mode::Pass);
        for user in ["ana", "bo"] {
            until_within(PATIENCE, (user, "their tile"), async || {
                let shown = scene.browser.texts(&tile(user)).await?;
                Ok(shown.iter().any(|text| text.contains(&words)).then_some(()))
            })
            .await?;
        }
        scene.pill("live").await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_older_answer_does_not_replace_a_newer_one() -> Result<()> {
    let scene = Scene::of(&["ana", "bo"]).await?;
    scene.proxy.only("api/tile", Mode::HoldAnswer);
    scene.save("ana", "second")?;
    until("the older answer on its way", async || {
        Ok((scene.proxy.open("api/tile") == 1).then_some(()))
    })
    .await?;
    // The service has read the second version when the stream says so; now the third.
    scene.proxy.only("events/stream", Mode::Drop);
    scene.proxy.cut("events/stream");
    scene.pill("reconnecting").await?;
    scene.save("ana", "third")?;
    let tile_now = format!("api/tile?filename={NOTEBOOK}&user=ana");
    until("the third version", async || {
        let answer = scene
            .service
            .authorized(reqwest::Method::GET, &tile_now)
            .send()
            .await?;
        Ok(answer.text().await?.contains("third").then_some(()))
    })
    .await?;
    scene.proxy.only("events/stream", Mode::Pass);
    scene.shows("ana", "third").await?;
    let watch = "window.__back = 0; const tile = document.querySelector(arguments[0]); \
        new MutationObserver(() => { if (tile.textContent.includes('second')) window.__back++ }) \
        .observe(tile, {childList: true, subtree: true, characterData: true})";
    scene.browser.run(watch, vec![json!(tile("ana"))]).await?;
    scene.proxy.only("api/tile", Mode::Pass);
    // What is asked after it is answered after it.
    scene.save("bo", "second")?;
    scene.shows("bo", "second").await?;
    until("no answer on its way", async || {
        Ok((scene.proxy.open("api/tile") == 0).then_some(()))
    })
    .await?;
    scene.shows("ana", "third").await?;
    let back = scene.browser.run("return window.__back", vec![]).await?;
    ensure!(back == 0, "the older answer was shown");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_failed_is_made_up_for() -> Result<()> {
    let scene = Scene::of(&["ana", "bo"]).await?;
    // More often than anybody counts.
    scene.proxy.only("api/", Mode::Status(502));
    let before = scene.proxy.requests("api/tile");
    scene.save("ana", "second")?;
    let other = scene.service.home_path("ana", "other.ipynb");
    save(&other, &notebook(&["other"]))?;
    scene.asked("api/tile", before, 5).await?;
    scene.pill("behind").await?;
    scene.proxy.only("api/", Mode::Pass);
    scene.pill("live").await?;
    scene.shows("ana", "second").await?;
    scene
        .browser
        .wait_for("option[value='other.ipynb']")
        .await?;

    // The page of a notebook.
    scene.browser.open(&tile("ana")).await?;
    scene.browser.wait_for_text(PAGE, "second").await?;
    scene.pill("live").await?;
    scene.proxy.only("api/notebook?", Mode::Drop);
    scene.save("ana", "third")?;
    scene.pill("behind").await?;
    scene.proxy.only("api/notebook?", Mode::Pass);
    scene.pill("live").await?;
    scene.browser.wait_for_text(PAGE, "third").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_hidden_tab_that_hears_nothing_gives_the_stream_to_the_next() -> Result<()> {
    let scene = Scene::of(&["ana"]).await?;
    // A browser slows the clock of a tab that is not shown, here to nothing.
    let asleep = "for (let timer = 0; timer < 10000; timer++) clearInterval(timer); \
        Object.defineProperty(document, 'hidden', {get: () => true})";
    scene.browser.run(asleep, vec![]).await?;
    let wall = format!("{}/", scene.proxy.origin());
    scene.browser.open_tab(&wall).await?;
    scene.shows("ana", "first").await?;
    scene.pill("live").await?;
    ensure!(scene.proxy.open("events/stream") == 1, "each has its own");
    let before = scene.proxy.requests("events/stream");
    scene.proxy.only("events/stream", Mode::Hold);
    scene.pill("reconnecting").await?;
    scene.asked("events/stream", before, 1).await?;
    scene.save("ana", "second")?;
    scene.proxy.only("events/stream", Mode::Pass);
    scene.pill("live").await?;
    scene.shows("ana", "second").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wall_that_comes_while_tiles_fail_is_not_the_last() -> Result<()> {
    let scene = Scene::of(&["ana", "bo", "cy", "di", "eva"]).await?;
    scene.proxy.only("api/tile", Mode::Hold);
    for user in ["ana", "bo", "cy", "di"] {
        scene.save(user, "second")?;
    }
    until("four that hang", async || {
        Ok((scene.proxy.open("api/tile") == 4).then_some(()))
    })
    .await?;
    scene.proxy.only("api/wall", Mode::HoldAnswer);
    scene.proxy.cut("events/stream");
    until_within(PATIENCE, "a wall on its way", async || {
        Ok((scene.proxy.held("api/wall") == 1).then_some(()))
    })
    .await?;
    // So many fail that all tiles are to be asked for once more, after a pause; in which those
    // come that were asked for before.
    let before = scene.proxy.requests("api/tile");
    scene.proxy.only("api/tile", Mode::Drop);
    scene.asked("api/tile", before, 1).await?;
    scene.proxy.only("api/wall", Mode::Pass);
    scene.proxy.only("api/tile", Mode::Pass);
    until("the wall", async || {
        Ok((scene.proxy.open("api/wall") == 0).then_some(()))
    })
    .await?;
    scene.save("eva", "third")?;
    scene.shows("eva", "third").await?;
    scene.pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_cannot_be_read_is_no_answer() -> Result<()> {
    let scene = Scene::of(&["ana"]).await?;
    // As somebody in between answers who has a page of their own.
    scene.proxy.only("api/", Mode::Status(200));
    scene.save("ana", "second")?;
    scene.pill("behind").await?;
    scene.proxy.only("api/", Mode::Pass);
    scene.shows("ana", "second").await?;
    scene.pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_tab_that_joins_makes_the_others_ask_for_nothing() -> Result<()> {
    let scene = Scene::of(&["ana"]).await?;
    let wall = format!("{}/", scene.proxy.origin());
    for _ in 0..4 {
        scene.browser.open_tab(&wall).await?;
        scene.shows("ana", "first").await?;
        scene.pill("live").await?;
    }
    let asked = scene.proxy.requests("api/tile");
    scene.save("ana", "second")?;
    scene.shows("ana", "second").await?;
    scene.asked("api/tile", asked, 4).await?;
    let asked = scene.proxy.requests("api/wall");
    // Each asks for itself, and once more if something was said while it began.
    ensure!(asked <= 8, "{asked}: {:?}", scene.proxy.targets());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_machine_that_has_slept_begins_its_stream_anew() -> Result<()> {
    let scene = Scene::of(&["ana"]).await?;
    let before = scene.proxy.requests("events/stream");
    // As if an hour was over, in which nothing else went on.
    let slept = "const now = Date.now; Date.now = () => now() + 3600000";
    scene.browser.run(slept, vec![]).await?;
    scene.asked("events/stream", before, 1).await?;
    scene.pill("live").await?;
    ensure!(scene.proxy.requests("events/stream") == before + 1, "again");
    Ok(())
}
