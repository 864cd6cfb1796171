//! Rewrites the tags that ammonia let through to tags of this project's own.
//!
//! A scan is enough, because html5ever has serialised the input: `<` only begins tags, and
//! attributes stand in double quotes. Text is copied byte for byte.

use super::policy::{SIZE_WORDS, TYPE_WORD};
use crate::{
    prepare::{css_colour, image, link},
    render::{
        html::{attributes as parse, tag_length},
        image::MISSING_ALT,
    },
};

/// The most characters of an image's description or address that a note quotes.
const MAX_QUOTED_CHARS: usize = 200;

/// `html` with styles as classes and images that are not data as notes.
pub(super) fn tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut in_link = false;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = tag_length(rest);
        in_link = match &rest[..length] {
            "</a>" => false,
            tag => in_link || tag.starts_with("<a "),
        };
        tag(&mut out, &rest[..length], in_link);
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

fn tag(out: &mut String, tag: &str, in_link: bool) {
    let inside = tag.trim_start_matches('<').trim_end_matches('>');
    let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
    let attributes = parse(attributes);
    let value = |wanted: &str| {
        let found = attributes.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    if name == "img" && !value("src").is_some_and(|src| src.starts_with("data:")) {
        let alt = value("alt").filter(|alt| !alt.is_empty());
        note(out, alt, value("src"), in_link);
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
    if matches!(name, "audio" | "video") && value("src").is_none() {
        out.push_str("<span>");
        return;
    }
    let name = renamed(name);
    out.push('<');
    out.push_str(name);
    let mut classes: Vec<&str> = ["class", "align", "color", "face", "size", "style", "hidden"]
        .iter()
        .filter_map(|name| value(name))
        .flat_map(|classes| classes.split(' '))
        .collect();
    // Words of a style that are no classes.
    let word = |start: &str| {
        let words = value("style")
            .into_iter()
            .flat_map(|words| words.split(' '));
        words
            .filter_map(|word| word.strip_prefix(start))
            .next_back()
    };
    let background = word("#").or_else(|| value("bgcolor")?.strip_prefix('#'));
    let sizes = SIZE_WORDS.map(word);
    let list_type = word(TYPE_WORD);
    classes.retain(|class| !class.starts_with(['#', '=']));
    if let Some(background) = background {
        classes.retain(|class| !ON_CLASSES.contains(class));
        classes.push(on_class(background));
    }
    if inside.starts_with("big") {
        classes.push("nb-big");
    }
    if inside.starts_with("dialog") && value("open").is_none() {
        classes.push("nb-gone");
    }
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
    if let Some(background) = background {
        push(out, "bgcolor", &format!("#{background}"));
    }
    // ammonia adds `rel` and `target` to every `a`, also to one that leads nowhere else.
    let leads = name != "a" || leads_out;
    for (name, attribute) in &attributes {
        match *name {
            "align" | "bgcolor" | "class" | "color" | "face" | "hidden" | "size" | "style" => {}
            "width" if sizes[0].is_some() => {}
            "height" if sizes[1].is_some() => {}
            "open" if inside.starts_with("dialog") => {}
            "type" if list_type.is_some() => {}
            "rel" | "target" if !leads => {}
            // `name` is the old form of an id.
            "name" if value("id").is_some() => {}
            "name" => push(out, "id", attribute),
            name => push(out, name, attribute),
        }
    }
    for (size, name) in sizes.into_iter().zip(["width", "height"]) {
        size.into_iter().for_each(|size| push(out, name, size));
    }
    list_type
        .into_iter()
        .for_each(|name| push(out, "type", name));
    if name == "img" && value("alt").is_none() {
        push(out, "alt", MISSING_ALT);
    }
    out.push('>');
}

/// The classes of text on a coloured cell: black or white.
const ON_CLASSES: [&str; 2] = ["nb-on-light", "nb-on-dark"];

/// The class of text that is legible on this colour, in hexadecimal.
fn on_class(background: &str) -> &'static str {
    let colour = css_colour::parse(&format!("#{background}"));
    ON_CLASSES[usize::from(!css_colour::is_light(colour.unwrap_or([255; 3])))]
}

/// The name of the element in place of one that the page has no looks for: a block for a block,
/// so that words of two do not run together.
fn renamed(name: &str) -> &str {
    let (slash, bare) = match name.strip_prefix('/') {
        Some(bare) => (true, bare),
        None => (false, name),
    };
    let [open, close] = match bare {
        "address" | "article" | "aside" | "dialog" | "fieldset" | "footer" | "form" | "header"
        | "hgroup" | "legend" | "main" | "marquee" | "nav" | "search" | "section" => {
            ["div", "/div"]
        }
        "dir" | "menu" => ["ul", "/ul"],
        "big" | "button" | "font" | "label" => ["span", "/span"],
        "strike" => ["s", "/s"],
        "tt" => ["samp", "/samp"],
        _ => return name,
    };
    if slash { close } else { open }
}

/// Writes a note in place of an image with an address, which is not loaded, because its server
/// would learn that a reader looked; with a link where the address leads somewhere.
fn note(out: &mut String, alt: Option<&str>, address: Option<&str>, in_link: bool) {
    out.push_str("<span class=\"nb-note\">Image not loaded: ");
    let link = address.filter(|address| !in_link && link::is_allowed(address));
    if let Some(address) = link {
        out.extend(["<a href=\"", address, "\" target=\"_blank\" rel=\""]);
        out.extend([link::LINK_REL, "\">"]);
    }
    push_quoted(out, alt.or(address).unwrap_or("no address"));
    match (link, alt, address) {
        (Some(_), ..) => out.push_str("</a>"),
        // Without a link its name alone would not lead to it.
        (None, Some(_), Some(address)) => {
            out.push_str(" (");
            push_quoted(out, address);
            out.push(')');
        }
        _ => {}
    }
    out.push_str("</span>");
}

/// Writes the beginning of a text that is escaped for an attribute.
fn push_quoted(out: &mut String, escaped: &str) {
    // A quote that is escaped in an attribute need not be in text, and sanitising again must
    // change nothing.
    let text = escaped
        .replace("&quot;", "\"")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let end = text
        .char_indices()
        .nth(MAX_QUOTED_CHARS)
        .map_or(text.len(), |(at, _)| at);
    // A reference that would be cut in half is left out.
    let end = match text[..end].rfind('&') {
        Some(at) if !text[at..end].contains(';') => at,
        _ => end,
    };
    out.push_str(&text[..end]);
}

fn push(out: &mut String, name: &str, value: &str) {
    for part in [" ", name, "=\"", value, "\""] {
        out.push_str(part);
    }
}
