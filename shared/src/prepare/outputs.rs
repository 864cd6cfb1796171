//! Prepares the outputs of a code cell.

use super::{
    Sanitizer,
    budget::{Cost, weigh},
    cut,
    displays::Displays,
    rich, terminal,
};
use crate::{
    notebook::{self, Cell},
    prepared::{PreparedOutput, RichOutput},
};

/// The most notes on outputs of unknown types in a cell; one more counts the others, because a
/// note takes many times the size of such an output.
const MAX_UNKNOWN_NOTES: usize = 3;

/// All outputs of `cell`, and their cost together. Each output fits into `most`. Neighbouring
/// outputs of one stream are joined first, because a progress bar is printed in many.
pub(super) fn all(
    cell: &Cell,
    displays: &Displays<'_>,
    sanitizer: &impl Sanitizer,
    most: Cost,
) -> (Vec<PreparedOutput>, Cost) {
    let mut prepared = Vec::new();
    let mut stream: Option<(bool, String)> = None;
    let mut clears = false;
    let (mut unknown, mut more, mut left) = (0, 0, 0_usize);
    for (number, output) in cell.outputs().enumerate() {
        if let notebook::Output::Clear { wait: true } = output {
            clears = true;
            continue;
        }
        if std::mem::take(&mut clears) {
            stream = None;
            prepared.clear();
        }
        let goes_on = match (&output, &stream) {
            (notebook::Output::Stream { stderr, .. }, Some((same, _))) => same == stderr,
            (notebook::Output::Clear { .. }, _) => true,
            _ => false,
        };
        if prepared.len() + usize::from(stream.is_some()) >= displays.max_cell_outputs && !goes_on {
            left += 1;
            continue;
        }
        match output {
            notebook::Output::Clear { .. } => {
                stream = None;
                prepared.clear();
            }
            notebook::Output::Stream { stderr, text } => match &mut stream {
                Some((same, joined)) if *same == stderr => joined.push_str(&text),
                _ => {
                    prepared.extend(stream.take().map(|stream| finish(stream, most)));
                    stream = Some((stderr, text));
                }
            },
            notebook::Output::Unknown(_) if unknown == MAX_UNKNOWN_NOTES => more += 1,
            other => {
                unknown += usize::from(matches!(other, notebook::Output::Unknown(_)));
                prepared.extend(stream.take().map(|stream| finish(stream, most)));
                prepared.extend(one(other, number, displays, sanitizer, most));
            }
        }
    }
    prepared.extend(stream.map(|stream| finish(stream, most)));
    let mut note = |note: String| {
        let text = String::new();
        let note = PreparedOutput::Display(RichOutput::Note { note, text });
        prepared.push((note, Cost::NOTE));
    };
    if more > 0 {
        note(format!("{more} more outputs of unknown types"));
    }
    if left > 0 {
        note(format!("{left} more outputs are not shown here."));
    }
    let mut cost = Cost::NONE;
    let outputs = prepared.into_iter().map(|(output, of_this)| {
        cost.add(of_this);
        output
    });
    (outputs.collect(), cost)
}

/// As much of `output`, which is text, as fits into `most`, and its cost.
fn fitting(output: PreparedOutput, most: Cost) -> (PreparedOutput, Cost) {
    let cost = weigh::output(&output);
    if cost.beyond(most).is_none() {
        return (output, cost);
    }
    let output = weigh::fitting_output(output, most);
    let cost = weigh::output(&output);
    (output, cost)
}

/// A whole stream as an output that fits into `most`, and its cost.
fn finish((stderr, text): (bool, String), most: Cost) -> (PreparedOutput, Cost) {
    let text = terminal::fold(text);
    let output = if stderr {
        PreparedOutput::Stderr(text)
    } else {
        PreparedOutput::Stdout(text)
    };
    fitting(output, most)
}

/// The output at `number` in its cell, and its cost; `None` when it shows nothing by itself.
fn one(
    output: notebook::Output<'_>,
    number: usize,
    displays: &Displays<'_>,
    sanitizer: &impl Sanitizer,
    most: Cost,
) -> Option<(PreparedOutput, Cost)> {
    match output {
        notebook::Output::Stream { .. } | notebook::Output::Clear { .. } => None,
        notebook::Output::Error {
            ename,
            evalue,
            traceback,
        } => {
            let error = PreparedOutput::Error {
                ename: cut::text(ename),
                evalue: cut::text(evalue),
                traceback: terminal::fold(traceback),
            };
            Some(fitting(error, most))
        }
        notebook::Output::Bundle(bundle) => {
            let is_result = bundle.is_result;
            let (richest, cost) = rich::choose(&displays.newest(bundle)?, number, sanitizer, most);
            let output = if is_result {
                PreparedOutput::Result(richest)
            } else {
                PreparedOutput::Display(richest)
            };
            Some((output, cost))
        }
        notebook::Output::Unknown(note) => {
            let note = PreparedOutput::Display(RichOutput::Note {
                note: cut::name(&note),
                text: String::new(),
            });
            Some((note, Cost::NOTE))
        }
    }
}
