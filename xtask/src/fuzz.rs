//! `cargo xtask fuzz`: inputs nobody would think of, for a while.

use std::fs;

use clap::Args;

use crate::{
    build,
    command::{cargo, execute, path_with, root, say},
    tools,
};

// Only its generators are of use here, as the first inputs of the targets that read notebooks.
#[path = "../../fuzz/src/evil.rs"]
#[expect(unreachable_pub, reason = "the fuzzer has it for others too")]
mod evil;

/// Every target, in the order in which they run.
const TARGETS: [&str; 7] = [
    "parser",
    "private",
    "cut",
    "ansi",
    "markdown",
    "sanitizer",
    "highlighter",
];

/// The targets whose inputs are whole notebooks.
const READS_NOTEBOOKS: [&str; 2] = ["parser", "private"];

/// Longer inputs find little that shorter ones do not, and are slow.
const LONGEST: usize = 4096;

/// Feed the notebook crate with variations of fuzz/corpus, and stop at what breaks it.
///
/// By libFuzzer, through cargo-fuzz, and with the project's own compiler: without sanitizers,
/// which only a nightly one has, and which look for faults of unsafe code. An input that fails
/// is kept in fuzz/artifacts; once mended it belongs into fuzz/corpus.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// How long for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// These instead of all.
    #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
}

pub(crate) fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let folders: Vec<_> = tools::cargo_fuzz()?.into_iter().collect();
    let path = path_with(&folders)?;
    let all = TARGETS.map(str::to_owned);
    let targets = match args.targets.as_slice() {
        [] => &all[..],
        some => some,
    };
    let target_folder = build::target_folder().join("fuzz");
    for target in targets {
        say(&format!("Fuzzing: {target}"));
        // What it finds worth keeping goes here, and not into what is checked in.
        let found = target_folder.join("corpus").join(target);
        fs::create_dir_all(&found)?;
        if READS_NOTEBOOKS.contains(&target.as_str()) {
            for (name, make) in evil::generators() {
                let name = name.replace(|c: char| !c.is_alphanumeric(), "-");
                fs::write(found.join(name), make(LONGEST / 2))?;
            }
        }
        let mut command = cargo(&["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", "fuzz"]);
        command
            .arg("--target-dir")
            .arg(&target_folder)
            .arg(target)
            .arg(found)
            .arg(root().join("fuzz/corpus").join(target))
            .arg("--")
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={LONGEST}"))
            .arg("-timeout=2")
            .env("PATH", &path);
        execute(&mut command)?;
    }
    Ok(())
}
