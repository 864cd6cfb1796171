//! Finds the formulas of a text, by Jupyter's rules.
//!
//! `$…$` and `\\(…\\)` are inline; `$$…$$`, `\\[…\\]` and environments are displayed. The
//! brackets have two backslashes, because Markdown takes one for itself. In Markdown a formula ends
//! with its paragraph at the latest. A reference to a formula is one by itself. Code, tags and addresses of Markdown hold no formulas.

use std::{collections::HashMap, ops::Range};

use pulldown_cmark::{Event, LinkType, OffsetIter, Tag, TagEnd};

use crate::prepare::markdown;

/// The range of a formula with its delimiters, and without them.
pub(super) struct FormulaSpan {
    pub(super) whole: Range<usize>,
    pub(super) tex: Range<usize>,
    pub(super) display: bool,
}

/// The formulas of Markdown, in order.
pub(super) fn in_markdown(source: &str) -> Vec<FormulaSpan> {
    let closed = closed(source);
    FormulaSearch::of_markdown(source, &closed).run()
}

/// The formulas of LaTeX among text, where one backslash is enough, and nothing ends a paragraph.
pub(super) fn in_latex(source: &str) -> Vec<FormulaSpan> {
    FormulaSearch::of_latex(source).run()
}

/// The ranges of Markdown in which no formula begins or ends, in order.
fn closed(source: &str) -> Vec<Range<usize>> {
    let mut closed: Vec<Range<usize>> = Vec::new();
    let mut events: OffsetIter<'_> = markdown::parser(source).into_offset_iter();
    // The end of the event before the current one.
    let mut end = 0;
    for (event, range) in events.by_ref() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Image { .. })
            | Event::Code(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_) => closed.push(range.clone()),
            Event::Start(Tag::Link {
                link_type: LinkType::Autolink | LinkType::Email,
                ..
            }) => closed.push(range.clone()),
            Event::Html(_) => closed.extend(tags(&source[range.clone()], range.start)),
            // The rest of a link after its text is its address.
            Event::End(TagEnd::Link) if end < range.end => closed.push(end..range.end),
            _ => {}
        }
        end = match event {
            Event::Start(_) => range.start,
            _ => range.end,
        };
    }
    for (_, definition) in events.reference_definitions().iter() {
        closed.push(definition.span.clone());
    }
    closed.sort_by_key(|range| (range.start, range.end));
    closed
}

/// The tags in `html`, which begins at `offset`.
fn tags(html: &str, offset: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<') {
        let start = at + start;
        if !begins_tag(&html[start + 1..]) {
            at = start + 1;
            continue;
        }
        let end = html[start..]
            .find('>')
            .map_or(html.len(), |end| start + end + 1);
        found.push(offset + start..offset + end);
        at = end;
    }
    found
}

/// Whether the text after a `<` makes it the start of a tag, and not a less-than sign.
fn begins_tag(after: &str) -> bool {
    let name = after.strip_prefix('/').unwrap_or(after);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let end = end.unwrap_or(name.len());
    end > 0 && name[end..].starts_with(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
}

/// The delimiter that ends a formula.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ClosingDelimiter<'a> {
    Dollar,
    Dollars,
    /// The bracket after the backslashes.
    Bracket(char),
    Environment(&'a str),
}

/// A token of the text.
enum Token<'a> {
    /// `$`, `$$`, `\(` or `\)` and the like, `\begin{…}` or `\end{…}`.
    Delimiter {
        opens: bool,
        end: ClosingDelimiter<'a>,
    },
    /// `\ref{…}` or `\eqref{…}`, which is a formula of its own where it is in none.
    Reference,
    Open,
    Close,
    /// An empty line, or a closed range of several lines.
    Break,
    Other,
}

/// The search for the ends of formulas reads at most this many times the length of a text.
/// Usually it takes one or two. A text that takes more is hostile, by environments of many names,
/// and no formulas are found in the rest of it.
const MAX_SEARCH_PASSES: usize = 16;

/// The most bytes of a label that is referred to.
const MAX_LABEL_BYTES: usize = 100;

/// The search for the formulas of a text.
struct FormulaSearch<'a> {
    source: &'a str,
    closed: &'a [Range<usize>],
    slashes: &'a str,
    /// Whether an empty line ends a formula.
    has_paragraphs: bool,
    /// The offset up to which each closing delimiter is known to be missing.
    missing: HashMap<ClosingDelimiter<'a>, usize>,
    /// The bytes that may still be read in search of ends.
    left: usize,
}

impl<'a> FormulaSearch<'a> {
    fn of_markdown(source: &'a str, closed: &'a [Range<usize>]) -> Self {
        Self {
            source,
            closed,
            slashes: "\\\\",
            has_paragraphs: true,
            missing: HashMap::new(),
            left: MAX_SEARCH_PASSES * source.len(),
        }
    }

    fn of_latex(source: &'a str) -> Self {
        Self {
            slashes: "\\",
            has_paragraphs: false,
            ..Self::of_markdown(source, &[])
        }
    }

    /// All formulas, in order.
    fn run(&mut self) -> Vec<FormulaSpan> {
        let mut found = Vec::new();
        let mut at = 0;
        let mut next_closed = 0;
        while at < self.source.len() {
            let (token, length) = self.token(at, &mut next_closed);
            let start = at;
            at += length;
            if matches!(token, Token::Reference) {
                found.push(FormulaSpan {
                    whole: start..at,
                    tex: start..at,
                    display: false,
                });
            }
            let Token::Delimiter { opens: true, end } = token else {
                continue;
            };
            let Some((inside, after)) = self.end(at, end, next_closed) else {
                continue;
            };
            let is_environment = matches!(end, ClosingDelimiter::Environment(_));
            found.push(FormulaSpan {
                whole: start..after,
                tex: if is_environment {
                    start..after
                } else {
                    at..inside
                },
                display: !matches!(
                    end,
                    ClosingDelimiter::Dollar | ClosingDelimiter::Bracket(')')
                ),
            });
            at = after;
        }
        found
    }

    /// The start and end of the closing delimiter of the formula whose TeX begins at `from`. A
    /// delimiter in braces counts when there is none outside of them.
    fn end(
        &mut self,
        from: usize,
        end: ClosingDelimiter<'a>,
        mut next_closed: usize,
    ) -> Option<(usize, usize)> {
        if self.missing.get(&end).is_some_and(|until| from < *until) {
            return None;
        }
        let mut at = from;
        let mut braces = 0_usize;
        let mut last = None;
        // Two dollars in a formula of one: they end it, and begin another, if that ends.
        let mut between = None;
        while at < self.source.len() {
            let (token, length) = self.token(at, &mut next_closed);
            self.left = self.left.checked_sub(length)?;
            match token {
                Token::Delimiter {
                    end: ClosingDelimiter::Dollars,
                    ..
                } if end == ClosingDelimiter::Dollar && braces == 0 && between.is_none() => {
                    between = Some((at, at + 1));
                }
                Token::Break => break,
                Token::Open => braces += 1,
                Token::Close => braces = braces.saturating_sub(1),
                Token::Delimiter { end: found, opens } => {
                    // A dollar both opens and closes.
                    let ends = found == end
                        && (!opens
                            || matches!(end, ClosingDelimiter::Dollar | ClosingDelimiter::Dollars));
                    if ends {
                        last = Some((at, at + length));
                        if braces == 0 {
                            last = between.or(last);
                            break;
                        }
                    }
                }
                Token::Other | Token::Reference => {}
            }
            at += length;
        }
        if last.is_none() {
            self.missing.insert(end, at);
        }
        last
    }

    /// The token at `at`, and its length, which is at least 1.
    fn token(&self, at: usize, next_closed: &mut usize) -> (Token<'a>, usize) {
        while let Some(range) = self.closed.get(*next_closed) {
            if at < range.start {
                break;
            }
            *next_closed += 1;
            if at < range.end {
                let inside = &self.source[at..range.end];
                let is_block = inside.contains('\n');
                return (
                    if is_block { Token::Break } else { Token::Other },
                    inside.len(),
                );
            }
        }
        let rest = &self.source[at..];
        match rest.as_bytes()[0] {
            b'$' if rest.starts_with("$$") => (delimiter(true, ClosingDelimiter::Dollars), 2),
            b'$' => (delimiter(true, ClosingDelimiter::Dollar), 1),
            b'{' => (Token::Open, 1),
            b'}' => (Token::Close, 1),
            b'\\' => self.backslash(rest),
            b'\n' => {
                let blank = rest[1..]
                    .bytes()
                    .find(|b| !matches!(b, b' ' | b'\t' | b'\r'));
                let ends = self.has_paragraphs && matches!(blank, Some(b'\n') | None);
                (if ends { Token::Break } else { Token::Other }, 1)
            }
            _ => {
                // The text ends where the next closed range begins.
                let closed = self.closed.get(*next_closed);
                let text = closed.map_or(rest, |range| &rest[..range.start - at]);
                let next = text.find(['$', '{', '}', '\\', '\n']);
                (Token::Other, next.unwrap_or(text.len()))
            }
        }
    }

    fn backslash(&self, rest: &'a str) -> (Token<'a>, usize) {
        for (command, opens) in [("\\begin{", true), ("\\end{", false)] {
            if let Some(name) = rest.strip_prefix(command) {
                let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
                let letters = letters + usize::from(name[letters..].starts_with('*'));
                if letters > 0 && letters <= 20 && name[letters..].starts_with('}') {
                    let length = command.len() + letters + 1;
                    return (
                        delimiter(opens, ClosingDelimiter::Environment(&name[..letters])),
                        length,
                    );
                }
            }
        }
        let label = ["\\eqref{", "\\ref{"].iter().find_map(|command| {
            let label = rest.strip_prefix(command)?;
            let length = label
                .bytes()
                .take(MAX_LABEL_BYTES)
                .position(|b| b == b'}')?;
            Some((&label[..length], command.len() + length + 1))
        });
        if let Some((label, length)) = label
            && !label.contains(['\n', '{', '$', '\\', '`'])
        {
            return (Token::Reference, length);
        }
        if let Some(after) = rest.strip_prefix(self.slashes) {
            let length = self.slashes.len() + 1;
            match after.bytes().next() {
                Some(b'(') => return (delimiter(true, ClosingDelimiter::Bracket(')')), length),
                Some(b'[') => return (delimiter(true, ClosingDelimiter::Bracket(']')), length),
                Some(b')') => return (delimiter(false, ClosingDelimiter::Bracket(')')), length),
                Some(b']') => return (delimiter(false, ClosingDelimiter::Bracket(']')), length),
                _ => {}
            }
        }
        let next = rest[1..].chars().next();
        match next {
            // An escaped line end is still one.
            None | Some('\n') => (Token::Other, 1),
            Some(next) => (Token::Other, 1 + next.len_utf8()),
        }
    }
}

fn delimiter(opens: bool, end: ClosingDelimiter<'_>) -> Token<'_> {
    Token::Delimiter { opens, end }
}

#[cfg(test)]
mod tests;
