//! `pipalhub doctor --participants`: the table of the page *Setup*, of a service that runs.
//!
//! The service is asked for it, since it alone has heard participants' servers, with the token of
//! an instructor or a helper. The token goes to nothing that does not answer as this service does.

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use reqwest::{Response, StatusCode};
use shared::setup::{SetupResponse, SetupRow};

use super::{
    address::{Answer, default_address, health_at},
    configuration,
    hub::client,
};
use crate::{
    cli::{address::prefix_from, private::check_secret},
    secret::Secret,
    telemetry::loggable,
    time,
};

/// Longest wait for the table: the service may wait for the Hub.
const TABLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest table, in bytes.
const MAX_TABLE_BYTES: usize = 32 << 20;

/// The settings of `--participants`.
#[derive(Args)]
pub(super) struct ParticipantsArgs {
    /// Ask the running service how each participant's saves arrive, which version of the package
    /// their servers have and what to do, and print that instead. Ends with 1 when there is
    /// something to do.
    #[arg(long)]
    pub(super) participants: bool,
    /// The service's own address, for --participants.
    /// [default: as the Hub's configuration or --bind say, on this machine]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the token of an instructor or helper, for --participants: of the Hub's
    /// page *Token*, or without a Hub the service's own. [default: PIPALHUB_TOKEN]
    #[arg(long, env = "PIPALHUB_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ParticipantsArgs {
    /// Prints the table.
    pub(super) async fn run(
        self,
        bind: Option<SocketAddr>,
        hub_config: Option<PathBuf>,
        as_json: bool,
    ) -> anyhow::Result<ExitCode> {
        let token = self.token()?;
        let url = match (self.url, hub_config) {
            (Some(url), _) => url,
            (None, Some(config)) => configuration::service_url(&config)?,
            (None, None) => {
                let variable = |name: &str| env::var(name).ok();
                let prefix = prefix_from(variable("JUPYTERHUB_SERVICE_PREFIX"));
                format!("http://{}{prefix}", default_address(bind, &variable))
            }
        };
        let setup = ask(&url, &token).await?;
        let text = match as_json {
            true => serde_json::to_string_pretty(&setup)? + "\n",
            false => text(&setup),
        };
        match io::stdout().lock().write_all(text.as_bytes()) {
            // The reader of the output has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.context("cannot write what was found")?,
        }
        Ok(match setup.servers.iter().any(|row| row.needs_attention) {
            false => ExitCode::SUCCESS,
            true => ExitCode::FAILURE,
        })
    }

    fn token(&self) -> anyhow::Result<Secret> {
        let given = match (&self.token_file, env::var("PIPALHUB_TOKEN")) {
            (Some(path), _) => {
                check_secret(path)?;
                let text = std::fs::read_to_string(path);
                text.with_context(|| {
                    format!("cannot read the token in {} (--token-file)", path.display())
                })?
            }
            (None, Ok(token)) => token,
            (None, Err(_)) => bail!(
                "--participants needs the token of an instructor or helper: make one on the Hub's \
                 page Token, and give it in a file that only you may read (--token-file) or as \
                 PIPALHUB_TOKEN"
            ),
        };
        let token = given.trim();
        let is_word = token.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            is_word && !token.is_empty(),
            "the token is empty, or is not one word"
        );
        Ok(Secret::new(token.to_owned()))
    }
}

async fn ask(url: &str, token: &Secret) -> anyhow::Result<SetupResponse> {
    ensure!(
        url.starts_with("http://"),
        "{url} is not the service's own address, such as http://127.0.0.1:10101/services/dashboard/ \
         (--url)"
    );
    let url = format!("{}/", url.trim_end_matches('/'));
    match health_at(&url).await {
        Some(Answer::Health(_)) => {}
        Some(Answer::OtherPrefix) => bail!(
            "a pipalhub answers at {url}, below another path: give its address, such as \
             http://127.0.0.1:10101/services/dashboard/ (--url)"
        ),
        None => {
            bail!("no pipalhub answers at {url}: start the service, or give its address with --url")
        }
    }
    let request = client(TABLE_TIMEOUT)?
        .get(format!("{url}api/setup"))
        .header("Authorization", format!("token {}", token.reveal()));
    let response = request
        .send()
        .await
        .context("the service does not answer")?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => bail!("the token is not known: make a new one"),
        StatusCode::FORBIDDEN => bail!(
            "the token is a participant's: take one of an instructor or helper, which may open \
             the service (access:services)"
        ),
        StatusCode::NOT_FOUND => bail!("the service at {url} is older than this program"),
        other => bail!("the service answered {other}: its log says more"),
    }
    let body = body_of(response).await?;
    serde_json::from_slice(&body).context("the service's answer is of another version")
}

async fn body_of(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(
            body.len() + chunk.len() <= MAX_TABLE_BYTES,
            "the service's answer has more than {MAX_TABLE_BYTES} bytes"
        );
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The table for people. Texts of participants and of the Hub go to a terminal, and are escaped.
fn text(setup: &SetupResponse) -> String {
    let mut text = format!("{}\n", loggable(&setup.headline));
    if !setup.hub.message.is_empty() {
        text += &format!("{}\n", loggable(&setup.hub.message));
    }
    if let Some(remedy) = &setup.hub.remedy {
        text += &format!("  {}\n", loggable(remedy));
    }
    let header = ["participant", "server", "saves", "last save", "package", ""];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(setup.servers.iter().map(columns));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    text.push('\n');
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            text += &format!("{cell:<width$}  ");
        }
        text += &row[5];
        text.truncate(text.trim_end().len());
        text.push('\n');
        let remedy = at
            .checked_sub(1)
            .and_then(|at| setup.servers[at].remedy.as_ref());
        if let Some(remedy) = remedy {
            text += &format!("    {}\n", loggable(remedy));
        }
    }
    if !setup.is_complete {
        text += "There are more than are listed here.\n";
    }
    text
}

fn columns(row: &SetupRow) -> [String; 6] {
    let who = match row.server.as_str() {
        "" => row.user.clone(),
        server => format!("{}/{server}", row.user),
    };
    let version = row.version.as_deref().unwrap_or("-");
    [
        loggable(&who).to_string(),
        row.state.word().to_owned(),
        row.saves.word().to_owned(),
        row.saved_ms.map_or_else(|| "-".to_owned(), time::iso),
        loggable(version).to_string(),
        loggable(&row.note).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use shared::setup::{HubView, HubViewState, SaveArrival, ServerState, SetupTotals};

    use super::*;

    #[test]
    fn the_table_is_aligned_and_moves_no_cursor() {
        let row = SetupRow {
            user: "ana\u{1b}[2J".to_owned(),
            server: "gpu".to_owned(),
            state: ServerState::Running,
            saves: SaveArrival::Not,
            saved_ms: None,
            heard_ms: None,
            version: None,
            is_older: false,
            needs_attention: true,
            note: "It does not report.".to_owned(),
            remedy: Some("Install it.".to_owned()),
            command: None,
        };
        let setup = SetupResponse {
            headline: "The one server that runs does not report.".to_owned(),
            command: None,
            version: "0.1.0".to_owned(),
            now_ms: 0,
            hub: HubView {
                state: HubViewState::Known,
                message: String::new(),
                remedy: None,
            },
            totals: SetupTotals::default(),
            servers: vec![row],
            is_complete: true,
        };
        assert_eq!(
            text(&setup),
            "The one server that runs does not report.\n\n\
             participant       server   saves  last save  package\n\
             ana\\u{1b}[2J/gpu  running  not    -          -        It does not report.\n    \
             Install it.\n"
        );
    }
}
