//! A writer that compares a new file with the old one while it is written.

use std::{
    fs::File,
    io::{self, Read, Write},
};

/// A new file that is being written beside the old one that it will replace.
pub(super) struct CompareWriter {
    new: File,
    /// The old file, read as far as the new one is written; `None` once they differ.
    old: Option<File>,
    piece: Vec<u8>,
}

impl CompareWriter {
    pub(super) fn new(new: File, old: Option<File>) -> Self {
        let piece = Vec::new();
        Self { new, old, piece }
    }

    /// The new file, and whether the old one has exactly the same bytes.
    pub(super) fn finish(self) -> (File, bool) {
        let is_same = self
            .old
            .is_some_and(|mut old| matches!(old.read(&mut [0]), Ok(0)));
        (self.new, is_same)
    }
}

impl Write for CompareWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.new.write(bytes)?;
        if let Some(old) = &mut self.old {
            self.piece.resize(written, 0);
            if old.read_exact(&mut self.piece).is_err() || self.piece != bytes[..written] {
                self.old = None;
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.new.flush()
    }
}
