//! One participant's whole notebook.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::Tile;

use super::load::Phase;
use crate::api;
use crate::clock::Clock;
use crate::model::failure::Failure;
use crate::place;
use crate::session::Session;

/// The notebook, the participant and, when it is not the newest, the version.
type Chosen = (String, String, Option<i64>);

#[derive(Default)]
struct Inner {
    chosen: Option<Chosen>,
    running: bool,
    again: bool,
}

/// A handle to the notebook; belongs to its page.
#[derive(Clone, Copy)]
pub struct NotebookStore {
    phase: RwSignal<Phase>,
    tile: RwSignal<Option<Arc<Tile>>>,
    inner: StoredValue<Inner>,
    clock: Clock,
    session: Session,
}

impl NotebookStore {
    /// Nothing chosen yet.
    pub fn new(clock: Clock, session: Session) -> Self {
        Self {
            phase: RwSignal::default(),
            tile: RwSignal::default(),
            inner: StoredValue::default(),
            clock,
            session,
        }
    }

    /// Where loading stands, as a signal.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// The version that is chosen, or the last that could be had, as a signal.
    pub fn tile(self) -> Option<Arc<Tile>> {
        self.tile.get()
    }

    /// Chooses a notebook, in a version or as it is now, and loads it. Another version of
    /// the same takes its place only when it is there.
    pub fn choose(self, filename: String, user: String, version: Option<i64>) {
        let chosen = (filename, user, version);
        let before = self.inner.with_value(|inner| inner.chosen.clone());
        if before.as_ref() == Some(&chosen) {
            return;
        }
        let same = before.is_some_and(|(filename, user, _)| {
            (filename, user) == (chosen.0.clone(), chosen.1.clone())
        });
        self.inner.update_value(|inner| inner.chosen = Some(chosen));
        if !same || self.phase.get_untracked() != Phase::Ready {
            self.tile.set(None);
            self.phase.set(Phase::Loading);
        }
        self.reload();
    }

    /// Whether this is the notebook an event is about.
    pub fn shows(self, filename: &str, user: &str) -> bool {
        self.inner.with_value(|inner| {
            inner
                .chosen
                .as_ref()
                .is_some_and(|chosen| chosen.0 == filename && chosen.1 == user)
        })
    }

    /// Loads the newest version; once more when one is on its way already, because
    /// that one may be the older.
    pub fn reload(self) {
        let start = self.inner.try_update_value(|inner| {
            if inner.running {
                inner.again = true;
                return None;
            }
            inner.running = inner.chosen.is_some();
            inner.chosen.clone()
        });
        let Some(Some(asked)) = start else {
            return;
        };
        if self.phase.get_untracked() != Phase::Ready {
            self.phase.set(Phase::Loading);
        }
        spawn_local(async move {
            let (filename, user, version) = &asked;
            let answer = match version {
                None => api::notebook(filename, user).await,
                Some(version) => api::version(filename, user, *version).await,
            };
            let again = self.inner.try_update_value(|inner| {
                inner.running = false;
                let moved_on = inner.chosen.as_ref() != Some(&asked);
                (moved_on, std::mem::take(&mut inner.again) || moved_on)
            });
            // `None`: the page was left meanwhile.
            let Some((moved_on, again)) = again else {
                return;
            };
            if !moved_on {
                self.loaded(answer);
            }
            if again {
                self.reload();
            }
        });
    }

    fn loaded(self, answer: Result<shared::wire::TileResponse, Failure>) {
        match answer {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                place::keep();
                self.tile.set(Some(Arc::new(answer.tile)));
                self.phase.set(Phase::Ready);
            }
            Err(failure @ Failure::NotFound(_)) => {
                self.tile.set(None);
                self.phase.set(Phase::Failed(failure));
            }
            Err(failure) => {
                self.session.note(&failure);
                // The last good version stays when there is one.
                if self.phase.get_untracked() != Phase::Ready {
                    self.phase.set(Phase::Failed(failure));
                }
            }
        }
    }
}
