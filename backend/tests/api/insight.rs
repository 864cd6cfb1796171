//! `/api/insight`: what the saves of a class say, over the whole way from a save to the answer.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use shared::{
    announcements::INSIGHT_KIND,
    insight::{HandoutOrigin, InsightResponse, LaneEntry, ReasonKind},
};

use crate::{app::App, common::eventually};

pub(super) const FILENAME: &str = "lesson.ipynb";
const INSIGHT: &str = "api/insight?filename=lesson.ipynb";
pub(super) const CLASS: [&str; 6] = ["ana", "bo", "cyril", "dora", "eve", "fay"];

/// What a kernel has answered.
#[derive(Clone, Copy)]
pub(super) enum KernelAnswer {
    Nothing,
    Fine(u32),
    Failed(u32, &'static str, &'static str),
}
pub(super) use KernelAnswer::{Failed, Fine, Nothing};

fn text(source: &str) -> Value {
    json!({"cell_type": "markdown", "metadata": {}, "source": source})
}

pub(super) fn code(source: &str, outcome: KernelAnswer) -> Value {
    let (count, outputs) = match outcome {
        Nothing => (None, json!([])),
        Fine(count) => (Some(count), json!([])),
        Failed(count, name, value) => (
            Some(count),
            json!([{"output_type": "error", "ename": name, "evalue": value,
                "traceback": [format!("Cell In[{count}], line 1")]}]),
        ),
    };
    json!({"cell_type": "code", "metadata": {}, "source": source, "execution_count": count,
        "outputs": outputs})
}

/// The lesson with other cells in the place of some, and a private one.
fn lesson(changes: &[(usize, Value)]) -> String {
    let mut secret = code(
        "secret_canary = 1",
        Failed(1, "PrivateCanaryError", "name 'canary' is not defined"),
    );
    secret["metadata"] = json!({"tags": ["private"]});
    let mut cells = vec![
        text("# Tables"),
        code("import pandas as pd", Nothing),
        text("## Reading"),
        code("df.head()", Nothing),
        text("## Exercise 1"),
        code("x = ...", Nothing),
    ];
    for (at, cell) in changes {
        match cells.get_mut(*at) {
            Some(old) => *old = cell.clone(),
            None => cells.push(cell.clone()),
        }
    }
    cells.push(secret);
    json!({"cells": cells, "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4, "nbformat_minor": 4})
    .to_string()
}

/// A class whose saves have their times: so many seconds after it began, eight minutes ago.
pub(super) struct LessonClass {
    pub(super) app: App,
    begun: SystemTime,
}

impl LessonClass {
    pub(super) async fn begin() -> Self {
        let app = App::with_hub().await;
        // Who sees everyone is known once they were here.
        app.instructor().get("api/session").await;
        let begun = SystemTime::now() - Duration::from_secs(480);
        let class = Self { app, begun };
        class.save("ines", 0, &[]).await;
        for (at, user) in CLASS.into_iter().enumerate() {
            class.save(user, 1 + at as u64, &[]).await;
        }
        class
    }

    /// Saves, and returns when the version is in the history.
    pub(super) async fn save(&self, user: &str, second: u64, changes: &[(usize, Value)]) {
        let list = format!("api/history?filename={FILENAME}&user={user}");
        let instructor = self.app.instructor();
        let versions = async || {
            let list = instructor.json(&list).await;
            list["versions"].as_array().unwrap().len()
        };
        let before = versions().await;
        let path = self.app.save_text(user, FILENAME, &lesson(changes));
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(self.begun + Duration::from_secs(second))
            .unwrap();
        let event = self.app.save_event(user, FILENAME);
        let server = self.app.token(&format!("server-{user}"));
        server.post_event(&event).await;
        eventually(async || (versions().await > before).then_some(())).await;
    }

    /// Everyone runs the first cell. Three have an error in the second, one of them four times, and
    /// one has solved it; two look for a file of their own.
    pub(super) async fn work(&self) {
        let import = |count| (1, code("import pandas as pd", Fine(count)));
        for (at, user) in CLASS.into_iter().enumerate() {
            self.save(user, 30 + at as u64, &[import(1)]).await;
        }
        let undefined = |count| {
            let outcome = Failed(count, "NameError", "name 'df' is not defined");
            (3, code("df.head()", outcome))
        };
        for user in ["bo", "cyril", "dora"] {
            self.save(user, 60, &[import(1), undefined(2)]).await;
        }
        for run in 0..4 {
            let changes = [import(1), undefined(run + 2)];
            self.save("ana", 61 + 60 * u64::from(run), &changes).await;
        }
        let solved = (3, code("df = 1\ndf.head()", Fine(3)));
        self.save("dora", 242, &[import(1), solved]).await;
        let missing = [
            (
                "eve",
                "[Errno 2] No such file or directory: '/home/eve/eve.csv'",
            ),
            (
                "fay",
                "[Errno 2] No such file or directory: '/home/fay/fay.csv'",
            ),
        ];
        for (user, words) in missing {
            let own = code("open(mine)", Failed(2, "FileNotFoundError", words));
            self.save(user, 243, &[import(1), (6, own)]).await;
        }
    }

    pub(super) async fn insight(&self) -> InsightResponse {
        let answer = self.app.helper().json(INSIGHT).await;
        serde_json::from_value(answer).unwrap()
    }

    /// The answer once everything is in it.
    pub(super) async fn settled_insight(&self) -> InsightResponse {
        eventually(async || {
            let answer = self.insight().await;
            (!answer.catching_up && answer.people.len() == CLASS.len()).then_some(answer)
        })
        .await
    }
}

fn users(lane: &[LaneEntry]) -> Vec<&str> {
    lane.iter().map(|entry| &*entry.user).collect()
}

#[tokio::test]
async fn saves_of_a_class_say_who_needs_someone_what_goes_wrong_and_how_far_all_are() {
    let class = LessonClass::begin().await;
    class.work().await;
    let answer = class.settled_insight().await;
    assert!(answer.now_ms >= answer.as_of_ms, "{answer:#?}");

    assert_eq!(users(&answer.lane), ["ana"], "{answer:#?}");
    let first = &answer.lane[0].reasons[0];
    assert_eq!(first.kind, ReasonKind::SameError);
    let words = &first.words;
    assert!(words.starts_with("same NameError df 4 runs, "), "{words}");
    assert!(words.ends_with(" min"), "{words}");
    assert_eq!(answer.more, 0);

    let undefined = &answer.groups[0];
    assert_eq!(undefined.title, "NameError df");
    assert_eq!(undefined.people, ["ana", "bo", "cyril"]);
    assert_eq!(
        (undefined.solved, undefined.median_solved_ms),
        (1, Some(182_000))
    );
    let place = &undefined.places[0];
    assert_eq!((&*place.label, place.count), ("Reading", 3));

    let pace = answer.pace.as_ref().unwrap();
    assert_eq!(pace.handout, HandoutOrigin::Instructor);
    assert_eq!(pace.active, 6);
    let counts = pace.columns.iter().map(|column| {
        (
            column.heading.as_deref().unwrap(),
            [
                column.done,
                column.ran,
                column.failed,
                column.edited,
                column.not_reached,
            ],
        )
    });
    let expected = [
        ("Tables", [6, 0, 0, 0, 0]),
        ("Reading", [1, 0, 3, 0, 2]),
        ("Exercise 1", [0, 0, 0, 0, 6]),
    ];
    assert_eq!(counts.collect::<Vec<_>>(), expected);
    assert!(pace.columns[0].most_have_done && pace.columns[2].is_exercise);
    assert_eq!(place.anchor, Some(pace.columns[1].anchor));

    let people: Vec<&str> = answer.people.iter().map(|it| &*it.user).collect();
    assert_eq!(people, CLASS, "the instructor is none of them");
    assert_eq!(answer.people[0].error.as_ref(), Some(&undefined.signature));
    assert_eq!(answer.people[3].error, None, "dora has solved it");
    assert_eq!(answer.people[0].furthest, Some(1));
    assert_eq!(answer.people[0].cells, "dfn");
    assert_eq!(answer.people[3].cells, "ddn", "dora has solved it");

    // Nothing private, and of no error the name or the home of whoever has it.
    let missing = &answer.groups[1];
    assert_eq!(
        missing.people,
        ["eve", "fay"],
        "one error, whatever the names"
    );
    assert_eq!(missing.places[0].anchor, None);
    let said = serde_json::to_string(&answer).unwrap();
    assert!(!said.to_lowercase().contains("canary"), "{said}");
    for group in &answer.groups {
        for name in ["eve", "fay", "home"] {
            assert!(!group.title.contains(name), "{}", group.title);
        }
    }
}

#[tokio::test]
async fn a_copy_that_was_deleted_while_the_service_was_away_counts_no_more() {
    let LessonClass { app, begun } = LessonClass::begin().await;
    fs::remove_file(app.home("fay").join(FILENAME)).unwrap();
    let app = app.restarted(false).await;
    app.built().await;
    app.instructor().get("api/session").await;
    let class = LessonClass { app, begun };
    let people = eventually(async || {
        let answer = class.insight().await;
        let people = answer.people.into_iter().map(|it| it.user);
        (!answer.catching_up).then(|| people.collect::<Vec<_>>())
    })
    .await;
    assert_eq!(people, CLASS[..5], "fay's is gone");
}

#[tokio::test]
async fn a_restart_comes_to_the_same_and_knows_who_was_helped() {
    let class = LessonClass::begin().await;
    class.work().await;
    let live = class.settled_insight().await;
    let restart = async |LessonClass { app, begun }: LessonClass| {
        let app = app.restarted(false).await;
        app.built().await;
        app.instructor().get("api/session").await;
        LessonClass { app, begun }
    };
    let class = restart(class).await;
    let again = class.settled_insight().await;
    assert_eq!(again.groups, live.groups);
    assert_eq!(again.pace, live.pace);
    assert_eq!(again.people, live.people);
    assert_eq!(users(&again.lane), users(&live.lane));
    assert_eq!(again.lane[0].entered_ms, live.lane[0].entered_ms);

    // A helper may say so, which changes nothing of anybody's.
    let helped = json!({"filename": FILENAME, "user": "ana", "settled": "helped"});
    let response = class
        .app
        .helper()
        .post("api/insight/settled", &helped)
        .await;
    assert_eq!(response.status(), 204);
    let of_ana = |answer: &InsightResponse| answer.people[0].helped_ms;
    let answer = class.settled_insight().await;
    assert!(answer.lane.is_empty(), "{:?}", answer.lane);
    let helped_ms = of_ana(&answer).unwrap();
    assert!((0..60_000).contains(&(answer.now_ms - helped_ms)));
    let class = restart(class).await;
    let again = class.settled_insight().await;
    assert!(again.lane.is_empty(), "{:?}", again.lane);
    assert_eq!(of_ana(&again), Some(helped_ms));

    // Another error brings them back at once.
    for run in 0..4 {
        let outcome = Failed(9 + run, "KeyError", "'price'");
        let change = (5, code("x = df['price']", outcome));
        class.save("ana", 470 + u64::from(run), &[change]).await;
    }
    let back = eventually(async || {
        let answer = class.insight().await;
        answer.lane.first().map(|entry| entry.user.clone())
    });
    assert_eq!(back.await, "ana");
}

#[tokio::test]
async fn pages_are_told_of_another_answer() {
    let class = LessonClass::begin().await;
    class.settled_insight().await;
    let stream = class.app.helper().get("events/stream").await;
    let failed = Failed(1, "KeyError", "'price'");
    class
        .save("ana", 60, &[(3, code("df['price']", failed))])
        .await;
    class
        .save("bo", 61, &[(3, code("df['price']", failed))])
        .await;
    let told = format!("event: {INSIGHT_KIND}\ndata: {{\"filename\":\"{FILENAME}\"}}\n");
    let mut stream = stream;
    let mut heard = String::new();
    while !heard.contains(&told) {
        let chunk = tokio::time::timeout(Duration::from_secs(60), stream.chunk());
        let chunk = chunk.await.unwrap().unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let answer = class.settled_insight().await;
    assert_eq!(answer.groups[0].title, "KeyError 'price'");
}

#[tokio::test]
async fn participants_are_refused_and_mistakes_are_named() {
    let class = LessonClass::begin().await;
    let helper = class.app.helper();
    let error = async |response: reqwest::Response| {
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (
            status,
            body["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let settled = |filename: &str, user: &str, settled: &str| json!({"filename": filename, "user": user, "settled": settled});
    const SETTLED: &str = "api/insight/settled";

    let participant = class.app.participant("ana");
    let (status, said) = error(participant.get(INSIGHT).await).await;
    assert_eq!(
        (status, &*said),
        (403, "Only instructors and helpers may see this.")
    );
    let body = settled(FILENAME, "ana", "helped");
    assert_eq!(participant.post(SETTLED, &body).await.status(), 403);

    let (status, said) = error(helper.get("api/insight?filename=none.ipynb").await).await;
    assert_eq!(status, 404);
    assert!(
        said.contains("none.ipynb") && said.contains("GET /api/notebooks"),
        "{said}"
    );
    let (status, said) = error(helper.get("api/insight").await).await;
    assert_eq!(status, 400);
    assert!(said.contains("filename"), "{said}");

    let body = settled(FILENAME, "zoe", "helped");
    let (status, said) = error(helper.post(SETTLED, &body).await).await;
    assert_eq!(status, 404);
    assert!(
        said.contains("zoe") && said.contains("GET /api/insight"),
        "{said}"
    );
    let body = settled(FILENAME, "ana", "solved");
    let (status, said) = error(helper.post(SETTLED, &body).await).await;
    assert_eq!(status, 400);
    assert!(said.contains("solved") && said.contains("helped"), "{said}");
    let body = settled("../x.ipynb", "ana", "helped");
    let (status, said) = error(helper.post(SETTLED, &body).await).await;
    assert_eq!(status, 400, "{said}");
}
