//! A class at work, kills, a full disk.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
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
        let part = class.at("archives/class.zip.part/archive.zip");
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

/// Runs a command with a small disk of its own at `folder`; none where this may not be done.
fn on_small_disk(folder: &Path, command: &Command) -> Option<Output> {
    let mut own = Command::new("unshare");
    let script = "mount -t tmpfs -o size=2m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    own.args(["--mount", "--map-root-user", "sh", "-c", script]);
    own.arg(folder).arg(command.get_program());
    own.args(command.get_args()).env_clear();
    own.env("PATH", env::var_os("PATH")?);
    own.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = own.output().ok()?;
    let is_refused = ["unshare:", "mount:"]
        .iter()
        .any(|by| said(&output).contains(by));
    (!is_refused).then_some(output)
}

#[test]
fn a_disk_that_is_too_small_is_told_before_anything_is_written() {
    let class = class_of_three_hundred();
    let (archive, _) = class.archive("class.zip");
    let small = class.at("small");
    fs::create_dir(&small).unwrap();
    let mut restore = pipalhub();
    restore.arg("restore").arg(&archive).arg(&small);
    let mut again = pipalhub();
    again.arg("archive").arg(small.join("class.zip"));
    class.settings(&mut again);
    for command in [restore, again] {
        let Some(output) = on_small_disk(&small, &command) else {
            eprintln!("skipped: this machine lets no test mount a disk");
            return;
        };
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("make room"), "{}", said(&output));
    }
}

#[test]
fn a_folder_that_others_may_write_is_not_restored_into() {
    let class = ArchivedClass::new();
    class.save("ana", "a.ipynb", &notebook(&["a"], false));
    let (archive, _) = class.archive("class.zip");
    class.take_away();
    fs::create_dir(class.at("class")).unwrap();
    fs::set_permissions(class.at("class"), Permissions::from_mode(0o777)).unwrap();
    let output = class.restore_command(&archive).output().unwrap();
    assert!(
        said(&output).contains("this user's alone"),
        "{}",
        said(&output)
    );
    assert_eq!(files_below(&class.at("class")), []);
    // So is the folder that an archive is written in.
    let part = class.at("archives/other.zip.part");
    fs::create_dir(&part).unwrap();
    fs::set_permissions(&part, Permissions::from_mode(0o755)).unwrap();
    let mut command = pipalhub();
    command.arg("archive").arg(class.at("archives/other.zip"));
    command.arg("--data").arg(class.at("before/data"));
    let output = command.args(["--source", "push"]).output().unwrap();
    assert!(
        said(&output).contains("this user's alone"),
        "{}",
        said(&output)
    );
    assert_eq!(files_below(&part), []);
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
