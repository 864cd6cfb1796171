//! `bench faults`: injects faults into a real service, and checks whether it keeps its promises.
//!
//! Every row of the table is a function from a fresh folder to a [`Verdict`]. A row that needs
//! something that this machine lacks (root, strace, Jupyter) says so and neither passes nor fails.
//!
//! * [`kill`], [`resume`], [`ending`]: the process ends; [`weak`] is the control that must fail,
//!   and [`journal`] compares the clients' logs with the journal
//! * [`disk`], [`power`]: the disk fails; [`quota`]: a participant fills it
//! * [`notebooks`], [`moved`], [`clocks`]: files, folders and clocks are wrong
//! * [`hub`], [`away`], [`class_away`]: the Hub fails; the service is away while Jupyter saves, and
//!   while a whole class does
//! * [`far_behind`]: the service was away, and all readers reconnect at once
//! * [`many`], [`refusals`], [`floods`], [`starving`]: too many events, newer data, too many
//!   requests, too many connections; [`large`], [`unread`]: large notebooks, and answers that are
//!   not read
//! * [`open_umask`]: everyone may read what the service makes, unless it takes care
//! * [`named`]: reports of participants' servers that are refused, or that name a notebook
//!   differently than the class
//! * [`pushes`]: pushes that are wrong, and too many of them; [`private_cells`]: what of private
//!   cells leaves a participant's server, which has to be nothing
//! * [`own_disk`], [`hanging`]: a participant's disk is full, or does not answer
//! * [`hostile`], [`evil`]: harmful files in a participant's home; one participant against all
//!   others

mod away;
mod class_away;
mod clocks;
mod disk;
mod ending;
mod evil;
mod far_behind;
mod floods;
mod hanging;
mod hostile;
mod hub;
mod journal;
mod kill;
mod large;
mod many;
mod moved;
mod named;
mod notebooks;
mod open_umask;
mod own_disk;
mod power;
mod private_cells;
mod pushes;
mod quota;
mod refusals;
mod resume;
mod starving;
mod strace;
mod unread;
mod weak;

#[path = "../../../../fuzz/src/evil.rs"]
#[expect(unreachable_pub, reason = "the crate `fuzz` exports it")]
mod evil_notebooks;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use clap::Args;
use futures::future::LocalBoxFuture;

pub(crate) use weak::serve as serve_weak;

use crate::drive::service::ServicePlan;

/// Break what can break and see what the service makes of it.
#[derive(Args)]
pub(crate) struct FaultsArgs {
    /// The program that is tried.
    #[arg(long)]
    pipalhub: PathBuf,
    /// The repository's etc/, for the participants' side.
    #[arg(long)]
    etc: PathBuf,
    /// A Python environment with jupyter_server.
    #[arg(long)]
    venv: Option<PathBuf>,
    /// Only the rows whose names hold one of these.
    #[arg(long)]
    only: Vec<String>,
    /// How often the service is killed; by default what fits into a minute, at most 500.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many notebooks with private cells are pushed; by default 300, in full 10,000.
    #[arg(long)]
    notebooks: Option<usize>,
    /// How many minutes the service is away while a class works; by default 1.
    #[arg(long, value_name = "N")]
    away_minutes: Option<u64>,
    /// Every row in full: 500 kills, 200 restarts, a minute without the service, a minute of pushes.
    #[arg(long)]
    full: bool,
}

/// The programs, the options and the folder of a row.
pub(crate) struct FaultSetup {
    pipalhub: PathBuf,
    etc: PathBuf,
    venv: Option<PathBuf>,
    rounds: Option<usize>,
    notebooks: Option<usize>,
    away_minutes: Option<u64>,
    full: bool,
    folder: PathBuf,
}

impl FaultSetup {
    /// The plan of a service in the row's folder.
    fn plan(&self) -> anyhow::Result<ServicePlan> {
        ServicePlan::new(&self.pipalhub, &self.folder)
    }

    /// How many notebooks with private cells are pushed.
    fn notebooks(&self) -> usize {
        self.notebooks.unwrap_or_else(|| self.bounded(300, 10_000))
    }

    /// How long the service is away while a class works.
    fn away(&self) -> Duration {
        Duration::from_secs(60 * self.away_minutes.unwrap_or(1))
    }

    /// `usual`, or `full` when every row runs in full.
    fn bounded<T>(&self, usual: T, full: T) -> T {
        if self.full { full } else { usual }
    }
}

/// The result of a row.
#[derive(Default)]
struct Verdict {
    figures: Vec<String>,
    faults: Vec<String>,
    /// Why the row could not be tried here.
    untried: Option<String>,
}

impl Verdict {
    fn untried(why: &str) -> Self {
        Self {
            untried: Some(why.to_owned()),
            ..Self::default()
        }
    }

    /// Adds a figure to the row, passed or not.
    fn figure(&mut self, figure: impl Into<String>) {
        self.figures.push(figure.into());
    }

    /// Fails the row unless `holds`, with the text `otherwise`.
    fn must(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.faults.push(otherwise.into());
        }
    }
}

type FaultRow = (
    &'static str,
    for<'a> fn(&'a FaultSetup) -> LocalBoxFuture<'a, anyhow::Result<Verdict>>,
);

/// Every row, in the order of the table.
const ROWS: [FaultRow; 46] = [
    ("kill", |setup| Box::pin(kill::run(setup))),
    ("kill-control", |setup| Box::pin(kill::control(setup))),
    ("power-loss", |setup| Box::pin(power::run(setup))),
    ("disk-full", |setup| Box::pin(disk::full(setup))),
    ("disk-no-space", |setup| Box::pin(disk::no_space(setup))),
    ("disk-write-error", |setup| {
        Box::pin(disk::write_error(setup))
    }),
    ("disk-read-only", |setup| Box::pin(disk::read_only(setup))),
    ("disk-sync-error", |setup| Box::pin(disk::sync_error(setup))),
    ("disk-quota", |setup| Box::pin(quota::quota(setup))),
    ("disk-reserve", |setup| Box::pin(quota::reserve(setup))),
    ("notebooks-torn", |setup| Box::pin(notebooks::torn(setup))),
    ("notebooks-gone", |setup| Box::pin(notebooks::gone(setup))),
    ("notebooks-fleeting", |setup| {
        Box::pin(notebooks::fleeting(setup))
    }),
    ("notebooks-converge", |setup| {
        Box::pin(notebooks::converge(setup))
    }),
    ("gone-while-away", |setup| {
        Box::pin(moved::gone_while_away(setup))
    }),
    ("folder-replaced", |setup| {
        Box::pin(moved::folder_replaced(setup))
    }),
    ("hub-down", |setup| Box::pin(hub::down(setup))),
    ("hub-slow", |setup| Box::pin(hub::slow(setup))),
    ("service-away", |setup| Box::pin(away::run(setup))),
    ("class-without-service", |setup| {
        Box::pin(class_away::down(setup))
    }),
    ("class-data-lost", |setup| {
        Box::pin(class_away::data_lost(setup))
    }),
    ("stream-resume", |setup| Box::pin(resume::run(setup))),
    ("stream-catch-up", |setup| Box::pin(far_behind::run(setup))),
    ("clocks", |setup| Box::pin(clocks::run(setup))),
    ("million-events", |setup| Box::pin(many::run(setup))),
    ("refusals", |setup| Box::pin(refusals::run(setup))),
    ("sigterm", |setup| Box::pin(ending::run(setup))),
    ("home-links", |setup| Box::pin(hostile::links(setup))),
    ("one-notebook", |setup| {
        Box::pin(hostile::one_notebook(setup))
    }),
    ("long-page", |setup| Box::pin(hostile::long_page(setup))),
    ("large-class", |setup| Box::pin(large::run(setup))),
    ("costly-outputs", |setup| {
        Box::pin(hostile::costly_outputs(setup))
    }),
    ("home-hangs", |setup| Box::pin(hanging::run(setup))),
    ("evil", |setup| Box::pin(evil::run(setup))),
    ("slow-reader", |setup| Box::pin(floods::slow_reader(setup))),
    ("unread-answers", |setup| Box::pin(unread::run(setup))),
    ("flood", |setup| Box::pin(floods::flood(setup))),
    ("idle-connections", |setup| {
        Box::pin(starving::idle_connections(setup))
    }),
    ("begun-sign-ins", |setup| {
        Box::pin(starving::begun_sign_ins(setup))
    }),
    ("open-umask", |setup| Box::pin(open_umask::run(setup))),
    ("refused-events", |setup| Box::pin(named::refused(setup))),
    ("homes-below", |setup| Box::pin(named::below(setup))),
    ("pushes-broken", |setup| Box::pin(pushes::broken(setup))),
    ("pushes-flood", |setup| Box::pin(pushes::flood(setup))),
    ("private-cells", |setup| Box::pin(private_cells::run(setup))),
    ("participant-disk-full", |setup| {
        Box::pin(own_disk::full(setup))
    }),
];

/// Runs the rows and prints the table; fails when one of them has failed.
pub(crate) async fn run(args: &FaultsArgs) -> anyhow::Result<()> {
    let wanted = |name: &str| {
        args.only.is_empty() || args.only.iter().any(|word| name.contains(word.as_str()))
    };
    let rows: Vec<&FaultRow> = ROWS.iter().filter(|(name, _)| wanted(name)).collect();
    if rows.is_empty() {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        bail!("no row is called so; there are {}", names.join(", "));
    }
    let (mut failed, mut untried) = (Vec::new(), Vec::new());
    println!("| fault | | seen | s |\n|---|---|---|---:|");
    for (name, row) in &rows {
        let begun = Instant::now();
        let verdict = try_row(args, *row).await;
        let word = match &verdict {
            Verdict {
                untried: Some(_), ..
            } => "not tried",
            Verdict { faults, .. } if faults.is_empty() => "pass",
            _ => "**FAIL**",
        };
        match word {
            "not tried" => untried.push(*name),
            "pass" => {}
            _ => failed.push(*name),
        }
        println!(
            "| {name} | {word} | {} | {:.1} |",
            shown(&verdict),
            begun.elapsed().as_secs_f64()
        );
    }
    println!(
        "\n{} rows: {} passed, {} failed, {} could not be tried here{}",
        rows.len(),
        rows.len() - failed.len() - untried.len(),
        failed.len(),
        untried.len(),
        if untried.is_empty() {
            String::new()
        } else {
            format!(" ({})", untried.join(", "))
        },
    );
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Runs a row in a fresh folder, which is removed afterwards.
async fn try_row(
    args: &FaultsArgs,
    row: for<'a> fn(&'a FaultSetup) -> LocalBoxFuture<'a, anyhow::Result<Verdict>>,
) -> Verdict {
    let tried = async {
        let folder = tempfile::Builder::new()
            .prefix("pipalhub-faults-")
            .tempdir()?;
        let setup = FaultSetup {
            pipalhub: fs::canonicalize(&args.pipalhub)?,
            etc: fs::canonicalize(&args.etc)?,
            venv: args.venv.clone(),
            rounds: args.rounds,
            notebooks: args.notebooks,
            away_minutes: args.away_minutes,
            full: args.full,
            folder: folder.path().to_owned(),
        };
        row(&setup).await
    };
    tried.await.unwrap_or_else(|error| Verdict {
        faults: vec![format!("{error:#}")],
        ..Verdict::default()
    })
}

fn shown(verdict: &Verdict) -> String {
    let Verdict {
        figures,
        faults,
        untried,
    } = verdict;
    let mut text = figures.join("; ");
    for fault in faults {
        let _ = write!(
            text,
            "{}**{fault}**",
            if text.is_empty() { "" } else { "; " }
        );
    }
    text.push_str(untried.as_deref().unwrap_or_default());
    text.replace(['\n', '|'], " ")
}

/// Whether this process runs as root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a program of this name is on `PATH`.
fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
}
