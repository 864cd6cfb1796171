//! `pipalhub setup-node` on a bare server, as its user has it: the program alone is copied there.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tests::{
    fresh::{BareServer, CommandEnd, Killed, NEW_PROGRAM},
    setting, until_within,
};

/// The name of the server, which leads nowhere.
pub(crate) const HOST: &str = "alpha-lab.pipal.test";
/// What the last line of a run says that had nothing to do.
pub(crate) const UNCHANGED: &str = "Nothing was changed";
/// A program with a few bytes more at its end is another release.
pub(crate) const NEWER: &str = "/opt/newer/pipalhub";
pub(crate) const NEWEST: &str = "/opt/newest/pipalhub";
/// The longest run of a program that a killed setup has left behind.
const LEFT_TIMEOUT: Duration = Duration::from_secs(900);
/// Steps that take seconds are killed in the middle, and the others at their beginning. Whatever the
/// moment is, the next run has to go on.
const SLOW_STEPS: [&str; 4] = ["Packages", "environment", "image", "The stack"];
const LATER: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(500);
/// What a setup says that finds another one's lock.
const GOING_ON: &str = "another setup of this server is going on";

/// The command, with these options.
pub(crate) fn setup_command<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&[NEW_PROGRAM, "setup-node", HOST], options].concat()
}

/// Runs a setup, or another command that takes its time, to its end, and checks that it was a good one.
pub(crate) fn run_well(server: &BareServer, command: &[&str]) -> Result<String> {
    let CommandEnd { text, is_ok } = server.run_to_end(command)?;
    ensure!(is_ok, "{command:?}: {text}");
    Ok(text)
}

/// Kills the setup with all that it has started, once in each step that does something, until it
/// comes to its end. Returns the names of these steps.
pub(crate) fn kill_in_every_step(
    server: &BareServer,
    command: &[&str],
) -> Result<BTreeSet<String>> {
    kill_in_steps(server, command, |_| false)
}

/// The same, but no further than a step of which `is_last` says so, which is killed too.
pub(crate) fn kill_in_steps(
    server: &BareServer,
    command: &[&str],
    is_last: impl Fn(&str) -> bool,
) -> Result<BTreeSet<String>> {
    let mut killed: BTreeSet<String> = BTreeSet::new();
    let begun = Instant::now();
    loop {
        let before = killed.len();
        let mut step = String::new();
        let end = server.run_until(command, Killed::All, |line| {
            if let Some((name, _)) = line.split_once(" … ") {
                step = name.to_owned();
            }
            // What is missing is told before it is done.
            let is_first = line.starts_with("    ") && killed.insert(step.clone());
            if is_first && SLOW_STEPS.iter().any(|slow| step.contains(slow)) {
                thread::sleep(LATER);
            }
            is_first
        })?;
        if end.is_ok || killed.iter().any(|step| is_last(step)) {
            return Ok(killed);
        }
        // What installs participants' packages has a session of its own, and goes on for a while.
        if end.text.contains(GOING_ON) && begun.elapsed() < LEFT_TIMEOUT {
            thread::sleep(PAUSE);
            continue;
        }
        if killed.len() == before {
            let log = server.run(&["journalctl", "--no-pager", "--lines=40"])?;
            bail!("the setup fails: {}{log}", end.text);
        }
    }
}

/// Kills the setup alone while the system's packages are installed, and checks that another one
/// waits for what was left.
pub(crate) async fn what_was_left_holds_the_next_up(
    server: &BareServer,
    command: &[&str],
) -> Result<()> {
    let is_installing = |line: &str| line.starts_with("    missing: ");
    server.run_until(command, Killed::Alone, is_installing)?;
    let refused = server.run_to_end(command)?;
    ensure!(
        !refused.is_ok && refused.text.contains(GOING_ON),
        "{}",
        refused.text
    );
    until_within(LEFT_TIMEOUT, "the end of apt", async || {
        let left = server.run(&["sh", "-c", "pgrep apt-get || true"])?;
        Ok(left.is_empty().then_some(()))
    })
    .await
}

/// Makes a program that differs from the one that runs.
pub(crate) fn make_newer(server: &BareServer, path: &str) -> Result<()> {
    let make = "mkdir --parents \"$(dirname \"$0\")\" && cat /opt/new/pipalhub >\"$0\" && \
                printf %s \"$0\" >>\"$0\" && chmod 755 \"$0\"";
    server
        .run(&["sh", "-ec", make, path])
        .context("a newer program")
        .map(drop)
}

/// Runs `pipalhub check` on this machine, as `ines` with this password and two participants, and
/// returns what it says when all is well.
pub(crate) fn check_from_outside(
    server: &BareServer,
    url: &str,
    password: &str,
    options: &[&OsStr],
) -> Result<String> {
    let check = Command::new(setting("PIPALHUB_EMBEDDED"))
        .args(["check", url, "--as", "ines", "--servers", "2", "--connect"])
        .arg(server.address().to_string())
        .args(options)
        .env("PIPALHUB_CHECK_PASSWORD", password)
        .output()
        .context("the program cannot be started")?;
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    eprintln!("{said}");
    let why = String::from_utf8_lossy(&check.stderr);
    ensure!(check.status.success(), "{said}{why}");
    for line in ["live stream", "cells", "saves", "upload"] {
        ensure!(
            said.contains(&format!("ok       {line}")),
            "{line} is not in {said}"
        );
    }
    Ok(said)
}
