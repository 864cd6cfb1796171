//! [`ErrandDesk`]: where participants' servers ask for errands.
//!
//! A server waits here for its next errand. A new restore or handout wakes all servers that
//! wait, and each looks for its own. A report wakes no server, because it changes no other
//! server's errands. Open pages hear of reports by the event stream.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use shared::{
    announcements::{ERRAND_KIND, HANDOUTS_KIND},
    errands::{ErrandAnnouncement, HubGroup},
};
use tokio::sync::watch;

use super::{
    ErrandChange, ErrandError, ErrandStore, HandoutDraft, KnownPerson, MAX_PENDING_MS,
    RestoreDraft, SqliteErrands, StoredErrand,
};
use crate::{
    feed::{Announcements, Recipients},
    reserve::Reserve,
    time,
};

/// How often old errands are removed.
const EXPIRY_INTERVAL_MS: i64 = 3_600 * 1_000;
/// Most groups of one participant that are noted.
const MAX_GROUPS: usize = 100;
/// Most participants of whom something is noted.
const MAX_PEOPLE: usize = 10_000;
/// The name of handouts in the log of the disk's reserve.
const RESERVED_FOR: &str = "handouts";

/// Gives errands to the servers that ask.
pub struct ErrandDesk {
    store: Arc<dyn ErrandStore>,
    /// Each participant whose server has asked, as in the store.
    people: Mutex<BTreeMap<String, KnownPerson>>,
    /// Checked before a handout is written.
    reserve: Reserve,
    /// Grows with each new restore and handout.
    changes: watch::Sender<u64>,
    expired_at_ms: AtomicI64,
    announcements: Announcements,
}

impl ErrandDesk {
    /// The desk whose errands are kept at `path`, which is made when it is not there; handouts
    /// leave `reserve` bytes of that disk free, and open pages are told through `announcements`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(
        path: &Path,
        reserve: u64,
        announcements: Announcements,
    ) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteErrands::open(path)?);
        let folder = path.parent().unwrap_or(Path::new("."));
        let reserve = Reserve::of_refused(folder, reserve, RESERVED_FOR);
        Ok(Arc::new(Self::of(store, reserve, announcements)?))
    }

    fn of(
        store: Arc<dyn ErrandStore>,
        reserve: Reserve,
        announcements: Announcements,
    ) -> Result<Self, ErrandError> {
        Ok(Self {
            people: Mutex::new(store.people()?.into_iter().collect()),
            store,
            reserve,
            changes: watch::Sender::new(0),
            expired_at_ms: AtomicI64::new(0),
            announcements,
        })
    }

    /// The store of errands and handouts.
    #[must_use]
    pub fn store(&self) -> &dyn ErrandStore {
        &*self.store
    }

    /// Changes when a waiting server may have a new errand.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The pending errands of a server of `user`, who is a member of these groups of the Hub. The
    /// name of the default server is empty.
    ///
    /// A restore is for the server that has the notebook. A handout is for the default server;
    /// while a participant has only servers with names, it is for the first that asks.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn pending(
        &self,
        user: &str,
        server: &str,
        groups: &[String],
    ) -> Result<Vec<StoredErrand>, ErrandError> {
        // A service of the Hub has a slash in its name and no home.
        if user.contains('/') {
            return Ok(Vec::new());
        }
        let now_ms = time::now_ms();
        let has_default_server = self.note_person(user, server, groups)?;
        self.expire(now_ms)?;
        if server.is_empty() || !has_default_server {
            self.store.give_handouts(user, groups, now_ms)?;
            self.store.claim_handouts(user, server, now_ms)?;
        }
        self.store.pending(user, server)
    }

    /// Adds a restore; returns the errand's number.
    ///
    /// # Errors
    /// [`ErrandError::TooManyRestores`]; and when the store cannot be used.
    pub fn restore(&self, draft: &RestoreDraft) -> Result<i64, ErrandError> {
        let now_ms = time::now_ms();
        self.expire(now_ms)?;
        let id = self.store.add_restore(draft, now_ms)?;
        self.wake();
        Ok(id)
    }

    /// Hands a file out; returns the handout's number.
    ///
    /// # Errors
    /// [`ErrandError::SameHandout`], [`ErrandError::TooManyHandouts`], [`ErrandError::NoRoom`],
    /// [`ErrandError::DiskFull`]; and when the store cannot be used.
    pub fn hand_out(&self, draft: &HandoutDraft, content: &[u8]) -> Result<i64, ErrandError> {
        let checked = self.reserve.check(content.len() as u64);
        checked.map_err(|error| ErrandError::DiskFull(error.to_string()))?;
        let id = self.store.add_handout(draft, content, time::now_ms())?;
        self.wake();
        self.announcements
            .send(Recipients::SeeAll, HANDOUTS_KIND, &());
        Ok(id)
    }

    /// Takes a handout back: it is given to no other server. Returns whether the handout
    /// exists.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn retract(&self, handout: i64) -> Result<bool, ErrandError> {
        let is_there = self.store.retract(handout, time::now_ms())?;
        if is_there {
            self.announcements
                .send(Recipients::SeeAll, HANDOUTS_KIND, &());
        }
        Ok(is_there)
    }

    /// Notes the outcome of an errand; returns whether it exists and belongs to `user`.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn report(&self, id: i64, user: &str, change: &ErrandChange) -> Result<bool, ErrandError> {
        let is_own = |errand: &StoredErrand| errand.user == user;
        if !self.store.errand(id)?.as_ref().is_some_and(is_own) {
            return Ok(false);
        }
        self.change(id, change)?;
        Ok(true)
    }

    /// Takes a restore back that is pending; returns whether it was.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn retract_restore(&self, id: i64) -> Result<bool, ErrandError> {
        self.change(id, &ErrandChange::Retracted)
    }

    /// Changes an errand, and tells open pages if that has changed its state.
    fn change(&self, id: i64, change: &ErrandChange) -> Result<bool, ErrandError> {
        let is_changed = self.store.change(id, change, time::now_ms())?;
        if is_changed && let Some(errand) = self.store.errand(id)? {
            let news = ErrandAnnouncement {
                errand: id,
                user: errand.user.clone(),
                state: errand.state,
            };
            self.announcements
                .send(Recipients::MaySee(errand.user), ERRAND_KIND, &news);
        }
        Ok(is_changed)
    }

    /// The participants whose server has asked for errands.
    #[must_use]
    pub fn people(&self) -> Vec<String> {
        self.people.lock().keys().cloned().collect()
    }

    /// Their groups, by name.
    #[must_use]
    pub fn groups(&self) -> Vec<HubGroup> {
        let mut groups = BTreeMap::<String, Vec<String>>::new();
        for (user, person) in &*self.people.lock() {
            for name in &person.groups {
                groups.entry(name.clone()).or_default().push(user.clone());
            }
        }
        let groups = groups.into_iter();
        groups
            .map(|(name, members)| HubGroup { name, members })
            .collect()
    }

    fn wake(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Notes the groups of a participant and that this server has asked; what is known already is
    /// not written again. Returns whether the participant's default server has ever asked.
    fn note_person(
        &self,
        user: &str,
        server: &str,
        groups: &[String],
    ) -> Result<bool, ErrandError> {
        let groups = &groups[..groups.len().min(MAX_GROUPS)];
        let person = {
            let people = self.people.lock();
            let known = people.get(user);
            let had_default = known.is_some_and(|known| known.has_default_server);
            let has_default_server = had_default || server.is_empty();
            let is_full = people.len() >= MAX_PEOPLE && known.is_none();
            let is_same = known.is_some_and(|known| known.groups == groups);
            if is_full || (is_same && had_default == has_default_server) {
                return Ok(has_default_server);
            }
            KnownPerson {
                groups: groups.to_vec(),
                has_default_server,
            }
        };
        self.store.note_person(user, &person)?;
        let has_default_server = person.has_default_server;
        self.people.lock().insert(user.to_owned(), person);
        Ok(has_default_server)
    }

    fn expire(&self, now_ms: i64) -> Result<(), ErrandError> {
        let before = self.expired_at_ms.load(Ordering::Relaxed);
        if now_ms - before < EXPIRY_INTERVAL_MS {
            return Ok(());
        }
        self.store.expire(now_ms - MAX_PENDING_MS)?;
        self.expired_at_ms.store(now_ms, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
