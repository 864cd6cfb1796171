//! Reading HTML that a sanitiser wrote, which is regular: `<` is only ever the start of a
//! tag, and values of attributes stand in double quotes. So a scan is enough.

/// The length of the tag that `html` begins with.
pub(crate) fn tag_length(html: &str) -> usize {
    let mut quoted = false;
    let end = html.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    });
    end.map_or(html.len(), |end| end + 1)
}

/// The names and values in what follows the name of a tag, the values still escaped.
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
