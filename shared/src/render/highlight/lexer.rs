//! The lexer, which reads the tokens of a source one after the other.

use super::{
    languages::{self, Language, Quote},
    token::TokenClass,
};
use crate::scan;

/// Receives each token; `false` ends the lexing.
type TokenSink<'s> = &'s mut dyn FnMut(TokenClass, &str) -> bool;

/// Gives every token of `source` to `sink`, in order; returns whether it reached the end.
pub(super) fn tokens(source: &str, language: &'static Language, sink: TokenSink<'_>) -> bool {
    let mut lexer = Lexer {
        source,
        language,
        at: 0,
        depth: 0,
        before: None,
        defines: false,
    };
    let mut plain = 0;
    while lexer.at < source.len() {
        let start = lexer.at;
        let class = lexer.token();
        if class == TokenClass::Plain {
            continue;
        }
        let written = (plain == start || sink(TokenClass::Plain, &source[plain..start]))
            && sink(class, &source[start..lexer.at]);
        if !written {
            return false;
        }
        plain = lexer.at;
    }
    plain == source.len() || sink(TokenClass::Plain, &source[plain..])
}

struct Lexer<'a> {
    source: &'a str,
    language: &'static Language,
    at: usize,
    /// The number of open brackets.
    depth: usize,
    /// The last character that is not white space; `None` at the start of a line.
    before: Option<char>,
    /// The last token was a keyword that defines the next name.
    defines: bool,
}

impl<'a> Lexer<'a> {
    /// Reads one token; the position advances by at least one character.
    fn token(&mut self) -> TokenClass {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else {
            return TokenClass::Plain;
        };
        if self.language.names.is_empty() {
            self.at = self.source.len();
            return TokenClass::Plain;
        }
        if first == '\n' {
            self.at += 1;
            self.before = None;
            return TokenClass::Plain;
        }
        if first.is_whitespace() {
            self.at += first.len_utf8();
            return TokenClass::Plain;
        }
        if self.language.is_python && self.is_magic(first) {
            return self.magic();
        }
        // No language's comments or quotes begin with a letter, and most tokens do.
        let is_word = first == '_' || first.is_ascii_alphanumeric();
        let class = match is_word {
            true => None,
            false => self.comment(rest).or_else(|| self.string(rest, 0)),
        };
        let class = class.unwrap_or_else(|| self.word(first));
        self.before = self.source[..self.at].chars().next_back();
        class
    }

    /// Whether IPython's own syntax begins here: a magic, a shell command, a question.
    fn is_magic(&self, first: char) -> bool {
        let next = self.source[self.at + first.len_utf8()..].chars().next();
        match (first, self.before) {
            ('%' | '!' | '?', None) => self.depth == 0,
            ('!' | '%', Some('=')) => next != Some('='),
            (_, None) if self.depth == 0 => {
                let line = self.line().trim_end();
                let asked = line.trim_end_matches('?');
                let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%' | '*');
                asked.len() < line.len() && asked.chars().all(name)
            }
            _ => false,
        }
    }

    /// Reads the rest of the line; a cell magic also sets the language of the rest of the cell.
    fn magic(&mut self) -> TokenClass {
        let line = self.line();
        let starts_cell = self.source[..self.at].trim().is_empty();
        if let (true, Some(magic)) = (starts_cell, line.strip_prefix("%%")) {
            let mut words = magic.split_whitespace();
            let name = words.next().unwrap_or_default();
            // The extension of a file tells its language, and the program that of a script.
            let other = words.next_back().unwrap_or_default();
            self.language = match name {
                "time" | "timeit" | "capture" | "prun" | "memit" | "mprun" => self.language,
                "writefile" | "file" => find_or_plain(other.rsplit('.').next().unwrap_or_default()),
                "script" if !other.is_empty() => find_or_plain(other),
                "pypy" | "cython" => find_or_plain("python"),
                name => find_or_plain(name),
            };
        }
        self.at += line.len();
        TokenClass::Magic
    }

    fn line(&self) -> &'a str {
        let rest = &self.source[self.at..];
        &rest[..rest.find('\n').unwrap_or(rest.len())]
    }

    fn comment(&mut self, rest: &str) -> Option<TokenClass> {
        if let Some((open, close)) = self.language.block_comment
            && rest.starts_with(open)
        {
            let inside = &rest[open.len()..];
            let end = inside.find(close).map(|at| open.len() + at + close.len());
            self.at += end.unwrap_or(rest.len());
            return Some(TokenClass::Comment);
        }
        let mut marks = self.language.line_comments.iter();
        let mark = marks.find(|mark| begins(rest.as_bytes(), mark))?;
        // In a shell, `a#b` is a word.
        let before = self.source[..self.at].chars().next_back();
        if *mark == "#"
            && self.language.in_names.contains(&'$')
            && before.is_some_and(|c| !c.is_whitespace())
        {
            return None;
        }
        self.at += self.line().len();
        Some(TokenClass::Comment)
    }

    /// Reads a string whose quote begins after `prefix` bytes.
    fn string(&mut self, rest: &str, prefix: usize) -> Option<TokenClass> {
        let after = &rest[prefix..];
        let mut quotes = self.language.quotes.iter();
        let quote = quotes.find(|quote| begins(after.as_bytes(), quote.mark))?;
        let formats = rest[..prefix].contains(['f', 'F', 't', 'T']);
        let formatted = formats.then(|| formatted_length(after, quote)).flatten();
        self.at += prefix + formatted.unwrap_or_else(|| string_length(after, quote));
        Some(TokenClass::String)
    }

    fn word(&mut self, first: char) -> TokenClass {
        if first.is_ascii_digit() {
            return self.number();
        }
        let decorates = first == '@' && self.language.is_python && self.before.is_none();
        if decorates {
            self.at += 1 + self.name_length(self.at + 1, &['.']);
            return TokenClass::Defined;
        }
        if self.starts_name(first) {
            return self.name();
        }
        self.at += first.len_utf8();
        self.defines = false;
        match first {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ if is_operator(first) => {
                let more = self.source[self.at..].bytes();
                self.at += more.take_while(|b| is_operator(char::from(*b))).count();
                return TokenClass::Operator;
            }
            _ => {}
        }
        TokenClass::Plain
    }

    fn number(&mut self) -> TokenClass {
        let mut previous = b'0';
        let hex = self.source[self.at..].starts_with("0x");
        let bytes = self.source[self.at..].bytes();
        let part = |b: &u8| {
            let sign = matches!(b, b'+' | b'-') && matches!(previous, b'e' | b'E') && !hex;
            previous = *b;
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_') || sign
        };
        self.at += bytes.take_while(part).count();
        self.defines = false;
        TokenClass::Number
    }

    fn name(&mut self) -> TokenClass {
        let start = self.at;
        let end = start + self.name_length(start, self.language.in_names);
        let name = &self.source[start..end];
        if self.language.is_python && is_string_prefix(name) {
            let rest = &self.source[start..];
            if let Some(class) = self.string(rest, name.len()) {
                return class;
            }
        }
        self.at = end;
        if self.language.block_comment == Some(languages::MARKUP_COMMENT) {
            let before = &self.source[..start];
            let is_tag = before.ends_with('<') || before.ends_with("</");
            return if is_tag {
                TokenClass::Keyword
            } else {
                TokenClass::Plain
            };
        }
        let defined = std::mem::take(&mut self.defines);
        if self.has(self.language.keywords, name) || self.is_soft_keyword(name) {
            self.defines = self.has(self.language.definers, name);
            TokenClass::Keyword
        } else if self.has(self.language.constants, name) {
            TokenClass::Constant
        } else if defined {
            TokenClass::Defined
        } else if self.source[end..].starts_with('(') {
            TokenClass::Called
        } else {
            TokenClass::Plain
        }
    }

    /// Whether `name` is a soft keyword of Python here: `match`, `case` and `type` are keywords
    /// where they begin a statement, and names everywhere else.
    fn is_soft_keyword(&self, name: &str) -> bool {
        let soft = matches!(name, "match" | "case" | "type");
        if !soft || !self.language.is_python || self.before.is_some() || self.depth > 0 {
            return false;
        }
        let line = self.line();
        let subject = line.trim_start_matches([' ', '\t']);
        if name == "type" {
            return subject.len() < line.len() && subject.starts_with(|c| self.starts_name(c));
        }
        let statement = line.split('#').next().unwrap_or_default().trim_end();
        !subject.starts_with(['=', '.', ',', ':', ')']) && statement.ends_with(':')
    }

    fn starts_name(&self, c: char) -> bool {
        c.is_alphabetic()
            || c == '_'
            || (!matches!(c, '-' | '!' | '\'') && self.language.in_names.contains(&c))
    }

    fn name_length(&self, from: usize, also: &[char]) -> usize {
        let part = |c: char| c.is_alphanumeric() || c == '_' || also.contains(&c);
        let rest = &self.source[from..];
        rest.find(|c| !part(c)).unwrap_or(rest.len())
    }

    fn has(&self, words: &[&str], name: &str) -> bool {
        if self.language.ignores_case {
            words.iter().any(|word| word.eq_ignore_ascii_case(name))
        } else {
            // Comparing lengths and first letters first is faster, because nearly all words differ
            // in them.
            let first = name.as_bytes().first();
            words.iter().any(|word| {
                word.len() == name.len() && word.as_bytes().first() == first && *word == name
            })
        }
    }
}

fn find_or_plain(name: &str) -> &'static Language {
    languages::find(name).unwrap_or(&PLAIN_LANGUAGE)
}

/// The language of the body of an unknown cell magic: all of it is plain.
static PLAIN_LANGUAGE: Language = Language {
    names: &[],
    keywords: &[],
    constants: &[],
    definers: &[],
    line_comments: &[],
    block_comment: None,
    quotes: &[],
    in_names: &[],
    ignores_case: false,
    is_python: false,
};

fn is_operator(c: char) -> bool {
    matches!(
        c,
        '+' | '-'
            | '*'
            | '/'
            | '%'
            | '='
            | '<'
            | '>'
            | '!'
            | '&'
            | '|'
            | '^'
            | '~'
            | '@'
            | ':'
            | '?'
    )
}

fn is_string_prefix(name: &str) -> bool {
    name.len() <= 2
        && name
            .bytes()
            .all(|b| matches!(b.to_ascii_lowercase(), b'r' | b'b' | b'f' | b'u' | b't'))
}

/// Whether `rest` begins with `mark`; compares the first byte first, because that is faster.
fn begins(rest: &[u8], mark: &str) -> bool {
    rest.first() == mark.as_bytes().first() && rest.starts_with(mark.as_bytes())
}

/// The same as [`string_length`] for a format string, in whose braces quotes do not end it.
/// `None` when its braces do not tell where it ends.
fn formatted_length(text: &str, quote: &Quote) -> Option<usize> {
    /// Format strings are shorter; a bound keeps the time proportional to the source.
    const MAX_FORMAT_STRING_BYTES: usize = 500;
    let bytes = text.as_bytes();
    let mut at = quote.mark.len();
    let mut braces = 0_usize;
    while at < MAX_FORMAT_STRING_BYTES {
        let byte = *bytes.get(at)?;
        let twice = bytes.get(at + 1) == Some(&byte);
        match byte {
            b'\\' => at += 1,
            b'{' | b'}' if twice && braces == 0 => at += 1,
            b'{' => braces += 1,
            b'}' => braces = braces.checked_sub(1)?,
            b'\n' if !quote.many_lines => return None,
            _ if braces == 0 && begins(&bytes[at..], quote.mark) => {
                return Some(at + quote.mark.len());
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The length of the string that `text` begins with; an unclosed string ends with its line, or
/// with the text.
fn string_length(text: &str, quote: &Quote) -> usize {
    let bytes = text.as_bytes();
    let stops = [quote.mark.as_bytes()[0], b'\\', b'\n'];
    let mut at = quote.mark.len();
    loop {
        at += scan::length_before(&bytes[at..], stops);
        let Some(&byte) = bytes.get(at) else {
            return bytes.len();
        };
        if byte == b'\\' && quote.escapes {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if byte == b'\n' && !quote.many_lines {
            return at;
        } else if begins(&bytes[at..], quote.mark) {
            return at + quote.mark.len();
        } else {
            at += 1;
        }
    }
}
