//! Saves that no server reports become events all the same: a hub without the extension, or
//! no hub at all, still works.
//!
//! A change on disk is looked at after a short grace. Under a Hub the grace lets the
//! participant's own server report first, so that a save is one event and not two.

mod lane_results;
mod look_schedule;
mod stored_saves;
#[cfg(test)]
mod tests;
mod walk_schedule;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use shared::wire::{DELETE_NOTEBOOK, SAVE_NOTEBOOK};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Class, CopyId, LookOutcome};
use crate::{
    homes::{Fingerprint, FoundNotebook, HomeScan, Poke, Watch, watch},
    limits::{Rate, TokenBuckets},
    store::{EventStore, NewEvent},
    time,
};
use lane_results::{LaneResult, LookReason, ResultSender};
use look_schedule::LookSchedule;
use stored_saves::{StoredSaves, absent};
use walk_schedule::WalkSchedule;

/// So many pokes are taken before due files are looked at.
const MAX_POKES_PER_ROUND: usize = 1_000;
/// Between two listings of the users who have a home.
const USER_LIST_INTERVAL: Duration = Duration::from_secs(2);
/// Until a file that is being written is looked at again, or the users are listed after a
/// change that no home is named for.
const RELOOK_DELAY: Duration = Duration::from_millis(25);
/// A large file is looked at again so much later for each KiB that there is of it.
const RELOOK_DELAY_PER_KIB: Duration = Duration::from_micros(60);
/// Until an event that the store refused is appended again.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Limits the reported saves of one person, so that touching many files does not fill the list
/// of events. JupyterLab saves an open notebook every five seconds.
const SAVE_RATE: Rate = Rate {
    a_second: 10,
    burst: 300,
};

/// Watches the homes and appends an event for each save and deletion that no server has reported.
///
/// Its own thread reads no disk: homes are walked and files are read in their owners' lanes, and
/// the results come back over a channel. So it waits for no participant's disk.
pub struct Reporter {
    class: Class,
    store: Arc<dyn EventStore>,
    runtime: Handle,
    grace: Duration,
    /// The saves that the store knew at the start.
    stored_saves: StoredSaves,
    due: LookSchedule,
    /// When the users who have a home are listed next.
    next_user_list: Instant,
    /// When each home is walked.
    walks: WalkSchedule,
    /// The copies that were known of each person when the walk of their home began.
    walked: HashMap<String, Vec<CopyId>>,
    /// Count each person's reported saves.
    buckets: TokenBuckets,
    watch: Watch,
    pokes: Receiver<Poke>,
    lane_results: Receiver<LaneResult>,
    results: ResultSender,
}

impl Reporter {
    /// Walks every home once, so that the class is known when this returns, but for homes
    /// whose disk does not answer. Notebooks saved while no service ran are due at once.
    ///
    /// # Errors
    /// When the store cannot list the saves it knows.
    pub async fn new(
        class: Class,
        store: Arc<dyn EventStore>,
        grace: Duration,
    ) -> anyhow::Result<Self> {
        let stored_saves = StoredSaves::load(&*store, &class).await?;
        let (watch, pokes, wake) = watch();
        let (sender, lane_results) = mpsc::channel();
        let mut reporter = Self {
            class,
            store,
            runtime: Handle::current(),
            grace,
            stored_saves,
            due: LookSchedule::default(),
            next_user_list: Instant::now() + USER_LIST_INTERVAL,
            walks: WalkSchedule::default(),
            walked: HashMap::new(),
            buckets: TokenBuckets::default(),
            watch,
            pokes,
            lane_results,
            results: ResultSender {
                results: sender,
                wake,
            },
        };
        let scans = reporter.class.scan(&reporter.watch);
        // Changes from now on ask for a walk of their home.
        let users: Vec<String> = scans.iter().map(|(user, _)| user.clone()).collect();
        reporter.walks.set_users(&users, reporter.next_user_list);
        for (user, scanned) in scans {
            // A home that is late is found by its next walk.
            let scan = scanned.answer().await.unwrap_or_else(|_| {
                reporter.class.missed_a_home();
                HomeScan::default()
            });
            reporter.class.0.scan_gaps.note(&user, scan.gap);
            reporter.add_found(scan.found, Duration::ZERO);
        }
        // A push may have been kept and its event not stored.
        let pushed = reporter.class.copies().all_pushed();
        reporter.add_found(pushed, Duration::ZERO);
        Ok(reporter)
    }

    /// Runs on a thread of its own until `ending` is cancelled.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(self, ending: CancellationToken) -> anyhow::Result<()> {
        thread::Builder::new()
            .name("save-reporter".to_owned())
            .spawn(move || self.run(&ending))
            .context("cannot start the save reporter")?;
        Ok(())
    }

    fn run(mut self, ending: &CancellationToken) {
        while !ending.is_cancelled() {
            self.list_users_when_due();
            self.walk_due_homes();
            self.look_at_due();
            self.report_deletions();
            let now = Instant::now();
            let wake = [self.due.next(), self.walks.next(), self.stored_saves.next()];
            let wake = wake.into_iter().flatten();
            let wake = wake.fold(self.next_user_list, Instant::min);
            match self.pokes.recv_timeout(wake.saturating_duration_since(now)) {
                Ok(poke) => self.take_poke(poke),
                Err(RecvTimeoutError::Timeout) => {}
                // Impossible: `results` holds one of the senders.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // One round for all results that have come meanwhile.
            while let Ok(answer) = self.lane_results.try_recv() {
                self.take_result(answer);
            }
            for _ in 0..MAX_POKES_PER_ROUND {
                let Ok(poke) = self.pokes.try_recv() else {
                    break;
                };
                self.take_poke(poke);
            }
        }
    }

    fn take_poke(&mut self, poke: Poke) {
        match poke {
            Poke::Written { user, filename } => {
                let due = Instant::now() + self.grace;
                self.due.look_at(CopyId { filename, user }, due);
            }
            Poke::Rescan { user: Some(user) } => self.walks.want(&user, Instant::now()),
            Poke::Rescan { user: None } => {
                self.walks.want_all(Instant::now());
                self.next_user_list = self.next_user_list.min(Instant::now() + RELOOK_DELAY);
            }
            Poke::Wake => {}
        }
    }

    fn take_result(&mut self, answer: LaneResult) {
        match answer {
            LaneResult::Walked {
                user,
                scan,
                absent,
                took,
            } => {
                self.finish_walk(&user, scan, took);
                if let Some(absent) = absent {
                    self.stored_saves.set_gone(&user, absent);
                }
            }
            LaneResult::Looked { key, look, why } => {
                self.due.ended(&key);
                match why {
                    LookReason::Written { is_new } => {
                        self.report_written(key, look.as_ref(), is_new)
                    }
                    LookReason::Gone { reported } => {
                        self.report_gone(&key, look.as_ref(), reported)
                    }
                }
            }
        }
    }

    fn list_users_when_due(&mut self) {
        let now = Instant::now();
        if now >= self.next_user_list {
            self.next_user_list = now + USER_LIST_INTERVAL;
            self.class.copies().lanes().keep_going();
            self.list_users();
        }
    }

    /// Lists the users who have a home, and checks the copies of those who have none any more.
    fn list_users(&mut self) {
        let users = self.class.home_users(&self.watch);
        self.walks.set_users(&users, Instant::now());
        let users: HashSet<String> = users.into_iter().collect();
        for key in self.class.copy_ids() {
            // Of pushed copies their server says which are gone.
            let is_pushed = self.class.copies().are_pushed(&key.user);
            if !users.contains(&key.user) && !is_pushed {
                self.check_whether_gone(key);
            }
        }
    }

    fn walk_due_homes(&mut self) {
        let due = self.walks.take_due(Instant::now());
        if due.is_empty() {
            return;
        }
        let mut known: HashMap<String, Vec<CopyId>> = HashMap::new();
        for key in self.class.copy_ids() {
            known.entry(key.user.clone()).or_default().push(key);
        }
        for user in due {
            let known = known.remove(&user).unwrap_or_default();
            self.walked.insert(user.clone(), known);
            self.walk(user);
        }
    }

    fn walk(&self, user: String) {
        let Some(homes) = self.class.copies().homes().cloned() else {
            return;
        };
        let watch = self.watch.clone();
        let guard = self.results.guard(LaneResult::Walked {
            user: user.clone(),
            scan: HomeScan::default(),
            absent: None,
            took: Duration::ZERO,
        });
        let missed = self.stored_saves.unfound(&user);
        let lanes = self.class.copies().lanes();
        lanes.submit_detached(&user.clone(), move || {
            let begun = Instant::now();
            let scan = watch.scan_home(&homes, &user);
            let absent = absent(&homes, &user, missed);
            let took = begun.elapsed();
            guard.set(LaneResult::Walked {
                user,
                scan,
                absent,
                took,
            });
        });
    }

    fn finish_walk(&mut self, user: &str, scan: HomeScan, took: Duration) {
        let HomeScan { found, gap } = scan;
        self.class.0.scan_gaps.note(user, gap);
        self.walks.ended(user, took, Instant::now());
        let known = self.walked.remove(user).unwrap_or_default();
        let present: HashSet<String> = found.iter().map(|file| file.filename.clone()).collect();
        self.add_found(found, self.grace);
        for key in known {
            if !present.contains(&key.filename) {
                self.check_whether_gone(key);
            }
        }
    }

    /// Takes what a walk has found; unreported versions are due after `grace`.
    fn add_found(&mut self, found: Vec<FoundNotebook>, grace: Duration) {
        for file in found {
            let (version, key) = (file.fingerprint, CopyId::from(file));
            let record = self.class.0.mark_found(&key);
            let is_stored = self.stored_saves.confirms(&key, version);
            if record.reported().is_none() && is_stored {
                record.set_reported(Some(version));
            } else if record.reported() != Some(version) {
                self.due.look_at(key, Instant::now() + grace);
            }
        }
    }

    fn look_at_due(&mut self) {
        let now = Instant::now();
        for key in self.due.take(now) {
            let pause = self.buckets.wait(&key.user, SAVE_RATE, now);
            if !pause.is_zero() {
                self.due.look_at(key.clone(), now);
                self.due.pause(&key.user, now + pause);
                continue;
            }
            let is_new = self.class.0.record(&key).is_none();
            self.look_at(key, LookReason::Written { is_new });
        }
    }

    fn check_whether_gone(&mut self, key: CopyId) {
        let record = self.class.0.record(&key);
        let reported = record.and_then(|record| record.reported());
        self.look_at(key, LookReason::Gone { reported });
    }

    fn look_at(&mut self, key: CopyId, why: LookReason) {
        if !self.due.begin(&key) {
            return;
        }
        let core = Arc::clone(&self.class.0);
        let record = match why {
            LookReason::Written { .. } => Some(core.record_or_new(&key)),
            LookReason::Gone { .. } => core.record(&key),
        };
        let answer = move |key, look| LaneResult::Looked { key, look, why };
        let guard = self.results.guard(answer(key.clone(), None));
        let lanes = self.class.copies().lanes();
        lanes.submit_detached(&key.user.clone(), move || {
            let look = record.map(|record| core.refresh(&key, &record));
            guard.set(answer(key, look));
        });
    }

    /// Reports a file that was looked at.
    fn report_written(&mut self, key: CopyId, look: Option<&LookOutcome>, is_new: bool) {
        let version = match look {
            Some(LookOutcome::Good(version) | LookOutcome::Bad(Some(version), _)) => *version,
            Some(LookOutcome::BeingWritten(version)) => {
                // Reading half of a large file again and again takes time, too.
                let kib = u32::try_from(version.size() >> 10).unwrap_or(u32::MAX);
                return self.look_in(key, RELOOK_DELAY + RELOOK_DELAY_PER_KIB * kib);
            }
            // No event was committed for it, and none is needed.
            Some(LookOutcome::Missing) if is_new && self.is_unreported(&key) => {
                return self.class.forget(&key);
            }
            Some(LookOutcome::Missing) => return self.walks.want(&key.user, Instant::now()),
            // Another user's file, or a link, is no notebook of this participant's: a walk would
            // not have found it either.
            Some(LookOutcome::Bad(None, _)) if is_new => return self.class.forget(&key),
            Some(LookOutcome::Bad(None, _)) | None => return,
        };
        let Some(record) = self.class.0.record(&key) else {
            return;
        };
        if record.version() != Some(version) {
            // A later look has read another version.
            return self.look_in(key, Duration::ZERO);
        }
        let before = record.set_reported(Some(version));
        if before == Some(version) {
            return;
        }
        let pace = self.buckets.take(&key.user, 1, SAVE_RATE, Instant::now());
        if let Err(pause) = pace {
            record.set_reported(before);
            self.look_in(key, pause);
        } else if !self.append(SAVE_NOTEBOOK, &key, Some(version)) {
            record.set_reported(before);
            self.look_in(key, STORE_RETRY_DELAY);
        } else if !self.class.copies().are_pushed(&key.user) {
            let contacts = self.class.contacts();
            contacts.note_watched(&key.user, time::now_ms());
        }
    }

    fn is_unreported(&self, key: &CopyId) -> bool {
        let record = self.class.0.record(key);
        record.is_none_or(|record| record.reported().is_none())
    }

    fn look_in(&mut self, key: CopyId, pause: Duration) {
        self.due.look_at(key, Instant::now() + pause);
    }

    /// Reports that a file is gone. Only one that was once on the disk can be gone; a notebook
    /// that a server reported and that was never found stays on the wall with a word on why.
    fn report_gone(
        &mut self,
        key: &CopyId,
        look: Option<&LookOutcome>,
        reported: Option<Fingerprint>,
    ) {
        let Some(record) = self.class.0.record(key) else {
            return;
        };
        if record.reported() != reported {
            // The file came back, and its owner's server has reported that since.
            return self.walks.want(&key.user, Instant::now());
        }
        let is_gone = record.was_on_disk() && look == Some(&LookOutcome::Missing);
        // A file for which no save was committed needs no event that it is gone.
        if is_gone && (record.reported().is_none() || self.append(DELETE_NOTEBOOK, key, None)) {
            self.class.forget(key);
        }
    }

    /// Reports some of the notebooks that were deleted before this service began.
    fn report_deletions(&mut self) {
        let now = Instant::now();
        for key in self.stored_saves.take(now) {
            // A notebook that came back meanwhile is not gone.
            if self.class.0.record(&key).is_none() && !self.append(DELETE_NOTEBOOK, &key, None) {
                self.stored_saves.retry(key, now + STORE_RETRY_DELAY);
            }
        }
    }

    fn append(&self, kind: &str, key: &CopyId, version: Option<Fingerprint>) -> bool {
        let Some(path) = self.class.copies().shown(key) else {
            return false;
        };
        let timestamp = version.map_or_else(time::now_text, Fingerprint::modified_text);
        let event = NewEvent {
            kind: kind.to_owned(),
            user: key.user.clone(),
            filename: key.filename.clone(),
            path,
            timestamp,
        };
        match self.runtime.block_on(self.store.append(event)) {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a save could not be stored; trying again");
                false
            }
        }
    }
}
