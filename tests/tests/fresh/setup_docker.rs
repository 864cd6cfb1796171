//! A bare server becomes one with a workshop in a container of Docker's, behind nginx with a
//! certificate that certbot has got: the image is built there, a class is tried from outside, the workshop is
//! upgraded, and back where an upgrade does not work.

use std::fs;

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tests::{
    browser::TestBrowser,
    fresh::{BareServer, Killed, NEW_PROGRAM, TestAuthority},
    setting,
    stopwatch::Stopwatch,
    until,
};

use crate::{
    docker_upgrade::DockerUpgrade,
    setup::{HOST, UNCHANGED, check_from_outside, kill_in_every_step, run_well},
};

/// The name of the image that the container's is built on.
const BASE: &str = "debian:bookworm-slim";
/// The folder of the workshop on the server.
pub(crate) const PROJECT: &str = "/srv/pipalhub";
const PASSWORD: &str = "the password of ines";

#[tokio::test]
#[ignore = "needs root, images and a browser: cargo xtask fresh"]
async fn a_bare_server_becomes_a_workshop_in_a_container() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = BareServer::start("PIPALHUB_FRESH_BARE", &[]).await?;
    let authority = TestAuthority::start(server.host_address(), server.address()).await?;
    server.trust(&authority)?;
    let directory = authority.directory();
    let command = [NEW_PROGRAM, "setup-node", HOST, "--authority", &directory];
    let command = [&command[..], &["--email", "trainer@pipal.test"]].concat();
    make_ready(&server, &command)?;
    stopwatch.lap("a bare server with Docker's engine");

    let killed = kill_in_every_step(&server, &command)?;
    ensure!(
        killed.iter().any(|step| step.starts_with("A certificate")),
        "{killed:?}"
    );
    stopwatch.lap("killed in every step, and set up");
    let again = run_well(&server, &command)?;
    ensure!(again.contains(UNCHANGED), "{again}");
    the_certificate_is_renewed(&server)?;

    let class = "ines,the password of ines\nalice,the password of alice\n";
    server.write("/root/class.csv", class.as_bytes())?;
    server.run(&["pipalhub", "users", "import", "/root/class.csv"])?;
    until("everyone's accounts", async || {
        let ids = ["docker", "exec", "pipalhub", "id"];
        let are_there = ["ines", "alice"]
            .iter()
            .all(|name| server.run(&[&ids[..], &[name]].concat()).is_ok());
        Ok(are_there.then_some(()))
    })
    .await?;
    stopwatch.lap("a class");
    a_class_is_tried_from_outside(&server, &authority).await?;
    stopwatch.lap("tried from outside");
    the_wall_opens(&server).await?;
    stopwatch.lap("the Wall");

    let upgrade = DockerUpgrade::of(&server, &command)?;
    upgrade.keeps_the_class().await?;
    stopwatch.lap("killed in an upgrade, and upgraded");
    upgrade.that_does_not_work_is_undone().await?;
    stopwatch.lap("and back");
    the_wall_opens(&server).await
}

/// Has the system's packages installed, and gives the engine what a registry gives elsewhere.
fn make_ready(server: &BareServer, command: &[&str]) -> Result<()> {
    // As on a machine whose kernel has the first version of cgroups.
    server.run(&["mkdir", "--parents", "/etc/docker"])?;
    server.write(
        "/etc/docker/daemon.json",
        br#"{"default-cgroupns-mode": "private"}"#,
    )?;
    // The trainer's own file, which the setup leaves as it is.
    let hub = format!("{PROJECT}/etc/jupyterhub");
    server.run(&["mkdir", "--parents", &hub])?;
    let config = "import pipalhub\n\npipalhub.workshop(c, instructors=[\"ines\"])\n";
    server.write(&format!("{hub}/jupyterhub_config.py"), config.as_bytes())?;
    // Containers in a container can raise no limit.
    let own = "services: {hub: {ulimits: {nofile: {soft: 1024, hard: 1024}}}}\n";
    server.write(&format!("{PROJECT}/compose.override.yaml"), own.as_bytes())?;
    server.run_until(command, Killed::All, |line| line.contains("to be built: "))?;
    server.give_image(&setting("PIPALHUB_FRESH_REGISTRY"), BASE)
}

fn the_certificate_is_renewed(server: &BareServer) -> Result<()> {
    let serial = || {
        let file = format!("/etc/letsencrypt/live/{HOST}/fullchain.pem");
        server.run(&["openssl", "x509", "-noout", "-serial", "-in", &file])
    };
    let shown = || {
        let ask = format!(
            "openssl s_client -connect 127.0.0.1:443 -servername {HOST} </dev/null 2>/dev/null | \
             openssl x509 -noout -serial"
        );
        server.run(&["sh", "-c", &ask])
    };
    let before = serial()?;
    ensure!(shown()? == before, "nginx shows another certificate");
    // What the timer does, when it is time.
    let renewed = server.run_to_end(&[
        "certbot",
        "renew",
        "--force-renewal",
        "--no-random-sleep-on-renew",
    ])?;
    ensure!(renewed.is_ok, "{}", renewed.text);
    ensure!(
        serial()? != before && shown()? == serial()?,
        "nginx shows the certificate before"
    );
    let next = server.run(&["systemctl", "list-timers", "certbot.timer"])?;
    ensure!(next.contains("certbot.service"), "{next}");
    Ok(())
}

/// Runs `pipalhub check` on this machine, which trusts the authority and takes the name from here.
async fn a_class_is_tried_from_outside(
    server: &BareServer,
    authority: &TestAuthority,
) -> Result<()> {
    let folder = TempDir::new()?;
    let root = folder.path().join("root.pem");
    fs::write(&root, authority.root_certificate().await?)?;
    let url = format!("https://{HOST}/");
    let said = check_from_outside(server, &url, PASSWORD, &["--ca".as_ref(), root.as_ref()])?;
    ensure!(said.contains("ok       certificate"), "{said}");
    Ok(())
}

/// Opens the dashboard in a browser, as an instructor.
async fn the_wall_opens(server: &BareServer) -> Result<()> {
    let page = TestBrowser::start_for(HOST, &server.address().to_string()).await?;
    let open = async |path: &str| page.goto(&format!("https://{HOST}/{path}")).await;
    // What everyone new finds in their home is seen as soon as their server runs.
    open("hub/login?next=%2Fhub%2Fspawn").await?;
    page.sign_in("alice", "the password of alice").await?;
    page.wait_for("#jp-main-dock-panel").await?;
    open("hub/logout").await?;
    open("services/dashboard/").await?;
    page.sign_in("ines", PASSWORD).await?;
    page.wait_for_text("body", "alice").await?;
    let people = page.texts("body").await?.join(" ");
    ensure!(
        people.contains("1 participant") && !people.contains("check-pipalhub"),
        "{people}"
    );
    page.shot("a-fresh-workshop.png").await
}
