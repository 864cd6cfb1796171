//! `bench faults`: what goes wrong on a bad day, done to a real service, and whether it
//! keeps its promises.
//!
//! Every row of the table is a function from a fresh folder to a [`Verdict`]. A row that
//! needs what this machine does not give (root, strace, Jupyter) says so and is neither
//! passed nor failed.
//!
//! * [`kill`], [`resume`], [`ending`]: the process goes; [`weak`] is the control that must
//!   fail, and [`journal`] the book-keeping of all three
//! * [`disk`], [`power`]: the disk goes; [`quota`]: somebody fills it
//! * [`notebooks`], [`moved`], [`clocks`]: files, folders and clocks are wrong
//! * [`hub`], [`away`]: the Hub goes; the service goes and Jupyter saves on
//! * [`far_behind`]: the service was away, and everyone comes back at once
//! * [`many`], [`refusals`], [`floods`], [`starving`]: too much, too new, too fast, too many;
//!   [`large`], [`unread`]: too large, and made for nobody who reads
//! * [`named`]: what participants' servers say is refused, or the class has another name for it
//! * [`own_disk`], [`hanging`]: a participant's disk goes, or does not answer
//! * [`hostile`], [`evil`]: what one participant puts into their home; one against all others

mod away;
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
mod own_disk;
mod power;
mod quota;
mod refusals;
mod resume;
mod starving;
mod strace;
mod unread;
mod weak;

#[path = "../../../../fuzz/src/evil.rs"]
#[expect(unreachable_pub, reason = "the fuzzer has it for others too")]
mod notebooks_of_evil;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{bail, ensure};
use clap::Args;
use futures::future::LocalBoxFuture;

pub(crate) use weak::serve as serve_weakly;

use crate::drive::service::Plan;

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
    /// Every row in full: 500 kills, 200 restarts, a minute without the service.
    #[arg(long)]
    full: bool,
}

/// What the rows work with.
pub(crate) struct Lab {
    pipalhub: PathBuf,
    etc: PathBuf,
    venv: Option<PathBuf>,
    rounds: Option<usize>,
    full: bool,
    folder: PathBuf,
}

impl Lab {
    /// A service over a fresh folder.
    fn plan(&self) -> anyhow::Result<Plan> {
        Plan::new(&self.pipalhub, &self.folder)
    }

    /// The small number, or the large one when all is to be done in full.
    fn bounded<T>(&self, usual: T, full: T) -> T {
        if self.full { full } else { usual }
    }
}

/// What a row has found.
#[derive(Default)]
struct Verdict {
    figures: Vec<String>,
    faults: Vec<String>,
    /// Why it could not be tried here.
    untried: Option<String>,
}

impl Verdict {
    fn untried(why: &str) -> Self {
        Self {
            untried: Some(why.to_owned()),
            ..Self::default()
        }
    }

    /// Something worth reading, passed or not.
    fn figure(&mut self, figure: impl Into<String>) {
        self.figures.push(figure.into());
    }

    /// Fails the row unless it holds, with what is wrong then.
    fn must(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.faults.push(otherwise.into());
        }
    }
}

type Row = (
    &'static str,
    for<'a> fn(&'a Lab) -> LocalBoxFuture<'a, anyhow::Result<Verdict>>,
);

/// Every row, in the order in which they run.
const ROWS: [Row; 40] = [
    ("kill", |lab| Box::pin(kill::run(lab))),
    ("kill-control", |lab| Box::pin(kill::control(lab))),
    ("power-loss", |lab| Box::pin(power::run(lab))),
    ("disk-full", |lab| Box::pin(disk::full(lab))),
    ("disk-no-space", |lab| Box::pin(disk::no_space(lab))),
    ("disk-write-error", |lab| Box::pin(disk::write_error(lab))),
    ("disk-read-only", |lab| Box::pin(disk::read_only(lab))),
    ("disk-sync-error", |lab| Box::pin(disk::sync_error(lab))),
    ("disk-quota", |lab| Box::pin(quota::quota(lab))),
    ("disk-reserve", |lab| Box::pin(quota::reserve(lab))),
    ("notebooks-torn", |lab| Box::pin(notebooks::torn(lab))),
    ("notebooks-gone", |lab| Box::pin(notebooks::gone(lab))),
    ("notebooks-fleeting", |lab| {
        Box::pin(notebooks::fleeting(lab))
    }),
    ("notebooks-converge", |lab| {
        Box::pin(notebooks::converge(lab))
    }),
    ("gone-while-away", |lab| {
        Box::pin(moved::gone_while_away(lab))
    }),
    ("folder-replaced", |lab| {
        Box::pin(moved::folder_replaced(lab))
    }),
    ("hub-down", |lab| Box::pin(hub::down(lab))),
    ("hub-slow", |lab| Box::pin(hub::slow(lab))),
    ("service-away", |lab| Box::pin(away::run(lab))),
    ("stream-resume", |lab| Box::pin(resume::run(lab))),
    ("stream-catch-up", |lab| Box::pin(far_behind::run(lab))),
    ("clocks", |lab| Box::pin(clocks::run(lab))),
    ("million-events", |lab| Box::pin(many::run(lab))),
    ("refusals", |lab| Box::pin(refusals::run(lab))),
    ("sigterm", |lab| Box::pin(ending::run(lab))),
    ("home-links", |lab| Box::pin(hostile::links(lab))),
    ("one-notebook", |lab| Box::pin(hostile::one_notebook(lab))),
    ("long-page", |lab| Box::pin(hostile::long_page(lab))),
    ("large-class", |lab| Box::pin(large::run(lab))),
    ("costly-outputs", |lab| {
        Box::pin(hostile::costly_outputs(lab))
    }),
    ("home-hangs", |lab| Box::pin(hanging::run(lab))),
    ("evil", |lab| Box::pin(evil::run(lab))),
    ("slow-reader", |lab| Box::pin(floods::slow_reader(lab))),
    ("unread-answers", |lab| Box::pin(unread::run(lab))),
    ("flood", |lab| Box::pin(floods::flood(lab))),
    ("idle-connections", |lab| {
        Box::pin(starving::idle_connections(lab))
    }),
    ("begun-sign-ins", |lab| {
        Box::pin(starving::begun_sign_ins(lab))
    }),
    ("refused-events", |lab| Box::pin(named::refused(lab))),
    ("homes-below", |lab| Box::pin(named::below(lab))),
    ("participant-disk-full", |lab| Box::pin(own_disk::full(lab))),
];

/// Runs the rows and prints the table; an error when one of them has failed.
pub(crate) async fn run(args: &FaultsArgs) -> anyhow::Result<()> {
    let wanted = |name: &str| {
        args.only.is_empty() || args.only.iter().any(|word| name.contains(word.as_str()))
    };
    let rows: Vec<&Row> = ROWS.iter().filter(|(name, _)| wanted(name)).collect();
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

/// In a folder of its own, which is gone afterwards.
async fn try_row(
    args: &FaultsArgs,
    row: for<'a> fn(&'a Lab) -> LocalBoxFuture<'a, anyhow::Result<Verdict>>,
) -> Verdict {
    let tried = async {
        let folder = tempfile::Builder::new()
            .prefix("pipalhub-faults-")
            .tempdir()?;
        let lab = Lab {
            pipalhub: fs::canonicalize(&args.pipalhub)?,
            etc: fs::canonicalize(&args.etc)?,
            venv: args.venv.clone(),
            rounds: args.rounds,
            full: args.full,
            folder: folder.path().to_owned(),
        };
        row(&lab).await
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

/// Whether the machine lets us do what only root may.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a program of this name is on `PATH`.
fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
}
