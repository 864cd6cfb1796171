//! HTML that consists mostly of tags, for the cost of each byte to the sanitiser.

use shared::{prepare::Sanitizer, sanitize::Ammonia};

/// The name, the beginning, and the repeated piece.
const KINDS: [(&str, &str, &str); 26] = [
    ("paragraphs that nothing ends", "", "<p>"),
    ("paragraphs with a letter", "", "<p>x"),
    ("items that nothing ends", "<ul>", "<li>"),
    ("terms and definitions", "<dl>", "<dt>a<dd>b"),
    ("rows that nothing ends", "<table>", "<tr>"),
    ("cells that nothing ends", "<table>", "<td>"),
    ("rows and cells", "<table>", "<tr><td>x"),
    ("rows with spans", "<table>", "<tr><td colspan=9>x"),
    ("ends without a start", "", "</p>"),
    ("comments", "", "<!>"),
    ("empty marks", "", "<i></i>"),
    ("marks in marks", "", "<i><b>x</b></i>"),
    ("links", "", "<a href=//b>x</a>"),
    ("links that lead nowhere", "", "<a>x</a>"),
    ("places", "", "<a name=b>x</a>"),
    ("titles", "", "<b title=a>x</b>"),
    ("classes", "", "<b class='ansi-bold ansi-fg-1'>x</b>"),
    ("styles", "", "<b style='color:red'>x</b>"),
    ("pictures", "", "<img src=http://a/b>"),
    ("lists with a start", "", "<ol start=3><li>x</ol>"),
    ("scripts", "", "<script>x</script>y"),
    ("drawings", "", "<svg></svg>y"),
    ("attributes", "", "<b aa ab ac ad ae af ag ah ai aj>"),
    (
        "blocks in marks that nothing ends",
        "<b><i><s><u>",
        "<p>x</p>",
    ),
    ("unknown elements", "", "<x>y</x>"),
    ("references", "", "&lt;"),
];

/// The kinds by name, each with a function that generates a given number of bytes.
pub(super) fn kinds() -> impl Iterator<Item = (&'static str, impl Fn(usize) -> Vec<u8>)> {
    KINDS.into_iter().map(|(name, before, piece)| {
        let make = move |size: usize| format!("{before}{}", piece.repeat(size / piece.len()));
        (name, move |size| make(size).into_bytes())
    })
}

/// Sanitises `html`; returns the length of the result.
pub(super) fn clean(html: &[u8]) -> usize {
    let html = std::str::from_utf8(html).unwrap_or_default();
    Ammonia.sanitize(html).as_str().len()
}
