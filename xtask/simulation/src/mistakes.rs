//! Errors that real kernels have written: whether the same mistake of several people is one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use analytics::{
    signature::{Names, Signature},
    snapshot::Snapshot,
};
use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use crate::table::{Hits, Table};

/// An error, as `xtask/bench/mistakes.py` has it from a kernel.
#[derive(Deserialize)]
struct RecordedMistake {
    /// Which mistake it is: the truth.
    mistake: String,
    variant: usize,
    kernel: String,
    language: String,
    names: Vec<String>,
    /// As the notebook would have them.
    outputs: Vec<serde_json::Value>,
}

impl RecordedMistake {
    /// Read as it would be from a participant's notebook.
    fn signature(&self) -> anyhow::Result<Signature> {
        let notebook = json!({
            "cells": [{
                "cell_type": "code",
                "metadata": {},
                "source": "x",
                "execution_count": 1,
                "outputs": self.outputs,
            }],
            "metadata": {"language_info": {"name": self.language}},
            "nbformat": 4,
            "nbformat_minor": 4,
        });
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let snapshot = Snapshot::read(notebook.to_string().into_bytes(), &Names::of(&names))?;
        let error = snapshot
            .errors()
            .next()
            .map(|(_, signature)| signature.clone());
        error.with_context(|| format!("{} in {} has no signature", self.mistake, self.kernel))
    }
}

/// Compares all pairs of errors, and the kernels of one language.
pub(crate) fn measure(file: &Path, table: &mut Table) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let recorded: Vec<RecordedMistake> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let with_signature = |one| Ok((one, RecordedMistake::signature(one)?));
    let errors: Vec<(&RecordedMistake, Signature)> = recorded
        .iter()
        .map(with_signature)
        .collect::<anyhow::Result<_>>()?;
    let mut hits = Hits::default();
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (one, signature)) in errors.iter().enumerate() {
        for (other, second) in &errors[at + 1..] {
            let (is_same, is_found) = (one.mistake == other.mistake, signature == second);
            hits.there += usize::from(is_same);
            hits.found += usize::from(is_found);
            hits.right += usize::from(is_same && is_found);
            if is_same != is_found {
                let word = if is_same { "apart" } else { "together" };
                *wrong
                    .entry(format!(
                        "{word}: {} · {signature} · {} · {second}",
                        one.mistake, other.mistake
                    ))
                    .or_default() += 1;
            }
        }
    }
    let kernels: BTreeSet<&str> = recorded.iter().map(|one| &*one.kernel).collect();
    let mistakes: BTreeSet<&str> = recorded.iter().map(|one| &*one.mistake).collect();
    let what = format!(
        "{} mistakes, {} errors, {}",
        mistakes.len(),
        recorded.len(),
        kernels.into_iter().collect::<Vec<_>>().join(", ")
    );
    table.push(
        &what,
        "error groups, pairs: precision / recall",
        hits.to_string(),
        "0.98 / 0.95",
    );
    stability(&errors, &what, table);
    let mut wrong: Vec<_> = wrong.into_iter().collect();
    wrong.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (pair, count) in wrong.iter().take(20) {
        eprintln!("{count} pairs {pair}");
    }
    Ok(())
}

/// How many errors have one signature in all kernels of their language.
fn stability(errors: &[(&RecordedMistake, Signature)], what: &str, table: &mut Table) {
    let mut by_error: BTreeMap<(&str, &str, usize), BTreeSet<&Signature>> = BTreeMap::new();
    for (one, signature) in errors {
        by_error
            .entry((&one.language, &one.mistake, one.variant))
            .or_default()
            .insert(signature);
    }
    let same = by_error
        .values()
        .filter(|signatures| signatures.len() == 1)
        .count();
    table.push(
        what,
        "errors with one signature in all versions",
        format!("{same} of {}", by_error.len()),
        "all",
    );
}
