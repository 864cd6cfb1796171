//! The one clock and the one form of a timestamp.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Milliseconds since the Unix epoch, now.
#[must_use]
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Reads RFC 3339 in any offset, to the microsecond; a time without an offset is
/// taken as UTC.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let read = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Timestamp::from_microsecond(read.as_microsecond()).ok()
}

/// `2022-11-14T16:00:00.511000+00:00`: UTC, six digits of microseconds, and none
/// when they are zero.
#[must_use]
pub fn format(timestamp: Timestamp) -> String {
    let whole = timestamp.as_microsecond().rem_euclid(1_000_000) == 0;
    let form = if whole {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f+00:00"
    };
    timestamp.strftime(form).to_string()
}

/// Milliseconds since the Unix epoch as `2022-11-14T16:00:00Z`.
#[must_use]
pub fn iso(ms: i64) -> String {
    strftime(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// Milliseconds since the Unix epoch in [`format()`]'s form.
#[must_use]
pub fn format_ms(ms: i64) -> String {
    format(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The same for people, on a page without a script: `14 Nov 2022, 16:00 UTC`.
#[must_use]
pub fn for_people(ms: i64) -> String {
    strftime(ms, "%-d %b %Y, %H:%M UTC")
}

fn strftime(ms: i64, form: &str) -> String {
    let timestamp = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.strftime(form).to_string()
}

/// The current time in [`format()`]'s form.
#[must_use]
pub fn now_text() -> String {
    format(Timestamp::now())
}

/// Whether this clock has reached `timestamp`.
#[must_use]
pub fn is_past(timestamp: Timestamp) -> bool {
    timestamp <= Timestamp::now()
}

/// How long ago `then_ms` was, never negative.
#[must_use]
pub fn since(then_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms() - then_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_prints_the_form_of_the_original() {
        let cases = [
            (
                "2022-11-14T16:00:00.511Z",
                "2022-11-14T16:00:00.511000+00:00",
            ),
            ("2022-11-14T16:00:00Z", "2022-11-14T16:00:00+00:00"),
            (
                "2022-11-14T21:30:00.000001+05:30",
                "2022-11-14T16:00:00.000001+00:00",
            ),
            ("2022-11-14T16:00:00.5", "2022-11-14T16:00:00.500000+00:00"),
            (
                "1969-12-31T23:59:59.25Z",
                "1969-12-31T23:59:59.250000+00:00",
            ),
            ("2022-11-14T16:00:00.0000009Z", "2022-11-14T16:00:00+00:00"),
        ];
        for (input, output) in cases {
            assert_eq!(format(parse(input).expect(input)), output);
        }
    }

    #[test]
    fn parse_refuses_a_text_that_is_no_time() {
        for input in ["", "yesterday", "2022-13-01T00:00:00Z", "12"] {
            assert!(parse(input).is_none(), "{input}");
        }
    }
}
