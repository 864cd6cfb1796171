//! Runs the programs that read and change an environment.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use anyhow::Context;

/// Is told each line of a log.
pub(super) type LogSink<'a> = &'a (dyn Fn(&str) + Sync);

/// Lines of a program's output that are kept: those at its end.
const MAX_KEPT_LINES: usize = 2_000;
/// Longest line in bytes; what is longer is told in parts.
const MAX_LINE_BYTES: u64 = 4_000;

/// What came of a program.
#[derive(Debug, Default)]
pub(super) struct ProgramOutput {
    pub(super) is_success: bool,
    pub(super) stdout: Vec<String>,
    pub(super) stderr: Vec<String>,
}

/// Runs a program to its end and tells its lines as they come.
pub(super) fn run(command: &mut Command, log: LogSink<'_>) -> anyhow::Result<ProgramOutput> {
    let program = command.get_program().to_string_lossy().into_owned();
    let cannot = || format!("cannot run {program}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(cannot)?;
    let (sender, lines) = mpsc::channel();
    let readers = [
        child
            .stdout
            .take()
            .map(|it| reader(it, false, sender.clone())),
        child.stderr.take().map(|it| reader(it, true, sender)),
    ];
    let mut output = ProgramOutput::default();
    for (is_error, line) in lines {
        log(&line);
        let kept = match is_error {
            true => &mut output.stderr,
            false => &mut output.stdout,
        };
        if kept.len() == MAX_KEPT_LINES {
            kept.remove(0);
        }
        kept.push(line);
    }
    for reader in readers.into_iter().flatten() {
        // A reader that has panicked has nothing more to tell.
        let _ = reader.join();
    }
    output.is_success = child.wait().with_context(cannot)?.success();
    Ok(output)
}

/// Sends the lines of an output, cleaned of what a terminal would obey.
fn reader(
    output: impl Read + Send + 'static,
    is_error: bool,
    lines: mpsc::Sender<(bool, String)>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut bytes = Vec::new();
            let read = (&mut output)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut bytes);
            match read {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let line = cleaned(&String::from_utf8_lossy(&bytes));
            if lines.send((is_error, line)).is_err() {
                break;
            }
        }
    })
}

/// A line without control characters and without the password of an address.
fn cleaned(line: &str) -> String {
    let shown: String = line
        .trim_end()
        .chars()
        .filter(|it| !it.is_control() || *it == '\t')
        .collect();
    without_passwords(&shown)
}

/// `https://user:secret@host` as `https://****@host`: an index may be one that takes a password.
fn without_passwords(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after
            .find(['/', ' ', '"', '\'', ','])
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                shown.push_str("****");
                &after[at..]
            }
            None => after,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn lines_are_told_and_kept_by_where_they_come_from() {
        let told = Mutex::new(Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo '\u{1b}[31mtwo' >&2; exit 3"]);
        let output = run(&mut command, &|line| {
            told.lock().unwrap().push(line.to_owned())
        });
        let output = output.unwrap();
        assert!(!output.is_success);
        assert_eq!(
            (output.stdout, output.stderr),
            (vec!["one".into()], vec!["[31mtwo".into()])
        );
        assert_eq!(told.into_inner().unwrap().len(), 2);
        let missing = run(&mut Command::new("/no/such/program"), &|_| {}).unwrap_err();
        assert!(format!("{missing:#}").starts_with("cannot run /no/such/program: "));
    }

    #[test]
    fn the_password_of_an_address_is_not_told() {
        assert_eq!(
            cleaned("Looking in indexes: https://me:s3cret@example.org/simple, https://b/x\n"),
            "Looking in indexes: https://****@example.org/simple, https://b/x"
        );
        assert_eq!(
            cleaned("see https://example.org/@me"),
            "see https://example.org/@me"
        );
    }
}
