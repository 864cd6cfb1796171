//! What breaks, is killed, or is meant to do harm.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    process::Command,
    thread::sleep,
    time::Instant,
};

use serde_json::json;
use walkdir::WalkDir;

use crate::{
    commands::{all_text_of, until},
    workplace::{Workplace, is_there},
};

/// One a line, with escapes for what a line cannot hold.
const REFUSED: &str = include_str!("../../../shared/tests/requirements/refused.txt");

#[test]
fn a_build_that_fails_leaves_the_environment_as_it_was() {
    let place = Workplace::new();
    place.source("broken", "raise SystemExit('the compiler is missing')");
    place.packages(&["add", "alpha==1.0"]).unwrap();
    let before = (place.tree(), place.requirements());
    let said = place.packages(&["add", "broken", "delta"]).unwrap_err();
    assert!(said.contains("the compiler is missing"), "{said}");
    assert!(said.contains("Nothing is changed."), "{said}");
    assert_eq!((place.tree(), place.requirements()), before);
}

#[test]
fn what_servers_are_made_of_has_to_be_importable_afterwards() {
    let place = Workplace::new();
    // A kernel's package that breaks with the new version of what it needs.
    let packages = place.environment().join("lib");
    let packages = fs::read_dir(packages)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let packages = packages.join("site-packages");
    fs::create_dir_all(packages.join("ipykernel-7.0.dist-info")).unwrap();
    let metadata = "Metadata-Version: 2.1\nName: ipykernel\nVersion: 7.0\n";
    fs::write(packages.join("ipykernel-7.0.dist-info/METADATA"), metadata).unwrap();
    fs::write(packages.join("ipykernel-7.0.dist-info/RECORD"), "").unwrap();
    fs::create_dir(packages.join("ipykernel")).unwrap();
    let module = "import alpha\nassert alpha.VERSION == '1.0', 'of another version'\n";
    fs::write(packages.join("ipykernel/__init__.py"), module).unwrap();
    place.packages(&["add", "alpha==1.0"]).unwrap();
    let before = (place.tree(), place.requirements());
    let said = place.packages(&["add", "alpha==2.0"]).unwrap_err();
    assert!(
        said.contains("participants' servers could not start: ipykernel"),
        "{said}"
    );
    assert_eq!((place.tree(), place.requirements()), before);
}

#[test]
fn a_steward_that_is_killed_in_a_build_has_changed_nothing() {
    let place = Workplace::new();
    let mark = place.path("begun");
    let build = format!("open({mark:?}, 'w').close(); import time; time.sleep(600)");
    place.source("slow", &build);
    let before = (place.tree(), place.requirements());
    let steward = place.steward(&[]);
    let id = place.start(&["slow"]);
    until("the build", || is_there(&mark));
    steward.kill();
    until("the end of all processes", || !place.has_processes());
    let _steward = place.steward(&[]);
    let job = place.ended(id);
    assert_eq!(job["state"], "failed");
    assert!(
        job["failure"]
            .as_str()
            .unwrap()
            .contains("the environment is as it was")
    );
    assert_eq!((place.tree(), place.requirements()), before);
    let id = place.start(&["alpha"]);
    assert_eq!(place.ended(id)["state"], "done");
}

#[test]
fn a_change_of_an_environment_that_is_gone_is_settled_when_it_is_back() {
    let place = Workplace::new();
    let mark = place.path("begun");
    let build = format!("open({mark:?}, 'w').close(); import time; time.sleep(600)");
    place.source("slow", &build);
    let steward = place.steward(&[]);
    let id = place.start(&["slow"]);
    until("the build", || is_there(&mark));
    steward.kill();
    until("the end of all processes", || !place.has_processes());
    let away = place.path("away");
    fs::rename(place.environment(), &away).unwrap();
    let _steward = place.steward(&[]);
    let job = place.ended(id);
    let failure = job["failure"].as_str().unwrap();
    assert!(
        failure.contains("not known whether it has taken effect: cannot read"),
        "{failure}"
    );
    let refused = place.ask(&json!({"do": "start", "by": "ines", "edit": {"add": ["alpha"]}}));
    assert!(
        refused["reason"].as_str().unwrap().contains("cannot read"),
        "{refused}"
    );
    fs::rename(away, place.environment()).unwrap();
    let id = place.start(&["alpha"]);
    assert_eq!(place.ended(id)["state"], "done");
    assert_eq!(place.requirements(), "alpha\n");
}

#[test]
fn a_change_that_takes_too_long_is_stopped() {
    let place = Workplace::new();
    place.source("slow", "import time; time.sleep(600)");
    let before = (place.tree(), place.requirements());
    let _steward = place.steward(&["--install-seconds", "5"]);
    let job = place.ended(place.start(&["slow"]));
    assert_eq!(job["state"], "failed");
    let failure = job["failure"].as_str().unwrap();
    assert!(failure.contains("has not ended within 5 s"), "{failure}");
    assert_eq!((place.tree(), place.requirements()), before);
}

/// The moments of death are spread over the time that a change takes, so some are in the middle of
/// its taking effect.
#[test]
fn an_end_at_any_moment_leaves_the_environment_and_the_file_agreed() {
    const DEATHS: u32 = 14;
    let place = Workplace::new();
    let steward = place.steward(&[]);
    let begin = Instant::now();
    assert_eq!(place.ended(place.start(&["delta"]))["state"], "done");
    let whole = begin.elapsed();
    steward.kill();
    let mut is_there = true;
    for death in 0..DEATHS {
        let steward = place.steward(&[]);
        until("the recovery", || place.job()["state"] != "running");
        let edit = match is_there {
            true => json!({"remove": ["delta"]}),
            false => json!({"add": ["delta"]}),
        };
        let begun = place.ask(&json!({"do": "start", "by": "ines", "edit": edit}));
        assert!(begun["id"].is_u64(), "{begun}");
        sleep(whole * death / DEATHS);
        steward.kill();
        let steward = place.steward(&[]);
        let id = begun["id"].as_u64().unwrap();
        let job = place.ended(id);
        let is_done = job["state"] == "done";
        is_there ^= is_done;
        let version = is_there.then(|| "1.0".to_owned());
        for name in ["alpha", "beta", "delta"] {
            assert_eq!(place.imported(name), version, "{death}: {job}");
        }
        let expected = if is_there { "delta\n" } else { "" };
        assert_eq!(place.requirements(), expected, "{death}: {job}");
        steward.kill();
    }
}

#[test]
fn no_spec_that_is_refused_gets_to_an_installer() {
    let place = Workplace::new();
    let before = place.tree();
    let _steward = place.steward(&[]);
    let mut count = 0;
    for line in REFUSED.lines() {
        // JSON has the same escapes, but for these.
        let escaped = line
            .replace('"', "\\\"")
            .replace("\\x", "\\u00")
            .replace("\\0", "\\u0000");
        let Ok(spec) = serde_json::from_str::<String>(&format!("\"{escaped}\"")) else {
            continue;
        };
        for verb in ["plan", "start"] {
            let mut request = json!({"do": verb, "edit": {"add": [&spec]}});
            if verb == "start" {
                request["by"] = json!("mallory");
            }
            let answer = place.ask(&request);
            assert_eq!(answer["is"], "refused", "{spec:?}: {answer}");
        }
        count += 1;
    }
    assert!(count >= 300, "{count}");
    let names = ["-y", "--all", "../x", "a;b", "", "x\ny", "numpy"];
    for name in names {
        let answer = place.ask(&json!({"do": "plan", "edit": {"remove": [name]}}));
        assert_eq!(answer["is"], "refused", "{name:?}: {answer}");
    }
    let many: Vec<String> = (0..101).map(|it| format!("p{it}")).collect();
    let answer = place.ask(&json!({"do": "plan", "edit": {"add": many}}));
    assert_eq!(answer["reason"], "100 packages at most are changed at once");
    assert!(place.job().is_null());
    assert_eq!(place.tree(), before);
    assert!(!is_there(&place.requirements_file()));
}

#[test]
fn all_is_done_by_the_owner_of_the_environment() {
    const OWNER: u32 = 54_321;
    let place = Workplace::new();
    let python = place.environment().join("bin/python3");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path(""), open).unwrap();
    let owner = OWNER.to_string();
    let works = Command::new("setpriv")
        .args([
            "--reuid",
            &owner,
            "--regid",
            &owner,
            "--clear-groups",
            "--bounding-set=-all",
        ])
        .arg(python)
        .arg("--version")
        .output();
    if !works.is_ok_and(|it| it.status.success()) {
        eprintln!("not tried: root is needed, and a python3 that every user may run");
        return;
    }
    for entry in WalkDir::new(place.path("")) {
        let path = entry.unwrap().into_path();
        std::os::unix::fs::lchown(&path, Some(OWNER), Some(OWNER)).unwrap();
    }
    // What the steward obeys is root's, and so are the folders above it.
    for own in ["", "index"] {
        chown(place.path(own), Some(0), Some(0)).unwrap();
    }
    place.source(
        "nosy",
        "import subprocess; raise SystemExit('I am ' + str(os.getuid()) + str(os.getgroups()))",
    );
    let said = place.packages(&["add", "nosy"]).unwrap_err();
    assert!(said.contains(&format!("I am {OWNER}[]")), "{said}");
    place.packages(&["add", "delta"]).unwrap();
    for entry in WalkDir::new(place.environment()) {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        assert_eq!(metadata.uid(), OWNER, "{}", entry.path().display());
        let is_own = entry.path().to_string_lossy().contains(".pipalhub");
        if !is_own && !metadata.is_symlink() {
            assert_eq!(metadata.mode() & 0o044, 0o044, "{}", entry.path().display());
        }
    }
    // Nothing of what root writes is theirs.
    assert_eq!(fs::metadata(place.requirements_file()).unwrap().uid(), 0);
}

#[test]
fn a_disk_without_room_for_a_copy_is_told_before() {
    let place = Workplace::new();
    let small = place.path("small");
    fs::create_dir(&small).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=60m none {small} && cp -a {env} {small}/env && \
         PIP_NO_INDEX=1 PIP_FIND_LINKS={index} {pipalhub} packages add alpha \
         --environment {small}/env --requirements-file {small}/r.txt --steward-data {small}/state \
         --steward-socket {small}/none --installer pip; ls {small}/env/.pipalhub {small}",
        small = small.display(),
        env = place.environment().display(),
        index = place.path("index").display(),
        pipalhub = env!("CARGO_BIN_EXE_pipalhub"),
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .output();
    let said = all_text_of(output.unwrap()).unwrap_or_else(|said| said);
    if said.contains("unshare failed") || said.contains("mount:") {
        eprintln!("not tried: root and namespaces are needed");
        return;
    }
    assert!(said.contains("a copy of the environment needs"), "{said}");
    assert!(!said.contains("r.txt") && !said.contains("next-"), "{said}");
}
