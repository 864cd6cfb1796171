//! `cargo xtask fuzz`: runs the fuzz targets for a while.

use std::fs;

use clap::Args;

use crate::{
    build,
    command::{cargo, execute, path_with, root, say},
    tools,
};

// Only its generators are used here, for the first inputs of the targets that read notebooks.
#[path = "../../fuzz/src/evil.rs"]
#[expect(unreachable_pub, reason = "the crate `fuzz` exports it")]
mod evil;

/// Every target, in the order in which they run.
const FUZZ_TARGETS: [&str; 7] = [
    "parser",
    "private",
    "cut",
    "ansi",
    "markdown",
    "sanitizer",
    "highlighter",
];

/// The targets whose inputs are whole notebooks.
const NOTEBOOK_TARGETS: [&str; 2] = ["parser", "private"];

/// The longest input: longer ones are slow and find little more.
const MAX_INPUT_BYTES: usize = 4096;

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
    #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(FUZZ_TARGETS))]
    targets: Vec<String>,
}

pub(crate) fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let folders: Vec<_> = tools::cargo_fuzz()?.into_iter().collect();
    let path = path_with(&folders)?;
    let all = FUZZ_TARGETS.map(str::to_owned);
    let targets = match args.targets.as_slice() {
        [] => &all[..],
        some => some,
    };
    let target_folder = build::target_folder().join("fuzz");
    for target in targets {
        say(&format!("Fuzzing: {target}"));
        // libFuzzer writes new inputs here and not into the corpus that is checked in.
        let found = target_folder.join("corpus").join(target);
        fs::create_dir_all(&found)?;
        if NOTEBOOK_TARGETS.contains(&target.as_str()) {
            for (name, make) in evil::generators() {
                let name = name.replace(|c: char| !c.is_alphanumeric(), "-");
                fs::write(found.join(name), make(MAX_INPUT_BYTES / 2))?;
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
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg("-timeout=2")
            .env("PATH", &path);
        execute(&mut command)?;
    }
    Ok(())
}
