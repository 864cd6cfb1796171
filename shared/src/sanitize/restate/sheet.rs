//! The looks that a fragment's style sheets give to its own elements.
//!
//! pandas' Styler colours each cell by its id, scikit-learn and xarray hide the plain form of what
//! they show and R lays out lists: all by a `style` element in the same output. Rules with simple
//! selectors (elements, classes and ids, their number among their parent's children, one within
//! another) are applied here to the `style` of the elements, of which the sanitiser keeps what
//! matters. All other rules are left out, as are those for paper, narrow screens and dark themes.

use std::collections::HashMap;

use super::{
    drawing::drawing_length,
    drawn::{DrawnRules, InlineDrawing, mentions_current_colour},
    selector::{Compound, OpenElement, compounds},
    tag::{RAW_ELEMENTS, content, may_have, push_styled, tag, text_length},
};

/// Properties of which the sanitiser keeps something.
const PROPERTIES: [&str; 25] = [
    "background",
    "background-color",
    "border",
    "border-left",
    "color",
    "display",
    "flex-direction",
    "flex-flow",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "list-style",
    "list-style-type",
    "margin",
    "margin-inline",
    "margin-left",
    "padding-left",
    "text-align",
    "text-decoration",
    "text-decoration-line",
    "visibility",
    "white-space",
];

/// The most rules that are read.
const MAX_RULES: usize = 20_000;
/// The most elements within each other in which ancestors are looked for.
const MAX_OPEN: usize = 100;
/// The work for each byte of the fragment: rules that are compared with elements, and bytes of looks.
const MAX_STEPS_PER_BYTE: usize = 2;
/// Elements that hold nothing.
const EMPTY_ELEMENTS: [&str; 10] = [
    "area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr",
];

/// Whether a style sheet gives a look to an element of its fragment. That of pandas' own tables
/// says what this project's does.
pub(in crate::sanitize) fn has_looks(css: &str) -> bool {
    let mut sheet = Sheet::default();
    sheet.read(css, false);
    !sheet.rules.is_empty()
}

/// `html` with the looks of its style sheets in its elements; `None` where they have none.
pub(super) fn inlined(html: &str) -> Option<String> {
    let has_drawing = may_have(html, &["svg"]);
    let inherits = has_drawing && mentions_current_colour(html);
    if !may_have(html, &["style"]) && !inherits {
        return None;
    }
    let mut sheet = Sheet::default();
    let mut drawing_end = 0;
    let mut at = 0;
    while let Some(next) = html[at..].find('<') {
        at += next;
        let Some((found, length)) = tag(&html[at..]) else {
            at += text_length(&html[at..]);
            continue;
        };
        at += length;
        if found.closes {
            continue;
        }
        let rest = &html[at..];
        if found.is("svg") && at >= drawing_end && !html[..at].ends_with("/>") {
            drawing_end = at + drawing_length(rest).0;
        } else if RAW_ELEMENTS.iter().any(|name| found.is(name)) {
            let (inside, end) = content(rest, found.name);
            if found.is("style") {
                sheet.read(&rest[..inside], has_drawing && at >= drawing_end);
            }
            at += inside + end;
        }
    }
    let says_something = !sheet.rules.is_empty() || !sheet.drawn.is_empty() || inherits;
    says_something.then(|| sheet.applied(html))
}

/// A rule for what its last compound is, within the others.
#[derive(Debug)]
struct Rule<'c> {
    selector: Vec<Compound<'c>>,
    /// The declarations, and those that are important.
    declarations: [String; 2],
    specificity: usize,
}

#[derive(Default)]
struct Sheet<'c> {
    rules: Vec<Rule<'c>>,
    /// The rules by the id, class or name of their last compound.
    by_key: HashMap<&'c str, Vec<usize>>,
    /// What they say of drawings.
    drawn: DrawnRules<'c>,
}

impl<'c> Sheet<'c> {
    /// Reads a sheet, for drawings too if `draws`.
    fn read(&mut self, css: &'c str, draws: bool) {
        let mut rest = css;
        while let Some(at) = before_block(rest) {
            let (selectors, after) = (&rest[..at], &rest[at + 1..]);
            let selectors = selectors.rsplit("*/").next().unwrap_or_default();
            let selectors = selectors.rsplit(['}', ';']).next().unwrap_or_default();
            let selectors = selectors.trim();
            if selectors.starts_with('@') {
                rest = match holds_for_a_screen(selectors) {
                    true => after,
                    false => &after[block_length(after)..],
                };
                continue;
            }
            let (declarations, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            self.rule(selectors, declarations);
            if draws {
                self.drawn.rule(selectors, declarations);
            }
        }
    }

    fn rule(&mut self, selectors: &'c str, declarations: &str) {
        let declarations = relevant(declarations);
        if declarations.iter().all(String::is_empty) {
            return;
        }
        for selector in selectors.split(',') {
            let Some(selector) = compounds(selector) else {
                continue;
            };
            // What pandas says of each of its tables, this project's style sheet says, too.
            let is_of_pandas =
                selector[0].classes == ["dataframe"] && declarations == ["text-align:right;", ""];
            if is_of_pandas || self.rules.len() >= MAX_RULES {
                continue;
            }
            let Some(key) = selector.last().and_then(Compound::key) else {
                continue;
            };
            self.by_key.entry(key).or_default().push(self.rules.len());
            let specificity = selector.iter().map(Compound::specificity).sum();
            self.rules.push(Rule {
                selector,
                declarations: declarations.clone(),
                specificity,
            });
        }
    }

    fn applied(&self, html: &str) -> String {
        let mut out = String::with_capacity(html.len() + html.len() / 4);
        let mut open: Vec<OpenElement<'_>> = Vec::new();
        let mut children = 0_usize;
        let mut steps = MAX_STEPS_PER_BYTE * html.len();
        let mut rest = html;
        while !rest.is_empty() {
            let Some((found, length)) = tag(rest) else {
                let length = text_length(rest);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            };
            let (text, after) = rest.split_at(length);
            rest = after;
            if found.closes {
                let ahead = open.iter().rev().take(MAX_OPEN);
                let at = ahead.into_iter().position(|one| one.name == found.name);
                if let Some(at) = at {
                    open.truncate(open.len() - at - 1);
                }
                out.push_str(text);
                continue;
            }
            let siblings = match open.last_mut() {
                Some(parent) => &mut parent.children,
                None => &mut children,
            };
            *siblings += 1;
            let element = OpenElement::of(&found, *siblings);
            let look = self.look(&element, &open, &mut steps);
            if found.is("svg") && !text.ends_with("/>") {
                let (inside, end) = drawing_length(rest);
                let content = &rest[..inside + end];
                let drawing = InlineDrawing {
                    found,
                    text,
                    content,
                };
                self.drawn
                    .push(&mut out, &drawing, look, (&element, &open), &mut steps);
                rest = &rest[inside + end..];
                continue;
            }
            match look {
                Some(look) => push_styled(&mut out, &found, text, &look),
                None => out.push_str(text),
            }
            let is_empty = EMPTY_ELEMENTS.contains(&found.name) || text.ends_with("/>");
            if RAW_ELEMENTS.iter().any(|name| found.is(name)) {
                let (inside, end) = content(rest, found.name);
                out.push_str(&rest[..inside + end]);
                rest = &rest[inside + end..];
                // What style sheets say is in the elements now. Those of drawings stay in them.
                if found.is("style") {
                    out.truncate(out.len() - text.len() - inside - end);
                }
            } else if !is_empty && open.len() < 10 * MAX_OPEN {
                open.push(element);
            }
        }
        out
    }

    /// The declarations for an element, and the important ones; `None` when there is no rule.
    fn look(
        &self,
        element: &OpenElement<'_>,
        open: &[OpenElement<'_>],
        steps: &mut usize,
    ) -> Option<[String; 2]> {
        let mut found: Vec<usize> = Vec::new();
        for key in element.keys() {
            for number in self.by_key.get(key).into_iter().flatten() {
                let rule = &self.rules[*number];
                *steps = steps.checked_sub(1 + rule.selector.len())?;
                if rule.is_for(element, open, steps) {
                    found.push(*number);
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        found.sort_unstable_by_key(|number| (self.rules[*number].specificity, *number));
        found.dedup();
        let joined = |which: usize| {
            let all = found.iter().map(|number| &self.rules[*number]);
            all.map(|rule| rule.declarations[which].as_str()).collect()
        };
        let look: [String; 2] = [joined(0), joined(1)];
        *steps = steps.checked_sub(look[0].len() + look[1].len())?;
        Some(look)
    }
}

impl Rule<'_> {
    fn is_for(
        &self,
        element: &OpenElement<'_>,
        open: &[OpenElement<'_>],
        steps: &mut usize,
    ) -> bool {
        let (last, outer) = self.selector.split_last().expect("a selector has a part");
        if !last.is(element) {
            return false;
        }
        let mut ancestors = open.iter().rev().take(MAX_OPEN);
        let mut is_child = last.is_child;
        outer.iter().rev().all(|compound| {
            let is_parent = std::mem::replace(&mut is_child, compound.is_child);
            if is_parent {
                return ancestors.next().is_some_and(|parent| compound.is(parent));
            }
            ancestors.any(|ancestor| {
                *steps = steps.saturating_sub(1);
                compound.is(ancestor)
            })
        })
    }
}

/// Where the next block begins, outside of comments.
fn before_block(css: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + css[at..].find(['{', '/'])?;
        if css[found..].starts_with('{') {
            return Some(found);
        }
        at = match css[found..].strip_prefix("/*") {
            Some(comment) => found + 2 + comment.find("*/")? + 2,
            None => found + 1,
        };
    }
}

/// The length of a block that has begun, with its end and the blocks in it.
fn block_length(css: &str) -> usize {
    let mut depth = 1_usize;
    let end = css.find(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    end.map_or(css.len(), |end| end + 1)
}

/// Whether what stands in the block of an at-rule holds for a reader at a wide, light screen.
fn holds_for_a_screen(rule: &str) -> bool {
    let rule = rule.to_ascii_lowercase();
    let Some(media) = rule.strip_prefix("@media") else {
        return ["@supports", "@layer", "@container", "@scope"]
            .iter()
            .any(|name| rule.starts_with(name));
    };
    media.split(',').any(|query| {
        let others = [
            "print", "speech", "max-", "dark", "not ", "<", "reduce", "portrait",
        ];
        !others.iter().any(|other| query.contains(other))
    })
}

/// The declarations of which the sanitiser keeps something, and those among them that are
/// important.
fn relevant(declarations: &str) -> [String; 2] {
    let mut found = [String::new(), String::new()];
    for declaration in declarations.split(';').take(64) {
        let declaration = declaration.rsplit("*/").next().unwrap_or_default();
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let property = property.trim().to_ascii_lowercase();
        if !PROPERTIES.contains(&property.as_str()) || value.len() > 200 {
            continue;
        }
        let plain = value.trim().trim_end_matches("important").trim_end();
        let important = plain.ends_with('!');
        let value = if important { plain } else { value.trim() }
            .trim_end_matches('!')
            .trim();
        if value.contains(['"', '\'', '<', '>', '&', '{']) {
            continue;
        }
        let own = &mut found[usize::from(important)];
        own.extend([property.as_str(), ":", value, ";"]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{has_looks, inlined};

    #[test]
    fn rules_apply_to_the_elements_they_name() {
        for (html, expected) in [
            (
                "<style>#T_a_row0_col1, #x { color: red; width: 3em }</style>\
                 <table id=\"T_a\"><td id=\"T_a_row0_col1\">1</td></table>",
                "<td id=\"T_a_row0_col1\" style=\"color:red;\">1</td>",
            ),
            (
                "<style>.a .b { display: none }</style><i class=\"b\">x</i>\
                 <div class='a'><p><b class=\"b c\">y</b></p></div>",
                "<i class=\"b\">x</i><div class='a'><p><b class=\"b c\" style=\"display:none;\">y</b>",
            ),
            (
                "<style>div.k { display: block !important; }</style>\
                 <div class=\"k\" style=\"display: none\">z</div>",
                "<div class=\"k\" style=\"display: none;display:block;\">z</div>",
            ),
            (
                "<style>.k { display: flex }</style><div hidden class=\"k\">z</div>",
                "<div class=\"k\" style=\"display:none;display:flex;\">z</div>",
            ),
        ] {
            let found = inlined(html).expect("there is a rule");
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn selectors_are_read_as_a_browser_does() {
        let html = |css: &str| {
            let table = "<table><tr><td>1</td><td class=\"k\"><b>2</b></td></tr><tr><td>3</td></tr></table>";
            inlined(&format!("<style>{css}</style>{table}")).unwrap_or_default()
        };
        for (css, expected, count) in [
            (
                "tr:nth-child(even) td{color:red}",
                "<td style=\"color:red;\">3",
                1,
            ),
            (
                "tr:nth-child( 2n + 1 ) > td{color:red}",
                "<td style=\"color:red;\">1",
                2,
            ),
            ("td:first-child{color:red}", "<td style=\"color:red;\">3", 2),
            (
                "td:nth-child(2){color:red}",
                "<td class=\"k\" style=\"color:red;\">",
                1,
            ),
            ("tr>b{color:red}", "", 0),
            ("td > b{color:red}", "<b style=\"color:red;\">2", 1),
            ("table b{color:red}", "<b style=\"color:red;\">2", 1),
            ("/* a{b */ b{color:red}", "<b style=\"color:red;\">2", 1),
            ("@media print{b{display:none}}", "", 0),
            (
                "@media (max-width: 500px){b{display:none}} td.k{color:red}",
                "<td class=\"k\" style=\"color:red;\">",
                1,
            ),
            (
                "@media (prefers-color-scheme: dark){b{color:red} i{color:red}}",
                "",
                0,
            ),
            (
                "@media screen and (min-width: 10px){b{color:red}}",
                "<b style=\"color:red;\">2",
                1,
            ),
            ("@keyframes b{from{color:red}}", "", 0),
            ("td:nth-child(x){color:red}", "", 0),
            ("td:not(.k){color:red}", "", 0),
        ] {
            let found = html(css);
            assert!(found.contains(expected), "{css}: {found}");
            assert_eq!(found.matches("style=").count(), count, "{css}: {found}");
        }
        let own =
            "<style>.dataframe td{color:red}</style><table class=\"dataframe\"><td>1</td></table>";
        assert!(inlined(own).is_some_and(|html| html.contains("color:red")));
    }

    #[test]
    fn other_rules_are_left_out() {
        for css in [
            ".dataframe thead th { text-align: right; }",
            "td:hover { color: red }",
            "a[href] { color: red }",
            "td { width: 3em }",
            "td { color: \"<b>\" }",
            "",
        ] {
            assert!(!has_looks(css), "{css}");
        }
        assert!(has_looks("/* a { } */ td { color: red }"));
    }
}
