//! The help queue in the first app: how many wait, for who sees everyone, and a participant's own
//! note. As HTML, which [`super::history_panel`] says why.

use crate::html;
use crate::html::Html;

/// What is known of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpSeen {
    /// How many wait.
    pub waiting: usize,
    /// The note that the participant has: `help`, `done`, or none.
    pub note: String,
    /// What they wrote.
    pub text: String,
    /// Their place among those who wait.
    pub place: Option<usize>,
    /// Who is coming to them.
    pub helper: Option<String>,
    /// The class is asked whether it is done, and they have not answered.
    pub is_asked: bool,
}

/// The link to the queue.
pub fn queue_link(seen: &HelpSeen) -> Html {
    let count = (seen.waiting > 0).then(|| html!(" <b>{}</b>", seen.waiting));
    html!(
        "<a class=button href=queue title=\"Who asks for help (q)\">Queue{}</a>",
        count
    )
}

/// The two notes of a classroom, as buttons.
pub fn note_buttons(seen: &HelpSeen) -> Html {
    let buttons = [("help", "I need help"), ("done", "I’m done")];
    let buttons = buttons.iter().map(|(note, words)| {
        html!(
            "<button type=button class=\"button note-{}\" data-note={} aria-pressed={}>{}</button>",
            *note,
            *note,
            seen.note == *note,
            *words
        )
    });
    buttons.collect()
}

/// What has come of the note.
pub fn note_words(seen: &HelpSeen) -> String {
    match (&*seen.note, &seen.helper, seen.place) {
        ("help", Some(helper), _) => format!("{helper} is coming."),
        ("help", None, Some(1)) => "You are next.".to_owned(),
        ("help", None, Some(2)) => "One is before you.".to_owned(),
        ("help", None, Some(place)) => format!("{} are before you.", place - 1),
        ("help", None, None) => "Nobody is coming just now.".to_owned(),
        _ if seen.is_asked => "Your instructor asks: are you done?".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_has_come_of_it() {
        let words = |note: &str, helper: Option<&str>, place, is_asked| {
            note_words(&HelpSeen {
                note: note.to_owned(),
                helper: helper.map(str::to_owned),
                place,
                is_asked,
                ..HelpSeen::default()
            })
        };
        assert_eq!(words("", None, None, false), "");
        assert!(words("", None, None, true).contains("are you done?"));
        assert_eq!(words("help", None, Some(1), true), "You are next.");
        assert_eq!(words("help", None, Some(3), false), "2 are before you.");
        assert_eq!(words("help", Some("bo"), None, false), "bo is coming.");
        let done = HelpSeen {
            note: "done".to_owned(),
            ..HelpSeen::default()
        };
        let html = note_buttons(&done);
        assert!(html.contains("data-note=help aria-pressed=false>I need help"));
        assert!(html.contains("data-note=done aria-pressed=true>"));
    }

    #[test]
    fn the_link_counts_those_who_wait() {
        let of = |waiting| {
            queue_link(&HelpSeen {
                waiting,
                ..HelpSeen::default()
            })
        };
        assert!(of(0).contains(">Queue</a>"));
        assert!(of(3).contains("Queue <b>3</b>"));
    }
}
