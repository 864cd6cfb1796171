//! Asks before a version is written into a participant's home, and says where it is then.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::model::failure::Failure;

/// Where restoring stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Restoring {
    /// Nobody asked for it.
    #[default]
    Not,
    /// The reader is asked.
    Asked,
    /// The service is writing.
    Running,
    /// This file was written.
    Done(String),
    /// It was not.
    Failed(Failure),
}

/// A dialog that is open as long as restoring is under way.
#[component]
pub fn RestoreDialog(
    /// Where it stands.
    state: RwSignal<Restoring>,
    /// Whose notebook.
    user: Signal<String>,
    /// Its path below their home.
    filename: Signal<String>,
    /// When the version was saved, as one would say it.
    when: Signal<String>,
    /// Where a notebook of theirs can be looked at.
    href: impl Fn(&str) -> String + Copy + Send + Sync + 'static,
    /// Restores it.
    on_restore: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let is_open = Memo::new(move |_| state.with(|state| *state != Restoring::Not));
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        match is_open.get() {
            // It fails only for a dialog that is not in the page.
            true if !dialog.open() => drop(dialog.show_modal()),
            false => dialog.close(),
            true => {}
        }
    });
    let close = move || state.set(Restoring::Not);
    let content = move || match state.get() {
        Restoring::Done(written) => {
            let open = href(&written);
            view! {
                <p role="status">
                    "The copy is " <code>{written}</code> " in " {user} "’s home, beside the notebook."
                </p>
                <p class="dialog-actions">
                    <a class="button" href=open on:click=move |_| close()>"Look at it"</a>
                    <button class="button primary" on:click=move |_| close()>"Close"</button>
                </p>
            }
            .into_any()
        }
        Restoring::Failed(failure) => view! {
            <p role="alert">"Nothing was written. " {failure.what()}</p>
            <p class="dialog-actions">
                <button class="button" on:click=move |_| close()>"Close"</button>
                <button class="button primary" on:click=move |_| on_restore()>"Try again"</button>
            </p>
        }
        .into_any(),
        now => {
            let running = now == Restoring::Running;
            view! {
                <p>
                    "This writes " <code>{filename}</code> " as of " {when} " into " {user}
                    "’s home, as a new file beside the notebook, with "
                    <code class="unbroken">"-restored-"</code> " and the time in its name."
                </p>
                <p>"The notebook itself stays as it is."</p>
                <p class="dialog-actions">
                    <button class="button" disabled=running on:click=move |_| close()>"Cancel"</button>
                    <button
                        class="button primary"
                        data-testid="restore-confirm"
                        disabled=running
                        on:click=move |_| on_restore()
                    >
                        {if running { "Restoring…" } else { "Restore a copy" }}
                    </button>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="restore-title"
            data-testid="restore-dialog"
            on:close=move |_| close()
        >
            <h2 id="restore-title">"Restore a copy"</h2>
            {content}
        </dialog>
    }
}
