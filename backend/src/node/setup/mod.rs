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
mod units;
mod upgrade;
mod wheels;
mod whole_path;

use std::cell::RefCell;

use anyhow::bail;

use self::{
    container_stack::ContainerStack,
    distribution::SystemCheck,
    instructors::{InstructorAccounts, unnamed},
    metadata::MetadataRules,
    node_file::NodeFile,
    release::ReleaseName,
    server::Server,
    site::{CertbotCertificate, NginxSite, ServerSite},
    stack::{PreparedStack, ServerStack},
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
/// What is to be set up.
#[derive(Clone, Debug)]
pub(crate) struct ServerSetup {
    pub(crate) host: SiteHost,
    pub(crate) kind: StackKind,
    pub(crate) tls: ServerTls,
    /// Names of users who teach.
    pub(crate) instructors: Vec<String>,
    /// Whether they get accounts, where they have none.
    pub(crate) makes_accounts: bool,
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
    pub(crate) configuration: &'static str,
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
        self.check_unfinished()?;
        let stack: Box<dyn PreparedStack> = match self.kind {
            StackKind::Units => Box::new(UnitStack::new()),
            StackKind::Container => Box::new(ContainerStack::new()),
        };
        let release = ReleaseName::own()?;
        let mut count = StepCount::default();
        let mut take = |step: &dyn SetupStep| count.take(step, &server, progress);
        // What is there already takes no room anew.
        let room = (!stack.releases().is_complete(&release)).then(|| stack.room());
        take(&SystemCheck { room })?;
        take(&SystemPackages {
            packages: [&PACKAGES[..], &stack.system_packages()].concat(),
        })?;
        take(&MetadataRules)?;
        for step in stack.preparation(&release, &self.instructors) {
            take(&*step)?;
        }
        let upgraded_from = match switch(&*stack, &release, &server, progress)? {
            SwitchResult::Unchanged => None,
            SwitchResult::Started => {
                count.changed += 1;
                None
            }
            SwitchResult::Upgraded(from) => {
                count.changed += 1;
                stack.releases().tidy(&[&release, &from])?;
                stack.tidy(&server)?;
                Some(from)
            }
        };
        let passwords = self.open_to_the_world(&server, progress, &mut count)?;
        let node = NodeFile {
            hostname: self.host.as_str().to_owned(),
            kind: self.kind,
            release: release.clone(),
        };
        count.take(&node, &server, progress)?;
        Ok(SetupReport {
            passwords,
            unnamed: unnamed(&self.instructors, stack.configuration()),
            configuration: stack.configuration(),
            changed: count.changed,
            release,
            upgraded_from,
        })
    }

    /// nginx, its certificate, and who teaches, whose passwords are returned.
    fn open_to_the_world(
        &self,
        server: &Server,
        progress: &dyn NodeProgress,
        count: &mut StepCount,
    ) -> anyhow::Result<Vec<String>> {
        let mut take = |step: &dyn SetupStep| count.take(step, server, progress);
        let site = ServerSite {
            host: self.host.clone(),
            tls: self.tls.clone(),
        };
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
        if self.makes_accounts && !self.instructors.is_empty() {
            take(&accounts)?;
        }
        Ok(accounts.made.take())
    }

    /// Refuses to make the one kind beside the other.
    fn check_kind(&self, before: Option<&NodeFile>) -> anyhow::Result<()> {
        let Some(before) = before.filter(|before| before.kind != self.kind) else {
            return Ok(());
        };
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
}
