//! Text that ends only where its own mark says: raw strings and heredocs.

use super::{Lexer, Lookahead};
use crate::{
    render::highlight::{languages::Forms, token::TokenClass},
    scan,
};

/// The longest mark that is read; others are far shorter.
const MAX_MARK_BYTES: usize = 64;

/// The length of the raw string that `text` begins with, in a language with `forms`.
pub(super) fn string_length(text: &[u8], forms: Forms, lookahead: &mut Lookahead) -> Option<usize> {
    /// The longest prefix is `u8R`.
    const MAX_PREFIX_BYTES: usize = 3;
    let mut start = text.iter().take(MAX_PREFIX_BYTES + 1);
    let prefix = start.position(|byte| !byte.is_ascii_alphanumeric())?;
    let name = &text[..prefix];
    let first = text[prefix];
    // The end is a sign, the mark, and a quote where the mark is not the last.
    let (open, mark, sign, quote) = if forms.has(Forms::RAW_OF_RUST) {
        let mark = mark(&text[prefix..], |byte| byte == b'#')?;
        let is_raw = matches!(name, b"r" | b"br" | b"cr");
        let open = prefix + mark.len();
        (open, mark, *text.get(open).filter(|_| is_raw)?, None)
    } else {
        let mark = mark(text.get(prefix + 1..)?, |byte| {
            !matches!(
                byte,
                b'(' | b'[' | b'{' | b')' | b'"' | b'\'' | b'\\' | b' ' | b'\n'
            )
        })?;
        let open = prefix + 1 + mark.len();
        let is_r = forms.has(Forms::RAW_OF_R);
        let is_raw = match is_r {
            true => matches!(name, b"r" | b"R") && mark.iter().all(|byte| *byte == b'-'),
            false => name.ends_with(b"R") && matches!(name, b"R" | b"LR" | b"uR" | b"UR" | b"u8R"),
        };
        let sign = match text.get(open).filter(|_| is_raw)? {
            b'(' => b')',
            b'[' if is_r => b']',
            b'{' if is_r => b'}',
            _ => return None,
        };
        (open, mark, sign, Some(first))
    };
    let quoted = quote.unwrap_or(sign);
    if !(quoted == b'"' || quoted == b'\'' && forms.has(Forms::RAW_OF_R)) || !lookahead.is_allowed()
    {
        return None;
    }
    let mut at = open + 1;
    loop {
        at += scan::length_before(&text[at..], [sign]) + 1;
        let Some(rest) = text.get(at..) else {
            lookahead.was_in_vain(text.len());
            return None;
        };
        let end = at + mark.len();
        if rest.starts_with(mark) && (quote.is_none() || quote.as_ref() == text.get(end)) {
            return Some(end + usize::from(quote.is_some()));
        }
    }
}

/// The bytes that `text` begins with and that are part of a mark, if they are few.
fn mark(text: &[u8], is_part: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let mut start = text.iter().take(MAX_MARK_BYTES);
    let length = start.position(|byte| !is_part(*byte))?;
    Some(&text[..length])
}

impl<'a> Lexer<'a> {
    /// Reads `<<EOF`, whose text begins in the next line.
    pub(super) fn heredoc(&mut self, rest: &'a [u8]) -> Option<TokenClass> {
        /// A line has fewer.
        const MAX_IN_LINE: usize = 8;
        let mut at = 2;
        if !rest.starts_with(b"<<") || self.heredocs.len() == MAX_IN_LINE {
            return None;
        }
        if matches!(rest.get(at), Some(b'-' | b'~')) {
            at += 1;
        }
        while self.language.forms.has(Forms::SPACED_HEREDOCS) && rest.get(at) == Some(&b' ') {
            at += 1;
        }
        let quote = rest.get(at).filter(|byte| matches!(byte, b'"' | b'\''));
        if quote.is_some() || rest.get(at) == Some(&b'\\') {
            at += 1;
        }
        let word = rest.get(at..)?;
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let length = word.iter().position(|byte| !is_part(byte));
        let mark = &word[..length.unwrap_or(word.len())];
        at += mark.len();
        let starts = mark
            .first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if !starts || mark.len() > MAX_MARK_BYTES || quote.is_some() && rest.get(at) != quote {
            return None;
        }
        self.heredocs.push(mark);
        self.at += at + usize::from(quote.is_some());
        Some(TokenClass::Operator)
    }

    /// Reads the texts of the heredocs of the line before, each up to the line with its mark.
    pub(super) fn heredoc_texts(&mut self) -> Option<TokenClass> {
        let start = self.at;
        let bytes = self.source.as_bytes();
        for mark in std::mem::take(&mut self.heredocs) {
            let mut line = self.at;
            while self.lookahead.is_allowed() {
                let Some(rest) = bytes.get(line..) else {
                    // It was a shift, or has not been written to its end.
                    self.lookahead.was_in_vain(bytes.len() - self.at);
                    break;
                };
                let length = scan::length_before(rest, [b'\n']);
                if rest[..length].trim_ascii() == mark {
                    self.at = line + length;
                    break;
                }
                line += length + 1;
            }
        }
        (self.at > start).then_some(TokenClass::String)
    }
}
