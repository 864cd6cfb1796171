//! From a node back to nothing: the record and the droplet that were made from here, and nothing
//! else.

use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::{
    api::DigitalOcean,
    creation::{find_droplet, look_again},
    dns::{NodeDns, is_own},
    model::DnsRecord,
    settings::NodeSettings,
    state::{NodeFolder, NodeRecord, NodeState},
};
use crate::node::NodeProgress;

/// Removes a node.
pub(crate) struct NodeDestruction<'a> {
    pub(crate) cloud: &'a DigitalOcean,
    pub(crate) settings: &'a NodeSettings,
    pub(crate) folder: &'a NodeFolder,
    pub(crate) state: &'a NodeState,
    pub(crate) progress: &'a dyn NodeProgress,
}

/// What is done with the record.
enum RecordFate {
    Nothing(String),
    Delete(DnsRecord),
    /// It is put back to the address that it had.
    PutBack {
        id: u64,
        data: String,
        ttl: u32,
    },
}

impl NodeDestruction<'_> {
    /// Removes what is there. What is gone already is no error, so that it can be run again.
    ///
    /// # Errors
    /// When a step fails: which and why.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let mut step = "the DNS record";
        let result = self.steps(&mut step).await;
        result.map_err(|error| {
            anyhow!("{step}: {error:#}\n  to go on:      run the same command again")
        })
    }

    async fn steps(&self, step: &mut &str) -> anyhow::Result<()> {
        let mut begin = |name: &'static str| {
            *step = name;
            self.progress.begin(name);
        };
        // First, so that the name never leads to an address that is somebody else's by then.
        begin("the DNS record");
        let result = self.record().await?;
        self.progress.end(&result);

        begin("the droplet");
        let result = self.droplet().await?;
        self.progress.end(&result);

        begin("its tag");
        self.cloud.delete_tag(&self.state.tag).await?;
        self.progress.end("gone");
        Ok(())
    }

    /// What would be done, without doing any of it.
    ///
    /// # Errors
    /// When the account cannot be asked.
    pub(crate) async fn plan(&self) -> anyhow::Result<Vec<String>> {
        let hostname = &self.state.hostname;
        let record = match self.record_fate().await? {
            RecordFate::Nothing(words) => words,
            RecordFate::Delete(record) => format!("remove the record {hostname} ({})", record.data),
            RecordFate::PutBack { data, .. } => format!("let {hostname} lead to {data} again"),
        };
        let search = find_droplet(self.cloud, self.state).await?;
        let droplet = match search.made {
            Some(droplet) => format!("remove the droplet {} with all that is on it", droplet.id),
            None => "there is no droplet that was made from here".to_owned(),
        };
        Ok(vec![
            record,
            droplet,
            format!("remove the tag {}", self.state.tag),
        ])
    }

    fn dns(&self) -> NodeDns<'_> {
        NodeDns {
            cloud: self.cloud,
            folder: self.folder,
            ttl: self.settings.ttl,
            may_take: false,
        }
    }

    async fn record_fate(&self) -> anyhow::Result<RecordFate> {
        let NodeState {
            hostname, record, ..
        } = self.state;
        let left = |words: &str| Ok(RecordFate::Nothing(format!("{hostname}: {words}")));
        match record {
            None => return left("no record was made"),
            Some(NodeRecord::Found { .. }) => {
                return left("its record was not made from here, and is left alone");
            }
            Some(_) => {}
        }
        let records = self.dns().records(self.state).await?;
        let Some(own) = records.into_iter().find(|it| is_own(self.state, it)) else {
            return left("its record is gone");
        };
        let address = self.state.address.map(|address| address.to_string());
        Ok(match record {
            Some(NodeRecord::Taken { id, data, ttl }) if own.data != *data => {
                if address.as_ref() != Some(&own.data) {
                    return left("its record leads elsewhere by now, and is left alone");
                }
                RecordFate::PutBack {
                    id: *id,
                    data: data.clone(),
                    ttl: *ttl,
                }
            }
            Some(NodeRecord::Taken { .. }) => {
                return left("its record leads to where it did before");
            }
            // Of the record that was made, an address that is none of this node's is somebody's.
            _ if address.as_ref() != Some(&own.data) => {
                return left("its record leads elsewhere by now, and is left alone");
            }
            _ => RecordFate::Delete(own),
        })
    }

    async fn record(&self) -> anyhow::Result<String> {
        let NodeState {
            hostname, domain, ..
        } = self.state;
        match self.record_fate().await? {
            RecordFate::Nothing(words) => Ok(words),
            RecordFate::PutBack { id, data, ttl } => {
                self.cloud.update_record(domain, id, &data, ttl).await?;
                Ok(format!("{hostname} leads to {data} again"))
            }
            RecordFate::Delete(record) => {
                self.cloud.delete_record(domain, record.id).await?;
                if self.cloud.record(domain, record.id).await?.is_some() {
                    bail!("the record of {hostname} was removed, and is still there");
                }
                Ok(format!("{hostname} is gone"))
            }
        }
    }

    async fn droplet(&self) -> anyhow::Result<String> {
        let mut search = find_droplet(self.cloud, self.state).await?;
        let is_unknown = self.state.is_ordered && self.state.droplet.is_none();
        if search.made.is_none() && is_unknown {
            search = look_again(self.cloud, self.state, self.settings.poll()).await?;
        }
        for other in &search.others {
            self.progress.tell(&format!(
                "the droplet {} (number {other}) was not made from here, and is left alone",
                self.state.name
            ));
        }
        let Some(droplet) = search.made else {
            return Ok("there is none that was made from here".to_owned());
        };
        let wait = Duration::from_secs(self.settings.droplet_wait_seconds);
        let until = Instant::now() + wait;
        self.cloud.delete_droplet(droplet.id).await?;
        while self.cloud.droplet(droplet.id).await?.is_some() {
            if Instant::now() + self.settings.poll() > until {
                bail!(
                    "the droplet {} is still there after {} s",
                    droplet.id,
                    wait.as_secs()
                );
            }
            tokio::time::sleep(self.settings.poll()).await;
        }
        Ok(format!("number {} is gone", droplet.id))
    }
}
