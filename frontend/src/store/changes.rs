//! What changed in the version that is shown.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::DiffResponse;

use super::load::Phase;
use crate::api;
use crate::session::Session;

/// The notebook, the participant and the version.
type Chosen = (String, String, i64);

/// A handle to the changes; belongs to the page of a notebook.
#[derive(Clone, Copy)]
pub struct ChangesStore {
    phase: RwSignal<Phase>,
    diff: RwSignal<Option<Arc<DiffResponse>>>,
    chosen: StoredValue<Option<Chosen>>,
    session: Session,
}

impl ChangesStore {
    /// Nothing chosen yet.
    pub fn new(session: Session) -> Self {
        Self {
            phase: RwSignal::default(),
            diff: RwSignal::default(),
            chosen: StoredValue::default(),
            session,
        }
    }

    /// Where loading stands, as a signal.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// The changes, as a signal.
    pub fn diff(self) -> Option<Arc<DiffResponse>> {
        self.diff.get()
    }

    /// Chooses a version and loads what changed in it. Until that is there, the changes
    /// that were shown stay.
    pub fn choose(self, filename: String, user: String, version: i64) {
        let chosen = (filename, user, version);
        if self
            .chosen
            .with_value(|known| known.as_ref() == Some(&chosen))
        {
            return;
        }
        self.chosen.set_value(Some(chosen));
        self.load();
    }

    /// Loads them again.
    pub fn load(self) {
        let Some(chosen) = self.chosen.get_value() else {
            return;
        };
        if self.diff.with_untracked(Option::is_none) {
            self.phase.set(Phase::Loading);
        }
        spawn_local(async move {
            let answer = api::diff(&chosen.0, &chosen.1, chosen.2).await;
            let current = self
                .chosen
                .try_with_value(|known| known.as_ref() == Some(&chosen));
            if current != Some(true) {
                return;
            }
            match answer {
                Ok(diff) => {
                    self.diff.set(Some(Arc::new(diff)));
                    self.phase.set(Phase::Ready);
                }
                Err(failure) => {
                    self.session.note(&failure);
                    self.diff.set(None);
                    self.phase.set(Phase::Failed(failure));
                }
            }
        });
    }
}
