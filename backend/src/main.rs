//! The binary `pipalhub`: reads the command line and prints what went wrong.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// Notebooks are thousands of small texts, made on one thread and dropped on another: the
/// system's allocator takes longer, and keeps twice as much of the freed memory. How soon this
/// one returns memory is set in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pipalhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
