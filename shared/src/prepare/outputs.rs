//! The outputs of a code cell.

use super::{Sanitizer, cut, displays::Displays, rich, terminal};
use crate::{
    notebook::{self, Cell},
    prepared::{Output, Rich},
};

/// A note takes many times what there need be of an output that nobody knows; after so many
/// of them one is enough for the others.
const MAX_UNKNOWN: usize = 3;

/// All outputs of `cell`; neighbouring pieces of one stream are joined first, because
/// a progress bar is printed in many.
pub(super) fn all(cell: &Cell, displays: &Displays<'_>, sanitizer: &impl Sanitizer) -> Vec<Output> {
    let mut prepared = Vec::new();
    let mut stream: Option<(bool, String)> = None;
    let mut clears = false;
    let (mut unknown, mut more) = (0, 0);
    for (number, output) in cell.outputs().enumerate() {
        if let notebook::Output::Clear { wait: true } = output {
            clears = true;
            continue;
        }
        if std::mem::take(&mut clears) {
            stream = None;
            prepared.clear();
        }
        match output {
            notebook::Output::Clear { .. } => {
                stream = None;
                prepared.clear();
            }
            notebook::Output::Stream { stderr, text } => match &mut stream {
                Some((same, joined)) if *same == stderr => joined.push_str(&text),
                _ => {
                    prepared.extend(stream.take().map(finish));
                    stream = Some((stderr, text));
                }
            },
            notebook::Output::Unknown(_) if unknown == MAX_UNKNOWN => more += 1,
            other => {
                unknown += usize::from(matches!(other, notebook::Output::Unknown(_)));
                prepared.extend(stream.take().map(finish));
                prepared.extend(one(other, number, displays, sanitizer));
            }
        }
    }
    prepared.extend(stream.map(finish));
    if more > 0 {
        prepared.push(Output::Display(Rich::Note {
            note: format!("{more} more outputs of unknown types"),
            text: String::new(),
        }));
    }
    prepared
}

fn finish((stderr, text): (bool, String)) -> Output {
    let text = terminal::fold(text);
    if stderr {
        Output::Stderr(text)
    } else {
        Output::Stdout(text)
    }
}

/// The output with this number in its cell; `None` when it shows nothing of its own.
fn one(
    output: notebook::Output<'_>,
    number: usize,
    displays: &Displays<'_>,
    sanitizer: &impl Sanitizer,
) -> Option<Output> {
    match output {
        notebook::Output::Stream { .. } | notebook::Output::Clear { .. } => None,
        notebook::Output::Error {
            ename,
            evalue,
            traceback,
        } => Some(Output::Error {
            ename: cut::text(ename),
            evalue: cut::text(evalue),
            traceback: terminal::fold(traceback),
        }),
        notebook::Output::Bundle(bundle) => {
            let is_result = bundle.is_result;
            let richest = rich::choose(&displays.newest(bundle)?, number, sanitizer);
            Some(if is_result {
                Output::Result(richest)
            } else {
                Output::Display(richest)
            })
        }
        notebook::Output::Unknown(note) => Some(Output::Display(Rich::Note {
            note: cut::name(&note),
            text: String::new(),
        })),
    }
}
