//! Classes whose truth is known, and how much of it the engine (`analytics`) finds in what they
//! save. `cargo xtask bench wall` runs it in process, and over HTTP from `xtask/bench`.
//!
//! * [`generate`]: two generators of classes; `lab` is how JupyterLab changes a notebook
//! * `measure`: what is compared
//! * [`engine`]: the engine as the service has it, and [`heard`]: what a service has answered
//! * `mistakes`: errors of real kernels
//! * [`table`]: what is printed
//!
//! The engine was tried on classes of other seeds than those that are reported.

pub mod class;
pub mod engine;
pub mod generate;
pub mod heard;
mod lab;
mod measure;
mod mistakes;
mod random;
pub mod table;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use self::{
    class::{Ids, Settings},
    generate::ClassGenerator,
    table::Table,
};

/// Simulated classes, and what the engine finds of their truth.
#[derive(Parser)]
pub struct SimulationCli {
    /// Which classes: those that the engine was made with, or others.
    #[arg(long, value_enum, default_value = "report")]
    seeds: Seeds,
    /// Participants of a class.
    #[arg(long, default_value_t = 60)]
    participants: usize,
    /// Minutes of a class.
    #[arg(long, default_value_t = 60)]
    minutes: i64,
    /// Errors that kernels have written, as JSON lines.
    #[arg(long)]
    mistakes: Option<PathBuf>,
    /// Participants of the class by which the cost is measured.
    #[arg(long, default_value_t = 300)]
    crowd: usize,
}

/// Which classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seeds {
    /// Those that the engine was made with.
    Development,
    /// Others.
    Report,
}

/// Measures all, and prints a table.
///
/// # Errors
/// When a file of mistakes cannot be read, or the engine does not read what was simulated.
pub fn run(cli: &SimulationCli) -> anyhow::Result<()> {
    let mut table = Table::default();
    for generator in ClassGenerator::ALL {
        let mut measured = measure::Measured::default();
        for settings in sweep(cli.seeds, cli.participants, cli.minutes) {
            let class = generator.class(&settings);
            measured.add(&class, &settings)?;
            eprintln!(
                "{}, {settings:?}: {} saves",
                generator.name(),
                class.saves.len()
            );
        }
        measured.print(generator.name(), &mut table);
    }
    if let Some(file) = &cli.mistakes {
        mistakes::measure(file, &mut table)?;
    }
    measure::cost(cli.crowd, cli.seeds, &mut table)?;
    print!("{table}");
    Ok(())
}

/// The classes of one generator: slips, how long people are stuck, gestures and ids are varied.
fn sweep(seeds: Seeds, participants: usize, minutes: i64) -> Vec<Settings> {
    let first = match seeds {
        Seeds::Development => 1,
        Seeds::Report => 1_001,
    };
    let slip_rates = [0.1, 0.2, 0.3, 0.5];
    let stuck_minutes = [2.0, 4.0, 7.0, 10.0];
    let gestures = [0.05, 0.2, 0.6];
    let ids = [Ids::Own, Ids::Kept, Ids::None];
    let one = |n: usize| Settings {
        seed: first + n as u64,
        participants,
        minutes,
        slip_rate: slip_rates[n % 4],
        stuck_minutes: stuck_minutes[(n + n / 4) % 4],
        gestures: gestures[n % 3],
        ids: ids[(n / 2) % 3],
    };
    (0..12).map(one).collect()
}

/// The class that is pushed to a service: one in the middle of what is varied.
#[must_use]
pub fn pushed(seeds: Seeds, participants: usize, minutes: i64) -> Settings {
    sweep(seeds, participants, minutes)[1]
}
