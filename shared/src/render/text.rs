//! Terminal text in its `pre`, with the middle of a long text folded.

use super::ansi;

/// A text of more lines than this is folded.
const MAX_UNFOLDED_LINES: usize = 60;
/// The lines shown before and after the fold; those after it were printed last.
const HEAD_LINES: usize = 25;
const TAIL_LINES: usize = 15;

/// Appends `text` with its colours to `out`, in an element of these classes and `attributes`.
pub(super) fn push(out: &mut String, classes: &str, attributes: &str, text: &str) {
    let mut terminal = ansi::Terminal::default();
    let Some((head, middle, tail, lines)) = parts(text) else {
        push_all(out, &["<pre class=\"", classes, "\"", attributes, ">"]);
        push_inside(out, text, &mut terminal);
        return;
    };
    push_all(
        out,
        &["<div class=\"", classes, " nb-long\"", attributes, "><pre>"],
    );
    push_inside(out, head, &mut terminal);
    out.push_str("<details class=\"nb-fold\"><summary>");
    out.push_str(&format!("Show all {lines} lines</summary><pre>"));
    push_inside(out, middle, &mut terminal);
    out.push_str("</details><pre>");
    push_inside(out, tail, &mut terminal);
    out.push_str("</div>");
}

/// Appends the content of a `pre` and its end tag. Text that begins with a line end gets
/// another, because a parser drops one right after the start tag.
fn push_inside(out: &mut String, text: &str, terminal: &mut ansi::Terminal) {
    if text.starts_with('\n') {
        out.push('\n');
    }
    terminal.push(out, text);
    out.push_str("</pre>");
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// The beginning, the middle and the end of a long text, and its number of lines; `None` when
/// it is not long.
fn parts(text: &str) -> Option<(&str, &str, &str, usize)> {
    let ends = text.match_indices('\n').count();
    let lines = ends + usize::from(!text.ends_with('\n'));
    if lines <= MAX_UNFOLDED_LINES {
        return None;
    }
    let head = text.match_indices('\n').nth(HEAD_LINES - 1)?.0 + 1;
    // The last line end begins no line.
    let before_tail = TAIL_LINES - usize::from(!text.ends_with('\n'));
    let tail = text.rmatch_indices('\n').nth(before_tail)?.0 + 1;
    Some((&text[..head], &text[head..tail], &text[tail..], lines))
}

#[cfg(test)]
mod tests {
    use super::{parts, push};

    #[test]
    fn a_long_text_is_folded_and_complete() {
        for end in ["", "\n"] {
            let lines: Vec<String> = (1..=61).map(|n| n.to_string()).collect();
            let text = lines.join("\n") + end;
            let (head, middle, tail, count) = parts(&text).expect("it is long");
            assert_eq!(count, 61);
            assert_eq!(format!("{head}{middle}{tail}"), text);
            assert!(
                head.ends_with("25\n") && middle.starts_with("26\n"),
                "{middle}"
            );
            assert!(tail.starts_with("47\n"), "{tail}");
            let short = lines[1..].join("\n") + end;
            assert_eq!(parts(&short), None);
        }
    }

    #[test]
    fn colours_continue_after_the_fold() {
        let mut out = String::new();
        push(&mut out, "x", "", &format!("\x1b[31m{}", "a\n".repeat(100)));
        assert_eq!(out.matches("<span class=\"ansi-fg-1\">").count(), 3);
        assert_eq!(out.matches("<pre>").count(), out.matches("</pre>").count());
    }
}
