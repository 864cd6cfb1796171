//! What the saves of a class say, as the wall shows it: the errors that several people have, and the
//! strip of how far everyone is. As HTML, which [`super::history_panel`] says why.

use std::collections::BTreeMap;

use super::lane::LanePerson;
use super::view::View;
use crate::html;
use crate::html::Html;
use crate::paths;

/// An error that several people have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLink {
    /// Its name in an address.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// Where most of them have it; empty where that is not in the handout.
    pub place: String,
    /// Who has it.
    pub people: Vec<String>,
    /// How many had it and have solved it.
    pub solved: usize,
    /// The median time that these took.
    pub median_solved_ms: Option<i64>,
}

/// A cell of the handout in the strip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripColumn {
    /// The cell of the handout.
    pub anchor: u32,
    /// The heading above it.
    pub heading: String,
    /// Whether there is something to do in it.
    pub is_exercise: bool,
    /// How many have done it, run it, failed in it, edited it, and not reached it.
    pub people: [usize; 5],
    /// Four of five have done it.
    pub most_have_done: bool,
}

/// What is known of one participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonInsight {
    /// How far they are with each cell of the strip, a letter each: `d` is done.
    pub cells: String,
    /// They ask for help.
    pub has_asked: bool,
    /// The error that they have.
    pub error: Option<String>,
    /// Somebody has helped them a short time ago.
    pub is_helped: bool,
}

/// What is known of a class at one notebook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WallInsight {
    /// Those who need someone now, at most eight.
    pub lane: Vec<LanePerson>,
    /// How many more there are.
    pub more: usize,
    /// The errors that several people have, of most people first.
    pub groups: Vec<GroupLink>,
    /// The cells of the handout.
    pub columns: Vec<StripColumn>,
    /// Where the instructor is.
    pub instructor: Option<usize>,
    /// The furthest cells that the slowest tenth, half and nine tenths of those at work have done.
    pub furthest: Option<[usize; 3]>,
    /// Everyone.
    pub people: BTreeMap<String, PersonInsight>,
}

/// Whom the wall shows of those whose saves say something, besides [`super::arrangement::Show`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightFilter {
    /// Only those with this error.
    pub error: Option<String>,
    /// Only those who have not done the cell at this place of the strip.
    pub before: Option<usize>,
    /// Only those who ask for help, or were helped.
    pub help: HelpState,
}

/// What has become of somebody's need for help.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelpState {
    /// They neither ask nor were helped.
    #[default]
    None,
    /// They ask for help.
    Asked,
    /// Somebody was with them a short time ago.
    Helped,
}

impl HelpState {
    /// The names in an address, and of a tile's state.
    pub const KEYS: &'static [(Self, &'static str)] =
        &[(Self::Asked, "asked"), (Self::Helped, "helped")];

    /// The name; empty for neither.
    pub fn name(self) -> &'static str {
        let found = Self::KEYS.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, name)| name)
    }
}

impl WallInsight {
    /// Whether the wall shows `user`.
    pub fn is_shown(&self, user: &str, filter: &InsightFilter) -> bool {
        if let Some(error) = &filter.error {
            let group = self.groups.iter().find(|group| group.id == *error);
            if !group.is_some_and(|group| group.people.iter().any(|it| it == user)) {
                return false;
            }
        }
        let person = self.people.get(user);
        let has_done = |before| {
            person.and_then(|it: &PersonInsight| it.cells.as_bytes().get::<usize>(before))
                == Some(&b'd')
        };
        let is_one = filter.help == HelpState::None || self.help_of(user) == filter.help;
        is_one && !filter.before.is_some_and(has_done)
    }

    /// Whether somebody asks for help, or was helped.
    pub fn help_of(&self, user: &str) -> HelpState {
        match self.people.get(user) {
            Some(person) if person.has_asked => HelpState::Asked,
            Some(person) if person.is_helped => HelpState::Helped,
            _ => HelpState::None,
        }
    }
}

/// The errors that several people have in a notebook: each leads to the cells that have it, and to the
/// tiles of who has it. `href` is the address of a wall of another view.
pub fn groups(
    insight: &WallInsight,
    notebook: &str,
    view: &View,
    href: impl Fn(&View) -> String,
) -> Html {
    let groups = insight.groups.iter().map(|group| {
        let is_on = view.insight.error.as_ref() == Some(&group.id);
        let mut other = view.clone();
        // A second click shows everyone again.
        other.insight.error = (!is_on).then(|| group.id.clone());
        let mut details = Vec::new();
        if !group.place.is_empty() {
            details.push(group.place.clone());
        }
        if group.solved > 0 {
            let median = group.median_solved_ms.map_or_else(String::new, |ms| {
                format!(", median {} min", (ms + 30_000) / 60_000)
            });
            let have = if group.solved == 1 { "has" } else { "have" };
            details.push(format!("{} {have} solved it{median}", group.solved));
        }
        html!(
            "<li><a href=\"{}\"><b>{}</b> {} <small>{}</small></a><a class=only href=\"{}\" aria-current={} title=\"Only their tiles\" aria-label=\"Only the tiles with {}\">▦</a></li>",
            paths::error_page(notebook, &group.id),
            group.people.len(),
            group.title,
            details.join(" · "),
            href(&other),
            is_on,
            group.title
        )
    });
    groups.collect()
}

/// The strip over the cells of a notebook's handout, as a drawing with a link for each: to everyone's
/// answers, or where the wall shows who is not past it, back to everyone.
pub fn strip(
    insight: &WallInsight,
    notebook: &str,
    view: &View,
    href: impl Fn(&View) -> String,
) -> Html {
    let mut html = Html::default();
    let mut at = 0;
    let parts = insight
        .columns
        .chunk_by(|one, next| one.heading == next.heading);
    for part in parts {
        let mut cells = Html::default();
        for column in part {
            cells.push(strip_cell(insight, at, column, notebook, view, &href));
            at += 1;
        }
        html.push(html!(
            "<li><span title=\"{}\">{}</span><ul>{}</ul></li>",
            part[0].heading,
            part[0].heading,
            cells
        ));
    }
    html
}

fn strip_cell(
    insight: &WallInsight,
    at: usize,
    column: &StripColumn,
    notebook: &str,
    view: &View,
    href: impl Fn(&View) -> String,
) -> Html {
    let is_on = view.insight.before == Some(at);
    let mut everyone = view.clone();
    everyone.insight.before = None;
    let here = insight.instructor == Some(at);
    let mut words = column_words(column, at, here);
    let reached = |share: usize| {
        insight
            .furthest
            .is_some_and(|furthest| furthest[share] == at)
    };
    for (share, who) in ["nine of ten", "half", "a tenth"].into_iter().enumerate() {
        if reached(share) {
            words += &format!("; {who} have come so far");
        }
    }
    html!(
        "<li class=\"{}\"><a href=\"{}\" aria-current={} title=\"{}\" aria-label=\"{}\">{}</a></li>",
        match (column.is_exercise, column.most_have_done) {
            (true, true) => "exercise done",
            (true, false) => "exercise",
            (false, true) => "done",
            (false, false) => "",
        },
        match is_on {
            true => href(&everyone),
            false => paths::exercise_page(notebook, column.anchor),
        },
        is_on,
        words,
        words,
        bar(column, here, [reached(0) || reached(2), reached(1)])
    )
}

/// The states of a cell in words, in the order of [`StripColumn::people`].
const STATES: [&str; 5] = ["done", "run", "failed", "edited", "not reached"];

fn column_words(column: &StripColumn, at: usize, is_instructors: bool) -> String {
    let counted = column.people.iter().zip(STATES);
    let counts: Vec<String> = counted
        .filter(|(people, _)| **people > 0)
        .map(|(people, state)| format!("{people} {state}"))
        .collect();
    let heading = match column.heading.is_empty() {
        true => String::new(),
        false => format!(" in “{}”", column.heading),
    };
    let instructor = if is_instructors {
        "; the instructor is here"
    } else {
        ""
    };
    format!(
        "Cell {}{heading}: {}{instructor}",
        at + 1,
        counts.join(", ")
    )
}

/// A bar of the people in each state, 100 high; the page's policy allows no styles of elements.
fn bar(column: &StripColumn, is_instructors: bool, [spread, half]: [bool; 2]) -> Html {
    let all: usize = column.people.iter().sum();
    let mut html =
        Html::from_static("<svg viewBox=\"0 0 10 100\" preserveAspectRatio=none aria-hidden=true>");
    let mut below = 0;
    for (people, state) in column
        .people
        .iter()
        .zip(["done", "ran", "failed", "edited", "none"])
    {
        let next = below + people;
        let edge = |people: usize| (people * 100).checked_div(all).unwrap_or_default() as i64;
        let (from, to) = (edge(below), edge(next));
        if to > from {
            html.push(html!(
                "<rect class={} x=0 width=10 y={} height={} />",
                state,
                100 - to,
                to - from
            ));
        }
        below = next;
    }
    if is_instructors {
        html.push_static("<path class=here d=\"M5 0l4 8H1z\"/>");
    }
    if spread {
        html.push_static("<path class=spread d=\"M0 100h10v-4H0z\"/>");
    }
    if half {
        html.push_static("<path class=here d=\"M0 100h10v-8H0z\"/>");
    }
    html.push_static("</svg>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class() -> WallInsight {
        let person = |cells: &str, error: Option<&str>| PersonInsight {
            cells: cells.to_owned(),
            has_asked: error.is_some(),
            error: error.map(str::to_owned),
            is_helped: cells == "dd",
        };
        WallInsight {
            groups: vec![GroupLink {
                id: "a1".to_owned(),
                title: "NameError <df>".to_owned(),
                place: "exercise 3".to_owned(),
                people: vec!["ana".to_owned(), "bo".to_owned()],
                solved: 9,
                median_solved_ms: Some(170_000),
            }],
            columns: vec![
                StripColumn {
                    people: [4, 0, 0, 0, 0],
                    most_have_done: true,
                    ..StripColumn::default()
                },
                StripColumn {
                    anchor: 7,
                    heading: "Loops".to_owned(),
                    is_exercise: true,
                    people: [1, 0, 2, 0, 1],
                    ..StripColumn::default()
                },
            ],
            instructor: Some(1),
            furthest: Some([0, 1, 1]),
            people: [
                ("ana".to_owned(), person("df", Some("a1"))),
                ("cy".to_owned(), person("dd", None)),
            ]
            .into(),
            ..WallInsight::default()
        }
    }

    #[test]
    fn a_group_and_a_cell_choose_who_is_shown() {
        let class = class();
        let of = |error: Option<&str>, before| InsightFilter {
            error: error.map(str::to_owned),
            before,
            help: HelpState::None,
        };
        let shown = |filter: &InsightFilter| {
            let all = ["ana", "bo", "cy", "di"];
            let shown = all.into_iter().filter(|user| class.is_shown(user, filter));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown(&of(None, None)).len(), 4);
        assert_eq!(shown(&of(Some("a1"), None)), ["ana", "bo"]);
        assert_eq!(shown(&of(Some("gone"), None)), [""; 0]);
        assert_eq!(shown(&of(None, Some(1))), ["ana", "bo", "di"]);
        assert_eq!(shown(&of(Some("a1"), Some(0))), ["bo"]);
        let with = |help| InsightFilter {
            help,
            ..InsightFilter::default()
        };
        assert_eq!(shown(&with(HelpState::Asked)), ["ana"]);
        assert_eq!(shown(&with(HelpState::Helped)), ["cy"]);
    }

    #[test]
    fn groups_and_cells_are_links() {
        let class = class();
        let mut view = View::default();
        let html = groups(&class, "a.ipynb", &view, View::to_query);
        assert_eq!(
            &*html,
            "<li><a href=\"exercise?notebook=a.ipynb&amp;error=a1\"><b>2</b> NameError &lt;df&gt; \
             <small>exercise 3 · 9 have solved it, median 3 min</small></a><a class=only \
             href=\"?error=a1\" aria-current=false title=\"Only their tiles\" aria-label=\"Only the \
             tiles with NameError &lt;df&gt;\">▦</a></li>"
        );
        let html = strip(&class, "a.ipynb", &view, View::to_query);
        let words = "Cell 2 in “Loops”: 1 done, 2 failed, 1 not reached; the instructor is here; \
             half have come so far; a tenth have come so far";
        for part in [
            words,
            "<li><span title=\"Loops\">Loops</span><ul><li class=\"exercise\">",
            "; nine of ten have come so far",
            "href=\"exercise?notebook=a.ipynb&amp;cell=7\"",
            "<rect class=failed x=0 width=10 y=25 height=50 />",
            "class=\"exercise\"",
        ] {
            assert!(html.contains(part), "{part} is not in {}", &*html);
        }
        view.insight.error = Some("a1".to_owned());
        let html = groups(&class, "a.ipynb", &view, View::to_query);
        assert!(html.contains("href=\"\" aria-current=true"));
        view.insight = InsightFilter {
            before: Some(1),
            ..InsightFilter::default()
        };
        let html = strip(&class, "a.ipynb", &view, View::to_query);
        assert!(html.contains("href=\"\" aria-current=true"), "{}", &*html);
    }
}
