//! What the saves of the class say of the chosen notebook, for who sees everyone.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::INSIGHT_KIND;
use shared::insight::{SettleRequest, SettledKind};

use super::refetcher::Refetcher;
use crate::api;
use crate::clock::Clock;
use crate::fields::AnswerFields;
use crate::model::failure::RequestFailure;
use crate::model::insight::{GroupLink, PersonInsight, StripColumn, WallInsight};
use crate::model::lane::LanePerson;
use crate::paths;
use crate::session::SessionHandle;
use crate::stream::{EventStream, StreamMessage};

/// Of a notebook that nobody has asked about for long nothing is announced.
const AT_REST_MS: i64 = 30_000;
/// While the service reads the history, the next answer says more.
const CATCH_UP_MS: i64 = 2_000;

/// A handle to what the saves say; belongs to the wall.
#[derive(Clone, Copy)]
pub struct InsightStore {
    insight: RwSignal<Rc<WallInsight>, LocalStorage>,
    filename: RwSignal<Option<String>>,
    catches_up: RwSignal<bool>,
    refetcher: Refetcher,
    session: SessionHandle,
    clock: Clock,
}

impl InsightStore {
    /// A store that asks as soon as a notebook is chosen, for as long as the wall is shown to who
    /// sees everyone.
    pub fn start(session: SessionHandle, stream: EventStream, clock: Clock) -> Self {
        let store = Self {
            insight: RwSignal::new_local(Rc::default()),
            filename: RwSignal::new(None),
            catches_up: RwSignal::new(false),
            refetcher: Refetcher::new(session),
            session,
            clock,
        };
        let address = move || {
            let filename = store.filename.try_get_untracked()??;
            Some(paths::insight(&filename))
        };
        store
            .refetcher
            .configure(address, move |answer| store.take(answer));
        stream.listen(move |message| match message {
            StreamMessage::Announcement(INSIGHT_KIND, data) => {
                let told = AnswerFields::read(data)
                    .ok()
                    .and_then(|it| it.text("filename"));
                let known = store.filename.try_get_untracked().flatten();
                if told.is_some() && told == known {
                    store.refetcher.refetch();
                }
            }
            StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
                store.refetcher.refetch();
            }
            _ => {}
        });
        let asked_ms = StoredValue::new(0);
        Effect::new(move || {
            let now_ms = clock.now_ms();
            let pause_ms = match store.catches_up.get_untracked() {
                true => CATCH_UP_MS,
                false => AT_REST_MS,
            };
            if now_ms - asked_ms.get_value() >= pause_ms {
                asked_ms.set_value(now_ms);
                store.refetcher.refetch();
            }
        });
        store
    }

    /// Asks for another notebook from now on.
    pub fn choose(self, filename: &str) {
        if self
            .filename
            .with_untracked(|known| known.as_deref() == Some(filename))
        {
            return;
        }
        self.filename.set(Some(filename.to_owned()));
        self.insight.set(Rc::default());
        self.refetcher.refetch_now();
    }

    /// What is known, as a signal.
    pub fn current(self) -> Rc<WallInsight> {
        self.insight.get()
    }

    /// The notebook, as a signal.
    pub fn notebook(self) -> String {
        self.filename.get().unwrap_or_default()
    }

    /// What is known, without tracking the signal.
    pub fn current_untracked(self) -> Rc<WallInsight> {
        self.insight.get_untracked()
    }

    /// Says what was done about somebody in the lane.
    pub fn settle(self, user: String, settled: SettledKind) {
        let Some(filename) = self.filename.get_untracked() else {
            return;
        };
        let request = SettleRequest {
            filename,
            user,
            settled,
        };
        let body = serde_json::to_string(&request).ok();
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::text(paths::SETTLED, body, &xsrf.unwrap_or_default()).await;
            if let Err(failure) = &answer {
                self.session.note(failure);
            }
            self.refetcher.refetch_now();
        });
    }

    fn take(self, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| AnswerFields::read(&body)) {
            Ok(fields) => {
                self.clock
                    .observe(fields.number("now_ms").unwrap_or_default());
                self.catches_up.try_set(fields.is("catching_up"));
                let insight = insight_of(&fields);
                if self.insight.try_with_untracked(|known| **known != insight) == Some(true) {
                    self.insight.set(Rc::new(insight));
                }
                true
            }
            Err(failure) => !failure.may_pass(),
        }
    }
}

fn insight_of(fields: &AnswerFields) -> WallInsight {
    let texts = |fields: &AnswerFields, name| fields.text(name).unwrap_or_default();
    let pace = fields.object("pace");
    let people = fields.list("people");
    WallInsight {
        lane: fields.list("lane").iter().map(entry_of).collect(),
        more: fields.count("more"),
        groups: fields
            .list("groups")
            .iter()
            .map(|group| GroupLink {
                id: texts(group, "signature"),
                title: texts(group, "title"),
                place: group
                    .list("places")
                    .first()
                    .and_then(|place| place.text("label"))
                    .unwrap_or_default(),
                people: group.texts("people"),
                solved: group.count("solved"),
                median_solved_ms: group.number("median_solved_ms"),
            })
            .collect(),
        columns: pace.list("columns").iter().map(column_of).collect(),
        instructor: place(&pace, "instructor"),
        furthest: pace
            .part("furthest")
            .map(|furthest| ["a_tenth", "half", "nine_tenths"].map(|share| furthest.count(share))),
        people: people
            .iter()
            .map(|person| {
                let known = PersonInsight {
                    cells: texts(person, "cells"),
                    has_asked: person.is("has_asked"),
                    error: person.text("error"),
                    is_helped: person.is("helped_ms"),
                };
                (texts(person, "user"), known)
            })
            .collect(),
    }
}

fn place(fields: &AnswerFields, name: &str) -> Option<usize> {
    fields.number(name).and_then(|at| at.try_into().ok())
}

fn entry_of(fields: &AnswerFields) -> LanePerson {
    let reasons = fields.list("reasons");
    LanePerson {
        user: fields.text("user").unwrap_or_default(),
        entered_ms: fields.number("entered_ms").unwrap_or_default(),
        reasons: reasons.iter().filter_map(|it| it.text("words")).collect(),
        is_solved: fields.is("solved_ms"),
        has_asked: fields.is("asked_ms"),
    }
}

fn column_of(fields: &AnswerFields) -> StripColumn {
    StripColumn {
        anchor: fields
            .number("anchor")
            .and_then(|it| it.try_into().ok())
            .unwrap_or_default(),
        heading: fields.text("heading").unwrap_or_default(),
        is_exercise: fields.is("is_exercise"),
        people: ["done", "ran", "failed", "edited", "not_reached"].map(|state| fields.count(state)),
        most_have_done: fields.is("most_have_done"),
    }
}
