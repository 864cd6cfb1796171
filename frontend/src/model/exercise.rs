//! What the page *Exercise* shows: one cell of the handout across everyone, or one error. As HTML,
//! which [`super::history_panel`] says why.

use shared::exercise::{
    ExerciseAnswer, ExerciseGroup, ExerciseKind, ExerciseLink, ExerciseResponse,
};
use shared::prepared::SafeHtml;

use super::insight::InsightFilter;
use super::view::{View, decode, encode};
use crate::html;
use crate::html::Html;
use crate::paths;

/// What the page's address says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExerciseAddress {
    /// The notebook, by its path below a home.
    pub notebook: String,
    /// The cell of the handout.
    pub cell: Option<u32>,
    /// The signature of an error, in place of a cell.
    pub error: Option<String>,
    /// The place of the group that is shown.
    pub group: usize,
    /// Shows whole sources instead of what differs from the handout.
    pub whole: bool,
    /// Shows no names.
    pub hides_names: bool,
}

impl ExerciseAddress {
    /// Reads a query string, with or without its `?`. Unknown keys are ignored.
    pub fn parse(search: &str) -> Self {
        let mut address = Self::default();
        for pair in search.trim_start_matches('?').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "notebook" => address.notebook = decode(value),
                "cell" => address.cell = value.parse().ok(),
                "error" if !value.is_empty() => address.error = Some(decode(value)),
                // Groups count from 1 for people.
                "answers" => {
                    let group: Option<usize> = value.parse().ok();
                    address.group = group.unwrap_or(1).saturating_sub(1);
                }
                "source" => address.whole = value == "whole",
                "names" => address.hides_names = value == "0",
                _ => {}
            }
        }
        address
    }

    /// The query string with its `?`.
    pub fn to_query(&self) -> String {
        let mut query = format!("?notebook={}", encode(&self.notebook));
        if let Some(cell) = self.cell {
            query += &format!("&cell={cell}");
        }
        if let Some(error) = &self.error {
            query += &format!("&error={}", encode(error));
        }
        if self.group > 0 {
            query += &format!("&answers={}", self.group + 1);
        }
        if self.whole {
            query.push_str("&source=whole");
        }
        if self.hides_names {
            query.push_str("&names=0");
        }
        query
    }

    /// Where the service has it.
    pub fn data(&self) -> String {
        paths::exercise_data(&self.notebook, self.cell, self.error.as_deref())
    }

    /// The same page for another cell, with its first answers.
    pub fn of_cell(&self, cell: u32) -> Self {
        Self {
            cell: Some(cell),
            error: None,
            group: 0,
            ..self.clone()
        }
    }

    /// The wall with the tiles of this notebook, or of those with the error.
    pub fn wall(&self) -> View {
        View {
            notebook: Some(self.notebook.clone()).filter(|it| !it.is_empty()),
            insight: InsightFilter {
                error: self.error.clone(),
                ..InsightFilter::default()
            },
            hides_names: self.hides_names,
            ..View::default()
        }
    }
}

/// The name of the page, and the handout's cells before and after.
pub fn heading(answer: &ExerciseResponse, address: &ExerciseAddress) -> Html {
    let link = |link: &Option<ExerciseLink>, sign, words, key| {
        link.as_ref().map(|link| {
            html!(
                "<a class=button href=\"exercise{}\" aria-label=\"{}: {}\" title=\"{} ({})\" data-key=\"{}\">{}</a>",
                address.of_cell(link.anchor).to_query(),
                words,
                link.label,
                link.label,
                key,
                key,
                sign
            )
        })
    };
    let mut tiles = address.wall();
    tiles.insight.before = answer.column;
    html!(
        "{}<h2>{}</h2>{}<span class=hint>{}</span><a href=\"./{}\">{}</a>",
        link(&answer.before, "‹", "Cell before", "["),
        answer.title,
        link(&answer.after, "›", "Next cell", "]"),
        address.notebook,
        tiles.to_query(),
        match answer.column {
            Some(_) => "Tiles of those who have not done it",
            None => "Their tiles",
        }
    )
}

/// The groups, as buttons with bars, and the links that lead to these people's tiles.
pub fn group_list(answer: &ExerciseResponse, address: &ExerciseAddress) -> Html {
    let all = answer.groups.iter().map(|group| group.people.len());
    let all = all.sum::<usize>().max(1);
    let groups = answer.groups.iter().enumerate().map(|(at, group)| {
        let share = group.people.len() * 100 / all;
        html!(
            "<li class={}><button type=button data-group={} aria-pressed={}><b>{}</b> <span>{}</span><svg viewBox=\"0 0 100 4\" preserveAspectRatio=none aria-hidden=true><rect width={} height=4 /></svg></button></li>",
            kind_name(group.kind),
            at,
            at == address.group,
            group.people.len(),
            group.title,
            share.max(1)
        )
    });
    groups.collect()
}

fn kind_name(kind: ExerciseKind) -> &'static str {
    match kind {
        ExerciseKind::Error => "failed",
        ExerciseKind::Output => "done",
        ExerciseKind::NoOutput => "ran",
        ExerciseKind::NotRun => "edited",
        ExerciseKind::Untouched | ExerciseKind::Missing => "none",
    }
}

/// What all of a group show, once, and its answers; or the names of who has none.
pub fn answers(answer: &ExerciseResponse, address: &ExerciseAddress) -> Html {
    let Some(group) = answer.groups.get(address.group) else {
        return Html::from_static("<p class=hint>Nobody has come to this any more.</p>");
    };
    if group.answers.is_empty() {
        return html!("<p class=who>{}</p>", people(&group.people, address));
    }
    let answers = group
        .answers
        .iter()
        .map(|it| one_answer(it, group, address));
    let answers: Html = answers.collect();
    html!(
        "{}<div class=answer-list>{}</div>",
        html_of(
            &group.shown,
            "<section class=shown-once aria-label=\"What all of them show\">",
            "</section>"
        ),
        answers
    )
}

fn one_answer(answer: &ExerciseAnswer, group: &ExerciseGroup, address: &ExerciseAddress) -> Html {
    let names = match address.hides_names {
        true if answer.people.len() == 1 => "An answer".to_owned(),
        true => format!("The same from {}", answer.people.len()),
        false => answer.people.join(", "),
    };
    let guess = match answer.is_guess {
        true => "<small title=\"It is known by its place alone\">probably this cell</small>",
        false => "",
    };
    let has_source = !answer.code.as_str().is_empty();
    let left_out = "<p class=hint>Too much to draw here: it is in their notebook.</p>";
    html!(
        "<article class=\"answer {}\" tabindex=0 aria-label=\"{}\"><header>{}{}</header>{}{}{}{}</article>",
        kind_name(group.kind),
        names,
        people(&answer.people, address),
        Html::from_static(guess),
        html_of(&answer.changes, "<div class=as-changes>", "</div>"),
        html_of(&answer.code, "<div class=as-source>", "</div>"),
        html_of(&answer.shown, "<div class=as-shown>", "</div>"),
        Html::from_static(if has_source { "" } else { left_out })
    )
}

/// HTML of the service in an element; nothing where it is empty.
fn html_of(html: &SafeHtml, open: &'static str, close: &'static str) -> Html {
    if html.as_str().is_empty() {
        return Html::default();
    }
    let mut all = Html::from_static(open);
    all.push(Html::from(html.clone()));
    all.push_static(close);
    all
}

/// Who, with links to their notebooks.
fn people(people: &[String], address: &ExerciseAddress) -> Html {
    if address.hides_names {
        return match people.len() {
            1 => Html::from_static("<span>1 person</span>"),
            many => html!("<span>{} people</span>", many),
        };
    }
    let links = people.iter().map(|user| {
        let notebook = paths::notebook_page(&address.notebook, user);
        html!("<a href=\"{}\">{}</a>", notebook, user)
    });
    Html::joined(links, ", ")
}

/// What a message goes to, in words.
pub fn message_to(group: &ExerciseGroup, hides_names: bool) -> String {
    match group.people.len() {
        1 if hides_names => "Write to this person".to_owned(),
        1 => format!("Write to {}", group.people[0]),
        many => format!("Write to these {many}"),
    }
}

/// The body of a notice to everyone in a group.
pub fn notice(text: &str, group: &ExerciseGroup) -> String {
    serde_json::json!({"text": text, "to": {"users": group.people}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class() -> ExerciseResponse {
        let html = |text: &str| -> SafeHtml { serde_json::from_value(text.into()).unwrap() };
        let group = |kind, title: &str, people: &[&str], answers| ExerciseGroup {
            kind,
            title: title.to_owned(),
            people: people.iter().map(|it| (*it).to_owned()).collect(),
            shown: html("<p>6</p>"),
            answers,
        };
        let answer = ExerciseAnswer {
            people: vec!["ana".to_owned(), "b<o".to_owned()],
            is_guess: true,
            code: html("<pre>x = 6</pre>"),
            changes: html("<pre>+ x = 6</pre>"),
            shown: html(""),
        };
        let link = |anchor, label: &str| {
            Some(ExerciseLink {
                anchor,
                label: label.to_owned(),
            })
        };
        ExerciseResponse {
            now_ms: 0,
            as_of_ms: 0,
            catching_up: false,
            title: "Exercise <2>".to_owned(),
            anchor: Some(4),
            column: Some(1),
            before: link(2, "Exercise 1"),
            after: None,
            stub: html(""),
            groups: vec![
                group(ExerciseKind::Output, "6", &["ana", "b<o"], vec![answer]),
                group(ExerciseKind::Untouched, "Untouched", &["cy"], vec![]),
            ],
        }
    }

    fn address(query: &str) -> ExerciseAddress {
        ExerciseAddress::parse(query)
    }

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for query in [
            "?notebook=a%20b.ipynb&cell=4",
            "?notebook=a.ipynb&error=00ff&answers=3&source=whole&names=0",
        ] {
            assert_eq!(address(query).to_query(), query);
        }
        assert_eq!(address("?cell=x&answers=0&other=1"), address(""));
        let error = address("?notebook=a.ipynb&error=00ff&answers=3");
        assert_eq!(error.of_cell(7).to_query(), "?notebook=a.ipynb&cell=7");
        assert_eq!(error.wall().to_query(), "?notebook=a.ipynb&error=00ff");
        assert_eq!(
            address("?notebook=a.ipynb&cell=4").data(),
            "api/insight/exercise?filename=a.ipynb&anchor=4"
        );
    }

    #[test]
    fn groups_are_counted_and_one_is_chosen() {
        let html = group_list(&class(), &address("?answers=2"));
        assert!(html.contains("data-group=0 aria-pressed=false><b>2</b> <span>6</span>"));
        assert!(html.contains("data-group=1 aria-pressed=true><b>1</b> <span>Untouched"));
        assert!(html.contains("<rect width=66 "), "{}", &*html);
        let html = heading(&class(), &address("?notebook=a.ipynb&cell=4"));
        assert!(html.contains("href=\"./?notebook=a.ipynb&amp;before=2\""));
        assert!(html.contains("<h2>Exercise &lt;2&gt;</h2>"));
        assert!(
            html.contains("href=\"exercise?notebook=a.ipynb&amp;cell=2\""),
            "{}",
            &*html
        );
    }

    #[test]
    fn answers_say_whose_they_are_or_do_not() {
        let html = answers(&class(), &address("?notebook=a.ipynb&cell=4"));
        assert!(
            html.contains(
                ">ana</a>, <a href=\"notebook?notebook=a.ipynb&amp;user=b%3Co\">b&lt;o</a>"
            ),
            "{}",
            &*html
        );
        for part in [
            "probably this cell",
            "<pre>+ x = 6</pre>",
            "<p>6</p>",
            "aria-label=\"ana, b&lt;o\"",
        ] {
            assert!(html.contains(part), "{part} is not in {}", &*html);
        }
        assert!(!html.contains("as-shown"));
        let html = answers(&class(), &address("?names=0"));
        assert!(
            !html.contains("ana") && html.contains("The same from 2"),
            "{}",
            &*html
        );
        let html = answers(&class(), &address("?answers=2"));
        assert!(html.contains(">cy</a>") && !html.contains("answer-list"));
        assert!(answers(&class(), &address("?answers=9")).contains("Nobody"));
    }

    #[test]
    fn a_notice_goes_to_exactly_these_people() {
        let group = &class().groups[0];
        assert_eq!(message_to(group, false), "Write to these 2");
        let alone = ExerciseGroup {
            people: vec!["ana".to_owned()],
            ..group.clone()
        };
        assert_eq!(message_to(&alone, false), "Write to ana");
        assert_eq!(message_to(&alone, true), "Write to this person");
        let body: serde_json::Value = serde_json::from_str(&notice("a \"b\"", group)).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"text": "a \"b\"", "to": {"users": ["ana", "b<o"]}})
        );
    }
}
