//! Who is no participant, and the participants' groups of the Hub, for who sees everyone.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::PeopleResponse;

use super::refetcher::Refetcher;
use crate::answers;
use crate::model::arrangement::{People, PeopleGroup};
use crate::paths;
use crate::session::SessionHandle;

/// How often they are asked for again: they change when somebody new signs in.
const INTERVAL_MS: u32 = 60_000;

/// A handle to what is known of people; belongs to the wall.
#[derive(Clone, Copy)]
pub struct PeopleStore {
    people: RwSignal<Rc<People>, LocalStorage>,
    refetcher: Refetcher,
}

impl PeopleStore {
    /// Starts asking, for as long as the wall is shown to who sees everyone.
    pub fn start(session: SessionHandle) -> Self {
        let store = Self {
            people: RwSignal::new_local(Rc::default()),
            refetcher: Refetcher::new(session),
        };
        let sees_everyone = session
            .who_untracked()
            .is_some_and(|who| who.role.sees_everyone());
        if !sees_everyone {
            return store;
        }
        let address = || Some(paths::PEOPLE.to_owned());
        store.refetcher.configure(address, move |answer| {
            let read = answer.and_then(|body| answers::read::<PeopleResponse>(&body));
            match read {
                Ok(answer) => {
                    store.take(answer);
                    true
                }
                Err(failure) => !failure.may_pass(),
            }
        });
        spawn_local(async move {
            while store.people.try_get_untracked().is_some() {
                store.refetcher.refetch();
                TimeoutFuture::new(INTERVAL_MS).await;
            }
        });
        store
    }

    /// What is known, as a signal.
    pub fn current(self) -> Rc<People> {
        self.people.get()
    }

    /// What is known, without tracking the signal.
    pub fn current_untracked(self) -> Rc<People> {
        self.people.get_untracked()
    }

    fn take(self, answer: PeopleResponse) {
        let groups = answer.groups.into_iter().map(|group| PeopleGroup {
            name: group.name,
            members: group.members,
        });
        let people = People {
            staff: answer.staff,
            groups: groups.collect(),
        };
        if self.people.try_with_untracked(|known| **known != people) == Some(true) {
            self.people.set(Rc::new(people));
        }
    }
}
