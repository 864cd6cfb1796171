//! Sharing with participants, below a real Hub: they see the followed notebook and the summary and
//! nothing else; and the page about the data kept of them.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, tile};

const FOLLOW: &str = "[data-testid=follow-toggle]";
const SHARE: &str = "[data-testid=share-toggle]";
const CARD: &str = "[data-testid=follow-card]";
const SUMMARY: &str = "[data-testid=summary-card]";
const PILL: &str = "[data-testid=new-cell]";
const NEWEST: &str = ".followed .newest";

/// A notebook that is longer than a screen, with a cell for each of `more` at the end.
fn lesson(more: &[&str]) -> Value {
    let long: Vec<String> = (1..=30).map(|n| format!("step_{n} = {n}")).collect();
    let mut sources: Vec<&str> = long.iter().map(String::as_str).collect();
    sources.extend(more);
    notebook(&sources)
}

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    Ok(browser.wait_for(css).await?.click().await?)
}

async fn signed_in(hub: &Hub, user: &str, page: &str) -> Result<TestBrowser> {
    let browser = TestBrowser::start().await?;
    browser.goto(&hub.service(page)).await?;
    browser.sign_in(user, PASSWORD).await?;
    Ok(browser)
}

async fn number(browser: &TestBrowser, script: &str) -> Result<f64> {
    let answer = browser.run(&format!("return {script}"), vec![]).await?;
    Ok(answer.as_f64().unwrap_or(f64::NAN))
}

/// Waits until the newest cell is in view.
async fn wait_until_newest_is_seen(browser: &TestBrowser) -> Result<()> {
    until("the newest cell in view", async || {
        let script = format!(
            "(r => r.top < innerHeight && r.bottom > 0 ? 1 : 0)\
             (document.querySelector('{NEWEST}').getBoundingClientRect())"
        );
        let seen = number(browser, &script).await?;
        Ok((seen > 0.0).then_some(()))
    })
    .await
}

async fn shots(browser: &TestBrowser, name: &str) -> Result<()> {
    for scheme in ["dark", "light"] {
        browser.prefer_color_scheme(scheme).await?;
        browser.shot(&format!("{name}-{scheme}.png")).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn participants_follow_the_instructors_notebook() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let path = hub.home_path(INSTRUCTOR, NOTEBOOK);
    save(&path, &lesson(&[]))?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["of_alice"]))?;
    save(
        &hub.home_path("bob", NOTEBOOK),
        &notebook(&["secret_of_bob"]),
    )?;

    let alice = signed_in(&hub, "alice", "").await?;
    alice.wait_for_text(&tile("alice"), "of_alice").await?;
    alice
        .wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    assert!(alice.texts(CARD).await?.is_empty());

    // Only an instructor's own notebook has the button to share it.
    let own = format!("notebook?notebook={NOTEBOOK}&user={INSTRUCTOR}");
    let ines = signed_in(&hub, INSTRUCTOR, &own).await?;
    ines.wait_for_text(FOLLOW, "Let participants follow")
        .await?;
    click(&ines, FOLLOW).await?;
    ines.wait_for_text(FOLLOW, "Followed").await?;
    ines.shot("follow-instructor.png").await?;

    // The card appears without a reload.
    alice.wait_for_text(CARD, INSTRUCTOR).await?;
    shots(&alice, "participant").await?;
    click(&alice, CARD).await?;
    alice.wait_for_text(NEWEST, "step_30").await?;
    wait_until_newest_is_seen(&alice).await?;

    // A new cell appears without a reload, is marked, and the page scrolls to it.
    save(&path, &lesson(&["first_more = 1"]))?;
    alice.wait_for_text(NEWEST, "first_more").await?;
    wait_until_newest_is_seen(&alice).await?;
    shots(&alice, "follow").await?;

    // A reader who has scrolled back stays there, and a pill leads to the new cell.
    alice.run("scrollTo(0, 0)", vec![]).await?;
    save(&path, &lesson(&["first_more = 1", "second_more = 2"]))?;
    alice.wait_for(PILL).await?;
    assert!(number(&alice, "scrollY").await?.abs() < 1.0);
    alice.shot("follow-pill.png").await?;
    click(&alice, PILL).await?;
    alice.wait_for_text(NEWEST, "second_more").await?;
    wait_until_newest_is_seen(&alice).await?;

    // The code can be copied. No page may read the clipboard unasked, so a hook records the text.
    let note = "const write = navigator.clipboard.writeText.bind(navigator.clipboard); \
                navigator.clipboard.writeText = text => { window.copied = text; return write(text) }";
    alice.run(note, vec![]).await?;
    click(&alice, &format!("{NEWEST} [data-do=copy]")).await?;
    alice
        .wait_for_text(&format!("{NEWEST} [data-do=copy]"), "Copied")
        .await?;
    let copied = alice.run("return window.copied", vec![]).await?;
    assert_eq!(copied, json!("second_more = 2"));
    alice.size(390, 844).await?;
    alice.shot("follow-phone.png").await?;

    // No other notebook of hers, or of others, can be read.
    for (what, of) in [("notebook", INSTRUCTOR), ("tile", "bob")] {
        let address = format!("api/{what}?filename={NOTEBOOK}&user={of}");
        let status = "const done = arguments[1]; fetch(arguments[0]).then(r => done(r.status))";
        let address = json!(hub.service(&address));
        assert_eq!(alice.run_until_called(status, vec![address]).await?, 404);
    }

    // Open pages of participants are told that sharing ended.
    click(&ines, FOLLOW).await?;
    alice
        .wait_for_text("[data-testid=ended]", "is no longer shared")
        .await?;
    alice.shot("follow-ended.png").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn participants_read_the_summary_and_the_data_kept_of_them() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["of_alice"]))?;
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["of_bob"]))?;
    let ines = signed_in(&hub, INSTRUCTOR, "").await?;
    ines.wait_for_text(&tile("bob"), "of_bob").await?;
    let alice = signed_in(&hub, "alice", "").await?;
    alice.wait_for_text(&tile("alice"), "of_alice").await?;
    alice
        .wait_for("[data-testid=live-pill][data-state=live]")
        .await?;

    click(&alice, "[data-testid=kept] summary").await?;
    alice.wait_for_text("[data-testid=kept]", "30 days").await?;
    alice.shot("participant-kept.png").await?;

    click(&ines, SHARE).await?;
    ines.wait_for_text(SHARE, "Share").await?;
    ines.shot("participant-share.png").await?;
    alice.wait_for_text(SUMMARY, NOTEBOOK).await?;
    alice.size(390, 844).await?;
    alice.shot("participant-phone.png").await?;
    // The card leads to the page of the document.
    let address = hub.service(&format!("build/?notebook={NOTEBOOK}"));
    let card = alice.attributes(SUMMARY, "href").await?;
    assert_eq!(card, [format!("document?notebook={NOTEBOOK}")]);
    let before = alice.open_tab(&address).await?;
    alice.wait_for_text("body", "of_bob").await?;
    alice.close_tab(&before).await?;
    // The listing of builds leads there, too.
    let before = alice.open_tab(&hub.service("build/")).await?;
    alice.wait_for_text("table", "Summary").await?;
    alice.size(1200, 800).await?;
    alice.shot("participant-builds.png").await?;
    click(&alice, "a[href$='00-summary.html']").await?;
    alice.wait_for_text("body", "of_bob").await?;
    alice.close_tab(&before).await?;

    click(&ines, SHARE).await?;
    until("no card", async || {
        Ok(alice.texts(SUMMARY).await?.is_empty().then_some(()))
    })
    .await?;
    alice.open_tab(&address).await?;
    alice.wait_for_text("body", "There is no such build").await
}
