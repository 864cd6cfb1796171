//! `pipalhub build`: exports, copies and summaries of a class, as `pipalhub serve` keeps
//! them, once or until Ctrl-C.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{homes::HomesArg, quota::QuotaArgs};
use crate::{
    builds::Builds,
    class::{Class, CopyId, Observer, Revision, TailLimits},
    copies::Copies,
    homes::{Homes, watch},
};

/// Longest time between two scans of the homes; the kernel reports most changes at once.
const SCAN_INTERVAL: Duration = Duration::from_millis(500);
/// Wait before a half-written file is read again.
const HALF_WRITTEN_RETRY: Duration = Duration::from_millis(50);
/// Longest wait for half-written files. A file that does not change for a second is read as it
/// is; the wait is longer only where a clock is wrong.
const HALF_WRITTEN_TIMEOUT: Duration = Duration::from_secs(3);
/// Most pokes of the watcher that one scan answers.
const MAX_POKES_PER_SCAN: usize = 1_000;

/// Build HTML exports, copies and summaries of participants' notebooks.
///
/// For each notebook `module1/day1.ipynb` there is then in OUT: `module1/day1/ana.html` and
/// `module1/day1/notebooks/ana.ipynb` for each participant, and everyone's last cells as
/// `module1/day1/00-summary.html` and `.ipynb`. What is up to date is not built again.
#[derive(Args)]
pub(super) struct BuildArgs {
    /// The folder to build into; made when it is not there.
    #[arg(short = 'd', long, value_name = "OUT", default_value = "build")]
    out: PathBuf,
    #[command(flatten)]
    homes: HomesArg,
    #[command(flatten)]
    quota: QuotaArgs,
    /// Go on, and build what is saved, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Which notebooks: a path below the homes, such as module1/day1.ipynb, for everyone's
    /// copies of it, or the path of a file. [default: every notebook of every home]
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<PathBuf>,
}

/// The notebooks of the homes to build.
enum NotebookSelection {
    All,
    Filenames(HashSet<String>),
}

impl NotebookSelection {
    fn contains(&self, key: &CopyId) -> bool {
        match self {
            Self::All => key.filename.ends_with(".ipynb"),
            Self::Filenames(filenames) => filenames.contains(&key.filename),
        }
    }
}

/// Runs the command. A notebook that cannot be built is named on stderr and makes the exit code
/// 1; the others are built all the same.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let limits = TailLimits::default();
    let homes = args.homes.homes();
    let listed = homes.list().map_err(anyhow::Error::msg);
    listed.with_context(|| format!("cannot find the homes; see {}", homes.flag()))?;
    let copies = Copies::for_command(homes.clone());
    let builds = Builds::new(copies.clone(), limits, &args.out)?;
    let builds = Arc::new(builds.within(args.quota.builds()));
    let (selection, outside) = select(&args.notebooks, &homes);
    let progress = Arc::new(BuildProgress::new());
    let class = Class::new(copies, limits)
        .observed_by(Arc::clone(&progress) as _)
        .observed_by(Arc::clone(&builds) as _);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    builds.start(cores)?;

    class.scan_homes(|key| selection.contains(key));
    let keys = class.copy_ids();
    let missing = missing(&selection, &keys);
    if keys.is_empty() && outside.is_empty() && missing.is_empty() && !args.watch {
        bail!(
            "there is no notebook in {homes}: is {} right?",
            homes.flag()
        );
    }
    progress.expect(keys.len());
    let half_written = read(&class, &builds, &keys, cores);
    match selection {
        NotebookSelection::All => builds.class_was_read(&class),
        NotebookSelection::Filenames(_) => builds.some_were_read(),
    }
    builds.settle();
    progress.end();

    let mut problems = Problems::default();
    for path in &outside {
        if let Err(error) = builds.build_outside(path) {
            problems.name_other(&path.display().to_string(), &format!("{error:#}"));
        }
    }
    for filename in missing {
        problems.name_other(&filename, "nobody has a notebook of this name");
    }
    for path in &half_written {
        problems.name_other(path, "somebody is writing it");
    }
    for words in builds.left_out(None) {
        problems.name_other("--notebooks-per-person", &words);
    }
    problems.name_all(&homes, &builds);
    eprintln!(
        "pipalhub build: {} of {} in {}",
        keys.iter().filter(|key| builds.is_good(key)).count(),
        counted(keys.len()),
        builds.path().display()
    );
    if args.watch {
        follow(&class, &builds, &selection, &homes, &mut problems)?;
    }
    builds.end();
    Ok(match problems.is_none() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The selection of these arguments, and those of them that are files in no home.
fn select(notebooks: &[PathBuf], homes: &Homes) -> (NotebookSelection, Vec<PathBuf>) {
    if notebooks.is_empty() {
        return (NotebookSelection::All, Vec::new());
    }
    let mut names = HashSet::new();
    let mut outside = Vec::new();
    for path in notebooks {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let whole = absolute.canonicalize().unwrap_or(absolute);
        match homes.split(&whole) {
            Some((_, filename)) => drop(names.insert(filename)),
            None if whole.is_file() => outside.push(whole),
            None => drop(names.insert(path.to_string_lossy().into_owned())),
        }
    }
    (NotebookSelection::Filenames(names), outside)
}

/// The selected filenames that no participant has.
fn missing(selection: &NotebookSelection, keys: &[CopyId]) -> Vec<String> {
    let NotebookSelection::Filenames(names) = selection else {
        return Vec::new();
    };
    let has = |name: &String| keys.iter().any(|key| key.filename == *name);
    let mut missing: Vec<_> = names.iter().filter(|name| !has(name)).cloned().collect();
    missing.sort();
    missing
}

/// Reads all copies once, and half-written files again until they are notebooks or known not to
/// be. Returns the paths of the files that are still half-written after the timeout.
fn read(class: &Class, builds: &Builds, keys: &[CopyId], threads: usize) -> Vec<String> {
    let until = Instant::now() + HALF_WRITTEN_TIMEOUT;
    loop {
        class.read_all(threads);
        builds.settle_sections();
        let unknown = keys.iter().filter(|key| !builds.knows(key));
        let paths = unknown.filter_map(|key| {
            let home = class.copies().homes()?.home_of(&key.user)?;
            let is_there = home.open().ok()?.has(&key.filename);
            is_there.then(|| home.shown(&key.filename))
        });
        let half_written: Vec<String> = paths.collect();
        if half_written.is_empty() || Instant::now() > until {
            return half_written;
        }
        thread::sleep(HALF_WRITTEN_RETRY);
    }
}

/// Builds notebooks as they are saved, until Ctrl-C or SIGTERM.
fn follow(
    class: &Class,
    builds: &Builds,
    selection: &NotebookSelection,
    homes: &Homes,
    problems: &mut Problems,
) -> anyhow::Result<()> {
    eprintln!("pipalhub build: following saves; Ctrl-C ends");
    let ended = asked_to_end()?;
    let (watch, pokes, _wake) = watch();
    while !ended.load(Ordering::Relaxed) {
        // One poke or many: the scan looks at all files, which for an unchanged one costs one
        // question to the kernel.
        let _ = pokes.recv_timeout(SCAN_INTERVAL);
        pokes.try_iter().take(MAX_POKES_PER_SCAN).for_each(drop);
        class.scan_homes_and_watch(&watch, |key| selection.contains(key));
        class.read_all(1);
        problems.name_all(homes, builds);
    }
    builds.settle();
    problems.name_all(homes, builds);
    Ok(())
}

/// A flag that becomes true at Ctrl-C or SIGTERM.
fn asked_to_end() -> anyhow::Result<Arc<AtomicBool>> {
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    ctrlc::set_handler(move || end.store(true, Ordering::Relaxed))
        .context("cannot wait for Ctrl-C")?;
    Ok(ended)
}

/// The problems that were printed on stderr, so that each is printed once.
#[derive(Default)]
struct Problems {
    /// Of notebooks in the homes, by path; they can pass.
    of_homes: BTreeMap<String, String>,
    /// Whether there were problems of other files, which do not pass.
    others: bool,
}

impl Problems {
    /// Prints the problems of the builds that are new, and forgets those that have passed.
    fn name_all(&mut self, homes: &Homes, builds: &Builds) {
        let path = |key: &CopyId| match homes.home_of(&key.user) {
            Some(home) => home.shown(&key.filename),
            None => format!("the summary of {}", key.filename),
        };
        let problems = builds.problems().into_iter();
        let now: BTreeMap<_, _> = problems.map(|(key, text)| (path(&key), text)).collect();
        for (path, problem) in &now {
            if self.of_homes.get(path) != Some(problem) {
                name(path, problem);
            }
        }
        self.of_homes = now;
    }

    fn name_other(&mut self, subject: &str, problem: &str) {
        name(subject, problem);
        self.others = true;
    }

    fn is_none(&self) -> bool {
        self.of_homes.is_empty() && !self.others
    }
}

fn name(subject: &str, problem: &str) {
    eprintln!("pipalhub build: {}: {problem}", subject.escape_debug());
}

/// The progress on stderr: a bar on a terminal; elsewhere a line for each notebook.
struct BuildProgress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl BuildProgress {
    fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = match is_terminal {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len}  {wide_msg}");
        Self {
            bar: bar.with_style(style.expect("a literal template")),
            is_terminal,
        }
    }

    fn expect(&self, notebooks: usize) {
        self.bar.set_length(notebooks as u64);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for BuildProgress {
    fn revised(&self, revision: &Revision) {
        let CopyId { filename, user } = &revision.key;
        let name = format!("{} of {}", filename.escape_debug(), user.escape_debug());
        if !self.is_terminal {
            eprintln!("pipalhub build: {name}");
        }
        self.bar.set_message(name);
        self.bar.inc(1);
    }

    fn removed(&self, key: &CopyId) {
        if !self.is_terminal {
            let CopyId { filename, user } = key;
            eprintln!(
                "pipalhub build: {} of {} is gone",
                filename.escape_debug(),
                user.escape_debug()
            );
        }
    }
}

fn counted(notebooks: usize) -> String {
    match notebooks {
        1 => "1 notebook".to_owned(),
        number => format!("{number} notebooks"),
    }
}
