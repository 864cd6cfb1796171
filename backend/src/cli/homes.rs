//! The settings `--homes` and `--homes-from`, which several commands have.

use clap::{Args, ValueEnum};

use crate::homes::{Homes, HomesLookup, HomesTemplate};

/// Where participants' homes are.
#[derive(Args)]
pub(super) struct HomesArg {
    /// Where participants' homes are, with {user} in place of their name, or with {tljh},
    /// {escaped} or {slug} for what TLJH and spawners make of it.
    #[arg(
        id = "homes",
        long = "homes",
        env = "PIPALHUB_HOMES",
        value_name = "TEMPLATE",
        default_value = "/home/{user}"
    )]
    template: HomesTemplate,
    /// What tells where a participant's home is, in place of --homes: the system's accounts
    /// (getpwnam:NAME, with {user} or {tljh} in NAME), a program (command:/PATH), which prints
    /// the path for a name, or a file (table:/PATH) with a name and a path in each line.
    #[arg(
        id = "homes_from",
        long = "homes-from",
        env = "PIPALHUB_HOMES_FROM",
        value_name = "SOURCE"
    )]
    lookup: Option<HomesLookup>,
}

impl HomesArg {
    /// The homes, of which nothing is looked up yet.
    pub(super) fn homes(&self) -> Homes {
        match &self.lookup {
            Some(lookup) => lookup.clone().into(),
            None => self.template.clone().into(),
        }
    }
}

/// Where participants' notebooks come from.
#[derive(Args)]
pub(super) struct SourceSetting {
    /// Where participants' notebooks come from: read in their homes, pushed by their own servers,
    /// or, where a server pushes, from there and else from the home. [default: auto]
    #[arg(
        id = "source",
        long = "source",
        env = "PIPALHUB_SOURCE",
        value_name = "SOURCE",
        value_enum,
        default_value_t
    )]
    pub(super) kind: SourceArg,
}

/// What they are asked of.
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
