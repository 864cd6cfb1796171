//! `pipalhub steward`: the process that may change the system, asked through a socket.

use std::{
    fs::Metadata,
    future::pending,
    os::unix::fs::MetadataExt,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, builder::FalseyValueParser};
use rustix::{fs::Mode, process::umask};
use shared::users::UsersChange;
use tokio::{
    runtime,
    signal::unix::SignalKind,
    time::{Instant, sleep},
};

use super::{
    environment::EnvironmentArgs,
    parent::{ParentProcess, end_of},
    user_list::UserListArgs,
};
use crate::{
    packages::package_manager::PackageManager,
    steward::{desk::Desk, listener::StewardListener},
    telemetry::{LogFormat, install_logs},
    users::{system_view::user_id, user_list::UserList},
};

/// How often the list is looked at for changes by hand.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// After so long what has failed is tried again: another program may have held the system's locks.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);

/// Where the steward listens.
#[derive(Args)]
pub(super) struct SocketArg {
    /// The socket of the steward.
    #[arg(
        long = "steward-socket",
        env = "PIPALHUB_STEWARD_SOCKET",
        global = true,
        value_name = "PATH",
        default_value = "/run/pipalhub/steward.sock"
    )]
    pub(super) socket: PathBuf,
}

/// The steward's own folder.
#[derive(Args)]
pub(super) struct StewardDataArg {
    /// The steward's own folder, for what it has done; made when it is not there.
    #[arg(
        long,
        env = "PIPALHUB_STEWARD_DATA",
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/pipalhub-steward"
    )]
    pub(super) steward_data: PathBuf,
}

/// Keep the system as the class's list says, and change the list for those who may.
///
/// The service has no right over the machine: the steward makes users for it. It listens on a unix
/// socket, and takes requests of root and of the users that --allow-user names.
#[derive(Args)]
pub(super) struct StewardArgs {
    #[command(flatten)]
    socket: SocketArg,
    /// A user of the system whose requests are taken: the one that the service runs as. May be
    /// given several times.
    #[arg(
        long,
        env = "PIPALHUB_ALLOW_USER",
        value_name = "USER",
        value_delimiter = ','
    )]
    allow_user: Vec<String>,
    #[command(flatten)]
    data: StewardDataArg,
    #[command(flatten)]
    list: UserListArgs,
    /// The steward is for packages alone, and may be any user: the owner of the environment.
    #[arg(long, env = "PIPALHUB_NO_USERS", value_parser = FalseyValueParser::new())]
    no_users: bool,
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// End when the process has ended that has started this one: a Hub that is killed ends none of
    /// its services.
    #[arg(long)]
    end_with_parent: bool,
    /// Look whether the steward could start, and end: with 0 if so, else with the error.
    #[arg(long)]
    check: bool,
    /// How the log on stderr is written.
    #[arg(
        long,
        env = "PIPALHUB_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,
}

pub(super) fn run(args: &StewardArgs) -> anyhow::Result<ExitCode> {
    umask(Mode::RWXG | Mode::RWXO);
    let level = std::env::var("PIPALHUB_LOG").ok();
    install_logs(args.log_format, level.as_deref());
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &StewardArgs) -> anyhow::Result<()> {
    let mut allowed = Vec::new();
    for user in &args.allow_user {
        let id = user_id(user).with_context(|| format!("cannot look up --allow-user {user}"))?;
        allowed.push(id.with_context(|| format!("there is no user {user:?} (--allow-user)"))?);
    }
    if args.check {
        return check(args).await;
    }
    let parent = args.end_with_parent.then(ParentProcess::now);
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let desk = Arc::new(open_desk(args).await?);
    // It listens before the list is applied, which takes some seconds for a class: requests wait
    // their turn.
    let listener = StewardListener::bind(&args.socket.socket, allowed)?;
    let shown = |path: Option<&Path>| path.map(|it| it.display().to_string());
    let users_file = shown(desk.users.as_ref().map(UserList::users_file));
    let environment = shown(args.environment.environment.as_deref());
    tracing::info!(socket = %args.socket.socket.display(), users_file, environment, "listening");
    tokio::select! {
        ended = listener.serve(&desk) => ended?,
        () = follow_users(&desk) => {}
        () = follow_packages(&desk) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end_of(parent) => {}
    }
    if let Some(packages) = &desk.packages {
        packages.close().await;
    }
    if let Some(list) = &desk.users {
        // A change is done to its end.
        let _closed = list.close().await;
    }
    tracing::info!("ended");
    Ok(())
}

/// Fails where the steward could not do what it is for, as far as that is known without the Hub.
async fn check(args: &StewardArgs) -> anyhow::Result<()> {
    let state = &args.data.steward_data;
    if !args.no_users {
        args.list.check(state)?;
    }
    if let Some(packages) = open_packages(args)? {
        packages.check().await?;
    }
    Ok(())
}

/// What this steward is for.
async fn open_desk(args: &StewardArgs) -> anyhow::Result<Desk> {
    let packages = open_packages(args)?;
    if args.no_users {
        let users = None;
        return Ok(Desk { users, packages });
    }
    let list = args.list.open(&args.data.steward_data).await?;
    let accounts = list.accounts().summary();
    tracing::info!(kind = ?accounts.kind, provider = accounts.provider, "the list is for accounts");
    let users = Some(list);
    Ok(Desk { users, packages })
}

fn open_packages(args: &StewardArgs) -> anyhow::Result<Option<Arc<PackageManager>>> {
    let packages = args.environment.open(&args.data.steward_data);
    if args.no_users && packages.is_none() {
        bail!(
            "with --no-users the steward is for packages: name the environment with --environment"
        );
    }
    Ok(packages)
}

/// Brings the system to what the list says, now and whenever the file has changed and then stayed
/// the same for a look: an editor may be in the middle of writing it, and who is not in the file
/// loses the account.
async fn follow_users(desk: &Arc<Desk>) {
    let Some(list) = &desk.users else {
        return pending().await;
    };
    follow(list.users_file(), async || {
        let desk = Arc::clone(desk);
        // By a task of its own, which goes on when this one ends: a change is done to its end.
        let task = tokio::spawn(async move {
            match &desk.users {
                Some(list) => list.reconcile(None, true).await,
                None => Ok(UsersChange::default()),
            }
        });
        match task
            .await
            .unwrap_or_else(|error| resume_unwind(error.into_panic()))
        {
            Ok(change) => {
                report(&change);
                change.refused.is_empty()
            }
            Err(error) => {
                tracing::error!(%error, "the list is not applied");
                false
            }
        }
    })
    .await;
}

/// The same for packages; an installation that fails is not tried again by itself.
async fn follow_packages(desk: &Arc<Desk>) {
    let Some(packages) = &desk.packages else {
        return pending().await;
    };
    if let Err(error) = packages.recover().await {
        tracing::error!(%error, "what was done with packages before is not known");
    }
    follow(packages.requirements_file(), async || {
        packages.idle().await;
        let begun = packages.reconcile("the file").await;
        if let Err(error) = &begun {
            tracing::error!(%error, "requirements.txt is not applied");
        }
        begun.is_ok()
    })
    .await;
}

/// Has something done now, and whenever a file has changed and then stayed the same for a look; and
/// again after some minutes when it has failed.
async fn follow(path: &Path, apply: impl AsyncFn() -> bool) {
    let mut applied = None;
    let mut retry_at: Option<Instant> = None;
    let mut last = state_of(path);
    loop {
        let now = state_of(path);
        let is_new = applied.as_ref() != Some(&now);
        let is_retry = retry_at.is_some_and(|at| at <= Instant::now());
        if now == last && (is_new || is_retry) {
            let is_done = apply().await;
            retry_at = (!is_done).then(|| Instant::now() + RETRY_INTERVAL);
            applied = Some(now);
        }
        last = now;
        sleep(LOOK_INTERVAL).await;
    }
}

/// What of a file is another when it has changed.
fn state_of(path: &Path) -> Option<[i64; 6]> {
    let state = |file: Metadata| {
        let (inode, length) = (file.ino().cast_signed(), file.len().cast_signed());
        let (changed, changed_ns) = (file.ctime(), file.ctime_nsec());
        [
            inode,
            length,
            file.mtime(),
            file.mtime_nsec(),
            changed,
            changed_ns,
        ]
    };
    std::fs::metadata(path).ok().map(state)
}

fn report(change: &UsersChange) {
    for problem in &change.problems {
        let line = problem.line.unwrap_or_default();
        tracing::warn!(line, reason = %problem.reason, "a line of the list is passed over");
    }
    for refused in &change.refused {
        tracing::warn!(user = %refused.username, reason = %refused.reason, "an account is not as the list says");
    }
    let (added, changed, removed) = (
        change.added.len(),
        change.changed.len(),
        change.removed.len(),
    );
    if added + changed + removed > 0 {
        tracing::info!(added, changed, removed, "the list is applied");
    }
}
