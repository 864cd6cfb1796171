//! The wheels in The Littlest JupyterHub, whose Hub and whose participants' servers have Python
//! environments of their own, and whose users are those that its spawner makes.

use anyhow::Result;
use tests::{
    documents::code_block,
    fresh::{HubMachine, PlainServer},
    hub::INSTRUCTOR,
};

use crate::class::{FOLDER, FreshClass, NOTEBOOK, a_class_works};

/// The program as the wheel installs it.
const PROGRAM: &str = "/opt/tljh/hub/bin/pipalhub";

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_lines_of_the_page_bring_the_service_to_the_littlest_jupyterhub() -> Result<()> {
    let server = PlainServer::start_tljh().await?;
    let section = "The Littlest JupyterHub";
    server.follow(&code_block("docs/install.md", section, "shell")?)?;
    server.wait_for_service().await?;
    let services = server.services().await?;
    for (name, role) in [("cull-idle", "admin"), ("tests", "tests")] {
        assert_eq!(services[name]["roles"][0], role, "{services}");
    }
    for user in ["alice", INSTRUCTOR] {
        server.add_user(user).await?;
    }
    server.join_group(INSTRUCTOR, "instructors").await?;
    let token = server.token_of(INSTRUCTOR).await?;
    let class = FreshClass { server, token };
    let alice = class.server.start_server("alice").await?;
    a_class_works(&class, "alice", &alice).await?;
    let home = class.server.path_in_home("alice", "")?;
    let stat = class.server.run(&["stat", "--format=%a %U", &home])?;
    assert_eq!(stat, "750 jupyter-alice\n");

    // The service reads homes too, and knows whose the account is: a copy in a terminal is no save.
    let process = class.server.process_of(PROGRAM)?;
    let environment = class
        .server
        .run(&["cat", &format!("/proc/{process}/environ")])?;
    assert!(
        environment.contains("PIPALHUB_HOMES=/home/{tljh}"),
        "{environment}"
    );
    let copy = format!("cd {home} && cp {NOTEBOOK} {FOLDER}/day2.ipynb");
    let copy = [
        "runuser",
        "--user",
        "jupyter-alice",
        "--",
        "sh",
        "-c",
        &copy,
    ];
    class.server.run(&copy)?;
    let copied = format!("{FOLDER}/day2.ipynb");
    class.see("alice", &copied, "second of alice").await
}
