//! Reads TeX token by token.
//!
//! A token is a part of the source: a command with its backslash, white space, a comment, or one
//! other character.

use std::borrow::Cow;

/// A part of TeX, whose tokens and arguments are taken from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct TexScanner<'a>(pub(super) &'a str);

impl<'a> TexScanner<'a> {
    /// Takes the next token; comments are skipped.
    pub(super) fn token(&mut self) -> Option<&'a str> {
        loop {
            let token = &self.0[..token_length(self.0)?];
            self.0 = &self.0[token.len()..];
            if !token.starts_with('%') {
                return Some(token);
            }
        }
    }

    /// Takes the next token that is no white space.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        self.token()
    }

    /// Takes white space and comments.
    pub(super) fn skip_space(&mut self) {
        while let Some(length) = token_length(self.0) {
            if !self.0.starts_with(|c: char| c.is_whitespace() || c == '%') {
                break;
            }
            self.0 = &self.0[length..];
        }
    }

    /// Takes `mark`, if it is next after white space.
    pub(super) fn takes(&mut self, mark: &str) -> bool {
        let mut ahead = *self;
        ahead.skip_space();
        let found = ahead.0.strip_prefix(mark);
        if let Some(rest) = found {
            self.0 = rest;
        }
        found.is_some()
    }

    /// Takes an argument: the content of a group, or one token.
    pub(super) fn argument(&mut self) -> Option<&'a str> {
        self.skip_space();
        if !self.0.starts_with('{') {
            return self.token().filter(|token| *token != "}");
        }
        let inside = &self.0[1..];
        let mut ahead = TexScanner(inside);
        let mut depth = 0_usize;
        loop {
            let before = ahead.0.len();
            match ahead.token()? {
                "{" => depth += 1,
                "}" if depth == 0 => {
                    self.0 = ahead.0;
                    // Comments stand before the token, so its place is counted from the end.
                    return Some(&inside[..inside.len() - ahead.0.len() - 1]);
                }
                "}" => depth -= 1,
                _ => {}
            }
            debug_assert!(ahead.0.len() < before, "a token has a length");
        }
    }

    /// Takes what a script or an operator may be: the content of a group, or a command with its
    /// arguments, or one token.
    pub(super) fn operand(&mut self) -> Option<&'a str> {
        self.skip_space();
        if self.0.starts_with('{') {
            return self.argument();
        }
        let start = self.0;
        let token = self.token().filter(|token| !matches!(*token, "}" | "&"))?;
        let name = command_name(token).unwrap_or_default();
        let known = WITH_ARGUMENTS
            .iter()
            .find(|(_, names)| names.contains(&name));
        for _ in 0..known.map_or(0, |(arguments, _)| *arguments) {
            self.operand()?;
        }
        Some(&start[..start.len() - self.0.len()])
    }

    /// Takes a length, in braces or not; returns it in ems.
    pub(super) fn length(&mut self) -> Option<f64> {
        let mut ahead = *self;
        ahead.skip_space();
        if ahead.0.starts_with('{') {
            let length = TexScanner(ahead.argument()?).length()?;
            *self = ahead;
            return Some(length);
        }
        let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
        let end = ahead.0.find(|c: char| !of_number(c))?;
        let (number, rest) = ahead.0.split_at(end);
        let unit = rest.trim_start().get(..2)?;
        let (_, ems) = UNITS.iter().find(|(known, _)| *known == unit)?;
        let length = number.parse::<f64>().ok()? * ems;
        self.0 = &rest.trim_start()[2..];
        length.is_finite().then_some(length.clamp(-50.0, 50.0))
    }

    /// Whether an optional argument in brackets is next.
    pub(super) fn optional_ahead(&self) -> bool {
        let mut ahead = *self;
        ahead.optional().is_some()
    }

    /// Takes an optional argument in brackets.
    pub(super) fn optional(&mut self) -> Option<&'a str> {
        let mut ahead = *self;
        ahead.skip_space();
        let inside = ahead.0.strip_prefix('[')?;
        let mut ahead = TexScanner(inside);
        let mut depth = 0_usize;
        loop {
            match ahead.token()? {
                "{" => depth += 1,
                "}" => depth = depth.checked_sub(1)?,
                "]" if depth == 0 => {
                    self.0 = ahead.0;
                    return Some(&inside[..inside.len() - ahead.0.len() - 1]);
                }
                _ => {}
            }
        }
    }
}

/// Commands that a script or an operator may be without braces, by the number of their arguments.
const WITH_ARGUMENTS: [(usize, &[&str]); 2] = [
    (
        1,
        &[
            "bar",
            "bm",
            "boldsymbol",
            "hat",
            "mathbb",
            "mathbf",
            "mathcal",
            "mathfrak",
            "mathit",
            "mathop",
            "mathrm",
            "mathscr",
            "mathsf",
            "mathtt",
            "operatorname",
            "overline",
            "sqrt",
            "substack",
            "text",
            "textbf",
            "textit",
            "textrm",
            "tilde",
            "underline",
            "vec",
            "widehat",
            "widetilde",
        ],
    ),
    (2, &["binom", "dfrac", "frac", "tfrac"]),
];

/// The units of lengths, in ems.
const UNITS: [(&str, f64); 9] = [
    ("bp", 0.1004),
    ("cm", 2.845),
    ("em", 1.0),
    ("ex", 0.431),
    ("in", 7.227),
    ("mm", 0.2845),
    ("mu", 1.0 / 18.0),
    ("pc", 1.2),
    ("pt", 0.1),
];

/// The length of the token that `rest` begins with; `None` at the end.
fn token_length(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    let run = |from: usize, of: fn(&u8) -> bool| {
        let bytes = rest.as_bytes()[from..].iter();
        from + bytes.take_while(|byte| of(byte)).count()
    };
    Some(match first {
        '\\' => match run(1, u8::is_ascii_alphabetic) {
            1 => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            letters => letters,
        },
        '%' => rest.find('\n').map_or(rest.len(), |at| at + 1),
        c if c.is_ascii_whitespace() => run(0, u8::is_ascii_whitespace),
        c => c.len_utf8(),
    })
}

/// `tex` without its comments. In a group a comment ends with the group at the latest, since Jupyter
/// takes arguments by their braces alone.
pub(super) fn without_comments(tex: &str) -> Cow<'_, str> {
    // In these a percent sign is one.
    let is_literal = ["\\verb", "\\href"]
        .iter()
        .any(|command| tex.contains(command));
    if is_literal || !tex.contains('%') {
        return Cow::Borrowed(tex);
    }
    let mut out = String::with_capacity(tex.len());
    let mut depth = 0_usize;
    let mut rest = tex;
    while let Some(at) = rest.find(['\\', '{', '}', '%']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let length = match special.as_bytes()[0] {
            b'\\' => 1 + special[1..].chars().next().map_or(0, char::len_utf8),
            b'%' => {
                rest = &special[comment_length(special, depth > 0)..];
                continue;
            }
            brace => {
                depth = match brace {
                    b'{' => depth + 1,
                    _ => depth.saturating_sub(1),
                };
                1
            }
        };
        out.push_str(&special[..length]);
        rest = &special[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of the comment that `rest` begins with, which may stand in a group.
fn comment_length(rest: &str, in_group: bool) -> usize {
    let line = &rest[..rest.find('\n').map_or(rest.len(), |at| at + 1)];
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' if depth == 0 && in_group => return at,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    line.len()
}

/// The name of the command that `token` is.
pub(super) fn command_name(token: &str) -> Option<&str> {
    token.strip_prefix('\\').filter(|name| !name.is_empty())
}

/// Appends `token` to `out`, apart from a command before it whose name it would go on.
pub(super) fn push_token(out: &mut String, token: &str) {
    if token.starts_with(|c: char| c.is_ascii_alphabetic()) && ends_with_word(out) {
        out.push(' ');
    }
    out.push_str(token);
}

/// Whether `tex` ends with a command whose name is letters.
fn ends_with_word(tex: &str) -> bool {
    let before = tex.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if before.len() == tex.len() || !before.ends_with('\\') {
        return false;
    }
    // Of two backslashes the second begins no command.
    let slashes = before.len() - before.trim_end_matches('\\').len();
    slashes % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::{TexScanner, push_token, without_comments};

    #[test]
    fn tokens_and_arguments_are_taken_in_order() {
        let mut tex = TexScanner("\\frac {a{b}\\}} % }\n c[x]{y}");
        assert_eq!(tex.token(), Some("\\frac"));
        assert_eq!(tex.argument(), Some("a{b}\\}"));
        assert_eq!(tex.optional(), None);
        assert_eq!(tex.argument(), Some("c"));
        assert_eq!(tex.optional(), Some("x"));
        assert_eq!(tex.argument(), Some("y"));
        assert_eq!(tex.argument(), None);
        assert_eq!(TexScanner("{-2em}x").length(), Some(-2.0));
        assert_eq!(TexScanner("18mu x").length(), Some(1.0));
        assert_eq!(TexScanner("x").length(), None);
        assert_eq!(TexScanner("\\mathbf{x}y").operand(), Some("\\mathbf{x}"));
        assert_eq!(TexScanner("\\frac1{2}y").operand(), Some("\\frac1{2}"));
        assert_eq!(TexScanner("{a").argument(), None);
        assert_eq!(TexScanner("[a").optional(), None);
    }

    #[test]
    fn comments_end_with_their_line_or_group() {
        for (tex, expected) in [
            ("a % b }\n c", "a  c"),
            ("\\frac{50%}{3}\n% x", "\\frac{50}{3}\n"),
            ("{a % {b}\n c}", "{a  c}"),
            ("50\\% x", "50\\% x"),
            ("\\href{a%20b}{c}", "\\href{a%20b}{c}"),
        ] {
            assert_eq!(without_comments(tex), expected, "{tex}");
        }
    }

    #[test]
    fn a_command_keeps_its_name() {
        for (before, token, expected) in [
            ("\\alpha", "x", "\\alpha x"),
            ("\\alpha", "2", "\\alpha2"),
            ("\\\\a", "x", "\\\\ax"),
            ("ab", "x", "abx"),
        ] {
            let mut out = before.to_owned();
            push_token(&mut out, token);
            assert_eq!(out, expected);
        }
    }
}
