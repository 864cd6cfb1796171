//! Long texts to their beginning and end.

use serde_json::Value;

use super::cell::text;

const MARKER: &str = "...\n";

/// Trims the `text` of every output of a cell, in the form it has: a list stays a list.
pub(super) fn outputs(cell: &mut Value, max_lines: usize) {
    let Some(Value::Array(outputs)) = cell.get_mut("outputs") else {
        return;
    };
    for output in outputs {
        let Some(value) = output.get_mut("text") else {
            continue;
        };
        let Some(whole) = text(value) else {
            continue;
        };
        let Some(lines) = lines(&whole, max_lines) else {
            continue;
        };
        *value = match value {
            Value::Array(_) => Value::Array(lines.into_iter().map(Value::from).collect()),
            _ => Value::String(lines.concat()),
        };
    }
}

/// The lines to show of `text`, `None` when that is all of them.
fn lines(text: &str, max_lines: usize) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.len() <= max_lines {
        return None;
    }
    // (L + 1) / 2 without overflowing for the largest L.
    let kept = max_lines / 2 + max_lines % 2;
    let mut shown = lines[..kept].to_vec();
    shown.push(MARKER);
    shown.extend(&lines[lines.len() - kept..]);
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn numbers(n: usize) -> String {
        (1..=n).map(|n| format!("{n}\n")).collect()
    }

    #[test]
    fn keeps_both_ends() {
        let text = numbers(6);
        let shown = lines(&text, 4).unwrap();
        assert_eq!(shown, ["1\n", "2\n", "...\n", "5\n", "6\n"]);
    }

    #[test]
    fn loses_nothing_when_one_line_is_too_many() {
        let shown = lines(&numbers(26), 25).unwrap().concat();
        assert_eq!(shown.replace("...\n", ""), numbers(26));
        assert_eq!(lines(&numbers(25), 25), None);
    }

    #[test]
    fn no_lines_is_the_marker_alone() {
        assert_eq!(lines("a\nb", 0).unwrap(), ["...\n"]);
        assert_eq!(lines("", 0), None);
    }
}
