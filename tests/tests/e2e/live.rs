//! Pages behind a network that holds, drops and reorders: they show every save, and always
//! recover.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    standalone::Standalone,
    until, until_within,
};

use crate::{NOTEBOOK, tile};

const PILL: &str = "[data-testid=live-pill]";
const PAGE: &str = "[data-testid=notebook-page]";
/// Longest wait for a page to recover: longer than its deadline of an answer, and than its pauses.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(90);

/// A service with a proxy before it, and a browser that knows the proxy alone.
struct LiveFixture {
    service: Standalone,
    proxy: Proxy,
    browser: TestBrowser,
}

impl LiveFixture {
    /// Opens the Wall, live, with a save of each of these participants.
    async fn of(users: &[&str]) -> Result<Self> {
        let service = Standalone::start()?;
        for user in users {
            save(&service.home_path(user, NOTEBOOK), &notebook(&["first"]))?;
        }
        let proxy = Proxy::before(service.link())?;
        let browser = TestBrowser::start().await?;
        browser.goto(&proxy.instead_of(service.link())?).await?;
        let fixture = Self {
            service,
            proxy,
            browser,
        };
        for user in users {
            fixture.wait_for_words(user, "first").await?;
        }
        fixture.wait_for_pill("live").await?;
        Ok(fixture)
    }

    fn save(&self, user: &str, words: &str) -> Result<()> {
        save(&self.service.home_path(user, NOTEBOOK), &notebook(&[words]))
    }

    async fn wait_for_words(&self, user: &str, words: &str) -> Result<()> {
        self.browser.wait_for_text(&tile(user), words).await
    }

    /// Waits until the pill of the page has this state.
    async fn wait_for_pill(&self, state: &str) -> Result<()> {
        let came = until_within(RECOVERY_TIMEOUT, ("the pill", state), async || {
            let states = self.browser.attributes(PILL, "data-state").await?;
            Ok(states.iter().any(|is| is == state).then_some(()))
        });
        came.await.with_context(|| {
            let targets = self.proxy.targets();
            format!("{:?}", &targets[targets.len().saturating_sub(20)..])
        })
    }

    /// Waits until `more` requests have come beyond the `before` of this part.
    async fn wait_for_requests(&self, part: &str, before: usize, more: usize) -> Result<()> {
        until_within(RECOVERY_TIMEOUT, ("requests of", part), async || {
            Ok((self.proxy.requests(part) >= before + more).then_some(()))
        })
        .await
    }
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn requests_that_hang_are_given_up_and_tried_again() -> Result<()> {
    let users = ["ana", "bo", "cy", "di", "eva"];
    let fixture = LiveFixture::of(&users).await?;
    fixture.proxy.only("api/tile", Mode::Hold);
    let asked = fixture.proxy.requests("api/tile");
    for user in users {
        fixture.save(user, "second")?;
    }
    until("four that hang", async || {
        Ok((fixture.proxy.open("api/tile") == 4).then_some(()))
    })
    .await?;
    // The page says that it is behind long before the requests are given up.
    fixture.wait_for_pill("behind").await?;
    ensure!(fixture.proxy.requests("api/tile") == asked + 4, "given up");
    fixture.browser.shot("live-behind.png").await?;
    fixture.proxy.only("api/tile", Mode::Pass);
    for user in users {
        fixture.wait_for_words(user, "second").await?;
    }
    fixture.wait_for_pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_stream_comes_back_whatever_else_hangs() -> Result<()> {
    let fixture = LiveFixture::of(&["ana"]).await?;
    fixture.proxy.only("api/session", Mode::Hold);
    fixture.proxy.only("events/stream", Mode::Drop);
    fixture.proxy.cut("events/stream");
    fixture.wait_for_pill("reconnecting").await?;
    let asked = fixture.proxy.requests("events/stream");
    fixture.wait_for_requests("events/stream", asked, 2).await?;
    until("a question after the session", async || {
        Ok((fixture.proxy.open("api/session") > 0).then_some(()))
    })
    .await?;
    fixture.save("ana", "second")?;
    fixture.proxy.only("events/stream", Mode::Pass);
    fixture.wait_for_words("ana", "second").await?;
    fixture.wait_for_pill("live").await?;
    ensure!(fixture.proxy.open("api/session") > 0, "it was answered");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wall_goes_on_with_a_new_event_store() -> Result<()> {
    let mut fixture = LiveFixture::of(&["ana", "bo"]).await?;
    for round in 0..5 {
        fixture.save("ana", &format!("round {round}"))?;
        fixture
            .wait_for_words("ana", &format!("round {round}"))
            .await?;
    }
    // The page's cursor is larger than any of the new store.
    let wall = format!("{}/", fixture.proxy.origin());
    fixture.browser.goto(&wall).await?;
    fixture.wait_for_words("ana", "round 4").await?;
    fixture.wait_for_pill("live").await?;
    fixture.proxy.all(Mode::Drop);
    fixture.proxy.cut("");
    fixture.wait_for_pill("reconnecting").await?;
    fixture.service = fixture.service.restart(|folder| {
        for file in fs::read_dir(folder.join("data"))? {
            let path = file?.path();
            if path.to_string_lossy().contains("events.sqlite3") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    })?;
    let before = fixture.proxy.requests("api/wall");
    fixture.proxy.all(Mode::Pass);
    fixture.wait_for_pill("live").await?;
    fixture.save("bo", "after it all")?;
    fixture.wait_for_words("bo", "after it all").await?;
    fixture.wait_for_words("ana", "round 4").await?;
    let walls = fixture.proxy.requests("api/wall") - before;
    ensure!(walls <= 4, "{walls} requests of the wall");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn requests_that_fail_are_few() -> Result<()> {
    let fixture = LiveFixture::of(&["ana", "bo"]).await?;
    for (round, mode) in [Mode::Drop, Mode::Status(500), Mode::Status(429)]
        .into_iter()
        .enumerate()
    {
        let words = format!("round {round}");
        fixture.proxy.only("api/", mode);
        let (before, tiles) = (
            fixture.proxy.requests(""),
            fixture.proxy.requests("api/tile"),
        );
        let began = Instant::now();
        for user in ["ana", "bo"] {
            fixture.save(user, &words)?;
        }
        // The requests of each kind: a tile, the wall and the list.
        fixture.wait_for_requests("api/tile", tiles, 1).await?;
        fixture.wait_for_pill("behind").await?;
        let asked = fixture.proxy.requests("api/");
        fixture.wait_for_requests("api/", asked, 6).await?;
        let took = began.elapsed().as_secs_f64();
        // Two tiles, the wall and the list, each after 0, 1, 3, 7 … s, a quarter less.
        let each = (took / 0.75 + 1.0).log2() + 2.0;
        let came = fixture.proxy.requests("") - before;
        ensure!(
            (came as f64) < 5.0 * each,
            "{came} requests in {took} s: {:?}",
            &fixture.proxy.targets()[before..]
        );
        fixture.proxy.only("api/", Mode::Pass);
        for user in ["ana", "bo"] {
            until_within(RECOVERY_TIMEOUT, (user, "their tile"), async || {
                let shown = fixture.browser.texts(&tile(user)).await?;
                Ok(shown.iter().any(|text| text.contains(&words)).then_some(()))
            })
            .await?;
        }
        fixture.wait_for_pill("live").await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_older_answer_does_not_replace_a_newer_one() -> Result<()> {
    let fixture = LiveFixture::of(&["ana", "bo"]).await?;
    fixture.proxy.only("api/tile", Mode::HoldAnswer);
    fixture.save("ana", "second")?;
    until("the older answer on its way", async || {
        Ok((fixture.proxy.open("api/tile") == 1).then_some(()))
    })
    .await?;
    // The service has read the second version when the stream announces it; now the third is
    // saved.
    fixture.proxy.only("events/stream", Mode::Drop);
    fixture.proxy.cut("events/stream");
    fixture.wait_for_pill("reconnecting").await?;
    fixture.save("ana", "third")?;
    let tile_now = format!("api/tile?filename={NOTEBOOK}&user=ana");
    until("the third version", async || {
        let answer = fixture
            .service
            .authorized(reqwest::Method::GET, &tile_now)
            .send()
            .await?;
        Ok(answer.text().await?.contains("third").then_some(()))
    })
    .await?;
    fixture.proxy.only("events/stream", Mode::Pass);
    fixture.wait_for_words("ana", "third").await?;
    let watch = "window.__back = 0; const tile = document.querySelector(arguments[0]); \
        new MutationObserver(() => { if (tile.textContent.includes('second')) window.__back++ }) \
        .observe(tile, {childList: true, subtree: true, characterData: true})";
    fixture.browser.run(watch, vec![json!(tile("ana"))]).await?;
    fixture.proxy.only("api/tile", Mode::Pass);
    // A later request gets a later answer.
    fixture.save("bo", "second")?;
    fixture.wait_for_words("bo", "second").await?;
    until("no answer on its way", async || {
        Ok((fixture.proxy.open("api/tile") == 0).then_some(()))
    })
    .await?;
    fixture.wait_for_words("ana", "third").await?;
    let back = fixture.browser.run("return window.__back", vec![]).await?;
    ensure!(back == 0, "the older answer was shown");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn failed_requests_are_made_up_for() -> Result<()> {
    let fixture = LiveFixture::of(&["ana", "bo"]).await?;
    // More often than the page counts its failures.
    fixture.proxy.only("api/", Mode::Status(502));
    let before = fixture.proxy.requests("api/tile");
    fixture.save("ana", "second")?;
    let other = fixture.service.home_path("ana", "other.ipynb");
    save(&other, &notebook(&["other"]))?;
    fixture.wait_for_requests("api/tile", before, 5).await?;
    fixture.wait_for_pill("behind").await?;
    fixture.proxy.only("api/", Mode::Pass);
    fixture.wait_for_pill("live").await?;
    fixture.wait_for_words("ana", "second").await?;
    until("the other notebook in the list", async || {
        let listed = fixture
            .browser
            .attributes("#notebooks a", "data-notebook")
            .await?;
        Ok(listed.iter().any(|it| it == "other.ipynb").then_some(()))
    })
    .await?;

    // The page of a notebook.
    fixture.browser.open(&tile("ana")).await?;
    fixture.browser.wait_for_text(PAGE, "second").await?;
    fixture.wait_for_pill("live").await?;
    fixture.proxy.only("api/notebook?", Mode::Drop);
    fixture.save("ana", "third")?;
    fixture.wait_for_pill("behind").await?;
    fixture.proxy.only("api/notebook?", Mode::Pass);
    fixture.wait_for_pill("live").await?;
    fixture.browser.wait_for_text(PAGE, "third").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_hidden_tab_that_hears_nothing_gives_the_stream_to_the_next() -> Result<()> {
    let fixture = LiveFixture::of(&["ana"]).await?;
    // A browser slows the clock of a hidden tab; here the clock stops.
    let asleep = "for (let timer = 0; timer < 10000; timer++) clearInterval(timer); \
        Object.defineProperty(document, 'hidden', {get: () => true})";
    fixture.browser.run(asleep, vec![]).await?;
    let wall = format!("{}/", fixture.proxy.origin());
    fixture.browser.open_tab(&wall).await?;
    fixture.wait_for_words("ana", "first").await?;
    fixture.wait_for_pill("live").await?;
    ensure!(fixture.proxy.open("events/stream") == 1, "each has its own");
    let before = fixture.proxy.requests("events/stream");
    fixture.proxy.only("events/stream", Mode::Hold);
    fixture.wait_for_pill("reconnecting").await?;
    fixture
        .wait_for_requests("events/stream", before, 1)
        .await?;
    fixture.save("ana", "second")?;
    fixture.proxy.only("events/stream", Mode::Pass);
    fixture.wait_for_pill("live").await?;
    fixture.wait_for_words("ana", "second").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wall_that_comes_while_tiles_fail_is_not_the_last() -> Result<()> {
    let fixture = LiveFixture::of(&["ana", "bo", "cy", "di", "eva"]).await?;
    fixture.proxy.only("api/tile", Mode::Hold);
    for user in ["ana", "bo", "cy", "di"] {
        fixture.save(user, "second")?;
    }
    until("four that hang", async || {
        Ok((fixture.proxy.open("api/tile") == 4).then_some(()))
    })
    .await?;
    fixture.proxy.only("api/wall", Mode::HoldAnswer);
    fixture.proxy.cut("events/stream");
    until_within(RECOVERY_TIMEOUT, "a wall on its way", async || {
        Ok((fixture.proxy.held("api/wall") == 1).then_some(()))
    })
    .await?;
    // So many requests fail that the page will request all tiles once more, after a pause, in
    // which the answers to earlier requests come.
    let before = fixture.proxy.requests("api/tile");
    fixture.proxy.only("api/tile", Mode::Drop);
    fixture.wait_for_requests("api/tile", before, 1).await?;
    fixture.proxy.only("api/wall", Mode::Pass);
    fixture.proxy.only("api/tile", Mode::Pass);
    until("the wall", async || {
        Ok((fixture.proxy.open("api/wall") == 0).then_some(()))
    })
    .await?;
    fixture.save("eva", "third")?;
    fixture.wait_for_words("eva", "third").await?;
    fixture.wait_for_pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_unreadable_answer_is_tried_again() -> Result<()> {
    let fixture = LiveFixture::of(&["ana"]).await?;
    // The answer of a proxy in between that sends a page of its own.
    fixture.proxy.only("api/", Mode::Status(200));
    fixture.save("ana", "second")?;
    fixture.wait_for_pill("behind").await?;
    fixture.proxy.only("api/", Mode::Pass);
    fixture.wait_for_words("ana", "second").await?;
    fixture.wait_for_pill("live").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_tab_that_joins_makes_the_others_ask_for_nothing() -> Result<()> {
    let fixture = LiveFixture::of(&["ana"]).await?;
    let wall = format!("{}/", fixture.proxy.origin());
    for _ in 0..4 {
        fixture.browser.open_tab(&wall).await?;
        fixture.wait_for_words("ana", "first").await?;
        fixture.wait_for_pill("live").await?;
    }
    let asked = fixture.proxy.requests("api/tile");
    fixture.save("ana", "second")?;
    fixture.wait_for_words("ana", "second").await?;
    fixture.wait_for_requests("api/tile", asked, 4).await?;
    let asked = fixture.proxy.requests("api/wall");
    // Each tab sends its own requests, and once more if the stream had a message meanwhile.
    ensure!(asked <= 8, "{asked}: {:?}", fixture.proxy.targets());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_machine_that_has_slept_begins_its_stream_anew() -> Result<()> {
    let fixture = LiveFixture::of(&["ana"]).await?;
    let before = fixture.proxy.requests("events/stream");
    // The clock is an hour ahead, as after a sleep of the machine.
    let slept = "const now = Date.now; Date.now = () => now() + 3600000";
    fixture.browser.run(slept, vec![]).await?;
    fixture
        .wait_for_requests("events/stream", before, 1)
        .await?;
    fixture.wait_for_pill("live").await?;
    ensure!(
        fixture.proxy.requests("events/stream") == before + 1,
        "again"
    );
    Ok(())
}
