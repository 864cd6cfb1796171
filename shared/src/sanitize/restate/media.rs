//! Drawings, sounds, films and frames in HTML: shown where their data is in the HTML, else named,
//! with a link to the original where there is one.

use super::{
    drawing,
    tag::{Tag, tag, text_length},
};
use crate::prepare::{data_url, link};

/// The kinds of sounds and films that a browser may know.
const SUBTYPES: [&str; 26] = [
    "3gpp",
    "aac",
    "aacp",
    "flac",
    "m4a",
    "mp3",
    "mp4",
    "mpeg",
    "mpeg3",
    "mpg",
    "ogg",
    "opus",
    "quicktime",
    "vnd.wave",
    "vorbis",
    "wav",
    "wave",
    "webm",
    "x-aac",
    "x-flac",
    "x-m4a",
    "x-m4v",
    "x-matroska",
    "x-mp3",
    "x-mpeg",
    "x-wav",
];
/// The most characters of an address that a note quotes.
const MAX_QUOTED_CHARS: usize = 200;

/// Writes what is shown of an element: `inside` is its content, `whole` that with its tags.
pub(super) fn push(out: &mut String, name: &str, found: &Tag<'_>, inside: &str, whole: &str) {
    match name {
        "svg" => push_drawing(out, found, inside, whole),
        "audio" | "video" => push_player(out, name, found, inside),
        "area" => push_area(out, found),
        "canvas" => push_note(
            out,
            "A drawing that needs a script is not shown here.",
            None,
        ),
        "iframe" => push_note(out, "A frame is not loaded", found.value("src")),
        _ => {
            let address = found.value("data").or_else(|| found.value("src"));
            push_note(out, "An embedded object is not loaded", address);
        }
    }
}

fn push_drawing(out: &mut String, found: &Tag<'_>, inside: &str, whole: &str) {
    match drawing::picture(found, inside, whole) {
        Some(picture) => out.push_str(&picture),
        None => push_note(out, "A drawing (SVG) is not shown here.", None),
    }
}

/// Writes a player of a sound or a film whose data is in the HTML.
fn push_player(out: &mut String, name: &str, found: &Tag<'_>, inside: &str) {
    let addresses: Vec<&str> = found
        .value("src")
        .into_iter()
        .chain(sources(inside))
        .collect();
    if let Some(address) = addresses.iter().find_map(|address| media_address(address)) {
        out.extend(["<", name, " controls src=\"", &address, "\"></", name, ">"]);
        return;
    }
    let what = if name == "audio" { "A sound" } else { "A film" };
    push_note(
        out,
        &format!("{what} is not loaded"),
        addresses.first().copied(),
    );
}

/// The addresses of the `source` elements of a player.
fn sources(inside: &str) -> impl Iterator<Item = &str> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let Some((found, length)) = tag(rest) else {
                rest = &rest[text_length(rest)..];
                continue;
            };
            rest = &rest[length..];
            let address = found.value("src").filter(|_| found.is("source"));
            if address.is_some() {
                return address;
            }
        }
        None
    })
}

/// The address of the data of a sound or a film, in base64 and in the one form that the page has;
/// `None` when `address` is another.
pub(in crate::sanitize) fn media_address(address: &str) -> Option<String> {
    let data = data_url::parts(address)?;
    let (kind, subtype) = data.mime.split_once('/')?;
    let is_known = matches!(kind, "audio" | "video") && SUBTYPES.contains(&subtype);
    let base64 = data.base64().filter(|_| is_known)?;
    let mut out = format!("data:{};base64,", data.mime);
    let head = out.len();
    out.extend(base64.split_ascii_whitespace());
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    (out.len() > head && out[head..].bytes().all(allowed)).then_some(out)
}

/// Writes what an `area` of a picture leads to.
fn push_area(out: &mut String, found: &Tag<'_>) {
    let words = ["alt", "title"]
        .into_iter()
        .find_map(|name| found.value(name));
    let words = words
        .map(without_tags)
        .filter(|words| !words.trim().is_empty());
    let address = found
        .value("href")
        .filter(|address| leads_somewhere(address));
    match (address, words) {
        (Some(address), words) => {
            let text = words.unwrap_or_else(|| without_tags(address));
            let address = without_tags(address).replace('"', "%22");
            out.extend([" <a href=\"", &address, "\">", &text, "</a> "]);
        }
        (None, Some(words)) => out.extend([" <span>", &words, "</span> "]),
        (None, None) => {}
    }
}

/// Whether a link leads to another page, or to a place in this one.
fn leads_somewhere(address: &str) -> bool {
    link::is_allowed(address) || address.starts_with('#') && address.len() > 1
}

/// Writes a note that names the address of the original, with a link where it leads out.
fn push_note(out: &mut String, note: &str, address: Option<&str>) {
    out.extend(["<span class=\"nb-note\">", note]);
    let address = address.map(str::trim).filter(|address| !address.is_empty());
    let address = address.map(|address| match address.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => address.to_owned(),
    });
    match address {
        // Its character references stay as they were in the attribute.
        Some(address) if link::is_allowed(&address) => {
            let address = without_tags(&address).replace('"', "%22");
            out.extend([": <a href=\"", &address, "\">", &address, "</a>"]);
        }
        Some(address) => match data_url::parts(&address) {
            Some(data) => out.extend([": ", &data.described(), "."]),
            // A path beside the notebook, say.
            None if !is_script(&address) => {
                let named: String = address.chars().take(MAX_QUOTED_CHARS).collect();
                out.extend([": ", &without_tags(&named)]);
            }
            None => out.push('.'),
        },
        None if note.ends_with('.') => {}
        None => out.push('.'),
    }
    out.push_str("</span>");
}

/// Whether an address is none that a reader could look for.
fn is_script(address: &str) -> bool {
    let scheme = address.split(':').next().unwrap_or_default();
    ["javascript", "about"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

fn without_tags(text: &str) -> String {
    text.replace(['<', '>'], "")
}

#[cfg(test)]
mod tests {
    use super::media_address;

    #[test]
    fn sounds_and_films_play_however_their_data_are_written() {
        for (address, expected) in [
            (
                "data:video/mp4;base64,AAAA\nBBBB\r\n",
                Some("data:video/mp4;base64,AAAABBBB"),
            ),
            (
                "data:video/mp4;codecs=avc1;base64,AA==",
                Some("data:video/mp4;base64,AA=="),
            ),
            (
                "DATA:Audio/X-MPEG; base64,A%2B%3D",
                Some("data:audio/x-mpeg;base64,A+="),
            ),
            (
                "data:video/quicktime;base64,AA",
                Some("data:video/quicktime;base64,AA"),
            ),
            ("data:video/mp4,AAAA", None),
            ("data:video/mp4;base64,", None),
            ("data:video/mp4;base64,A\"", None),
            ("data:text/html;base64,AA", None),
            ("data:audio/html;base64,AA", None),
            ("movie.mp4", None),
        ] {
            assert_eq!(media_address(address).as_deref(), expected, "{address}");
        }
    }
}
