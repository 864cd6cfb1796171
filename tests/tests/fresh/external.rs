//! The tarball, as a service that the Hub does not start: systemd does, with the unit in `etc/`.

use anyhow::Result;
use tests::{
    documents::code_block,
    fresh::{HubMachine, PlainServer},
};

use crate::{
    class::a_class_works,
    debian::{OWN_PLACES, process, the_process_has_no_rights},
    process::{
        its_data_are_its_own, its_open_files_are_its_own, only_this_can_be_done_in_its_unit,
    },
    wheels::class_on,
};

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_tarball_runs_a_service_that_the_hub_does_not_start() -> Result<()> {
    let server = PlainServer::start("PIPALHUB_FRESH_PLAIN").await?;
    let section = "Not started by the Hub";
    // The Hub needs the wheel for `configure`, and participants' servers theirs.
    server.follow(&code_block("README.md", "Install it into a Hub", "shell")?)?;
    server.follow(&code_block("docs/install.md", section, "shell")?)?;
    server
        .configure(&code_block("docs/install.md", section, "python")?)
        .await?;
    server.wait_for_service().await?;
    let settings = "/etc/pipalhub/pipalhub.env";
    assert_eq!(
        server.run(&["stat", "--format=%a %U", settings])?,
        "600 root\n"
    );
    the_process_has_no_rights(&server)?;
    let class = class_on(server, &["alice"]).await?;
    let alice = class.server.start_server("alice").await?;
    a_class_works(&class, "alice", &alice).await?;
    its_data_are_its_own(&class.server)?;
    its_open_files_are_its_own(&class.server, &process(&class.server)?)?;
    only_this_can_be_done_in_its_unit(&class.server, "probe", &OWN_PLACES)
}
