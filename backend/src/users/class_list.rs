//! A class as people have it: names, `name,password`, a table with a header, or the lines of a
//! `users.txt`. Nothing is added here; each line is read, and those that cannot be used say why.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{
    name::{NameRule, Username, propose},
    password,
};
use crate::secret::Secret;

/// Most bytes of a list.
pub(crate) const MAX_LIST_BYTES: usize = 1 << 20;
/// Most people of a list.
const MAX_PEOPLE: usize = 2_000;

/// Words that name a column of a header, the better ones first.
const NAME_COLUMNS: &[&str] = &[
    "username",
    "user",
    "login",
    "account",
    "name",
    "participant",
];
const PASSWORD_COLUMNS: &[&str] = &["password", "pass", "passwd", "pwd"];
/// What parts the columns of tables, where it is in the first line.
const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

/// A line of the list.
#[derive(Debug)]
pub(crate) struct ListLine {
    /// From 1.
    pub(crate) number: u64,
    /// The name as it is written there.
    pub(crate) written: String,
    pub(crate) person: Result<ListedPerson, ListProblem>,
}

/// Somebody to add.
#[derive(Debug)]
pub(crate) struct ListedPerson {
    pub(crate) name: Username,
    /// `None` where one is to be made.
    pub(crate) password: Option<Secret>,
}

/// Why a line cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListProblem {
    /// In words for who has written the list.
    pub(crate) reason: String,
    /// A name that could be taken.
    pub(crate) proposed: Option<Username>,
}

impl ListProblem {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            proposed: None,
        }
    }
}

/// Which columns hold what.
struct Columns {
    name: usize,
    password: Option<usize>,
    /// There is a header, and so columns of no interest may stand beside these.
    is_named: bool,
}

/// Reads a list. Empty lines and comments are passed over.
///
/// # Errors
/// When it is too long, or a table whose header has no column of names.
pub(crate) fn read(text: &str, rule: NameRule) -> Result<Vec<ListLine>, String> {
    if text.len() > MAX_LIST_BYTES {
        return Err(format!("the list has more than {MAX_LIST_BYTES} bytes"));
    }
    let text = text.trim_start_matches('\u{feff}');
    let is_data = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let first = text.lines().find(is_data).unwrap_or_default();
    let separator = SEPARATORS
        .into_iter()
        .find(|it| first.as_bytes().contains(it));
    let before = |byte: u8| {
        first
            .bytes()
            .position(|it| it == byte)
            .unwrap_or(usize::MAX)
    };
    // A line of `users.txt` has its colon before whatever is in the password.
    let mut records = match separator {
        Some(separator) if before(separator) < before(b':') => records(text, separator)?,
        _ => lines(text),
    };
    let columns = columns(records.first().map(|(_, record)| record))?;
    if columns.is_named {
        records.remove(0);
    }
    if records.len() > MAX_PEOPLE {
        let all = records.len();
        return Err(format!(
            "the list has {all} people, and {MAX_PEOPLE} is the most at once"
        ));
    }
    let mut seen = BTreeSet::new();
    let lines = records.into_iter().map(|(number, record)| {
        let (written, secret) = fields(&record, &columns);
        let mut person = read_person(&written, secret, &record, &columns, rule);
        if let Ok(it) = &person
            && !seen.insert(it.name.clone())
        {
            person = Err(ListProblem::new(format!(
                "{} is in the list before",
                it.name
            )));
        }
        ListLine {
            number,
            written,
            person,
        }
    });
    Ok(lines.collect())
}

/// The lines as they are, each as a record of one field, with their numbers.
fn lines(text: &str) -> Vec<(u64, StringRecord)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| (number, StringRecord::from(vec![line])))
        .collect()
}

/// The lines as columns, with their numbers.
fn records(text: &str, separator: u8) -> Result<Vec<(u64, StringRecord)>, String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("the list cannot be read: {error}"))?;
        if record.iter().any(|field| !field.is_empty()) {
            let line = record.position().map_or(0, csv::Position::line);
            records.push((line, record));
        }
    }
    Ok(records)
}

fn columns(first: Option<&StringRecord>) -> Result<Columns, String> {
    let unnamed = Columns {
        name: 0,
        password: Some(1),
        is_named: false,
    };
    let Some(first) = first else {
        return Ok(unnamed);
    };
    let titles: Vec<String> = first.iter().map(str::to_lowercase).collect();
    let find = |words: &[&str]| {
        let mut places = words
            .iter()
            .map(|word| titles.iter().position(|it| it == word));
        places.find_map(|place| place)
    };
    let (name, password) = (find(NAME_COLUMNS), find(PASSWORD_COLUMNS));
    match (name, password) {
        (Some(name), password) => Ok(Columns {
            name,
            password,
            is_named: true,
        }),
        (None, Some(_)) if titles.len() > 1 => Err(format!(
            "the first line names a column of passwords and none of names: call one {}",
            NAME_COLUMNS[0]
        )),
        _ => Ok(unnamed),
    }
}

/// The name and the password of a line. A line of one column may be one of `users.txt`.
fn fields(record: &StringRecord, columns: &Columns) -> (String, Option<String>) {
    let get = |column: usize| record.get(column).unwrap_or_default().to_owned();
    if !columns.is_named && record.len() == 1 {
        return match get(0).split_once(':') {
            Some((name, secret)) => (name.trim().to_owned(), Some(secret.to_owned())),
            None => (get(0), None),
        };
    }
    (get(columns.name), columns.password.map(get))
}

fn read_person(
    written: &str,
    secret: Option<String>,
    record: &StringRecord,
    columns: &Columns,
    rule: NameRule,
) -> Result<ListedPerson, ListProblem> {
    if !columns.is_named && record.len() > 2 {
        return Err(ListProblem::new(format!(
            "the line has {} columns: begin the list with a line that names them, such as \
             username,password",
            record.len()
        )));
    }
    let name = Username::parse(written, rule).map_err(|error| ListProblem {
        reason: error.to_string(),
        proposed: propose(written, rule),
    })?;
    let password = secret.filter(|it| !it.is_empty());
    if let Some(password) = &password {
        password::check(password).map_err(|error| ListProblem::new(error.to_string()))?;
    }
    Ok(ListedPerson {
        name,
        password: password.map(Secret::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The people as `line name password`, and problems as `line ! reason`.
    fn read_all(text: &str) -> Vec<String> {
        let lines = read(text, NameRule::System).unwrap();
        let show = |line: ListLine| match line.person {
            Ok(ListedPerson { name, password }) => {
                let password = password.as_ref().map_or("-", |it| it.reveal());
                format!("{} {name} {password}", line.number)
            }
            Err(problem) => {
                let proposed = problem.proposed.map(|it| format!(" -> {it}"));
                format!(
                    "{} ! {}: {}{}",
                    line.number,
                    line.written,
                    problem.reason,
                    proposed.unwrap_or_default()
                )
            }
        };
        lines.into_iter().map(show).collect()
    }

    #[test]
    fn names_alone_are_a_class() {
        assert_eq!(
            read_all("\u{feff}alice\r\n\n# late ones\n  bob  \ncarol"),
            ["1 alice -", "4 bob -", "5 carol -"]
        );
        assert!(read_all("").is_empty());
    }

    #[test]
    fn passwords_stand_beside_names() {
        for text in [
            "alice,one\nbob,\n",
            "alice;one\nbob\n",
            "alice\tone\nbob\t\n",
        ] {
            assert_eq!(read_all(text), ["1 alice one", "2 bob -"], "{text:?}");
        }
        assert_eq!(read_all("alice,\"a,\"\"b\"\n"), ["1 alice a,\"b"]);
    }

    #[test]
    fn the_lines_of_a_users_file_are_a_list() {
        let text = "alice:a:b\nbob:two, \"three\n";
        assert_eq!(read_all(text), ["1 alice a:b", "2 bob two, \"three"]);
    }

    #[test]
    fn a_header_says_which_columns_count() {
        let text = "Name,Login,E-mail,Password\nAlice A.,alice,a@x.example,one\nBob,bob,,\n";
        assert_eq!(read_all(text), ["2 alice one", "3 bob -"]);
        assert_eq!(read_all("username\nalice\n"), ["2 alice -"]);
        let refused = read("email,password\na,b\n", NameRule::System).unwrap_err();
        assert!(refused.contains("username"), "{refused}");
    }

    #[test]
    fn each_bad_line_says_what_is_wrong_and_the_others_are_read() {
        let lines = read_all("alice\nMaría G.\nalice\nroot\nbob,$6$a$b\ncarol,a,b\ndave");
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0], "1 alice -");
        assert!(lines[1].starts_with("2 ! María G.: ") && lines[1].ends_with(" -> maria-g"));
        assert_eq!(lines[2], "3 ! alice: alice is in the list before");
        assert!(lines[3].contains("account of the system"), "{}", lines[3]);
        assert_eq!(lines[6], "7 dave -");
    }

    #[test]
    fn a_list_has_bounds() {
        let many: String = (0..2_001).map(|at| format!("user{at}\n")).collect();
        assert!(read(&many, NameRule::System).unwrap_err().contains("2001"));
        let long = "x".repeat(MAX_LIST_BYTES + 1);
        assert!(read(&long, NameRule::System).is_err());
    }
}
