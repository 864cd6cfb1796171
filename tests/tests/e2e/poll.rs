//! `poll.js` in a page of somebody's own.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::NOTEBOOK;

/// Begins to wait and keeps what comes of it in `window.came`.
const WAIT: &str = "const [filters, interval] = arguments; \
    window.came = null; window.ending = new AbortController(); \
    waitForUpdate(filters, interval, {signal: ending.signal}) \
        .then((event) => (came = event.user), (error) => (came = `${error.name}: ${error.message}`))";
/// Longer than any test.
const NEVER: u32 = 3_600_000;

/// A page of the service's origin that is none of its own, with the script in it.
async fn page(service: &Standalone) -> Result<Browser> {
    let browser = Browser::start().await?;
    browser.goto(service.link()).await?;
    browser.wait_for(".top-bar").await?;
    browser.ignore_policies().await?;
    browser.goto(&service.url("healthz")).await?;
    let load = "const script = document.createElement('script'); \
        script.src = '/poll.js'; document.documentElement.append(script)";
    browser.run(load, vec![]).await?;
    until("the script", async || {
        let there = browser.run("return typeof waitForUpdate", vec![]).await?;
        Ok((there == "function").then_some(()))
    })
    .await?;
    Ok(browser)
}

/// Whether somebody waits with an open stream.
async fn wait_for_stream(browser: &Browser) -> Result<()> {
    let opened = "return performance.getEntriesByType('resource') \
        .some((entry) => entry.name.includes('events/stream')) || window.greeted";
    until("the stream", async || {
        let opened = browser.run(opened, vec![]).await?;
        Ok((opened == true).then_some(()))
    })
    .await
}

async fn came(browser: &Browser) -> Result<Value> {
    until("what is waited for", async || {
        let came = browser.run("return window.came", vec![]).await?;
        Ok((!came.is_null()).then_some(came))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_page_of_ones_own_hears_of_a_save_at_once() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    // Notes when a stream has greeted: an open one is no entry of the browser's yet.
    let note = "const fetches = window.fetch; window.fetch = async (...of) => { \
        const response = await fetches(...of); \
        if (String(of[0]).includes('events/stream')) window.greeted = true; \
        return response; }";
    browser.run(note, vec![]).await?;
    let filters = json!({"type": "save-notebook", "user": "bob"});
    browser.run(WAIT, vec![filters, json!(NEVER)]).await?;
    wait_for_stream(&browser).await?;
    // Nothing that does not match, and then by the stream alone.
    for user in ["alice", "bob"] {
        let path = service.home_path(user, NOTEBOOK);
        save(&path, &notebook(&["'hello'"]))?;
    }
    ensure!(came(&browser).await? == "bob");

    let run = "const done = arguments[arguments.length - 1]; (async () => { \
        const events = await getEvents({user: 'alice'}); \
        const [event] = events; \
        const before = new Date(new Date(event.timestamp) - 1000); \
        const newer = await isUpdateAvailable({user: 'alice'}, before); \
        const none = await isUpdateAvailable({user: 'alice'}, event.timestamp); \
        const refused = await waitForUpdate({color: 'red'}).catch((error) => error.message); \
        done([events.length, newer.available, newer.event.user, none, refused.includes('400')]); \
    })()";
    let told = browser.run_until_called(run, vec![]).await?;
    let none = json!({"available": false, "event": null});
    ensure!(told == json!([1, true, "alice", none, true]), "{told}");

    // An end of the reader's own, at any time.
    browser.run(WAIT, vec![json!({}), json!(NEVER)]).await?;
    browser.run("ending.abort()", vec![]).await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    // Now while the service is asked, as it is when the stream has begun.
    let end = "const fetches = window.fetch; window.fetch = (what, ...more) => { \
        if (String(what).includes('after=')) ending.abort(); \
        return fetches(what, ...more); }";
    browser.run(end, vec![]).await?;
    browser.run(WAIT, vec![json!({}), json!(NEVER)]).await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn without_a_stream_the_service_is_asked() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    let cut = "const fetches = window.fetch; window.asked = 0; window.fetch = (what, ...more) => { \
        const url = String(what); \
        if (url.includes('events/stream')) return Promise.reject(new TypeError('cut')); \
        if (url.includes('after=')) window.asked += 1; \
        return fetches(what, ...more); }";
    browser.run(cut, vec![]).await?;
    let filters = json!({"filename": NOTEBOOK});
    browser.run(WAIT, vec![filters, json!(50)]).await?;
    until("a question", async || {
        let asked = browser.run("return window.asked > 1", vec![]).await?;
        Ok((asked == true).then_some(()))
    })
    .await?;
    let path = service.home_path("alice", NOTEBOOK);
    save(&path, &notebook(&["'hello'"]))?;
    ensure!(came(&browser).await? == "alice");
    Ok(())
}
