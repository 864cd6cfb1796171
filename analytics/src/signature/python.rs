//! The rules of Python, for the messages of all its versions.

use super::plain::{Quotes, all_quoted, plain, plain_with, without_ansi, without_digits};

/// Characters of a key of a dictionary.
const MAX_DICTIONARY_KEY_CHARS: usize = 60;

/// What newer versions add to a message: a guess of what was meant.
const GUESSES: [&str; 5] = [
    ". Did you mean",
    " here. Maybe you meant",
    ". Maybe you meant",
    ". Did you forget",
    ". Perhaps you need",
];

/// The same mistake in the words of older and newer versions.
const OLD_WORDS: [(&str, &str); 5] = [
    (
        "EOL while scanning string literal",
        "unterminated string literal",
    ),
    (
        "EOF while scanning triple-quoted string literal",
        "unterminated triple-quoted string literal",
    ),
    ("can't assign to", "cannot assign to"),
    ("expected an indented block", "expected an indented block"),
    ("unexpected EOF while parsing", "incomplete input"),
];

pub(super) fn kind_and_key(name: &str, value: &str, traceback: &str) -> (String, String) {
    let kind = name.rsplit('.').next().unwrap_or(name).trim();
    let message = value.lines().map(str::trim).find(|line| !line.is_empty());
    let message = message.unwrap_or_default();
    let quoted = all_quoted(message);
    let key = match kind {
        "NameError" | "UnboundLocalError" => name_key(&quoted, message),
        "ModuleNotFoundError" | "ImportError" => import_key(&quoted, message),
        "AttributeError" => attribute_key(&quoted, message),
        "KeyError" => dictionary_key(message),
        "FileNotFoundError" | "PermissionError" | "IsADirectoryError" | "NotADirectoryError"
        | "FileExistsError" => file_key(&quoted, message),
        "SyntaxError" | "IndentationError" | "TabError" => syntax_key(message),
        "TypeError" => type_key(message),
        "AssertionError" if message.is_empty() => failing_line(traceback),
        "ValueError" => plain_with(message, Quotes::Hide),
        "RecursionError" => plain(before(message, " exceeded")),
        _ => plain(before_guess(message)),
    };
    let kind = match kind {
        // Python 3.6 has a class of its own where others have the more general one.
        "ModuleNotFoundError" if key.contains('.') => "ImportError",
        "" => "Error",
        kind => kind,
    };
    (without_digits(kind), key)
}

fn name_key(quoted: &[&str], message: &str) -> String {
    match quoted.first() {
        // What is quoted is a name, unless somebody has raised the error with their own words.
        Some(name) => plain(name),
        None => plain(message),
    }
}

/// `m` for a module that is missing, `m.x` for a name that it does not have.
fn import_key(quoted: &[&str], message: &str) -> String {
    match quoted {
        [name, module, ..] if message.starts_with("cannot import name") => {
            format!("{}.{}", plain(module), plain(name))
        }
        [module, ..] => {
            let module = plain(module);
            module.split('.').next().unwrap_or(&module).to_owned()
        }
        [] => plain(message),
    }
}

/// `DataFrame.appnd`.
fn attribute_key(quoted: &[&str], message: &str) -> String {
    match quoted {
        [owner, attribute, ..] => {
            let owner = plain(owner);
            let class = owner.rsplit('.').next().unwrap_or(&owner);
            format!("{class}.{}", plain(attribute))
        }
        _ => plain(before_guess(message)),
    }
}

fn dictionary_key(message: &str) -> String {
    let number = message.trim_start_matches('-');
    if number.parse::<f64>().is_ok() {
        return "a number".to_owned();
    }
    // A column that is missing in a table has a message around it.
    plain(message)
        .chars()
        .take(MAX_DICTIONARY_KEY_CHARS)
        .collect()
}

/// The file's name, without its folders, which hold the name of whose home it is.
fn file_key(quoted: &[&str], message: &str) -> String {
    match quoted.first() {
        Some(path) => plain(path.rsplit(['/', '\\']).next().unwrap_or(path)),
        None => plain(message),
    }
}

fn syntax_key(message: &str) -> String {
    let message = before_guess(without_place(message));
    let message = before(message, " (detected at line");
    let newer = OLD_WORDS.iter().find_map(|(old, new)| {
        let rest = message.strip_prefix(old)?;
        Some(format!("{new}{rest}"))
    });
    plain(newer.as_deref().unwrap_or(message))
}

/// The message without ` (1234.py, line 3)` or ` (<ipython-input-3-4f>, line 3)` at its end.
fn without_place(message: &str) -> &str {
    match message.rfind(" (") {
        Some(at) if message[at..].contains("line ") && message.ends_with(')') => &message[..at],
        _ => message,
    }
}

/// A function by its own name, which newer versions have with its class, and no numbers.
fn type_key(message: &str) -> String {
    let message = before_guess(message);
    let call = message.find("()").map(|end| {
        let start = message[..end].rfind(|c: char| c.is_whitespace());
        message[..end]
            .rfind('.')
            .map_or(0, |dot| dot + 1)
            .max(start.map_or(0, |at| at + 1))
    });
    let start = message
        .split_whitespace()
        .next()
        .is_some_and(|first| first.ends_with("()"));
    let message = match call {
        Some(at) if start => &message[at..],
        _ => message,
    };
    // One argument and several, one given and several, are the same mistake.
    plain(message)
        .replace("arguments", "argument")
        .replace(" was given", " were given")
}

/// The line that has failed, by the arrow in a traceback.
fn failing_line(traceback: &str) -> String {
    let traceback = without_ansi(traceback);
    let arrow = traceback.lines().rev().find_map(|line| {
        let rest = line.trim_start().strip_prefix("--")?;
        Some(rest.trim_start_matches('-').strip_prefix('>')?.trim())
    });
    let line = arrow.unwrap_or_default();
    plain(line.trim_start_matches(|c: char| c.is_ascii_digit()).trim())
}

fn before_guess(message: &str) -> &str {
    GUESSES
        .iter()
        .fold(message, |message, guess| before(message, guess))
}

fn before<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or(text, |at| &text[..at])
}
