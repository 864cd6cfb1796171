//! The token of a service without a Hub: given in a file or the environment, or made anew.
//!
//! A token given as an argument is in the list of processes, for every user of the machine to
//! read.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::private::check_secret;
use crate::secret::Secret;

/// The settings of the token.
#[derive(Args)]
pub(super) struct TokenArgs {
    /// A file that holds the token which signs the instructor in, without a Hub. Nobody else
    /// may read it.
    #[arg(long, env = "PIPALHUB_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The token itself: better in the variable, since arguments stand in the list of
    /// processes for everyone to read. [default: a new random one]
    #[arg(
        long,
        env = "PIPALHUB_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    token: Option<String>,
}

impl TokenArgs {
    /// The token that was given, or a new one.
    pub(super) fn token(self) -> anyhow::Result<Secret> {
        let (given, by) = match (self.token, self.token_file) {
            (Some(token), _) => {
                if env::args_os().any(|word| word.as_encoded_bytes().starts_with(b"--token")) {
                    tracing::warn!(
                        "--token stands in the list of processes, where everyone on this machine \
                         can read it: give PIPALHUB_TOKEN or --token-file instead"
                    );
                }
                (token, "--token or PIPALHUB_TOKEN")
            }
            (None, Some(path)) => {
                check_secret(&path)?;
                let shown = path.display();
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read the token in {shown} (--token-file)"))?;
                (
                    text.trim_end_matches(['\r', '\n']).to_owned(),
                    "--token-file",
                )
            }
            (None, None) => return Ok(Secret::random()),
        };
        if given.is_empty() || given.contains(char::is_whitespace) {
            bail!("the token must be one word: {by} has spaces or is empty");
        }
        Ok(Secret::new(given))
    }
}
