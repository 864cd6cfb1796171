//! Writing a file anew, and noticing on the way that it says what it said before.

use std::{
    fs::File,
    io::{self, Read, Write},
};

/// A file that is being written, beside the one whose place it is to take.
pub(super) struct Comparing {
    new: File,
    /// As far as it was read; `None` once they differ.
    old: Option<File>,
    piece: Vec<u8>,
}

impl Comparing {
    pub(super) fn new(new: File, old: Option<File>) -> Self {
        let piece = Vec::new();
        Self { new, old, piece }
    }

    /// The file, and whether the old one had the same bytes and no more.
    pub(super) fn finish(self) -> (File, bool) {
        let is_same = self
            .old
            .is_some_and(|mut old| matches!(old.read(&mut [0]), Ok(0)));
        (self.new, is_same)
    }
}

impl Write for Comparing {
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
