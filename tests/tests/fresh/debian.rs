//! The Debian package on a fresh server: its service has no right but over its own folder, and a
//! class works with it.
//!
//! `cargo xtask dist` runs this with the package that it has made.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tests::{
    browser::TestBrowser,
    fresh::FreshServer,
    hub::{INSTRUCTOR, PASSWORD},
    notebooks::notebook,
    setting,
};

use crate::{FOLDER, FreshClass, NOTEBOOK, a_version_is_restored, homes_are_closed, save};

/// The most that systemd may think the service is exposed, of 10.
const MAX_EXPOSURE: f64 = 2.0;

/// Tries what the service must not be able to do, as a program in its place, and prints what went.
/// The folders `open` are everyone's. In a unit, a dollar is written as two.
const PROBE: &str = "\
    for folder in /srv/open /home/open /etc /usr /var/lib /var/tmp /tmp /run/lock /dev/shm; do \
        if touch $$folder/probe 2>/dev/null; then echo wrote $$folder; fi; \
    done; \
    if cat /home/open/file 2>/dev/null; then echo read a home; fi; \
    touch /var/lib/pipalhub/probe && rm /var/lib/pipalhub/probe && echo wrote its own";

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_debian_package_runs_the_service_without_rights() -> Result<()> {
    let server = FreshServer::start_with_package(&package()?).await?;
    the_process_has_no_rights(&server)?;
    systemd_finds_little_exposed(&server)?;
    its_data_are_its_own(&server)?;
    nothing_else_can_be_done_in_its_place(&server)?;

    server.add_user("alice").await?;
    let alice = server.start_server("alice").await?;
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };
    alice.make_folder(FOLDER).await?;
    save(&alice, &notebook(&["x = 'first of alice'"])).await?;
    class.see("alice", NOTEBOOK, "first of alice").await?;
    homes_are_closed(&class.server, "alice")?;
    a_version_is_restored(&class, &alice).await?;
    the_instructor_signs_in(&class).await?;
    its_open_files_are_its_own(&class.server)?;
    the_package_goes(&class.server)
}

/// The package for this machine.
fn package() -> Result<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let mut entries = setting("PIPALHUB_DIST").read_dir()?.flatten();
    let is_package = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(&format!("_{architecture}.deb"))
    };
    let package = entries.find_map(|entry| Some(entry.path()).filter(is_package));
    package.context("no package for this machine")
}

/// The id of the service's process.
fn process(server: &FreshServer) -> Result<String> {
    let show = [
        "systemctl",
        "show",
        "--property=MainPID",
        "--value",
        "pipalhub",
    ];
    let id = server.run(&show)?.trim().to_owned();
    ensure!(id != "0", "the service does not run");
    Ok(id)
}

/// Checks the user, the capabilities and the filter of system calls.
fn the_process_has_no_rights(server: &FreshServer) -> Result<()> {
    let status = server.run(&["cat", &format!("/proc/{}/status", process(server)?)])?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.split_whitespace().collect::<Vec<_>>())
            .with_context(|| format!("{name} {status}"))
    };
    let id = server.run(&["id", "--user", "pipalhub"])?;
    assert_ne!(id.trim(), "0");
    assert_eq!(field("Uid:")?, [id.trim(); 4]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set)?, ["0000000000000000"], "{set}");
    }
    assert_eq!(field("NoNewPrivs:")?, ["1"]);
    // 2 is a filter.
    assert_eq!(field("Seccomp:")?, ["2"]);
    Ok(())
}

fn systemd_finds_little_exposed(server: &FreshServer) -> Result<()> {
    let report = server.run(&[
        "systemd-analyze",
        "security",
        "--no-pager",
        "pipalhub.service",
    ])?;
    let verdict = report.lines().last().context("a verdict")?;
    eprintln!("{verdict}");
    let (_, exposure) = verdict
        .split_once("pipalhub.service: ")
        .context("a number")?;
    let exposure: f64 = exposure
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .parse()?;
    assert!(exposure <= MAX_EXPOSURE, "{report}");
    Ok(())
}

/// Checks who may read the settings and the data.
fn its_data_are_its_own(server: &FreshServer) -> Result<()> {
    let stat = |path: &str| server.run(&["stat", "--format=%a %U %G", path]);
    assert_eq!(stat("/etc/pipalhub/pipalhub.env")?, "600 root root\n");
    assert_eq!(stat("/var/lib/pipalhub")?, "700 pipalhub pipalhub\n");
    // Neither the group nor others have any right.
    let open = [
        "find",
        "/var/lib/pipalhub",
        "-mindepth",
        "1",
        "-perm",
        "/077",
    ];
    assert_eq!(server.run(&open)?, "");
    Ok(())
}

/// Runs other programs in units that are copies of the service's.
fn nothing_else_can_be_done_in_its_place(server: &FreshServer) -> Result<()> {
    let open = "mkdir --mode=777 /srv/open /home/open && echo text >/home/open/file";
    server.run(&["sh", "-c", open])?;
    let run = |name: &str, without: &str, command: &str| {
        let unit = format!("/etc/systemd/system/{name}.service");
        let make = format!(
            "sed -e /^Restart=/d -e /^ExecStart=/d -e s/^Type=.*/Type=oneshot/ -e {without} \
             /usr/lib/systemd/system/pipalhub.service >{unit}; \
             printf '[Service]\\nExecStart=%s\\n' \"$0\" >>{unit}; systemctl daemon-reload; \
             systemctl start {name}; journalctl --sync; \
             journalctl --unit={name} --no-pager --output=cat"
        );
        server.run(&["sh", "-c", &make, command])
    };
    let refused = run("probe-program", "''", "/usr/bin/id")?;
    assert!(refused.contains("Permission denied"), "{refused}");
    assert!(!refused.contains("uid="), "{refused}");
    // A program can try more where programs may be run at all.
    let log = run(
        "probe-places",
        "/ExecPaths=/d",
        &format!("/bin/sh -c '{PROBE}'"),
    )?;
    let done = log
        .lines()
        .filter(|line| ["wrote", "read"].iter().any(|did| line.starts_with(did)));
    // The private folders for temporary files end with the unit.
    let expected = ["wrote /var/tmp", "wrote /tmp", "wrote its own"];
    assert_eq!(done.collect::<Vec<_>>(), expected, "{log}");
    for file in ["/tmp/probe", "/var/tmp/probe"] {
        server.run(&["test", "!", "-e", file])?;
    }
    Ok(())
}

async fn the_instructor_signs_in(class: &FreshClass) -> Result<()> {
    let page = TestBrowser::start().await?;
    // Not the newest notebook, which is the restored one.
    page.goto(&class.server.service(&format!("?notebook={NOTEBOOK}")))
        .await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text("[data-testid=tile][data-user=alice]", "second of alice")
        .await
}

/// Checks what the service has open after it has worked: its data, and what is no file.
fn its_open_files_are_its_own(server: &FreshServer) -> Result<()> {
    let folder = format!("/proc/{}/fd", process(server)?);
    let list = format!("for file in {folder}/*; do readlink $file; done");
    let open = server.run(&["sh", "-c", &list])?;
    assert!(open.contains("/var/lib/pipalhub/"), "{open}");
    for file in open.lines() {
        let is_own = ["/var/lib/pipalhub", "socket:", "pipe:", "anon_inode:"]
            .iter()
            .any(|start| file.starts_with(start));
        assert!(is_own || file == "/dev/null", "{file}");
    }
    Ok(())
}

/// Removes the package, which keeps settings and data, and then these too.
fn the_package_goes(server: &FreshServer) -> Result<()> {
    server.run(&["dpkg", "--remove", "pipalhub"])?;
    let state = server.run(&["sh", "-c", "pgrep -u pipalhub || true"])?;
    assert_eq!(state, "", "the service still runs");
    server.run(&["test", "-e", "/etc/pipalhub/pipalhub.env"])?;
    server.run(&["test", "-d", "/var/lib/pipalhub"])?;
    server.run(&["dpkg", "--purge", "pipalhub"])?;
    server.run(&["test", "!", "-e", "/etc/pipalhub/pipalhub.env"])?;
    server.run(&["test", "!", "-e", "/var/lib/pipalhub"])?;
    Ok(())
}
