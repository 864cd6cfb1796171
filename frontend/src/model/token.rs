//! The login token of a service without a Hub.

/// The token in a link's fragment, `#token=…`.
pub fn from_hash(hash: &str) -> Option<&str> {
    hash.trim_start_matches('#')
        .split('&')
        .find_map(|part| part.strip_prefix("token="))
        .filter(|token| !token.is_empty())
}

/// The token in a pasted text: the token alone or the whole link.
pub fn from_paste(pasted: &str) -> Option<&str> {
    let pasted = pasted.trim();
    match pasted.split_once('#') {
        Some((_, hash)) => from_hash(hash),
        None => (!pasted.is_empty()).then_some(pasted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_holds_the_token() {
        assert_eq!(from_hash("#token=abc"), Some("abc"));
        assert_eq!(from_hash("#x=1&token=abc"), Some("abc"));
        assert_eq!(from_hash("#token="), None);
        assert_eq!(from_hash("#cell-3"), None);
        assert_eq!(from_hash(""), None);
    }

    #[test]
    fn the_link_may_be_pasted_whole() {
        assert_eq!(from_paste(" abc\n"), Some("abc"));
        assert_eq!(from_paste("http://127.0.0.1:1/#token=abc "), Some("abc"));
        assert_eq!(from_paste("  "), None);
    }
}
