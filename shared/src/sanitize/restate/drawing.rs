//! Drawings in HTML, which become pictures.

use super::tag::{Tag, content, tag, text_length};
use crate::{
    prepare::{image, style},
    render::escape,
};

/// The pixels of an `em`, as browsers have it where nobody says otherwise.
const EM_PIXELS: f64 = 16.0;

/// The note beside the picture of a drawing that has HTML in it.
const WITHOUT_HTML: &str =
    "<span class=\"nb-note\">What is HTML in this drawing is not shown here.</span>";

/// Elements that draw something of their own.
const SHAPES: [&str; 9] = [
    "circle", "ellipse", "image", "line", "path", "polygon", "polyline", "rect", "text",
];

/// The length of the content of an `svg`, which may hold others, and of its end tag.
pub(super) fn drawing_length(rest: &str) -> (usize, usize) {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("<![CDATA[") {
            at = rest[at..].find("]]>").map_or(rest.len(), |end| at + end);
            continue;
        }
        let Some((found, length)) = tag(&rest[at..]) else {
            at += text_length(&rest[at..]);
            continue;
        };
        let alone = rest[at..at + length].ends_with("/>");
        if found.is("script") && !found.closes && !alone {
            let (inside, end) = content(&rest[at + length..], found.name);
            at += length + inside + end;
            continue;
        }
        if found.is("svg") {
            match (found.closes, depth) {
                (true, 0) => return (at, length),
                (true, _) => depth -= 1,
                (false, _) => depth += usize::from(!alone),
            }
        }
        at += length;
    }
    (rest.len(), 0)
}

/// The picture of a drawing as HTML; `None` when it cannot be drawn. One that a browser would not
/// show either is an empty text.
pub(super) fn picture(found: &Tag<'_>, inside: &str, whole: &str) -> Option<String> {
    if inside.trim().is_empty() || is_hidden(found) || has_only_others(inside) {
        return Some(String::new());
    }
    // A drawing has this width without saying so, and lines of unknown length would cost much.
    let (start, content) = whole.split_at(whole.find(inside).unwrap_or_default());
    let start = start.replacen(" width=\"100%\"", "", 1);
    let picture = image::drawing_in_html(&[start.as_str(), content].concat())?;
    let mut out = String::with_capacity(picture.base64.len() + 128);
    out.extend(["<img src=\"data:image/svg+xml;base64,", &picture.base64]);
    out.extend(["\" alt=\"", &title(inside).replace('"', "&quot;"), "\""]);
    for (name, size) in ["width", "height"].into_iter().zip(sizes(found)) {
        if let Some(size) = size {
            out.extend([" ", name, "=\"", &escape::attribute(&size), "\""]);
        }
    }
    out.push('>');
    if image::leaves_out_html(inside) {
        out.push_str(WITHOUT_HTML);
    }
    Some(out)
}

/// Whether a drawing takes no room, as a store of symbols for other drawings does.
fn is_hidden(found: &Tag<'_>) -> bool {
    let own = found.value("style").unwrap_or_default();
    let is = |property: &str, value: &str| {
        let declared = style::declared(own, property);
        declared.is_some_and(|declared| plain(declared).eq_ignore_ascii_case(value))
    };
    let is_nothing = |size: &str| {
        let zero = |value: &str| value.trim_end_matches("px") == "0";
        match style::declared(own, size) {
            Some(declared) => zero(plain(declared)),
            None => found.value(size).is_some_and(|value| zero(value.trim())),
        }
    };
    is("display", "none")
        || found.value("hidden").is_some()
        || is_nothing("width")
        || is_nothing("height")
}

/// Whether a drawing shows nothing but symbols of other drawings, such as an icon does.
fn has_only_others(inside: &str) -> bool {
    let mut uses = Vec::new();
    let mut has_ids = false;
    let mut rest = inside;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let Some((found, length)) = tag(rest) else {
            rest = &rest[text_length(rest)..];
            continue;
        };
        rest = &rest[length..];
        if found.closes {
            continue;
        }
        if SHAPES.iter().any(|shape| found.is(shape)) {
            return false;
        }
        let is_use = found.is("use");
        uses.extend(is_use.then_some(found));
        has_ids |= !is_use && found.value("id").is_some();
    }
    !uses.is_empty() && !has_ids
}

/// The width and the height that the style of a drawing asks for. Those of its attributes are in
/// the picture itself.
fn sizes(found: &Tag<'_>) -> [Option<String>; 2] {
    let own = found.value("style").unwrap_or_default();
    let declared = |property: &str| length(plain(style::declared(own, property)?));
    let has_width = found
        .value("width")
        .is_some_and(|width| !width.contains('%'));
    let [width, height] = ["width", "height"].map(declared);
    // A drawing that would be as wide as its room is wide is no wider than this.
    let widest = || declared("max-width").filter(|most| !most.ends_with('%') && !has_width);
    let is_whole = width.as_deref().is_none_or(|width| width == "100%");
    match is_whole.then(widest).flatten() {
        Some(widest) => [Some(widest), height],
        None => [width, height],
    }
}

/// A length as the attributes of a picture have it: pixels, or a part of the room there is.
fn length(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    if lower.ends_with('%') {
        return Some(lower);
    }
    let (number, unit) = match lower.strip_suffix("px") {
        Some(number) => (number, 1.0),
        None => match lower.strip_suffix("rem").or(lower.strip_suffix("em")) {
            Some(number) => (number, EM_PIXELS),
            None => (lower.strip_suffix("pt")?, 4.0 / 3.0),
        },
    };
    let pixels = number.trim().parse::<f64>().ok()? * unit;
    pixels.is_finite().then(|| format!("{pixels:.0}"))
}

/// A value without its mark of importance.
fn plain(value: &str) -> &str {
    value.split('!').next().unwrap_or_default().trim()
}

/// The title of a drawing.
fn title(inside: &str) -> &str {
    let text = inside.split_once("<title>").map(|(_, after)| after);
    let text = text.and_then(|after| after.split('<').next());
    text.unwrap_or("a drawing").trim()
}

#[cfg(test)]
mod tests {
    use super::super::restated;

    #[test]
    fn html_in_a_drawing_is_named() {
        let html = "<svg><path/><foreignObject><div>a</div></foreignObject></svg>";
        let shown = restated(html).expect("there is a drawing");
        assert!(
            shown.starts_with("<img") && shown.ends_with(super::WITHOUT_HTML),
            "{shown}"
        );
    }

    #[test]
    fn only_what_no_browser_shows_vanishes() {
        for (html, is_shown) in [
            (
                "<svg style=\"border-width:0; line-height:0;\"><path/></svg>",
                true,
            ),
            ("<svg style=\"stroke-width:0;\"><path/></svg>", true),
            ("<svg style=\"width:0.5em;\"><path/></svg>", true),
            (
                "<svg style=\"position: absolute; WIDTH: 0; height: 0\"><symbol/></svg>",
                false,
            ),
            ("<svg style=\"height:0px !important\"><path/></svg>", false),
            ("<svg width=\"0\" height=\"0\"><defs/></svg>", false),
            ("<svg/>", false),
            ("<svg width=\"9\"> </svg>", false),
            ("<svg style=\"display :none\"><path/></svg>", false),
            (
                "<svg><defs><circle\nid=\"c\" r=\"1\"/></defs><use href=\"#c\"/></svg>",
                true,
            ),
            ("<svg><g id=a></g><use href=\"#a\"/></svg>", true),
            ("<svg><text>a</text><use href=\"#icon\"/></svg>", true),
            ("<svg><g><use id=b href=\"#icon\"/></g></svg>", false),
        ] {
            let shown = restated(&format!("{html}b")).expect("there is a drawing");
            assert_eq!(shown.starts_with("<img"), is_shown, "{html}: {shown}");
            assert!(is_shown || shown == "b", "{html}: {shown}");
        }
    }
}
