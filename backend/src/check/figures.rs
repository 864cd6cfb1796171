//! What a participant's kernel tells of the machine that it runs on. The code is Python, and reads
//! what Linux says of every process; where it says nothing, nothing is told.

use serde::Deserialize;

/// What the line with the figures begins with.
const MARK: &str = "pipalhub-check ";

/// Prints the figures.
pub(super) const FIGURES_CELL: &str = r#"
def _pipalhub_check():
    import json, os, pathlib, shutil

    def read(path):
        try:
            return pathlib.Path(path).read_text()
        except OSError:
            return ""

    def field(path, name):
        for line in read(path).splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024

    def size(pid):
        # What is shared with others counts in part, where that can be known.
        return field(f"/proc/{pid}/smaps_rollup", "Pss") or field(f"/proc/{pid}/status", "VmRSS")

    def bound(name, number):
        bounds = []
        for line in read("/proc/self/cgroup").splitlines():
            if line.startswith("0::"):
                group = pathlib.Path("/sys/fs/cgroup") / line[3:].lstrip("/")
                for folder in [group, *group.parents]:
                    if str(folder).startswith("/sys/fs/cgroup"):
                        words = read(folder / name).split()
                        if words and words[0] != "max":
                            bounds.append(number(words))
        return min(bounds, default=None)

    sizes = [size(os.getpid()), size(os.getppid())]
    print("pipalhub-check " + json.dumps({
        "available_bytes": field("/proc/meminfo", "MemAvailable"),
        "total_bytes": field("/proc/meminfo", "MemTotal"),
        "own_bytes": sum(it for it in sizes if it) if all(sizes) else None,
        "cores": len(os.sched_getaffinity(0)),
        "memory_limit_bytes": bound("memory.max", lambda words: int(words[0])),
        "core_limit": bound("cpu.max", lambda words: int(words[0]) / int(words[1])),
        "free_disk_bytes": shutil.disk_usage(os.getcwd()).free,
    }))
_pipalhub_check()
del _pipalhub_check
"#;

/// Keeps one core at work for a moment, and prints for how many seconds.
pub(super) const WORK_CELL: &str = r#"
import time as _time
_begun = _time.perf_counter()
sum(number * number for number in range(3_000_000))
print("pipalhub-check", _time.perf_counter() - _begun)
"#;

/// The figures, as far as the kernel could tell.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct MachineFigures {
    /// Memory of the machine that may be used without swapping.
    pub(super) available_bytes: Option<u64>,
    pub(super) total_bytes: Option<u64>,
    /// What the participant's server and kernel take.
    pub(super) own_bytes: Option<u64>,
    pub(super) cores: Option<f64>,
    /// The most that the participant's processes may take.
    pub(super) memory_limit_bytes: Option<u64>,
    pub(super) core_limit: Option<f64>,
    /// On the disk of the participant's home.
    pub(super) free_disk_bytes: Option<u64>,
}

impl MachineFigures {
    /// From what the cell printed.
    pub(super) fn read(printed: &str) -> Option<Self> {
        serde_json::from_str(marked(printed)?).ok()
    }
}

/// The seconds of [`WORK_CELL`], from what it printed.
pub(super) fn work_seconds(printed: &str) -> Option<f64> {
    let seconds: f64 = marked(printed)?.trim().parse().ok()?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

fn marked(printed: &str) -> Option<&str> {
    printed.lines().find_map(|line| line.strip_prefix(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_among_whatever_else_is_printed() {
        let printed = "a warning\npipalhub-check {\"available_bytes\": 8, \"cores\": 2, \
                       \"own_bytes\": null}\n";
        let figures = MachineFigures::read(printed).unwrap();
        assert_eq!(figures.available_bytes, Some(8));
        assert_eq!(figures.cores, Some(2.0));
        assert_eq!(figures.own_bytes, None);
        assert_eq!(MachineFigures::read("pipalhub-check 5"), None);
        assert_eq!(work_seconds("pipalhub-check 0.25\n"), Some(0.25));
        for wrong in ["", "0.25", "pipalhub-check nan", "pipalhub-check -1"] {
            assert_eq!(work_seconds(wrong), None, "{wrong}");
        }
    }
}
