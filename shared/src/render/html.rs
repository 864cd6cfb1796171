//! Scans HTML that a sanitiser wrote. A scan is enough, because that HTML is regular: `<` only
//! begins tags, and values of attributes stand in double quotes.

/// The length of the tag that `html` begins with.
pub(crate) fn tag_length(html: &str) -> usize {
    let mut quoted = false;
    let end = html.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    });
    end.map_or(html.len(), |end| end + 1)
}

/// The names and values of the attributes of a tag, the values still escaped; `attributes` is
/// the text of the tag after its name.
pub(crate) fn attributes(attributes: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = attributes;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else {
            break;
        };
        found.push((name.trim_start(), value));
        rest = after;
    }
    found
}
