//! Reads TeX token by token.
//!
//! A token is a part of the source: a command with its backslash, white space, a comment, or one
//! other character.

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
    use super::{TexScanner, push_token};

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
        assert_eq!(TexScanner("{a").argument(), None);
        assert_eq!(TexScanner("[a").optional(), None);
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
