//! What `cargo xtask bench`, `faults` and `load` run, in a process of its own because
//! xtask itself is not optimised and quick to compile. Every measurement prints one JSON
//! object.
//!
//! * [`render`]: a notebook to a standalone page; a whole process, again and again
//! * [`builds`]: a class's summary, in memory
//! * [`faults`]: what goes wrong on a bad day
//! * [`load`]: a class at work
//! * [`events`]: what an event costs, of ours and of a peer
//! * [`drive`]: a running service, and what talks to it
//! * [`samples`]: what of all the samples is printed

mod builds;
mod drive;
mod events;
mod faults;
mod load;
mod render;
mod samples;

use std::{path::PathBuf, process::ExitCode};

use backend::homes::HomesTemplate;
use clap::{Parser, Subcommand};
use serde::Serialize;
use tikv_jemallocator::Jemalloc;

/// As the service has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[derive(Parser)]
#[command(name = "bench")]
enum Cli {
    /// A notebook to a standalone page, again and again.
    Warm { file: PathBuf, runs: usize },
    /// The cells of a notebook as the service sends them to the page.
    Prepare { file: PathBuf, out: PathBuf },
    /// A whole process, again and again. Spawned from here because a small parent forks
    /// fast and adds nothing to the child's peak memory.
    Process {
        /// For the shell, before each run and not counted.
        #[arg(long)]
        before: Option<String>,
        runs: usize,
        program: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The summary of a class in memory: from nothing, and after a save.
    Builds {
        homes: HomesTemplate,
        filename: String,
        runs: usize,
    },
    #[command(flatten)]
    Service(Driven),
    /// A server that breaks its promises, for `faults` to catch.
    Weak {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// What drives a real service.
#[derive(Subcommand)]
enum Driven {
    Faults(faults::FaultsArgs),
    Load(load::LoadArgs),
    Events(events::EventsArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli {
        Cli::Warm { file, runs } => print(&render::warm(&file, runs)?),
        Cli::Prepare { file, out } => print(&render::write_prepared(&file, &out)?),
        Cli::Process {
            before,
            runs,
            program,
            arguments,
        } => print(&render::process(
            before.as_deref(),
            runs,
            &program,
            &arguments,
        )?),
        Cli::Builds {
            homes,
            filename,
            runs,
        } => print(&builds::in_memory(&homes, &filename, runs)?),
        Cli::Weak { words } => faults::serve_weakly(&words),
        Cli::Service(driven) => drive(driven),
    }
}

/// On one thread: what is driven has the other processors.
#[tokio::main(flavor = "current_thread")]
async fn drive(driven: Driven) -> anyhow::Result<()> {
    match driven {
        Driven::Faults(args) => faults::run(&args).await,
        Driven::Load(args) => load::run(&args).await,
        Driven::Events(args) => events::run(&args).await,
    }
}

fn print(samples: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(samples)?);
    Ok(())
}
