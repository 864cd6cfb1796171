//! A bare server becomes one with a workshop, without containers: killed in every step, run again,
//! upgraded with a class's data, and back where an upgrade does not work.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    fresh::{BareServer, CommandEnd, Killed},
    stopwatch::Stopwatch,
    until,
};

use crate::{
    process::ports_are_the_services_own,
    setup::{
        HOST, NEWER, NEWEST, UNCHANGED, kill_in_every_step, kill_in_steps, make_newer, run_well,
        setup_command, what_was_left_holds_the_next_up,
    },
};

const RELEASES: &str = "/opt/pipalhub/releases";
/// Into the middle of a step that takes longer.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
#[ignore = "needs root and images: cargo xtask fresh"]
async fn a_bare_server_becomes_a_workshop_without_containers() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = BareServer::start("PIPALHUB_FRESH_BARE", &[]).await?;
    let command = setup_command(&["--no-docker", "--no-tls"]);
    stopwatch.lap("a bare server");

    a_full_disk_is_told_before_anything_is_changed(&server, &command)?;
    a_network_that_is_away_is_named(&server, &command)?;
    what_was_left_holds_the_next_up(&server, &command).await?;
    let is_environment = |step: &str| step.starts_with("The Hub's environment");
    let mut killed = kill_in_steps(&server, &command, is_environment)?;
    a_disk_that_fills_is_named(&server, &command)?;
    a_network_that_breaks_is_named(&server, &command)?;
    killed.extend(kill_in_every_step(&server, &command)?);
    ensure!(killed.len() >= 8, "{killed:?}");
    stopwatch.lap("killed in every step, and set up");

    let again = run_well(&server, &command)?;
    ensure!(again.contains(UNCHANGED), "{again}");
    only_root_sees_the_metadata(&server)?;
    what_dies_is_there_again(&server).await?;
    stopwatch.lap("again");

    server.run(&["pipalhub", "users", "add", "alice"])?;
    until("alice's account", async || {
        Ok(server.run(&["id", "alice"]).is_ok().then_some(()))
    })
    .await?;
    ports_are_the_services_own(|command| server.run(command), "alice")?;
    let class = class_data(&server)?;
    an_upgrade_keeps_the_class(&server, &class)?;
    stopwatch.lap("killed in an upgrade, and upgraded");
    an_upgrade_that_does_not_work_is_undone(&server, &class)?;
    stopwatch.lap("and back");
    let unchanged = run_well(&server, &setup_of(NEWER))?;
    ensure!(unchanged.contains(UNCHANGED), "{unchanged}");
    nothing_ends_by_itself(&server)
}

/// Checks that systemd had nothing to start again since the last setup has started all.
fn nothing_ends_by_itself(server: &BareServer) -> Result<()> {
    let show = "systemctl show --property=Id,NRestarts pipalhub.service 'pipalhub-*.service'";
    let shown = server.run(&["sh", "-c", show])?;
    ensure!(shown.contains("Id=pipalhub-steward.service"), "{shown}");
    let restarted = shown.lines().any(|line| {
        line.strip_prefix("NRestarts=")
            .is_some_and(|count| count != "0")
    });
    ensure!(!restarted, "{shown}");
    Ok(())
}

fn setup_of(program: &str) -> [&str; 5] {
    [program, "setup-node", HOST, "--no-docker", "--no-tls"]
}

fn a_full_disk_is_told_before_anything_is_changed(
    server: &BareServer,
    command: &[&str],
) -> Result<()> {
    mount_disk(server, "size=200m")?;
    let refused = server.run_to_end(command)?;
    ensure!(!refused.is_ok, "{}", refused.text);
    for word in [
        "the disk of /opt/pipalhub has",
        "are needed",
        "nothing was changed",
    ] {
        ensure!(refused.text.contains(word), "{}", refused.text);
    }
    let changed = "test -e /etc/pipalhub || dpkg --status nginx >/dev/null 2>&1";
    ensure!(
        server.run(&["sh", "-c", changed]).is_err(),
        "something was changed"
    );
    server.run(&["umount", "/opt/pipalhub"])?;
    server.run(&["rmdir", "/opt/pipalhub"]).map(drop)
}

/// A disk of its own for what is set up.
fn mount_disk(server: &BareServer, size: &str) -> Result<()> {
    server.run(&["mkdir", "--parents", "/opt/pipalhub"])?;
    let mount = ["mount", "-t", "tmpfs", "-o", size];
    server
        .run(&[&mount[..], &["tmpfs", "/opt/pipalhub"]].concat())
        .map(drop)
}

fn a_network_that_is_away_is_named(server: &BareServer, command: &[&str]) -> Result<()> {
    server.break_network();
    let failed = server.run_to_end(command)?;
    server.mend_network()?;
    fails_with(
        &failed,
        &["Packages of the system failed", "Could not connect"],
    )
}

/// The network breaks while the Hub's environment is installed.
fn a_network_that_breaks_is_named(server: &BareServer, command: &[&str]) -> Result<()> {
    let failed = server.run_until(command, Killed::All, |line| {
        if line.starts_with("    to be installed in ") {
            thread::sleep(A_WHILE);
            server.break_network();
        }
        false
    })?;
    server.mend_network()?;
    fails_with(&failed, &["The Hub's environment", "ProxyError"])
}

/// Somebody else fills the disk while the Hub's environment is installed.
fn a_disk_that_fills_is_named(server: &BareServer, command: &[&str]) -> Result<()> {
    mount_disk(server, "size=3g")?;
    let mut filled = Ok(());
    let failed = server.run_until(command, Killed::All, |line| {
        if line.starts_with("    to be installed in ") {
            thread::sleep(A_WHILE);
            let fill = "cat /dev/zero >/opt/pipalhub/others 2>/dev/null || true";
            filled = server.run(&["sh", "-c", fill]).map(drop);
        }
        false
    })?;
    filled?;
    fails_with(
        &failed,
        &["The Hub's environment", "No space left on device"],
    )?;
    server.run(&["umount", "/opt/pipalhub"]).map(drop)
}

/// Checks that a setup has failed, and says this and how to go on.
fn fails_with(end: &CommandEnd, words: &[&str]) -> Result<()> {
    ensure!(!end.is_ok, "{}", end.text);
    for word in [words, &["the same command goes on"]].concat() {
        ensure!(end.text.contains(word), "{word:?}: {}", end.text);
    }
    Ok(())
}

fn only_root_sees_the_metadata(server: &BareServer) -> Result<()> {
    let route = |user: &str| server.run(&["ip", "route", "get", "169.254.169.254", "uid", user]);
    route("0")?;
    let refused = route("1000").map(|it| it.trim().to_owned());
    ensure!(
        refused.is_err(),
        "a participant reaches the metadata: {refused:?}"
    );
    Ok(())
}

/// Kills the service and both stewards: systemd has each again at once.
async fn what_dies_is_there_again(server: &BareServer) -> Result<()> {
    let kill = "for unit in pipalhub pipalhub-steward pipalhub-packages pipalhub-hub pipalhub-proxy; do \
                systemctl kill --signal=KILL $unit; done";
    server.run(&["sh", "-ec", kill])?;
    until("all of them", async || {
        let listed = server.run(&["pipalhub", "users", "list"])?;
        let health = "/opt/pipalhub/current/hub/bin/python3 -c \
            'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8000/services/dashboard/healthz\")'";
        server.run(&["sh", "-c", health])?;
        Ok(listed.contains("0 users").then_some(()))
    })
    .await
}

/// What must be the same after an upgrade: who is in the class, and what the service has kept.
fn class_data(server: &BareServer) -> Result<Value> {
    let users = server.run(&["sed", "s/:.*//", "/etc/jupyterhub/users.txt"])?;
    let id = server.run(&["id", "alice"])?;
    let tokens = server.run(&["sh", "-c", "sort /etc/pipalhub/*.env"])?;
    // Databases have their counters changed whenever they are opened; what they say is asked.
    let ask = "import sqlite3; c = sqlite3.connect(\"file:/var/lib/pipalhub/events.sqlite3?mode=ro\", uri=True); \
               print(c.execute(\"select count(*), max(rowid) from sqlite_master\").fetchone())";
    let tables = server.run(&["/opt/pipalhub/current/hub/bin/python3", "-c", ask])?;
    Ok(json!({"users": users, "id": id, "tokens": tokens, "tables": tables}))
}

fn an_upgrade_keeps_the_class(server: &BareServer, class: &Value) -> Result<()> {
    make_newer(server, NEWER)?;
    // Between the release's place and its start.
    let old = processes(server)?;
    let current = || server.run(&["readlink", "/opt/pipalhub/current"]);
    let before = current()?;
    server.run_until(&setup_of(NEWER), Killed::All, |line| {
        let is_begun = line.contains("is to be started");
        while is_begun && current().is_ok_and(|now| now == before) {
            thread::sleep(Duration::from_millis(5));
        }
        is_begun
    })?;
    let said = run_well(server, &setup_of(NEWER))?;
    ensure!(said.contains("Upgraded from "), "{said}");
    let new = processes(server)?;
    ensure!(
        old.iter().all(|process| !new.contains(process)),
        "{old:?} and {new:?}"
    );
    ensure!(
        class_data(server)? == *class,
        "{class} is not {}",
        class_data(server)?
    );
    let releases = server.run(&["ls", RELEASES])?;
    ensure!(releases.lines().count() == 2, "{releases}");
    Ok(())
}

/// The processes of what an upgrade starts anew.
fn processes(server: &BareServer) -> Result<Vec<String>> {
    let units = [
        "pipalhub",
        "pipalhub-hub",
        "pipalhub-steward",
        "pipalhub-packages",
    ];
    let show = ["systemctl", "show", "--property=MainPID", "--value"];
    let shown = server.run(&[&show[..], &units].concat())?;
    Ok(shown.split_whitespace().map(str::to_owned).collect())
}

/// A release whose service damages the data and does not start.
fn an_upgrade_that_does_not_work_is_undone(server: &BareServer, class: &Value) -> Result<()> {
    let before = server.run(&["readlink", "/opt/pipalhub/current"])?;
    let drop_in = format!(
        "[Service]\nReadWritePaths=/var/lib/pipalhub\nNoExecPaths=\nExecStartPre=/bin/sh -c \
         'test \"$(readlink /opt/pipalhub/current)\" = {} || \
         {{ echo damaged >/var/lib/pipalhub/events.sqlite3; false; }}'\n",
        before.trim()
    );
    server.run(&[
        "mkdir",
        "--parents",
        "/etc/systemd/system/pipalhub.service.d",
    ])?;
    server.write(
        "/etc/systemd/system/pipalhub.service.d/test.conf",
        drop_in.as_bytes(),
    )?;
    make_newer(server, NEWEST)?;
    let failed = server.run_to_end(&setup_of(NEWEST))?;
    ensure!(!failed.is_ok, "{}", failed.text);
    for word in ["pipalhub.service does not start", "The upgrade was undone"] {
        ensure!(failed.text.contains(word), "{}", failed.text);
    }
    ensure!(server.run(&["readlink", "/opt/pipalhub/current"])? == before);
    ensure!(
        class_data(server)? == *class,
        "{class} is not {}",
        class_data(server)?
    );
    server.run(&["test", "!", "-e", "/opt/pipalhub/upgrade"])?;
    server.run(&["rm", "-r", "/etc/systemd/system/pipalhub.service.d"])?;
    server.run(&["systemctl", "daemon-reload"]).map(drop)
}
