//! `pipalhub write-wheels`: the Python packages that this program has in it.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::node::setup::{own_program, write_wheels};

/// Write the two Python packages that this program brings along, as wheels.
///
/// One is for the Hub's Python, with this program in it, the other for that of participants'
/// servers. pip installs both without a network, but for what the second needs of Jupyter.
#[derive(Args)]
pub(super) struct WriteWheelsArgs {
    /// The folder that they are written to.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &WriteWheelsArgs) -> anyhow::Result<ExitCode> {
    let wheels = write_wheels(&args.folder, &own_program()?)?;
    for wheel in [wheels.hub, wheels.singleuser] {
        println!("{}", wheel.display());
    }
    Ok(ExitCode::SUCCESS)
}
