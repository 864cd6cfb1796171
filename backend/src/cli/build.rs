//! `pipalhub build`: exports, copies and summaries of a class, as `pipalhub serve` keeps
//! them, once or as long as somebody works.

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

/// Between two looks at the homes, at most; the kernel tells of most changes at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Until a file that is being written is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// And for so long. A file that does not change for a second is taken as it is; this is
/// longer only where a clock is wrong.
const PATIENCE: Duration = Duration::from_secs(3);
/// So many pokes are one look.
const AT_ONCE: usize = 1_000;

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

/// Which notebooks of the homes are wanted.
enum Wanted {
    All,
    These(HashSet<String>),
}

impl Wanted {
    fn holds(&self, key: &CopyId) -> bool {
        match self {
            Self::All => key.filename.ends_with(".ipynb"),
            Self::These(filenames) => filenames.contains(&key.filename),
        }
    }
}

/// What could not be built is named on stderr and makes the exit code 1; the others still
/// come out.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let limits = TailLimits::default();
    let homes = args.homes.homes();
    let listed = homes.list().map_err(anyhow::Error::msg);
    listed.with_context(|| format!("cannot find the homes; see {}", homes.flag()))?;
    let copies = Copies::for_command(homes.clone());
    let builds = Builds::new(copies.clone(), limits, &args.out)?;
    let builds = Arc::new(builds.within(args.quota.builds()));
    let (wanted, outside) = sorted_out(&args.notebooks, &homes);
    let progress = Arc::new(Progress::new());
    let class = Class::new(copies, limits)
        .observed_by(Arc::clone(&progress) as _)
        .observed_by(Arc::clone(&builds) as _);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    builds.start(cores)?;

    class.scan_homes(|key| wanted.holds(key));
    let keys = class.copy_ids();
    let missing = missing(&wanted, &keys);
    if keys.is_empty() && outside.is_empty() && missing.is_empty() && !args.watch {
        bail!(
            "there is no notebook in {homes}: is {} right?",
            homes.flag()
        );
    }
    progress.expect(keys.len());
    let half_written = read(&class, &builds, &keys, cores);
    match wanted {
        Wanted::All => builds.class_was_read(&class),
        Wanted::These(_) => builds.some_were_read(),
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
        follow(&class, &builds, &wanted, &homes, &mut problems)?;
    }
    builds.end();
    Ok(match problems.is_none() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The names below the homes, and the files that are in no home.
fn sorted_out(notebooks: &[PathBuf], homes: &Homes) -> (Wanted, Vec<PathBuf>) {
    if notebooks.is_empty() {
        return (Wanted::All, Vec::new());
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
    (Wanted::These(names), outside)
}

/// What was asked for and nobody has.
fn missing(wanted: &Wanted, keys: &[CopyId]) -> Vec<String> {
    let Wanted::These(names) = wanted else {
        return Vec::new();
    };
    let has = |name: &String| keys.iter().any(|key| key.filename == *name);
    let mut missing: Vec<_> = names.iter().filter(|name| !has(name)).cloned().collect();
    missing.sort();
    missing
}

/// Reads everything once. A file that is being written at this moment is waited for: it is a
/// notebook soon, or is known not to be one. The answer is what was not even then.
fn read(class: &Class, builds: &Builds, keys: &[CopyId], threads: usize) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        class.read_all(threads);
        builds.settle_parts();
        let unknown = keys.iter().filter(|key| !builds.knows(key));
        let paths = unknown.filter_map(|key| {
            let home = class.copies().homes()?.home_of(&key.user)?;
            let is_there = home.open().ok()?.has(&key.filename);
            is_there.then(|| home.shown(&key.filename))
        });
        let awaited: Vec<String> = paths.collect();
        if awaited.is_empty() || Instant::now() > until {
            return awaited;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Builds what is saved, until somebody has seen enough.
fn follow(
    class: &Class,
    builds: &Builds,
    wanted: &Wanted,
    homes: &Homes,
    problems: &mut Problems,
) -> anyhow::Result<()> {
    eprintln!("pipalhub build: following saves; Ctrl-C ends");
    let ended = asked_to_end()?;
    let (watch, pokes, _wake) = watch();
    while !ended.load(Ordering::Relaxed) {
        // One poke or many: everything is looked at, which for a file that did not change
        // is one question to the kernel.
        let _ = pokes.recv_timeout(LOOK_EVERY);
        pokes.try_iter().take(AT_ONCE).for_each(drop);
        class.scan_homes_and_watch(&watch, |key| wanted.holds(key));
        class.read_all(1);
        problems.name_all(homes, builds);
    }
    builds.settle();
    problems.name_all(homes, builds);
    Ok(())
}

/// True after Ctrl-C or SIGTERM.
fn asked_to_end() -> anyhow::Result<Arc<AtomicBool>> {
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    ctrlc::set_handler(move || end.store(true, Ordering::Relaxed))
        .context("cannot wait for Ctrl-C")?;
    Ok(ended)
}

/// What cannot be built, as it was named on stderr: each is named once.
#[derive(Default)]
struct Problems {
    /// By path; they can pass.
    of_homes: BTreeMap<String, String>,
    /// Something else could not be built, and will not be.
    others: bool,
}

impl Problems {
    /// Names what cannot be built now, unless it was; what can be again is forgotten.
    fn name_all(&mut self, homes: &Homes, builds: &Builds) {
        let path = |key: &CopyId| match homes.home_of(&key.user) {
            Some(home) => home.shown(&key.filename),
            None => format!("the summary of {}", key.filename),
        };
        let problems = builds.problems().into_iter();
        let now: BTreeMap<_, _> = problems.map(|(key, what)| (path(&key), what)).collect();
        for (path, problem) in &now {
            if self.of_homes.get(path) != Some(problem) {
                name(path, problem);
            }
        }
        self.of_homes = now;
    }

    fn name_other(&mut self, what: &str, problem: &str) {
        name(what, problem);
        self.others = true;
    }

    fn is_none(&self) -> bool {
        self.of_homes.is_empty() && !self.others
    }
}

fn name(what: &str, problem: &str) {
    eprintln!("pipalhub build: {}: {problem}", what.escape_debug());
}

/// A bar on a terminal; elsewhere a line for each notebook.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
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

impl Observer for Progress {
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
