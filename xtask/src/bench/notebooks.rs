//! Generates the notebooks that are measured, the same on every machine, with cells and outputs in
//! the proportions of a workshop.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::parts::{self, SeededRandom};

/// A generated notebook.
pub(super) struct GeneratedNotebook {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// The notebook as Jupyter writes it.
    pub(super) json: String,
}

/// All of them, in the order of the table.
pub(super) fn all() -> anyhow::Result<Vec<GeneratedNotebook>> {
    [
        ("small", small()),
        ("typical", typical(2)),
        ("image-heavy", image_heavy()),
        ("output-heavy", output_heavy()),
    ]
    .into_iter()
    .map(|(name, cells)| {
        let json = write(&cells)?;
        Ok(GeneratedNotebook { name, json })
    })
    .collect()
}

/// A typical notebook, another one for each participant.
pub(super) fn of_participant(n: usize) -> anyhow::Result<String> {
    write(&typical(100 + n as u64))
}

/// The first five minutes of a workshop.
fn small() -> Vec<Value> {
    let mut random = SeededRandom::new(1);
    vec![
        markdown("# Day 1\n\nSay *hello* to the notebook, then change it."),
        code(1, "print(\"hello\")", &[stream("hello\n")]),
        code(2, &parts::source(&mut random, 6), &[]),
        code(3, "df.head()", &[table(&mut random, 3, 5, 4)]),
        code(4, "1 / 0", &[error(&mut random)]),
        markdown("What went *wrong* here?"),
    ]
}

/// 200 KB: a day's work, with two plots.
fn typical(seed: u64) -> Vec<Value> {
    let mut random = SeededRandom::new(seed);
    let mut cells = Vec::new();
    for n in 1..=40 {
        if n % 2 == 1 {
            cells.push(markdown(&parts::prose(&mut random, n)));
        }
        let outputs = match n % 8 {
            1 => vec![stream(&parts::log(&mut random, 12))],
            2 => vec![table(&mut random, n, 20, 6)],
            3 => vec![result(n, &parts::log(&mut random, 3))],
            5 => vec![stream(&parts::log(&mut random, 40))],
            6 => vec![table(&mut random, n, 10, 5)],
            7 if n == 15 || n == 31 => vec![plot(&mut random, 24_000)],
            7 => vec![error(&mut random)],
            _ => vec![],
        };
        cells.push(code(n, &parts::source(&mut random, 14), &outputs));
    }
    cells
}

/// 4 MB, nearly all of it in forty plots.
fn image_heavy() -> Vec<Value> {
    let mut random = SeededRandom::new(3);
    let mut cells = Vec::new();
    for n in 1..=40 {
        if n % 4 == 1 {
            cells.push(markdown(&parts::prose(&mut random, n)));
        }
        let source = parts::source(&mut random, 6);
        cells.push(code(n, &source, &[plot(&mut random, 72_000)]));
    }
    cells
}

/// 5 MB in a thousand outputs, as of a print in a loop.
fn output_heavy() -> Vec<Value> {
    let mut random = SeededRandom::new(4);
    let mut cells = Vec::new();
    for n in 1..=100 {
        let outputs = (0..10).map(|k| match k {
            0..5 => stream(&parts::log(&mut random, 70)),
            5 => stream(&parts::coloured(&mut random, 70)),
            6 | 7 => table(&mut random, n, 30, 7),
            8 => display(json!({"text/plain": lines(&parts::log(&mut random, 60))})),
            _ => error(&mut random),
        });
        let outputs: Vec<Value> = outputs.collect();
        cells.push(code(n, &parts::source(&mut random, 8), &outputs));
    }
    cells
}

fn write(cells: &[Value]) -> anyhow::Result<String> {
    let cells: Vec<Value> = cells
        .iter()
        .enumerate()
        .map(|(n, cell)| {
            let mut cell = cell.clone();
            cell["id"] = json!(format!("cell-{n}"));
            cell
        })
        .collect();
    let notebook = json!({
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": "3.13.1", "file_extension": ".py"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    });
    let mut out = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, indent);
    serde::Serialize::serialize(&notebook, &mut serializer)?;
    out.push(b'\n');
    Ok(String::from_utf8(out)?)
}

/// Text as Jupyter stores it: a list of lines with their ends.
fn lines(text: &str) -> Value {
    text.split_inclusive('\n').collect()
}

fn markdown(text: &str) -> Value {
    json!({"cell_type": "markdown", "metadata": {}, "source": lines(text)})
}

fn code(count: usize, source: &str, outputs: &[Value]) -> Value {
    json!({
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": outputs,
        "source": lines(source),
    })
}

fn stream(text: &str) -> Value {
    json!({"output_type": "stream", "name": "stdout", "text": lines(text)})
}

fn display(data: Value) -> Value {
    let mut output = json!({"output_type": "display_data", "metadata": {}});
    output["data"] = data;
    output
}

fn result(count: usize, text: &str) -> Value {
    json!({
        "output_type": "execute_result",
        "execution_count": count,
        "data": {"text/plain": lines(text)},
        "metadata": {},
    })
}

fn table(random: &mut SeededRandom, count: usize, rows: usize, columns: usize) -> Value {
    let (html, plain) = parts::data_frame(random, rows, columns);
    json!({
        "output_type": "execute_result",
        "execution_count": count,
        "data": {"text/html": lines(&html), "text/plain": lines(&plain)},
        "metadata": {},
    })
}

fn plot(random: &mut SeededRandom, bytes: usize) -> Value {
    display(json!({
        "image/png": STANDARD.encode(parts::png(random, bytes)),
        "text/plain": ["<Figure size 640x480 with 1 Axes>"],
    }))
}

fn error(random: &mut SeededRandom) -> Value {
    let traceback = parts::traceback(random);
    json!({
        "output_type": "error",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
        "traceback": traceback,
    })
}
