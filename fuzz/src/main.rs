//! `fuzz [--seconds N] [TARGET…]`: every target, or those named, one after the other.

use std::{path::Path, process::ExitCode, time::Duration};

use fuzz::{TARGETS, driver};

fn main() -> ExitCode {
    let mut seconds = 60;
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--seconds" {
            wanted.push(argument);
            continue;
        }
        match arguments.next().and_then(|text| text.parse().ok()) {
            Some(number) => seconds = number,
            None => return refuse("--seconds wants a number"),
        }
    }
    let known = |name: &String| TARGETS.iter().any(|(target, _)| target == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        return refuse(&format!("there is no target {unknown}"));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, target) in TARGETS {
        if wanted.is_empty() || wanted.iter().any(|other| other == name) {
            let found = driver::run(folder, name, target, Duration::from_secs(seconds));
            if let Err(failure) = found {
                return refuse(&failure);
            }
        }
    }
    ExitCode::SUCCESS
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fuzz: {why}");
    ExitCode::FAILURE
}
