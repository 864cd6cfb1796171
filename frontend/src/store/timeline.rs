//! The versions of the notebook that is shown.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::HistoryResponse;

use super::load::Phase;
use crate::api;
use crate::model::failure::Failure;
use crate::model::history::Timeline;
use crate::session::Session;

/// A handle to the versions; belongs to the page of a notebook.
#[derive(Clone, Copy)]
pub struct TimelineStore {
    phase: RwSignal<Phase>,
    timeline: RwSignal<Timeline>,
    /// The notebook and the participant.
    chosen: StoredValue<Option<(String, String)>>,
    session: Session,
}

impl TimelineStore {
    /// Nothing chosen yet.
    pub fn new(session: Session) -> Self {
        Self {
            phase: RwSignal::default(),
            timeline: RwSignal::default(),
            chosen: StoredValue::default(),
            session,
        }
    }

    /// Where loading stands, as a signal.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// What is known, as a signal.
    pub fn timeline(self) -> Timeline {
        self.timeline.get()
    }

    /// What is known, without following it.
    pub fn timeline_untracked(self) -> Timeline {
        self.timeline.get_untracked()
    }

    /// Chooses a notebook and loads its newest versions.
    pub fn choose(self, filename: String, user: String) {
        let chosen = Some((filename, user));
        if self.chosen.with_value(|known| *known == chosen) {
            return;
        }
        self.chosen.set_value(chosen);
        self.timeline.set(Timeline::default());
        self.phase.set(Phase::Loading);
        self.load(None);
    }

    /// Loads the newest versions again.
    pub fn refresh(self) {
        self.load(None);
    }

    /// Loads those before the oldest that is known.
    pub fn load_older(self) {
        self.load(self.timeline.with_untracked(Timeline::oldest));
    }

    fn load(self, before: Option<i64>) {
        let Some((filename, user)) = self.chosen.get_value() else {
            return;
        };
        spawn_local(async move {
            let answer = api::history(&filename, &user, before).await;
            let current = self
                .chosen
                .try_with_value(|chosen| *chosen == Some((filename, user)));
            if current == Some(true) {
                self.loaded(before, answer);
            }
        });
    }

    fn loaded(self, before: Option<i64>, answer: Result<HistoryResponse, Failure>) {
        match answer {
            Ok(HistoryResponse { versions, more, .. }) => {
                self.timeline.update(|timeline| match before {
                    None => timeline.renew(versions, more),
                    Some(_) => timeline.extend(versions, more),
                });
                self.phase.set(Phase::Ready);
            }
            Err(failure) => {
                self.session.note(&failure);
                // What is known stays true.
                if self.phase.get_untracked() != Phase::Ready {
                    self.phase.set(Phase::Failed(failure));
                }
            }
        }
    }
}
