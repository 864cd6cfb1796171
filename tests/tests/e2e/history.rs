//! Versions of a notebook: shown, compared and restored.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, tile};

const PAGE: &str = "[data-testid=notebook-page]";
const HISTORY: &str = "[data-testid=history]";
const BAR: &str = "[data-testid=version-bar]";
const DIALOG: &str = "[data-testid=restore-dialog]";

/// The sources that a participant saves one after the other.
const SAVES: [&[&str]; 3] = [
    &["import math", "radius = 3\narea = radius ** 2\nprint(area)"],
    &[
        "import math",
        "radius = 3\narea = math.pi * radius ** 2\nprint(area)",
    ],
    &[
        "import math",
        "def area(radius):\n    return math.pi * radius ** 2\n\nprint(area(3))",
        "[area(radius) for radius in range(5)]",
    ],
];

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    Ok(browser.wait_for(css).await?.click().await?)
}

/// Saves all of them, each after the one before is recorded, and opens the list of versions.
async fn with_history(browser: &TestBrowser, service: &Standalone) -> Result<()> {
    let file = service.home_path("alice", NOTEBOOK);
    save(&file, &notebook(SAVES[0]))?;
    browser.goto(service.link()).await?;
    browser.wait_for_text(&tile("alice"), "radius").await?;
    browser.open(&tile("alice")).await?;
    click(browser, "[data-testid=history-button]").await?;
    for (count, sources) in SAVES.iter().enumerate() {
        save(&file, &notebook(sources))?;
        until(("versions", count + 1), async || {
            let known = browser.texts(&format!("{HISTORY} li")).await?;
            Ok((known.len() == count + 1).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_version_is_seen_compared_and_restored() -> Result<()> {
    let service = Standalone::start()?;
    let browser = TestBrowser::start().await?;
    with_history(&browser, &service).await?;
    browser.wait_for_text(PAGE, "def area").await?;
    browser.shot("history-now.png").await?;

    // The list leads to the first version, the key to the second.
    click(&browser, &format!("{HISTORY} li:last-child a")).await?;
    browser.wait_for_text(BAR, "As of").await?;
    browser.wait_for_text(PAGE, "area = radius ** 2").await?;
    let body = browser.wait_for("body").await?;
    body.send_keys("n").await?;
    browser.wait_for_text(PAGE, "area = math.pi").await?;
    // The address names the version.
    let url = browser.url().await?;
    assert!(url.contains("version="), "{url}");
    browser.goto("about:blank").await?;
    browser.goto(&url).await?;
    browser.wait_for_text(PAGE, "area = math.pi").await?;
    browser
        .wait_for(&format!("{HISTORY} a[aria-current]"))
        .await?;
    for scheme in ["light", "dark"] {
        browser.prefer_color_scheme(scheme).await?;
        browser.shot(&format!("history-{scheme}.png")).await?;
    }

    // Its changes are one line of one cell.
    browser.wait_for("body").await?.send_keys("c").await?;
    let changes = "[data-testid=changes]";
    browser
        .wait_for_text(&format!("{changes} del"), "area = radius ** 2")
        .await?;
    browser
        .wait_for_text(&format!("{changes} ins"), "area = math.pi * radius ** 2")
        .await?;
    assert_eq!(browser.texts(&format!("{changes} article")).await?.len(), 1);
    for scheme in ["light", "dark"] {
        browser.prefer_color_scheme(scheme).await?;
        browser.shot(&format!("changes-{scheme}.png")).await?;
    }

    // It is restored as a copy beside the notebook.
    click(&browser, &format!("{BAR} [data-do=ask]")).await?;
    browser.wait_for(DIALOG).await?;
    browser.shot("restore.png").await?;
    click(&browser, &format!("{DIALOG} [data-do=restore]")).await?;
    let written = until("the name of the copy", async || {
        let names = browser
            .texts(&format!("{DIALOG} [role=status] code"))
            .await?;
        Ok(names.into_iter().next())
    })
    .await?;
    browser.shot("restored.png").await?;
    let copy = std::fs::read(service.home_path("alice", &written)).context(written)?;
    assert_eq!(serde_json::from_slice::<Value>(&copy)?, notebook(SAVES[1]));
    let own = std::fs::read(service.home_path("alice", NOTEBOOK))?;
    assert_eq!(serde_json::from_slice::<Value>(&own)?, notebook(SAVES[2]));

    // Back to the present notebook.
    click(&browser, &format!("{DIALOG} [data-do=close]")).await?;
    click(&browser, &format!("{BAR} a.primary")).await?;
    browser.wait_for_text(PAGE, "def area").await?;
    assert!(!browser.url().await?.contains("version="));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn history_fits_on_a_phone() -> Result<()> {
    let service = Standalone::start()?;
    let browser = TestBrowser::start().await?;
    browser.size(390, 844).await?;
    with_history(&browser, &service).await?;
    click(&browser, &format!("{HISTORY} li:last-child a")).await?;
    browser.wait_for_text(BAR, "As of").await?;
    assert_eq!(browser.page_width().await?, 390, "as wide as the screen");
    browser.shot("history-phone.png").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_address_opens_the_list_of_versions_up_to_date() -> Result<()> {
    let service = Standalone::start()?;
    let browser = TestBrowser::start().await?;
    with_history(&browser, &service).await?;
    let link = format!("{HISTORY} li:last-child a");
    let first = "return document.querySelector(arguments[0]).href";
    let first = browser.run(first, vec![json!(link)]).await?;
    browser.wait_for("body").await?.send_keys("h").await?;
    until("no list", async || {
        let versions = browser.texts(&format!("{HISTORY} li")).await?;
        Ok(versions.is_empty().then_some(()))
    })
    .await?;
    // A closed list is not refreshed.
    let file = service.home_path("alice", NOTEBOOK);
    save(&file, &notebook(&["radius = 4"]))?;
    browser.wait_for_text(PAGE, "radius = 4").await?;
    let kept = format!("api/history?filename={NOTEBOOK}&user=alice");
    until("a version", async || {
        let answer = service.authorized(reqwest::Method::GET, &kept);
        let answer: Value = answer.send().await?.json().await?;
        let versions = answer["versions"].as_array().map_or(0, Vec::len);
        Ok((versions == 4).then_some(()))
    })
    .await?;
    let go = "history.pushState(null, '', arguments[0]); \
        dispatchEvent(new PopStateEvent('popstate'))";
    browser.run(go, vec![first]).await?;
    until("all versions", async || {
        let versions = browser.texts(&format!("{HISTORY} li")).await?;
        Ok((versions.len() == 4).then_some(()))
    })
    .await
}
