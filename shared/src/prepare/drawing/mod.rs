//! SVG as a picture can be made of it, however a library wrote it.
//!
//! An `svg` within HTML needs no namespace, no quotes and no end tags, and may use HTML's names of
//! characters; in a picture of its own all of these are errors, for which a browser draws a broken
//! picture. So what is not well-formed (`well_formed`) is written anew (`rewritten`). What a drawing
//! may draw, and what that costs, is no matter of this module but of the budget, which reads what
//! comes out of it.

mod characters;
mod names;
mod rewritten;
mod well_formed;

use std::borrow::Cow;

/// The namespace of every drawing, without which a browser draws nothing.
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// `source` as a document of its own; `None` when nothing would be drawn.
pub(super) fn document(source: &str) -> Option<Cow<'_, str>> {
    let source = source.trim_start_matches('\u{feff}').trim();
    if well_formed::is_drawing(source) && !has_html(source) {
        return Some(Cow::Borrowed(source));
    }
    rewritten::document(source).map(Cow::Owned)
}

/// Whether a drawing has HTML in it, which no picture shows.
pub(super) fn has_html(source: &str) -> bool {
    ["foreignObject", "foreignobject", "FOREIGNOBJECT"]
        .iter()
        .any(|name| {
            source
                .match_indices(name)
                .any(|(at, _)| source[..at].ends_with('<'))
        })
}

#[cfg(test)]
mod tests {
    use super::document;

    const XMLNS: &str = "xmlns=\"http://www.w3.org/2000/svg\"";

    #[test]
    fn what_is_well_formed_stays_as_it_is() {
        for source in [
            "<svg NS></svg>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><!DOCTYPE svg PUBLIC \"x\"\n \"y\"><svg NS></svg>",
            "<!-- a --><svg NS width='1'>\n<text a=\"&lt;>\">5 &amp; &#x41; &gt;</text><g/></svg>",
            "<svg NS xmlns:x=\"u\"><x:a x:b=\"1\"/><style><![CDATA[a<b]]></style></svg>",
            "<svg NS><metadata><r:a xmlns:r=\"u\" r:b=\"1\"><r:c/></r:a></metadata></svg>",
        ] {
            let source = source.replace("NS", XMLNS);
            assert_eq!(document(&source).as_deref(), Some(&*source));
        }
    }

    #[test]
    fn what_is_not_well_formed_is_written_anew() {
        let cases = [
            (
                "<svg width=\"1\"><g/></svg>",
                "<svg NS width=\"1\"><g/></svg>",
            ),
            (
                "\n \n<?xml version=\"1.0\"?>\n<svg NS><text>5&nbsp;&lt; R&D</text></svg>",
                "<svg NS><text>5\u{a0}&lt; R&amp;D</text></svg>",
            ),
            (
                "<svg NS><use xlink:href=\"#b\"/></svg>",
                "<svg NS xmlns:xlink=\"http://www.w3.org/1999/xlink\"><use xlink:href=\"#b\"/></svg>",
            ),
            (
                "<svg width=60 height=3><circle r=1 /></svg>",
                "<svg NS width=\"60\" height=\"3\"><circle r=\"1\"/></svg>",
            ),
            (
                "<svg NS hidden><path d='a'/></svg>",
                "<svg NS hidden=\"\"><path d=\"a\"/></svg>",
            ),
            (
                "<svg NS width=\"1\" width=\"2\"><path/></svg>",
                "<svg NS width=\"1\"><path/></svg>",
            ),
            (
                "<svg NS a=\"<\"><path/></svg>",
                "<svg NS a=\"&lt;\"><path/></svg>",
            ),
            (
                "<svg NS><path @click=\"a\" onclick=\"b\" d=\"c\"/></svg>",
                "<svg NS><path d=\"c\"/></svg>",
            ),
            (
                "<svg NS inkscape:version=\"1\"><sodipodi:namedview><a/></sodipodi:namedview><path/></svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "<svg NS><use xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"#a\"/>\
                 <use xlink:href=\"#a\"/></svg>",
                "<svg NS xmlns:xlink=\"http://www.w3.org/1999/xlink\"><use xlink:href=\"#a\"/>\
                 <use xlink:href=\"#a\"/></svg>",
            ),
            (
                "<!DOCTYPE svg PUBLIC \"x\" \"y\" [\n<!ENTITY ns_svg \"http://www.w3.org/2000/svg\">\n]>\
                 <svg xmlns=\"&ns_svg;\"><path/></svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "<svg NS><text>a\u{8}b</text></svg>",
                "<svg NS><text>ab</text></svg>",
            ),
            (
                "<svg NS><!-- a -- b --><path/></svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "\u{feff}\n<!-- a -->\n<?xml version=\"1.0\"?><!DOCTYPE svg><svg NS><path/></svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "<SVG VIEWBOX=\"0 0 1 1\"><CLIPPATH ID=\"Ab\"/><CIRCLE R=\"1\"/></SVG>",
                "<svg NS viewBox=\"0 0 1 1\"><clipPath id=\"Ab\"/><circle r=\"1\"/></svg>",
            ),
            (
                "<svg NS><g><circle r=\"1\"></g></svg>",
                "<svg NS><g><circle r=\"1\"></circle></g></svg>",
            ),
            (
                "<svg NS><circle r=\"1\">",
                "<svg NS><circle r=\"1\"></circle></svg>",
            ),
            (
                "<svg NS><text a=\"&eacute;\">&Omega;&rsquo;&#233;&none;</text></svg>",
                "<svg NS><text a=\"é\">Ω’é&amp;none;</text></svg>",
            ),
            (
                "<svg><script>let a = \"</svg>\";</script><script/><path/></svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "<svg><style><![CDATA[.a > b {}]]></style><path/></svg>",
                "<svg NS><style>.a > b {}</style><path/></svg>",
            ),
            (
                "<svg a='\"' b='\"&apos;'><text>]]></text></svg>",
                "<svg NS a='\"' b=\"&quot;'\"><text>]]&gt;</text></svg>",
            ),
            (
                "<svg:svg xmlns:svg=\"u\"><svg:path/></svg:svg>",
                "<svg NS><path/></svg>",
            ),
            (
                "<svg NS><path/><foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>a</p>\
                 </foreignObject></svg>",
                "<svg NS><path/></svg>",
            ),
            ("<svg><path/></svg> and <p>more", "<svg NS><path/></svg>"),
        ];
        for (source, expected) in cases {
            let [source, expected] = [source, expected].map(|xml| xml.replace("NS", XMLNS));
            let found = document(&source);
            assert_eq!(found.as_deref(), Some(&*expected), "{source}");
            assert_eq!(
                document(&expected).as_deref(),
                Some(&*expected),
                "it is well-formed"
            );
        }
    }

    #[test]
    fn what_draws_nothing_is_no_drawing() {
        let deep = format!("<svg>{}", "<g>".repeat(2000));
        let many = format!("<svg><path {}/></svg>", "a=1 ".repeat(100_000));
        assert!(document(&many).is_some_and(|xml| xml.len() < 200));
        for source in [
            "<svg><g></svg>",
            "<svg><br></svg>",
            "<svg><g><foreignObject><b>a</b><path/></foreignObject></g></svg>",
            "<svg",
            "<svgs/>",
            "no drawing",
            "<!-- <svg><path/></svg> -->",
            &deep,
        ] {
            assert_eq!(document(source), None, "{source:.60}");
        }
    }
}
