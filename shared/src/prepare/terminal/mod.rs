//! Folds terminal text to what a terminal would show at its end.
//!
//! Progress bars write lines again and again, by carriage returns, backspaces and movements of the
//! cursor. Only the last state of each line is kept, with its colours. What a cell prints to one
//! stream is one screen, also where it comes in pieces with other outputs between them, so that a
//! bar is drawn once. `movement` reads what an escape does, `screen` does it. Deliberately not
//! here: colours, which the renderer makes of what is left.

mod movement;
mod screen;

use std::borrow::Cow;

use super::cut;
use crate::render::ansi;
use movement::Movement;
use screen::Screen;

/// `text` without its overwritten parts.
pub(super) fn fold(text: String) -> String {
    let pieces = folded_pieces(vec![text]);
    pieces.into_iter().next().unwrap_or_default()
}

/// The pieces of what was printed to one stream, without the parts that later pieces overwrote,
/// too. A piece of which nothing is left is empty.
pub(super) fn folded_pieces(pieces: Vec<String>) -> Vec<String> {
    let pieces = pieces.into_iter().map(cut::before_folding);
    let mut pieces: Vec<String> = pieces.map(in_seven_bits).collect();
    join_escapes(&mut pieces);
    if !pieces.iter().any(|piece| moves(piece)) {
        return pieces.into_iter().map(cut::text).collect();
    }
    let mut screen = Screen::new(pieces.iter().map(String::len).sum());
    for (number, piece) in pieces.iter().enumerate() {
        screen.begin(number, start_of(piece));
        screen.write(piece);
    }
    let count = pieces.len();
    drop(pieces);
    screen.finish(count).into_iter().map(cut::text).collect()
}

/// `text` with the escapes that are one character as those of two.
fn in_seven_bits(text: String) -> String {
    if !text.contains(['\u{9b}', '\u{9c}', '\u{9d}']) {
        return text;
    }
    let text = text.replace('\u{9b}', "\x1b[");
    text.replace('\u{9d}', "\x1b]").replace('\u{9c}', "\x1b\\")
}

/// The most bytes of an escape that is put together from two pieces.
const MAX_JOINED_BYTES: usize = 64;

/// Moves an escape that ends in the next piece there.
fn join_escapes(pieces: &mut [String]) {
    for at in 1..pieces.len() {
        let (before, after) = pieces.split_at_mut(at);
        let (before, after) = (&mut before[at - 1], &mut after[0]);
        if let Some(start) = before.rfind('\x1b')
            && before.len() - start <= MAX_JOINED_BYTES
            && ansi::is_cut(&before[start..])
        {
            after.insert_str(0, &before[start..]);
            before.truncate(start);
        }
    }
}

/// `text` without its escapes.
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        rest = &rest[at + ansi::escape_length(&rest[at..])..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether the cursor moves in `text` in another way than on.
fn moves(text: &str) -> bool {
    if text
        .bytes()
        .any(|byte| matches!(byte, b'\r' | 8 | 0x0b | 0x0c))
    {
        return true;
    }
    let escapes = text.match_indices('\x1b');
    let mut lengths = escapes.map(|(at, _)| &text[at..at + ansi::escape_length(&text[at..])]);
    lengths.any(|escape| Movement::of(escape).is_some())
}

/// How a piece of a stream begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PieceStart {
    /// With text.
    Text,
    /// With a line end.
    LineEnd,
    /// With a movement to a place that is not the next.
    Movement,
}

/// How `piece` begins, behind colours and other escapes that move nothing.
fn start_of(piece: &str) -> PieceStart {
    let mut rest = piece;
    while rest.starts_with('\x1b') {
        let (escape, after) = rest.split_at(ansi::escape_length(rest));
        if Movement::of(escape).is_some() {
            return PieceStart::Movement;
        }
        rest = after;
    }
    match rest.as_bytes() {
        [b'\n', ..] | [b'\r', b'\n', ..] => PieceStart::LineEnd,
        [b'\r' | 8, ..] => PieceStart::Movement,
        _ => PieceStart::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::{fold, folded_pieces};

    #[test]
    fn the_last_state_of_a_progress_bar_is_shown() {
        for (text, shown) in [
            ("a\r\nb\r\n", "a\nb\n"),
            (" 10%\r 50%\r100%\n", "100%\n"),
            ("long line\rshort", "shortline"),
            ("long line\r\x1b[Kshort", "short"),
            ("long line\x1b[2K\rshort", "short"),
            ("ab\x08c\x08\x08\x08\x08d", "dc"),
            ("1/2\n a\x1b[A\r2/2\n b\n", "2/2\n b\n"),
            ("a\nb\nc\x1b[2A\rX\x1b[2BY", "X\nb\ncY"),
            ("one\ntwo\x1b[1Fnew", "new\ntwo"),
            ("one\x1b[1Etwo\x1b[1Gz", "one\nzwo"),
            ("abc\x1b[2Dx\x1b[Cy", "axcy"),
            ("a\x1b[5Gb", "a   b"),
            ("abc\x1b[1;2HX", "aXc"),
            ("a\nb\nc\x1b[2A\x1b[Jd", "ad"),
            ("a\nb\x1b[2Jc", "c"),
            ("ab\ncd\x1b[1Jx", "\n  x"),
            ("abcd\x1b[3D\x1b[1P", "acd"),
            ("abcd\x1b[3D\x1b[2X", "a  d"),
            ("a\x1b7bc\x1b8X", "aXc"),
            ("a\x1b[sbc\x1b[uX", "aXc"),
            ("no moves \x1b[31mred", "no moves \x1b[31mred"),
            ("abcd\x1b[3D\x1b[2@X", "aX bcd"),
            ("one\ntwo\x1b[A\r\x1b[LX", "X\none\ntwo"),
            ("one\ntwo\nthree\x1b[A\r\x1b[MX", "one\nXhree"),
            ("one\ntwo\r\x1b[5MX", "one\nX"),
            ("one\ntwo\x1b[1dX", "oneX\ntwo"),
            ("ab\x1b[2aX", "ab  X"),
            ("abc\x1b[2`X", "aXc"),
            ("ab\x1bDX", "ab\n  X"),
            ("ab\ncd\x1bMX", "abX\ncd"),
            ("a\x0bb\x0cc", "a\n b\n  c"),
            ("one\u{9b}2K\rtwo", "two"),
            ("\u{9b}31mred", "\x1b[31mred"),
            ("one\x1b[?2Jtwo\r", "onetwo"),
            ("one\ntwo\x1b[5;1HX", "one\ntwo\n\n\nX"),
            ("one\ntwo\x1b[HX", "Xne\ntwo"),
            ("\r", ""),
        ] {
            assert_eq!(fold(text.to_owned()), shown, "{text:?}");
        }
    }

    #[test]
    fn the_colours_of_the_last_state_are_kept() {
        let text = "\x1b[31m50%\x1b[0m\r\x1b[32m100%\x1b[0m\n".to_owned();
        assert_eq!(fold(text), "\x1b[0;32m100%\x1b[0m\n");
        let text = "\x1b[1;31mred\rX".to_owned();
        assert_eq!(fold(text), "\x1b[0;31;1mXed\x1b[0m");
    }

    #[test]
    fn the_pieces_of_a_stream_are_one_screen() {
        for (pieces, shown) in [
            (vec!["10%", "\r20%", "\r30%"], vec!["30%", "", ""]),
            (vec!["a", "b\r"], vec!["a\n", "b"]),
            (vec!["a\n", "b\n", "\x1b[1A\rc"], vec!["a\n", "c\n", ""]),
            (vec!["a\r", "b\n", "\x1b[2A\x1b[Jc"], vec!["c", "", ""]),
            (
                vec![
                    "\router 0\n\rinner 0\x1b[A",
                    "\n\rinner 9\x1b[A",
                    "\router 9",
                ],
                vec!["outer 9\ninner 9", "", ""],
            ),
            (
                vec!["10%", "\x1b[?25l\x1b[31m\r20%"],
                vec!["\x1b[0;31m20%\x1b[0m", ""],
            ),
            (vec!["a\x1b[3", "1mred"], vec!["a", "\x1b[31mred"]),
            (vec!["50%\x1b", "[2K\r100%"], vec!["100%", ""]),
        ] {
            let pieces = pieces.into_iter().map(str::to_owned).collect();
            assert_eq!(folded_pieces(pieces), shown);
        }
    }

    #[test]
    fn a_bar_at_the_bottom_of_the_window_overwrites_nothing() {
        let bar =
            |percent: u8| format!("\x1b7\x1b[24;0f\x1b[42mProgress: [{percent}%]\x1b[49m \x1b8");
        for lines in [0, 3, 40] {
            let before: String = (0..lines).map(|n| format!("Unpacking {n}\n")).collect();
            let start = format!("{before}\n\x1b7\x1b[0;23r\x1b8\x1b[1A");
            let work = format!("Setting up a\n{}Setting up b\n{}", bar(20), bar(90));
            let end = "\n\x1b7\x1b[0;24r\x1b8\x1b[1A\x1b[J";
            assert_eq!(
                fold(format!("{start}{work}{end}")),
                format!("{before}Setting up a\nSetting up b\n"),
            );
            let green = "\x1b[0;42mProgress: [90%]\x1b[0m ";
            assert_eq!(
                fold(format!("{start}{work}")),
                format!("{before}Setting up a\nSetting up b\n{green}"),
            );
        }
        // The window ends where the text does.
        let lines: Vec<String> = (1..=30).map(|n| n.to_string()).collect();
        let shown = fold(format!("{}\x1b[1;1HX", lines.join("\n")));
        assert!(shown.starts_with("1\n2\n3\n4\n5\n6\nX\n8\n"), "{shown}");
    }

    #[test]
    fn folding_takes_a_time_in_proportion_to_the_text() {
        let start = std::time::Instant::now();
        for text in [
            "x".repeat(200_000) + "\r" + &"\x1b[P".repeat(200_000),
            "x".repeat(200_000) + "\r" + &"\x1b[200000X".repeat(50_000),
            "x".repeat(20_000) + &"\x1b[1K".repeat(100_000),
            "x".repeat(200_000) + "\r" + &"\x1b[@".repeat(200_000),
            "x\n".repeat(100_000) + "\x1b[1d" + &"\x1b[L".repeat(200_000),
            "x\n".repeat(100_000) + "\x1b[100000A" + &"\x1b[M".repeat(200_000),
            "x\n".repeat(20_000) + &"\x1b[1J".repeat(50_000),
        ] {
            let _ = fold(text);
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(20));
    }

    #[test]
    fn jumps_make_no_large_screen() {
        let text = "\x1b[1000000Gx\x1b[1000000Bx\r".repeat(10_000);
        assert!(fold(text.clone()).len() <= 4 * text.len());
    }
}
