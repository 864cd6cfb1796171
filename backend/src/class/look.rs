//! Looking at a file, in the lane of whose it is, and showing what was found.

use std::time::{Duration, Instant};

use metrics::histogram;
use shared::{notebook::Notebook, wire::Tile};

use super::{
    Content, Core, Key, Revision,
    entry::{Entry, Good, Known, Look},
    path_of,
};
use crate::{
    homes::{Fingerprint, OnDisk, Opened, ReadError, open_notebook},
    lanes::Unread,
    time,
};

/// A file that was modified less than this ago and does not parse is being written, for as long
/// at most: Jupyter truncates the target and writes it anew in place.
const WRITING: Duration = Duration::from_secs(1);

impl Core {
    /// Looks at the file, brings the entry up to date and tells the observers what is
    /// new. A version that was read before is not read again, good or bad.
    pub(super) fn refresh(&self, key: &Key, entry: &Entry) -> Look {
        let look = self.revise(key, entry);
        if entry.take_awaited() {
            for observer in &self.observers {
                observer.caught_up(key);
            }
        }
        look
    }

    fn revise(&self, key: &Key, entry: &Entry) -> Look {
        let mut fresh = None;
        let look = self.look(key, entry, &mut fresh);
        let (told, content) = match (&look, fresh) {
            (Look::Good(version), Some(read)) => ((Some(*version), None), Ok(read)),
            (Look::Bad(version, fault), _) => ((*version, Some(fault.clone())), Err(fault.clone())),
            _ => return look,
        };
        if entry.is_news(told.clone()) {
            let revision = Revision {
                key: key.clone(),
                version: told.0,
                content,
            };
            for observer in &self.observers {
                observer.revised(&revision);
            }
        }
        look
    }

    /// The same without telling; what was read and is a notebook goes to `fresh`.
    fn look(&self, key: &Key, entry: &Entry, fresh: &mut Option<Content>) -> Look {
        let Some(home) = self.reader.homes().home_of(&key.user) else {
            return Look::Missing;
        };
        let before = entry.known();
        // What was a notebook and is not kept any more is read again.
        let is_kept = |fault: &Option<String>| fault.is_some() || before.good.is_some();
        let known = before.read.as_ref().filter(|(_, fault)| is_kept(fault));
        let known = known.map(|(version, _)| *version);
        let opened = open_notebook(&home, &key.filename);
        if !matches!(opened, Err(ReadError::Missing)) {
            entry.set_seen();
        }
        let (version, fault) = match opened {
            Ok(opened) if known == Some(opened.version()) => {
                (opened.version(), before.read.and_then(|(_, fault)| fault))
            }
            Ok(opened) => {
                let version = opened.version();
                match self.parse(&opened, before.good.as_deref()) {
                    Ok(content) => {
                        entry.set_read(version, content.as_ref().map_err(String::as_str));
                        if let Ok(content) = &content {
                            self.keep(key, content.prepared_end().size());
                        }
                        (version, content.map(|content| *fresh = Some(content)).err())
                    }
                    Err(error) => return Look::Bad(None, error.to_string()),
                }
            }
            Err(ReadError::Missing) => return Look::Missing,
            Err(error) => return Look::Bad(None, error.to_string()),
        };
        match fault {
            None => Look::Good(version),
            Some(_) if is_being_written(entry, version) => Look::BeingWritten(version),
            Some(fault) => Look::Bad(Some(version), fault),
        }
    }

    /// Reads an open file and its last cells; the inner error is why it is no notebook.
    fn parse(
        &self,
        opened: &Opened,
        before: Option<&Good>,
    ) -> Result<Result<Content, String>, ReadError> {
        let read = || {
            let begun = Instant::now();
            let file = opened.read()?;
            histogram!("pipalhub_notebook_read_seconds").record(begun.elapsed());
            Ok(file)
        };
        let parse = |file| {
            let begun = Instant::now();
            let content = Content::parse(file, self.limits, before.map(|good| &*good.cells));
            histogram!("pipalhub_notebook_parse_seconds").record(begun.elapsed());
            content.map_err(|error| format!("This file is not a notebook: {error}."))
        };
        let size = opened.version().size();
        self.reader.lanes().in_turn(size, read, parse)
    }

    /// What `look` makes of all of the notebook, as the file is now.
    pub(super) fn with_notebook<T>(
        &self,
        key: &Key,
        look: impl FnOnce(&Notebook) -> T,
    ) -> Option<T> {
        let home = self.reader.homes().home_of(&key.user)?;
        let opened = open_notebook(&home, &key.filename).ok()?;
        let size = opened.version().size();
        let parse = |file: OnDisk| {
            let parsed = Notebook::parse(&file.content().ok()?).ok()?;
            Some(look(&parsed.notebook))
        };
        let lanes = self.reader.lanes();
        lanes.in_turn(size, || opened.read(), parse).ok()?
    }

    /// The tile after this look; `None` when there is no such notebook.
    pub(super) fn tile(
        &self,
        key: &Key,
        entry: &Entry,
        look: Result<Look, Unread>,
    ) -> Option<Tile> {
        match look {
            Ok(Look::Missing) if entry.was_seen() => None,
            Ok(look) => Some(self.shown(key, entry, &look)),
            Err(unread) => Some(self.shown_before(key, entry, unread)),
        }
    }

    pub(super) fn shown(&self, key: &Key, entry: &Entry, look: &Look) -> Tile {
        let known = entry.known();
        let problem = match look {
            Look::Good(_) => None,
            Look::Bad(_, fault) => Some(fault.clone()),
            Look::BeingWritten(_) if known.good.is_some() => None,
            Look::BeingWritten(_) => {
                Some("The file is being written; it appears in a moment.".to_owned())
            }
            Look::Missing => Some(format!(
                "{}'s server reported a save, but {} is not there. Is --homes right?",
                key.user,
                path_of(self.reader.homes(), key).unwrap_or_default()
            )),
        };
        tile(key, &known, problem)
    }

    /// What was known before, and why there is nothing newer.
    fn shown_before(&self, key: &Key, entry: &Entry, unread: Unread) -> Tile {
        let known = entry.known();
        let since = match known.good {
            Some(_) => "What is shown may be older than the last save.",
            None => "It appears when it is read.",
        };
        let problem = format!("{}'s file is not read yet: {unread}. {since}", key.user);
        tile(key, &known, Some(problem))
    }
}

fn is_being_written(entry: &Entry, version: Fingerprint) -> bool {
    let now = Instant::now();
    let torn_for = now.duration_since(entry.torn_since(version, now));
    may_be_half(time::now_ms() - version.modified_ms(), torn_for)
}

/// Whether what does not parse may be half of what is being written. Of a file that is old it
/// says so itself; else since when is this service's to know, whose clock neither jumps nor is a
/// participant's.
fn may_be_half(age_ms: i64, torn_for: Duration) -> bool {
    let is_old = age_ms > 0 && Duration::from_millis(age_ms.unsigned_abs()) >= WRITING;
    torn_for < WRITING && !is_old
}

fn tile(key: &Key, known: &Known, problem: Option<String>) -> Tile {
    let good = known.good.as_deref();
    let reported_at_ms = || known.reported.map_or(0, Fingerprint::modified_ms);
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
    }
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
    fn half_a_file_is_being_written_for_so_long_whatever_its_time_says() {
        const SOON: Duration = Duration::from_millis(999);
        for (age_ms, torn_for, expected) in [
            (0, Duration::ZERO, true),
            (999, SOON, true),
            (1_000, Duration::ZERO, false),
            (500, WRITING, false),
            (-500, SOON, true),
            (-500, WRITING, false),
            (-3_600_000, Duration::ZERO, true),
            (-3_600_000, WRITING, false),
            (i64::MIN, SOON, true),
            (i64::MAX, SOON, false),
        ] {
            let found = may_be_half(age_ms, torn_for);
            assert_eq!(found, expected, "{age_ms} ms old, torn for {torn_for:?}");
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
        let key = class.key_of(file.to_str().unwrap()).unwrap();
        let write = |text: &str| {
            fs::write(&file, text).unwrap();
            let file = File::options().write(true).open(&file).unwrap();
            let future = SystemTime::now() + Duration::from_secs(3_600);
            file.set_modified(future).unwrap();
        };
        class.0.found(&key);
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
        assert!(begun.elapsed() >= WRITING && problems[0].contains("being written"));
        write(r#"{"cells": []}"#);
        assert_eq!(
            class.tile_as(&key, |tile| tile).await.unwrap().problem,
            None
        );
    }
}
