//! The same participants where their homes can be read and their servers push as well: what comes
//! of both is one person's.

use std::{fmt::Write, fs};

use anyhow::Result;
use reqwest::Method;
use tests::{
    hub::HubSetup,
    notebooks::{notebook, save},
    stopwatch::Stopwatch,
    until,
};

use super::{MARIA, NamedClass, ODD, PEOPLE};
use crate::NOTEBOOK;

#[tokio::test]
#[ignore = "needs a Hub and Jupyter: cargo xtask test"]
async fn copies_of_homes_in_a_table_and_of_servers_are_one_persons() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let setup = HubSetup::new()?;
    let table = setup.folder().join("table");
    let mut lines = String::new();
    for (user, folder) in PEOPLE {
        let home = setup.folder().join("homes").join(folder);
        save(
            &home.join(NOTEBOOK),
            &notebook(&[&format!("'home of {user}'")]),
        )?;
        writeln!(lines, "{user}\t{}", home.display())?;
    }
    fs::write(&table, lines)?;
    let setup = setup.service_setting("homes_from", format!("table:{}", table.display()));
    let class = NamedClass::start(setup).await?;
    for (user, _) in PEOPLE {
        class.see(user, &format!("home of {user}")).await?;
    }
    stopwatch.lap("the Hub, the service and homes");
    both_sources_are_one_persons(&class, &[ODD, MARIA]).await?;
    stopwatch.lap("servers");
    assert_eq!(
        class.users_on_the_wall().await?,
        PEOPLE.map(|(user, _)| user)
    );

    // Who has no server is seen by their home, as before.
    let path = class.hub.home_path("Zoë", NOTEBOOK);
    save(&path, &notebook(&["'at home again'"]))?;
    class.see("Zoë", "at home again").await
}

#[tokio::test]
#[ignore = "needs a Hub and Jupyter: cargo xtask test"]
async fn copies_of_a_home_whose_name_was_cut_and_of_a_server_are_one_persons() -> Result<()> {
    let setup = HubSetup::new()?;
    let homes = setup.folder().join("homes/{tljh}").display().to_string();
    let class = NamedClass::start(setup.service_setting("homes", homes)).await?;
    let path = class.hub.home_path(MARIA, NOTEBOOK);
    save(&path, &notebook(&[&format!("'home of {MARIA}'")]))?;
    // The folder's name tells no user, until the user comes.
    let own = class.hub.token_of(MARIA).await?;
    let visit = class.hub.with_token(&own, Method::GET, "api/session");
    visit.send().await?.error_for_status()?;
    class.see(MARIA, &format!("home of {MARIA}")).await?;
    both_sources_are_one_persons(&class, &[MARIA]).await?;
    assert_eq!(class.users_on_the_wall().await?, [MARIA]);
    Ok(())
}

/// Starts the servers of participants whose notebooks were read in their homes. Checks that what
/// the servers push goes on from what was read.
async fn both_sources_are_one_persons(class: &NamedClass, users: &[&'static str]) -> Result<()> {
    for user in users {
        class.versions(user, 1).await?;
    }
    for person in class.start_servers(users).await? {
        let user = person.user;
        let path = class.hub.home_path(user, NOTEBOOK);
        let first = fs::read_to_string(&path)?;
        // By the inventory.
        let kept = format!("api/copies/content?{}", super::copy_query(user));
        until((user, "a push"), async || {
            Ok((class.get(&kept).await? == first).then_some(()))
        })
        .await?;
        person
            .save(&notebook(&[&format!("'pushed by {user}'")]))
            .await?;
        class.see(user, &format!("pushed by {user}")).await?;
        let versions = class.versions(user, 2).await?;
        let restored = class.restore(user, versions[1]).await?;
        let restored = fs::read_to_string(path.with_file_name(restored))?;
        assert_eq!(restored, first, "{user}");
    }
    Ok(())
}
