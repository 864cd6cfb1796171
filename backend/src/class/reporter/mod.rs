//! Saves that met no hook become events all the same: a hub without the extension, or
//! no hub at all, still works.
//!
//! A change on disk is looked at after a short grace. Under a Hub the grace lets the
//! participant's own server report first, so that a save is one event and not two.

mod due;
mod post;
#[cfg(test)]
mod tests;
mod told;
mod walks;

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

use super::{Class, Key, Look, path_of};
use crate::{
    homes::{Fingerprint, Found, Poke, Watch, watch},
    limits::{Buckets, Rate},
    store::{EventStore, NewEvent},
    time,
};
use due::Due;
use post::{Answer, Post, Why};
use told::{Told, absent};
use walks::Walks;

/// So many pokes are taken between two looks at what is due.
const AT_ONCE: usize = 1_000;
/// Between two looks who has a home.
const COUNT_EVERY: Duration = Duration::from_secs(2);
/// Until a file that is being written, or is just gone, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// And so much longer for each KiB that there is of it.
const PER_KIB: Duration = Duration::from_micros(60);
/// Until a store that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Of one person's saves: whoever touches many files must not fill the list of events with
/// theirs. JupyterLab saves an open notebook every five seconds.
const PACE: Rate = Rate {
    a_second: 10,
    burst: 300,
};

/// Watches the homes and appends events. See the module's words.
///
/// It looks at nothing itself: homes are walked and files are read in the lanes of whose they
/// are, and what was found comes back as an answer. So it waits for nobody's disk.
pub struct Reporter {
    class: Class,
    store: Arc<dyn EventStore>,
    runtime: Handle,
    grace: Duration,
    /// What the store knew at the start.
    told: Told,
    due: Due,
    /// When it is looked next who has a home.
    next_count: Instant,
    /// When whose home is walked.
    walks: Walks,
    /// What was known of each person when their home was begun to be walked.
    walked: HashMap<String, Vec<Key>>,
    /// How often whose saves are reported.
    paces: Buckets,
    watch: Watch,
    pokes: Receiver<Poke>,
    answers: Receiver<Answer>,
    post: Post,
}

impl Reporter {
    /// Looks at every home once, so that the class is known when this returns, but for those
    /// whose disk does not answer. Notebooks saved while nobody was watching are due at once.
    ///
    /// # Errors
    /// When the store cannot say which saves it knows.
    pub async fn new(
        class: Class,
        store: Arc<dyn EventStore>,
        grace: Duration,
    ) -> anyhow::Result<Self> {
        let told = Told::by(&*store, &class).await?;
        let (watch, pokes, wake) = watch();
        let (sender, answers) = mpsc::channel();
        let mut reporter = Self {
            class,
            store,
            runtime: Handle::current(),
            grace,
            told,
            due: Due::default(),
            next_count: Instant::now() + COUNT_EVERY,
            walks: Walks::default(),
            walked: HashMap::new(),
            paces: Buckets::default(),
            watch,
            pokes,
            answers,
            post: Post {
                answers: sender,
                wake,
            },
        };
        let scans = reporter.class.scan(&reporter.watch);
        // What comes and goes from now on has their homes walked.
        let users: Vec<String> = scans.iter().map(|(user, _)| user.clone()).collect();
        reporter.walks.are_of(&users, reporter.next_count);
        for (_, scanned) in scans {
            // Of a home that is late the next walk will tell.
            let found = scanned.answer().await.unwrap_or_else(|_| {
                reporter.class.lacks_some();
                Vec::new()
            });
            reporter.are_there(found, Duration::ZERO);
        }
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
            self.count_people_in_time();
            self.walk_due();
            self.look_at_due();
            self.say_what_is_gone();
            let now = Instant::now();
            let wake = [self.due.next(), self.walks.next(), self.told.next()];
            let wake = wake.into_iter().flatten();
            let wake = wake.fold(self.next_count, Instant::min);
            match self.pokes.recv_timeout(wake.saturating_duration_since(now)) {
                Ok(poke) => self.poked(poke),
                Err(RecvTimeoutError::Timeout) => {}
                // It cannot be: one of the other ends is ours.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // One round for all that has come meanwhile.
            while let Ok(answer) = self.answers.try_recv() {
                self.answered(answer);
            }
            for _ in 0..AT_ONCE {
                let Ok(poke) = self.pokes.try_recv() else {
                    break;
                };
                self.poked(poke);
            }
        }
    }

    fn poked(&mut self, poke: Poke) {
        match poke {
            Poke::Written { user, filename } => {
                let due = Instant::now() + self.grace;
                self.due.look_at(Key { filename, user }, due);
            }
            Poke::Rescan { user: Some(user) } => self.walks.are_wanted(&user, Instant::now()),
            Poke::Rescan { user: None } => {
                self.walks.all_are_wanted(Instant::now());
                self.next_count = self.next_count.min(Instant::now() + LOOK_AGAIN);
            }
            Poke::Wake => {}
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Walked {
                user,
                found,
                absent,
                took,
            } => {
                self.were_walked(&user, found, took);
                if let Some(absent) = absent {
                    self.told.are_gone(&user, absent);
                }
            }
            Answer::Looked { key, look, why } => {
                self.due.ended(&key);
                match why {
                    Why::Written { is_new } => self.written(key, look.as_ref(), is_new),
                    Why::Gone { reported } => self.gone(&key, look.as_ref(), reported),
                }
            }
        }
    }

    fn count_people_in_time(&mut self) {
        let now = Instant::now();
        if now >= self.next_count {
            self.next_count = now + COUNT_EVERY;
            self.class.reader().lanes().keep_going();
            self.count_people();
        }
    }

    /// Looks who has a home. What was known of who has none any more is looked at.
    fn count_people(&mut self) {
        let users = self.watch.everyone(self.class.homes());
        self.walks.are_of(&users, Instant::now());
        let users: HashSet<String> = users.into_iter().collect();
        for key in self.class.keys() {
            if !users.contains(&key.user) {
                self.look_whether_gone(key);
            }
        }
    }

    fn walk_due(&mut self) {
        let due = self.walks.take_due(Instant::now());
        if due.is_empty() {
            return;
        }
        let mut known: HashMap<String, Vec<Key>> = HashMap::new();
        for key in self.class.keys() {
            known.entry(key.user.clone()).or_default().push(key);
        }
        for user in due {
            let known = known.remove(&user).unwrap_or_default();
            self.walked.insert(user.clone(), known);
            self.walk(user);
        }
    }

    fn walk(&self, user: String) {
        let (watch, homes) = (self.watch.clone(), self.class.homes().clone());
        let letter = self.post.letter(Answer::Walked {
            user: user.clone(),
            found: Vec::new(),
            absent: None,
            took: Duration::ZERO,
        });
        let missed = self.told.missed(&user);
        let lanes = self.class.reader().lanes();
        lanes.put(&user.clone(), move || {
            let begun = Instant::now();
            let found = watch.scan_home(&homes, &user);
            let absent = absent(&homes, &user, missed);
            let took = begun.elapsed();
            letter.write(Answer::Walked {
                user,
                found,
                absent,
                took,
            });
        });
    }

    fn were_walked(&mut self, user: &str, found: Vec<Found>, took: Duration) {
        self.walks.ended(user, took, Instant::now());
        let known = self.walked.remove(user).unwrap_or_default();
        let present: HashSet<String> = found.iter().map(|file| file.filename.clone()).collect();
        self.are_there(found, self.grace);
        for key in known {
            if !present.contains(&key.filename) {
                self.look_whether_gone(key);
            }
        }
    }

    /// These were found; those that nobody has reported are due after `grace`.
    fn are_there(&mut self, found: Vec<Found>, grace: Duration) {
        for file in found {
            let (version, key) = (file.fingerprint, Key::from(file));
            let entry = self.class.0.found(&key);
            let is_told = self.told.knows(&key, version);
            if entry.reported().is_none() && is_told {
                entry.set_reported(Some(version));
            } else if entry.reported() != Some(version) {
                self.due.look_at(key, Instant::now() + grace);
            }
        }
    }

    fn look_at_due(&mut self) {
        let now = Instant::now();
        for key in self.due.take(now) {
            let pause = self.paces.wait(&key.user, PACE, now);
            if !pause.is_zero() {
                self.due.look_at(key.clone(), now);
                self.due.pause(&key.user, now + pause);
                continue;
            }
            let is_new = self.class.0.entry(&key).is_none();
            self.look_at(key, Why::Written { is_new });
        }
    }

    fn look_whether_gone(&mut self, key: Key) {
        let entry = self.class.0.entry(&key);
        let reported = entry.and_then(|entry| entry.reported());
        self.look_at(key, Why::Gone { reported });
    }

    fn look_at(&mut self, key: Key, why: Why) {
        if !self.due.begin(&key) {
            return;
        }
        let core = Arc::clone(&self.class.0);
        let entry = match why {
            Why::Written { .. } => Some(core.entry_or_new(&key)),
            Why::Gone { .. } => core.entry(&key),
        };
        let answer = move |key, look| Answer::Looked { key, look, why };
        let letter = self.post.letter(answer(key.clone(), None));
        let lanes = self.class.reader().lanes();
        lanes.put(&key.user.clone(), move || {
            let look = entry.map(|entry| core.refresh(&key, &entry));
            letter.write(answer(key, look));
        });
    }

    /// Reports a file that was looked at.
    fn written(&mut self, key: Key, look: Option<&Look>, is_new: bool) {
        let version = match look {
            Some(Look::Good(version) | Look::Bad(Some(version), _)) => *version,
            Some(Look::BeingWritten(version)) => {
                // Reading half of a large file again and again takes time, too.
                let kib = u32::try_from(version.size() >> 10).unwrap_or(u32::MAX);
                return self.look_in(key, LOOK_AGAIN + PER_KIB * kib);
            }
            // Nobody else has heard of it, and nobody need.
            Some(Look::Missing) if is_new && self.is_unreported(&key) => {
                return self.class.forget(&key);
            }
            Some(Look::Missing) => return self.walks.are_wanted(&key.user, Instant::now()),
            // Somebody else's file, or a link, is no notebook of theirs: a walk would not have
            // found it either.
            Some(Look::Bad(None, _)) if is_new => return self.class.forget(&key),
            Some(Look::Bad(None, _)) | None => return,
        };
        let Some(entry) = self.class.0.entry(&key) else {
            return;
        };
        if entry.version() != Some(version) {
            // Somebody has looked since, and at another one.
            return self.look_in(key, Duration::ZERO);
        }
        let before = entry.set_reported(Some(version));
        if before == Some(version) {
            return;
        }
        let pace = self.paces.take(&key.user, 1, PACE, Instant::now());
        if let Err(pause) = pace {
            entry.set_reported(before);
            self.look_in(key, pause);
        } else if !self.append(SAVE_NOTEBOOK, &key, Some(version)) {
            entry.set_reported(before);
            self.look_in(key, TRY_AGAIN);
        }
    }

    fn is_unreported(&self, key: &Key) -> bool {
        let entry = self.class.0.entry(key);
        entry.is_none_or(|entry| entry.reported().is_none())
    }

    fn look_in(&mut self, key: Key, pause: Duration) {
        self.due.look_at(key, Instant::now() + pause);
    }

    /// Only what was once seen on disk can be gone; a notebook that a server reported
    /// and that was never found stays on the wall with a word on why.
    fn gone(&mut self, key: &Key, look: Option<&Look>, reported: Option<Fingerprint>) {
        let Some(entry) = self.class.0.entry(key) else {
            return;
        };
        if entry.reported() != reported {
            // It came back, and its owner's server has said so since.
            return self.walks.are_wanted(&key.user, Instant::now());
        }
        let is_gone = entry.was_seen() && look == Some(&Look::Missing);
        // Of what nobody has heard of nobody need hear that it is gone.
        if is_gone && (entry.reported().is_none() || self.append(DELETE_NOTEBOOK, key, None)) {
            self.class.forget(key);
        }
    }

    /// Says of some notebooks that went before this service began that they are gone.
    fn say_what_is_gone(&mut self) {
        let now = Instant::now();
        for key in self.told.take(now) {
            // One that came back meanwhile is not gone.
            if self.class.0.entry(&key).is_none() && !self.append(DELETE_NOTEBOOK, &key, None) {
                self.told.say_again(key, now + TRY_AGAIN);
            }
        }
    }

    fn append(&self, kind: &str, key: &Key, version: Option<Fingerprint>) -> bool {
        let Some(path) = path_of(self.class.homes(), key) else {
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
