//! The system's programs, run for a few seconds at most: with an argument list and never by a
//! shell, with secrets on standard input and never as arguments, and without this process's
//! environment.

use std::{path::PathBuf, process::Stdio, time::Duration};

use thiserror::Error;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// Where Debian and others keep the programs that change accounts.
const FOLDERS: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Longest run of a program. The programs wait for each other's locks for some seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of what a program says that are shown.
const MAX_SAID_BYTES: usize = 2_000;

/// Why a program did not do what it was run for.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("{0} is not installed here")]
    Missing(&'static str),
    #[error("{0} cannot be run: {1}")]
    Start(&'static str, std::io::Error),
    #[error("{program} has not ended after {} s", PATIENCE.as_secs())]
    Late { program: &'static str },
    #[error("{program} failed ({code}): {said}")]
    Failed {
        program: &'static str,
        code: i32,
        said: String,
    },
}

/// The path of a program of the system.
pub(crate) fn find(program: &'static str) -> Result<PathBuf, CommandError> {
    let paths = FOLDERS
        .iter()
        .map(|folder| PathBuf::from(folder).join(program));
    let mut there = paths.filter(|path| path.is_file());
    there.next().ok_or(CommandError::Missing(program))
}

/// Runs a program with this standard input, and returns what it prints.
pub(crate) async fn run(
    program: &'static str,
    arguments: &[&str],
    input: &[u8],
) -> Result<String, CommandError> {
    let start = |error| CommandError::Start(program, error);
    let mut child = Command::new(find(program)?)
        .args(arguments)
        .env_clear()
        .env("PATH", FOLDERS.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let stdin = child.stdin.take();
    let finished = async {
        if let Some(mut stdin) = stdin {
            // A program that ends before it has read all says why by its exit code.
            let _ = stdin.write_all(input).await;
        }
        child.wait_with_output().await
    };
    let output = timeout(PATIENCE, finished)
        .await
        .map_err(|_| CommandError::Late { program })?
        .map_err(start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(CommandError::Failed {
        program,
        code: output.status.code().unwrap_or(-1),
        said: said.trim().chars().take(MAX_SAID_BYTES).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_gets_its_input_and_says_what_it_prints() {
        let said = run("cat", &["-"], b"secret").await.unwrap();
        assert_eq!(said, "secret");
        let environment = run("env", &[], b"").await.unwrap();
        assert_eq!(environment.lines().count(), 2, "{environment}");
    }

    #[tokio::test]
    async fn a_failure_says_what_the_program_said() {
        let missing = run("no-such-program", &[], b"")
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(missing, "no-such-program is not installed here");
        let failed = run("cat", &["/no/such/file"], b"")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            failed.starts_with("cat failed (1): ") && failed.contains("/no/such/file: No such"),
            "{failed}"
        );
    }
}
