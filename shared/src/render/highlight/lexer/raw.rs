//! Text that ends only where its own mark says: raw strings and heredocs.

use super::{Lexer, Lookahead};
use crate::render::highlight::{languages::Forms, token::TokenClass};

/// The longest mark that is read; others are far shorter.
const MAX_MARK_BYTES: usize = 64;

/// The length of the raw string that `text` begins with, in a language with `forms`.
pub(super) fn string_length(text: &str, forms: Forms, lookahead: &mut Lookahead) -> Option<usize> {
    let prefix = text.find(|c: char| !c.is_ascii_alphanumeric())?;
    let is_raw = |names: &[&str]| names.contains(&&text[..prefix]);
    let after = &text[prefix..];
    let (start, close) = if forms.has(Forms::RAW_OF_RUST) && is_raw(&["r", "br", "cr"]) {
        let hashes = run_length(after, b'#')?;
        (after[hashes..].starts_with('"')).then(|| (hashes + 1, format!("\"{}", &after[..hashes])))
    } else if forms.has(Forms::RAW_OF_R) && is_raw(&["r", "R"]) {
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let dashes = run_length(&after[1..], b'-')?;
        let close = match after.as_bytes().get(1 + dashes)? {
            b'(' => ')',
            b'[' => ']',
            b'{' => '}',
            _ => return None,
        };
        let mark = &after[1..1 + dashes];
        Some((2 + dashes, format!("{close}{mark}{quote}")))
    } else if forms.has(Forms::RAW_OF_CPP) && is_raw(&["R", "LR", "uR", "UR", "u8R"]) {
        let inside = after.strip_prefix('"')?;
        let mark = &inside[..inside.find(['(', ')', '"', '\\', ' ', '\n'])?];
        let opens = inside[mark.len()..].starts_with('(') && mark.len() <= MAX_MARK_BYTES;
        opens.then(|| (mark.len() + 2, format!("){mark}\"")))
    } else {
        None
    }?;
    if !lookahead.is_allowed() {
        return None;
    }
    let Some(end) = after[start..].find(&close) else {
        lookahead.was_in_vain(after.len());
        return None;
    };
    Some(prefix + start + end + close.len())
}

/// The length of the run of `byte` that `text` begins with, if it is short.
fn run_length(text: &str, byte: u8) -> Option<usize> {
    let bytes = text.bytes().take(MAX_MARK_BYTES + 1);
    let length = bytes.take_while(|other| *other == byte).count();
    (length <= MAX_MARK_BYTES).then_some(length)
}

impl<'a> Lexer<'a> {
    /// Reads `<<EOF`, whose text begins in the next line.
    pub(super) fn heredoc(&mut self, rest: &'a str) -> Option<TokenClass> {
        /// A line has fewer.
        const MAX_IN_LINE: usize = 8;
        let after = rest.strip_prefix("<<")?;
        let after = after.strip_prefix(['-', '~']).unwrap_or(after);
        let spaces = after.len() - after.trim_start_matches(' ').len();
        if spaces > 0 && !self.language.forms.has(Forms::SPACED_HEREDOCS) {
            return None;
        }
        let word = &after[spaces..];
        let quote = word.chars().next().filter(|c| matches!(c, '"' | '\''));
        let word = word.strip_prefix(['"', '\'', '\\']).unwrap_or(word);
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '!');
        let word = &word[..word.find(|c| !is_part(c)).unwrap_or(word.len())];
        let end = rest.len() - after.len() + spaces + word.len();
        let end = end + after[spaces..].find(word)?;
        let closed = quote.is_none_or(|quote| rest[end..].starts_with(quote));
        if !closed || word.len() > MAX_MARK_BYTES || self.heredocs.len() == MAX_IN_LINE {
            return None;
        }
        self.heredocs.push(word);
        self.at += end + quote.map_or(0, char::len_utf8);
        Some(TokenClass::Operator)
    }

    /// Reads the texts of the heredocs of the line before, each up to the line with its mark.
    pub(super) fn heredoc_texts(&mut self) -> Option<TokenClass> {
        let start = self.at;
        for mark in std::mem::take(&mut self.heredocs) {
            if !self.lookahead.is_allowed() {
                break;
            }
            let rest = &self.source[self.at..];
            let mut length = 0;
            let mut lines = rest.split_inclusive('\n');
            let found = lines.find_map(|line| {
                let text = line.trim_end_matches(['\n', '\r']);
                let is_end = text.trim_start_matches([' ', '\t']) == mark;
                length += if is_end { text.len() } else { line.len() };
                is_end.then_some(length)
            });
            match found {
                Some(length) => self.at += length,
                // It was a shift, or has not been written to its end.
                None => self.lookahead.was_in_vain(rest.len()),
            }
        }
        (self.at > start).then_some(TokenClass::String)
    }
}
