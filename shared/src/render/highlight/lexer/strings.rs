//! Where strings end.

use super::{Lookahead, begins};
use crate::{
    render::highlight::languages::{Escape, Lines, Quote},
    scan,
};

/// The length of the string that `text` begins with, which is opened by `quote`; an unclosed
/// string ends with its line, or with the text.
pub(super) fn length(text: &str, quote: &Quote, lookahead: &mut Lookahead) -> usize {
    let bytes = text.as_bytes();
    let close = quote.close.as_bytes()[0];
    let escape = match quote.escape {
        Escape::Never | Escape::Doubled => close,
        Escape::Backslash | Escape::DoubledOrBackslash => b'\\',
        Escape::DoubledOrBacktick => b'`',
    };
    let stops = [close, escape, b'\n'];
    let mut at = quote.open.len();
    let mut line_end = None;
    loop {
        at += scan::length_before(&bytes[at..], stops);
        let Some(&byte) = bytes.get(at) else {
            let Some(line_end) = line_end else {
                return bytes.len();
            };
            lookahead.was_in_vain(bytes.len());
            return line_end;
        };
        if byte == escape && byte != close && escapes(&bytes[at + 1..], quote) {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if begins(&bytes[at..], quote.close) {
            at += quote.close.len();
            if !doubles(quote.escape) || !begins(&bytes[at..], quote.close) {
                return at;
            }
            at += quote.close.len();
        } else if byte == b'\n' && quote.lines != Lines::Many {
            line_end = line_end.or(Some(at));
            if quote.lines == Lines::One || !lookahead.is_allowed() {
                return line_end.unwrap_or(at);
            }
            at += 1;
        } else {
            at += 1;
        }
    }
}

fn doubles(escape: Escape) -> bool {
    !matches!(escape, Escape::Never | Escape::Backslash)
}

/// Whether the character before `after`, which may escape, does.
///
/// In SQL it depends on the dialect, so the character behind the quote tells: in `'it\'s'` it is a
/// letter, in `'C:\'` it is none.
fn escapes(after: &[u8], quote: &Quote) -> bool {
    if quote.escape != Escape::DoubledOrBackslash {
        return true;
    }
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || begins(&[*byte], quote.close);
    begins(after, quote.close) && after.get(1).is_some_and(is_inside)
}

/// The same as [`length`] for a format string of Python, in whose braces quotes do not end it.
/// `None` when its braces do not tell where it ends.
pub(super) fn formatted_length(text: &str, quote: &Quote) -> Option<usize> {
    /// Format strings are shorter; a bound keeps the time proportional to the source.
    const MAX_FORMAT_STRING_BYTES: usize = 500;
    let bytes = text.as_bytes();
    let mut at = quote.open.len();
    let mut braces = 0_usize;
    while at < MAX_FORMAT_STRING_BYTES {
        let byte = *bytes.get(at)?;
        let twice = bytes.get(at + 1) == Some(&byte);
        match byte {
            b'\\' => at += 1,
            b'{' | b'}' if twice && braces == 0 => at += 1,
            b'{' => braces += 1,
            b'}' => braces = braces.checked_sub(1)?,
            b'\n' if quote.lines == Lines::One => return None,
            _ if braces == 0 && begins(&bytes[at..], quote.close) => {
                return Some(at + quote.close.len());
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The length of the template that `text` begins with, in whose expressions other strings and
/// templates may be. `None` when it has no end.
pub(super) fn template_length(text: &[u8], lookahead: &mut Lookahead) -> Option<usize> {
    if !lookahead.is_allowed() {
        return None;
    }
    // The open braces of each expression that is open; in between are templates.
    let mut expressions: Vec<usize> = Vec::new();
    let mut is_text = true;
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'`' if !is_text => is_text = true,
            b'`' if expressions.is_empty() => return Some(at),
            b'`' => is_text = false,
            b'$' if is_text && text.get(at) == Some(&b'{') => {
                at += 1;
                expressions.push(0);
                is_text = false;
            }
            b'{' | b'}' | b'"' | b'\'' if !is_text => match (byte, expressions.last_mut()) {
                (b'{', Some(braces)) => *braces += 1,
                (b'}', Some(0)) => {
                    expressions.pop();
                    is_text = true;
                }
                (b'}', Some(braces)) => *braces -= 1,
                _ => at += quoted_length(&text[at..], byte),
            },
            _ => {}
        }
    }
    lookahead.was_in_vain(text.len());
    None
}

/// The length of the rest of a string with its quote; 0 when it does not end in its line.
fn quoted_length(text: &[u8], quote: u8) -> usize {
    /// Strings inside templates are shorter; a bound keeps the time proportional to the source.
    const MAX_BYTES: usize = 200;
    let mut at = 0;
    while at < MAX_BYTES {
        match text.get(at) {
            None | Some(b'\n') => return 0,
            Some(b'\\') => at += 1,
            Some(byte) if *byte == quote => return at + 1,
            Some(_) => {}
        }
        at += 1;
    }
    0
}

/// The length of the character that `text` begins with, such as `'x'` or `'\u{3b1}'`.
pub(super) fn character_length(text: &str) -> Option<usize> {
    /// The longest is `'\u{10ffff}'`.
    const MAX_ESCAPE_BYTES: usize = 10;
    let mut inside = text[1..].chars();
    let first = inside.next().filter(|c| !matches!(c, '\'' | '\n'))?;
    let at = 1 + first.len_utf8();
    let bytes = text.as_bytes();
    if bytes.get(at) == Some(&b'\'') && first != '\\' {
        return Some(at + 1);
    }
    if first != '\\' {
        return None;
    }
    let escaped = bytes.get(at + 1..)?;
    let end = escaped
        .iter()
        .take(MAX_ESCAPE_BYTES)
        .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'{' | b'}'))?;
    (escaped[end] == b'\'').then_some(at + 1 + end + 1)
}

/// The length of the regular expression that `text` begins with, if it ends in its line.
pub(super) fn regex_length(text: &[u8], lookahead: &mut Lookahead) -> Option<usize> {
    if !lookahead.is_allowed() {
        return None;
    }
    let mut in_class = false;
    let mut at = 1;
    loop {
        match text.get(at) {
            None | Some(b'\n') => {
                lookahead.was_in_vain(at);
                return None;
            }
            Some(b'\\') if text.get(at + 1) != Some(&b'\n') => at += 1,
            Some(b'[') => in_class = true,
            Some(b']') => in_class = false,
            Some(b'/') if !in_class => break,
            Some(_) => {}
        }
        at += 1;
    }
    at += 1;
    let flags = text[at..].iter();
    Some(at + flags.take_while(|b| b.is_ascii_alphabetic()).count())
}

/// The length of the address `url(…)` that `text` begins with, if it ends in its line.
pub(super) fn url_length(text: &[u8], lookahead: &mut Lookahead) -> Option<usize> {
    const START: &[u8] = b"url(";
    let start = text.get(..START.len())?;
    if !start.eq_ignore_ascii_case(START) || !lookahead.is_allowed() {
        return None;
    }
    let length = scan::length_before(text, [b')', b'\n']);
    if text.get(length) == Some(&b')') {
        return Some(length + 1);
    }
    lookahead.was_in_vain(length);
    None
}
