//! The program that `cargo xtask bench growth` runs: it measures how time and memory grow with the
//! size of evil notebooks. It is separate, because counting allocations would slow the other
//! measurements.

#[path = "../../../../fuzz/src/evil.rs"]
mod evil;
mod html;
#[path = "../../../../fuzz/src/work.rs"]
mod work;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Shorter times count as this long, because they are noise.
const MIN_MEASURED_TIME: Duration = Duration::from_millis(20);
/// The largest exponent of growth: doubling the size may double time and memory, and a little more.
const MAX_EXPONENT: f64 = 1.15;
/// The largest memory of a file: this many times its size, and a constant in MiB.
const MAX_MEMORY_FACTOR: f64 = 8.0;
const BASE_MEMORY_MIB: f64 = 32.0;

const MIB_BYTES: f64 = (1 << 20) as f64;

/// Time and memory by the size of the notebook, as exponents.
#[derive(Parser)]
struct GrowthCli {
    /// The smallest size, in MiB; it is doubled three times.
    #[arg(long, default_value_t = 1.0)]
    mib: f64,
    /// Only the notebooks whose kind has this in its name.
    #[arg(long, default_value = "")]
    only: String,
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The best time of several runs in seconds, and the additional peak memory in MiB.
fn measure(work: fn(&[u8]) -> usize, bytes: &[u8]) -> (f64, f64) {
    let mut best = Duration::MAX;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    for _ in 0..3 {
        let begun = now();
        work(bytes);
        best = best.min(now() - begun);
        if best < MIN_MEASURED_TIME {
            break;
        }
    }
    let peak = ALLOCATOR.peak_usage() - before;
    (best.as_secs_f64(), peak as f64 / MIB_BYTES)
}

fn main() -> ExitCode {
    let GrowthCli { mib, only } = GrowthCli::parse();
    println!(
        "| notebook | what is done | ms, each size | ns a byte | exponent | peak, MiB | times its size | exponent | |"
    );
    println!("|---|---|---|---:|---:|---|---:|---:|---|");
    let mut all_within = true;
    let sizes = [1.0, 2.0, 4.0, 8.0].map(|times| (times * mib * MIB_BYTES) as usize);
    for (notebook, make) in evil::generators() {
        if !notebook.contains(&only) {
            continue;
        }
        let files = sizes.map(make);
        for (step, work) in work::WORKS {
            all_within &= row(notebook, step, &files, work);
        }
    }
    // Smaller, because larger HTML is refused for the number of its elements.
    let sizes = sizes.map(|size| size / 16);
    for (notebook, make) in html::kinds() {
        if notebook.contains(&only) {
            all_within &= row(notebook, "clean HTML", &sizes.map(make), html::clean);
        }
    }
    if all_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints one row of the table; returns whether it is within the bounds.
fn row(notebook: &str, step: &str, files: &[Vec<u8>; 4], work: fn(&[u8]) -> usize) -> bool {
    let measured = files.each_ref().map(|file| measure(work, file));
    let times = measured.map(|(time, _)| time);
    let peaks = measured.map(|(_, peak)| peak);
    let size = files[3].len() as f64;
    let time = exponent(times, MIN_MEASURED_TIME.as_secs_f64());
    let memory = exponent(peaks, BASE_MEMORY_MIB / 8.0);
    let is_within = time <= MAX_EXPONENT
        && memory <= MAX_EXPONENT
        && peaks[3] <= MAX_MEMORY_FACTOR * size / MIB_BYTES + BASE_MEMORY_MIB;
    println!(
        "| {notebook} | {step} | {} | {:.1} | {time:.2} | {} | {:.1} | {memory:.2} | {} |",
        times.map(|time| format!("{:.0}", time * 1000.0)).join(" "),
        times[3] * 1e9 / size,
        peaks.map(|peak| format!("{peak:.0}")).join(" "),
        peaks[3] * MIB_BYTES / size,
        if is_within { "" } else { "too much" },
    );
    is_within
}

/// The power of the size by which the last value is larger than the first; values below `floor`
/// count as `floor`.
fn exponent(values: [f64; 4], floor: f64) -> f64 {
    let [first, .., last] = values.map(|value| value.max(floor));
    (last / first).log2() / 3.0
}
