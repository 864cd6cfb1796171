//! Refuses HTML that a parser could not parse in a time proportional to its size.
//!
//! A browser's parser, and so ammonia's, is quadratic in how deep elements are nested, in how
//! many unclosed `<b>`s are reopened in each paragraph, and in the attributes of a tag. A scan of
//! the tags counts these. HTML of libraries stays far below the limits.

use std::collections::HashMap;

/// The most elements within each other, and the most that are reopened; Chromium's limit, too.
const MAX_ELEMENT_DEPTH: usize = 500;
/// The most elements in a table but in no cell, which a parser moves out of the table.
const MAX_MISPLACED_ELEMENTS: usize = 1000;
/// The most nodes: elements with those that reopening makes, comments, texts and lists of
/// attributes. One output may draw fewer, so HTML of more is refused before it is parsed, which
/// would take some 200 bytes for each node.
const MAX_DOM_NODES: usize = 150_000;
/// The number of attributes that take as much memory as an element.
const ATTRIBUTES_PER_NODE: usize = 4;
/// The most separators inside one tag.
const MAX_TAG_SEPARATORS: usize = 2000;

/// Elements that a parser opens again in the next block when they were not closed.
const REOPENED_ELEMENTS: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Elements that are never closed, or need not be; they nest only through others.
const NON_NESTING_ELEMENTS: [&str; 22] = [
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li",
    "link", "meta", "option", "p", "source", "tbody", "tfoot", "thead", "tr", "wbr",
];
/// Elements whose contents end tags do not reach out of.
const SCOPE_BOUNDARIES: [&str; 13] = [
    "applet", "button", "caption", "marquee", "math", "noscript", "object", "select", "svg",
    "table", "td", "template", "th",
];
/// Elements that may stand in a table outside its cells.
const TABLE_CHILDREN: [&str; 13] = [
    "caption", "col", "colgroup", "form", "script", "style", "tbody", "td", "template", "tfoot",
    "th", "thead", "tr",
];
/// Elements whose content is text up to their end tag.
const RAW_TEXT_ELEMENTS: [&str; 9] = [
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
];

/// Refuses `html` that exceeds a limit; the error names it in words.
pub(super) fn check(html: &str) -> Result<(), &'static str> {
    let mut open = OpenElements::default();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        open.nodes(usize::from(start > 0))?;
        rest = &rest[start + 1..];
        if rest.starts_with(['!', '?']) {
            open.nodes(1)?;
            rest = &rest[declaration_length(rest)?..];
            continue;
        }
        let (closes, tag) = match rest.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'/');
        let length = tag.bytes().position(ends).unwrap_or(tag.len());
        let name = tag[..length].to_ascii_lowercase();
        let after = &tag[length..];
        let (end, separators) = tag_end(after)?;
        rest = &after[end..];
        open.nodes(separators.div_ceil(ATTRIBUTES_PER_NODE))?;
        if closes {
            // A parser makes an element of these end tags when none of the name is open.
            open.nodes(usize::from(matches!(name.as_str(), "br" | "p")))?;
            open.end(&name);
            continue;
        }
        let foreign = open.is_inside(&["svg", "math"]);
        if RAW_TEXT_ELEMENTS.contains(&name.as_str()) && !foreign {
            open.nodes(1)?;
            rest = &rest[text_length(rest, &name)..];
        } else {
            open.start(name)?;
        }
    }
    Ok(())
}

/// The length of a comment, or of a declaration that a parser takes for one.
fn declaration_length(rest: &str) -> Result<usize, &'static str> {
    if rest.starts_with("![CDATA[") {
        // Whether it hides what follows depends on where it stands.
        return Err("it contains a CDATA section");
    }
    if !rest.starts_with("!--") {
        return Ok(rest.find('>').unwrap_or(rest.len()));
    }
    // `<!-->` is a whole comment, so the end may overlap the start. One scan looks for both ends,
    // because a search for each would read the rest again and again for the missing one.
    let bytes = rest.as_bytes();
    let end = (1..bytes.len()).find_map(|at| {
        let ends = ["-->", "--!>"].iter();
        let mut found = ends.filter(|end| bytes[at..].starts_with(end.as_bytes()));
        found.next().map(|end| at + end.len())
    });
    Ok(end.unwrap_or(rest.len()))
}

/// The open elements, as far as tags tell. Where this and the parser differ, this must count
/// more: an end tag only counts when it stands inside the same boundary, such as a table cell,
/// as its start tag.
#[derive(Default)]
struct OpenElements {
    /// For each name, the number of the boundary around each open element.
    elements: HashMap<String, Vec<usize>>,
    /// The open boundaries, which end tags do not reach out of, and their numbers.
    boundaries: Vec<(String, usize)>,
    last_boundary: usize,
    depth: usize,
    reopening: usize,
    misplaced: usize,
    nodes: usize,
}

impl OpenElements {
    /// Counts nodes that a parser makes.
    fn nodes(&mut self, more: usize) -> Result<(), &'static str> {
        self.nodes += more;
        match self.nodes > MAX_DOM_NODES {
            true => Err("it has too many elements"),
            false => Ok(()),
        }
    }

    fn start(&mut self, name: String) -> Result<(), &'static str> {
        self.nodes(1 + self.reopening)?;
        self.leave_cell(&name);
        let in_table = self
            .boundaries
            .last()
            .is_some_and(|(last, _)| last == "table");
        self.misplaced += usize::from(in_table && !TABLE_CHILDREN.contains(&name.as_str()));
        if SCOPE_BOUNDARIES.contains(&name.as_str()) {
            self.last_boundary += 1;
            self.boundaries.push((name, self.last_boundary));
        } else if !NON_NESTING_ELEMENTS.contains(&name.as_str()) {
            if REOPENED_ELEMENTS.contains(&name.as_str()) {
                self.reopening += 1;
            } else {
                self.depth += 1;
            }
            let boundary = self.boundary();
            self.elements.entry(name).or_default().push(boundary);
        }
        if self.depth + self.boundaries.len() > MAX_ELEMENT_DEPTH {
            return Err("its elements are nested too deep");
        }
        if self.misplaced > MAX_MISPLACED_ELEMENTS {
            return Err("too much stands between the cells of a table");
        }
        if self.reopening > MAX_ELEMENT_DEPTH {
            return Err("too many of its elements are never closed");
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        self.leave_cell(name);
        if let Some(at) = self.boundaries.iter().rposition(|(open, _)| open == name) {
            self.boundaries.truncate(at);
            return;
        }
        let boundary = self.boundary();
        let Some(open) = self.elements.get_mut(name) else {
            return;
        };
        if open.last() == Some(&boundary) {
            open.pop();
            if REOPENED_ELEMENTS.contains(&name) {
                self.reopening -= 1;
            } else {
                self.depth -= 1;
            }
        }
    }

    /// Ends an unclosed cell where the next cell, row or part of a table begins.
    fn leave_cell(&mut self, name: &str) {
        let cell = |name: &str| matches!(name, "td" | "th");
        let part = matches!(name, "tr" | "tbody" | "thead" | "tfoot") || cell(name);
        if part && self.boundaries.last().is_some_and(|(last, _)| cell(last)) {
            self.boundaries.pop();
        }
    }

    fn boundary(&self) -> usize {
        self.boundaries.last().map_or(0, |(_, number)| *number)
    }

    fn is_inside(&self, names: &[&str]) -> bool {
        self.boundaries
            .iter()
            .any(|(open, _)| names.contains(&open.as_str()))
    }
}

/// The length of the rest of a tag after its name, and the separators in it.
fn tag_end(rest: &str) -> Result<(usize, usize), &'static str> {
    let mut quote = None;
    let mut previous = 0;
    let mut separators = 0;
    for (at, byte) in rest.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => continue,
            None if byte == b'>' => return Ok((at + 1, separators)),
            // A quote that does not follow an equals sign is part of a name.
            None if matches!(byte, b'"' | b'\'') && previous == b'=' => quote = Some(byte),
            None => {}
        }
        separators +=
            usize::from(byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\''));
        if separators > MAX_TAG_SEPARATORS {
            return Err("one of its tags has too many attributes");
        }
        if !byte.is_ascii_whitespace() {
            previous = byte;
        }
    }
    Ok((rest.len(), separators))
}

/// The length of the text in a raw text element.
fn text_length(rest: &str, name: &str) -> usize {
    if name == "plaintext" {
        return rest.len();
    }
    let ends = |at: usize| {
        let after = rest[at..].strip_prefix("</")?;
        let end = after.get(..name.len())?;
        end.eq_ignore_ascii_case(name).then_some(at)
    };
    let end = rest.match_indices("</").find_map(|(at, _)| ends(at));
    end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn html_of_libraries_passes() {
        let row = "<tr><th>a</th><td><b>1</b><td><a href='x'>2</a></td></tr>";
        let table = format!(
            "<div><style>b > i {{}}</style><table>{}</table></div>",
            row.repeat(2000)
        );
        assert_eq!(check(&table.repeat(6)), Ok(()));
        assert_eq!(check("<!-- <b --><p>a<p>b<br><ul><li>c<li>d</ul>"), Ok(()));
        assert_eq!(check("a < b, <3, </, <!-->, <"), Ok(()));
    }

    #[test]
    fn html_that_takes_long_is_refused() {
        let numbered = |part: &str| -> String {
            (0..2000)
                .map(|n| part.replace('N', &n.to_string()))
                .collect()
        };
        for bomb in [
            "<div>".repeat(1000),
            "<br>".repeat(150_001),
            "<p>x".repeat(75_001),
            "<!>".repeat(150_001),
            "</p>".repeat(150_001),
            format!("<b {}>", "a=b ".repeat(2000)).repeat(400),
            numbered("<i>x</i><b x=N><p>").repeat(10),
            "<table><tr><td>".repeat(1000),
            numbered("<b x=N>") + &"<p>x".repeat(10_000),
            numbered("<b x=N><table><td></b></td></table>") + &"<p>x".repeat(10_000),
            "<table>".to_owned() + &"a<br>".repeat(2000),
            "<table><tr><td></tr>".to_owned() + &"a<i></i>".repeat(2000),
            numbered("<b x=N><svg></b></svg>"),
            numbered("<b x=N><!-- --!>"),
            numbered("<b x=N><!</b>"),
            "<svg><title>".to_owned() + &numbered("<b x=N>"),
            format!("<b {}>", "a=1 ".repeat(3000)),
            format!("<b {}>", "a=''".repeat(3000)),
        ] {
            assert!(check(&bomb).is_err(), "{bomb:.60}");
        }
    }
}
