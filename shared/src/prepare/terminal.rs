//! Folds terminal text to what a terminal would show at its end.
//!
//! Progress bars write a line again and again, by carriage returns, backspaces and a few escapes.
//! Only the last state of each line is kept, with its colours. Deliberately not here:
//! every other cursor movement, which the renderer drops.

use super::cut;
use crate::render::ansi;

/// The start and end in the text of the escapes before a character.
type EscapeRange = (u32, u32);

/// One character of a row.
#[derive(Clone, Copy)]
struct ScreenColumn {
    /// The escapes right before the character.
    escapes: EscapeRange,
    char: char,
}

/// The screen so far. It is never larger than the text, because the cursor never stands to the
/// right of the text in its row.
struct Screen<'a> {
    text: &'a str,
    rows: Vec<Vec<ScreenColumn>>,
    row: usize,
    column: usize,
    pending: Option<EscapeRange>,
}

/// `text` without its overwritten parts.
pub(super) fn fold(text: String) -> String {
    cut::text(folded(cut::before_folding(text)))
}

fn folded(text: String) -> String {
    let moves = |b: u8| matches!(b, b'\r' | 8);
    let moving = text.bytes().any(moves) || text.contains("\x1b[A") || text.contains("\x1b[1A");
    // Offsets have 32 bits, to keep the screen small.
    if !moving || u32::try_from(text.len()).is_err() {
        return text;
    }
    let mut screen = Screen {
        text: &text,
        rows: vec![Vec::new()],
        row: 0,
        column: 0,
        pending: None,
    };
    screen.write();
    screen.finish()
}

impl Screen<'_> {
    fn write(&mut self) {
        let mut at = 0;
        while let Some(char) = self.text[at..].chars().next() {
            match char {
                '\n' => self.down(),
                '\r' => self.column = 0,
                '\x08' => self.column = self.column.saturating_sub(1),
                '\x1b' => {
                    let length = ansi::escape_length(&self.text[at..]);
                    self.escape(at, length);
                    at += length;
                    continue;
                }
                char => self.put(char),
            }
            at += char.len_utf8();
        }
    }

    fn down(&mut self) {
        self.row += 1;
        self.column = 0;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    fn put(&mut self, char: char) {
        let escapes = self.pending.take().unwrap_or_default();
        let column = ScreenColumn { escapes, char };
        let row = &mut self.rows[self.row];
        match row.get_mut(self.column) {
            Some(old) => *old = column,
            None => row.push(column),
        }
        self.column += 1;
    }

    fn escape(&mut self, at: usize, length: usize) {
        let escape = &self.text[at..at + length];
        let row = &mut self.rows[self.row];
        match escape {
            "\x1b[K" | "\x1b[0K" => row.truncate(self.column),
            "\x1b[2K" => {
                row.clear();
                self.column = 0;
            }
            _ if escape.ends_with('A') && escape.starts_with("\x1b[") => {
                let lines = escape[2..length - 1].parse().unwrap_or(1);
                self.row = self.row.saturating_sub(lines);
                self.column = self.column.min(self.rows[self.row].len());
            }
            _ if escape.ends_with('m') => {
                let end = (at + length) as u32;
                let start = self.pending.map_or(at as u32, |(start, _)| start);
                self.pending = Some((start, end));
            }
            _ => {}
        }
    }

    fn finish(&self) -> String {
        let mut out = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            for column in row {
                self.colours(column.escapes, &mut out);
                out.push(column.char);
            }
        }
        self.colours(self.pending.unwrap_or_default(), &mut out);
        out
    }

    /// Appends the colour escapes of a part of the text, without cursor movements between them.
    fn colours(&self, (start, end): EscapeRange, out: &mut String) {
        let mut rest = &self.text[start as usize..end as usize];
        while let Some(at) = rest.find('\x1b') {
            let escape = &rest[at..at + ansi::escape_length(&rest[at..])];
            if escape.ends_with('m') {
                out.push_str(escape);
            }
            rest = &rest[at + escape.len()..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn the_last_state_of_a_progress_bar_is_shown() {
        for (text, shown) in [
            ("a\r\nb\r\n", "a\nb\n"),
            (" 10%\r 50%\r100%\n", "100%\n"),
            ("long line\rshort", "shortline"),
            ("long line\r\x1b[Kshort", "short"),
            ("long line\x1b[2K\rshort", "short"),
            ("ab\x08c\x08\x08\x08\x08d", "dc"),
            ("1/2\n a\x1b[A\r2/2\n b\n", "2/2\n b\n"),
            ("no moves \x1b[31mred", "no moves \x1b[31mred"),
            ("\r", ""),
        ] {
            assert_eq!(fold(text.to_owned()), shown, "{text:?}");
        }
    }

    #[test]
    fn the_colours_of_the_last_state_are_kept() {
        let text = "\x1b[31m50%\x1b[0m\r\x1b[32m100%\x1b[0m\n".to_owned();
        assert_eq!(fold(text), "\x1b[0m\x1b[32m100%\n\x1b[0m");
    }
}
