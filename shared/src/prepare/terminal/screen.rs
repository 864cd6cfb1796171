//! The screen that terminal text is written to.

use std::ops::Range;

use super::{Movement, PieceStart};
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
/// The rows of the terminal's window, in which a program places the cursor.
const WINDOW_ROWS: usize = 24;
/// What erases or moves text behind the cursor touches so many places for each byte of the text,
/// and some more; programs stay far below. What would touch more is left out.
const TOUCHED_PER_BYTE: usize = 32;
const FREE_TOUCHED: usize = 64 * 1024;

/// The screen so far. It is hardly larger than the text: places that the cursor jumps over are
/// filled only as far as [`Screen::blanks`] lasts.
pub(super) struct Screen {
    rows: Vec<Vec<ScreenColumn>>,
    /// The piece of the text that began each row.
    pieces: Vec<usize>,
    row: usize,
    column: usize,
    saved: (usize, usize),
    /// Whether the last row is that at the bottom of the window, where a program that scrolls the
    /// rows above it keeps its progress bar.
    has_bottom: bool,
    style: TextStyle,
    piece: usize,
    /// The places that may still be filled where the cursor jumps.
    blanks: usize,
    /// The places that may still be erased or moved.
    touches: usize,
}

impl Screen {
    /// For a text of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        Self {
            rows: vec![Vec::new()],
            pieces: vec![0],
            row: 0,
            column: 0,
            saved: (0, 0),
            has_bottom: false,
            style: TextStyle::PLAIN,
            piece: 0,
            blanks: length + MAX_JUMP,
            touches: TOUCHED_PER_BYTE * length + FREE_TOUCHED,
        }
    }

    /// Begins a piece: on a row of its own, unless it goes on where the cursor was led back.
    pub(super) fn begin(&mut self, number: usize, start: PieceStart) {
        self.piece = number;
        if number == 0 {
            return;
        }
        let is_above = self.row + 1 < self.end();
        let goes_on = match start {
            PieceStart::Movement => true,
            PieceStart::LineEnd if is_above => true,
            _ => self.column < self.rows[self.row].len(),
        };
        let is_clean = self.row + 1 == self.end() && self.rows[self.row].is_empty();
        if is_clean {
            self.pieces[self.row] = number;
        } else if !goes_on {
            self.row = self.end() - 1;
            self.down(1);
            self.column = 0;
        }
        self.style = TextStyle::PLAIN;
    }

    pub(super) fn write(&mut self, text: &str) {
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            match char {
                '\n' => {
                    self.down(1);
                    self.column = 0;
                }
                '\x0b' | '\x0c' => self.down(1),
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

    /// Moves down; rows that are not there yet are begun, above that at the bottom.
    fn down(&mut self, lines: usize) {
        let lines = lines.min(MAX_JUMP);
        if self.has_bottom && self.row + 1 == self.rows.len() {
            // The window scrolls, and the row at its bottom with it.
            self.has_bottom = false;
        }
        self.row += lines;
        while self.row >= self.end() {
            if lines > 1 && self.blanks == 0 {
                self.row = self.end() - 1;
                return;
            }
            self.blanks -= usize::from(lines > 1);
            let end = self.end();
            self.rows.insert(end, Vec::new());
            self.pieces.insert(end, self.piece);
        }
    }

    /// The number of rows above that at the bottom.
    fn end(&self) -> usize {
        self.rows.len() - usize::from(self.has_bottom)
    }

    /// Moves to a row of the window, which ends where the text does so far.
    fn place(&mut self, row: usize) {
        if row + 1 >= WINDOW_ROWS {
            if !self.has_bottom {
                self.rows.push(Vec::new());
                self.pieces.push(self.piece);
                self.has_bottom = true;
            }
            self.row = self.rows.len() - 1;
            self.pieces[self.row] = self.piece;
            return;
        }
        let row = self.rows.len().saturating_sub(WINDOW_ROWS) + row;
        self.row = row.min(self.end() - 1);
        if self.row < row {
            self.down(row - self.row);
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
            Movement::Row(row) => self.place(row),
            Movement::Place(row, column) => {
                self.place(row);
                self.column = column;
            }
            Movement::EraseDisplay(how) => self.erase_display(how),
            Movement::EraseLine(how) => self.erase_line(how),
            Movement::Insert(count) => self.insert(count),
            Movement::Delete(count) => {
                let cells = self.cells(count);
                if self.may_touch(self.rows[self.row].len() - cells.start) {
                    self.rows[self.row].drain(cells);
                }
            }
            Movement::Erase(count) => {
                let cells = self.cells(count);
                if self.may_touch(cells.len()) {
                    self.rows[self.row][cells].fill(BLANK);
                }
            }
            Movement::InsertLines(count) => self.insert_lines(count),
            Movement::DeleteLines(count) => {
                let end = self.end().min(self.row.saturating_add(count));
                if self.may_touch(self.rows.len() - self.row) && self.row < end {
                    self.rows.drain(self.row..end);
                    self.pieces.drain(self.row..end);
                    self.begin_rows(self.row, usize::from(self.row >= self.end()));
                }
            }
            Movement::Save => self.saved = (self.row, self.column),
            Movement::Restore => {
                self.row = self.saved.0.min(self.rows.len() - 1);
                self.column = self.saved.1;
            }
        }
    }

    /// Whether so many places may be erased or moved, which are no longer left then.
    fn may_touch(&mut self, places: usize) -> bool {
        match self.touches.checked_sub(places) {
            Some(left) => {
                self.touches = left;
                true
            }
            None => false,
        }
    }

    /// The `count` columns from the cursor on, as far as the row has them.
    fn cells(&self, count: usize) -> Range<usize> {
        let length = self.rows[self.row].len();
        let start = self.column.min(length);
        start..self.column.saturating_add(count).min(length)
    }

    /// Moves the text behind the cursor to the right.
    fn insert(&mut self, count: usize) {
        let start = self.cells(0).start;
        let behind = self.rows[self.row].len() - start;
        let count = count.min(self.blanks).min(MAX_JUMP);
        if behind > 0 && self.may_touch(behind + count) {
            self.blanks -= count;
            let blanks = std::iter::repeat_n(BLANK, count);
            self.rows[self.row].splice(start..start, blanks);
        }
    }

    /// Begins empty rows above that of the cursor.
    fn insert_lines(&mut self, count: usize) {
        let count = count.min(self.blanks).min(MAX_JUMP);
        let is_bottom = self.row >= self.end();
        if !is_bottom && self.may_touch(self.rows.len() - self.row + count) {
            self.blanks -= count;
            self.begin_rows(self.row, count);
        }
    }

    fn begin_rows(&mut self, at: usize, count: usize) {
        let rows = std::iter::repeat_n(Vec::new(), count);
        self.rows.splice(at..at, rows);
        let pieces = std::iter::repeat_n(self.piece, count);
        self.pieces.splice(at..at, pieces);
    }

    fn erase_line(&mut self, how: usize) {
        let end = self.cells(1).end;
        match how {
            0 => self.rows[self.row].truncate(self.column),
            1 => {
                if self.may_touch(end) {
                    self.rows[self.row][..end].fill(BLANK);
                }
            }
            _ => self.rows[self.row].clear(),
        }
    }

    fn erase_display(&mut self, how: usize) {
        match how {
            0 => {
                self.has_bottom &= self.row + 1 == self.rows.len();
                self.rows.truncate(self.row + 1);
                self.pieces.truncate(self.row + 1);
                self.erase_line(0);
            }
            1 => {
                if self.may_touch(self.row) {
                    self.rows[..self.row].iter_mut().for_each(Vec::clear);
                    self.erase_line(1);
                }
            }
            // What was printed before is gone, as after `clear`.
            _ => {
                self.rows.clear();
                self.pieces.clear();
                self.rows.push(Vec::new());
                self.pieces.push(self.piece);
                self.has_bottom = false;
                (self.row, self.column, self.saved) = (0, 0, (0, 0));
            }
        }
    }

    /// The text of each of the `count` pieces.
    pub(super) fn finish(mut self, count: usize) -> Vec<String> {
        let mut pieces = vec![String::new(); count];
        self.close_bottom();
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

    /// Removes the row at the bottom where it is empty, else the empty one above it.
    fn close_bottom(&mut self) {
        if !self.has_bottom {
            return;
        }
        let last = self.rows.len() - 1;
        let empty = [last, last.saturating_sub(1)]
            .into_iter()
            .find(|at| self.rows[*at].is_empty());
        if let Some(at) = empty.filter(|_| last > 0) {
            self.rows.remove(at);
            self.pieces.remove(at);
        }
    }
}
