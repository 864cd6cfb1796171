//! `/api/help`: from the press in JupyterLab to the helper who comes, over HTTP.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::{
    announcements::HELP_KIND,
    help::{
        ClaimResponse, DoneRound, HelpQueue, HelpTicket, MAX_HELP_TEXT_CHARS, MyNote, NoteKind,
        TicketEnd, TicketState,
    },
    insight::InsightResponse,
};

use crate::{app::App, clients::TestClient, common::eventually};

const FILENAME: &str = "lesson.ipynb";

async fn put(client: &TestClient<'_>, body: &Value) -> Response {
    let request = client.request(Method::PUT, "api/help/mine").json(body);
    request.send().await.unwrap()
}

async fn press(client: &TestClient<'_>, note: Option<&str>) -> MyNote {
    let response = put(client, &json!({"note": note, "filename": FILENAME})).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// The number of the ticket that this participant opens.
async fn ask(app: &App, user: &str) -> i64 {
    let mine = press(&app.participant(user), Some("help")).await;
    mine.ticket.unwrap().id
}

async fn mine(app: &App, user: &str) -> MyNote {
    let mine = app.participant(user).json("api/help/mine").await;
    serde_json::from_value(mine).unwrap()
}

async fn queue(app: &App) -> HelpQueue {
    let queue = app.observer().json("api/help").await;
    serde_json::from_value(queue).unwrap()
}

async fn at(client: &TestClient<'_>, ticket: i64, what: &str) -> Response {
    client
        .post(&format!("api/help/{ticket}/{what}"), &json!({}))
        .await
}

async fn ticket(response: Response) -> HelpTicket {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn refusal(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    (status, body["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn of_fifty_who_claim_a_ticket_at_once_one_has_it() {
    let app = App::with_hub().await;
    let id = ask(&app, "ana").await;
    let helpers: Vec<String> = (0..50).map(|at| format!("h{at}")).collect();
    let claims = helpers.iter().map(async |helper| {
        let helper = app.token(&format!("oauth-{helper}"));
        at(&helper, id, "claim").await
    });
    let answers = join_all(claims).await;
    let (mut claimed, mut refused) = (Vec::new(), Vec::new());
    for (helper, answer) in helpers.iter().zip(answers) {
        match answer.status() {
            StatusCode::OK => claimed.push(helper),
            _ => refused.push(refusal(answer).await),
        }
    }
    assert_eq!((claimed.len(), refused.len()), (1, 49));
    let named = format!("{} has the ticket of ana already.", claimed[0]);
    for refusal in refused {
        assert_eq!(refusal, (StatusCode::CONFLICT, named.clone()));
    }
    let shown = &queue(&app).await.tickets[0];
    assert_eq!(shown.helper.as_ref(), Some(claimed[0]));
    assert_eq!(shown.state, TicketState::Claimed);
    // Who has it may say so again.
    let holder = app.token(&format!("oauth-{}", claimed[0]));
    ticket(at(&holder, id, "claim").await).await;
    assert_eq!(
        mine(&app, "ana").await.ticket.unwrap().helper.as_ref(),
        Some(claimed[0])
    );
}

#[tokio::test]
async fn a_participant_sees_their_own_place_and_nobody_elses() {
    let app = App::with_hub().await;
    ask(&app, "ana").await;
    let own = press(&app.participant("bob"), Some("help")).await;
    assert_eq!((own.note, own.waiting), (Some(NoteKind::Help), 2));
    assert_eq!(own.ticket.unwrap().place, Some(2));
    let text = app.participant("bob").get("api/help/mine").await;
    let text = text.text().await.unwrap();
    assert!(!text.contains("ana"), "{text}");
    let body = json!({"note": "help", "text": format!("it\u{7} is\n red {}", "é".repeat(180)),
        "filename": "of-nobody.ipynb"});
    assert_eq!(put(&app.participant("ana"), &body).await.status(), 200);
    let queue = queue(&app).await;
    let first = &queue.tickets[0];
    assert!(first.text.starts_with("it is red é"), "{}", first.text);
    assert_eq!((&*first.user, first.filename.as_ref()), ("ana", None));

    let paused = json!({"note": "help", "paused": true});
    let own: MyNote = put(&app.participant("ana"), &paused)
        .await
        .json()
        .await
        .unwrap();
    let own = own.ticket.unwrap();
    assert_eq!((own.state, own.place), (TicketState::Paused, None));
    assert_eq!(mine(&app, "bob").await.ticket.unwrap().place, Some(1));
    let (status, said) = refusal(at(&app.helper(), own.id, "claim").await).await;
    assert_eq!(status, 409);
    assert_eq!(said, "ana wants nobody just now, and keeps their place.");

    let done = press(&app.participant("bob"), Some("done")).await;
    assert_eq!((done.note, done.ticket), (Some(NoteKind::Done), None));
    let recent = self::queue(&app).await.recent;
    assert_eq!((&*recent[0].by, recent[0].end), ("bob", TicketEnd::Solved));
    assert_eq!(press(&app.participant("bob"), None).await.note, None);
}

#[tokio::test]
async fn helpers_help_release_and_undo() {
    let app = App::with_hub().await;
    let [ana, bob] = [ask(&app, "ana").await, ask(&app, "bob").await];
    let (helga, hari) = (app.helper(), app.token("oauth-hari"));
    let body = json!({"ids": [ana, bob, 999]});
    at(&hari, ana, "claim").await;
    let answer: ClaimResponse = helga
        .post("api/help/claim", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer.claimed, [bob]);
    assert_eq!((answer.held[0].id, &*answer.held[0].helper), (ana, "hari"));
    for body in [
        json!({}),
        json!({"ids": [1], "error": {"signature": "x"}}),
        json!({"ids": vec![1; 101]}),
    ] {
        assert_eq!(
            helga.post("api/help/claim", &body).await.status(),
            400,
            "{body}"
        );
    }

    assert_eq!(refusal(at(&helga, ana, "release").await).await.0, 409);
    let released = ticket(at(&hari, ana, "release").await).await;
    assert_eq!(
        (released.state, released.was_with),
        (TicketState::Waiting, None)
    );
    let again = ticket(at(&hari, ana, "undo").await).await;
    assert_eq!(again.helper.as_deref(), Some("hari"));

    // Whoever was there may have forgotten it, so others may say so.
    assert_eq!(at(&helga, ana, "done").await.status(), 204);
    assert_eq!(mine(&app, "ana").await.note, None);
    assert_eq!(refusal(at(&hari, ana, "undo").await).await.0, 409);
    let back = ticket(at(&helga, ana, "undo").await).await;
    assert_eq!(
        (back.helper.as_deref(), back.helped_today),
        (Some("hari"), 0)
    );
    assert_eq!(at(&hari, ana, "done").await.status(), 204);
    let (status, said) = refusal(at(&hari, ana, "claim").await).await;
    assert_eq!(status, 404);
    assert_eq!(said, format!("There is no open ticket {ana}."));
    assert_eq!(refusal(at(&hari, 7_777, "done").await).await.0, 404);
    assert_eq!(
        refusal(hari.post("api/help/x/done", &json!({})).await)
            .await
            .0,
        404
    );
    ask(&app, "ana").await;
    assert_eq!(queue(&app).await.tickets[0].helped_today, 1);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let app = App::with_hub().await;
    let [ana, _] = [ask(&app, "ana").await, ask(&app, "bob").await];
    at(&app.helper(), ana, "claim").await;
    let round = app.helper().post("api/help/round", &json!({})).await;
    assert_eq!(round.status(), 201);
    press(&app.participant("cy"), Some("done")).await;
    let untimed = |queue: HelpQueue| HelpQueue { now_ms: 0, ..queue };
    let before = untimed(queue(&app).await);
    assert_eq!((before.tickets.len(), before.done.len()), (2, 1));
    let app = app.restarted(false).await;
    assert_eq!(untimed(queue(&app).await), before);
    let own = mine(&app, "ana").await.ticket.unwrap();
    assert_eq!((own.id, own.helper.as_deref()), (ana, Some("helga")));
}

#[tokio::test]
async fn the_class_is_asked_whether_it_is_done() {
    let app = App::with_hub().await;
    press(&app.participant("ana"), Some("done")).await;
    let unknown = json!({"filename": "none.ipynb"});
    assert_eq!(
        app.helper().post("api/help/round", &unknown).await.status(),
        404
    );
    let response = app.helper().post("api/help/round", &json!({})).await;
    let round: DoneRound = response.json().await.unwrap();
    assert_eq!((&*round.by, round.done.len()), ("helga", 0));
    let asked = mine(&app, "ana").await.round.unwrap();
    assert_eq!((asked.id, asked.answered), (round.id, false));
    press(&app.participant("ana"), Some("done")).await;
    ask(&app, "bob").await;
    let answered = queue(&app).await.round.unwrap();
    assert_eq!(
        (answered.done, answered.help),
        (vec!["ana".into()], vec!["bob".into()])
    );
    assert!(mine(&app, "bob").await.round.unwrap().answered);
    for _ in 0..2 {
        let end = app.helper().request(Method::DELETE, "api/help/round");
        assert_eq!(end.send().await.unwrap().status(), 204);
    }
    assert_eq!(mine(&app, "bob").await.round, None);
    assert_eq!(queue(&app).await.done, ["ana"]);
}

#[tokio::test]
async fn who_is_concerned_is_told_at_once() {
    let app = App::with_hub().await;
    let begin = mine(&app, "ana").await.cursor;
    let wait = |after: i64| format!("api/help/mine?after={after}&wait=25");
    let asked = ask(&app, "ana").await;
    // What has happened since is answered without a wait.
    let news = app.participant("ana").json(&wait(begin)).await;
    let cursor = news["cursor"].as_i64().unwrap();
    let waiting = app.participant("ana");
    let helper = app.helper();
    let begun = Instant::now();
    let address = wait(cursor);
    let (news, _) = tokio::join!(waiting.json(&address), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        at(&helper, asked, "claim").await
    });
    assert_eq!(news["ticket"]["helper"], "helga");
    assert!(begun.elapsed() < Duration::from_secs(10));

    // One request waits for notices and for the note.
    let notices = app.participant("ana").json("api/notices").await;
    assert!(notices.get("help").is_none(), "it was not asked for");
    let (after, cursor) = (&notices["cursor"], &news["cursor"]);
    let address = format!("api/notices?after={after}&wait=25&help={cursor}");
    let begun = Instant::now();
    let (news, _) = tokio::join!(waiting.json(&address), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        at(&helper, asked, "release").await
    });
    assert_eq!(news["help"]["ticket"]["state"], "waiting");
    assert_eq!(news["notices"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let address = address.replace("wait=25", "wait=0");
    let address = address.replace(&format!("help={cursor}"), "help=0");
    let again = waiting.json(&address).await;
    assert_eq!(again["help"]["cursor"], news["help"]["cursor"]);

    // Others' tickets are nobody else's news.
    let mut streams = Vec::new();
    for client in [
        app.participant("ana"),
        app.participant("cy"),
        app.observer(),
    ] {
        streams.push(client.get("events/stream").await);
    }
    ask(&app, "bob").await;
    at(&app.helper(), asked, "done").await;
    app.helper().post("api/help/round", &json!({})).await;
    let told = format!("event: {HELP_KIND}\ndata: null\n");
    let mut counts = Vec::new();
    for mut stream in streams {
        let mut heard = String::new();
        let until = Instant::now() + Duration::from_millis(700);
        while let Ok(chunk) = tokio::time::timeout_at(until.into(), stream.chunk()).await {
            heard.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
        counts.push(heard.matches(&told).count());
    }
    let [of_ana, of_cy, of_observer] = counts[..] else {
        panic!("three streams: {counts:?}")
    };
    assert_eq!(of_cy, 1, "the round alone");
    assert!(of_ana >= 2 && of_observer >= 3, "{counts:?}");
}

#[tokio::test]
async fn a_helper_cannot_interrupt_the_class_again_and_again() {
    let app = App::with_hub().await;
    let helper = app.helper();
    let mut refused = None;
    for round in 0..30 {
        let status = helper.post("api/help/round", &json!({})).await.status();
        if status == 429 {
            refused = Some(round);
            break;
        }
        assert_eq!(status, 201);
    }
    assert!(refused.is_some_and(|round| round >= 10), "{refused:?}");
    // Tickets are taken as before, and instructors have a bound of their own.
    ask(&app, "ana").await;
    let id = queue(&app).await.tickets[0].id;
    assert_eq!(at(&helper, id, "claim").await.status(), 200);
    let asked = app.instructor().post("api/help/round", &json!({})).await;
    assert_eq!(asked.status(), 201);
}

#[tokio::test]
async fn too_much_and_too_often_is_refused() {
    let app = App::with_hub().await;
    let ana = app.participant("ana");
    for body in [
        json!({"note": "help", "text": "x".repeat(MAX_HELP_TEXT_CHARS + 1)}),
        json!({"note": "help", "filename": "../x.ipynb"}),
        json!({"note": "help", "filename": "x.ipynb", "cell": {"id": "x".repeat(65)}}),
        json!({"note": "help", "cell": {"index": -1}}),
        json!({"note": "hello"}),
    ] {
        let (status, said) = refusal(put(&ana, &body).await).await;
        assert_eq!(status, 400, "{body} {said}");
    }
    let mut statuses = Vec::new();
    for at in 0..25 {
        let note = (at % 2 == 0).then_some("help");
        let response = put(&ana, &json!({"note": note})).await;
        if response.status() == 429 {
            assert!(response.headers().contains_key("retry-after"));
        }
        statuses.push(response.status().as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    // It is of one person alone.
    ask(&app, "bob").await;
}

/// A lesson with ids and a private cell: as it was handed out, or run so often, the last time
/// with an error in a cell or without.
fn lesson(run: u32, fails: bool) -> String {
    let code = |id: &str, source: &str| {
        let outputs = match fails && id == "head" {
            false => json!([]),
            true => json!([{"output_type": "error", "ename": "NameError",
                "evalue": "name 'df' is not defined", "traceback": ["Cell In[1]"]}]),
        };
        let count = (run > 0 && id == "head").then_some(run);
        json!({"cell_type": "code", "id": id, "metadata": {}, "source": source,
            "execution_count": count, "outputs": outputs})
    };
    let mut secret = code("secret-cell", "canary = 1");
    secret["metadata"] = json!({"tags": ["private"]});
    let heading = json!({"cell_type": "markdown", "id": "heading", "metadata": {},
        "source": "## Reading"});
    json!({"cells": [heading, code("import", "import pandas as pd"), secret,
        code("head", "df.head()")], "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"language_info": {"name": "python"}}})
    .to_string()
}

async fn save(app: &App, user: &str, text: &str) {
    let list = format!("api/history?filename={FILENAME}&user={user}");
    let instructor = app.instructor();
    let versions = async || {
        let list = instructor.json(&list).await;
        list["versions"].as_array().unwrap().len()
    };
    let before = versions().await;
    app.save_text(user, FILENAME, text);
    let event = app.save_event(user, FILENAME);
    app.token(&format!("server-{user}"))
        .post_event(&event)
        .await;
    eventually(async || (versions().await > before).then_some(())).await;
}

/// The participant's own server asks, with its token.
async fn ask_at(app: &App, user: &str, cell: &str) {
    let server = app.token(&format!("server-{user}"));
    let body = json!({"note": "help", "filename": FILENAME, "cell": {"id": cell}});
    assert_eq!(put(&server, &body).await.status(), 200);
}

#[tokio::test]
async fn a_ticket_says_what_is_saved_just_after_the_press() {
    let app = App::with_hub().await;
    for user in ["ana", "bob", "cy"] {
        save(&app, user, &lesson(0, false)).await;
    }
    let placed = async |is_placed: fn(&HelpTicket) -> bool| {
        eventually(async || {
            let ticket = queue(&app).await.tickets.remove(0);
            is_placed(&ticket).then_some(())
        })
        .await;
    };
    // The cell has failed already, and its page has not saved it.
    ask_at(&app, "ana", "head").await;
    placed(|ticket| ticket.cell.is_some() && ticket.error.is_none()).await;
    save(&app, "ana", &lesson(1, true)).await;
    placed(|ticket| {
        ticket
            .error
            .as_ref()
            .is_some_and(|error| error.title == "NameError df")
    })
    .await;
}

#[tokio::test]
async fn a_ticket_says_what_it_is_about_and_is_in_the_lane() {
    let app = App::with_hub().await;
    app.instructor().get("api/session").await;
    for user in ["ana", "bob", "cy"] {
        save(&app, user, &lesson(0, false)).await;
    }
    for user in ["ana", "bob"] {
        save(&app, user, &lesson(1, true)).await;
    }
    ask_at(&app, "ana", "head").await;
    ask_at(&app, "bob", "secret-cell").await;
    let placed = async |at: usize| {
        eventually(async || {
            let mut queue = queue(&app).await;
            let ticket = queue.tickets.remove(at);
            ticket.version.is_some().then_some(ticket)
        })
        .await
    };
    let ana = placed(0).await;
    let cell = ana.cell.clone().unwrap();
    assert_eq!(cell.label, "Reading, cell 2");
    assert!(cell.anchor.is_some() && ana.version.is_some());
    assert_eq!(ana.error.as_ref().unwrap().title, "NameError df");
    let bob = placed(1).await;
    assert_eq!(bob.cell, None, "nothing of a private cell");
    let lane = async || {
        let insight = format!("api/insight?filename={FILENAME}");
        let answer: InsightResponse =
            serde_json::from_value(app.observer().json(&insight).await).unwrap();
        let asked = answer.lane.into_iter().filter(|it| it.asked_ms.is_some());
        let asked: Vec<String> = asked.map(|it| it.user).collect();
        (!answer.catching_up).then_some(asked)
    };
    assert_eq!(eventually(lane).await, ["ana", "bob"]);

    // Whoever has no such error any more seems to have solved it.
    save(&app, "bob", &lesson(2, false)).await;
    let ids = [ana.id, bob.id];
    eventually(async || {
        let tickets = queue(&app).await.tickets;
        let solved = tickets.iter().find(|it| it.id == ids[1]).unwrap();
        solved.seems_solved.then_some(())
    })
    .await;
    assert!(!queue(&app).await.tickets[0].seems_solved);
    let body = json!({"error": ana.error_in_cell().unwrap()});
    let claimed = app.helper().post("api/help/claim", &body).await;
    let claimed: ClaimResponse = claimed.json().await.unwrap();
    assert_eq!(claimed.claimed, [ana.id]);

    // Whoever was helped leaves the lane, and by the lane the queue.
    assert_eq!(at(&app.helper(), ana.id, "done").await.status(), 204);
    eventually(async || (lane().await? == ["bob"]).then_some(())).await;
    let helped = json!({"filename": FILENAME, "user": "bob", "settled": "helped"});
    let settled = app.helper().post("api/insight/settled", &helped).await;
    assert_eq!(settled.status(), 204);
    assert!(queue(&app).await.tickets.is_empty());
    let app = app.restarted(false).await;
    let insight = app
        .observer()
        .json(&format!("api/insight?filename={FILENAME}"))
        .await;
    let answer: InsightResponse = serde_json::from_value(insight).unwrap();
    assert!(
        answer.lane.iter().all(|it| it.asked_ms.is_none()),
        "{:?}",
        answer.lane
    );
}
