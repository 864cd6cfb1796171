//! `pipalhub packages` and the steward with real environments, pip, uv, and small packages of the
//! tests' own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed where it is"
)]

#[path = "../common/commands.rs"]
mod commands;
mod harm;
mod workplace;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use serde_json::{Value, json};

use crate::{
    commands::until,
    workplace::{PYPI, UV, Workplace},
};

#[test]
fn a_package_is_planned_installed_and_removed_with_what_it_needed() {
    let place = Workplace::new();
    fs::write(place.requirements_file(), "# for November\r\n").unwrap();
    let before = place.tree();
    let plan = place.packages(&["add", "delta", "--dry-run"]).unwrap();
    assert_eq!(plan, "+ alpha 1.0\n+ beta 1.0\n+ delta 1.0\n");
    assert_eq!(
        (place.tree(), place.requirements()),
        (before.clone(), "# for November\r\n".into())
    );

    let said = place.packages(&["add", "delta"]).unwrap();
    assert!(
        said.contains("Done.\n") && said.contains("Successfully installed"),
        "{said}"
    );
    assert_eq!(place.requirements(), "# for November\r\ndelta\n");
    let audit = fs::read_to_string(place.path("state/audit.jsonl")).unwrap();
    let entry: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!(
        (&entry["action"], &entry["subject"]),
        (&json!("packages"), &json!("add delta"))
    );
    assert_eq!(place.imported("delta").as_deref(), Some("1.0"));
    // Its programs run in the environment, and not in the copy that it was installed in.
    let program = place.environment().join("bin/alpha-tool");
    let script = fs::read_to_string(&program).unwrap();
    let first = format!("#!{}/bin/python3", place.environment().display());
    assert_eq!(script.lines().next(), Some(first.as_str()));
    // What did not change is the very file that it was, which kernels share in memory.
    let after = place.tree();
    for (path, was) in &before {
        assert_eq!(after.get(path), Some(was), "{}", path.display());
    }

    let list: Value = serde_json::from_str(&place.packages(&["list", "--json"]).unwrap()).unwrap();
    assert_eq!(
        list["requirements"],
        json!([{"requirement": "delta", "name": "delta", "installed": "1.0"}])
    );
    assert!(
        list["installed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == "beta" && it["summary"] == "About beta")
    );

    let said = place.packages(&["remove", "delta"]).unwrap();
    assert!(
        said.contains("- alpha 1.0\n- beta 1.0\n- delta 1.0\nDone."),
        "{said}"
    );
    assert_eq!(
        (place.tree(), place.requirements()),
        (before, "# for November\r\n".into())
    );
}

#[test]
fn a_conflict_is_said_before_anything_is_touched() {
    let place = Workplace::new();
    place.packages(&["add", "delta"]).unwrap();
    let before = (place.tree(), place.requirements());
    let said = place.packages(&["add", "gamma"]).unwrap_err();
    assert!(said.contains("gamma 1.0 depends on alpha>=2"), "{said}");
    assert!(said.contains("beta 1.0 depends on alpha<2"), "{said}");
    let said = place
        .packages(&["add", "no-such-package-of-the-test"])
        .unwrap_err();
    assert!(said.contains("No matching distribution found"), "{said}");
    assert_eq!((place.tree(), place.requirements()), before);
}

#[test]
fn a_version_that_is_asked_for_takes_the_place_of_another() {
    let place = Workplace::new();
    place.packages(&["add", "alpha==1.0"]).unwrap();
    let said = place.packages(&["add", "Alpha>=2"]).unwrap();
    assert!(said.contains("~ alpha 1.0 -> 2.0"), "{said}");
    assert_eq!(place.requirements(), "Alpha>=2\n");
    assert_eq!(place.imported("alpha").as_deref(), Some("2.0"));
    let old = place.environment().join("lib");
    assert!(
        !place
            .tree()
            .keys()
            .any(|it| it.starts_with(&old) && it.ends_with("of_1_0.py"))
    );
}

#[test]
fn what_others_need_stays_and_is_named() {
    let place = Workplace::new();
    place.packages(&["add", "delta", "beta"]).unwrap();
    let said = place.packages(&["remove", "beta"]).unwrap();
    assert!(said.contains("beta stays, since others need it"), "{said}");
    assert_eq!(place.requirements(), "delta\n");
    assert_eq!(place.imported("beta").as_deref(), Some("1.0"));
    let said = place.packages(&["remove", "numpy"]).unwrap_err();
    assert!(
        said.contains("\"numpy\" is not asked for in requirements.txt"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_edited_by_hand_is_applied() {
    let place = Workplace::new();
    fs::write(
        place.requirements_file(),
        "delta\nhttps://example.org/x.whl\n",
    )
    .unwrap();
    let _steward = place.steward(&[]);
    assert_eq!(place.ended(1)["by"], "the file");
    assert_eq!(place.imported("delta").as_deref(), Some("1.0"));
    let list = place.ask(&json!({"do": "list"}));
    assert_eq!(list["problems"][0]["line"], 2);
    // By an editor, which puts a new file in the place of the old one.
    fs::write(place.path("new"), "gamma\n").unwrap();
    fs::rename(place.path("new"), place.requirements_file()).unwrap();
    let job = place.ended(2);
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(place.imported("gamma").as_deref(), Some("1.0"));
    assert_eq!(
        (place.imported("delta"), place.imported("beta")),
        (None, None)
    );
    // A file that asks for what is there begins nothing.
    fs::write(place.requirements_file(), "gamma\n# more\n").unwrap();
    let said = place.packages(&["apply"]).unwrap();
    assert_eq!(said, "The environment is as requirements.txt says.\n");
    assert_eq!(place.job()["id"], 2);
}

#[test]
fn one_change_is_made_at_a_time_and_can_be_stopped() {
    let place = Workplace::new();
    place.source(
        "slow",
        "open('begun', 'w').close(); import time; time.sleep(600)",
    );
    let before = (place.tree(), place.requirements());
    let _steward = place.steward(&[]);
    let id = place.start(&["slow"]);
    let busy = place.ask(&json!({"do": "start", "by": "ivo", "edit": {"add": ["alpha"]}}));
    assert_eq!(
        busy["reason"],
        "ines has begun to add slow: wait until that has ended, or stop it"
    );
    assert!(place.packages(&["add", "alpha"]).is_err());
    until("the build", || {
        let log = place.ask(&json!({"do": "log", "job": id, "from": 0}));
        log["lines"].to_string().contains("Building wheel") || place.has_processes()
    });
    let said = place.packages(&["stop"]).unwrap();
    assert_eq!(said, "Stopped. The environment is as it was.\n");
    let job = place.ended(id);
    assert_eq!(job["state"], "stopped", "{job}");
    until("the end of all processes", || !place.has_processes());
    assert_eq!((place.tree(), place.requirements()), before);
    assert!(place.ask(&json!({"do": "stop", "by": "ines", "job": id}))["reason"].is_string());
    // The next one goes through, and leaves nothing of the one that was stopped.
    let id = place.start(&["alpha"]);
    assert_eq!(place.ended(id)["state"], "done");
    let own = fs::read_dir(place.environment().join(".pipalhub")).unwrap();
    let names: Vec<_> = own.map(|it| it.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|it| it.to_string_lossy().starts_with("next-")),
        "{names:?}"
    );
}

#[test]
fn a_file_that_others_can_change_is_not_obeyed() {
    let place = Workplace::new();
    fs::write(place.requirements_file(), "alpha\n").unwrap();
    let mode = fs::Permissions::from_mode(0o666);
    fs::set_permissions(place.requirements_file(), mode).unwrap();
    for words in [&["apply"][..], &["add", "beta"], &["list"]] {
        let said = place.packages(words).unwrap_err();
        assert!(
            said.contains("can be changed by others than root"),
            "{said}"
        );
    }
    assert_eq!(place.imported("alpha"), None);
}

#[test]
fn the_environment_of_the_hub_is_never_taken() {
    let place = Workplace::new();
    let package = place
        .environment()
        .join("lib/python3.x/site-packages/pipalhub");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("configuration.py"), "").unwrap();
    let before = place.tree();
    for words in [&["add", "alpha"][..], &["list"], &["apply"]] {
        let said = place.packages(words).unwrap_err();
        assert!(said.contains("is the Hub's own environment"), "{said}");
    }
    assert_eq!(place.tree(), before);
    // Nor by another name.
    fs::remove_dir_all(package.parent().unwrap().parent().unwrap()).unwrap();
    let link = place.path("link");
    symlink(place.environment(), &link).unwrap();
    let said = place.packages(&["list", "--hub-environment", link.to_str().unwrap()]);
    assert!(said.unwrap_err().contains("is the Hub's own environment"));
    let said = place.packages(&[
        "list",
        "--environment",
        place.path("index").to_str().unwrap(),
    ]);
    assert!(
        said.unwrap_err()
            .contains("is no environment of Python: make one with")
    );
}

#[test]
fn a_package_comes_from_pypi_and_uv_installs_the_next() {
    let mut place = Workplace::new();
    place.installer = PYPI;
    let said = place
        .packages(&["add", "uv==0.9.30", "six==1.16.0"])
        .unwrap();
    assert!(
        said.contains("+ uv 0.9.30") && said.contains("+ six 1.16.0"),
        "{said}"
    );
    let said = place.packages(&["add", "six==1.17.0"]).unwrap();
    assert!(said.contains("~ six 1.16.0 -> 1.17.0"), "{said}");
    assert_eq!(place.requirements(), "uv==0.9.30\nsix==1.17.0\n");

    place.installer = UV;
    let list = place.packages(&["list"]).unwrap();
    assert!(list.lines().next().unwrap().contains("uv 0.9.30"), "{list}");
    let said = place.packages(&["add", "delta"]).unwrap();
    assert!(
        said.contains("+ alpha 1.0\n+ beta 1.0\n+ delta 1.0\nDone."),
        "{said}"
    );
    // What is compiled once is not compiled by every kernel.
    let is_compiled = |it: &PathBuf| it.to_string_lossy().contains("delta/__pycache__/");
    assert!(place.tree().keys().any(is_compiled));
    let before = (place.tree(), place.requirements());
    let said = place.packages(&["add", "gamma"]).unwrap_err();
    assert!(
        said.contains("It cannot be installed") && said.contains("alpha"),
        "{said}"
    );
    assert_eq!((place.tree(), place.requirements()), before);
    let said = place.packages(&["remove", "delta"]).unwrap();
    assert!(said.contains("- delta 1.0"), "{said}");
    assert_eq!(place.imported("delta"), None);
}
