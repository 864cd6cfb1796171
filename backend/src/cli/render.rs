//! `pipalhub render`: notebooks as HTML files that need nothing else.
//!
//! [`shared::standalone`] makes the HTML. This module chooses the path of each file and replaces
//! it at once, so that no reader finds half of one.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Component, Path, PathBuf},
    process::{self, ExitCode},
};

use anyhow::{Context, bail};
use clap::Args;
use shared::{
    notebook::Notebook, prepare, prepared::PreparedCell, render, report::RenderReport,
    sanitize::Ammonia, standalone,
};

use crate::homes::NotebookFile;

/// Write each notebook as one HTML file, to read, send or print.
///
/// The file needs nothing else: no network, no script, no folder of images. Whatever is in
/// the notebook, nothing in it runs. Without -o it is written beside the notebook, with the
/// ending .html.
#[derive(Args)]
pub(super) struct RenderArgs {
    /// Where to: a file, or a folder when there are several notebooks or it ends in a
    /// slash; `-` is the standard output. A folder is made when it is not there.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Only the last so many cells of each notebook.
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
    /// Write no files, and print what of the notebooks is not shown as their authors see it: notes,
    /// formulas as their source, commands of TeX that nobody knows, by kind.
    #[arg(long, conflicts_with = "output")]
    report: bool,
    /// The notebooks.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The place that a document is written to.
enum OutputTarget {
    Stdout,
    File(PathBuf),
}

/// Runs the command. A file that cannot be read is named on stderr and makes the exit code 1;
/// the others are rendered all the same.
pub(super) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    if args.report {
        return Ok(report(args));
    }
    let targets = targets(&args.files, args.output.as_deref())?;
    let mut code = ExitCode::SUCCESS;
    for (file, target) in args.files.iter().zip(targets) {
        let rendered = document(file, args.tail).and_then(|html| write(&target, &html));
        if let Err(error) = rendered {
            eprintln!("pipalhub render: {error:#}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Prints what falls back in all notebooks together.
fn report(args: &RenderArgs) -> ExitCode {
    let mut report = RenderReport::default();
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        match cells(file, args.tail) {
            Ok(cells) => {
                let html = render::cells(&cells, &render::Options::default());
                report.add(&cells, html.as_str());
            }
            Err(error) => {
                eprintln!("pipalhub render: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    print!("{report}");
    code
}

fn document(file: &Path, tail: Option<usize>) -> anyhow::Result<String> {
    let cells = cells(file, tail)?;
    let title = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(standalone::document(&title, &cells, "en"))
}

/// The prepared cells of the notebook in `file`, or its last ones.
fn cells(file: &Path, tail: Option<usize>) -> anyhow::Result<Vec<PreparedCell>> {
    let on_disk =
        NotebookFile::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let content = on_disk.content();
    let parsed = content
        .and_then(|bytes| Notebook::parse(&bytes))
        .with_context(|| format!("{} is not a notebook", file.display()))?;
    for warning in parsed.warnings {
        eprintln!("pipalhub render: {}: {warning}", file.display());
    }
    let whole = parsed.notebook;
    let shown = tail.map(|cells| whole.tail(cells));
    let shown = shown.as_ref().unwrap_or(&whole);
    Ok(prepare::cells(shown, whole.len() - shown.len(), &Ammonia))
}

/// One target for each file, no two the same and none of them an input.
fn targets(files: &[PathBuf], output: Option<&Path>) -> anyhow::Result<Vec<OutputTarget>> {
    let paths = match output {
        None => files
            .iter()
            .map(|file| file.with_extension("html"))
            .collect(),
        Some(output) if output.as_os_str() == "-" => {
            if files.len() > 1 {
                bail!("several documents cannot share the standard output: name a folder with -o");
            }
            return Ok(vec![OutputTarget::Stdout]);
        }
        Some(output) if files.len() == 1 && !is_folder(output) => vec![output.to_owned()],
        Some(folder) => below(folder, files),
    };
    let inputs: Vec<PathBuf> = files.iter().map(|file| canonical(file)).collect();
    let mut taken: HashMap<PathBuf, usize> = HashMap::new();
    for (at, path) in paths.iter().enumerate() {
        let place = canonical(path);
        if let Some(input) = inputs.iter().position(|input| *input == place) {
            bail!(
                "{} would be overwritten by what is made of {}: choose another place with -o",
                files[input].display(),
                files[at].display()
            );
        }
        if let Some(other) = taken.insert(place, at)
            && inputs[other] != inputs[at]
        {
            bail!(
                "{} and {} would both be written to {}: render them one at a time, with -o",
                files[other].display(),
                files[at].display(),
                path.display()
            );
        }
    }
    Ok(paths.into_iter().map(OutputTarget::File).collect())
}

/// Whether the path is an existing folder or ends in a slash.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// A path in `folder` for each of `files`: its own name, unless two have the same, as the
/// notebooks of a class do; then with the folders in which their paths differ.
fn below(folder: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let flat: Vec<&Path> = files
        .iter()
        .map(|file| Path::new(file.file_name().unwrap_or_default()))
        .collect();
    let absolute: Vec<PathBuf> = files.iter().map(|file| lexical(file)).collect();
    let alike = (1..flat.len()).any(|at| {
        let same = |other: &usize| flat[*other] == flat[at] && absolute[*other] != absolute[at];
        (0..at).any(|other| same(&other))
    });
    if !alike {
        return flat
            .into_iter()
            .map(|name| folder.join(name).with_extension("html"))
            .collect();
    }
    let mut common = absolute[0].parent().unwrap_or(Path::new("/"));
    while !absolute.iter().all(|path| path.starts_with(common)) {
        common = common.parent().unwrap_or(Path::new("/"));
    }
    let relative = |path: &PathBuf| {
        let rest = path.strip_prefix(common).unwrap_or(path);
        folder.join(rest).with_extension("html")
    };
    absolute.iter().map(relative).collect()
}

/// The path, absolute and without `..`, whether it exists or not.
fn lexical(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The path with links followed when the file exists.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| lexical(path))
}

fn write(target: &OutputTarget, html: &str) -> anyhow::Result<()> {
    match target {
        OutputTarget::Stdout => match io::stdout().lock().write_all(html.as_bytes()) {
            // The reader of the output, such as `head`, has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("cannot write the document"),
        },
        OutputTarget::File(path) => {
            write_file(path, html).with_context(|| format!("cannot write {}", path.display()))
        }
    }
}

/// Writes a file beside the target and renames it to the target, so that the target never holds
/// half a document.
fn write_file(path: &Path, html: &str) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A device or a pipe is written to, not replaced.
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(&path, html);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", process::id()));
    let part = path.with_file_name(name);
    let written = File::create_new(&part)
        .and_then(|mut file| file.write_all(html.as_bytes()))
        .and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(files: &[&str], output: Option<&str>) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let targets = targets(&files, output.map(Path::new)).unwrap();
        let name = |target| match target {
            OutputTarget::Stdout => "-".to_owned(),
            OutputTarget::File(path) => path.display().to_string(),
        };
        targets.into_iter().map(name).collect()
    }

    #[test]
    fn every_notebook_has_its_target() {
        assert_eq!(placed(&["a/x.ipynb"], None), ["a/x.html"]);
        assert_eq!(placed(&["a/x.ipynb"], Some("-")), ["-"]);
        assert_eq!(placed(&["a/x.ipynb"], Some("b.htm")), ["b.htm"]);
        assert_eq!(placed(&["a/x.ipynb"], Some("b/")), ["b/x.html"]);
        let two = ["a/x.ipynb", "b/y.ipynb"];
        assert_eq!(placed(&two, Some("out")), ["out/x.html", "out/y.html"]);
        let class = ["c/ana/m1/d.ipynb", "./c/bo/../bo/m1/d.ipynb"];
        let apart = ["out/ana/m1/d.html", "out/bo/m1/d.html"];
        assert_eq!(placed(&class, Some("out")), apart);
        let twice = ["x.ipynb", "./x.ipynb"];
        assert_eq!(placed(&twice, Some("out")), ["out/x.html", "out/x.html"]);
    }

    #[test]
    fn two_documents_with_one_target_are_refused() {
        let refused = |files: &[&str], output: Option<&str>| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            targets(&files, output.map(Path::new)).is_err()
        };
        assert!(refused(&["x.html"], None));
        assert!(refused(&["x.ipynb"], Some("x.ipynb")));
        assert!(refused(&["x.ipynb", "x.json"], None));
        assert!(refused(&["x.ipynb", "x.json"], Some("out")));
        assert!(refused(&["x.ipynb", "y.ipynb"], Some("-")));
    }
}
