//! Who is found to need someone, beside simpler ways to find them.

use std::collections::BTreeMap;

use analytics::{
    Run, classroom::Classroom, handout::AnchoredHandout, progress::Progress, signature::Signature,
};

use super::{name, read};
use crate::{
    class::{Mood, SimulatedClass},
    table::Table,
};

/// Whoever is stuck for so long needs someone.
const NEED_MS: i64 = 60_000;
const LOOK_MS: i64 = 30_000;
/// Before, people have only begun.
const FIRST_LOOK_MS: i64 = 5 * 60_000;
const TOP: usize = 5;

const METHODS: [&str; 6] = ["ours", "has-error", "age of the error", "EQ", "RED", "idle"];

#[derive(Default)]
pub(super) struct AttentionScores {
    /// Of each method, those of the first five who need someone.
    hits: [usize; METHODS.len()],
    /// Looks at which five or more need someone.
    looks: usize,
    recalled: [f64; METHODS.len()],
    recalled_looks: usize,
    needing: usize,
    seen: usize,
    entries: usize,
    wrong_entries: BTreeMap<&'static str, usize>,
    minutes: f64,
    delays_s: Vec<f64>,
    missed: usize,
}

impl AttentionScores {
    pub(super) fn add(
        &mut self,
        class: &SimulatedClass,
        handout: &AnchoredHandout,
    ) -> anyhow::Result<()> {
        let mut room = Classroom::new(Some(handout.clone()));
        let mut saves = class.saves.iter().peekable();
        let mut entered: BTreeMap<(usize, i64), ()> = BTreeMap::new();
        let step_ms = analytics::classroom::LOOK_INTERVAL_MS;
        for now_ms in (0..class.end_ms).step_by(usize::try_from(step_ms)?) {
            while let Some(save) = saves.next_if(|save| save.at_ms <= now_ms) {
                room.save(save.at_ms, &name(save.participant), &read(&save.json)?);
                self.note_entries(class, &room, &mut entered);
            }
            room.advance(now_ms + 1);
            self.note_entries(class, &room, &mut entered);
            if now_ms >= FIRST_LOOK_MS && now_ms % LOOK_MS == 0 {
                self.look(class, &room, now_ms);
            }
        }
        self.minutes += class.end_ms as f64 / 60e3;
        self.note_delays(class, &entered);
        Ok(())
    }

    fn look(&mut self, class: &SimulatedClass, room: &Classroom, now_ms: i64) {
        let needs = |one: usize| {
            let mood = class.mood(one, now_ms);
            mood.mood == Mood::Stuck && now_ms - mood.at_ms >= NEED_MS
        };
        let present: Vec<usize> = (0..class.moods.len())
            .filter(|one| class.mood(*one, now_ms).mood != Mood::Finished)
            .collect();
        let needing = present.iter().filter(|one| needs(**one)).count();
        self.needing += needing;
        self.seen += present.len();
        if needing == 0 {
            return;
        }
        self.recalled_looks += 1;
        self.looks += usize::from(needing >= TOP);
        for (method, hits) in self.hits.iter_mut().enumerate() {
            let mut ranked: Vec<(f64, usize)> = present
                .iter()
                .map(|one| (points(method, room, &name(*one), now_ms), *one))
                .collect();
            // Equal ones in no order that says anything.
            let shuffled = |one: usize| {
                (one as u64 + 1)
                    .wrapping_mul(now_ms as u64 | 1)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    >> 40
            };
            ranked.sort_by(|a, b| {
                b.0.total_cmp(&a.0)
                    .then_with(|| shuffled(a.1).cmp(&shuffled(b.1)))
            });
            let right = ranked
                .iter()
                .take(TOP)
                .filter(|(_, one)| needs(*one))
                .count();
            if needing >= TOP {
                *hits += right;
            }
            let found = ranked
                .iter()
                .take(2 * TOP)
                .filter(|(_, one)| needs(*one))
                .count();
            self.recalled[method] += found as f64 / needing.min(2 * TOP) as f64;
        }
    }

    /// Who has entered the shortlist, and what they were doing.
    fn note_entries(
        &mut self,
        class: &SimulatedClass,
        room: &Classroom,
        entered: &mut BTreeMap<(usize, i64), ()>,
    ) {
        for entry in room.shortlist().entries() {
            let Some(one) = entry
                .name
                .strip_prefix("participant-")
                .and_then(|one| one.parse().ok())
            else {
                continue;
            };
            if entered.insert((one, entry.entered_ms), ()).is_none() {
                self.entries += 1;
                let word = match class.mood(one, entry.entered_ms).mood {
                    Mood::Stuck => continue,
                    Mood::Working => "working",
                    Mood::Thinking => "thinking",
                    Mood::Away => "away",
                    Mood::Finished => "finished",
                };
                *self.wrong_entries.entry(word).or_default() += 1;
            }
        }
    }

    /// How long it took from being stuck to the shortlist.
    fn note_delays(&mut self, class: &SimulatedClass, entered: &BTreeMap<(usize, i64), ()>) {
        for (one, moods) in class.moods.iter().enumerate() {
            for (at, change) in moods
                .iter()
                .enumerate()
                .filter(|(_, change)| change.mood == Mood::Stuck)
            {
                let end_ms = moods.get(at + 1).map_or(class.end_ms, |next| next.at_ms);
                if end_ms - change.at_ms < NEED_MS {
                    continue;
                }
                // Somebody who was there already is there at once.
                let during = entered
                    .keys()
                    .filter(|(who, at_ms)| *who == one && *at_ms < end_ms);
                match during
                    .map(|(_, at_ms)| *at_ms)
                    .find(|at_ms| *at_ms >= change.at_ms - 120_000)
                {
                    Some(at_ms) => self
                        .delays_s
                        .push((at_ms - change.at_ms).max(0) as f64 / 1e3),
                    None => self.missed += 1,
                }
            }
        }
    }

    pub(super) fn print(&self, name: &str, table: &mut Table) {
        let rate = 100.0 * self.needing as f64 / self.seen.max(1) as f64;
        table.push(name, "need someone", format!("{rate:.1} %"), "");
        for (at, method) in METHODS.iter().enumerate() {
            let precision = self.hits[at] as f64 / (TOP * self.looks).max(1) as f64;
            let recall = self.recalled[at] / self.recalled_looks.max(1) as f64;
            table.push(
                name,
                &format!("attention, precision@5 / recall@10: {method}"),
                format!("{precision:.3} / {recall:.3}"),
                "",
            );
        }
        let mut delays = self.delays_s.clone();
        delays.sort_by(f64::total_cmp);
        let part = |tenths: usize| {
            delays
                .get(delays.len() * tenths / 10)
                .copied()
                .unwrap_or(0.0)
        };
        table.push(
            name,
            "from stuck to the shortlist, median / p90",
            format!("{:.0} / {:.0} s", part(5), part(9)),
            "",
        );
        let stuck = self.delays_s.len() + self.missed;
        table.push(
            name,
            "stuck for a minute and never in the shortlist",
            format!("{} of {stuck}", self.missed),
            "",
        );
        table.push(
            name,
            "entries a minute",
            format!("{:.2}", self.entries as f64 / self.minutes),
            "",
        );
        for (word, count) in &self.wrong_entries {
            let rate = *count as f64 / self.minutes * 60.0;
            table.push(
                name,
                &format!("entries an hour of people who are {word}"),
                format!("{rate:.1}"),
                "",
            );
        }
    }
}

/// How a method ranks somebody: the more points, the sooner.
fn points(method: usize, room: &Classroom, name: &str, now_ms: i64) -> f64 {
    let Some(progress) = room.progress(name) else {
        return 0.0;
    };
    let runs: Vec<&Run> = progress
        .runs()
        .filter(|run| now_ms - run.at_ms <= analytics::progress::RUNS_KEPT_MS)
        .collect();
    match METHODS[method] {
        "ours" => room
            .attention(name, now_ms)
            .map_or(0.0, |attention| f64::from(attention.weight())),
        "has-error" => f64::from(u8::from(!progress.open_episodes().is_empty())),
        "age of the error" => age_ms(progress, now_ms),
        "EQ" => error_quotient(&runs),
        "RED" => repeated_error_density(&runs),
        _ => progress
            .saves_ms
            .map_or(0.0, |(_, last)| (now_ms - last) as f64),
    }
}

fn age_ms(progress: &Progress, now_ms: i64) -> f64 {
    let open = progress
        .open_episodes()
        .iter()
        .max_by_key(|episode| episode.last_run_ms);
    open.map_or(0.0, |episode| (now_ms - episode.failing_since_ms) as f64)
}

/// The Error Quotient of Jadud: of each pair of runs 8 points when both fail, and 3 when their types
/// are one; of 11.
fn error_quotient(runs: &[&Run]) -> f64 {
    let pair = |pair: &[&Run]| match (&pair[0].error, &pair[1].error) {
        (Some(first), Some(second)) => 8.0 + if first.kind == second.kind { 3.0 } else { 0.0 },
        _ => 0.0,
    };
    let pairs = runs.len().saturating_sub(1).max(1) as f64;
    runs.windows(2).map(pair).sum::<f64>() / 11.0 / pairs
}

/// The Repeated Error Density of Becker: r²/(r+1) for each string of r repeats of one error.
fn repeated_error_density(runs: &[&Run]) -> f64 {
    let mut density = 0.0;
    let mut repeats = 0.0_f64;
    let mut before: Option<&Signature> = None;
    for run in runs {
        match (&run.error, before) {
            (Some(error), Some(last)) if error == last => repeats += 1.0,
            _ => {
                density += repeats * repeats / (repeats + 1.0);
                repeats = 0.0;
            }
        }
        before = run.error.as_ref();
    }
    density + repeats * repeats / (repeats + 1.0)
}
