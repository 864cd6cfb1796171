//! The notebooks of the class, for the chooser.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{NotebookSummary, NotebooksResponse};

use super::load::Phase;
use super::upkeep::Upkeep;
use crate::api;
use crate::clock::{Clock, monotonic_ms};
use crate::model::failure::Failure;
use crate::model::throttle::Throttle;
use crate::paths;
use crate::session::Session;

/// A handle to the list; a context.
#[derive(Clone, Copy)]
pub struct ClassStore {
    phase: RwSignal<Phase>,
    notebooks: RwSignal<Arc<Vec<NotebookSummary>>>,
    throttle: StoredValue<Throttle>,
    upkeep: Upkeep,
    clock: Clock,
}

impl ClassStore {
    /// A list that was not asked for yet.
    pub fn new(clock: Clock, session: Session) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            notebooks: RwSignal::default(),
            throttle: StoredValue::default(),
            upkeep: Upkeep::new(session),
            clock,
        };
        let ask = move || {
            store
                .throttle
                .try_update_value(|throttle| throttle.started(monotonic_ms()))?;
            Some(paths::NOTEBOOKS.to_owned())
        };
        store.upkeep.serve(ask, move |answer| store.take(answer));
        store
    }

    /// Where loading stands, as a signal.
    pub fn phase(self) -> Phase {
        self.phase.get()
    }

    /// The notebooks by filename, as a signal.
    pub fn notebooks(self) -> Arc<Vec<NotebookSummary>> {
        self.notebooks.get()
    }

    /// The notebook that was saved last, as a signal.
    pub fn newest(self) -> Option<String> {
        self.notebooks.with(|notebooks| {
            notebooks
                .iter()
                .max_by_key(|notebook| notebook.saved_at_ms)
                .map(|notebook| notebook.filename.clone())
        })
    }

    /// Loads the list now; what failed is over, perhaps.
    pub fn load(self) {
        if self.phase.get_untracked() != Phase::Ready {
            self.phase.set(Phase::Loading);
        }
        self.upkeep.now();
    }

    /// Loads the list soon, together with whatever else asks for it by then.
    pub fn refresh(self) {
        let wait = self
            .throttle
            .try_update_value(|throttle| throttle.want(monotonic_ms()));
        if let Some(Some(wait_ms)) = wait {
            spawn_local(async move {
                TimeoutFuture::new(wait_ms).await;
                self.upkeep.want();
            });
        }
    }

    fn take(self, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read::<NotebooksResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                if **self.notebooks.read_untracked() != answer.notebooks {
                    self.notebooks.set(Arc::new(answer.notebooks));
                }
                self.phase.set(Phase::Ready);
                true
            }
            // A list that is a little old is better than none.
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
