//! Addresses that are the data themselves, as `data:image/png;base64,…`.
//!
//! Browsers read them in any case, with parameters of the type, with line ends in base64, and with
//! characters encoded as `%2B`. Here they are brought to one form.

use std::borrow::Cow;

use super::anchor::percent_decoded;

/// The longest name of a type that is quoted.
const MAX_TYPE_BYTES: usize = 60;

/// A `data:` address, taken apart.
#[derive(Debug)]
pub(crate) struct DataUrl<'u> {
    /// The type, in lower case and without its parameters.
    pub(crate) mime: String,
    is_base64: bool,
    data: &'u str,
}

/// The parts of `url`; `None` when it is an address of another kind.
pub(crate) fn parts(url: &str) -> Option<DataUrl<'_>> {
    const SCHEME: &str = "data:";
    let url = url.trim_ascii_start();
    let scheme = url.get(..SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let (head, data) = url[SCHEME.len()..].split_once(',')?;
    let mut parameters = head.split(';');
    let mime = parameters.next().unwrap_or_default().trim_ascii();
    let last = parameters.next_back().unwrap_or_default().trim_ascii();
    Some(DataUrl {
        mime: mime.to_ascii_lowercase(),
        is_base64: last.eq_ignore_ascii_case("base64"),
        data,
    })
}

impl<'u> DataUrl<'u> {
    /// What stands for the data in base64: the characters of base64 and white space, if the address
    /// is well-formed. `None` when the data are not in base64.
    pub(crate) fn base64(&self) -> Option<Cow<'u, str>> {
        self.is_base64.then(|| percent_decoded(self.data))
    }

    /// The data as text; `None` when they are in base64.
    pub(crate) fn text(&self) -> Option<Cow<'u, str>> {
        (!self.is_base64).then(|| percent_decoded(self.data))
    }

    /// What the data are, in words that name their type.
    pub(crate) fn described(&self) -> String {
        let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '+');
        let mime: String = self
            .mime
            .chars()
            .filter(known)
            .take(MAX_TYPE_BYTES)
            .collect();
        match mime.as_str() {
            "" => "data without a type".to_owned(),
            mime => format!("data of the type {mime}"),
        }
    }
}
