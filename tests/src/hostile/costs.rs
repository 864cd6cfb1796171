//! Small outputs that cost a browser seconds or gigabytes to draw, or that it draws for ever. Each
//! froze a page that showed it as it is.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, Crc, write::ZlibEncoder};
use serde_json::{Value, json};

/// A kind of output that costs a browser much to draw.
#[derive(Clone, Debug)]
pub struct CostlyOutput {
    /// The part of it that costs much.
    pub name: &'static str,
    /// A cell with the output.
    pub cell: Value,
}

/// All kinds.
pub fn costly_outputs() -> Vec<CostlyOutput> {
    let svgs = drawings().into_iter().map(|(name, inner)| {
        let svg = svg(&inner);
        (name, display("image/svg+xml", &svg))
    });
    let markup = markup()
        .into_iter()
        .map(|(name, html)| (name, display("text/html", &html)));
    let texts = texts()
        .into_iter()
        .map(|(name, text)| (name, printed(&text)));
    let all = svgs.chain(markup).chain(texts).chain(others());
    all.map(|(name, cell)| CostlyOutput { name, cell })
        .collect()
}

/// A page that shows one of them without a budget.
pub fn control() -> String {
    let data = svg(&nested(7, "<use href='#aN'/>"));
    let source = data.replace('#', "%23");
    format!("<!doctype html><title>Control</title><img src=\"data:image/svg+xml,{source}\">")
}

fn svg(inner: &str) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='1000' height='1000'>{inner}</svg>")
}

/// Ten references in each level to the one below it.
fn nested(levels: usize, reference: &str) -> String {
    let mut inner = "<g id='a0'><rect width='9' height='9'/></g>".to_owned();
    for level in 1..=levels {
        let one = reference.replace('N', &(level - 1).to_string());
        inner += &format!("<g id='a{level}'>{}</g>", one.repeat(10));
    }
    inner
}

/// Ten resources, each of which draws with the one before it ten times.
fn nested_resource(resource: &str, property: &str) -> String {
    let mut inner = String::new();
    let mut style = String::new();
    for level in 0..8 {
        let size = "id='rN' width='99' height='99' markerWidth='9' markerHeight='9' \
                    patternUnits='userSpaceOnUse'";
        let size = size.replace('N', &level.to_string());
        let shape = format!("<path d='M0 0h9v9h9v9h9z' {style}/>");
        inner += &format!("<{resource} {size}>{}</{resource}>", shape.repeat(10));
        style = format!("{property}='url(#r{level})'");
    }
    format!("{inner}<path d='M0 0h900v900h-900z' {style}/>")
}

fn drawings() -> Vec<(&'static str, String)> {
    let full = "<rect width='1000' height='1000' fill='rgba(1,2,3,.1)'/>";
    let filter = |steps: &str, times: usize| {
        let shape = "<rect filter='url(#f)' width='1000' height='1000'/>";
        format!("<filter id='f'>{steps}</filter>{}", shape.repeat(times))
    };
    let path: String = (0..400_000_u64)
        .map(|n| format!("L{} {}", n * 7919 % 1000, n * 104_729 % 1000))
        .collect();
    vec![
        ("use", nested(7, "<use href='#aN'/>")),
        (
            "use of a symbol",
            nested(7, "<use href='#aN'/>")
                .replace("<g ", "<symbol ")
                .replace("</g>", "</symbol>"),
        ),
        (
            "use that an animation leads",
            nested(7, "<use><set attributeName='href' to='#aN'/></use>"),
        ),
        ("patterns", nested_resource("pattern", "fill")),
        ("masks", nested_resource("mask", "mask")),
        ("markers", nested_resource("marker", "marker-mid")),
        ("clips", nested_resource("clipPath", "clip-path")),
        ("shapes over each other", full.repeat(200_000)),
        (
            "layers",
            format!("<g opacity='.5'>{full}{full}</g>").repeat(50_000),
        ),
        (
            "a blur, again and again",
            filter("<feGaussianBlur stdDeviation='500'/>", 2000),
        ),
        (
            "turbulence",
            filter("<feTurbulence numOctaves='1000' baseFrequency='.5'/>", 50),
        ),
        (
            "a convolution",
            filter(
                &format!(
                    "<feConvolveMatrix order='15' kernelMatrix='{}'/>",
                    "1 ".repeat(225)
                ),
                50,
            ),
        ),
        (
            "a style sheet of shadows",
            format!(
                "<style>rect{{filter:drop-shadow(9px 9px 99px red)}}</style>{}",
                "<rect width='900' height='900'/>".repeat(1000)
            ),
        ),
        (
            "a path without end",
            format!("<path stroke='red' fill='none' d='M0 0{path}'/>"),
        ),
        (
            "HTML in a drawing",
            format!(
                "<foreignObject width='900' height='900'><table xmlns='http://www.w3.org/1999/xhtml'>{}</table></foreignObject>",
                "<tr><td colspan='1000' rowspan='1000'>x</td></tr>".repeat(1000)
            ),
        ),
    ]
}

fn markup() -> Vec<(&'static str, String)> {
    let spans = "<td colspan=1000 rowspan=1000>x".repeat(100);
    let wide = format!(
        "<tr>{}</tr>{}",
        "<td>x".repeat(30_000),
        "<tr><td>x".repeat(30_000)
    );
    let picture = png(16_000, 16_000);
    vec![
        ("a million elements", "<b>x</b>".repeat(1_000_000)),
        (
            "elements that go the short way",
            "<p>x</p>\n".repeat(400_000),
        ),
        (
            "spans",
            format!("<table>{}</table>", format!("<tr>{spans}</tr>").repeat(100)),
        ),
        ("a table of many columns", format!("<table>{wide}</table>")),
        (
            "a table of many cells",
            format!(
                "<table>{}</table>",
                "<tr><td>1<td>2<td>3<td>4".repeat(100_000)
            ),
        ),
        (
            "folds",
            "<details open><summary>a</summary>b</details>".repeat(200_000),
        ),
        (
            "a picture in HTML",
            format!("<img src=\"data:image/png;base64,{picture}\">").repeat(3),
        ),
        (
            "lists in lists",
            format!(
                "{}{}",
                "<ul><li>x".repeat(200),
                "<ol start=999999><li>x".repeat(100_000)
            ),
        ),
        (
            "turns in HTML",
            format!("<p>{}", "a&#1488;".repeat(300_000)),
        ),
        (
            "directions in HTML",
            "<bdo dir=rtl>a</bdo><bdo dir=ltr>b</bdo>".repeat(100_000),
        ),
        ("a long line", format!("<pre>{}", "x".repeat(7_000_000))),
    ]
}

fn texts() -> Vec<(&'static str, String)> {
    let coloured: String = (0..100_000)
        .map(|n| format!("\u{1b}[3{}mx", n % 8))
        .collect();
    let rare = (0..130_000_u32).filter_map(|n| char::from_u32(0x10000 + n * 7919 % 0x20000));
    vec![
        ("a colour for each letter", coloured),
        ("turns of direction", "a\u{5d0}".repeat(170_000)),
        (
            "turns in lines",
            ("a\u{5d0}".repeat(30) + "\n").repeat(5_000),
        ),
        ("marks of direction", "a\u{200f}".repeat(130_000)),
        (
            "marks on one letter",
            format!("a{}", "\u{301}".repeat(260_000)),
        ),
        ("letters that join", "\u{628}".repeat(260_000)),
        ("letters that few fonts have", rare.collect()),
        ("lines of a letter", "x\n".repeat(260_000)),
    ]
}

fn others() -> Vec<(&'static str, Value)> {
    let picture = png(16_000, 16_000);
    let source = "f(1, 'a')\n".repeat(50_000);
    let attached = json!({"cell_type": "markdown", "metadata": {},
        "source": "![a](attachment:a) ".repeat(10_000),
        "attachments": {"a": {"image/svg+xml": svg(&nested(5, "<use href='#aN'/>"))}}});
    let formulas = "$\\frac{1}{\\sqrt{x}}$ ".repeat(20_000);
    let tree = json!(vec![
        vec![
            "a text that is too long for one line of a tree";
            150
        ];
        150
    ]);
    vec![
        ("pixels", display("image/png", &picture)),
        ("pixels of another kind", display("image/jpeg", &picture)),
        ("an attachment ten thousand times", attached),
        ("source of half a megabyte", code(&source, &[])),
        (
            "formulas",
            json!({"cell_type": "markdown", "metadata": {}, "source": formulas}),
        ),
        (
            "Markdown of a million signs",
            json!({"cell_type": "markdown", "metadata": {},
            "source": "*a* ".repeat(125_000)}),
        ),
        (
            "raw text that turns",
            json!({"cell_type": "raw", "metadata": {},
            "source": "a\u{5d0}".repeat(170_000)}),
        ),
        (
            "a tree",
            code(
                "x",
                &[json!({"output_type": "display_data", "metadata": {},
                         "data": {"application/json": tree}})],
            ),
        ),
        (
            "many outputs",
            code(
                "x",
                &vec![
                    json!({"output_type": "display_data", "metadata": {},
                           "data": {"text/html": "<b>x</b>".repeat(50)}});
                    10_000
                ],
            ),
        ),
    ]
}

/// A PNG of one colour in base64: one bit a pixel in the file, four bytes once it is decoded.
fn png(width: u32, height: u32) -> String {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[1, 0, 0, 0, 0],
    ]
    .concat();
    chunk(&mut file, *b"IHDR", &head);
    let rows = vec![0; (width as usize / 8 + 1) * height as usize];
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = deflated.write_all(&rows).and_then(|()| deflated.finish());
    chunk(
        &mut file,
        *b"IDAT",
        &written.expect("memory takes what is written"),
    );
    chunk(&mut file, *b"IEND", &[]);
    STANDARD.encode(file)
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("it is small");
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(data);
    file.extend(length.to_be_bytes());
    file.extend(name);
    file.extend(data);
    file.extend(sum.sum().to_be_bytes());
}

fn code(source: &str, outputs: &[Value]) -> Value {
    json!({"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source,
           "outputs": outputs})
}

fn display(mime: &str, data: &str) -> Value {
    let output = json!({"output_type": "display_data", "metadata": {}, "data": {mime: data}});
    code("show()", &[output])
}

fn printed(text: &str) -> Value {
    code(
        "print()",
        &[json!({"output_type": "stream", "name": "stdout", "text": text})],
    )
}
