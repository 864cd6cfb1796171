//! `cargo xtask hub`: a real JupyterHub on this machine with the service in it.

use std::{
    fs,
    net::TcpListener,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::Context;
use clap::Args;

use crate::{
    build::BuildProfileArgs,
    command::{path_with, program, root, run_until_asked, say},
    tools,
};

/// Run JupyterHub with this service in it, for two participants, a helper and an instructor.
#[derive(Args)]
pub(crate) struct HubArgs {
    /// The port that browsers go to.
    #[arg(long, default_value_t = 8000)]
    port: u16,
    #[command(flatten)]
    build: BuildProfileArgs,
}

pub(crate) fn run(args: &HubArgs) -> anyhow::Result<()> {
    let binary = args.build.build()?;
    let venv = tools::venv(&tools::HUB_VENV)?;
    tools::singleuser_package(&venv)?;
    let proxy = tools::proxy()?;
    // A port that is taken is reported now and not in the middle of the Hub's log.
    let [hub_port, proxy_port, service_port] = free_ports()?;
    TcpListener::bind(("127.0.0.1", args.port))
        .with_context(|| format!("port {} is taken: choose another with --port", args.port))?;

    let folder = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
    let homes = folder.path().join("homes");
    fs::create_dir(&homes)?;
    let url = format!("http://127.0.0.1:{}/", args.port);
    say(&format!(
        "{url} in a moment; Ctrl-C ends it and forgets everything"
    ));
    eprintln!(
        "  sign in as  ines (instructor), helga (helper), alice or bob, each with the password `workshop`\n  \
         instructor  {url}services/dashboard/\n  \
         participant {url}hub/spawn in another browser or a private window"
    );
    let etc = root().join("etc");
    let mut hub = program(venv.join("bin/jupyterhub"));
    hub.current_dir(folder.path())
        .arg("--config")
        .arg(etc.join("jupyterhub/demo_config.py"))
        .env("PATH", path_with(&[venv.join("bin")])?)
        .env("DEMO_PROGRAM", binary)
        .env("PIPALHUB_HOMES", homes.join("{user}"))
        .env("PIPALHUB_DATA", folder.path().join("data"))
        .env("DEMO_SERVICE", format!("127.0.0.1:{service_port}"))
        .env("DEMO_URL", url)
        .env("DEMO_HUB_PORT", hub_port.to_string())
        .env("DEMO_PROXY_PORT", proxy_port.to_string())
        .env("DEMO_PROXY", proxy)
        .env("DEMO_PASSWORD", "workshop")
        .env("DEMO_INSTRUCTOR", "ines")
        .env("DEMO_HELPER", "helga")
        .env("DEMO_PARTICIPANTS", "alice bob");
    run_until_asked(&mut hub, &Arc::new(AtomicBool::new(false)))
}

/// Free ports, at least a moment ago. All are bound at the same time, so that they differ.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()
        .context("no free port on the loopback")?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
