//! The selectors of a style sheet, as far as they are applied: elements by name, id, classes and
//! number, one within another.

use super::tag::Tag;

/// The longest classes and styles of an element that are compared with rules, each of which goes
/// through them.
const MAX_VALUE_BYTES: usize = 2000;
/// The most elements of a selector.
const MAX_SELECTOR_PARTS: usize = 8;

/// One element of a selector: its name, id, classes and number, as far as it says them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Compound<'c> {
    pub(super) name: Option<&'c str>,
    pub(super) id: Option<&'c str>,
    pub(super) classes: Vec<&'c str>,
    /// Which children of a parent it is for.
    nth: Option<NthChild>,
    /// Whether it stands directly in the one before it.
    pub(super) is_child: bool,
}

/// The children with the numbers `step * n + offset`, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct NthChild {
    step: usize,
    offset: usize,
}

/// An element that is open.
pub(super) struct OpenElement<'h> {
    pub(super) name: &'h str,
    pub(super) id: Option<&'h str>,
    pub(super) classes: &'h str,
    pub(super) style: &'h str,
    /// Its number among its parent's children.
    number: usize,
    /// The children that it has so far.
    pub(super) children: usize,
}

impl<'h> OpenElement<'h> {
    /// The element that `found` opens, the `number`th child of its parent.
    pub(super) fn of(found: &Tag<'h>, number: usize) -> Self {
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
            number,
            children: 0,
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
            && self.nth.is_none_or(|nth| nth.has(element.number))
            && self.classes.iter().all(has_class)
    }

    /// Writes it as a selector of its own.
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
        if let Some(NthChild { step, offset }) = self.nth {
            out.push_str(&format!(":nth-child({step}n+{offset})"));
        }
    }

    pub(super) fn specificity(&self) -> usize {
        let id = usize::from(self.id.is_some());
        let classes = self.classes.len() + usize::from(self.nth.is_some());
        10_000 * id + 100 * classes + usize::from(self.name.is_some())
    }
}

impl NthChild {
    fn has(self, number: usize) -> bool {
        match (number.checked_sub(self.offset), self.step) {
            (None, _) => false,
            (Some(past), 0) => past == 0,
            (Some(past), step) => past.is_multiple_of(step),
        }
    }

    /// Of `odd`, `even`, `3`, `n`, `2n`, `2n+1`, and what comes first.
    fn of(text: &str) -> Option<Self> {
        let text: String = text.split_ascii_whitespace().collect();
        let (step, offset) = match text.as_str() {
            "odd" => (2, 1),
            "even" => (2, 0),
            text => match text.split_once('n') {
                None => (0, text.parse().ok()?),
                Some((step, offset)) => {
                    let step = if step.is_empty() {
                        1
                    } else {
                        step.parse().ok()?
                    };
                    let offset = offset.strip_prefix('+').unwrap_or(offset);
                    let offset = if offset.is_empty() {
                        0
                    } else {
                        offset.parse().ok()?
                    };
                    (step, offset)
                }
            },
        };
        Some(Self { step, offset })
    }
}

/// The parts of a selector; `None` when it has anything but elements within each other.
pub(super) fn compounds(selector: &str) -> Option<Vec<Compound<'_>>> {
    let mut parts = Vec::new();
    let mut is_child = false;
    let mut rest = selector.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('>') {
            is_child = true;
            rest = after.trim_start();
            continue;
        }
        // Spaces stand in the brackets of a number, too.
        let mut depth = 0_usize;
        let end = rest.find(|c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (c.is_ascii_whitespace() || c == '>')
        });
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        let mut found = compound(part)?;
        found.is_child = std::mem::take(&mut is_child);
        parts.push(found);
        rest = after.trim_start();
    }
    (1..=MAX_SELECTOR_PARTS)
        .contains(&parts.len())
        .then_some(parts)
}

fn compound(part: &str) -> Option<Compound<'_>> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let mut found = Compound::default();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let mark = usize::from(matches!(first, '.' | '#' | ':'));
        let end = rest[mark..].find(|c| !is_name(c));
        let end = end.map_or(rest.len(), |end| mark + end);
        let name = &rest[mark..end];
        (!name.is_empty()).then_some(())?;
        rest = &rest[end..];
        match first {
            '.' => found.classes.push(name),
            '#' => found.id = Some(name),
            ':' if name == "first-child" => found.nth = NthChild::of("1"),
            ':' if name == "nth-child" => {
                let (number, after) = rest.strip_prefix('(')?.split_once(')')?;
                found.nth = Some(NthChild::of(number)?);
                rest = after;
            }
            ':' => return None,
            _ => found.name = Some(name),
        }
    }
    Some(found)
}
