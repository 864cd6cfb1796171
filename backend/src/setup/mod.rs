//! How each participant's saves arrive, which version of the package their servers have, and what
//! to do where something is missing: one table of what the Hub tells of servers, what servers say
//! of themselves ([`crate::contacts`]) and what the class has saved.
//!
//! `judge.rs` says of one server how it is, `headline.rs` of all what there is to do.

mod headline;
mod judge;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use shared::setup::{
    HubView, HubViewState, SaveArrival, ServerState, SetupResponse, SetupRow, SetupTotals,
};

use self::{
    headline::headline,
    judge::{Evidence, judge},
};
use crate::{
    auth::{HubServer, HubServerState, Roster, RosterAnswer},
    class::{Class, CopyId},
    contacts::{Contact, PersonContacts},
    copies::server_of,
    time,
};

/// The version of the service, which the package should have.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rows of one answer.
const MAX_ROWS: usize = 5_000;

/// What is known of the Hub's servers.
pub enum HubKnowledge<'a> {
    /// There is no Hub.
    NoHub,
    /// What the Hub has answered to the service of this name.
    Hub {
        /// The service's name in the Hub.
        service: &'a str,
        /// The answer.
        answer: RosterAnswer,
    },
}

/// The table, as of now.
#[must_use]
pub fn setup(class: &Class, hub: HubKnowledge<'_>) -> SetupResponse {
    let pushed = class.copies().pushed();
    let known = ServiceKnowledge {
        contacts: class.contacts().all(),
        since_ms: class.contacts().since_ms(),
        saves: class.saves().into(),
        pushing: pushed
            .iter()
            .flat_map(|pushed| pushed.list(None))
            .map(|(copy, record)| (copy.user, record.server))
            .collect(),
    };
    table(&known, hub, time::now_ms())
}

/// What the service itself knows of participants.
struct ServiceKnowledge {
    contacts: HashMap<String, PersonContacts>,
    /// Since when contacts are remembered.
    since_ms: i64,
    saves: LastSaves,
    /// The participants and servers of which pushed notebooks are kept.
    pushing: BTreeSet<(String, String)>,
}

/// When each participant saved last, on any server and on each, in milliseconds since the Unix
/// epoch.
#[derive(Default)]
struct LastSaves {
    of_person: HashMap<String, i64>,
    of_server: HashMap<(String, String), i64>,
}

impl From<Vec<(CopyId, i64)>> for LastSaves {
    fn from(saves: Vec<(CopyId, i64)>) -> Self {
        let mut last = Self::default();
        for (copy, saved_ms) in saves.into_iter().filter(|(_, saved_ms)| *saved_ms > 0) {
            let server = server_of(&copy.filename).to_owned();
            let of_server = last.of_server.entry((copy.user.clone(), server));
            let of_server = of_server.or_insert(saved_ms);
            *of_server = saved_ms.max(*of_server);
            let of_person = last.of_person.entry(copy.user).or_insert(saved_ms);
            *of_person = saved_ms.max(*of_person);
        }
        last
    }
}

fn table(known: &ServiceKnowledge, hub: HubKnowledge<'_>, now_ms: i64) -> SetupResponse {
    let (view, roster) = view(hub);
    let mut rows = Vec::new();
    for user in users(known, roster.as_deref()) {
        rows.extend(rows_of(user, known, roster.as_deref(), now_ms));
    }
    let totals = totals(&rows);
    let (headline, command) = headline(&totals);
    rows.sort_by(|one, other| {
        let key = |row: &SetupRow| (!row.needs_attention, order(row.state));
        let by_need = key(one).cmp(&key(other));
        by_need
            .then_with(|| one.user.cmp(&other.user))
            .then_with(|| one.server.cmp(&other.server))
    });
    let is_complete = rows.len() <= MAX_ROWS && roster.is_none_or(|roster| roster.is_complete);
    rows.truncate(MAX_ROWS);
    SetupResponse {
        headline,
        command,
        version: VERSION.to_owned(),
        now_ms,
        hub: view,
        totals,
        servers: rows,
        is_complete,
    }
}

/// Everyone whom the Hub, a server of theirs or a notebook names. Whoever was only heard, before the
/// Hub said that it has no such user, was removed.
fn users<'a>(known: &'a ServiceKnowledge, roster: Option<&'a Roster>) -> BTreeSet<&'a str> {
    let of_hub = roster.into_iter().flat_map(|roster| roster.users.keys());
    let of_pushes = known.pushing.iter().map(|(user, _)| user);
    let complete = roster.filter(|roster| roster.is_complete);
    let is_removed = |heard_ms: i64| {
        complete.is_some_and(|roster| heard_ms + judge::CLOCK_SLACK_MS < roster.asked_ms)
    };
    let heard = known
        .contacts
        .iter()
        .filter(|(_, it)| !is_removed(it.newest_ms()));
    of_hub
        .chain(heard.map(|(user, _)| user))
        .chain(known.saves.of_person.keys())
        .chain(of_pushes)
        .map(String::as_str)
        .collect()
}

/// A row for each server of `user` that runs or is heard, or one without a server.
fn rows_of(
    user: &str,
    known: &ServiceKnowledge,
    roster: Option<&Roster>,
    now_ms: i64,
) -> Vec<SetupRow> {
    let none = BTreeMap::new();
    let of_hub = roster.map(|roster| roster.users.get(user).unwrap_or(&none));
    let person = known.contacts.get(user);
    let contacts: BTreeMap<&str, &Contact> = person
        .into_iter()
        .flat_map(|person| &person.servers)
        .map(|contact| (&*contact.server, contact))
        .collect();
    let evidence = |server: &str| {
        let in_hub = of_hub.map(|servers| servers.get(server));
        let key = (user.to_owned(), server.to_owned());
        let of_server = known.saves.of_server.get(&key);
        // A home is one for all servers of a participant, and its notebooks name none.
        let is_pushing = known.pushing.contains(&key);
        let saved_ms = match is_pushing {
            true => of_server,
            false => of_server.or_else(|| known.saves.of_person.get(user)),
        };
        let pushes = known
            .pushing
            .range((user.to_owned(), String::new())..)
            .next();
        let has_home_copies =
            pushes.is_none_or(|(of, _)| of != user) && known.saves.of_person.contains_key(user);
        Evidence {
            in_hub: in_hub.map(|server| server.map_or((ServerState::None, None), state_of)),
            hub_asked_ms: roster.map_or(0, |roster| roster.asked_ms),
            contact: contacts.get(server).copied(),
            since_ms: known.since_ms,
            saved_ms: saved_ms.copied(),
            is_pushing,
            watched_ms: person.and_then(|person| person.watched_ms),
            has_home_copies,
            now_ms,
        }
    };
    let started = of_hub
        .into_iter()
        .flat_map(BTreeMap::keys)
        .map(String::as_str);
    let names: BTreeSet<&str> = started.chain(contacts.keys().copied()).collect();
    let mut rows: Vec<SetupRow> = names
        .into_iter()
        .map(|server| judge(user, server, &evidence(server)))
        .filter(|row| row.state != ServerState::None)
        .collect();
    if rows.is_empty() {
        rows.push(judge(user, "", &evidence("")));
    }
    rows
}

fn state_of(server: &HubServer) -> (ServerState, Option<i64>) {
    let state = match server.state {
        HubServerState::Ready => ServerState::Running,
        HubServerState::Starting => ServerState::Starting,
        HubServerState::Stopping => ServerState::None,
    };
    (state, server.started_ms)
}

fn order(state: ServerState) -> u8 {
    match state {
        ServerState::Running => 0,
        ServerState::Starting => 1,
        ServerState::Unknown => 2,
        ServerState::None => 3,
    }
}

fn totals(rows: &[SetupRow]) -> SetupTotals {
    let mut totals = SetupTotals::default();
    for row in rows {
        match row.state {
            ServerState::Starting => totals.starting += 1,
            ServerState::None => totals.without_server += 1,
            ServerState::Unknown => {}
            ServerState::Running => {
                totals.running += 1;
                let is_silent = matches!(row.saves, SaveArrival::Watched | SaveArrival::Not);
                totals.silent += usize::from(is_silent && row.needs_attention);
                totals.reporting += usize::from(!is_silent);
                let is_watched = row.saves == SaveArrival::Watched && row.needs_attention;
                totals.watched += usize::from(is_watched);
                totals.older += usize::from(row.is_older && !is_silent);
            }
        }
    }
    totals
}

/// What the service can know of the Hub's servers, and what it knows.
fn view(hub: HubKnowledge<'_>) -> (HubView, Option<Arc<Roster>>) {
    let (service, answer) = match hub {
        HubKnowledge::NoHub => {
            let view = HubView {
                state: HubViewState::None,
                message: "There is no Hub: these are the participants who have saved.".to_owned(),
                remedy: None,
            };
            return (view, None);
        }
        HubKnowledge::Hub { service, answer } => (service, answer),
    };
    match answer {
        RosterAnswer::Known(roster) => {
            let message = match roster.is_complete {
                true => String::new(),
                false => "The Hub has more users than are listed here: those with a server come \
                          first."
                    .to_owned(),
            };
            let view = HubView {
                state: HubViewState::Known,
                message,
                remedy: None,
            };
            (view, Some(roster))
        }
        RosterAnswer::Refused => {
            let view = HubView {
                state: HubViewState::Refused,
                message: "The Hub does not let this service list users and their servers: those \
                          whose server has never reported are missing here, and whether a silent \
                          server runs is not known."
                    .to_owned(),
                remedy: Some(format!(
                    "Let pipalhub.configure(c) of this version add the role, or add to \
                     c.JupyterHub.load_roles: {{\"name\": \"pipalhub-service\", \"scopes\": \
                     [\"list:users\", \"read:servers\"], \"services\": [\"{service}\"]}}; then \
                     restart the Hub."
                )),
            };
            (view, None)
        }
        RosterAnswer::Unanswered(last) => {
            let message = match &last {
                Some(last) => format!(
                    "The Hub does not answer: which servers run is as of {}.",
                    time::for_people(last.asked_ms)
                ),
                None => "The Hub does not answer, so which servers run is not known.".to_owned(),
            };
            let view = HubView {
                state: HubViewState::Unanswered,
                message,
                remedy: Some("Wait a moment; if it stays so, see the Hub's log.".to_owned()),
            };
            (view, last)
        }
    }
}

#[cfg(test)]
mod tests;
