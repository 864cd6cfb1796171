//! The environment that the Hub itself runs in, into which nothing is ever installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Whether the Hub runs in the environment at `root`: it says so (`told`), its service's program
/// is there, this project's part in the Hub's configuration is, or a Hub's process is.
pub(super) fn is_the_hubs(root: &Path, told: Option<&Path>) -> bool {
    let Ok(root) = fs::canonicalize(root) else {
        return false;
    };
    let is_told = told.is_some_and(|told| fs::canonicalize(told).is_ok_and(|told| told == root));
    is_told || has_own_program(&root) || has_configuration(&root) || runs_hub(&root)
}

fn has_own_program(root: &Path) -> bool {
    env::current_exe().is_ok_and(|program| program.starts_with(root.join("bin")))
}

/// Whether the package `pipalhub` is installed there, which the Hub's configuration imports.
fn has_configuration(root: &Path) -> bool {
    let Ok(pythons) = fs::read_dir(root.join("lib")) else {
        return false;
    };
    pythons.flatten().any(|python| {
        let packages = python.path().join("site-packages");
        packages.join("pipalhub").join("configuration.py").exists()
    })
}

/// Whether a process is a Hub that runs from there.
fn runs_hub(root: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    let programs = root.join("bin");
    processes.flatten().any(|process| {
        let Ok(command) = fs::read(process.path().join("cmdline")) else {
            return false;
        };
        is_hub_of(&programs, &command)
    })
}

/// Whether a command line, whose arguments end in NUL, is that of a Hub among these programs.
fn is_hub_of(programs: &Path, command: &[u8]) -> bool {
    let mut arguments = command
        .split(|byte| *byte == 0)
        .map(|it| PathBuf::from(String::from_utf8_lossy(it).into_owned()))
        .take(4);
    let first = arguments.next().unwrap_or_default();
    let hub = programs.join("jupyterhub");
    let rest: Vec<_> = arguments.collect();
    let is_module = || {
        first.starts_with(programs)
            && rest
                .windows(2)
                .any(|it| it[0] == Path::new("-m") && it[1] == Path::new("jupyterhub"))
    };
    first == hub || rest.contains(&hub) || is_module()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_known_by_its_command_line() {
        let programs = Path::new("/opt/hub/bin");
        let is_hub = |line: &str| is_hub_of(programs, line.replace(' ', "\0").as_bytes());
        assert!(is_hub("/opt/hub/bin/python3 /opt/hub/bin/jupyterhub -f x"));
        assert!(is_hub("/opt/hub/bin/jupyterhub"));
        assert!(is_hub("/opt/hub/bin/python -m jupyterhub -f x"));
        assert!(!is_hub(
            "/opt/hub/bin/python3 /opt/hub/bin/jupyterhub-singleuser"
        ));
        assert!(!is_hub("/opt/other/bin/python3 /opt/other/bin/jupyterhub"));
        assert!(!is_hub(""));
    }

    #[test]
    fn the_hub_and_what_is_beside_its_configuration_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("env");
        let package = root.join("lib/python3.11/site-packages/pipalhub");
        fs::create_dir_all(&package).unwrap();
        assert!(!is_the_hubs(&root, None));
        assert!(!is_the_hubs(&root, Some(folder.path())));
        assert!(is_the_hubs(&root, Some(&folder.path().join("env/../env"))));
        fs::write(package.join("configuration.py"), "").unwrap();
        assert!(is_the_hubs(&root, None));
    }
}
