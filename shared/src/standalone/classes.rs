//! A test that the stylesheet has a rule for every class that the renderer emits.

use std::{collections::BTreeSet, fs};

use crate::{
    prepare::maths::check,
    render::html::{attributes, tag_length},
    sanitize::policy,
};

/// Classes that tell what an element is, and whose looks are those of their element or of a class
/// beside them.
const WITHOUT_LOOKS: [&str; 13] = [
    "nb-anchor",
    "nb-code",
    "nb-display",
    "nb-footnote",
    "nb-hidden",
    "nb-long",
    "nb-markdown",
    "nb-md",
    "nb-raw",
    "nb-result",
    "nb-stdout",
    "nb-text",
    "nb-unknown",
];

/// The elements and classes of all fixtures, and every class that a fragment or a formula may
/// have, with an element that has it.
fn emitted() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    for entry in fs::read_dir(folder).expect("the fixtures") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            let html = fs::read_to_string(path).expect("a fixture");
            collect(&html, &mut found);
        }
    }
    for class in check::classes() {
        found.insert(("mtd".to_owned(), class));
    }
    for class in policy::classes() {
        let element = match class.as_str() {
            "nb-left" | "nb-center" | "nb-right" => "td",
            "nb-math" | "nb-math-block" => "code",
            "dataframe" => "table",
            _ => "span",
        };
        found.insert((element.to_owned(), class));
    }
    found
}

fn collect(html: &str, found: &mut BTreeSet<(String, String)>) {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let length = tag_length(&rest[start..]);
        let tag = rest[start..start + length].trim_matches(['<', '>', '/']);
        rest = &rest[start + length..];
        let Some((element, inside)) = tag.split_once(' ') else {
            continue;
        };
        for (name, value) in attributes(inside) {
            if name == "class" {
                let classes = value.split(' ').map(str::to_owned);
                found.extend(classes.map(|class| (element.to_owned(), class)));
            }
        }
    }
}

/// Whether a rule of `css` is for an `element` of this class.
fn has_rule(css: &str, element: &str, class: &str) -> bool {
    let rules = css.split('}').filter_map(|rule| rule.rsplit_once('{'));
    let selectors = rules.flat_map(|(before, _)| {
        let own = before.rsplit(['{', ';']).next().unwrap_or_default();
        split_outside(own, ',')
    });
    let mut parts = selectors.flat_map(|selector| split_outside(selector.trim(), ' '));
    parts.any(|part| fits(&part, element, class))
}

/// The parts of `text` between separators that stand in no brackets.
fn split_outside(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for char in text.chars() {
        match char {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match char == separator && depth == 0 {
            true => parts.push(String::new()),
            false => parts.last_mut().expect("there is one").push(char),
        }
    }
    parts
}

/// Whether the part of a selector for the element itself is for an `element` of this class.
fn fits(selector: &str, element: &str, class: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let names_class = selector.split('.').skip(1).any(|after| {
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        &after[..end] == class
    }) || selector.split("[class*=\"").skip(1).any(|after| {
        after
            .split('"')
            .next()
            .is_some_and(|part| class.contains(part))
    });
    let start = selector.find(|c| !is_name(c)).unwrap_or(selector.len());
    let listed = selector
        .strip_prefix(":is(")
        .and_then(|rest| rest.split(')').next());
    let fits_element = match listed {
        Some(list) if !list.contains('.') => list.split(',').any(|name| name.trim() == element),
        _ => start == 0 || &selector[..start] == element,
    };
    names_class && fits_element
}

#[test]
fn every_class_has_a_rule() {
    let css = concat!(
        include_str!("notebook.css"),
        include_str!("formulas.css"),
        include_str!("standalone.css")
    );
    let css: String = css
        .split("/*")
        .map(|part| part.split_once("*/").map_or(part, |(_, after)| after))
        .collect();
    let emitted = emitted();
    let missing: Vec<_> = emitted
        .iter()
        .filter(|(_, class)| !WITHOUT_LOOKS.contains(&class.as_str()))
        .filter(|(element, class)| !has_rule(&css, element, class))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for class in WITHOUT_LOOKS {
        let is_emitted = emitted.iter().any(|(_, own)| own == class);
        assert!(is_emitted, "nothing has the class {class}");
    }
}
