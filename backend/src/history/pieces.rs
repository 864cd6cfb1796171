//! A notebook's bytes, cut where its cells are.
//!
//! The pieces put together again are the bytes, whatever these are, so that nothing can be
//! lost or changed on the way: not the order of the keys, not a field that nobody knows,
//! not a `NaN`. Where the cuts are only decides how much two versions have in common: a
//! cell is one piece, its outputs are another within it, and so is every long text, which
//! is an image as a rule.

/// A text of this many bytes is a piece of its own.
const LONG: usize = 1024;
/// Containers nested deeper are not looked into; those of a notebook are near the top.
const DEEPEST: usize = 100;
/// What comes after so many pieces is one more: a bound for files that are no notebooks.
const MOST: usize = 20_000;

/// Cuts `bytes`; none of the pieces is empty.
pub(super) fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let mut scan = Scan {
        bytes,
        at: 0,
        start: 0,
        pieces: Vec::new(),
        open: Vec::new(),
        deeper: 0,
    };
    scan.run();
    scan.cut_at(bytes.len());
    scan.pieces
}

/// What a container is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cells,
    Cell,
    Outputs,
    Other,
}

struct Open<'a> {
    kind: Kind,
    is_object: bool,
    /// The key that the next value belongs to; `None` while a key is expected.
    key: Option<&'a [u8]>,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    start: usize,
    pieces: Vec<&'a [u8]>,
    open: Vec<Open<'a>>,
    deeper: usize,
}

impl<'a> Scan<'a> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.text();
                    continue;
                }
                b'{' | b'[' => self.begin(byte == b'{'),
                b'}' | b']' => self.end(),
                b',' => {
                    if let Some(open) = self.open.last_mut().filter(|_| self.deeper == 0) {
                        open.key = None;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn begin(&mut self, is_object: bool) {
        if self.open.len() == DEEPEST {
            self.deeper += 1;
            return;
        }
        let in_cell = self.open.iter().any(|open| open.kind == Kind::Cell);
        let parent = self.open.last();
        let key = parent.and_then(|parent| parent.key);
        let kind = match parent.map(|parent| parent.kind) {
            Some(Kind::Cells) if is_object => Kind::Cell,
            // An empty list is not worth two cuts.
            Some(Kind::Cell)
                if key == Some(b"outputs") && self.bytes.get(self.at + 1) != Some(&b']') =>
            {
                Kind::Outputs
            }
            _ if !is_object && !in_cell && key == Some(b"cells") => Kind::Cells,
            _ => Kind::Other,
        };
        if matches!(kind, Kind::Cell | Kind::Outputs) {
            self.cut_at(self.at);
        }
        self.open.push(Open {
            kind,
            is_object,
            key: None,
        });
    }

    fn end(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let ended = self.open.pop().map(|open| open.kind);
        if matches!(ended, Some(Kind::Cell | Kind::Outputs)) {
            self.cut_at(self.at + 1);
        }
    }

    fn text(&mut self) {
        let begin = self.at;
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        // A backslash may have been the last byte of all.
        self.at = self.at.min(self.bytes.len());
        let text = &self.bytes[begin..self.at];
        if text.len() >= LONG {
            self.cut_at(begin);
            self.cut_at(self.at);
        }
        if let Some(open) = self.open.last_mut().filter(|_| self.deeper == 0)
            && open.is_object
            && open.key.is_none()
        {
            open.key = text.get(1..text.len() - 1);
        }
    }

    fn cut_at(&mut self, to: usize) {
        let is_last = to == self.bytes.len();
        if to > self.start && (self.pieces.len() < MOST || is_last) {
            self.pieces.push(&self.bytes[self.start..to]);
            self.start = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(json: &str) -> Vec<&str> {
        let pieces = cut(json.as_bytes());
        let texts = pieces
            .into_iter()
            .map(|piece| str::from_utf8(piece).unwrap());
        texts.collect()
    }

    #[test]
    fn a_cell_is_a_piece_and_its_outputs_are_another() {
        let json = r#"{"cells": [{"a": [{}], "outputs": [1, 2], "source": "x"}, {"outputs": []}], "b": {"cells": [0]}}"#;
        assert_eq!(
            texts(json),
            [
                r#"{"cells": ["#,
                r#"{"a": [{}], "outputs": "#,
                "[1, 2]",
                r#", "source": "x"}"#,
                ", ",
                r#"{"outputs": []}"#,
                r#"], "b": {"cells": [0]}}"#,
            ]
        );
    }

    #[test]
    fn worksheets_have_cells_too_and_long_texts_stand_alone() {
        let image = format!("\"{}\"", "A".repeat(LONG));
        let json =
            format!(r#"{{"worksheets": [{{"cells": [{{"input": "\"", "png": {image}}}]}}]}}"#);
        assert_eq!(
            texts(&json),
            [
                r#"{"worksheets": [{"cells": ["#,
                r#"{"input": "\"", "png": "#,
                &image,
                "}",
                "]}]}",
            ]
        );
    }

    #[test]
    fn what_is_no_notebook_is_bounded() {
        let many = format!("{{\"cells\": [{}", "{},".repeat(MOST));
        let pieces = cut(many.as_bytes());
        assert_eq!(pieces.len(), MOST + 1);
        assert_eq!(pieces.concat(), many.as_bytes());
        let deep = "[".repeat(1 << 20);
        assert_eq!(cut(deep.as_bytes()), [deep.as_bytes()]);
        assert!(cut(b"").is_empty());
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_bytes(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", "\"", "\\", ",", ": ", "\"cells\": [", "\"outputs\": ",
                    "\"x\"", "é", " ", "17",
                ]),
                0..60,
            ),
        ) {
            let text = parts.concat();
            let pieces = cut(text.as_bytes());
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), text.as_bytes());
        }
    }
}
