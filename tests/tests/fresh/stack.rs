//! A node's container: a class works in it, its services come back at once, what one participant does
//! leaves the others alone, and a newer container goes on where the old one ended.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::Value;
use tests::{
    fresh::{HubMachine, Stack},
    hub::INSTRUCTOR,
    notebooks::notebook,
    remote::ParticipantServer,
    stopwatch::Stopwatch,
    until,
};

use crate::{
    class::{FreshClass, NOTEBOOK, a_class_works},
    process::{LISTENS, NONE, ProcessStatus, ports_are_the_services_own},
};

/// The services, by how their processes' command lines begin, and whose processes they are.
const SERVICES: [(&str, &str); 6] = [
    ("^/opt/pipalhub/hub/bin/pipalhub serve", "pipalhub"),
    (
        "^/opt/pipalhub/hub/bin/pipalhub steward --allow-user",
        "root",
    ),
    (
        "^/opt/pipalhub/hub/bin/pipalhub steward --no-users",
        "pipalhub-packages",
    ),
    ("^/opt/pipalhub/proxy/node", "pipalhub-proxy"),
    (
        "^/opt/pipalhub/hub/bin/python3 -m pipalhub.fair_share",
        "root",
    ),
    (
        "^/opt/pipalhub/hub/bin/python3 /opt/pipalhub/hub/bin/jupyterhub",
        "root",
    ),
];
/// The longest that others may wait for a cell or the Wall, whatever one does. Left alone, one who
/// fills the machine would have them wait for minutes.
const PATIENCE: Duration = Duration::from_secs(15);
/// A cell that calculates a little, of which calm machines take a twentieth of a second.
const SMALL_CELL: &str = "print(sum(i * i for i in range(300_000)) % 1000)";
/// Counts Alice's processes at 19, the last in turn; grep ends with 1 when it counts none.
const COMES_LAST: &str = "ps -u alice -o nice= | grep -c 19 || true";

#[tokio::test]
#[ignore = "needs root, images and a browser: cargo xtask fresh"]
async fn a_node_is_one_container() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = Stack::start(
        &["alice", "bob"],
        "c.Spawner.environment['COURSE'] = 'python'\n",
    )
    .await?;
    stopwatch.lap("the container");
    let begun = Instant::now();
    let status = server.sign_in("alice", "wrong").await?;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Or everybody would wait whose turn comes after one who mistypes.
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "a mistake is told at once"
    );
    let (alice, process) = server.start_server("alice").await?;
    let (bob, _) = server.start_server("bob").await?;
    stopwatch.lap("two servers");
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };
    a_class_works(&class, "alice", &alice).await?;
    stopwatch.lap("a class");
    everyone_has_the_rights_they_need(&class.server, &process)?;
    services_come_back(&class.server, &alice).await?;
    stopwatch.lap("services that were killed");
    one_participant_leaves_others_alone(&class, &alice, &bob).await?;
    stopwatch.lap("three attacks");
    let server = a_newer_container_goes_on(class).await?;
    stopwatch.lap("a newer container");
    drop(server);
    Ok(())
}

/// Checks whose processes the services are, and what a participant's server may do and is told.
fn everyone_has_the_rights_they_need(server: &Stack, participants: &str) -> Result<()> {
    for (service, user) in SERVICES {
        let status = ProcessStatus::of(server, &process_of(server, service)?)?;
        status.assert_user(server, user)?;
        assert_eq!(status.field("NoNewPrivs:")?, ["1"], "{service}");
        match user {
            "root" => {}
            "pipalhub-packages" => status.assert_capabilities([NONE; 5])?,
            _ => status.assert_capabilities([LISTENS; 5])?,
        }
    }
    ports_are_the_services_own(|command| server.run(command), "alice")?;
    let status = ProcessStatus::of(server, participants)?;
    status.assert_user(server, "alice")?;
    assert_eq!(status.field("NoNewPrivs:")?, ["1"]);
    let environment = format!("/proc/{participants}/environ");
    let environment = server.run_as("alice", &["cat", &environment])?;
    // Of the trainer's file.
    assert!(environment.contains("COURSE=python"), "{environment}");
    for name in ["service", "steward", "proxy"] {
        let path = format!("/var/lib/pipalhub/tokens/{name}");
        let token = server.run(&["cat", &path])?;
        assert!(token.len() == 64 && !environment.contains(&token), "{name}");
        ensure!(server.run_as("alice", &["cat", &path]).is_err(), "{path}");
    }
    for closed in ["/srv/jupyterhub/users.txt", "/home/bob", "/tmp/tmp/build"] {
        ensure!(
            server
                .run_as("alice", &["ls", &format!("{closed}/.")])
                .is_err()
        );
        ensure!(
            server.run_as("alice", &["cat", closed]).is_err(),
            "{closed}"
        );
    }
    // What runs as root, and in everybody's server.
    for theirs in ["/services/run_cell.py", "/services/new", "/etc/jupyter/new"] {
        let write = format!("echo >> {theirs}");
        ensure!(
            server.run_as("alice", &["sh", "-c", &write]).is_err(),
            "{theirs}"
        );
    }
    // What clouds tell whoever asks on the machine.
    // UDP and TCP by their numbers, as the rules have them.
    let route = ["ip", "route", "get", "169.254.169.254"];
    server.run(&[&route[..], &["ipproto", "17", "dport", "53"]].concat())?;
    let reached = server.run(&[&route[..], &["ipproto", "6", "dport", "80"]].concat());
    ensure!(reached.is_err(), "{reached:?}");
    Ok(())
}

/// Kills each service: it is back at once, and participants' servers have not noticed.
async fn services_come_back(server: &Stack, alice: &ParticipantServer) -> Result<()> {
    for (service, _) in SERVICES {
        let before = process_of(server, service)?;
        server.run(&["bash", "-c", &format!("kill -KILL {before}")])?;
        let begun = Instant::now();
        until(("another process of", service), async || {
            let now = process_of(server, service).ok();
            Ok(now.filter(|now| *now != before).map(drop))
        })
        .await?;
        eprintln!("{service}: another after {:?}", begun.elapsed());
        server.wait_until_healthy().await?;
        // Through the proxy, which knows the way to it.
        until(("the server after", service), async || {
            Ok(alice.is_ready().await?.then_some(()))
        })
        .await?;
        eprintln!("{service}: all is well after {:?}", begun.elapsed());
    }
    Ok(())
}

/// Alice fills the machine in three ways. Bob's cells and the Wall answer meanwhile, and Alice goes
/// on working afterwards.
async fn one_participant_leaves_others_alone(
    class: &FreshClass<Stack>,
    alice: &ParticipantServer,
    bob: &ParticipantServer,
) -> Result<()> {
    let server = &class.server;
    let bobs = bob.start_kernel().await?;
    others_work(class, &bobs).await?;

    let mut kernels = Vec::new();
    for _ in 0..8 {
        kernels.push(alice.start_kernel().await?);
    }
    for kernel in &kernels {
        server.begin_cell("alice", kernel, "while True: pass")?;
    }
    others_work(class, &bobs).await?;
    until("Alice's kernels come last", async || {
        let count = server.run(&["sh", "-c", COMES_LAST])?;
        Ok((count.trim().parse::<usize>()? >= 8).then_some(()))
    })
    .await?;
    others_work(class, &bobs).await?;
    for kernel in kernels {
        alice.end_kernel(&kernel).await?;
    }
    until("Alice comes last no more", async || {
        let count = server.run(&["sh", "-c", COMES_LAST])?;
        Ok((count.trim() == "0").then_some(()))
    })
    .await?;

    let kernel = alice.start_kernel().await?;
    let fill = "l = []\nwhile True: l.append(' ' * 10**8)";
    let said = server.run_cell("alice", &kernel, fill)?;
    assert!(said.contains("MemoryError"), "{said}");
    server.run_cell("alice", &kernel, "del l")?;
    // Each process is below the limit, and all together are not.
    let forks = "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        \
                 x = [' ' * 10**8 for _ in range(4)]; time.sleep(600); os._exit(0)";
    server.begin_cell("alice", &kernel, forks)?;
    until("a process that ends for its memory", async || {
        Ok(server.log()?.contains("alice takes").then_some(()))
    })
    .await?;
    others_work(class, &bobs).await?;

    let kernel = alice.start_kernel().await?;
    let bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
    server.begin_cell("alice", &kernel, bomb)?;
    until("the end of too many processes", async || {
        others_work(class, &bobs).await?;
        Ok(server
            .log()?
            .contains("all but the server end")
            .then_some(()))
    })
    .await?;
    ensure!(alice.is_ready().await?, "Alice's server runs");
    let kernel = alice.start_kernel().await?;
    let said = server.run_cell("alice", &kernel, SMALL_CELL)?;
    assert_eq!(said, server.run_cell("bob", &bobs, SMALL_CELL)?);
    Ok(())
}

/// Checks that Bob's cell and the Wall answer in time.
async fn others_work(class: &FreshClass<Stack>, kernel: &str) -> Result<()> {
    let begun = Instant::now();
    let said = class.server.run_cell("bob", kernel, SMALL_CELL)?;
    let cell = begun.elapsed();
    assert!(said.trim().parse::<u32>().is_ok(), "{said}");
    let wall = class.get(&format!("api/wall?filename={NOTEBOOK}")).await?;
    assert!(wall.contains("of alice"), "{wall}");
    let both = begun.elapsed();
    eprintln!(
        "a cell after {cell:?}, the Wall after {:?}",
        both.saturating_sub(cell)
    );
    assert!(both < PATIENCE, "they take {both:?}");
    Ok(())
}

/// Replaces the container by another in the same project: accounts have their numbers, homes their
/// owners, and the service its data.
async fn a_newer_container_goes_on(class: FreshClass<Stack>) -> Result<Stack> {
    let owners = ["stat", "--format=%n %u", "/home/alice", "/home/bob"];
    let before = class.server.run(&owners)?;
    let versions = class.versions("alice").await?;
    assert!(versions.len() >= 2, "{versions:?}");
    let FreshClass { server, token } = class;
    let server = server.replace().await?;
    let class = FreshClass { server, token };
    until("Bob's account", async || {
        Ok(class.server.run(&["id", "bob"]).ok().map(drop))
    })
    .await?;
    assert_eq!(class.server.run(&owners)?, before);
    let ids = ["id", "--user", "alice"];
    let id = class.server.run(&ids)?;
    assert!(
        before.contains(&format!("/home/alice {}", id.trim())),
        "{before}"
    );
    // The token is of before, and so are the versions.
    assert_eq!(class.versions("alice").await?, versions);
    let (alice, _) = class.server.start_server("alice").await?;
    let notebook = notebook(&["x = 'of the new one'"]);
    assert_eq!(alice.save(NOTEBOOK, &notebook).await?, StatusCode::OK);
    class.see("alice", NOTEBOOK, "of the new one").await?;
    let setup: Value = serde_json::from_str(&class.get("api/setup").await?)?;
    let servers = setup["servers"].as_array().context("servers")?;
    ensure!(
        servers
            .iter()
            .any(|it| it["user"] == "alice" && it["state"] == "running")
    );
    Ok(class.server)
}

/// The only process whose command line has this.
fn process_of(server: &Stack, command: &str) -> Result<String> {
    let found = server.run(&["pgrep", "--full", "--", command])?;
    let mut processes = found.lines();
    let process = processes.next().context("a process")?;
    ensure!(processes.next().is_none(), "more than one: {found}");
    Ok(process.to_owned())
}
