//! The richest form of an output that can be shown safely.
//!
//! The order is JupyterLab's for a notebook that is not trusted, but for what needs
//! a script: that is named in a note, with the plain text beside it. Images are shown
//! even then, because a library that offers one offers it for this case.

use serde_json::Value;

use super::{Sanitizer, image, markdown, maths, terminal};
use crate::{
    notebook::Bundle,
    prepared::{ImageKind, Rich, SafeHtml},
};

const IMAGES: [ImageKind; 5] = [
    ImageKind::Svg,
    ImageKind::Png,
    ImageKind::Jpeg,
    ImageKind::Gif,
    ImageKind::Webp,
];

/// Parts of mime types that need a script, and what they are.
const LIVE: [(&str, &str); 9] = [
    ("jupyter.widget", "An interactive widget"),
    ("plotly", "A Plotly figure"),
    ("bokeh", "A Bokeh figure"),
    ("holoviews", "A HoloViews figure"),
    ("vegalite", "A Vega-Lite chart"),
    ("vega", "A Vega chart"),
    ("geo+json", "A map"),
    ("javascript", "JavaScript"),
    ("text/vnd.mermaid", "A Mermaid diagram"),
];

/// Laid out, JSON grows with its depth; beyond this factor it stays on one line.
const MAX_GROWTH: usize = 4;

/// What to show of `bundle`.
pub(super) fn choose(bundle: &Bundle<'_>, sanitizer: &impl Sanitizer) -> Rich {
    let plain = bundle.text("text/plain").unwrap_or_default();
    match live(bundle) {
        Some("JavaScript") => html(bundle, sanitizer)
            .or_else(|| image(bundle, &plain))
            .unwrap_or_else(|| note("JavaScript", plain)),
        Some(what) => image(bundle, &plain).unwrap_or_else(|| note(what, plain)),
        None => html(bundle, sanitizer)
            .or_else(|| text(bundle, &plain, sanitizer))
            .or_else(|| image(bundle, &plain))
            .or_else(|| json(bundle))
            .unwrap_or_else(|| plain_or_note(bundle, plain)),
    }
}

fn live(bundle: &Bundle<'_>) -> Option<&'static str> {
    let has = |part: &str| bundle.data.iter().any(|(mime, _)| mime.contains(part));
    let found = LIVE.iter().find(|(part, _)| has(part));
    found.map(|(_, what)| *what)
}

fn note(what: &str, text: String) -> Rich {
    Rich::Note {
        note: format!("{what} is not shown here."),
        text: terminal::fold(text),
    }
}

/// HTML, unless nothing to be seen is left of it.
fn html(bundle: &Bundle<'_>, sanitizer: &impl Sanitizer) -> Option<Rich> {
    let safe = sanitizer.sanitize(&bundle.text("text/html")?);
    shows_something(&safe).then_some(Rich::Html(safe))
}

/// Whether there is any text or image in `html`.
fn shows_something(html: &SafeHtml) -> bool {
    let mut in_tag = false;
    let visible = |c: char| match c {
        '<' => {
            in_tag = true;
            false
        }
        '>' => {
            in_tag = false;
            false
        }
        _ => !in_tag && !c.is_whitespace(),
    };
    html.as_str().contains("<img") || html.as_str().chars().any(visible)
}

fn text(bundle: &Bundle<'_>, plain: &str, sanitizer: &impl Sanitizer) -> Option<Rich> {
    if let Some(source) = bundle.text("text/markdown") {
        return Some(Rich::Markdown(markdown::cell(&source, None, sanitizer)));
    }
    // An SVG goes before LaTeX, every other image after it.
    if let Some(svg) = one_image(bundle, ImageKind::Svg, plain) {
        return Some(svg);
    }
    let latex = maths::of_latex(&bundle.text("text/latex")?);
    Some(Rich::Latex {
        maths: latex.maths(),
        text: latex.text,
    })
}

fn image(bundle: &Bundle<'_>, plain: &str) -> Option<Rich> {
    IMAGES
        .iter()
        .find_map(|kind| one_image(bundle, *kind, plain))
}

fn one_image(bundle: &Bundle<'_>, kind: ImageKind, plain: &str) -> Option<Rich> {
    let data = bundle.text(kind.mime())?;
    let mut image = image::of(kind, &data)?;
    let of_mime = bundle
        .metadata
        .and_then(|metadata| metadata.get(kind.mime()));
    // Very old notebooks have the width beside the mime types.
    let size = |key: &str| {
        let own = of_mime.and_then(|metadata| metadata.get(key));
        let value = own.or_else(|| bundle.metadata?.get(key))?;
        image::pixels(value)
    };
    image.width = size("width");
    image.height = size("height");
    let said = of_mime
        .and_then(|metadata| metadata.get("alt"))
        .and_then(Value::as_str);
    Some(Rich::Image {
        image,
        alt: said.unwrap_or(plain).to_owned(),
    })
}

fn json(bundle: &Bundle<'_>) -> Option<Rich> {
    let value = bundle.get("application/json")?;
    // nbformat 3 has JSON as text.
    let compact = match value {
        Value::String(text) => return Some(Rich::Json(text.clone())),
        value => value.to_string(),
    };
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let fits = pretty.len() <= MAX_GROWTH * compact.len() + 1024;
    Some(Rich::Json(if fits { pretty } else { compact }))
}

fn plain_or_note(bundle: &Bundle<'_>, plain: String) -> Rich {
    if bundle.get("text/plain").is_some() {
        return Rich::Text(terminal::fold(plain));
    }
    let mimes: Vec<&str> = bundle.data.iter().map(|(mime, _)| *mime).collect();
    let what = match mimes.as_slice() {
        [] => "An empty output".to_owned(),
        ["text/html"] => "HTML that needs a script".to_owned(),
        mimes => format!("Data of the type {}", mimes.join(", ")),
    };
    note(&what, plain)
}
