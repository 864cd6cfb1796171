//! Keeps builds within the quota: a copy without room is not built, a copy that gives way loses its
//! files, and a second name of a file is a second name of its builds. Participants are told.

use std::time::Instant;

use metrics::gauge;

use super::{
    Builds, layout,
    queue::{BuildTarget, BuildTask},
    quota::{size_of_files, size_of_place, size_of_section},
    section::SummarySection,
    shares::{Claim, Shares},
    tasks::BUILD_RETRY_DELAY,
};
use crate::{class::CopyId, homes::Fingerprint, telemetry::loggable};

impl Builds {
    /// Whether there is a place for this notebook; the notebooks saved last have one.
    pub(super) fn has_place(&self, key: &CopyId, saved_at_ms: i64) -> bool {
        let size = size_of_place(&key.filename);
        let claim = self.shares.places.claim(key, saved_at_ms, size);
        self.apply_claim(key, &claim)
    }

    /// The section itself, or when there is no room for it a section that says so.
    pub(super) fn section_with_room(
        &self,
        key: &CopyId,
        section: SummarySection,
    ) -> SummarySection {
        let size = size_of_section(section.size());
        let claim = self.shares.sections.claim(key, section.saved_at_ms, size);
        let section = match self.apply_claim(key, &claim) {
            true => section,
            false => self.section_without_room(key, &section),
        };
        section.exported(!self.shares.files.is_over(key))
    }

    /// Whether there is room for a copy and an export of these sizes.
    pub(super) fn has_room_for(&self, key: &CopyId, version: Fingerprint, sizes: [u64; 2]) -> bool {
        let size = size_of_files(sizes);
        let claim = self.shares.files.claim(key, version.modified_ms(), size);
        // Removed before the new files take the room; the reconcile task does the rest.
        for other in &claim.give_way {
            self.remove_files(other);
        }
        self.apply_claim(key, &claim)
    }

    /// Whether there may be room for a copy of this size.
    pub(super) fn may_have_room_for(&self, key: &CopyId, version: Fingerprint, size: u64) -> bool {
        let size = size_of_files([size, 0]);
        self.shares.files.may_fit(key, version.modified_ms(), size)
    }

    /// Claims room for the files that are there already.
    pub(super) fn keep_files(&self, key: &CopyId, version: Fingerprint) {
        let sizes = self.places_of(key).map(|places| {
            places.map(|place| self.folder.version(&place).map_or(0, Fingerprint::size))
        });
        match sizes {
            Some(sizes) if !self.has_room_for(key, version, sizes) => self.drop_files(key),
            _ => self.note_export(key, true),
        }
    }

    /// Applies the quota to the builds of `key`; whether it is to be built by itself.
    pub(super) fn reconcile(&self, key: &CopyId) -> bool {
        if self.shares.places.is_over(key) {
            self.leave_out(key);
            return false;
        }
        let (Some(section), Some(folder)) = (
            self.catalogue.section(key),
            layout::folder_of(&key.filename),
        ) else {
            return false;
        };
        if let Some(first) = self.shares.hard_links.first_of(key) {
            self.link_to(key, &first);
            return false;
        }
        if self.shares.sections.is_over(key) && section.problem.is_none() {
            self.catalogue
                .insert(key, &folder, self.section_without_room(key, &section));
            self.summary_shrinks(&key.filename);
        }
        if self.shares.files.is_over(key) {
            self.drop_files(key);
        }
        true
    }

    /// Records that `key` is a second name of the file `first`.
    pub(super) fn record_second_name(&self, key: &CopyId, version: Fingerprint, first: &str) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        self.shares.sections.release(key);
        self.shares.files.release(key);
        self.exports.forget(key);
        let of_first = self.catalogue.section(&CopyId {
            filename: first.to_owned(),
            user: key.user.clone(),
        });
        let cells = of_first.map_or(0, |section| section.total_cells());
        let reason = format!("The same file as {first}.");
        let section = SummarySection::with_reason(&key.user, version.modified_ms(), cells, &reason);
        self.catalogue.insert(key, &folder, section.second_name());
        self.summary_shrinks(&key.filename);
        self.reconcile(key);
    }

    /// Gives the builds of `first` a second name for `key`.
    fn link_to(&self, key: &CopyId, first: &CopyId) {
        let (Some(from), Some(to)) = (self.places_of(first), self.places_of(key)) else {
            return;
        };
        let is_there = from.iter().all(|from| self.folder.version(from).is_some());
        let (mut has_changed, mut has_failed) = (false, false);
        let linked = is_there
            && !self.shares.files.is_over(first)
            && from.iter().zip(&to).all(|(from, to)| {
                let linked = self.folder.link(from, to);
                has_changed |= matches!(linked, Ok(true));
                has_failed |= linked.is_err();
                let warn = |error| tracing::warn!(%error, place = %loggable(to), "no second name");
                linked.map_err(warn).is_ok()
            });
        if !linked {
            self.remove_files(key);
        }
        self.note_export(key, linked);
        if has_failed {
            let target = BuildTarget::Copy(key.clone());
            let later = Instant::now() + BUILD_RETRY_DELAY;
            self.queue.push_retry(target, BuildTask::Reconcile, later);
        }
        if has_changed {
            self.announce(&key.filename, Some(&key.user));
        }
    }

    /// Queues the second names of `key`, whose builds have changed.
    pub(super) fn reconcile_others(&self, key: &CopyId) {
        for other in self.shares.hard_links.others(key) {
            self.push_reconcile(other);
        }
    }

    /// Removes the export of `key` and of its second names.
    pub(super) fn drop_files(&self, key: &CopyId) {
        self.exports.forget(key);
        self.remove_files(key);
        self.note_export(key, false);
        self.reconcile_others(key);
    }

    /// Removes all builds of `key`, which may still exist in the home.
    pub(super) fn leave_out(&self, key: &CopyId) {
        self.unname(key);
        self.shares.sections.release(key);
        self.shares.files.release(key);
        self.exports.forget(key);
        self.remove_files(key);
        if self.catalogue.remove(key) {
            self.summary_shrinks(&key.filename);
        }
        self.queue_copies_with_room(&key.user);
    }

    /// Forgets `key` as a name of a file; another name of that file may become its first.
    pub(super) fn unname(&self, key: &CopyId) {
        if let Some(next) = self.shares.hard_links.forget(key) {
            self.queue.read_again(next);
        }
    }

    /// Queues copies that had no room and have it now, those of `user` first.
    pub(super) fn queue_copies_with_room(&self, user: &str) {
        let shares = [
            &self.shares.places,
            &self.shares.sections,
            &self.shares.files,
        ];
        for key in shares.into_iter().filter_map(|share| share.that_fits(user)) {
            self.queue.read_again(key);
        }
    }

    /// Queues the copies that give way to a claim; whether the claim has room.
    fn apply_claim(&self, key: &CopyId, claim: &Claim) -> bool {
        if claim.is_first_overrun {
            tracing::warn!(
                user = %loggable(&key.user),
                each_mib = self.shares.quota.each >> 20,
                notebooks = self.shares.notebooks(),
                "over the quota for builds: what was saved longest ago is not built any more"
            );
        }
        for other in &claim.give_way {
            self.push_reconcile(other.clone());
        }
        claim.fits
    }

    fn push_reconcile(&self, key: CopyId) {
        self.queue
            .push(BuildTarget::Copy(key), BuildTask::Reconcile, Instant::now());
    }

    fn section_without_room(&self, key: &CopyId, section: &SummarySection) -> SummarySection {
        let reason = format!(
            "They are over the quota for builds of {}, {} MiB, or too large for a summary.",
            key.user,
            self.shares.sections.each() >> 20
        );
        SummarySection::with_reason(
            &key.user,
            section.saved_at_ms,
            section.total_cells(),
            &reason,
        )
    }

    pub(super) fn note_export(&self, key: &CopyId, has_export: bool) {
        let Some(section) = self.catalogue.section(key) else {
            return;
        };
        if section.has_export != has_export
            && let Some(folder) = layout::folder_of(&key.filename)
        {
            self.catalogue
                .insert(key, &folder, section.exported(has_export));
            self.summary_is_due(&key.filename);
        }
    }

    fn remove_files(&self, key: &CopyId) {
        for place in self.places_of(key).into_iter().flatten() {
            if let Err(error) = self.folder.remove(&place) {
                tracing::warn!(%error, place = %loggable(&place), "a build cannot be removed");
            }
        }
    }

    /// The paths of the copy and the export.
    fn places_of(&self, key: &CopyId) -> Option<[String; 2]> {
        let folder = layout::folder_of(&key.filename)?;
        Some([
            layout::copy(&folder, &key.user),
            layout::export(&folder, &key.user),
        ])
    }

    /// Whether `key` may have files, and whether it may have a section of a summary.
    pub(super) fn has_files_and_section(&self, key: &CopyId) -> (bool, bool) {
        let has_place = !self.shares.places.is_over(key);
        (has_place && !self.shares.files.is_over(key), has_place)
    }

    /// Why there is no export of `key`, for its participant and for instructors to read; `None`
    /// when there is one or the reason is not known yet.
    #[must_use]
    pub fn note(&self, key: &CopyId) -> Option<String> {
        let over = self.over_quota(key);
        if over.is_some() {
            return over;
        }
        if let Some(problem) = self.failures().get(key) {
            return Some(format!("The export {problem}."));
        }
        let first = self.shares.hard_links.first_of(key)?;
        Some(format!("The same file as {}.", first.filename))
    }

    /// That there is no room for `key`, for people to read, if that is so.
    pub(super) fn over_quota(&self, key: &CopyId) -> Option<String> {
        let is_over = self.shares.places.is_over(key) || self.shares.files.is_over(key);
        let mib = self.shares.quota.each >> 20;
        is_over.then(|| format!("Over the quota of {mib} MiB: no export of this version."))
    }

    /// Says which participants have too many notebooks, and of how many nothing is built.
    #[must_use]
    pub fn left_out(&self, of: Option<&str>) -> Vec<String> {
        let users = self.shares.places.users_over();
        let users = users
            .into_iter()
            .filter(|(user, _)| of.is_none_or(|of| of == user));
        let most = self.shares.notebooks();
        users
            .map(|(user, count)| {
                format!(
                    "{user} has too many notebooks: of {count} nothing is built, only of the \
                     {most} that were saved last."
                )
            })
            .collect()
    }

    /// Sets the metrics of used room.
    pub fn gauge(&self) {
        let shares = &self.shares;
        let kinds: [(&'static str, &Shares); 3] = [
            ("notebooks", &shares.places),
            ("parts", &shares.sections),
            ("files", &shares.files),
        ];
        for (kind, share) in kinds {
            let used = share.used();
            gauge!("pipalhub_builds_bytes", "of" => kind).set(used.size as f64);
            gauge!("pipalhub_builds_over_quota", "of" => kind).set(used.over as f64);
        }
    }
}
