//! `cargo xtask`: what it takes to build, run and test the project, for people and for
//! CI alike.
//!
//! * [`run`]: the service over a sample class that lives
//! * [`hub`]: a real JupyterHub with the service in it
//! * [`mod@test`]: everything that must hold
//! * [`build`]: the page and the binary
//! * [`mod@bench`]: how fast it is, against what people use instead
//! * [`faults`]: whether events survive what goes wrong
//! * [`load`]: a class at work
//! * [`fuzz`]: what inputs nobody would think of do to it
//! * [`tools`]: the programs all of these need, kept in a per-user cache
//! * [`sample`]: the class that `run` shows

mod bench;
mod build;
mod command;
mod faults;
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
struct Cli {
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
    Bench(bench::BenchArgs),
    Fuzz(fuzz::FuzzArgs),
    Faults(faults::FaultsArgs),
    Load(load::LoadArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Hub(args) => hub::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Faults(args) => faults::run(&args),
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
