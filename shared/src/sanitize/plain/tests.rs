//! Tests that the short way writes the same as the long one, byte for byte.

use proptest::prelude::*;

use super::clean;
use crate::sanitize::{payloads, settled};

/// The long way with every pass, without the short way's test for settled HTML.
fn thorough(html: &str) -> String {
    settled(html, |_| false)
}

#[test]
fn attacks_come_out_of_both_ways_the_same() {
    let html = [payloads::HTML, payloads::MARKUP, payloads::MARKDOWN];
    let others = [payloads::LATEX, payloads::TERMINAL, payloads::IMAGES];
    let frames = [
        "{}",
        "<p>a</p>{}<p>b</p>",
        "<div class=\"nb-note\">{}</div>",
        "<p><b>{}</b></p>",
        "<ul><li>{}</li></ul>",
        "<table><tbody><tr><td>{}</td></tr></tbody></table>",
        "<table><tbody><tr>{}</tr></tbody></table>",
        "<pre>{}</pre>",
        "<a href=\"https://a.b\">{}</a>",
        "<a href=\"{}\">a</a>",
        "<i title=\"{}\">a</i>",
        "<i id=\"{}\">a</i>",
        "<i class=\"{}\">a</i>",
        "<i style=\"{}\">a</i>",
        "<{}>a</p>",
    ];
    let mut both = 0;
    for payload in html.into_iter().chain(others).flatten() {
        for frame in frames {
            let html = frame.replace("{}", payload);
            let long = thorough(&html);
            if let Some(short) = clean(&html) {
                assert_eq!(short, long, "{html}");
                both += 1;
            }
            assert_eq!(
                crate::sanitize::thorough(&html),
                long,
                "not settled: {html}"
            );
        }
    }
    assert!(both > 100, "the short way took {both}");
}

const PANDAS_TABLE: &str = "<div>\n<style scoped>\n    .dataframe tbody tr th { a > b }\n</style>\n\
    <table border=\"1\" class=\"dataframe\">\n  <thead>\n    <tr style=\"text-align: right;\">\n      \
    <th></th>\n      <th>city &amp; day</th>\n    </tr>\n  </thead>\n  <tbody>\n    <tr>\n      \
    <th rowspan=\"2\" valign=\"top\">0</th>\n      <td>Zoë > 3 &lt; 4 & 5\u{a0}</td>\n    </tr>\n  \
    </tbody>\n</table>\n<p>1 rows × 2 columns</p>\n</div>";

#[test]
fn pandas_tables_go_the_short_way() {
    let short = clean(PANDAS_TABLE).expect("this is what the short way is for");
    assert_eq!(short, thorough(PANDAS_TABLE));
    assert!(short.contains("<tr class=\"nb-right\">"));
    assert!(short.contains("<td>Zoë &gt; 3 &lt; 4 &amp; 5&nbsp;</td>"));
}

#[test]
fn odd_html_goes_the_long_way() {
    for html in [
        "<script>alert(1)</script>",
        "<p onclick=\"x\">a</p>",
        "<p><div>a</div></p>",
        "<p>a",
        "a</p>",
        "<b><i>a</b></i>",
        "<table><tr><td>a</td></tr></table>",
        "<table>a</table>",
        "<table><tbody><tr><td><p>a</p></td></tr></tbody></table>",
        "<td>a</td>",
        "<P>a</P>",
        "<p class=a>a</p>",
        "<p class=\"a\"class=\"b\">a</p>",
        "<p class=\"&lt;\">a</p>",
        "<style><</style>",
        "<style/>a</style>",
        "<a href=\"javascript:x\">a</a>",
        "<!-- a -->",
        "<svg></svg>",
        "a\rb",
        "a\0b",
        "\u{feff}a",
        "a < b",
        "<br/>",
        "<p title=\"a\" id=\"b\">b</p>",
    ] {
        assert_eq!(clean(html), None, "{html}");
    }
}

fn fragment() -> impl Strategy<Value = String> {
    let pieces = [
        "<div>",
        "</div>",
        "<div class=\"x nb-note dataframe\">",
        "<table>",
        "</table>",
        "<table border=\"1\" class=\"dataframe\">",
        "<thead>",
        "</thead>",
        "<tbody>",
        "</tbody>",
        "<tr>",
        "</tr>",
        "<tr style=\"text-align: right;\">",
        "<td>",
        "</td>",
        "<td style=\"color: red\" class=\"nb-note\" colspan=\"2\">",
        "<td rowspan=\"3\" colspan=\"20\">",
        "<th class=\"nb-right\" style=\"text-align: right; color: #00ff00; color: red\">",
        "</th>",
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<span style=\"font-weight: bold\">",
        "</span>",
        "<em>",
        "</em>",
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
        "<dl>",
        "<dt>",
        "</dt>",
        "<dd>",
        "</dd>",
        "</dl>",
        "<h2>",
        "</h2>",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "</blockquote>",
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<a href=\"https://a.b/c?d=e#f g\">",
        "<a href=\"http://a\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">",
        "</a>",
        "<hr>",
        "\n",
        "<style>a{}</style>",
        "<style scoped>b > i</style>",
        "<br>",
        "\n  ",
        "text",
        "&amp;",
        "&",
        "&x;",
        "&#6",
        ";",
        ">",
        "\u{a0}",
        "é",
        "\u{feff}",
        "\"",
        "'",
        "=",
        "-->",
        "</",
        "<",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|p| p.concat())
}

fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "a", "é", " ", "\n", "&amp;", "&", "&x;", ";", ">", "\u{a0}", "\u{feef}", "\"", "'", "=",
        "<br>", "<hr>",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..6).prop_map(|p| p.concat())
}

/// Elements that are closed, nested in any way.
fn nested() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![8 => text(), 1 => fragment()];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let tags = [
            "div",
            "p",
            "b",
            "i",
            "code",
            "span",
            "strong",
            "b",
            "i",
            "code",
            "span",
            "strong",
            "table",
            "tbody",
            "tr",
            "td",
            "ul",
            "ol",
            "li",
            "li",
            "dl",
            "dt",
            "dd",
            "h1",
            "h6",
            "pre",
            "blockquote",
            "center",
            "details",
            "summary",
            "figure",
            "figcaption",
            "a",
            "a",
            "abbr",
            "bdi",
            "cite",
            "del",
            "dfn",
            "em",
            "ins",
            "kbd",
            "mark",
            "q",
            "s",
            "samp",
            "small",
            "sub",
            "sup",
            "u",
            "var",
            "bdo",
        ];
        let attributes = [
            "",
            "",
            " class=\"nb-note x\"",
            " style=\"color: red\"",
            " colspan=\"2\"",
            " href=\"https://a.b\"",
            " href=\"mailto:a@b\"",
            " title=\"A 'b' / c\"",
            " id=\"a-b\"",
            " id=\"a-\"",
            " id=\"\"",
        ];
        (
            prop::sample::select(tags.to_vec()),
            prop::sample::select(attributes.to_vec()),
            prop::collection::vec(inner, 0..3),
        )
            .prop_map(|(tag, attribute, inside)| {
                format!("<{tag}{attribute}>{}</{tag}>", inside.concat())
            })
    })
}

/// Well-formed tables, with anything in their cells.
fn table() -> impl Strategy<Value = String> {
    prop::collection::vec(nested(), 1..6).prop_map(|cells| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{cell}</td>\n"))
            .collect();
        PANDAS_TABLE.replace("  </tbody>", &format!("<tr>{cells}</tr></tbody>"))
    })
}

#[test]
fn well_formed_prose_goes_the_short_way() {
    let html = "<h2>A <em>list</em></h2><ul>\n<li>one</li>\n<li><p>two</p><ol><li>three</li></ol>\
        </li>\n</ul><dl><dt>a</dt><dd><a href=\"https://a.b/c\">b</a></dd></dl><hr>\
        <blockquote><pre>x\n  y</pre></blockquote><details><summary>z</summary><q>w</q></details>";
    let short = clean(html).expect("it is well-formed");
    assert_eq!(short, thorough(html));
    assert_eq!(clean(&short), Some(short.clone()), "it is settled");
    for html in [
        "<a href=\"https://a.b\"><i><a href=\"https://c.d\">x</a></i></a>",
        "<pre>\nx</pre>",
        "<div><li>x</li></div>",
        "<ul>x</ul>",
        "<ul><div><li>x</li></div></ul>",
        "<h1><p>x</p></h1>",
        "<a href=\"https://a.b\" target=\"_top\">x</a>",
        "<a name=\"b\">x</a>",
        "<i id=\"A b\" title=\"x\">x</i>",
        "<i id=\"A b\">x</i>",
        "<details open=\"\">x</details>",
    ] {
        assert_eq!(clean(html), None, "{html}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_ways_write_the_same(html in prop_oneof![fragment(), nested(), table()]) {
        let long = thorough(&html);
        if let Some(short) = clean(&html) {
            prop_assert_eq!(short.as_str(), long.as_str());
        }
        let seen = crate::sanitize::thorough(&html);
        prop_assert_eq!(seen, long, "it was not settled");
    }
}
