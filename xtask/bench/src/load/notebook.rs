//! A notebook of 200 KB that grows with each save, written the way jupyter_server does it.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::Context;
use serde_json::json;

/// Of the part that stays the same.
const CELLS: usize = 40;
const LINES: usize = 100;

/// What every version begins with.
pub(super) fn beginning() -> String {
    let mut text =
        "{\"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 4, \"cells\": [".to_owned();
    for n in 0..CELLS {
        let lines = (0..LINES)
            .map(|line| format!("step {line} of {n}: loss 0.{line:04}, well on the way\n"));
        let lines: Vec<String> = lines.collect();
        text.push_str(&cell(n, "train(model, data)", &json!(lines)));
        text.push(',');
    }
    text
}

/// The version after `saves` saves: a cell more with each.
pub(super) fn version(beginning: &str, saves: usize) -> String {
    let mut text = beginning.to_owned();
    for n in 0..=saves {
        text.push_str(&cell(
            CELLS + n,
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

/// In place: what there was is put aside, the target truncated, written and synced.
pub(super) fn save(path: &Path, content: &str) -> anyhow::Result<()> {
    let name = path.file_name().context("a file has a name")?;
    let aside = path.with_file_name(format!(".~{}", name.display()));
    if path.exists() {
        fs::copy(path, &aside)?;
    }
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    if aside.exists() {
        fs::remove_file(aside)?;
    }
    Ok(())
}
