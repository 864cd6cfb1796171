//! Tests that an incremental summary equals one made from nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::{
    prepare, render,
    render::Options,
    sanitize::Ammonia,
    standalone::summary::{self, id_prefix},
};

use super::{super::section, *};

/// An event in a class.
#[derive(Clone, Debug)]
enum ClassEvent {
    Save(usize, Vec<u8>),
    Break(usize),
    Delete(usize),
    Build,
}

fn class_event() -> impl Strategy<Value = ClassEvent> {
    let cells = prop::collection::vec(0..6_u8, 0..13);
    prop_oneof![
        4 => (0..4_usize, cells).prop_map(|(user, cells)| ClassEvent::Save(user, cells)),
        1 => (0..4_usize).prop_map(ClassEvent::Break),
        1 => (0..4_usize).prop_map(ClassEvent::Delete),
        2 => Just(ClassEvent::Build),
    ]
}

/// The summaries of these files, made from nothing.
fn made_from_nothing(
    files: &BTreeMap<&str, String>,
    saved_at_ms: &dyn Fn(&str) -> i64,
) -> [String; 2] {
    let limits = TailLimits::default();
    let sections: BTreeMap<_, _> = files
        .iter()
        .map(|(user, text)| {
            let at = saved_at_ms(user);
            let section =
                match NotebookContent::parse(text.clone().into_bytes().into(), limits, None) {
                    Ok(content) => SummarySection::of(user, at, &content, None),
                    Err(error) => {
                        let problem = format!("This file is not a notebook: {error}.");
                        SummarySection::broken(user, at, &problem, true)
                    }
                };
            (user.to_string(), Arc::new(section))
        })
        .collect();
    let mut html = Vec::new();
    let lines: Vec<_> = sections
        .iter()
        .map(|(user, section)| section::ContentsLine::of(user, section))
        .collect();
    let entries: Vec<_> = lines.iter().map(section::ContentsLine::entry).collect();
    html.extend(summary::head("a.ipynb", &entries, "en").into_bytes());
    for (entry, text) in entries.iter().zip(files.values()) {
        html.extend(summary::section(entry).into_bytes());
        if let Ok(parsed) = Notebook::parse(text.as_bytes()) {
            let whole = parsed.notebook;
            let tail = whole.tail(limits.cells).trim(limits.lines);
            let options = Options {
                id_prefix: id_prefix(entry.user),
                ..Options::default()
            };
            let cells = prepare::cells(&tail, whole.len() - tail.len(), &Ammonia);
            html.extend(render::cells(&cells, &options).into_string().into_bytes());
        }
        html.extend(summary::SECTION_END.bytes());
    }
    html.extend(summary::SUMMARY_END.bytes());
    let tails = sections.values().map(|section| section.json());
    let mut json = String::new();
    shared::notebook::MergePart::merge(tails, &mut json).unwrap();
    [String::from_utf8(html).unwrap(), json]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// After any events, the summary equals one that is made from nothing.
    #[test]
    fn an_incremental_summary_is_a_full_one(
        events in prop::collection::vec(class_event(), 1..25),
    ) {
        const USERS: [&str; 4] = ["ana", "bo", "cy", "ü d"];
        let class = Workshop::new();
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for class_event in events {
            match class_event {
                ClassEvent::Save(user, cells) => {
                    let sources: Vec<String> = cells.iter().map(|n| format!("# {n}")).collect();
                    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
                    files.insert(USERS[user], notebook(&sources));
                    class.save(USERS[user], "a.ipynb", &sources);
                }
                ClassEvent::Break(user) => {
                    // It was good once, so that there is an export in both.
                    let Some(text) = files.get_mut(USERS[user]) else { continue };
                    class.build();
                    *text = "{\"cells\": [".to_owned();
                    class.write(USERS[user], "a.ipynb", text);
                }
                ClassEvent::Delete(user) => {
                    if files.remove(USERS[user]).is_some() {
                        class.delete(USERS[user], "a.ipynb");
                    }
                }
                ClassEvent::Build => class.build(),
            }
        }
        class.build();
        let Some(summary) = class.builds.summary("a.ipynb") else {
            prop_assert!(files.is_empty() && class.files().is_empty());
            return Ok(());
        };
        let saved = |user: &str| {
            class.builds.catalogue.section(&key(user, "a.ipynb")).unwrap().saved_at_ms
        };
        let [html, json] = made_from_nothing(&files, &saved);
        let mut actual = Vec::new();
        summary.write_html(&mut actual).unwrap();
        prop_assert_eq!(&String::from_utf8(actual).unwrap(), &html);
        prop_assert_eq!(class.text("a/00-summary.html"), html);
        let mut actual = Vec::new();
        summary.write_ipynb(&mut actual).unwrap();
        let actual = String::from_utf8(actual).unwrap();
        prop_assert_eq!(&actual, &json);
        prop_assert_eq!(class.text("a/00-summary.ipynb"), json);
        let tails: Vec<_> = files
            .iter()
            .filter_map(|(user, text)| {
                let whole = Notebook::parse(text.as_bytes()).ok()?.notebook;
                Some((user.to_string(), whole.tail(10).trim(25)))
            })
            .collect();
        if tails.len() == files.len() && tails.len() > 1 {
            prop_assert_eq!(actual, Notebook::merge(tails).unwrap().to_json());
        }
    }
}
