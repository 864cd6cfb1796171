//! The service's answers on notices, as far as the page reads them.

use shared::notices::{Notice, NoticeLink};

use super::super::inputs::value_of;
use crate::fields::AnswerFields;
use crate::html::Html;
use crate::model::notices::{self, SentRow};

/// A notice of the participant's; `None` for what is none.
pub(super) fn notice_of(fields: &AnswerFields) -> Option<Notice> {
    let link = fields.object("link");
    Some(Notice {
        id: fields.number("id")?,
        seq: fields.number("seq")?,
        text: fields.text("text")?,
        html: fields.safe_html("html")?,
        brief: String::new(),
        title: fields.text("title"),
        link: link.text("url").map(|url| NoticeLink {
            url,
            label: link.text("label").unwrap_or_default(),
        }),
        file: fields.text("file"),
        path: None,
        created_at_ms: fields.number("created_at_ms")?,
        until_ms: fields.number("until_ms"),
        retracted: fields.is("retracted"),
        shown: fields.is("shown"),
        opened: fields.is("opened"),
    })
}

/// What the dialog shows of a sent notice.
pub(super) fn sent_of(fields: &AnswerFields) -> SentRow {
    let text = |name| fields.text(name);
    let to = fields.object("to");
    let mut names: [Vec<String>; 3] = Default::default();
    for recipient in fields.list("recipients") {
        let kind = match (recipient.is("opened_at_ms"), recipient.is("shown_at_ms")) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        names[kind].push(recipient.text("user").unwrap_or_default());
    }
    SentRow {
        id: fields.number("id").unwrap_or_default(),
        title: text("title").or(text("text")).unwrap_or_default(),
        html: fields.safe_html("html").map(Html::from).unwrap_or_default(),
        created_at_ms: fields.number("created_at_ms").unwrap_or_default(),
        until_ms: fields.number("until_ms"),
        is_retracted: fields.is("retracted"),
        to: to
            .text("notebook")
            .or(to.text("user"))
            .or_else(|| to.is("users").then(|| "those named here".to_owned()))
            .unwrap_or_else(|| "everyone".to_owned()),
        names,
    }
}

/// How the notice in the fields will look, and whom it will reach.
pub(super) fn preview_of(fields: &AnswerFields) -> Html {
    let reach = fields.object("reach");
    let counts = ["recipients", "with_page", "with_server"];
    notices::preview(
        &value_of("#notice-title"),
        &fields.safe_html("html").map(Html::from).unwrap_or_default(),
        &fields.text("brief").unwrap_or_default(),
        counts.map(|name| reach.number(name).unwrap_or_default()),
    )
}
