//! The rules of Java, as the kernels on JShell write errors.

use super::{
    other::kind_of,
    plain::{Quotes, plain, plain_with, without_ansi, without_digits},
};

/// Types whose message begins with a file.
const OF_FILES: [&str; 3] = [
    "AccessDeniedException",
    "FileNotFoundException",
    "NoSuchFileException",
];

pub(super) fn kind_and_key(name: &str, value: &str, traceback: &str) -> (String, String) {
    // The message is what somebody has written: the compiler's words are below the line.
    if name.ends_with("CompilationException") || value.starts_with("[snippet: ") {
        return ("CompilationException".to_owned(), compiled(traceback));
    }
    let (kind, message) = match thrown(value) {
        Some((kind, message)) => (without_digits(kind), message),
        None => (kind_of(name, value), value),
    };
    let message = message.lines().next().unwrap_or_default().trim();
    let key = match &*kind {
        // Somebody's data.
        "NumberFormatException" => plain_with(message, Quotes::Hide),
        kind if OF_FILES.contains(&kind) => {
            let path = message.split(" (").next().unwrap_or(message);
            plain(path.rsplit(['/', '\\']).next().unwrap_or(path))
        }
        _ if message == "null" => String::new(),
        _ => plain(message),
    };
    (kind, key)
}

/// The type and the message of `java.lang.ArithmeticException, / by zero`.
fn thrown(value: &str) -> Option<(&str, &str)> {
    let (class, message) = value.split_once(", ").unwrap_or((value, ""));
    let is_class = class.contains('.')
        && class
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'));
    let kind = class.rsplit(['.', '$']).next()?;
    (is_class && !kind.is_empty()).then_some((kind, message))
}

/// What the compiler says below the lines that somebody has written, with the name that it cannot
/// find.
fn compiled(traceback: &str) -> String {
    let traceback = without_ansi(traceback);
    let mut words = traceback
        .lines()
        .filter(|line| !line.starts_with('|'))
        .map(str::trim);
    let message = words.find(|line| !line.is_empty()).unwrap_or_default();
    let symbol = words.find_map(|line| line.strip_prefix("symbol:"));
    match symbol {
        Some(symbol) => plain(&format!("{message}: {}", symbol.trim())),
        None => plain(message),
    }
}
