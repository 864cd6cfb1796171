//! What one does with the past of a notebook: opening its history, going from version to
//! version, and restoring one. What is drawn of it is in [`super::past_view`].

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::RestoreRequest;

use super::Parts;
use crate::api;
use crate::components::restore_dialog::Restoring;
use crate::model::view::View;

impl Parts {
    pub(super) fn keeps_history(self) -> bool {
        self.session.who().is_some_and(|who| who.history)
    }

    /// The number of the version that is shown, even when it is the newest.
    pub(super) fn version(self) -> Option<i64> {
        let view = self.router.view();
        view.version.or(self.timeline.timeline().newest())
    }

    /// Somebody has saved the notebook.
    pub(super) fn saved(self) {
        // A version never changes.
        if self.router.view_untracked().version.is_none() {
            self.notebook.reload();
        }
        if self.panel.get_untracked() {
            self.timeline.refresh();
        }
    }

    /// Loads the versions when the panel is open, and the changes when they are asked for.
    pub(super) fn follow_history(self) {
        Effect::new(move || {
            let View { notebook, user, .. } = self.router.view();
            if let (Some(notebook), Some(user), true) = (notebook, user, self.panel.get()) {
                self.timeline.choose(notebook, user);
            }
        });
        Effect::new(move || {
            let view = self.router.view();
            if let (Some(notebook), Some(user), Some(version), true) =
                (view.notebook, view.user, self.version(), view.changes)
            {
                self.changes.choose(notebook, user, version);
            }
        });
    }

    pub(super) fn toggle_panel(self) {
        let open = !self.panel.get_untracked();
        self.panel.set(open);
        let view = self.router.view_untracked();
        // What the panel is about goes with it.
        if !open && (view.version.is_some() || view.changes) {
            self.router.turn(&view.at(None).with_changes(false));
        } else if open {
            self.timeline.refresh();
        }
    }

    pub(super) fn toggle_changes(self) {
        let view = self.router.view_untracked();
        self.router.turn(&view.with_changes(!view.changes));
    }

    /// When the old version that is shown was saved.
    pub(super) fn saved_at_ms(self) -> Option<i64> {
        let version = self.router.view().version?;
        let known = self.timeline.timeline().get(version).copied();
        known
            .map(|version| version.saved_at_ms)
            .or_else(|| self.notebook.tile().map(|tile| tile.saved_at_ms))
    }

    /// Goes to the version before the one shown, when it is known, and else finds out.
    pub(super) fn step_back(self) {
        let timeline = self.timeline.timeline_untracked();
        match timeline.older(self.router.view_untracked().version) {
            Some(version) => self.turn_to(version),
            None if timeline.more => self.timeline.load_older(),
            None => {}
        }
    }

    /// Goes to the version after the one shown.
    pub(super) fn step_on(self) {
        let timeline = self.timeline.timeline_untracked();
        if let Some(version) = timeline.newer(self.router.view_untracked().version) {
            self.turn_to(version);
        }
    }

    fn turn_to(self, version: Option<i64>) {
        self.router.turn(&self.router.view_untracked().at(version));
    }

    /// What Escape leaves: the past, then the panel, then the page.
    pub(super) fn leave(self) {
        let view = self.router.view_untracked();
        if view.version.is_some() || view.changes {
            self.router.turn(&view.at(None).with_changes(false));
        } else if self.panel.get_untracked() {
            self.panel.set(false);
        } else {
            self.router.open(&self.router.wall_href(&view));
        }
    }

    pub(super) fn restore(self) {
        let View {
            notebook,
            user,
            version,
            ..
        } = self.router.view_untracked();
        let (Some(filename), Some(user), Some(version)) = (notebook, user, version) else {
            return;
        };
        let xsrf = self
            .session
            .who()
            .and_then(|who| who.xsrf)
            .unwrap_or_default();
        self.restoring.set(Restoring::Running);
        spawn_local(async move {
            let request = RestoreRequest {
                user,
                filename,
                version,
            };
            let next = match api::restore(&request, &xsrf).await {
                Ok(answer) => Restoring::Done(answer.filename),
                Err(failure) => {
                    self.session.note(&failure);
                    Restoring::Failed(failure)
                }
            };
            // The page may have been left meanwhile.
            let _ = self.restoring.try_set(next);
        });
    }
}
