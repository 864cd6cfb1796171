//! The rules of R.

use super::plain::{all_quoted, plain, quoted};

/// Messages that say what is missing in the call alone: `Error in x[["price"]]: …`.
const SAID_IN_CALL: [&str; 2] = ["undefined columns selected", "subscript out of bounds"];
/// What R says when it cannot open a file, and in the warning before.
const NO_CONNECTION: &str = "cannot open the connection";
const UNOPENED: [&str; 2] = ["cannot open file ", "cannot open compressed file "];

/// The message without the call: `Error in f(x) : object 'df' not found`.
pub(super) fn key(value: &str) -> String {
    let (call, message) = match value.strip_prefix("Error in ").and_then(around_call) {
        Some(parts) => parts,
        None => ("", value.strip_prefix("Error: ").unwrap_or(value)),
    };
    let message = message.trim();
    // `<text>:1:5: unexpected symbol`, and then the lines.
    let parsed = message
        .strip_prefix("<text>:")
        .and_then(|rest| rest.splitn(3, ':').nth(2));
    let mut lines = parsed.unwrap_or(message).lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    if !SAID_IN_CALL.contains(&first) {
        return plain(first);
    }
    // The name of the method is quoted, too: `[.data.frame`(df, , "price").
    let texts = all_quoted(call)
        .into_iter()
        .filter(|text| !text.starts_with('['));
    texts.fold(plain(first), |key, text| {
        format!("{key} {}", plain(&format!("'{text}'")))
    })
}

/// The call of `f(x, y) : message`, and what comes after it, which may be on the next line.
fn around_call(rest: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = rest[at..].chars().next() {
        let after = at + c.len_utf8();
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // Of somebody's data.
            '"' | '`' => {
                at += quoted(&rest[at..]).map_or(1, |(_, length)| length);
                continue;
            }
            // The colon of `1:3` has no space after it.
            ':' if depth == 0 && rest[after..].starts_with(char::is_whitespace) => {
                return Some((&rest[..at], &rest[after..]));
            }
            _ => {}
        }
        at = after;
    }
    None
}

/// Whether an error says that a file cannot be opened, and not which.
pub(super) fn has_no_connection(value: &str) -> bool {
    value.trim_end().ends_with(NO_CONNECTION)
}

/// The last file of which R has warned that it cannot open it, without the folders, which are
/// somebody's own.
pub(super) fn unopened(printed: &str) -> Option<String> {
    let found = UNOPENED.iter().filter_map(|words| {
        let at = printed.rfind(words)? + words.len();
        Some((at, quoted(&printed[at..])?.0))
    });
    let (_, path) = found.max_by_key(|(at, _)| *at)?;
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    Some(format!("Error: cannot open file '{name}'"))
}
