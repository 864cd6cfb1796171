//! Steps of a setup: each looks first, and acts only where something is missing.

use anyhow::{Context, anyhow, bail};

use super::server::Server;
use crate::node::NodeProgress;

/// A part of a server that is as it should be, or is brought there.
pub(super) trait SetupStep {
    /// What is set up, as in "the packages of the system".
    fn name(&self) -> String;

    /// What is not as it should be; `None` when nothing is to be done. Changes nothing.
    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>>;

    /// Does what is missing, whatever an earlier run has left of it.
    fn act(&self, server: &Server) -> anyhow::Result<()>;
}

/// What came of steps.
#[derive(Default)]
pub(super) struct StepCount {
    pub(super) changed: usize,
}

impl StepCount {
    /// Takes one step.
    ///
    /// # Errors
    /// When it fails, or something is still missing after it.
    pub(super) fn take(
        &mut self,
        step: &dyn SetupStep,
        server: &Server,
        progress: &dyn NodeProgress,
    ) -> anyhow::Result<()> {
        let name = step.name();
        progress.begin(&name);
        let failed = || format!("{name} failed");
        let Some(missing) = step.missing(server).with_context(failed)? else {
            progress.end("nothing to do");
            return Ok(());
        };
        progress.tell(&missing);
        step.act(server).map_err(|error| {
            anyhow!(
                "{name} failed: {error:#}\nWhat was done stays: the same command goes on from here"
            )
        })?;
        if let Some(still) = step.missing(server).with_context(failed)? {
            bail!("{name} failed: it was done, and still {still}");
        }
        self.changed += 1;
        progress.end("done");
        Ok(())
    }
}
