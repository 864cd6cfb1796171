//! Cells ready to render, which [`crate::prepare`] makes and [`crate::render`] reads.
//!
//! They are the wire form too: JSON without the fields that are empty or false. Their content
//! was made safe natively: [`SafeHtml`] has been through the sanitiser, and all other text is
//! plain text that the renderer escapes.

use serde::{Deserialize, Serialize};

/// One cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreparedCell {
    /// Its index in the whole notebook, from 0.
    pub index: usize,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its type and content.
    pub content: CellContent,
}

/// The content of a cell, by its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CellContent {
    /// Source for the kernel, with outputs.
    Code(CodeCell),
    /// Prose.
    Markdown(Markdown),
    /// Text that is shown as it stands.
    Raw(String),
    /// A cell of an unknown type, or a broken one.
    Unknown {
        /// Why, in words.
        note: String,
        /// Its source, or its JSON when it has none.
        text: String,
    },
}

/// A code cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeCell {
    /// The number in the prompt; `None` when it was never run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_count: Option<i64>,
    /// The source, lines ending in `\n`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The language as the kernel names it, such as `python` or `R`.
    pub language: String,
    /// The outputs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<PreparedOutput>,
    /// The participant folded the source away.
    #[serde(default, skip_serializing_if = "is_false")]
    pub source_hidden: bool,
    /// The participant folded the outputs away.
    #[serde(default, skip_serializing_if = "is_false")]
    pub outputs_hidden: bool,
    /// The participant has the outputs scroll in a box of their own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scrolled: bool,
}

/// Markdown, as HTML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Markdown {
    /// Without raw HTML: only markup that this crate wrote.
    Written(SafeHtml),
    /// With raw HTML: the sanitiser's output.
    Html(SafeHtml),
}

/// An image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Image {
    /// Its type.
    pub kind: ImageKind,
    /// Its bytes in base64, without white space.
    pub base64: String,
    /// Its width in CSS pixels, when the notebook says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Its height in CSS pixels, when the notebook says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// The kinds of images that are shown. A mime type from a notebook never reaches the page as
/// text, because only these are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
    /// `image/gif`.
    Gif,
    /// `image/webp`.
    Webp,
    /// `image/svg+xml`, which is harmless where it is only an image.
    Svg,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PreparedOutput {
    /// Printed to standard output; may hold ANSI colours.
    Stdout(String),
    /// Printed to standard error; may hold ANSI colours.
    Stderr(String),
    /// An exception.
    Error {
        /// Its type.
        ename: String,
        /// Its message.
        evalue: String,
        /// As the kernel formatted it, with ANSI colours; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        traceback: String,
    },
    /// The value of the cell.
    Result(RichOutput),
    /// Something displayed on the way.
    Display(RichOutput),
}

/// A display or a result, in its richest form that can be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RichOutput {
    /// Plain text; may hold ANSI colours.
    Text(String),
    /// Sanitised HTML.
    Html(SafeHtml),
    /// Markdown.
    Markdown(Markdown),
    /// LaTeX.
    Latex {
        /// The text around the formulas, with a stand-in for each.
        text: String,
        /// The formulas, as MathML or as code.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        maths: Vec<SafeHtml>,
    },
    /// An image, with the text that stands for it.
    Image {
        /// The image.
        image: Image,
        /// Its description, such as the plain text of the same output.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        alt: String,
    },
    /// JSON.
    Json(JsonTree),
    /// An output that needs a script to be whole.
    Live {
        /// The words that name the output and what is missing.
        note: String,
        /// The index of the output in its cell, from 0, when a closed frame can show it; an
        /// argument of [`crate::prepare`]'s `frame_document`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        frame: Option<usize>,
        /// The part of the output that can be shown without a script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        shown: Option<Box<RichOutput>>,
    },
    /// An output that cannot be shown here.
    Note {
        /// The words that name the output.
        note: String,
        /// The plain text of the same output.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
}

/// JSON, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JsonTree {
    /// The JSON of a value without parts, or of one so short that it needs no lines.
    Leaf(String),
    /// A list.
    List {
        /// The first of its items.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        items: Vec<JsonTree>,
        /// How many more items there are.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: usize,
    },
    /// An object.
    Object {
        /// The first of its entries.
        // The macro cannot follow a tuple that holds its own type.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<Object>>))]
        entries: Vec<(String, JsonTree)>,
        /// How many more entries there are.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: usize,
    },
}

/// HTML that has been through a sanitiser, or that this crate wrote, escaping all other text.
///
/// Only [`crate::prepare`], the sanitisers and [`crate::render`] make one from text.
/// Deserialising one trusts the service that sent it, which the page must do anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SafeHtml(String);

impl SafeHtml {
    pub(crate) fn trust(html: String) -> Self {
        Self(html)
    }

    /// The HTML. In prepared cells its ids have no prefix yet; [`crate::render`] adds it.
    ///
    /// ```
    /// use shared::{prepare::Sanitizer, sanitize::Ammonia};
    ///
    /// assert_eq!(Ammonia.sanitize("<i>a").as_str(), "<i>a</i>");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The HTML as a `String`, to be written into a larger document.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl ImageKind {
    /// The kind of this mime type; `None` when images of it are not shown.
    ///
    /// ```
    /// use shared::prepared::ImageKind;
    ///
    /// assert_eq!(ImageKind::of_mime("image/png"), Some(ImageKind::Png));
    /// assert_eq!(ImageKind::of_mime("image/tiff"), None);
    /// ```
    pub fn of_mime(mime: &str) -> Option<Self> {
        match mime {
            "image/png" => Some(Self::Png),
            "image/jpeg" | "image/jpg" => Some(Self::Jpeg),
            "image/gif" => Some(Self::Gif),
            "image/webp" => Some(Self::Webp),
            "image/svg+xml" => Some(Self::Svg),
            _ => None,
        }
    }

    /// Its mime type.
    ///
    /// ```
    /// assert_eq!(shared::prepared::ImageKind::Svg.mime(), "image/svg+xml");
    /// ```
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}
