//! The settings of participants' environment, which the steward and `pipalhub packages` have.

use std::{
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use shared::packages::PackagePlace;

use crate::packages::{
    package_manager::{PackageManager, PackageSettings},
    worker::InstallerChoice,
};

/// The environment in which participants' servers and kernels run.
#[derive(Args)]
pub(super) struct EnvironmentArgs {
    /// The environment of participants' servers, which packages are installed into. It is never
    /// the Hub's own.
    #[arg(long, env = "PIPALHUB_ENVIRONMENT", global = true, value_name = "DIR")]
    pub(super) environment: Option<PathBuf>,
    /// What is asked for in it: a requirement a line.
    #[arg(
        long,
        env = "PIPALHUB_REQUIREMENTS_FILE",
        global = true,
        value_name = "FILE",
        default_value = "/etc/jupyterhub/requirements.txt"
    )]
    requirements_file: PathBuf,
    /// What installs: uv where it is there and pip has no settings of its own, else pip.
    #[arg(
        long,
        env = "PIPALHUB_INSTALLER",
        global = true,
        value_name = "PROGRAM",
        value_enum,
        default_value_t
    )]
    installer: InstallerChoice,
    /// Longest time of an installation, in seconds.
    #[arg(
        long,
        env = "PIPALHUB_INSTALL_SECONDS",
        global = true,
        value_name = "N",
        default_value_t = 1_200,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    install_seconds: u64,
    /// The environment that the Hub runs in, which nothing is installed into.
    #[arg(
        long,
        env = "PIPALHUB_HUB_ENVIRONMENT",
        global = true,
        value_name = "DIR"
    )]
    hub_environment: Option<PathBuf>,
}

impl EnvironmentArgs {
    /// The environment, where one is named.
    pub(super) fn open(&self, state: &Path) -> Option<Arc<PackageManager>> {
        // The worker is not where this process is.
        let environment = absolute(self.environment.as_ref()?).ok()?;
        Some(Arc::new(PackageManager::new(PackageSettings {
            environment,
            requirements_file: self.requirements_file.clone(),
            state: state.to_owned(),
            installer: self.installer,
            limit: Duration::from_secs(self.install_seconds),
            hub_environment: self.hub_environment.clone(),
        })))
    }
}

/// The image that participants' servers are started from, where they are containers.
#[derive(Args)]
pub(super) struct ImageArgs {
    /// What starts participants' servers from an image, as DockerSpawner: packages go into the
    /// image, and the page says how.
    #[arg(long, env = "PIPALHUB_IMAGE_SPAWNER", value_name = "CLASS")]
    image_spawner: Option<String>,
    /// That image, where there is one for all.
    #[arg(
        long,
        env = "PIPALHUB_IMAGE",
        value_name = "IMAGE",
        requires = "image_spawner"
    )]
    image: Option<String>,
}

impl ImageArgs {
    /// Where packages go, if it is an image.
    pub(super) fn place(self) -> Option<PackagePlace> {
        let spawner = self.image_spawner?;
        Some(PackagePlace::Image {
            image: self.image,
            spawner,
        })
    }
}
