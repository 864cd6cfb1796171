//! A lesson on tables: a person is an automaton that is asked each second what to do next.

use crate::{
    class::{Mood, MoodChange, Save, Settings, SimulatedClass},
    lab::{GivenCell, Lab, LabCell, RunResult, handout_json},
    random::Random,
};

const SECTIONS: usize = 12;
const SAVE_SECONDS: i64 = 5;
/// How often somebody does not know how to go on with an exercise.
const STUCK_CHANCE: f64 = 0.045;
/// The share of people for whom one cell of the handout does not work.
const BROKEN_SHARE: f64 = 0.45;

const TABLES: [&str; 8] = [
    "sales", "orders", "weather", "stations", "trips", "books", "grades", "prices",
];
const COLUMNS: [&str; 12] = [
    "amount", "city", "date", "price", "month", "rain", "title", "author", "score", "name",
    "distance", "year",
];
const AGGREGATES: [&str; 6] = ["mean", "sum", "max", "min", "median", "count"];
const TOPICS: [&str; 10] = [
    "Reading data",
    "Selecting columns",
    "Filtering rows",
    "Grouping",
    "Joining",
    "Plotting",
    "Missing values",
    "Dates",
    "Sorting",
    "Writing results",
];

pub(super) fn class(settings: &Settings) -> SimulatedClass {
    let mut random = Random::new(settings.seed);
    let handout = handout(&mut random);
    let broken = broken_cell(&handout, &mut random);
    let mut class = SimulatedClass {
        handout: handout_json(&handout, "python", settings.ids),
        saves: Vec::new(),
        moods: Vec::new(),
        end_ms: settings.minutes * 60_000,
    };
    for participant in 0..settings.participants {
        let random = Random::new(settings.seed ^ ((participant as u64 + 1) << 20));
        let lab = Lab::open(&handout, "python", settings.ids, participant);
        let mut person = Attendee::new(settings, &handout, lab, random, broken);
        person.attend(participant, &mut class.saves);
        class.moods.push(person.moods);
    }
    class
        .saves
        .sort_by_key(|save| (save.at_ms, save.participant));
    class
}

fn handout(random: &mut Random) -> Vec<GivenCell> {
    let mut cells = Vec::new();
    let text = |source: String| GivenCell {
        is_code: false,
        is_exercise: false,
        source,
    };
    let code = |source: String, is_exercise: bool| GivenCell {
        is_code: true,
        is_exercise,
        source,
    };
    cells.push(text(
        "# Working with tables\n\nRun each cell and read what it prints.".to_owned(),
    ));
    cells.push(code(
        "import pandas as pd\nimport matplotlib.pyplot as plt".to_owned(),
        false,
    ));
    for section in 0..SECTIONS {
        let topic = random.pick(&TOPICS);
        cells.push(text(format!(
            "## {}. {topic}\n\nWe look at `{}` and its column *{}*.",
            section + 1,
            random.pick(&TABLES),
            random.pick(&COLUMNS)
        )));
        let lines: Vec<String> = (0..1 + random.below(3)).map(|_| line(random)).collect();
        cells.push(code(lines.join("\n"), false));
        let (table, column) = (random.pick(&TABLES), random.pick(&COLUMNS));
        cells.push(text(format!(
            "**Exercise {}.** Find the {} of `{column}` in `{table}` for every {}.",
            section + 1,
            random.pick(&AGGREGATES),
            random.pick(&COLUMNS)
        )));
        let stub = match random.below(3) {
            0 => String::new(),
            1 => format!("# YOUR CODE HERE\n{table}_result = ..."),
            _ => format!("def solve_{column}({table}):\n    # TODO\n    pass"),
        };
        cells.push(code(stub, true));
    }
    cells
}

fn line(random: &mut Random) -> String {
    let (table, column, other) = (
        random.pick(&TABLES),
        random.pick(&COLUMNS),
        random.pick(&COLUMNS),
    );
    match random.below(7) {
        0 => format!("{table} = pd.read_csv('{table}.csv')"),
        1 => format!(
            "{table}.groupby('{column}')['{other}'].{}()",
            random.pick(&AGGREGATES)
        ),
        2 => format!("{table}[{table}['{column}'] > {}]", random.below(100)),
        3 => format!("{table}['{column}'].plot(title='{other}')"),
        4 => format!(
            "{table}.sort_values('{column}').head({})",
            3 + random.below(8)
        ),
        5 => format!(
            "{table}['{column}'] = {table}['{other}'].fillna({})",
            random.below(5)
        ),
        _ => format!("print({table}['{column}'].{}())", random.pick(&AGGREGATES)),
    }
}

fn broken_cell(handout: &[GivenCell], random: &mut Random) -> usize {
    let demos: Vec<usize> = (6..handout.len())
        .filter(|at| handout[*at].is_code && !handout[*at].is_exercise)
        .collect();
    *random.pick(&demos)
}

/// What somebody does next.
#[derive(Clone, Copy)]
enum Step {
    Begin,
    Type {
        left: usize,
    },
    Run,
    /// After a slip.
    Fix,
    Struggle {
        until: i64,
        error: usize,
        is_silent: bool,
    },
}

struct Attendee<'a> {
    settings: &'a Settings,
    handout: &'a [GivenCell],
    code: Vec<usize>,
    lab: Lab<'a>,
    random: Random,
    moods: Vec<MoodChange>,
    now: i64,
    next: i64,
    at: usize,
    step: Step,
    pace: f64,
    /// The cell that does not work for this person, until the instructor says how to go on.
    broken: Option<usize>,
}

impl<'a> Attendee<'a> {
    fn new(
        settings: &'a Settings,
        handout: &'a [GivenCell],
        lab: Lab<'a>,
        mut random: Random,
        broken: usize,
    ) -> Self {
        let broken = random.chance(BROKEN_SHARE).then_some(broken);
        Self {
            settings,
            handout,
            code: (0..handout.len())
                .filter(|at| handout[*at].is_code)
                .collect(),
            lab,
            pace: (0.35 * random.normal()).exp(),
            next: random.below(60) as i64,
            random,
            moods: Vec::new(),
            now: 0,
            at: 0,
            step: Step::Begin,
            broken,
        }
    }

    fn attend(&mut self, participant: usize, saves: &mut Vec<Save>) {
        let offset = participant as i64 % SAVE_SECONDS;
        self.feel(Mood::Working);
        for now in 0..self.settings.minutes * 60 {
            self.now = now;
            if now >= self.next {
                self.act();
                if self.random.chance(self.settings.gestures / 12.0) {
                    self.lab.gesture(&mut self.random);
                }
            }
            if now % SAVE_SECONDS == offset && self.lab.is_dirty {
                self.lab.is_dirty = false;
                saves.push(Save {
                    at_ms: now * 1_000 + self.random.below(1_000) as i64,
                    participant,
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
        }
    }

    fn feel(&mut self, mood: Mood) {
        if self.moods.last().is_none_or(|change| change.mood != mood) {
            self.moods.push(MoodChange {
                at_ms: self.now * 1_000,
                mood,
            });
        }
    }

    fn wait(&mut self, low: f64, high: f64) {
        let seconds = self.random.between(low, high) * self.pace;
        self.next = self.now + seconds.max(1.0) as i64;
    }

    fn act(&mut self) {
        let Some(origin) = self.code.get(self.at).copied() else {
            self.feel(Mood::Finished);
            self.next = i64::MAX;
            return;
        };
        let Some(place) = self.lab.place_of(origin) else {
            // Deleted, or cut and not pasted yet: goes on with the next.
            self.advance();
            return;
        };
        match self.step {
            Step::Begin => self.begin(origin),
            Step::Type { left } => self.type_on(place, left),
            Step::Run => self.run(origin, place),
            Step::Fix => {
                self.feel(Mood::Working);
                let source = fixed(&self.lab.cells[place], &mut self.random);
                self.lab.edit(place, source);
                self.step = Step::Run;
                self.wait(2.0, 8.0);
            }
            Step::Struggle {
                until,
                error,
                is_silent,
            } => self.struggle(place, until, error, is_silent),
        }
    }

    fn begin(&mut self, origin: usize) {
        self.feel(Mood::Working);
        self.step = match self.handout[origin].is_exercise {
            true => Step::Type {
                left: 3 + self.random.below(5),
            },
            false => Step::Run,
        };
        self.wait(6.0, 30.0);
    }

    fn type_on(&mut self, place: usize, left: usize) {
        let added = line(&mut self.random);
        let source = &self.lab.cells[place].source;
        let kept = source
            .replace("...", &added)
            .replace("    pass", &format!("    return {added}"));
        let source = if kept == *source {
            format!("{source}\n{added}")
        } else {
            kept
        };
        self.lab.edit(place, source.trim_start().to_owned());
        self.step = if left > 0 {
            Step::Type { left: left - 1 }
        } else {
            Step::Run
        };
        self.wait(4.0, 14.0);
    }

    fn run(&mut self, origin: usize, place: usize) {
        let is_exercise = self.handout[origin].is_exercise;
        if self.broken == Some(origin) {
            let value = "[Errno 2] No such file or directory: 'stations_2026.csv'".to_owned();
            self.lab.run(
                place,
                &RunResult::Failed {
                    name: "FileNotFoundError".to_owned(),
                    value,
                },
            );
            // The instructor has a word for everyone.
            if self.random.chance(0.25) {
                self.broken = None;
            }
            self.wait(10.0, 60.0);
            return;
        }
        let slip = self.settings.slip_rate * if is_exercise { 1.0 } else { 0.3 };
        if is_exercise && self.random.chance(STUCK_CHANCE) {
            self.begin_struggle(place);
        } else if self.random.chance(slip) {
            let result = slip_error(&mut self.random);
            self.lab.run(place, &result);
            self.step = Step::Fix;
            if self.random.chance(0.08) {
                self.go_away();
            } else {
                self.wait(5.0, 40.0);
            }
        } else {
            let result = success(&mut self.random);
            self.lab.run(place, &result);
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.at += 1;
        self.step = Step::Begin;
        if self.random.chance(0.03) {
            self.lab.restart(self.random.chance(0.3));
            if self.random.chance(0.5) {
                let printed = self.random.below(1_000_000);
                self.lab.run_all(|cell| again(cell, printed));
            }
        }
        match self.random.below(100) {
            0..=7 => {
                self.feel(Mood::Thinking);
                self.wait(40.0, 200.0);
            }
            8..=10 => self.go_away(),
            _ => self.wait(2.0, 10.0),
        }
    }

    fn go_away(&mut self) {
        self.feel(Mood::Away);
        self.wait(120.0, 480.0);
    }

    fn begin_struggle(&mut self, place: usize) {
        self.feel(Mood::Stuck);
        let seconds = self
            .random
            .exponential(self.settings.stuck_minutes * 60.0)
            .max(20.0);
        let error = self.random.below(1_000);
        let is_silent = self.random.chance(0.2);
        self.step = Step::Struggle {
            until: self.now + seconds as i64,
            error,
            is_silent,
        };
        let result = if is_silent {
            success(&mut self.random)
        } else {
            stuck_error(error)
        };
        self.lab.run(place, &result);
        self.wait(10.0, 45.0);
    }

    fn struggle(&mut self, place: usize, until: i64, error: usize, is_silent: bool) {
        if self.now >= until {
            let source = fixed(&self.lab.cells[place], &mut self.random);
            self.lab.edit(place, source);
            let result = success(&mut self.random);
            self.lab.run(place, &result);
            self.feel(Mood::Working);
            self.advance();
            return;
        }
        match self.random.below(20) {
            0..=5 => {}
            6..=12 => {
                let source = fixed(&self.lab.cells[place], &mut self.random);
                self.lab.edit(place, source);
            }
            13..=15 => {
                self.wait(15.0, 60.0);
                return;
            }
            _ => {
                let other = slip_error(&mut self.random);
                self.lab.run(place, &other);
                self.wait(12.0, 50.0);
                return;
            }
        }
        let result = if is_silent {
            success(&mut self.random)
        } else {
            stuck_error(error)
        };
        self.lab.run(place, &result);
        self.wait(12.0, 50.0);
    }
}

fn fixed(cell: &LabCell, random: &mut Random) -> String {
    let mut lines: Vec<String> = cell.source.lines().map(str::to_owned).collect();
    let new = line(random);
    match lines.len() {
        0 => lines.push(new),
        length => lines[random.below(length)] = new,
    }
    lines.join("\n")
}

fn again(cell: &LabCell, printed: usize) -> RunResult {
    match cell.state {
        analytics::state::CellState::Failed => stuck_error(printed),
        _ => RunResult::Printed(format!("{printed}\n")),
    }
}

fn success(random: &mut Random) -> RunResult {
    match random.chance(0.4) {
        true => RunResult::Silent,
        false => RunResult::Printed(format!("{:.3}\n", random.between(0.0, 1e6))),
    }
}

fn slip_error(random: &mut Random) -> RunResult {
    let column = random.pick(&COLUMNS);
    let (name, value) = match random.below(4) {
        0 => (
            "NameError",
            format!("name '{}' is not defined", random.pick(&TABLES)),
        ),
        1 => ("KeyError", format!("'{column}'")),
        2 => (
            "SyntaxError",
            format!(
                "'(' was never closed ({}.py, line 1)",
                random.below(1_000_000)
            ),
        ),
        _ => (
            "AttributeError",
            format!("'DataFrame' object has no attribute '{column}'"),
        ),
    };
    RunResult::Failed {
        name: name.to_owned(),
        value,
    }
}

fn stuck_error(error: usize) -> RunResult {
    let column = COLUMNS[error % COLUMNS.len()];
    let (name, value) = match error % 3 {
        0 => (
            "TypeError",
            format!("unsupported operand type(s) for +: '{column}' and 'str'"),
        ),
        1 => (
            "ValueError",
            format!("could not convert string to float: '{column}'"),
        ),
        _ => ("KeyError", format!("'{column}_total'")),
    };
    RunResult::Failed {
        name: name.to_owned(),
        value,
    }
}
