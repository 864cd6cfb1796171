//! What participants' servers have said of themselves by talking to the service: which version of
//! the package they have, when they were last heard, and how their saves arrive.
//!
//! What the Hub says of servers is in [`crate::auth`], and [`crate::setup`] makes one table of
//! both.

mod package;

use std::collections::HashMap;

use parking_lot::Mutex;

pub use package::{is_older, version_of_agent};

use crate::time;

/// Servers of one person that are remembered. Their own longest silent one goes first.
const MAX_SERVERS_OF_ONE: usize = 16;
/// People who are remembered. Who was silent longest goes first.
const MAX_PEOPLE: usize = 10_000;

/// How a save has come to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveWay {
    /// The participant's server has pushed the notebook.
    Pushed,
    /// The participant's server has reported the save, and the notebook was read in the home.
    Reported,
}

/// What a participant's server was heard to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A save has come this way.
    Save(SaveWay),
    /// It has asked for something, as the package does at least every minute.
    Asking,
}

/// What is known of one server of a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its name among those of its participant, empty for the default one.
    pub server: String,
    /// The version of its package, unless it has not said one that can be true.
    pub version: Option<String>,
    /// When it was last heard, in milliseconds since the Unix epoch.
    pub heard_ms: i64,
    /// When it last asked for something, unless it never did: a server with the hook alone reports
    /// saves, and is silent between them.
    pub asked_ms: Option<i64>,
    /// How its last save came.
    pub way: Option<SaveWay>,
}

/// The contacts of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonContacts {
    /// By server, in no order.
    pub servers: Vec<Contact>,
    /// When the service itself last noticed a save in the home, which no server had reported.
    pub watched_ms: Option<i64>,
}

impl PersonContacts {
    /// When something was last heard or noticed of them, in milliseconds since the Unix epoch.
    pub(crate) fn newest_ms(&self) -> i64 {
        let heard = self.servers.iter().map(|contact| contact.heard_ms);
        heard.chain(self.watched_ms).max().unwrap_or(0)
    }
}

/// The contacts of everyone, in memory alone: a server with the package asks for errands at least
/// every minute, so a service that was restarted soon knows them again, and what is older than that
/// says nothing about now.
pub struct Contacts {
    since_ms: i64,
    people: Mutex<HashMap<String, PersonContacts>>,
}

impl Default for Contacts {
    fn default() -> Self {
        Self {
            since_ms: time::now_ms(),
            people: Mutex::default(),
        }
    }
}

impl Contacts {
    /// Since when contacts are remembered.
    #[must_use]
    pub fn since_ms(&self) -> i64 {
        self.since_ms
    }

    /// Notes that the server `server` of `user`, as their token says, was heard at `now_ms`.
    pub fn note(
        &self,
        user: &str,
        server: &str,
        version: Option<String>,
        heard: Heard,
        now_ms: i64,
    ) {
        self.change(user, |person| {
            let known = person.servers.iter().position(|it| it.server == server);
            let at = known.unwrap_or_else(|| {
                if person.servers.len() >= MAX_SERVERS_OF_ONE {
                    let by_age = (0..).zip(&person.servers).min_by_key(|(_, it)| it.heard_ms);
                    let oldest = by_age.map_or(0, |(at, _)| at);
                    person.servers.swap_remove(oldest);
                }
                person.servers.push(Contact {
                    server: server.to_owned(),
                    version: None,
                    heard_ms: now_ms,
                    asked_ms: None,
                    way: None,
                });
                person.servers.len() - 1
            });
            let contact = &mut person.servers[at];
            contact.version = version;
            contact.heard_ms = now_ms;
            match heard {
                Heard::Save(way) => contact.way = Some(way),
                Heard::Asking => contact.asked_ms = Some(now_ms),
            }
        });
    }

    /// Notes that the service itself has noticed a save in the home of `user`.
    pub fn note_watched(&self, user: &str, now_ms: i64) {
        self.change(user, |person| person.watched_ms = Some(now_ms));
    }

    /// What is known of everyone.
    #[must_use]
    pub fn all(&self) -> HashMap<String, PersonContacts> {
        self.people.lock().clone()
    }

    fn change(&self, user: &str, change: impl FnOnce(&mut PersonContacts)) {
        let mut people = self.people.lock();
        if let Some(person) = people.get_mut(user) {
            return change(person);
        }
        if people.len() >= MAX_PEOPLE {
            let by_age = people.iter().min_by_key(|(_, person)| person.newest_ms());
            if let Some(silent) = by_age.map(|(user, _)| user.clone()) {
                people.remove(&silent);
            }
        }
        change(people.entry(user.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_renewed_and_keeps_how_the_last_save_came() {
        let contacts = Contacts::default();
        let version = Some("0.1.0".to_owned());
        let save = Heard::Save(SaveWay::Pushed);
        contacts.note("ana", "", version.clone(), save, 1);
        contacts.note("ana", "", version.clone(), Heard::Asking, 2);
        contacts.note("ana", "lab", None, Heard::Asking, 3);
        contacts.note_watched("ana", 4);
        let ana = &contacts.all()["ana"];
        let default = Contact {
            server: String::new(),
            version,
            heard_ms: 2,
            asked_ms: Some(2),
            way: Some(SaveWay::Pushed),
        };
        assert_eq!(ana.servers[0], default);
        assert_eq!(ana.servers[1].version, None);
        assert_eq!(ana.watched_ms, Some(4));
    }

    #[test]
    fn one_person_with_many_servers_drives_out_their_own_and_nobody_elses() {
        let contacts = Contacts::default();
        contacts.note("ana", "", None, Heard::Asking, 0);
        for n in 0..10_000 {
            contacts.note("mallory", &format!("server-{n}"), None, Heard::Asking, n);
        }
        let all = contacts.all();
        assert_eq!(all["ana"].servers.len(), 1);
        let names: Vec<_> = all["mallory"]
            .servers
            .iter()
            .map(|it| &*it.server)
            .collect();
        assert_eq!(names.len(), MAX_SERVERS_OF_ONE);
        assert!(names.contains(&"server-9999") && !names.contains(&"server-0"));
    }

    #[test]
    fn no_more_people_are_remembered_than_a_hub_has_and_the_most_silent_goes() {
        let contacts = Contacts::default();
        contacts.note("silent", "", None, Heard::Asking, 0);
        for n in 1..=i64::try_from(MAX_PEOPLE).unwrap() {
            contacts.note(&format!("user-{n}"), "", None, Heard::Asking, n);
        }
        let all = contacts.all();
        assert_eq!(all.len(), MAX_PEOPLE);
        assert!(!all.contains_key("silent") && all.contains_key("user-1"));
    }
}
