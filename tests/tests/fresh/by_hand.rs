//! What `pipalhub setup-node` does, line by line: a bare server by the handbook's page *By hand*.

use anyhow::{Context, Result, ensure};
use tests::{
    documents::{RunBlock, run_blocks},
    fresh::{BareServer, NEW_PROGRAM},
    repository,
    stopwatch::Stopwatch,
    until,
};

use crate::setup::{HOST, check_from_outside};

const PAGE: &str = "docs/handbook/by-hand.md";
/// The hostname of the page.
const ALPHA: &str = "alpha-lab.pipal.in";
/// The folder of the unpacked tarball.
const UNPACKED: &str = "/root/pipalhub";
/// The files of this machine that are in the tarball.
const FILES: &str = "/machine/etc";
const PASSWORD: &str = "the password of ines";

#[tokio::test]
#[ignore = "needs root and images: cargo xtask fresh"]
async fn a_bare_server_becomes_a_workshop_by_hand() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let files = [(repository().join("etc"), FILES)];
    let server = BareServer::start("PIPALHUB_FRESH_BARE", &files).await?;
    unpack(&server)?;
    stopwatch.lap("a bare server");

    let blocks = run_blocks(PAGE, "by-hand")?;
    for block in &blocks {
        run(&server, block)?;
        stopwatch.lap(&block.section);
    }
    let mut waits = blocks
        .iter()
        .filter(|block| block.code.starts_with("timeout"));
    let wait = waits.next().context("the page waits for the Hub")?;
    a_class_is_there(&server, wait).await?;
    stopwatch.lap("a class");
    let url = format!("http://{HOST}/");
    check_from_outside(&server, &url, PASSWORD, &[])?;
    stopwatch.lap("tried from outside");
    Ok(())
}

fn unpack(server: &BareServer) -> Result<()> {
    server.run(&["mkdir", "--parents", UNPACKED])?;
    server.run(&["cp", "--recursive", FILES, UNPACKED])?;
    server.run(&[NEW_PROGRAM, "write-wheels", UNPACKED])?;
    Ok(())
}

fn run(server: &BareServer, block: &RunBlock) -> Result<()> {
    let RunBlock { section, code, .. } = block;
    let lines = format!("cd {UNPACKED}\n{}", code.replace(ALPHA, HOST));
    let end = server.run_to_end(&["bash", "-ec", &lines])?;
    ensure!(end.is_ok, "{PAGE}, {section:?}: {lines}\n{}", end.text);
    Ok(())
}

/// Names who teaches, in the file that is the trainer's, and brings the class.
async fn a_class_is_there(server: &BareServer, wait_for_hub: &RunBlock) -> Result<()> {
    let config = "/etc/jupyterhub/jupyterhub_config.py";
    let name = "s/instructors=\\[\\]/instructors=[\"ines\"]/";
    server.run(&["sed", "--in-place", name, config])?;
    server.run(&["grep", "instructors=\\[\"ines\"\\]", config])?;
    server.run(&["systemctl", "restart", "pipalhub-hub"])?;
    server.write("/root/class.csv", format!("ines,{PASSWORD}\n").as_bytes())?;
    run(server, wait_for_hub)?;
    server.run(&["pipalhub", "users", "import", "/root/class.csv"])?;
    until("the account of ines", async || {
        Ok(server.run(&["id", "ines"]).is_ok().then_some(()))
    })
    .await
}
