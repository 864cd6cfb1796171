//! A notebook of 200 KB that grows with each save, written as jupyter_server writes it.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::Context;
use serde_json::json;

/// The cells of the part that stays the same.
const FIXED_CELLS: usize = 40;
const LINES_PER_CELL: usize = 100;

/// The beginning of every version.
pub(super) fn fixed_part() -> String {
    let mut text =
        "{\"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 4, \"cells\": [".to_owned();
    for n in 0..FIXED_CELLS {
        let lines = (0..LINES_PER_CELL)
            .map(|line| format!("step {line} of {n}: loss 0.{line:04}, well on the way\n"));
        let lines: Vec<String> = lines.collect();
        text.push_str(&cell(n, "train(model, data)", &json!(lines)));
        text.push(',');
    }
    text
}

/// The version after `saves` saves, each of which adds a cell.
pub(super) fn version(fixed_part: &str, saves: usize) -> String {
    let mut text = fixed_part.to_owned();
    for n in 0..=saves {
        text.push_str(&cell(
            FIXED_CELLS + n,
            "evaluate(model)",
            &json!([format!("try {n}\n")]),
        ));
        text.push(if n == saves { ']' } else { ',' });
    }
    text.push('}');
    text
}

fn cell(count: usize, source: &str, lines: &serde_json::Value) -> String {
    json!({
        "cell_type": "code", "metadata": {}, "execution_count": count, "source": [source],
        "outputs": [{"output_type": "stream", "name": "stdout", "text": lines}],
    })
    .to_string()
}

/// Saves in place: copies the old file, then truncates, writes and syncs the target.
pub(super) fn save(path: &Path, content: &str) -> anyhow::Result<()> {
    let name = path.file_name().context("a file has a name")?;
    let backup = path.with_file_name(format!(".~{}", name.display()));
    if path.exists() {
        fs::copy(path, &backup)?;
    }
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    if backup.exists() {
        fs::remove_file(backup)?;
    }
    Ok(())
}
