//! `pipalhub destroy-node`: removes what `create-node` has made, and nothing else.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{
    archive::{ClassCounts, on_host},
    archive_progress::ArchiveBar,
    cloud_account::{CloudArgs, account, one_thread, print_plan},
    step_lines::StepLines,
};
use crate::{
    archive::ClassArchive,
    cloud::{NodeDestruction, NodeFolder},
    telemetry::loggable,
    time,
};

/// Remove a server that create-node has made: its DNS record and its droplet, with all on it.
///
/// It needs a fresh archive of the class (`pipalhub archive`, fetched from the server), which is
/// checked to the byte, and must be of this server as far as it says. Removed are the droplet with
/// the tag and the record with the number that were kept when they were made; another droplet of
/// the name, and a record that leads elsewhere by now, are left alone. Run again, it goes on.
#[derive(Args)]
pub(super) struct DestroyNodeArgs {
    #[command(flatten)]
    cloud: CloudArgs,
    /// The archive of the class, on this machine.
    #[arg(long, value_name = "FILE", required_unless_present = "force")]
    archive: Option<PathBuf>,
    /// How old the archive may be.
    #[arg(
        long,
        value_name = "HOURS",
        default_value_t = 12,
        value_parser = clap::value_parser!(u32).range(1..=24 * 365)
    )]
    archive_hours: u32,
    /// Without an archive: everything on the server is lost.
    #[arg(long, conflicts_with = "archive")]
    force: bool,
}

pub(super) fn run(args: &DestroyNodeArgs) -> anyhow::Result<ExitCode> {
    let settings = args.cloud.settings()?;
    let nodes = args.cloud.nodes()?;
    let name = &args.cloud.name;
    // Looked at first, so that a name that is wrong leaves no folder.
    let folder = NodeFolder::look(&nodes, name)?;
    let unknown = || {
        format!(
            "no node {name} was made from this machine, as far as {} knows: what was made \
             elsewhere is left alone",
            nodes.display()
        )
    };
    let state = folder.state()?.with_context(unknown)?;
    if let Some(archive) = &args.archive {
        check_archive(archive, args.archive_hours, &state.hostname)?;
    }
    let account = account(&settings)?;
    let folder = match args.cloud.dry_run {
        true => folder,
        false => NodeFolder::take(&nodes, name)?,
    };
    let state = folder.state()?.with_context(unknown)?;
    let lines = StepLines::new();
    let destruction = NodeDestruction {
        cloud: &account,
        settings: &settings,
        folder: &folder,
        state: &state,
        progress: &lines,
    };
    let runtime = one_thread()?;
    if args.cloud.dry_run {
        print_plan(&runtime.block_on(destruction.plan())?);
        return Ok(ExitCode::SUCCESS);
    }
    runtime
        .block_on(destruction.run())
        .inspect_err(|_| println!())?;
    folder.remove()?;
    println!("{name} is gone, after {}", lines.total());
    Ok(ExitCode::SUCCESS)
}

/// Refuses an archive that is damaged, too old to hold all that the class has done, or another
/// server's.
fn check_archive(path: &Path, hours: u32, hostname: &str) -> anyhow::Result<()> {
    let bar = ArchiveBar::new();
    let mut archive = ClassArchive::open(path)?;
    let checked = archive.require_whole(&bar);
    bar.end();
    checked.with_context(|| format!("cannot rely on the archive {}", path.display()))?;
    let manifest = archive.manifest();
    let made_at = time::parse(&manifest.made_at)
        .with_context(|| format!("cannot tell when the archive {} was made", path.display()))?;
    let age = Timestamp::now().duration_since(made_at);
    if age > SignedDuration::from_hours(hours.into()) {
        bail!(
            "the archive {} is of {}, more than {hours} hours ago: make a new one with pipalhub \
             archive on the server and fetch it, or allow its age with --archive-hours",
            path.display(),
            manifest.made_at
        );
    }
    check_host(path, manifest.host.as_deref(), hostname)?;
    println!(
        "{} is whole: {}, made at {}{}",
        path.display(),
        ClassCounts::of(manifest),
        manifest.made_at,
        on_host(manifest)
    );
    Ok(())
}

/// Refuses an archive of another server; one that does not say of which is taken, and that is told.
fn check_host(path: &Path, host: Option<&str>, hostname: &str) -> anyhow::Result<()> {
    match host {
        Some(host) if host.eq_ignore_ascii_case(hostname) => Ok(()),
        Some(host) => bail!(
            "the archive {} is of {}, and this node is {hostname}: fetch the archive of {hostname}, \
             or give --force in place of it when nothing there is to be kept",
            path.display(),
            loggable(host)
        ),
        None => {
            println!(
                "{} does not say which server it is of: look whether it is {hostname}'s",
                path.display()
            );
            Ok(())
        }
    }
}
