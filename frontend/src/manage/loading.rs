//! What the pages here have in common while they fetch: how often they ask, what stands there before
//! the first answer, and what a failure changes.

use std::time::Duration;

use leptos::prelude::*;

use crate::components::notice::FailureNotice;
use crate::components::skeleton::SkeletonCells;
use crate::model::failure::RequestFailure;
use crate::store::load::LoadPhase;
use crate::store::refetcher::Refetcher;

/// How often a page asks. The service asks the Hub as often at most.
const INTERVAL: Duration = Duration::from_secs(5);

/// Calls `look` every few seconds while the page is visible, and when it becomes so, until the
/// reactive owner is gone.
pub(super) fn while_visible(look: impl Fn() + Copy + 'static) {
    let look = move || {
        if !document().hidden() {
            look();
        }
    };
    let ticker = set_interval_with_handle(look, INTERVAL);
    let shown = window_event_listener_untyped("visibilitychange", move |_| look());
    on_cleanup(move || {
        shown.remove();
        if let Ok(ticker) = ticker {
            ticker.clear();
        }
    });
}

/// What a page shows: a skeleton until the first answer, then what `ready` draws, and with a failure
/// this title and the way to try again.
pub(super) fn by_phase(
    phase: RwSignal<LoadPhase>,
    title: &'static str,
    refetcher: Refetcher,
    ready: impl Fn() -> AnyView + Send + 'static,
) -> impl IntoView {
    // Drawn anew only when the phase is another.
    let phase = Memo::new(move |_| phase.get());
    move || match phase.get() {
        LoadPhase::Idle | LoadPhase::Loading => view! { <SkeletonCells /> }.into_any(),
        LoadPhase::Ready => ready(),
        LoadPhase::Failed(failure) => {
            let retry = move || refetcher.refetch_now();
            view! { <FailureNotice title failure retry /> }.into_any()
        }
    }
}

/// Takes a failure; `false` when it may pass. The last answer stays, unless the reader may not see
/// it any more.
pub(super) fn note_failure(phase: RwSignal<LoadPhase>, failure: RequestFailure) -> bool {
    let is_final = !failure.may_pass();
    if is_final || phase.get_untracked() != LoadPhase::Ready {
        phase.set(LoadPhase::Failed(failure));
    }
    is_final
}
