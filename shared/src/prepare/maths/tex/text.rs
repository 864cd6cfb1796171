//! The words in formulas: `\text`, `\mbox` and their kin.

use super::scan::{TexScanner, command_name, push_token};

/// The command of the engine for the text that the command `name` holds; `None` when it holds none.
pub(super) fn engine_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "text" | "mbox" | "hbox" => "text",
        "textrm" => "textrm",
        "textbf" => "textbf",
        "textit" => "textit",
        "texttt" => "texttt",
        "textsf" => "textsf",
        "textsc" => "textsc",
        "emph" => "emph",
        "underbar" => "underbar",
        _ => return None,
    })
}

/// Whether the engine knows the command `name` among words alone, as a symbol.
pub(super) fn is_symbol(name: &str) -> bool {
    const SYMBOLS: [&str; 22] = [
        "asciicircum",
        "backslash",
        "bar",
        "bardbl",
        "braceleft",
        "braceright",
        "dagger",
        "daggerdbl",
        "degree",
        "dollar",
        "ellipsis",
        "emdash",
        "endash",
        "greater",
        "less",
        "quotedblleft",
        "quotedblright",
        "quoteleft",
        "quoteright",
        "registered",
        "sterling",
        "underscore",
    ];
    let symbol = name.strip_prefix("text");
    symbol.is_some_and(|symbol| symbol == "yen" || SYMBOLS.contains(&symbol))
}

/// Appends `words` without formulas to `out`, as the argument of the command `name`.
pub(super) fn push_words(out: &mut String, name: &str, words: &str) {
    if words.is_empty() {
        return;
    }
    out.extend(["\\", name, "{"]);
    let mut rest = TexScanner(words);
    while let Some(token) = rest.token() {
        match token {
            "_" | "&" | "#" | "$" => out.extend(["\\", token]),
            "^" => out.push_str("\\textasciicircum{}"),
            "~" | "\\\\" | "\\newline" => out.push_str("\\ "),
            "\\!" | "\\/" | "\\-" | "\\@" | "\\(" | "\\)" | "\\bf" | "\\it" | "\\rm" | "\\sf"
            | "\\tt" | "\\displaystyle" | "\\textstyle" | "\\normalfont" => {}
            "\\qquad" => out.push_str("\\quad\\quad "),
            "\\mbox" | "\\hbox" => out.push_str("\\text"),
            token if command_name(token).is_none() && !is_shown(token) => {}
            token => push_token(out, token),
        }
    }
    out.push('}');
}

/// Whether the engine takes a character of a text.
fn is_shown(token: &str) -> bool {
    !token.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// The text before the next formula in `words`, the formula, and what follows it.
pub(super) fn next_formula(words: &str) -> Option<(&str, &str, &str)> {
    let mut rest = TexScanner(words);
    let mut begun: Option<(usize, usize, &str)> = None;
    loop {
        let at = words.len() - rest.0.len();
        let token = rest.token()?;
        let after = words.len() - rest.0.len();
        let end = match token {
            "$" => "$",
            "\\(" => "\\)",
            other => other,
        };
        match begun {
            None if matches!(token, "$" | "\\(") => begun = Some((at, after, end)),
            Some((before, from, end)) if token == end => {
                return Some((&words[..before], &words[from..at], &words[after..]));
            }
            _ => {}
        }
    }
}
