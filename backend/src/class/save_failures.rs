//! Which participants' saves fail, as their own servers report.
//!
//! A failure is a state and no event: it stands until a save of the notebook succeeds, and is
//! forgotten when no report of it came for long. It is kept in memory alone, because a server
//! whose saves go on failing reports them again.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use shared::wire::SaveProblem;

use super::CopyId;

/// A server whose saves fail tries again every two minutes, where JupyterLab saves by itself.
const REPORT_LIFETIME: Duration = Duration::from_secs(3600);
/// Saves and failures are reported by different ways, and the earlier may arrive last: a save
/// that arrives sooner than this after a failure may be an earlier one.
const MAX_REPORT_DELAY: Duration = Duration::from_secs(10);
/// Beyond so many reports of one person the one received longest ago is forgotten.
const MAX_NOTEBOOKS_PER_PERSON: usize = 100;
/// When so many people have reports, those with old reports only are forgotten.
const MAX_PEOPLE_UNTIDIED: usize = 1_000;

/// The latest report of each notebook, by user and filename.
#[derive(Default)]
pub(crate) struct SaveFailures(Mutex<HashMap<String, HashMap<String, SaveReport>>>);

/// The latest report of a notebook: its saves fail, or do not any more.
struct SaveReport {
    problem: Option<SaveProblem>,
    /// The time that the report is of, by the clock of the participant's server.
    at_us: i64,
    received: Instant,
}

impl SaveReport {
    fn is_old(&self, now: Instant) -> bool {
        now.duration_since(self.received) >= REPORT_LIFETIME
    }
}

impl SaveFailures {
    /// Takes the report of a participant's server that saves of this notebook fail, or do not
    /// (any more), as of `at_us` by its clock. A report older than the known one is ignored.
    pub(crate) fn report(
        &self,
        key: &CopyId,
        problem: Option<SaveProblem>,
        at_us: i64,
        now: Instant,
    ) {
        let mut people = self.0.lock();
        if people.len() >= MAX_PEOPLE_UNTIDIED && !people.contains_key(&key.user) {
            people.retain(|_, own| own.values().any(|report| !report.is_old(now)));
        }
        let own = people.entry(key.user.clone()).or_default();
        let known = own.get(&key.filename);
        if known.is_some_and(|known| known.at_us > at_us && !known.is_old(now)) {
            return;
        }
        let report = SaveReport {
            problem,
            at_us,
            received: now,
        };
        own.insert(key.filename.clone(), report);
        while own.len() > MAX_NOTEBOOKS_PER_PERSON {
            let oldest = own
                .iter()
                .min_by_key(|(_, known)| (known.received, known.at_us));
            let Some(oldest) = oldest.map(|(filename, _)| filename.clone()) else {
                break;
            };
            own.remove(&oldest);
        }
    }

    /// Notes that this notebook was saved, or is gone, by whichever way that was reported.
    pub(crate) fn note_saved(&self, key: &CopyId, now: Instant) {
        let mut people = self.0.lock();
        let own = people.get_mut(&key.user);
        let Some(report) = own.and_then(|own| own.get_mut(&key.filename)) else {
            return;
        };
        if now.duration_since(report.received) >= MAX_REPORT_DELAY {
            report.problem = None;
        }
    }

    /// Why saves of this notebook fail, if they do.
    pub(crate) fn problem(&self, key: &CopyId, now: Instant) -> Option<SaveProblem> {
        let people = self.0.lock();
        let report = people.get(&key.user)?.get(&key.filename)?;
        report.problem.filter(|_| !report.is_old(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Option<SaveProblem> = Some(SaveProblem::DiskFull);

    fn key(user: &str, filename: &str) -> CopyId {
        CopyId {
            filename: filename.to_owned(),
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_failure_stands_until_a_save_succeeds_in_any_order_of_arrival() {
        let (failures, now) = (SaveFailures::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        failures.report(&key, FULL, 5, now);
        assert_eq!(failures.problem(&key, now), FULL);
        // An earlier report.
        failures.report(&key, None, 4, now);
        assert_eq!(failures.problem(&key, now), FULL);
        failures.report(&key, None, 6, now);
        assert_eq!(failures.problem(&key, now), None);
        failures.report(&key, FULL, 5, now);
        assert_eq!(failures.problem(&key, now), None);
    }

    #[test]
    fn a_save_ends_a_failure_unless_it_may_be_an_earlier_one() {
        let (failures, now) = (SaveFailures::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        failures.report(&key, FULL, 5, now);
        failures.note_saved(&key, now + MAX_REPORT_DELAY / 2);
        assert_eq!(failures.problem(&key, now), FULL);
        failures.note_saved(&key, now + MAX_REPORT_DELAY);
        assert_eq!(failures.problem(&key, now), None);
    }

    #[test]
    fn a_failure_is_forgotten_without_further_reports() {
        let (failures, now) = (SaveFailures::default(), Instant::now());
        let key = key("ana", "a.ipynb");
        failures.report(&key, FULL, 5, now);
        let later = now + REPORT_LIFETIME;
        assert_eq!(failures.problem(&key, later), None);
        // A clock that was set back is believed by then.
        failures.report(&key, FULL, 1, later);
        assert_eq!(failures.problem(&key, later), FULL);
    }

    #[test]
    fn reports_of_one_person_push_out_none_of_another() {
        let (failures, now) = (SaveFailures::default(), Instant::now());
        let ana = key("ana", "a.ipynb");
        failures.report(&ana, FULL, 1, now);
        for n in 0..10_000_i64 {
            let mallory = key("mallory", &format!("{n}.ipynb"));
            let later = Duration::from_micros(n.unsigned_abs());
            failures.report(&mallory, FULL, n, now + later);
        }
        assert_eq!(failures.problem(&ana, now), FULL);
        let kept = failures.0.lock().values().map(HashMap::len).sum::<usize>();
        assert_eq!(kept, MAX_NOTEBOOKS_PER_PERSON + 1);
        let last = key("mallory", "9999.ipynb");
        assert_eq!(
            failures.problem(&last, now + Duration::from_millis(10)),
            FULL
        );
    }
}
