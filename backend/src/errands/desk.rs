//! The desk where participants' servers ask for errands.
//!
//! A server waits here for its next errand. A new restore or handout wakes all servers that
//! wait, and each looks for its own; what a server reports wakes none, because it changes no
//! other server's errands. Open pages hear of reports by the event stream.

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
    asides::{ERRAND, HANDOUTS},
    errands::{ErrandNews, HubGroup},
};
use tokio::sync::watch;

use super::{
    ErrandChange, ErrandError, ErrandStore, HandoutDraft, MAX_PENDING_MS, RestoreDraft,
    SqliteErrands, StoredErrand,
};
use crate::{
    feed::{Asides, Audience},
    time,
};

/// How often errands that have waited too long are looked for.
const EXPIRY_INTERVAL_MS: i64 = 3_600 * 1_000;
/// The groups of one participant that are noted.
const MAX_GROUPS: usize = 100;
/// The participants whose groups are noted.
const MAX_PEOPLE: usize = 10_000;

/// Gives errands to the servers that ask.
pub struct ErrandDesk {
    store: Arc<dyn ErrandStore>,
    /// The groups of each participant whose server has asked, as they are in the store.
    groups: Mutex<BTreeMap<String, Vec<String>>>,
    /// Grows with each new restore and handout.
    changes: watch::Sender<u64>,
    expired_at_ms: AtomicI64,
    asides: Asides,
}

impl ErrandDesk {
    /// The desk whose errands are kept at `path`, which is made when it is not there; open pages
    /// are told through `asides`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path, asides: Asides) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteErrands::open(path)?);
        Ok(Arc::new(Self::of(store, asides)?))
    }

    fn of(store: Arc<dyn ErrandStore>, asides: Asides) -> Result<Self, ErrandError> {
        Ok(Self {
            groups: Mutex::new(store.people()?.into_iter().collect()),
            store,
            changes: watch::Sender::new(0),
            expired_at_ms: AtomicI64::new(0),
            asides,
        })
    }

    /// Where errands and handouts are kept.
    #[must_use]
    pub fn store(&self) -> &dyn ErrandStore {
        &*self.store
    }

    /// Changes when there may be an errand for a server that waits.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The errands that the server of `user` has to do, who is in these groups of the Hub.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn pending(&self, user: &str, groups: &[String]) -> Result<Vec<StoredErrand>, ErrandError> {
        // A service of the Hub's has a slash in its name and no home.
        if user.contains('/') {
            return Ok(Vec::new());
        }
        let now_ms = time::now_ms();
        self.note_groups(user, groups)?;
        self.expire(now_ms)?;
        self.store.give_handouts(user, groups, now_ms)?;
        self.store.pending(user)
    }

    /// Promises that a version comes back; the errand's number.
    ///
    /// # Errors
    /// [`ErrandError::TooManyRestores`]; and when it could not be kept.
    pub fn restore(&self, draft: &RestoreDraft) -> Result<i64, ErrandError> {
        let now_ms = time::now_ms();
        self.expire(now_ms)?;
        let id = self.store.add_restore(draft, now_ms)?;
        self.wake();
        Ok(id)
    }

    /// Hands a notebook out; the handout's number.
    ///
    /// # Errors
    /// [`ErrandError::TooManyHandouts`], [`ErrandError::NoRoom`]; and when it could not be kept.
    pub fn hand_out(&self, draft: &HandoutDraft, content: &[u8]) -> Result<i64, ErrandError> {
        let id = self.store.add_handout(draft, content, time::now_ms())?;
        self.wake();
        self.asides.say(Audience::SeeAll, HANDOUTS, &());
        Ok(id)
    }

    /// Takes a handout back: it is given to no other server. Whether there is such a one.
    ///
    /// # Errors
    /// When that could not be kept.
    pub fn retract(&self, handout: i64) -> Result<bool, ErrandError> {
        let is_there = self.store.retract(handout, time::now_ms())?;
        if is_there {
            self.asides.say(Audience::SeeAll, HANDOUTS, &());
        }
        Ok(is_there)
    }

    /// Notes what became of an errand of `user`; whether there is such a one.
    ///
    /// # Errors
    /// When that could not be kept.
    pub fn report(&self, id: i64, user: &str, change: &ErrandChange) -> Result<bool, ErrandError> {
        let is_own = |errand: &StoredErrand| errand.user == user;
        if !self.store.errand(id)?.as_ref().is_some_and(is_own) {
            return Ok(false);
        }
        if self.store.change(id, change, time::now_ms())?
            && let Some(errand) = self.store.errand(id)?
        {
            let news = ErrandNews {
                errand: id,
                user: errand.user.clone(),
                state: errand.state,
            };
            self.asides
                .say(Audience::MaySee(errand.user), ERRAND, &news);
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

    /// What is known already is not written again.
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
