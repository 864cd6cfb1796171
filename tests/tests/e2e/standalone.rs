//! The service without a Hub.

use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{copy_sample_class, notebook, save, save_half},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_printed_link_opens_a_live_wall() -> Result<()> {
    let service = Standalone::start()?;
    let alice = service.home_path("alice", NOTEBOOK);
    let bob = service.home_path("bob", NOTEBOOK);
    save(&alice, &notebook(&["'first of alice'"]))?;

    let wall = TestBrowser::start().await?;
    wall.goto(service.link()).await?;
    wall.wait_for("[data-testid=wall]").await?;
    wall.wait_for_text(&tile("alice"), "first of alice").await?;
    wall.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;

    wall.mark().await?;
    save(
        &alice,
        &notebook(&["'first of alice'", "'second of alice'"]),
    )?;
    wall.wait_for_text(&tile("alice"), "second of alice")
        .await?;
    save(&bob, &notebook(&["'first of bob'"]))?;
    wall.wait_for_text(&tile("bob"), "first of bob").await?;
    let notebooks = "[data-testid=notebook-picker]";
    wall.wait_for_text(notebooks, "(2").await?;

    // A half-written file changes nothing. Bob's next save shows that the service has looked
    // since.
    let third = notebook(&["'first of alice'", "'second of alice'", "'third of alice'"]);
    save_half(&alice, &third)?;
    save(&bob, &notebook(&["'first of bob'", "'second of bob'"]))?;
    wall.wait_for_text(&tile("bob"), "second of bob").await?;
    wall.wait_for_text(&tile("alice"), "second of alice")
        .await?;
    save(&alice, &third)?;
    wall.wait_for_text(&tile("alice"), "third of alice").await?;
    assert!(wall.is_marked().await?, "the page was loaded again");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_sample_class_fills_the_wall() -> Result<()> {
    let service = Standalone::start()?;
    let class = copy_sample_class(&service.homes())?;
    assert!(class.len() >= 12, "{class:?}");

    let wall = TestBrowser::start().await?;
    wall.goto(service.link()).await?;
    let tiles = "[data-testid=tile]";
    wall.choose_notebook("module1/warm-up.ipynb").await?;
    until("those who did the warm-up", async || {
        let users = wall.attributes(tiles, "data-user").await?;
        Ok((!users.is_empty() && users.len() < class.len()).then_some(()))
    })
    .await?;
    wall.choose_notebook(NOTEBOOK).await?;
    until("everyone's tile, by name", async || {
        let users = wall.attributes(tiles, "data-user").await?;
        Ok((users == class).then_some(()))
    })
    .await?;
    until("cells in every tile", async || {
        let bodies = wall.texts(&format!("{tiles} .tile-body")).await?;
        let filled = bodies.iter().filter(|body| !body.trim().is_empty()).count();
        Ok((filled == class.len()).then_some(()))
    })
    .await?;
    for scheme in ["light", "dark"] {
        wall.prefer_color_scheme(scheme).await?;
        wall.shot(&format!("wall-{scheme}.png")).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wall_is_live_again_after_going_back_to_it() -> Result<()> {
    let service = Standalone::start()?;
    let alice = service.home_path("alice", NOTEBOOK);
    save(&alice, &notebook(&["'before'"]))?;
    let wall = TestBrowser::start().await?;
    wall.goto(service.link()).await?;
    wall.wait_for_text(&tile("alice"), "before").await?;
    wall.goto("about:blank").await?;
    save(&alice, &notebook(&["'while away'"]))?;
    wall.back().await?;
    wall.wait_for_text(&tile("alice"), "while away").await?;
    wall.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    save(&alice, &notebook(&["'after'"]))?;
    wall.wait_for_text(&tile("alice"), "after").await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_tabs_of_a_browser_share_one_stream() -> Result<()> {
    let service = Standalone::start()?;
    let alice = service.home_path("alice", NOTEBOOK);
    save(&alice, &notebook(&["'first'"]))?;
    let browser = TestBrowser::start().await?;
    let live = "[data-testid=live-pill][data-state=live]";
    browser.goto(service.link()).await?;
    browser.wait_for(live).await?;
    let first = browser.open_tab(&service.url("")).await?;
    browser.wait_for(live).await?;
    let third = browser.open_tab(&service.url("")).await?;
    browser.wait_for(live).await?;
    assert_eq!(open_streams(&service).await?, 1);

    save(&alice, &notebook(&["'second'"]))?;
    browser.wait_for_text(&tile("alice"), "second").await?;
    let last = browser.switch_to(&first).await?;
    browser.wait_for_text(&tile("alice"), "second").await?;

    // The tab with the stream is closed, and another opens one.
    browser.close_tab(&last).await?;
    save(&alice, &notebook(&["'third'"]))?;
    browser.wait_for_text(&tile("alice"), "third").await?;
    browser.switch_to(&third).await?;
    browser.wait_for_text(&tile("alice"), "third").await?;
    until("one stream again", async || {
        Ok((open_streams(&service).await? == 1).then_some(()))
    })
    .await
}

/// The number of the service's open event streams.
async fn open_streams(service: &Standalone) -> Result<usize> {
    let metrics = service.authorized(Method::GET, "metrics").send().await?;
    let metrics = metrics.text().await?;
    let open = metrics
        .lines()
        .find_map(|line| line.strip_prefix("pipalhub_streams_open "))
        .with_context(|| format!("no such metric in {metrics}"))?;
    Ok(open.parse()?)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_click_opens_the_whole_notebook() -> Result<()> {
    let service = Standalone::start()?;
    let sources: Vec<String> = (0..40).map(|n| format!("'this is cell {n}.'")).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    save(&service.home_path("alice", NOTEBOOK), &notebook(&sources))?;

    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser
        .wait_for_text(&tile("alice"), "this is cell 39.")
        .await?;
    let tail = browser.texts(&tile("alice")).await?.join(" ");
    assert!(
        !tail.contains("this is cell 0."),
        "the tile shows the tail only"
    );

    browser.open(&tile("alice")).await?;
    let page = "[data-testid=notebook-page]";
    browser.wait_for_text(page, "this is cell 0.").await?;
    browser.wait_for_text(page, "this is cell 39.").await?;
    // The address names the notebook: opened again it is the same page.
    let url = browser.url().await?;
    browser.goto("about:blank").await?;
    browser.goto(&url).await?;
    browser.wait_for_text(page, "this is cell 0.").await
}

/// A script that returns the texts of the parts of the bar that overlap or lie beyond the edge.
const COLLISIONS: &str = "
    const parts = [...document.querySelectorAll('.top-bar :is(a, button, input, select, .pill, \
        h1)')].filter((part) => part.getClientRects().length
        && !(innerWidth < 640 && part.closest('.controls')));
    const boxes = parts.map((part) => [part.textContent || part.id, part.getBoundingClientRect()]);
    const wrong = boxes.filter(([, box]) => box.left < 0 || box.right > innerWidth)
        .map(([name]) => `${name} is beyond the edge`);
    boxes.forEach(([name, a], at) => boxes.slice(at + 1).forEach(([other, b]) => {
        const apart = a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1
            || b.bottom <= a.top + 1;
        if (!apart) wrong.push(`${name} and ${other}`);
    }));
    return wrong;";

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_parts_of_the_bar_keep_apart_at_any_width() -> Result<()> {
    let service = Standalone::start()?;
    let name = format!("module1/{}.ipynb", "a-long-name-".repeat(5));
    for n in 0..120 {
        let path = service.home_path(&format!("p{n:03}"), &name);
        save(&path, &notebook(&["1 / 0"]))?;
    }
    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser
        .wait_for_text(".summary", "120 participants")
        .await?;
    for width in [
        390, 700, 1024, 1280, 1366, 1440, 1500, 1600, 1680, 1920, 2560,
    ] {
        browser.size(width, 900).await?;
        until(("room", width), async || {
            let wrong = browser.run(COLLISIONS, vec![]).await?;
            ensure!(wrong == json!([]), "{width} px: {wrong}");
            Ok(Some(()))
        })
        .await?;
        // Some words of the notebook's name can be read.
        let script = "return document.querySelector('.notebook-picker').clientWidth;";
        let name = browser.run(script, vec![]).await?;
        assert!(name.as_u64() >= Some(180), "{width} px: {name}");
        browser.shot(&format!("bar-{width}.png")).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn signing_out_is_in_the_bar_of_every_page_and_on_a_phone() -> Result<()> {
    let service = Standalone::start()?;
    save(&service.home_path("alice", NOTEBOOK), &notebook(&["x"]))?;
    let browser = TestBrowser::start().await?;
    let query = format!("?user=alice&notebook={NOTEBOOK}");
    browser.goto(service.link()).await?;
    browser.wait_for(".account").await?;
    for (width, page) in [(1600, ""), (390, ""), (390, "notebook"), (390, "document")] {
        browser.size(width, 844).await?;
        browser
            .goto(&service.url(&format!("{page}{query}")))
            .await?;
        browser.wait_for(".account").await?.click().await?;
        let place = browser.wait_for("#sign-out").await?.rect().await?;
        assert!(
            place.x >= 0.0 && place.y >= 0.0,
            "{page} {width}: {place:?}"
        );
        let [right, bottom] = [place.x + place.width, place.y + place.height];
        assert!(
            right <= f64::from(width) && bottom <= 844.0,
            "{page} {width}: {place:?}"
        );
        browser.shot(&format!("account-{width}-{page}.png")).await?;
    }
    browser.wait_for("#sign-out").await?.click().await?;
    browser.wait_for("[data-testid=login]").await?;
    let answer = browser
        .run_until_called(
            "fetch('api/session').then(a => arguments[0](a.status))",
            vec![],
        )
        .await?;
    assert_eq!(answer, 401);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_wrong_token_leads_to_the_login_page() -> Result<()> {
    let service = Standalone::start()?;
    save(
        &service.home_path("alice", NOTEBOOK),
        &notebook(&["'secret'"]),
    )?;
    let browser = TestBrowser::start().await?;
    browser.goto(&service.url("#token=wrong")).await?;
    browser.wait_for("[data-testid=login]").await?;
    assert!(!browser.texts("body").await?.join(" ").contains("secret"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service: cargo xtask test"]
async fn the_api_refuses_requests_without_the_token() -> Result<()> {
    let service = Standalone::start()?;
    for path in ["events", "events/stream", "api/session", "api/notebooks"] {
        let answer = service.anonymous(Method::GET, path).send().await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let event = json!({
        "type": "save-notebook",
        "user": "alice",
        "filename": NOTEBOOK,
        "path": service.home_path("alice", NOTEBOOK),
    });
    let refused = service.anonymous(Method::POST, "events").json(&event);
    assert_eq!(refused.send().await?.status(), StatusCode::UNAUTHORIZED);
    let stored = service.authorized(Method::POST, "events").json(&event);
    let stored = stored.send().await?;
    assert_eq!(stored.status(), StatusCode::CREATED);
    let stored: Value = stored.json().await?;
    let filtered = format!("events?id={}", stored["id"]);
    let listed = service.authorized(Method::GET, &filtered).send().await?;
    assert_eq!(listed.json::<Vec<Value>>().await?, [stored]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service: cargo xtask test"]
async fn the_service_ends_cleanly_on_sigterm() -> Result<()> {
    let service = Standalone::start()?;
    // An open stream must not keep the service from ending.
    let stream = service
        .authorized(Method::GET, "events/stream")
        .send()
        .await?;
    assert_eq!(stream.status(), StatusCode::OK);
    let status = service.terminate().await?;
    assert_eq!(status.code(), Some(0));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service: cargo xtask test"]
async fn a_taken_port_is_named_in_one_line() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let output = Standalone::run_to_end(&address)?;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(said.contains(&address), "{said}");
    Ok(())
}
