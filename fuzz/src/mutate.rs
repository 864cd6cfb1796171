//! Inputs made of other inputs.

/// Pieces that mean something to one of the readers.
const DICTIONARY: &[&str] = &[
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<svg>",
    "</svg>",
    "<math>",
    "</math>",
    "<mtext>",
    "<mglyph>",
    "<foreignObject>",
    "<template>",
    "<noscript>",
    "<textarea>",
    "<title>",
    "<table>",
    "<td>",
    "</table>",
    "<caption>",
    "<select>",
    "<option>",
    "<form>",
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<a href=\"",
    "<a href='javascript:a'>",
    "</a>",
    "<img src=x onerror=a>",
    "<img src='data:image/png;base64,Zg=='>",
    "<details open>",
    "<li>",
    "<ul>",
    "<h1>",
    "</h1>",
    "<b style='color:red'>",
    "<pre>",
    "<code>",
    "</code>",
    "<!--",
    "-->",
    "--!>",
    "<![CDATA[",
    "]]>",
    "<?",
    "<!",
    "&amp;",
    "&lt;",
    "&#x3c;",
    "&#0;",
    "&Tab;",
    "&NotEqualTilde;",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "`",
    "```",
    "~~~",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\begin{align}",
    "\\end{align}",
    "\\frac{",
    "\\text{",
    "\\left(",
    "\\right)",
    "^{",
    "_{",
    "\\\\",
    "{",
    "}",
    "[",
    "](",
    ")",
    "[^1]",
    "[^1]: ",
    "![",
    "#",
    "## ",
    "- ",
    "1. ",
    "> ",
    "| a |",
    "|---|",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\t",
    "    ",
    "*",
    "**",
    "_",
    "~~",
    "- [x] ",
    "http://a.b",
    "attachment:a",
    "\u{1b}[",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}[38;5;",
    "\u{1b}[48;2;",
    "m",
    ";",
    "\u{1b}]8;;",
    "\u{7}",
    "\u{8}",
    "\u{1b}[K",
    "\u{1b}[A",
    "\u{1b}[2J",
    "\u{9b}",
    "def ",
    "class ",
    "'''",
    "\"\"\"",
    "f\"{",
    "#",
    "%%",
    "%time ",
    "!ls",
    "/*",
    "*/",
    "--",
    "//",
    "0x",
    "1e",
    "λ",
    "\u{202e}",
    "😀",
    "\u{0}",
    "\u{feff}",
    "{\"cells\":[",
    "\"cell_type\":",
    "\"code\"",
    "\"markdown\"",
    "\"raw\"",
    "\"source\":",
    "\"outputs\":[",
    "\"output_type\":",
    "\"stream\"",
    "\"error\"",
    "\"text\":",
    "\"data\":{",
    "\"text/html\":",
    "\"text/markdown\":",
    "\"image/png\":",
    "\"metadata\":{",
    "\"nbformat\":4",
    "\"worksheets\":[",
    "NaN",
    "-Infinity",
    "1e999",
    "\\ud83d",
    "\\u0000",
    "null",
    "true",
    "[]",
    "{}",
    ",",
    ":",
];

/// Numbers that look random, and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`, or 0 when that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// A variation of one of `pool`, at most `most` bytes long.
pub(crate) fn input(pool: &[Vec<u8>], random: &mut Random, most: usize) -> Vec<u8> {
    let pick = |random: &mut Random| pool[random.below(pool.len())].clone();
    let mut bytes = pick(random);
    for _ in 0..1 << random.below(5) {
        let at = random.below(bytes.len() + 1);
        let length = 1 << random.below(7);
        let end = (at + random.below(length)).min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 => {
                let other = pick(random);
                let from = random.below(other.len() + 1);
                let to = (from + random.below(length)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            5 if at < end => {
                let piece = bytes[at..end].repeat(1 + random.below(40));
                bytes.splice(at..end, piece);
            }
            6 => bytes.truncate(at),
            _ => {
                let piece = DICTIONARY[random.below(DICTIONARY.len())];
                bytes.splice(at..at, piece.bytes());
            }
        }
        bytes.truncate(most);
    }
    bytes
}
