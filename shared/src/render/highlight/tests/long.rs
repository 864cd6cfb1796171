//! Every language is read in a time that is proportional to the source.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::render::highlight::{
    languages::{self, Language},
    lexer,
};

/// Beginnings of the tokens that are not in the tables of quotes and comments.
const PARTS: [&str; 20] = [
    "'",
    "'\\",
    "\\'x\n",
    "r\"(",
    "r\"---[ ",
    "R\"x(",
    "R'{",
    "br##\"",
    "`${",
    "`${'",
    "=/[ ",
    "=/",
    "<<a\n",
    "<<a <<-'b'\n",
    "url(",
    "1'",
    "--> ",
    "--",
    "* \n",
    "#!sql\n",
];

const SMALL_BYTES: usize = 4_000;
const FACTOR: usize = 8;
/// Quadratic growth would be 64 times.
const MAX_GROWTH: u32 = 24;
/// Shorter times are not told apart.
const SHORTEST_TIME: Duration = Duration::from_millis(10);

/// The time of this thread alone, which other processes do not change.
fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Reads `part` again and again; all of it must be in the tokens.
fn time(language: &'static Language, part: &str, size: usize) -> Duration {
    let source = part.repeat(size / part.len());
    let mut at = 0;
    let begun = now();
    let reached_end = lexer::tokens(&source, language, &mut |_, text| {
        assert!(source[at..].starts_with(text));
        at += text.len();
        true
    });
    assert!(reached_end && at == source.len());
    now() - begun
}

#[test]
fn delimiters_are_read_in_linear_time() {
    for language in &languages::LANGUAGES {
        let quotes = language.quotes.iter();
        let comments = language.block_comments.iter();
        let pairs = quotes
            .map(|quote| (quote.open, quote.close))
            .chain(comments.map(|comment| (comment.open, comment.close)));
        let of_tables = pairs.flat_map(|(open, close)| {
            [
                open.to_owned(),
                format!("{open}\n"),
                format!("{open} {open} {close}\n"),
                format!("\\{close}x\n"),
            ]
        });
        let parts = of_tables.chain(PARTS.map(str::to_owned));
        for part in parts {
            // A first run may be slower, because nothing is in the caches.
            let is_linear = (0..4).any(|_| {
                let large = time(language, &part, FACTOR * SMALL_BYTES);
                large < SHORTEST_TIME || large < MAX_GROWTH * time(language, &part, SMALL_BYTES)
            });
            assert!(is_linear, "{}: {part:?}", language.names);
        }
    }
}
