//! The real sanitiser, native only: it is too large to send to a browser.
//!
//! ammonia parses the HTML as a browser would and keeps what is on a list; before it
//! `shape` refuses HTML that would take it too long, and after it `rewrite` turns what
//! ammonia cannot express into markup of this project's own. Nothing keeps an `id`, a
//! `name` or a `style`: looks that matter come back as classes (`css`), so that the
//! page's policy need not allow inline styles. Images are data or are not loaded.

mod css;
mod policy;
mod rewrite;
mod shape;

use crate::{prepare::Sanitizer, prepared::SafeHtml};

/// Sanitises with ammonia.
#[derive(Debug, Default)]
pub struct Ammonia;

impl Sanitizer for Ammonia {
    fn sanitize(&self, html: &str) -> SafeHtml {
        let Err(why) = shape::check(html) else {
            let clean = policy::builder().clean(html).to_string();
            return SafeHtml::trust(rewrite::tags(&clean));
        };
        SafeHtml::trust(format!("<p class=\"nb-note\">HTML not shown: {why}.</p>"))
    }
}
