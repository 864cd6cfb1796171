//! The tiles of the wall: which are shown and in which order, their counts, and the effect of an
//! event on them.

use shared::wire::{DELETE_NOTEBOOK, Event, SAVE_FAILED, SAVE_NOTEBOOK, SAVE_WORKS, Tile};

use super::age::seconds_since;

/// The order of the tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By participant, an order in which tiles keep their places.
    #[default]
    Name,
    /// Last saved first.
    Recent,
}

/// The fields of a tile that the order and the counts need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileBrief {
    /// The participant.
    pub user: String,
    /// When the participant last saved, by the service's clock.
    pub saved_at_ms: i64,
    /// The participant's last run ended in an error.
    pub ends_in_error: bool,
}

impl From<&Tile> for TileBrief {
    fn from(tile: &Tile) -> Self {
        Self {
            user: tile.user.clone(),
            saved_at_ms: tile.saved_at_ms,
            ends_in_error: tile.ends_in_error,
        }
    }
}

/// The participants to show, in order. `lower` makes small letters: the browser has the tables of
/// all alphabets, which are large.
pub fn arrange(
    tiles: &[TileBrief],
    filter: &str,
    sort: Sort,
    lower: impl Fn(&str) -> String,
) -> Vec<String> {
    let needle = lower(filter.trim());
    let mut shown: Vec<&TileBrief> = tiles
        .iter()
        .filter(|tile| lower(&tile.user).contains(&needle))
        .collect();
    match sort {
        Sort::Name => shown.sort_unstable_by(|a, b| a.user.cmp(&b.user)),
        Sort::Recent => shown.sort_unstable_by(|a, b| {
            (b.saved_at_ms.cmp(&a.saved_at_ms)).then_with(|| a.user.cmp(&b.user))
        }),
    }
    shown.into_iter().map(|tile| tile.user.clone()).collect()
}

/// The counts in the top bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallCounts {
    /// How many participants have a copy of the notebook.
    pub participants: usize,
    /// How many of them ended in an error.
    pub errors: usize,
    /// How many saved in the last minute.
    pub recent: usize,
}

/// Counts the tiles at `now_ms`.
pub fn count(tiles: &[TileBrief], now_ms: i64) -> WallCounts {
    WallCounts {
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

    fn brief(user: &str, saved_at_ms: i64, ends_in_error: bool) -> TileBrief {
        TileBrief {
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
            brief("Élise", 5, false),
        ];
        let arranged = |filter, sort| arrange(&tiles, filter, sort, str::to_lowercase);
        assert_eq!(
            arranged("", Sort::Name),
            ["Andrea", "ana", "dora", "Élise"],
            "the service's order: by code point"
        );
        assert_eq!(
            arranged("", Sort::Recent),
            ["Andrea", "ana", "dora", "Élise"]
        );
        assert_eq!(arranged(" AN", Sort::Recent), ["Andrea", "ana"]);
        assert_eq!(arranged("él", Sort::Name), ["Élise"]);
        assert!(arranged("zoe", Sort::Name).is_empty());
    }

    #[test]
    fn tiles_are_counted() {
        let tiles = [brief("ana", 0, true), brief("bob", 1_000, false)];
        assert_eq!(
            count(&tiles, 60_000),
            WallCounts {
                participants: 2,
                errors: 1,
                recent: 1
            }
        );
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
