//! `cargo xtask run`: the service without a Hub, over a sample class that keeps saving.

use std::{
    env,
    fs::File,
    io::Read as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use clap::Args;

use crate::{
    build::BuildProfileArgs,
    command::{program, run_until_asked, say},
    sample::{self, LESSON_FILENAME, SampleClass},
};

/// How long the service may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Build and run the service over a sample class, or over a folder of homes.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// Watch this folder of homes, one folder a participant, instead of the sample
    /// class. It may hold {user}, as `pipalhub serve --homes` takes it.
    #[arg(long, value_name = "DIR")]
    homes: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    #[command(flatten)]
    build: BuildProfileArgs,
}

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let binary = args.build.build()?;
    let folder = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (homes, class) = match &args.homes {
        Some(homes) => (template(homes)?, None),
        None => {
            let homes = folder.path().join("homes");
            let mut class = SampleClass::load()?;
            class.begin(&homes)?;
            (template(&homes)?, Some((class, homes)))
        }
    };
    let mut serve = program(binary);
    let mut bind = args.bind;
    let player = match class {
        None => None,
        Some((mut class, homes)) => {
            bind = with_port(bind)?;
            let token = match env::var("PIPALHUB_TOKEN") {
                Ok(token) => token,
                Err(_) => new_token()?,
            };
            serve.env("PIPALHUB_TOKEN", &token);
            serve.env_remove("PIPALHUB_TOKEN_FILE");
            let stop = Arc::clone(&stop);
            Some(thread::spawn(move || {
                if let Err(error) = hand_out(bind, &token, &stop) {
                    say(&format!("The class works without a handout: {error:#}"));
                }
                class.play(&homes, &stop)
            }))
        }
    };
    say("Open the link; Ctrl-C ends it");
    serve
        .args([
            "serve",
            "--homes",
            &homes,
            "--bind",
            &bind.to_string(),
            "--data",
        ])
        .arg(folder.path().join("data"))
        // With this variable, set in the shell by a Hub, it would start as that Hub's service.
        .env_remove("JUPYTERHUB_API_TOKEN");
    let served = run_until_asked(&mut serve, &stop);
    if let Some(player) = player {
        player
            .join()
            .ok()
            .context("the sample class has panicked")??;
    }
    served
}

/// The address with a port that is free, in the place of any.
fn with_port(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    match address.port() {
        0 => Ok(TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}"))?
            .local_addr()?),
        _ => Ok(address),
    }
}

/// A new token, which the class hands its lesson out with.
fn new_token() -> anyhow::Result<String> {
    let mut random = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// Hands the lesson out to everyone, as an instructor does on the page *Files*: from then on the
/// service knows which cells everyone has.
fn hand_out(address: SocketAddr, token: &str, stop: &AtomicBool) -> anyhow::Result<()> {
    let lesson = sample::handout()?;
    let url = format!("http://{address}/api/handouts/file");
    let (folder, filename) = LESSON_FILENAME
        .split_once('/')
        .unwrap_or(("", LESSON_FILENAME));
    // No proxy leads to this machine itself.
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(REQUEST_TIMEOUT))
        .build()
        .new_agent();
    let end = Instant::now() + START_TIMEOUT;
    while !stop.load(Ordering::Relaxed) {
        let sent = agent
            .post(&url)
            .query("filename", filename)
            .query("folder", folder)
            .query("everyone", "true")
            .header("Authorization", format!("token {token}"))
            .content_type("application/octet-stream")
            .send(&lesson);
        match sent {
            Ok(_) => break,
            // It starts.
            Err(ureq::Error::ConnectionFailed | ureq::Error::Io(_)) if Instant::now() < end => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error).context("the lesson cannot be handed out"),
        }
    }
    Ok(())
}

fn template(homes: &Path) -> anyhow::Result<String> {
    let text = homes.to_str().context("the folder's name is not UTF-8")?;
    if text.contains("{user}") {
        return Ok(text.to_owned());
    }
    ensure!(
        homes.is_dir(),
        "{text} is not a folder: --homes takes one that holds the homes"
    );
    Ok(format!("{text}/{{user}}"))
}
