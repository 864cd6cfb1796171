//! The help queue, as who sees everyone sees it: the order of its rows, which stand still while
//! somebody points at them, and what each says. As HTML, which [`super::history_panel`] says why.

use std::collections::BTreeMap;

use shared::help::{
    DoneRound, EndedTicket, ErrorInCell, HelpQueue, HelpTicket, TicketEnd, TicketState,
};

use super::age::{describe, seconds_since};
use crate::html;
use crate::html::Html;
use crate::paths;

/// Tickets with one error are told of from so many on.
const MIN_TOGETHER: usize = 2;

/// The rows from now on, by the numbers of their tickets. While somebody points at the rows or has the
/// focus in one (`is_held`) none of them moves or goes, and what comes, comes at the end.
pub fn order(shown: &[i64], queue: &HelpQueue, is_held: bool) -> Vec<i64> {
    let now = queue.tickets.iter().map(|ticket| ticket.id);
    if !is_held {
        return now.collect();
    }
    let new = now.filter(|id| !shown.contains(id));
    shown.iter().copied().chain(new).collect()
}

/// What the queue is like, in a sentence.
pub fn headline(queue: &HelpQueue) -> String {
    let taken = queue
        .tickets
        .iter()
        .filter(|it| it.state == TicketState::Claimed);
    match (queue.waiting, taken.count()) {
        (0, 0) => "Nobody asks for help.".to_owned(),
        (waiting, 0) => format!("{waiting} {}.", wait(waiting)),
        (0, taken) => format!("Nobody waits; someone is with {taken}."),
        (waiting, taken) => format!("{waiting} {}; someone is with {taken}.", wait(waiting)),
    }
}

fn wait(count: usize) -> &'static str {
    if count == 1 { "waits" } else { "wait" }
}

/// Errors that several of those who wait have, with a way to take all of them.
pub fn together(queue: &HelpQueue, may_help: bool) -> Html {
    let mut groups: BTreeMap<_, Vec<&HelpTicket>> = BTreeMap::new();
    let waiting = queue
        .tickets
        .iter()
        .filter(|it| it.state == TicketState::Waiting);
    for ticket in waiting {
        if let Some(ErrorInCell {
            filename,
            signature,
            anchor,
        }) = ticket.error_in_cell()
        {
            let group = groups.entry((filename, signature, anchor));
            group.or_default().push(ticket);
        }
    }
    let groups = groups
        .values()
        .filter(|tickets| tickets.len() >= MIN_TOGETHER);
    let html = groups.map(|tickets| {
        let first = tickets[0];
        let error = first.error.as_ref();
        let ids: Vec<String> = tickets.iter().map(|it| it.id.to_string()).collect();
        let cells = error.zip(first.filename.as_ref()).map(|(error, filename)| {
            html!("<a href=\"{}\">Side by side</a>", paths::error_page(filename, &error.signature))
        });
        let take = may_help.then(|| {
            html!(
                "<button type=button class=button data-do=claim-all data-ids=\"{}\">Take all</button>",
                ids.join(",")
            )
        });
        html!(
            "<li><b>{}</b> wait with the same error: {}{} {} {}</li>",
            tickets.len(),
            error.map_or("", |error| &error.title),
            first.cell.as_ref().map(|cell| html!(" <small>{}</small>", cell.label)),
            cells,
            take
        )
    });
    html.collect()
}

/// Who asks, about what; the place is counted from 1.
pub fn ticket_head(ticket: &HelpTicket, place: Option<usize>) -> Html {
    let notebook = |filename: &String| paths::notebook_page(filename, &ticket.user);
    let name = match &ticket.filename {
        Some(filename) => html!("<a href=\"{}\">{}</a>", notebook(filename), ticket.user),
        None => html!("{}", ticket.user),
    };
    let about = [
        ticket.cell.as_ref().map(|cell| &*cell.label),
        ticket.error.as_ref().map(|error| &*error.title),
        ticket.filename.as_deref(),
    ];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    let text = (!ticket.text.is_empty()).then(|| html!("<p class=said>“{}”</p>", ticket.text));
    let mut chips = Vec::new();
    if ticket.seems_solved {
        chips.push("seems solved".to_owned());
    }
    if let Some(helper) = &ticket.was_with {
        chips.push(format!("was with {helper}"));
    }
    if ticket.helped_today > 0 {
        chips.push(format!("helped {} × today", ticket.helped_today));
    }
    let chips: Html = chips
        .iter()
        .map(|chip| html!(" <span class=chip>{}</span>", chip))
        .collect();
    html!(
        "<h2>{}{}</h2>{}{}<p class=hint>{}</p>",
        place.map(|place| html!("<span class=place>{}</span> ", place)),
        name,
        chips,
        text,
        about.join(" · ")
    )
}

/// How long somebody waits, or who has them.
pub fn ticket_state(ticket: &HelpTicket, now_ms: i64, me: &str) -> String {
    let since = describe(seconds_since(ticket.asked_ms, now_ms));
    match (ticket.state, ticket.helper.as_deref()) {
        (TicketState::Claimed, Some(helper)) if helper == me => {
            format!("You are with them; asked {since}")
        }
        (TicketState::Claimed, Some(helper)) => format!("{helper} is with them; asked {since}"),
        (TicketState::Paused, _) => format!("Not now; asked {since}"),
        _ => format!("Asked {since}"),
    }
}

/// What may be done about a ticket by `me`.
pub fn ticket_actions(ticket: &HelpTicket, me: &str, may_help: bool) -> Html {
    if !may_help {
        return Html::default();
    }
    let actions: &[(&str, &str)] = match (ticket.state, ticket.helper.as_deref()) {
        (TicketState::Claimed, Some(helper)) if helper == me => {
            &[("done", "Helped"), ("release", "Give back")]
        }
        (TicketState::Claimed, _) => &[("done", "Helped")],
        _ => &[("claim", "I’m coming"), ("done", "Helped")],
    };
    let buttons = actions.iter().map(|(action, words)| {
        html!(
            "<button type=button class=\"button{}\" data-do=\"{}\" data-id={} aria-label=\"{}: {}\">{}</button>",
            if *action == "claim" { " primary" } else { "" },
            *action,
            ticket.id,
            *words,
            ticket.user,
            *words
        )
    });
    buttons.collect()
}

/// What was ended a moment ago, with a way back for who did it.
pub fn recent(queue: &HelpQueue, me: &str) -> Html {
    let own = queue
        .recent
        .iter()
        .filter(|it| it.by == me && it.end == TicketEnd::Helped);
    own.map(|EndedTicket { id, user, .. }| {
        html!(
            "<li>{} was helped. <button type=button class=button data-do=undo data-id={}>Undo</button></li>",
            user,
            *id
        )
    })
    .collect()
}

/// What the class has answered to *Are you done?*
pub fn round(queue: &HelpQueue, now_ms: i64) -> String {
    let Some(DoneRound {
        asked_ms,
        by,
        done,
        help,
        ..
    }) = &queue.round
    else {
        return match queue.done.len() {
            0 => String::new(),
            done => format!("{done} said that they are done."),
        };
    };
    let asked = describe(seconds_since(*asked_ms, now_ms));
    let help = match help.len() {
        0 => String::new(),
        1 => ", 1 needs help".to_owned(),
        many => format!(", {many} need help"),
    };
    format!("{} done{help} (asked {asked} by {by})", done.len())
}

#[cfg(test)]
mod tests {
    use shared::help::{TicketCell, TicketError};

    use super::*;

    fn ticket(id: i64, user: &str) -> HelpTicket {
        HelpTicket {
            id,
            user: user.to_owned(),
            filename: Some("a b.ipynb".to_owned()),
            version: None,
            cell: Some(TicketCell {
                anchor: Some(3),
                label: "Exercise 2".to_owned(),
            }),
            error: Some(TicketError {
                signature: "00ff".to_owned(),
                title: "NameError <df>".to_owned(),
            }),
            text: String::new(),
            asked_ms: 0,
            state: TicketState::Waiting,
            helper: None,
            lease_until_ms: None,
            was_with: None,
            helped_today: 0,
            seems_solved: false,
        }
    }

    fn queue(tickets: Vec<HelpTicket>) -> HelpQueue {
        HelpQueue {
            waiting: tickets
                .iter()
                .filter(|it| it.state == TicketState::Waiting)
                .count(),
            tickets,
            ..HelpQueue::default()
        }
    }

    #[test]
    fn rows_stand_still_while_somebody_points_at_them() {
        let now = queue([4, 2, 5].map(|id| ticket(id, "ana")).into());
        assert_eq!(order(&[1, 2, 4], &now, false), [4, 2, 5]);
        assert_eq!(order(&[1, 2, 4], &now, true), [1, 2, 4, 5]);
    }

    #[test]
    fn a_ticket_says_who_asks_about_what_and_who_has_it() {
        let mut ticket = ticket(7, "ana <a>");
        ticket.text = "why?".to_owned();
        ticket.was_with = Some("bo".to_owned());
        ticket.seems_solved = true;
        let html = ticket_head(&ticket, Some(2));
        for part in [
            "<span class=place>2</span> <a href=\"notebook?notebook=a%20b.ipynb&amp;user=ana%20%3Ca%3E\">ana &lt;a&gt;</a>",
            "“why?”",
            "was with bo",
            "seems solved",
            "Exercise 2 · NameError &lt;df&gt; · a b.ipynb",
        ] {
            assert!(html.contains(part), "{part} is not in {}", &*html);
        }
        assert_eq!(ticket_state(&ticket, 65_000, "bo"), "Asked 1 min ago");
        let actions = ticket_actions(&ticket, "bo", true);
        assert!(
            actions
                .contains("data-do=\"claim\" data-id=7 aria-label=\"I’m coming: ana &lt;a&gt;\"")
        );
        assert_eq!(ticket_actions(&ticket, "bo", false), Html::default());

        ticket.state = TicketState::Claimed;
        ticket.helper = Some("bo".to_owned());
        assert!(ticket_state(&ticket, 0, "bo").starts_with("You are with them"));
        assert!(ticket_state(&ticket, 0, "cy").starts_with("bo is with them"));
        assert!(ticket_actions(&ticket, "bo", true).contains("data-do=\"release\""));
        let of_other = ticket_actions(&ticket, "cy", true);
        assert!(!of_other.contains("claim") && of_other.contains("done"));
    }

    #[test]
    fn those_who_wait_with_one_error_are_told_of_together() {
        let mut all = queue(vec![ticket(1, "ana"), ticket(2, "bo"), ticket(3, "cy")]);
        all.tickets[2].state = TicketState::Claimed;
        all.waiting = 2;
        let html = together(&all, true);
        assert!(
            html.contains("<b>2</b> wait with the same error: NameError &lt;df&gt;"),
            "{}",
            &*html
        );
        assert!(html.contains("data-ids=\"1,2\"") && html.contains("error=00ff"));
        assert!(!together(&all, false).contains("button"));
        assert_eq!(
            together(&queue(vec![ticket(1, "ana")]), true),
            Html::default()
        );
        assert_eq!(headline(&all), "2 wait; someone is with 1.");
        assert_eq!(headline(&queue(vec![ticket(1, "ana")])), "1 waits.");
        assert_eq!(headline(&HelpQueue::default()), "Nobody asks for help.");
    }

    #[test]
    fn answers_of_a_round_are_counted() {
        let mut queue = queue(vec![]);
        assert_eq!(round(&queue, 0), "");
        queue.done = vec!["ana".to_owned()];
        assert_eq!(round(&queue, 0), "1 said that they are done.");
        queue.round = Some(DoneRound {
            id: 1,
            asked_ms: 0,
            by: "ines".to_owned(),
            filename: None,
            done: vec!["ana".to_owned()],
            help: vec!["bo".to_owned()],
        });
        assert_eq!(
            round(&queue, 120_000),
            "1 done, 1 needs help (asked 2 min ago by ines)"
        );
        queue.recent = vec![EndedTicket {
            id: 9,
            user: "cy".to_owned(),
            end: TicketEnd::Helped,
            by: "ines".to_owned(),
            ended_ms: 0,
        }];
        assert!(recent(&queue, "ines").contains("data-do=undo data-id=9"));
        assert_eq!(recent(&queue, "bo"), Html::default());
    }
}
