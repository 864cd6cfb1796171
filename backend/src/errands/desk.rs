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
    ErrandChange, ErrandError, ErrandStore, HandoutDraft, MAX_PENDING_MS, RestoreDraft,
    SqliteErrands, StoredErrand,
};
use crate::{
    feed::{Announcements, Recipients},
    time,
};

/// How often old errands are removed.
const EXPIRY_INTERVAL_MS: i64 = 3_600 * 1_000;
/// Most groups of one participant that are noted.
const MAX_GROUPS: usize = 100;
/// Most participants whose groups are noted.
const MAX_PEOPLE: usize = 10_000;

/// Gives errands to the servers that ask.
pub struct ErrandDesk {
    store: Arc<dyn ErrandStore>,
    /// The groups of each participant whose server has asked, as they are in the store.
    groups: Mutex<BTreeMap<String, Vec<String>>>,
    /// Grows with each new restore and handout.
    changes: watch::Sender<u64>,
    expired_at_ms: AtomicI64,
    announcements: Announcements,
}

impl ErrandDesk {
    /// The desk whose errands are kept at `path`, which is made when it is not there; open pages
    /// are told through `announcements`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path, announcements: Announcements) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteErrands::open(path)?);
        Ok(Arc::new(Self::of(store, announcements)?))
    }

    fn of(store: Arc<dyn ErrandStore>, announcements: Announcements) -> Result<Self, ErrandError> {
        Ok(Self {
            groups: Mutex::new(store.people()?.into_iter().collect()),
            store,
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

    /// The pending errands of `user`, who is a member of these groups of the Hub.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn pending(&self, user: &str, groups: &[String]) -> Result<Vec<StoredErrand>, ErrandError> {
        // A service of the Hub has a slash in its name and no home.
        if user.contains('/') {
            return Ok(Vec::new());
        }
        let now_ms = time::now_ms();
        self.note_groups(user, groups)?;
        self.expire(now_ms)?;
        self.store.give_handouts(user, groups, now_ms)?;
        self.store.pending(user)
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

    /// Hands a notebook out; returns the handout's number.
    ///
    /// # Errors
    /// [`ErrandError::TooManyHandouts`], [`ErrandError::NoRoom`]; and when the store cannot be
    /// used.
    pub fn hand_out(&self, draft: &HandoutDraft, content: &[u8]) -> Result<i64, ErrandError> {
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
        if self.store.change(id, change, time::now_ms())?
            && let Some(errand) = self.store.errand(id)?
        {
            let news = ErrandAnnouncement {
                errand: id,
                user: errand.user.clone(),
                state: errand.state,
            };
            self.announcements
                .send(Recipients::MaySee(errand.user), ERRAND_KIND, &news);
        }
        Ok(true)
    }

    /// The participants whose server has asked for errands.
    #[must_use]
    pub fn people(&self) -> Vec<String> {
        self.groups.lock().keys().cloned().collect()
    }

    /// Their groups, by name.
    #[must_use]
    pub fn groups(&self) -> Vec<HubGroup> {
        let mut groups = BTreeMap::<String, Vec<String>>::new();
        for (user, names) in &*self.groups.lock() {
            for name in names {
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

    /// Notes the groups of a participant; unchanged groups are not written again.
    fn note_groups(&self, user: &str, groups: &[String]) -> Result<(), ErrandError> {
        let groups = &groups[..groups.len().min(MAX_GROUPS)];
        {
            let known = self.groups.lock();
            let is_full = known.len() >= MAX_PEOPLE && !known.contains_key(user);
            if is_full || known.get(user).is_some_and(|known| known == groups) {
                return Ok(());
            }
        }
        self.store.note_groups(user, groups)?;
        self.groups.lock().insert(user.to_owned(), groups.to_vec());
        Ok(())
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
