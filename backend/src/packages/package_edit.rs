//! What somebody wants to be added and removed, as a change of `requirements.txt`.

use std::collections::BTreeSet;

use shared::{
    packages::PackageEdit,
    requirement::{Requirement, normalized_name},
};

use super::{
    error::{MAX_EDITED, PackageError},
    requirements_file::RequirementsFile,
};

/// Applies an edit that somebody has sent, and returns the names that are asked for no more.
pub(super) fn apply_edit(
    file: &mut RequirementsFile,
    edit: &PackageEdit,
) -> Result<Vec<String>, PackageError> {
    if edit.add.is_empty() && edit.remove.is_empty() {
        return Err(PackageError::Nothing);
    }
    if edit.add.len() + edit.remove.len() > MAX_EDITED {
        return Err(PackageError::TooMany);
    }
    let asked: BTreeSet<String> = file.requirements().map(Requirement::key).collect();
    for name in &edit.remove {
        let key = normalized_name(name);
        if !asked.contains(&key) {
            return Err(PackageError::Unknown(shown(name)));
        }
        let is_added = |it: &String| Requirement::parse(it).is_ok_and(|it| it.key() == key);
        if edit.add.iter().any(is_added) {
            return Err(PackageError::Contradiction(shown(name)));
        }
    }
    edit_file(file, edit)?;
    Ok(edit.remove.clone())
}

/// Changes the file as an edit says, which was checked before or is here.
pub(super) fn edit_file(
    file: &mut RequirementsFile,
    edit: &PackageEdit,
) -> Result<(), PackageError> {
    for name in &edit.remove {
        file.remove(&normalized_name(name));
    }
    for text in &edit.add {
        let requirement = Requirement::parse(text);
        file.set(&requirement.map_err(|error| PackageError::Requirement(shown(text), error))?);
    }
    Ok(())
}

/// What an edit is called in a few words.
pub(super) fn title_of(edit: &PackageEdit) -> String {
    let parts = [("add", &edit.add), ("remove", &edit.remove)].map(|(verb, names)| {
        let names = names.join(", ");
        (!names.is_empty()).then(|| format!("{verb} {names}"))
    });
    shown(
        &parts
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" and "),
    )
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(200)
        .collect()
}
