//! The rules of Julia, JavaScript, shells, and of compilers; of others, those for any text.

use super::{
    plain::{Quotes, all_quoted, plain, plain_with, without_digits},
    r,
};

/// What a shell prints when something went wrong.
const SHELL_ERRORS: [&str; 7] = [
    "command not found",
    "not found",
    "No such file or directory",
    "Permission denied",
    "syntax error",
    "Is a directory",
    "Traceback (most recent call last)",
];

pub(super) fn kind_and_key(language: &str, name: &str, value: &str) -> (String, String) {
    let message = message_of(language, value);
    let kind = kind_of(name, value);
    let key = match language {
        "r" => r::key(message),
        "julia" => julia_key(&kind, message),
        "bash" | "sh" | "zsh" if message.parse::<i32>().is_ok() => "exit status".to_owned(),
        "bash" | "sh" | "zsh" => shell_key(message),
        // What is no JSON is somebody's data.
        "javascript" | "typescript" if message.contains("JSON") => {
            plain_with(message, Quotes::Hide)
        }
        _ => plain(message),
    };
    (kind, key)
}

/// The first line that says something: of a compiler, the one with the error.
fn message_of<'a>(language: &str, value: &'a str) -> &'a str {
    let mut lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
    if language == "r" {
        return value.trim();
    }
    let compiled = lines.clone().find_map(|line| line.split_once("error: "));
    match compiled {
        Some((_, message)) => message,
        None => lines.next().unwrap_or_default(),
    }
}

/// The type by its name or, where a kernel gives none, by the message.
pub(super) fn kind_of(name: &str, value: &str) -> String {
    let is_kind =
        |word: &str| word.len() > 5 && (word.ends_with("Error") || word.ends_with("Exception"));
    let own = name.rsplit(['.', ':', '$']).next().unwrap_or(name).trim();
    if !own.is_empty()
        && !own.eq_ignore_ascii_case("error")
        && own != "simpleError"
        && !own.contains(' ')
    {
        return without_digits(own);
    }
    let mut words = value.split(|c: char| !c.is_alphanumeric());
    words
        .find(|word| is_kind(word))
        .map_or_else(|| "Error".to_owned(), without_digits)
}

/// The name that is not defined, or the message without its type.
fn julia_key(kind: &str, message: &str) -> String {
    let message = message
        .strip_prefix(kind)
        .map_or(message, |rest| rest.trim_start_matches(':').trim());
    if kind == "UndefVarError" {
        let quoted = all_quoted(message).first().copied();
        let name = quoted.or_else(|| message.split_whitespace().next());
        return name.map(plain).unwrap_or_default();
    }
    plain(message)
}

/// `foo: command not found` of `bash: line 1: foo: command not found`.
fn shell_key(message: &str) -> String {
    let mut parts: Vec<&str> = message.split(": ").collect();
    let is_place = |part: &str| {
        part.starts_with("line ")
            || part.ends_with("bash")
            || part.ends_with("sh")
            || part.bytes().all(|b| b.is_ascii_digit())
    };
    while parts.len() > 2 && is_place(parts[0].trim()) {
        parts.remove(0);
    }
    let last = |part: &&str| plain(part.rsplit('/').next().unwrap_or(part).trim());
    parts.iter().map(last).collect::<Vec<_>>().join(": ")
}

/// The last line of what a shell has printed, when it is an error.
pub(super) fn shell_message(printed: &str) -> Option<String> {
    let last = printed
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())?;
    let is_error = SHELL_ERRORS.iter().any(|error| last.contains(error));
    is_error.then(|| last.to_owned())
}
