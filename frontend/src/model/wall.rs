//! The tiles of the wall: which are shown, in which order, what they add up to, and
//! what an event means for them.

use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_FAILED, SAVE_NOTEBOOK, SAVE_WORKS, Tile};

use super::age::seconds_since;

/// The order of the tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By participant, the order that keeps everyone in their place.
    #[default]
    Name,
    /// The last one to save first.
    Recent,
}

/// What the order and the numbers need to know about a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The participant.
    pub user: String,
    /// When they last saved, by the service's clock.
    pub saved_at_ms: i64,
    /// Their last run ended in an error.
    pub ends_in_error: bool,
}

impl From<&Tile> for Brief {
    fn from(tile: &Tile) -> Self {
        Self {
            user: tile.user.clone(),
            saved_at_ms: tile.saved_at_ms,
            ends_in_error: tile.ends_in_error,
        }
    }
}

/// The participants to show, in order.
pub fn arrange(tiles: &[Brief], filter: &str, sort: Sort) -> Vec<String> {
    // Names are those of system users; full case folding would cost tables.
    let needle = filter.trim().to_ascii_lowercase();
    let mut shown: Vec<&Brief> = tiles
        .iter()
        .filter(|tile| tile.user.to_ascii_lowercase().contains(&needle))
        .collect();
    match sort {
        Sort::Name => shown.sort_unstable_by(|a, b| a.user.cmp(&b.user)),
        Sort::Recent => shown.sort_unstable_by(|a, b| {
            (b.saved_at_ms.cmp(&a.saved_at_ms)).then_with(|| a.user.cmp(&b.user))
        }),
    }
    shown.into_iter().map(|tile| tile.user.clone()).collect()
}

/// The numbers in the top bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many have a copy of the notebook.
    pub participants: usize,
    /// How many of them ended in an error.
    pub errors: usize,
    /// How many saved in the last minute.
    pub recent: usize,
}

/// Adds up the tiles at `now_ms`.
pub fn count(tiles: &[Brief], now_ms: i64) -> Counts {
    Counts {
        participants: tiles.len(),
        errors: tiles.iter().filter(|tile| tile.ends_in_error).count(),
        recent: tiles
            .iter()
            .filter(|tile| seconds_since(tile.saved_at_ms, now_ms) < 60)
            .count(),
    }
}

/// `1 participant`, `12 participants`.
pub fn participants(count: usize) -> String {
    match count {
        1 => "1 participant".to_owned(),
        _ => format!("{count} participants"),
    }
}

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

/// What an event means for the page that shows the notebook `filename`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// The participant whose tile has to be fetched again. That a notebook was
    /// deleted is only believed when the service then says that it is gone: the file
    /// may have come back since.
    pub fetch: Option<String>,
    /// The list of notebooks may have changed.
    pub list_changed: bool,
}

/// Decides what `event` means; `known` tells whether a participant has a tile.
pub fn effect(event: &Event, filename: Option<&str>, known: impl Fn(&str) -> bool) -> Effect {
    let is_shown = Some(event.filename.as_str()) == filename;
    match event.kind.as_str() {
        SAVE_NOTEBOOK | DELETE_NOTEBOOK => {}
        // Of a notebook that was never saved there is no tile, and then none comes; but the tile
        // may also be on its way.
        SAVE_FAILED | SAVE_WORKS if is_shown => {
            return Effect {
                fetch: Some(event.user.clone()),
                list_changed: false,
            };
        }
        _ => return Effect::default(),
    }
    if !is_shown {
        return Effect {
            fetch: None,
            list_changed: true,
        };
    }
    Effect {
        list_changed: event.kind == DELETE_NOTEBOOK || !known(&event.user),
        fetch: Some(event.user.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(user: &str, saved_at_ms: i64, ends_in_error: bool) -> Brief {
        Brief {
            user: user.to_owned(),
            saved_at_ms,
            ends_in_error,
        }
    }

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
    fn tiles_are_filtered_and_ordered() {
        let tiles = [
            brief("dora", 10, false),
            brief("ana", 30, true),
            brief("Andrea", 30, false),
        ];
        assert_eq!(
            arrange(&tiles, "", Sort::Name),
            ["Andrea", "ana", "dora"],
            "the service's order: by code point"
        );
        assert_eq!(arrange(&tiles, "", Sort::Recent), ["Andrea", "ana", "dora"]);
        assert_eq!(arrange(&tiles, " AN", Sort::Recent), ["Andrea", "ana"]);
        assert!(arrange(&tiles, "zoe", Sort::Name).is_empty());
    }

    #[test]
    fn the_numbers_add_up() {
        let tiles = [brief("ana", 0, true), brief("bob", 1_000, false)];
        assert_eq!(
            count(&tiles, 60_000),
            Counts {
                participants: 2,
                errors: 1,
                recent: 1
            }
        );
    }

    #[test]
    fn the_ends_have_one_neighbour() {
        let users = ["ana", "bob", "eve"].map(str::to_owned);
        assert_eq!(neighbours(&users, "ana"), (None, Some("bob")));
        assert_eq!(neighbours(&users, "eve"), (Some("bob"), None));
        assert_eq!(neighbours(&users, "zoe"), (None, None));
    }

    #[test]
    fn a_save_of_this_notebook_fetches_its_tile() {
        let save = event(SAVE_NOTEBOOK, "ana", "a.ipynb");
        let known = effect(&save, Some("a.ipynb"), |_| true);
        assert_eq!(known.fetch.as_deref(), Some("ana"));
        assert!(!known.list_changed);
        assert!(effect(&save, Some("a.ipynb"), |_| false).list_changed);
    }

    #[test]
    fn other_notebooks_only_change_the_list() {
        let save = event(SAVE_NOTEBOOK, "ana", "b.ipynb");
        for shown in [Some("a.ipynb"), None] {
            let effect = effect(&save, shown, |_| true);
            assert_eq!((effect.fetch, effect.list_changed), (None, true));
        }
    }

    #[test]
    fn a_deletion_asks_the_service_first() {
        let deletion = event(DELETE_NOTEBOOK, "ana", "a.ipynb");
        let effect = effect(&deletion, Some("a.ipynb"), |_| true);
        assert_eq!(effect.fetch.as_deref(), Some("ana"));
        assert!(effect.list_changed);
    }

    #[test]
    fn a_save_that_failed_fetches_the_tile_there_is() {
        for kind in [SAVE_FAILED, SAVE_WORKS] {
            let failed = event(kind, "ana", "a.ipynb");
            // One that is not there may be on its way, from before.
            for known in [true, false] {
                let shown = effect(&failed, Some("a.ipynb"), |_| known);
                assert_eq!(shown.fetch.as_deref(), Some("ana"));
                assert!(!shown.list_changed);
                let other = effect(&failed, Some("b.ipynb"), |_| known);
                assert_eq!(other, Effect::default());
            }
        }
    }

    #[test]
    fn other_kinds_of_events_mean_nothing_here() {
        let other = event("login", "ana", "a.ipynb");
        assert_eq!(effect(&other, Some("a.ipynb"), |_| true), Effect::default());
    }
}
