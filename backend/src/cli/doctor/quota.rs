//! The room that builds take up, against their quota, and whether the disk has so much room that
//! builds and versions go on.

use std::{
    collections::{BTreeMap, HashSet},
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::Path,
};

use walkdir::{DirEntry, WalkDir};

use super::super::quota::QuotaArgs;
use crate::{
    builds::owner_of,
    findings::{Finding, counted},
    reserve::DiskSpace,
};

/// Most participants that a finding names.
const MAX_NAMED_USERS: usize = 5;

pub(super) fn check(data: &Path, out: &Path, quota: &QuotaArgs) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(reserve(data, quota));
    if out.is_dir() {
        findings.push(builds(out, quota));
    }
    findings
}

fn reserve(data: &Path, quota: &QuotaArgs) -> Option<Finding> {
    let subject = "reserve";
    let room = DiskSpace::of(data).ok()?;
    let kept = room.reserve(quota.reserve()) >> 20;
    Some(match room.has(0, quota.reserve()) {
        true => Finding::ok(
            subject,
            format!("{kept} MiB of the disk are left for events"),
        ),
        false => Finding::warning(
            subject,
            format!("less than {kept} MiB are free: nothing is built and no version is kept"),
            "Make room, or leave less for events with --reserve-mib.",
        ),
    })
}

fn builds(out: &Path, quota: &QuotaArgs) -> Finding {
    let subject = "builds";
    let quota = quota.builds();
    let used = BuildsUsage::of(out);
    // Five eighths of a quota are for exports and copies, the files that bear a name.
    let is_full = |used: u64| used >= quota.each / 8 * 5 / 10 * 9;
    let mut full: Vec<_> = used
        .by_person
        .iter()
        .filter(|(_, used)| is_full(**used))
        .collect();
    full.sort_by_key(|(_, used)| std::cmp::Reverse(**used));
    let message = format!(
        "{} take up {} MB of {}",
        counted(used.files, "file"),
        used.all >> 20,
        quota.all >> 20
    );
    if full.is_empty() && used.all < quota.all / 10 * 9 {
        return Finding::ok(subject, message);
    }
    let names: Vec<&str> = full
        .iter()
        .take(MAX_NAMED_USERS)
        .map(|(user, _)| user.as_str())
        .collect();
    let message = match names.is_empty() {
        true => message,
        false => format!(
            "{message}; {} at the quota of {} MB: {}{}",
            counted(full.len(), "participant"),
            quota.each >> 20,
            names.join(", "),
            match full.len() > MAX_NAMED_USERS {
                true => ", ...",
                false => "",
            }
        ),
    };
    Finding::warning(
        subject,
        message,
        "What was saved longest ago is not built any more. Allow more with \
         --builds-per-person-mib and --builds-mib, or have them tidy up.",
    )
}

/// The room that the files of builds take up on the disk, in bytes.
#[derive(Default)]
struct BuildsUsage {
    all: u64,
    files: usize,
    by_person: BTreeMap<String, u64>,
}

impl BuildsUsage {
    /// Counts each file once, however many links it has.
    fn of(out: &Path) -> Self {
        let mut used = Self::default();
        let mut seen = HashSet::new();
        for entry in WalkDir::new(out).into_iter().flatten() {
            if let Ok(metadata) = entry.metadata()
                && seen.insert(metadata.ino())
            {
                used.add(&entry, &metadata);
            }
        }
        used
    }

    fn add(&mut self, entry: &DirEntry, metadata: &Metadata) {
        let size = metadata.blocks() * 512;
        self.all += size;
        self.files += usize::from(metadata.is_file());
        let owner = entry.file_name().to_str().and_then(owner_of);
        if let (Some(owner), true) = (owner, metadata.is_file()) {
            *self.by_person.entry(owner).or_default() += size;
        }
    }
}
