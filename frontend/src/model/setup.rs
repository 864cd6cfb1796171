//! What the page *Setup* says, as HTML of what the service answered.

use shared::setup::{SaveArrival, ServerState, SetupResponse, SetupRow};

use super::age::{describe, seconds_since};
use crate::html;
use crate::html::Html;

/// After so many seconds without an answer the age of the last one is worth a warning.
const OLD_ANSWER_S: i64 = 20;

/// How old what is shown is.
pub fn age_of_answer(seconds: i64) -> String {
    match seconds {
        ..OLD_ANSWER_S => format!("as of {}", describe(seconds)),
        _ => format!("as of {}: the service does not answer", describe(seconds)),
    }
}

/// The headline, whose commands stand between grave accents, and a button that copies the first.
pub fn headline(answer: &SetupResponse) -> Html {
    let pieces = answer.headline.split('`').enumerate();
    let mut html: Html = pieces
        .map(|(at, piece)| match at % 2 {
            0 => html!("{}", piece),
            _ => html!("<code>{}</code>", piece),
        })
        .collect();
    if answer.command.is_some() {
        html.push_static(COPY);
    }
    html
}

/// What cannot be known of the Hub, and what to do about it.
pub fn hub(answer: &SetupResponse) -> Html {
    let hub = &answer.hub;
    let remedy = hub.remedy.as_ref().map(|remedy| html!("<p>{}</p>", remedy));
    match (hub.message.is_empty(), answer.is_complete) {
        (false, _) => html!("<p>{}</p>{}", hub.message, remedy),
        (true, false) => Html::from_static("<p>There are more servers than are shown here.</p>"),
        (true, true) => Html::default(),
    }
}

/// The numbers of servers.
pub fn totals(answer: &SetupResponse) -> Html {
    let totals = &answer.totals;
    let some = [
        (totals.running, "running"),
        (totals.reporting, "reporting"),
        (totals.silent, "not reporting"),
        (totals.older, "with an older package"),
        (totals.starting, "starting"),
        (totals.without_server, "without a server"),
    ];
    let said = some
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| html!("<span>{} {}</span>", count, what));
    Html::joined(said, " ")
}

/// The participant, and the name of a named server.
pub fn participant(row: &SetupRow, _now_ms: i64) -> Html {
    match row.server.as_str() {
        "" => html!("{}", row.user),
        server => html!("{}<small>{}</small>", row.user, server),
    }
}

/// Whether the server runs.
pub fn server(row: &SetupRow, _now_ms: i64) -> Html {
    let label = "<b>Server</b>";
    let label = Html::from_static(label);
    html!("{}<span>{}</span>", label, row.state.word())
}

/// How saves arrive, and when the last did.
pub fn saves(row: &SetupRow, now_ms: i64) -> Html {
    let class = match row.saves {
        SaveArrival::Pushed | SaveArrival::Reported => "good",
        SaveArrival::Watched => "warn",
        SaveArrival::Not => "bad",
        SaveArrival::Nothing => "",
    };
    let last = row.saved_ms.map(|saved_ms| {
        html!(
            "<small>last {}</small>",
            describe(seconds_since(saved_ms, now_ms))
        )
    });
    html!(
        "<b>Saves</b><span class=\"mark {}\">{}</span>{}",
        class,
        row.saves.word(),
        last
    )
}

/// The version of the package.
pub fn package(row: &SetupRow, _now_ms: i64) -> Html {
    let version = match (&row.version, row.state) {
        (Some(version), _) => version,
        (None, ServerState::None | ServerState::Starting) => "–",
        (None, _) if row.heard_ms.is_none() => "not heard",
        (None, _) => "unknown",
    };
    let older = Html::from_static(match row.is_older {
        true => "<small>older than the service</small>",
        false => "",
    });
    html!("<b>Package</b><span>{}</span>{}", version, older)
}

/// How it is, and what to do.
pub fn to_do(row: &SetupRow, _now_ms: i64) -> Html {
    let remedy = row.remedy.as_ref().map(|remedy| html!("<p>{}</p>", remedy));
    let command = row.command.as_ref().map(|command| {
        html!(
            "<div class=command><code>{}</code>{}</div>",
            command,
            copy_button()
        )
    });
    html!("<p>{}</p>{}{}", row.note, remedy, command)
}

const COPY: &str = " <button class=\"button copy-command\" data-do=copy \
                    title=\"Copy the command\">Copy</button>";

fn copy_button() -> Html {
    Html::from_static(COPY)
}

#[cfg(test)]
mod tests {
    use shared::setup::{HubView, HubViewState, SetupTotals};

    use super::*;

    fn row() -> SetupRow {
        SetupRow {
            user: "<ana>".to_owned(),
            server: String::new(),
            state: ServerState::Running,
            saves: SaveArrival::Not,
            saved_ms: None,
            heard_ms: None,
            version: None,
            is_older: false,
            needs_attention: true,
            note: "It does not report.".to_owned(),
            remedy: Some("Install & restart.".to_owned()),
            command: Some("pip install x".to_owned()),
        }
    }

    fn answer() -> SetupResponse {
        SetupResponse {
            headline: "1 of 2 servers does not report: `pip install x` in its image.".to_owned(),
            command: Some("pip install x".to_owned()),
            version: "0.1.0".to_owned(),
            now_ms: 0,
            hub: HubView {
                state: HubViewState::Known,
                message: String::new(),
                remedy: None,
            },
            totals: SetupTotals {
                running: 2,
                reporting: 1,
                silent: 1,
                ..SetupTotals::default()
            },
            servers: Vec::new(),
            is_complete: true,
        }
    }

    #[test]
    fn the_command_of_the_headline_is_code_with_a_button() {
        let html = headline(&answer());
        assert!(
            html.contains("report: <code>pip install x</code> in its image."),
            "{html}"
        );
        assert!(html.contains("data-do=copy"), "{html}");
        let well = SetupResponse {
            headline: "All 2 servers report.".to_owned(),
            command: None,
            ..answer()
        };
        assert_eq!(&*headline(&well), "All 2 servers report.");
    }

    #[test]
    fn only_numbers_that_say_something_are_shown() {
        let html = totals(&answer());
        assert_eq!(
            &*html,
            "<span>2 running</span> <span>1 reporting</span> <span>1 not reporting</span>"
        );
    }

    #[test]
    fn what_the_hub_does_not_tell_is_said_with_the_remedy() {
        assert_eq!(&*hub(&answer()), "");
        let mut refused = answer();
        refused.hub.message = "The Hub does not list.".to_owned();
        refused.hub.remedy = Some("Add the role.".to_owned());
        assert_eq!(
            &*hub(&refused),
            "<p>The Hub does not list.</p><p>Add the role.</p>"
        );
    }

    #[test]
    fn a_row_says_who_how_and_what_to_do() {
        let row = row();
        assert_eq!(&*participant(&row, 0), "&lt;ana&gt;");
        assert!(saves(&row, 0).contains("<span class=\"mark bad\">not</span>"));
        assert!(package(&row, 0).contains("not heard"));
        let html = to_do(&row, 0);
        assert!(html.contains("Install &amp; restart."), "{html}");
        assert!(html.contains("<code>pip install x</code>"), "{html}");
        let named = SetupRow {
            server: "gpu".to_owned(),
            version: Some("0.0.1".to_owned()),
            is_older: true,
            saves: SaveArrival::Pushed,
            saved_ms: Some(1_000),
            ..row
        };
        assert_eq!(&*participant(&named, 0), "&lt;ana&gt;<small>gpu</small>");
        assert!(package(&named, 0).contains("0.0.1</span><small>older"));
        assert!(saves(&named, 13_000).contains("<small>last 12 s ago</small>"));
    }

    #[test]
    fn an_old_answer_says_so() {
        assert_eq!(age_of_answer(3), "as of 3 s ago");
        assert!(age_of_answer(60).contains("does not answer"));
    }
}
