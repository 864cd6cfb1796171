//! The lexer, which reads the tokens of a source one after the other: here names, numbers and
//! operators, in the other files what needs more rules.

mod comments;
mod forms;
mod magics;
mod raw;
mod strings;

use super::{
    languages::{Forms, Language},
    token::TokenClass,
};

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
        last: TokenClass::Plain,
        defines: false,
        only_magics: true,
        switches: language.forms.has(Forms::DIRECTIVES),
        has_forms: language.forms != Forms::NONE,
        heredocs: Vec::new(),
        lookahead: Lookahead(MAX_LOOKAHEAD_FACTOR * source.len()),
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

/// What looks for an end that is not there may read so many times the source.
const MAX_LOOKAHEAD_FACTOR: usize = 16;

/// The number of bytes that may still be read in vain.
///
/// Some tokens are none when they have no end. What follows is read again then, which would take a
/// time that is quadratic in the length of the source if nothing bounded it.
struct Lookahead(usize);

impl Lookahead {
    fn is_allowed(&self) -> bool {
        self.0 > 0
    }

    fn was_in_vain(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }
}

struct Lexer<'a> {
    source: &'a str,
    language: &'static Language,
    at: usize,
    /// The number of open brackets.
    depth: usize,
    /// The last character that is not white space; `None` at the start of a line.
    before: Option<char>,
    /// The class of the last token that is not white space.
    last: TokenClass,
    /// The last token was a keyword that defines the next name.
    defines: bool,
    /// There were only magics so far, so that one may set the language of what follows.
    only_magics: bool,
    /// Lines such as `#!sql` set the language of what follows.
    switches: bool,
    /// Whether there is anything for [`Lexer::form`] to read.
    has_forms: bool,
    /// The marks that end the texts below this line.
    heredocs: Vec<&'a [u8]>,
    lookahead: Lookahead,
}

impl<'a> Lexer<'a> {
    /// Reads one token; the position advances by at least one character.
    fn token(&mut self) -> TokenClass {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else {
            return TokenClass::Plain;
        };
        if self.has_forms
            && let Some(class) = self.form(first, rest)
        {
            self.end_token(class);
            return class;
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
        self.end_token(class);
        class
    }

    fn end_token(&mut self, class: TokenClass) {
        self.before = self.source[..self.at].chars().next_back();
        self.last = class;
        self.only_magics = false;
    }

    fn set_language(&mut self, language: &'static Language) {
        self.language = language;
        self.has_forms = self.switches || language.forms != Forms::NONE;
        self.depth = 0;
    }

    fn line(&self) -> &'a str {
        let rest = &self.source[self.at..];
        &rest[..rest.find('\n').unwrap_or(rest.len())]
    }

    /// Reads a string whose quote begins after `prefix` bytes.
    fn string(&mut self, rest: &str, prefix: usize) -> Option<TokenClass> {
        let after = &rest[prefix..];
        let mut quotes = self.language.quotes.iter();
        let quote = quotes.find(|quote| begins(after.as_bytes(), quote.open))?;
        let formats = rest[..prefix].contains(['f', 'F', 't', 'T']);
        let formatted = formats.then(|| strings::formatted_length(after, quote));
        let length = formatted.flatten();
        let length = length.unwrap_or_else(|| strings::length(after, quote, &mut self.lookahead));
        self.at += prefix + length;
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
                // A slash may begin a comment or a regular expression.
                let mut comments = self.language.block_comments.iter();
                let ends = comments.any(|comment| comment.open.starts_with('/'));
                let more = self.source[self.at..].bytes();
                let is_more = |b: &u8| is_operator(char::from(*b)) && !(ends && *b == b'/');
                self.at += more.take_while(is_more).count();
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
        if self.language.forms.has(Forms::QUOTES_IN_NUMBERS) {
            self.more_digits();
        }
        TokenClass::Number
    }

    /// Reads the rest of a number such as `1'000`.
    fn more_digits(&mut self) {
        let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        while let Some(rest) = self.source[self.at..].strip_prefix('\'')
            && rest.starts_with(is_digit)
        {
            self.at += 1 + rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        }
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
        if self.language.forms.has(Forms::MARKUP) {
            let before = &self.source[..start];
            let is_tag = before.ends_with('<') || before.ends_with("</");
            return if is_tag {
                TokenClass::Keyword
            } else {
                TokenClass::Plain
            };
        }
        let defined = std::mem::take(&mut self.defines);
        if self.has(self.language.keywords, name)
            || self.has(self.language.own_keywords, name)
            || self.is_soft_keyword(name)
        {
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

    fn has(&self, words: &str, name: &str) -> bool {
        if self.language.ignores_case {
            return words.split(' ').any(|word| word.eq_ignore_ascii_case(name));
        }
        // Most names are no part of the list, which is faster to see than that they are no word. No
        // word has one letter.
        name.len() > 1 && words.contains(name) && words.split(' ').any(|word| word == name)
    }
}

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
