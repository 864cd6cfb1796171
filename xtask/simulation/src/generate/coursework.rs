//! Exercises in programming: what somebody solves follows from their skill and the exercise's
//! difficulty, as in the theory of tests. Time passes by events, of which each has its duration.

use crate::{
    class::{Mood, MoodChange, Save, Settings, SimulatedClass},
    lab::{GivenCell, Lab, RunResult, handout_json},
    random::Random,
};

const EXERCISES: usize = 9;
/// How often somebody who has failed does not know how to go on, at most.
const STUCK_FACTOR: f64 = 0.2;
const VERBS: [&str; 10] = [
    "count", "merge", "reverse", "rotate", "filter", "encode", "split", "rank", "scale", "invert",
];
const NOUNS: [&str; 10] = [
    "words", "matrix", "queue", "digits", "signal", "graph", "string", "primes", "vector", "tree",
];
const BODY: [&str; 12] = [
    "result = []",
    "for item in values:",
    "    if item > limit:",
    "        result.append(item)",
    "total = total + item",
    "return result",
    "return sorted(result)",
    "while left < right:",
    "    left += 1",
    "seen = set()",
    "seen.add(item)",
    "return {k: v for k, v in pairs}",
];

pub(super) fn class(settings: &Settings) -> SimulatedClass {
    let mut random = Random::new(settings.seed.wrapping_mul(31).wrapping_add(7));
    let language = if settings.seed.is_multiple_of(2) {
        "python"
    } else {
        "R"
    };
    let (handout, difficulties) = handout(&mut random);
    let mut saves = Vec::new();
    let mut moods = Vec::new();
    for participant in 0..settings.participants {
        let mut student = Student {
            settings,
            handout: &handout,
            difficulties: &difficulties,
            lab: Lab::open(&handout, language, settings.ids, participant),
            skill: random.normal(),
            random: Random::new(random.next()),
            language,
            participant,
            now_ms: (random.exponential(40.0) * 1e3) as i64,
            moods: vec![MoodChange {
                at_ms: 0,
                mood: Mood::Working,
            }],
            saves: &mut saves,
        };
        student.work();
        moods.push(student.moods);
    }
    saves.sort_by_key(|save| (save.at_ms, save.participant));
    SimulatedClass {
        handout: handout_json(&handout, language, settings.ids),
        saves,
        moods,
        end_ms: settings.minutes * 60_000,
    }
}

/// Exercises with their docstrings, blank cells for answers, and cells that are nearly alike.
fn handout(random: &mut Random) -> (Vec<GivenCell>, Vec<f64>) {
    let cell = |is_code, is_exercise, source: String| GivenCell {
        is_code,
        is_exercise,
        source,
    };
    let mut cells = vec![
        cell(
            false,
            false,
            "Problem set\n===========\n\nWrite your answers below each question.".to_owned(),
        ),
        cell(
            true,
            false,
            "import math\nimport random\nrandom.seed(1)".to_owned(),
        ),
    ];
    let mut difficulties = vec![-3.0; cells.len()];
    for number in 0..EXERCISES {
        let (verb, noun) = (random.pick(&VERBS), random.pick(&NOUNS));
        cells.push(cell(false, false, format!("### Question {}\n\nWrite a function that can {verb} the {noun} it is given, in at most {} steps.", number + 1, 5 + random.below(90))));
        let stub = match number % 3 {
            0 => format!(
                "def {verb}_{noun}(values, limit={}):\n    \"\"\"Return the {noun}, {verb}ed.\"\"\"\n    raise NotImplementedError",
                random.below(10)
            ),
            1 => String::new(),
            _ => format!("{noun} = ___\nlimit = ___\n{verb}({noun}, limit)"),
        };
        cells.push(cell(true, true, stub));
        // Nearly the same cell for each exercise.
        cells.push(cell(
            true,
            false,
            format!(
                "check({}, {verb}_{noun}([3, 1, 2]), expected=[{}, {}])",
                number + 1,
                random.below(9),
                random.below(9)
            ),
        ));
        let difficulty = random.normal();
        difficulties.extend([-3.0, difficulty, -2.5]);
    }
    (cells, difficulties)
}

struct Student<'a> {
    settings: &'a Settings,
    handout: &'a [GivenCell],
    difficulties: &'a [f64],
    lab: Lab<'a>,
    skill: f64,
    random: Random,
    language: &'a str,
    participant: usize,
    now_ms: i64,
    moods: Vec<MoodChange>,
    saves: &'a mut Vec<Save>,
}

impl Student<'_> {
    fn work(&mut self) {
        let mut left: Vec<usize> = (0..self.handout.len())
            .filter(|at| self.handout[*at].is_code)
            .collect();
        self.save();
        while !left.is_empty() && !self.is_over() {
            // Some look at a later one first.
            let next = if self.random.chance(0.15) {
                self.random.below(left.len().min(4))
            } else {
                0
            };
            let origin = left.remove(next);
            self.pause();
            match self.handout[origin].is_exercise {
                true => self.solve(origin),
                false => self.run_demo(origin),
            }
            if self.random.chance(0.12) {
                self.try_out();
            }
        }
        self.feel(Mood::Finished);
    }

    fn is_over(&self) -> bool {
        self.now_ms >= self.settings.minutes * 60_000
    }

    fn feel(&mut self, mood: Mood) {
        if self.moods.last().is_some_and(|last| last.mood != mood) {
            self.moods.push(MoodChange {
                at_ms: self.now_ms,
                mood,
            });
        }
    }

    /// Time passes, and JupyterLab saves what has changed.
    fn spend(&mut self, mean_seconds: f64) {
        let seconds = 1.5 + self.random.exponential(mean_seconds);
        let until = self.now_ms + (seconds * 1e3) as i64;
        if self.lab.is_dirty {
            self.now_ms = until.min(self.now_ms + self.random.between(400.0, 5_000.0) as i64);
            self.save();
        }
        self.now_ms = until;
        if self
            .random
            .chance(self.settings.gestures * seconds.min(60.0) / 60.0)
        {
            self.lab.gesture(&mut self.random);
        }
    }

    fn save(&mut self) {
        if self.is_over() {
            return;
        }
        self.lab.is_dirty = false;
        self.saves.push(Save {
            at_ms: self.now_ms,
            participant: self.participant,
            json: self.lab.json(),
            origins: self
                .lab
                .cells
                .iter()
                .map(|cell| cell.origins.clone())
                .collect(),
            states: self.lab.states(),
            failing: self.lab.failing(),
        });
    }

    /// Reads, or has a break.
    fn pause(&mut self) {
        self.feel(Mood::Thinking);
        self.spend(25.0);
        if self.random.chance(0.05) {
            self.feel(Mood::Away);
            self.spend(240.0);
        }
        self.feel(Mood::Working);
    }

    fn run_demo(&mut self, origin: usize) {
        let Some(place) = self.lab.place_of(origin) else {
            return;
        };
        let fails = self.random.chance(0.15 * self.settings.slip_rate);
        let result = if fails {
            self.error(origin)
        } else {
            self.output()
        };
        self.lab.run(place, &result);
        self.spend(8.0);
        if fails && let Some(place) = self.lab.place_of(origin) {
            let result = self.output();
            self.lab.run(place, &result);
            self.spend(4.0);
        }
    }

    /// Attempts at an exercise, until one succeeds or the time is over.
    fn solve(&mut self, origin: usize) {
        let mut distance = self.skill - self.difficulties[origin];
        let mut stuck_until = None;
        let own_error = self.error(origin);
        loop {
            self.write(origin);
            if self.is_over() {
                return;
            }
            let Some(place) = self.lab.place_of(origin) else {
                return;
            };
            let is_stuck = stuck_until.is_some_and(|until| self.now_ms < until);
            if stuck_until.is_some() && !is_stuck {
                self.feel(Mood::Working);
                distance = 3.0;
            }
            if !is_stuck
                && self
                    .random
                    .chance(logistic(distance) * (1.0 - 0.5 * self.settings.slip_rate))
            {
                let result = self.output();
                self.lab.run(place, &result);
                self.spend(5.0);
                return;
            }
            let result = match self.random.below(20) {
                0..=11 => own_error.clone(),
                12..=16 => self.error(origin),
                _ => self.output(),
            };
            self.lab.run(place, &result);
            if stuck_until.is_none() && self.random.chance(STUCK_FACTOR * logistic(-distance - 1.0))
            {
                self.feel(Mood::Stuck);
                let ms = self
                    .random
                    .exponential(self.settings.stuck_minutes * 60e3)
                    .max(15e3);
                stuck_until = Some(self.now_ms + ms as i64);
            }
            distance += 0.6;
            self.spend(if is_stuck { 30.0 } else { 14.0 });
            self.restart_sometimes();
        }
    }

    /// Writes a version of the answer, in one or several goes.
    fn write(&mut self, origin: usize) {
        for _ in 0..1 + self.random.below(3) {
            self.spend(12.0);
            let Some(place) = self.lab.place_of(origin) else {
                return;
            };
            if self.random.chance(0.2) {
                continue;
            }
            let before = &self.lab.cells[place].source;
            let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
            lines.retain(|line| !line.contains("raise NotImplementedError"));
            let new = format!(
                "    {}  # {}",
                self.random.pick(&BODY),
                self.random.below(50)
            );
            if lines.len() > 3 && self.random.chance(0.5) {
                let at = self.random.below(lines.len());
                lines[at] = new;
            } else {
                lines.push(new);
            }
            self.lab
                .edit(place, lines.join("\n").replace("___", "[2, 3, 5]"));
        }
    }

    /// Tries something in a cell of their own: errors there are part of it.
    fn try_out(&mut self) {
        let at = self.random.below(self.lab.cells.len() + 1);
        let source = format!(
            "x{} = {}\n{}",
            self.random.below(9),
            self.random.below(99),
            self.random.pick(&BODY)
        );
        self.lab.insert(at, true, source);
        for _ in 0..1 + self.random.below(3) {
            let result = if self.random.chance(0.4) {
                self.error(at)
            } else {
                self.output()
            };
            if let Some(cell) = self
                .lab
                .cells
                .get(at)
                .filter(|cell| cell.is_code && cell.origins.is_empty())
            {
                let source = format!("{}\nprint(x)", cell.source);
                self.lab.edit(at, source);
                self.lab.run(at, &result);
            }
            self.spend(15.0);
        }
    }

    fn restart_sometimes(&mut self) {
        if self.random.chance(0.03) {
            self.lab.restart(self.random.chance(0.5));
            let number = self.random.below(1_000);
            self.lab
                .run_all(|_| RunResult::Printed(format!("{number}\n")));
            self.spend(5.0);
        }
    }

    fn output(&mut self) -> RunResult {
        match self.random.below(3) {
            0 => RunResult::Silent,
            _ => RunResult::Printed(format!(
                "[{}, {}]\n",
                self.random.below(500),
                self.random.below(500)
            )),
        }
    }

    fn error(&mut self, origin: usize) -> RunResult {
        let noun = NOUNS[(origin + self.random.below(3)) % NOUNS.len()];
        if self.language == "R" {
            let call = VERBS[origin % VERBS.len()];
            let value = format!("Error in {call}({noun}): object '{noun}' not found\n");
            return RunResult::Failed {
                name: "ERROR".to_owned(),
                value,
            };
        }
        let (name, value) = match self.random.below(5) {
            0 => ("IndexError", "list index out of range".to_owned()),
            1 => ("NameError", format!("name '{noun}' is not defined")),
            2 => ("TypeError", format!("'{noun}' object is not iterable")),
            3 => (
                "IndentationError",
                format!(
                    "unexpected indent ({}.py, line {})",
                    self.random.below(99_999),
                    1 + self.random.below(9)
                ),
            ),
            _ => ("ZeroDivisionError", "division by zero".to_owned()),
        };
        RunResult::Failed {
            name: name.to_owned(),
            value,
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
