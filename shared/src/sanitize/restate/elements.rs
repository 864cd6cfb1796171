//! Elements in place of which something else is written.

use super::{
    controls, drawing, mathml, media,
    tag::{RAW_ELEMENTS, content, may_have, tag, text_length},
};

/// The elements that the sanitiser would drop without a trace.
const ELEMENTS: [&str; 13] = [
    "area", "audio", "canvas", "embed", "iframe", "input", "math", "meter", "object", "progress",
    "select", "svg", "video",
];
/// Those among them that have no content.
const EMPTY_ELEMENTS: [&str; 3] = ["area", "embed", "input"];

/// `html` with pictures, players, values and notes in place of these elements; `None` when it has
/// none.
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
        let start = at;
        at += length;
        if found.closes {
            continue;
        }
        if RAW_ELEMENTS.iter().any(|name| found.is(name)) {
            let (inside, end) = content(&html[at..], found.name);
            at += inside + end;
            continue;
        }
        let Some(name) = ELEMENTS.iter().find(|name| found.is(name)) else {
            continue;
        };
        let (inside, end) = match *name {
            name if EMPTY_ELEMENTS.contains(&name) => (0, 0),
            "svg" if html[..at].ends_with("/>") => (0, 0),
            "svg" => drawing::drawing_length(&html[at..]),
            name => content(&html[at..], name),
        };
        out.push_str(&html[kept..start]);
        let content = &html[at..at + inside];
        at += inside + end;
        kept = at;
        match *name {
            "math" => mathml::push(&mut out, content),
            "input" | "meter" | "progress" | "select" => {
                controls::push(&mut out, name, &found, content);
            }
            name => media::push(&mut out, name, &found, content, &html[start..at]),
        }
    }
    (kept > 0).then(|| {
        out.push_str(&html[kept..]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn films_play_whose_data_have_line_ends() {
        let html = "<video><source src=a.webm>\
                    <SOURCE type=\"video/mp4\" src=\"data:video/mp4;base64,AA\nAA\n\"></video>";
        let expected = "<video controls src=\"data:video/mp4;base64,AAAA\"></video>";
        assert_eq!(shown(html).as_deref(), Some(expected));
    }

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
                "<span class=\"nb-note\">A film is not loaded: a.mp4</span>",
            ),
            (
                "<iframe src=map.html></iframe><iframe src='javascript:a'></iframe><iframe></iframe>",
                "<span class=\"nb-note\">A frame is not loaded: map.html</span>\
                 <span class=\"nb-note\">A frame is not loaded.</span>\
                 <span class=\"nb-note\">A frame is not loaded.</span>",
            ),
            (
                "<embed src=\"a.pdf\"><object data='data:application/pdf;base64,AA'></object>",
                "<span class=\"nb-note\">An embedded object is not loaded: a.pdf</span>\
                 <span class=\"nb-note\">An embedded object is not loaded: \
                 data of the type application/pdf.</span>",
            ),
            (
                "<map name=m><area href='http://x.org/' alt='Left <b>'><AREA href=b.html title=R>\
                 <area href='#c'/><area></map>",
                "<map name=m> <a href=\"http://x.org/\">Left b</a>  <span>R</span> \
                 \x20<a href=\"#c\">#c</a> </map>",
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
        for html in [
            "<textarea><svg></svg></textarea>",
            "<p>svg</p>",
            "<style>svg {}</style>",
            "</svg>",
            "a < b",
        ] {
            assert_eq!(shown(html), None, "{html}");
        }
    }

    #[test]
    fn a_drawing_ends_at_its_own_end() {
        assert_eq!(shown("<svg class=\"a\"/>b").as_deref(), Some("b"));
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

    #[test]
    fn controls_are_their_values() {
        for (html, expected) in [
            ("a <input type=\"checkbox\" checked> b", "a ☑ b"),
            ("<INPUT type=radio>x", "○x"),
            ("<input value=\"a &lt; b\">", "<samp>a &lt; b</samp>"),
            ("<input placeholder='Your name'>", "<samp>Your name</samp>"),
            ("<input type=hidden value=x>y", "y"),
            ("<input type=submit value=Send>", "<samp>Send</samp>"),
            (
                "a<select><option>one<option selected>two</select>b",
                "a<samp>two</samp>b",
            ),
            (
                "<select><option>one</option><option>two</option></select>",
                "<samp>one</samp>",
            ),
            (
                "<SELECT><optgroup label=x><OPTION>one<Option selected>two</SELECT>",
                "<samp>two</samp>",
            ),
            ("<input type=image alt=Go>", "<samp>Go</samp>"),
            ("<meter value=.6></meter>", "<samp>60 %</samp>"),
            ("<progress value=3 max=12>3</progress>", "<samp>25 %</samp>"),
            ("<progress></progress>", "<samp>…</samp>"),
            (
                "<math><mi>x</mi> <mo>=</mo> <mn>5</mn></math> is",
                "<span class=\"nb-note\">A formula in MathML is shown as its text:</span> \
                 <code>x=5</code> is",
            ),
            (
                "<math><semantics><mi>x</mi><annotation encoding=\"application/x-tex\">x^2\
                 </annotation></semantics></math>",
                "<span class=\"nb-note\">A formula in MathML is shown as its text:</span> \
                 <code>x^2</code>",
            ),
        ] {
            assert_eq!(shown(html).as_deref(), Some(expected), "{html}");
        }
        for html in ["<p>input</p>", "<textarea><input></textarea>", "</select>"] {
            assert_eq!(shown(html), None, "{html}");
        }
    }
}
