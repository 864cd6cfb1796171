//! A class at work, kills, a full disk.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use crate::{
    class::{ArchivedClass, files_below, notebook, pipalhub, said, unpacked},
    common::eventually_blocking,
};

/// A class of three hundred, each with a few notebooks.
fn class_of_three_hundred() -> ArchivedClass {
    let class = ArchivedClass::new();
    for number in 0..300 {
        let user = format!("user{number:03}");
        for filename in ["a.ipynb", "m1/b.ipynb"] {
            let text = notebook(&[&user, filename, &"words ".repeat(200)], number % 7 == 0);
            class.save(&user, filename, &text);
        }
    }
    class
}

fn verify(class: &ArchivedClass, name: &str) -> (Option<i32>, String) {
    let archive = class.at("archives").join(name);
    let output = pipalhub()
        .args(["archive", "--verify"])
        .arg(archive)
        .output();
    let output = output.unwrap();
    (output.status.code(), said(&output))
}

#[tokio::test]
async fn a_class_at_work_is_archived_in_one_state_and_goes_on() {
    let class = class_of_three_hundred();
    let service = class.serve();
    service
        .knows(&[("user000", "a.ipynb"), ("user299", "m1/b.ipynb")])
        .await;
    let count = |events: &Value| events.as_array().unwrap().len();
    let before = count(&service.json("events?type=x").await);
    let is_done = AtomicBool::new(false);
    let writing = async {
        let mut number = 0;
        while !is_done.load(Ordering::Relaxed) {
            let path = format!("/x/{number}");
            let event = json!({"type": "x", "user": "ana", "filename": "x", "path": path});
            service.post("events", &event).await;
            class.save("user001", "a.ipynb", &notebook(&[&path], false));
            number += 1;
        }
        number
    };
    let archiving = async {
        let mut command = class.archive_command("class.zip");
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        is_done.store(true, Ordering::Relaxed);
        output.unwrap().unwrap()
    };
    let (posted, output) = tokio::join!(writing, archiving);
    assert!(output.status.success(), "{}", said(&output));
    assert!(posted > 0);
    assert_eq!(count(&service.json("events?type=x").await), before + posted);
    service.end();
    class.take_away();
    class.restore(&class.at("archives/class.zip"));
    let service = class.serve();
    let restored = service.json("events?type=x").await;
    let paths: Vec<&str> = restored
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap())
        .collect();
    // All events until one moment, and none after it.
    assert!(paths.len() <= posted);
    for (number, path) in paths.iter().enumerate() {
        assert_eq!(*path, format!("/x/{number}"));
    }
    service.end();
}

#[test]
fn an_archive_that_was_killed_has_no_name_and_the_next_one_is_whole() {
    let class = class_of_three_hundred();
    for least in [0, 20_000, 200_000] {
        let mut killed = class.archive_command("class.zip").spawn().unwrap();
        let part = class.at("archives/class.zip.part");
        eventually_blocking(|| fs::metadata(&part).is_ok_and(|file| file.len() >= least));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert!(!class.at("archives/class.zip").exists());
        assert!(part.exists());
    }
    let (archive, report) = class.archive("class.zip");
    assert_eq!(report["notebooks"], 600);
    assert_eq!(files_below(&class.at("archives")).len(), 1);
    assert_eq!(verify(&class, "class.zip").0, Some(0));
    let second = class.archive_command("class.zip").output().unwrap();
    assert!(
        said(&second).contains("is not overwritten"),
        "{}",
        said(&second)
    );

    // A restore that is killed says so, and begins anew.
    class.take_away();
    let begun = class.at("class/restore-incomplete/homes");
    for least in [0, 50, 200] {
        let mut killed = class
            .restore_command(&archive)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        eventually_blocking(|| fs::read_dir(&begun).is_ok_and(|homes| homes.count() >= least));
        killed.kill().unwrap();
        killed.wait().unwrap();
        let mut serve = pipalhub();
        serve.args(["serve", "--check", "--bind", "127.0.0.1:0"]);
        class.settings(&mut serve);
        let refusal = said(&serve.output().unwrap());
        assert!(refusal.contains("run pipalhub restore again"), "{refusal}");
    }
    class.restore(&archive);
    assert!(!begun.exists());
    let [old, new] = ["before/homes", "class/homes"].map(|name| files_below(&class.at(name)));
    let paths = |files: &[(std::path::PathBuf, Vec<u8>)]| -> Vec<_> {
        files.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(paths(&old), paths(&new));
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_that_looks_whole() {
    let class = class_of_three_hundred();
    // Files may have so many blocks of 512 bytes.
    let within = |blocks: &str, command: &Command| {
        let mut limited = Command::new("/bin/sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        limited.arg("-c").arg(script).arg(command.get_program());
        limited.args(command.get_args()).env_clear();
        limited.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        limited.process_group(0).output().unwrap()
    };
    let output = within("100", &class.archive_command("class.zip"));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("File too large"),
        "{}",
        said(&output)
    );
    assert_eq!(files_below(&class.at("archives")), []);
    let (archive, _) = class.archive("class.zip");
    class.take_away();
    let output = within("1", &class.restore_command(&archive));
    assert!(
        said(&output).contains("File too large"),
        "{}",
        said(&output)
    );
    assert!(!class.at("class/data").exists() && !class.at("class/homes").exists());
    class.restore(&archive);
    assert_eq!(
        unpacked(&archive)
            .iter()
            .filter(|it| it.0.ends_with(".ipynb"))
            .count(),
        600
    );
}

#[test]
fn damage_is_told_by_the_command_and_its_exit_code() {
    let class = ArchivedClass::new();
    class.save("ana", "a.ipynb", &notebook(&["a"], false));
    let (archive, _) = class.archive("class.zip");
    let (code, words) = verify(&class, "class.zip");
    assert!(
        code == Some(0) && words.contains("is whole: 1 participant, 1 notebook"),
        "{words}"
    );
    let mut bytes = fs::read(&archive).unwrap();
    bytes[200] ^= 4;
    fs::write(&archive, &bytes).unwrap();
    let (code, words) = verify(&class, "class.zip");
    assert!(code == Some(1) && words.contains("damaged"), "{words}");
    let output = class.restore_command(&archive).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let output = pipalhub()
        .args(["archive", "--verify", "--json"])
        .arg(&archive)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report["damage"].as_array().unwrap().is_empty(), "{report}");
}
