//! The effect of an event on the wall, and the neighbours of a participant. Which tiles are shown,
//! and in which order, is in [`super::arrangement`].

use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_FAILED, SAVE_NOTEBOOK, SAVE_WORKS};

/// The participants before and after `user` in `users`.
pub fn neighbours<'a>(users: &'a [String], user: &str) -> (Option<&'a str>, Option<&'a str>) {
    let Some(at) = users.iter().position(|other| other == user) else {
        return (None, None);
    };
    let before = at.checked_sub(1).and_then(|before| users.get(before));
    (
        before.map(String::as_str),
        users.get(at + 1).map(String::as_str),
    )
}

/// The effect of an event on the page that shows the notebook `filename`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventEffect {
    /// The participant whose tile has to be fetched again. After a deletion too: the tile is
    /// removed only when the service answers that it is gone, because the file may have come back
    /// since.
    pub fetch: Option<String>,
    /// The list of notebooks may have changed.
    pub list_changed: bool,
}

/// The effect of `event`; `known` tells whether a participant has a tile.
pub fn effect_of(
    event: &Event,
    filename: Option<&str>,
    known: impl Fn(&str) -> bool,
) -> EventEffect {
    let is_shown = Some(event.filename.as_str()) == filename;
    match event.kind.as_str() {
        SAVE_NOTEBOOK | DELETE_NOTEBOOK => {}
        // Also without a tile: a notebook that was never saved has none, but the tile may also be
        // on its way.
        SAVE_FAILED | SAVE_WORKS if is_shown => {
            return EventEffect {
                fetch: Some(event.user.clone()),
                list_changed: false,
            };
        }
        _ => return EventEffect::default(),
    }
    if !is_shown {
        return EventEffect {
            fetch: None,
            list_changed: true,
        };
    }
    EventEffect {
        list_changed: event.kind == DELETE_NOTEBOOK || !known(&event.user),
        fetch: Some(event.user.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, user: &str, filename: &str) -> Event {
        Event {
            id: 1,
            kind: kind.to_owned(),
            user: user.to_owned(),
            filename: filename.to_owned(),
            path: String::new(),
            timestamp: String::new(),
        }
    }

    #[test]
    fn the_first_and_the_last_have_one_neighbour() {
        let users = ["ana", "bob", "eve"].map(str::to_owned);
        assert_eq!(neighbours(&users, "ana"), (None, Some("bob")));
        assert_eq!(neighbours(&users, "eve"), (Some("bob"), None));
        assert_eq!(neighbours(&users, "zoe"), (None, None));
    }

    #[test]
    fn a_save_of_this_notebook_fetches_its_tile() {
        let save = event(SAVE_NOTEBOOK, "ana", "a.ipynb");
        let known = effect_of(&save, Some("a.ipynb"), |_| true);
        assert_eq!(known.fetch.as_deref(), Some("ana"));
        assert!(!known.list_changed);
        assert!(effect_of(&save, Some("a.ipynb"), |_| false).list_changed);
    }

    #[test]
    fn other_notebooks_only_change_the_list() {
        let save = event(SAVE_NOTEBOOK, "ana", "b.ipynb");
        for shown in [Some("a.ipynb"), None] {
            let effect_of = effect_of(&save, shown, |_| true);
            assert_eq!((effect_of.fetch, effect_of.list_changed), (None, true));
        }
    }

    #[test]
    fn a_deletion_asks_the_service_first() {
        let deletion = event(DELETE_NOTEBOOK, "ana", "a.ipynb");
        let effect_of = effect_of(&deletion, Some("a.ipynb"), |_| true);
        assert_eq!(effect_of.fetch.as_deref(), Some("ana"));
        assert!(effect_of.list_changed);
    }

    #[test]
    fn a_failed_save_fetches_the_tile() {
        for kind in [SAVE_FAILED, SAVE_WORKS] {
            let failed = event(kind, "ana", "a.ipynb");
            // A tile that is not there may be on its way.
            for known in [true, false] {
                let shown = effect_of(&failed, Some("a.ipynb"), |_| known);
                assert_eq!(shown.fetch.as_deref(), Some("ana"));
                assert!(!shown.list_changed);
                let other = effect_of(&failed, Some("b.ipynb"), |_| known);
                assert_eq!(other, EventEffect::default());
            }
        }
    }

    #[test]
    fn other_kinds_of_events_have_no_effect() {
        let other = event("login", "ana", "a.ipynb");
        assert_eq!(
            effect_of(&other, Some("a.ipynb"), |_| true),
            EventEffect::default()
        );
    }
}
