//! `pipalhub setup-node`: a bare server becomes one with a Hub, and one with an older release gets
//! this one.
//!
//! * [`step`]: a part of a server that is looked at and, where something is missing, brought there;
//!   the parts are [`distribution`], [`system_packages`], [`metadata`], [`confinement`],
//!   [`environment`], [`secrets`], [`files`], [`site`], [`instructors`]
//! * [`stack`]: what runs, by [`unit_stack`] or [`container_stack`]; [`upgrade`] puts one release
//!   in another's place, and back
//! * [`bundle`], [`wheels`]: all that is brought along, in this one program
//!
//! Nothing here is kept but in the files of the server: each run looks at what is there.

mod accounts;
mod bundle;
mod confinement;
mod container_stack;
mod distribution;
mod env_file;
mod environment;
mod files;
mod http;
mod instructors;
mod metadata;
mod node_file;
mod release;
mod secrets;
mod server;
mod site;
mod stack;
mod step;
mod system_packages;
mod unit_stack;
mod upgrade;
mod wheels;
mod whole_path;

use std::cell::RefCell;

use anyhow::bail;

use self::{
    accounts::ServiceAccounts,
    confinement::Confinement,
    container_stack::{ContainerImage, ContainerStack, tidy_images},
    distribution::SystemCheck,
    environment::HubEnvironment,
    files::{ServerFile, ServerFiles},
    instructors::{InstructorAccounts, first_configuration, unnamed},
    metadata::MetadataRules,
    node_file::NodeFile,
    release::{ReleaseName, Releases},
    secrets::UnitSecrets,
    server::Server,
    site::{CertbotCertificate, NginxSite, ServerSite},
    stack::Stack,
    step::{SetupStep, StepCount},
    system_packages::{PackageNames, SystemPackages},
    unit_stack::UnitStack,
    upgrade::{SwitchResult, switch},
    whole_path::WholePath,
};
pub(crate) use self::{
    node_file::StackKind, release::own_program, site::ServerTls, wheels::write_wheels,
};
use crate::node::{NodeProgress, SiteHost};

/// Packages that both kinds need: nginx, certbot, and the programs that the steps run.
const PACKAGES: [PackageNames; 7] = [
    &["ca-certificates"],
    &["certbot"],
    &["iproute2"],
    &["nginx"],
    &["openssl"],
    &["procps"],
    &["util-linux"],
];
const UNIT_PACKAGES: [PackageNames; 2] = [&["python3"], &["python3-venv"]];
/// Docker's own packages where its repository is known, else those of the system. Debian 13 has the
/// command in a package of its own, which the engine only recommends, and Debian 12 has no other
/// builder than the engine's.
const CONTAINER_PACKAGES: [PackageNames; 4] = [
    &["docker-ce", "docker.io"],
    &["docker-ce-cli", "docker-cli", "docker.io"],
    &["docker-buildx-plugin", "docker-buildx", "docker.io"],
    &[
        "docker-compose-plugin",
        "docker-compose-v2",
        "docker-compose",
    ],
];
/// Bytes that an installation takes, with some to work in.
const UNIT_BYTES: u64 = 2_500_000_000;
const CONTAINER_BYTES: u64 = 5_000_000_000;

/// What is to be set up.
#[derive(Clone, Debug)]
pub(crate) struct ServerSetup {
    pub(crate) host: SiteHost,
    pub(crate) kind: StackKind,
    pub(crate) tls: ServerTls,
    /// Names of users who teach.
    pub(crate) instructors: Vec<String>,
}

/// What came of a setup.
pub(crate) struct SetupReport {
    /// Steps that have changed something.
    pub(crate) changed: usize,
    pub(crate) release: ReleaseName,
    /// The release that ran before, when it was another.
    pub(crate) upgraded_from: Option<ReleaseName>,
    /// Lines with the passwords of instructors whose accounts were made.
    pub(crate) passwords: Vec<String>,
    /// Instructors whom the Hub's configuration, which is not written anew, does not name, and its
    /// path.
    pub(crate) unnamed: Vec<String>,
    pub(crate) configuration: String,
}

impl ServerSetup {
    /// The address of the page of the Hub.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.tls {
            ServerTls::None => "http",
            _ => "https",
        };
        format!("{scheme}://{}/", self.host.as_str())
    }

    /// Sets the server up, as far as it is not.
    ///
    /// # Errors
    /// With the step that failed. All that was done before stays, and another run goes on there.
    pub(crate) fn run(&self, progress: &dyn NodeProgress) -> anyhow::Result<SetupReport> {
        let server = Server::open()?;
        let before = NodeFile::read()?;
        self.check_kind(before.as_ref())?;
        let release = ReleaseName::own()?;
        let site = ServerSite {
            host: self.host.clone(),
            tls: self.tls.clone(),
        };
        let mut count = StepCount::default();
        let mut take = |step: &dyn SetupStep| count.take(step, &server, progress);
        let upgraded_from = match self.kind {
            StackKind::Units => {
                let stack = UnitStack::new();
                self.take_unit_steps(&stack, &release, &server, &mut take)?;
                let switched = switch(&stack, &release, &server, progress)?;
                self.end_switch(&stack, &stack.releases, &release, switched, &mut count)?
            }
            StackKind::Container => {
                let stack = ContainerStack::new();
                self.take_container_steps(&stack, &release, &mut take)?;
                let switched = switch(&stack, &release, &server, progress)?;
                let from =
                    self.end_switch(&stack, &stack.releases, &release, switched, &mut count)?;
                tidy_images(&server, &stack.releases)?;
                from
            }
        };
        let mut take = |step: &dyn SetupStep| count.take(step, &server, progress);
        if let ServerTls::Certbot { email, authority } = &self.tls {
            take(&CertbotCertificate {
                site: &site,
                email: email.as_deref(),
                authority: authority.as_deref(),
            })?;
        }
        take(&NginxSite(&site))?;
        take(&WholePath(&site))?;
        let accounts = InstructorAccounts {
            names: &self.instructors,
            made: RefCell::default(),
        };
        if !self.instructors.is_empty() {
            take(&accounts)?;
        }
        let node = NodeFile {
            hostname: self.host.as_str().to_owned(),
            kind: self.kind,
            release: release.clone(),
        };
        take(&node)?;
        let configuration = self.configuration_file();
        Ok(SetupReport {
            passwords: accounts.made.take(),
            unnamed: unnamed(&self.instructors, &configuration),
            configuration,
            changed: count.changed,
            release,
            upgraded_from,
        })
    }

    /// Refuses to make the one kind beside the other.
    fn check_kind(&self, before: Option<&NodeFile>) -> anyhow::Result<()> {
        let Some(before) = before else {
            return self.check_unfinished();
        };
        if before.kind == self.kind {
            return Ok(());
        }
        bail!(
            "this server was set up {}, and both ways at once do not go: {}",
            before.kind.in_words(),
            match before.kind {
                StackKind::Units => "give --no-docker, as before",
                StackKind::Container => "leave out --no-docker, as before",
            }
        )
    }

    /// Refuses to make it beside the other kind's that an earlier setup has started and not ended.
    fn check_unfinished(&self) -> anyhow::Result<()> {
        match self.kind {
            StackKind::Units if ContainerStack::new().current().is_some() => bail!(
                "an earlier setup has started the workshop with Docker, and both take the same port: \
                 leave out --no-docker to go on with it, or remove it first, with: docker rm \
                 --force pipalhub && rm /srv/pipalhub/.env"
            ),
            StackKind::Container if UnitStack::new().current().is_some() => bail!(
                "an earlier setup has started the workshop without Docker, and both take the same \
                 port: give --no-docker to go on with it, or remove it first, with: systemctl \
                 disable --now pipalhub-proxy pipalhub-hub pipalhub pipalhub-steward \
                 pipalhub-packages && rm /opt/pipalhub/current"
            ),
            _ => Ok(()),
        }
    }

    fn take_unit_steps(
        &self,
        stack: &UnitStack,
        release: &ReleaseName,
        server: &Server,
        take: &mut dyn FnMut(&dyn SetupStep) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // What is there already takes no room anew.
        let room = match stack.releases.is_complete(release) {
            true => Vec::new(),
            false => vec![("/opt/pipalhub", UNIT_BYTES)],
        };
        take(&SystemCheck { room })?;
        take(&packages(&UNIT_PACKAGES))?;
        take(&ServiceAccounts)?;
        take(&MetadataRules)?;
        take(&Confinement)?;
        take(&HubEnvironment {
            releases: &stack.releases,
            release,
        })?;
        stack.keep_units(server, release)?;
        take(&UnitSecrets)?;
        take(&self.unit_files())
    }

    fn take_container_steps(
        &self,
        stack: &ContainerStack,
        release: &ReleaseName,
        take: &mut dyn FnMut(&dyn SetupStep) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let room = match stack.releases.is_complete(release) {
            true => Vec::new(),
            false => vec![("/var/lib/docker", CONTAINER_BYTES)],
        };
        take(&SystemCheck { room })?;
        take(&packages(&CONTAINER_PACKAGES))?;
        take(&MetadataRules)?;
        take(&ContainerImage {
            releases: &stack.releases,
            release,
        })?;
        take(&self.container_files())
    }

    fn end_switch(
        &self,
        stack: &dyn Stack,
        releases: &Releases,
        release: &ReleaseName,
        switched: SwitchResult,
        count: &mut StepCount,
    ) -> anyhow::Result<Option<ReleaseName>> {
        debug_assert_eq!(stack.current().as_ref(), Some(release));
        let from = match switched {
            SwitchResult::Unchanged => return Ok(None),
            SwitchResult::Started => None,
            SwitchResult::Upgraded(from) => Some(from),
        };
        count.changed += 1;
        let needed: Vec<_> = [release].into_iter().chain(from.as_ref()).collect();
        releases.tidy(&needed)?;
        Ok(from)
    }

    /// The files of a server without containers, beside those of its units.
    fn unit_files(&self) -> ServerFiles {
        let wrapper = bundle::node_file("bin/pipalhub-units");
        let packages = "# Settings of what installs participants' packages.\n\
                        PIPALHUB_ENVIRONMENT=/opt/pipalhub/participants\n";
        let configuration = first_configuration(&self.instructors);
        let mut files = vec![
            ServerFile::ours("/usr/local/bin/pipalhub", wrapper, 0o755),
            ServerFile::theirs("/etc/pipalhub/packages.env", packages, 0o600),
            ServerFile::theirs(self.configuration_file(), configuration, 0o644),
            ServerFile::theirs("/etc/jupyterhub/users.txt", "", 0o600),
            ServerFile::ours(
                "/etc/pam.d/pipalhub",
                bundle::node_file("pam.d/pipalhub"),
                0o644,
            ),
        ];
        files.extend(home_files());
        ServerFiles {
            name: "Settings and commands",
            files,
        }
    }

    /// The files of a server with a container that are the trainer's: the class's folders, and what
    /// the Hub is told.
    fn container_files(&self) -> ServerFiles {
        let mut files = Vec::new();
        let wrapper = bundle::node_file("bin/pipalhub-container");
        files.push(ServerFile::ours("/usr/local/bin/pipalhub", wrapper, 0o755));
        let configuration = first_configuration(&self.instructors);
        files.push(ServerFile::theirs(
            self.configuration_file(),
            configuration,
            0o644,
        ));
        let hub = format!("{}/etc/jupyterhub", container_stack::PROJECT);
        files.push(ServerFile::theirs(format!("{hub}/users.txt"), "", 0o600));
        ServerFiles {
            name: "Settings and commands",
            files,
        }
    }

    /// The Hub's configuration.
    fn configuration_file(&self) -> String {
        let folder = match self.kind {
            StackKind::Units => String::new(),
            StackKind::Container => container_stack::PROJECT.to_owned(),
        };
        format!("{folder}/etc/jupyterhub/jupyterhub_config.py")
    }
}

fn packages(of_kind: &[PackageNames]) -> SystemPackages {
    SystemPackages {
        packages: [&PACKAGES[..], of_kind].concat(),
    }
}

/// What is in the home of everyone new.
fn home_files() -> impl Iterator<Item = ServerFile> {
    bundle::node_files()
        .into_iter()
        .filter_map(|(path, content)| {
            let name = path.strip_prefix("home/")?;
            Some(ServerFile::theirs(
                format!("/etc/skel/{name}"),
                content,
                0o644,
            ))
        })
}
