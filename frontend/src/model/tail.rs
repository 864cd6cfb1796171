//! A notebook's last cells as a tile shows them, where there is little room: a traceback begins
//! with what went wrong, and a line of dashes is no longer than the tile.

use shared::prepared::{CellContent, PreparedCell, PreparedOutput, RichOutput};

/// A line of one character, repeated, is cut to so many; the narrowest tile has room for them.
const MAX_RULE_CHARS: usize = 32;
/// The characters that lines are drawn with.
const RULE_CHARS: [char; 9] = ['-', '=', '_', '*', '~', '#', '─', '━', '═'];

/// The cells for a tile.
pub fn for_tile(mut cells: Vec<PreparedCell>) -> Vec<PreparedCell> {
    for cell in &mut cells {
        let CellContent::Code(code) = &mut cell.content else {
            continue;
        };
        code.outputs.iter_mut().for_each(fit);
    }
    cells
}

fn fit(output: &mut PreparedOutput) {
    match output {
        PreparedOutput::Stdout(text)
        | PreparedOutput::Stderr(text)
        | PreparedOutput::Result(RichOutput::Text(text))
        | PreparedOutput::Display(RichOutput::Text(text)) => cut_rules(text),
        PreparedOutput::Error {
            ename,
            evalue,
            traceback,
        } => {
            *traceback = last_line_first(traceback, ename, evalue);
            cut_rules(traceback);
        }
        PreparedOutput::Result(_) | PreparedOutput::Display(_) => {}
    }
}

/// Cuts the lines of dashes in a text.
fn cut_rules(text: &mut String) {
    let is_long = |line: &str| rule(line).is_some_and(|(_, length)| length > MAX_RULE_CHARS);
    if !text.lines().any(is_long) {
        return;
    }
    let lines = text.split('\n').map(|line| match rule(line) {
        Some((dash, length)) if length > MAX_RULE_CHARS => {
            let dashes = String::from(dash);
            line.replacen(&dashes.repeat(length), &dashes.repeat(MAX_RULE_CHARS), 1)
        }
        _ => line.to_owned(),
    });
    *text = lines.collect::<Vec<_>>().join("\n");
}

/// The character and the length of a line that has nothing else but colours.
fn rule(line: &str) -> Option<(char, usize)> {
    let mut dash = None;
    let mut length = 0;
    let mut is_in_escape = false;
    for character in line.trim_end().chars() {
        match character {
            '\u{1b}' => is_in_escape = true,
            _ if is_in_escape => is_in_escape = !character.is_ascii_alphabetic(),
            _ if RULE_CHARS.contains(&character) && dash.is_none_or(|it| it == character) => {
                dash = Some(character);
                length += 1;
            }
            _ => return None,
        }
    }
    dash.map(|dash| (dash, length))
}

/// A traceback that begins with its message, the lines from that on that names the exception and
/// says the beginning of its message. R names each exception `ERROR`, which its tracebacks do not
/// say: they begin with the message.
fn last_line_first(traceback: &str, ename: &str, evalue: &str) -> String {
    let lines: Vec<&str> = traceback.trim_end().split('\n').collect();
    let message = evalue.trim().lines().next().unwrap_or_default().trim_end();
    let names_it = |line: &&str| !ename.is_empty() && line.contains(ename);
    let says_it = |line: &&str| !message.is_empty() && line.contains(message);
    let begins_it = |line: &&str| !message.is_empty() && line.trim_start().starts_with(message);
    let at = lines
        .iter()
        .rposition(|line| names_it(line) && says_it(line))
        .or_else(|| lines.iter().position(begins_it))
        .or_else(|| lines.iter().rposition(names_it))
        .or_else(|| lines.iter().position(says_it))
        .unwrap_or(lines.len() - 1);
    let is_rule = |line: &&&str| rule(line).is_some();
    // The rule above a traceback divides it from nothing here.
    let before = lines[..at].iter().skip_while(is_rule);
    let all: Vec<&str> = lines[at..].iter().chain(before).copied().collect();
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use shared::prepared::CodeCell;

    use super::*;

    fn shown(output: PreparedOutput) -> String {
        let cell = PreparedCell {
            index: 0,
            tags: Vec::new(),
            content: CellContent::Code(CodeCell {
                outputs: vec![output],
                ..CodeCell::default()
            }),
        };
        let [cell] = for_tile(vec![cell]).try_into().unwrap();
        let CellContent::Code(code) = cell.content else {
            panic!("it was code");
        };
        match code.outputs.into_iter().next() {
            Some(PreparedOutput::Stdout(text)) => text,
            Some(PreparedOutput::Error { traceback, .. }) => traceback,
            other => panic!("{other:?}"),
        }
    }

    fn error(traceback: &str) -> String {
        shown(PreparedOutput::Error {
            ename: "KeyError".into(),
            evalue: "'a'".into(),
            traceback: traceback.into(),
        })
    }

    #[test]
    fn a_traceback_begins_with_its_last_line() {
        let rule = "-".repeat(75);
        let traceback = format!(
            "\u{1b}[31m{rule}\u{1b}[39m\n\u{1b}[31mKeyError\u{1b}[39m  Traceback\nCell 1\n----> 1 a\n\
             \n\u{1b}[31mKeyError\u{1b}[39m: 'a'\nand a second line\n"
        );
        assert_eq!(
            error(&traceback),
            "\u{1b}[31mKeyError\u{1b}[39m: 'a'\nand a second line\n\u{1b}[31mKeyError\u{1b}[39m  \
             Traceback\nCell 1\n----> 1 a\n"
        );
        // R names no exception, and begins with the message.
        let of_r = shown(PreparedOutput::Error {
            ename: "ERROR".into(),
            evalue: "Error in f(): bad\n".into(),
            traceback: "Error in f(): bad\nTraceback:\n1. f()\n2. log_ERROR()".into(),
        });
        assert_eq!(
            of_r,
            "Error in f(): bad\nTraceback:\n1. f()\n2. log_ERROR()"
        );
        assert_eq!(error("one line"), "one line");
        assert_eq!(error("first\nlast"), "last\nfirst");
        assert_eq!(error(""), "");
    }

    #[test]
    fn a_line_of_dashes_is_no_longer_than_the_tile() {
        let stdout = |text: String| shown(PreparedOutput::Stdout(text));
        let long = "=".repeat(80);
        let cut = "=".repeat(MAX_RULE_CHARS);
        assert_eq!(
            stdout(format!("a\n{long}\n\u{1b}[1m{long}\u{1b}[0m\r\n")),
            format!("a\n{cut}\n\u{1b}[1m{cut}\u{1b}[0m\r\n")
        );
        // These are no lines across.
        for text in [cut, format!("{long} 7"), "-=".repeat(40), String::new()] {
            assert_eq!(stdout(text.clone()), text);
        }
    }
}
