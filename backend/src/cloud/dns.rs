//! The node's A record: made, updated, or somebody else's and left alone.

use std::net::Ipv4Addr;

use anyhow::bail;

use super::{
    api::DigitalOcean,
    model::DnsRecord,
    state::{NodeFolder, NodeRecord, NodeState},
};

/// Where the record is changed, and where is kept what was changed.
pub(super) struct NodeDns<'a> {
    pub(super) cloud: &'a DigitalOcean,
    pub(super) folder: &'a NodeFolder,
    pub(super) ttl: u32,
    /// Whether a record of somebody else's may be changed.
    pub(super) may_take: bool,
}

impl NodeDns<'_> {
    /// All A records of the node's hostname.
    pub(super) async fn records(&self, state: &NodeState) -> anyhow::Result<Vec<DnsRecord>> {
        let mut records = self.cloud.records(&state.domain, &state.hostname).await?;
        records.retain(|record| record.kind == "A" && record.name == state.label);
        Ok(records)
    }

    /// Lets the hostname lead to `address`, and says what that took.
    pub(super) async fn point(
        &self,
        state: &mut NodeState,
        address: Ipv4Addr,
    ) -> anyhow::Result<String> {
        let address = address.to_string();
        let mut records = self.records(state).await?;
        let own = records.iter().position(|record| is_own(state, record));
        if let Some(own) = own.map(|at| records.swap_remove(at)) {
            refuse_others(state, &records)?;
            return self.update_own(state, &own, &address).await;
        }
        match &records[..] {
            [] => self.create(state, address).await,
            [other] if other.data == address => {
                state.record = Some(NodeRecord::Found { id: other.id });
                self.folder.keep(state)?;
                Ok(format!("{} leads to {address} already", state.hostname))
            }
            [other] if self.may_take => {
                state.record = Some(NodeRecord::Taken {
                    id: other.id,
                    data: other.data.clone(),
                    ttl: other.ttl,
                });
                self.folder.keep(state)?;
                self.update_own(state, other, &address).await
            }
            others => {
                refuse_others(state, others)?;
                Ok(String::new())
            }
        }
    }

    async fn update_own(
        &self,
        state: &mut NodeState,
        own: &DnsRecord,
        address: &str,
    ) -> anyhow::Result<String> {
        if let Some(NodeRecord::Ordered { .. }) = state.record {
            state.record = Some(NodeRecord::Made { id: own.id });
            self.folder.keep(state)?;
        }
        let hostname = &state.hostname;
        if own.data == address {
            return Ok(format!("{hostname} leads to {address}"));
        }
        self.cloud
            .update_record(&state.domain, own.id, address, self.ttl)
            .await?;
        Ok(format!(
            "{hostname} leads to {address}, and no more to {}",
            own.data
        ))
    }

    async fn create(&self, state: &mut NodeState, address: String) -> anyhow::Result<String> {
        state.record = Some(NodeRecord::Ordered {
            data: address.clone(),
        });
        self.folder.keep(state)?;
        let made = self
            .cloud
            .create_record(&state.domain, &state.label, &address, self.ttl)
            .await;
        let record = match made {
            Ok(record) => record,
            Err(error) if error.is_uncertain() => {
                let records = self.records(state).await?;
                match records.into_iter().find(|record| is_own(state, record)) {
                    Some(record) => record,
                    None => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        state.record = Some(NodeRecord::Made { id: record.id });
        self.folder.keep(state)?;
        Ok(format!("{} leads to {address}", state.hostname))
    }
}

/// Whether it is the record that was made or taken from here.
pub(super) fn is_own(state: &NodeState, record: &DnsRecord) -> bool {
    match &state.record {
        Some(NodeRecord::Made { id } | NodeRecord::Taken { id, .. }) => record.id == *id,
        Some(NodeRecord::Ordered { data }) => record.data == *data,
        Some(NodeRecord::Found { .. }) | None => false,
    }
}

/// Refuses to go on while the hostname leads elsewhere too.
pub(super) fn refuse_others(state: &NodeState, others: &[DnsRecord]) -> anyhow::Result<()> {
    let hostname = &state.hostname;
    let addresses: Vec<&str> = others.iter().map(|record| &*record.data).collect();
    let addresses = addresses.join(", ");
    match others {
        [] => Ok(()),
        [_] if !matches!(&state.record, Some(NodeRecord::Made { .. })) => bail!(
            "{hostname} leads to {addresses}, by a record that was not made from here: take \
             another hostname, or let it lead to this node with --take-record"
        ),
        _ => bail!(
            "{hostname} leads to {addresses} too, by records that were not made from here: remove \
             them in DigitalOcean's control panel, or take another hostname"
        ),
    }
}
