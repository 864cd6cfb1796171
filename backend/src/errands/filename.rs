//! Which paths may be proposed for a new file in a participant's home, and which audiences a
//! handout may have.

use shared::errands::{HandoutAudience, LONGEST_FILENAME_BYTES};

use crate::filename::plain_filename;

/// The longest name of a participant or a group, in bytes.
const LONGEST_NAME_BYTES: usize = 255;

/// The path for the files of a notebook that is handed out, in its one form.
///
/// # Errors
/// What is wrong with it, in words for the instructor.
pub(crate) fn handout_filename(text: &str) -> Result<String, String> {
    let path = handout_path(text)?;
    match is_notebook(&path) {
        true => Ok(path),
        false => Err("The name of the file ends in .ipynb, since it is a notebook.".to_owned()),
    }
}

/// The path for the copies of an uploaded file: this name in this folder, which is empty for the
/// root folder of the participants' servers.
///
/// # Errors
/// What is wrong with it, in words for the instructor.
pub(crate) fn upload_filename(folder: &str, name: &str) -> Result<String, String> {
    if name.trim().is_empty() {
        return Err("The file has no name: give it one.".to_owned());
    }
    if name.contains('/') {
        return Err(format!(
            "The name {name:?} has a slash in it: give the file a name without one, and its \
             folder separately."
        ));
    }
    if name.starts_with('.') {
        return Err(format!(
            "The name {name:?} begins with a dot, so programs may read it as their settings: \
             give the file another name."
        ));
    }
    match folder.trim().trim_matches('/') {
        "" => handout_path(name),
        folder => handout_path(&format!("{folder}/{name}")),
    }
}

/// Whether the file at this path is a notebook by its name.
pub(crate) fn is_notebook(path: &str) -> bool {
    path.ends_with(".ipynb")
}

/// A path that any file may be handed out to. A hidden file or folder is refused because programs
/// read their settings there.
fn handout_path(text: &str) -> Result<String, String> {
    let path = plain_filename(text).map_err(|error| format!("The name of the file {error}."))?;
    if path.len() > LONGEST_FILENAME_BYTES || path.contains(char::is_control) {
        return Err(format!(
            "The name of the file has at most {LONGEST_FILENAME_BYTES} bytes, and no control \
             characters."
        ));
    }
    match path
        .split('/')
        .any(|part| part.starts_with('.') || part.len() > LONGEST_NAME_BYTES)
    {
        true => Err(
            "No part of the file's name begins with a dot or has more than 255 bytes.".to_owned(),
        ),
        false => Ok(path),
    }
}

/// Refuses an audience that can have no members.
///
/// # Errors
/// What is wrong with it, in words for the instructor.
pub(crate) fn check_audience(to: &HandoutAudience) -> Result<(), String> {
    let (what, name) = match to {
        HandoutAudience::Everyone(true) => return Ok(()),
        HandoutAudience::Everyone(false) => {
            return Err("A handout needs an audience: \"everyone\" is true, or not there.".into());
        }
        HandoutAudience::Group(name) => ("group", name),
        HandoutAudience::User(name) => ("participant", name),
    };
    let fits = !name.is_empty() && name.len() <= LONGEST_NAME_BYTES;
    match fits && !name.contains(|c: char| c == '/' || c.is_control()) {
        true => Ok(()),
        false => Err(format!(
            "The name of a {what} has 1 to {LONGEST_NAME_BYTES} bytes, no slash and no control \
             characters."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handout_goes_to_a_plain_path_of_a_notebook() {
        for (text, path) in [("a.ipynb", "a.ipynb"), ("./m1//a b.ipynb", "m1/a b.ipynb")] {
            assert_eq!(handout_filename(text).unwrap(), path);
        }
        for text in [
            "",
            "..",
            "../a.ipynb",
            ".a.ipynb",
            ".ipython/a.ipynb",
            "m1/.x/a.ipynb",
            "a.py",
            "a\nb.ipynb",
            &format!("{}/a.ipynb", "x".repeat(256)),
            &format!("{}a.ipynb", "x/".repeat(512)),
        ] {
            handout_filename(text).expect_err(text);
        }
    }

    #[test]
    fn an_uploaded_file_goes_under_a_plain_name_into_a_folder() {
        for (folder, name, path) in [
            ("", "data.csv", "data.csv"),
            ("/", "a b.zip", "a b.zip"),
            (" m1//x/ ", "a.py", "m1/x/a.py"),
        ] {
            assert_eq!(upload_filename(folder, name).unwrap(), path);
        }
        for (folder, name, word) in [
            ("", "", "no name"),
            ("m1", " ", "no name"),
            ("", "m1/a.csv", "slash"),
            ("", "/etc/passwd", "slash"),
            ("", ".bashrc", "dot"),
            ("", "..", "dot"),
            (".ipython/startup", "a.py", "dot"),
            ("..", "a.py", "name of the file"),
            ("m1", "a\n.csv", "control"),
            ("", &"x".repeat(256), "255"),
        ] {
            let refusal = upload_filename(folder, name).unwrap_err();
            assert!(refusal.contains(word), "{folder:?} {name:?}: {refusal}");
        }
    }

    #[test]
    fn an_audience_has_a_name_or_is_everyone() {
        check_audience(&HandoutAudience::Everyone(true)).unwrap();
        check_audience(&HandoutAudience::Group("tuesday group".into())).unwrap();
        check_audience(&HandoutAudience::User("ana".into())).unwrap();
        check_audience(&HandoutAudience::Everyone(false)).unwrap_err();
        for name in ["", "a/b", "a\nb", &"x".repeat(256)] {
            check_audience(&HandoutAudience::Group(name.to_owned())).unwrap_err();
            check_audience(&HandoutAudience::User(name.to_owned())).unwrap_err();
        }
    }
}
