//! The shortlist: who needs someone now, in the order in which they came.
//!
//! Nobody enters or leaves it for a moment: it takes more to enter than to stay, and whoever is in
//! stays for two minutes. Who asked is before all others. *Helped* and *Later* keep somebody out for
//! a while, unless another error comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::signals::{Attention, Reason};

/// The weight at which somebody enters, and below which they leave.
const ENTER: f32 = 2.5;
const LEAVE: f32 = 1.0;
/// How long somebody stays at least.
const MIN_STAY_MS: i64 = 2 * 60_000;
/// How long a solved error is shown.
const SOLVED_MS: i64 = 20_000;
/// How long *Helped* and *Later* keep somebody out: without an error, and with the same one.
const QUIET_MS: i64 = 5 * 60_000;
const SAME_ERROR_QUIET_MS: i64 = 10 * 60_000;
/// Entries that are shown.
const SHOWN: usize = 8;

/// What was done about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settled {
    /// Someone was there.
    Helped,
    /// Not now.
    Later,
}

/// Somebody in the shortlist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShortlistEntry {
    /// Who.
    pub name: String,
    /// When they entered, in milliseconds since 1970.
    pub entered_ms: i64,
    /// Why, the strongest reason first; of whoever has solved it, why they had come.
    pub reasons: Vec<Reason>,
    /// When their error was solved; they leave soon.
    pub solved_ms: Option<i64>,
    /// When they asked.
    pub asked_ms: Option<i64>,
    /// The error for which they entered.
    error: Option<u64>,
}

/// That somebody is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Quiet {
    settled: Settled,
    at_ms: i64,
    error: Option<u64>,
}

/// The people who need someone now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shortlist {
    entries: Vec<ShortlistEntry>,
    quiet: BTreeMap<String, Quiet>,
    /// How often somebody has entered.
    pub entered: u64,
}

impl Shortlist {
    /// Those who are shown, in the order in which they came, whoever asked first; and how many more
    /// there are.
    #[must_use]
    pub fn shown(&self) -> (Vec<&ShortlistEntry>, usize) {
        let asked = self.entries.iter().filter(|entry| entry.asked_ms.is_some());
        let mut all: Vec<&ShortlistEntry> = asked.collect();
        all.sort_by_key(|entry| entry.asked_ms);
        all.extend(self.entries.iter().filter(|entry| entry.asked_ms.is_none()));
        let more = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
        (all, more)
    }

    /// All who are in, in the order in which they came.
    #[must_use]
    pub fn entries(&self) -> &[ShortlistEntry] {
        &self.entries
    }

    /// Notes what was done about somebody; they leave.
    pub fn settle(&mut self, name: &str, settled: Settled, now_ms: i64, error: Option<u64>) {
        self.entries.retain(|entry| entry.name != name);
        self.quiet.insert(
            name.to_owned(),
            Quiet {
                settled,
                at_ms: now_ms,
                error,
            },
        );
    }

    /// Somebody is no longer in the class.
    pub(crate) fn forget(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
        self.quiet.remove(name);
    }

    /// When somebody was helped last, as far as it still counts.
    #[must_use]
    pub fn helped_ms(&self, name: &str) -> Option<i64> {
        let quiet = self.quiet.get(name)?;
        (quiet.settled == Settled::Helped).then_some(quiet.at_ms)
    }

    /// Looks at one person again: `succeeded` when the error of before was solved just now.
    pub(crate) fn update(
        &mut self,
        name: &str,
        attention: &Attention,
        succeeded: bool,
        asked_ms: Option<i64>,
        now_ms: i64,
    ) {
        let at = self.entries.iter().position(|entry| entry.name == name);
        let Some(at) = at else {
            if asked_ms.is_some()
                || (attention.weight >= ENTER && !self.is_quiet(name, attention, now_ms))
            {
                self.enter(name, attention, asked_ms, now_ms);
            }
            return;
        };
        let entry = &mut self.entries[at];
        let asks_no_more = entry.asked_ms.is_some() && asked_ms.is_none();
        if asks_no_more && attention.weight < ENTER {
            // They had come because they asked.
            self.entries.remove(at);
            return;
        }
        entry.asked_ms = asked_ms;
        if succeeded && attention.weight < ENTER && entry.solved_ms.is_none() {
            entry.solved_ms = Some(now_ms);
        } else if attention.weight >= ENTER {
            entry.solved_ms = None;
        }
        let is_over = match entry.solved_ms {
            Some(solved_ms) => now_ms - solved_ms >= SOLVED_MS,
            None => attention.weight < LEAVE && now_ms - entry.entered_ms >= MIN_STAY_MS,
        };
        if is_over && asked_ms.is_none() {
            self.entries.remove(at);
        } else if entry.solved_ms.is_none() && !attention.reasons.is_empty() {
            entry.reasons.clone_from(&attention.reasons);
            entry.error = attention.error;
        }
    }

    fn enter(&mut self, name: &str, attention: &Attention, asked_ms: Option<i64>, now_ms: i64) {
        self.quiet.remove(name);
        self.entered += 1;
        self.entries.push(ShortlistEntry {
            name: name.to_owned(),
            entered_ms: now_ms,
            reasons: attention.reasons.clone(),
            solved_ms: None,
            asked_ms,
            error: attention.error,
        });
    }

    fn is_quiet(&self, name: &str, attention: &Attention, now_ms: i64) -> bool {
        self.quiet.get(name).is_some_and(|quiet| {
            let quiet_ms = match attention.error {
                None => QUIET_MS,
                Some(_) if quiet.error == attention.error => SAME_ERROR_QUIET_MS,
                Some(_) => 0,
            };
            now_ms - quiet.at_ms < quiet_ms
        })
    }
}

#[cfg(test)]
mod tests;
