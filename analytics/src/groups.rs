//! Errors that several people have now, with who has solved them and how long that took.

use std::collections::{BTreeMap, BTreeSet};

use crate::{handout::Anchor, progress::Progress, signature::Signature};

/// An error of one person is no group.
const MIN_PEOPLE: usize = 2;

/// An error of several people.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorGroup {
    /// The error.
    pub signature: Signature,
    /// Where people have it: cells of the handout with the number of people, the most first; `None`
    /// for cells of their own.
    pub places: Vec<(Option<Anchor>, usize)>,
    /// Who has it now.
    pub people: Vec<String>,
    /// The save that showed it first, of those who have it.
    pub newest_ms: i64,
    /// How many had it and have solved it.
    pub solved: usize,
    /// The median time that they took.
    pub median_solved_ms: Option<i64>,
}

#[derive(Default)]
struct Gathered<'a> {
    people: BTreeMap<&'a str, BTreeSet<Option<Anchor>>>,
    newest_ms: i64,
    solved: BTreeMap<&'a str, i64>,
}

/// The errors that at least two people have at `now_ms`: those of most people first, then the
/// newest.
#[must_use]
pub fn error_groups<'a>(
    people: impl Iterator<Item = (&'a str, &'a Progress)>,
    now_ms: i64,
) -> Vec<ErrorGroup> {
    let mut gathered: BTreeMap<&Signature, Gathered<'a>> = BTreeMap::new();
    for (name, progress) in people {
        for episode in progress
            .open_episodes()
            .iter()
            .filter(|episode| episode.is_alive(now_ms))
        {
            let group = gathered.entry(&episode.signature).or_default();
            group.people.entry(name).or_default().insert(episode.place);
            group.newest_ms = group.newest_ms.max(episode.begun_ms);
        }
        for episode in progress.ended_episodes() {
            if let Some(took_ms) = episode.solved_after_ms() {
                gathered
                    .entry(&episode.signature)
                    .or_default()
                    .solved
                    .insert(name, took_ms);
            }
        }
    }
    let mut groups: Vec<ErrorGroup> = gathered
        .into_iter()
        .filter(|(_, group)| group.people.len() >= MIN_PEOPLE)
        .map(|(signature, group)| group.named(signature))
        .collect();
    groups.sort_by_key(|group| {
        (
            std::cmp::Reverse(group.people.len()),
            std::cmp::Reverse(group.newest_ms),
        )
    });
    groups
}

impl Gathered<'_> {
    fn named(self, signature: &Signature) -> ErrorGroup {
        let mut places: BTreeMap<Option<Anchor>, usize> = BTreeMap::new();
        for place in self.people.values().flatten() {
            *places.entry(*place).or_default() += 1;
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by_key(|(place, people)| (std::cmp::Reverse(*people), *place));
        // Who has it again has not solved it.
        let solved = self
            .solved
            .iter()
            .filter(|(name, _)| !self.people.contains_key(**name));
        let mut times: Vec<i64> = solved.map(|(_, took_ms)| *took_ms).collect();
        times.sort_unstable();
        ErrorGroup {
            signature: signature.clone(),
            places,
            people: self.people.keys().map(|name| (*name).to_owned()).collect(),
            newest_ms: self.newest_ms,
            solved: times.len(),
            median_solved_ms: times.get(times.len() / 2).copied(),
        }
    }
}

#[cfg(test)]
mod tests;
