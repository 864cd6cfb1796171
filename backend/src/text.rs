//! Text written where bytes go, and as parts of addresses and headers.

use std::{fmt, io};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as one segment of an address, or one value in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The value of `Content-Disposition` for a file to be kept under `name`: plainly for old
/// browsers, and as it is, percent-encoded.
pub(crate) fn attachment(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = name.replace(|c| !is_plain(c), "_");
    let encoded = percent_encoded(name);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

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
    fn a_download_has_a_name_that_no_header_is_broken_by() {
        assert_eq!(
            attachment("a\"b\né~.ipynb"),
            "attachment; filename=\"a_b___.ipynb\"; filename*=UTF-8''a%22b%0A%C3%A9~.ipynb"
        );
    }

    #[test]
    fn values_in_addresses_are_encoded() {
        assert_eq!(percent_encoded("/a b&c=ä"), "%2Fa%20b%26c%3D%C3%A4");
    }

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
