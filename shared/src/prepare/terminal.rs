//! Folds terminal text to what a terminal would show at its end.
//!
//! Progress bars write lines again and again, by carriage returns, backspaces and movements of the
//! cursor. Only the last state of each line is kept, with its colours. What a cell prints to one
//! stream is one screen, also where it comes in pieces with other outputs between them, so that a
//! bar is drawn once. Deliberately not here: colours, which the renderer makes of what is left.

use std::{borrow::Cow, ops::Range};

use super::cut;
use crate::render::ansi::{self, TextStyle};

/// One character of a row, and its style.
#[derive(Clone, Copy)]
struct ScreenColumn {
    style: TextStyle,
    char: char,
}

const BLANK: ScreenColumn = ScreenColumn {
    style: TextStyle::PLAIN,
    char: ' ',
};

/// The farthest that the cursor moves right of the text in its row, or below the last row.
const MAX_JUMP: usize = 500;

/// The screen so far. It is hardly larger than the text: places that the cursor jumps over are
/// filled only as far as [`Screen::blanks`] lasts.
struct Screen {
    rows: Vec<Vec<ScreenColumn>>,
    /// The piece of the text that began each row.
    pieces: Vec<usize>,
    row: usize,
    column: usize,
    saved: (usize, usize),
    style: TextStyle,
    piece: usize,
    /// The places that may still be filled where the cursor jumps.
    blanks: usize,
}

/// `text` without its overwritten parts.
pub(super) fn fold(text: String) -> String {
    let pieces = folded_pieces(vec![text]);
    pieces.into_iter().next().unwrap_or_default()
}

/// The pieces of what was printed to one stream, without the parts that later pieces overwrote,
/// too. A piece of which nothing is left is empty.
pub(super) fn folded_pieces(pieces: Vec<String>) -> Vec<String> {
    let pieces: Vec<String> = pieces.into_iter().map(cut::before_folding).collect();
    if !pieces.iter().any(|piece| moves(piece)) {
        return pieces.into_iter().map(cut::text).collect();
    }
    let mut screen = Screen::new(pieces.iter().map(String::len).sum());
    for (number, piece) in pieces.iter().enumerate() {
        screen.begin(number, piece);
        screen.write(piece);
    }
    let count = pieces.len();
    drop(pieces);
    screen.finish(count).into_iter().map(cut::text).collect()
}

/// `text` without its escapes.
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        rest = &rest[at + ansi::escape_length(&rest[at..])..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether the cursor moves in `text` in another way than on.
fn moves(text: &str) -> bool {
    if text.bytes().any(|byte| matches!(byte, b'\r' | 8)) {
        return true;
    }
    let escapes = text.match_indices('\x1b');
    let mut lengths = escapes.map(|(at, _)| &text[at..at + ansi::escape_length(&text[at..])]);
    lengths.any(|escape| Movement::of(escape).is_some())
}

/// What an escape does besides colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Movement {
    Up(usize),
    Down(usize),
    Right(usize),
    Left(usize),
    /// To the beginning of a row so many below.
    NextLine(usize),
    /// To the beginning of a row so many above.
    PreviousLine(usize),
    Column(usize),
    Place(usize, usize),
    EraseDisplay(usize),
    EraseLine(usize),
    Delete(usize),
    Erase(usize),
    Save,
    Restore,
}

impl Movement {
    fn of(escape: &str) -> Option<Self> {
        match escape {
            "\x1b7" => return Some(Self::Save),
            "\x1b8" => return Some(Self::Restore),
            "\x1bM" => return Some(Self::Up(1)),
            "\x1bE" => return Some(Self::NextLine(1)),
            _ => {}
        }
        let inside = escape.strip_prefix("\x1b[")?;
        let kind = inside.chars().next_back()?;
        let mut numbers = inside[..inside.len() - kind.len_utf8()].split(';');
        let mut number = |default: usize| {
            let number = numbers.next().unwrap_or_default();
            number.parse().unwrap_or(default).min(1 << 20)
        };
        Some(match kind {
            'A' => Self::Up(number(1).max(1)),
            'B' => Self::Down(number(1).max(1)),
            'C' => Self::Right(number(1).max(1)),
            'D' => Self::Left(number(1).max(1)),
            'E' => Self::NextLine(number(1).max(1)),
            'F' => Self::PreviousLine(number(1).max(1)),
            'G' | '`' => Self::Column(number(1).saturating_sub(1)),
            'H' | 'f' => {
                let row = number(1).saturating_sub(1);
                Self::Place(row, number(1).saturating_sub(1))
            }
            'J' => Self::EraseDisplay(number(0)),
            'K' => Self::EraseLine(number(0)),
            'P' => Self::Delete(number(1).max(1)),
            'X' => Self::Erase(number(1).max(1)),
            's' => Self::Save,
            'u' => Self::Restore,
            _ => return None,
        })
    }
}

impl Screen {
    /// For a text of `length` bytes.
    fn new(length: usize) -> Self {
        Self {
            rows: vec![Vec::new()],
            pieces: vec![0],
            row: 0,
            column: 0,
            saved: (0, 0),
            style: TextStyle::PLAIN,
            piece: 0,
            blanks: length + MAX_JUMP,
        }
    }

    /// Begins a piece: on a row of its own, unless its first movement leads back.
    fn begin(&mut self, number: usize, piece: &str) {
        self.piece = number;
        if number == 0 {
            return;
        }
        let escape = piece
            .starts_with('\x1b')
            .then(|| ansi::escape_length(piece));
        let movement = escape.and_then(|length| Movement::of(&piece[..length]));
        let is_back = self.column < self.rows[self.row].len();
        let goes_on = is_back || (piece.starts_with(['\r', '\x08']) && !piece.starts_with("\r\n"));
        let is_clean = self.row + 1 == self.rows.len() && self.rows[self.row].is_empty();
        if is_clean {
            self.pieces[self.row] = number;
        } else if !goes_on && movement.is_none() {
            self.row = self.rows.len() - 1;
            self.down(1);
            self.column = 0;
        }
        self.style = TextStyle::PLAIN;
    }

    fn write(&mut self, text: &str) {
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            match char {
                '\n' => {
                    self.down(1);
                    self.column = 0;
                }
                '\r' => self.column = 0,
                '\x08' => self.column = self.column.saturating_sub(1),
                '\x1b' => {
                    let length = ansi::escape_length(&text[at..]);
                    self.escape(&text[at..at + length]);
                    at += length;
                    continue;
                }
                char => self.put(char),
            }
            at += char.len_utf8();
        }
    }

    /// Moves down; rows that are not there yet are begun.
    fn down(&mut self, lines: usize) {
        let lines = lines.min(MAX_JUMP);
        self.row += lines;
        while self.row >= self.rows.len() {
            if lines > 1 && self.blanks == 0 {
                self.row = self.rows.len() - 1;
                return;
            }
            self.blanks -= usize::from(lines > 1);
            self.rows.push(Vec::new());
            self.pieces.push(self.piece);
        }
    }

    fn put(&mut self, char: char) {
        let row = &mut self.rows[self.row];
        if self.column > row.len() {
            let missing = (self.column - row.len()).min(self.blanks).min(MAX_JUMP);
            self.blanks -= missing;
            row.resize(row.len() + missing, BLANK);
            self.column = row.len();
        }
        let style = self.style;
        let column = ScreenColumn { style, char };
        match row.get_mut(self.column) {
            Some(old) => *old = column,
            None => row.push(column),
        }
        self.column += 1;
    }

    fn escape(&mut self, escape: &str) {
        let Some(movement) = Movement::of(escape) else {
            self.style.escape(escape);
            return;
        };
        match movement {
            Movement::Up(lines) => self.row = self.row.saturating_sub(lines),
            Movement::Down(lines) => self.down(lines),
            Movement::Right(columns) => self.column = self.column.saturating_add(columns),
            Movement::Left(columns) => self.column = self.column.saturating_sub(columns),
            Movement::NextLine(lines) => {
                self.down(lines);
                self.column = 0;
            }
            Movement::PreviousLine(lines) => {
                self.row = self.row.saturating_sub(lines);
                self.column = 0;
            }
            Movement::Column(column) => self.column = column,
            Movement::Place(row, column) => {
                self.row = row.min(self.rows.len() - 1);
                self.column = column;
            }
            Movement::EraseDisplay(how) => self.erase_display(how),
            Movement::EraseLine(how) => self.erase_line(how),
            Movement::Delete(count) => {
                let cells = self.cells(count);
                self.rows[self.row].drain(cells);
            }
            Movement::Erase(count) => {
                let cells = self.cells(count);
                self.rows[self.row][cells].fill(BLANK);
            }
            Movement::Save => self.saved = (self.row, self.column),
            Movement::Restore => {
                self.row = self.saved.0.min(self.rows.len() - 1);
                self.column = self.saved.1;
            }
        }
    }

    /// The `count` columns from the cursor on, as far as the row has them.
    fn cells(&self, count: usize) -> Range<usize> {
        let length = self.rows[self.row].len();
        let start = self.column.min(length);
        start..self.column.saturating_add(count).min(length)
    }

    fn erase_line(&mut self, how: usize) {
        let row = &mut self.rows[self.row];
        match how {
            0 => row.truncate(self.column),
            1 => {
                let end = self.column.saturating_add(1).min(row.len());
                row[..end].fill(BLANK);
            }
            _ => row.clear(),
        }
    }

    fn erase_display(&mut self, how: usize) {
        match how {
            0 => {
                self.rows.truncate(self.row + 1);
                self.pieces.truncate(self.row + 1);
                self.erase_line(0);
            }
            1 => {
                self.rows[..self.row].iter_mut().for_each(Vec::clear);
                self.erase_line(1);
            }
            // What was printed before is gone, as after `clear`.
            _ => {
                self.rows.clear();
                self.pieces.clear();
                self.rows.push(Vec::new());
                self.pieces.push(self.piece);
                (self.row, self.column, self.saved) = (0, 0, (0, 0));
            }
        }
    }

    /// The text of each of the `count` pieces.
    fn finish(self, count: usize) -> Vec<String> {
        let mut pieces = vec![String::new(); count];
        let last = self.rows.len() - 1;
        for (at, (row, piece)) in self.rows.into_iter().zip(self.pieces).enumerate() {
            let out = &mut pieces[piece];
            let mut style = TextStyle::PLAIN;
            for column in row {
                if column.style != style {
                    style = column.style;
                    style.push_escape(out);
                }
                out.push(column.char);
            }
            if style != TextStyle::PLAIN {
                TextStyle::PLAIN.push_escape(out);
            }
            if at < last {
                out.push('\n');
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::{fold, folded_pieces};

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
            ("a\nb\nc\x1b[2A\rX\x1b[2BY", "X\nb\ncY"),
            ("one\ntwo\x1b[1Fnew", "new\ntwo"),
            ("one\x1b[1Etwo\x1b[1Gz", "one\nzwo"),
            ("abc\x1b[2Dx\x1b[Cy", "axcy"),
            ("a\x1b[5Gb", "a   b"),
            ("abc\x1b[1;2HX", "aXc"),
            ("a\nb\nc\x1b[2A\x1b[Jd", "ad"),
            ("a\nb\x1b[2Jc", "c"),
            ("ab\ncd\x1b[1Jx", "\n  x"),
            ("abcd\x1b[3D\x1b[1P", "acd"),
            ("abcd\x1b[3D\x1b[2X", "a  d"),
            ("a\x1b7bc\x1b8X", "aXc"),
            ("a\x1b[sbc\x1b[uX", "aXc"),
            ("no moves \x1b[31mred", "no moves \x1b[31mred"),
            ("\r", ""),
        ] {
            assert_eq!(fold(text.to_owned()), shown, "{text:?}");
        }
    }

    #[test]
    fn the_colours_of_the_last_state_are_kept() {
        let text = "\x1b[31m50%\x1b[0m\r\x1b[32m100%\x1b[0m\n".to_owned();
        assert_eq!(fold(text), "\x1b[0;32m100%\x1b[0m\n");
        let text = "\x1b[1;31mred\rX".to_owned();
        assert_eq!(fold(text), "\x1b[0;31;1mXed\x1b[0m");
    }

    #[test]
    fn the_pieces_of_a_stream_are_one_screen() {
        for (pieces, shown) in [
            (vec!["10%", "\r20%", "\r30%"], vec!["30%", "", ""]),
            (vec!["a", "b\r"], vec!["a\n", "b"]),
            (vec!["a\n", "b\n", "\x1b[1A\rc"], vec!["a\n", "c\n", ""]),
            (vec!["a\r", "b\n", "\x1b[2A\x1b[Jc"], vec!["c", "", ""]),
        ] {
            let pieces = pieces.into_iter().map(str::to_owned).collect();
            assert_eq!(folded_pieces(pieces), shown);
        }
    }

    #[test]
    fn jumps_make_no_large_screen() {
        let text = "\x1b[1000000Gx\x1b[1000000Bx\r".repeat(10_000);
        assert!(fold(text.clone()).len() <= 4 * text.len());
    }
}
