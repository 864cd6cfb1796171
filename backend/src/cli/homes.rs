//! The setting `--homes`, which several commands have.

use clap::{Args, ValueEnum};

use crate::homes::HomesTemplate;

/// Where participants' homes are.
#[derive(Args)]
pub(super) struct HomesArg {
    /// Where participants' homes are, with {user} in place of their name.
    #[arg(
        id = "homes",
        long = "homes",
        env = "PIPALHUB_HOMES",
        value_name = "TEMPLATE",
        default_value = "/home/{user}"
    )]
    pub(super) template: HomesTemplate,
}

/// Where participants' notebooks come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SourceArg {
    /// From their server where that pushes, else from their home.
    #[default]
    Auto,
    /// From their homes alone.
    Homes,
    /// From their servers alone.
    Push,
}

impl SourceArg {
    pub(super) fn reads_homes(self) -> bool {
        self != Self::Push
    }

    pub(super) fn takes_pushes(self) -> bool {
        self != Self::Homes
    }
}
