//! The panel *Workshop* in real JupyterLab and Notebook 7.

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hostile,
    hub::{Hub, HubSetup, PASSWORD},
    notebooks::{notebook, save},
    until, until_within,
};

use crate::{
    NOTEBOOK,
    hostile::{audit_of, browser_with_hooks},
    keyboard::{names, tab_to, wait_for_focused_id},
    lab::{POST_SCRIPT, TOAST, open_wall, press, wait_until_gone},
};

const PANEL: &str = "#pipalhub-workshop";
const STATE: &str = "#pipalhub-workshop .pipalhub-state";
const ARTICLE: &str = "#pipalhub-workshop article";
const TEXT: &str = ".pipalhub-text";
const UNREAD: &str = "#pipalhub-workshop article.pipalhub-unread";
const SENT: &str = "[data-testid=sent]";

/// Where Notebook 7 opens a notebook, below a participant's server.
const NOTEBOOK_7: &str = "notebooks";

/// The number on the icon of JupyterLab's sidebar.
const LAB_COUNT: &str = "[data-id=pipalhub-workshop]";
/// The one on the button above Notebook 7.
const NOTEBOOK_BUTTON: &str = ".pipalhub-button";

const ENTER: &str = "\u{e007}";
const END: &str = "\u{e010}";
const ESCAPE: &str = "\u{e00c}";
/// Control and Shift with a letter, which opens the list of JupyterLab's commands.
const PALETTE_KEYS: &str = "\u{e009}\u{e008}c";

const CODE: &str = "def area(radius):\n    # of a circle\n    return 3.14 * radius ** 2";
/// What Enter does in that list.
const PALETTE: &str = ".jp-ModalCommandPalette";
const FOUND_COMMAND: &str = ".jp-ModalCommandPalette .lm-CommandPalette-item.lm-mod-active";

const LAST_WORDS: &str = "These are the last words.";

/// A notice of 4,000 characters, with a list and code.
fn long_text() -> String {
    let begin = format!(
        "# Day *two*\n\nPlease **save**, and then:\n\n* open `day2.ipynb`\n* run the first cell\n\n\
         ```python\n{CODE}\n```\n\n"
    );
    let mut text = begin;
    let line = "Work through it at your own pace, and ask whenever something is not clear. ";
    while text.chars().count() + line.len() + LAST_WORDS.len() + 2 <= 4_000 {
        text.push_str(line);
    }
    text.push_str("\n\n");
    let missing = 4_000 - text.chars().count() - LAST_WORDS.len();
    text.push_str(&".".repeat(missing));
    text + LAST_WORDS
}

/// The application in JupyterLab's page, for what only its menus do.
const EXPOSE: &str = "window.jupyter = app;";

/// A Hub with alice, whose page has its application in `window.jupyter`.
async fn hub_with_alice() -> Result<Hub> {
    let setup = HubSetup::new()?;
    let custom = setup.folder().join("custom");
    fs::create_dir(&custom)?;
    fs::write(custom.join("custom.js"), EXPOSE)?;
    let hub = setup.start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    Ok(hub)
}

async fn open(page: &TestBrowser, hub: &Hub, interface: &str) -> Result<()> {
    let address = hub.url(&format!("user/alice/{interface}/{NOTEBOOK}"));
    page.goto(&address).await?;
    if page.texts("#username_input").await?.len() == 1 {
        page.sign_in("alice", PASSWORD).await?;
    }
    page.wait_for(".jp-Notebook .jp-Cell").await?;
    if interface == NOTEBOOK_7 {
        // It does not always take the focus there, with or without a panel.
        return Ok(());
    }
    // JupyterLab does once it is ready; keys that are pressed before are lost.
    until("the focus in the notebook", async || {
        let is_there = "return !!document.activeElement?.closest('.jp-Notebook')";
        Ok((page.run(is_there, vec![]).await? == true).then_some(()))
    })
    .await
}

async fn send(wall: &TestBrowser, notice: Value) -> Result<()> {
    let status = wall.run_until_called(POST_SCRIPT, vec![notice]).await?;
    ensure!(status == 201, "{status}");
    Ok(())
}

/// Waits until so many notices are counted as not read, on the icon or on the button.
async fn wait_for_count(page: &TestBrowser, count: usize) -> Result<()> {
    until(("notices not read:", count), async || {
        let on_icon = page.attributes(LAB_COUNT, "data-pipalhub-unread").await?;
        let on_button = page.attributes(NOTEBOOK_BUTTON, "aria-label").await?;
        let texts = on_icon.iter().chain(&on_button);
        let numbers =
            texts.filter_map(|text| text.split(' ').find_map(|word| word.parse::<usize>().ok()));
        Ok((numbers.sum::<usize>() == count).then_some(()))
    })
    .await
}

async fn wait_for_opened(wall: &TestBrowser, counts: &str) -> Result<()> {
    wall.wait_for_text(&format!("{SENT}:first-child"), counts)
        .await
}

async fn open_sent(wall: &TestBrowser) -> Result<()> {
    wall.wait_for("[data-testid=notice-button]")
        .await?
        .click()
        .await?;
    wall.wait_for(SENT).await?;
    Ok(())
}

async fn shots(page: &TestBrowser, name: &str) -> Result<()> {
    for (theme, scheme) in [("JupyterLab Light", "light"), ("JupyterLab Dark", "dark")] {
        let change = "const [theme, done] = arguments;
            jupyter.commands.execute('apputils:change-theme', {theme}).then(done, done)";
        page.run_until_called(change, vec![theme.into()]).await?;
        until(("the theme", theme), async || {
            let is_light = "return document.body.dataset.jpThemeLight === String(arguments[0])";
            let is_set = page.run(is_light, vec![json!(scheme == "light")]).await?;
            // A picture covers the page while the theme changes.
            let is_covered = !page.texts("#jupyterlab-splash").await?.is_empty();
            Ok((is_set == true && !is_covered).then_some(()))
        })
        .await?;
        page.shot(&format!("{name}-{scheme}.png")).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_long_notice_is_read_whole_by_keyboard_alone() -> Result<()> {
    let hub = hub_with_alice().await?;
    let lab = TestBrowser::start().await?;
    open(&lab, &hub, "lab/tree").await?;
    let wall = open_wall(&hub).await?;
    let text = long_text();
    ensure!(text.chars().count() == 4_000);
    send(&wall, json!({"text": text, "to": {"everyone": true}})).await?;

    // The notification is plain text, and ends with a word.
    lab.wait_for_text(TOAST, "Day two Please save, and then: • open day2.ipynb")
        .await?;
    lab.wait_for_text(TOAST, "…").await?;
    wait_for_count(&lab, 1).await?;
    // After a reload nothing pops up, and it is counted and there.
    open(&lab, &hub, "lab/tree").await?;
    wait_for_count(&lab, 1).await?;
    lab.wait_for_text(STATE, "").await?;
    ensure!(lab.texts(TOAST).await?.is_empty());
    open_sent(&wall).await?;
    wait_for_opened(&wall, "had 1/1 · opened 0/1").await?;

    // JupyterLab may take the focus to the notebook at any time while it starts, where letters are
    // commands: each step waits until it has the focus, and all are tried again.
    until("the panel by the list of commands", async || {
        lab.press_keys(ESCAPE).await?;
        let page = lab.wait_for("body").await?;
        page.send_keys(PALETTE_KEYS).await?;
        soon("the list of commands", async || {
            let has_focus = "return !!document.activeElement?.closest(arguments[0])";
            Ok(lab.run(has_focus, vec![PALETTE.into()]).await? == true)
        })
        .await?;
        lab.press_keys("show the workshop").await?;
        soon("the command in the list", async || {
            let found = lab.texts(FOUND_COMMAND).await?;
            Ok(found.iter().any(|it| it.contains("Show the Workshop")))
        })
        .await?;
        lab.press_keys(ENTER).await?;
        soon("the panel", async || {
            let focused = "return document.activeElement.id";
            Ok(lab.run(focused, vec![]).await? == "pipalhub-workshop")
        })
        .await?;
        Ok(Some(()))
    })
    .await?;
    lab.wait_for_text(ARTICLE, LAST_WORDS).await?;
    let items = lab.texts(&format!("{TEXT} li")).await?;
    assert_eq!(items, ["open day2.ipynb", "run the first cell"]);
    lab.wait_for_text(STATE, "1 notice not read.").await?;
    lab.wait_for_text(".pipalhub-seen summary", "1 notebook of yours is seen")
        .await?;
    shots(&lab, "panel").await?;

    code_is_copied(&lab, &hub).await?;
    // Its end is out of sight until it is scrolled there.
    ensure!(lab.texts(UNREAD).await?.len() == 1);
    until("the end of the notice", async || {
        focus_panel(&lab).await?;
        lab.press_keys(END).await?;
        Ok(lab.texts(UNREAD).await?.is_empty().then_some(()))
    })
    .await?;
    wait_for_count(&lab, 0).await?;
    wait_for_opened(&wall, "had 1/1 · opened 1/1").await?;
    open(&lab, &hub, "lab/tree").await?;
    lab.wait_for_text(ARTICLE, LAST_WORDS).await?;
    wait_for_count(&lab, 0).await?;
    ensure!(lab.texts(TOAST).await?.is_empty());

    // One that is taken back goes from there, too.
    crate::notices::retract(&wall).await?;
    lab.wait_for_text(STATE, "No notices.").await?;
    ensure!(lab.texts(ARTICLE).await?.is_empty());
    // What is wrong is said in words. The Hub would start another one in place of one that ends.
    hub.signal_service(Signal::STOP)?;
    lab.wait_for_text(STATE, "The workshop does not answer")
        .await
}

/// Waits a moment until this is so; longer than that something else has come in between.
async fn soon(what: &str, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    until_within(Duration::from_secs(10), what, async || {
        Ok(is_so().await?.then_some(()))
    })
    .await
}

/// Puts the focus into the panel. JupyterLab takes it to the notebook more than once while it starts,
/// so what needs it is tried again.
async fn focus_panel(lab: &TestBrowser) -> Result<()> {
    let focus = "document.getElementById('pipalhub-workshop').focus()";
    lab.run(focus, vec![]).await?;
    Ok(())
}

/// Goes through the panel by Tab, and copies the code.
async fn code_is_copied(lab: &TestBrowser, hub: &Hub) -> Result<()> {
    lab.run(
        "Object.defineProperty(navigator, 'clipboard', {value: {
             writeText: async (text) => { window.copied = text; }}})",
        vec![],
    )
    .await?;
    // On its way, too, JupyterLab may take the focus to the notebook.
    until("the button that copies", async || {
        focus_panel(lab).await?;
        let passed = tab_to(lab, "button", "Copy the code").await?;
        let [help, done, own, seen, ..] = &passed[..] else {
            bail!("{passed:?}");
        };
        ensure!(help == "I need help" && done == "I'm done", "{passed:?}");
        ensure!(own.starts_with("Your page"), "{passed:?}");
        ensure!(seen.starts_with("1 notebook of yours"), "{passed:?}");
        lab.press_keys(ENTER).await?;
        soon("the copy", async || {
            let said = lab.texts(".pipalhub-copy").await?;
            Ok(said.iter().any(|it| it == "Copied"))
        })
        .await?;
        Ok(Some(()))
    })
    .await?;
    let own = lab.attributes(".pipalhub-links a", "href").await?;
    assert_eq!(own, [hub.service("")]);
    assert_eq!(lab.run("return window.copied", vec![]).await?, CODE);
    let tree = lab.accessibility_tree().await?;
    ensure!(names(&tree, "region").contains(&"Workshop"));
    ensure!(
        names(&tree, "article")
            .iter()
            .any(|name| name.starts_with("Day two"))
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn notebook_7_has_the_panel_and_counts_above_the_page() -> Result<()> {
    let hub = hub_with_alice().await?;
    save(&hub.home_path("ines", "lesson.ipynb"), &notebook(&["1"]))?;
    let page = TestBrowser::start().await?;
    open(&page, &hub, NOTEBOOK_7).await?;
    let wall = open_wall(&hub).await?;
    let follow = "const [body, done] = arguments; (async () => {
        const xsrf = (await (await fetch('api/session')).json()).xsrf;
        const headers = {'Content-Type': 'application/json', 'X-XSRFToken': xsrf};
        const options = {method: 'PUT', headers, body: JSON.stringify(body)};
        return (await fetch('api/sharing/followed', options)).status;
    })().then(done, error => done(String(error)));";
    let followed = json!({"filename": "lesson.ipynb"});
    until("a notebook to follow", async || {
        let status = wall
            .run_until_called(follow, vec![followed.clone()])
            .await?;
        Ok((status == 200).then_some(()))
    })
    .await?;
    let short = json!({"text": "Lunch is at **noon**.", "to": {"user": "alice"}});
    send(&wall, short).await?;
    let long = json!({"text": long_text(), "title": "Day two", "to": {"user": "alice"}});
    send(&wall, long).await?;
    wait_for_count(&page, 2).await?;
    open_sent(&wall).await?;

    // *Read* opens the panel at that notice, and counts.
    page.wait_for_text(TOAST, "Lunch is at noon.").await?;
    press(&page, "Read").await?;
    until("the notice in sight", async || {
        let seen = "const box = document.activeElement.getBoundingClientRect();
            return document.activeElement.matches('article') && box.top < innerHeight";
        Ok((page.run(seen, vec![]).await? == true).then_some(()))
    })
    .await?;
    wait_for_count(&page, 1).await?;
    page.wait_for_text(".pipalhub-links", "Follow ines").await?;
    let links = page.attributes(".pipalhub-links a", "href").await?;
    assert_eq!(links[0], hub.service("follow"));
    shots(&page, "panel-notebook-7").await?;

    // After a reload the button leads to it.
    open(&page, &hub, NOTEBOOK_7).await?;
    wait_for_count(&page, 1).await?;
    page.wait_for(NOTEBOOK_BUTTON)
        .await?
        .send_keys(ENTER)
        .await?;
    wait_for_focused_id(&page, "pipalhub-workshop").await?;
    until("the end of both", async || {
        focus_panel(&page).await?;
        page.press_keys(END).await?;
        Ok(page.texts(UNREAD).await?.is_empty().then_some(()))
    })
    .await?;
    wait_for_count(&page, 0).await?;
    wait_until_gone(&page).await?;
    until("both to be opened", async || {
        let sent = wall.texts(SENT).await?;
        let opened = sent.iter().filter(|one| one.contains("opened 1/1"));
        Ok((opened.count() == 2).then_some(()))
    })
    .await?;
    ensure!(page.texts(ARTICLE).await?.len() == 2);
    Ok(())
}

/// Gives these notices to the page instead of its server's.
const HOSTILE_ANSWER: &str = "
    const asks = window.fetch;
    window.fetch = async (address, options) => {
        if (!/pipalhub\\/notices\\?/.test(address)) return asks(address, options);
        if (!/after=0$/.test(address)) await new Promise((resolve) => setTimeout(resolve, 1000));
        const notices = HTML.map((html, at) => ({
            id: at + 1, created_at_ms: at, retracted: false, opened: true, title: html,
            brief: html, html, text: null, path: html, remaining_ms: null,
            link: {url: at % 2 ? html : 'javascript:alert(' + at + ')', label: html},
        }));
        return new Response(JSON.stringify({cursor: 1, trouble: null, notices}));
    };";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn nothing_hostile_in_a_notice_runs_in_jupyterlab() -> Result<()> {
    let hub = hub_with_alice().await?;
    let wall = open_wall(&hub).await?;
    let html = hostile::html_payloads();
    let mut payloads: Vec<String> = html.into_iter().map(|(_, payload)| payload).collect();
    payloads.extend(hostile::markup_payloads());
    // What an instructor writes, by the real way.
    let mut text = String::new();
    for payload in &payloads {
        if text.chars().count() + payload.chars().count() < 3_900
            && !payload.contains(|c: char| c.is_control() && c != '\n')
        {
            text += &format!("{payload}\n\n");
        }
    }
    send(&wall, json!({"text": text, "to": {"everyone": true}})).await?;
    let lab = browser_with_hooks().await?;
    open(&lab, &hub, "lab/tree").await?;
    lab.wait_for(TOAST).await?;
    show_panel(&lab).await?;
    lab.wait_for(ARTICLE).await?;
    assert_nothing_ran(&lab, 1).await?;

    // What a proxy could make of the answer.
    let answer = HOSTILE_ANSWER.replace("HTML", &serde_json::to_string(&payloads)?);
    lab.run_first(&answer).await?;
    open(&lab, &hub, "lab/tree").await?;
    show_panel(&lab).await?;
    until("all notices", async || {
        Ok((lab.texts(ARTICLE).await?.len() == payloads.len()).then_some(()))
    })
    .await?;
    assert_nothing_ran(&lab, payloads.len()).await
}

async fn show_panel(lab: &TestBrowser) -> Result<()> {
    until("the panel", async || {
        let show = "return window.jupyter?.commands.execute('pipalhub:workshop') !== undefined";
        Ok((lab.run(show, vec![]).await? == true).then_some(()))
    })
    .await?;
    lab.wait_for(PANEL).await?;
    Ok(())
}

async fn assert_nothing_ran(lab: &TestBrowser, notices: usize) -> Result<()> {
    let findings = audit_of(lab, TEXT, "no-id-").await?;
    assert_eq!(findings["notebooks"], json!(notices));
    for kind in ["fired", "wrong"] {
        let found = findings[kind].as_array().context("a list")?;
        ensure!(found.is_empty(), "{kind}: {found:#?}");
    }
    let hrefs = lab
        .attributes(&format!("{ARTICLE} a[href]"), "href")
        .await?;
    let odd = hrefs.iter().find(|href| {
        let mut schemes = ["http://", "https://", "mailto:"].into_iter();
        !schemes.any(|scheme| href.starts_with(scheme))
    });
    ensure!(odd.is_none(), "{odd:?}");
    Ok(())
}
