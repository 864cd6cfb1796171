//! From nothing to a server that answers at its hostname, step by step. Each step looks first, so
//! that an interrupted command goes on where it was.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::{
    api::DigitalOcean,
    class::{BroughtClass, NodeClass},
    dns::{NodeDns, is_own, refuse_others},
    host_key,
    hostname::NodeHostname,
    model::{Droplet, DropletRequest},
    settings::NodeSettings,
    setup::NodeSetup,
    ssh::NodeShell,
    state::{NodeFolder, NodeState},
};
use crate::node::NodeProgress;

/// How often something that may have been ordered is looked for.
const LOOKS: u32 = 3;
/// The exit code of a shell that does not know a command.
const NO_COMMAND: i32 = 127;
/// The exit code of cloud-init for problems that it went on with.
const DEGRADED: i32 = 2;

/// What is asked for.
pub(crate) struct NodeRequest {
    pub(crate) name: String,
    pub(crate) hostname: NodeHostname,
    /// DigitalOcean's name of the size.
    pub(crate) size: String,
    /// Whether a DNS record of somebody else's may be changed.
    pub(crate) may_take_record: bool,
}

/// A node that is there.
pub(crate) struct CreatedNode {
    pub(crate) state: NodeState,
    /// What came of its class, when one was brought.
    pub(crate) class: Option<BroughtClass>,
}

/// Makes a node, or goes on with it.
pub(crate) struct NodeCreation<'a> {
    pub(crate) cloud: &'a DigitalOcean,
    pub(crate) settings: &'a NodeSettings,
    pub(crate) folder: &'a NodeFolder,
    pub(crate) request: &'a NodeRequest,
    /// None when the server is to be left as it comes.
    pub(crate) setup: Option<&'a NodeSetup>,
    /// The class that is brought along.
    pub(crate) class: Option<&'a NodeClass>,
    pub(crate) progress: &'a dyn NodeProgress,
}

impl NodeCreation<'_> {
    /// Does every step that is not done.
    ///
    /// # Errors
    /// When a step fails: which, why, and what is there already.
    pub(crate) async fn run(&self) -> anyhow::Result<CreatedNode> {
        let mut state = self.begun()?;
        let mut step = "the account";
        let result = self.steps(&mut state, &mut step).await;
        let class = result.map_err(|error| self.told(&error, step, &state))?;
        Ok(CreatedNode { state, class })
    }

    /// A failure, with what is there already and how to go on.
    fn told(&self, error: &anyhow::Error, step: &str, state: &NodeState) -> anyhow::Error {
        let name = &self.request.name;
        let existing = state.existing();
        let existing = existing.as_deref().unwrap_or("nothing");
        let undo = match existing {
            "nothing" => String::new(),
            _ => format!(
                "\n  to remove it:  pipalhub destroy-node --name {name}, with --force as there is \
                 no class yet"
            ),
        };
        anyhow!(
            "{step}: {error:#}\n  there already: {existing}\n  to go on:      run the same \
             command again{undo}"
        )
    }

    /// What is known of the node.
    fn begun(&self) -> anyhow::Result<NodeState> {
        let NodeRequest {
            name,
            hostname,
            size,
            ..
        } = self.request;
        let domain = &self.settings.base_domain;
        let Some(state) = self.folder.state()? else {
            return Ok(NodeState::new(name, hostname, domain, size));
        };
        if state.existing().is_none() {
            return Ok(NodeState::new(name, hostname, domain, size));
        }
        if state.hostname != hostname.full || state.domain != *domain {
            bail!(
                "the node {name} was begun with the hostname {}: go on with that, or destroy it \
                 first",
                state.hostname
            );
        }
        if state.size != *size {
            bail!(
                "the node {name} was begun with the size {} and not {size}: go on with that, or \
                 destroy it first",
                state.size
            );
        }
        Ok(state)
    }

    fn dns(&self) -> NodeDns<'_> {
        NodeDns {
            cloud: self.cloud,
            folder: self.folder,
            ttl: self.settings.ttl,
            may_take: self.request.may_take_record,
        }
    }

    async fn steps(
        &self,
        state: &mut NodeState,
        step: &mut &str,
    ) -> anyhow::Result<Option<BroughtClass>> {
        let mut begin = |name: &'static str| {
            *step = name;
            self.progress.begin(name);
        };
        begin("the account");
        let keys = self.account(state).await?;
        self.progress.end("SSH keys and domain are there");

        begin("the droplet");
        let droplet = self.droplet(state, keys).await?;
        self.progress
            .end(&format!("{}, number {}", droplet.name, droplet.id));

        begin("its address");
        self.active(state, droplet.id).await?;
        let address = state.address.context("an active droplet has an address")?;
        self.progress.end(&address.to_string());

        begin("the DNS record");
        let pointed = self.dns().point(state, address).await?;
        self.progress.end(&pointed);

        begin("SSH");
        let shell = NodeShell::new(self.folder, self.settings, address);
        let wait = Duration::from_secs(self.settings.ssh_wait_seconds);
        shell.wait(wait).await?;
        self.progress
            .end("it answers, with the host key it was made with");

        begin("its first start");
        self.first_start(&shell).await?;
        self.progress.end("at its end");

        begin("the setup");
        match self.setup {
            Some(setup) => {
                setup.run(&shell, &state.hostname).await?;
                state.is_set_up = true;
                self.folder.keep(state)?;
                self.progress.end("at its end");
            }
            None => self.progress.end("left out, by --no-setup"),
        }

        let Some(class) = self.class else {
            return Ok(None);
        };
        begin("the class");
        let brought = class.bring(&shell, self.folder, &state.hostname).await?;
        let BroughtClass { added, known, .. } = brought;
        self.progress
            .end(&format!("{added} added, {known} were there before"));
        Ok(Some(brought))
    }

    /// The account's SSH keys, and whether all is there that the steps need. A record of somebody
    /// else's is found here, before a droplet costs money.
    async fn account(&self, state: &NodeState) -> anyhow::Result<Vec<u64>> {
        let keys = self.cloud.ssh_keys().await?;
        if keys.is_empty() {
            bail!(
                "there is no SSH key in the account, and without one nobody can sign in to a new \
                 server: add yours in DigitalOcean's control panel, Settings, Security"
            );
        }
        let domain = &self.settings.base_domain;
        if !self.cloud.has_domain(domain).await? {
            bail!(
                "the DNS of {domain} is not served by this account: add the domain in \
                 DigitalOcean's control panel, Networking, or set base_domain in the settings"
            );
        }
        if !self.request.may_take_record {
            let mut others = self.dns().records(state).await?;
            let address = state.address.map(|address| address.to_string());
            others.retain(|it| !is_own(state, it) && Some(&it.data) != address.as_ref());
            refuse_others(state, &others)?;
        }
        Ok(keys)
    }

    /// The droplet, ordered unless it is there.
    async fn droplet(&self, state: &mut NodeState, keys: Vec<u64>) -> anyhow::Result<Droplet> {
        let mut search = find_droplet(self.cloud, state).await?;
        if search.made.is_none() && state.is_ordered {
            search = self.look_again(state).await?;
        }
        if let Some(droplet) = search.made {
            self.remember(state, &droplet, None)?;
            return Ok(droplet);
        }
        if let [other, ..] = search.others[..] {
            bail!(
                "there is a droplet {} (number {other}) that was not made from here: it is left \
                 alone; take another name",
                state.name
            );
        }
        if let Some(gone) = state.droplet {
            self.progress
                .tell(&format!("the droplet {gone} is gone: another is made"));
            host_key::discard(self.folder)?;
            state.droplet = None;
            state.action = None;
            state.address = None;
            state.is_set_up = false;
        }
        let user_data = host_key::user_data(self.folder).await?;
        state.is_ordered = true;
        self.folder.keep(state)?;
        let ordered = self
            .cloud
            .create_droplet(&DropletRequest {
                name: &state.name,
                region: &self.settings.region,
                size: &state.size,
                image: &self.settings.image,
                ssh_keys: keys,
                backups: false,
                tags: vec![&state.tag],
                user_data: &user_data,
            })
            .await;
        match ordered {
            Ok(order) => {
                self.remember(state, &order.droplet, order.action)?;
                Ok(order.droplet)
            }
            Err(error) if error.is_uncertain() => {
                let found = self.look_again(state).await?.made;
                let droplet = found.ok_or(error)?;
                self.remember(state, &droplet, None)?;
                Ok(droplet)
            }
            Err(error) => {
                state.is_ordered = false;
                self.folder.keep(state)?;
                Err(error.into())
            }
        }
    }

    fn remember(
        &self,
        state: &mut NodeState,
        droplet: &Droplet,
        action: Option<u64>,
    ) -> anyhow::Result<()> {
        state.droplet = Some(droplet.id);
        state.action = action.or(state.action);
        self.folder.keep(state)?;
        host_key::forget(self.folder)
    }

    /// Looks for a droplet that may have been ordered a moment ago.
    async fn look_again(&self, state: &NodeState) -> anyhow::Result<DropletSearch> {
        look_again(self.cloud, state, self.settings.poll()).await
    }

    /// Waits until the droplet runs and has an address.
    async fn active(&self, state: &mut NodeState, id: u64) -> anyhow::Result<()> {
        let wait = Duration::from_secs(self.settings.droplet_wait_seconds);
        let until = Instant::now() + wait;
        loop {
            let droplet = self.cloud.droplet(id).await?;
            let droplet = droplet.with_context(|| format!("the droplet {id} is gone"))?;
            if let ("active", Some(address)) = (&*droplet.status, droplet.address()) {
                state.address = Some(address);
                return self.folder.keep(state);
            }
            if matches!(&*droplet.status, "off" | "archive") {
                bail!(
                    "the droplet {id} is {}: switch it on in DigitalOcean's control panel",
                    droplet.status
                );
            }
            if let Some(action) = state.action
                && let Some(action) = self.cloud.action(action).await?
                && action.status == "errored"
            {
                bail!(
                    "DigitalOcean could not make the droplet {id}: destroy the node and make it \
                     again, perhaps in another region"
                );
            }
            if Instant::now() + self.settings.poll() > until {
                bail!(
                    "the droplet {id} is still {:?} after {} s",
                    droplet.status,
                    wait.as_secs()
                );
            }
            tokio::time::sleep(self.settings.poll()).await;
        }
    }

    /// Waits until cloud-init has ended.
    async fn first_start(&self, shell: &NodeShell) -> anyhow::Result<()> {
        let wait = Duration::from_secs(self.settings.cloud_init_wait_seconds);
        let output = shell.run("cloud-init status --wait", wait).await?;
        let said = [output.stdout.trim(), output.stderr.trim()].join(" ");
        match output.status.code() {
            Some(0) => Ok(()),
            Some(DEGRADED) => {
                self.progress.tell(&format!(
                    "cloud-init has gone on with problems ({}): see /var/log/cloud-init.log there",
                    said.trim()
                ));
                Ok(())
            }
            Some(NO_COMMAND) => bail!("the image has no cloud-init: take another in the settings"),
            _ => bail!(
                "cloud-init has failed ({}): see /var/log/cloud-init.log there",
                said.trim()
            ),
        }
    }

    /// What would be done, without doing any of it.
    ///
    /// # Errors
    /// When the account cannot be asked, or a step could not be done.
    pub(crate) async fn plan(&self) -> anyhow::Result<Vec<String>> {
        let state = self.begun()?;
        let keys = self.account(&state).await?;
        let search = find_droplet(self.cloud, &state).await?;
        if let ([other, ..], None) = (&search.others[..], &search.made) {
            bail!(
                "there is a droplet {} (number {other}) that was not made from here: take another \
                 name",
                state.name
            );
        }
        let NodeSettings { region, image, .. } = self.settings;
        let droplet = match &search.made {
            Some(droplet) => format!("go on with the droplet {}", droplet.id),
            None => format!(
                "make the droplet {} in {region}: {}, {image}, {} SSH keys of the account, no \
                 backups",
                state.name,
                state.size,
                keys.len()
            ),
        };
        let records = self.dns().records(&state).await?;
        let hostname = &state.hostname;
        let record = match records.iter().find(|it| is_own(&state, it)) {
            Some(own) => format!("let the record of {hostname} ({}) lead to it", own.data),
            None => match &records[..] {
                [] => format!("make an A record: {hostname}, ttl {}", self.settings.ttl),
                [other] => format!(
                    "let the record of {hostname} lead to it, not to {}",
                    other.data
                ),
                others => {
                    refuse_others(&state, others)?;
                    String::new()
                }
            },
        };
        let mut plan = vec![
            droplet,
            "wait until it is active and has an address".to_owned(),
            record,
            "wait for SSH, by the host key that it is made with, and for cloud-init".to_owned(),
            match self.setup {
                Some(_) => format!("copy pipalhub there and run pipalhub setup-node {hostname}"),
                None => "leave out the setup, by --no-setup".to_owned(),
            },
        ];
        plan.extend(self.class.map(|it| format!("add {}", it.named())));
        Ok(plan)
    }
}

/// The droplets of a node's name.
pub(super) struct DropletSearch {
    /// The one that was made from here.
    pub(super) made: Option<Droplet>,
    /// The numbers of others.
    pub(super) others: Vec<u64>,
}

/// Looks for the node's droplet, by its number, and by name and tag.
pub(super) async fn find_droplet(
    cloud: &DigitalOcean,
    state: &NodeState,
) -> anyhow::Result<DropletSearch> {
    if let Some(id) = state.droplet
        && let Some(droplet) = cloud.droplet(id).await?
    {
        if droplet.name != state.name || !droplet.has_tag(&state.tag) {
            bail!(
                "the droplet {id} has another name or tag than it was made with ({} and {}): give \
                 it these again in DigitalOcean's control panel",
                state.name,
                state.tag
            );
        }
        return Ok(DropletSearch {
            made: Some(droplet),
            others: Vec::new(),
        });
    }
    let droplets = cloud.droplets(&state.name).await?;
    let (mut made, others): (Vec<Droplet>, Vec<Droplet>) =
        droplets.into_iter().partition(|it| it.has_tag(&state.tag));
    if made.len() > 1 {
        let ids: Vec<String> = made.iter().map(|it| it.id.to_string()).collect();
        bail!(
            "there are several droplets with the name {} and its tag ({}): remove all but one in \
             DigitalOcean's control panel",
            state.name,
            ids.join(", ")
        );
    }
    Ok(DropletSearch {
        made: made.pop(),
        others: others.into_iter().map(|it| it.id).collect(),
    })
}

/// Looks several times for a droplet that may have been ordered a moment ago.
pub(super) async fn look_again(
    cloud: &DigitalOcean,
    state: &NodeState,
    pause: Duration,
) -> anyhow::Result<DropletSearch> {
    let mut looks = 0;
    loop {
        tokio::time::sleep(pause).await;
        let search = find_droplet(cloud, state).await?;
        looks += 1;
        if search.made.is_some() || looks == LOOKS {
            return Ok(search);
        }
    }
}
