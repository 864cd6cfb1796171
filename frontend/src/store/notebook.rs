//! One participant's whole notebook.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::{Tile, TileResponse};

use super::load::LoadPhase;
use super::refetcher::Refetcher;
use crate::answers;
use crate::clock::Clock;
use crate::model::failure::RequestFailure;
use crate::paths;
use crate::scroll;
use crate::session::SessionHandle;

/// The filename, the participant, and the version when it is not the newest.
type NotebookChoice = (String, String, Option<i64>);

/// A handle to the notebook that its page shows; belongs to that page.
#[derive(Clone, Copy)]
pub struct NotebookStore {
    phase: RwSignal<LoadPhase>,
    tile: RwSignal<Option<Arc<Tile>>>,
    chosen: StoredValue<Option<NotebookChoice>>,
    refetcher: Refetcher,
    clock: Clock,
}

impl NotebookStore {
    /// A store without a chosen notebook.
    pub fn new(clock: Clock, session: SessionHandle) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            tile: RwSignal::default(),
            chosen: StoredValue::default(),
            refetcher: Refetcher::new(session),
            clock,
        };
        let address = move || store.address();
        store
            .refetcher
            .configure(address, move |answer| store.take(answer));
        store
    }

    /// The phase of loading, as a signal.
    pub fn phase(self) -> LoadPhase {
        self.phase.get()
    }

    /// The chosen version, or the last one that was loaded, as a signal.
    pub fn tile(self) -> Option<Arc<Tile>> {
        self.tile.get()
    }

    /// Chooses a notebook, in a version or as it is now, and loads it. Another version of the same
    /// copy replaces the shown one only when it is loaded.
    pub fn choose(self, filename: String, user: String, version: Option<i64>) {
        let chosen = (filename, user, version);
        let before = self.chosen.get_value();
        if before.as_ref() == Some(&chosen) {
            return;
        }
        let same = before.is_some_and(|(filename, user, _)| {
            (filename, user) == (chosen.0.clone(), chosen.1.clone())
        });
        self.chosen.set_value(Some(chosen));
        if !same || self.phase.get_untracked() != LoadPhase::Ready {
            self.tile.set(None);
            self.phase.set(LoadPhase::Loading);
        }
        self.refetcher.retarget();
    }

    /// Whether the chosen copy is `user`'s copy of `filename`.
    pub fn shows(self, filename: &str, user: &str) -> bool {
        self.chosen.with_value(|chosen| {
            chosen
                .as_ref()
                .is_some_and(|chosen| chosen.0 == filename && chosen.1 == user)
        })
    }

    /// Loads the notebook again, because it has changed, or may have.
    pub fn reload(self) {
        self.refetcher.refetch();
    }

    /// Loads the notebook again without a pause after earlier failures. A loaded version is kept,
    /// because versions never change.
    pub fn retry(self) {
        let is_there = self.phase.get_untracked() == LoadPhase::Ready;
        let is_version = self
            .chosen
            .with_value(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.2.is_some()));
        if !is_there {
            self.phase.set(LoadPhase::Loading);
        }
        if !(is_there && is_version) {
            self.refetcher.refetch_now();
        }
    }

    fn address(self) -> Option<String> {
        let chosen = self.chosen.try_with_value(Clone::clone)?;
        let (filename, user, version) = chosen?;
        Some(match version {
            None => paths::notebook_data(&filename, &user),
            // The answer's other fields are not needed here.
            Some(version) => paths::version_data(&filename, &user, version),
        })
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| answers::read::<TileResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                scroll::keep_position();
                self.tile.set(Some(Arc::new(answer.tile)));
                self.phase.set(LoadPhase::Ready);
                true
            }
            Err(failure @ RequestFailure::NotFound(_)) => {
                self.tile.set(None);
                self.phase.set(LoadPhase::Failed(failure));
                true
            }
            // The last loaded version stays when there is one.
            Err(failure) => {
                let is_final = !failure.may_pass();
                if self.phase.get_untracked() != LoadPhase::Ready {
                    self.phase.set(LoadPhase::Failed(failure));
                }
                is_final
            }
        }
    }
}
