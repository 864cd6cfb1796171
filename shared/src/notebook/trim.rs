//! Long texts to their beginning and end.

use super::{
    Cell,
    json::{RawJson, push_text},
    top,
};

const TRIM_MARKER: &str = "...\n";

/// `cell` with the `text` of every output trimmed, in the form it has: a list stays a list.
pub(super) fn cell(cell: Cell, max_lines: usize) -> Cell {
    let outputs = cell.json().get("outputs").filter(|raw| raw.is_array());
    let is_long = |output: RawJson<'_>| trimmed(output, max_lines).is_some();
    let Some(outputs) = outputs.filter(|outputs| outputs.items().any(is_long)) else {
        return cell;
    };
    let mut list = String::new();
    for output in outputs.items() {
        list.push(if list.is_empty() { '[' } else { ',' });
        match trimmed(output, max_lines) {
            Some(text) => list.push_str(&top::with(output, "text", Some(&text))),
            None => list.push_str(output.json()),
        }
    }
    list.push(']');
    let json = top::with(cell.json(), "outputs", Some(&list));
    Cell::new(json)
}

/// What an output has for its text instead, `None` when that need not change.
fn trimmed(output: RawJson<'_>, max_lines: usize) -> Option<String> {
    let value = output.get("text")?;
    let whole = value.text()?;
    let [head, tail] = ends(&whole, max_lines)?;
    let lines = head.split_inclusive('\n').chain([TRIM_MARKER]);
    let lines = lines.chain(tail.split_inclusive('\n'));
    let mut json = String::new();
    if value.is_array() {
        for line in lines {
            json.push(if json.is_empty() { '[' } else { ',' });
            push_text(&mut json, line);
        }
        json.push(']');
    } else {
        push_text(&mut json, &lines.collect::<String>());
    }
    Some(json)
}

/// The lines to show of `text`, before and after the marker; `None` when that is all of them.
fn ends(text: &str, max_lines: usize) -> Option<[&str; 2]> {
    let count = text.split_inclusive('\n').count();
    if count <= max_lines {
        return None;
    }
    // (L + 1) / 2 without overflowing for the largest L.
    let kept = max_lines / 2 + max_lines % 2;
    let length = |lines: usize| -> usize {
        let lines = text.split_inclusive('\n').take(lines);
        lines.map(str::len).sum()
    };
    Some([&text[..length(kept)], &text[length(count - kept)..]])
}

#[cfg(test)]
mod tests {
    use super::{TRIM_MARKER, ends};

    fn lines(text: &str, max_lines: usize) -> Option<String> {
        ends(text, max_lines).map(|[head, tail]| [head, TRIM_MARKER, tail].concat())
    }

    fn numbers(n: usize) -> String {
        (1..=n).map(|n| format!("{n}\n")).collect()
    }

    #[test]
    fn keeps_both_ends() {
        let shown = lines(&numbers(6), 4).unwrap();
        assert_eq!(shown, "1\n2\n...\n5\n6\n");
    }

    #[test]
    fn loses_nothing_when_one_line_is_too_many() {
        let shown = lines(&numbers(26), 25).unwrap();
        assert_eq!(shown.replace("...\n", ""), numbers(26));
        assert_eq!(lines(&numbers(25), 25), None);
    }

    #[test]
    fn no_lines_is_the_marker_alone() {
        assert_eq!(lines("a\nb", 0).unwrap(), "...\n");
        assert_eq!(lines("", 0), None);
    }
}
