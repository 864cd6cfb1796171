//! Restarts of the Hub with all it runs and of the service alone, under an open page; and a user
//! who is deleted.

use anyhow::Result;
use rustix::process::Signal;
use tests::{
    WAIT_TIMEOUT,
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until_within,
};

use crate::{NOTEBOOK, tile};

const LIVE: &str = "[data-testid=live-pill][data-state=live]";
const RECONNECTING: &str = "[data-testid=live-pill][data-state=reconnecting]";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_wall_goes_on_when_the_hub_was_restarted() -> Result<()> {
    goes_on_when_the_hub_was_restarted("PIPALHUB_VENV").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_wall_goes_on_when_hub_5_was_restarted() -> Result<()> {
    goes_on_when_the_hub_was_restarted("PIPALHUB_VENV_HUB5").await
}

async fn goes_on_when_the_hub_was_restarted(venv: &str) -> Result<()> {
    let mut hub = Hub::start(venv).await?;
    let wall = wall_of(&hub, &["alice", "bob"]).await?;
    wall.mark().await?;

    // While the Hub does not answer, known users go on.
    hub.signal(Signal::STOP)?;
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["'hanging'"]))?;
    let shown = wall.wait_for_text(&tile("bob"), "hanging").await;
    hub.signal(Signal::CONT)?;
    shown?;

    hub.restart().await?;
    // Saves while the service could not be told, and after.
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'second'"]))?;
    wall.wait_for_text(&tile("alice"), "second").await?;
    wall.wait_for(LIVE).await?;
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["'third'"]))?;
    wall.wait_for_text(&tile("bob"), "third").await?;
    assert!(wall.is_marked().await?, "the page was loaded again");
    Ok(())
}

/// It ends no service of its own then, and the next Hub leaves a service out whose address is
/// taken.
#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_hub_that_follows_a_killed_one_has_its_service() -> Result<()> {
    let mut hub = Hub::start("PIPALHUB_VENV").await?;
    let wall = wall_of(&hub, &["alice"]).await?;
    wall.mark().await?;
    hub.restart_killed().await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'second'"]))?;
    wall.wait_for_text(&tile("alice"), "second").await?;
    wall.wait_for(LIVE).await?;
    assert!(wall.is_marked().await?, "the page was loaded again");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn open_pages_go_on_when_the_service_was_killed() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let wall = wall_of(&hub, &["alice", "bob"]).await?;
    wall.mark().await?;
    let first = wall.open_tab(&hub.service("")).await?;
    wall.wait_for_text(&tile("bob"), "first").await?;
    wall.mark().await?;

    // The service hangs while alice saves, so that her save is in no store when it is killed.
    hub.signal_service(Signal::STOP)?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'second'"]))?;
    hub.signal_service(Signal::KILL)?;
    // The Hub starts the service again within half a minute. The proxy keeps the connection of a
    // page all that time, so the page has to notice by itself.
    wall.wait_for(RECONNECTING).await?;
    for again in [false, true] {
        if again {
            wall.switch_to(&first).await?;
        }
        wall.wait_for_text(&tile("alice"), "second").await?;
        wall.wait_for(LIVE).await?;
        assert!(wall.is_marked().await?, "the page was loaded again");
    }
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["'third'"]))?;
    wall.wait_for_text(&tile("bob"), "third").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_page_of_a_deleted_user_leads_to_signing_in() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let path = hub.home_path("alice", NOTEBOOK);
    save(&path, &notebook(&["'first'"]))?;
    let own = TestBrowser::start().await?;
    own.goto(&hub.service("")).await?;
    own.sign_in(INSTRUCTOR, PASSWORD).await?;
    own.wait_for_text(&tile("alice"), "first").await?;

    // An instructor, whose token is believed for a minute; a participant's is for five.
    hub.delete_user(INSTRUCTOR).await?;
    // The service asks the Hub once a minute, and the page the service after a save.
    let mut saves = 0;
    until_within(2 * WAIT_TIMEOUT, "the Hub's sign-in page", async || {
        saves += 1;
        save(&path, &notebook(&[&format!("'save {saves}'")]))?;
        let form = own.attributes("#username_input", "type").await?;
        Ok((!form.is_empty()).then_some(()))
    })
    .await?;
    let page = own.texts("body").await?.join(" ");
    assert!(!page.contains("save "), "{page}");
    Ok(())
}

/// The instructor's wall, once it has a save of each of these users.
async fn wall_of(hub: &Hub, users: &[&str]) -> Result<TestBrowser> {
    for user in users {
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["'first'"]))?;
    }
    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    for user in users {
        wall.wait_for_text(&tile(user), "first").await?;
    }
    wall.wait_for(LIVE).await?;
    Ok(wall)
}
