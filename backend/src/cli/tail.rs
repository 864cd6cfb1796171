//! `pipalhub tail`: the last cells of several notebooks as one notebook, as `ipytail` made it.

use std::{
    fmt::{self, Write as _},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use shared::notebook::{MergePart, Notebook};

use super::parallel::in_parallel;
use crate::{
    homes::NotebookFile,
    text::{self, TextWriter},
};

/// The buffer of the standard output.
const STDOUT_BUFFER_BYTES: usize = 1 << 18;

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

/// Runs the command. A file that cannot be read is named on stderr and makes the exit code 1;
/// the others are printed all the same.
pub(super) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    // A single tail is printed as it is. Of several each becomes text on the thread that read
    // it, so that only a few are in memory as notebooks.
    let (all_read, printed) = if let [file] = files[..] {
        let tail = or_print_error(file, read(args, file)).map(|tail| tail.to_json());
        let json = tail.as_deref().unwrap_or_default();
        (tail.is_some(), print(|out| out.write_str(json)))
    } else {
        let read = in_parallel(files.clone(), |file| {
            let (tail, warnings) = read(args, file)?;
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            Ok((MergePart::of(&stem, &tail, None), warnings))
        });
        let results = files.iter().zip(read);
        let parts = results.filter_map(|(file, result)| or_print_error(file, result));
        let parts: Vec<MergePart> = parts.collect();
        let all_read = parts.len() == files.len();
        (all_read, print(|out| MergePart::merge(&parts, out)))
    };
    match printed {
        // The reader of the output, such as `head`, has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed.context("cannot write the notebook")?,
    }
    Ok(match all_read {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The value that was read of `file`; prints its warnings, or the error, on stderr.
fn or_print_error<T>(file: &Path, result: anyhow::Result<(T, Vec<String>)>) -> Option<T> {
    match result {
        Ok((value, warnings)) => {
            for warning in warnings {
                eprintln!("pipalhub tail: {}: {warning}", file.display());
            }
            Some(value)
        }
        Err(error) => {
            eprintln!("pipalhub tail: {error:#}");
            None
        }
    }
}

/// Prints the text that `fill` writes.
fn print(fill: impl FnOnce(&mut TextWriter<'_>) -> fmt::Result) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(STDOUT_BUFFER_BYTES, io::stdout().lock());
    text::write(&mut out, fill)?;
    out.flush()
}

/// The last cells of a notebook, and the warnings of the parser.
fn read(args: &TailArgs, file: &Path) -> anyhow::Result<(Notebook, Vec<String>)> {
    let on_disk =
        NotebookFile::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (_, end) = on_disk
        .content_and_end(args.num_cells)
        .with_context(|| format!("{} is not a notebook", file.display()))?;
    Ok((end.tail.trim(args.max_lines), end.warnings))
}
