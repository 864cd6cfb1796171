//! The sanitiser, native only, because it is too large to send to a browser.
//!
//! What ammonia would drop and a reader can be shown is put in other terms before (`restate`).
//! ammonia parses the HTML as a browser would and keeps the elements and attributes that are on
//! a list. Before it `shape` refuses HTML that would take it too long, and after it `rewrite`
//! turns what ammonia cannot express into markup of this project's own. An `id` is brought to
//! the form that [`crate::render`] expects, which puts its prefix before it. No `name` and no
//! `style` is kept: styles that matter become classes
//! ([`crate::prepare`]'s `style`), so that the page's policy need
//! not allow inline styles. Images are data or are not loaded, and no cell of a table spans more
//! than the table has (`spans`), and no header cell is empty (`headers`). Plainly harmless HTML takes a shorter way to the same result
//! (`plain`).

mod headers;
/// The attacks of the end-to-end tests.
#[cfg(test)]
#[path = "../../../tests/src/hostile/payloads.rs"]
mod payloads;
mod plain;
#[cfg(not(test))]
mod policy;
#[cfg(test)]
pub(crate) mod policy;
mod references;
mod restate;
mod rewrite;
mod shape;
mod spans;

pub(crate) use restate::tag;

use crate::{prepare::Sanitizer, prepared::SafeHtml};

/// The sanitiser that uses ammonia.
#[derive(Debug, Default)]
pub struct Ammonia;

/// The passes after which HTML that still changes is refused. Most HTML is stable after the
/// first pass, and nearly all of the rest after the second.
const MAX_SANITIZE_PASSES: usize = 5;

impl Sanitizer for Ammonia {
    fn sanitize(&self, html: &str) -> SafeHtml {
        let clean = plain::clean(html).unwrap_or_else(|| match restate::restated(html) {
            Some(html) => plain::clean(&html).unwrap_or_else(|| thorough(&html)),
            None => thorough(html),
        });
        SafeHtml::trust(headers::without_empty(spans::limited(clean)))
    }
}

/// Sanitises until another pass changes nothing, because attacks on sanitisers use HTML that a
/// parser reads differently once it has been written.
fn thorough(html: &str) -> String {
    // The short way tells faster than a pass that another pass would change nothing.
    let is_settled = |clean: &str| plain::clean(clean).is_some_and(|again| again == clean);
    settled(html, is_settled)
}

/// The same as [`thorough`]; `is_settled` may tell that another pass would change nothing.
fn settled(html: &str, is_settled: impl Fn(&str) -> bool) -> String {
    let mut before = match pass(html) {
        Ok(clean) if is_settled(&clean) => return clean,
        Ok(clean) => clean,
        Err(why) => return refusal(why),
    };
    for _ in 1..MAX_SANITIZE_PASSES {
        match pass(&before) {
            Ok(after) if after == before => return after,
            Ok(after) => before = after,
            Err(why) => return refusal(why),
        }
    }
    refusal("it is not read the same way twice")
}

fn pass(html: &str) -> Result<String, &'static str> {
    shape::check(html)?;
    let clean = policy::builder().clean(&references::hide(html)).to_string();
    Ok(rewrite::tags(&references::restore(&clean)))
}

fn refusal(why: &str) -> String {
    format!("<p class=\"nb-note\">HTML not shown: {why}.</p>")
}
