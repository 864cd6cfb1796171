//! Drawings, sounds, films and frames in HTML: shown where their data is in the HTML, else named,
//! with a link to the original where there is one.

use super::{
    drawing,
    tag::{RAW_ELEMENTS, Tag, content, may_have, tag, text_length},
};
use crate::prepare::link;

/// The elements that the sanitiser would drop without a trace.
const ELEMENTS: [&str; 7] = [
    "audio", "canvas", "embed", "iframe", "object", "svg", "video",
];

/// `html` with pictures, players and notes in place of these elements; `None` when it has none.
pub(super) fn shown(html: &str) -> Option<String> {
    if !may_have(html, &ELEMENTS) {
        return None;
    }
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < html.len() {
        let rest = &html[at..];
        let Some((found, length)) = tag(rest) else {
            at += text_length(rest);
            continue;
        };
        at += length;
        if RAW_ELEMENTS.iter().any(|name| found.is(name)) && !found.closes {
            let (inside, end) = content(&html[at..], found.name);
            at += inside + end;
            continue;
        }
        let known = ELEMENTS.iter().find(|name| found.is(name));
        let Some(name) = known.filter(|_| !found.closes) else {
            continue;
        };
        let (inside, end) = match *name {
            "embed" => (0, 0),
            "svg" => drawing::drawing_length(&html[at..]),
            name => content(&html[at..], name),
        };
        let start = at - length;
        out.push_str(&html[kept..start]);
        let whole = &html[start..at + inside + end];
        push_element(&mut out, name, &found, &html[at..at + inside], whole);
        at += inside + end;
        kept = at;
    }
    (kept > 0).then(|| {
        out.push_str(&html[kept..]);
        out
    })
}

fn push_element(out: &mut String, name: &str, found: &Tag<'_>, inside: &str, whole: &str) {
    match name {
        "svg" => push_drawing(out, found, inside, whole),
        "audio" | "video" => push_player(out, name, found, inside),
        "canvas" => push_note(
            out,
            "A drawing that needs a script is not shown here.",
            None,
        ),
        "iframe" => push_note(out, "A frame is not loaded", found.value("src")),
        _ => {
            let address = found.value("data").or_else(|| found.value("src"));
            push_note(out, "An embedded object is not loaded", address);
        }
    }
}

fn push_drawing(out: &mut String, found: &Tag<'_>, inside: &str, whole: &str) {
    match drawing::picture(found, inside, whole) {
        Some(picture) => out.push_str(&picture),
        None => push_note(out, "A drawing (SVG) is not shown here.", None),
    }
}

/// Writes a player of a sound or a film whose data is in the HTML.
fn push_player(out: &mut String, name: &str, found: &Tag<'_>, inside: &str) {
    let address = found.value("src").or_else(|| {
        let at = inside.find("<source")?;
        let (source, _) = tag(&inside[at..])?;
        source.value("src")
    });
    if let Some(data) = address.filter(|address| is_media_data(address)) {
        out.extend(["<", name, " controls src=\"", data, "\"></", name, ">"]);
        return;
    }
    let what = if name == "audio" { "A sound" } else { "A film" };
    push_note(out, &format!("{what} is not loaded"), address);
}

/// Whether an address is the data of a sound or a film, in base64.
pub(in crate::sanitize) fn is_media_data(address: &str) -> bool {
    const SUBTYPES: [&str; 10] = [
        "flac", "mp3", "mp4", "mpeg", "ogg", "wav", "wave", "webm", "x-wav", "x-m4a",
    ];
    let data = address
        .strip_prefix("data:audio/")
        .or_else(|| address.strip_prefix("data:video/"));
    let Some((kind, base64)) = data.and_then(|data| data.split_once(";base64,")) else {
        return false;
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    SUBTYPES.contains(&kind) && !base64.is_empty() && base64.bytes().all(allowed)
}

/// Writes a note, and a link to the address of the original where there is one.
fn push_note(out: &mut String, note: &str, address: Option<&str>) {
    out.extend(["<span class=\"nb-note\">", note]);
    let address = address.map(|address| match address.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => address.to_owned(),
    });
    match address.filter(|address| link::is_allowed(address)) {
        Some(address) => {
            // Its character references stay as they were in the attribute.
            let address = address.replace('"', "%22").replace(['<', '>'], "");
            out.extend([": <a href=\"", &address, "\">", &address, "</a>"]);
        }
        None if note.ends_with('.') => {}
        None => out.push('.'),
    }
    out.push_str("</span>");
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_not_shown_is_named() {
        for (html, expected) in [
            (
                "a<iframe src='https://x.org/y'>z</iframe>b",
                "a<span class=\"nb-note\">A frame is not loaded: \
                 <a href=\"https://x.org/y\">https://x.org/y</a></span>b",
            ),
            (
                "<video><source src=\"a.mp4\"></video>",
                "<span class=\"nb-note\">A film is not loaded.</span>",
            ),
            (
                "<AUDIO controls><source src=\"data:audio/wav;base64,AAAA\" type=x/>No.</AUDIO>",
                "<audio controls src=\"data:audio/wav;base64,AAAA\"></audio>",
            ),
            (
                "<canvas id=a></canvas>",
                "<span class=\"nb-note\">A drawing that needs a script is not shown here.</span>",
            ),
            ("<svg style=\"display: none\"><defs/></svg>b", "b"),
            ("<svg><use href=\"#icon\"/></svg>b", "b"),
        ] {
            assert_eq!(shown(html).as_deref(), Some(expected), "{html}");
        }
        for html in ["<p>svg</p>", "<style>svg {}</style>", "</svg>", "a < b"] {
            assert_eq!(shown(html), None, "{html}");
        }
    }

    #[test]
    fn a_drawing_ends_at_its_own_end() {
        for inside in [
            "<svg><rect/></svg>",
            "<svg/>",
            "<script>\"</svg>\"</script>",
            "<script/>",
            "<style><![CDATA[</svg>]]></style>",
            "<!-- </svg> -->",
        ] {
            let html = format!("<svg>{inside}<path/></SVG>b");
            let shown = shown(&html).expect("there is one");
            assert!(shown.ends_with("\" alt=\"a drawing\">b"), "{shown}");
        }
    }

    #[test]
    fn drawings_become_pictures() {
        let html = "<div><svg width=\"9\"><title>dot</title><svg/><circle r=\"1\"/></svg></div>";
        let shown = shown(html).expect("there is one");
        assert!(
            shown.starts_with("<div><img src=\"data:image/svg+xml;base64,"),
            "{shown}"
        );
        assert!(shown.ends_with("\" alt=\"dot\"></div>"), "{shown}");
    }
}
