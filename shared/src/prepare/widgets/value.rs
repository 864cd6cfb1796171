//! The values of widgets in words.

use crate::notebook::{RawJson, unescaped};

/// The most decimals of a number.
const MAX_DECIMALS: usize = 20;

/// A value as its control shows it, its numbers in the `format` of D3 where there is one.
pub(super) fn words(value: RawJson<'_>, format: &str) -> String {
    if value.is_array() {
        let items: Vec<String> = value.items().map(|item| words(item, format)).collect();
        return items.join(" – ");
    }
    if value.is_object() {
        return time(value).unwrap_or_default();
    }
    match value.as_str() {
        Some(text) => text.into_owned(),
        None if value.is_null() => String::new(),
        None => number(value, format).unwrap_or_else(|| value.json().to_owned()),
    }
}

/// The items of a list of texts or numbers, side by side.
pub(super) fn list<'a>(items: impl Iterator<Item = RawJson<'a>>) -> String {
    let items: Vec<String> = items.map(|item| words(item, "")).collect();
    items.join(", ")
}

/// The names of the files that were uploaded: a list of files, or with ipywidgets 7 an object
/// whose keys are the names.
pub(super) fn file_names(files: RawJson<'_>) -> String {
    let names: Vec<String> = match files.is_object() {
        true => files
            .entries()
            .map(|(name, _)| unescaped(name).into_owned())
            .collect(),
        false => files
            .items()
            .filter_map(|file| Some(file.get("name")?.as_str()?.into_owned()))
            .collect(),
    };
    names.join(", ")
}

/// A number in the formats that sliders have: `.2f`, `.3g`, `.0%` and their like; `None` for
/// others.
fn number(value: RawJson<'_>, format: &str) -> Option<String> {
    let number = value.as_f64()?;
    let kind = format.chars().next_back()?;
    let decimals = format.strip_prefix('.')?.strip_suffix(kind)?;
    let decimals = decimals.parse().ok().filter(|it| *it <= MAX_DECIMALS)?;
    match kind {
        'f' => Some(format!("{number:.decimals$}")),
        '%' => Some(format!("{:.decimals$}%", 100.0 * number)),
        'g' => Some(significant(number, decimals.max(1))),
        _ => None,
    }
}

/// A number with so many significant digits, as JavaScript's `toPrecision` writes it.
fn significant(number: f64, digits: usize) -> String {
    let written = format!("{number:.*e}", digits - 1);
    let (digits_of, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let is_short = (-6..i32::try_from(digits).unwrap_or(i32::MAX)).contains(&exponent);
    if !is_short {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits_of}e{sign}{}", exponent.abs());
    }
    let decimals = i32::try_from(digits).unwrap_or_default() - 1 - exponent;
    format!("{number:.*}", usize::try_from(decimals).unwrap_or_default())
}

/// A date, a time or both; months count from 0. `None` for another object.
fn time(value: RawJson<'_>) -> Option<String> {
    let field = |name: &str| value.get(name).and_then(RawJson::as_i64);
    let date = field("year").map(|year| {
        let month = field("month").unwrap_or_default().saturating_add(1);
        let day = field("date").unwrap_or(1);
        format!("{year:04}-{month:02}-{day:02}")
    });
    let time = field("hours").map(|hours| {
        let [minutes, seconds, milliseconds] =
            ["minutes", "seconds", "milliseconds"].map(|name| field(name).unwrap_or_default());
        let mut time = format!("{hours:02}:{minutes:02}");
        if (seconds, milliseconds) != (0, 0) {
            time.push_str(&format!(":{seconds:02}"));
        }
        if milliseconds != 0 {
            time.push_str(&format!(".{milliseconds:03}"));
        }
        time
    });
    match (date, time) {
        (Some(date), Some(time)) => Some(format!("{date} {time}")),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{file_names, words};
    use crate::notebook::RawJson;

    #[test]
    fn values_are_written_as_their_controls_do() {
        for (json, format, shown) in [
            ("0.30000000000000004", ".2f", "0.30"),
            ("1000.0", ".3g", "1.00e+3"),
            ("0.5", ".3g", "0.500"),
            ("12.5", ".3g", "12.5"),
            ("0.251", ".0%", "25%"),
            ("7", "d", "7"),
            ("1.5", "", "1.5"),
            ("[3,8]", "d", "3 – 8"),
            ("[0.3,0.5]", ".2f", "0.30 – 0.50"),
            ("null", ".2f", ""),
            ("\"a\\nb\"", "", "a\nb"),
            (r#"{"year":2024,"month":0,"date":31}"#, "", "2024-01-31"),
            (
                r#"{"hours":13,"minutes":5,"seconds":0,"milliseconds":0}"#,
                "",
                "13:05",
            ),
            (
                r#"{"hours":13,"minutes":5,"seconds":1,"milliseconds":20}"#,
                "",
                "13:05:01.020",
            ),
            (
                r#"{"year":2024,"month":11,"date":1,"hours":1,"minutes":2}"#,
                "",
                "2024-12-01 01:02",
            ),
            ("{}", "", ""),
        ] {
            assert_eq!(words(RawJson::of(json), format), shown, "{json} {format}");
        }
        for (json, shown) in [
            (r#"[{"name":"a.csv"},{"name":"b.csv"}]"#, "a.csv, b.csv"),
            (r#"{"a.csv":{"content":{}}}"#, "a.csv"),
            ("null", ""),
        ] {
            assert_eq!(file_names(RawJson::of(json)), shown, "{json}");
        }
    }
}
