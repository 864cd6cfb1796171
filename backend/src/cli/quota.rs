//! The settings of the room on the disk for builds and versions of notebooks.

use clap::Args;

use crate::builds::BuildQuota;

/// The bounds of builds and of versions.
#[derive(Args)]
pub(super) struct QuotaArgs {
    /// What is built of everyone's notebooks takes up so much at most; beyond it, the oldest
    /// of whoever takes up the most goes.
    #[arg(
        long,
        env = "PIPALHUB_BUILDS_MIB",
        value_name = "MIB",
        default_value_t = BuildQuota::default().all >> 20,
        value_parser = mib()
    )]
    builds_mib: u64,
    /// What is built of one person's notebooks takes up so much at most; beyond it, what they
    /// saved longest ago is not built any more.
    #[arg(
        long,
        env = "PIPALHUB_BUILDS_PER_PERSON_MIB",
        value_name = "MIB",
        default_value_t = BuildQuota::default().each >> 20,
        value_parser = mib()
    )]
    builds_per_person_mib: u64,
    /// So many notebooks of one person are built, and have a history.
    #[arg(
        long,
        env = "PIPALHUB_NOTEBOOKS_PER_PERSON",
        value_name = "N",
        default_value_t = BuildQuota::default().notebooks,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) notebooks_per_person: u32,
    #[command(flatten)]
    reserve: ReserveArg,
}

/// The room that is left on the disk.
#[derive(Args)]
pub(super) struct ReserveArg {
    /// While less than this is free on the disk nothing is built or handed out, and no version is
    /// kept: the rest is for events. Of a small disk it is an eighth at most.
    #[arg(
        long,
        env = "PIPALHUB_RESERVE_MIB",
        value_name = "MIB",
        default_value_t = BuildQuota::default().reserve >> 20,
        value_parser = clap::value_parser!(u64).range(0..=1 << 30)
    )]
    reserve_mib: u64,
}

impl ReserveArg {
    /// In bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.reserve_mib << 20
    }
}

fn mib() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1 << 30)
}

impl QuotaArgs {
    /// The quota of builds.
    pub(super) fn builds(&self) -> BuildQuota {
        BuildQuota {
            each: self.builds_per_person_mib << 20,
            all: self.builds_mib << 20,
            notebooks: self.notebooks_per_person,
            reserve: self.reserve(),
        }
    }

    /// The bytes of the disk that are left for events.
    pub(super) fn reserve(&self) -> u64 {
        self.reserve.bytes()
    }
}
