//! `pipalhub packages`: what participants can import, by the steward, or by this process where it
//! may change the environment and there is none.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use shared::packages::{
    PackageChange, PackageEdit, PackageJob, PackageJobState, PackageLogResponse, PackagePlace,
    PackagePlan, PackagesResponse,
};
use tokio::{runtime, sync::OnceCell, time::sleep};

use super::{
    asker::asker,
    environment::EnvironmentArgs,
    steward::{SocketArg, StewardDataArg},
};
use crate::{
    packages::package_manager::PackageManager,
    steward::{
        StewardClient, StewardError,
        desk::Desk,
        protocol::{PackageRequest, StewardReply, StewardRequest},
    },
};

/// How often the log of an installation is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What participants can import: packages of their environment, and requirements.txt.
///
/// The steward is asked; where there is none, this process does it itself, if the environment is
/// this user's. Nothing of the environment changes until all has worked.
#[derive(Args)]
pub(super) struct PackagesArgs {
    #[command(subcommand)]
    command: PackagesCommand,
    #[command(flatten)]
    socket: SocketArg,
    /// The socket of the steward for packages, if it is another one.
    #[arg(
        long,
        env = "PIPALHUB_PACKAGES_SOCKET",
        global = true,
        value_name = "PATH"
    )]
    packages_socket: Option<PathBuf>,
    #[command(flatten)]
    data: StewardDataArg,
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum PackagesCommand {
    /// Install packages: shows what would change, asks, and installs.
    Add {
        /// Requirements, as numpy, 'pandas>=2,<3' or 'requests[socks]'.
        #[arg(required = true, value_name = "REQUIREMENT")]
        requirements: Vec<String>,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Show what was asked for.
    List {
        /// Show all that is installed.
        #[arg(long)]
        all: bool,
    },
    /// Ask for packages no more: they go, with what only they needed.
    Remove {
        /// Names of packages.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        how: HowArgs,
    },
    /// Bring the environment to what requirements.txt says, now.
    Apply,
    /// Stop the installation that runs. The environment stays as it was.
    Stop,
}

/// How a change is made.
#[derive(Args)]
struct HowArgs {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: &PackagesArgs) -> anyhow::Result<ExitCode> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let desk = PackagesDesk {
        args,
        own: OnceCell::new(),
    };
    runtime.block_on(async {
        let ended = desk.run().await;
        if let Some(own) = desk.own.get().and_then(|it| it.packages.as_ref()) {
            own.close().await;
        }
        ended
    })
}

/// What `--json` prints of a change.
#[derive(Serialize)]
struct ChangeReport {
    plan: Option<PackagePlan>,
    job: Option<PackageJob>,
}

/// The command at work.
struct PackagesDesk<'a> {
    args: &'a PackagesArgs,
    /// This process's own way to the environment, where no steward listens.
    own: OnceCell<Desk>,
}

impl PackagesDesk<'_> {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.args.command {
            PackagesCommand::Add { requirements, how } => {
                let edit = PackageEdit {
                    add: requirements.clone(),
                    remove: Vec::new(),
                };
                self.change(edit, how).await
            }
            PackagesCommand::Remove { names, how } => {
                let edit = PackageEdit {
                    add: Vec::new(),
                    remove: names.clone(),
                };
                self.change(edit, how).await
            }
            PackagesCommand::List { all } => self.list(*all).await,
            PackagesCommand::Apply => {
                match self.ask(PackageRequest::Apply { by: asker() }).await? {
                    StewardReply::PackageJob(job) => self.follow(None, job).await,
                    StewardReply::Done {} => self.report(None, None),
                    _ => unexpected(),
                }
            }
            PackagesCommand::Stop => self.stop().await,
        }
    }

    async fn change(&self, edit: PackageEdit, how: &HowArgs) -> anyhow::Result<ExitCode> {
        let plan = match self
            .ask(PackageRequest::Plan { edit: edit.clone() })
            .await?
        {
            StewardReply::PackagePlan(plan) => plan,
            _ => return unexpected(),
        };
        if !self.args.json {
            print_plan(&plan);
        }
        if plan.conflict.is_some() {
            self.report(Some(plan), None)?;
            return Ok(ExitCode::FAILURE);
        }
        if how.dry_run {
            return self.report(Some(plan), None);
        }
        let asks = !how.yes && !self.args.json && io::stdin().is_terminal();
        if asks && !confirmed()? {
            println!("Nothing is changed.");
            return Ok(ExitCode::FAILURE);
        }
        match self
            .ask(PackageRequest::Start { by: asker(), edit })
            .await?
        {
            StewardReply::PackageJob(job) => self.follow(Some(plan), job).await,
            _ => unexpected(),
        }
    }

    /// Shows the log of a change until it has ended.
    async fn follow(
        &self,
        plan: Option<PackagePlan>,
        begun: PackageJob,
    ) -> anyhow::Result<ExitCode> {
        let mut from = 0;
        loop {
            let request = PackageRequest::Log {
                job: Some(begun.id),
                from,
            };
            let PackageLogResponse { job, first, lines } = match self.ask(request).await? {
                StewardReply::PackageLog(log) => log,
                _ => return unexpected(),
            };
            let job = job.filter(|it| it.id == begun.id);
            let job = job.context("another change has begun since, so this one has ended")?;
            from = first + lines.len();
            for line in lines {
                eprintln!("{line}");
            }
            if job.state != PackageJobState::Running && from >= job.log_lines {
                // What is installed and not written down is gone with the next environment.
                let is_done = job.state == PackageJobState::Done && job.failure.is_none();
                self.report(plan, Some(job))?;
                return Ok(if is_done {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                });
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Says what was done.
    fn report(
        &self,
        plan: Option<PackagePlan>,
        job: Option<PackageJob>,
    ) -> anyhow::Result<ExitCode> {
        if self.args.json {
            let report = ChangeReport { plan, job };
            println!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(ExitCode::SUCCESS);
        }
        match &job {
            None if plan.is_some() => {}
            None => println!("The environment is as requirements.txt says."),
            Some(job) => print_job(job),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn list(&self, all: bool) -> anyhow::Result<ExitCode> {
        let packages = match self.ask(PackageRequest::List {}).await? {
            StewardReply::Packages(packages) => packages,
            _ => return unexpected(),
        };
        match self.args.json {
            true => println!("{}", serde_json::to_string_pretty(&packages)?),
            false => print_packages(&packages, all),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn stop(&self) -> anyhow::Result<ExitCode> {
        let request = PackageRequest::Log {
            job: None,
            from: usize::MAX,
        };
        let job = match self.ask(request).await? {
            StewardReply::PackageLog(log) => log.job,
            _ => return unexpected(),
        };
        let running = job.filter(|it| it.state == PackageJobState::Running);
        let job = running.context("nothing is being installed")?.id;
        match self.ask(PackageRequest::Stop { by: asker(), job }).await? {
            StewardReply::Done {} => {
                println!("Stopped. The environment is as it was.");
                Ok(ExitCode::SUCCESS)
            }
            _ => unexpected(),
        }
    }

    /// The answer to a request; a refusal is an error.
    async fn ask(&self, request: PackageRequest) -> anyhow::Result<StewardReply> {
        let request = StewardRequest::Packages { request };
        let other = self.args.packages_socket.as_ref();
        let socket = other.unwrap_or(&self.args.socket.socket).clone();
        let answer = match self.own.get() {
            Some(own) => own.handle(&request, true, &mut |_| {}).await,
            None => match StewardClient::new(socket).ask(&request, &mut |_| {}).await {
                Err(StewardError::Absent(path)) => {
                    let open = || self.open();
                    let own = self.own.get_or_try_init(open).await.with_context(|| {
                        format!(
                            "no steward listens at {} (--steward-socket), and this process cannot \
                             do it itself",
                            path.display()
                        )
                    })?;
                    own.handle(&request, true, &mut |_| {}).await
                }
                other => other?,
            },
        };
        match answer {
            StewardReply::Refused { reason, .. } => bail!(reason),
            StewardReply::NoEnvironment {} => bail!(
                "the steward is for no environment: start it with --environment and the folder \
                 that participants' servers run in"
            ),
            answer => Ok(answer),
        }
    }

    async fn open(&self) -> anyhow::Result<Desk> {
        let opened = self.args.environment.open(&self.args.data.steward_data);
        let packages: Arc<PackageManager> = opened.context(
            "name the environment of participants' servers with --environment, as \
             --environment /opt/participants",
        )?;
        packages.recover().await?;
        Ok(Desk {
            users: None,
            packages: Some(packages),
        })
    }
}

fn confirmed() -> anyhow::Result<bool> {
    print!("Install? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn unexpected<T>() -> anyhow::Result<T> {
    bail!("the steward has answered something else: is it of another version?")
}

fn print_plan(plan: &PackagePlan) {
    for warning in &plan.warnings {
        eprintln!("{warning}.");
    }
    if let Some(conflict) = &plan.conflict {
        eprintln!("It cannot be installed:\n{conflict}");
        return;
    }
    if plan.changes.is_empty() {
        println!("Nothing has to be installed.");
    }
    print_changes(&plan.changes);
}

fn print_changes(changes: &[PackageChange]) {
    for change in changes {
        let name = &change.name;
        match (&change.from, &change.to) {
            (None, Some(to)) => println!("+ {name} {to}"),
            (Some(from), Some(to)) => println!("~ {name} {from} -> {to}"),
            (Some(from), None) => println!("- {name} {from}"),
            (None, None) => {}
        }
    }
}

fn print_job(job: &PackageJob) {
    match (job.state, &job.failure) {
        (PackageJobState::Done, failure) => {
            print_changes(&job.changes);
            println!("Done.");
            if let Some(failure) = failure {
                eprintln!("{failure}.");
            }
        }
        // The log has said why.
        (_, Some(_)) => eprintln!("Nothing is changed."),
        (_, None) => {}
    }
}

fn print_packages(packages: &PackagesResponse, all: bool) {
    if let PackagePlace::Environment {
        path,
        python,
        installer,
    } = &packages.place
    {
        println!("{path}: Python {python}, {installer}");
    }
    if all {
        let width = packages.installed.iter().map(|it| it.name.len()).max();
        let width = width.unwrap_or_default();
        for package in &packages.installed {
            println!("{:width$}  {}", package.name, package.version);
        }
    } else {
        let width = packages
            .requirements
            .iter()
            .map(|it| it.requirement.len())
            .max();
        let width = width.unwrap_or_default();
        for listed in &packages.requirements {
            let installed = listed.installed.as_deref().unwrap_or("not installed");
            println!("{:width$}  {installed}", listed.requirement);
        }
        println!(
            "{} asked for, {} installed (--all)",
            packages.requirements.len(),
            packages.installed.len()
        );
    }
    for problem in &packages.problems {
        eprintln!("line {} is passed over: {}", problem.line, problem.reason);
    }
}
