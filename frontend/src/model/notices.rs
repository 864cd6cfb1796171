//! Notices: what a participant is shown, what an instructor writes, and the HTML of both.
//!
//! Made as text and not as views, as [`super::past`] says why.

use std::collections::BTreeMap;

use shared::notices::{Audience, MAX_NOTICE_CHARS, Notice, NoticesResponse, Recipient, SentNotice};

use super::calendar::Moment;
use crate::html;
use crate::html::Html;

/// The notices of the person who is signed in.
#[derive(Debug, Default)]
pub struct Strip {
    notices: BTreeMap<i64, Notice>,
    cursor: Option<i64>,
}

impl Strip {
    /// After which change to ask.
    pub fn cursor(&self) -> Option<i64> {
        self.cursor
    }

    /// Takes in an answer. What comes again takes the place of what there was, and what the
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

    /// Those to be shown at a time, newest first.
    fn standing(&self, now_ms: i64) -> impl Iterator<Item = &Notice> {
        let stands = move |notice: &&Notice| {
            let is_over = notice.until_ms.is_some_and(|until| until <= now_ms);
            !notice.retracted && !notice.opened && !is_over
        };
        self.notices.values().rev().filter(stands)
    }

    /// Those shown for the first time; they count as shown from now on.
    pub fn newly_shown(&mut self, now_ms: i64) -> Vec<i64> {
        let new = self.standing(now_ms).filter(|notice| !notice.shown);
        let new: Vec<i64> = new.map(|notice| notice.id).collect();
        for id in &new {
            if let Some(notice) = self.notices.get_mut(id) {
                notice.shown = true;
            }
        }
        new
    }

    /// The reader has read this one.
    pub fn dismiss(&mut self, id: i64) {
        if let Some(notice) = self.notices.get_mut(&id) {
            notice.opened = true;
        }
    }

    /// What stands above the page at a time. `lab` makes the address at which the reader
    /// works on a file, where there is such a place.
    pub fn html(&self, now_ms: i64, lab: &dyn Fn(&str) -> Option<String>) -> Html {
        self.standing(now_ms)
            .map(|notice| one(notice, lab))
            .collect()
    }
}

fn one(notice: &Notice, lab: &dyn Fn(&str) -> Option<String>) -> Html {
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

/// Whom a notice may be for, as far as the page knows.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// The notebook that is shown.
    pub notebook: Option<String>,
    /// Who has a copy of it.
    pub users: Vec<String>,
}

/// What a choice of [`Class::choices`] stands for.
pub fn audience(choice: &str) -> Audience {
    match choice.split_once(':') {
        Some(("notebook", filename)) => Audience::Notebook(filename.to_owned()),
        Some((_, user)) => Audience::User(user.to_owned()),
        None => Audience::Everyone(true),
    }
}

impl Class {
    /// The options of the list of whom a notice is for.
    pub fn choices(&self) -> Html {
        let mut html = html!("<option value=everyone>Everyone</option>");
        if let Some(notebook) = &self.notebook {
            html.push(html!(
                "<option value=\"notebook:{}\">Users of {}</option>",
                notebook,
                notebook
            ));
        }
        if !self.users.is_empty() {
            html.push_own("<optgroup label=\"One person\">");
            for user in &self.users {
                html.push(html!("<option value=\"user:{}\">{}</option>", user, user));
            }
            html.push_own("</optgroup>");
        }
        html
    }
}

/// The form, empty, and the places for what was sent.
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
    <p class=dialog-actions><output id=notice-length></output>\
    <button class=button data-do=close>Close</button>\
    <button class=\"button primary\" data-do=send>Send</button></p>\
    <div id=notice-said role=status></div><ol id=notices-sent aria-label=Sent></ol>";

/// How long the text is, and whether it can be sent.
pub fn length(text: &str) -> (String, bool) {
    let length = text.chars().count();
    let fits = length <= MAX_NOTICE_CHARS;
    let told = match length {
        0 => String::new(),
        _ if fits => format!("{length} of {MAX_NOTICE_CHARS}"),
        _ => format!("{} too many", length - MAX_NOTICE_CHARS),
    };
    (told, fits && !text.trim().is_empty())
}

/// What was sent, newest first; those whose number is in `open` are unfolded.
pub fn sent(
    notices: &[SentNotice],
    open: &[String],
    now_ms: i64,
    local: &dyn Fn(i64) -> Moment,
) -> Html {
    let rows = notices
        .iter()
        .map(|notice| row(notice, open, now_ms, local));
    rows.collect()
}

fn row(notice: &SentNotice, open: &[String], now_ms: i64, local: &dyn Fn(i64) -> Moment) -> Html {
    let id = notice.id;
    let all = notice.recipients.len();
    let had = |user: &&Recipient| user.shown_at_ms.is_some();
    let opened = |user: &&Recipient| user.opened_at_ms.is_some();
    let count = |is: &dyn Fn(&&Recipient) -> bool| notice.recipients.iter().filter(is).count();
    let is_over = notice.until_ms.is_some_and(|until| until <= now_ms);
    let (mark, class) = match (notice.retracted, is_over) {
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
    let title = notice.title.as_deref().unwrap_or(&notice.text);
    let to = match &notice.to {
        Audience::Everyone(_) => "everyone",
        Audience::Notebook(filename) => filename,
        Audience::User(user) => user,
    };
    let groups = [
        ("Opened", names(notice, &|user| opened(user))),
        ("Had it", names(notice, &|user| had(user) && !opened(user))),
        ("Not yet", names(notice, &|user| !had(user))),
    ];
    let named = groups.iter().filter(|(_, names)| !names.is_empty());
    let lines = named
        .clone()
        .map(|(what, names)| html!("{}: {}", what, names));
    let title_of_counts = Html::joined(lines, "\n");
    let groups: Html = named
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
        title,
        title_of_counts,
        local(notice.created_at_ms).time_and_day(local(now_ms)),
        to,
        count(&had),
        all,
        count(&opened),
        all,
        notice.html,
        groups,
        take_back
    )
}

fn names(notice: &SentNotice, is: &dyn Fn(&&Recipient) -> bool) -> Html {
    let those = notice.recipients.iter().filter(is);
    Html::joined(those.map(|recipient| html!("{}", recipient.user)), ", ")
}

#[cfg(test)]
mod tests {
    use shared::notices::NoticeLink;
    use shared::prepared::SafeHtml;

    use super::*;

    /// As the service sends it.
    fn sanitised(html: &str) -> SafeHtml {
        serde_json::from_value(html.into()).unwrap()
    }

    fn notice(id: i64) -> Notice {
        Notice {
            id,
            seq: id,
            text: format!("text {id}"),
            html: sanitised(&format!("<p>html {id}</p>")),
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
        }
    }

    fn shown(strip: &Strip, now_ms: i64) -> Html {
        strip.html(now_ms, &|file| Some(format!("lab/{file}")))
    }

    #[test]
    fn what_stands_is_shown_until_it_is_dismissed_taken_back_or_over() {
        let mut strip = Strip::default();
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
    fn nothing_but_the_services_html_becomes_markup() {
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
        let mut strip = Strip::default();
        strip.take(response(vec![odd]));
        for html in [shown(&strip, 0), strip.html(0, &|_| None)] {
            assert!(!html.contains("<i>") && !html.contains("<i>\""), "{html}");
            assert!(html.contains("&lt;i&gt;&quot;&amp;") && html.contains("<p>html 1</p>"));
        }
        let class = Class {
            notebook: Some("<i>\"".into()),
            users: vec!["<b>\"".into()],
        };
        let html = class.choices();
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
    fn the_length_is_told_and_only_what_fits_is_sent() {
        assert_eq!(length(""), (String::new(), false));
        assert_eq!(length(" "), ("1 of 4000".into(), false));
        assert_eq!(length("é"), ("1 of 4000".into(), true));
        assert_eq!(length(&"é".repeat(4_002)), ("2 too many".into(), false));
    }

    #[test]
    fn who_has_had_and_opened_it_is_counted_and_named() {
        let recipient = |user: &str, shown_at_ms, opened_at_ms| Recipient {
            user: user.to_owned(),
            shown_at_ms,
            opened_at_ms,
        };
        let mut one = SentNotice {
            id: 7,
            text: "a <b>".to_owned(),
            html: sanitised("<p>a</p>"),
            title: None,
            link: None,
            file: None,
            created_at_ms: 1_000,
            until_ms: None,
            retracted: false,
            author: "ines".to_owned(),
            to: Audience::Everyone(true),
            recipients: vec![
                recipient("ana", Some(1), Some(2)),
                recipient("bob", Some(1), None),
                recipient("<eve>", None, None),
            ],
        };
        let draw = |notice: &SentNotice, open: &[String]| {
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
        one.retracted = true;
        let html = draw(&one, &[]);
        assert!(
            html.contains("taken back") && !html.contains("take-back"),
            "{html}"
        );
    }
}
