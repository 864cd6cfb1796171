//! Runs a small program of the administrator's to its end, in bounded time and with bounded
//! output.

use std::{
    ffi::OsStr,
    io::{self, Read},
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process_group},
};

use crate::secret::SECRET_VARIABLES;

/// The time between two looks whether a program has ended that has closed its output.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The output of a program that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProgramOutput {
    /// The code that it ended with; `None` when a signal ended it.
    pub(super) code: Option<i32>,
    /// Its standard output.
    pub(super) text: String,
}

/// Runs `program` without a shell, and without an input.
///
/// # Errors
/// When it cannot be run, does not end in time, or says more than `max_bytes` or no UTF-8.
pub(super) fn output_of(
    program: &OsStr,
    arguments: &[&str],
    timeout: Duration,
    max_bytes: usize,
) -> io::Result<ProgramOutput> {
    let until = Instant::now() + timeout;
    let mut command = Command::new(program);
    for secret in SECRET_VARIABLES {
        command.env_remove(secret);
    }
    let mut child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // So that the processes that it has started end with it.
        .process_group(0)
        .spawn()?;
    let ended = talk(&mut child, until, max_bytes);
    if ended.is_err() {
        if let Ok(group) = i32::try_from(child.id()) {
            // It may have ended by itself.
            let _ = Pid::from_raw(group).map(|group| kill_process_group(group, Signal::KILL));
        }
        child.wait()?;
    }
    let (status, bytes) = ended?;
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("its output is no UTF-8"))?;
    let code = status.code();
    Ok(ProgramOutput { code, text })
}

fn talk(child: &mut Child, until: Instant, max_bytes: usize) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut bytes = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        while wait_for_more(&stdout, until)? {
            let mut some = [0; 4_096];
            let count = stdout.read(&mut some)?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&some[..count]);
            if bytes.len() > max_bytes {
                return Err(io::Error::other(format!(
                    "it says more than {max_bytes} bytes"
                )));
            }
        }
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, bytes));
        }
        left(until)?;
        thread::sleep(EXIT_POLL_INTERVAL);
    }
}

/// Waits until there is output, or its end.
fn wait_for_more(stdout: &ChildStdout, until: Instant) -> io::Result<bool> {
    let timeout = Timespec::try_from(left(until)?).map_err(io::Error::other)?;
    let mut fds = [PollFd::new(stdout, PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) => left(until).map(|_| true),
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::INTR) => wait_for_more(stdout, until),
        Err(errno) => Err(errno.into()),
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it did not end in time",
        )),
        false => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn sh(script: &str, timeout: Duration) -> io::Result<ProgramOutput> {
        output_of("sh".as_ref(), &["-c", script, "sh", "a b"], timeout, 10_000)
    }

    #[test]
    fn a_program_gives_its_output_and_code() {
        let said = sh("printf '%s' \"$1\"; exit 3", MINUTE).unwrap();
        assert_eq!((said.code, &*said.text), (Some(3), "a b"));
        assert_eq!(sh("kill -9 $$", MINUTE).unwrap().code, None);
        let missing = output_of("/no/such/program".as_ref(), &[], MINUTE, 10);
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_program_that_hangs_or_says_too_much_is_ended() {
        const SHORT: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        // With and without an output that is still open, and one that a child holds open.
        for script in ["sleep 1000", "exec >&-; sleep 1000", "sleep 1000 & exit 0"] {
            let error = sh(script, SHORT).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}");
        }
        let error = sh("while :; do echo canary; done", MINUTE).unwrap_err();
        assert!(error.to_string().contains("10000 bytes"), "{error}");
        let error = sh("printf '\\377'", MINUTE).unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
        assert!(begun.elapsed() < MINUTE);
    }
}
