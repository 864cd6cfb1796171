//! `cargo xtask fuzz`: inputs nobody would think of, for a while.

use std::path::PathBuf;

use clap::Args;

use crate::{
    build,
    command::{cargo, execute, is_there, program, root, say},
};

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

/// Feed the notebook crate with variations of fuzz/corpus, and stop at what breaks it.
///
/// By libFuzzer where cargo-fuzz is installed (it needs a nightly compiler too), else by
/// a plain fuzzer of our own. An input that fails is kept in fuzz/artifacts; once mended
/// it belongs into fuzz/corpus.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// How long for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Use our own fuzzer even where cargo-fuzz is installed.
    #[arg(long)]
    plain: bool,
    /// These instead of all.
    #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
}

pub(crate) fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    if is_there("cargo-fuzz") && !args.plain {
        return with_libfuzzer(args);
    }
    say("Fuzzing, without cargo-fuzz");
    let manifest = manifest();
    let mut command = cargo(&["run", "--locked", "--release", "--manifest-path"]);
    command
        .arg(manifest)
        .arg("--target-dir")
        .arg(build::target_folder())
        .args(["--", "--seconds", &args.seconds.to_string()])
        .args(&args.targets);
    execute(&mut command)
}

fn with_libfuzzer(args: &FuzzArgs) -> anyhow::Result<()> {
    let all = TARGETS.map(str::to_owned);
    let targets = match args.targets.as_slice() {
        [] => &all[..],
        some => some,
    };
    for target in targets {
        say(&format!("Fuzzing: {target}"));
        // Not the compiler of rust-toolchain.toml, which this was started with.
        let mut command = program("rustup");
        command
            .args(["run", "nightly", "cargo", "fuzz", "run"])
            .args(["--features", "libfuzzer", "--fuzz-dir", "fuzz", target])
            .arg("--")
            .arg(format!("-max_total_time={}", args.seconds))
            .args(["-max_len=4096", "-timeout=5"]);
        execute(&mut command)?;
    }
    Ok(())
}

fn manifest() -> PathBuf {
    root().join("fuzz").join("Cargo.toml")
}
