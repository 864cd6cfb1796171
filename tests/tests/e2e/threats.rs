//! Attacks by other pages on an instructor's browser, and the places where a token must never be.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    other_origin,
    standalone::Standalone,
};

use crate::{NOTEBOOK, tile};

/// A page that sends all requests that forms, and scripts without a preflight, can send to
/// `{service}`, and adds an element when all were answered.
const FORGER_PAGE: &str = r#"<!doctype html><title>Cats</title><body><script>
const notice = '{"text":"forged","to":{"everyone":true},"title":"';
const paths = ["api/notices", "events", "api/history/restore", "api/logout", "api/login"];
const kinds = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
let frames = 0;
const form = (path, kind) => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.name = `frame-${frames++}`;
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {
        method: "post", enctype: kind, target: frame.name, action: "{service}" + path,
    });
    const field = document.createElement("input");
    Object.assign(field, { name: notice, value: '"}' });
    form.append(field);
    document.body.append(form);
    frame.onload = done;
    form.submit();
});
const script = (path, kind) => fetch("{service}" + path, {
    method: "POST", mode: "no-cors", credentials: "include",
    headers: { "Content-Type": kind }, body: notice + '"}',
}).catch(() => {});
(async () => {
    for (const path of paths)
        for (const kind of kinds) { await form(path, kind); await script(path, kind); }
    // With the type that the service asks for: the browser asks first, and is not allowed.
    await fetch("{service}api/notices", {
        method: "POST", credentials: "include", body: notice + '"}',
        headers: { "Content-Type": "application/json" },
    }).catch(() => {});
    const answer = document.createElement("p");
    answer.id = "done";
    answer.textContent = "done";
    document.body.append(answer);
})();
</script>"#;

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn another_sites_page_changes_nothing_and_frames_nothing() -> Result<()> {
    let service = Standalone::start()?;
    save(
        &service.home_path("alice", NOTEBOOK),
        &notebook(&["'first'"]),
    )?;
    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser.wait_for_text(&tile("alice"), "'first'").await?;
    let events = ask(&service, "events").await?;

    let forger = other_origin::serve(FORGER_PAGE.replace("{service}", &service.url("")))?;
    browser.goto(&forger).await?;
    browser.wait_for("#done").await?;
    assert_eq!(ask(&service, "events").await?, events);
    let sent = ask(&service, "api/notices/sent").await?;
    assert_eq!(sent["notices"], json!([]));

    // The browser had the cookie all the time, and it is still good.
    let page = service.url("");
    browser.goto(&page).await?;
    browser.wait_for_text(&tile("alice"), "'first'").await?;

    // A frame around it stays empty; one around a page that allows it does not.
    let frames = |url: &str| format!("<!doctype html><iframe id=frame src='{url}'></iframe>");
    let willing = other_origin::serve("<p data-testid=tile>willing</p>".to_owned())?;
    browser
        .goto(&other_origin::serve(frames(&willing))?)
        .await?;
    browser.enter_frame("#frame").await?;
    browser
        .wait_for_text("[data-testid=tile]", "willing")
        .await?;
    for path in ["", "healthz"] {
        let around = other_origin::serve(frames(&service.url(path)))?;
        // `goto` returns after the frame was answered, too.
        browser.goto(&around).await?;
        browser.enter_frame("#frame").await?;
        let shown = browser.texts("html").await?.join(" ");
        assert!(browser.texts("[data-testid]").await?.is_empty(), "{shown}");
        assert!(shown.contains("refused to connect"), "{path}: {shown}");
    }
    Ok(())
}

async fn ask(service: &Standalone, path: &str) -> Result<Value> {
    let answer = service.authorized(Method::GET, path).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_token_is_in_no_file_no_page_and_no_list_of_processes() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    alice.save("day1.ipynb", &notebook(&["'first'"])).await?;
    // A token for scripts, also sent in a wrong place.
    for path in ["events", "api/session", "nowhere"] {
        hub.with_token(&alice.token, Method::GET, path)
            .send()
            .await?;
    }
    hub.anonymous(Method::GET, &hub.service("events"))
        .bearer_auth(&alice.token)
        .send()
        .await?;
    let browser = TestBrowser::start().await?;
    browser.goto(&hub.service("")).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    browser.wait_for_text(&tile("alice"), "'first'").await?;
    let page = browser
        .run("return document.documentElement.outerHTML", vec![])
        .await?;
    assert!(!page.to_string().contains(&alice.token));

    let mut read = 0;
    let found = files_with(&alice.token, hub.folder(), &mut read)?;
    assert_eq!(found, [""; 0]);
    assert!(read > 5, "it looked into {read} files only");
    for process in fs::read_dir("/proc")?.flatten() {
        // A process that has ended meanwhile has no command line.
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        ensure!(!line.contains(&alice.token), "{:?}", process.path());
    }
    Ok(())
}

/// The files below `folder` that hold `text`; counts the files that it read.
fn files_with(text: &str, folder: &Path, read: &mut usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // A file of Jupyter's own about its server, which only its user may read.
            if entry.path().ends_with("jupyter/runtime") {
                continue;
            }
            found.extend(files_with(text, &entry.path(), read)?);
        } else if kind.is_file() {
            let content = fs::read(entry.path())?;
            *read += 1;
            if content
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                found.push(entry.path().display().to_string());
            }
        }
    }
    Ok(found)
}
