//! The parts of the page that are about its past.

use leptos::prelude::*;

use super::Parts;
use crate::clock::Clock;
use crate::components::changes::Changes;
use crate::components::history_panel::HistoryPanel;
use crate::components::moment;
use crate::components::notice::FailureNotice;
use crate::components::restore_dialog::{RestoreDialog, Restoring};
use crate::components::skeleton::SkeletonCells;
use crate::components::version_bar::VersionBar;
use crate::model::view::View;
use crate::paths;
use crate::store::load::Phase;

impl Parts {
    pub(super) fn version_bar(self) -> impl IntoView {
        let router = self.router;
        let download = move || {
            let view = router.view();
            Some(paths::download(
                &view.notebook?,
                &view.user?,
                self.version()?,
            ))
        };
        view! {
            <VersionBar
                saved_at_ms=Signal::derive(move || self.saved_at_ms())
                is_old=Signal::derive(move || router.view().version.is_some())
                changes=Signal::derive(move || router.view().changes)
                live=Signal::derive(move || {
                    router.notebook_href(&router.view().at(None).with_changes(false))
                })
                download=Signal::derive(download)
                on_changes=move || self.toggle_changes()
                on_restore=move || self.restoring.set(Restoring::Asked)
            />
        }
    }

    pub(super) fn history_panel(self) -> impl IntoView {
        let router = self.router;
        view! {
            <HistoryPanel
                phase=Signal::derive(move || self.timeline.phase())
                timeline=Signal::derive(move || self.timeline.timeline())
                shown=Signal::derive(move || router.view().version)
                href=move |version| router.notebook_href(&router.view().at(version))
                on_older=move || self.timeline.load_older()
                on_close=move || self.toggle_panel()
            />
        }
    }

    pub(super) fn restore_dialog(self) -> impl IntoView {
        let router = self.router;
        let clock = expect_context::<Clock>();
        let when = move || {
            let now = moment::local(clock.now_ms_untracked());
            let saved = self.saved_at_ms().map(moment::local);
            saved.map_or_else(String::new, |saved| saved.time_and_day(now))
        };
        view! {
            <RestoreDialog
                state=self.restoring
                user=Signal::derive(move || router.view().user.unwrap_or_default())
                filename=Signal::derive(move || router.view().notebook.unwrap_or_default())
                when=Signal::derive(when)
                href=move |filename: &str| {
                    let view = router.view_untracked().at(None).with_changes(false);
                    router.notebook_href(&View { notebook: Some(filename.to_owned()), ..view })
                }
                on_restore=move || self.restore()
            />
        }
    }

    pub(super) fn changes_part(self) -> AnyView {
        let phase = Memo::new(move |_| self.changes.phase());
        let content = move || match phase.get() {
            Phase::Failed(failure) => {
                let retry = move || self.changes.load();
                view! { <FailureNotice title="The changes cannot be shown" failure retry /> }
                    .into_any()
            }
            Phase::Ready => {
                view! { <Changes diff=Signal::derive(move || self.changes.diff()) /> }.into_any()
            }
            Phase::Idle | Phase::Loading => view! { <SkeletonCells /> }.into_any(),
        };
        content.into_any()
    }
}
