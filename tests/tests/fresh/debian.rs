//! The Debian package on a fresh server: its service has no right but over its own folder, and a
//! class works with it.
//!
//! `cargo xtask dist` runs this with the package that it has made.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    documents::code_block,
    fresh::{FreshServer, HubMachine},
    hub::INSTRUCTOR,
    setting, until,
};

use crate::{
    class::{FreshClass, NOTEBOOK, a_class_works},
    homes_are_closed,
    process::{
        NONE, ProcessStatus, its_data_are_its_own, its_open_files_are_its_own,
        only_this_can_be_done_in_its_unit,
    },
};

/// The most that systemd may think the service is exposed, of 10.
const MAX_EXPOSURE: f64 = 2.0;

/// The same of the steward, which is root, but with few of root's rights.
const MAX_EXPOSURE_OF_STEWARD: f64 = 3.0;

/// The same of the steward for packages, which runs compilers.
const MAX_EXPOSURE_OF_PACKAGES: f64 = 3.0;

/// What a program in the place of the service can do: write into folders of its own.
pub(crate) const OWN_PLACES: [&str; 3] = ["wrote /var/tmp", "wrote /tmp", "wrote its own"];

/// The set of only `CAP_DAC_READ_SEARCH`, which is the capability 2.
const READS_ALL: &str = "0000000000000004";

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_debian_package_runs_the_service_without_rights() -> Result<()> {
    let server = FreshServer::start_with_package(&package()?).await?;
    the_process_has_no_rights(&server)?;
    systemd_finds_little_exposed(&server, "pipalhub.service", MAX_EXPOSURE)?;
    its_settings_are_for_root(&server)?;
    doctor_says(
        &server,
        "push",
        "with no capability, no way to get more, a filter",
    )?;
    its_data_are_its_own(&server)?;
    only_this_can_be_done_in_its_unit(&server, "probe", &OWN_PLACES)?;

    server.add_user("alice").await?;
    let alice = server.start_server("alice").await?;
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };
    a_class_works(&class, "alice", &alice).await?;
    homes_are_closed(&class.server, "alice")?;
    its_open_files_are_its_own(&class.server, &process(&class.server)?)?;
    homes_are_read_by_one_capability(&class).await?;
    the_steward_makes_accounts(&class).await?;
    its_own_user_installs_packages(&class).await?;
    the_package_goes(&class.server)
}

/// The package for this machine.
pub(crate) fn package() -> Result<PathBuf> {
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
pub(crate) fn process(server: &impl HubMachine) -> Result<String> {
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
pub(crate) fn the_process_has_no_rights(server: &impl HubMachine) -> Result<()> {
    let status = ProcessStatus::of(server, &process(server)?)?;
    status.assert_user(server, "pipalhub")?;
    status.assert_capabilities([NONE; 5])?;
    status.assert_confined()
}

fn systemd_finds_little_exposed(server: &impl HubMachine, unit: &str, most: f64) -> Result<()> {
    let report = server.run(&["systemd-analyze", "security", "--no-pager", unit])?;
    let verdict = report.lines().last().context("a verdict")?;
    eprintln!("{verdict}");
    let (_, exposure) = verdict
        .split_once(&format!("{unit}: "))
        .context("a number")?;
    let exposure: f64 = exposure
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .parse()?;
    assert!(exposure <= most, "{report}");
    Ok(())
}

fn its_settings_are_for_root(server: &impl HubMachine) -> Result<()> {
    let settings = "/etc/pipalhub/pipalhub.env";
    let stat = server.run(&["stat", "--format=%a %U %G", settings])?;
    assert_eq!(stat, "600 root root\n");
    Ok(())
}

/// Checks what doctor says of the service that runs, to the service's user.
fn doctor_says(server: &impl HubMachine, source: &str, said: &str) -> Result<()> {
    // It ends with 1 when something else is not as it should be.
    let doctor = format!(
        "runuser --user pipalhub -- pipalhub doctor --data /var/lib/pipalhub --source {source} \
         2>&1 || true"
    );
    let findings = server.run(&["sh", "-c", &doctor])?;
    assert!(findings.contains(said), "{said} is not in {findings}");
    Ok(())
}

/// Gives the service the one capability by which it reads homes, as the documentation says, and
/// checks that it shows what is in a closed home and still writes nothing there.
async fn homes_are_read_by_one_capability(class: &FreshClass) -> Result<()> {
    let server = &class.server;
    let account = "useradd --create-home carol && chmod 700 /home/carol && \
                   mkdir /home/carol/module1 && printf %s \"$1\" >/home/carol/$0 && \
                   chown --recursive carol: /home/carol";
    let notebook = tests::notebooks::notebook(&["x = 'first of carol'"]).to_string();
    server.run(&["sh", "-ec", account, NOTEBOOK, &notebook])?;
    server.add_user("carol").await?;

    let commands = code_block("docs/packages.md", "A service that reads homes", "shell")?;
    let as_root = format!("set -e; sudo() {{ \"$@\"; }}; {commands}");
    server.run(&["sh", "-c", &as_root])?;
    server.wait_until_ready().await?;
    let status = ProcessStatus::of(server, &process(server)?)?;
    status.assert_user(server, "pipalhub")?;
    status.assert_capabilities([READS_ALL; 5])?;
    status.assert_confined()?;
    systemd_finds_little_exposed(server, "pipalhub.service", MAX_EXPOSURE)?;

    let rights = "with CAP_DAC_READ_SEARCH, no way to get more, a filter";
    doctor_says(server, "auto", rights)?;

    class.see("carol", NOTEBOOK, "first of carol").await?;
    // What is pushed is shown as before.
    class.see("alice", NOTEBOOK, "second of alice").await?;
    nothing_is_restored_into_a_home(class).await?;
    let read = ["read /home/closed/file", "read /home/open/file"];
    let can = [&OWN_PLACES[..2], &read, &OWN_PLACES[2..]].concat();
    only_this_can_be_done_in_its_unit(server, "probe-homes", &can)?;
    its_data_are_its_own(server)
}

/// Checks what an instructor is told who restores into a home that the service can only read, of a
/// participant whose server has no package.
async fn nothing_is_restored_into_a_home(class: &FreshClass) -> Result<()> {
    let versions = until("a version", async || {
        let versions = class.versions("carol").await?;
        Ok((!versions.is_empty()).then_some(versions))
    })
    .await?;
    let request = json!({"user": "carol", "filename": NOTEBOOK, "version": versions[0]});
    let (status, text) = class.post_for_text("api/history/restore", &request).await?;
    assert_eq!(status, StatusCode::CONFLICT, "{text}");
    assert!(text.contains("pipalhub-singleuser"), "{text}");
    let home = class
        .server
        .run(&["find", "/home/carol/module1", "-type", "f"])?;
    assert_eq!(home, format!("/home/carol/{NOTEBOOK}\n"));
    Ok(())
}

/// Has systemd start the steward, as the documentation says, and checks that it makes accounts and
/// removes them, for the service and for root's command line, within what its unit lets it do.
async fn the_steward_makes_accounts(class: &FreshClass) -> Result<()> {
    let server = &class.server;
    let user = json!({"username": "dora", "password": "dora's own"});
    let (status, text) = class.post_for_text("users", &user).await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    let etc = "mkdir --parents /etc/jupyterhub && systemctl enable --now pipalhub-steward";
    server.run(&["sh", "-ec", etc])?;
    until("the steward", async || {
        let asked = server.run(&["pipalhub", "users", "list"]);
        Ok(asked?.ends_with("0 users\n").then_some(()))
    })
    .await?;
    let is_enabled = ["systemctl", "is-enabled", "pipalhub-steward"];
    assert_eq!(server.run(&is_enabled)?, "enabled\n");
    systemd_finds_little_exposed(server, "pipalhub-steward.service", MAX_EXPOSURE_OF_STEWARD)?;

    let (status, text) = class.post_for_text("users", &user).await?;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    server.run(&["pipalhub", "users", "add", "edgar"])?;
    for name in ["dora", "edgar"] {
        has_account(server, name)?;
    }
    // An edit of the file, and a process of whoever is removed.
    let edit = "echo 'flora:by hand' >>/etc/jupyterhub/users.txt; \
                runuser --user edgar -- sleep 1000 >/dev/null 2>&1 &";
    server.run(&["sh", "-ec", edit])?;
    until("the account of the file", async || {
        Ok(server.run(&["id", "flora"]).is_ok().then_some(()))
    })
    .await?;
    server.run(&["pipalhub", "users", "reset", "flora"])?;
    let remove = [
        "pipalhub",
        "users",
        "remove",
        "edgar",
        "--delete-home",
        "edgar",
    ];
    server.run(&remove)?;
    server.run(&["sh", "-ec", "! id edgar && ! test -e /home/edgar"])?;
    let (status, text) = class.request_for_text(Method::DELETE, "users/dora").await?;
    assert_eq!(status, StatusCode::NO_CONTENT, "{text}");
    server.run(&["sh", "-ec", "! id dora && test -d /home/dora"])?;
    // Without it the service goes on, and with it all is as it was.
    server.run(&["systemctl", "restart", "pipalhub-steward"])?;
    until("the steward", async || {
        let asked = server.run(&["pipalhub", "users", "list"]);
        Ok(asked?.ends_with("1 users\n").then_some(()))
    })
    .await
}

/// Has systemd start the steward for packages, as the documentation says, and installs by the service
/// into an environment that the steward's user owns.
async fn its_own_user_installs_packages(class: &FreshClass) -> Result<()> {
    let server = &class.server;
    let (status, text) = class.request_for_text(Method::GET, "packages").await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    let lines = code_block("docs/requirements.md", "With the Debian package", "shell")?;
    // A package of the test's own, since servers of tests may have no way to an index.
    let wheel = "mkdir /srv/wheels && python3 -c '
import zipfile
info = \"tiny-1.0.dist-info/\"
with zipfile.ZipFile(\"/srv/wheels/tiny-1.0-py3-none-any.whl\", \"w\") as wheel:
    wheel.writestr(\"tiny.py\", \"VERSION = 1\")
    wheel.writestr(info + \"METADATA\", \"Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n\")
    wheel.writestr(info + \"WHEEL\", \"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n\")
    wheel.writestr(info + \"RECORD\", \"\")
'";
    server.run(&["sh", "-ec", wheel])?;
    // There is no sudo on the server, and who runs this is root.
    let lines = lines
        .replace(
            "sudo --user pipalhub-packages",
            "runuser --user pipalhub-packages --",
        )
        .replace("sudo ", "");
    server.run(&["sh", "-ec", &lines])?;
    let sources = "printf 'PIP_NO_INDEX=1\nPIP_FIND_LINKS=/srv/wheels\n' >>/etc/pipalhub/packages.env && \
                   systemctl restart pipalhub-packages";
    server.run(&["sh", "-ec", sources])?;
    until("the steward for packages", async || {
        let (status, _) = class.request_for_text(Method::GET, "packages").await?;
        Ok((status == StatusCode::OK).then_some(()))
    })
    .await?;
    let unit = "pipalhub-packages.service";
    systemd_finds_little_exposed(server, unit, MAX_EXPOSURE_OF_PACKAGES)?;
    let (status, text) = class
        .post_for_text("packages", &json!({"add": ["tiny"]}))
        .await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{text}");
    let job = until("the installation", async || {
        let (_, text) = class.request_for_text(Method::GET, "packages/log").await?;
        let log: Value = serde_json::from_str(&text)?;
        let is_over = log["job"]["state"] != "running";
        Ok(is_over.then_some(log))
    })
    .await?;
    assert_eq!(job["job"]["state"], "done", "{job}");
    let import = "import tiny; print(tiny.VERSION)";
    let python = "/opt/participants/bin/python3";
    assert_eq!(
        server.run(&["runuser", "--user", "nobody", "--", python, "-c", import])?,
        "1\n"
    );
    let owners = server.run(&["find", "/opt/participants", "-user", "root"])?;
    assert_eq!(owners, "", "all is the environment's owner's");
    let asked = server.run(&["cat", "/var/lib/pipalhub-packages/requirements.txt"])?;
    assert_eq!(asked, "tiny\n");
    Ok(())
}

/// Checks that the account has a password and a home of its own, closed to others.
fn has_account(server: &impl HubMachine, name: &str) -> Result<()> {
    let home = server.run(&["stat", "--format=%a %U", &format!("/home/{name}")])?;
    assert_eq!(home, format!("700 {name}\n"));
    let shadow = server.run(&["getent", "shadow", name])?;
    let hash = shadow.split(':').nth(1).context("a hash")?;
    assert!(hash.starts_with('$'), "no hash of a password");
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
    server.run(&["test", "!", "-e", "/var/lib/pipalhub-packages"])?;
    Ok(())
}
