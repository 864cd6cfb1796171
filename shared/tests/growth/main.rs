//! Tests that all work on a file takes a time and a memory proportional to its size.
//!
//! Each notebook of an attacker who wants to stop the service (`fuzz/src/evil.rs`) is doubled
//! twice. Measured are the time of this thread alone and its allocations, at the best of several
//! runs, so that a busy machine does not change them; quadratic growth is far beyond the limits.
//! `cargo xtask bench growth` does the same with larger files.

#![cfg(not(target_arch = "wasm32"))]

#[path = "../../../fuzz/src/evil.rs"]
#[expect(unreachable_pub, reason = "the fuzzer has it for others too")]
mod evil;
#[path = "../../../fuzz/src/work.rs"]
#[expect(unreachable_pub, reason = "the fuzzer has it for others too")]
mod work;

use std::time::Duration;

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};
use shared::notebook::Notebook;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The sizes of the files, doubled twice; larger for work that only reads, which is far quicker.
const SHOWN_BYTES: [usize; 3] = [60_000, 120_000, 240_000];
const READ_BYTES: [usize; 3] = [240_000, 480_000, 960_000];
const READING_WORKS: [&str; 3] = ["what is public", "read", "marks"];
/// Shorter times are not told apart.
const SHORTEST_TIME: Duration = Duration::from_millis(1);
/// A time that seems to grow too fast is measured again so often.
const MAX_TRIES: usize = 4;
/// Twice the size takes at most so many times as long; quadratic growth would be four times.
const MAX_GROWTH_FACTOR: f64 = 2.5;
/// A file takes at most so many times its size in memory, and so many bytes beyond.
const MAX_MEMORY_FACTOR: usize = 8;
const FREE_MEMORY_BYTES: usize = 8 << 20;
/// The frame of a cell takes at most so many bytes more; a notebook has at most ten thousand.
const CELL_BYTES: usize = 1024;

/// The time of this thread alone, which other processes do not change.
fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The best time of several runs, and the peak of the memory that they add, in bytes.
fn measure(work: fn(&[u8]) -> usize, bytes: &[u8]) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    for _ in 0..4 {
        let begun = now();
        work(bytes);
        best = best.min(now() - begun);
        if best < SHORTEST_TIME {
            break;
        }
    }
    (best, ALLOCATOR.peak_usage() - before)
}

#[test]
#[ignore = "takes a minute: cargo xtask test"]
fn twice_the_size_takes_twice_the_time_and_memory() {
    let mut wrong = Vec::new();
    for (what, make) in evil::generators() {
        let [shown, read] = [SHOWN_BYTES, READ_BYTES].map(|sizes| sizes.map(make));
        for (done, work) in work::WORKS {
            let files = if READING_WORKS.contains(&done) {
                &read
            } else {
                &shown
            };
            let cells = Notebook::parse(&files[2]).map_or(0, |parsed| parsed.notebook.len());
            let mut taken = files.each_ref().map(|file| measure(work, file));
            let factor = |taken: &[(Duration, usize); 3]| {
                let times = taken.map(|(time, _)| time.max(SHORTEST_TIME).as_secs_f64());
                (times[2] / times[0]).sqrt()
            };
            for _ in 0..MAX_TRIES {
                if factor(&taken) <= MAX_GROWTH_FACTOR {
                    break;
                }
                taken[2] = taken[2].min(measure(work, &files[2]));
            }
            let factor = factor(&taken);
            if factor > MAX_GROWTH_FACTOR {
                let times = taken.map(|(time, _)| time);
                wrong.push(format!("{done}, {what}: {times:?}, {factor:.1} times"));
            }
            let (_, memory) = taken[2];
            let size = files[2].len();
            if memory > MAX_MEMORY_FACTOR * size + FREE_MEMORY_BYTES + CELL_BYTES * cells {
                let times = memory as f64 / size as f64;
                wrong.push(format!("{done}, {what}: {times:.1} times its {size} bytes"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
