//! Nothing that is done with a file takes more than its size explains, whatever is in it.
//!
//! Each of the notebooks that somebody would write who wants to stop the service is doubled
//! twice. What is measured is the time of this thread alone and what it has allocated, the
//! best of several runs, so that it is the same on a machine that is busy; what grows with the
//! square is far from what is allowed. `cargo xtask bench growth` does it with large ones.

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

/// Twice doubled; larger for what is only read, which is far quicker than what is shown.
const SHOWN: [usize; 3] = [60_000, 120_000, 240_000];
const READ: [usize; 3] = [240_000, 480_000, 960_000];
const IS_READ: [&str; 3] = ["what is public", "read", "marks"];
/// What is quicker is not told apart.
const NOISE: Duration = Duration::from_millis(1);
/// What looks as if it grew too fast is measured again so often.
const TRIES: usize = 4;
/// Twice as much takes at most so many times as long; the square would be four times.
const MAX_FACTOR: f64 = 2.5;
/// A file takes at most so many times its own size, and so much whatever its size is.
const MAX_MEMORY: usize = 8;
const FREE_MEMORY: usize = 8 << 20;
/// And for a cell's frame, of which a notebook has at most ten thousand.
const CELL: usize = 1024;

/// The time of a thread is that of nothing else.
fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The best time of several, and what it takes in bytes beyond what there is.
fn measure(work: fn(&[u8]) -> usize, bytes: &[u8]) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    for _ in 0..4 {
        let begun = now();
        work(bytes);
        best = best.min(now() - begun);
        if best < NOISE {
            break;
        }
    }
    (best, ALLOCATOR.peak_usage() - before)
}

#[test]
#[ignore = "takes a minute: cargo xtask test"]
fn twice_as_much_takes_twice_as_long_and_as_much() {
    let mut wrong = Vec::new();
    for (what, make) in evil::generators() {
        let [shown, read] = [SHOWN, READ].map(|sizes| sizes.map(make));
        for (done, work) in work::WORKS {
            let files = if IS_READ.contains(&done) {
                &read
            } else {
                &shown
            };
            let cells = Notebook::parse(&files[2]).map_or(0, |parsed| parsed.notebook.len());
            let mut taken = files.each_ref().map(|file| measure(work, file));
            let factor = |taken: &[(Duration, usize); 3]| {
                let times = taken.map(|(time, _)| time.max(NOISE).as_secs_f64());
                (times[2] / times[0]).sqrt()
            };
            for _ in 0..TRIES {
                if factor(&taken) <= MAX_FACTOR {
                    break;
                }
                taken[2] = taken[2].min(measure(work, &files[2]));
            }
            let factor = factor(&taken);
            if factor > MAX_FACTOR {
                let times = taken.map(|(time, _)| time);
                wrong.push(format!("{done}, {what}: {times:?}, {factor:.1} times"));
            }
            let (_, memory) = taken[2];
            let size = files[2].len();
            if memory > MAX_MEMORY * size + FREE_MEMORY + CELL * cells {
                let times = memory as f64 / size as f64;
                wrong.push(format!("{done}, {what}: {times:.1} times its {size} bytes"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
