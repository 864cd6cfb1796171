//! The setting `--homes`, which several commands have.

use clap::Args;

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
