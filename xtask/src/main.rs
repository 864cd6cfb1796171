//! `cargo xtask`: builds, runs and tests the project, for developers and for CI.
//!
//! * [`run`]: the service over a sample class that keeps saving
//! * [`hub`]: a real JupyterHub with the service in it
//! * [`mod@test`]: all checks and tests
//! * [`build`]: the page and the binary
//! * [`dist`]: the packages that people install
//! * [`mod@bench`]: benchmarks against the usual alternatives
//! * [`faults`]: whether events survive faults
//! * [`fresh`]: tests on a server with Docker's engine
//! * [`load`]: a simulated class
//! * [`fuzz`]: random inputs
//! * [`tools`]: the programs that the tasks need, in a per-user cache
//! * [`sample`]: the class that `run` shows

mod bench;
mod build;
mod command;
mod dist;
mod faults;
mod fresh;
mod fuzz;
mod hub;
mod load;
mod run;
mod sample;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, run and test PipalHub.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct XtaskCli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Run(run::RunArgs),
    Hub(hub::HubArgs),
    Test(test::TestArgs),
    /// Build the page and the binary in release, to target/release/pipalhub.
    Build,
    Dist(dist::DistArgs),
    Bench(bench::BenchArgs),
    Fuzz(fuzz::FuzzArgs),
    Faults(faults::FaultsTaskArgs),
    Fresh(fresh::FreshArgs),
    Load(load::LoadTaskArgs),
}

fn main() -> ExitCode {
    let done = match XtaskCli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Hub(args) => hub::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Dist(args) => dist::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Faults(args) => faults::run(&args),
        Task::Fresh(args) => fresh::run(&args),
        Task::Load(args) => load::run(&args),
        Task::Build => build::release().map(|binary| println!("{}", binary.display())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
