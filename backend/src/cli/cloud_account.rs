//! What `create-node` and `destroy-node` have in common: the account, the settings of nodes, and
//! where is kept what is known of each.

use std::{env, path::PathBuf};

use anyhow::Context;
use clap::Args;
use tokio::runtime::{self, Runtime};

use super::data::data_path;
use crate::{
    cloud::{DigitalOcean, NodeSettings, TOKEN_VARIABLE},
    secret::Secret,
};

/// The settings of nodes and where they are kept.
#[derive(Args)]
pub(super) struct CloudArgs {
    /// The name of the node, which is the droplet's.
    #[arg(long, value_name = "NAME")]
    pub(super) name: String,
    /// The settings of nodes, in TOML. [default: pipalhub/node.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, env = "PIPALHUB_NODE_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where is kept what is known of each node. [default: pipalhub/nodes in $XDG_DATA_HOME or
    /// ~/.local/share]
    #[arg(long, env = "PIPALHUB_NODES", value_name = "DIR")]
    nodes: Option<PathBuf>,
    /// Look only, and say what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl CloudArgs {
    pub(super) fn settings(&self) -> anyhow::Result<NodeSettings> {
        if let Some(path) = &self.settings {
            return NodeSettings::read(path, true);
        }
        let variable = |name| {
            env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let usual = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        match usual {
            Some(folder) => NodeSettings::read(&folder.join("pipalhub/node.toml"), false),
            None => Ok(NodeSettings::default()),
        }
    }

    pub(super) fn nodes(&self) -> anyhow::Result<PathBuf> {
        if let Some(nodes) = &self.nodes {
            return Ok(nodes.clone());
        }
        let data = data_path(None).map_err(|_| {
            anyhow::anyhow!("there is no home folder to keep it in: say where with --nodes DIR")
        })?;
        Ok(data.join("nodes"))
    }
}

/// The account that the variable's token is of.
pub(super) fn account(settings: &NodeSettings) -> anyhow::Result<DigitalOcean> {
    let token = env::var(TOKEN_VARIABLE).unwrap_or_default();
    let token = Some(token.trim()).filter(|token| !token.is_empty());
    let token = token.with_context(|| {
        format!(
            "there is no {TOKEN_VARIABLE}: make a token on the page API of DigitalOcean's control \
             panel, and give it in that variable"
        )
    })?;
    let tell = |words: &str| eprintln!("    {words}");
    DigitalOcean::new(&Secret::new(token), settings, Box::new(tell))
}

pub(super) fn one_thread() -> anyhow::Result<Runtime> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    built.context("cannot start the runtime")
}

pub(super) fn print_plan(plan: &[String]) {
    println!("Nothing was changed. It would:");
    for (at, step) in plan.iter().enumerate() {
        println!("{}. {step}", at + 1);
    }
}
