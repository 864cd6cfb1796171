//! Text written where bytes go.

use std::{fmt, io};

/// Takes text for a writer of bytes, and keeps the error that text has no place for.
pub(crate) struct Text<'a> {
    out: &'a mut dyn io::Write,
    failed: Option<io::Error>,
}

/// Writes to `out` the text that `fill` writes.
///
/// # Errors
/// When `out` has one.
pub(crate) fn write(
    out: &mut dyn io::Write,
    fill: impl FnOnce(&mut Text<'_>) -> fmt::Result,
) -> io::Result<()> {
    let mut text = Text { out, failed: None };
    match fill(&mut text) {
        Ok(()) => Ok(()),
        Err(fmt::Error) => Err(text.failed.unwrap_or_else(|| io::ErrorKind::Other.into())),
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn the_error_of_the_writer_comes_out() {
        let mut room = [0; 4];
        let mut out = &mut room[..];
        write(&mut out, |text| text.write_str("abc")).unwrap();
        let full = write(&mut out, |text| text.write_str("de")).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WriteZero);
        assert_eq!(room, *b"abcd");
    }
}
