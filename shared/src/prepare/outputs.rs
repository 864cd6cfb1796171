//! The outputs of a code cell.

use super::{Sanitizer, rich, terminal};
use crate::{
    notebook::{self, Cell},
    prepared::{Output, Rich},
};

/// All outputs of `cell`; neighbouring pieces of one stream are joined first, because
/// a progress bar is printed in many.
pub(super) fn all(cell: &Cell, sanitizer: &impl Sanitizer) -> Vec<Output> {
    let mut prepared = Vec::new();
    let mut stream: Option<(bool, String)> = None;
    for output in cell.outputs() {
        if let notebook::Output::Stream { stderr, text } = output {
            match &mut stream {
                Some((same, joined)) if *same == stderr => joined.push_str(&text),
                _ => {
                    prepared.extend(stream.take().map(finish));
                    stream = Some((stderr, text));
                }
            }
            continue;
        }
        prepared.extend(stream.take().map(finish));
        prepared.push(one(output, sanitizer));
    }
    prepared.extend(stream.map(finish));
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

fn one(output: notebook::Output<'_>, sanitizer: &impl Sanitizer) -> Output {
    match output {
        notebook::Output::Stream { stderr, text } => finish((stderr, text)),
        notebook::Output::Error {
            ename,
            evalue,
            traceback,
        } => Output::Error {
            ename,
            evalue,
            traceback: terminal::fold(traceback),
        },
        notebook::Output::Bundle(bundle) => {
            let richest = rich::choose(&bundle, sanitizer);
            if bundle.is_result {
                Output::Result(richest)
            } else {
                Output::Display(richest)
            }
        }
        notebook::Output::Unknown(note) => Output::Display(Rich::Note {
            note,
            text: String::new(),
        }),
    }
}
