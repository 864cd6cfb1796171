//! Notebooks, written as Jupyter writes them.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A notebook of code cells with these sources, each with its number as output.
pub fn notebook(sources: &[&str]) -> Value {
    let cells: Vec<Value> = sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            json!({
                "cell_type": "code",
                "id": format!("cell-{index}"),
                "execution_count": index + 1,
                "metadata": {},
                "source": source,
                "outputs": [{
                    "output_type": "stream",
                    "name": "stdout",
                    "text": format!("printed by {}\n", index + 1),
                }],
            })
        })
        .collect();
    json!({
        "cells": cells,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    })
}

/// Writes the notebook in place, as Jupyter does, which truncates the file and writes.
pub fn save(path: &Path, notebook: &Value) -> Result<()> {
    write(path, &serde_json::to_vec_pretty(notebook)?)
}

/// Writes the first half of the notebook, as the file is in the middle of a save.
pub fn save_half(path: &Path, notebook: &Value) -> Result<()> {
    let whole = serde_json::to_vec_pretty(notebook)?;
    write(path, &whole[..whole.len() / 2])
}

/// Copies the sample class of `cargo xtask run` into `homes`; returns its participants, sorted.
pub fn copy_sample_class(homes: &Path) -> Result<Vec<String>> {
    let sample = crate::repository().join("xtask/sample");
    let mut participants = Vec::new();
    for entry in fs::read_dir(&sample).with_context(|| sample.display().to_string())? {
        let entry = entry?;
        let lessons = entry.path().join("module1");
        // Other folders there are no homes: they make the sample.
        if !lessons.is_dir() {
            continue;
        }
        let user = entry.file_name().to_string_lossy().into_owned();
        for notebook in fs::read_dir(lessons)? {
            let notebook = notebook?;
            let target = homes.join(&user).join("module1").join(notebook.file_name());
            write(&target, &fs::read(notebook.path())?)?;
        }
        participants.push(user);
    }
    participants.sort();
    Ok(participants)
}

/// Copies the lesson of the sample class into so many homes, each as far as one of its participants
/// came; returns them, sorted.
pub fn copy_large_class(homes: &Path, size: usize) -> Result<Vec<String>> {
    const LESSON: &str = "module1/day1.ipynb";
    let sample = tempfile::tempdir()?;
    let first = copy_sample_class(sample.path())?;
    let mut participants = Vec::new();
    for at in 0..size {
        let user = &first[at % first.len()];
        let name = format!("{user}{:02}", at / first.len());
        let lesson = fs::read(sample.path().join(user).join(LESSON))?;
        let mut lesson: Value = serde_json::from_slice(&lesson)?;
        let cells = lesson["cells"].as_array_mut().context("it has cells")?;
        cells.truncate(cells.len() - at % (cells.len() / 2));
        save(&homes.join(&name).join(LESSON), &lesson)?;
        participants.push(name);
    }
    participants.sort();
    Ok(participants)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a notebook lies in a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(path, content).with_context(|| path.display().to_string())
}
