//! Tables of made-up classes.

use super::*;
use crate::contacts::SaveWay;

const NOW: i64 = 1_800_000_000_000;
const MINUTE: i64 = 60_000;

fn contact(server: &str, heard_ago_ms: i64) -> Contact {
    Contact {
        server: server.to_owned(),
        version: Some(VERSION.to_owned()),
        heard_ms: NOW - heard_ago_ms,
        asked_ms: Some(NOW - heard_ago_ms),
        way: Some(SaveWay::Pushed),
    }
}

/// A class of which only `ana` is known, whose service runs for an hour.
fn class(contacts: Vec<Contact>, watched_ms: Option<i64>) -> ServiceKnowledge {
    let person = PersonContacts {
        servers: contacts,
        watched_ms,
    };
    ServiceKnowledge {
        contacts: HashMap::from([("ana".to_owned(), person)]),
        since_ms: NOW - 60 * MINUTE,
        saves: LastSaves::default(),
        pushing: BTreeSet::new(),
    }
}

/// A Hub on which `ana` has these servers, started so long ago.
fn hub(servers: &[(&str, HubServerState, i64)]) -> HubKnowledge<'static> {
    let servers = servers.iter().map(|(name, state, started_ago_ms)| {
        let server = HubServer {
            state: *state,
            started_ms: Some(NOW - started_ago_ms),
        };
        ((*name).to_owned(), server)
    });
    let roster = Roster {
        users: BTreeMap::from([("ana".to_owned(), servers.collect())]),
        is_complete: true,
        asked_ms: NOW - 4_000,
        ..Roster::default()
    };
    HubKnowledge::Hub {
        service: "dashboard",
        answer: RosterAnswer::Known(Arc::new(roster)),
    }
}

fn running(minutes: i64) -> HubKnowledge<'static> {
    hub(&[("", HubServerState::Ready, minutes * MINUTE)])
}

fn row_of(known: &ServiceKnowledge, hub: HubKnowledge<'_>) -> SetupRow {
    let mut table = table(known, hub, NOW);
    assert_eq!(table.servers.len(), 1, "{table:?}");
    table.servers.remove(0)
}

#[test]
fn a_server_that_reports_needs_nothing() {
    let row = row_of(&class(vec![contact("", 5_000)], None), running(30));
    assert_eq!(
        (row.state, row.saves),
        (ServerState::Running, SaveArrival::Pushed)
    );
    assert!(!row.needs_attention && !row.is_older, "{row:?}");
}

#[test]
fn a_server_without_the_package_is_told_how_to_get_it() {
    let row = row_of(&class(Vec::new(), None), running(30));
    assert_eq!(row.saves, SaveArrival::Not);
    assert_eq!(
        row.command.as_deref(),
        Some("pip install pipalhub_singleuser-*.whl")
    );
    let watched = row_of(&class(Vec::new(), Some(NOW - 1)), running(30));
    assert_eq!(watched.saves, SaveArrival::Watched);
    assert!(watched.needs_attention && watched.note.contains("noticed in the home"));
    // Its home is read, though nothing was saved since the service began.
    let mut known = class(Vec::new(), None);
    known
        .saves
        .of_person
        .insert("ana".to_owned(), NOW - 90 * MINUTE);
    let row = row_of(&known, running(30));
    assert_eq!(
        (row.saves, row.saved_ms),
        (SaveArrival::Watched, Some(NOW - 90 * MINUTE))
    );
}

#[test]
fn a_server_that_was_just_started_is_given_time() {
    let just = hub(&[("", HubServerState::Ready, 10_000)]);
    assert!(!row_of(&class(Vec::new(), None), just).needs_attention);
    // All have as much after the service was started.
    let mut known = class(Vec::new(), None);
    known.since_ms = NOW - 30_000;
    assert!(!row_of(&known, running(30)).needs_attention);
    let table = table(&known, running(30), NOW);
    assert_eq!(
        table.headline,
        "The one server that runs has just been started."
    );
}

#[test]
fn a_server_that_fell_silent_is_told_apart_from_one_that_never_reported() {
    let row = row_of(&class(vec![contact("", 5 * MINUTE)], None), running(30));
    assert_eq!(row.saves, SaveArrival::Not);
    assert_eq!(row.note, "Its package has been silent for 5 min.");
    assert_eq!(row.command, None);
    // What was heard before the server was started is no word of this one.
    let row = row_of(&class(vec![contact("", 5 * MINUTE)], None), running(2));
    assert_eq!(row.note, "It has not reported since it was started.");
    assert!(row.command.is_some());
    let row = row_of(
        &class(vec![contact("", MINUTE)], None),
        hub(&[("", HubServerState::Ready, 40_000)]),
    );
    assert!(row.needs_attention, "{row:?}");
}

#[test]
fn a_server_with_the_hook_alone_is_silent_between_its_saves() {
    let hook = Contact {
        asked_ms: None,
        way: Some(SaveWay::Reported),
        ..contact("", 20 * MINUTE)
    };
    let row = row_of(&class(vec![hook.clone()], None), running(30));
    assert_eq!(row.saves, SaveArrival::Reported);
    assert!(!row.needs_attention, "{row:?}");
    assert!(row_of(&class(vec![hook], None), running(10)).needs_attention);
}

#[test]
fn an_old_package_is_told_and_so_is_one_that_says_no_version() {
    for version in [Some("0.0.1".to_owned()), None] {
        let old = Contact {
            version,
            ..contact("", 1)
        };
        let row = row_of(&class(vec![old], None), running(30));
        assert!(row.is_older && row.needs_attention, "{row:?}");
        assert_eq!(
            row.command.as_deref(),
            Some("pip install --upgrade pipalhub_singleuser-*.whl")
        );
    }
    let newer = Contact {
        version: Some("999.0".to_owned()),
        ..contact("", 1)
    };
    assert!(!row_of(&class(vec![newer], None), running(30)).needs_attention);
}

#[test]
fn named_servers_have_rows_of_their_own() {
    let servers = [
        ("", HubServerState::Ready, 30 * MINUTE),
        ("gpu", HubServerState::Ready, 30 * MINUTE),
        ("new", HubServerState::Starting, 1),
        ("old", HubServerState::Stopping, 30 * MINUTE),
    ];
    let known = class(vec![contact("gpu", 1), contact("gone", 10 * MINUTE)], None);
    let table = table(&known, hub(&servers), NOW);
    let rows: Vec<_> = table
        .servers
        .iter()
        .map(|row| (&*row.server, row.state))
        .collect();
    assert_eq!(
        rows,
        [
            ("", ServerState::Running),
            ("gpu", ServerState::Running),
            ("new", ServerState::Starting)
        ]
    );
    assert_eq!(
        (
            table.totals.running,
            table.totals.silent,
            table.totals.starting
        ),
        (2, 1, 1)
    );
}

#[test]
fn who_was_removed_from_the_hub_has_no_row() {
    let mut known = class(vec![contact("", 5_000)], None);
    let mut hear = |user: &str, ago_ms: i64| {
        let servers = vec![contact("", ago_ms)];
        let person = PersonContacts {
            servers,
            watched_ms: None,
        };
        known.contacts.insert(user.to_owned(), person);
    };
    // The Hub was asked four seconds ago, and whoever came since is known to it.
    hear("removed", MINUTE);
    hear("new", 1_000);
    let users = |hub| {
        let servers = table(&known, hub, NOW).servers;
        servers
            .into_iter()
            .map(|row| row.user)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(users(running(30)), ["ana", "new"].map(String::from).into());
    // Without the Hub's word nobody is known to be gone.
    assert_eq!(users(HubKnowledge::NoHub).len(), 3);
}

#[test]
fn who_has_no_server_has_one_row_and_needs_nothing() {
    let row = row_of(&class(vec![contact("", 60 * MINUTE)], None), hub(&[]));
    assert_eq!(row.state, ServerState::None);
    assert!(!row.needs_attention);
    // The Hub's answer is older than what was heard.
    let row = row_of(&class(vec![contact("", 1)], None), hub(&[]));
    assert_eq!(row.state, ServerState::Running);
}

#[test]
fn without_the_hubs_word_the_table_says_what_it_cannot_know() {
    let refused = || HubKnowledge::Hub {
        service: "wall",
        answer: RosterAnswer::Refused,
    };
    let table = table(&class(vec![contact("", 1)], None), refused(), NOW);
    assert_eq!(table.hub.state, HubViewState::Refused);
    assert!(
        table
            .hub
            .remedy
            .unwrap()
            .contains("\"services\": [\"wall\"]")
    );
    assert_eq!(table.servers[0].state, ServerState::Running);
    let silent = row_of(&class(vec![contact("", 10 * MINUTE)], None), refused());
    assert_eq!(silent.state, ServerState::Unknown);
    assert!(!silent.needs_attention, "it may have been stopped");
    let watched = row_of(&class(Vec::new(), Some(NOW - MINUTE)), refused());
    assert!(
        watched.needs_attention && watched.command.is_some(),
        "{watched:?}"
    );
}
