//! `pipalhub steward`: the process that may change the system, asked through a socket.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, builder::FalseyValueParser};
use rustix::{fs::Mode, process::umask};
use shared::users::{AccountsKind, UsersChange};
use tokio::{
    runtime,
    signal::unix::SignalKind,
    time::{Instant, sleep},
};

use super::parent::{ParentProcess, end_of};
use crate::{
    secret::Secret,
    steward::listener::StewardListener,
    telemetry::{LogFormat, install_logs},
    users::{
        accounts::Accounts,
        applied,
        authenticator::HubAuthenticator,
        hub_accounts::{self, HubAccounts},
        hub_api::StewardHub,
        hub_servers::HubServers,
        list_store::UserListSettings,
        protection::Protection,
        system::SystemAccounts,
        system_view::user_id,
        user_list::UserList,
    },
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

/// The list, and the accounts it is for.
#[derive(Args)]
pub(super) struct UserListArgs {
    /// The class's list: a line `username:password` for each participant.
    #[arg(
        long,
        env = "PIPALHUB_USERS_FILE",
        global = true,
        value_name = "FILE",
        default_value = "/etc/jupyterhub/users.txt"
    )]
    pub(super) users_file: PathBuf,
    /// The steward's own folder, for what it has done; made when it is not there.
    #[arg(
        long,
        env = "PIPALHUB_STEWARD_DATA",
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/pipalhub-steward"
    )]
    steward_data: PathBuf,
    /// What the names of the list become: accounts of the system, whom the Hub signs in by PAM;
    /// users of the Hub, with passwords of its NativeAuthenticator, with one shared password, or
    /// without any, where an outside provider signs people in; or nothing. The Hub is asked unless
    /// this is given; without a Hub they are accounts of the system.
    #[arg(
        long,
        env = "PIPALHUB_ACCOUNTS",
        global = true,
        value_name = "KIND",
        value_enum,
        default_value_t
    )]
    accounts: AccountsArg,
    /// The folder of the homes of new accounts.
    #[arg(
        long,
        env = "PIPALHUB_ACCOUNT_HOMES",
        global = true,
        value_name = "DIR",
        default_value = "/home"
    )]
    account_homes: PathBuf,
    /// Keep no password in the list, but its hash, once the account has it: a password can then
    /// be reset and never be looked up.
    #[arg(long, env = "PIPALHUB_KEEP_HASHES", global = true, value_parser = FalseyValueParser::new())]
    keep_hashes: bool,
    /// Somebody whom instructors neither add, change nor remove, beside each other and those who
    /// administer the Hub; root's command line may. May be given several times.
    #[arg(
        long,
        env = "PIPALHUB_PROTECT",
        global = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    protect: Vec<String>,
}

/// The variable with the class of the Hub's authenticator and those that it is made of, which
/// `configure` sets.
const AUTHENTICATOR_VARIABLE: &str = "PIPALHUB_AUTHENTICATOR";
/// The variable with the one password of all, where the Hub's configuration has one.
const SHARED_PASSWORD_VARIABLE: &str = "PIPALHUB_SHARED_PASSWORD";
/// The variable with the roles that may change the class, parted by commas.
const INSTRUCTOR_ROLES_VARIABLE: &str = "PIPALHUB_INSTRUCTOR_ROLES";

/// What the names of the list become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AccountsArg {
    /// As the Hub signs people in.
    #[default]
    Auto,
    /// Accounts of the system.
    System,
    /// Users of the Hub, with passwords of its NativeAuthenticator.
    Native,
    /// Users of the Hub, with one password for all.
    Shared,
    /// Users of the Hub, whom an outside provider signs in.
    Outside,
    /// Nothing.
    None,
}

impl UserListArgs {
    /// The list, where this process may change what it stands for.
    pub(super) async fn open(&self) -> anyhow::Result<UserList> {
        let hub = StewardHub::from_env(variable).context("cannot make an HTTP client")?;
        let authenticator = match (self.accounts, &hub) {
            (AccountsArg::Auto, Some(hub)) => Some(self.ask(hub).await?),
            (AccountsArg::Auto, None) => {
                self.check_is_not_of_hub()?;
                None
            }
            _ => None,
        };
        self.list(authenticator, hub)
    }

    /// Fails where the list cannot be kept, as far as that is known without asking the Hub, which
    /// may be waiting for this.
    fn check(&self) -> anyhow::Result<()> {
        let classes = variable(AUTHENTICATOR_VARIABLE).unwrap_or_default();
        let class = classes.split_whitespace().next();
        let seen = class.map(|class| HubAuthenticator::of(class, &classes, has_shared_password()));
        let hub = StewardHub::from_env(|_| Some("of-no-hub".to_owned()));
        let hub = hub.context("cannot make an HTTP client")?;
        Ok(self.list(seen, hub)?.check()?)
    }

    async fn ask(&self, hub: &StewardHub) -> anyhow::Result<HubAuthenticator> {
        let classes = variable(AUTHENTICATOR_VARIABLE).unwrap_or_default();
        let asked = HubAuthenticator::ask(hub, &classes, has_shared_password()).await;
        asked.context(
            "it is not known what the names of the list become; say so with --accounts, or let \
             pipalhub.configure(c, steward=True) give the steward its role",
        )
    }

    /// A process without a Hub would take users of the Hub for accounts of the system.
    fn check_is_not_of_hub(&self) -> anyhow::Result<()> {
        let of_hub = self.steward_data.join(hub_accounts::STATE_FILE);
        let of_system = self.steward_data.join(applied::STATE_FILE);
        if of_hub.exists() && !of_system.exists() {
            bail!(
                "the list is for users of the Hub, and only a steward that the Hub has started \
                 changes those: start the Hub, or say what names become with --accounts"
            );
        }
        Ok(())
    }

    fn list(
        &self,
        authenticator: Option<HubAuthenticator>,
        hub: Option<StewardHub>,
    ) -> anyhow::Result<UserList> {
        let kind = match (self.accounts, &authenticator) {
            (AccountsArg::Auto, Some(found)) => found.kind,
            (AccountsArg::Auto | AccountsArg::System, _) => AccountsKind::System,
            (AccountsArg::Native, _) => AccountsKind::Native,
            (AccountsArg::Shared, _) => AccountsKind::Shared,
            (AccountsArg::Outside, _) => AccountsKind::Outside,
            (AccountsArg::None, _) => AccountsKind::Names,
        };
        let servers = hub.clone().map(HubServers::new);
        let accounts = match (kind, &hub, &servers) {
            (AccountsKind::Names, ..) => Accounts::Names,
            (AccountsKind::System, ..) => {
                if let Some(obstacle) = SystemAccounts::obstacle() {
                    bail!("{obstacle}; or the list has names only: --accounts none");
                }
                Accounts::System(SystemAccounts::new(self.account_homes.clone()))
            }
            (_, Some(hub), Some(servers)) => {
                if kind == AccountsKind::Native && self.keep_hashes {
                    bail!(
                        "the Hub keeps hashes of its own and takes none: leave --keep-hashes away"
                    );
                }
                let shared = variable(SHARED_PASSWORD_VARIABLE).filter(|it| !it.is_empty());
                Accounts::Hub(Box::new(HubAccounts {
                    kind,
                    provider: authenticator.map(|it| it.provider),
                    shared_password: shared
                        .filter(|_| kind == AccountsKind::Shared)
                        .map(Secret::new),
                    hub: hub.clone(),
                    servers: servers.clone(),
                    state: self.steward_data.clone(),
                    seen: Arc::default(),
                }))
            }
            _ => bail!(
                "users of the Hub are made by a steward that the Hub has started, with its token \
                 in JUPYTERHUB_API_TOKEN: pipalhub.configure(c, steward=True)"
            ),
        };
        let settings = UserListSettings {
            users_file: self.users_file.clone(),
            state: self.steward_data.clone(),
            keep_hashes: self.keep_hashes,
        };
        let roles = variable(INSTRUCTOR_ROLES_VARIABLE).unwrap_or_default();
        let roles = roles.split(',').filter(|role| !role.is_empty());
        let protection = Protection::new(self.protect.clone(), roles.map(ToOwned::to_owned), hub);
        Ok(UserList::new(settings, accounts, servers, protection))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn has_shared_password() -> bool {
    variable(SHARED_PASSWORD_VARIABLE).is_some_and(|it| !it.is_empty())
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
    list: UserListArgs,
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
        return args.list.check();
    }
    let parent = args.end_with_parent.then(ParentProcess::now);
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let list = Arc::new(args.list.open().await?);
    let accounts = list.accounts().summary();
    tracing::info!(kind = ?accounts.kind, provider = accounts.provider, "the list is for accounts");
    // It listens before the list is applied, which takes some seconds for a class: requests wait
    // their turn.
    let listener = StewardListener::bind(&args.socket.socket, allowed)?;
    tracing::info!(
        socket = %args.socket.socket.display(),
        users_file = %args.list.users_file.display(),
        "listening"
    );
    tokio::select! {
        ended = listener.serve(&list) => ended?,
        () = follow(&list) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end_of(parent) => {}
    }
    // A change is done to its end.
    let _closed = list.close().await;
    tracing::info!("ended");
    Ok(())
}

/// Brings the system to what the list says, now and whenever the file has changed and then stayed
/// the same for a look: an editor may be in the middle of writing it, and who is not in the file
/// loses the account.
async fn follow(list: &Arc<UserList>) {
    let mut applied = None;
    let mut retry_at: Option<Instant> = None;
    let mut last = state_of(list.users_file());
    loop {
        let now = state_of(list.users_file());
        let is_new = applied.as_ref() != Some(&now);
        let is_retry = retry_at.is_some_and(|at| at <= Instant::now());
        if now == last && (is_new || is_retry) {
            // By a task of its own, which goes on when this one ends: a change is done to its end.
            let of_task = Arc::clone(list);
            let task = tokio::spawn(async move { of_task.reconcile(None, true).await });
            let failed = match task
                .await
                .unwrap_or_else(|error| resume_unwind(error.into_panic()))
            {
                Ok(change) => {
                    report(&change);
                    !change.refused.is_empty()
                }
                Err(error) => {
                    tracing::error!(%error, "the list is not applied");
                    true
                }
            };
            retry_at = failed.then(|| Instant::now() + RETRY_INTERVAL);
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
