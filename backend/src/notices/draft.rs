//! Checks notices before they are sent.

use shared::notices::{Audience, MAX_NOTICE_CHARS, NoticeLink, NoticeRequest};

/// Limits of a notice's fields.
const MAX_TITLE_CHARS: usize = 120;
const MAX_LABEL_CHARS: usize = 120;
const MAX_URL_BYTES: usize = 2_000;
const MAX_PATH_BYTES: usize = 4_096;
const MAX_USER_CHARS: usize = 255;
const MAX_USERS: usize = 1_000;

/// A notice with valid fields, not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeDraft {
    /// Plain text or Markdown.
    pub text: String,
    /// A line above it.
    pub title: Option<String>,
    /// The participants it is for.
    pub to: Audience,
    /// Something to open beside it.
    pub link: Option<NoticeLink>,
    /// A file below the home.
    pub file: Option<String>,
    /// When it is over.
    pub until_ms: Option<i64>,
}

impl NoticeDraft {
    /// Checks a request that arrived at `now_ms`.
    ///
    /// # Errors
    /// The field that is not valid, for its author to read.
    pub fn read(request: NoticeRequest, now_ms: i64) -> Result<Self, String> {
        let NoticeRequest {
            text,
            to,
            title,
            link,
            file,
            until_ms,
        } = request;
        check_text(&text)?;
        check_audience(&to)?;
        let title = title.filter(|title| !title.trim().is_empty());
        if let Some(title) = &title {
            check_line("A title", title, MAX_TITLE_CHARS)?;
        }
        if let Some(file) = &file {
            check_path("The file", file)?;
        }
        if until_ms.is_some_and(|until| until <= now_ms) {
            return Err("The time until which the notice stands is over already.".to_owned());
        }
        Ok(Self {
            text,
            title,
            to,
            link: link.map(checked_link).transpose()?,
            file,
            until_ms,
        })
    }
}

fn check_text(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > MAX_NOTICE_CHARS {
        return Err(format!(
            "A notice has 1 to {MAX_NOTICE_CHARS} characters; this one has {length}."
        ));
    }
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    match text.contains(is_odd) {
        true => Err("A notice has no control characters.".to_owned()),
        false => Ok(()),
    }
}

fn check_audience(to: &Audience) -> Result<(), String> {
    match to {
        Audience::Everyone(true) => Ok(()),
        Audience::Everyone(false) => {
            Err("A notice for nobody: \"everyone\" is true, or not there.".to_owned())
        }
        Audience::Notebook(filename) => check_path("The notebook", filename),
        Audience::User(user) => check_user(user),
        Audience::Users(users) => {
            if users.is_empty() || users.len() > MAX_USERS {
                return Err(format!(
                    "A notice for several is for 1 to {MAX_USERS} people."
                ));
            }
            users.iter().try_for_each(|user| check_user(user))
        }
    }
}

fn check_user(user: &str) -> Result<(), String> {
    if user.is_empty() || user.contains('/') {
        return Err("The name of a person is not empty and has no slash.".to_owned());
    }
    check_line("A name", user, MAX_USER_CHARS)
}

fn check_line(subject: &str, line: &str, longest: usize) -> Result<(), String> {
    if line.chars().count() > longest {
        return Err(format!("{subject} has at most {longest} characters."));
    }
    match line.contains(char::is_control) {
        true => Err(format!(
            "{subject} is one line, without control characters."
        )),
        false => Ok(()),
    }
}

/// Checks a path below any home.
fn check_path(subject: &str, path: &str) -> Result<(), String> {
    let is_step = |step: &str| !matches!(step, "" | "." | "..");
    let is_plain = !path.contains(char::is_control) && !path.contains('\\');
    if path.len() > MAX_PATH_BYTES || !is_plain || !path.split('/').all(is_step) {
        return Err(format!(
            "{subject} is a path below the home, such as module1/day1.ipynb, of at most \
             {MAX_PATH_BYTES} bytes and without \"..\"."
        ));
    }
    Ok(())
}

fn checked_link(link: NoticeLink) -> Result<NoticeLink, String> {
    let NoticeLink { url, label } = link;
    let begins = |scheme: &str| {
        let start = url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let leads_somewhere = url.split_once("://").is_some_and(|(_, rest)| {
        let host = rest.split(['/', '?', '#']).next();
        host.is_some_and(|host| !host.is_empty())
    });
    // No white space anywhere: a browser would remove some of it, and open another address.
    let is_one_word = !url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
    let is_web = begins("http://") || begins("https://");
    if !(is_web && leads_somewhere && is_one_word) || url.len() > MAX_URL_BYTES {
        return Err(format!(
            "A link begins with http:// or https://, has no spaces and at most {MAX_URL_BYTES} \
             bytes."
        ));
    }
    check_line("The name of a link", &label, MAX_LABEL_CHARS)?;
    let label = match label.trim() {
        "" => url.clone(),
        label => label.to_owned(),
    };
    Ok(NoticeLink { url, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> NoticeRequest {
        NoticeRequest {
            text: "Lunch".to_owned(),
            to: Audience::Everyone(true),
            title: None,
            link: None,
            file: None,
            until_ms: None,
        }
    }

    fn read(change: impl FnOnce(&mut NoticeRequest)) -> Result<NoticeDraft, String> {
        let mut request = request();
        change(&mut request);
        NoticeDraft::read(request, 1_000)
    }

    #[test]
    fn a_text_has_a_bounded_length_and_no_control_characters() {
        for good in [
            "x".to_owned(),
            "é".repeat(MAX_NOTICE_CHARS),
            "a\n\tb\r\n".to_owned(),
        ] {
            read(|request| request.text = good).unwrap();
        }
        for bad in [
            "",
            " \n",
            &"é".repeat(MAX_NOTICE_CHARS + 1),
            "a\0b",
            "\u{1b}[31m",
        ] {
            read(|request| request.text = bad.to_owned()).unwrap_err();
        }
    }

    #[test]
    fn a_path_stays_below_the_home() {
        for good in ["a.ipynb", "m 1/däy.ipynb", "a/..b/c..", ".hidden"] {
            read(|request| request.file = Some(good.to_owned())).unwrap();
            read(|request| request.to = Audience::Notebook(good.to_owned())).unwrap();
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a\\..\\b",
            "a\nb",
        ] {
            read(|request| request.file = Some(bad.to_owned())).expect_err(bad);
            read(|request| request.to = Audience::Notebook(bad.to_owned())).expect_err(bad);
        }
    }

    #[test]
    fn a_link_is_a_web_address() {
        let link = |url: &str| {
            let link = NoticeLink {
                url: url.to_owned(),
                label: " ".to_owned(),
            };
            read(|request| request.link = Some(link))
        };
        let draft = link("HTTPS://example.org/a?b#c").unwrap();
        assert_eq!(draft.link.unwrap().label, "HTTPS://example.org/a?b#c");
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//example.org",
            "example.org",
            "http://",
            "http:///a",
            "java\nscript:x",
            " https://a",
            "https://a b",
            "https:\\\\a",
            "ftp://a",
            &format!("https://a/{}", "x".repeat(MAX_URL_BYTES)),
        ] {
            link(bad).expect_err(bad);
        }
    }

    #[test]
    fn users_titles_and_times_are_checked_too() {
        read(|request| request.to = Audience::User("ana".into())).unwrap();
        for user in ["", "a/b", "a\nb", &"x".repeat(256)] {
            read(|request| request.to = Audience::User(user.into())).expect_err(user);
        }
        read(|request| request.to = Audience::Everyone(false)).unwrap_err();
        read(|request| request.title = Some("a\nb".into())).unwrap_err();
        read(|request| request.title = Some("x".repeat(121))).unwrap_err();
        assert_eq!(
            read(|request| request.title = Some(" ".into()))
                .unwrap()
                .title,
            None
        );
        read(|request| request.until_ms = Some(1_001)).unwrap();
        read(|request| request.until_ms = Some(1_000)).unwrap_err();
    }
}
