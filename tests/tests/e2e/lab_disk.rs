//! A participant's disk is full while they work in real JupyterLab: the instructor sees it on the
//! wall, and JupyterLab saves less often.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    browser::TestBrowser,
    hub::{Hub, HubSetup, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, lab::open_wall, tile};

/// Records the wait of JupyterLab, if it is one of the two autosave intervals.
const WATCH_TIMERS: &str = "
    const set = window.setTimeout;
    window.__waits = [];
    window.setTimeout = (then, ms, ...more) => {
        if (ms === 5000 || ms === 120000) window.__waits.push(ms);
        return set(then, ms, ...more);
    };";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_full_disk_is_shown_on_the_wall_and_lab_saves_less_often() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: a disk that is really full takes root");
        return Ok(());
    }
    let hub = HubSetup::new()?
        .small_home("alice")
        .start("PIPALHUB_VENV")
        .await?;
    hub.start_server("alice").await?;
    let notebook = notebook(&["x = 1"]);
    save(&hub.seen_home_path("alice", NOTEBOOK)?, &notebook)?;
    let lab = open_lab(&hub).await?;
    let wall = open_wall(&hub).await?;
    let mark = format!("{} [data-testid=save-problem]", tile("alice"));
    ensure!(wall.texts(&mark).await?.is_empty());
    wait_for_pace(&lab, 5_000).await?;

    let filler = hub.seen_home_path("alice", "filler")?;
    fill(&filler)?;
    write(&lab, "\nnot_saved = 2").await?;
    wall.wait_for_text(&mark, "saves fail: disk full").await?;
    wall.shot("wall-save-problem.png").await?;
    lab.wait_for_text(".jp-Dialog", "File Save Error").await?;
    lab.shot("lab-save-problem.png").await?;
    // The first failed save has made JupyterLab save less often.
    wait_for_pace(&lab, 120_000).await?;
    lab.wait_for(".jp-Dialog .jp-Dialog-button")
        .await?
        .click()
        .await?;
    until("the end of the dialog", async || {
        Ok(lab.texts(".jp-Dialog").await?.is_empty().then_some(()))
    })
    .await?;

    std::fs::remove_file(&filler)?;
    lab.run(
        "document.querySelector(arguments[0]).click()",
        vec![SAVE.into()],
    )
    .await?;
    wall.wait_for_text(&tile("alice"), "not_saved = 2").await?;
    until("the end of the mark", async || {
        Ok(wall.texts(&mark).await?.is_empty().then_some(()))
    })
    .await?;
    // The interval is short again, without a reload.
    write(&lab, "\nsaved = 3").await?;
    wall.wait_for_text(&tile("alice"), "saved = 3").await
}

/// The save button above a notebook.
const SAVE: &str = ".jp-NotebookPanel [data-jp-item-name=save] jp-button";

/// Waits until the autosave interval of JupyterLab is `ms`.
async fn wait_for_pace(lab: &TestBrowser, ms: u32) -> Result<()> {
    until(("an autosave after", ms), async || {
        let last = lab.run("return window.__waits.at(-1)", vec![]).await?;
        Ok((last == json!(ms)).then_some(()))
    })
    .await
}

async fn write(lab: &TestBrowser, text: &str) -> Result<()> {
    lab.type_into(".jp-Notebook .jp-CodeCell .cm-content", text)
        .await
}

fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    while file.write_all(&[0; 4096]).is_ok() {}
    Ok(())
}

async fn open_lab(hub: &Hub) -> Result<TestBrowser> {
    let lab = TestBrowser::start().await?;
    lab.run_first(WATCH_TIMERS).await?;
    lab.goto(&hub.url(&format!("user/alice/lab/tree/{NOTEBOOK}")))
        .await?;
    lab.sign_in("alice", PASSWORD).await?;
    lab.wait_for(".jp-Notebook .jp-CodeCell").await?;
    Ok(lab)
}
