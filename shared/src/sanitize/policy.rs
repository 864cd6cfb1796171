//! The elements, attributes and values that ammonia keeps.

use std::{borrow::Cow, sync::OnceLock};

use ammonia::{Builder, UrlRelative};

use super::restate;
use crate::prepare::{
    anchor, css_colour,
    css_size::{self, Length},
    data_url, image, link, style,
};

const ALLOWED_ELEMENTS: [&str; 83] = [
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "button",
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
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "main",
    "mark",
    "marquee",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "search",
    "section",
    "small",
    "span",
    "strike",
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
    "tt",
    "u",
    "ul",
    "var",
    "video",
];

/// Elements that are dropped with their content, because it is no text for a reader.
const DROPPED_WITH_CONTENT: [&str; 16] = [
    "applet", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes", "noscript",
    "object", "script", "select", "style", "svg", "template", "title",
];

/// Classes that a fragment may have, besides those of colours and tokens.
const ALLOWED_CLASSES: [&str; 46] = [
    "dataframe",
    "nb-alert",
    "nb-alert-danger",
    "nb-alert-info",
    "nb-alert-success",
    "nb-alert-warning",
    "nb-anchor",
    "nb-at-left",
    "nb-at-right",
    "nb-back",
    "nb-beside",
    "nb-big",
    "nb-center",
    "nb-code-block",
    "nb-column",
    "nb-dl-inline",
    "nb-footnote",
    "nb-footnotes",
    "nb-framed",
    "nb-gone",
    "nb-image",
    "nb-indent",
    "nb-inline",
    "nb-left",
    "nb-math",
    "nb-math-block",
    "nb-middle",
    "nb-mono",
    "nb-no-marks",
    "nb-note",
    "nb-on-dark",
    "nb-on-light",
    "nb-pre",
    "nb-right",
    "nb-row",
    "nb-ruled",
    "nb-size-1",
    "nb-size-2",
    "nb-size-3",
    "nb-size-4",
    "nb-size-5",
    "nb-size-6",
    "nb-size-7",
    "nb-table",
    "nb-task",
    "nb-text",
];

/// Classes of libraries and of hand-written notebooks, and this project's for the same look.
const FOREIGN_CLASSES: [(&str, &str); 12] = [
    ("alert", "nb-alert"),
    ("alert-danger", "nb-alert-danger"),
    ("alert-error", "nb-alert-danger"),
    ("alert-info", "nb-alert-info"),
    ("alert-success", "nb-alert-success"),
    ("alert-warning", "nb-alert-warning"),
    ("dl-horizontal", "nb-dl-inline"),
    ("dl-inline", "nb-dl-inline"),
    ("list-inline", "nb-inline"),
    ("text-center", "nb-center"),
    ("text-left", "nb-left"),
    ("text-right", "nb-right"),
];

/// Elements that may have a colour of their own behind them.
const COLOURED_ELEMENTS: [&str; 4] = ["table", "td", "th", "tr"];

/// Elements that are an alert where a pale colour is behind them.
const PARAGRAPH_ELEMENTS: [&str; 9] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "div",
    "fieldset",
    "p",
    "pre",
    "section",
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
            .generic_attributes(
                [
                    "align", "class", "dir", "hidden", "id", "lang", "style", "title",
                ]
                .into(),
            )
            .tag_attributes(
                [
                    ("a", ["href", "name"].as_slice()),
                    ("audio", &["controls", "src"]),
                    ("details", &["open"]),
                    ("dialog", &["open"]),
                    ("font", &["color", "face", "size"]),
                    ("img", &["src", "alt", "width", "height"]),
                    ("li", &["type", "value"]),
                    ("ol", &["reversed", "start", "type"]),
                    ("table", &["bgcolor"]),
                    ("td", &["bgcolor", "colspan", "rowspan"]),
                    ("th", &["bgcolor", "colspan", "rowspan", "scope"]),
                    ("tr", &["bgcolor"]),
                    ("ul", &["type"]),
                    ("video", &["controls", "src"]),
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
        "src" if matches!(element, "audio" | "video") => {
            restate::media_address(value).map(Cow::Owned)
        }
        "src" => source(value),
        "class" => joined(value.split_ascii_whitespace().filter_map(known_class)),
        "style" => joined(style_words(element, value).iter().map(String::as_str)),
        "color" => {
            let mut classes = style::classes(&format!("color:{value}"));
            if classes.is_empty() {
                // A browser also takes what has lost its sign.
                classes = style::classes(&format!("color:#{value}"));
            }
            joined(classes.iter().map(String::as_str))
        }
        "bgcolor" => {
            colour_word(css_colour::parse(&value.trim().to_ascii_lowercase())?).map(Cow::Owned)
        }
        "hidden" => Some(Cow::Borrowed("nb-gone")),
        "width" | "height" => length(value),
        "colspan" | "rowspan" => number(value, 1000),
        "start" | "value" => {
            let number: i32 = value.trim().parse().ok()?;
            (number.abs() <= 1_000_000).then(|| number.to_string().into())
        }
        "size" => Some(style::size_class(css_size::of_font(value)?).into()),
        "face" => style::monospace(&value.to_ascii_lowercase()).map(Cow::Borrowed),
        // A table or a picture stands there itself, which is no matter of its text.
        "align" if matches!(element, "img" | "table") => {
            style::place_of_itself(&value.trim().to_ascii_lowercase()).map(Cow::Borrowed)
        }
        "align" => joined(
            style::classes(&format!("text-align:{value}"))
                .iter()
                .map(String::as_str),
        ),
        "type" => ["1", "A", "a", "I", "i", "disc", "circle", "square"]
            .contains(&value)
            .then_some(Cow::Borrowed(value)),
        "dir" => ["ltr", "rtl", "auto"]
            .contains(&value)
            .then_some(Cow::Borrowed(value)),
        "scope" => ["row", "col"]
            .contains(&value)
            .then_some(Cow::Borrowed(value)),
        "controls" | "open" | "reversed" => Some(Cow::Borrowed("")),
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
    // In a drawing that is not in base64 white space matters.
    if let Some(data) = data_url::parts(value) {
        // What is no picture is named: the description is no address, so it becomes a note.
        return image::in_base64(value).or_else(|| Some(data.described().into()));
    }
    let value: Cow<'_, str> = if value.contains(|c: char| c.is_ascii_whitespace()) {
        value.split_ascii_whitespace().collect::<String>().into()
    } else {
        value.into()
    };
    // What is no data in a form that is read above must not look like data.
    let is_data = value
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    (!value.is_empty() && !is_data).then_some(value)
}

/// What is kept of the `style` of an element, in words that `rewrite` reads: classes, the colour
/// behind a cell, the size of a picture.
pub(super) fn style_words(element: &str, value: &str) -> Vec<String> {
    if element == "img" {
        let mut words = style::classes(value);
        let size = |property: &str, word: &str| {
            let found = style::declared(value, property)?;
            Some(format!("{word}{}", length(found)?))
        };
        words.extend(size("width", SIZE_WORDS[0]));
        words.extend(size("height", SIZE_WORDS[1]));
        return words;
    }
    if matches!(element, "ol" | "ul") {
        let mut words = style::classes(value);
        words.extend(list_type(value).map(|name| format!("{TYPE_WORD}{name}")));
        return words;
    }
    if PARAGRAPH_ELEMENTS.contains(&element)
        && let Some(tone) = style::looks(value).background.and_then(tone)
    {
        let mut words = style::looks(value).classes;
        // An alert has lines of its own.
        words.retain(|word| !matches!(word.as_str(), "nb-framed" | "nb-ruled"));
        words.extend(["nb-alert".to_owned(), tone.to_owned()]);
        return words;
    }
    if !COLOURED_ELEMENTS.contains(&element) {
        return style::classes(value);
    }
    let looks = style::looks(value);
    let mut words = looks.classes;
    words.extend(looks.background.and_then(colour_word));
    words
}

/// The alert that a pale colour behind a paragraph stands for: instructors write their own so.
fn tone(background: [u8; 3]) -> Option<&'static str> {
    Some(match css_colour::pale_hue(background)? {
        0..20 | 320.. => "nb-alert-danger",
        20..75 => "nb-alert-warning",
        75..170 => "nb-alert-success",
        170..320 => "nb-alert-info",
    })
}

/// The `type` of a list for the `list-style-type` of its style.
fn list_type(style: &str) -> Option<&'static str> {
    let value = style::declared(style, "list-style-type")
        .or_else(|| style::declared(style, "list-style"))?;
    let names = [
        ("decimal", "1"),
        ("lower-alpha", "a"),
        ("lower-latin", "a"),
        ("upper-alpha", "A"),
        ("upper-latin", "A"),
        ("lower-roman", "i"),
        ("upper-roman", "I"),
        ("disc", "disc"),
        ("circle", "circle"),
        ("square", "square"),
    ];
    let mut words = value.split_ascii_whitespace();
    words.find_map(|word| {
        let found = names.iter().find(|(css, _)| css.eq_ignore_ascii_case(word));
        found.map(|(_, name)| *name)
    })
}

/// The word before the type of a list.
pub(super) const TYPE_WORD: &str = "=t";

/// The words before a width and a height.
pub(super) const SIZE_WORDS: [&str; 2] = ["=w", "=h"];

/// A colour as the attribute `bgcolor` has it. White is that of the paper.
fn colour_word([red, green, blue]: [u8; 3]) -> Option<String> {
    let is_white = [red, green, blue] == [255, 255, 255];
    (!is_white).then(|| format!("#{red:02x}{green:02x}{blue:02x}"))
}

/// The class of the stylesheet for a class of the fragment.
pub(super) fn known_class(class: &str) -> Option<&str> {
    if is_known(class) {
        return Some(class);
    }
    let found = FOREIGN_CLASSES
        .iter()
        .find(|(foreign, _)| *foreign == class);
    found.map(|(_, own)| *own)
}

/// A width or height: pixels, or a part of the room there is. As in a browser, what follows the
/// number of an attribute does not count; lengths of a style have their unit.
fn length(value: &str) -> Option<Cow<'static, str>> {
    let pixels = match css_size::length(value)? {
        Length::PerCent(part) => {
            let is_part = (1.0..=100.0).contains(&part);
            return is_part.then(|| format!("{part:.0}%").into());
        }
        Length::Em(size) => size * 16.0,
        Length::Pixels(pixels) => pixels,
    };
    image::pixels_of_text(&format!("{pixels:.0}")).map(|pixels| pixels.to_string().into())
}

/// All classes that a fragment may have.
#[cfg(test)]
pub(crate) fn classes() -> Vec<String> {
    let tokens = TOKEN_CLASSES.iter().map(|token| format!("tok-{token}"));
    let colours = (0..16).flat_map(|n| [format!("ansi-fg-{n}"), format!("ansi-bg-{n}")]);
    let own = ALLOWED_CLASSES.iter().map(|class| (*class).to_owned());
    let bars = (0..=100).step_by(5).map(|n| format!("nb-bar-{n}"));
    let starts = (5..=100).step_by(5).map(|n| format!("nb-from-{n}"));
    own.chain(tokens)
        .chain(colours)
        .chain(bars)
        .chain(starts)
        .collect()
}

/// Whether a fragment may use the stylesheet's class `class`.
pub(super) fn is_known(class: &str) -> bool {
    if let Some(token) = class.strip_prefix("tok-") {
        return TOKEN_CLASSES.contains(&token);
    }
    let step = class
        .strip_prefix("nb-bar-")
        .or_else(|| class.strip_prefix("nb-from-"));
    if let Some(step) = step {
        let number = step.parse::<u8>();
        return number.is_ok_and(|n| n <= 100 && n % 5 == 0 && n.to_string() == step);
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
