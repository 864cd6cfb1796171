//! The list of the class's notebooks, for the notebook select.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{NotebookSummary, NotebooksResponse};

use super::load::LoadPhase;
use super::refetcher::Refetcher;
use crate::answers;
use crate::clock::{Clock, monotonic_ms};
use crate::model::failure::RequestFailure;
use crate::model::notebooks::most_worked_on;
use crate::model::throttle::Throttle;
use crate::paths;
use crate::session::SessionHandle;

/// A handle to the list; a context.
#[derive(Clone, Copy)]
pub struct ClassStore {
    phase: RwSignal<LoadPhase>,
    notebooks: RwSignal<Arc<Vec<NotebookSummary>>>,
    throttle: StoredValue<Throttle>,
    refetcher: Refetcher,
    clock: Clock,
}

impl ClassStore {
    /// An empty list, before the first request.
    pub fn new(clock: Clock, session: SessionHandle) -> Self {
        let store = Self {
            phase: RwSignal::default(),
            notebooks: RwSignal::default(),
            throttle: StoredValue::default(),
            refetcher: Refetcher::new(session),
            clock,
        };
        let ask = move || {
            store
                .throttle
                .try_update_value(|throttle| throttle.started(monotonic_ms()))?;
            Some(paths::NOTEBOOKS.to_owned())
        };
        store
            .refetcher
            .configure(ask, move |answer| store.take(answer));
        store
    }

    /// The phase of loading, as a signal.
    pub fn phase(self) -> LoadPhase {
        self.phase.get()
    }

    /// The notebooks by filename, as a signal.
    pub fn notebooks(self) -> Arc<Vec<NotebookSummary>> {
        self.notebooks.get()
    }

    /// The notebook that most participants are at work on, as a signal.
    pub fn most_worked_on(self) -> Option<String> {
        self.notebooks
            .with(|all| most_worked_on(all).map(|it| it.filename.clone()))
    }

    /// Loads the list now, without a pause after earlier failures.
    pub fn load(self) {
        if self.phase.get_untracked() != LoadPhase::Ready {
            self.phase.set(LoadPhase::Loading);
        }
        self.refetcher.refetch_now();
    }

    /// Loads the list soon, by one request for all calls until then.
    pub fn refresh(self) {
        let wait = self
            .throttle
            .try_update_value(|throttle| throttle.want(monotonic_ms()));
        if let Some(Some(wait_ms)) = wait {
            spawn_local(async move {
                TimeoutFuture::new(wait_ms).await;
                self.refetcher.refetch();
            });
        }
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| answers::read::<NotebooksResponse>(&body)) {
            Ok(answer) => {
                self.clock.observe(answer.now_ms);
                if **self.notebooks.read_untracked() != answer.notebooks {
                    self.notebooks.set(Arc::new(answer.notebooks));
                }
                self.phase.set(LoadPhase::Ready);
                true
            }
            // An old list is better than none.
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
