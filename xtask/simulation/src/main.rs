//! The program behind `cargo xtask bench wall`.

use std::process::ExitCode;

use clap::Parser;
use simulation::{SimulationCli, run};

fn main() -> ExitCode {
    match run(&SimulationCli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::FAILURE
        }
    }
}
