//! Text in byte streams, in addresses and in headers.

use std::{fmt, io};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters but those that RFC 3986 calls unreserved.
const ENCODED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as one segment of an address, or one value in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED_CHARACTERS).to_string()
}

/// Names and values as a form sends them.
pub(crate) fn form_encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The value of `Content-Disposition` for a file to be kept under `name`: plainly for old
/// browsers, and as it is, percent-encoded.
pub(crate) fn attachment(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = name.replace(|c| !is_plain(c), "_");
    let encoded = percent_encoded(name);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Writes text to a byte stream, and keeps the I/O error that [`fmt::Error`] cannot carry.
pub(crate) struct TextWriter<'a> {
    out: &'a mut dyn io::Write,
    failed: Option<io::Error>,
}

/// Writes to `out` the text that `fill` writes.
///
/// # Errors
/// The errors of `out`.
pub(crate) fn write(
    out: &mut dyn io::Write,
    fill: impl FnOnce(&mut TextWriter<'_>) -> fmt::Result,
) -> io::Result<()> {
    let mut text = TextWriter { out, failed: None };
    match fill(&mut text) {
        Ok(()) => Ok(()),
        Err(fmt::Error) => Err(text.failed.unwrap_or_else(|| io::ErrorKind::Other.into())),
    }
}

impl fmt::Write for TextWriter<'_> {
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
    fn a_download_name_breaks_no_header() {
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
    fn write_returns_the_error_of_the_byte_stream() {
        let mut room = [0; 4];
        let mut out = &mut room[..];
        write(&mut out, |text| text.write_str("abc")).unwrap();
        let full = write(&mut out, |text| text.write_str("de")).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WriteZero);
        assert_eq!(room, *b"abcd");
    }
}
