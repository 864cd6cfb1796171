//! Open documents whose notebooks change.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hostile,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::{
    NOTEBOOK,
    hostile::{assert_silent, signed_in},
    tile,
};

const PAGE: &str = "[data-testid=document-page]";
const NEWER: &str = "[data-testid=newer]";
/// The beginning of a script that uses the shown document.
const SHOWN_DOCUMENT_SCRIPT: &str =
    "const shown = document.querySelector('.document-frame:not(.coming)').contentDocument; ";

/// Runs a script that knows the document as `shown`.
async fn within(browser: &TestBrowser, script: &str, argument: Value) -> Result<Value> {
    let script = format!("{SHOWN_DOCUMENT_SCRIPT}{script}");
    browser.run(&script, vec![argument]).await
}

async fn wait_for_words(browser: &TestBrowser, words: &str) -> Result<()> {
    let has = "return shown.body.textContent.includes(arguments[0])";
    until(("in the document", words), async || {
        let there = within(browser, has, json!(words)).await?;
        Ok((there == true).then_some(()))
    })
    .await
}

/// The same, where a version that lacks the words may have been built before: it takes each newer
/// one that is offered.
async fn wait_for_words_of_newest(browser: &TestBrowser, words: &str) -> Result<()> {
    let take_newer = format!("document.querySelector('{NEWER}:not([hidden])')?.click()");
    until(("in the newest document", words), async || {
        browser.run(&take_newer, vec![]).await?;
        Ok(has_words(browser, words).await?.then_some(()))
    })
    .await
}

async fn has_words(browser: &TestBrowser, words: &str) -> Result<bool> {
    let has = "return shown.body.textContent.includes(arguments[0])";
    Ok(within(browser, has, json!(words)).await? == true)
}

/// The distance of the cell with these words from the upper edge of the view.
async fn top_of(browser: &TestBrowser, words: &str) -> Result<f64> {
    let top = "return [...shown.querySelectorAll('.nb-cell')] \
        .find((cell) => cell.textContent.includes(arguments[0])).getBoundingClientRect().top";
    let top = within(browser, top, json!(words)).await?;
    top.as_f64().ok_or_else(|| anyhow::anyhow!("{top}"))
}

/// Scrolls to the cell with these words.
async fn read_on_to(browser: &TestBrowser, words: &str) -> Result<f64> {
    let scroll = "[...shown.querySelectorAll('.nb-cell')] \
        .find((cell) => cell.textContent.includes(arguments[0])).scrollIntoView(); \
        shown.scrollingElement.scrollTop += 11";
    within(browser, scroll, json!(words)).await?;
    top_of(browser, words).await
}

async fn is_in_its_place(browser: &TestBrowser, words: &str, before: f64) -> Result<()> {
    let after = top_of(browser, words).await?;
    ensure!((after - before).abs() < 2.0, "{before} has become {after}");
    Ok(())
}

/// A notebook that is long enough to scroll, with the words of `first` at the beginning.
fn lesson(user: &str, first: &[&str]) -> Value {
    let cells: Vec<String> = (0..8)
        .map(|at| format!("# step {at} of {user}\n{}", "x = 1\n".repeat(9)))
        .collect();
    let cells = cells.iter().map(String::as_str);
    let all: Vec<&str> = first.iter().copied().chain(cells).collect();
    notebook(&all)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_open_summary_says_when_there_is_a_newer_one_and_keeps_the_place() -> Result<()> {
    let service = Standalone::start()?;
    let path = |user: &str| service.home_path(user, NOTEBOOK);
    for user in ["alice", "bob", "carol"] {
        save(&path(user), &lesson(user, &[]))?;
    }
    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser.wait_for_text(&tile("carol"), "carol").await?;
    browser
        .run(
            "[...document.querySelectorAll('.bar-end a')] \
             .find((link) => link.textContent === 'Summary').click()",
            vec![],
        )
        .await?;
    browser.wait_for(PAGE).await?;
    wait_for_words_of_newest(&browser, "step 7 of carol").await?;
    browser
        .wait_for_text("[data-testid=built]", "built")
        .await?;
    browser.mark().await?;
    let place = read_on_to(&browser, "step 2 of bob").await?;

    // Changes above the reader's place and below it.
    for user in ["alice", "carol"] {
        save(&path(user), &lesson(user, &["'inserted above'"]))?;
    }
    browser.wait_for(NEWER).await?;
    ensure!(!has_words(&browser, "inserted above").await?, "unasked");
    is_in_its_place(&browser, "step 2 of bob", place).await?;
    for scheme in ["light", "dark"] {
        browser.prefer_color_scheme(scheme).await?;
        browser.shot(&format!("document-{scheme}.png")).await?;
    }
    wait_for_words_of_newest(&browser, "inserted above").await?;
    is_in_its_place(&browser, "step 2 of bob", place).await?;

    // Versions are shown without a click from now on, and after a reload of the page.
    browser
        .wait_for("[data-testid=by-itself]")
        .await?
        .click()
        .await?;
    save(
        &path("alice"),
        &lesson("alice", &["'by itself'", "'inserted above'"]),
    )?;
    wait_for_words(&browser, "by itself").await?;
    is_in_its_place(&browser, "step 2 of bob", place).await?;
    ensure!(browser.is_marked().await?, "the page was loaded again");
    browser.goto(&browser.url().await?).await?;
    wait_for_words(&browser, "by itself").await?;
    let checked = "return document.querySelector('[data-testid=by-itself]').checked";
    ensure!(browser.run(checked, vec![]).await? == true, "forgotten");

    // By a key pressed in the document.
    browser
        .wait_for("[data-testid=by-itself]")
        .await?
        .click()
        .await?;
    save(&path("alice"), &lesson("alice", &["'by the key'"]))?;
    browser.wait_for(NEWER).await?;
    browser.size(390, 800).await?;
    browser.shot("document-phone.png").await?;
    let press = "shown.body.dispatchEvent(new shown.defaultView.KeyboardEvent('keydown', \
        {key: arguments[0], bubbles: true}))";
    within(&browser, press, json!("u")).await?;
    wait_for_words(&browser, "by the key").await?;
    Ok(())
}

/// The page of alice's notebook, which lies at `path`.
async fn opened(service: &Standalone, path: &Path) -> Result<TestBrowser> {
    save(path, &lesson("alice", &[]))?;
    let browser = signed_in(service).await?;
    let page = format!("notebook?notebook={NOTEBOOK}&user=alice");
    browser.goto(&service.url(&page)).await?;
    browser.wait_for_text(".nb-cell", "step 7").await?;
    Ok(browser)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_open_export_keeps_the_cell_that_is_read() -> Result<()> {
    let service = Standalone::start()?;
    let path = service.home_path("alice", NOTEBOOK);
    let browser = opened(&service, &path).await?;
    let click = "[...document.querySelectorAll('.bar-end a')] \
        .find((link) => link.textContent === 'Export').click()";
    browser.run(click, vec![]).await?;
    browser.wait_for(PAGE).await?;
    wait_for_words(&browser, "step 7").await?;
    let place = read_on_to(&browser, "step 3 of alice").await?;
    save(&path, &lesson("alice", &["'one'", "'two'"]))?;
    browser.wait_for(NEWER).await?.click().await?;
    wait_for_words(&browser, "'two'").await?;
    is_in_its_place(&browser, "step 3 of alice", place).await
}

/// The page of a notebook is updated without moving the reader's place.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_notebook_that_moves_on_leaves_its_reader_where_they_are() -> Result<()> {
    let service = Standalone::start()?;
    let path = service.home_path("alice", NOTEBOOK);
    let browser = opened(&service, &path).await?;
    browser
        .wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    let cell = "const cell = () => [...document.querySelectorAll('.nb-cell')] \
        .find((cell) => cell.textContent.includes('step 3 of alice')); ";
    let read_on = format!("{cell} cell().scrollIntoView(); scrollBy(0, 11)");
    browser.run(&read_on, vec![]).await?;
    let top = format!("{cell} return cell().getBoundingClientRect().top");
    let before = browser.run(&top, vec![]).await?.as_f64();
    save(&path, &lesson("alice", &["'one'", "'two'"]))?;
    browser.wait_for_text(".nb-cell", "'two'").await?;
    until("the place", async || {
        let after = browser.run(&top, vec![]).await?.as_f64();
        let moved = after.zip(before).map(|(after, before)| after - before);
        Ok(moved.filter(|moved| moved.abs() < 2.0).map(|_| ()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_payload_acts_in_the_frame_of_a_document() -> Result<()> {
    let attacks = hostile::attacks();
    let service = Standalone::start()?;
    let path = service.home_path("mallory", "hostile.ipynb");
    hostile::save(&path, &hostile::notebook(&attacks))?;
    let browser = signed_in(&service).await?;
    let page = service.url("document?notebook=hostile.ipynb&user=mallory");
    browser.goto(&page).await?;
    let count = "return shown.querySelectorAll('.nb-cell').length";
    until("every cell", async || {
        let there = within(&browser, count, Value::Null).await?;
        Ok((there == attacks.len()).then_some(()))
    })
    .await?;
    // Triggers all events, but for those that leave the page.
    let touch = "const view = shown.defaultView; \
        for (const element of shown.querySelectorAll('main *')) { \
            for (const name of ['mouseover', 'pointerdown', 'focus', 'keydown', 'toggle', 'error']) \
                element.dispatchEvent(new view.Event(name, {bubbles: true})); \
            if (element.matches('details')) element.open = true; \
            if (element.click && !element.closest('a')) element.click(); \
        } \
        const links = [...shown.querySelectorAll('main a[href]')]; \
        return links.filter((link) => !link.getAttribute('href').startsWith('#') \
            && (link.target !== '_blank' || !/noopener/.test(link.rel) \
            || !/^(https?|mailto):/.test(link.protocol))).length";
    let astray = within(&browser, touch, Value::Null).await?;
    ensure!(astray == 0, "{astray} links lead astray");
    let two_frames = "const done = arguments[arguments.length - 1]; \
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))";
    browser.run_until_called(two_frames, vec![]).await?;
    assert_silent(&browser).await?;
    ensure!(browser.url().await? == page, "the page has moved");
    let sandbox = browser.attributes(".document-frame", "sandbox").await?;
    ensure!(
        sandbox.len() == 1 && !sandbox[0].contains("scripts"),
        "{sandbox:?}"
    );
    Ok(())
}

/// Only the sandbox keeps scripts from running, and the test can see one that runs.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_script_in_a_document_would_not_run() -> Result<()> {
    let service = Standalone::start()?;
    save(
        &service.home_path("alice", NOTEBOOK),
        &notebook(&["'hello'"]),
    )?;
    let browser = signed_in(&service).await?;
    let page = format!("document?notebook={NOTEBOOK}&user=alice");
    browser.goto(&service.url(&page)).await?;
    wait_for_words(&browser, "hello").await?;
    let plant = "const image = shown.createElement('img'); \
        image.setAttribute('onerror', 'top.__note(\"alert\", 1)'); \
        image.setAttribute('src', 'data:image/png;base64,AAAA'); \
        image.addEventListener('error', () => (window.failed = true)); \
        const script = shown.createElement('script'); \
        script.textContent = 'top.__note(\"alert\", 2)'; \
        shown.body.append(image, script)";
    within(&browser, plant, Value::Null).await?;
    until("the image that fails", async || {
        let failed = browser.run("return window.failed === true", vec![]).await?;
        Ok((failed == true).then_some(()))
    })
    .await?;
    assert_silent(&browser).await
}
