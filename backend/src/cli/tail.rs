//! `pipalhub tail`: the ends of several notebooks as one, what `ipytail` did.

use std::{
    fmt::{self, Write as _},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use shared::notebook::{Notebook, Part};

use super::parallel::in_parallel;
use crate::{
    homes::OnDisk,
    text::{self, Text},
};

/// So much is given to the system at once.
const AT_ONCE: usize = 1 << 18;

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
    let mut code = ExitCode::SUCCESS;
    let mut tell = |file: &Path, warnings: &[String], error: Option<&anyhow::Error>| {
        for warning in warnings {
            eprintln!("pipalhub tail: {}: {warning}", file.display());
        }
        if let Some(error) = error {
            eprintln!("pipalhub tail: {error:#}");
            code = ExitCode::FAILURE;
        }
    };
    let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    // One is shown as it is. Of several each becomes text where it was read, so that no
    // more than a few stand in memory as notebooks.
    let printed = if let [file] = files[..] {
        let read = read(args, file);
        let warnings = read.as_ref().map_or(&[][..], |(_, warnings)| warnings);
        tell(file, warnings, read.as_ref().err());
        print(|out| read.map_or(Ok(()), |(tail, _)| out.write_str(&tail.to_json())))
    } else {
        let parts = in_parallel(files.clone(), |file| {
            let (tail, warnings) = read(args, file)?;
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            anyhow::Ok((Part::of(&stem, &tail, None), warnings))
        });
        for (file, part) in files.iter().zip(&parts) {
            let warnings = part.as_ref().map_or(&[][..], |(_, warnings)| warnings);
            tell(file, warnings, part.as_ref().err());
        }
        let parts = parts.iter().flatten().map(|(part, _)| part);
        print(|out| Part::merge(parts, out))
    };
    match printed {
        // Whoever read the output has seen enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed.context("cannot write the notebook")?,
    }
    Ok(code)
}

/// Prints the text that `fill` writes.
fn print(fill: impl FnOnce(&mut Text<'_>) -> fmt::Result) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(AT_ONCE, io::stdout().lock());
    text::write(&mut out, fill)?;
    out.flush()
}

/// The end of a notebook, and what was odd about the notebook.
fn read(args: &TailArgs, file: &Path) -> anyhow::Result<(Notebook, Vec<String>)> {
    let on_disk = OnDisk::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (_, end) = on_disk
        .content_and_end(args.num_cells)
        .with_context(|| format!("{} is not a notebook", file.display()))?;
    Ok((end.tail.trim(args.max_lines), end.warnings))
}
