//! The log on stderr: as text for people or as JSON, a line an event, and no text in it
//! that could pass for another line.

use std::{
    fmt,
    io::{self, IsTerminal},
    str::FromStr,
};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt::layer, layer::SubscriberExt, util::SubscriberInitExt,
};

/// A field is cut to so many characters.
const MAX_FIELD_CHARS: usize = 200;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people; in colour on a terminal.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

/// Begins to log, by the filter `wanted` of `PIPALHUB_LOG`, or from the level `info` on.
pub fn install_logs(format: LogFormat, wanted: Option<&str>) {
    let filter = wanted
        .and_then(|wanted| EnvFilter::from_str(wanted).ok())
        .unwrap_or_else(|| EnvFilter::new("info"));
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}

/// Text from outside as a log can hold it: controls escaped, and cut.
pub fn loggable(text: &str) -> impl fmt::Display {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAX_FIELD_CHARS {
            shown.push('…');
            break;
        }
        // Not only ASCII: text that is written from right to left, or a line separator,
        // makes a line look like another.
        if character.is_control() || is_format(character) || character == '\\' {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Invisible characters that move or hide the visible ones.
fn is_format(character: char) -> bool {
    matches!(character,
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_from_outside_looks_like_a_line_of_ours() {
        let cases = [
            (
                "plain, and ümlaut \"quoted\"",
                "plain, and ümlaut \"quoted\"",
            ),
            ("a\nERROR b\r\t\u{1b}[31m", "a\\nERROR b\\r\\t\\u{1b}[31m"),
            (
                "back\\slash\0\u{2028}\u{202e}",
                "back\\\\slash\\u{0}\\u{2028}\\u{202e}",
            ),
        ];
        for (given, shown) in cases {
            assert_eq!(loggable(given).to_string(), shown);
        }
        let long = loggable(&"é".repeat(10_000)).to_string();
        assert_eq!(long.chars().count(), MAX_FIELD_CHARS + 1);
        assert!(long.ends_with('…'));
    }
}
