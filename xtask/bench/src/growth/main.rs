//! What `cargo xtask bench growth` runs: evil notebooks of growing sizes, and how time and
//! memory grow with them. A program of its own, because counting what is allocated would slow
//! the other measurements.

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

/// What is quicker is not told apart.
const NOISE: Duration = Duration::from_millis(20);
/// Doubling the size may double time and memory, and a little more.
const MAX_EXPONENT: f64 = 1.15;
/// A file takes at most so many times its own size, and so much whatever its size is.
const MAX_MEMORY: f64 = 8.0;
const FREE_MEMORY: f64 = 32.0;

const MIB: f64 = (1 << 20) as f64;

/// Time and memory by the size of the notebook, as exponents.
#[derive(Parser)]
struct Growth {
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

/// The best time of several, and what it takes in MiB beyond what there is.
fn measure(work: fn(&[u8]) -> usize, bytes: &[u8]) -> (f64, f64) {
    let mut best = Duration::MAX;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    for _ in 0..3 {
        let begun = now();
        work(bytes);
        best = best.min(now() - begun);
        if best < NOISE {
            break;
        }
    }
    let peak = ALLOCATOR.peak_usage() - before;
    (best.as_secs_f64(), peak as f64 / MIB)
}

fn main() -> ExitCode {
    let Growth { mib, only } = Growth::parse();
    println!(
        "| notebook | what is done | ms, each size | ns a byte | exponent | peak, MiB | times its size | exponent | |"
    );
    println!("|---|---|---|---:|---:|---|---:|---:|---|");
    let mut all_well = true;
    let sizes = [1.0, 2.0, 4.0, 8.0].map(|times| (times * mib * MIB) as usize);
    for (what, make) in evil::generators() {
        if !what.contains(&only) {
            continue;
        }
        let files = sizes.map(make);
        for (done, work) in work::WORKS {
            all_well &= row(what, done, &files, work);
        }
    }
    // More of it is refused for the number of its elements.
    let sizes = sizes.map(|size| size / 16);
    for (what, make) in html::kinds() {
        if what.contains(&only) {
            all_well &= row(what, "clean HTML", &sizes.map(make), html::clean);
        }
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One line of the table; whether it is within the bounds.
fn row(what: &str, done: &str, files: &[Vec<u8>; 4], work: fn(&[u8]) -> usize) -> bool {
    let taken = files.each_ref().map(|file| measure(work, file));
    let times = taken.map(|(time, _)| time);
    let peaks = taken.map(|(_, peak)| peak);
    let size = files[3].len() as f64;
    let time = exponent(times, NOISE.as_secs_f64());
    let memory = exponent(peaks, FREE_MEMORY / 8.0);
    let is_well = time <= MAX_EXPONENT
        && memory <= MAX_EXPONENT
        && peaks[3] <= MAX_MEMORY * size / MIB + FREE_MEMORY;
    println!(
        "| {what} | {done} | {} | {:.1} | {time:.2} | {} | {:.1} | {memory:.2} | {} |",
        times.map(|time| format!("{:.0}", time * 1000.0)).join(" "),
        times[3] * 1e9 / size,
        peaks.map(|peak| format!("{peak:.0}")).join(" "),
        peaks[3] * MIB / size,
        if is_well { "" } else { "too much" },
    );
    is_well
}

/// By which power of the size the last is larger than the first; what is below `least` is
/// taken for that.
fn exponent(values: [f64; 4], least: f64) -> f64 {
    let [first, .., last] = values.map(|value| value.max(least));
    (last / first).log2() / 3.0
}
