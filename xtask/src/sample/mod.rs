//! The sample class: participants whose copies of one lesson grow over time.
//!
//! The notebooks were executed once, by `sample/make.py`, and are committed whole in
//! `sample/<user>/`. A save shows one more cell: nothing is executed here, so no kernel and no
//! Python is needed.
//!
//! Which participant saves next, and when, is pseudo-random with a fixed seed, so that every run of
//! `cargo xtask run` shows the same class.

mod notebook;

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;

use notebook::{SampleNotebook, save};

/// The notebook that every participant works on, below the home.
const LESSON_FILENAME: &str = "module1/day1.ipynb";
/// The notebook that some participants did before; it is written once and stays.
const WARM_UP_FILENAME: &str = "module1/warm-up.ipynb";
/// The mean time between two saves of the class.
const MEAN_SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// A class of participants, each somewhere in the lesson.
pub(crate) struct SampleClass {
    participants: Vec<SampleParticipant>,
    /// How often the class has started over.
    round: u32,
    random: XorShift,
    pace: Duration,
}

impl SampleClass {
    /// Reads the class from the committed folder `sample`.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
        let entries =
            fs::read_dir(&sample).with_context(|| format!("cannot read {}", sample.display()))?;
        let mut homes = Vec::new();
        for entry in entries {
            let home = entry?.path();
            // `source/` and the files beside the participants' folders have no such notebook.
            if home.join(LESSON_FILENAME).is_file() {
                homes.push(home);
            }
        }
        homes.sort();
        anyhow::ensure!(!homes.is_empty(), "no notebook in {}", sample.display());
        let participants: anyhow::Result<_> = homes
            .iter()
            .map(|home| SampleParticipant::load(home))
            .collect();
        Ok(Self {
            participants: participants?,
            round: 0,
            // A seed with which the first state has plots, tables and tracebacks.
            random: XorShift(0x7ea5_7a43),
            pace: MEAN_SAVE_INTERVAL,
        })
    }

    /// Writes the first state of every participant below `homes`, well into the lesson, so that the
    /// wall has cells at once.
    pub(crate) fn begin(&mut self, homes: &Path) -> anyhow::Result<()> {
        for participant in &mut self.participants {
            let cells = &participant.lesson.cells;
            let some_way = self.random.between(cells.len() / 2, cells.len() - 1);
            // Not to end with a heading, which is the same for every participant.
            let is_code = |cell: &Value| cell["cell_type"] == "code";
            let more = cells[some_way - 1..].iter().position(is_code);
            participant.executed = some_way + more.unwrap_or(0);
            participant.typing = false;
            if let Some(warm_up) = &participant.warm_up {
                save(
                    &homes.join(&participant.user).join(WARM_UP_FILENAME),
                    warm_up,
                )?;
            }
            participant.save_lesson(homes)?;
        }
        Ok(())
    }

    /// Saves below `homes` again and again until `stop` is set.
    pub(crate) fn play(&mut self, homes: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            self.step(homes)?;
            let jitter = self.random.between(50, 150);
            let jitter = u32::try_from(jitter).expect("at most 150");
            wait(self.pace * jitter / 100, stop);
        }
        Ok(())
    }

    /// Saves the next state of one participant and returns the participant. When most are done the
    /// class starts over, one participant at a time; the others follow when they are done.
    fn step(&mut self, homes: &Path) -> anyhow::Result<&SampleParticipant> {
        let round = self.round;
        let resting = |p: &&SampleParticipant| p.round == round && p.is_done();
        if self.participants.iter().filter(resting).count() * 4 >= self.participants.len() * 3 {
            self.round += 1;
        }
        let round = self.round;
        let awake: Vec<usize> = (0..self.participants.len())
            .filter(|&i| self.participants[i].round < round || !self.participants[i].is_done())
            .collect();
        let chosen = awake[self.random.between(0, awake.len() - 1)];
        let participant = &mut self.participants[chosen];
        if participant.is_done() {
            participant.round = round;
            participant.executed = self.random.between(2, 5);
            participant.typing = false;
        } else {
            participant.advance();
        }
        participant.save_lesson(homes)?;
        Ok(&self.participants[chosen])
    }
}

/// A participant of the class, and their progress.
struct SampleParticipant {
    user: String,
    lesson: SampleNotebook,
    /// The text of the finished warm-up.
    warm_up: Option<String>,
    /// How many cells of the lesson are there with their outputs.
    executed: usize,
    /// Whether the next cell is there too, typed and not yet executed.
    typing: bool,
    /// The participant's round.
    round: u32,
}

impl SampleParticipant {
    fn load(home: &Path) -> anyhow::Result<Self> {
        let user = home.file_name().and_then(|name| name.to_str());
        let warm_up = home.join(WARM_UP_FILENAME);
        Ok(Self {
            user: user.context("a user name that is not UTF-8")?.to_owned(),
            lesson: SampleNotebook::load(&home.join(LESSON_FILENAME))?,
            warm_up: match warm_up.is_file() {
                true => Some(fs::read_to_string(&warm_up)?),
                false => None,
            },
            executed: 0,
            typing: false,
            round: 0,
        })
    }

    fn is_done(&self) -> bool {
        self.executed == self.lesson.cells.len()
    }

    /// Goes one save further: a cell is typed first and executed by the next save, unless it is
    /// prose or was never executed.
    fn advance(&mut self) {
        let was_executed = |cell: &Value| cell["execution_count"].is_u64();
        let Some(next) = self.lesson.cells.get(self.executed) else {
            return;
        };
        if was_executed(next) && !self.typing {
            self.typing = true;
        } else {
            self.typing = false;
            self.executed += 1;
        }
    }

    fn save_lesson(&self, homes: &Path) -> anyhow::Result<()> {
        let text = self.lesson.text(self.executed, self.typing);
        save(&homes.join(&self.user).join(LESSON_FILENAME), &text)
    }
}

/// Waits for `pause`, or until `stop` is set.
fn wait(pause: Duration, stop: &AtomicBool) {
    let end = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50).min(pause));
    }
}

/// Marsaglia's xorshift: random enough for a class, and the same every time.
struct XorShift(u64);

impl XorShift {
    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: usize, high: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let span = high.max(low) - low + 1;
        low + usize::try_from(self.0 >> 33).expect("31 bits fit") % span
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;

    /// Every file below `folder` with its bytes.
    fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(tree(&path));
            } else {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
        files
    }

    #[test]
    fn every_state_is_a_notebook_and_a_prefix_of_the_finished_one() {
        for mut participant in SampleClass::load().unwrap().participants {
            let finished = participant.lesson.cells.clone();
            while !participant.is_done() {
                participant.advance();
                let text = participant
                    .lesson
                    .text(participant.executed, participant.typing);
                let state: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(
                    (&state["nbformat"], &state["nbformat_minor"]),
                    (&4.into(), &5.into())
                );
                let cells = state["cells"].as_array().unwrap();
                assert_eq!(
                    cells.len(),
                    participant.executed + usize::from(participant.typing)
                );
                let (done, typed) = cells.split_at(participant.executed);
                assert_eq!(done, &finished[..done.len()]);
                for (typed, finished) in typed.iter().zip(&finished[done.len()..]) {
                    assert_eq!(typed["source"], finished["source"]);
                    assert_eq!(typed["id"], finished["id"]);
                    assert_eq!(typed["outputs"], Value::Array(Vec::new()));
                    assert!(typed["execution_count"].is_null());
                    assert!(finished["execution_count"].is_u64());
                }
            }
        }
    }

    #[test]
    fn a_step_changes_one_notebook_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let homes = folder.path().join("homes");
        fs::write(folder.path().join("neighbour"), "untouched").unwrap();
        let mut class = SampleClass::load().unwrap();
        class.begin(&homes).unwrap();
        let mut before = tree(folder.path());
        let lessons = before
            .keys()
            .filter(|path| path.ends_with(LESSON_FILENAME))
            .count();
        let warm_ups = before
            .keys()
            .filter(|path| path.ends_with(WARM_UP_FILENAME))
            .count();
        assert_eq!(lessons, class.participants.len());
        assert_eq!(before.len(), lessons + warm_ups + 1);
        while class.round < 3 {
            let expected = homes
                .join(&class.step(&homes).unwrap().user)
                .join(LESSON_FILENAME);
            let after = tree(folder.path());
            assert!(before.keys().eq(after.keys()), "a file came or went");
            let changed: Vec<_> = after
                .keys()
                .filter(|path| before[*path] != after[*path])
                .collect();
            assert_eq!(changed, [&expected]);
            before = after;
        }
    }

    #[test]
    fn a_class_plays_the_same_every_time() {
        let play = || {
            let folder = tempfile::tempdir().unwrap();
            let mut class = SampleClass::load().unwrap();
            class.begin(folder.path()).unwrap();
            let step = |_| class.step(folder.path()).unwrap().user.clone();
            (0..50).map(step).collect::<Vec<_>>()
        };
        assert_eq!(play(), play());
    }

    #[test]
    fn a_class_plays_until_it_is_stopped() {
        let homes = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let mut class = SampleClass::load().unwrap();
        class.pace = Duration::ZERO;
        class.begin(homes.path()).unwrap();
        let before = tree(homes.path());
        std::thread::scope(|scope| {
            let playing = scope.spawn(|| class.play(homes.path(), &stop));
            let moved_on = || {
                before
                    .iter()
                    .any(|(path, bytes)| &fs::read(path).unwrap() != bytes)
            };
            while !moved_on() && !playing.is_finished() {
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
            playing.join().unwrap().unwrap();
        });
        assert_ne!(before, tree(homes.path()));
    }
}
