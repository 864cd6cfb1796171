//! What the style sheets of a fragment say of the drawings in it.
//!
//! A drawing becomes a picture, which no sheet outside of it reaches. So the rules that may be for
//! something in it are put into it, as a sheet of its own. Only properties that a drawing has go
//! with them, so that a sheet for the page around does not have a drawing refused.

use std::collections::{BTreeSet, HashMap};

use super::{
    selector::{Compound, OpenElement, compounds},
    tag::{Tag, push_styled, tag, text_length},
};
use crate::prepare::{image, style};

/// Properties of drawings that are put into them.
const PROPERTIES: [&str; 27] = [
    "color",
    "display",
    "dominant-baseline",
    "fill",
    "fill-opacity",
    "fill-rule",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "letter-spacing",
    "opacity",
    "paint-order",
    "shape-rendering",
    "stop-color",
    "stop-opacity",
    "stroke",
    "stroke-dasharray",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
    "text-decoration",
    "visibility",
];
/// Properties that size the whole drawing.
const SIZES: [&str; 3] = ["width", "height", "max-width"];

/// The most rules that are read.
const MAX_RULES: usize = 2000;
/// The most bytes of the sheet that is put into a drawing.
const MAX_SHEET_BYTES: usize = 16 * 1024;
/// The most elements around a drawing that are looked at.
const MAX_AROUND: usize = 32;
/// The longest value of a property.
const MAX_VALUE_BYTES: usize = 200;

/// A rule for what its last compound is, within the others.
struct DrawnRule<'c> {
    selector: Vec<Compound<'c>>,
    looks: String,
    sizes: String,
    specificity: usize,
}

/// The rules that may be for something in a drawing.
#[derive(Default)]
pub(super) struct DrawnRules<'c> {
    rules: Vec<DrawnRule<'c>>,
    by_key: HashMap<&'c str, Vec<usize>>,
}

/// A drawing in the source.
pub(super) struct InlineDrawing<'h> {
    pub(super) found: Tag<'h>,
    /// Its start tag.
    pub(super) text: &'h str,
    /// What follows that, with the end tag.
    pub(super) content: &'h str,
}

impl<'c> DrawnRules<'c> {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn rule(&mut self, selectors: &'c str, declarations: &str) {
        let looks = kept(declarations, &PROPERTIES);
        let sizes = kept(declarations, &SIZES);
        if looks.is_empty() && sizes.is_empty() {
            return;
        }
        for selector in selectors.split(',').filter_map(compounds) {
            let Some(key) = selector.last().and_then(Compound::key) else {
                continue;
            };
            if self.rules.len() == MAX_RULES {
                return;
            }
            self.by_key.entry(key).or_default().push(self.rules.len());
            self.rules.push(DrawnRule {
                specificity: selector.iter().map(Compound::specificity).sum(),
                selector,
                looks: looks.clone(),
                sizes: sizes.clone(),
            });
        }
    }

    /// Writes a drawing with what rules say of it. `look` is what other rules say of its root, and
    /// `place` the root and the elements around it.
    pub(super) fn push(
        &self,
        out: &mut String,
        drawing: &InlineDrawing<'_>,
        look: Option<[String; 2]>,
        place: (&OpenElement<'_>, &[OpenElement<'_>]),
        steps: &mut usize,
    ) {
        let (root, around) = place;
        let sizes = self.sizes(root, around, steps);
        let mut start = String::new();
        match (look, sizes.is_empty()) {
            (None, true) => start.push_str(drawing.text),
            (look, _) => {
                let [first, last] = look.unwrap_or_default();
                push_styled(
                    &mut start,
                    &drawing.found,
                    drawing.text,
                    &[sizes + &first, last],
                );
            }
        }
        let sheet = self.sheet(drawing, root, around, steps);
        if let Some(sheet) = sheet {
            let styled = [&start, "<style>", &sheet, "</style>", drawing.content].concat();
            // With all that is said of it, it may be more than is drawn.
            if image::drawing_in_html(&styled).is_some_and(|picture| !image::is_refused(&picture)) {
                out.push_str(&styled);
                return;
            }
        }
        out.extend([&start, drawing.content]);
    }

    /// What rules say of the size of a drawing.
    fn sizes(
        &self,
        root: &OpenElement<'_>,
        around: &[OpenElement<'_>],
        steps: &mut usize,
    ) -> String {
        let found = self.found(root.keys(), steps);
        let found = found.into_iter().map(|number| &self.rules[number]);
        let mut found: Vec<_> = found
            .filter(|rule| !rule.sizes.is_empty())
            .filter(|rule| {
                let (last, outer) = rule.selector.split_last().expect("a selector has a part");
                last.is(root) && outer.len() == matched(outer, around)
            })
            .collect();
        found.sort_by_key(|rule| rule.specificity);
        found.iter().map(|rule| rule.sizes.as_str()).collect()
    }

    /// The sheet for a drawing: the rules for elements that it has.
    fn sheet(
        &self,
        drawing: &InlineDrawing<'_>,
        root: &OpenElement<'_>,
        around: &[OpenElement<'_>],
        steps: &mut usize,
    ) -> Option<String> {
        let mut sheet = String::new();
        let inherits = [drawing.text, drawing.content].map(mentions_current_colour);
        if let Some(colour) = colour_around(around).filter(|_| inherits.contains(&true)) {
            sheet.extend(["svg{color:", colour, "}"]);
        }
        if !self.rules.is_empty() {
            let keys = keys_of(drawing.content);
            let keys = keys.into_iter().chain(root.keys()).chain(["svg"]);
            for number in self.found(keys, steps) {
                let rule = &self.rules[number];
                if rule.looks.is_empty() {
                    continue;
                }
                // Elements around the drawing are not around the picture.
                let (last, outer) = rule.selector.split_last().expect("a selector has a part");
                let outside = matched(outer, around);
                for (n, compound) in outer[outside..].iter().chain([last]).enumerate() {
                    if n > 0 && compound.is_child {
                        sheet.push_str("> ");
                    }
                    compound.push(&mut sheet);
                    sheet.push(' ');
                }
                sheet.extend(["{", &rule.looks, "}"]);
            }
        }
        *steps = steps.checked_sub(sheet.len())?;
        (1..=MAX_SHEET_BYTES)
            .contains(&sheet.len())
            .then_some(sheet)
    }

    /// The numbers of the rules with these keys, in the order of the sheet; none when that is too
    /// much work.
    fn found<'k>(&self, keys: impl Iterator<Item = &'k str>, steps: &mut usize) -> Vec<usize> {
        let mut found = Vec::new();
        for key in keys {
            let rules = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
            match steps.checked_sub(1 + 8 * rules.len()) {
                Some(left) => *steps = left,
                None => return Vec::new(),
            }
            found.extend_from_slice(rules);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The number of compounds, from the first, that are elements of these, one within another.
fn matched(compounds: &[Compound<'_>], around: &[OpenElement<'_>]) -> usize {
    let mut elements = around.iter().rev().take(MAX_AROUND).rev();
    let inside = |compound: &&Compound<'_>| elements.any(|element| compound.is(element));
    compounds.iter().take_while(inside).count()
}

/// The ids, classes and names in a drawing.
fn keys_of(content: &str) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    let mut rest = content;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let Some((found, length)) = tag(rest) else {
            rest = &rest[text_length(rest)..];
            continue;
        };
        rest = &rest[length..];
        if !found.closes {
            keys.extend(OpenElement::of(&found, 0).keys());
        }
    }
    keys
}

/// The colour of the text around a drawing, as far as styles of elements say it.
fn colour_around<'h>(around: &[OpenElement<'h>]) -> Option<&'h str> {
    let mut near = around.iter().rev().take(MAX_AROUND);
    let colour = near.find_map(|element| style::declared(element.style, "color"));
    colour.filter(|value| is_harmless(value) && !value.contains(['"', '\'']))
}

/// Whether something in `html` has the colour of the text around it.
pub(super) fn mentions_current_colour(html: &str) -> bool {
    const NAME: &[u8] = b"currentcolor";
    let mut words = html.as_bytes().windows(NAME.len());
    words.any(|word| matches!(word[0], b'c' | b'C') && word.eq_ignore_ascii_case(NAME))
}

/// The declarations of these properties.
fn kept(declarations: &str, properties: &[&str]) -> String {
    let mut out = String::new();
    for declaration in declarations.split(';').take(64) {
        let declaration = declaration.rsplit("*/").next().unwrap_or_default();
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let (property, value) = (property.trim().to_ascii_lowercase(), value.trim());
        // Only names of fonts are in quotes, which would end an attribute.
        let may_quote = property.starts_with("font");
        let may_stand = is_harmless(value) && (may_quote || !value.contains(['"', '\'']));
        if properties.contains(&property.as_str()) && may_stand {
            out.extend([&property, ":", value, ";"]);
        }
    }
    out
}

/// Whether a value can stand in the sheet of a drawing, and has no address.
fn is_harmless(value: &str) -> bool {
    let has_quotes = value.matches('"').count() % 2 + value.matches('\'').count() % 2 > 0;
    let has_functions = value.match_indices('(').any(|(at, _)| {
        let before = &value[..at];
        !["rgb", "rgba", "hsl", "hsla"]
            .iter()
            .any(|name| before.ends_with(name))
    });
    value.len() <= MAX_VALUE_BYTES
        && !has_quotes
        && !has_functions
        && !value.contains(['<', '>', '&', '{', '\\', '\n', '@'])
        && !value.contains("/*")
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::super::restated;

    /// The tag of the picture that `html` becomes, and the drawing in it.
    fn picture(html: &str) -> (String, String) {
        let shown = restated(html).expect("there is a drawing");
        let (_, base64) = shown
            .split_once(";base64,")
            .unwrap_or_else(|| panic!("{shown}"));
        let (base64, tag) = base64.split_once('"').expect("the address ends");
        let bytes = STANDARD.decode(base64).expect("it is base64");
        (
            tag.to_owned(),
            String::from_utf8(bytes).expect("it is text"),
        )
    }

    #[test]
    fn a_sheet_in_a_drawing_stays_in_it() {
        for html in [
            "<svg id=\"m1\"><style>#m1 .node rect{fill:#ECECFF;}</style><g class=\"node\"><rect/></g></svg>",
            "<style>td { color: red }</style><svg><style>#m1 .node rect{fill:#ECECFF;}</style><rect/></svg>",
        ] {
            let (_, drawing) = picture(html);
            assert!(
                drawing.contains("<style>#m1 .node rect{fill:#ECECFF;}</style>"),
                "{drawing}"
            );
        }
        let both = restated("<svg><style>.a{color:red}</style><g/></svg><p class=\"a\">b</p>");
        assert!(both.is_some_and(|both| both.contains("style=\"color:red;\"")));
    }

    #[test]
    fn the_sheets_of_the_page_reach_a_drawing() {
        for (html, expected) in [
            (
                "<style>.bar{fill:steelblue;margin:0}</style><svg><rect class=\"bar\"/></svg>",
                Some(".bar {fill:steelblue;}"),
            ),
            (
                "<svg class=s><g class=a><text/></g></svg>\
                 <style>.s .a text, b { font-family: \"A\", b; stroke: url(http://x) }</style>",
                Some(".s .a text {font-family:\"A\", b;}"),
            ),
            (
                "<style>#chart .axis path { stroke: #000 }</style>\
                 <div id=chart><svg><g class=axis><path/></g></svg></div>",
                Some(".axis path {stroke:#000;}"),
            ),
            (
                "<style>td { border: 0 } p { color: red }</style><svg><rect class=bar /></svg>",
                None,
            ),
            (
                "<div style=\"color: red\"><svg fill=\"currentColor\"><path/></svg></div>",
                Some("svg{color:red}"),
            ),
            ("<div style=\"color: red\"><svg><path/></svg></div>", None),
        ] {
            let (_, drawing) = picture(html);
            let sheet = drawing
                .split_once("<style>")
                .and_then(|(_, after)| after.split_once("</style>"));
            assert_eq!(sheet.map(|(sheet, _)| sheet), expected, "{html}");
        }
    }

    #[test]
    fn a_drawing_that_its_sheet_would_forbid_is_shown_without() {
        let shapes = "<path d=\"M0 0h9999999\"/>".repeat(100);
        let html = format!("<style>path{{stroke-dasharray:1}}</style><svg>{shapes}</svg>");
        assert!(!picture(&html).1.contains("<style>"));
    }

    #[test]
    fn the_sheets_put_into_drawings_are_bounded() {
        let rules = ".a{fill:red}".repeat(1000);
        let drawings = "<svg><path class=a /></svg>".repeat(1000);
        let html = format!("<style>{rules}</style>{drawings}");
        let shown = restated(&html).expect("there are drawings");
        assert!(shown.len() < 8 * html.len(), "{}", shown.len());
    }

    #[test]
    fn drawings_have_the_size_that_styles_say() {
        for (html, expected) in [
            (
                "<svg viewBox=\"0 0 60 30\" style=\"width:40px;height: 20PX\"><path/></svg>",
                " width=\"40\" height=\"20\"",
            ),
            (
                "<style>.s{width:20px;height:1em !important}</style><svg class=\"s\"><path/></svg>",
                " width=\"20\" height=\"16\"",
            ),
            (
                "<style>.s{width:20px}</style><svg class=s style=\"width:50%\"><path/></svg>",
                " width=\"50%\"",
            ),
            (
                "<svg width=\"100%\" style=\"max-width: 512.4px\"><path/></svg>",
                " width=\"512\"",
            ),
            (
                "<svg width=\"9\" style=\"max-width: 50px\"><path/></svg>",
                "",
            ),
            ("<svg style=\"width:calc(1px)\"><path/></svg>", ""),
        ] {
            let (tag, _) = picture(html);
            assert_eq!(tag, format!(" alt=\"a drawing\"{expected}>"), "{html}");
        }
    }
}
