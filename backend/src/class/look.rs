//! Looking at a file, in its owner's lane, and making a tile of its content.

use std::time::{Duration, Instant};

use metrics::histogram;
use shared::{notebook::Notebook, wire::Tile};

use super::{
    CopyId, Core, NotebookContent, Revision,
    copy::{CopyRecord, CopyState, LookOutcome, TileContent},
};
use crate::{
    homes::{Fingerprint, NotebookFile, OpenNotebook, ReadError},
    lanes::LaneError,
    time,
};

/// A file that was modified less than this ago and does not parse is taken for one that is being
/// written, for as long at most: Jupyter truncates the target and writes it anew in place.
const HALF_WRITTEN_GRACE: Duration = Duration::from_secs(1);

impl Core {
    /// Looks at the file, brings the record up to date and tells the observers of a new
    /// version. A version that was read before is not read again, good or bad.
    pub(super) fn refresh(&self, key: &CopyId, record: &CopyRecord) -> LookOutcome {
        let look = self.revise(key, record);
        if record.take_read_awaited() {
            for observer in &self.observers {
                observer.caught_up(key);
            }
        }
        look
    }

    fn revise(&self, key: &CopyId, record: &CopyRecord) -> LookOutcome {
        let mut fresh = None;
        let look = self.look(key, record, &mut fresh);
        let (observed, content) = match (&look, fresh) {
            (LookOutcome::Good(version), Some(read)) => ((Some(*version), None), Ok(read)),
            (LookOutcome::Bad(version, fault), _) => {
                ((*version, Some(fault.clone())), Err(fault.clone()))
            }
            _ => return look,
        };
        if record.is_new_to_observers(observed.clone()) {
            let revision = Revision {
                key: key.clone(),
                version: observed.0,
                content,
            };
            for observer in &self.observers {
                observer.revised(&revision);
            }
        }
        look
    }

    /// The same without telling the observers; the content of a notebook that was read goes to
    /// `fresh`.
    fn look(
        &self,
        key: &CopyId,
        record: &CopyRecord,
        fresh: &mut Option<NotebookContent>,
    ) -> LookOutcome {
        let before = record.state();
        // A notebook whose tile is not cached any more is read again.
        let is_kept = |fault: &Option<String>| fault.is_some() || before.good.is_some();
        let known = before.read.as_ref().filter(|(_, fault)| is_kept(fault));
        let known = known.map(|(version, _)| *version);
        let opened = self.copies.open(key);
        if !matches!(opened, Err(ReadError::Missing)) {
            record.set_on_disk();
        }
        let (version, fault) = match opened {
            Ok(opened) if known == Some(opened.version()) => {
                (opened.version(), before.read.and_then(|(_, fault)| fault))
            }
            Ok(opened) => {
                let version = opened.version();
                match self.parse(&opened, before.good.as_deref()) {
                    Ok(content) => {
                        record.set_read(version, content.as_ref().map_err(String::as_str));
                        if let Ok(content) = &content {
                            self.keep(key, content.prepared_end().size());
                        }
                        (version, content.map(|content| *fresh = Some(content)).err())
                    }
                    Err(error) => return LookOutcome::Bad(None, error.to_string()),
                }
            }
            Err(ReadError::Missing) => return LookOutcome::Missing,
            Err(error) => return LookOutcome::Bad(None, error.to_string()),
        };
        match fault {
            None => LookOutcome::Good(version),
            // A server pushes no halves.
            Some(_) if !self.copies.are_pushed(&key.user) && is_being_written(record, version) => {
                LookOutcome::BeingWritten(version)
            }
            Some(fault) => LookOutcome::Bad(Some(version), fault),
        }
    }

    /// Reads an open file and its last cells; the inner error is why it is no notebook.
    fn parse(
        &self,
        opened: &OpenNotebook,
        before: Option<&TileContent>,
    ) -> Result<Result<NotebookContent, String>, ReadError> {
        let read = || {
            let begun = Instant::now();
            let file = opened.read()?;
            histogram!("pipalhub_notebook_read_seconds").record(begun.elapsed());
            Ok(file)
        };
        let parse = |file| {
            let begun = Instant::now();
            let content =
                NotebookContent::parse(file, self.limits, before.map(|good| &*good.cells));
            histogram!("pipalhub_notebook_parse_seconds").record(begun.elapsed());
            content.map_err(|error| format!("This file is not a notebook: {error}."))
        };
        let size = opened.version().size();
        self.copies.lanes().in_turn(size, read, parse)
    }

    /// Applies `look` to the whole notebook, as the file is now.
    pub(super) fn with_notebook<T>(
        &self,
        key: &CopyId,
        look: impl FnOnce(&Notebook) -> T,
    ) -> Option<T> {
        let opened = self.copies.open(key).ok()?;
        let size = opened.version().size();
        let parse = |file: NotebookFile| {
            let parsed = Notebook::parse(&file.content().ok()?).ok()?;
            Some(look(&parsed.notebook))
        };
        let lanes = self.copies.lanes();
        lanes.in_turn(size, || opened.read(), parse).ok()?
    }

    /// The tile after this look; `None` when there is no such notebook.
    pub(super) fn tile(
        &self,
        key: &CopyId,
        record: &CopyRecord,
        look: Result<LookOutcome, LaneError>,
    ) -> Option<Tile> {
        match look {
            Ok(LookOutcome::Missing) if record.was_on_disk() => None,
            Ok(look) => Some(self.tile_with_problem(key, record, &look)),
            Err(error) => Some(self.tile_from_before(key, record, error)),
        }
    }

    pub(super) fn tile_with_problem(
        &self,
        key: &CopyId,
        record: &CopyRecord,
        look: &LookOutcome,
    ) -> Tile {
        let state = record.state();
        let problem = match look {
            LookOutcome::Good(_) => None,
            LookOutcome::Bad(_, fault) => Some(fault.clone()),
            LookOutcome::BeingWritten(_) if state.good.is_some() => None,
            LookOutcome::BeingWritten(_) => {
                Some("The file is being written; it appears in a moment.".to_owned())
            }
            LookOutcome::Missing => Some(format!(
                "{}'s server reported a save, but {} is not there. Is --homes right?",
                key.user,
                self.copies.shown(key).unwrap_or_default()
            )),
        };
        self.tile_of_state(key, &state, problem)
    }

    /// The tile of an earlier version, and why there is none of the present one.
    fn tile_from_before(&self, key: &CopyId, record: &CopyRecord, error: LaneError) -> Tile {
        let state = record.state();
        let since = match state.good {
            Some(_) => "What is shown may be older than the last save.",
            None => "It appears when it is read.",
        };
        let problem = format!("{}'s file is not read yet: {error}. {since}", key.user);
        self.tile_of_state(key, &state, Some(problem))
    }

    fn tile_of_state(&self, key: &CopyId, state: &CopyState, problem: Option<String>) -> Tile {
        let good = state.good.as_deref();
        let reported_at_ms = || state.reported.map_or(0, Fingerprint::modified_ms);
        let saved_at_ms = good.map_or_else(reported_at_ms, |good| good.saved_at_ms);
        Tile {
            user: key.user.clone(),
            filename: key.filename.clone(),
            // A participant's clock, or a file copied with its times, may be ahead of ours.
            saved_at_ms: saved_at_ms.min(time::now_ms()),
            total_cells: good.map_or(0, |good| good.total_cells),
            ends_in_error: good.is_some_and(|good| good.ends_in_error),
            cells: good.map_or_else(Vec::new, |good| good.cells.cells().to_vec()),
            problem,
            save_problem: None,
            home_problem: self.scan_gaps.of(&key.user),
        }
    }
}

fn is_being_written(record: &CopyRecord, version: Fingerprint) -> bool {
    let now = Instant::now();
    let unparsed_for = now.duration_since(record.unparsed_since(version, now));
    may_be_half(time::now_ms() - version.modified_ms(), unparsed_for)
}

/// Whether a file that does not parse may be half written. An old modification time says that
/// it is not; else `unparsed_for` decides, which this service has measured by a clock that
/// neither jumps nor is a participant's.
fn may_be_half(age_ms: i64, unparsed_for: Duration) -> bool {
    let is_old = age_ms > 0 && Duration::from_millis(age_ms.unsigned_abs()) >= HALF_WRITTEN_GRACE;
    unparsed_for < HALF_WRITTEN_GRACE && !is_old
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        time::SystemTime,
    };

    use super::*;
    use crate::{
        class::{Class, TailLimits},
        homes::HomesTemplate,
    };

    #[test]
    fn half_a_file_is_being_written_for_the_grace_whatever_its_time_says() {
        const SOON: Duration = Duration::from_millis(999);
        for (age_ms, unparsed_for, expected) in [
            (0, Duration::ZERO, true),
            (999, SOON, true),
            (1_000, Duration::ZERO, false),
            (500, HALF_WRITTEN_GRACE, false),
            (-500, SOON, true),
            (-500, HALF_WRITTEN_GRACE, false),
            (-3_600_000, Duration::ZERO, true),
            (-3_600_000, HALF_WRITTEN_GRACE, false),
            (i64::MIN, SOON, true),
            (i64::MAX, SOON, false),
        ] {
            let found = may_be_half(age_ms, unparsed_for);
            assert_eq!(
                found, expected,
                "{age_ms} ms old, torn for {unparsed_for:?}"
            );
        }
    }

    #[tokio::test]
    async fn half_a_file_from_the_future_is_bad_in_a_moment() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        let file = base.path().join("ana/a.ipynb");
        let homes = format!("{}/{{user}}", base.path().display());
        let homes: HomesTemplate = homes.parse().unwrap();
        let class = Class::new(homes, TailLimits::default());
        let key = class.copies().copy_at(file.to_str().unwrap()).unwrap();
        let write = |text: &str| {
            fs::write(&file, text).unwrap();
            let file = File::options().write(true).open(&file).unwrap();
            let future = SystemTime::now() + Duration::from_secs(3_600);
            file.set_modified(future).unwrap();
        };
        class.0.mark_found(&key);
        write(r#"{"cells": ["#);
        let problem = async || {
            class
                .tile_as(&key, |tile| tile)
                .await
                .unwrap()
                .problem
                .unwrap()
        };
        let begun = Instant::now();
        let mut problems = vec![problem().await];
        while !problems.last().unwrap().contains("not a notebook") {
            assert!(begun.elapsed() < Duration::from_secs(60), "{problems:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            problems.push(problem().await);
        }
        assert!(begun.elapsed() >= HALF_WRITTEN_GRACE && problems[0].contains("being written"));
        write(r#"{"cells": []}"#);
        assert_eq!(
            class.tile_as(&key, |tile| tile).await.unwrap().problem,
            None
        );
    }
}
