//! The lists in `docs/`: routes, parameters, settings and limits are those of the program, and
//! all links lead to a page or a heading.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use backend::{
    auth::HubLimits,
    cli::Cli,
    limits::{
        AnswerLimits, EventLimits, LimitSettings, NoteLimits, NoticeLimits, PushLimits, Rate,
        ReadLimits, RestoreLimits, StreamLimits, UploadLimits,
    },
    server::ConnectionLimits,
};
use clap::{Arg, CommandFactory};

use crate::{
    app::App,
    docs_commands::pages_below,
    openapi::{documented, query_parameters},
};

fn root() -> PathBuf {
    let backend = Path::new(env!("CARGO_MANIFEST_DIR"));
    backend.parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// The cells of every row of every table, without the lines that begin a table.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = page.lines().collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let pairs = lines.iter().zip(lines.iter().skip(1).chain([&""]));
    pairs
        .filter(|(line, next)| line.starts_with('|') && !is_rule(line) && !is_rule(next))
        .map(|(line, _)| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// The text between the first two backticks.
fn code(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}

#[tokio::test]
async fn every_route_is_in_the_tables_of_http_md() {
    let app = App::standalone().await;
    let document = app.instructor().json("openapi.json").await;
    let told: BTreeSet<(String, String)> = rows(&page("http.md"))
        .iter()
        .map(|row| {
            let (method, address) = code(&row[0]).unwrap().split_once(' ').unwrap();
            let path = address.split('?').next().unwrap();
            (method.to_owned(), path.to_owned())
        })
        .collect();
    let served = documented(&document);
    let missing: Vec<_> = served.difference(&told).collect();
    let invented: Vec<_> = told.difference(&served).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the tables: {missing:?}; in them, and no such route: {invented:?}"
    );
}

/// The query parameters that a row of http.md names: in its address, in other code such as
/// `before=VERSION`, and as what one may filter by.
fn named_parameters(row: &[String]) -> BTreeSet<String> {
    let text = row.join(" ");
    let code = text.split('`').skip(1).step_by(2);
    let mut named: BTreeSet<String> = code
        .map(|code| code.rsplit('?').next().unwrap())
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()))
        // A scope of the Hub has an equals sign as well.
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect();
    if let Some((_, filters)) = text.split_once("filter by ") {
        named.extend(filters.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    named
}

#[tokio::test]
async fn the_query_parameters_of_http_md_are_those_of_the_openapi_document() {
    let app = App::standalone().await;
    let document = app.instructor().json("openapi.json").await;
    let mut wrong = Vec::new();
    for row in rows(&page("http.md")) {
        let (method, address) = code(&row[0]).unwrap().split_once(' ').unwrap();
        let path = address.split('?').next().unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        let named = named_parameters(&row);
        let listed: BTreeMap<&str, bool> = query_parameters(operation)
            .into_iter()
            .map(|one| (one["name"].as_str().unwrap(), one["required"] == true))
            .collect();
        let invented = named
            .iter()
            .filter(|name| !listed.contains_key(name.as_str()));
        wrong.extend(invented.map(|name| format!("{path} takes no {name}")));
        // The routes beside `/events` refer to it for its filters.
        let must_be_named = |is_required: bool| is_required || path == "/events";
        let missing = listed
            .iter()
            .filter(|(name, is_required)| must_be_named(**is_required) && !named.contains(**name));
        wrong.extend(missing.map(|(name, _)| format!("{path}: {name} is not named")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How settings.md writes an option: its flag, its variable and its default.
fn described(option: &Arg) -> [String; 3] {
    let flag = option.get_long().unwrap();
    let takes_value = option.get_action().takes_values();
    let flag = match option.get_value_names() {
        Some([value]) if takes_value => format!("--{flag} {value}"),
        _ => format!("--{flag}"),
    };
    let variable = option.get_env().map_or("", |name| name.to_str().unwrap());
    let default = match option.get_default_values() {
        _ if !takes_value => "off".to_owned(),
        [value] => value.to_str().unwrap().to_owned(),
        // A default that depends on the machine is in the help text.
        _ => {
            let help = option.get_help().unwrap().to_string();
            let default = help.split_once("[default: ");
            default.map_or(String::new(), |(_, rest)| {
                rest.split(']').next().unwrap().to_owned()
            })
        }
    };
    [flag, variable.to_owned(), default]
}

/// Compares the options of a command with the rows of pages' tables of settings.
fn compare_settings(command: &str, pages: &[&str], is_kept: impl Fn(&[String; 3]) -> bool) {
    let all = Cli::command();
    let command = all.find_subcommand(command).unwrap();
    let options: BTreeSet<_> = command
        .get_arguments()
        .filter(|option| !["help", "version"].contains(&option.get_id().as_str()))
        .filter(|option| option.get_long().is_some())
        .map(described)
        .collect();
    let told: BTreeSet<_> = pages
        .iter()
        .flat_map(|name| rows(&page(name)))
        .filter(|row| row.len() > 3)
        .map(|row| [0, 1, 2].map(|column| row[column].replace('`', "")))
        .filter(is_kept)
        .collect();
    let missing: Vec<_> = options.difference(&told).collect();
    let invented: Vec<_> = told.difference(&options).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the table: {missing:#?}\nin it, and no such option: {invented:#?}"
    );
}

#[test]
fn every_setting_is_in_the_table_of_settings_md() {
    // PIPALHUB_LOG has no option, since it is read before the options are, and PIPALHUB_COOKIE_KEY
    // none, since options stand in the list of processes.
    let has_option = |[flag, variable, _]: &[String; 3]| {
        let alone = ["PIPALHUB_LOG", "PIPALHUB_COOKIE_KEY"];
        !(flag.is_empty() && alone.contains(&variable.as_str()))
    };
    compare_settings("serve", &["settings.md"], has_option);
}

#[test]
fn every_setting_of_the_steward_is_in_a_table_of_users_md_or_requirements_md() {
    compare_settings("steward", &["users.md", "requirements.md"], |_| true);
}

#[test]
fn every_option_of_a_site_is_in_the_table_of_nginx_md() {
    compare_settings("nginx-site", &["nginx.md"], |_| true);
}

#[test]
fn every_option_of_an_archive_is_in_the_table_of_archive_md() {
    compare_settings("archive", &["archive.md"], |_| true);
}

#[test]
fn every_option_of_a_check_is_in_the_table_of_check_md() {
    // A password and a token have no option, since options stand in the list of processes.
    compare_settings("check", &["check.md"], |row| !row[0].is_empty());
}

#[test]
fn every_option_of_the_commands_of_nodes_is_in_the_table_of_create_node_md() {
    for (command, other) in [
        ("create-node", "`destroy-node`:"),
        ("destroy-node", "`create-node`:"),
    ] {
        let of_other: Vec<String> = rows(&page("create-node.md"))
            .into_iter()
            .filter(|row| row.len() > 3 && row[3].starts_with(other))
            .map(|row| row[0].replace('`', ""))
            .collect();
        compare_settings(command, &["create-node.md"], |row| {
            !of_other.contains(&row[0])
        });
    }
}

/// The rows of limits.md by their first cell, and the numbers that are missing in them.
struct LimitsTable {
    by_name: BTreeMap<String, String>,
    missing: Vec<String>,
}

impl LimitsTable {
    /// Notes `number` as missing unless it is in the row of `name`.
    fn says(&mut self, name: &str, number: &str) {
        let limit = self.by_name.get(name).map_or("", String::as_str);
        // `16 KiB` is not in `116 KiB`, nor `4 of` in `1,024 of`.
        let stands = limit.match_indices(number).any(|(at, _)| {
            let before = limit[..at].chars().next_back();
            !before.is_some_and(|before| before.is_ascii_digit() || ",.".contains(before))
        });
        if !stands {
            self.missing.push(format!("{name}: {number}"));
        }
    }

    fn says_rate(&mut self, name: &str, who: &str, Rate { a_second, burst }: Rate) {
        let (a_second, burst) = (grouped(a_second.into()), grouped(burst.into()));
        self.says(
            name,
            &format!("{who} {a_second} a second and {burst} at once"),
        );
    }
}

/// `1234` as `1,234`.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}

fn kib(bytes: usize) -> String {
    assert_eq!(bytes % 1_024, 0);
    format!("{} KiB", bytes / 1_024)
}

fn time(time: Duration) -> String {
    assert_eq!(time.subsec_nanos(), 0);
    match time.as_secs() {
        hours if hours >= 3_600 && hours % 3_600 == 0 => format!("{} h", hours / 3_600),
        seconds => format!("{seconds} s"),
    }
}

/// A new field does not compile here until it is named, because no pattern has a `..`.
#[test]
fn every_number_of_the_limit_settings_is_in_its_row_of_limits_md() {
    let by_name = rows(&page("limits.md")).into_iter().map(|row| {
        let [of, limit, beyond] = row.try_into().unwrap();
        (of, format!("{limit} | {beyond}"))
    });
    let mut limits = LimitsTable {
        by_name: by_name.collect(),
        missing: Vec::new(),
    };
    let LimitSettings {
        connections,
        streams,
        events,
        hub,
        notices,
        notes,
        reads,
        restores,
        answers,
        pushes,
        uploads: UploadLimits { each, all },
    } = LimitSettings::default();

    let uploads = "files that are uploaded";
    limits.says(uploads, &format!("{each} of one instructor"));
    limits.says(uploads, &format!("{all} of all"));

    let ConnectionLimits {
        most,
        head_time,
        body_time,
        body_bytes_a_second,
        stall_time,
        send_buffer,
        buffer,
        last_answers,
    } = connections;
    limits.says(
        "connections",
        &format!("{} at once", grouped(most.try_into().unwrap())),
    );
    let head = format!("{}, complete in {}", kib(buffer), time(head_time));
    limits.says("the head of a request", &head);
    let body = format!("complete in {}", time(body_time));
    limits.says("the body of a request", &body);
    let rate = format!("{} KiB", body_bytes_a_second >> 10);
    limits.says("the body of a request", &rate);
    let silent = "a peer that reads nothing";
    limits.says(silent, &time(stall_time));
    limits.says(silent, &format!("{} queued", kib(send_buffer)));
    limits.says("the end of the service", &time(last_answers));

    let AnswerLimits { own, each, all } = answers;
    let unread = "answers that wait to be read";
    limits.says(unread, &format!("of a participant {} MiB", each >> 20));
    limits.says(unread, &format!("beyond {} MiB of each", own >> 20));
    limits.says(unread, &format!("{} MiB of all together", all >> 20));

    let PushLimits {
        kib: Rate { a_second, burst },
        written_kib,
        large,
        small,
        small_each,
    } = pushes;
    let pushed = "bytes pushed";
    limits.says(pushed, &format!("{} MiB a minute", (a_second * 60) >> 10));
    limits.says(pushed, &format!("{} MiB at once", burst >> 10));
    let written = "notebooks put together";
    limits.says(
        written,
        &format!("{} MiB a second", written_kib.a_second >> 10),
    );
    limits.says(written, &format!("{} MiB at once", written_kib.burst >> 10));
    let arriving = "pushes that arrive";
    limits.says(arriving, &format!("{} MiB of all together", large >> 20));
    limits.says(arriving, &format!("{} MiB of all together", small >> 20));
    limits.says(
        arriving,
        &format!("{} MiB of one participant", small_each >> 20),
    );

    let StreamLimits {
        each,
        all,
        heartbeat,
        recheck,
    } = streams;
    let of_streams = "event streams";
    limits.says(of_streams, &format!("{each} of one person"));
    let all = grouped(all.try_into().unwrap());
    limits.says(of_streams, &format!("{all} in all"));
    limits.says(
        of_streams,
        &format!("says something every {}", time(heartbeat)),
    );
    limits.says(of_streams, &format!("looked for every {}", time(recheck)));

    let EventLimits {
        participant,
        instructor,
        entries,
    } = events;
    let posted = "events posted";
    limits.says_rate(posted, "by a participant", participant);
    limits.says_rate(posted, "an instructor's token", instructor);
    limits.says(
        "entries in the list of events",
        &format!("{} of one participant", grouped(entries.into())),
    );

    let HubLimits {
        fresh_of_participants,
        fresh_of_observers,
        stale,
        patience,
        prompt,
        rest,
        at_once,
        remembered,
        of_one,
    } = hub;
    let questions = "questions to the Hub";
    limits.says(questions, &format!("{at_once} at once"));
    limits.says(questions, &format!("answered in {}", time(patience)));
    let of_participants = time(fresh_of_participants);
    limits.says(questions, &format!("good for {of_participants}"));
    let of_observers = time(fresh_of_observers);
    limits.says(questions, &format!("for who sees everyone {of_observers}"));
    limits.says(questions, &format!("in the last {}", time(stale)));
    limits.says(questions, &format!("goes on after {}", time(prompt)));
    limits.says(questions, &format!("asks again after {}", time(rest)));
    let tokens = "tokens that are remembered";
    limits.says(tokens, &grouped(remembered));
    limits.says(tokens, &format!("{of_one} of one person"));

    let NoticeLimits { every, burst } = notices;
    let paced = format!("one in {}, {burst} at once", time(every));
    limits.says("notices", &paced);

    let NoteLimits { every, burst } = notes;
    let paced = format!("one in {}, {burst} at once", time(every));
    limits.says("changes of a note", &paced);

    let ReadLimits {
        participant,
        observer,
        looks,
        looks_of_observer,
        each,
        all,
    } = reads;
    let whole = "whole notebooks, versions and their differences";
    limits.says_rate(whole, "for a participant", participant);
    limits.says_rate(whole, "for who sees everyone", observer);
    limits.says(whole, &format!("{each} of one person"));
    limits.says(whole, &format!("{all} in all"));
    limits.says_rate(
        "tiles, walls and lists of events and notebooks",
        "for a participant",
        looks,
    );
    limits.says_rate(
        "tiles, walls and lists of events and notebooks",
        "for who sees everyone",
        looks_of_observer,
    );

    let RestoreLimits {
        every,
        burst,
        mib_an_hour,
    } = restores;
    let paced = format!("one in {}, {burst} at once", time(every));
    limits.says("restores", &paced);
    limits.says("restores", &format!("{mib_an_hour} MiB an hour"));

    assert!(limits.missing.is_empty(), "{:#?}", limits.missing);
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> = ["README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG"]
        .map(|name| root().join(format!("{name}.md")))
        .to_vec();
    pages.extend(pages_below(&root().join("docs")));
    pages.extend(["singleuser", "wheel"].map(|name| root().join(name).join("README.md")));
    let mut broken = Vec::new();
    for path in pages {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            let leads = match anchor {
                "" => target.exists(),
                _ => fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !leads {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
