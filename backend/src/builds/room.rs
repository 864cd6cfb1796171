//! Keeping what is built within its bounds: what finds no room is not made, what gives way
//! goes, what is another name of something is another name here too. Whoever looks is told.

use std::time::Instant;

use metrics::gauge;

use super::{
    Builds, layout,
    part::Part,
    queue::{Lane, Work},
    quota::{size_of_files, size_of_part, size_of_place},
    shares::{Claim, Shares},
    work::TRY_AGAIN,
};
use crate::{class::CopyId, homes::Fingerprint, telemetry::loggable};

impl Builds {
    /// Whether there is a place for this notebook, which so is the one that was saved last.
    pub(super) fn has_place(&self, key: &CopyId, saved_at_ms: i64) -> bool {
        let size = size_of_place(&key.filename);
        let claim = self.rooms.places.claim(key, saved_at_ms, size);
        self.follow(key, &claim)
    }

    /// The part itself, or when there is no room for it another that says so.
    pub(super) fn part_with_room(&self, key: &CopyId, part: Part) -> Part {
        let size = size_of_part(part.size());
        let claim = self.rooms.parts.claim(key, part.saved_at_ms, size);
        let part = match self.follow(key, &claim) {
            true => part,
            false => self.told_part(key, &part),
        };
        part.exported(!self.rooms.files.is_over(key))
    }

    /// Whether there is room for a copy and an export of these sizes.
    pub(super) fn has_room_for(&self, key: &CopyId, version: Fingerprint, sizes: [u64; 2]) -> bool {
        let size = size_of_files(sizes);
        let claim = self.rooms.files.claim(key, version.modified_ms(), size);
        // Before anything takes their room; the rest is theirs to do.
        for other in &claim.give_way {
            self.remove_files(other);
        }
        self.follow(key, &claim)
    }

    /// Whether there may be room for a copy of this size.
    pub(super) fn may_have_room_for(&self, key: &CopyId, version: Fingerprint, size: u64) -> bool {
        let size = size_of_files([size, 0]);
        self.rooms.files.may_fit(key, version.modified_ms(), size)
    }

    /// Counts the files that are there already.
    pub(super) fn keep_files(&self, key: &CopyId, version: Fingerprint) {
        let sizes = self.places_of(key).map(|places| {
            places.map(|place| self.folder.version(&place).map_or(0, Fingerprint::size))
        });
        match sizes {
            Some(sizes) if !self.has_room_for(key, version, sizes) => self.drop_files(key),
            _ => self.note_export(key, true),
        }
    }

    /// Brings `key` in line with what room there is; whether it is to be built by itself.
    pub(super) fn align(&self, key: &CopyId) -> bool {
        if self.rooms.places.is_over(key) {
            self.leave_out(key);
            return false;
        }
        let (Some(part), Some(folder)) = (self.known.part(key), layout::folder_of(&key.filename))
        else {
            return false;
        };
        if let Some(first) = self.rooms.names.first_of(key) {
            self.link_to(key, &first);
            return false;
        }
        if self.rooms.parts.is_over(key) && part.problem.is_none() {
            self.known.insert(key, &folder, self.told_part(key, &part));
            self.summary_shrinks(&key.filename);
        }
        if self.rooms.files.is_over(key) {
            self.drop_files(key);
        }
        true
    }

    /// `key` is another name of the file `first`.
    pub(super) fn is_second_name(&self, key: &CopyId, version: Fingerprint, first: &str) {
        let Some(folder) = layout::folder_of(&key.filename) else {
            return;
        };
        self.rooms.parts.release(key);
        self.rooms.files.release(key);
        self.exports.forget(key);
        let of_first = self.known.part(&CopyId {
            filename: first.to_owned(),
            user: key.user.clone(),
        });
        let cells = of_first.map_or(0, |part| part.total_cells());
        let reason = format!("The same file as {first}.");
        let part = Part::told(&key.user, version.modified_ms(), cells, &reason);
        self.known.insert(key, &folder, part.second_name());
        self.summary_shrinks(&key.filename);
        self.align(key);
    }

    /// Gives what is built of `first` the name of `key` as well.
    fn link_to(&self, key: &CopyId, first: &CopyId) {
        let (Some(from), Some(to)) = (self.places_of(first), self.places_of(key)) else {
            return;
        };
        let is_there = from.iter().all(|from| self.folder.version(from).is_some());
        let (mut has_news, mut has_failed) = (false, false);
        let linked = is_there
            && !self.rooms.files.is_over(first)
            && from.iter().zip(&to).all(|(from, to)| {
                let linked = self.folder.link(from, to);
                has_news |= matches!(linked, Ok(true));
                has_failed |= linked.is_err();
                let warn = |error| tracing::warn!(%error, place = %loggable(to), "no second name");
                linked.map_err(warn).is_ok()
            });
        if !linked {
            self.remove_files(key);
        }
        self.note_export(key, linked);
        if has_failed {
            let lane = Lane::Copy(key.clone());
            let later = Instant::now() + TRY_AGAIN;
            self.queue.push_again(lane, Work::Align, later);
        }
        if has_news {
            self.tell(&key.filename, Some(&key.user));
        }
    }

    /// What has the name of `key` here is built anew: so are its other names.
    pub(super) fn align_others(&self, key: &CopyId) {
        for other in self.rooms.names.others(key) {
            self.to_be_aligned(other);
        }
    }

    /// There is no export of `key`, nor of its other names.
    pub(super) fn drop_files(&self, key: &CopyId) {
        self.exports.forget(key);
        self.remove_files(key);
        self.note_export(key, false);
        self.align_others(key);
    }

    /// Nothing is built of `key`, which may be there all the same.
    pub(super) fn leave_out(&self, key: &CopyId) {
        self.unname(key);
        self.rooms.parts.release(key);
        self.rooms.files.release(key);
        self.exports.forget(key);
        self.remove_files(key);
        if self.known.remove(key) {
            self.summary_shrinks(&key.filename);
        }
        self.come_back(&key.user);
    }

    /// `key` stands for no file any more; another name of its file may take its place.
    pub(super) fn unname(&self, key: &CopyId) {
        if let Some(next) = self.rooms.names.forget(key) {
            self.queue.read_again(next);
        }
    }

    /// Looks whether there is room now for what had none: `user`'s first.
    pub(super) fn come_back(&self, user: &str) {
        let rooms = [&self.rooms.places, &self.rooms.parts, &self.rooms.files];
        for key in rooms.into_iter().filter_map(|room| room.that_fits(user)) {
            self.queue.read_again(key);
        }
    }

    /// Has those give way that have to; whether there is room.
    fn follow(&self, key: &CopyId, claim: &Claim) -> bool {
        if claim.is_news {
            tracing::warn!(
                user = %loggable(&key.user),
                each_mib = self.rooms.quota.each >> 20,
                notebooks = self.rooms.notebooks(),
                "over the quota for builds: what was saved longest ago is not built any more"
            );
        }
        for other in &claim.give_way {
            self.to_be_aligned(other.clone());
        }
        claim.fits
    }

    fn to_be_aligned(&self, key: CopyId) {
        self.queue
            .push(Lane::Copy(key), Work::Align, Instant::now());
    }

    fn told_part(&self, key: &CopyId, part: &Part) -> Part {
        let reason = format!(
            "They are over the quota for builds of {}, {} MiB, or too large for a summary.",
            key.user,
            self.rooms.parts.each() >> 20
        );
        Part::told(&key.user, part.saved_at_ms, part.total_cells(), &reason)
    }

    pub(super) fn note_export(&self, key: &CopyId, has_export: bool) {
        let Some(part) = self.known.part(key) else {
            return;
        };
        if part.has_export != has_export
            && let Some(folder) = layout::folder_of(&key.filename)
        {
            self.known.insert(key, &folder, part.exported(has_export));
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

    /// Of the copy and the export.
    fn places_of(&self, key: &CopyId) -> Option<[String; 2]> {
        let folder = layout::folder_of(&key.filename)?;
        Some([
            layout::copy(&folder, &key.user),
            layout::export(&folder, &key.user),
        ])
    }

    /// Whether something may be at the places of `key`: of its copy and export, and of its
    /// part of a summary.
    pub(super) fn has_files_and_part(&self, key: &CopyId) -> (bool, bool) {
        let has_place = !self.rooms.places.is_over(key);
        (has_place && !self.rooms.files.is_over(key), has_place)
    }

    /// Why there is no export of `key`, in words for whose it is and for instructors; `None`
    /// when there is one or nobody knows yet.
    #[must_use]
    pub fn note(&self, key: &CopyId) -> Option<String> {
        let over = self.over_quota(key);
        if over.is_some() {
            return over;
        }
        if let Some(problem) = self.failures().get(key) {
            return Some(format!("The export {problem}."));
        }
        let first = self.rooms.names.first_of(key)?;
        Some(format!("The same file as {}.", first.filename))
    }

    /// That there is no room for `key`, in words, if that is so.
    pub(super) fn over_quota(&self, key: &CopyId) -> Option<String> {
        let is_over = self.rooms.places.is_over(key) || self.rooms.files.is_over(key);
        let mib = self.rooms.quota.each >> 20;
        is_over.then(|| format!("Over the quota of {mib} MiB: no export of this version."))
    }

    /// Who has notebooks of which nothing is built because there are too many, in words.
    #[must_use]
    pub fn left_out(&self, of: Option<&str>) -> Vec<String> {
        let users = self.rooms.places.people_over();
        let users = users
            .into_iter()
            .filter(|(user, _)| of.is_none_or(|of| of == user));
        let most = self.rooms.notebooks();
        users
            .map(|(user, count)| {
                format!(
                    "{user} has too many notebooks: of {count} nothing is built, only of the \
                     {most} that were saved last."
                )
            })
            .collect()
    }

    /// Says in the metrics how much is used.
    pub fn gauge(&self) {
        let rooms = &self.rooms;
        let kinds: [(&'static str, &Shares); 3] = [
            ("notebooks", &rooms.places),
            ("parts", &rooms.parts),
            ("files", &rooms.files),
        ];
        for (kind, share) in kinds {
            let used = share.used();
            gauge!("pipalhub_builds_bytes", "of" => kind).set(used.size as f64);
            gauge!("pipalhub_builds_over_quota", "of" => kind).set(used.over as f64);
        }
    }
}
