//! Cuts long texts of outputs to their beginning and end.

use super::{
    Cell,
    json::{RawJson, push_text},
    top,
};

/// The line in place of the lines that were cut.
const TRIM_MARKER: &str = "...\n";

/// `cell` with the `text` of every output trimmed; a list of lines stays a list.
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
            Some(text) => list.push_str(&top::with_field(output, "text", Some(&text))),
            None => list.push_str(output.json()),
        }
    }
    list.push(']');
    let json = top::with_field(cell.json(), "outputs", Some(&list));
    Cell::new(json)
}

/// The JSON of an output's trimmed text; `None` when the text is short enough.
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

/// The parts of `text` before and after the marker; `None` when the text is short enough.
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

    fn joined(text: &str, max_lines: usize) -> Option<String> {
        ends(text, max_lines).map(|[head, tail]| [head, TRIM_MARKER, tail].concat())
    }

    fn numbers(n: usize) -> String {
        (1..=n).map(|n| format!("{n}\n")).collect()
    }

    #[test]
    fn trimming_keeps_both_ends() {
        let shown = joined(&numbers(6), 4).unwrap();
        assert_eq!(shown, "1\n2\n...\n5\n6\n");
    }

    #[test]
    fn trimming_loses_nothing_when_one_line_is_too_many() {
        let shown = joined(&numbers(26), 25).unwrap();
        assert_eq!(shown.replace("...\n", ""), numbers(26));
        assert_eq!(joined(&numbers(25), 25), None);
    }

    #[test]
    fn trimming_to_no_lines_leaves_the_marker() {
        assert_eq!(joined("a\nb", 0).unwrap(), "...\n");
        assert_eq!(joined("", 0), None);
    }
}
