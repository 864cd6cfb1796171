//! The help queue with a real Hub: pressed in JupyterLab and on a participant's page, seen by two who
//! help, kept over the end of the service.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    browser::TestBrowser,
    hub::{HELPER, Hub, HubSetup, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{
    NOTEBOOK,
    accessibility::assert_no_violations,
    lab::{TOAST, open_lab, press},
};

const TAB: &str = "[data-id=pipalhub-workshop]";
const HELP: &str = "button.pipalhub-note-help";
const PLACE: &str = ".pipalhub-place";
const TICKETS: &str = "[data-testid=tickets]";
const ROUND: &str = "[data-testid=round]";
const ENTER: &str = "\u{e007}";

async fn open_queue(hub: &Hub, user: &str) -> Result<TestBrowser> {
    let page = TestBrowser::start().await?;
    page.goto(&hub.service("queue")).await?;
    page.sign_in(user, PASSWORD).await?;
    page.wait_for_text("[data-testid=queue-headline]", "Nobody asks for help.")
        .await?;
    Ok(page)
}

async fn shots(page: &TestBrowser, name: &str) -> Result<()> {
    for scheme in ["dark", "light"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("{name}-{scheme}.png")).await?;
    }
    Ok(())
}

async fn click(page: &TestBrowser, css: &str) -> Result<()> {
    Ok(page.wait_for(css).await?.click().await?)
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn who_asks_in_lab_sees_who_is_coming_and_a_killed_service_loses_nothing() -> Result<()> {
    let hub = HubSetup::new()?
        .restarting_the_service_soon()
        .start("PIPALHUB_VENV")
        .await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let helper = open_queue(&hub, HELPER).await?;
    let instructor = open_queue(&hub, INSTRUCTOR).await?;
    let lab = open_lab(&hub).await?;
    click(&lab, TAB).await?;
    lab.wait_for(HELP).await?;

    click(&lab, HELP).await?;
    let pressed = Instant::now();
    helper.wait_for_text(TICKETS, "alice").await?;
    eprintln!("seen in the queue {:?} after the press", pressed.elapsed());
    lab.wait_for_text(PLACE, "1st in the queue").await?;
    lab.wait_for(".pipalhub-ask input")
        .await?
        .send_keys(format!("why is <b>x</b> 1?{ENTER}"))
        .await?;
    for page in [&helper, &instructor] {
        page.wait_for_text(TICKETS, "“why is <b>x</b> 1?”").await?;
        page.wait_for_text(TICKETS, NOTEBOOK).await?;
        // The file has no ids, and the cell is known by its place.
        page.wait_for_text(TICKETS, "a cell of their own").await?;
    }
    shots(&helper, "queue").await?;
    shots(&lab, "lab-help").await?;

    // One comes; the other sees who, and so does alice.
    click(&helper, &format!("{TICKETS} [data-do=claim]")).await?;
    lab.wait_for_text(PLACE, "helga is coming").await?;
    helper.wait_for_text(TICKETS, "You are with them").await?;
    instructor
        .wait_for_text(TICKETS, "helga is with them")
        .await?;
    ensure!(
        instructor
            .texts(&format!("{TICKETS} [data-do=claim]"))
            .await?
            .is_empty()
    );
    shots(&instructor, "queue-claimed").await?;

    // What was acknowledged is there after a kill.
    hub.kill_service().await?;
    let again = TestBrowser::start().await?;
    until("the service again", async || {
        again.goto(&hub.service("queue")).await?;
        let ready = "return !!document.querySelector('#username_input, [data-testid=queue-page]')";
        Ok((again.run(ready, vec![]).await? == true).then_some(()))
    })
    .await?;
    again.sign_in(INSTRUCTOR, PASSWORD).await?;
    again.wait_for_text(TICKETS, "helga is with them").await?;
    again.wait_for_text(TICKETS, "“why is <b>x</b> 1?”").await?;

    // Over, and back within a moment; over again.
    click(&helper, &format!("{TICKETS} [data-do=done]")).await?;
    helper.point_at(Some("h1")).await?;
    helper.wait_for_text(".recent", "alice was helped.").await?;
    click(&helper, ".recent [data-do=undo]").await?;
    helper.wait_for_text(TICKETS, "alice").await?;
    click(&helper, &format!("{TICKETS} [data-do=done]")).await?;
    until("the end of the ticket in JupyterLab", async || {
        let pressed = lab.attributes(HELP, "aria-pressed").await?;
        Ok((pressed == ["false"]).then_some(()))
    })
    .await?;

    // Everyone is asked; answers are counted as they come.
    click(&helper, "[data-testid=round-button]").await?;
    lab.wait_for_text(TOAST, "Are you done?").await?;
    shots(&lab, "lab-done").await?;
    instructor.wait_for_text(ROUND, "0 done").await?;
    press(&lab, "I'm done").await?;
    instructor.wait_for_text(ROUND, "1 done").await?;
    click(&helper, "[data-testid=round-button]").await?;
    instructor
        .wait_for_text("[data-testid=round-button]", "Ask: are you done?")
        .await?;
    instructor.ignore_policies().await?;
    instructor.goto(&hub.service("queue")).await?;
    instructor.wait_for("[data-testid=queue-headline]").await?;
    assert_no_violations(&instructor).await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_participant_has_the_notes_on_their_page_and_sees_only_their_own() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    for user in ["alice", "bob"] {
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["x = 1"]))?;
    }
    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(HELPER, PASSWORD).await?;
    let link = "a[href=queue]";
    wall.wait_for_text(link, "Queue").await?;
    let pages = [
        participant(&hub, "alice").await?,
        participant(&hub, "bob").await?,
    ];
    let [alice, bob] = &pages;
    let said = "[data-testid=my-note] [role=status]";
    click(alice, "[data-note=help]").await?;
    alice.wait_for_text(said, "You are next.").await?;
    wall.wait_for_text(link, "Queue 1").await?;
    alice
        .wait_for("#help-text")
        .await?
        .send_keys(format!("the plot is empty{ENTER}"))
        .await?;
    click(bob, "[data-note=help]").await?;
    bob.wait_for_text(said, "One is before you.").await?;
    wall.wait_for_text(link, "Queue 2").await?;
    ensure!(!bob.texts("body").await?.concat().contains("alice"));
    shots(bob, "participant-note").await?;
    wall.shot("wall-queue.png").await?;

    // By keyboard alone: the queue, the first ticket, and back to the wall.
    wall.press_keys("q").await?;
    wall.wait_for_text(TICKETS, "“the plot is empty”").await?;
    wall.wait_for_text(TICKETS, "bob").await?;
    shots(&wall, "queue-two").await?;
    wall.press_keys("c").await?;
    alice.wait_for_text(said, "helga is coming.").await?;
    bob.wait_for_text(said, "You are next.").await?;
    wall.press_keys("j").await?;
    // A row that has the focus stays where it is when others go.
    let rows = "return [...document.querySelectorAll('.tickets > li')].map(it => it.dataset.id)";
    let before = wall.run(rows, vec![]).await?;
    click(alice, "[data-note=done]").await?;
    alice
        .wait_for("[data-note=done][aria-pressed=true]")
        .await?;
    wall.wait_for_text(ROUND, "1 said that they are done.")
        .await?;
    ensure!(before.as_array().is_some_and(|rows| rows.len() == 2));
    wall.press_keys("\u{e00c}").await?;
    wall.wait_for(link).await?;

    click(bob, "[data-note=help]").await?;
    until("no note", async || {
        let pressed = bob.attributes("[data-note]", "aria-pressed").await?;
        Ok((pressed == ["false", "false"]).then_some(()))
    })
    .await?;
    wall.wait_for_text(link, "Queue").await?;
    // What is no participant's business is refused.
    let status = "const [done] = arguments; fetch('api/help').then(it => done(it.status), done);";
    assert_eq!(bob.run_until_called(status, vec![]).await?, json!(403));
    bob.ignore_policies().await?;
    bob.goto(&hub.service("")).await?;
    bob.wait_for("[data-testid=my-note]").await?;
    assert_no_violations(bob).await
}

async fn participant(hub: &Hub, user: &str) -> Result<TestBrowser> {
    let page = TestBrowser::start().await?;
    page.goto(&hub.service("")).await?;
    page.sign_in(user, PASSWORD).await?;
    page.wait_for("[data-testid=my-note] [data-note=help]")
        .await?;
    Ok(page)
}
