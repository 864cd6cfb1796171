//! Helpers that many tests use.

use serde_json::Value;
use shared::{
    notebook::Notebook,
    prepare,
    prepared::PreparedCell,
    render::{self, Options},
    sanitize::Ammonia,
};

/// The prefix of ids in every test.
pub(crate) const PREFIX: &str = "nb1-";

/// The notebook in `json`, which must be one.
pub(crate) fn parse(json: &str) -> Notebook {
    Notebook::parse(json.as_bytes())
        .expect("a notebook")
        .notebook
}

/// A notebook of nbformat 4.5 with these cells.
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers write the JSON in place"
)]
pub(crate) fn notebook(cells: Value) -> Notebook {
    let json = serde_json::json!({
        "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    });
    parse(&json.to_string())
}

/// A notebook of one code cell with these outputs.
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers write the JSON in place"
)]
pub(crate) fn outputs(outputs: Value) -> Notebook {
    notebook(serde_json::json!([
        {"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {},
         "outputs": outputs, "source": ""},
    ]))
}

pub(crate) fn prepare(notebook: &Notebook) -> Vec<PreparedCell> {
    prepare::cells(notebook, 0, &Ammonia)
}

pub(crate) fn render(cells: &[PreparedCell]) -> String {
    let options = Options {
        id_prefix: PREFIX.to_owned(),
        frames: true,
        ..Options::default()
    };
    render::cells(cells, &options).into_string()
}

/// The HTML of a notebook, prepared and rendered.
pub(crate) fn html(notebook: &Notebook) -> String {
    render(&prepare(notebook))
}

/// The elements that a rendering may have.
const ELEMENTS: &str = "a abbr audio b bdi bdo blockquote br caption center cite code col colgroup dd \
    del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol \
    p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead tr u \
    ul var video button math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot \
    mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover";

/// The attributes that a rendering may have; `style` and `name` are not among them.
const ATTRIBUTES: &str = "align alt aria-label bgcolor class colspan controls dir height href id lang open rel reversed \
    role rowspan scope src start target title value width accent accentunder depth display displaystyle fence form \
    largeop linethickness lspace mathvariant maxsize minsize movablelimits rspace scriptlevel \
    separator stretchy symmetric tabindex type data-cell data-output";

/// Reads `html` as regular markup, and fails at anything that could act.
pub(crate) fn assert_safe(html: &str) {
    assert_regular(html, PREFIX);
}

/// The same as [`assert_safe`], with any prefix of ids and links.
pub(crate) fn assert_regular(html: &str, prefix: &str) {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let tag = rest.strip_prefix('/').unwrap_or(rest);
        let end = tag.find([' ', '>', '/']).expect("a tag ends");
        let name = &tag[..end];
        assert!(
            ELEMENTS.split(' ').any(|known| known == name),
            "<{name}> in {html}"
        );
        rest = &tag[end..];
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (name, value) = attribute
                .split_once("=\"")
                .expect("an attribute has a value");
            let (value, after) = value.split_once('"').expect("a value ends");
            assert!(
                ATTRIBUTES.split(' ').any(|known| known == name),
                "{name} in {html}"
            );
            match name {
                "id" => assert!(value.starts_with(prefix), "{value} in {html}"),
                "tabindex" => assert_eq!(value, "0", "in {html}"),
                "src" => {
                    let kinds = ["data:image/", "data:audio/", "data:video/"];
                    let is_data = kinds.iter().any(|kind| value.starts_with(kind));
                    assert!(is_data, "{value} in {html}");
                }
                "href" if value.starts_with('#') => {
                    assert!(value[1..].starts_with(prefix), "{value} in {html}");
                }
                "href" => {
                    let start = value.to_ascii_lowercase();
                    let known = ["http://", "https://", "http:", "https:", "mailto:"];
                    assert!(
                        known.iter().any(|known| start.starts_with(known)),
                        "{value}"
                    );
                    assert!(after.contains("noopener noreferrer nofollow"), "{value}");
                }
                _ => {}
            }
            rest = after;
        }
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        assert!(rest.starts_with('>'), "a tag of {html} ends in {rest:.20}");
    }
}
