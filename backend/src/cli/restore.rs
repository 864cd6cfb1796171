//! `pipalhub restore`: an archive back into an empty folder.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use rustix::{fs::Mode, process::umask};
use serde::Serialize;

use super::{
    archive::{ClassCounts, print_json},
    archive_progress::ArchiveBar,
    private::ShellWord,
};
use crate::archive::{ClassArchive, restore, write_participants};

/// Put an archive of `pipalhub archive` into an empty folder.
///
/// There are then DIR/data, on which the service starts, with the same events, history and
/// notices, DIR/homes with the notebooks that were read in homes, and DIR/users.txt with the names
/// of the class's list. The archive is checked first, to the byte. An interrupted restore begins
/// anew when it is run again.
#[derive(Args)]
pub(super) struct RestoreArgs {
    /// The archive.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An empty folder; made when it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Put a zip for each participant into DIR instead, with their notebooks, as documents and as
    /// they are, and a page to browse them.
    #[arg(long)]
    participants: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// What is said of a folder that was restored.
#[derive(Serialize)]
struct RestoreReport<'a> {
    folder: &'a Path,
    participants: usize,
    notebooks: usize,
    made_at: &'a str,
}

pub(super) fn run(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    umask(Mode::RWXG | Mode::RWXO);
    let bar = ArchiveBar::new();
    let mut archive = ClassArchive::open(&args.file)?;
    let zips = match args.participants {
        true => Some(write_participants(&mut archive, &args.folder, &bar)),
        false => {
            restore(&mut archive, &args.folder, &bar)?;
            None
        }
    };
    bar.end();
    let zips = zips.transpose()?;
    let manifest = archive.manifest();
    let counts = ClassCounts::of(manifest);
    if args.json {
        print_json(&RestoreReport {
            folder: &args.folder,
            participants: counts.participants,
            notebooks: counts.notebooks,
            made_at: &manifest.made_at,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = args.folder.display();
    if let Some(zips) = zips {
        println!("{folder}: a zip for each of {zips} participants");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{folder}: {counts}, as they were at {}", manifest.made_at);
    let [data, homes] = ["data", "homes/{user}"].map(|name| args.folder.join(name));
    println!(
        "To look at it: pipalhub serve --data {} --homes {}",
        ShellWord(&data),
        ShellWord(&homes)
    );
    Ok(ExitCode::SUCCESS)
}
