//! The last touch: tags that ammonia let through to tags of this project's own.
//!
//! The input is what html5ever serialised, which is regular: `<` is only ever the start
//! of a tag and attributes stand in double quotes. So a scan is enough, and text is
//! copied byte for byte.

use crate::{
    prepare::image,
    render::{
        html::{attributes as parse, tag_length},
        image::MISSING_ALT,
    },
};

/// How much of an image's description a note quotes, in characters.
const MAX_QUOTED_ALT_CHARS: usize = 200;

/// `html` with styles as classes and images that are not data as notes.
pub(super) fn tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = tag_length(rest);
        tag(&mut out, &rest[..length]);
        let opens_pre = rest[..length].starts_with("<pre");
        rest = &rest[length..];
        // A parser drops the first line end in a `pre`.
        if opens_pre && rest.starts_with('\n') {
            out.push('\n');
        }
    }
    out.push_str(rest);
    out
}

fn tag(out: &mut String, tag: &str) {
    let inside = tag.trim_start_matches('<').trim_end_matches('>');
    let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
    let attributes = parse(attributes);
    let value = |wanted: &str| {
        let found = attributes.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    if name == "img" && !value("src").is_some_and(|src| src.starts_with("data:")) {
        let alt = value("alt").filter(|alt| !alt.is_empty());
        note(out, alt.or(value("src")).unwrap_or("no address"));
        return;
    }
    if name == "img"
        && let Some(why) = value("src").and_then(image::refusal_of_data_url)
    {
        out.push_str(&format!(
            "<span class=\"nb-note\">This picture {why}.</span>"
        ));
        return;
    }
    out.push('<');
    out.push_str(name);
    let mut classes: Vec<&str> = ["class", "style"]
        .iter()
        .filter_map(|name| value(name))
        .flat_map(|classes| classes.split(' '))
        .collect();
    if name == "img" {
        classes.push("nb-image");
    }
    let leads_out = value("href").is_some_and(|href| !href.starts_with('#'));
    if value("href").is_some() && !leads_out {
        classes.push("nb-anchor");
    }
    let mut seen = Vec::new();
    classes.retain(|class| {
        !seen.contains(class) && {
            seen.push(*class);
            true
        }
    });
    if !classes.is_empty() {
        push(out, "class", &classes.join(" "));
    }
    // ammonia marks all anchors, also those that lead nowhere else.
    let leads = name != "a" || leads_out;
    for (name, attribute) in &attributes {
        match *name {
            "class" | "style" => {}
            "rel" | "target" if !leads => {}
            // An old way to write an id.
            "name" if value("id").is_some() => {}
            "name" => push(out, "id", attribute),
            name => push(out, name, attribute),
        }
    }
    if name == "img" && value("alt").is_none() {
        push(out, "alt", MISSING_ALT);
    }
    out.push('>');
}

/// An image that was not loaded: its address would tell that somebody looked.
fn note(out: &mut String, escaped: &str) {
    // The value of an attribute, and so without `<`; but a quote need not be escaped
    // in text, and sanitising again must find the same.
    let text = escaped
        .replace("&quot;", "\"")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let end = text
        .char_indices()
        .nth(MAX_QUOTED_ALT_CHARS)
        .map_or(text.len(), |(at, _)| at);
    // A reference that the cut would leave half goes whole.
    let end = match text[..end].rfind('&') {
        Some(at) if !text[at..end].contains(';') => at,
        _ => end,
    };
    out.push_str("<span class=\"nb-note\">Image not loaded: ");
    out.push_str(&text[..end]);
    out.push_str("</span>");
}

fn push(out: &mut String, name: &str, value: &str) {
    for part in [" ", name, "=\"", value, "\""] {
        out.push_str(part);
    }
}
