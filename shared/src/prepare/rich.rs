//! The richest form of an output that can be shown safely.
//!
//! The order is that of JupyterLab's renderers, by their ranks in `@jupyterlab/rendermime`
//! and its extensions: JSON (0), HTML (50), Markdown (60), LaTeX (70), SVG (80), other
//! images (90), JavaScript (110), plain text (120). In an untrusted notebook JupyterLab leaves
//! out SVG and JavaScript as unsafe. Here every notebook is untrusted, but an SVG that is only an
//! image is safe and is shown. A note names JavaScript, and other outputs that need a script,
//! with the best of their other forms beside it.

use super::{
    Sanitizer,
    budget::{Cost, picture, weigh},
    cut, frame, image, json, markdown, maths,
    output_context::OutputContext,
    terminal, widgets,
};
use crate::{
    notebook::{MimeBundle, RawJson, unescaped},
    prepared::{ImageKind, RichOutput, SafeHtml},
};

/// Parts of the mime types that need a script, and their names in words.
const SCRIPTED_MIMES: [(&str, &str); 9] = [
    ("jupyter.widget", "An interactive widget"),
    ("plotly", "A Plotly figure"),
    ("bokeh", "A Bokeh figure"),
    ("holoviews", "A HoloViews figure"),
    ("vegalite", "A Vega-Lite chart"),
    ("vega", "A Vega chart"),
    ("text/vnd.mermaid", "A Mermaid diagram"),
    ("javascript", "JavaScript"),
    ("x3dom", "A 3D scene"),
];

/// Parts of the mime types whose JSON is useless to a reader.
const INTERNAL_MIMES: [&str; 2] = ["google.colaboratory", "jupyter.widget-state"];

/// The form of `bundle`, the output at `number` in its cell, that fits into `most`, and its cost;
/// `None` when it is a widget that shows nothing.
pub(super) fn choose(
    bundle: &MimeBundle<'_>,
    number: usize,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> Option<(RichOutput, Cost)> {
    let most = context.most;
    let mut shown = match widgets::is_view(bundle) {
        true => widget(bundle, number, context)?,
        false => richest(bundle, number, context),
    };
    let mut cost = weigh::rich(&shown);
    if let Some(much) = cost.beyond(most) {
        shown = match shown {
            RichOutput::Text(text) => RichOutput::Text(weigh::fitting(text, most, weigh::text)),
            _ => too_much(&format!("This output {much}."), bundle, number, most),
        };
        cost = weigh::rich(&shown);
    }
    Some((shown, cost))
}

/// A view of a widget as it was saved; `None` when that shows nothing.
fn widget(
    bundle: &MimeBundle<'_>,
    number: usize,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> Option<RichOutput> {
    let plain = bundle.text("text/plain").unwrap_or_default();
    let Some(saved) = widgets::html(bundle, context) else {
        return Some(richest(bundle, number, context));
    };
    let image = image(bundle, number, &plain, context.most);
    let shown = image.or_else(|| shows_something(&saved).then_some(RichOutput::Html(saved)))?;
    Some(RichOutput::Live {
        note: "A widget as it was saved; it does nothing here.".to_owned(),
        frame: needs_frame(bundle).then_some(number),
        shown: Some(Box::new(shown)),
    })
}

/// The replacement of an output that is too much: a note, its plain text, and a button that shows
/// the output in a closed frame, if a frame can show it.
fn too_much(note: &str, bundle: &MimeBundle<'_>, number: usize, most: Cost) -> RichOutput {
    let plain = bundle.text("text/plain").unwrap_or_default();
    let plain = Some(plain).filter(|plain| !is_object_name(plain));
    RichOutput::Live {
        note: note.to_owned(),
        frame: frame::can_show(bundle).then_some(number),
        shown: plain
            .and_then(|plain| weigh::words(terminal::fold(plain), most))
            .map(Box::new),
    }
}

/// Whether a script belongs to `bundle`, which a closed frame can run.
fn needs_frame(bundle: &MimeBundle<'_>) -> bool {
    let html = bundle.text("text/html");
    html.is_some_and(|html| !maths::only_typesets(&html)) || frame::script(bundle).is_some()
}

fn richest(
    bundle: &MimeBundle<'_>,
    number: usize,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> RichOutput {
    let most = context.most;
    let plain = bundle.text("text/plain").unwrap_or_default();
    let html = bundle.text("text/html");
    let has_script = html
        .as_deref()
        .is_some_and(|html| !maths::only_typesets(html));
    let frame = (has_script || frame::script(bundle).is_some()).then_some(number);
    if let Some(what) = live(bundle) {
        // The library's other forms stand for the output without a script. The words of a widget
        // are those from when it was made.
        let is_widget = widgets::is_view(bundle);
        let shown = image(bundle, number, &plain, most)
            .or_else(|| self::html(html.as_deref(), context))
            .or_else(|| words(plain).filter(|_| !is_widget));
        return RichOutput::Live {
            note: format!("{what} is not shown here."),
            frame,
            shown: shown.map(Box::new),
        };
    }
    let visible = self::html(html.as_deref(), context);
    let is_visible = visible.is_some();
    let shown = json::of(bundle, &["application/json"])
        .or(visible)
        .or_else(|| markdown(bundle, context))
        .or_else(|| latex(bundle, context))
        .or_else(|| image(bundle, number, &plain, most))
        .or_else(|| other_json(bundle));
    match (shown, html) {
        (Some(RichOutput::Html(html)), _) if has_script => RichOutput::Live {
            note: "A script belongs to this; it has not run.".to_owned(),
            frame,
            shown: Some(Box::new(RichOutput::Html(html))),
        },
        (Some(shown), _) => shown,
        (None, Some(_)) if has_script => RichOutput::Live {
            note: "HTML that needs a script is not shown here.".to_owned(),
            frame,
            shown: words(plain).map(Box::new),
        },
        (None, Some(html)) if html.len() > cut::MAX_DATA_BYTES && !is_visible => {
            note(&format!("HTML of {} bytes", html.len()), plain)
        }
        (None, _) => plain_or_note(bundle, plain),
    }
}

/// The plain text beside a note, when there is any.
fn words(plain: String) -> Option<RichOutput> {
    (!plain.trim().is_empty() && !is_object_name(&plain))
        .then(|| RichOutput::Text(terminal::fold(plain)))
}

/// Whether `plain` is the name that Python gives to any object.
fn is_object_name(plain: &str) -> bool {
    let plain = plain.trim();
    plain.starts_with('<') && plain.ends_with('>') && !plain.contains('\n')
}

fn live(bundle: &MimeBundle<'_>) -> Option<&'static str> {
    let has = |part: &str| bundle.data.iter().any(|(mime, _)| mime.contains(part));
    let found = SCRIPTED_MIMES.iter().find(|(part, _)| has(part));
    found.map(|(_, what)| *what)
}

fn note(what: &str, text: String) -> RichOutput {
    RichOutput::Note {
        note: format!("{what} is not shown here."),
        text: terminal::fold(text),
    }
}

/// Sanitised HTML; `None` when nothing visible is left of it.
fn html(html: Option<&str>, context: &OutputContext<'_, '_, impl Sanitizer>) -> Option<RichOutput> {
    let html = html.filter(|html| html.len() <= cut::MAX_DATA_BYTES)?;
    let safe = with_formulas(html, context);
    shows_something(&safe).then_some(RichOutput::Html(safe))
}

/// Sanitised HTML with its formulas typeset.
pub(super) fn with_formulas(
    html: &str,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> SafeHtml {
    let sanitizer = context.sanitizer;
    match maths::may_have_formulas(html) {
        true => {
            let found = context.typeset(|definitions| maths::of_html(html, definitions));
            maths::insert(sanitizer.sanitize(&found.text).as_str(), &found.formulas)
        }
        false => sanitizer.sanitize(html),
    }
}

/// Whether `html` has any text or image.
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
    let shows = |tag: &str| html.as_str().contains(tag);
    ["<img", "<audio", "<video"].into_iter().any(shows) || html.as_str().chars().any(visible)
}

fn markdown(
    bundle: &MimeBundle<'_>,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> Option<RichOutput> {
    let source = cut::text(bundle.text("text/markdown")?);
    let extracted = context.typeset(|definitions| maths::of_markdown(&source, definitions));
    let markdown = markdown::cell(&source, None, &extracted, context.sanitizer);
    Some(RichOutput::Markdown(markdown))
}

fn latex(
    bundle: &MimeBundle<'_>,
    context: &OutputContext<'_, '_, impl Sanitizer>,
) -> Option<RichOutput> {
    let latex = cut::text(bundle.text("text/latex")?);
    let latex = context.typeset(|definitions| maths::of_latex(&latex, definitions));
    Some(RichOutput::Latex {
        maths: latex.maths(),
        text: latex.text,
    })
}

/// The image of the highest rank that a page can show; a note when it can show none of them. One
/// that shows all of it is better than one that does not.
fn image(bundle: &MimeBundle<'_>, number: usize, plain: &str, most: Cost) -> Option<RichOutput> {
    let mut refused = None;
    let mut partial = None;
    for kind in image::IMAGE_KINDS {
        match one_image(bundle, kind, plain) {
            Some(Ok(image)) if kind == ImageKind::Svg && has_html_in_drawing(bundle) => {
                partial = Some(image);
            }
            Some(Ok(image)) => return Some(image),
            Some(Err(note)) => refused = refused.or(Some(note)),
            None => {}
        }
    }
    if let Some(image) = partial {
        return Some(RichOutput::Live {
            note: "What is HTML in this drawing is not shown here.".to_owned(),
            frame: None,
            shown: Some(Box::new(image)),
        });
    }
    Some(too_much(&refused?, bundle, number, most))
}

/// Whether the drawing of `bundle` is shown without a part of it.
fn has_html_in_drawing(bundle: &MimeBundle<'_>) -> bool {
    let drawing = bundle.text(ImageKind::Svg.mime());
    drawing.is_some_and(|drawing| image::leaves_out_html(&drawing))
}

/// The image of this kind; an error says, in words, why it is not shown.
fn one_image(
    bundle: &MimeBundle<'_>,
    kind: ImageKind,
    plain: &str,
) -> Option<Result<RichOutput, String>> {
    let data = bundle.text(kind.mime())?;
    if data.len() > cut::MAX_DATA_BYTES {
        let note = format!("An image of {} bytes is not shown here.", data.len());
        return Some(Err(note));
    }
    let mut image = image::of(kind, &data)?;
    if let Some(why) = picture::refusal(kind, &image.base64) {
        return Some(Err(format!("This picture {why}.")));
    }
    let of_mime = bundle
        .metadata
        .and_then(|metadata| metadata.get(kind.mime()));
    // nbformat 3 calls the types by other names, and very old notebooks have the size beside them.
    let old_name = match kind {
        ImageKind::Jpeg => "jpeg",
        ImageKind::Svg => "svg",
        _ => "png",
    };
    let of_old_name = bundle.metadata.and_then(|metadata| metadata.get(old_name));
    let size = |key: &str| {
        let own = of_mime.and_then(|metadata| metadata.get(key));
        let own = own.or_else(|| of_old_name?.get(key));
        let value = own.or_else(|| bundle.metadata?.get(key))?;
        image::pixels(value)
    };
    image.width = size("width");
    image.height = size("height");
    let said = of_mime
        .and_then(|metadata| metadata.get("alt"))
        .and_then(RawJson::as_str);
    Some(Ok(RichOutput::Image {
        image,
        alt: cut::text(said.as_deref().unwrap_or(plain).to_owned()),
    }))
}

/// The JSON of an unknown mime type, such as that of a map.
fn other_json(bundle: &MimeBundle<'_>) -> Option<RichOutput> {
    let is_json = |mime: &&str| mime.ends_with("+json") && !is_internal(mime);
    let mimes: Vec<&str> = bundle.data.iter().map(|(mime, _)| *mime).collect();
    let mimes: Vec<&str> = mimes.into_iter().filter(is_json).collect();
    json::of(bundle, &mimes)
}

/// Whether the data of a type are none for a reader.
fn is_internal(mime: &str) -> bool {
    let mut known = INTERNAL_MIMES.iter();
    known.any(|internal| mime.contains(internal))
}

fn plain_or_note(bundle: &MimeBundle<'_>, plain: String) -> RichOutput {
    // The name of an object in place of what it shows tells a reader nothing.
    let has_html = bundle.get("text/html").is_some();
    let mimes: Vec<&str> = bundle.data.iter().map(|(mime, _)| *mime).collect();
    let says_more = |mime: &&str| *mime != "text/plain" && !is_internal(mime);
    let is_name = mimes.iter().any(says_more) && is_object_name(&plain);
    let is_picture = mimes.iter().any(|mime| ImageKind::of_mime(mime).is_some());
    if bundle.get("text/plain").is_some() && !is_name && !is_picture {
        return RichOutput::Text(terminal::fold(plain));
    }
    let is_other = |mime: &&str| *mime != "text/plain";
    let mimes: Vec<&str> = mimes.into_iter().filter(is_other).collect();
    let named = cut::name(&unescaped(&mimes.join(", ")));
    let what = match mimes.as_slice() {
        [] => "An empty output".to_owned(),
        _ if has_html => "HTML in which there is nothing to see".to_owned(),
        _ if is_picture => format!("A picture that cannot be read ({named})"),
        _ => format!("Data of the type {named}"),
    };
    note(&what, if is_name { String::new() } else { plain })
}
