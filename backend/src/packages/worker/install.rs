//! What would change in an environment, and the change.
//!
//! The change is made in a copy, and takes effect when all of it is there and goes together: until
//! then, and whatever fails, the environment is as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{bail, ensure};
use shared::{
    packages::{InstalledPackage, PackageChange, PackagePlan},
    requirement::{Requirement, checked_name, normalized_name},
};

use super::{
    commit::{self, KeptState},
    environment::{Environment, Installed, installed_in},
    installer::{DryRun, REQUIREMENTS},
    program::{self, LogSink},
    protocol::LastChange,
    python::python,
    staging::Staging,
};

/// Without these, and what they need, participants' servers or this program could not go on.
const ESSENTIAL: [&str; 11] = [
    "jupyterhub",
    "jupyterlab",
    "jupyter-server",
    "notebook",
    "nbclassic",
    "ipykernel",
    "pipalhub-singleuser",
    "pip",
    "uv",
    "setuptools",
    "wheel",
];
/// Modules of those, which have to be importable after a change if they are installed.
const ESSENTIAL_MODULES: [(&str, &str); 5] = [
    ("jupyterhub", "jupyterhub"),
    ("jupyterlab", "jupyterlab"),
    ("jupyter-server", "jupyter_server"),
    ("ipykernel", "ipykernel"),
    ("pipalhub-singleuser", "pipalhub_singleuser"),
];

/// What is to be done, as far as it can be known before an installer has looked.
struct Intent {
    before: Installed,
    /// The lines for the installer.
    lines: Vec<String>,
    /// Names of packages that are needed no more.
    unneeded: Vec<String>,
    warnings: Vec<String>,
}

/// Says what would change.
pub(super) fn plan(
    environment: &Environment,
    requirements: &[String],
    dropped: &[String],
) -> anyhow::Result<PackagePlan> {
    let folder = Staging::folder(environment)?;
    let intent = intent(environment, folder.path(), requirements, dropped)?;
    fs::write(folder.path().join(REQUIREMENTS), intent.lines.join("\n"))?;
    let dry_run = environment
        .installer
        .dry_run(&environment.root, folder.path())?;
    let mut plan = PackagePlan {
        warnings: intent.warnings,
        requirements: requirements.to_vec(),
        ..PackagePlan::default()
    };
    match dry_run {
        DryRun::Conflict(reason) => plan.conflict = Some(reason),
        DryRun::Changes(found) => {
            let versions = versions(&intent.before.packages);
            let mut changes = BTreeMap::new();
            for (key, change) in found {
                let from = versions.get(&key).map(|it| it.version.clone());
                changes.insert(key, PackageChange { from, ..change });
            }
            for name in intent.unneeded {
                let key = normalized_name(&name);
                let from = versions.get(&key).map(|it| it.version.clone());
                let to = None;
                changes.insert(key, PackageChange { name, from, to });
            }
            plan.warnings.extend(warnings_of(&changes));
            plan.changes = changes.into_values().collect();
        }
    }
    Ok(plan)
}

/// Changes the environment.
pub(super) fn install(
    environment: &Environment,
    job: u64,
    requirements: &[String],
    dropped: &[String],
    log: LogSink<'_>,
) -> anyhow::Result<()> {
    let _lock = commit::lock(environment)?;
    commit::recover_locked(environment)?;
    let kept = KeptState::load_or_begin(environment)?;
    let folder = Staging::folder(environment)?;
    let intent = intent(environment, folder.path(), requirements, dropped)?;
    for warning in &intent.warnings {
        log(warning);
    }
    log("Copying the environment, which stays as it is until all has worked");
    let staging = Staging::copy(environment, folder)?;
    let (root, folder) = (staging.root(), staging.folder_path());
    let installer = &environment.installer;
    let problems_before = installer.check(&environment.root, folder)?;
    if !intent.unneeded.is_empty() {
        installer.uninstall(root, &intent.unneeded, folder, log)?;
    }
    fs::write(folder.join(REQUIREMENTS), intent.lines.join("\n"))?;
    installer.install(root, folder, log)?;
    let problems = installer.check(root, folder)?;
    let new: Vec<_> = problems
        .into_iter()
        .filter(|it| !problems_before.contains(it))
        .collect();
    ensure!(
        new.is_empty(),
        "it does not go together: {}",
        new.join("; ")
    );
    let after = installed_in(root, None)?.packages;
    check_imports(environment, root, &after)?;
    staging.correct_scripts(environment)?;
    let changes = changes_between(&intent.before.packages, &after);
    let said = match changes.is_empty() {
        true => "Nothing had to be installed",
        false => "The environment is changed",
    };
    let kept = kept.after(LastChange { job, changes }, dropped);
    commit::commit(environment, staging, &kept)?;
    log(said);
    Ok(())
}

fn intent(
    environment: &Environment,
    folder: &Path,
    requirements: &[String],
    dropped: &[String],
) -> anyhow::Result<Intent> {
    let requirements = checked(requirements)?;
    let dropped = dropped.iter().map(|name| match checked_name(name) {
        Some(name) => Ok(normalized_name(name)),
        None => bail!("{name:?} is no name of a package"),
    });
    let dropped = dropped.collect::<anyhow::Result<BTreeSet<_>>>()?;
    let kept = KeptState::load_or_begin(environment)?;
    let base: BTreeSet<_> = kept.base.difference(&dropped).cloned().collect();
    let mut roots: Vec<String> = requirements.iter().map(ToString::to_string).collect();
    roots.extend(base.iter().cloned());
    roots.extend(ESSENTIAL.map(str::to_owned));
    let before = environment.installed(Some(&roots))?;
    let mut warnings = Vec::new();
    let mut unneeded = Vec::new();
    for package in &before.packages {
        let key = normalized_name(&package.name);
        let is_needed = match &before.needed {
            Some(needed) => needed.contains(&key),
            // Nothing can tell, so only what was named goes; the check finds out whom that hurts.
            None => !dropped.contains(&key) || ESSENTIAL.contains(&key.as_str()),
        };
        match is_needed {
            true if dropped.contains(&key) => warnings.push(format!(
                "{} stays, since others need it or participants' servers do",
                package.name
            )),
            true => {}
            // What a package calls itself is an argument of the installer.
            false => match checked_name(&package.name) {
                Some(name) => unneeded.push(name.to_owned()),
                None => warnings.push(format!("{:?} stays, as it is no name", package.name)),
            },
        }
    }
    let mut lines: Vec<String> = requirements.iter().map(ToString::to_string).collect();
    let problems = environment.installer.check(&environment.root, folder)?;
    match problems.is_empty() {
        // Asked for by name, what is there takes part in what has to go together.
        true => lines.extend(
            before
                .packages
                .iter()
                .filter(|it| !unneeded.contains(&it.name))
                .filter_map(|it| checked_name(&it.name).map(str::to_owned)),
        ),
        false => warnings.push(format!(
            "the environment does not go together as it is, so conflicts with what is installed \
             are not found: {}",
            problems.join("; ")
        )),
    }
    Ok(Intent {
        before,
        lines,
        unneeded,
        warnings,
    })
}

fn checked(requirements: &[String]) -> anyhow::Result<Vec<Requirement>> {
    let read = requirements.iter().map(|text| {
        let read = Requirement::parse(text);
        read.map_err(|error| anyhow::anyhow!("{text:?}: {error}"))
    });
    read.collect()
}

/// What is said of changes to what participants' servers are made of.
fn warnings_of(changes: &BTreeMap<String, PackageChange>) -> Vec<String> {
    let touched = changes.iter().filter(|(key, change)| {
        change.from.is_some() && ESSENTIAL_MODULES.iter().any(|(name, _)| name == key)
    });
    let warnings = touched.map(|(_, change)| {
        let to = change.to.as_deref().unwrap_or("no version");
        format!(
            "{} becomes {to}: participants' servers go on with the old one until they are \
             started again",
            change.name
        )
    });
    warnings.collect()
}

/// Refuses a change after which participants' servers could not start.
fn check_imports(
    environment: &Environment,
    root: &Path,
    after: &[InstalledPackage],
) -> anyhow::Result<()> {
    let there = versions(after);
    for (package, module) in ESSENTIAL_MODULES {
        if !there.contains_key(package) {
            continue;
        }
        let imports = |root: &Path| {
            let statement = format!("import {module}");
            program::run(python(root).args(["-c", &statement]), &|_| {})
        };
        let new = imports(root)?;
        if !new.is_success && imports(&environment.root)?.is_success {
            bail!(
                "participants' servers could not start: {module} could not be imported any more: {}",
                new.stderr.last().map_or("", String::as_str)
            );
        }
    }
    Ok(())
}

fn versions(packages: &[InstalledPackage]) -> BTreeMap<String, &InstalledPackage> {
    let keyed = packages.iter().map(|it| (normalized_name(&it.name), it));
    keyed.collect()
}

fn changes_between(before: &[InstalledPackage], after: &[InstalledPackage]) -> Vec<PackageChange> {
    let (before, after) = (versions(before), versions(after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = names.into_iter().filter_map(|key| {
        let (old, new) = (before.get(key), after.get(key));
        let version = |it: Option<&&InstalledPackage>| it.map(|it| it.version.clone());
        let (from, to) = (version(old), version(new));
        let name = new.or(old)?.name.clone();
        (from != to).then_some(PackageChange { name, from, to })
    });
    changes.collect()
}
