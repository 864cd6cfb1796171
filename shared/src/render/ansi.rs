//! Terminal text to HTML: colours become classes, every other escape goes.
//!
//! One pass, no backtracking. The result is bounded: when colour changes are so dense that the
//! markup would be many times the text, or a browser would take long for it, the rest of the
//! text is written without colours.

use super::{addresses, colour, escape, link};

/// Colours may make the markup this many times as long as the text, and [`ANSI_FREE_BYTES`]
/// longer.
const ANSI_GROWTH_FACTOR: usize = 6;
const ANSI_FREE_BYTES: usize = 2048;
/// The most coloured spans of one text, because a browser has to lay out an element for each.
const MAX_COLOUR_SPANS: usize = 10_000;

/// The most links of one text.
const MAX_LINKS: usize = 200;

/// The most parts of one parameter that are read.
const MAX_PARTS: usize = 8;

/// So many dashes are a rule across a text, as Python writes above a traceback.
const MIN_RULE_DASHES: usize = 40;

/// The length of the escape sequence that `text` begins with, at least 1.
pub(crate) fn escape_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, of: fn(&u8) -> bool| bytes[from..].iter().take_while(|b| of(b)).count();
    let intermediate: fn(&u8) -> bool = |b| matches!(b, 0x20..=0x2F);
    match bytes.get(1) {
        Some(b'[') => {
            let mut end = 2 + run(2, |b| matches!(b, 0x30..=0x3F));
            end += run(end, intermediate);
            end + run(end, |b| matches!(b, 0x40..=0x7E)).min(1)
        }
        // Titles, links and the like end with a bell or a string terminator, or at a line end or
        // another escape.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = 2 + run(2, |b| !matches!(b, 7 | b'\n' | 0x1b));
            // The terminator may be one character, too.
            if let Some(at) = text[2..end].find('\u{9c}') {
                return 2 + at + '\u{9c}'.len_utf8();
            }
            match bytes.get(end..) {
                Some([7, ..]) => end + 1,
                Some([0x1b, b'\\', ..]) => end + 2,
                _ => end,
            }
        }
        Some(0x20..=0x2F) => {
            let end = 1 + run(1, intermediate);
            end + run(end, |b| matches!(b, 0x30..=0x7E)).min(1)
        }
        Some(0x30..=0x7E) => 2,
        _ => 1,
    }
}

/// Whether `text`, which begins with an escape sequence, ends before that does.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_cut(text: &str) -> bool {
    let Some(inside) = text.strip_prefix("\x1b[") else {
        return text == "\x1b";
    };
    inside.bytes().all(|byte| matches!(byte, 0x20..=0x3F))
}

/// Renders terminal text that comes in several calls; colours last from one to the next.
#[derive(Default)]
pub(super) struct Terminal {
    style: TextStyle,
    /// The bytes of text read so far, and of markup written.
    read: usize,
    written: usize,
    spans: usize,
    links: usize,
}

impl Terminal {
    /// Appends `text` as HTML to `out`.
    pub(super) fn push(&mut self, out: &mut String, text: &str) {
        let start = out.len();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if rest.starts_with('\x1b') {
                let length = escape_length(rest);
                self.style.escape(&rest[..length]);
                at += length;
                continue;
            }
            let plain = &rest[..rest.find('\x1b').unwrap_or(rest.len())];
            let written = self.written + out.len() - start;
            let too_much = written > ANSI_GROWTH_FACTOR * (self.read + at) + ANSI_FREE_BYTES
                || self.spans == MAX_COLOUR_SPANS;
            if self.style == TextStyle::default() || too_much || plain.is_empty() {
                self.push_plain(out, plain);
            } else {
                self.spans += 1;
                out.push_str("<span class=\"");
                self.style.push_classes(out);
                out.push_str("\">");
                self.push_plain(out, plain);
                out.push_str("</span>");
            }
            at += plain.len();
        }
        self.read += text.len();
        self.written += out.len() - start;
    }

    /// Appends text without escapes, and without control characters but tabs and line ends.
    fn push_plain(&mut self, out: &mut String, text: &str) {
        let dashes = text.bytes().take_while(|byte| *byte == b'-').count();
        let (rule, text) = text.split_at(if dashes < MIN_RULE_DASHES { 0 } else { dashes });
        if !rule.is_empty() {
            // In a narrow place it is cut off, and not continued in the next line.
            out.push_str("<span class=\"nb-rule\">");
            out.push_str(rule);
            out.push_str("</span>");
        }
        let dropped = |c: char| c.is_control() && c != '\n' && c != '\t';
        for part in text.split(dropped) {
            self.push_with_links(out, part);
        }
    }

    /// Appends text with its addresses as links.
    fn push_with_links(&mut self, out: &mut String, text: &str) {
        let mut at = 0;
        while self.links < MAX_LINKS
            && let Some(address) = addresses::next(text, at)
        {
            self.links += 1;
            escape::push(out, &text[at..address.start]);
            at = address.end;
            let address = &text[address];
            link::push_start(out, address, "");
            escape::push(out, address);
            out.push_str("</a>");
        }
        escape::push(out, &text[at..]);
    }
}

/// The style of text after the escapes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextStyle {
    foreground: Option<u8>,
    background: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    inverse: bool,
}

impl TextStyle {
    /// Applies an SGR sequence; any other escape changes nothing.
    pub(crate) fn escape(&mut self, escape: &str) {
        let Some(parameters) = escape
            .strip_prefix("\x1b[")
            .and_then(|rest| rest.strip_suffix('m'))
        else {
            return;
        };
        // Others are private to some terminal.
        let is_parameter = |byte: u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
        if !parameters.bytes().all(is_parameter) {
            return;
        }
        let mut parameters = parameters.split(';');
        while let Some(parameter) = parameters.next() {
            if let Some((head, parts)) = parameter.split_once(':') {
                self.set_parts(number(head), parts);
                continue;
            }
            let mut rest = parameters.by_ref().map(number);
            match number(parameter) {
                38 => self.foreground = extended(&mut rest).or(self.foreground),
                48 => self.background = extended(&mut rest).or(self.background),
                // The colour of a line below is not shown.
                58 => {
                    extended(&mut rest);
                }
                other => self.set(other),
            }
        }
    }

    /// Applies a parameter that has parts of its own, behind colons.
    fn set_parts(&mut self, number: u16, parts: &str) {
        let parts: Vec<&str> = parts.split(':').take(MAX_PARTS).collect();
        // Before red, green and blue may stand the number of a colour space.
        let parts = match parts.as_slice() {
            ["2", _, rgb @ ..] if rgb.len() >= 3 => [&["2"], rgb].concat(),
            _ => parts,
        };
        let mut rest = parts.iter().map(|part| self::number(part));
        match number {
            4 => self.underline = rest.next() != Some(0),
            38 => self.foreground = extended(&mut rest).or(self.foreground),
            48 => self.background = extended(&mut rest).or(self.background),
            _ => {}
        }
    }

    /// The style of text before any escape.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) const PLAIN: Self = Self {
        foreground: None,
        background: None,
        bold: false,
        dim: false,
        italic: false,
        underline: false,
        strike: false,
        inverse: false,
    };

    /// Appends the escape that sets exactly this style.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn push_escape(self, out: &mut String) {
        out.push_str("\x1b[0");
        let mut number = |number: u8| out.push_str(&format!(";{number}"));
        let colour = |colour: u8, dark: u8| match colour {
            0..=7 => dark + colour,
            _ => dark + 52 + colour,
        };
        self.foreground
            .into_iter()
            .for_each(|n| number(colour(n, 30)));
        self.background
            .into_iter()
            .for_each(|n| number(colour(n, 40)));
        for (set, code) in [
            (self.bold, 1),
            (self.dim, 2),
            (self.italic, 3),
            (self.underline, 4),
            (self.inverse, 7),
            (self.strike, 9),
        ] {
            if set {
                number(code);
            }
        }
        out.push('m');
    }

    fn set(&mut self, number: u16) {
        match number {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            3 => self.italic = true,
            4 | 21 => self.underline = true,
            7 => self.inverse = true,
            9 => self.strike = true,
            22 => (self.bold, self.dim) = (false, false),
            23 => self.italic = false,
            24 => self.underline = false,
            27 => self.inverse = false,
            29 => self.strike = false,
            30..=37 => self.foreground = Some((number - 30) as u8),
            39 => self.foreground = None,
            40..=47 => self.background = Some((number - 40) as u8),
            49 => self.background = None,
            90..=97 => self.foreground = Some((number - 82) as u8),
            100..=107 => self.background = Some((number - 92) as u8),
            _ => {}
        }
    }

    fn push_classes(self, out: &mut String) {
        let start = out.len();
        let mut class = |name: &str, number: Option<u8>| {
            if out.len() > start {
                out.push(' ');
            }
            out.push_str(name);
            if let Some(number) = number {
                out.push_str(&number.to_string());
            }
        };
        let (foreground, background) = match self.inverse {
            true => (self.background, self.foreground),
            false => (self.foreground, self.background),
        };
        if let Some(colour) = foreground {
            class("ansi-fg-", Some(colour));
        }
        if let Some(colour) = background {
            class("ansi-bg-", Some(colour));
        }
        for (set, name) in [
            (self.bold, "ansi-bold"),
            (self.dim, "ansi-dim"),
            (self.italic, "ansi-italic"),
            (self.underline, "ansi-underline"),
            (self.strike, "ansi-strike"),
            (self.inverse && background.is_none(), "ansi-inverse"),
        ] {
            if set {
                class(name, None);
            }
        }
    }
}

/// A parameter, or a part of one, as a number; an empty one is 0, and one that is too large the
/// largest, which means nothing.
fn number(parameter: &str) -> u16 {
    match parameter {
        "" => 0,
        other => other.parse().unwrap_or(u16::MAX),
    }
}

/// The colour after 38 or 48: `5;n` of the palette of 256, or `2;r;g;b`.
fn extended(numbers: &mut impl Iterator<Item = u16>) -> Option<u8> {
    match numbers.next()? {
        5 => Some(colour::nearest_of_palette(numbers.next()?.min(255) as u8)),
        2 => {
            let mut part = || Some(numbers.next()?.min(255) as u8);
            Some(colour::nearest([part()?, part()?, part()?]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Terminal, escape_length};

    fn html(text: &str) -> String {
        let mut out = String::new();
        Terminal::default().push(&mut out, text);
        out
    }

    #[test]
    fn colours_become_classes() {
        for (text, expected) in [
            ("a<b", "a&lt;b"),
            (
                "\x1b[0;31mred\x1b[0m!",
                "<span class=\"ansi-fg-1\">red</span>!",
            ),
            (
                "\x1b[1;97;44mx",
                "<span class=\"ansi-fg-15 ansi-bg-4 ansi-bold\">x</span>",
            ),
            (
                "\x1b[38;5;9mx\x1b[39my",
                "<span class=\"ansi-fg-9\">x</span>y",
            ),
            (
                "\x1b[38;2;0;255;0mx\x1b[my",
                "<span class=\"ansi-fg-2\">x</span>y",
            ),
            ("\x1b[48;5;28mx", "<span class=\"ansi-bg-2\">x</span>"),
            ("\x1b[38:2::0:200:0mx", "<span class=\"ansi-fg-2\">x</span>"),
            ("\x1b[38:2:0:200:0mx", "<span class=\"ansi-fg-2\">x</span>"),
            ("\x1b[38:5:9mx", "<span class=\"ansi-fg-9\">x</span>"),
            (
                "\x1b[31m\x1b[4:3mx\x1b[4:0my",
                "<span class=\"ansi-fg-1 ansi-underline\">x</span>\
                 <span class=\"ansi-fg-1\">y</span>",
            ),
            (
                "\x1b[31;58;2;255;0;0mx\x1b[58;5;0my",
                "<span class=\"ansi-fg-1\">x</span><span class=\"ansi-fg-1\">y</span>",
            ),
            (
                "\x1b[58:2::255:0:0mx\x1b[21my",
                "x<span class=\"ansi-underline\">y</span>",
            ),
            ("\x1b[7mx", "<span class=\"ansi-inverse\">x</span>"),
            ("\x1b[31;7mx", "<span class=\"ansi-bg-1\">x</span>"),
            (
                "\x1b[31;42;7mx",
                "<span class=\"ansi-fg-2 ansi-bg-1\">x</span>",
            ),
            (
                "\x1b[31m\x1b[>4m\x1b[99999mx",
                "<span class=\"ansi-fg-1\">x</span>",
            ),
        ] {
            assert_eq!(html(text), expected, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_links() {
        let link = |address: &str| {
            format!(
                "<a href=\"{address}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{address}</a>"
            )
        };
        assert_eq!(
            html("see https://a.b/c?d=1&e, (http://x.y/z_(1))."),
            format!(
                "see {}, ({}).",
                link("https://a.b/c?d=1&amp;e"),
                link("http://x.y/z_(1)")
            )
        );
        assert_eq!(
            html("\x1b[31mat https://a.b\x1b[0m!"),
            format!(
                "<span class=\"ansi-fg-1\">at {}</span>!",
                link("https://a.b")
            )
        );
        for text in ["javascript://x", "ftp://x.y", "http:// x", "file:///etc/x"] {
            assert_eq!(html(text), text);
        }
        assert_eq!(html("'https://a.b\"'<i>").matches("<a ").count(), 1);
        let many = "http://a.b ".repeat(10_000);
        assert_eq!(html(&many).matches("<a ").count(), super::MAX_LINKS);
        assert_eq!(
            html(&many).matches("http://a.b ").count(),
            10_000 - super::MAX_LINKS
        );
    }

    #[test]
    fn other_escapes_and_control_characters_are_dropped() {
        let link = "\x1b]8;;http://x\x1b\\text\x1b]8;;\x07";
        assert_eq!(html(link), "text");
        assert_eq!(html("\x1b]8;;http://x\u{9c}text\x1b]8;;\u{9c}"), "text");
        assert_eq!(html("a\x1b[2Jb\x1b(Bc\x07\x00d\te\x1b"), "abcd\te");
    }

    #[test]
    fn an_escape_never_ends_inside_a_character() {
        for text in ["\x1bé", "\x1b[é", "\x1b[1é", "\x1b]é", "\x1b(é", "\x1b"] {
            assert!(text.is_char_boundary(escape_length(text)), "{text:?}");
        }
    }

    #[test]
    fn dense_colours_are_left_out() {
        let text = "\x1b[1;3;4;9;31;42mx\x1b[22mx".repeat(10_000);
        assert!(html(&text).len() <= 8 * text.len() + 4096);
        let text = "\x1b[31ma word or two in red\x1b[32mand some in green".repeat(20_000);
        assert_eq!(
            html(&text).matches("<span").count(),
            super::MAX_COLOUR_SPANS
        );
    }
}
