//! Where notices stand, in memory and ready to be sent.
//!
//! Every change has a number that grows; a reader remembers the newest it has seen and
//! asks for what came after. The numbers begin with the time the service started, so they
//! need not be kept: those of a service before are less, and its readers get everything
//! once more. A reader that remembers a number from the future begins anew as well.
//!
//! A notice for a notebook is for those who have a copy, and the board hears of copies as
//! an observer of the class. Who gets one while the notice stands is told then: for them
//! alone the notice has changed.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use parking_lot::Mutex;
use shared::{
    notices::{Audience, NOTICE_NEWS, Notice, NoticeNews},
    prepare,
    prepared::SafeHtml,
    render::{self, Options},
    sanitize::Ammonia,
};
use tokio::sync::watch;

use super::{Draft, Kept, MOST, NoticeError, NoticeStore, Receipt, SqliteNotices};
use crate::{
    class::{Class, CopyId, Observer, Revision},
    feed::{self, Asides},
    time,
};

/// See the module's words.
pub struct Board {
    store: Arc<dyn NoticeStore>,
    posted: Mutex<Posted>,
    /// Held by whoever writes, so that no more than [`MOST`] are kept.
    writing: Mutex<()>,
    newest: watch::Sender<i64>,
    asides: Asides,
}

struct Posted {
    seq: i64,
    notices: BTreeMap<i64, Post>,
}

struct Post {
    kept: Kept,
    html: SafeHtml,
    seq: i64,
    /// Of one for a notebook: who has a copy, and since which change that is known.
    members: BTreeMap<String, i64>,
}

/// What a reader is told.
#[derive(Debug)]
pub struct News {
    /// What to ask after next.
    pub cursor: i64,
    /// Oldest first.
    pub notices: Vec<Notice>,
}

/// A notice and those it is known to be for, by name; everyone is not named.
#[derive(Debug)]
pub struct Sent {
    /// As it was written.
    pub notice: Notice,
    /// By whom.
    pub author: String,
    /// For whom.
    pub to: Audience,
    /// By name.
    pub members: Vec<String>,
}

impl Board {
    /// The board kept at `path`, which is made when it is not there; whoever may read a notice
    /// is told through `asides`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path, asides: Asides) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteNotices::open(path)?);
        Ok(Arc::new(Self::of(store, asides, time::now_ms())?))
    }

    /// The board kept in `store`, of a service that starts at `now_ms`.
    fn of(store: Arc<dyn NoticeStore>, asides: Asides, now_ms: i64) -> Result<Self, NoticeError> {
        // A million changes a second would not overtake the clock; and a program that knows
        // whole numbers as JavaScript does holds these exactly for another two centuries.
        let seq = now_ms * 1_000;
        let notices = store.all()?.into_iter();
        let notices = notices.map(|kept| (kept.id, Post::new(kept, seq)));
        Ok(Self {
            posted: Mutex::new(Posted {
                seq,
                notices: notices.collect(),
            }),
            store,
            writing: Mutex::default(),
            newest: watch::Sender::new(seq),
            asides,
        })
    }

    /// Where it is known who has read what.
    #[must_use]
    pub fn store(&self) -> &dyn NoticeStore {
        &*self.store
    }

    /// The number of the newest change, to wait for the next.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Posts a notice; those who have the notebook it is for are looked up in `class`.
    ///
    /// # Errors
    /// [`NoticeError::Full`] when too many stand; and when it could not be kept.
    pub fn post(&self, draft: &Draft, author: &str, class: &Class) -> Result<Sent, NoticeError> {
        let now_ms = time::now_ms();
        let _writing = self.writing.lock();
        self.make_room(now_ms)?;
        let id = self.store.add(draft, author, now_ms)?;
        let kept = Kept {
            id,
            draft: draft.clone(),
            author: author.to_owned(),
            created_at_ms: now_ms,
            retracted_at_ms: None,
        };
        let mut post = Post::new(kept, 0);
        {
            let mut posted = self.posted.lock();
            post.seq = posted.next();
            posted.notices.insert(id, post);
        }
        // Only now, or who gets a copy in between would be left out.
        for key in class.copy_ids() {
            self.join(&key);
        }
        let (sent, readers) = {
            let posted = self.posted.lock();
            let post = &posted.notices[&id];
            (post.sent(), post.readers())
        };
        self.publish(readers);
        Ok(sent)
    }

    /// Takes a notice back; whether there is such a one.
    ///
    /// # Errors
    /// When that could not be kept.
    pub fn retract(&self, id: i64) -> Result<bool, NoticeError> {
        let now_ms = time::now_ms();
        let _writing = self.writing.lock();
        let readers = match self.posted.lock().notices.get(&id) {
            None => return Ok(false),
            Some(post) if post.kept.retracted_at_ms.is_some() => return Ok(true),
            Some(post) => post.readers(),
        };
        self.store.retract(id, now_ms)?;
        {
            let mut posted = self.posted.lock();
            let seq = posted.next();
            if let Some(post) = posted.notices.get_mut(&id) {
                post.kept.retracted_at_ms = Some(now_ms);
                post.seq = seq;
            }
        }
        self.publish(readers);
        Ok(true)
    }

    /// What has changed for `user` after a number; or, without one, what stands.
    #[must_use]
    pub fn news(&self, user: &str, after: Option<i64>) -> News {
        let now_ms = time::now_ms();
        let posted = self.posted.lock();
        let after = after.filter(|after| *after <= posted.seq);
        let notices = posted.notices.values().filter_map(|post| {
            let seq = post.seq_for(user)?;
            let wanted = match after {
                Some(after) => seq > after && !post.kept.is_over(now_ms),
                None => post.kept.stands(now_ms),
            };
            wanted.then(|| post.notice(seq))
        });
        News {
            notices: notices.collect(),
            cursor: posted.seq,
        }
    }

    /// Whether a notice is for `user`.
    #[must_use]
    pub fn is_for(&self, id: i64, user: &str) -> bool {
        let posted = self.posted.lock();
        let post = posted.notices.get(&id);
        post.is_some_and(|post| post.seq_for(user).is_some())
    }

    /// The newest `limit` notices, or those before one; newest first.
    #[must_use]
    pub fn sent(&self, before: Option<i64>, limit: usize) -> Vec<Sent> {
        let posted = self.posted.lock();
        let older = posted.notices.range(..before.unwrap_or(i64::MAX));
        older
            .rev()
            .take(limit)
            .map(|(_, post)| post.sent())
            .collect()
    }

    /// Notes how far a notice got with a reader.
    ///
    /// # Errors
    /// When that could not be kept.
    pub fn note(&self, id: i64, user: &str, receipt: Receipt) -> Result<(), NoticeError> {
        self.store.note(id, user, receipt)
    }

    /// Removes what is over as long as there are too many; oldest first.
    fn make_room(&self, now_ms: i64) -> Result<(), NoticeError> {
        loop {
            let over = {
                let posted = self.posted.lock();
                if posted.notices.len() < MOST {
                    return Ok(());
                }
                let mut posts = posted.notices.values();
                posts
                    .find(|post| !post.kept.stands(now_ms))
                    .map(|post| post.kept.id)
            };
            let id = over.ok_or(NoticeError::Full)?;
            self.store.remove(id)?;
            self.posted.lock().notices.remove(&id);
        }
    }

    /// Somebody has a copy of a notebook. Says whether that is news for a notice.
    fn join(&self, key: &CopyId) -> bool {
        let mut posted = self.posted.lock();
        let Posted { seq, notices } = &mut *posted;
        let mut is_news = false;
        for post in notices.values_mut() {
            let is_for = match &post.kept.draft.to {
                Audience::Notebook(filename) => *filename == key.filename,
                Audience::Everyone(_) | Audience::User(_) => false,
            };
            if is_for && !post.members.contains_key(&key.user) {
                *seq += 1;
                post.members.insert(key.user.clone(), *seq);
                is_news = true;
            }
        }
        is_news
    }

    /// Tells `readers` that something has changed.
    fn publish(&self, readers: feed::Audience) {
        let cursor = self.posted.lock().seq;
        self.newest.send_if_modified(|newest| {
            let is_new = cursor > *newest;
            *newest = cursor.max(*newest);
            is_new
        });
        self.asides
            .say(readers, NOTICE_NEWS, &NoticeNews { cursor });
    }
}

impl Observer for Board {
    fn revised(&self, revision: &Revision) {
        if self.join(&revision.key) {
            self.publish(feed::Audience::MaySee(revision.key.user.clone()));
        }
    }

    /// Who once had a copy goes on to be told.
    fn removed(&self, _key: &CopyId) {}
}

impl Posted {
    fn next(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }
}

impl Post {
    fn new(kept: Kept, seq: i64) -> Self {
        let prepared = prepare::prose(&kept.draft.text, &Ammonia);
        let options = Options {
            id_prefix: format!("notice-{}-", kept.id),
            ..Options::default()
        };
        Self {
            html: render::markdown(&prepared, &options),
            kept,
            seq,
            members: BTreeMap::new(),
        }
    }

    /// Who is to know of a change of this.
    fn readers(&self) -> feed::Audience {
        match &self.kept.draft.to {
            Audience::Everyone(_) => feed::Audience::Everyone,
            Audience::User(name) => feed::Audience::MaySee(name.clone()),
            Audience::Notebook(_) => {
                feed::Audience::MaySeeAny(self.members.keys().cloned().collect())
            }
        }
    }

    /// When this last changed for `user`, if it is for them at all.
    fn seq_for(&self, user: &str) -> Option<i64> {
        match &self.kept.draft.to {
            Audience::Everyone(_) => Some(self.seq),
            Audience::User(name) => (name == user).then_some(self.seq),
            Audience::Notebook(_) => {
                let since = self.members.get(user)?;
                Some(self.seq.max(*since))
            }
        }
    }

    /// For those it is for: of one that was taken back, only that.
    fn notice(&self, seq: i64) -> Notice {
        let notice = self.whole(seq);
        if !notice.retracted {
            return notice;
        }
        Notice {
            text: String::new(),
            html: SafeHtml::default(),
            title: None,
            link: None,
            file: None,
            ..notice
        }
    }

    fn whole(&self, seq: i64) -> Notice {
        let draft = &self.kept.draft;
        Notice {
            id: self.kept.id,
            seq,
            text: draft.text.clone(),
            html: self.html.clone(),
            title: draft.title.clone(),
            link: draft.link.clone(),
            file: draft.file.clone(),
            path: None,
            created_at_ms: self.kept.created_at_ms,
            until_ms: draft.until_ms,
            retracted: self.kept.retracted_at_ms.is_some(),
            shown: false,
            opened: false,
        }
    }

    fn sent(&self) -> Sent {
        let members = match &self.kept.draft.to {
            Audience::User(user) => vec![user.clone()],
            _ => self.members.keys().cloned().collect(),
        };
        Sent {
            notice: self.whole(self.seq),
            author: self.kept.author.clone(),
            to: self.kept.draft.to.clone(),
            members,
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{class::TailLimits, homes::HomesTemplate};

    fn board() -> (TempDir, Arc<Board>, Class) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.sqlite3");
        let board = Board::open(&path, Asides::default()).unwrap();
        let homes = format!("{}/{{user}}", folder.path().display());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        );
        (folder, board, class)
    }

    fn draft(to: Audience, until_ms: Option<i64>) -> Draft {
        Draft {
            text: "text".to_owned(),
            title: None,
            to,
            link: None,
            file: None,
            until_ms,
        }
    }

    fn key(user: &str) -> CopyId {
        CopyId {
            filename: "a.ipynb".to_owned(),
            user: user.to_owned(),
        }
    }

    fn ids(news: &News) -> Vec<i64> {
        news.notices.iter().map(|notice| notice.id).collect()
    }

    #[test]
    fn who_gets_the_notebook_later_is_told_then_and_nobody_else_again() {
        let (_folder, board, class) = board();
        let draft = draft(Audience::Notebook("a.ipynb".into()), None);
        let id = board.post(&draft, "ines", &class).unwrap().notice.id;
        board.join(&key("ana"));
        let ana = board.news("ana", None);
        let bob = board.news("bob", None);
        assert_eq!((ids(&ana), ids(&bob)), (vec![id], vec![]));
        assert!(board.join(&key("bob")) && !board.join(&key("bob")));
        assert_eq!(ids(&board.news("bob", Some(bob.cursor))), [id]);
        assert_eq!(ids(&board.news("ana", Some(ana.cursor))), [] as [i64; 0]);
        assert_eq!(board.sent(None, 9)[0].members, ["ana", "bob"]);
    }

    #[test]
    fn what_is_over_makes_room_and_what_stands_does_not() {
        let (_folder, board, class) = board();
        let everyone = |until_ms| draft(Audience::Everyone(true), until_ms);
        let post = |until_ms| board.post(&everyone(until_ms), "ines", &class);
        // Its time is over before the others are there.
        let over = post(Some(1)).unwrap().notice.id;
        for _ in 1..MOST {
            post(None).unwrap();
        }
        let newest = post(None).unwrap().notice.id;
        assert!(!board.is_for(over, "ana") && board.is_for(newest, "ana"));
        assert!(matches!(post(None), Err(NoticeError::Full)));
        board.retract(newest).unwrap();
        post(None).unwrap();
        assert_eq!(board.store().all().unwrap().len(), MOST);
    }

    #[test]
    fn a_number_from_before_a_restart_or_from_nowhere_gets_everything() {
        let (folder, _, class) = board();
        let store = SqliteNotices::open(&folder.path().join("notices.sqlite3")).unwrap();
        let store = Arc::new(store);
        let started = |now_ms| Board::of(Arc::clone(&store) as _, Asides::default(), now_ms);
        let board = started(1_000).unwrap();
        let everyone = draft(Audience::Everyone(true), None);
        let id = board.post(&everyone, "ines", &class).unwrap().notice.id;
        let cursor = board.news("ana", None).cursor;
        assert_eq!(ids(&board.news("ana", Some(cursor))), [] as [i64; 0]);
        assert_eq!(ids(&board.news("ana", Some(i64::MAX))), [id]);
        let board = started(1_001).unwrap();
        assert_eq!(ids(&board.news("ana", Some(cursor))), [id]);
    }

    #[test]
    fn of_what_was_taken_back_only_that_is_told() {
        let (_folder, board, class) = board();
        let everyone = draft(Audience::Everyone(true), None);
        let id = board.post(&everyone, "ines", &class).unwrap().notice.id;
        let cursor = board.news("ana", None).cursor;
        assert!(board.retract(id).unwrap() && board.retract(id).unwrap());
        assert!(!board.retract(id + 1).unwrap());
        let news = board.news("ana", Some(cursor)).notices;
        assert_eq!(news.len(), 1);
        assert!(news[0].retracted && news[0].text.is_empty() && news[0].html.as_str().is_empty());
        assert!(board.news("ana", None).notices.is_empty());
        assert_eq!(board.sent(None, 9)[0].notice.text, "text");
    }
}
