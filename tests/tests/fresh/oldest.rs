//! The oldest Debian that the packages are for, with its Python and its C library: the wheels, and
//! then the Debian package in their place.

use anyhow::Result;
use tests::{
    documents::code_block,
    fresh::{HubMachine, PlainServer},
};

use crate::{
    class::{NOTEBOOK, a_class_works},
    debian::{process, the_process_has_no_rights},
    process::{its_data_are_its_own, its_open_files_are_its_own},
    wheels::{class_on, install_from_the_readme},
};

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_packages_run_on_the_oldest_debian() -> Result<()> {
    let server = PlainServer::start("PIPALHUB_FRESH_OLDEST").await?;
    let release = server.run(&["cat", "/etc/debian_version"])?;
    assert!(release.starts_with("11."), "{release}");
    install_from_the_readme(&server).await?;
    let class = class_on(server, &["alice", "bob"]).await?;
    let alice = class.server.start_server("alice").await?;
    a_class_works(&class, "alice", &alice).await?;

    let (page, section) = ("docs/packages.md", "The Debian package");
    let server = &class.server;
    // The wheel's service has the port, and root's folder is another one's.
    server.configure("").await?;
    server.run(&["rm", "-r", "/var/lib/pipalhub"])?;
    server.follow_in("dist", &code_block(page, section, "shell")?)?;
    let version = server.run(&["/usr/bin/pipalhub", "--version"])?;
    assert!(version.starts_with("pipalhub "), "{version}");
    server
        .configure(&code_block(page, section, "python")?)
        .await?;
    server.wait_for_service().await?;
    the_process_has_no_rights(server)?;
    let bob = server.start_server("bob").await?;
    a_class_works(&class, "bob", &bob).await?;
    its_data_are_its_own(server)?;
    its_open_files_are_its_own(server, &process(server)?)?;
    // The Hub's restart has ended alice's server. The next one pushes what the service never had.
    server.start_server("alice").await?;
    class.see("alice", NOTEBOOK, "second of alice").await
}
