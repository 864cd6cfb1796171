//! `pipalhub tail`: the ends of several notebooks as one, what `ipytail` did.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use shared::notebook::{Notebook, Part};

use super::parallel::in_parallel;
use crate::homes::OnDisk;

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
    let mut tails = Vec::new();
    let mut code = ExitCode::SUCCESS;
    let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    for (file, read) in args
        .files
        .iter()
        .zip(in_parallel(files, |file| read(args, file)))
    {
        match read {
            Ok((tail, warnings)) => {
                for warning in warnings {
                    eprintln!("pipalhub tail: {}: {warning}", file.display());
                }
                let stem = file.file_stem().unwrap_or_default();
                tails.push((stem.to_string_lossy().into_owned(), tail));
            }
            Err(error) => {
                eprintln!("pipalhub tail: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    match io::stdout().lock().write_all(merged(tails)?.as_bytes()) {
        // Whoever read the output has seen enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write the notebook")?,
    }
    Ok(code)
}

/// The end of a notebook, and what was odd about the notebook.
fn read(args: &TailArgs, file: &Path) -> anyhow::Result<(Notebook, Vec<String>)> {
    let on_disk = OnDisk::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (_, end) = on_disk
        .content_and_end(args.num_cells)
        .with_context(|| format!("{} is not a notebook", file.display()))?;
    Ok((end.tail.trim(args.max_lines), end.warnings))
}

/// What [`Notebook::merge`] makes of `tails`, as JSON; of none it is an empty text.
fn merged(mut tails: Vec<(String, Notebook)>) -> anyhow::Result<String> {
    if tails.len() == 1 {
        let only = tails.pop();
        return Ok(only.map_or_else(String::new, |(_, tail)| tail.to_json()));
    }
    let parts = in_parallel(tails, |(stem, tail)| Part::of(&stem, &tail, None));
    let mut json = String::new();
    Part::merge(&parts, &mut json)?;
    Ok(json)
}
