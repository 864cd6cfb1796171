//! `pipalhub users` and `pipalhub steward` with the system's own `useradd`, `chpasswd` and
//! `userdel`, in namespaces in which nothing of the machine is touched.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed where it is"
)]

mod busy;
#[path = "../common/commands.rs"]
mod commands;
mod harm;
mod http;
#[path = "../common/link.rs"]
mod link;
mod sandbox;

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    thread,
};

use serde_json::Value;

use crate::{commands::until, sandbox::Sandbox};

/// A password that no list of the tests has by chance.
const PASSWORD: &str = "it's: $HOME `id` ünï";

#[test]
fn users_are_added_shown_reset_and_removed() {
    let passwd = fs::read("/etc/passwd").unwrap();
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let said = sandbox.users(&["add", "alice", "bob", "--json"]).unwrap();
    let change: Value = serde_json::from_str(&said).unwrap();
    let alice = change["added"][0]["password"].as_str().unwrap();
    assert!(sandbox.is_password("alice", alice) && !sandbox.is_password("bob", alice));
    assert!(sandbox.users_txt().contains(&format!("alice:{alice}\n")));
    let home = fs::metadata(sandbox.path("home/alice")).unwrap();
    assert_eq!(home.mode() & 0o7777, 0o700);
    assert_eq!(Some(home.uid().to_string()), sandbox.id("alice"));

    let words = ["add", "carol", "--password-stdin"];
    sandbox
        .users_with(&words, &format!("{PASSWORD}\n"))
        .unwrap();
    assert!(sandbox.is_password("carol", PASSWORD));
    let list = sandbox.users(&["list"]).unwrap();
    assert!(list.ends_with("3 users\n") && list.contains("carol  account, password in the list"));
    assert!(!list.contains(PASSWORD));

    let said = sandbox.users(&["reset", "bob"]).unwrap();
    let bob = said.split_whitespace().last().unwrap();
    assert!(sandbox.is_password("bob", bob));

    let before = sandbox.id("alice");
    assert!(
        sandbox
            .users(&["remove", "alice"])
            .unwrap()
            .contains("Their home stays")
    );
    assert!(sandbox.id("alice").is_none() && sandbox.path("home/alice").exists());
    // Whoever comes back has their home again.
    sandbox.users(&["add", "alice"]).unwrap();
    assert_eq!(sandbox.id("alice"), before);

    let refused = sandbox
        .users(&["remove", "alice", "--delete-home", "alicia"])
        .unwrap_err();
    assert!(refused.contains("nothing is done") && sandbox.id("alice").is_some());
    sandbox
        .users(&["remove", "alice", "--delete-home", "alice"])
        .unwrap();
    assert!(!sandbox.path("home/alice").exists() && sandbox.path("home/bob").exists());

    let audit = sandbox.users(&["audit"]).unwrap();
    assert!(
        audit.lines().next().unwrap().ends_with("delete_home alice"),
        "{audit}"
    );
    assert!(!audit.contains(bob) && !audit.contains(PASSWORD));
    assert_eq!(
        fs::read("/etc/passwd").unwrap(),
        passwd,
        "the machine's own"
    );
}

#[test]
fn nobody_elses_account_can_be_taken() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    sandbox.run(&["useradd", "olga"]).unwrap();
    let refused = sandbox
        .users(&["add", "olga", "root", "Bad", "dave"])
        .unwrap_err();
    for why in [
        "\"olga\" is not changed: the system has an account olga that was not made here",
        "\"root\" is not changed: this is the name of an account of the system",
        "\"Bad\" is not changed: capital letters",
    ] {
        assert!(refused.contains(why), "{refused}");
    }
    assert!(sandbox.users_txt().starts_with("dave:") && sandbox.users_txt().lines().count() == 1);
    // By hand in the file it is refused, too, and removed with nothing.
    let before = sandbox.account("shadow", "olga");
    sandbox.users_file_is(&format!("{}olga:mine\n", sandbox.users_txt()));
    let refused = sandbox.users(&["apply"]).unwrap_err();
    assert!(
        refused.contains("gpasswd --add olga pipalhub-participants"),
        "{refused}"
    );
    assert!(sandbox.users(&["remove", "olga"]).is_err());
    assert_eq!(sandbox.account("shadow", "olga"), before);
    // What the message says hands it over.
    sandbox
        .run(&["gpasswd", "--add", "olga", "pipalhub-participants"])
        .unwrap();
    sandbox.users(&["add", "olga"]).unwrap();
    assert_ne!(sandbox.account("shadow", "olga"), before);
}

#[test]
fn the_steward_follows_the_list_that_is_edited_by_hand() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    sandbox.users_file_is("# the class\r\nalice:one\nbob:two\nCarol:three\n");
    let _steward = sandbox.steward(&[]);
    until("the accounts", || sandbox.is_password("bob", "two"));
    until("a word on the line", || {
        sandbox.log().contains("capital letters")
    });
    sandbox.users_file_is("# the class\r\nalice:other\ncarol:three\nbob\n");
    until("the changes", || {
        sandbox.is_password("alice", "other") && sandbox.is_password("carol", "three")
    });
    // A slip in somebody's line is no wish to remove them, and an empty file no wish at all.
    assert!(sandbox.is_password("bob", "two"));
    sandbox.users_file_is("");
    until("a word on it", || sandbox.log().contains("none is removed"));
    assert_eq!(sandbox.made(), ["alice", "bob", "carol"]);
    sandbox.users_file_is("carol:three\n");
    until("the end of two accounts", || sandbox.made() == ["carol"]);
    assert!(sandbox.path("home/alice").exists());
    for secret in ["one", "two", "three", "other"] {
        assert!(!sandbox.log().contains(&format!(":{secret}")));
    }
}

#[test]
fn a_class_is_imported_with_a_word_on_each_bad_line() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&[]);
    let class: String = (0..20).map(|at| format!("student{at},\n")).collect();
    let class = format!("Name,Password\n{class}María G.,x\nroot,y\nstudent3,z\n");
    let refused = sandbox.users_with(&["import", "-"], &class).unwrap_err();
    assert!(refused.contains("line 22, \"María G.\"") && refused.contains("Perhaps maria-g?"));
    assert!(refused.contains("nobody is added"), "{refused}");
    assert!(sandbox.made().is_empty());
    let said = sandbox
        .users_with(&["import", "-", "--skip-bad"], &class)
        .unwrap();
    assert!(said.ends_with("20 added, 0 not.\n"), "{said}");
    assert_eq!(sandbox.made().len(), 20);
    for line in said.lines().take(20) {
        let (name, password) = line.split_once(' ').unwrap();
        assert!(sandbox.is_password(name, password.trim()), "{line}");
    }
    let again = sandbox
        .users_with(&["import", "-", "--dry-run"], &class)
        .unwrap_err();
    assert!(again.contains("0 of 23 lines can be added"), "{again}");
}

#[test]
fn a_steward_that_is_killed_goes_on_where_it_was() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let class: String = (0..12)
        .map(|at| format!("student{at}:secret{at}\n"))
        .collect();
    for round in 1..=4 {
        let steward = sandbox.steward(&[]);
        sandbox.users_file_is(&class);
        // Somewhere in the middle of the class.
        until("some accounts", || sandbox.made().len() >= round * 2);
        steward.kill();
    }
    let _steward = sandbox.steward(&[]);
    until("everyone", || {
        (0..12).all(|at| sandbox.is_password(&format!("student{at}"), &format!("secret{at}")))
    });
    assert_eq!(sandbox.made().len(), 12);
    assert_eq!(sandbox.users_txt(), class);
}

#[test]
fn an_account_that_was_half_made_is_finished() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    sandbox.users_file_is("alice:one\n");
    sandbox.users(&["apply"]).unwrap();
    // What an end in the middle of `useradd` leaves.
    let state = sandbox.path("state/users.json");
    let text = fs::read_to_string(&state).unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    kept["users"] = serde_json::json!({});
    let id: u32 = sandbox.id("alice").unwrap().parse().unwrap();
    kept["begun"] = serde_json::json!({"alice": id});
    fs::write(&state, kept.to_string()).unwrap();
    sandbox
        .run(&["gpasswd", "--delete", "alice", "pipalhub-participants"])
        .unwrap();
    fs::remove_dir_all(sandbox.path("home/alice")).unwrap();
    for file in ["etc/group", "etc/gshadow"] {
        let path = sandbox.path(file);
        let text = fs::read_to_string(&path).unwrap();
        let kept: Vec<_> = text
            .lines()
            .filter(|it| !it.starts_with("alice:"))
            .collect();
        fs::write(&path, kept.join("\n") + "\n").unwrap();
    }
    assert!(sandbox.made().is_empty());
    sandbox.users(&["apply"]).unwrap();
    assert_eq!(sandbox.made(), ["alice"]);
    let home = fs::metadata(sandbox.path("home/alice")).unwrap();
    assert_eq!(Some(home.uid().to_string()), sandbox.id("alice"));
    assert_eq!(home.mode() & 0o7777, 0o700);
    assert!(sandbox.is_password("alice", "one"));
}

#[test]
fn parallel_requests_lose_nobody() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&[]);
    let add = |at: usize| sandbox.users(&["add", &format!("user{at}")]);
    thread::scope(|scope| {
        let adding: Vec<_> = (0..50)
            .map(|at| scope.spawn(move || add(at % 25)))
            .collect();
        let added = adding
            .into_iter()
            .filter(|_| true)
            .map(|it| it.join().unwrap());
        assert_eq!(added.filter(Result::is_ok).count(), 25);
    });
    assert_eq!(sandbox.made().len(), 25);
    assert_eq!(sandbox.users_txt().lines().count(), 25);
}

#[test]
fn hashes_can_stand_in_the_place_of_passwords() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    sandbox.users_file_is("alice:secret\n");
    let words = ["apply", "--keep-hashes"];
    sandbox.users(&words).unwrap();
    let hash = sandbox.users_txt();
    assert!(
        hash.starts_with("alice:$") && !hash.contains("secret"),
        "{hash}"
    );
    assert!(sandbox.is_password("alice", "secret"));
    // On another machine the hash alone makes the account.
    sandbox.run(&["userdel", "alice"]).unwrap();
    sandbox.users(&words).unwrap();
    assert!(sandbox.is_password("alice", "secret"));
    assert_eq!(sandbox.users_txt(), hash);
}

#[test]
fn the_steward_answers_those_who_may_ask_and_bears_all_that_they_say() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&["--allow-user", "daemon"]);
    let ask = |user: &str| {
        let words = ["setpriv", "--clear-groups", "--reuid", user, "--"];
        let users = [env!("CARGO_BIN_EXE_pipalhub"), "users", "list"];
        sandbox.run(&[&words[..], &users].concat())
    };
    // The folder of the test is closed to others, as /run is not.
    fs::set_permissions(
        sandbox.path(""),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let refused = ask("nobody").unwrap_err();
    assert!(
        refused.contains("takes no requests of this user"),
        "{refused}"
    );
    assert!(ask("daemon").unwrap().ends_with("\n0 users\n"));

    let long = format!(
        "{{\"do\":\"read_list\",\"text\":\"{}\"}}\n",
        "x".repeat(3 << 20)
    );
    let deep = "[".repeat(1 << 20);
    let name = "x".repeat(1 << 20);
    let long_name =
        format!("{{\"do\":\"add_users\",\"by\":\"i\",\"users\":[{{\"username\":\"{name}\"}}]}}");
    for said in [
        "",
        "\n",
        "{}",
        "null",
        "\u{feff}",
        "{\"do\":\"shell\"}",
        "{\"do\":\"hello\",\"more\":1}",
        "{\"do\":\"add_users\",\"by\":\"i\",\"users\":[{\"username\":\"a\\nroot\"}]}",
        "{\"do\":\"add_users\",\"by\":\"i\",\"users\":[{\"username\":\"a\",\"password\":\"b\\nroot:c\"}]}",
        "{\"do\":\"remove_user\",\"by\":\"i\",\"username\":\"../..\"}",
        "{\"do\":\"delete_home\",\"by\":\"i\",\"username\":\"..\"}",
        "{\"do\":\"audit\",\"most\":18446744073709551615}",
        &long,
        &deep,
        &long_name,
    ] {
        let mut stream = UnixStream::connect(sandbox.path("steward.sock")).unwrap();
        // It may have been refused before all is sent.
        let _ = stream.write_all(said.as_bytes());
        let _ = stream.write_all(b"\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let shown: String = said.chars().take(60).collect();
        let is_fine = ["refused", "\"added\":[]", "\"entries\":["];
        assert!(
            answer.is_empty() || is_fine.iter().any(|it| answer.contains(it)),
            "{shown}: {answer}"
        );
    }
    assert_eq!(sandbox.users_txt(), "");
    assert!(sandbox.made().is_empty() && sandbox.path("home").exists());
    let list = sandbox.users(&["list"]).unwrap();
    assert!(list.ends_with("\n0 users\n"), "{list}");
}
