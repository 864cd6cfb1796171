//! A notice inside real JupyterLab, shown by the extension of the participants' package.

use std::time::Instant;

use anyhow::Result;
use tests::{
    browser::Browser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, notices, tile};

/// A notification of JupyterLab's own.
const TOAST: &str = ".Toastify__toast";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_notice_appears_in_lab_and_in_one_that_is_opened_later() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let lab = open_lab(&hub).await?;
    let wall = Browser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("alice"), "x = 1").await?;

    notices::write(&wall, "everyone", "Lunch is at noon.").await?;
    let sent = Instant::now();
    lab.wait_for_text(TOAST, "Lunch is at noon.").await?;
    eprintln!(
        "in an open JupyterLab {:?} after it was sent",
        sent.elapsed()
    );
    // It slides in from the side.
    until("the notice to be in sight", async || {
        let inside = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
                      return box.right < innerWidth";
        let inside = lab.run(inside, vec![TOAST.into()]).await?;
        Ok((inside == true).then_some(()))
    })
    .await?;
    lab.shot("lab-notice.png").await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/1 · opened 0/1")
        .await?;

    // Elsewhere, since one browser shows a notice once.
    let later = open_lab(&hub).await?;
    later.wait_for_text(TOAST, "Lunch is at noon.").await?;

    notices::take_back(&wall).await?;
    for lab in [&lab, &later] {
        until("the end of the notice", async || {
            Ok(lab.texts(TOAST).await?.is_empty().then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn open_lab(hub: &Hub) -> Result<Browser> {
    let lab = Browser::start().await?;
    lab.goto(&hub.url(&format!("user/alice/lab/tree/{NOTEBOOK}")))
        .await?;
    lab.sign_in("alice", PASSWORD).await?;
    lab.wait_for(".jp-Notebook .jp-CodeCell").await?;
    Ok(lab)
}
