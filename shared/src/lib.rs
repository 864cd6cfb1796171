//! The notebook crate, and the types that the service and the page in the browser exchange.
//! Both compile it.
//!
//! A notebook's way from a participant's disk to the instructor's screen:
//!
//! 1. [`notebook`] reads nbformat JSON, tolerantly, and cuts it down: tail, trim, merge.
//! 2. [`prepare`] turns its cells into [`prepared`] ones: it chooses the richest output,
//!    sanitises HTML, reads Markdown and typesets maths. It exists natively only, with its
//!    [`prepare::Sanitizer`] from [`sanitize`], because it is too large to send to a browser.
//! 3. Prepared cells travel as JSON ([`wire`]).
//! 4. [`render`] makes HTML of them, by the same code natively and in wasm; [`standalone`]
//!    makes a whole document of that HTML, and [`incremental`] makes the HTML after a change
//!    from the HTML before it.
//!
//! ```
//! use shared::{notebook::Notebook, prepare, render, sanitize::Ammonia};
//!
//! let json = br##"{"nbformat": 4, "cells": [
//!     {"cell_type": "markdown", "source": "# Euler: $e^{i\\pi} = -1$"},
//!     {"cell_type": "code", "execution_count": 1, "source": "1 + 1", "outputs": [
//!         {"output_type": "execute_result", "data": {"text/plain": "2"}}]}]}"##;
//! let notebook = Notebook::parse(json)?.notebook;
//! let cells = prepare::cells(&notebook, 0, &Ammonia);
//! let html = render::cells(&cells, &render::Options::default()).into_string();
//! assert!(html.contains("<msup><mi>e</mi>"));
//! assert!(html.contains("<pre class=\"nb-text\">2</pre>"));
//! # Ok::<(), shared::notebook::ParseError>(())
//! ```
//!
//! There is no IO, no clock and no randomness in this crate.
#![warn(missing_docs)]

pub mod announcements;
pub mod copies;
pub mod errands;
pub mod exercise;
pub mod help;
#[cfg(not(target_arch = "wasm32"))]
pub mod incremental;
pub mod insight;
pub mod notebook;
pub mod notices;
pub mod packages;
#[cfg(not(target_arch = "wasm32"))]
pub mod prepare;
pub mod prepared;
pub mod render;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
pub mod requirement;
#[cfg(not(target_arch = "wasm32"))]
pub mod sanitize;
mod scan;
pub mod setup;
pub mod sharing;
pub mod standalone;
pub mod users;
pub mod wire;
pub mod workshop;
