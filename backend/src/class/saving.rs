//! Whose saves fail, as their own servers say.
//!
//! It is a state and no event: it stands until a save of the notebook succeeds, and is
//! forgotten when nothing was heard of it for long. It is kept in memory alone: whoever goes
//! on failing says so again.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use shared::wire::SaveProblem;

use super::Key;

/// A server whose saves fail tries again every two minutes, where JupyterLab saves by itself.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// A save is told by another way than its failing, and what was told first may come last: one
/// that comes sooner than this after a failure may be an earlier one.
const MAY_BE_EARLIER: Duration = Duration::from_secs(10);
/// Of one person; beyond it what was heard longest ago is forgotten.
const OF_ONE: usize = 100;
/// When so many people are known, those of whom nothing was heard for long are forgotten.
const PEOPLE: usize = 1_000;

/// See the module's words.
#[derive(Default)]
pub(crate) struct Saving(Mutex<HashMap<String, HashMap<String, Heard>>>);

/// What was said last of a notebook.
struct Heard {
    problem: Option<SaveProblem>,
    /// When that was so, by the clock of who said it.
    at_us: i64,
    heard: Instant,
}

impl Heard {
    fn is_old(&self, now: Instant) -> bool {
        now.duration_since(self.heard) >= FORGOTTEN_AFTER
    }
}

impl Saving {
    /// Somebody's server says that saves of this notebook fail, or that they do not (any
    /// more), as of `at_us` by its clock. What is older than what is known changes nothing.
    pub(crate) fn says(&self, key: &Key, problem: Option<SaveProblem>, at_us: i64, now: Instant) {
        let mut people = self.0.lock();
        if people.len() >= PEOPLE && !people.contains_key(&key.user) {
            people.retain(|_, own| own.values().any(|heard| !heard.is_old(now)));
        }
        let own = people.entry(key.user.clone()).or_default();
        let known = own.get(&key.filename);
        if known.is_some_and(|known| known.at_us > at_us && !known.is_old(now)) {
            return;
        }
        let heard = Heard {
            problem,
            at_us,
            heard: now,
        };
        own.insert(key.filename.clone(), heard);
        while own.len() > OF_ONE {
            let oldest = own
                .iter()
                .min_by_key(|(_, known)| (known.heard, known.at_us));
            let Some(oldest) = oldest.map(|(filename, _)| filename.clone()) else {
                break;
            };
            own.remove(&oldest);
        }
    }

    /// This notebook was saved, or is gone, as its save was told by any way.
    pub(crate) fn was_saved(&self, key: &Key, now: Instant) {
        let mut people = self.0.lock();
        let own = people.get_mut(&key.user);
        let Some(heard) = own.and_then(|own| own.get_mut(&key.filename)) else {
            return;
        };
        if now.duration_since(heard.heard) >= MAY_BE_EARLIER {
            heard.problem = None;
        }
    }

    /// Why saves of this notebook fail, if they do.
    pub(crate) fn problem(&self, key: &Key, now: Instant) -> Option<SaveProblem> {
        let people = self.0.lock();
        let heard = people.get(&key.user)?.get(&key.filename)?;
        heard.problem.filter(|_| !heard.is_old(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Option<SaveProblem> = Some(SaveProblem::DiskFull);

    fn key(user: &str, filename: &str) -> Key {
        Key {
            filename: filename.to_owned(),
            user: user.to_owned(),
        }
    }

    #[test]
    fn it_stands_until_a_save_succeeds_in_whatever_order_that_is_heard() {
        let (saving, now) = (Saving::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        saving.says(&key, FULL, 5, now);
        assert_eq!(saving.problem(&key, now), FULL);
        // What was so before.
        saving.says(&key, None, 4, now);
        assert_eq!(saving.problem(&key, now), FULL);
        saving.says(&key, None, 6, now);
        assert_eq!(saving.problem(&key, now), None);
        saving.says(&key, FULL, 5, now);
        assert_eq!(saving.problem(&key, now), None);
    }

    #[test]
    fn a_save_that_was_told_ends_it_unless_it_may_be_an_earlier_one() {
        let (saving, now) = (Saving::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        saving.says(&key, FULL, 5, now);
        saving.was_saved(&key, now + MAY_BE_EARLIER / 2);
        assert_eq!(saving.problem(&key, now), FULL);
        saving.was_saved(&key, now + MAY_BE_EARLIER);
        assert_eq!(saving.problem(&key, now), None);
    }

    #[test]
    fn it_is_forgotten_when_nothing_is_heard() {
        let (saving, now) = (Saving::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        saving.says(&key, FULL, 5, now);
        let later = now + FORGOTTEN_AFTER;
        assert_eq!(saving.problem(&key, later), None);
        // A clock that was set back is believed by then.
        saving.says(&key, FULL, 1, later);
        assert_eq!(saving.problem(&key, later), FULL);
    }

    #[test]
    fn nobody_makes_it_forget_what_is_anothers() {
        let (saving, now) = (Saving::default(), Instant::now());
        let ana = key("ana", "a.ipynb");
        saving.says(&ana, FULL, 1, now);
        for n in 0..10_000_i64 {
            let mallory = key("mallory", &format!("{n}.ipynb"));
            let later = Duration::from_micros(n.unsigned_abs());
            saving.says(&mallory, FULL, n, now + later);
        }
        assert_eq!(saving.problem(&ana, now), FULL);
        let kept = saving.0.lock().values().map(HashMap::len).sum::<usize>();
        assert_eq!(kept, OF_ONE + 1);
        let last = key("mallory", "9999.ipynb");
        assert_eq!(saving.problem(&last, now + Duration::from_millis(10)), FULL);
    }
}
