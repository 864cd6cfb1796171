//! Notices, as HTML: the strip that a participant sees, and the dialog in which an instructor
//! writes them. [`super::history_panel`] says why the HTML is written as text.

use std::collections::BTreeMap;

use shared::notices::{Audience, MAX_NOTICE_CHARS, Notice, NoticesResponse};

use super::calendar::Moment;
use crate::html;
use crate::html::Html;

/// The notices of the signed-in participant.
#[derive(Debug, Default)]
pub struct NoticeStrip {
    notices: BTreeMap<i64, Notice>,
    cursor: Option<i64>,
}

impl NoticeStrip {
    /// The cursor to send with the next request.
    pub fn cursor(&self) -> Option<i64> {
        self.cursor
    }

    /// Takes an answer. A notice that comes again replaces the earlier one, but a notice that the
    /// reader has dismissed on this page is not shown again by an older answer.
    pub fn take(&mut self, response: NoticesResponse) {
        self.cursor = Some(response.cursor);
        for mut notice in response.notices {
            if let Some(known) = self.notices.get(&notice.id) {
                notice.shown |= known.shown;
                notice.opened |= known.opened;
            }
            self.notices.insert(notice.id, notice);
        }
    }

    /// The notices to show at `now_ms`, newest first.
    fn current(&self, now_ms: i64) -> impl Iterator<Item = &Notice> {
        let is_current = move |notice: &&Notice| {
            let is_over = notice.until_ms.is_some_and(|until| until <= now_ms);
            !notice.retracted && !notice.opened && !is_over
        };
        self.notices.values().rev().filter(is_current)
    }

    /// The notices that are shown for the first time; they count as shown from now on.
    pub fn newly_shown(&mut self, now_ms: i64) -> Vec<i64> {
        let new = self.current(now_ms).filter(|notice| !notice.shown);
        let new: Vec<i64> = new.map(|notice| notice.id).collect();
        for id in &new {
            if let Some(notice) = self.notices.get_mut(id) {
                notice.shown = true;
            }
        }
        new
    }

    /// Hides a notice that the reader has dismissed.
    pub fn dismiss(&mut self, id: i64) {
        if let Some(notice) = self.notices.get_mut(&id) {
            notice.opened = true;
        }
    }

    /// The strip above the page at `now_ms`. `lab` makes the link that opens a file in JupyterLab;
    /// `None` without a Hub.
    pub fn html(&self, now_ms: i64, lab: &dyn Fn(&str) -> Option<String>) -> Html {
        self.current(now_ms)
            .map(|notice| notice_html(notice, lab))
            .collect()
    }
}

fn notice_html(notice: &Notice, lab: &dyn Fn(&str) -> Option<String>) -> Html {
    let title = notice
        .title
        .as_deref()
        .map(|title| html!("<h2>{}</h2>", title));
    let link = notice.link.as_ref().map(|link| {
        html!(
            "<a class=button target=_blank rel=\"external noopener noreferrer\" href=\"{}\">{}</a>",
            link.url,
            link.label
        )
    });
    let file = notice.file.as_deref().map(|file| match lab(file) {
        Some(href) => html!(
            "<a class=button target=_blank rel=\"external noopener\" href=\"{}\">Open {}</a>",
            href,
            file
        ),
        None => html!("<code>{}</code>", file),
    });
    html!(
        "<article class=note data-testid=note><div class=note-text>{}{}</div>{}{}<button \
         class=button data-do=dismiss data-id={} aria-label=\"Dismiss this notice\" \
         title=Dismiss>✕</button></article>",
        title,
        notice.html,
        link,
        file,
        notice.id
    )
}

/// The possible recipients of a notice that the page knows.
#[derive(Clone, Debug, Default)]
pub struct AudienceChoices {
    /// The shown notebook.
    pub notebook: Option<String>,
    /// The participants with a copy of it.
    pub users: Vec<String>,
}

/// Parses the value of an option of [`AudienceChoices::options`].
pub fn audience(choice: &str) -> Audience {
    match choice.split_once(':') {
        Some(("notebook", filename)) => Audience::Notebook(filename.to_owned()),
        Some((_, user)) => Audience::User(user.to_owned()),
        None => Audience::Everyone(true),
    }
}

impl AudienceChoices {
    /// The options of the recipient select.
    pub fn options(&self) -> Html {
        let mut html = html!("<option value=everyone>Everyone</option>");
        if let Some(notebook) = &self.notebook {
            html.push(html!(
                "<option value=\"notebook:{}\">Users of {}</option>",
                notebook,
                notebook
            ));
        }
        if !self.users.is_empty() {
            html.push_static("<optgroup label=\"One person\">");
            for user in &self.users {
                html.push(html!("<option value=\"user:{}\">{}</option>", user, user));
            }
            html.push_static("</optgroup>");
        }
        html
    }
}

/// The empty form, and the elements for the list of sent notices.
pub const FORM: &str = "<h2 id=notices-title>Notices</h2>\
    <label class=row>To <select id=notice-to class=field></select></label>\
    <textarea id=notice-text class=field rows=4 aria-label=\"The notice\" \
    placeholder=\"What participants should know. Markdown works.\"></textarea>\
    <details><summary>Title, link, file, until</summary><div class=more>\
    <label>Title<input id=notice-title class=field maxlength=120></label>\
    <label>Until<input id=notice-until class=field type=datetime-local></label>\
    <label>Link<input id=notice-url class=field type=url placeholder=https://… \
    maxlength=2000></label>\
    <label>What it is called<input id=notice-label class=field maxlength=120></label>\
    <label class=wide>File to open, below everyone’s home<input id=notice-file class=field \
    placeholder=module1/day2.ipynb></label></div></details>\
    <section id=notice-preview aria-label=Preview></section>\
    <p class=dialog-actions><output id=notice-length></output>\
    <button class=button data-do=close>Close</button>\
    <button class=\"button primary\" data-do=send>Send</button></p>\
    <div id=notice-said role=status></div><ol id=notices-sent class=receipts \
    aria-label=Sent></ol>";

/// The length of the text in words, and whether it can be sent.
pub fn length(text: &str) -> (String, bool) {
    let length = text.chars().count();
    let fits = length <= MAX_NOTICE_CHARS;
    let message = match length {
        0 => String::new(),
        _ if fits => format!("{length} of {MAX_NOTICE_CHARS}"),
        _ => format!("{} too many", length - MAX_NOTICE_CHARS),
    };
    (message, fits && !text.trim().is_empty())
}

/// How a notice will look, and how many it is for, have a page open, and a server that runs.
pub fn preview(
    title: &str,
    html: &Html,
    brief: &str,
    [recipients, with_page, with_server]: [i64; 3],
) -> Html {
    let lines = brief.lines().map(|line| html!("{}", line));
    let title = (!title.trim().is_empty()).then(|| html!("<h2>{}</h2>", title));
    html!(
        "<p>Recipients: {} · with a page open, who see it at once: {} · with a running server: {}\
         </p><p>In JupyterLab’s corner:</p><p class=note>{}</p><p>On the page, and in JupyterLab’s \
         panel:</p><div class=\"note nb-scrolled\" tabindex=0 role=group aria-label=\"The notice\"><div \
         class=note-text>{}{}</div></div>",
        recipients,
        with_page,
        with_server,
        Html::joined(lines, "<br>"),
        title,
        html
    )
}

/// What the page shows of one [`shared::notices::SentNotice`].
#[derive(Debug, Default)]
pub struct SentRow {
    /// Its number.
    pub id: i64,
    /// Its title, or its text.
    pub title: String,
    /// Its text as HTML.
    pub html: Html,
    /// When it was written.
    pub created_at_ms: i64,
    /// When it stops being shown.
    pub until_ms: Option<i64>,
    /// It was taken back.
    pub is_retracted: bool,
    /// The users it is for, in words.
    pub to: String,
    /// The names of those who have opened it, who had it only, and who had not.
    pub names: [Vec<String>; 3],
}

/// The sent notices, newest first; those whose number is in `open` are unfolded.
pub fn sent(
    notices: &[SentRow],
    open: &[String],
    now_ms: i64,
    local: &dyn Fn(i64) -> Moment,
) -> Html {
    let rows = notices
        .iter()
        .map(|notice| sent_row(notice, open, now_ms, local));
    rows.collect()
}

fn sent_row(notice: &SentRow, open: &[String], now_ms: i64, local: &dyn Fn(i64) -> Moment) -> Html {
    let id = notice.id;
    let [opened, had, not_yet] = notice.names.each_ref().map(Vec::len);
    let all = opened + had + not_yet;
    let is_over = notice.until_ms.is_some_and(|until| until <= now_ms);
    let (mark, class) = match (notice.is_retracted, is_over) {
        (true, _) => ("taken back", " class=gone"),
        (_, true) => ("over", " class=gone"),
        _ => ("", ""),
    };
    let take_back = match mark {
        "" => html!(
            "<button class=button data-do=take-back data-id={}>Take back</button>",
            id
        ),
        _ => html!("<em>{}</em>", mark),
    };
    let groups = ["Opened", "Had it", "Not yet"]
        .into_iter()
        .zip(&notice.names);
    let named = groups.filter(|(_, names)| !names.is_empty());
    let named = named.map(|(what, names)| {
        let names = names.iter().map(|name| html!("{}", name));
        (what, Html::joined(names, ", "))
    });
    let named: Vec<(&str, Html)> = named.collect();
    let lines = named
        .iter()
        .map(|(what, names)| html!("{}: {}", what, names));
    let title_of_counts = Html::joined(lines, "\n");
    let groups: Html = named
        .iter()
        .map(|(what, names)| html!("<dt>{}</dt><dd>{}</dd>", what, names))
        .collect();
    html!(
        "<li{} data-testid=sent><details data-id={}{}><summary><b>{}</b><small title=\"{}\">{} · to {} · \
         had {}/{} · opened {}/{}</small></summary>{}<dl>{}</dl></details>{}</li>",
        class,
        id,
        if open.contains(&id.to_string()) {
            " open"
        } else {
            ""
        },
        notice.title,
        title_of_counts,
        local(notice.created_at_ms).time_and_day(local(now_ms)),
        notice.to,
        opened + had,
        all,
        opened,
        all,
        notice.html,
        groups,
        take_back
    )
}

#[cfg(test)]
mod tests {
    use shared::notices::NoticeLink;
    use shared::prepared::SafeHtml;

    use super::*;

    /// HTML as the service sends it.
    fn sanitised(html: &str) -> SafeHtml {
        serde_json::from_value(html.into()).unwrap()
    }

    fn notice(id: i64) -> Notice {
        Notice {
            id,
            seq: id,
            text: format!("text {id}"),
            html: sanitised(&format!("<p>html {id}</p>")),
            brief: String::new(),
            title: None,
            link: None,
            file: None,
            path: None,
            created_at_ms: 0,
            until_ms: None,
            retracted: false,
            shown: false,
            opened: false,
        }
    }

    fn response(notices: Vec<Notice>) -> NoticesResponse {
        NoticesResponse {
            now_ms: 0,
            cursor: 9,
            notices,
            help: None,
        }
    }

    fn shown(strip: &NoticeStrip, now_ms: i64) -> Html {
        strip.html(now_ms, &|file| Some(format!("lab/{file}")))
    }

    #[test]
    fn a_notice_is_shown_until_it_is_dismissed_taken_back_or_over() {
        let mut strip = NoticeStrip::default();
        assert_eq!(strip.cursor(), None);
        let timed = Notice {
            until_ms: Some(100),
            ..notice(2)
        };
        strip.take(response(vec![notice(1), timed, notice(3), notice(4)]));
        assert_eq!(strip.cursor(), Some(9));
        assert_eq!(strip.newly_shown(50), [4, 3, 2, 1]);
        assert_eq!(strip.newly_shown(50), [] as [i64; 0]);
        strip.dismiss(1);
        let gone = Notice {
            retracted: true,
            ..notice(3)
        };
        strip.take(response(vec![notice(1), gone]));
        let html = shown(&strip, 99);
        for (id, there) in [(1, false), (2, true), (3, false), (4, true)] {
            assert_eq!(
                html.contains(&format!("html {id}<")),
                there,
                "{id} in {html}"
            );
        }
        assert!(!shown(&strip, 100).contains("html 2"));
    }

    #[test]
    fn only_the_services_html_becomes_markup() {
        let odd = "<i>\"&".to_owned();
        let odd = Notice {
            title: Some(odd.clone()),
            file: Some(odd.clone()),
            link: Some(NoticeLink {
                url: format!("https://{odd}"),
                label: odd,
            }),
            ..notice(1)
        };
        let mut strip = NoticeStrip::default();
        strip.take(response(vec![odd]));
        for html in [shown(&strip, 0), strip.html(0, &|_| None)] {
            assert!(!html.contains("<i>") && !html.contains("<i>\""), "{html}");
            assert!(html.contains("&lt;i&gt;&quot;&amp;") && html.contains("<p>html 1</p>"));
        }
        let choices = AudienceChoices {
            notebook: Some("<i>\"".into()),
            users: vec!["<b>\"".into()],
        };
        let html = choices.options();
        assert!(!html.contains("<i>") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn a_choice_is_read_as_it_was_written() {
        assert_eq!(audience("everyone"), Audience::Everyone(true));
        assert_eq!(audience("user:a:b"), Audience::User("a:b".into()));
        let notebook = Audience::Notebook("m/a:b.ipynb".into());
        assert_eq!(audience("notebook:m/a:b.ipynb"), notebook);
    }

    #[test]
    fn a_text_that_is_too_long_or_empty_cannot_be_sent() {
        assert_eq!(length(""), (String::new(), false));
        assert_eq!(length(" "), ("1 of 4000".into(), false));
        assert_eq!(length("é"), ("1 of 4000".into(), true));
        assert_eq!(length(&"é".repeat(4_002)), ("2 too many".into(), false));
    }

    #[test]
    fn a_preview_says_how_it_looks_and_whom_it_reaches() {
        let html = sanitised("<p>a <b>b</b></p>").into();
        let drawn = preview("<i>", &html, "<i>\na b", [14, 9, 11]);
        for part in [
            "<p>Recipients: 14 · with a page open, who see it at once: 9 · with a running server: 11</p>",
            "<p class=note>&lt;i&gt;<br>a b</p>",
            "<h2>&lt;i&gt;</h2><p>a <b>b</b></p>",
        ] {
            assert!(drawn.contains(part), "{part} is not in {drawn}");
        }
        assert!(!preview(" ", &html, "a b", [0; 3]).contains("<h2>"));
    }

    #[test]
    fn recipients_are_counted_and_named_by_state() {
        let mut one = SentRow {
            id: 7,
            title: "a <b>".to_owned(),
            html: sanitised("<p>a</p>").into(),
            created_at_ms: 1_000,
            to: "everyone".to_owned(),
            names: ["ana", "bob", "<eve>"].map(|name| vec![name.to_owned()]),
            ..SentRow::default()
        };
        let draw = |notice: &SentRow, open: &[String]| {
            sent(std::slice::from_ref(notice), open, 9_000, &|at| {
                Moment::new(at, 0)
            })
        };
        let html = draw(&one, &[]);
        assert!(html.contains("had 2/3 · opened 1/3"), "{html}");
        assert!(
            html.contains("title=\"Opened: ana\nHad it: bob\nNot yet: &lt;eve&gt;\""),
            "{html}"
        );
        for group in [
            "<dt>Opened</dt><dd>ana</dd>",
            "<dt>Had it</dt><dd>bob</dd>",
            "<dt>Not yet</dt><dd>&lt;eve&gt;</dd>",
        ] {
            assert!(html.contains(group), "{group} in {html}");
        }
        assert!(
            html.contains("a &lt;b&gt;") && html.contains("take-back"),
            "{html}"
        );
        assert!(draw(&one, &["7".to_owned()]).contains("data-id=7 open>"));
        one.is_retracted = true;
        let html = draw(&one, &[]);
        assert!(
            html.contains("taken back") && !html.contains("take-back"),
            "{html}"
        );
    }
}
