//! The binary `pipalhub`: reads the command line and prints what went wrong.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pipalhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
