//! The elements, attributes and values that ammonia keeps.

use std::{borrow::Cow, sync::OnceLock};

use ammonia::{Builder, UrlRelative};

use super::css;
use crate::prepare::{anchor, image, link};

const ALLOWED_ELEMENTS: [&str; 58] = [
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];

/// Elements that are dropped with their content, because it is no text for a reader.
const DROPPED_WITH_CONTENT: [&str; 17] = [
    "applet", "audio", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes",
    "noscript", "object", "script", "select", "style", "svg", "template", "video",
];

/// Classes that a fragment may have, besides those of colours and tokens.
const ALLOWED_CLASSES: [&str; 16] = [
    "dataframe",
    "nb-anchor",
    "nb-back",
    "nb-center",
    "nb-code-block",
    "nb-footnote",
    "nb-footnotes",
    "nb-image",
    "nb-left",
    "nb-math",
    "nb-math-block",
    "nb-note",
    "nb-right",
    "nb-table",
    "nb-task",
    "nb-text",
];

const TABLE_PARTS: [&str; 9] = [
    "caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr",
];

const TOKEN_CLASSES: [&str; 9] = [
    "kw", "const", "str", "com", "num", "fn", "def", "op", "magic",
];

/// ammonia with this project's lists, made once, because making it takes longer than using it.
pub(super) fn builder() -> &'static Builder<'static> {
    static BUILDER: OnceLock<Builder<'static>> = OnceLock::new();
    BUILDER.get_or_init(|| {
        let mut builder = Builder::empty();
        builder
            .tags(ALLOWED_ELEMENTS.into())
            .clean_content_tags(DROPPED_WITH_CONTENT.into())
            .generic_attributes(["class", "dir", "id", "lang", "style", "title"].into())
            .tag_attributes(
                [
                    ("a", ["href", "name"].as_slice()),
                    ("details", &["open"]),
                    ("img", &["src", "alt", "width", "height"]),
                    ("li", &["value"]),
                    ("ol", &["start"]),
                    ("td", &["align", "colspan", "rowspan"]),
                    ("th", &["align", "colspan", "rowspan", "scope"]),
                    ("tr", &["align"]),
                ]
                .into_iter()
                .map(|(tag, attributes)| (tag, attributes.iter().copied().collect()))
                .collect(),
            )
            .url_schemes(["http", "https", "mailto", "data"].into())
            // `attribute` checks every address.
            .url_relative(UrlRelative::PassThrough)
            .link_rel(Some(link::LINK_REL))
            .set_tag_attribute_value("a", "target", "_blank")
            .strip_comments(true)
            .attribute_filter(attribute);
        builder
    })
}

/// Whether `element` is a table or a part of one.
pub(super) fn is_of_table(element: &str) -> bool {
    element == "table" || TABLE_PARTS.contains(&element)
}

/// The value that an attribute gets; `None` when the attribute is dropped.
fn attribute<'v>(element: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    match name {
        "href" => match anchor::name_in(value) {
            Some(name) => Some(format!("#{name}").into()),
            None => link::is_allowed(value).then_some(Cow::Borrowed(value)),
        },
        // pandas gives each cell an id for its own styles.
        "id" if is_of_table(element) => None,
        "id" | "name" => {
            Some(anchor::name(value).into()).filter(|name: &Cow<'_, str>| !name.is_empty())
        }
        "src" => source(value),
        "class" => joined(
            value
                .split_ascii_whitespace()
                .filter(|class| is_known(class)),
        ),
        "style" => joined(css::classes(value).iter().map(String::as_str)),
        "width" | "height" => number(value.trim_end_matches("px"), 10_000),
        "colspan" | "rowspan" => number(value, 1000),
        "start" | "value" => number(value, 1_000_000),
        "align" => ["left", "center", "right"]
            .contains(&value.to_ascii_lowercase().as_str())
            .then_some(Cow::Borrowed(value)),
        "dir" => ["ltr", "rtl", "auto"]
            .contains(&value)
            .then_some(Cow::Borrowed(value)),
        "scope" => ["row", "col"]
            .contains(&value)
            .then_some(Cow::Borrowed(value)),
        "open" => Some(Cow::Borrowed("")),
        "lang" => value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            .then_some(Cow::Borrowed(value)),
        // These are words for the reader, or values that this project sets itself.
        "alt" | "title" | "rel" | "target" => Some(Cow::Borrowed(value)),
        _ => None,
    }
}

/// The data of an image, or an address, of which `rewrite` makes a note.
fn source(value: &str) -> Option<Cow<'_, str>> {
    let value: Cow<'_, str> = if value.contains(|c: char| c.is_ascii_whitespace()) {
        value.split_ascii_whitespace().collect::<String>().into()
    } else {
        value.into()
    };
    (image::of_data_url(&value).is_some() || link::is_allowed(&value)).then_some(value)
}

/// Whether a fragment may use the stylesheet's class `class`.
pub(super) fn is_known(class: &str) -> bool {
    if let Some(token) = class.strip_prefix("tok-") {
        return TOKEN_CLASSES.contains(&token);
    }
    let Some(terminal) = class.strip_prefix("ansi-") else {
        return ALLOWED_CLASSES.contains(&class);
    };
    let colour = terminal
        .strip_prefix("fg-")
        .or_else(|| terminal.strip_prefix("bg-"));
    match colour {
        Some(number) => number
            .parse::<u8>()
            .is_ok_and(|n| n < 16 && n.to_string() == number),
        None => ["bold", "dim", "italic", "underline", "strike", "inverse"].contains(&terminal),
    }
}

fn joined<'c>(classes: impl Iterator<Item = &'c str>) -> Option<Cow<'static, str>> {
    let classes: Vec<&str> = classes.collect();
    (!classes.is_empty()).then(|| classes.join(" ").into())
}

fn number(value: &str, most: u32) -> Option<Cow<'static, str>> {
    let number: u32 = value.trim().parse().ok()?;
    (number <= most).then(|| number.to_string().into())
}
