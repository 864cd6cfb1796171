//! The commands that stand among words, and what the engine knows of them.

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

/// The font that the command `name` sets for the rest of its group.
pub(super) fn switched_font(name: &str) -> Option<&'static str> {
    Some(match name {
        "bf" => "textbf",
        "it" | "sl" => "textit",
        "rm" | "normalfont" => "textrm",
        "sf" => "textsf",
        "tt" => "texttt",
        _ => return None,
    })
}

/// The letters that the engine knows among words alone.
pub(super) const LETTERS: [&str; 13] = [
    "AA", "AE", "L", "O", "OE", "aa", "ae", "i", "j", "l", "o", "oe", "ss",
];

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

/// Whether the engine, or `text`, knows the command `name` among words. Others are read as in
/// a formula.
pub(super) fn is_of_words(name: &str) -> bool {
    const NAMES: [&str; 31] = [
        "H",
        "Huge",
        "LARGE",
        "Large",
        "c",
        "cal",
        "displaystyle",
        "dots",
        "enspace",
        "footnotesize",
        "huge",
        "large",
        "ldots",
        "medspace",
        "newline",
        "normalsize",
        "qquad",
        "quad",
        "r",
        "scriptscriptstyle",
        "scriptsize",
        "scriptstyle",
        "sixptsize",
        "small",
        "sout",
        "textstyle",
        "thickspace",
        "thinspace",
        "tiny",
        "u",
        "v",
    ];
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
    !is_word || NAMES.contains(&name) || LETTERS.contains(&name) || is_symbol(name)
}
