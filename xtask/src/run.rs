//! `cargo xtask run`: the service without a Hub, over a sample class that keeps saving.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::{
    build::BuildProfileArgs,
    command::{program, run_until_asked, say},
    sample::SampleClass,
};

/// Build and run the service over a sample class, or over a folder of homes.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// Watch this folder of homes, one folder a participant, instead of the sample
    /// class. It may hold {user}, as `pipalhub serve --homes` takes it.
    #[arg(long, value_name = "DIR")]
    homes: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    #[command(flatten)]
    build: BuildProfileArgs,
}

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let binary = args.build.build()?;
    let folder = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (homes, class) = match &args.homes {
        Some(homes) => (template(homes)?, None),
        None => {
            let homes = folder.path().join("homes");
            let mut class = SampleClass::load()?;
            class.begin(&homes)?;
            (template(&homes)?, Some((class, homes)))
        }
    };
    let player = class.map(|(mut class, homes)| {
        let stop = Arc::clone(&stop);
        thread::spawn(move || class.play(&homes, &stop))
    });
    say("Open the link; Ctrl-C ends it");
    let mut serve = program(binary);
    serve
        .args([
            "serve",
            "--homes",
            &homes,
            "--bind",
            &args.bind.to_string(),
            "--data",
        ])
        .arg(folder.path().join("data"))
        // With this variable, set in the shell by a Hub, it would start as that Hub's service.
        .env_remove("JUPYTERHUB_API_TOKEN");
    let served = run_until_asked(&mut serve, &stop);
    if let Some(player) = player {
        player
            .join()
            .ok()
            .context("the sample class has panicked")??;
    }
    served
}

fn template(homes: &Path) -> anyhow::Result<String> {
    let text = homes.to_str().context("the folder's name is not UTF-8")?;
    if text.contains("{user}") {
        return Ok(text.to_owned());
    }
    ensure!(
        homes.is_dir(),
        "{text} is not a folder: --homes takes one that holds the homes"
    );
    Ok(format!("{text}/{{user}}"))
}
