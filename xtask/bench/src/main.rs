//! The program that `cargo xtask bench`, `faults` and `load` run. It is separate because xtask
//! itself is not optimised, to compile quickly. Every measurement prints one JSON object.
//!
//! * [`render`]: a notebook to a standalone page; any whole process, again and again
//! * [`builds`]: a class's summary, in memory
//! * [`faults`]: injects faults into a real service
//! * [`load`]: a simulated class
//! * [`events`]: the cost of an event, of ours and of a peer
//! * [`push`]: services for what measures pushes
//! * [`simulated`]: a simulated class, pushed to a service that is asked what it says
//! * [`drive`]: a running service and its clients
//! * [`samples`]: the percentiles of samples

mod builds;
mod drive;
mod events;
mod faults;
mod load;
mod push;
mod render;
mod samples;
mod simulated;

use std::{path::PathBuf, process::ExitCode};

use backend::homes::HomesTemplate;
use clap::{Parser, Subcommand};
use serde::Serialize;
use tikv_jemallocator::Jemalloc;

/// The allocator of the service.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[derive(Parser)]
#[command(name = "bench")]
enum BenchCli {
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
    Service(ServiceTask),
    /// A server that breaks its promises, for `faults` to catch.
    Weak {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// The commands that drive a real service.
#[derive(Subcommand)]
enum ServiceTask {
    Faults(faults::FaultsArgs),
    Load(load::LoadArgs),
    Events(events::EventsArgs),
    Push(push::PushArgs),
    Simulated(simulated::SimulatedClassArgs),
}

fn main() -> ExitCode {
    match run(BenchCli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: BenchCli) -> anyhow::Result<()> {
    match cli {
        BenchCli::Warm { file, runs } => print(&render::warm(&file, runs)?),
        BenchCli::Prepare { file, out } => print(&render::write_prepared(&file, &out)?),
        BenchCli::Process {
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
        BenchCli::Builds {
            homes,
            filename,
            runs,
        } => print(&builds::in_memory(&homes, &filename, runs)?),
        BenchCli::Weak { words } => faults::serve_weak(&words),
        BenchCli::Service(driven) => drive(driven),
    }
}

/// Runs on one thread, so that the service has the other processors.
#[tokio::main(flavor = "current_thread")]
async fn drive(driven: ServiceTask) -> anyhow::Result<()> {
    match driven {
        ServiceTask::Faults(args) => faults::run(&args).await,
        ServiceTask::Load(args) => load::run(&args).await,
        ServiceTask::Events(args) => events::run(&args).await,
        ServiceTask::Push(args) => push::run(&args).await,
        ServiceTask::Simulated(args) => simulated::run(&args).await,
    }
}

fn print(samples: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(samples)?);
    Ok(())
}
