//! The state of a page in its URL: everything that a reader may want to send to a colleague.

use super::arrangement::{Density, Grouping, Show, Sort};
use super::insight::{HelpState, InsightFilter};

/// The state in the query string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The chosen notebook, by its path below a home.
    pub notebook: Option<String>,
    /// The participant whose whole notebook is shown.
    pub user: Option<String>,
    /// The number of the shown version; `None` for the newest.
    pub version: Option<i64>,
    /// Shows the changes instead of the whole notebook.
    pub changes: bool,
    /// Shows the versions of the last minutes, one after the other.
    pub replay: bool,
    /// Shows only participants whose name contains this text.
    pub filter: String,
    /// The order of the tiles.
    pub sort: Sort,
    /// The size of the tiles.
    pub density: Density,
    /// What the tiles are grouped by.
    pub grouping: Grouping,
    /// Which participants are shown, by their state.
    pub show: Show,
    /// Which participants are shown, by what their saves say.
    pub insight: InsightFilter,
    /// Shows only the members of this group of the Hub.
    pub group: Option<String>,
    /// Shows the tiles alone, without controls, for a second screen.
    pub screen: bool,
    /// Shows numbers instead of participants' names.
    pub hides_names: bool,
}

impl View {
    /// Reads a query string, with or without its `?`. Unknown keys are ignored.
    pub fn parse(search: &str) -> Self {
        let mut view = Self::default();
        for pair in search.trim_start_matches('?').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            match key {
                "notebook" if !value.is_empty() => view.notebook = Some(value),
                "user" if !value.is_empty() => view.user = Some(value),
                "version" => view.version = value.parse().ok(),
                "changes" => view.changes = value == "1",
                "replay" => view.replay = value == "1",
                "q" => view.filter = value,
                "sort" if value == "recent" => view.sort = Sort::Recent,
                "size" => view.density = named(Density::KEYS, &value),
                "by" => view.grouping = named(Grouping::KEYS, &value),
                "show" => view.show = named(Show::KEYS, &value),
                "error" if !value.is_empty() => view.insight.error = Some(value),
                // Cells count from 1 for people.
                "before" => {
                    let cell = value.parse().ok();
                    view.insight.before = cell.and_then(|cell: usize| cell.checked_sub(1));
                }
                "help" => view.insight.help = named(HelpState::KEYS, &value),
                "group" if !value.is_empty() => view.group = Some(value),
                "screen" => view.screen = value == "1",
                "names" => view.hides_names = value == "0",
                _ => {}
            }
        }
        view
    }

    /// The query string with its `?`; empty for the default view.
    pub fn to_query(&self) -> String {
        let mut pairs = Vec::new();
        if let Some(notebook) = &self.notebook {
            pairs.push(format!("notebook={}", encode(notebook)));
        }
        if let Some(user) = &self.user {
            pairs.push(format!("user={}", encode(user)));
        }
        if let Some(version) = self.version {
            pairs.push(format!("version={version}"));
        }
        if self.changes {
            pairs.push("changes=1".to_owned());
        }
        if self.replay {
            pairs.push("replay=1".to_owned());
        }
        if !self.filter.is_empty() {
            pairs.push(format!("q={}", encode(&self.filter)));
        }
        if self.sort == Sort::Recent {
            pairs.push("sort=recent".to_owned());
        }
        let chosen = [
            ("size", key_of(Density::KEYS, self.density)),
            ("by", key_of(Grouping::KEYS, self.grouping)),
            ("show", key_of(Show::KEYS, self.show)),
            ("screen", if self.screen { "1" } else { "" }),
            ("names", if self.hides_names { "0" } else { "" }),
        ];
        let chosen = chosen.iter().filter(|(_, value)| !value.is_empty());
        pairs.extend(chosen.map(|(key, value)| format!("{key}={value}")));
        if let Some(error) = &self.insight.error {
            pairs.push(format!("error={}", encode(error)));
        }
        if let Some(before) = self.insight.before {
            pairs.push(format!("before={}", before + 1));
        }
        if self.insight.help != HelpState::None {
            pairs.push(format!("help={}", self.insight.help.name()));
        }
        if let Some(group) = &self.group {
            pairs.push(format!("group={}", encode(group)));
        }
        if pairs.is_empty() {
            return String::new();
        }
        format!("?{}", pairs.join("&"))
    }

    /// The same view of another participant, or of all with `None`; of the newest version, because
    /// version numbers belong to one copy.
    pub fn with_user(&self, user: Option<&str>) -> Self {
        Self {
            user: user.map(str::to_owned),
            version: None,
            changes: false,
            replay: false,
            ..self.clone()
        }
    }

    /// The same notebook in another version, which ends a replay.
    pub fn at(&self, version: Option<i64>) -> Self {
        Self {
            version,
            replay: false,
            ..self.clone()
        }
    }

    /// The same view with or without the changes.
    pub fn with_changes(&self, changes: bool) -> Self {
        Self {
            changes,
            replay: false,
            ..self.clone()
        }
    }

    /// Whether both views show one participant's copy of one notebook.
    pub fn is_same_copy(&self, other: &Self) -> bool {
        self.notebook == other.notebook && self.user == other.user
    }
}

/// The choice with this name in an address; the default for a name that none has.
fn named<T: Copy + Default>(choices: &[(T, &str)], name: &str) -> T {
    let found = choices.iter().find(|(_, key)| *key == name);
    found.map_or_else(T::default, |(choice, _)| *choice)
}

/// The name of a choice in an address; empty for the default.
fn key_of<T: Copy + PartialEq>(choices: &[(T, &'static str)], choice: T) -> &'static str {
    let found = choices.iter().find(|(known, _)| *known == choice);
    found.map_or("", |(_, key)| *key)
}

/// The title of the browser's tab: the given parts, then the product.
pub fn title(parts: &[Option<&str>]) -> String {
    let mut title = String::new();
    for part in parts.iter().flatten() {
        title.push_str(part);
        title.push_str(" · ");
    }
    title + "PipalHub"
}

/// Percent-encodes the characters that have a meaning in a query. `/` has none there and is kept,
/// because `notebook=module1/day1.ipynb` is easier to read.
pub fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    encoded
}

/// Undoes percent-encoding; `+` is a space, and an invalid escape stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (escape, bytes[at]) {
            (Some(byte), _) => {
                decoded.push(byte);
                at += 3;
                continue;
            }
            (None, b'+') => decoded.push(b' '),
            (None, byte) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_back_from_its_query() {
        let views = [
            View::default(),
            View {
                notebook: Some("module 1/día & 100%+1=?#.ipynb".into()),
                user: Some("o'brien".into()),
                filter: "a b".into(),
                sort: Sort::Recent,
                version: Some(17),
                changes: true,
                replay: true,
                insight: InsightFilter {
                    error: Some("a&b".into()),
                    before: Some(0),
                    help: HelpState::Helped,
                },
                density: Density::Dots,
                grouping: Grouping::State,
                show: Show::Away,
                group: Some("monday & co".into()),
                screen: true,
                hides_names: true,
            },
            View {
                notebook: Some("a%20b.ipynb".into()),
                ..View::default()
            },
        ];
        for view in views {
            assert_eq!(View::parse(&view.to_query()), view);
        }
    }

    #[test]
    fn a_cell_that_is_none_is_not_read() {
        for query in ["before=0", "before=x", "before="] {
            assert_eq!(View::parse(query), View::default(), "{query}");
        }
    }

    #[test]
    fn whoever_goes_on_ends_a_replay() {
        let view = View::parse("?notebook=a&user=ana&replay=1");
        assert!(view.replay);
        for next in [
            view.at(Some(3)),
            view.with_changes(true),
            view.with_user(None),
        ] {
            assert!(!next.replay);
        }
    }

    #[test]
    fn the_default_view_has_no_query() {
        assert_eq!(View::default().to_query(), "");
    }

    #[test]
    fn a_version_belongs_to_one_copy() {
        let view = View::parse("?notebook=a&user=ana&version=7&changes=1");
        assert_eq!((view.version, view.changes), (Some(7), true));
        let next = view.with_user(Some("bo"));
        assert_eq!((next.version, next.changes), (None, false));
        assert!(view.is_same_copy(&view.at(None)) && !view.is_same_copy(&next));
        assert_eq!(View::parse("version=x").version, None);
    }

    #[test]
    fn the_title_begins_with_its_parts() {
        assert_eq!(title(&[]), "PipalHub");
        assert_eq!(title(&[Some("ana"), None]), "ana · PipalHub");
    }

    #[test]
    fn odd_queries_are_read_tolerantly() {
        assert_eq!(View::parse("?&notebook=&x=1&sort=up"), View::default());
        let unknown = "size=huge&by=&show=all&group=&screen=yes&names=1";
        assert_eq!(View::parse(unknown), View::default());
        assert_eq!(View::parse("q=a+b%2").filter, "a b%2");
        assert_eq!(View::parse("q=%é").filter, "%é");
    }
}
