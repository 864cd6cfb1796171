//! Who has a page open in which a notice appears as soon as it is sent: a page of the service, or
//! a JupyterLab, whose server then waits for notices.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// A server asks anew within this time after it was answered.
const GRACE: Duration = Duration::from_secs(5);

/// The users who listen, by name.
#[derive(Clone, Default)]
pub struct NoticeListeners(Arc<Mutex<HashMap<String, OpenPages>>>);

/// How many requests of a user wait, and when the last one ended.
struct OpenPages {
    open: usize,
    ended: Instant,
}

/// A user listens until this is dropped.
pub struct NoticeListener {
    listeners: NoticeListeners,
    user: String,
}

impl NoticeListeners {
    /// Notes that `user` listens from now on.
    #[must_use]
    pub fn listen(&self, user: &str) -> NoticeListener {
        let mut users = self.0.lock();
        let one = users.entry(user.to_owned()).or_insert(OpenPages {
            open: 0,
            ended: Instant::now(),
        });
        one.open += 1;
        NoticeListener {
            listeners: self.clone(),
            user: user.to_owned(),
        }
    }

    /// Who listens now.
    #[must_use]
    pub fn users(&self) -> BTreeSet<String> {
        let mut users = self.0.lock();
        users.retain(|_, one| one.open > 0 || one.ended.elapsed() < GRACE);
        users.keys().cloned().collect()
    }
}

impl Drop for NoticeListener {
    fn drop(&mut self) {
        let mut users = self.listeners.0.lock();
        if let Some(one) = users.get_mut(&self.user) {
            one.open -= 1;
            one.ended = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_listens_while_any_page_of_theirs_is_open_and_a_moment_longer() {
        let listeners = NoticeListeners::default();
        let of = |user: &str| listeners.users().contains(user);
        let first = listeners.listen("ana");
        let second = listeners.listen("ana");
        drop(first);
        assert!(of("ana") && !of("bob"));
        drop(second);
        assert!(of("ana"));
        let long_ago = Instant::now().checked_sub(GRACE).unwrap();
        listeners.0.lock().get_mut("ana").unwrap().ended = long_ago;
        assert!(!of("ana"));
        assert!(listeners.0.lock().is_empty());
    }
}
