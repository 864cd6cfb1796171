//! Generators of evil notebooks: each makes a notebook of any size out of one kind of content that
//! might slow or stop the service.
//!
//! The fuzzer starts with small ones, the tests of the notebook crate (`shared/tests/growth`) and
//! `cargo xtask bench growth` measure growing ones. Only the standard library is used here, because
//! all of these include this file.

/// A name, and a function that makes a notebook of about the given number of bytes.
pub type Generator = (&'static str, fn(usize) -> Vec<u8>);

/// All generators.
pub fn generators() -> Vec<Generator> {
    let mut all = Vec::new();
    all.extend(NOTEBOOKS);
    all.extend(OUTPUTS);
    all.extend(TEXTS);
    all
}

/// Notebooks with an odd structure.
const NOTEBOOKS: [Generator; 23] = [
    ("deep fields of a cell", |size| {
        let fields = (0..size / deep().len()).map(|n| format!("\"a{n}\":{},", deep()));
        object(&fields.collect::<String>())
    }),
    ("deep fields of a notebook", |size| {
        let fields: String = (0..size / deep().len())
            .map(|n| format!("\"a{n}\":{},", deep()))
            .collect();
        format!("{{{fields}\"nbformat\":4,\"cells\":[]}}").into()
    }),
    ("deep cells", |size| {
        let cell = format!("{{\"cell_type\":\"raw\",\"a\":{}}},", deep());
        cells(&fill(size, &cell))
    }),
    ("widgets, then private cells", |size| {
        let widgets = fill(size / 2, r#""widgets":{},"#);
        let cells = private_cells(size / 2, "");
        format!("{{\"metadata\":{{{widgets}\"x\":1}},\"cells\":[{cells}{{}}]}}").into()
    }),
    ("private cells", |size| cells(&private_cells(size, ""))),
    ("private cells and others", |size| {
        cells(&private_cells(size, "{},"))
    }),
    ("private cells in private cells", |size| {
        let open = r#"{"metadata":{"tags":["private"]},"cells":["#;
        let nest = format!("{}{},", open.repeat(40), "]}".repeat(40));
        cells(&fill(size, &nest))
    }),
    ("tags nearly private", |size| {
        tags(&fill(size, r#""privatex y","#))
    }),
    ("padded tags", |size| {
        tags(&format!("\"{}\",", fill(size, "\u{200b}p\u{301}")))
    }),
    ("tags in tags", |size| {
        tags(&fill(size, r#"{"tags":["private"]},"#))
    }),
    ("lists in the metadata", |size| metadata(&fill(size, "[],"))),
    ("keys of one name", |size| object(&fill(size, r#""a":{},"#))),
    ("keys of one name in one another", |size| {
        let nest = format!("{}0{}", r#"{"a":1,"a":"#.repeat(90), "}".repeat(90));
        metadata(&fill(size, &format!("{nest},")))
    }),
    ("keys of many names", |size| {
        object(
            &(0..size / 11)
                .map(|n| format!("\"{n:06x}\":0,"))
                .collect::<String>(),
        )
    }),
    ("as deep as it goes", |size| {
        metadata(&fill(
            size,
            &format!("{}{},", "[".repeat(95), "]".repeat(95)),
        ))
    }),
    ("deeper than it goes", |size| {
        metadata(&format!(
            "{}{},",
            "[".repeat(size / 2),
            "]".repeat(size / 2)
        ))
    }),
    ("NaN", |size| metadata(&fill(size, "NaN,"))),
    ("halves of pairs", |size| {
        metadata(&fill(size, r#""\ud800","#))
    }),
    ("powers of ten", |size| metadata(&fill(size, "1e15,"))),
    ("escapes", |size| {
        metadata(&format!("\"{}\",", fill(size, r#"\"\\\u001b\n"#)))
    }),
    ("empty cells", |size| cells(&fill(size, "{},"))),
    ("small cells", |size| {
        let source = "x".repeat(size / 9000);
        cells(&fill(
            size,
            &format!("{{\"cell_type\":\"raw\",\"source\":\"{source}\"}},"),
        ))
    }),
    ("an old notebook", |size| {
        let lines = fill(size / 2, r#""a","#);
        let cells = fill(
            size / 2,
            r#"{"cell_type":"code","input":["a","b"],"outputs":[{"output_type":"pyout","text":["x","y"]}]},"#,
        );
        format!(
            "{{\"nbformat\":3,\"worksheets\":[{{\"cells\":[{{\"cell_type\":\"code\",\
             \"input\":[{lines}\"\"],\"outputs\":[]}}]}}],\"x\":[{cells}0]}}"
        )
        .into()
    }),
];

/// Notebooks with odd outputs of a code cell.
const OUTPUTS: [Generator; 22] = [
    ("outputs that are numbers", |size| {
        outputs(&fill(size, "0,"))
    }),
    ("empty outputs", |size| outputs(&fill(size, "{},"))),
    ("empty displays", |size| {
        outputs(&fill(size, r#"{"output_type":"display_data"},"#))
    }),
    ("errors", |size| {
        outputs(&fill(size, r#"{"output_type":"error"},"#))
    }),
    ("pieces of a stream", |size| {
        outputs(&fill(size, r#"{"output_type":"stream","text":"a"},"#))
    }),
    ("two streams by turns", |size| {
        outputs(&fill(
            size,
            r#"{"output_type":"stream","text":"a"},{"output_type":"stream","name":"stderr","text":"b"},"#,
        ))
    }),
    ("clearing", |size| {
        outputs(&fill(
            size,
            r#"{"output_type":"clear_output","wait":true},"#,
        ))
    }),
    ("displays with names", |size| {
        let one = |n| {
            format!(
                "{{\"output_type\":\"{}\",\"transient\":{{\"display_id\":\"{}\"}},\"data\":{{\"text/plain\":\"x\"}}}},",
                if n % 3 == 0 {
                    "update_display_data"
                } else {
                    "display_data"
                },
                n / 2,
            )
        };
        outputs(&(0..size / 95).map(one).collect::<String>())
    }),
    ("updates of one display", |size| {
        outputs(&fill(
            size,
            r#"{"output_type":"update_display_data","transient":{"display_id":"a"},"data":{"text/plain":"x"}},"#,
        ))
    }),
    ("mime types", |size| {
        let all: String = (0..size / 22)
            .map(|n| format!("\"a/{n:08}+json\":{{}},"))
            .collect();
        outputs(&format!(
            "{{\"output_type\":\"display_data\",\"data\":{{{all}\"x\":0}}}},"
        ))
    }),
    ("old mime types", |size| {
        let all: String = (0..size / 16).map(|n| format!("\"a/{n:08}\":0,")).collect();
        outputs(&format!("{{\"output_type\":\"pyout\",{all}\"x\":0}},"))
    }),
    ("JSON of lists", |size| {
        data("application/json", &format!("[{}0]", fill(size, "[],")))
    }),
    ("JSON of numbers", |size| {
        data("application/json", &format!("[{}0]", fill(size, "1,")))
    }),
    ("JSON in depth", |size| {
        let nest = format!("{}{}0{}", "[".repeat(85), fill(size, "0,"), "]".repeat(85));
        data("application/vnd.x+json", &nest)
    }),
    ("JSON as text", |size| {
        data("application/json", &format!("\"[{}0]\"", fill(size, "[],")))
    }),
    ("lines of a text", |size| {
        data("text/plain", &format!("[{}\"\"]", fill(size, r#""","#)))
    }),
    ("a traceback of nothing", |size| {
        let all = fill(size, r#""","#);
        outputs(&format!(
            "{{\"output_type\":\"error\",\"traceback\":[{all}\"\"]}},"
        ))
    }),
    ("one line", |size| stream(&"x".repeat(size))),
    ("line ends", |size| stream(&fill(size, "\\n"))),
    ("an image", |size| {
        data("image/png", &format!("\"{}\"", "A".repeat(size / 4 * 4)))
    }),
    ("an SVG", |size| {
        data(
            "image/svg+xml",
            &format!("\"<svg>{}</svg>\"", fill(size, "<g/>")),
        )
    }),
    ("attachments", |size| {
        let all: String = (0..size / 30)
            .map(|n| format!("\"{n:06}\":{{\"image/png\":\"AAAA\"}},"))
            .collect();
        let named = "![](attachment:000199)".repeat(200);
        cells(&format!(
            "{{\"cell_type\":\"markdown\",\"source\":\"{named}\",\"attachments\":{{{all}\"x\":0}}}},"
        ))
    }),
];

/// Notebooks whose texts repeat one piece that a parser may spend too much on.
const TEXTS: [Generator; 6] = [
    ("terminal text", |size| {
        several(size, &TERMINAL, &|text| {
            format!(
                "{{\"cell_type\":\"code\",\"source\":\"\",\"outputs\":[{{\"output_type\":\"stream\",\"text\":\"{text}\"}}]}},"
            )
        })
    }),
    ("tracebacks", |size| {
        several(size, &TERMINAL, &|text| {
            format!(
                "{{\"cell_type\":\"code\",\"outputs\":[{{\"output_type\":\"error\",\"traceback\":[\"{text}\"]}}]}},"
            )
        })
    }),
    ("Markdown", |size| {
        several(size, &MARKDOWN, &|text| {
            format!("{{\"cell_type\":\"markdown\",\"source\":\"{text}\"}},")
        })
    }),
    ("LaTeX", |size| {
        several(size, &MARKDOWN, &|text| {
            format!(
                "{{\"cell_type\":\"code\",\"outputs\":[{{\"output_type\":\"display_data\",\"data\":{{\"text/latex\":\"{text}\"}}}}]}},"
            )
        })
    }),
    ("HTML", |size| {
        several(size, &HTML, &|text| {
            format!(
                "{{\"cell_type\":\"code\",\"outputs\":[{{\"output_type\":\"display_data\",\"data\":{{\"text/html\":\"{text}\"}}}}]}},"
            )
        })
    }),
    ("source", |size| {
        several(size, &SOURCE, &|text| {
            format!("{{\"cell_type\":\"code\",\"source\":\"{text}\",\"outputs\":[]}},")
        })
    }),
];

/// Control sequences of a terminal, as JSON.
const TERMINAL: [&str; 14] = [
    "\\r",
    "ab\\r",
    "a\\b",
    "\\b",
    "\\n\\u001b[A",
    "\\u001b[31m",
    "\\u001b[1;31mx",
    "\\u001b[38;2;1;2;3mx\\r",
    "\\u001b]8;;",
    "\\u001b[",
    "\\u001b",
    "x\\u001b[K\\r",
    "\\u001b[2Kx",
    "\\u009b1;",
];

/// Beginnings of syntax in Markdown or LaTeX, as JSON.
const MARKDOWN: [&str; 48] = [
    "```\\n",
    "~~~ a\\n",
    "`",
    "` `` ",
    "$",
    "$$",
    "$x$ ",
    "$ {",
    "\\\\(",
    "\\\\\\\\(",
    "\\\\[x\\\\] ",
    "\\\\begin{a}",
    "\\\\begin{align}x\\\\end{align}",
    "\\\\frac{",
    "{",
    "[",
    "]",
    "[a](",
    "[a](b ",
    "![",
    "![](",
    "[a][b] ",
    "[a]: b\\n",
    "[a]: b\\n\\n[a]\\n\\n",
    "[^1]",
    "[^1]: a\\n\\n",
    "*",
    "*a ",
    "**a",
    "_a_",
    "a_",
    "~~a",
    "<!--",
    "<!-- -->",
    "<b>",
    "<b ",
    "<a@b>",
    "<?",
    "<![CDATA[",
    "</",
    "&",
    "&amp;",
    "> ",
    ">\\n",
    "- ",
    "1. a\\n",
    "|a|\\n|-|\\n|b|\\n\\n",
    "# a\\n",
];

/// HTML that a parser may spend too much on, as JSON.
const HTML: [&str; 36] = [
    "<div>",
    "<div></div>",
    "<b>",
    "<b><p>",
    "<p>",
    "<b x=1><p>",
    "<a>",
    "<table>",
    "<table><td>",
    "<table><tr><td>x</table>",
    "<table>x",
    "<td>",
    "<tr>",
    "<li>",
    "<ul><li>",
    "<form>",
    "<select>",
    "<option>",
    "<svg>",
    "<svg><g>",
    "<math><mi>",
    "<template>",
    "<!--",
    "<!-- -->",
    "<![CDATA[",
    "<x a=1 ",
    "<b a=1 b=2 c=3>x</b>",
    "<span style='color:red'>x</span>",
    "<td id=a class='b c d e f g'>x</td>",
    "<img src=x>",
    "<",
    "</",
    "</p>",
    "&",
    "&amp;",
    "&zz ",
];

/// Beginnings of syntax in programming languages, as JSON.
const SOURCE: [&str; 26] = [
    "'",
    "\\\"",
    "'''",
    "\\\"\\\"\\\"",
    "f'{",
    "f'",
    "rb'a'",
    "/*",
    "//",
    "#",
    "# x\\n",
    "(",
    ")",
    "@a\\n",
    "a?",
    "?",
    "%",
    "!",
    "a = !",
    "match ",
    "match\\n",
    " type",
    "0x",
    "1e-",
    "\\\\",
    "\\n\\n",
];

/// `part` repeated to about `size` bytes.
fn fill(size: usize, part: &str) -> String {
    part.repeat(size / part.len())
}

/// Private cells, each followed by `others`: at most as many as are read, larger ones instead.
fn private_cells(size: usize, others: &str) -> String {
    let cell = r#"{"metadata":{"tags":["private"]}},"#;
    let count = (size / (cell.len() + others.len())).min(9_500);
    let source = "x".repeat(size.saturating_sub(count * (cell.len() + 12)) / count.max(1));
    let cell =
        format!("{{\"source\":\"{source}\",\"metadata\":{{\"tags\":[\"private\"]}}}},{others}");
    cell.repeat(count)
}

/// A deep list, which is fifty times as long when each item has an indented line.
fn deep() -> String {
    format!("{}{}0{}", "[".repeat(94), "0,".repeat(500), "]".repeat(94))
}

/// A notebook of these cells, each with a comma.
fn cells(cells: &str) -> Vec<u8> {
    format!("{{\"nbformat\":4,\"cells\":[{cells}{{\"cell_type\":\"raw\"}}]}}").into()
}

fn tags(tags: &str) -> Vec<u8> {
    cells(&format!(
        "{{\"cell_type\":\"raw\",\"metadata\":{{\"tags\":[{tags}1]}}}},"
    ))
}

/// A notebook with this list in its metadata.
fn metadata(items: &str) -> Vec<u8> {
    format!(
        "{{\"nbformat\":4,\"metadata\":{{\"x\":[{items}0]}},\"cells\":[{{\"cell_type\":\"raw\"}}]}}"
    )
    .into()
}

fn object(entries: &str) -> Vec<u8> {
    cells(&format!("{{\"cell_type\":\"raw\",{entries}\"x\":0}},"))
}

/// A notebook of one cell with these outputs, each with a comma.
fn outputs(outputs: &str) -> Vec<u8> {
    cells(&format!(
        "{{\"cell_type\":\"code\",\"source\":\"\",\"outputs\":[{outputs}{{\"output_type\":\"error\"}}]}},"
    ))
}

fn data(mime: &str, data: &str) -> Vec<u8> {
    outputs(&format!(
        "{{\"output_type\":\"display_data\",\"data\":{{\"{mime}\":{data}}}}},"
    ))
}

fn stream(text: &str) -> Vec<u8> {
    outputs(&format!(
        "{{\"output_type\":\"stream\",\"text\":\"{text}\"}},"
    ))
}

/// A notebook with a cell for each of `parts`, whose text repeats that part.
fn several(size: usize, parts: &[&str], cell: &dyn Fn(&str) -> String) -> Vec<u8> {
    let each = parts
        .iter()
        .map(|part| cell(&fill(size / parts.len(), part)));
    cells(&each.collect::<String>())
}
