//! The sample class: participants whose copies of one lesson grow over time.
//!
//! The notebooks were executed once, by `sample/make.py`, and are committed whole in
//! `sample/<user>/`. A save shows a little more of one ([`way`]): nothing is executed here, so no
//! kernel and no Python is needed.
//!
//! Which participant saves next, and when, is pseudo-random with a fixed seed, so that every run of
//! `cargo xtask run` shows the same class.

mod notebook;
mod way;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;

use notebook::{SampleNotebook, save};
use way::SampleWay;

/// The notebook that every participant works on, below the home.
pub(crate) const LESSON_FILENAME: &str = "module1/day1.ipynb";
/// What was handed out, in the folder `sample`.
const HANDOUT: &str = "handout/day1.ipynb";
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
        let sample = sample();
        let handout = SampleNotebook::load(&sample.join(HANDOUT))?;
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
            .map(|home| SampleParticipant::load(home, &handout))
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
            let saves = &participant.way.saves;
            let some_way = self.random.between(saves.len() / 5, saves.len() * 7 / 10);
            // Not to end with a heading, which is the same for every participant.
            let was_executed = |cells: &Vec<Value>| {
                let last = cells.last();
                last.is_some_and(|cell| cell["execution_count"].is_u64())
            };
            let more = saves[some_way..].iter().position(was_executed);
            participant.at = some_way + more.unwrap_or(0);
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
            participant.at = self.random.between(1, 5);
        } else {
            participant.at += 1;
        }
        participant.save_lesson(homes)?;
        Ok(&self.participants[chosen])
    }
}

/// A participant of the class, and their progress.
struct SampleParticipant {
    user: String,
    lesson: SampleNotebook,
    way: SampleWay,
    /// The text of the finished warm-up.
    warm_up: Option<String>,
    /// The save on the way that is in the file.
    at: usize,
    /// The participant's round.
    round: u32,
}

impl SampleParticipant {
    fn load(home: &Path, handout: &SampleNotebook) -> anyhow::Result<Self> {
        let user = home.file_name().and_then(|name| name.to_str());
        let warm_up = home.join(WARM_UP_FILENAME);
        let lesson = SampleNotebook::load(&home.join(LESSON_FILENAME))?;
        anyhow::ensure!(
            !lesson.cells.is_empty(),
            "an empty lesson: {}",
            home.display()
        );
        Ok(Self {
            user: user.context("a user name that is not UTF-8")?.to_owned(),
            way: SampleWay::new(&handout.cells, &lesson.cells),
            lesson,
            warm_up: match warm_up.is_file() {
                true => Some(fs::read_to_string(&warm_up)?),
                false => None,
            },
            at: 0,
            round: 0,
        })
    }

    fn is_done(&self) -> bool {
        self.at + 1 == self.way.saves.len()
    }

    fn save_lesson(&self, homes: &Path) -> anyhow::Result<()> {
        let text = self.lesson.text(&self.way.saves[self.at]);
        save(&homes.join(&self.user).join(LESSON_FILENAME), &text)
    }
}

/// The lesson as it was handed out, as a file.
pub(crate) fn handout() -> anyhow::Result<Vec<u8>> {
    let path = sample().join(HANDOUT);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The committed folder with the class.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample")
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
    fn every_save_is_a_notebook_and_the_last_is_the_finished_one_as_it_was_put_right() {
        let class = SampleClass::load().unwrap();
        let tried_again = |cells: &[Value]| {
            let pairs = cells.windows(2);
            let is_failed = |cell: &Value| cell["outputs"].to_string().contains("traceback");
            pairs
                .filter(|pair| is_failed(&pair[0]) && pair[1]["cell_type"] == "code")
                .count()
        };
        for participant in class.participants {
            for cells in &participant.way.saves {
                let text = participant.lesson.text(cells);
                let save: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(
                    (&save["nbformat"], &save["nbformat_minor"]),
                    (&4.into(), &5.into())
                );
                let mut ids: Vec<&str> =
                    cells.iter().map(|it| it["id"].as_str().unwrap()).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), cells.len(), "ids are unique");
            }
            let finished = &participant.lesson.cells;
            let last = participant.way.saves.last().unwrap();
            assert_eq!(last.len() + tried_again(finished), finished.len());
            for cell in last {
                assert!(finished.iter().any(|it| it["source"] == cell["source"]
                    && it["execution_count"] == cell["execution_count"]));
            }
        }
    }

    #[test]
    fn an_error_is_made_by_several_and_each_has_the_cells_of_the_handout() {
        let class = SampleClass::load().unwrap();
        let has = |text: &str| {
            let of_class = class.participants.iter();
            let has = |it: &&SampleParticipant| {
                let mut saves = it.way.saves.iter();
                saves.any(|cells| cells.iter().any(|cell| cell.to_string().contains(text)))
            };
            of_class.filter(has).count()
        };
        assert!(has("name 'pd' is not defined") >= 4);
        assert_eq!(has("\"lesson-01\""), class.participants.len());
        assert!(has("\"lesson-06\"") > 9, "the cell below a heading");
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
