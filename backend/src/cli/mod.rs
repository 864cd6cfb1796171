//! The commands of `pipalhub`. A new one gets a module here and a line in `Command`;
//! settings that several commands have are in modules of their own: `address`, `cloud_account`,
//! `cookie_key`, `data`, `history`, `homes`, `quota`; `private` checks that other users cannot read the service's files.

mod address;
mod archive;
mod archive_progress;
mod as_owner;
mod asker;
mod build;
mod check;
mod cloud_account;
mod cookie_key;
mod create_node;
mod data;
mod destroy_node;
mod doctor;
mod environment;
mod history;
mod homes;
mod nginx_site;
mod packages;
mod parallel;
mod parent;
mod private;
mod quota;
mod render;
mod restore;
mod serve;
mod setup_node;
mod step_lines;
mod steward;
mod tail;
mod token;
mod user_list;
mod users;
mod users_output;
mod write_wheels;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::packages::{worker, worker_process::WORKER_COMMAND};

/// See everyone's notebooks as they work: a live dashboard for workshops on JupyterHub.
#[derive(Parser)]
#[command(name = "pipalhub", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Archive(archive::ArchiveArgs),
    Build(build::BuildArgs),
    Check(check::CheckArgs),
    CreateNode(create_node::CreateNodeArgs),
    DestroyNode(destroy_node::DestroyNodeArgs),
    Doctor(doctor::DoctorArgs),
    #[command(name = WORKER_COMMAND, hide = true)]
    EnvironmentWorker,
    NginxSite(nginx_site::NginxSiteArgs),
    Packages(packages::PackagesArgs),
    Render(render::RenderArgs),
    Restore(restore::RestoreArgs),
    Serve(serve::ServeArgs),
    SetupNode(setup_node::SetupNodeArgs),
    Steward(steward::StewardArgs),
    Tail(tail::TailArgs),
    Users(users::UsersArgs),
    WriteWheels(write_wheels::WriteWheelsArgs),
}

impl Cli {
    /// Runs the command that was given, and returns the exit code of the process.
    ///
    /// # Errors
    /// When the command fails, in words for the user who ran it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Archive(args) => archive::run(&args),
            Command::Build(args) => build::run(&args),
            Command::Check(args) => check::run(args),
            Command::CreateNode(args) => create_node::run(&args),
            Command::DestroyNode(args) => destroy_node::run(&args),
            Command::Doctor(args) => doctor::run(args),
            Command::EnvironmentWorker => worker::run(),
            Command::NginxSite(args) => nginx_site::run(args),
            Command::Packages(args) => packages::run(&args),
            Command::Render(args) => render::run(&args),
            Command::Restore(args) => restore::run(&args),
            Command::Serve(args) => serve::run(args),
            Command::SetupNode(args) => setup_node::run(args),
            Command::Steward(args) => steward::run(&args),
            Command::Tail(args) => tail::run(&args),
            Command::WriteWheels(args) => write_wheels::run(&args),
            Command::Users(args) => users::run(&args),
        }
    }
}
