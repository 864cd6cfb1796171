//! The notice board: all notices, in memory and ready to be sent.
//!
//! Every change has a growing number; a reader remembers the newest it has seen and asks for later
//! ones. The numbers begin with the time at which the service started, so they need not be stored:
//! those of an earlier run are smaller, and its readers get everything once more. A reader with a
//! number from the future begins anew as well.
//!
//! A notice for a notebook is for the participants with a copy, of which the board learns as an
//! observer of the class. A participant who gets a copy while the notice stands is told then: the
//! notice has changed for them alone.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use parking_lot::Mutex;
use shared::{
    notices::{Audience, NOTICE_ANNOUNCEMENT, Notice, NoticeAnnouncement},
    prepared::SafeHtml,
};
use tokio::sync::watch;

use super::{
    MAX_NOTICES, NoticeDraft, NoticeError, NoticeListeners, NoticeStore, Receipt, SqliteNotices,
    StoredNotice, brief, rendered,
};
use crate::{
    class::{Class, CopyId, Observer, Revision},
    feed::{self, Announcements},
    time,
};

/// The notice board. Each change wakes the readers that wait for it.
pub struct NoticeBoard {
    store: Arc<dyn NoticeStore>,
    state: Mutex<BoardState>,
    /// Locked while a notice is written, so that no more than [`MAX_NOTICES`] are stored.
    writing: Mutex<()>,
    newest: watch::Sender<i64>,
    announcements: Announcements,
    listeners: NoticeListeners,
}

struct BoardState {
    seq: i64,
    notices: BTreeMap<i64, PostedNotice>,
}

struct PostedNotice {
    stored: StoredNotice,
    html: SafeHtml,
    brief: String,
    seq: i64,
    /// Of a notice for a notebook: the participants with a copy, and the change since which that is
    /// known.
    members: BTreeMap<String, i64>,
}

/// The changes that a reader has not seen.
#[derive(Debug)]
pub struct NoticeUpdate {
    /// The number to ask with next time.
    pub cursor: i64,
    /// Oldest first.
    pub notices: Vec<Notice>,
}

/// A notice and the participants it is for, as far as they are known by name.
#[derive(Debug)]
pub struct AddressedNotice {
    /// The notice as it was written.
    pub notice: Notice,
    /// The instructor who wrote it.
    pub author: String,
    /// The recipients that the instructor chose.
    pub to: Audience,
    /// The participants it is for, by name; empty for a notice to everyone.
    pub members: Vec<String>,
}

impl NoticeBoard {
    /// The board stored at `path`, which is made when it is not there; `announcements` tell the
    /// readers of a notice.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path, announcements: Announcements) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteNotices::open(path)?);
        Ok(Arc::new(Self::of(store, announcements, time::now_ms())?))
    }

    /// The board stored in `store`, of a service that starts at `now_ms`.
    fn of(
        store: Arc<dyn NoticeStore>,
        announcements: Announcements,
        now_ms: i64,
    ) -> Result<Self, NoticeError> {
        // A million changes a second would not overtake the clock; and a program that knows
        // whole numbers as JavaScript does holds these exactly for another two centuries.
        let seq = now_ms * 1_000;
        let notices = store.all()?.into_iter();
        let notices = notices.map(|stored| (stored.id, PostedNotice::new(stored, seq)));
        Ok(Self {
            state: Mutex::new(BoardState {
                seq,
                notices: notices.collect(),
            }),
            store,
            writing: Mutex::default(),
            newest: watch::Sender::new(seq),
            announcements,
            listeners: NoticeListeners::default(),
        })
    }

    /// The store, which knows the receipts of each reader.
    #[must_use]
    pub fn store(&self) -> &dyn NoticeStore {
        &*self.store
    }

    /// Who has a page open that shows a notice at once.
    #[must_use]
    pub fn listeners(&self) -> &NoticeListeners {
        &self.listeners
    }

    /// The number of the newest change; a reader waits here for the next.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Posts a notice; the participants with a copy of its notebook are looked up in `class`.
    ///
    /// # Errors
    /// [`NoticeError::Full`] when too many stand; and when it could not be stored.
    pub fn post(
        &self,
        draft: &NoticeDraft,
        author: &str,
        class: &Class,
    ) -> Result<AddressedNotice, NoticeError> {
        let now_ms = time::now_ms();
        let _writing = self.writing.lock();
        self.make_room(now_ms)?;
        let id = self.store.add(draft, author, now_ms)?;
        let stored = StoredNotice {
            id,
            draft: draft.clone(),
            author: author.to_owned(),
            created_at_ms: now_ms,
            retracted_at_ms: None,
        };
        let mut posted = PostedNotice::new(stored, 0);
        {
            let mut state = self.state.lock();
            posted.seq = state.next();
            state.notices.insert(id, posted);
        }
        // After the notice was inserted, so that no participant who gets a copy in between is left
        // out.
        for key in class.copy_ids() {
            self.join(&key);
        }
        let (sent, readers) = {
            let state = self.state.lock();
            let posted = &state.notices[&id];
            (posted.sent(), posted.readers())
        };
        self.publish(readers);
        Ok(sent)
    }

    /// Takes a notice back; whether there is one with this number.
    ///
    /// # Errors
    /// When that could not be stored.
    pub fn retract(&self, id: i64) -> Result<bool, NoticeError> {
        let now_ms = time::now_ms();
        let _writing = self.writing.lock();
        let readers = match self.state.lock().notices.get(&id) {
            None => return Ok(false),
            Some(posted) if posted.stored.retracted_at_ms.is_some() => return Ok(true),
            Some(posted) => posted.readers(),
        };
        self.store.retract(id, now_ms)?;
        {
            let mut state = self.state.lock();
            let seq = state.next();
            if let Some(posted) = state.notices.get_mut(&id) {
                posted.stored.retracted_at_ms = Some(now_ms);
                posted.seq = seq;
            }
        }
        self.publish(readers);
        Ok(true)
    }

    /// The notices that have changed for `user` after a number; without one, those that stand.
    #[must_use]
    pub fn updates(&self, user: &str, after: Option<i64>) -> NoticeUpdate {
        let now_ms = time::now_ms();
        let state = self.state.lock();
        let after = after.filter(|after| *after <= state.seq);
        let notices = state.notices.values().filter_map(|posted| {
            let seq = posted.seq_for(user)?;
            let wanted = match after {
                Some(after) => seq > after && !posted.stored.is_over(now_ms),
                None => posted.stored.stands(now_ms),
            };
            wanted.then(|| posted.notice(seq))
        });
        NoticeUpdate {
            notices: notices.collect(),
            cursor: state.seq,
        }
    }

    /// Whether a notice is for `user`.
    #[must_use]
    pub fn is_for(&self, id: i64, user: &str) -> bool {
        let state = self.state.lock();
        let posted = state.notices.get(&id);
        posted.is_some_and(|posted| posted.seq_for(user).is_some())
    }

    /// The newest `limit` notices, or those before the number `before`; newest first.
    #[must_use]
    pub fn sent(&self, before: Option<i64>, limit: usize) -> Vec<AddressedNotice> {
        let state = self.state.lock();
        let older = state.notices.range(..before.unwrap_or(i64::MAX));
        older
            .rev()
            .take(limit)
            .map(|(_, posted)| posted.sent())
            .collect()
    }

    /// Stores how far a notice got with a reader.
    ///
    /// # Errors
    /// When that could not be stored.
    pub fn note(&self, id: i64, user: &str, receipt: Receipt) -> Result<(), NoticeError> {
        self.store.note(id, user, receipt)
    }

    /// While there are too many notices, removes those that are over; oldest first.
    fn make_room(&self, now_ms: i64) -> Result<(), NoticeError> {
        loop {
            let over = {
                let state = self.state.lock();
                if state.notices.len() < MAX_NOTICES {
                    return Ok(());
                }
                let mut posts = state.notices.values();
                posts
                    .find(|posted| !posted.stored.stands(now_ms))
                    .map(|posted| posted.stored.id)
            };
            let id = over.ok_or(NoticeError::Full)?;
            self.store.remove(id)?;
            self.state.lock().notices.remove(&id);
        }
    }

    /// Records that a user has a copy of a notebook. Returns whether that makes a notice theirs.
    fn join(&self, key: &CopyId) -> bool {
        let mut state = self.state.lock();
        let BoardState { seq, notices } = &mut *state;
        let mut is_changed = false;
        for posted in notices.values_mut() {
            let is_for = match &posted.stored.draft.to {
                Audience::Notebook(filename) => *filename == key.filename,
                Audience::Everyone(_) | Audience::User(_) | Audience::Users(_) => false,
            };
            if is_for && !posted.members.contains_key(&key.user) {
                *seq += 1;
                posted.members.insert(key.user.clone(), *seq);
                is_changed = true;
            }
        }
        is_changed
    }

    /// Tells `readers` that a notice has changed.
    fn publish(&self, readers: feed::Recipients) {
        let cursor = self.state.lock().seq;
        self.newest.send_if_modified(|newest| {
            let is_new = cursor > *newest;
            *newest = cursor.max(*newest);
            is_new
        });
        self.announcements
            .send(readers, NOTICE_ANNOUNCEMENT, &NoticeAnnouncement { cursor });
    }
}

impl Observer for NoticeBoard {
    fn revised(&self, revision: &Revision) {
        if self.join(&revision.key) {
            self.publish(feed::Recipients::MaySee(revision.key.user.clone()));
        }
    }

    /// A participant who once had a copy still gets the notices.
    fn removed(&self, _key: &CopyId) {}
}

impl BoardState {
    fn next(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }
}

impl PostedNotice {
    fn new(stored: StoredNotice, seq: i64) -> Self {
        let html = rendered(&stored.draft.text, &format!("notice-{}-", stored.id));
        Self {
            brief: brief(stored.draft.title.as_deref(), &html),
            html,
            stored,
            seq,
            members: BTreeMap::new(),
        }
    }

    /// The users to be told of a change of this notice.
    fn readers(&self) -> feed::Recipients {
        match &self.stored.draft.to {
            Audience::Everyone(_) => feed::Recipients::Everyone,
            Audience::User(name) => feed::Recipients::MaySee(name.clone()),
            Audience::Users(names) => feed::Recipients::MaySeeAny(names.iter().cloned().collect()),
            Audience::Notebook(_) => {
                feed::Recipients::MaySeeAny(self.members.keys().cloned().collect())
            }
        }
    }

    /// The number of its last change for `user`, `None` when it is not for them.
    fn seq_for(&self, user: &str) -> Option<i64> {
        match &self.stored.draft.to {
            Audience::Everyone(_) => Some(self.seq),
            Audience::User(name) => (name == user).then_some(self.seq),
            Audience::Users(names) => names.iter().any(|name| name == user).then_some(self.seq),
            Audience::Notebook(_) => {
                let since = self.members.get(user)?;
                Some(self.seq.max(*since))
            }
        }
    }

    /// The notice for its readers: one that was taken back has no content.
    fn notice(&self, seq: i64) -> Notice {
        let notice = self.whole(seq);
        if !notice.retracted {
            return notice;
        }
        Notice {
            text: String::new(),
            html: SafeHtml::default(),
            brief: String::new(),
            title: None,
            link: None,
            file: None,
            ..notice
        }
    }

    fn whole(&self, seq: i64) -> Notice {
        let draft = &self.stored.draft;
        Notice {
            id: self.stored.id,
            seq,
            text: draft.text.clone(),
            html: self.html.clone(),
            brief: self.brief.clone(),
            title: draft.title.clone(),
            link: draft.link.clone(),
            file: draft.file.clone(),
            path: None,
            created_at_ms: self.stored.created_at_ms,
            until_ms: draft.until_ms,
            retracted: self.stored.retracted_at_ms.is_some(),
            shown: false,
            opened: false,
        }
    }

    fn sent(&self) -> AddressedNotice {
        let members = match &self.stored.draft.to {
            Audience::User(user) => vec![user.clone()],
            Audience::Users(users) => users.clone(),
            _ => self.members.keys().cloned().collect(),
        };
        AddressedNotice {
            notice: self.whole(self.seq),
            author: self.stored.author.clone(),
            to: self.stored.draft.to.clone(),
            members,
        }
    }
}

#[cfg(test)]
mod tests;
