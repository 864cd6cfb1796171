//! Which tiles are shown, in which order and groups, and the counts above them.

use super::age::seconds_since;
use super::insight::WallInsight;
use super::view::View;

/// A save younger than this counts as of the last minute.
const RECENT_S: i64 = 60;
/// Whoever has not saved for so long is away.
const AWAY_S: i64 = 600;

/// The order of the tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By participant, an order in which tiles keep their places.
    #[default]
    Name,
    /// Last saved first.
    Recent,
}

/// The size of the tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// The last cells of everyone.
    #[default]
    Full,
    /// The end of the last cell of everyone.
    Small,
    /// A square for everyone, with the name and the state.
    Dots,
}

/// What the tiles are grouped by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Nothing.
    #[default]
    None,
    /// The participants' state.
    State,
    /// The groups of the Hub.
    Groups,
}

/// Which participants are shown, by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// All.
    #[default]
    Everyone,
    /// Those whose last run ended in an error.
    Errors,
    /// Those who saved in the last minute.
    Recent,
    /// Those who have not saved for long.
    Away,
}

impl Density {
    /// The names in an address.
    pub const KEYS: &'static [(Self, &'static str)] =
        &[(Self::Small, "small"), (Self::Dots, "dots")];
}

impl Grouping {
    /// The names in an address.
    pub const KEYS: &'static [(Self, &'static str)] =
        &[(Self::State, "state"), (Self::Groups, "group")];
}

impl Show {
    /// The names in an address.
    pub const KEYS: &'static [(Self, &'static str)] = &[
        (Self::Errors, "error"),
        (Self::Recent, "recent"),
        (Self::Away, "away"),
    ];
}

/// The state of a participant, as far as the class is grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileState {
    /// The last run ended in an error.
    Error,
    /// At work.
    Working,
    /// Has not saved for long.
    Away,
}

impl TileState {
    /// For the attribute `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Working => "working",
            Self::Away => "away",
        }
    }
}

/// The fields of a tile that the order, the counts and a square need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileBrief {
    /// The participant.
    pub user: String,
    /// When the participant last saved, by the service's clock.
    pub saved_at_ms: i64,
    /// The participant's last run ended in an error.
    pub ends_in_error: bool,
    /// How many cells the notebook has.
    pub total_cells: usize,
    /// Saves fail, or the file cannot be read.
    pub has_problem: bool,
}

impl TileBrief {
    /// The state at `now_ms`.
    pub fn state(&self, now_ms: i64) -> TileState {
        match self.ends_in_error {
            true => TileState::Error,
            false if self.age_s(now_ms) >= AWAY_S => TileState::Away,
            false => TileState::Working,
        }
    }

    /// How long ago the participant saved, in seconds.
    pub fn age_s(&self, now_ms: i64) -> i64 {
        seconds_since(self.saved_at_ms, now_ms)
    }

    fn is_shown(&self, show: Show, now_ms: i64) -> bool {
        match show {
            Show::Everyone => true,
            Show::Errors => self.ends_in_error,
            Show::Recent => self.age_s(now_ms) < RECENT_S,
            Show::Away => self.age_s(now_ms) >= AWAY_S,
        }
    }

    /// What a square says of a save, compared with the tile before it: how many cells came or went,
    /// else that something has changed.
    pub fn change_since(&self, before: &Self) -> String {
        match self.total_cells.checked_signed_diff(before.total_cells) {
            Some(0) | None => "•".to_owned(),
            Some(more @ 1..) => format!("+{more}"),
            Some(fewer) => format!("−{}", fewer.unsigned_abs()),
        }
    }
}

/// A group of the Hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleGroup {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<String>,
}

/// What is known of people beside their notebooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Who sees everyone, and is no participant.
    pub staff: Vec<String>,
    /// The groups of the Hub.
    pub groups: Vec<PeopleGroup>,
}

impl People {
    /// Whether `user` is a participant, of the chosen group if there is one.
    fn is_counted(&self, user: &str, group: Option<&str>) -> bool {
        !self.is_staff(user) && group.is_none_or(|name| self.is_in(user, name))
    }

    fn is_staff(&self, user: &str) -> bool {
        self.staff.iter().any(|other| other == user)
    }

    fn is_in(&self, user: &str, group: &str) -> bool {
        let mut groups = self.groups.iter().filter(|it| it.name == group);
        groups.any(|it| it.members.iter().any(|member| member == user))
    }

    /// The first group of `user`'s.
    fn group_of(&self, user: &str) -> Option<usize> {
        let has_user = |it: &PeopleGroup| it.members.iter().any(|member| member == user);
        self.groups.iter().position(has_user)
    }
}

/// A line across the wall, or a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WallItem {
    /// The name of the group of tiles after it, and how many they are.
    Heading(String, usize),
    /// The tile of this participant.
    Tile(String),
}

/// What is shown, in order. `lower` makes small letters: the browser has the tables of all
/// alphabets, which are large.
pub fn arrange(
    tiles: &[TileBrief],
    view: &View,
    people: &People,
    insight: &WallInsight,
    now_ms: i64,
    lower: impl Fn(&str) -> String,
) -> Vec<WallItem> {
    let needle = lower(view.filter.trim());
    let is_shown = |tile: &&TileBrief| {
        // By a name that is hidden nobody is found.
        let is_named = needle.is_empty() || lower(&tile.user).contains(&needle);
        let is_staff = people.is_staff(&tile.user);
        let is_one = match is_staff {
            true => view.show == Show::Everyone && view.group.is_none(),
            false => people.is_counted(&tile.user, view.group.as_deref()),
        };
        is_named
            && is_one
            && tile.is_shown(view.show, now_ms)
            && insight.is_shown(&tile.user, &view.insight)
    };
    let mut groups: Vec<(String, Vec<&TileBrief>)> = headings(view, people)
        .into_iter()
        .map(|name| (name, Vec::new()))
        .collect();
    let last = groups.len() - 1;
    for tile in tiles.iter().filter(is_shown) {
        let group = match people.is_staff(&tile.user) {
            true => last,
            false => group_of(tile, view.grouping, people, now_ms).min(last - 1),
        };
        let shown = &mut groups[group].1;
        shown.insert(
            shown.partition_point(|it| is_before(it, tile, view.sort)),
            tile,
        );
    }
    let has_headings = view.grouping != Grouping::None;
    let groups = groups.into_iter().filter(|(_, tiles)| !tiles.is_empty());
    let items = groups.flat_map(|(name, tiles)| {
        let heading =
            (has_headings && !name.is_empty()).then_some(WallItem::Heading(name, tiles.len()));
        let tiles = tiles.into_iter().map(|it| WallItem::Tile(it.user.clone()));
        heading.into_iter().chain(tiles)
    });
    items.collect()
}

/// The names of the groups, in order; those who see everyone are in the last.
fn headings(view: &View, people: &People) -> Vec<String> {
    let mut names: Vec<String> = match view.grouping {
        Grouping::None => vec![String::new()],
        Grouping::State => ["With an error", "At work", "Away"]
            .map(str::to_owned)
            .to_vec(),
        Grouping::Groups => {
            let names = people.groups.iter().map(|it| it.name.clone());
            names.chain(["In no group".to_owned()]).collect()
        }
    };
    names.push("Instructors and helpers".to_owned());
    names
}

/// The index of a participant's group.
fn group_of(tile: &TileBrief, grouping: Grouping, people: &People, now_ms: i64) -> usize {
    match grouping {
        Grouping::None => 0,
        Grouping::State => tile.state(now_ms) as usize,
        Grouping::Groups => people.group_of(&tile.user).unwrap_or(people.groups.len()),
    }
}

fn is_before(a: &TileBrief, b: &TileBrief, sort: Sort) -> bool {
    match sort {
        Sort::Recent if a.saved_at_ms != b.saved_at_ms => a.saved_at_ms > b.saved_at_ms,
        _ => a.user < b.user,
    }
}

/// The arrangement while somebody points at the wall or has the focus in it: whatever is shown stays
/// where it is, and what is new comes at the end.
pub fn settled(shown: &[WallItem], wanted: &[WallItem]) -> Vec<WallItem> {
    let is_new = |item: &&WallItem| matches!(item, WallItem::Tile(_)) && !shown.contains(item);
    let new = wanted.iter().filter(is_new);
    shown.iter().chain(new).cloned().collect()
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
    /// How many have not saved for long.
    pub away: usize,
}

/// Counts the participants, of `group` if there is one, at `now_ms`.
pub fn count(tiles: &[TileBrief], people: &People, group: Option<&str>, now_ms: i64) -> WallCounts {
    let mut counts = WallCounts::default();
    let counted = tiles.iter().filter(|it| people.is_counted(&it.user, group));
    for tile in counted {
        counts.participants += 1;
        counts.errors += usize::from(tile.is_shown(Show::Errors, now_ms));
        counts.recent += usize::from(tile.is_shown(Show::Recent, now_ms));
        counts.away += usize::from(tile.is_shown(Show::Away, now_ms));
    }
    counts
}

impl WallCounts {
    /// The counts in words, each with what it filters by.
    pub fn words(&self) -> [(Show, String); 4] {
        [
            (Show::Everyone, participants(self.participants)),
            (Show::Errors, format!("{} with an error", self.errors)),
            (
                Show::Recent,
                format!("{} saved in the last minute", self.recent),
            ),
            (Show::Away, format!("{} away", self.away)),
        ]
    }
}

/// `1 participant`, `12 participants`.
fn participants(count: usize) -> String {
    match count {
        1 => "1 participant".to_owned(),
        _ => format!("{count} participants"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 10_000_000;

    fn brief(user: &str, age_s: i64, ends_in_error: bool) -> TileBrief {
        TileBrief {
            user: user.to_owned(),
            saved_at_ms: NOW_MS - 1_000 * age_s,
            ends_in_error,
            total_cells: 3,
            has_problem: false,
        }
    }

    fn class() -> [TileBrief; 5] {
        [
            brief("Andrea", 5, false),
            brief("ana", 5, true),
            brief("dora", 70, false),
            brief("ines", 1, false),
            brief("Élise", 900, false),
        ]
    }

    fn people() -> People {
        let group = |name: &str, members: &[&str]| PeopleGroup {
            name: name.to_owned(),
            members: members.iter().map(|it| (*it).to_owned()).collect(),
        };
        People {
            staff: vec!["ines".to_owned()],
            groups: vec![
                group("monday", &["ana", "ines"]),
                group("tuesday", &["dora", "ana"]),
            ],
        }
    }

    /// The arrangement in words: tiles by their names, headings with their counts.
    fn arranged(query: &str) -> Vec<String> {
        let items = arrange(
            &class(),
            &View::parse(query),
            &people(),
            &WallInsight::default(),
            NOW_MS,
            str::to_lowercase,
        );
        let words = items.into_iter().map(|item| match item {
            WallItem::Heading(name, count) => format!("{name}: {count}"),
            WallItem::Tile(user) => user,
        });
        words.collect()
    }

    #[test]
    fn tiles_are_filtered_and_ordered() {
        // The service's order, by code point; who sees everyone comes last.
        assert_eq!(arranged(""), ["Andrea", "ana", "dora", "Élise", "ines"]);
        assert_eq!(
            arranged("sort=recent"),
            ["Andrea", "ana", "dora", "Élise", "ines"]
        );
        assert_eq!(arranged("q=+AN&sort=recent"), ["Andrea", "ana"]);
        assert_eq!(arranged("q=él"), ["Élise"]);
        assert_eq!(arranged("show=error"), ["ana"]);
        assert_eq!(arranged("show=recent"), ["Andrea", "ana"]);
        assert_eq!(arranged("show=away"), ["Élise"]);
        assert!(arranged("q=zoe").is_empty());
    }

    #[test]
    fn a_group_of_the_hub_is_a_class() {
        assert_eq!(arranged("group=monday"), ["ana"]);
        assert_eq!(arranged("group=tuesday&show=recent"), ["ana"]);
        assert!(arranged("group=friday").is_empty());
    }

    #[test]
    fn tiles_are_grouped() {
        assert_eq!(
            arranged("by=state"),
            [
                "With an error: 1",
                "ana",
                "At work: 2",
                "Andrea",
                "dora",
                "Away: 1",
                "Élise",
                "Instructors and helpers: 1",
                "ines"
            ]
        );
        // Everybody is in one group: the first of theirs.
        assert_eq!(
            arranged("by=group"),
            [
                "monday: 1",
                "ana",
                "tuesday: 1",
                "dora",
                "In no group: 2",
                "Andrea",
                "Élise",
                "Instructors and helpers: 1",
                "ines"
            ]
        );
    }

    #[test]
    fn participants_are_counted_and_who_sees_everyone_is_not() {
        let counts = count(&class(), &people(), None, NOW_MS);
        let expected = WallCounts {
            participants: 4,
            errors: 1,
            recent: 2,
            away: 1,
        };
        assert_eq!(counts, expected);
        let monday = count(&class(), &people(), Some("monday"), NOW_MS);
        assert_eq!((monday.participants, monday.errors), (1, 1));
        assert_eq!(monday.words()[0].1, "1 participant");
        assert_eq!(counts.words()[3], (Show::Away, "1 away".to_owned()));
    }

    #[test]
    fn what_is_looked_at_keeps_its_place() {
        let tile = |user: &str| WallItem::Tile(user.to_owned());
        let shown = [
            WallItem::Heading("At work".to_owned(), 2),
            tile("ana"),
            tile("bo"),
        ];
        let wanted = [
            WallItem::Heading("With an error".to_owned(), 2),
            tile("cy"),
            tile("bo"),
        ];
        let settled = settled(&shown, &wanted);
        assert_eq!(settled[..3], shown);
        assert_eq!(settled[3..], [tile("cy")]);
    }

    #[test]
    fn a_change_is_told_by_the_number_of_cells() {
        let before = brief("ana", 9, false);
        let with = |total_cells| TileBrief {
            total_cells,
            ..before.clone()
        };
        let change = |cells| with(cells).change_since(&before);
        assert_eq!([change(3), change(5), change(1)], ["•", "+2", "−2"]);
    }
}
