//! Measures what reporting adds to a participant's save, in each state of the service. The
//! measurement runs in the participant's server, in Python: `tests/python/bench_saves.py`.

use clap::Args;

use crate::{
    command::{execute, program, say},
    tools,
};

/// What reporting adds to a participant's save; fails when it is more than 3 ms.
#[derive(Args)]
pub(super) struct SavesArgs {
    /// How many saves with and without it, in each state of the service.
    #[arg(long, default_value_t = 1_000)]
    saves: usize,
}

pub(super) fn run(args: &SavesArgs) -> anyhow::Result<()> {
    let venv = tools::venv(&tools::HUB_VENV)?;
    say("Saving notebooks");
    execute(
        program(venv.join("bin/python"))
            .arg("tests/python/bench_saves.py")
            .arg(args.saves.to_string()),
    )
}
