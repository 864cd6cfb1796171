//! Cuts the bytes of a notebook where its cells are.
//!
//! The pieces together are always the same bytes, so that nothing can be lost or changed: not the
//! order of keys, not an unknown field, not a `NaN`. The cuts only decide how much two versions
//! share: a cell is one piece, its outputs are another within it, and so is every long text, which
//! is usually an image.

/// A text of this many bytes is a piece of its own.
const LONG_TEXT_BYTES: usize = 1024;
/// Deeper containers are not cut; those of a notebook are near the top.
const MAX_CONTAINER_DEPTH: usize = 100;
/// The rest after so many pieces is one more piece: a bound for files that are not notebooks.
const MAX_PIECES: usize = 20_000;

/// Cuts `bytes` into pieces, none of which is empty.
pub(super) fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let mut cutter = PieceCutter {
        bytes,
        at: 0,
        start: 0,
        pieces: Vec::new(),
        open: Vec::new(),
        deeper: 0,
    };
    cutter.run();
    cutter.cut_at(bytes.len());
    cutter.pieces
}

/// The meaning of a container in a notebook.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContainerKind {
    Cells,
    Cell,
    Outputs,
    Other,
}

struct PieceContainer<'a> {
    kind: ContainerKind,
    is_object: bool,
    /// The key of the next value; `None` while a key is expected.
    key: Option<&'a [u8]>,
}

struct PieceCutter<'a> {
    bytes: &'a [u8],
    at: usize,
    start: usize,
    pieces: Vec<&'a [u8]>,
    open: Vec<PieceContainer<'a>>,
    deeper: usize,
}

impl<'a> PieceCutter<'a> {
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
        if self.open.len() == MAX_CONTAINER_DEPTH {
            self.deeper += 1;
            return;
        }
        let in_cell = self
            .open
            .iter()
            .any(|open| open.kind == ContainerKind::Cell);
        let parent = self.open.last();
        let key = parent.and_then(|parent| parent.key);
        let kind = match parent.map(|parent| parent.kind) {
            Some(ContainerKind::Cells) if is_object => ContainerKind::Cell,
            // An empty list is too short for two cuts.
            Some(ContainerKind::Cell)
                if key == Some(b"outputs") && self.bytes.get(self.at + 1) != Some(&b']') =>
            {
                ContainerKind::Outputs
            }
            _ if !is_object && !in_cell && key == Some(b"cells") => ContainerKind::Cells,
            _ => ContainerKind::Other,
        };
        if matches!(kind, ContainerKind::Cell | ContainerKind::Outputs) {
            self.cut_at(self.at);
        }
        self.open.push(PieceContainer {
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
        if matches!(ended, Some(ContainerKind::Cell | ContainerKind::Outputs)) {
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
        // A backslash may have been the last byte of the file.
        self.at = self.at.min(self.bytes.len());
        let text = &self.bytes[begin..self.at];
        if text.len() >= LONG_TEXT_BYTES {
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
        if to > self.start && (self.pieces.len() < MAX_PIECES || is_last) {
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
    fn cells_of_worksheets_and_long_texts_are_pieces() {
        let image = format!("\"{}\"", "A".repeat(LONG_TEXT_BYTES));
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
    fn the_pieces_of_other_files_are_bounded() {
        let many = format!("{{\"cells\": [{}", "{},".repeat(MAX_PIECES));
        let pieces = cut(many.as_bytes());
        assert_eq!(pieces.len(), MAX_PIECES + 1);
        assert_eq!(pieces.concat(), many.as_bytes());
        let deep = "[".repeat(1 << 20);
        assert_eq!(cut(deep.as_bytes()), [deep.as_bytes()]);
        assert!(cut(b"").is_empty());
    }

    proptest! {
        #[test]
        fn the_pieces_together_are_the_bytes(
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
