//! How large a class the server carries, from what a few participants took: pure arithmetic.
//!
//! It is an estimate, made from N servers for many more. Three things end first, and the smallest
//! of them is the answer:
//!
//! * memory: what was free before, without a reserve for the system, over what one participant
//!   takes: what was measured and an allowance for their data, and no more than their own limit;
//! * processors: a class reads, writes and waits, and one in [`PARTICIPANTS_A_CORE`] computes; what
//!   a core gives when several compute at once was measured;
//! * the start: all begin within [`START_PATIENCE`].

use std::time::Duration;

use serde::Serialize;

/// Memory that is left to the system, the Hub and the dashboard, at least.
const RESERVE_BYTES: u64 = 512 << 20;
/// And this part of all, as one in so many bytes.
const RESERVE_PART: u64 = 10;
/// What a participant's notebooks come to hold beyond an empty one: tables, pictures, libraries.
const DATA_ALLOWANCE_BYTES: u64 = 150 << 20;
/// So many participants share a core, since few of them compute at one moment.
const PARTICIPANTS_A_CORE: f64 = 10.0;
/// A class is begun when everybody's server has started in this time.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// Nothing is said of classes that are larger.
const MAX_PARTICIPANTS: usize = 1_000;

/// What was measured; what could not be is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RehearsalFigures {
    /// Memory that was free before the first server.
    pub(super) available_bytes: Option<u64>,
    pub(super) total_bytes: Option<u64>,
    /// What one participant's server and kernel took.
    pub(super) participant_bytes: Option<u64>,
    /// The most that one participant may take.
    pub(super) limit_bytes: Option<u64>,
    pub(super) cores: Option<f64>,
    /// How long the same work took in one kernel alone, and in the mean when so many did it at once.
    pub(super) work_alone_s: Option<f64>,
    pub(super) work_together_s: Option<(usize, f64)>,
    /// So many servers that started at once, and when the last of them was ready.
    pub(super) starts: Option<(usize, Duration)>,
}

/// What ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClassBound {
    Memory,
    Processors,
    Start,
}

impl ClassBound {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Memory => "memory ends first",
            Self::Processors => "the processors end first",
            Self::Start => "more servers do not start within five minutes",
        }
    }
}

/// The estimate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ClassSize {
    /// So many participants at once.
    pub(super) participants: usize,
    pub(super) bound: ClassBound,
    pub(super) by_memory: Option<usize>,
    pub(super) by_processors: Option<usize>,
    pub(super) by_start: Option<usize>,
}

/// The estimate; `None` when neither memory nor processors could be measured.
pub(super) fn class_size(figures: &RehearsalFigures) -> Option<ClassSize> {
    let by_memory = by_memory(figures);
    let by_processors = by_processors(figures);
    let by_start = by_start(figures);
    let bounds = [
        (by_memory, ClassBound::Memory),
        (by_processors, ClassBound::Processors),
        (by_start, ClassBound::Start),
    ];
    by_memory.or(by_processors)?;
    let known = bounds
        .iter()
        .filter_map(|(size, bound)| Some(((*size)?, *bound)));
    let (size, bound) = known.min_by_key(|(size, _)| *size)?;
    Some(ClassSize {
        participants: rounded(size),
        bound,
        by_memory,
        by_processors,
        by_start,
    })
}

fn by_memory(figures: &RehearsalFigures) -> Option<usize> {
    let available = figures.available_bytes?;
    let reserve = figures.total_bytes.unwrap_or(available) / RESERVE_PART;
    let free = available.saturating_sub(reserve.max(RESERVE_BYTES));
    let measured = figures.participant_bytes?;
    let wanted = measured + DATA_ALLOWANCE_BYTES;
    // A limit is what the largest of them may take, so nobody takes more.
    let each = figures
        .limit_bytes
        .map_or(wanted, |limit| wanted.min(limit));
    Some(capped((free / each.max(1)) as f64))
}

fn by_processors(figures: &RehearsalFigures) -> Option<usize> {
    let cores = figures.cores?;
    let (count, together) = figures.work_together_s?;
    let alone = figures.work_alone_s?;
    // What so many kernels at once got done, in cores.
    let done = count as f64 * alone / together;
    let possible = cores.min(count as f64);
    // A virtual core may be less than one; none is more.
    let yield_of_core = (done / possible).clamp(0.1, 1.0);
    Some(capped(cores * yield_of_core * PARTICIPANTS_A_CORE))
}

fn by_start(figures: &RehearsalFigures) -> Option<usize> {
    let (count, time) = figures.starts.filter(|(count, _)| *count > 0)?;
    let each = time.as_secs_f64() / count as f64;
    Some(capped(START_PATIENCE.as_secs_f64() / each.max(0.001)))
}

fn capped(size: f64) -> usize {
    // The cap keeps it far from where whole numbers are lost.
    size.floor().clamp(0.0, MAX_PARTICIPANTS as f64) as usize
}

/// Down to fives: more is not known.
fn rounded(size: usize) -> usize {
    if size < 10 { size } else { size / 5 * 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn figures() -> RehearsalFigures {
        RehearsalFigures {
            available_bytes: Some(7 << 30),
            total_bytes: Some(8 << 30),
            participant_bytes: Some(130 * MIB),
            limit_bytes: None,
            cores: Some(4.0),
            work_alone_s: Some(0.2),
            work_together_s: Some((4, 0.2)),
            starts: Some((3, Duration::from_secs(6))),
        }
    }

    fn size(figures: &RehearsalFigures) -> (usize, ClassBound) {
        let size = class_size(figures).unwrap();
        (size.participants, size.bound)
    }

    #[test]
    fn what_ends_first_is_the_answer() {
        // (7,168 - 819) MiB over 280 MiB are 22; 4 cores are for 40; 150 start in 5 minutes.
        let whole = class_size(&figures()).unwrap();
        assert_eq!(
            whole,
            ClassSize {
                participants: 20,
                bound: ClassBound::Memory,
                by_memory: Some(22),
                by_processors: Some(40),
                by_start: Some(150),
            }
        );
        let large = RehearsalFigures {
            available_bytes: Some(60 << 30),
            total_bytes: Some(64 << 30),
            ..figures()
        };
        assert_eq!(size(&large), (40, ClassBound::Processors));
        let slow = RehearsalFigures {
            starts: Some((3, Duration::from_secs(60))),
            ..large
        };
        assert_eq!(size(&slow), (15, ClassBound::Start));
    }

    #[test]
    fn cores_that_give_less_at_once_carry_fewer() {
        let large = RehearsalFigures {
            available_bytes: Some(60 << 30),
            work_together_s: Some((4, 0.4)),
            ..figures()
        };
        assert_eq!(size(&large), (20, ClassBound::Processors));
        // More kernels than cores take longer without a core being worse.
        let crowded = RehearsalFigures {
            work_together_s: Some((8, 0.4)),
            ..large.clone()
        };
        assert_eq!(size(&crowded), (40, ClassBound::Processors));
        // Nor is a core better for a measurement by chance.
        let lucky = RehearsalFigures {
            work_together_s: Some((4, 0.1)),
            ..large
        };
        assert_eq!(size(&lucky), (40, ClassBound::Processors));
    }

    #[test]
    fn a_limit_for_each_bounds_what_is_counted_for_each() {
        let limited = RehearsalFigures {
            limit_bytes: Some(200 * MIB),
            ..figures()
        };
        assert_eq!(class_size(&limited).unwrap().by_memory, Some(31));
        let generous = RehearsalFigures {
            limit_bytes: Some(4_096 * MIB),
            ..figures()
        };
        assert_eq!(class_size(&generous).unwrap().by_memory, Some(22));
    }

    #[test]
    fn a_full_machine_carries_nobody_and_what_is_unknown_is_no_bound() {
        let full = RehearsalFigures {
            available_bytes: Some(300 * MIB),
            ..figures()
        };
        assert_eq!(size(&full), (0, ClassBound::Memory));
        let unknown = RehearsalFigures {
            available_bytes: None,
            ..figures()
        };
        assert_eq!(size(&unknown), (40, ClassBound::Processors));
        let starts = RehearsalFigures {
            starts: figures().starts,
            ..RehearsalFigures::default()
        };
        assert_eq!(class_size(&starts), None);
    }
}
