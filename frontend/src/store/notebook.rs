//! One participant's whole notebook.

use std::sync::Arc;

use leptos::prelude::*;
use shared::wire::{Tile, TileResponse};

use super::load::Phase;
use super::upkeep::Upkeep;
use crate::api;
use crate::clock::Clock;
use crate::model::failure::Failure;
use crate::paths;
use crate::place;
use crate::session::Session;

/// The notebook, the participant and, when it is not the newest, the version.
type Chosen = (String, String, Option<i64>);

/// A handle to the notebook; belongs to its page.
#[derive(Clone, Copy)]
pub struct NotebookStore {
    phase: RwSignal<Phase>,
    tile: RwSignal<Option<Arc<Tile>>>,
    chosen: StoredValue<Option<Chosen>>,
    upkeep: Upkeep,
    clock: Clock,
}

impl NotebookStore {
    /// Nothing chosen yet.
    pub fn new(clock: Clock, session: Session) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            tile: RwSignal::default(),
            chosen: StoredValue::default(),
            upkeep: Upkeep::new(session),
            clock,
        };
        let address = move || store.address();
        store
            .upkeep
            .serve(address, move |answer| store.take(answer));
        store
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
        let before = self.chosen.get_value();
        if before.as_ref() == Some(&chosen) {
            return;
        }
        let same = before.is_some_and(|(filename, user, _)| {
            (filename, user) == (chosen.0.clone(), chosen.1.clone())
        });
        self.chosen.set_value(Some(chosen));
        if !same || self.phase.get_untracked() != Phase::Ready {
            self.tile.set(None);
            self.phase.set(Phase::Loading);
        }
        self.upkeep.retarget();
    }

    /// Whether this is the notebook an event is about.
    pub fn shows(self, filename: &str, user: &str) -> bool {
        self.chosen.with_value(|chosen| {
            chosen
                .as_ref()
                .is_some_and(|chosen| chosen.0 == filename && chosen.1 == user)
        })
    }

    /// It has changed, or may have.
    pub fn reload(self) {
        self.upkeep.want();
    }

    /// The same, and what made it fail may be over. A version that is there never changes.
    pub fn retry(self) {
        let is_there = self.phase.get_untracked() == Phase::Ready;
        let is_version = self
            .chosen
            .with_value(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.2.is_some()));
        if !is_there {
            self.phase.set(Phase::Loading);
        }
        if !(is_there && is_version) {
            self.upkeep.now();
        }
    }

    fn address(self) -> Option<String> {
        let chosen = self.chosen.try_with_value(Clone::clone)?;
        let (filename, user, version) = chosen?;
        Some(match version {
            None => paths::notebook_data(&filename, &user),
            // What more is in the answer is not needed here.
            Some(version) => paths::version_data(&filename, &user, version),
        })
    }

    fn take(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read::<TileResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                place::keep();
                self.tile.set(Some(Arc::new(answer.tile)));
                self.phase.set(Phase::Ready);
                true
            }
            Err(failure @ Failure::NotFound(_)) => {
                self.tile.set(None);
                self.phase.set(Phase::Failed(failure));
                true
            }
            // The last good version stays when there is one.
            Err(failure) => {
                let is_final = !failure.may_pass();
                if self.phase.get_untracked() != Phase::Ready {
                    self.phase.set(Phase::Failed(failure));
                }
                is_final
            }
        }
    }
}
