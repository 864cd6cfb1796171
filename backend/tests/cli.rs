//! The commands of the binary: their output, their files and their exit codes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

fn pipalhub() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    // The environment of the tests must not matter.
    command.env_clear();
    command
}

fn notebook(cells: usize) -> String {
    let cell = |n: usize| {
        let text = "a line\n".repeat(n);
        json!({
            "cell_type": "code", "metadata": {}, "execution_count": n,
            "source": format!("cell_{n}"),
            "outputs": [{"output_type": "stream", "name": "stdout", "text": text}]
        })
    };
    let cells: Vec<Value> = (1..=cells).map(cell).collect();
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

fn sources(output: &Output) -> Vec<String> {
    let notebook: Value = serde_json::from_slice(&output.stdout).unwrap();
    notebook["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(source_of)
        .collect()
}

/// A source is one string or a list of lines.
fn source_of(cell: &Value) -> String {
    match &cell["source"] {
        Value::String(text) => text.clone(),
        lines => lines
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect(),
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn tail_prints_the_last_cells_as_a_notebook() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("alice.ipynb"), notebook(49)).unwrap();
    let tail = || {
        let mut tail = pipalhub();
        tail.arg("tail").current_dir(folder.path());
        tail
    };
    let output = tail().args(["-n", "5", "alice.ipynb"]).output().unwrap();
    assert!(output.status.success());
    let expected: Vec<String> = (45..=49).map(|n| format!("cell_{n}")).collect();
    assert_eq!(sources(&output), expected);
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("{\n \""),
        "indent 1"
    );
    let output = tail().arg("alice.ipynb").output().unwrap();
    assert_eq!(sources(&output).len(), 10);
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("...\\n"),
        "25 lines at most"
    );
    let output = tail()
        .args(["--num-cells", "1", "-l", "100", "alice.ipynb"])
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("...\\n"));
}

#[test]
fn no_command_shows_private_cells() {
    let folder = tempfile::tempdir().unwrap();
    let cell = |tag: &str, source: &str| json!({"cell_type": "markdown", "metadata": {"tags": [tag]}, "source": source});
    let cells = [cell("x", "shown"), cell("private", "canary")];
    let text = json!({"cells": cells, "metadata": {}, "nbformat": 4}).to_string();
    fs::write(folder.path().join("a.ipynb"), text).unwrap();
    let homes = ["--homes", "/nowhere/{user}", "-d", "out"];
    let build = [&["build"], &homes[..], &["a.ipynb"]].concat();
    for args in [
        &["tail", "a.ipynb"][..],
        &["tail", "a.ipynb", "a.ipynb"],
        &["render", "-o", "-", "a.ipynb"],
        &build,
    ] {
        let run = pipalhub().args(args).current_dir(folder.path()).output();
        let Output {
            status,
            stdout,
            stderr,
        } = run.unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert!(status.success(), "{said}");
        assert!(!said.contains("canary"), "{args:?}: {said}");
        assert!(
            args[0] == "build" || said.contains("shown"),
            "{args:?}: {said}"
        );
    }
    let built = |word: &str| {
        let grep = Command::new("grep")
            .args(["-rq", word, "out"])
            .current_dir(folder.path())
            .status();
        grep.unwrap().success()
    };
    assert!(built("shown") && !built("canary"));
}

#[test]
fn tail_names_unreadable_files_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for user in ["alice", "bob"] {
        fs::write(folder.path().join(format!("{user}.ipynb")), notebook(2)).unwrap();
    }
    fs::write(folder.path().join("torn.ipynb"), "{\"cells\": [").unwrap();
    let files = ["alice.ipynb", "torn.ipynb", "none.ipynb", "bob.ipynb"];
    let output = pipalhub()
        .arg("tail")
        .args(files)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("torn.ipynb") && said.contains("line 1"),
        "{said}"
    );
    assert!(said.contains("none.ipynb"), "{said}");
    let sources = sources(&output);
    assert_eq!(sources.len(), 6);
    assert!(
        sources[0].contains("ALICE") && sources[3].contains("BOB"),
        "{sources:?}"
    );
    let nothing = pipalhub().args(["tail", "none.ipynb"]).output().unwrap();
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(1), 0));
}

#[test]
fn tail_without_a_file_says_how_it_is_called() {
    let output = pipalhub().arg("tail").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Usage: pipalhub tail"));
}

/// A running `pipalhub serve`, ended with the test.
struct ServeProcess {
    child: Child,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        // The test may have ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &Path) -> Command {
    let mut serve = pipalhub();
    serve
        .args(["serve", "--bind", "127.0.0.1:0", "--homes"])
        .arg(folder.join("homes/{user}"))
        .arg("--data")
        .arg(folder.join("data"));
    serve
}

impl ServeProcess {
    /// Starts a service and reads the link it prints.
    fn start() -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        Self::start_by(&mut command, folder)
    }

    fn start_by(command: &mut Command, folder: TempDir) -> (Self, String) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut link = String::new();
        stdout.read_line(&mut link).unwrap();
        (
            Self {
                child,
                stdout,
                folder,
            },
            link.trim().to_owned(),
        )
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

#[test]
fn serve_prints_a_link_and_ends_cleanly() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut serving, link) = ServeProcess::start();
        let rest = link.strip_prefix("http://127.0.0.1:").unwrap();
        let (port, token) = rest.split_once("/#token=").unwrap();
        assert!(token.len() >= 32, "{link}");
        // An open event stream must not keep the service from ending.
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let request = format!(
            "GET /events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: token {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut begun = [0; 15];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200 OK");
        serving.signal(signal);
        let status = serving.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        let mut rest = String::new();
        serving.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one link and nothing else");
    }
}

#[test]
fn serve_ends_with_the_process_that_has_started_it_if_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = serve(folder.path());
    program.arg("--end-with-parent");
    let mut shell = Command::new("sh");
    shell.env_clear().args(["-c", "\"$@\" & wait", "-"]);
    shell.arg(program.get_program()).args(program.get_args());
    let (mut serving, link) = ServeProcess::start_by(&mut shell, folder);
    assert!(link.starts_with("http://"), "{link}");
    serving.signal(Signal::KILL);
    // Its output is open until it has ended.
    let mut rest = String::new();
    serving.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn serve_names_the_reason_when_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    fs::write(folder.path().join("file"), "").unwrap();
    let in_a_file = folder.path().join("file/data").display().to_string();
    let says = |arguments: &[&str], variable: (&str, &str), words: &[&str]| {
        let mut command = pipalhub();
        command
            .arg("serve")
            .args(arguments)
            .env("HOME", folder.path());
        let output = command.env(variable.0, variable.1).output().unwrap();
        assert!(!output.status.success());
        let said = stderr(&output);
        for word in words {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    };
    let free = ["--bind", "127.0.0.1:0"];
    let none = ("X", "");
    says(
        &["--bind", "0.0.0.0:0"],
        none,
        &["0.0.0.0:0", "this machine only"],
    );
    says(&["--bind", "here"], none, &["--bind", "here"]);
    says(
        &["--bind", &taken],
        none,
        &[&taken, "taken by another program", "--bind"],
    );
    says(&["--data", &in_a_file], none, &["file/data", "--data"]);
    says(&["--homes", "/home"], none, &["--homes", "{user}"]);
    says(
        &free,
        ("PIPALHUB_TOKEN", " "),
        &["--token", "PIPALHUB_TOKEN"],
    );
    says(
        &free,
        ("JUPYTERHUB_API_TOKEN", "t"),
        &["JUPYTERHUB_API_URL"],
    );
}

#[test]
fn serve_tells_whether_it_could_start_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let check = |more: &[&str]| {
        let mut command = serve(folder.path());
        command.arg("--check").args(more).output().unwrap()
    };
    let could = check(&[]);
    assert!(could.status.success(), "{}", stderr(&could));
    assert!(could.stdout.is_empty(), "it prints the link of a service");
    let could_not = check(&["--history-days", "many"]);
    assert!(stderr(&could_not).contains("--history-days"));
    // What it has opened is closed.
    let serving = ServeProcess::start_by(&mut serve(folder.path()), folder);
    let folder = serving.0.folder.path();
    let could_not = serve(folder).arg("--check").output().unwrap();
    assert!(!could_not.status.success());
    assert!(stderr(&could_not).contains("another pipalhub uses the data folder"));
}

#[test]
fn a_second_service_on_the_same_data_is_refused() {
    let (serving, _) = ServeProcess::start();
    let second = serve(serving.folder.path()).output().unwrap();
    assert!(!second.status.success());
    assert!(stderr(&second).contains("another pipalhub uses the data folder"));
}

/// The message of a service that refuses to start; one that starts prints a link first.
fn refusal(command: &mut Command) -> String {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut link = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut link).unwrap();
    if !link.is_empty() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(link, "", "it has started");
    assert!(!output.status.success());
    stderr(&output)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whatever the umask of the shell that starts it.
#[test]
fn files_of_serve_are_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o700);
    let program = serve(folder.path());
    let mut shell = Command::new("sh");
    shell
        .env_clear()
        .args(["-c", "umask 0 && exec \"$@\"", "-"]);
    shell.arg(program.get_program()).args(program.get_args());
    let (serving, _) = ServeProcess::start_by(&mut shell, folder);
    let data = serving.folder.path().join("data");
    let names = fs::read_dir(data).unwrap().flatten();
    let made: Vec<_> = names
        .map(|entry| (entry.path(), mode(&entry.path())))
        .collect();
    assert!(made.len() > 5, "{made:?}");
    assert!(made.iter().all(|(_, mode)| mode & 0o077 == 0), "{made:?}");
}

#[test]
fn serve_refuses_exposed_files_and_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("events.sqlite3"), "").unwrap();
    set_mode(&data, 0o755);
    set_mode(&data.join("events.sqlite3"), 0o644);
    let elsewhere = |folder: &Path| {
        let mut command = serve(folder);
        command.arg("--out").arg(folder.join("out"));
        command
    };
    let mends = |said: &str| {
        let (_, commands) = said.split_once("mend it with: ").expect(said);
        let mended = Command::new("sh").args(["-c", commands]).status().unwrap();
        assert!(mended.success(), "{commands}");
    };
    let said = refusal(&mut serve(folder.path()));
    assert!(
        said.contains("mode 755") && said.contains("mode 644"),
        "{said}"
    );
    mends(&said);
    assert_eq!(
        (mode(&data), mode(&data.join("events.sqlite3"))),
        (0o700, 0o600)
    );
    fs::write(data.join("cookie.key"), [7; 64]).unwrap();
    set_mode(&data.join("cookie.key"), 0o640);
    let said = refusal(&mut serve(folder.path()));
    assert!(
        said.contains("cookie.key") && said.contains("mode 640"),
        "{said}"
    );
    mends(&said);
    // In the data folder nobody else could get at it.
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join(".pipalhub"), "").unwrap();
    set_mode(&out, 0o755);
    let said = refusal(&mut elsewhere(folder.path()));
    assert!(
        said.contains("--out") && said.contains("mode 755"),
        "{said}"
    );
    mends(&said);
    let (_serving, link) = ServeProcess::start_by(&mut elsewhere(folder.path()), folder);
    assert!(link.starts_with("http://"), "{link}");
}

#[test]
fn a_token_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "the-token-canary\n").unwrap();
    let by_file = |folder: &Path| {
        let mut command = serve(folder);
        command.arg("--token-file").arg(folder.join("token"));
        command
    };
    set_mode(&file, 0o644);
    let said = refusal(&mut by_file(folder.path()));
    assert!(said.contains("chmod 600"), "{said}");
    set_mode(&file, 0o600);
    let (serving, link) = ServeProcess::start_by(&mut by_file(folder.path()), folder);
    assert!(link.ends_with("/#token=the-token-canary"), "{link}");
    let listed = fs::read(format!("/proc/{}/cmdline", serving.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&listed).contains("canary"));
}
