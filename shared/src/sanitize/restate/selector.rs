//! Selectors of style sheets: elements, classes and ids, one within another.

use super::tag::Tag;

/// The longest classes and styles of an element that are compared with rules, each of which goes
/// through them.
const MAX_VALUE_BYTES: usize = 2000;
/// The most elements of a selector.
const MAX_SELECTOR_PARTS: usize = 8;

/// One element of a selector: its name, id and classes, as far as it says them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Compound<'c> {
    pub(super) name: Option<&'c str>,
    pub(super) id: Option<&'c str>,
    pub(super) classes: Vec<&'c str>,
}

/// An element that is open.
pub(super) struct OpenElement<'h> {
    pub(super) name: &'h str,
    pub(super) id: Option<&'h str>,
    pub(super) classes: &'h str,
    pub(super) style: &'h str,
}

impl<'h> OpenElement<'h> {
    pub(super) fn of(found: &Tag<'h>) -> Self {
        let short = |name: &str| {
            let value = found.value(name).unwrap_or_default();
            if value.len() <= MAX_VALUE_BYTES {
                value
            } else {
                ""
            }
        };
        Self {
            name: found.name,
            id: found.value("id"),
            classes: short("class"),
            style: short("style"),
        }
    }

    /// The names by which rules for it are found.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'h str> {
        let classes = self.classes.split_ascii_whitespace();
        self.id.into_iter().chain(classes).chain([self.name])
    }
}

impl<'c> Compound<'c> {
    /// The name by which rules for it are found.
    pub(super) fn key(&self) -> Option<&'c str> {
        self.id.or(self.classes.first().copied()).or(self.name)
    }

    pub(super) fn is(&self, element: &OpenElement<'_>) -> bool {
        let has_class = |class: &&str| {
            let mut own = element.classes.split_ascii_whitespace();
            own.any(|own| own == *class)
        };
        self.name
            .is_none_or(|name| name.eq_ignore_ascii_case(element.name))
            && self.id.is_none_or(|id| element.id == Some(id))
            && self.classes.iter().all(has_class)
    }

    /// Writes it as a selector.
    pub(super) fn push(&self, out: &mut String) {
        out.push_str(self.name.unwrap_or_default());
        for (mark, name) in self
            .id
            .map(|id| ("#", id))
            .into_iter()
            .chain(self.classes.iter().map(|class| (".", *class)))
        {
            out.extend([mark, name]);
        }
    }

    pub(super) fn specificity(&self) -> usize {
        let id = usize::from(self.id.is_some());
        10_000 * id + 100 * self.classes.len() + usize::from(self.name.is_some())
    }
}

/// The parts of a selector; `None` when it has anything but elements within each other.
pub(super) fn compounds(selector: &str) -> Option<Vec<Compound<'_>>> {
    let parts = selector.split(|c: char| c.is_ascii_whitespace() || c == '>');
    let parts: Option<Vec<_>> = parts
        .filter(|part| !part.is_empty())
        .map(compound)
        .collect();
    parts.filter(|parts| (1..=MAX_SELECTOR_PARTS).contains(&parts.len()))
}

fn compound(part: &str) -> Option<Compound<'_>> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let mut found = Compound::default();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let mark = usize::from(matches!(first, '.' | '#'));
        let end = rest[mark..].find(|c| !is_name(c));
        let end = end.map_or(rest.len(), |end| mark + end);
        let name = &rest[mark..end];
        (!name.is_empty()).then_some(())?;
        match first {
            '.' => found.classes.push(name),
            '#' => found.id = Some(name),
            _ => found.name = Some(name),
        }
        rest = &rest[end..];
    }
    Some(found)
}
