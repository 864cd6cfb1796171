//! Prepared cells, read field by field. An enum of [`shared::prepared`] is an object with one field,
//! whose name is the variant's, or that name alone.

use shared::prepared::{
    CellContent, CodeCell, Image, ImageKind, JsonTree, Markdown, PreparedCell, PreparedOutput,
    RichOutput,
};

use crate::fields::AnswerFields;

/// The cells of a tile.
pub(super) fn read(tile: &AnswerFields) -> Option<Vec<PreparedCell>> {
    tile.list("cells").iter().map(cell).collect()
}

fn cell(fields: &AnswerFields) -> Option<PreparedCell> {
    Some(PreparedCell {
        index: fields.count("index"),
        tags: fields.texts("tags"),
        content: content(&fields.object("content"))?,
    })
}

fn content(fields: &AnswerFields) -> Option<CellContent> {
    if let Some(code) = fields.part("code") {
        return Some(CellContent::Code(code_cell(&code)?));
    }
    if let Some(prose) = fields.part("markdown") {
        return Some(CellContent::Markdown(markdown(&prose)?));
    }
    if let Some(text) = fields.text("raw") {
        return Some(CellContent::Raw(text));
    }
    let unknown = fields.part("unknown")?;
    Some(CellContent::Unknown {
        note: unknown.text("note")?,
        text: unknown.text("text")?,
    })
}

fn code_cell(fields: &AnswerFields) -> Option<CodeCell> {
    let outputs = fields.list("outputs");
    Some(CodeCell {
        execution_count: fields.number("execution_count"),
        source: fields.text("source").unwrap_or_default(),
        language: fields.text("language")?,
        outputs: outputs.iter().map(output).collect::<Option<_>>()?,
        source_hidden: fields.is("source_hidden"),
        outputs_hidden: fields.is("outputs_hidden"),
        scrolled: fields.is("scrolled"),
    })
}

fn markdown(fields: &AnswerFields) -> Option<Markdown> {
    match fields.safe_html("written") {
        Some(html) => Some(Markdown::Written(html)),
        None => fields.safe_html("html").map(Markdown::Html),
    }
}

fn output(fields: &AnswerFields) -> Option<PreparedOutput> {
    if let Some(text) = fields.text("stdout") {
        return Some(PreparedOutput::Stdout(text));
    }
    if let Some(text) = fields.text("stderr") {
        return Some(PreparedOutput::Stderr(text));
    }
    if let Some(result) = fields.part("result") {
        return rich(&result).map(PreparedOutput::Result);
    }
    if let Some(display) = fields.part("display") {
        return rich(&display).map(PreparedOutput::Display);
    }
    let error = fields.part("error")?;
    Some(PreparedOutput::Error {
        ename: error.text("ename")?,
        evalue: error.text("evalue")?,
        traceback: error.text("traceback").unwrap_or_default(),
    })
}

fn rich(fields: &AnswerFields) -> Option<RichOutput> {
    if let Some(text) = fields.text("text") {
        return Some(RichOutput::Text(text));
    }
    if let Some(html) = fields.safe_html("html") {
        return Some(RichOutput::Html(html));
    }
    if let Some(picture) = fields.part("image") {
        return Some(RichOutput::Image {
            image: image(&picture.object("image"))?,
            alt: picture.text("alt").unwrap_or_default(),
        });
    }
    if let Some(prose) = fields.part("markdown") {
        return markdown(&prose).map(RichOutput::Markdown);
    }
    if let Some(latex) = fields.part("latex") {
        return Some(RichOutput::Latex {
            text: latex.text("text")?,
            maths: latex.safe_htmls("maths"),
        });
    }
    if let Some(json) = fields.part("json") {
        return json_tree(&json).map(RichOutput::Json);
    }
    if let Some(live) = fields.part("live") {
        return Some(RichOutput::Live {
            note: live.text("note")?,
            frame: live.part("frame").map(|_| live.count("frame")),
            shown: match live.part("shown") {
                Some(shown) => Some(Box::new(rich(&shown)?)),
                None => None,
            },
        });
    }
    let note = fields.part("note")?;
    Some(RichOutput::Note {
        note: note.text("note")?,
        text: note.text("text").unwrap_or_default(),
    })
}

fn image(fields: &AnswerFields) -> Option<Image> {
    let pixels = |name| fields.number(name).and_then(|it| it.try_into().ok());
    Some(Image {
        kind: match fields.text("kind")?.as_str() {
            "png" => ImageKind::Png,
            "jpeg" => ImageKind::Jpeg,
            "gif" => ImageKind::Gif,
            "webp" => ImageKind::Webp,
            "svg" => ImageKind::Svg,
            _ => return None,
        },
        base64: fields.text("base64")?,
        width: pixels("width"),
        height: pixels("height"),
    })
}

fn json_tree(fields: &AnswerFields) -> Option<JsonTree> {
    if let Some(leaf) = fields.text("leaf") {
        return Some(JsonTree::Leaf(leaf));
    }
    if let Some(list) = fields.part("list") {
        let items = list.list("items");
        return Some(JsonTree::List {
            items: items.iter().map(json_tree).collect::<Option<_>>()?,
            more: list.count("more"),
        });
    }
    let object = fields.part("object")?;
    let entry = |entry: &AnswerFields| Some((entry.item(0).as_text()?, json_tree(&entry.item(1))?));
    let entries = object.list("entries");
    Some(JsonTree::Object {
        entries: entries.iter().map(entry).collect::<Option<_>>()?,
        more: object.count("more"),
    })
}
