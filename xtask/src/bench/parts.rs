//! Generates the parts of the notebooks: prose, code, logs, tables, tracebacks and images, from a
//! random generator with a fixed seed.

use std::fmt::Write as _;

const WORDS: [&str; 32] = [
    "the",
    "kernel",
    "keeps",
    "every",
    "name",
    "until",
    "it",
    "is",
    "restarted",
    "so",
    "a",
    "cell",
    "may",
    "use",
    "what",
    "another",
    "one",
    "defined",
    "before",
    "data",
    "frame",
    "holds",
    "columns",
    "of",
    "values",
    "that",
    "we",
    "group",
    "by",
    "city",
    "and",
    "plot",
];
const NAMES: [&str; 12] = [
    "city",
    "amount",
    "day",
    "temperature",
    "station",
    "count",
    "mean",
    "total",
    "share",
    "rank",
    "price",
    "label",
];
const STATEMENTS: [&str; 10] = [
    "for row in rows:\n    total += row[\"amount\"]  # in cents",
    "df = pd.read_csv(\"sales.csv\", parse_dates=[\"day\"])",
    "def mean(values):\n    \"\"\"The mean of some numbers.\"\"\"\n    return sum(values) / len(values)",
    "%timeit mean(range(1_000))",
    "by_city = df.groupby(\"city\")[\"amount\"].agg([\"sum\", \"mean\"]).sort_values(\"sum\")",
    "print(f\"{city:>12}: {amount:8.2f} {'*' * int(amount // 10)}\")",
    "assert not df.empty and df[\"amount\"].min() >= 0, 'no negative amounts'",
    "@dataclass\nclass Station:\n    name: str\n    height: float = 0.5e3\n    open: bool = True",
    "with open(path, encoding=\"utf-8\") as file:\n    names = [line.strip() for line in file if line]",
    "!ls -l data | head -5",
];

/// xorshift64*: enough to make text that does not repeat itself.
pub(super) struct SeededRandom(u64);

impl SeededRandom {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or_default() % end
    }

    fn choose<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn decimal(&mut self) -> String {
        format!("{}.{:06}", self.below(1000), self.below(1_000_000))
    }
}

fn sentence(random: &mut SeededRandom, words: usize) -> String {
    let words: Vec<&str> = (0..words).map(|_| random.choose(&WORDS)).collect();
    format!("{}.", words.join(" "))
}

/// A chapter: a heading, paragraphs, a list, a table, code and a formula.
pub(super) fn prose(random: &mut SeededRandom, number: usize) -> String {
    let mut out = format!("## {number}. {}\n\n", sentence(random, 4));
    for _ in 0..2 {
        let (before, after) = (sentence(random, 18), sentence(random, 14));
        let _ = writeln!(
            out,
            "{before} **{}** and `df.{}()`; see [the docs](https://docs.python.org/3/). {after}\n",
            random.choose(&WORDS),
            random.choose(&NAMES),
        );
    }
    match number % 3 {
        0 => out.push_str("| a | b | sum |\n|---|---:|---:|\n| 1 | 2 | 3 |\n| 4 | 5 | 9 |\n"),
        1 => {
            for _ in 0..4 {
                let _ = writeln!(out, "- {}", sentence(random, 7));
            }
        }
        _ => {
            let code = source(random, 2);
            let _ = writeln!(out, "```python\n{code}\n```\n\nwhere $x_i \\ge 0$.");
        }
    }
    out
}

/// Python code with every kind of highlighted token.
pub(super) fn source(random: &mut SeededRandom, statements: usize) -> String {
    let statements: Vec<&str> = (0..statements)
        .map(|_| random.choose(&STATEMENTS))
        .collect();
    statements.join("\n")
}

/// The output of a program, with some characters that HTML must escape.
pub(super) fn log(random: &mut SeededRandom, lines: usize) -> String {
    let mut out = String::new();
    for n in 0..lines {
        let (name, value, words) = (random.choose(&NAMES), random.decimal(), sentence(random, 5));
        let comparison = if n % 6 == 0 { " <ok> & done" } else { "" };
        let _ = writeln!(out, "[{n:>4}] {name:<12} {value:>10}  {words}{comparison}");
    }
    out
}

/// The output of a program in the colours of a terminal.
pub(super) fn coloured(random: &mut SeededRandom, lines: usize) -> String {
    let mut out = String::new();
    for line in log(random, lines).lines() {
        let _ = writeln!(
            out,
            "\x1b[{}m{}\x1b[0m{}",
            31 + random.below(6),
            &line[..6],
            &line[6..]
        );
    }
    out
}

/// A data frame as pandas renders it: HTML and text.
pub(super) fn data_frame(
    random: &mut SeededRandom,
    rows: usize,
    columns: usize,
) -> (String, String) {
    let mut html = "<div>\n<style scoped>\n    .dataframe tbody tr th:only-of-type {\n        vertical-align: middle;\n    }\n\n    .dataframe tbody tr th {\n        vertical-align: top;\n    }\n\n    .dataframe thead th {\n        text-align: right;\n    }\n</style>\n<table border=\"1\" class=\"dataframe\">\n  <thead>\n    <tr style=\"text-align: right;\">\n      <th></th>\n".to_owned();
    let mut plain = "   ".to_owned();
    for name in &NAMES[..columns] {
        let _ = writeln!(html, "      <th>{name}</th>");
        let _ = write!(plain, " {name:>12}");
    }
    html.push_str("    </tr>\n  </thead>\n  <tbody>\n");
    for row in 0..rows {
        let _ = writeln!(html, "    <tr>\n      <th>{row}</th>");
        let _ = write!(plain, "\n{row:<3}");
        for column in 0..columns {
            let value = match column {
                0 => random.choose(&WORDS).to_owned(),
                _ => random.decimal(),
            };
            let _ = writeln!(html, "      <td>{value}</td>");
            let _ = write!(plain, " {value:>12}");
        }
        html.push_str("    </tr>\n");
    }
    let _ = write!(
        html,
        "  </tbody>\n</table>\n<p>{rows} rows × {columns} columns</p>\n</div>"
    );
    (html, plain)
}

/// A traceback as IPython renders it, a part for each frame.
pub(super) fn traceback(random: &mut SeededRandom) -> Vec<String> {
    let mut parts = vec![
        format!("\x1b[31m{}\x1b[39m", "-".repeat(75)),
        "\x1b[31mZeroDivisionError\x1b[39m                         Traceback (most recent call last)"
            .to_owned(),
    ];
    for frame in 0..3 {
        let mut part = format!(
            "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[{frame}]\x1b[39m\x1b[32m, line 3\x1b[39m\n"
        );
        for (n, line) in source(random, 4).lines().enumerate() {
            let _ = writeln!(
                part,
                "\x1b[32m{n:>7}\x1b[39m {}",
                line.replace('(', "\x1b[43m(").replace(')', ")\x1b[49m")
            );
        }
        parts.push(part);
    }
    parts.push("\x1b[31mZeroDivisionError\x1b[39m: division by zero".to_owned());
    parts
}

/// A PNG of about `bytes` bytes that compresses as little as that of a plot.
pub(super) fn png(random: &mut SeededRandom, bytes: usize) -> Vec<u8> {
    let side = bytes.isqrt();
    let mut pixels = Vec::with_capacity(side * (side + 1));
    for _ in 0..side {
        // No filter.
        pixels.push(0);
        pixels.extend((0..side).map(|_| random.next().to_le_bytes()[0]));
    }
    let side = u32::try_from(side).unwrap_or_default().to_be_bytes();
    // 8 bits of grey.
    let header = [&side[..], &side, &[8, 0, 0, 0, 0]].concat();
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &stored(&pixels));
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or_default();
    out.extend(length.to_be_bytes());
    let body = [&name[..], data].concat();
    out.extend(&body);
    let crc = body.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    out.extend((!crc).to_be_bytes());
}

/// A zlib stream that compresses nothing.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    out.extend((high << 16 | low).to_be_bytes());
    out
}
