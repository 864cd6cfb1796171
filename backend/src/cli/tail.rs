//! `pipalhub tail`: the ends of several notebooks as one, what `ipytail` did.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use shared::notebook::Notebook;

/// Print the last cells of each notebook, merged into one notebook, as JSON.
///
/// With several files, a header cell with the file's name comes before each one's cells.
#[derive(Args)]
pub(super) struct TailArgs {
    /// How many cells to take from the end of each notebook.
    #[arg(short, long, default_value_t = 10)]
    num_cells: usize,
    /// Cut text outputs that are longer than this many lines in the middle.
    #[arg(short = 'l', long, default_value_t = 25)]
    max_lines: usize,
    /// The notebooks.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A file that cannot be read is named on stderr and makes the exit code 1; the others
/// still come out.
pub(super) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let mut parts = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        match read(file) {
            Ok(notebook) => {
                let tail = notebook.tail(args.num_cells).trim(args.max_lines);
                let stem = file.file_stem().unwrap_or_default();
                parts.push((stem.to_string_lossy().into_owned(), tail));
            }
            Err(error) => {
                eprintln!("pipalhub tail: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    if let Some(merged) = Notebook::merge(parts) {
        match io::stdout().lock().write_all(merged.to_json().as_bytes()) {
            // Whoever read the output has seen enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.context("cannot write the notebook")?,
        }
    }
    Ok(code)
}

fn read(file: &Path) -> anyhow::Result<Notebook> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed =
        Notebook::parse(&bytes).with_context(|| format!("{} is not a notebook", file.display()))?;
    for warning in parsed.warnings {
        eprintln!("pipalhub tail: {}: {warning}", file.display());
    }
    Ok(parsed.notebook)
}
