//! The service in a container of its own, as the documentation runs it: it has no right but over its
//! volume, and a class works with it.

use anyhow::{Context, Result};
use tests::{
    documents::code_blocks,
    fresh::{FreshServer, HubMachine},
    hub::INSTRUCTOR,
    setting,
};

use crate::{
    class::{FreshClass, a_class_works},
    homes_are_closed,
    process::{NONE, PROBE, ProcessStatus, done_by_probe},
};

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_container_runs_the_service_without_rights() -> Result<()> {
    let blocks = code_blocks("docs/install.md", "In a container", "shell")?;
    let [build, run] = &blocks[..] else {
        anyhow::bail!("the section has two steps");
    };
    let server = FreshServer::start_with_container(&setting("PIPALHUB_DIST"), build, run).await?;
    let process = server.run(&["pgrep", "--full", "^/usr/bin/pipalhub serve"])?;
    let status = ProcessStatus::of(&server, process.trim())?;
    for ids in ["Uid:", "Gid:"] {
        assert_eq!(status.field(ids)?[..2], ["10101", "10101"], "{ids}");
    }
    status.assert_capabilities([NONE; 5])?;
    status.assert_confined()?;
    // Nothing of the machine is there to be written or read.
    let (_, options) = run.split_once("--volume").context("its options")?;
    let options = options.replace(['\\', '\n'], " ");
    let options = options.trim_end().trim_end_matches("pipalhub");
    let probe = format!(
        "docker run --rm --entrypoint /bin/sh --volume {options} pipalhub -c '{PROBE}' 2>&1"
    );
    let log = server.run(&["sh", "-c", &probe])?;
    let expected = ["wrote /tmp", "wrote /dev/shm", "wrote its own"];
    assert_eq!(done_by_probe(&log), expected, "{log}");

    server.add_user("alice").await?;
    let alice = server.start_server("alice").await?;
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };
    a_class_works(&class, "alice", &alice).await?;
    homes_are_closed(&class.server, "alice")
}
