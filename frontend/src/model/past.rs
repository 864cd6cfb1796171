//! What of a notebook's past is shown, and its HTML.
//!
//! Made as text and not as views: these parts are drawn anew when something happens, which
//! is seldom, and what a view is compiled to is several times as large, for everyone who
//! only looks at the wall.

use super::calendar::Moment;
use super::errand::ErrandNote;
use super::failure::Failure;
use super::history::{Timeline, describe};
use super::view::View;
use crate::html;
use crate::html::Html;

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
    /// This file was written; and where it can be looked at.
    Done(String, String),
    /// It was not.
    Failed(Failure),
    /// The participant's server writes the file once it runs.
    Waiting,
}

/// The past as far as it is known.
#[derive(Debug, Default)]
pub struct Past {
    /// The list of versions is open.
    pub open: bool,
    /// The versions.
    pub timeline: Timeline,
    /// What is to be said instead of, or beside, the versions.
    pub words: String,
    /// What changed, as the service tells it.
    pub changes: Html,
    /// Where restoring stands.
    pub restoring: Restoring,
    /// The restore that was left to the participant's server: its number, and how far it is.
    pub errand: Option<(i64, ErrandNote)>,
}

/// What drawing needs to know beside the past itself.
pub struct Scene<'a> {
    /// What the URL says.
    pub view: View,
    /// Now, by the reader's clock.
    pub now: Moment,
    /// When something was, by the reader's clock.
    pub local: &'a dyn Fn(i64) -> Moment,
    /// The address of a view of this notebook.
    pub href: &'a dyn Fn(&View) -> String,
    /// The version as a file.
    pub download: Option<String>,
    /// The reader may write into this participant's home.
    pub may_restore: bool,
}

impl Scene<'_> {
    /// The address of another notebook of this participant's, as it is now.
    pub fn href_of(&self, filename: &str) -> String {
        let live = self.view.at(None).with_changes(false);
        (self.href)(&View {
            notebook: Some(filename.to_owned()),
            ..live
        })
    }
}

impl Past {
    /// When the version that is shown was saved, as one would say it; empty when it is not
    /// among those that are known.
    pub fn when(&self, scene: &Scene<'_>) -> String {
        let version = scene
            .view
            .version
            .and_then(|version| self.timeline.get(version));
        version.map_or_else(String::new, |version| {
            (scene.local)(version.saved_at_ms).time_and_day(scene.now)
        })
    }

    /// What stands above the notebook.
    pub fn bar(&self, scene: &Scene<'_>) -> Html {
        let is_old = scene.view.version.is_some();
        let mut html = Html::default();
        if is_old {
            let live = (scene.href)(&scene.view.at(None).with_changes(false));
            let when = match self.when(scene) {
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
            html.push_own("<strong>As it is now</strong>");
        }
        if let Some(download) = &scene.download {
            html.push(html!(
                "<span class=version-actions><button class=button data-do=changes \
                 aria-pressed={} title=\"What changed since the version before (c)\">Changes\
                 </button><a class=button rel=external target=_self download href=\"{}\">\
                 Download .ipynb</a>",
                scene.view.changes,
                download
            ));
            if is_old && scene.may_restore {
                html.push_own("<button class=button data-do=ask>Restore a copy…</button>");
            }
            html.push(self.errand_line(scene));
            html.push_own("</span>");
        }
        html
    }

    /// How far a restore is that was left to the participant's server.
    fn errand_line(&self, scene: &Scene<'_>) -> Html {
        let Some((_, errand)) = &self.errand else {
            return Html::default();
        };
        let told = if errand.is_pending() {
            html!("Waits until {}’s server runs", errand.user)
        } else if errand.is_done() {
            let filename = errand.filename.as_deref().unwrap_or_default();
            let href = scene.href_of(filename);
            html!("Restored as <a href=\"{}\">{}</a>", href, filename)
        } else {
            html!("Not restored: {}", errand.reason)
        };
        html!(
            "<span class=errand role=status data-testid=errand>{}</span>",
            told
        )
    }

    /// The list of versions.
    pub fn panel(&self, scene: &Scene<'_>) -> Html {
        let mut html = html!(
            "<header><h2>History</h2><button class=button data-do=history \
             aria-label=\"Close the history\" title=\"Close (h)\">✕</button></header>"
        );
        if !self.words.is_empty() {
            html.push(html!("<p class=muted role=status>{}</p>", self.words));
        }
        html.push_own("<ol>");
        let shown = scene.view.version.or(self.timeline.newest());
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
                (scene.href)(&scene.view.at(address)),
                title,
                current,
                (scene.local)(version.saved_at_ms).time_and_day(scene.now)
            ));
            if address.is_none() {
                html.push_own("<b class=latest>now</b>");
            }
            html.push(html!(
                "<span class=visually-hidden>{}</span><span class=marks aria-hidden=true>",
                title
            ));
            // All cells of the first are new, which is no news.
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
            html.push_own(match is_first {
                true => "first</span></a>",
                false => "</span></a>",
            });
        }
        html.push_own("</ol>");
        if self.timeline.more {
            html.push_own("<button class=button data-do=older>Older</button>");
        }
        html
    }

    /// What the dialog asks or tells; empty when it is closed.
    pub fn dialog(&self, scene: &Scene<'_>) -> Html {
        let user = scene.view.user.as_deref();
        let filename = scene.view.notebook.as_deref();
        let content = match &self.restoring {
            Restoring::Not => return Html::default(),
            Restoring::Done(written, href) => html!(
                "<p role=status>The copy is <code>{}</code> in {}’s home, beside the \
                 notebook.</p><p class=dialog-actions><a class=button href=\"{}\">Look at it</a>\
                 <button class=\"button primary\" data-do=close>Close</button></p>",
                written,
                user,
                href
            ),
            Restoring::Waiting => html!(
                "<p role=status>The copy waits until {}’s server runs, which writes it then. \
                 This page says when it is there, and its name.</p><p class=dialog-actions>\
                 <button class=\"button primary\" data-do=close>Close</button></p>",
                user
            ),
            Restoring::Failed(failure) => html!(
                "<p role=alert>Nothing was written. {}</p><p class=dialog-actions>\
                 <button class=button data-do=close>Close</button>\
                 <button class=\"button primary\" data-do=restore>Try again</button></p>",
                failure.what()
            ),
            now => {
                let (disabled, label) = match now {
                    Restoring::Running => (" disabled", "Restoring…"),
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
                    self.when(scene),
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

    fn past() -> Past {
        let version = |version, saved_at_ms, added, changed| VersionSummary {
            version,
            saved_at_ms,
            cells: 3,
            added,
            changed,
            removed: 0,
        };
        let mut past = Past::default();
        let versions = vec![
            version(9, 3_000, 1, 1),
            version(7, 2_000, 0, 1),
            version(5, 1_000, 3, 0),
        ];
        past.timeline.renew(versions, false);
        past
    }

    fn with<T>(view: View, draw: impl Fn(&Scene<'_>) -> T) -> T {
        draw(&Scene {
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
    fn the_version_that_is_shown_is_said_and_marked() {
        let (bar, panel) = with(view(Some(7)), |scene| {
            (past().bar(scene), past().panel(scene))
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
    fn the_newest_is_the_living_notebook() {
        let (bar, panel) = with(view(None), |scene| (past().bar(scene), past().panel(scene)));
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
    fn the_dialog_says_what_it_will_do_and_what_it_has_done() {
        let told = |restoring| {
            let past = Past {
                restoring,
                ..past()
            };
            with(view(Some(7)), |scene| past.dialog(scene))
        };
        assert_eq!(told(Restoring::Not), Html::default());
        let asked = told(Restoring::Asked);
        assert!(
            asked.contains("as of 00:00:02") && asked.contains("-restored-"),
            "{asked}"
        );
        assert!(told(Restoring::Running).contains("disabled"));
        let done = told(Restoring::Done("m/<x>.ipynb".into(), "notebook?a&b".into()));
        assert!(
            done.contains("m/&lt;x&gt;.ipynb") && done.contains("a&amp;b"),
            "{done}"
        );
        let failed = told(Restoring::Failed(Failure::Refused(409, "A <link>.".into())));
        assert!(
            failed.contains("A &lt;link&gt;.") && failed.contains("Try again"),
            "{failed}"
        );
    }

    #[test]
    fn a_restore_that_waits_is_said_beside_its_button() {
        let told = |state| {
            let errand = ErrandNote {
                user: "a<i>".to_owned(),
                state: String::from(state),
                filename: Some("m/<x>.ipynb".to_owned()),
                reason: Some("disk <full>".to_owned()),
                ..ErrandNote::default()
            };
            let past = Past {
                errand: Some((7, errand)),
                restoring: Restoring::Waiting,
                ..past()
            };
            with(view(Some(7)), |scene| {
                Html::from_iter([past.bar(scene), past.dialog(scene)])
            })
        };
        let waits = told("pending");
        assert!(
            waits.contains("Waits until a&lt;i&gt;’s server runs"),
            "{waits}"
        );
        assert!(waits.contains("The copy waits until a&quot;b"), "{waits}");
        let done = told("done");
        assert!(done.contains(">m/&lt;x&gt;.ipynb</a>"), "{done}");
        assert!(!done.contains("Waits until"), "{done}");
        let failed = told("failed");
        assert!(
            failed.contains("Not restored: disk &lt;full&gt;"),
            "{failed}"
        );
    }

    #[test]
    fn who_may_not_restore_is_not_asked() {
        let bar = with(view(Some(7)), |scene| {
            let scene = Scene {
                view: scene.view.clone(),
                download: scene.download.clone(),
                may_restore: false,
                ..*scene
            };
            past().bar(&scene)
        });
        assert!(
            !bar.contains("data-do=ask") && bar.contains("Download"),
            "{bar}"
        );
    }

    #[test]
    fn no_name_becomes_markup() {
        let past = Past {
            restoring: Restoring::Asked,
            words: "<s>".into(),
            ..past()
        };
        let html = with(view(Some(7)), |scene| {
            Html::from_iter([past.bar(scene), past.panel(scene), past.dialog(scene)])
        });
        for never in ["<b>.ipynb", "a\"b", "<i>", "<s>"] {
            assert!(!html.contains(never), "{never} in {html}");
        }
    }
}
