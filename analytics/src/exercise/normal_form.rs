//! A source without what two people write differently without meaning it: comments, docstrings,
//! spacing, the style of quotes, and the names that they have chosen.
//!
//! It works on tokens and not on a tree, because the cell of somebody who is stuck does not parse.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    hash::{hash, mix},
    tokens::looked_at,
};

/// A token of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceToken<'a> {
    Word(&'a str),
    /// The text between quotes.
    Text(&'a str),
    Sign(char),
    /// A line for IPython or a shell, as it is.
    Magic(&'a str),
    /// The end of a line that has something, and how far the next one is indented.
    NewLine(usize),
}

/// How a language marks its comments.
struct Comments {
    line: &'static [&'static str],
    block: Option<(&'static str, &'static str)>,
}

fn comments_of(language: &str) -> Comments {
    let (line, block): (&'static [&'static str], _) = match language {
        "javascript" | "typescript" | "java" | "c++" | "c" | "scala" | "kotlin" | "rust" | "go" => {
            (&["//"], Some(("/*", "*/")))
        }
        "julia" => (&["#"], Some(("#=", "=#"))),
        "sql" => (&["--"], Some(("/*", "*/"))),
        "haskell" | "lua" => (&["--"], None),
        "matlab" | "octave" => (&["%", "#"], None),
        _ => (&["#"], None),
    };
    Comments { line, block }
}

/// The hash of the source's normal form. `given` are the names of the handout, which mean the same
/// in everyone's cell and stay as they are.
pub(super) fn normal_form(source: &str, language: &str, given: &BTreeSet<&str>) -> u64 {
    let tokens = without_docstrings(&tokens(looked_at(source), language));
    let chosen = chosen_names(&tokens, given);
    let mut form = 0;
    let mut after_dot = false;
    for token in &tokens {
        let part = match token {
            SourceToken::Word(word) => match chosen.get(word).filter(|_| !after_dot) {
                Some(number) => mix(1, *number),
                None => hash(word.as_bytes()),
            },
            SourceToken::Text(text) => mix(2, hash(text.as_bytes())),
            SourceToken::Sign(sign) => mix(3, u64::from(u32::from(*sign))),
            SourceToken::Magic(line) => mix(4, hash(line.as_bytes())),
            SourceToken::NewLine(depth) => mix(5, *depth as u64),
        };
        after_dot = *token == SourceToken::Sign('.');
        form = mix(form, part);
    }
    form
}

/// The names in the handout's cell, but for those in its comments.
pub(super) fn given_names<'a>(stub: &'a str, language: &str) -> BTreeSet<&'a str> {
    let words = tokens(looked_at(stub), language).into_iter();
    words
        .filter_map(|token| match token {
            SourceToken::Word(word) => Some(word),
            _ => None,
        })
        .collect()
}

fn tokens<'a>(source: &'a str, language: &str) -> Vec<SourceToken<'a>> {
    let comments = comments_of(language);
    let has_magics = !matches!(language, "r" | "matlab" | "octave");
    let mut found = Vec::new();
    let mut rest = source;
    let mut at_line_start = true;
    let mut indents = vec![0];
    while let Some(first) = rest.chars().next() {
        if first == '\n' {
            at_line_start = true;
            rest = &rest[1..];
            continue;
        }
        if first.is_whitespace() && !at_line_start {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
            continue;
        }
        let bare = rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
        if let Some(length) = comment(bare, &comments) {
            rest = &bare[length..];
            continue;
        }
        if bare.is_empty() || bare.starts_with('\n') {
            rest = bare;
            continue;
        }
        if at_line_start {
            at_line_start = false;
            let width = rest.len() - bare.len();
            rest = bare;
            indents.retain(|known| *known <= width);
            if indents.last().is_some_and(|last| *last < width) {
                indents.push(width);
            }
            if !found.is_empty() {
                found.push(SourceToken::NewLine(indents.len()));
            }
            if has_magics && bare.starts_with(['%', '!']) {
                let line = bare.lines().next().unwrap_or(bare);
                found.push(SourceToken::Magic(line.trim_end()));
                rest = &bare[line.len()..];
            }
            continue;
        }
        let (token, length) = token(rest, first);
        found.push(token);
        rest = &rest[length..];
    }
    found
}

/// The length of a comment, if one begins here.
fn comment(rest: &str, comments: &Comments) -> Option<usize> {
    if let Some((open, close)) = comments.block
        && let Some(inside) = rest.strip_prefix(open)
    {
        let end = inside.find(close).map(|at| open.len() + at + close.len());
        return Some(end.unwrap_or(rest.len()));
    }
    let is_comment = comments.line.iter().any(|sign| rest.starts_with(sign));
    is_comment.then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn token(rest: &str, first: char) -> (SourceToken<'_>, usize) {
    for quote in ["\"\"\"", "'''"] {
        if let Some(inside) = rest.strip_prefix(quote) {
            let end = inside.find(quote);
            let text = &inside[..end.unwrap_or(inside.len())];
            let length = end.map_or(rest.len(), |at| at + 2 * quote.len());
            return (SourceToken::Text(text), length);
        }
    }
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                // A text that is not closed ends with its line.
                '\n' => return (SourceToken::Text(&rest[1..at]), at),
                _ if c == first => return (SourceToken::Text(&rest[1..at]), at + 1),
                _ => {}
            }
        }
        return (SourceToken::Text(&rest[1..]), rest.len());
    }
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    if is_of_word(first) {
        let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        return (SourceToken::Word(&rest[..length]), length);
    }
    (SourceToken::Sign(first), first.len_utf8())
}

/// Leaves out texts that stand in a line alone, but for the last, which is a result.
fn without_docstrings<'a>(tokens: &[SourceToken<'a>]) -> Vec<SourceToken<'a>> {
    let is_edge = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        token.is_none_or(|token| matches!(token, SourceToken::NewLine(_)))
    };
    let last = tokens.len().saturating_sub(1);
    let is_docstring = |at: usize| {
        matches!(tokens[at], SourceToken::Text(_))
            && at < last
            && is_edge(at.checked_sub(1))
            && is_edge(Some(at + 1))
    };
    let dropped: Vec<bool> = (0..tokens.len()).map(is_docstring).collect();
    let is_kept = |at: usize| !(dropped[at] || at > 0 && dropped[at - 1]);
    let kept = tokens.iter().enumerate().filter(|(at, _)| is_kept(*at));
    kept.map(|(_, token)| *token).collect()
}

/// The names that the cell gives to things, numbered in the order in which they appear.
fn chosen_names<'a>(tokens: &[SourceToken<'a>], given: &BTreeSet<&str>) -> BTreeMap<&'a str, u64> {
    let mut assigned = BTreeSet::new();
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            SourceToken::Sign('(' | '[' | '{') => depth += 1,
            SourceToken::Sign(')' | ']' | '}') => depth -= 1,
            SourceToken::NewLine(_) if depth < 0 => depth = 0,
            _ => {}
        }
        let SourceToken::Word(word) = token else {
            continue;
        };
        let before = at.checked_sub(1).map(|at| tokens[at]);
        if before == Some(SourceToken::Sign('.')) || word.starts_with(|c: char| c.is_ascii_digit())
        {
            continue;
        }
        let next = |by: usize| tokens.get(at + by).copied();
        let is_set = match (next(1), next(2)) {
            (Some(SourceToken::Sign('=')), after) => {
                depth == 0 && after != Some(SourceToken::Sign('='))
            }
            (Some(SourceToken::Sign('<')), Some(SourceToken::Sign('-'))) => true,
            (Some(SourceToken::Sign(':')), Some(SourceToken::Sign('='))) => true,
            _ => false,
        };
        let is_introduced = matches!(
            before,
            Some(SourceToken::Word(
                "for" | "as" | "def" | "let" | "const" | "var" | "function"
            ))
        );
        if is_set || is_introduced {
            assigned.insert(*word);
        }
    }
    let mut numbers = BTreeMap::new();
    for token in tokens {
        if let SourceToken::Word(word) = token
            && assigned.contains(word)
            && !given.contains(word)
        {
            let next = numbers.len() as u64;
            numbers.entry(*word).or_insert(next);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(source: &str) -> u64 {
        normal_form(source, "python", &BTreeSet::new())
    }

    #[test]
    fn what_is_written_differently_and_means_the_same_is_one() {
        let written = "prices = [1, 2]\nfor p in prices:\n    print('a', p)";
        for other in [
            "# mine\nprices = [1,2]  # two\n\nfor p in prices :\n  print(\"a\",p)\n",
            "x = [1, 2]\nfor y in x:\n\tprint('a', y)",
        ] {
            assert_eq!(form(written), form(other), "{other}");
        }
        for other in [
            "prices = [1, 3]\nfor p in prices:\n    print('a', p)",
            "prices = [1, 2]\nfor p in prices:\n    print('b', p)",
            "prices = [1, 2]\nfor p in prices:\n    pass\nprint('a', p)",
            "prices = [1, 2]\nfor p in prices:\n    print('a', prices)",
        ] {
            assert_ne!(form(written), form(other), "{other}");
        }
    }

    #[test]
    fn names_of_the_handout_attributes_and_arguments_stay() {
        let given = given_names("# the price\ndef area(w, h):", "python");
        assert_eq!(given, ["area", "def", "h", "w"].into());
        let form = |source| normal_form(source, "python", &given);
        assert_ne!(form("area = 1"), form("place = 1"));
        assert_eq!(form("a = b.sum(axis=1)"), form("c = b.sum(axis=1)"));
        assert_ne!(form("a = b.sum(axis=1)"), form("a = b.mean(axis=1)"));
        assert_ne!(form("a = f(x=1)"), form("a = f(y=1)"));
    }

    #[test]
    fn docstrings_go_and_results_and_magics_stay() {
        assert_eq!(
            form("def f():\n    \"\"\"Says it.\"\"\"\n    return 1"),
            form("def f():\n    return 1")
        );
        assert_ne!(form("'a'"), form("'b'"));
        assert_ne!(form("%timeit f()"), form("%timeit g()"));
    }

    #[test]
    fn other_languages_have_other_comments() {
        let js = |source| normal_form(source, "javascript", &BTreeSet::new());
        assert_eq!(js("let a = 1; // one"), js("/* first */ let b = 1;"));
        let r = |source| normal_form(source, "r", &BTreeSet::new());
        assert_eq!(r("x <- 5 %% 2"), r("y <- 5 %% 2 # rest"));
    }

    #[test]
    fn what_does_not_parse_has_a_form() {
        for source in ["def f(:\n  'open", "\"\"\"", "((((", "%", "", "a = '\\"] {
            form(source);
        }
    }
}
