//! The process that reads and changes an environment, as the user who owns it: the steward, which
//! may be root, opens nothing there itself, where links of another user could lead it.
//!
//! It gets one request on its standard input and prints lines of JSON, of which the last is the
//! answer. When its input ends, so that nobody waits for it any more, it ends itself and all that
//! it has started.

mod commit;
mod environment;
mod install;
mod installer;
mod program;
mod protocol;
mod staging;

use std::{
    io::{self, BufRead, Read, Write},
    process::ExitCode,
    thread,
};

use anyhow::Context;
use rustix::{
    fs::Mode,
    process::{Signal, getpgrp, kill_process_group, umask},
};

pub(crate) use self::protocol::{
    EnvironmentRequest, EnvironmentWork, Inspection, InstallerChoice, LastChange, WorkerLine,
};
use self::{environment::Environment, program::LogSink};

/// Does the request on standard input. The process has to lead a process group of its own.
///
/// # Errors
/// When the request cannot be read or nobody takes the answer.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    // What is installed is for everyone to read, whatever the steward is for.
    umask(Mode::WGRP | Mode::WOTH);
    let mut line = String::new();
    let mut input = io::stdin().lock();
    input.read_line(&mut line).context("there is no request")?;
    let request: EnvironmentRequest =
        serde_json::from_str(&line).context("the request cannot be read")?;
    drop(input);
    end_with_input();
    let log: LogSink = &|line: &str| {
        // Whoever does not listen any more has closed the input too.
        let _ = say(&WorkerLine::Log(line.to_owned()));
    };
    let answer = answer(&request, log);
    say(&answer.unwrap_or_else(|error| WorkerLine::Failed(format!("{error:#}"))))?;
    Ok(ExitCode::SUCCESS)
}

fn answer(request: &EnvironmentRequest, log: LogSink<'_>) -> anyhow::Result<WorkerLine> {
    let environment = Environment::open(&request.environment, request.installer)?;
    Ok(match &request.work {
        EnvironmentWork::Inspect {} => WorkerLine::Inspection(environment.inspection()?),
        EnvironmentWork::Plan { requirements, drop } => {
            WorkerLine::Plan(install::plan(&environment, requirements, drop)?)
        }
        EnvironmentWork::Install {
            job,
            requirements,
            drop,
        } => {
            install::install(&environment, *job, requirements, drop, log)?;
            WorkerLine::Installed {}
        }
        EnvironmentWork::Recover {} => WorkerLine::Recovered(commit::recover(&environment)?),
    })
}

fn say(line: &WorkerLine) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&bytes)?;
    output.flush()
}

/// Ends this process and its kin when standard input has ended.
fn end_with_input() {
    thread::spawn(|| {
        let mut rest = [0; 64];
        while io::stdin()
            .lock()
            .read(&mut rest)
            .is_ok_and(|read| read > 0)
        {}
        // It ends this process too.
        let _ = kill_process_group(getpgrp(), Signal::KILL);
    });
}
