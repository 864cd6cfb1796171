//! `pipalhub serve`: puts the parts together, listens, and ends cleanly.

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, builder::FalseyValueParser};
use rustix::{fs::Mode, process::umask};
use shared::{notebook::PRIVATE_TAG, sharing::AboutResponse};
use tokio::{net::TcpListener, runtime, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;

use super::{
    address::{bind_address, prefix_from},
    cookie_key::CookieKeyArgs,
    data::{data_folder, lock_folder},
    environment::ImageArgs,
    history::{HistoryArgs, RunningHistory},
    homes::{HomesArg, SourceSetting},
    parent::{ParentProcess, end_of},
    private::{PUSHED_FOLDER, SHARING_FILE, check_builds, check_data},
    quota::QuotaArgs,
    steward::SocketArg,
    token::TokenArgs,
};
use crate::{
    app::AppState,
    auth::{Auth, HubAuth, HubClient, HubLimits, HubSettings, OAuth, Sessions},
    background,
    builds::Builds,
    class::{Class, Reporter, TailLimits},
    copies::{Copies, PushedCopies},
    errands::ErrandDesk,
    feed::{Announcements, Feed},
    help::HelpDesk,
    insight::Insight,
    limits::{LimitSettings, Limits},
    notices::NoticeBoard,
    package_news::PackageNews,
    routes::{login_link, router},
    server,
    sharing::Sharing,
    steward::StewardClient,
    store::{SqliteStore, StoreOptions},
    telemetry::{LogFormat, install_logs, install_metrics},
};

/// The time that a participant's server has to report a save before the watcher does.
const HUB_GRACE: Duration = Duration::from_millis(300);
/// The same without a Hub, where no server reports: the watcher waits for the rest of the file
/// only.
const STANDALONE_GRACE: Duration = Duration::from_millis(10);

/// Run the dashboard: under JupyterHub as its service, or by itself on this machine.
///
/// Under JupyterHub the address, the prefix and who may see what come from the Hub. By
/// itself it listens on this machine only and prints a link that holds its token.
#[derive(Args)]
pub(super) struct ServeArgs {
    /// The address to listen on; port 0 takes a free one. Under JupyterHub the Hub gives
    /// it. [default: 127.0.0.1:10101]
    #[arg(long, env = "PIPALHUB_BIND", value_name = "ADDR:PORT")]
    bind: Option<SocketAddr>,
    #[command(flatten)]
    homes: HomesArg,
    #[command(flatten)]
    source: SourceSetting,
    /// The folder for events and keys; made when it is not there.
    /// [default: pipalhub in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, env = "PIPALHUB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    steward: SocketArg,
    /// The socket of the steward for packages, where it is another one. [default: as
    /// --steward-socket]
    #[arg(long, env = "PIPALHUB_PACKAGES_SOCKET", value_name = "PATH")]
    packages_socket: Option<PathBuf>,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    cookie_key: CookieKeyArgs,
    /// How many events the journal keeps, for streams to resume from; the latest of each
    /// notebook is always kept.
    #[arg(
        long,
        env = "PIPALHUB_KEEP_EVENTS",
        value_name = "N",
        default_value_t = StoreOptions::default().keep_events,
        value_parser = clap::value_parser!(u32).range(1_000..)
    )]
    keep_events: u32,
    /// How the log on stderr is written.
    #[arg(
        long,
        env = "PIPALHUB_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,
    /// The folder for what is built of notebooks: exports, copies and summaries. The
    /// service owns it. [default: build in the data folder]
    #[arg(long, env = "PIPALHUB_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Build nothing of notebooks: there are no exports, no copies and no summaries.
    #[arg(long, env = "PIPALHUB_NO_BUILD", value_parser = FalseyValueParser::new())]
    no_build: bool,
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    quota: QuotaArgs,
    /// The Hub's admins have the rights that their scopes give them, as everyone has, and are
    /// not instructors by being admins.
    #[arg(long, env = "PIPALHUB_ADMINS_BY_SCOPE", value_parser = FalseyValueParser::new())]
    admins_by_scope: bool,
    /// Open everything as for serving, listen, and end: with 0 when the service can start, else
    /// with the error. A Hub whose service cannot start does not start either, so its
    /// configuration asks before.
    #[arg(long)]
    check: bool,
    /// End when the process is gone that has started this one, as a Hub that was killed: else the
    /// service would keep its address and its data from the next Hub's.
    #[arg(long)]
    end_with_parent: bool,
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    // Files made from here on are for this user alone, unless the code that makes them sets a
    // mode.
    umask(Mode::RWXG | Mode::RWXO);
    let parent = args.end_with_parent.then(ParentProcess::now);
    install_logs(args.log_format, env::var("PIPALHUB_LOG").ok().as_deref());
    install_metrics();
    // At least two, because one may be busy with a commit.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(2))
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(args, parent));
    // The tasks that still run only watch and have nothing to save.
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(args: ServeArgs, parent: Option<ParentProcess>) -> anyhow::Result<()> {
    let variable = |name: &str| env::var(name).ok();
    let hub = HubSettings::from_env(variable)?.map(|hub| HubSettings {
        admins_instruct: !args.admins_by_scope,
        ..hub
    });
    let bind = bind_address(args.bind, hub.is_some())?;
    let data = data_folder(args.data)?;
    check_data(&data)?;
    // Held until the end of this function.
    let _lock = lock_folder(&data)?;
    let announcements = Announcements::default();
    let session_key = args.cookie_key.load(&data)?;
    let options = StoreOptions {
        keep_events: args.keep_events,
        ..StoreOptions::default()
    };
    let store = SqliteStore::open_with(&data.join("events.sqlite3"), options)?;
    let store = Arc::new(store);
    let limits = TailLimits::default();
    // All readers of notebooks share its lanes.
    let pushed = match args.source.kind.takes_pushes() && hub.is_some() {
        true => Some(Arc::new(open_pushed(&data, args.quota.reserve())?)),
        false => None,
    };
    let homes = args.source.kind.reads_homes().then(|| args.homes.homes());
    if let Some(homes) = &homes {
        let listed = homes.list().map_err(anyhow::Error::msg);
        listed.with_context(|| format!("cannot find the homes; see {}", homes.flag()))?;
    }
    let copies = Copies::of(homes, pushed);
    let out = args.out.unwrap_or_else(|| data.join("build"));
    let sharing = Arc::new(Sharing::open(
        &data.join(SHARING_FILE),
        announcements.clone(),
    )?);
    let builds = if args.no_build {
        None
    } else {
        check_builds(&out).context("see --out")?;
        let builds = Builds::new(copies.clone(), limits, &out);
        let builds = builds.context("see --out")?;
        Some(Arc::new(
            builds
                .within(args.quota.builds())
                .announcing(announcements.clone(), Arc::clone(&sharing)),
        ))
    };
    let insight = Insight::new();
    let follower = Arc::clone(&insight) as _;
    let history = args
        .history
        .start(&data, &copies, &announcements, &args.quota, follower)?;
    let notices = NoticeBoard::open(&data.join("notices.sqlite3"), announcements.clone())?;
    let errands = data.join("errands.sqlite3");
    let errands = ErrandDesk::open(&errands, args.quota.reserve(), announcements.clone())?;
    let help = HelpDesk::open(&data.join("help.sqlite3"), announcements.clone())?;
    if let Some(history) = &history {
        insight.start(
            &data.join("insight.sqlite3"),
            Arc::clone(&history.store),
            copies.clone(),
            Arc::clone(&errands),
            Arc::clone(&sharing),
            Arc::clone(&help),
            announcements.clone(),
        )?;
    }
    let about = AboutResponse {
        events: args.keep_events,
        history: args.history.kept(),
        private_tag: PRIVATE_TAG.to_owned(),
    };
    let mut class = Class::new(copies, limits)
        .observed_by(Arc::new(announcements.clone()))
        .observed_by(Arc::clone(&notices) as _)
        .observed_by(Arc::clone(&sharing) as _);
    if let Some(builds) = &builds {
        class = class.observed_by(Arc::clone(builds) as _);
    }
    if let Some(history) = &history {
        class = class
            .observed_by(Arc::clone(&history.recorder) as _)
            .observed_by(Arc::clone(&insight) as _);
        insight.heed(&class);
    }
    let grace = match hub {
        Some(_) => HUB_GRACE,
        None => STANDALONE_GRACE,
    };

    let limits = LimitSettings::default();
    let listener = listen(bind, &limits)?;
    let address = listener
        .local_addr()
        .context("cannot tell the address listened on")?;
    if args.check {
        return Ok(());
    }
    let ending = CancellationToken::new();
    let reporter = Reporter::new(class.clone(), Arc::clone(&store) as _, grace).await?;
    reporter.start(ending.clone())?;
    read_at_first(&class, builds.as_ref())?;
    let prefix = prefix_from(env::var("JUPYTERHUB_SERVICE_PREFIX").ok());
    let auth = auth_from(hub, limits.hub, args.token, &prefix)?;
    let link = match &auth {
        Auth::Standalone { token } => {
            Some(login_link(&format!("http://{address}"), &prefix, token))
        }
        Auth::Hub(_) => None,
    };
    let kind = auth.login_kind();
    let sessions = Sessions::new(session_key, kind, &prefix, address.port());
    let state = AppState {
        prefix,
        auth,
        sessions,
        feed: Feed::start(&*store, ending.clone()).await?,
        announcements,
        limits: Limits::new(limits),
        store,
        class,
        builds,
        history: history.as_ref().map(|history| Arc::clone(&history.store)),
        insight: history.is_some().then_some(insight),
        notices,
        help,
        errands,
        sharing,
        package_steward: StewardClient::new(
            args.packages_socket
                .unwrap_or_else(|| args.steward.socket.clone()),
        ),
        steward: StewardClient::new(args.steward.socket),
        image: args.image.place(),
        about,
        ending: ending.clone(),
    };
    let homes = state.class.copies().homes().map(ToString::to_string);
    let homes = homes.unwrap_or_else(|| "none".to_owned());
    tracing::info!(%address, %homes, data = %data.display(), "listening");
    if let Some(link) = link {
        // A closed pipe has no reader of the link, which is no reason to end.
        let _ = writeln!(io::stdout(), "{link}");
    }
    let state = Arc::new(state);
    tell_of_packages(&state);
    tokio::spawn(Arc::clone(&state.help).keep_time(ending.clone()));
    answer(listener, state, ending, parent).await?;
    if let Some(RunningHistory { recorder, .. }) = history {
        // The last saves are recorded before the end.
        tokio::task::spawn_blocking(move || recorder.finish())
            .await
            .context("the recorder of histories has panicked")?;
    }
    Ok(())
}

/// Tells participants of new packages while the service runs.
fn tell_of_packages(state: &Arc<AppState>) {
    let (state, ending) = (Arc::clone(state), state.ending.clone());
    tokio::spawn(async move {
        let news = PackageNews {
            steward: state.package_steward.clone(),
            notices: Arc::clone(&state.notices),
            class: state.class.clone(),
        };
        ending.run_until_cancelled(news.follow(&state.auth)).await;
    });
}

async fn answer(
    listener: TcpListener,
    state: Arc<AppState>,
    ending: CancellationToken,
    parent: Option<ParentProcess>,
) -> anyhow::Result<()> {
    let signalled = asked_to_end()?;
    let until = ending.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = signalled => {}
            () = end_of(parent) => {}
        }
        until.cancel();
    });
    let limits = state.limits.settings().connections;
    server::serve(listener, router(state), limits, ending)
        .await
        .context("cannot begin to answer")?;
    tracing::info!("ended");
    Ok(())
}

/// Opens the notebooks that participants' servers have pushed until now.
fn open_pushed(data: &Path, reserve: u64) -> anyhow::Result<PushedCopies> {
    let folder = data.join(PUSHED_FOLDER);
    PushedCopies::open(&folder, reserve)
        .with_context(|| format!("cannot use the pushed notebooks in {}", folder.display()))
}

/// Starts the builds, with the notebooks that were saved while the service did not run first. A
/// thread of its own reads the class, so the service answers meanwhile.
fn read_at_first(class: &Class, builds: Option<&Arc<Builds>>) -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / 2).clamp(1, 4);
    if let Some(builds) = builds {
        builds.start(threads)?;
    }
    let (class, builds) = (class.clone(), builds.cloned());
    background::spawn("first-read", move || {
        class.read_all(threads);
        if let Some(builds) = builds {
            builds.class_was_read(&class);
        }
    })
    .context("cannot start reading the class")?;
    Ok(())
}

/// Resolves at SIGINT or SIGTERM. The handlers are in place when this returns, so that a
/// signal right after the start is not the end by default.
fn asked_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| tokio::signal::unix::signal(kind).context("cannot wait for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn listen(bind: SocketAddr, limits: &LimitSettings) -> anyhow::Result<TcpListener> {
    server::listen(bind, &limits.connections).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{bind} is taken by another program: end it, or choose another address with --bind \
             (under JupyterHub, with the service's `url`)"
        ),
        _ => anyhow::anyhow!("cannot listen on {bind}: {error}"),
    })
}

fn auth_from(
    hub: Option<HubSettings>,
    limits: HubLimits,
    token: TokenArgs,
    prefix: &str,
) -> anyhow::Result<Auth> {
    match hub {
        Some(settings) => {
            let client = HubClient::new(settings.clone(), limits)?;
            let oauth = OAuth::new(settings, prefix.to_owned());
            Ok(Auth::Hub(Box::new(HubAuth { client, oauth })))
        }
        None => Ok(Auth::Standalone {
            token: token.token()?,
        }),
    }
}
