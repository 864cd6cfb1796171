//! A plain fuzzer: variations of the corpus, and of what came out in a new shape.
//!
//! It needs no compiler but the project's, and sees less than libFuzzer does: not which
//! lines ran, only how the result is built.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{Seek, Write},
    panic,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    evil,
    mutate::{self, Random},
};

/// The targets whose inputs are whole notebooks.
const READS_NOTEBOOKS: [&str; 2] = ["parser", "private"];

/// Longer inputs find little that shorter ones do not, and are slow.
const LONGEST: usize = 4096;
/// How many inputs are kept for variation.
const MOST_KEPT: usize = 5000;
/// What no input of that length may take, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a target on its corpus in `folder`, then for `time` on variations of it.
///
/// The input at work is in `artifacts/<name>/last`, so that it is there even after a
/// crash that ends the process.
///
/// # Errors
/// In words, when a property did not hold; the input is kept in `artifacts`.
pub fn run(
    folder: &Path,
    name: &str,
    target: fn(&[u8]) -> u64,
    time: Duration,
) -> Result<(), String> {
    let artifacts = folder.join("artifacts").join(name);
    let mut corpus = read(&folder.join("corpus").join(name))?;
    if READS_NOTEBOOKS.contains(&name) {
        corpus.extend(evil::generators().iter().map(|(_, make)| make(LONGEST / 2)));
    }
    fs::create_dir_all(&artifacts).map_err(|error| error.to_string())?;
    let mut last = File::create(artifacts.join("last")).map_err(|error| error.to_string())?;
    let begin = Instant::now();
    // Another seed every time: a run in CI is worth more than the same run again.
    let seed = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(1, |age| age.as_nanos() as u64);
    let mut random = Random::new(seed);
    let mut pool = corpus.clone();
    let mut shapes = HashSet::new();
    let mut runs = 0_u64;
    let mut seeds = corpus.into_iter();
    loop {
        let is_seed = seeds.len() > 0;
        if !is_seed && begin.elapsed() >= time {
            break;
        }
        let input = seeds
            .next()
            .unwrap_or_else(|| mutate::input(&pool, &mut random, LONGEST));
        keep(&mut last, &input).map_err(|error| error.to_string())?;
        let started = Instant::now();
        let shape =
            panic::catch_unwind(|| target(&input)).map_err(|_| failed(&artifacts, name, &input))?;
        if started.elapsed() > PATIENCE {
            let why = failed(&artifacts, name, &input);
            return Err(format!(
                "{why}: it took {} ms",
                started.elapsed().as_millis()
            ));
        }
        runs += 1;
        if shapes.insert(shape) && !is_seed && pool.len() < MOST_KEPT {
            pool.push(input);
        }
    }
    eprintln!(
        "{name}: {runs} inputs, {} shapes, all is well",
        shapes.len()
    );
    Ok(())
}

fn read(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let mut inputs = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        inputs.push(fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    inputs.sort();
    if inputs.is_empty() {
        return Err(format!("{} is empty", folder.display()));
    }
    Ok(inputs)
}

fn keep(last: &mut File, input: &[u8]) -> std::io::Result<()> {
    last.rewind()?;
    last.set_len(0)?;
    last.write_all(input)
}

/// Keeps the input under a name of its own and says where.
fn failed(artifacts: &Path, name: &str, input: &[u8]) -> String {
    let sum = input.iter().fold(0_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
    });
    let path = artifacts.join(format!("{sum:016x}"));
    match fs::write(&path, input) {
        Ok(()) => format!("{name} fails on {}", path.display()),
        Err(error) => format!("{name} fails, and the input cannot be kept ({error}): {input:?}"),
    }
}
