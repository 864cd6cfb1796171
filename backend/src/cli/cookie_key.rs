//! The key of the cookies: one that the platform keeps among its secrets, in a file or in the
//! environment, or one that the service makes and keeps in its data folder.
//!
//! It is no option with a value, since arguments stand in the list of processes.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;

use super::private::{COOKIE_KEY_FILE, check_shared_secret};
use crate::{auth::SessionKey, secret::COOKIE_KEY_VARIABLE};

/// The shortest key, in bytes: a shorter one might be guessed.
const MIN_KEY_BYTES: usize = 32;
/// The longest; a file beyond is another one.
const MAX_KEY_BYTES: usize = 4096;
const FILE_SETTING: &str = "--cookie-key-file or PIPALHUB_COOKIE_KEY_FILE";

/// The setting of the key.
#[derive(Args)]
pub(super) struct CookieKeyArgs {
    /// A file with the key that cookies are encrypted with, 32 bytes or more, so that it can be a
    /// secret of the platform; PIPALHUB_COOKIE_KEY may be the key itself. Another key signs
    /// everyone out. [default: a new random one, kept in the data folder]
    #[arg(long, env = "PIPALHUB_COOKIE_KEY_FILE", value_name = "FILE")]
    cookie_key_file: Option<PathBuf>,
}

/// A key that was given, and by what.
pub(super) struct GivenKey {
    pub(super) key: SessionKey,
    pub(super) by: String,
}

impl CookieKeyArgs {
    /// The key that was given, or that of the data folder, which is made where there is none.
    pub(super) fn load(&self, data: &Path) -> anyhow::Result<SessionKey> {
        match self.given()? {
            Some(given) => Ok(given.key),
            None => SessionKey::load(&data.join(COOKIE_KEY_FILE)),
        }
    }

    /// The key that was given; `None` when it is the service's own.
    pub(super) fn given(&self) -> anyhow::Result<Option<GivenKey>> {
        let variable = env::var_os(COOKIE_KEY_VARIABLE);
        let (by, bytes) = match (&self.cookie_key_file, variable) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => bail!(
                "the cookies' key is given twice, by {FILE_SETTING} and by {COOKIE_KEY_VARIABLE}: \
                 leave one of them away"
            ),
            (Some(path), None) => (path.display().to_string(), bytes_of(path)?),
            (None, Some(text)) => (COOKIE_KEY_VARIABLE.to_owned(), bytes_in(&text)),
        };
        ensure!(
            (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len()),
            "the cookies' key in {by} must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes and has \
             {}: make one with `openssl rand -hex 32`",
            bytes.len()
        );
        let key = SessionKey::of_secret(&bytes);
        Ok(Some(GivenKey { key, by }))
    }
}

fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || {
        format!(
            "cannot read the cookies' key in {} ({FILE_SETTING})",
            path.display()
        )
    };
    let metadata = path.metadata().with_context(cannot)?;
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        bail!("{}: it is not a file", cannot());
    }
    check_shared_secret(path, metadata.mode())?;
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(cannot)?;
    // With room for the end of the line, and for one byte that is too many.
    let most = MAX_KEY_BYTES as u64 + 3;
    file.take(most)
        .read_to_end(&mut bytes)
        .with_context(cannot)?;
    Ok(without_end_of_line(&bytes).to_vec())
}

fn bytes_in(text: &OsString) -> Vec<u8> {
    without_end_of_line(text.as_bytes()).to_vec()
}

/// The same text is the same key, whether an editor has ended its line or not.
fn without_end_of_line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
