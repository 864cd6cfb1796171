//! How a package gets into a Python environment, also where the system keeps pip out of its own.

use std::{fs, path::Path};

/// Debian, Ubuntu and others put it beside the standard library of their own Python.
const MARKER: &str = "EXTERNALLY-MANAGED";

/// What to do so that the Python environment in the folder `prefix` has the wheel.
pub(super) fn install(wheel: &str, prefix: &Path) -> String {
    let shown = prefix.display();
    match is_managed_by_system(prefix) {
        true => format!(
            "pip installs nothing into the system's Python ({shown}): make an environment with \
             `python3 -m venv /opt/jupyterhub`, have it run the Hub and its servers, and there \
             `/opt/jupyterhub/bin/python3 -m pip install {wheel}`"
        ),
        false => format!("`{shown}/bin/python3 -m pip install {wheel}`"),
    }
}

/// Whether pip refuses to install into this environment; never into one made by venv.
fn is_managed_by_system(prefix: &Path) -> bool {
    if prefix.join("pyvenv.cfg").exists() {
        return false;
    }
    let libraries = fs::read_dir(prefix.join("lib")).into_iter().flatten();
    libraries.flatten().any(|library| {
        let is_python = library.file_name().to_string_lossy().starts_with("python3");
        is_python && library.path().join(MARKER).exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_system_manages_its_python_an_environment_is_advised() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("lib/python3.13");
        fs::create_dir_all(&library).unwrap();
        let plain = format!("`{}/bin/python3 -m pip install w`", folder.path().display());
        assert_eq!(install("w", folder.path()), plain);
        fs::write(library.join(MARKER), "").unwrap();
        assert!(install("w", folder.path()).contains("python3 -m venv"));
        fs::write(folder.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(install("w", folder.path()), plain);
    }
}
