//! The program behind `cargo xtask bench wall`: classes whose truth is known, and how much of it the
//! engine (`analytics`) finds in what they save.
//!
//! * [`generate`]: two generators of classes; [`lab`] is how JupyterLab changes a notebook
//! * [`measure`]: what is compared
//! * [`mistakes`]: errors of real kernels
//! * [`table`]: what is printed
//!
//! The engine was tried on classes of other seeds than those that are reported.

mod class;
mod generate;
mod lab;
mod measure;
mod mistakes;
mod random;
mod table;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use self::{
    class::{Ids, Settings},
    generate::ClassGenerator,
    table::Table,
};

/// Simulated classes, and what the engine finds of their truth.
#[derive(Parser)]
struct SimulationCli {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Seeds {
    Development,
    Report,
}

fn main() -> ExitCode {
    match run(&SimulationCli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &SimulationCli) -> anyhow::Result<()> {
    let mut table = Table::default();
    for generator in ClassGenerator::ALL {
        let mut measured = measure::Measured::default();
        for settings in sweep(cli) {
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
    println!("{table}");
    Ok(())
}

/// The classes of one generator: slips, how long people are stuck, gestures and ids are varied.
fn sweep(cli: &SimulationCli) -> Vec<Settings> {
    let first = match cli.seeds {
        Seeds::Development => 1,
        Seeds::Report => 1_001,
    };
    let slip_rates = [0.1, 0.2, 0.3, 0.5];
    let stuck_minutes = [2.0, 4.0, 7.0, 10.0];
    let gestures = [0.05, 0.2, 0.6];
    let ids = [Ids::Own, Ids::Kept, Ids::None];
    let one = |n: usize| Settings {
        seed: first + n as u64,
        participants: cli.participants,
        minutes: cli.minutes,
        slip_rate: slip_rates[n % 4],
        stuck_minutes: stuck_minutes[(n + n / 4) % 4],
        gestures: gestures[n % 3],
        ids: ids[(n / 2) % 3],
    };
    (0..12).map(one).collect()
}
