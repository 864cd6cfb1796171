//! A long change: reading does not wait for it, and whoever wants another one is told who is at it.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{commands::until, sandbox::Sandbox};

/// So many accounts take the system longer than anybody is let wait.
const CLASS: usize = 400;
/// Within so long whatever only reads has an answer, on a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

fn ask(sandbox: &Sandbox, request: &Value) -> Value {
    let mut stream = UnixStream::connect(sandbox.path("steward.sock")).unwrap();
    writeln!(stream, "{request}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.lines().last().unwrap()).unwrap()
}

#[test]
fn a_long_change_keeps_no_reader_waiting_and_is_named_to_whoever_wants_another() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&[]);
    let users: Vec<Value> = (0..CLASS)
        .map(|at| json!({"username": format!("student{at}")}))
        .collect();
    let add = json!({"do": "add_users", "by": "ines", "users": users});
    let list = json!({"do": "list_users"});
    thread::scope(|scope| {
        let adding = scope.spawn(|| ask(&sandbox, &add));
        until("the change", || {
            ask(&sandbox, &list)["change"]["done"].as_u64() >= Some(25)
        });
        // More than may read at once, each of whom would wait behind the first.
        let late: Vec<_> = (0..60)
            .map(|at| {
                let name = format!("late{}", at % 40);
                let request = json!({"do": "remove_user", "by": "ivo", "username": name});
                let sandbox = &sandbox;
                scope.spawn(move || ask(sandbox, &request))
            })
            .collect();
        for request in [
            &list,
            &json!({"do": "hello"}),
            &json!({"do": "audit", "most": 9}),
        ] {
            let begin = Instant::now();
            let answer = ask(&sandbox, request);
            assert!(
                begin.elapsed() < PROMPT,
                "{:?} for {request}",
                begin.elapsed()
            );
            assert_ne!(answer["is"], "refused", "{answer}");
        }
        let change = &ask(&sandbox, &list)["change"];
        assert_eq!(
            (&change["by"], &change["of"]),
            (&json!("ines"), &json!(CLASS))
        );
        for waiting in late {
            let answer = waiting.join().unwrap();
            let reason = answer["reason"].as_str().unwrap();
            assert!(reason.contains("ines adds users, "), "{reason}");
            assert!(reason.contains("of 400 are done: try again"), "{reason}");
        }
        assert!(!adding.is_finished(), "the class was no long change");
        assert_eq!(
            adding.join().unwrap()["added"].as_array().unwrap().len(),
            CLASS
        );
    });
    assert!(ask(&sandbox, &list)["change"].is_null());
}
