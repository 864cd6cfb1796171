//! Restoring into a home that the service cannot write, and handing out, below a real Hub. The
//! test stands in for the participants' servers: it asks with their tokens and reports.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{HELPER, Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, accessibility::assert_no_violations};

/// The file that a handout becomes.
const COPY: &str = "module1/day1-2.ipynb";

const HANDOUT: &str = "[data-testid=handout]";
const STEP: &str = "#handout-step";
const FILES_PAGE: &str = "[data-testid=files-page]";
const BUTTON: &str = "[data-testid=handout-button]";
const ESCAPE: &str = "\u{e00c}";
const ERRAND: &str = "[data-testid=errand]";
const WAITS: &str = "waits until alice’s server runs";

/// A phone, the narrowest screen that the page is made for.
const PHONE: (u32, u32) = (390, 844);
const DESK: (u32, u32) = (1_280, 900);

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    // The page may draw it anew between the two.
    until((css, "to be clicked"), async || {
        let clicked = browser.wait_for(css).await?.click().await;
        Ok(clicked.is_ok().then_some(()))
    })
    .await
}

/// Replaces the text of a field.
async fn fill(browser: &TestBrowser, css: &str, text: &str) -> Result<()> {
    let field = browser.wait_for(css).await?;
    field.clear().await?;
    Ok(field.send_keys(text).await?)
}

fn page_of(hub: &Hub, user: &str) -> String {
    let notebook = NOTEBOOK.replace('/', "%2F");
    hub.service(&format!("notebook?notebook={notebook}&user={user}"))
}

/// Pictures of the page in both colour schemes, on a desk and on a phone.
async fn shots(browser: &TestBrowser, name: &str) -> Result<()> {
    for (screen, (width, height)) in [("phone", PHONE), ("desk", DESK)] {
        browser.size(width, height).await?;
        for scheme in ["light", "dark"] {
            browser.prefer_color_scheme(scheme).await?;
            browser
                .shot(&format!("{name}-{screen}-{scheme}.png"))
                .await?;
        }
        let page = browser.page_width().await?;
        assert!(page <= width, "{name} on a {screen} is {page} px wide");
    }
    Ok(())
}

/// The first errand of this participant's server, its content, and reporting it done.
async fn do_errand(hub: &Hub, user: &str, written: &str) -> Result<String> {
    let token = hub.token_of(user).await?;
    let asked = hub.with_token(&token, Method::GET, "api/errands?wait=25");
    let errands: Value = asked.send().await?.error_for_status()?.json().await?;
    let errand = &errands["errands"][0];
    let url = errand["url"].as_str().context("an errand")?;
    let content = hub.with_token(&token, Method::GET, url);
    let content = content.send().await?.error_for_status()?.text().await?;
    let path = format!("api/errands/{}", errand["id"]);
    for report in [
        json!({"state": "done", "filename": written}),
        json!({"state": "opened"}),
    ] {
        let told = hub.with_token(&token, Method::POST, &path).json(&report);
        assert_eq!(told.send().await?.status(), StatusCode::NO_CONTENT);
    }
    Ok(content)
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_restore_waits_on_the_page_until_the_server_has_written_it() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.add_user("alice").await?;
    let file = hub.home_path("alice", NOTEBOOK);
    let browser = TestBrowser::start().await?;
    save(&file, &notebook(&["first"]))?;
    browser.goto(&page_of(&hub, "alice")).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    click(&browser, "[data-testid=history-button]").await?;
    let history = "[data-testid=history] li";
    browser.wait_for(history).await?;
    save(&file, &notebook(&["second"]))?;
    until("two versions", async || {
        Ok((browser.texts(history).await?.len() == 2).then_some(()))
    })
    .await?;
    click(&browser, &format!("{history}:last-child a")).await?;
    browser
        .wait_for("[data-testid=version-bar] [data-do=ask]")
        .await?;

    // A volume that the service does not see.
    let home = hub.home_path("alice", "");
    std::fs::rename(&home, hub.folder().join("volume"))?;
    let ask = async || {
        click(&browser, "[data-testid=version-bar] [data-do=ask]").await?;
        click(&browser, "#restore [data-do=restore]").await?;
        browser
            .wait_for_text("#restore", "waits until alice")
            .await?;
        click(&browser, "#restore [data-do=close]").await?;
        browser.wait_for_text(ERRAND, WAITS).await
    };
    ask().await?;
    click(&browser, &format!("{ERRAND} [data-do=unrestore]")).await?;
    until("no restore", async || {
        Ok(browser.texts(ERRAND).await?.is_empty().then_some(()))
    })
    .await?;
    // Another one is still said after a reload.
    ask().await?;
    let address = browser.url().await?;
    browser.goto(&address).await?;
    browser.wait_for_text(ERRAND, WAITS).await?;
    shots(&browser, "restore-waits").await?;
    let written = "module1/day1-restored-x.ipynb";
    let content = do_errand(&hub, "alice", written).await?;
    assert!(content.contains("first") && !content.contains("second"));
    let link = format!("{ERRAND} a");
    browser.wait_for_text(&link, written).await?;
    browser.goto(&address).await?;
    browser.wait_for_text(&link, written).await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_notebook_is_handed_out_and_taken_back() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.add_user("alice").await?;
    for user in [INSTRUCTOR, "alice", "bob"] {
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["radius = 3"]))?;
    }
    let browser = TestBrowser::start().await?;
    browser.ignore_policies().await?;
    browser.goto(&page_of(&hub, INSTRUCTOR)).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    browser
        .wait_for_text("[data-testid=notebook-page]", "radius")
        .await?;

    let address = &browser.attributes(BUTTON, "href").await?[0];
    let address = hub.service(address);
    browser.wait_for("body").await?.send_keys("d").await?;
    browser.wait_for(FILES_PAGE).await?;
    assert_eq!(browser.url().await?, address);
    browser
        .wait_for_text("#handout-what", &format!("{NOTEBOOK} of {INSTRUCTOR}"))
        .await?;
    browser.select("#handout-to", "user:bob").await?;
    browser.select("#handout-to", "everyone").await?;
    click(&browser, &format!("{STEP} [data-do=handout-ask]")).await?;
    browser
        .wait_for_text(STEP, "everyone: 2 people now")
        .await?;
    shots(&browser, "handout-asked").await?;
    // Escape takes the question back, before it leaves the page.
    browser.press_keys(ESCAPE).await?;
    click(&browser, &format!("{STEP} [data-do=handout-ask]")).await?;
    browser
        .wait_for_text(STEP, "everyone: 2 people now")
        .await?;
    click(&browser, &format!("{STEP} [data-do=handout-send]")).await?;
    browser.wait_for_text(STEP, "Handed out").await?;
    browser.wait_for_text(HANDOUT, "0/2 have it").await?;

    let content = do_errand(&hub, "alice", COPY).await?;
    assert!(content.contains("radius = 3"));
    browser
        .wait_for_text(HANDOUT, "1/2 have it · 1 opened")
        .await?;
    click(&browser, &format!("{HANDOUT} summary")).await?;
    let names = format!("{HANDOUT} dd");
    until("the names", async || {
        Ok((browser.texts(&names).await? == ["alice", "bob"]).then_some(()))
    })
    .await?;
    shots(&browser, "handouts").await?;
    assert_no_violations(&browser).await?;
    a_copy_shows_what_was_done_with_it(&hub).await?;
    click(&browser, &format!("{HANDOUT} [data-do=handout-end]")).await?;
    browser.wait_for_text(HANDOUT, "taken back").await?;
    // The row is drawn anew, and has the focus that the button had.
    let focused = "return document.activeElement.textContent";
    let focused = browser.run(focused, vec![]).await?;
    assert!(
        focused.as_str().is_some_and(|it| it.contains(NOTEBOOK)),
        "{focused}"
    );
    browser.press_keys(ESCAPE).await?;
    browser.wait_for("[data-testid=tile]").await?;
    let wall = format!("{}?notebook={NOTEBOOK}", hub.service(""));
    assert_eq!(browser.url().await?, wall);
    a_helper_hands_nothing_out(&hub, &address).await
}

/// The page is for instructors, and nothing leads others there.
async fn a_helper_hands_nothing_out(hub: &Hub, address: &str) -> Result<()> {
    let helper = TestBrowser::start().await?;
    helper.goto(address).await?;
    helper.sign_in(HELPER, PASSWORD).await?;
    let told = "[data-testid=not-allowed]";
    helper.wait_for_text(told, "for instructors").await?;
    click(&helper, &format!("{told} a")).await?;
    helper.wait_for("[data-testid=tile]").await?;
    assert!(helper.texts(BUTTON).await?.is_empty());
    let wall = helper.url().await?;
    helper.press_keys("d").await?;
    helper.press_keys("t").await?;
    helper.wait_for("[data-theme]").await?;
    assert_eq!(helper.url().await?, wall);
    helper.goto(&hub.service("users")).await?;
    helper.wait_for_text(".manage-pages", "Packages").await?;
    let links = helper.texts(".manage-pages").await?;
    assert!(!links[0].contains("Files"), "{links:?}");
    Ok(())
}

/// Compares a copy with the handout and not with the save before.
async fn a_copy_shows_what_was_done_with_it(hub: &Hub) -> Result<()> {
    let file = hub.home_path("alice", COPY);
    let token = hub.token_of("alice").await?;
    let history = format!("api/history?user=alice&filename={COPY}");
    for (count, source) in [(1, "radius = 4"), (2, "radius = 5")] {
        save(&file, &notebook(&[source]))?;
        until("the version", async || {
            let asked = hub.with_token(&token, Method::GET, &history);
            let history: Value = asked.send().await?.error_for_status()?.json().await?;
            let versions = history["versions"].as_array().context("versions")?;
            Ok((versions.len() == count).then_some(()))
        })
        .await?;
    }
    let page = TestBrowser::start().await?;
    let address = page_of(hub, "alice").replace("day1.ipynb", "day1-2.ipynb");
    page.goto(&address).await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    click(&page, "[data-testid=history-button]").await?;
    click(&page, "[data-do=since-handout]").await?;
    page.wait_for_text("#changes", "radius = 3").await?;
    page.wait_for_text("#changes", "radius = 5").await?;
    shots(&page, "since-handout").await?;
    // The save before is something else, and a second click ends it.
    click(&page, "[data-do=changes]").await?;
    page.wait_for_text("#changes", "radius = 4").await?;
    click(&page, "[data-do=since-handout]").await?;
    page.wait_for_text("#changes", "radius = 3").await?;
    click(&page, "[data-do=since-handout]").await?;
    until("the end of the changes", async || {
        let shown = page.texts("#changes").await?;
        Ok(shown.iter().all(String::is_empty).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_file_is_handed_out_from_the_instructors_computer() -> Result<()> {
    const CONTENT: &str = "radius,area\n3,28.27\n";
    let hub = Hub::start("PIPALHUB_VENV").await?;
    for user in [INSTRUCTOR, "alice"] {
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["radius = 3"]))?;
    }
    let files = hub.folder().join("computer");
    std::fs::create_dir(&files)?;
    let (data, large) = (files.join("data.csv"), files.join("large.zip"));
    std::fs::write(&data, CONTENT)?;
    std::fs::File::create(&large)?.set_len((32 << 20) + 1)?;
    let browser = TestBrowser::start().await?;
    browser.goto(&hub.service("")).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    browser.wait_for("[data-testid=tile]").await?;
    click(&browser, BUTTON).await?;
    browser.wait_for(FILES_PAGE).await?;
    browser
        .wait_for_text("#handouts-list", "Nothing yet")
        .await?;
    // Only a page of somebody's notebook offers that notebook.
    assert!(browser.texts("#handout-what").await?.is_empty());

    let ask = format!("{STEP} [data-do=handout-ask]");
    click(&browser, &ask).await?;
    browser.wait_for_text(STEP, "Choose a file first").await?;
    let choose = async |path: &std::path::Path| {
        let field = browser.wait_for("#handout-file").await?;
        anyhow::Ok(field.send_keys(path.display().to_string()).await?)
    };
    choose(&large).await?;
    click(&browser, &ask).await?;
    browser.wait_for_text(STEP, "at most 32 MiB").await?;
    choose(&data).await?;
    for (name, problem) in [
        ("", "no name"),
        (".data", "a dot"),
        ("m1/data.csv", "a slash"),
    ] {
        fill(&browser, "#handout-as", name).await?;
        click(&browser, &ask).await?;
        click(&browser, &format!("{STEP} [data-do=handout-send]")).await?;
        browser.wait_for_text(STEP, problem).await?;
    }
    shots(&browser, "handout-file-refused").await?;
    fill(&browser, "#handout-as", "data.csv").await?;
    fill(&browser, "#handout-folder", "module1").await?;
    for answer in ["Handed out", "already"] {
        click(&browser, &ask).await?;
        let question = "module1/data.csv goes to everyone: 2 people now";
        browser.wait_for_text(STEP, question).await?;
        click(&browser, &format!("{STEP} [data-do=handout-send]")).await?;
        browser.wait_for_text(STEP, answer).await?;
    }
    browser.wait_for_text(HANDOUT, "module1/data.csv").await?;
    browser.wait_for_text(HANDOUT, "20 B").await?;
    browser.wait_for_text(HANDOUT, "0/2 have it").await?;

    // Her server writes it as soon as it runs, beside the file of that name which is there.
    std::fs::write(hub.home_path("alice", "module1/data.csv"), "mine")?;
    let server = hub.start_server("alice").await?;
    browser.wait_for_text(HANDOUT, "1/2 have it").await?;
    let written = "module1/data-2.csv";
    let file = hub.home_path("alice", written);
    assert_eq!(std::fs::read_to_string(&file)?, CONTENT);
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o111, 0);
    let own = hub.home_path("alice", "module1/data.csv");
    assert_eq!(std::fs::read_to_string(own)?, "mine");
    browser.wait_for_text(HANDOUT, "0 opened").await?;
    server.open_file(written).await?;
    browser.wait_for_text(HANDOUT, "1 opened").await?;
    click(&browser, &format!("{HANDOUT} summary")).await?;
    shots(&browser, "handout-files").await?;
    click(&browser, &format!("{HANDOUT} [data-do=handout-end]")).await?;
    browser.wait_for_text(HANDOUT, "taken back").await?;

    // A large file says how far it is, and is given up on a click.
    let slow = files.join("slow.zip");
    std::fs::write(&slow, vec![7; 4 << 20])?;
    browser.slow_uploads(Some(256 << 10)).await?;
    choose(&slow).await?;
    let send = async || {
        click(&browser, &ask).await?;
        click(&browser, &format!("{STEP} [data-do=handout-send]")).await
    };
    send().await?;
    let is_under_way = "const bar = document.querySelector('#handout-step progress'); \
                        return bar !== null && bar.value > 0 && bar.value < 100";
    until("a part is uploaded", async || {
        let is_under_way = browser.run(is_under_way, vec![]).await?;
        Ok((is_under_way == true).then_some(()))
    })
    .await?;
    shots(&browser, "handout-uploading").await?;
    // Leaving asks first, and Escape does not leave.
    let asks = "const leaving = new Event('beforeunload', {cancelable: true}); \
                window.dispatchEvent(leaving); return leaving.defaultPrevented";
    assert_eq!(browser.run(asks, vec![]).await?, true);
    browser.press_keys(ESCAPE).await?;
    assert_eq!(browser.run(is_under_way, vec![]).await?, true);
    click(&browser, &format!("{STEP} [data-do=handout-cancel]")).await?;
    browser.wait_for(&ask).await?;
    assert_eq!(browser.run(asks, vec![]).await?, false);
    browser.slow_uploads(None).await?;
    assert_eq!(browser.texts(HANDOUT).await?.len(), 1);
    // The service takes another one as soon as it has noticed.
    until("it is handed out", async || {
        send().await?;
        until("an answer", async || {
            let step = browser.texts(STEP).await?.join(" ");
            let is_answer = step.contains("Handed out.") || step.contains("already");
            Ok(is_answer.then_some(step))
        })
        .await
        .map(|step| step.contains("Handed out.").then_some(()))
    })
    .await?;
    browser.wait_for_text(HANDOUT, "module1/slow.zip").await?;

    // The bar of the wall is one line here, with a link more than without a Hub.
    click(&browser, ".manage-bar > a").await?;
    browser.wait_for("[data-testid=tile]").await?;
    let wall = format!("{}?notebook={NOTEBOOK}", hub.service(""));
    assert_eq!(browser.url().await?, wall);
    browser.size(1_600, 900).await?;
    browser.shot("wall-of-hub-wide.png").await?;
    let wide = "return document.documentElement.scrollWidth > window.innerWidth";
    assert_eq!(browser.run(wide, vec![]).await?, false);
    Ok(())
}
