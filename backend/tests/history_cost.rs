//! Measures the disk space of the history of a large workshop, and the time of recording it. It is
//! no test: it prints, and runs when asked for.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends where it is"
)]

use std::time::{Duration, Instant};

use backend::{
    class::CopyId,
    history::{CellChanges, HistoryStore, NewVersion, Retention, SqliteHistory},
};
use serde_json::{Value, json};

const PARTICIPANTS: usize = 300;
/// A workshop's day, in seconds.
const DAY_S: u64 = 7 * 3_600;
/// JupyterLab saves every so many seconds; a participant who reads or listens saves nothing new.
/// Two of three saves are such, and some work in between changes nothing either.
const AUTOSAVE_S: u64 = 5;
const SAVES_PER_DIFFERENT_ONE: u64 = 3;
/// Approximate size of a notebook at the end of the day.
const LARGEST_NOTEBOOK_BYTES: usize = 200_000;

/// Random numbers that are the same in every run.
struct SeededRng(u64);

impl SeededRng {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

/// A participant who works through the day: types, runs cells, goes back to earlier ones.
struct SimulatedParticipant {
    key: CopyId,
    dice: SeededRng,
    cells: Vec<Value>,
    at: usize,
    runs: usize,
    words: usize,
}

const WORDS: [&str; 16] = [
    "data", "mean", "plot", "frame", "value", "column", "result", "for", "in", "return", "import",
    "range", "index", "print", "series", "length",
];

impl SimulatedParticipant {
    fn new(number: usize, lesson: &[Value]) -> Self {
        Self {
            key: CopyId {
                filename: "module1/day1.ipynb".to_owned(),
                user: format!("participant-{number:03}"),
            },
            dice: SeededRng(0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1)),
            cells: lesson.to_vec(),
            at: 2,
            runs: 0,
            words: 0,
        }
    }

    /// The work between two saves that differ, usually fifteen seconds of typing.
    fn work(&mut self, size: usize) {
        match self.dice.roll(20) {
            0 if size < LARGEST_NOTEBOOK_BYTES => self.next_cell(),
            1..=3 => self.run(),
            4 => self.at = self.dice.roll(self.cells.len()),
            _ => self.type_on(),
        }
    }

    fn type_on(&mut self) {
        let mut line = String::from("    ");
        for _ in 0..=self.dice.roll(4) {
            let word = WORDS[self.dice.roll(WORDS.len())];
            self.words += 1;
            line.push_str(&format!(
                "{word}_{} = {word}({}) ",
                self.words % 97,
                self.words
            ));
        }
        line.push('\n');
        let lines = self.dice.roll(3);
        let source = self.cells[self.at]["source"].as_array_mut().unwrap();
        // Half of the typing continues a line that is there.
        if lines == 0 || source.is_empty() || source.len() > 30 {
            source.truncate(24);
            source.push(json!(line));
        } else {
            let last = source.last_mut().unwrap();
            let text = format!(
                "{} {}",
                last.as_str().unwrap().trim_end(),
                line.trim_start()
            );
            *last = json!(text.chars().take(90).collect::<String>());
        }
    }

    fn run(&mut self) {
        self.runs += 1;
        let text: Vec<Value> = (0..=self.dice.roll(12))
            .map(|row| {
                json!(format!(
                    "{row:>4}  {:>12}  {:>9}\n",
                    self.dice.roll(1 << 30),
                    row * self.runs
                ))
            })
            .collect();
        let mut outputs = vec![json!({"name": "stdout", "output_type": "stream", "text": text})];
        // One run in eight draws a picture.
        if self.dice.roll(8) == 0 {
            let image: String = (0..9_000 + self.dice.roll(9_000))
                .map(|_| {
                    char::from(
                        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                            [self.dice.roll(64)],
                    )
                })
                .collect();
            outputs.push(json!({"data": {"image/png": image, "text/plain": ["<Figure size 640x480 with 1 Axes>"]},
                "metadata": {}, "output_type": "display_data"}));
        }
        let cell = &mut self.cells[self.at];
        if cell["cell_type"] == "code" {
            cell["execution_count"] = json!(self.runs);
            cell["outputs"] = json!(outputs);
        }
    }

    fn next_cell(&mut self) {
        let id = format!(
            "{:08x}-{:04x}",
            self.dice.roll(1 << 32),
            self.dice.roll(1 << 16)
        );
        self.at = (self.at + 1).min(self.cells.len());
        self.cells.insert(self.at, code(&id, &[]));
    }

    fn bytes(&self) -> Vec<u8> {
        let notebook = json!({
            "cells": self.cells,
            "metadata": {
                "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python",
                    "nbconvert_exporter": "python", "pygments_lexer": "ipython3", "version": "3.13.1"}
            },
            "nbformat": 4, "nbformat_minor": 5
        });
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        serde::Serialize::serialize(&notebook, &mut serializer).unwrap();
        out.push(b'\n');
        out
    }
}

fn code(id: &str, source: &[&str]) -> Value {
    json!({"cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source})
}

/// The notebook that all begin with: forty cells of prose and code, and a picture.
fn lesson() -> Vec<Value> {
    let mut dice = SeededRng(7);
    let mut cells: Vec<Value> = (0..40)
        .map(|n| {
            let text: Vec<String> = (0..6)
                .map(|_| {
                    (0..9)
                        .map(|_| WORDS[dice.roll(WORDS.len())])
                        .collect::<Vec<_>>()
                        .join(" ")
                        + "\n"
                })
                .collect();
            let kind = if n % 2 == 0 { "markdown" } else { "code" };
            let mut cell = code(
                &format!("lesson-{n}"),
                &text.iter().map(String::as_str).collect::<Vec<_>>(),
            );
            cell["cell_type"] = json!(kind);
            cell
        })
        .collect();
    let image: String = (0..40_000)
        .map(|_| char::from(b'A' + u8::try_from(dice.roll(26)).unwrap()))
        .collect();
    cells[0]["attachments"] = json!({"map.png": {"image/png": image}});
    cells
}

#[test]
#[ignore = "a measurement of some minutes; see docs/features.md"]
fn three_hundred_participants_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteHistory::open(&folder.path().join("history.sqlite3")).unwrap();
    let retention = Retention::new(30, 2 << 30);
    let lesson = lesson();
    let mut people: Vec<SimulatedParticipant> = (0..PARTICIPANTS)
        .map(|number| SimulatedParticipant::new(number, &lesson))
        .collect();
    let mut bytes: Vec<Vec<u8>> = people.iter().map(SimulatedParticipant::bytes).collect();
    let begin_ms = 1_800_000_000_000_i64;
    let (mut versions, mut saved, mut recording) = (0_usize, 0_u64, Duration::ZERO);
    let rounds = DAY_S / (AUTOSAVE_S * SAVES_PER_DIFFERENT_ONE);
    for round in 0..rounds {
        let now_ms =
            begin_ms + i64::try_from(round * AUTOSAVE_S * SAVES_PER_DIFFERENT_ONE * 1_000).unwrap();
        for (person, bytes) in people.iter_mut().zip(&mut bytes) {
            if round > 0 {
                person.work(bytes.len());
                *bytes = person.bytes();
            }
            saved += bytes.len() as u64;
        }
        let saves: Vec<NewVersion<'_>> = people
            .iter()
            .zip(&bytes)
            .map(|(person, bytes)| NewVersion {
                key: &person.key,
                saved_at_ms: now_ms,
                noted_at_ms: now_ms,
                cells: person.cells.len(),
                counts: CellChanges::default(),
                bytes,
            })
            .collect();
        let started = Instant::now();
        for batch in saves.chunks(64) {
            let added = store.add(batch).unwrap();
            versions += added.into_iter().filter(|is_new| *is_new).count();
        }
        recording += started.elapsed();
    }
    let report = |when: &str| {
        let size = store.size().unwrap();
        println!("{when}: {:.0} MB on the disk", size as f64 / 1e6);
    };
    let mean = bytes.iter().map(Vec::len).sum::<usize>() / PARTICIPANTS;
    println!(
        "{PARTICIPANTS} participants, {} h, {versions} versions of {:.0} GB together (the last of {} kB in the mean)",
        DAY_S / 3_600,
        saved as f64 / 1e9,
        mean / 1_000
    );
    println!(
        "{:.2} ms to record one, {:.0} bytes each",
        recording.as_secs_f64() * 1e3 / versions as f64,
        store.size().unwrap() as f64 / versions as f64
    );
    report("in the evening");
    let day_ms = 24 * 3_600_000;
    for (days, when) in [
        (2, "two days later"),
        (9, "nine days later"),
        (40, "forty days later"),
    ] {
        let started = Instant::now();
        while store.tidy(&retention, begin_ms + days * day_ms).unwrap() {}
        report(when);
        println!(
            "  after {:.1} s of tidying up",
            started.elapsed().as_secs_f64()
        );
    }
}
