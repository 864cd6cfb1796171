//! The history of a notebook on its page, as HTML: the version bar, the list of versions and the
//! restore dialog.
//!
//! The HTML is written as text and not as views: these parts are seldom redrawn, and the compiled
//! code of a view is several times as large, which readers of the wall would load too.

use super::calendar::Moment;
use super::errand::ErrandNote;
use super::failure::RequestFailure;
use super::history::{Timeline, describe};
use super::view::View;
use crate::html;
use crate::html::Html;

/// The state of restoring a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RestoreState {
    /// The reader has not asked for a restore.
    #[default]
    NotAsked,
    /// The dialog asks the reader to confirm.
    Confirming,
    /// The service is writing.
    Running,
    /// The name of the written file, and the address of its page.
    Done(String, String),
    /// The restore has failed.
    Failed(RequestFailure),
    /// The participant's server writes the file once it runs.
    Waiting,
}

/// The history of the shown notebook, as far as it is loaded.
#[derive(Debug, Default)]
pub struct HistoryPanel {
    /// The list of versions is open.
    pub open: bool,
    /// The versions.
    pub timeline: Timeline,
    /// A message above the versions, or instead of them.
    pub message: String,
    /// The notebook is a copy of a handout.
    pub is_handout: bool,
    /// The changes are those since the handout, not since the version before.
    pub since_handout: bool,
    /// The changes of the shown version, as the service rendered them.
    pub changes: Html,
    /// The state of restoring a copy.
    pub restoring: RestoreState,
    /// The restores that the participant's server does, newest first.
    pub restores: Vec<ErrandNote>,
}

/// The other inputs of drawing a [`HistoryPanel`].
pub struct HistoryContext<'a> {
    /// The state in the URL.
    pub view: View,
    /// Now, by the reader's clock.
    pub now: Moment,
    /// Converts a time to the reader's time zone.
    pub local: &'a dyn Fn(i64) -> Moment,
    /// The address of a view of this notebook.
    pub href: &'a dyn Fn(&View) -> String,
    /// The URL of the version as a file.
    pub download: Option<String>,
    /// The reader may write into this participant's home.
    pub may_restore: bool,
}

impl HistoryContext<'_> {
    /// The address of another notebook of the same participant, as it is now.
    pub fn href_of(&self, filename: &str) -> String {
        let live = self.view.at(None).with_changes(false);
        (self.href)(&View {
            notebook: Some(filename.to_owned()),
            ..live
        })
    }
}

impl HistoryPanel {
    /// When the shown version was saved, in words; empty when it is not among the loaded versions.
    pub fn saved_at(&self, context: &HistoryContext<'_>) -> String {
        let version = context
            .view
            .version
            .and_then(|version| self.timeline.get(version));
        version.map_or_else(String::new, |version| {
            (context.local)(version.saved_at_ms).time_and_day(context.now)
        })
    }

    /// The version bar above the notebook.
    pub fn bar(&self, context: &HistoryContext<'_>) -> Html {
        let is_old = context.view.version.is_some();
        let mut html = Html::default();
        if is_old {
            let live = (context.href)(&context.view.at(None).with_changes(false));
            let when = match self.saved_at(context) {
                when if when.is_empty() => "An older version".to_owned(),
                when => format!("As of {when}"),
            };
            html.push(html!(
                "<strong role=status>{}</strong><a class=\"button primary\" href=\"{}\" \
                 title=\"The notebook as it is now (Esc)\">Back to live</a>",
                when,
                live
            ));
        } else {
            html.push_static("<strong>As it is now</strong>");
        }
        if let Some(download) = &context.download {
            let since_handout = self.is_handout.then(|| {
                html!(
                    "<button class=button data-do=since-handout aria-pressed={} \
                     title=\"What changed since it was handed out\">Since handout</button>",
                    context.view.changes && self.since_handout
                )
            });
            html.push(html!(
                "<span class=version-actions><button class=button data-do=changes \
                 aria-pressed={} title=\"What changed since the version before (c)\">Changes\
                 </button>{}<a class=button rel=external target=_self download href=\"{}\">\
                 Download .ipynb</a>",
                context.view.changes && !self.since_handout,
                since_handout,
                download
            ));
            if is_old && context.may_restore {
                html.push_static("<button class=button data-do=ask>Restore a copy…</button>");
            }
            html.push_static("</span>");
        }
        html.push_static("<div class=restores role=status>");
        for restore in &self.restores {
            html.push(self.restore_line(restore, context));
        }
        html.push_static("</div>");
        html
    }

    /// The state of a restore that the participant's server does, and a button that takes it
    /// back while it waits.
    fn restore_line(&self, restore: &ErrandNote, context: &HistoryContext<'_>) -> Html {
        let version = restore
            .version
            .and_then(|version| self.timeline.get(version));
        let when = version.map_or_else(String::new, |version| {
            let when = (context.local)(version.saved_at_ms).time_and_day(context.now);
            format!(" of {when}")
        });
        let line = if restore.is_pending() {
            let server = match restore.server.as_str() {
                "" => "server".to_owned(),
                name => format!("server {name}"),
            };
            let take_back = context.may_restore.then(|| {
                html!(
                    " <button class=button data-do=unrestore data-id={}>Take back</button>",
                    restore.id.unwrap_or_default()
                )
            });
            html!(
                "<span>The copy{} waits until {}’s {} runs</span>{}",
                when,
                restore.user,
                server,
                take_back
            )
        } else if restore.is_done() {
            let filename = restore.filename.as_deref().unwrap_or_default();
            let href = context.href_of(filename);
            html!(
                "The copy{} is restored as <a href=\"{}\">{}</a>",
                when,
                href,
                filename
            )
        } else {
            html!("The copy{} was not restored: {}", when, restore.reason)
        };
        html!("<p data-testid=errand>{}</p>", line)
    }

    /// The list of versions.
    pub fn panel(&self, context: &HistoryContext<'_>) -> Html {
        let mut html = html!(
            "<header><h2>History</h2><button class=button data-do=history \
             aria-label=\"Close the history\" title=\"Close (h)\">✕</button></header>"
        );
        if !self.message.is_empty() {
            html.push(html!("<p class=muted role=status>{}</p>", self.message));
        }
        html.push_static("<ol>");
        let shown = context.view.version.or(self.timeline.newest());
        for version in &self.timeline.versions {
            let address = self.timeline.address(version.version);
            let is_first = !self.timeline.more && self.timeline.oldest() == Some(version.version);
            let title = match is_first {
                true => "the first version".to_owned(),
                false => describe(version),
            };
            let current = match shown == Some(version.version) {
                true => " aria-current=true",
                false => "",
            };
            html.push(html!(
                "<li><a href=\"{}\" title=\"{}\"{}><time>{}</time>",
                (context.href)(&context.view.at(address)),
                title,
                current,
                (context.local)(version.saved_at_ms).time_and_day(context.now)
            ));
            if address.is_none() {
                html.push_static("<b class=latest>now</b>");
            }
            html.push(html!(
                "<span class=visually-hidden>{}</span><span class=marks aria-hidden=true>",
                title
            ));
            // All cells of the first version are new, so its counts say nothing.
            let marks = [
                ("added", "+", version.added),
                ("changed", "~", version.changed),
                ("removed", "−", version.removed),
            ];
            for (class, sign, count) in marks {
                if count > 0 && !is_first {
                    html.push(html!("<i class={}>{}{}</i>", class, sign, count));
                }
            }
            html.push_static(match is_first {
                true => "first</span></a>",
                false => "</span></a>",
            });
        }
        html.push_static("</ol>");
        if self.timeline.more {
            html.push_static("<button class=button data-do=older>Older</button>");
        }
        html
    }

    /// The restore dialog; empty when it is closed.
    pub fn dialog(&self, context: &HistoryContext<'_>) -> Html {
        let user = context.view.user.as_deref();
        let filename = context.view.notebook.as_deref();
        let content = match &self.restoring {
            RestoreState::NotAsked => return Html::default(),
            RestoreState::Done(written, href) => html!(
                "<p role=status>The copy is <code>{}</code> in {}’s home, beside the \
                 notebook.</p><p class=dialog-actions><a class=button href=\"{}\">Look at it</a>\
                 <button class=\"button primary\" data-do=close>Close</button></p>",
                written,
                user,
                href
            ),
            RestoreState::Waiting => html!(
                "<p role=status>The copy waits until {}’s server runs, which writes it then. \
                 This page says when it is there, and its name.</p><p class=dialog-actions>\
                 <button class=\"button primary\" data-do=close>Close</button></p>",
                user
            ),
            RestoreState::Failed(failure) => html!(
                "<p role=alert>Nothing was written. {}</p><p class=dialog-actions>\
                 <button class=button data-do=close>Close</button>\
                 <button class=\"button primary\" data-do=restore>Try again</button></p>",
                failure.message()
            ),
            now => {
                let (disabled, label) = match now {
                    RestoreState::Running => (" disabled", "Restoring…"),
                    _ => ("", "Restore a copy"),
                };
                html!(
                    "<p>This writes <code>{}</code> as of {} into {}’s home, as a \
                     new file beside the notebook, with <code class=unbroken>-restored-</code> \
                     and the time in its name.</p><p>The notebook itself stays as it is.</p>\
                     <p class=dialog-actions>\
                     <button class=button data-do=close{}>Cancel</button>\
                     <button class=\"button primary\" data-do=restore{}>{}</button></p>",
                    filename,
                    self.saved_at(context),
                    user,
                    disabled,
                    disabled,
                    label
                )
            }
        };
        html!("<h2 id=restore-title>Restore a copy</h2>{}", content)
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::VersionSummary;

    use super::*;

    fn history() -> HistoryPanel {
        let version = |version, saved_at_ms, added, changed| VersionSummary {
            version,
            saved_at_ms,
            cells: 3,
            added,
            changed,
            removed: 0,
        };
        let mut history = HistoryPanel::default();
        let versions = vec![
            version(9, 3_000, 1, 1),
            version(7, 2_000, 0, 1),
            version(5, 1_000, 3, 0),
        ];
        history.timeline.renew(versions, false);
        history
    }

    fn with<T>(view: View, draw: impl Fn(&HistoryContext<'_>) -> T) -> T {
        draw(&HistoryContext {
            view,
            now: Moment::new(9_000, 0),
            local: &|at_ms| Moment::new(at_ms, 0),
            href: &|view| format!("notebook{}", view.to_query()),
            download: Some("api/download?a&b".to_owned()),
            may_restore: true,
        })
    }

    fn view(version: Option<i64>) -> View {
        View {
            notebook: Some("<b>.ipynb".into()),
            user: Some("a\"b<i>".into()),
            version,
            ..View::default()
        }
    }

    #[test]
    fn the_shown_version_is_named_and_marked() {
        let (bar, panel) = with(view(Some(7)), |context| {
            (history().bar(context), history().panel(context))
        });
        assert!(
            bar.contains("As of 00:00:02") && bar.contains("Back to live"),
            "{bar}"
        );
        assert!(
            bar.contains("data-do=ask") && bar.contains("api/download?a&amp;b"),
            "{bar}"
        );
        let current = panel
            .split("<li>")
            .find(|item| item.contains("aria-current"));
        assert!(
            current.is_some_and(|item| item.contains("version=7")),
            "{panel}"
        );
        assert!(panel.contains("title=\"1 cell changed\""), "{panel}");
        assert!(
            !panel.contains("+3") && panel.contains(">first<"),
            "{panel}"
        );
    }

    #[test]
    fn the_newest_version_is_the_live_notebook() {
        let (bar, panel) = with(view(None), |context| {
            (history().bar(context), history().panel(context))
        });
        assert!(
            bar.contains("As it is now") && !bar.contains("data-do=ask"),
            "{bar}"
        );
        let now = panel.split("<li>").nth(1).unwrap();
        assert!(
            now.contains("aria-current") && now.contains(">now<"),
            "{panel}"
        );
        assert!(!now.contains("version="), "{panel}");
    }

    #[test]
    fn the_dialog_shows_each_state_of_a_restore() {
        let told = |restoring| {
            let history = HistoryPanel {
                restoring,
                ..history()
            };
            with(view(Some(7)), |context| history.dialog(context))
        };
        assert_eq!(told(RestoreState::NotAsked), Html::default());
        let asked = told(RestoreState::Confirming);
        assert!(
            asked.contains("as of 00:00:02") && asked.contains("-restored-"),
            "{asked}"
        );
        assert!(told(RestoreState::Running).contains("disabled"));
        let done = told(RestoreState::Done(
            "m/<x>.ipynb".into(),
            "notebook?a&b".into(),
        ));
        assert!(
            done.contains("m/&lt;x&gt;.ipynb") && done.contains("a&amp;b"),
            "{done}"
        );
        let failed = told(RestoreState::Failed(RequestFailure::Refused(
            409,
            "A <link>.".into(),
        )));
        assert!(
            failed.contains("A &lt;link&gt;.") && failed.contains("Try again"),
            "{failed}"
        );
    }

    #[test]
    fn restores_are_listed_with_their_state_and_can_be_taken_back_while_they_wait() {
        let drawn = |state: &str, server: &str, may_restore| {
            let restore = ErrandNote {
                id: Some(41),
                version: Some(7),
                user: "a<i>".to_owned(),
                server: server.to_owned(),
                state: state.to_owned(),
                filename: Some("m/<x>.ipynb".to_owned()),
                reason: Some("disk <full>".to_owned()),
                ..ErrandNote::default()
            };
            let panel = HistoryPanel {
                restores: vec![restore],
                restoring: RestoreState::Waiting,
                ..history()
            };
            with(view(None), |context| {
                let context = HistoryContext {
                    view: context.view.clone(),
                    download: None,
                    may_restore,
                    ..*context
                };
                Html::from_iter([panel.bar(&context), panel.dialog(&context)])
            })
        };
        let waits = drawn("pending", "", true);
        let line = "The copy of 00:00:02 waits until a&lt;i&gt;’s server runs";
        assert!(waits.contains(line), "{waits}");
        assert!(waits.contains("data-do=unrestore data-id=41"), "{waits}");
        assert!(waits.contains("The copy waits until a&quot;b"), "{waits}");
        assert!(!drawn("pending", "", false).contains("unrestore"));
        let named = drawn("pending", "<gpu>", true);
        assert!(named.contains("’s server &lt;gpu&gt; runs"), "{named}");
        let done = drawn("done", "", true);
        assert!(done.contains(">m/&lt;x&gt;.ipynb</a>"), "{done}");
        assert!(!done.contains("unrestore"), "{done}");
        let failed = drawn("failed", "", true);
        assert!(
            failed.contains("was not restored: disk &lt;full&gt;"),
            "{failed}"
        );
    }

    #[test]
    fn a_reader_without_the_right_is_offered_no_restore() {
        let bar = with(view(Some(7)), |context| {
            let context = HistoryContext {
                view: context.view.clone(),
                download: context.download.clone(),
                may_restore: false,
                ..*context
            };
            history().bar(&context)
        });
        assert!(
            !bar.contains("data-do=ask") && bar.contains("Download"),
            "{bar}"
        );
    }

    #[test]
    fn no_name_becomes_markup() {
        let history = HistoryPanel {
            restoring: RestoreState::Confirming,
            message: "<s>".into(),
            ..history()
        };
        let html = with(view(Some(7)), |context| {
            Html::from_iter([
                history.bar(context),
                history.panel(context),
                history.dialog(context),
            ])
        });
        for never in ["<b>.ipynb", "a\"b", "<i>", "<s>"] {
            assert!(!html.contains(never), "{never} in {html}");
        }
    }
}
