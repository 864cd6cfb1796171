//! What installs: uv, or pip.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use shared::{packages::PackageChange, requirement::normalized_name};

use super::{
    environment::python,
    program::{self, LogSink, ProgramOutput},
    protocol::InstallerChoice,
};

/// The first pip that can say what it would do.
const FIRST_PIP: (u32, u32) = (22, 2);
/// Settings of pip that change what is found where, and that uv does not read.
const SOURCES_OF_PIP: [&str; 6] = [
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "constraint",
    "trusted-host",
];
/// The file of requirements in the folder for a change.
pub(super) const REQUIREMENTS: &str = "requirements.txt";
/// What begins pip's advice to whoever runs it by hand.
const ADVICE: [&str; 3] = [
    "To fix this you could",
    "1. loosen the range",
    "2. remove package",
];
/// Lines of a log that say nothing: there is one for each package of the environment.
const NOISE: &str = "Requirement already satisfied";
/// What begins the lines of an installer's refusal on its standard output.
const CONFLICT: &str = "The conflict is caused by";

/// What installs into environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Installer {
    Uv { program: PathBuf, version: String },
    Pip { version: String },
}

impl fmt::Display for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uv { version, .. } => write!(f, "uv {version}"),
            Self::Pip { version } => write!(f, "pip {version}"),
        }
    }
}

/// What a dry run has found.
pub(super) enum DryRun {
    /// The packages that would have these versions; the others stay. By normalized name.
    Changes(BTreeMap<String, PackageChange>),
    /// Why it cannot be.
    Conflict(String),
}

/// What installs into the environment at `root`.
pub(super) fn find_installer(root: &Path, choice: InstallerChoice) -> anyhow::Result<Installer> {
    let runs = python(root).arg("--version").output();
    runs.with_context(|| {
        format!(
            "the Python of {} cannot be run by its owner",
            root.display()
        )
    })?;
    let pip = version_of(python(root).args(["-m", "pip", "--version"]));
    let uv = || {
        let beside = env::current_exe().ok();
        let beside = beside.as_deref().and_then(Path::parent);
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = env::split_paths(&path).collect::<Vec<_>>();
        folders.extend([root.join("bin")]);
        folders.extend(beside.map(Path::to_owned));
        let mut programs = folders.into_iter().map(|it| it.join("uv"));
        let program = programs.find(|it| it.is_absolute() && it.is_file())?;
        let version = version_of(Command::new(&program).arg("--version"))?;
        Some(Installer::Uv { program, version })
    };
    let usable_pip = || {
        let version = pip.clone()?;
        let is_new = numbers(&version) >= Some(FIRST_PIP);
        is_new.then_some(Installer::Pip { version })
    };
    let shown = root.display();
    let found = match choice {
        InstallerChoice::Uv => uv(),
        InstallerChoice::Pip => usable_pip(),
        InstallerChoice::Auto if pip.is_some() && has_pip_sources(root) => usable_pip(),
        InstallerChoice::Auto => uv().or_else(usable_pip),
    };
    found.with_context(|| match (choice, &pip) {
        (InstallerChoice::Uv, _) => "uv is not installed here".to_owned(),
        (_, Some(version)) => format!(
            "pip {version} of {shown} cannot say what it would do: \
             `{shown}/bin/python3 -m pip install --upgrade pip`, or install uv"
        ),
        (_, None) => format!("neither uv nor the pip of {shown} is installed here: install uv"),
    })
}

/// The second word of what a program prints of its version.
fn version_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let version = said.split_whitespace().nth(1)?;
    output.status.success().then(|| version.to_owned())
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|it| it.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

/// Whether pip is told where packages are, by a file or a variable.
fn has_pip_sources(root: &Path) -> bool {
    let output = python(root).args(["-m", "pip", "config", "list"]).output();
    let said = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    said.is_ok_and(|said| {
        said.lines().any(|line| {
            let key = line.split('=').next().unwrap_or_default();
            let name = key.rsplit(['.', ':']).next().unwrap_or_default();
            SOURCES_OF_PIP.contains(&name)
        })
    })
}

impl Installer {
    /// Says what an installation into the environment at `root` would change; the
    /// requirements are in `folder`, which takes files for it.
    pub(super) fn dry_run(&self, root: &Path, folder: &Path) -> anyhow::Result<DryRun> {
        let report = folder.join("report.json");
        let mut command = self.command(root, folder, "install");
        match self {
            Self::Uv { .. } => command.arg("--dry-run"),
            Self::Pip { .. } => command.args(["--dry-run", "--report"]).arg(&report),
        };
        command.args(["-r", REQUIREMENTS]);
        let output = program::run(&mut command, &|_| {})?;
        if !output.is_success {
            return Ok(DryRun::Conflict(refusal(&output)));
        }
        let changes = match self {
            Self::Uv { .. } => output
                .stderr
                .iter()
                .filter_map(|it| uv_change(it))
                .collect(),
            Self::Pip { .. } => read_report(&report)?,
        };
        Ok(DryRun::Changes(merged(changes)))
    }

    /// Installs into the environment at `root`.
    pub(super) fn install(
        &self,
        root: &Path,
        folder: &Path,
        log: LogSink<'_>,
    ) -> anyhow::Result<()> {
        let mut command = self.command(root, folder, "install");
        if let Self::Uv { .. } = self {
            // Participants cannot write beside the modules, so each kernel would compile them anew;
            // and what links to the cache is changed with it.
            command.args(["--compile-bytecode", "--link-mode", "copy"]);
        }
        command.args(["-r", REQUIREMENTS]);
        succeed(&mut command, log, "it cannot be installed")
    }

    /// Uninstalls packages from the environment at `root`.
    pub(super) fn uninstall(
        &self,
        root: &Path,
        names: &[String],
        folder: &Path,
        log: LogSink<'_>,
    ) -> anyhow::Result<()> {
        let mut command = self.command(root, folder, "uninstall");
        if let Self::Pip { .. } = self {
            command.arg("--yes");
        }
        succeed(command.args(names), log, "it cannot be uninstalled")
    }

    /// What in the environment at `root` does not go together, a line for each.
    pub(super) fn check(&self, root: &Path, folder: &Path) -> anyhow::Result<Vec<String>> {
        let output = program::run(&mut self.command(root, folder, "check"), &|_| {})?;
        if output.is_success {
            return Ok(Vec::new());
        }
        let lines = match self {
            Self::Uv { .. } => output.stderr,
            Self::Pip { .. } => output.stdout,
        };
        // uv says first what it looks at.
        let problems = lines
            .into_iter()
            .filter(|it| it.contains("requires") || it.contains("has requirement"));
        Ok(problems.collect())
    }

    fn command(&self, root: &Path, folder: &Path, verb: &str) -> Command {
        let mut command = match self {
            Self::Uv { program, .. } => {
                let mut command = Command::new(program);
                command
                    .args(["pip", verb, "--color", "never", "--no-progress", "--python"])
                    .arg(root.join("bin").join("python3"))
                    .env("UV_CACHE_DIR", folder.join("cache-uv"));
                command
            }
            Self::Pip { .. } => {
                let mut command = python(root);
                command.args([
                    "-m",
                    "pip",
                    verb,
                    "--disable-pip-version-check",
                    "--no-input",
                ]);
                command
                    .env("PIP_NO_COLOR", "1")
                    .env("PIP_PROGRESS_BAR", "off")
                    .env("PIP_ROOT_USER_ACTION", "ignore")
                    .env("PIP_NO_WARN_SCRIPT_LOCATION", "1")
                    .env("PIP_CACHE_DIR", folder.join("cache-pip"));
                command
            }
        };
        // Nothing is read from where the steward was started, and what is built is built here.
        command.current_dir(folder).env("TMPDIR", folder);
        command
    }
}

/// Runs a command that has to succeed.
fn succeed(command: &mut Command, log: LogSink<'_>, what: &str) -> anyhow::Result<()> {
    let output = program::run(command, &|line| {
        if !line.starts_with(NOISE) {
            log(line);
        }
    })?;
    ensure!(output.is_success, "{what}: {}", refusal(&output));
    Ok(())
}

/// Why an installer has refused, in its own words.
fn refusal(output: &ProgramOutput) -> String {
    const MAX_LINES: usize = 40;
    let caused = output.stdout.iter().skip_while(|it| !it.contains(CONFLICT));
    let is_said = |it: &&String| {
        let line = it.trim_start();
        !line.is_empty()
            && ["Using Python", "[notice]", "ERROR: ResolutionImpossible"]
                .iter()
                .chain(&ADVICE)
                .all(|aside| !line.starts_with(aside))
    };
    let lines: Vec<&str> = output
        .stderr
        .iter()
        .chain(caused)
        .filter(is_said)
        .map(String::as_str)
        .collect();
    let from = lines.len().saturating_sub(MAX_LINES);
    match lines[from..].join("\n") {
        said if said.is_empty() => "the installer does not say why".to_owned(),
        said => said,
    }
}

/// A change as uv prints it: ` + six==1.17.0`, or ` - six==1.16.0`.
fn uv_change(line: &str) -> Option<PackageChange> {
    let (sign, rest) = line.trim().split_once(' ')?;
    let (name, version) = rest.split_once("==")?;
    let version = version.split_whitespace().next()?.to_owned();
    let (from, to) = match sign {
        "-" => (Some(version), None),
        "+" => (None, Some(version)),
        _ => return None,
    };
    Some(PackageChange {
        name: name.to_owned(),
        from,
        to,
    })
}

/// The parts of pip's report that are read.
#[derive(Deserialize)]
struct PipReport {
    install: Vec<PipReportItem>,
}

#[derive(Deserialize)]
struct PipReportItem {
    metadata: PipMetadata,
}

#[derive(Deserialize)]
struct PipMetadata {
    name: String,
    version: String,
}

fn read_report(path: &Path) -> anyhow::Result<Vec<PackageChange>> {
    let bytes = fs::read(path).context("pip has written no report")?;
    let report: PipReport = serde_json::from_slice(&bytes).context("pip's report is another")?;
    let changes = report.install.into_iter().map(|it| PackageChange {
        name: it.metadata.name,
        from: None,
        to: Some(it.metadata.version),
    });
    Ok(changes.collect())
}

/// One change of each package, by its normalized name.
fn merged(changes: Vec<PackageChange>) -> BTreeMap<String, PackageChange> {
    let mut merged: BTreeMap<String, PackageChange> = BTreeMap::new();
    for change in changes {
        let key = normalized_name(&change.name);
        match merged.get_mut(&key) {
            Some(known) => {
                known.from = known.from.take().or(change.from);
                known.to = known.to.take().or(change.to);
            }
            None => drop(merged.insert(key, change)),
        }
    }
    merged
}
