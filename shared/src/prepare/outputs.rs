//! Prepares the outputs of a code cell.

use super::{
    Sanitizer,
    budget::{Cost, weigh},
    cut,
    output_context::OutputContext,
    rich, terminal,
};
use crate::{
    notebook::{self, Cell},
    prepared::{PreparedOutput, RichOutput},
};

/// The most notes on outputs of unknown types in a cell; one more counts the others, because a
/// note takes many times the size of such an output.
const MAX_UNKNOWN_NOTES: usize = 3;

/// All outputs of `cell`, and their cost together. Each output fits into what one may cost.
/// Neighbouring outputs of one stream are joined first, because a progress bar is printed in many.
pub(super) fn all<'a, S: Sanitizer>(
    cell: &'a Cell,
    context: &OutputContext<'a, '_, S>,
) -> (Vec<PreparedOutput>, Cost) {
    of(cell.outputs(), context)
}

/// The same of other outputs, such as those that a saved widget holds.
pub(super) fn of<'a, S: Sanitizer>(
    outputs: impl Iterator<Item = notebook::Output<'a>>,
    context: &OutputContext<'a, '_, S>,
) -> (Vec<PreparedOutput>, Cost) {
    let mut parts: Vec<Part> = Vec::new();
    let mut streams: [Vec<String>; 2] = Default::default();
    let mut clears = false;
    let (mut unknown, mut more, mut left) = (0, 0, 0_usize);
    for (number, output) in outputs.enumerate() {
        if let notebook::Output::Clear { wait: true } = output {
            clears = true;
            continue;
        }
        let clears_now = matches!(output, notebook::Output::Clear { .. });
        if std::mem::take(&mut clears) || clears_now {
            parts.clear();
            streams = Default::default();
        }
        match output {
            notebook::Output::Clear { .. } => {}
            notebook::Output::Stream { stderr, text } => {
                let pieces = &mut streams[usize::from(stderr)];
                match parts.last() {
                    Some(Part::Piece { stderr: same, .. }) if *same == stderr => {
                        pieces
                            .last_mut()
                            .expect("a part has its piece")
                            .push_str(&text);
                    }
                    _ if parts.len() < context.displays.max_cell_outputs => {
                        let number = pieces.len();
                        pieces.push(text);
                        parts.push(Part::Piece { stderr, number });
                    }
                    // It may still draw a bar anew that is shown.
                    _ if !pieces.is_empty() => pieces.push(text),
                    _ => left += 1,
                }
            }
            _ if parts.len() >= context.displays.max_cell_outputs => left += 1,
            notebook::Output::Unknown(_) if unknown == MAX_UNKNOWN_NOTES => more += 1,
            other => {
                unknown += usize::from(matches!(other, notebook::Output::Unknown(_)));
                parts.extend(one(other, number, context).map(Part::Other));
            }
        }
    }
    let (mut prepared, left_pieces) = joined(parts, streams, context.most);
    left += left_pieces;
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

/// A part of what a cell shows: a piece of a stream, or another output and its cost.
enum Part {
    Piece { stderr: bool, number: usize },
    Other((PreparedOutput, Cost)),
}

/// The outputs in order, and the number of pieces that are no part and show something. The pieces
/// of each stream are one screen; a piece of which later ones leave nothing is not shown.
fn joined(
    parts: Vec<Part>,
    streams: [Vec<String>; 2],
    most: Cost,
) -> (Vec<(PreparedOutput, Cost)>, usize) {
    let mut streams = streams.map(terminal::folded_pieces);
    let mut prepared = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Piece { stderr, number } => {
                let pieces = &mut streams[usize::from(stderr)];
                let text = std::mem::take(&mut pieces[number]);
                if number == 0 || !text.is_empty() {
                    prepared.push(finish(stderr, text, most));
                }
            }
            Part::Other(other) => prepared.push(other),
        }
    }
    let left = streams.iter().flatten().filter(|text| !text.is_empty());
    let left = left.count();
    (prepared, left)
}

/// A piece of a stream as an output that fits into `most`, and its cost.
fn finish(stderr: bool, text: String, most: Cost) -> (PreparedOutput, Cost) {
    let output = if stderr {
        PreparedOutput::Stderr(text)
    } else {
        PreparedOutput::Stdout(text)
    };
    fitting(output, most)
}

/// The traceback, and behind it the exception where it names none. Kernels of R and Julia end
/// theirs with the message, which need not have the exception's name.
fn named(traceback: String, ename: &str, evalue: &str) -> String {
    let plain = terminal::without_escapes(&traceback);
    let message = terminal::without_escapes(evalue);
    let message = message.trim().lines().next().unwrap_or_default().trim();
    let says_it = plain.contains(ename) || (!message.is_empty() && plain.contains(message));
    // A name without a message tells nothing that the traceback does not.
    if traceback.is_empty() || evalue.is_empty() || says_it {
        return traceback;
    }
    format!("{traceback}\n{ename}: {}", cut::text(evalue.to_owned()))
}

/// The output at `number` in its cell, and its cost; `None` when it shows nothing by itself.
fn one<'a, S: Sanitizer>(
    output: notebook::Output<'a>,
    number: usize,
    context: &OutputContext<'a, '_, S>,
) -> Option<(PreparedOutput, Cost)> {
    match output {
        notebook::Output::Stream { .. } | notebook::Output::Clear { .. } => None,
        notebook::Output::Error {
            ename,
            evalue,
            traceback,
        } => {
            let error = PreparedOutput::Error {
                traceback: named(terminal::fold(traceback), &ename, &evalue),
                ename: cut::text(ename),
                evalue: cut::text(evalue),
            };
            Some(fitting(error, context.most))
        }
        notebook::Output::Bundle(bundle) => {
            let is_result = bundle.is_result;
            let (richest, cost) = rich::choose(&context.displays.newest(bundle)?, number, context)?;
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
