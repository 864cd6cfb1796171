//! Texts without what differs between two people with the same mistake, or tells who they are.

use std::fmt::Write;

/// Longer quoted texts are left out.
const MAX_QUOTED_CHARS: usize = 30;
/// How far the end of a quoted text is looked for.
const MAX_QUOTED_BYTES: usize = 1024;
/// From so many digits on, a number in a word may be a person's.
const MIN_HIDDEN_DIGITS: usize = 3;

/// The text without the escapes that colour it.
pub(super) fn without_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(sequence) = rest.strip_prefix('[') {
            let end = sequence.find(|c: char| ('@'..='~').contains(&c));
            rest = end.map_or("", |end| &sequence[end + 1..]);
        }
    }
    out.push_str(rest);
    out
}

/// What is done with quoted texts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Short ones stay: names of types, of columns.
    Keep,
    /// They are somebody's data.
    Hide,
}

/// The text with signs in place of paths, addresses, dates and numbers.
pub(super) fn plain(text: &str) -> String {
    plain_with(text, Quotes::Keep)
}

pub(super) fn plain_with(text: &str, quotes: Quotes) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut before = String::new();
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
            if !out.is_empty() && !rest.is_empty() {
                out.push(' ');
            }
            continue;
        }
        let opens = !out.ends_with(|c: char| c.is_alphanumeric());
        let quoted = if opens { quoted(rest) } else { None };
        if let Some((inner, length)) = quoted {
            push_quoted(&mut out, inner, quotes);
            rest = &rest[length..];
            before.clear();
            continue;
        }
        let length = rest
            .find(ends_word)
            .unwrap_or(rest.len())
            .max(first.len_utf8());
        let (word, left) = rest.split_at(length);
        out.push_str(&plain_word(word, &before));
        before = word.to_lowercase();
        rest = left;
    }
    out
}

/// What stands between two quotes at the beginning of a text, and where they end.
pub(super) fn quoted(text: &str) -> Option<(&str, usize)> {
    let open = text.chars().next()?;
    let close = match open {
        '\'' | '"' | '`' => open,
        '‘' => '’',
        '“' => '”',
        _ => return None,
    };
    let start = open.len_utf8();
    let near = &text[start..text.floor_char_boundary(start + MAX_QUOTED_BYTES)];
    let end = start + near.find(close)?;
    Some((&text[start..end], end + close.len_utf8()))
}

/// The quoted texts, in order.
pub(super) fn all_quoted(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '`', '‘', '“']) {
        rest = &rest[at..];
        match quoted(rest) {
            Some((inner, length)) => {
                found.push(inner);
                rest = &rest[length..];
            }
            None => rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..],
        }
    }
    found
}

fn push_quoted(out: &mut String, inner: &str, quotes: Quotes) {
    let is_long = inner.chars().count() > MAX_QUOTED_CHARS;
    let inner = match is_long || quotes == Quotes::Hide {
        true => "…".to_owned(),
        false => plain(inner),
    };
    // One sign for all kinds of quotes, which differ between versions and languages.
    let _ = write!(out, "'{inner}'");
}

fn ends_word(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '=' | '\'' | '"' | '`' | '‘' | '“'
        )
}

/// A word without what differs; `before` is the word before it, in small letters.
fn plain_word(word: &str, before: &str) -> String {
    let core = word.trim_end_matches(['.', ':', '!', '?']);
    let end = &word[core.len()..];
    let sign = if core.contains("://") {
        "<url>"
    } else if core.contains('@') && core.contains('.') {
        "<email>"
    } else if is_path(core) {
        "<path>"
    } else if is_address(core) {
        "<address>"
    } else if is_uuid(core) {
        "<id>"
    } else if is_date(core) {
        "<date>"
    } else if is_code_of_status(core, before) {
        return word.to_owned();
    } else {
        return without_digits(core) + end;
    };
    sign.to_owned() + end
}

fn is_path(word: &str) -> bool {
    let is_root = word.starts_with('/') || word.starts_with("~/") || word.get(1..3) == Some(":\\");
    let has_parts = word.matches(['/', '\\']).count() >= 2;
    (is_root && word.len() > 1) || has_parts
}

fn is_address(word: &str) -> bool {
    let digits = word
        .trim_start_matches('<')
        .trim_end_matches('>')
        .strip_prefix("0x");
    digits.is_some_and(|digits| digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_uuid(word: &str) -> bool {
    let groups = word.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_date(word: &str) -> bool {
    let date = word.get(..10).unwrap_or_default();
    let shape = date
        .bytes()
        .map(|b| if b.is_ascii_digit() { b'0' } else { b });
    shape.eq(*b"0000-00-00")
}

/// Numbers that say what went wrong: a status of HTTP, an errno.
fn is_code_of_status(word: &str, before: &str) -> bool {
    let follows = matches!(before, "error" | "status" | "code" | "http" | "errno");
    follows && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit())
}

/// The word with `#` for each number, but for one of a name such as `x1` or `int64`.
pub(super) fn without_digits(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, left) = rest.split_at(length);
        let is_of_name = out.ends_with(|c: char| c.is_alphabetic() || c == '_');
        if is_of_name && digits.len() < MIN_HIDDEN_DIGITS {
            out.push_str(digits);
        } else if !out.ends_with(['#']) {
            out.push('#');
        }
        rest = left;
        // A decimal number is one.
        let decimals = rest
            .strip_prefix(['.', ','])
            .filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(after) = decimals.filter(|_| out.ends_with('#')) {
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_people_is_left_out() {
        for (text, expected) in [
            ("at 0x7f3a9c01 of  <x>", "at <address> of <x>"),
            ("cannot open /home/ana/a.csv: no", "cannot open <path>: no"),
            ("write to ana@example.org.", "write to <email>."),
            ("HTTP Error 404: Not Found", "HTTP Error 404: Not Found"),
            ("expected 12, got 3.5", "expected #, got #"),
            ("shapes (3,4) and (5,)", "shapes (#,#) and (#,)"),
            ("dtype int64 of x1, s1234567", "dtype int64 of x1, s#"),
            ("on 2026-01-31T10:00", "on <date>"),
            ("see https://example.org/a", "see <url>"),
            ("don't do “this”", "don't do 'this'"),
            ("id 123e4567-e89b-12d3-a456-426614174000", "id <id>"),
        ] {
            assert_eq!(plain(text), expected);
        }
        let long = format!("no '{}'", "x".repeat(31));
        assert_eq!(plain(&long), "no '…'");
        assert_eq!(plain_with("no 'x'", Quotes::Hide), "no '…'");
    }

    #[test]
    fn colours_are_left_out() {
        assert_eq!(
            without_ansi("\u{1b}[0;31mNameError\u{1b}[0m: x"),
            "NameError: x"
        );
        assert_eq!(without_ansi("a\u{1b}[31"), "a");
    }
}
