use super::*;

/// One a line, with `\n`, `\0`, `\xNN` and `\uNNNN` for what a line cannot hold.
const ACCEPTED: &str = include_str!("../../tests/requirements/accepted.txt");
const REFUSED: &str = include_str!("../../tests/requirements/refused.txt");

/// The lines of a list, with what is escaped in them.
fn lines(list: &str) -> Vec<String> {
    list.lines().map(unescaped).collect()
}

fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let code = |letters: &mut std::str::Chars<'_>, digits: usize| {
            let hex: String = letters.by_ref().take(digits).collect();
            u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)
        };
        let unescaped = match letter {
            '\\' => match letters.next() {
                Some('n') => Some('\n'),
                Some('r') => Some('\r'),
                Some('t') => Some('\t'),
                Some('0') => Some('\0'),
                Some('x') => code(&mut letters, 2),
                Some('u') => code(&mut letters, 4),
                other => other,
            },
            letter => Some(letter),
        };
        text.push(unescaped.expect("the lists hold escapes that there are"));
    }
    text
}

#[test]
fn names_with_extras_and_versions_are_accepted() {
    let accepted = lines(ACCEPTED);
    assert!(accepted.len() >= 100);
    for text in accepted {
        let requirement =
            Requirement::parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let again = Requirement::parse(&requirement.to_string()).unwrap();
        assert_eq!(again, requirement, "{text:?}");
    }
}

#[test]
fn all_else_is_refused_with_a_reason() {
    let refused = lines(REFUSED);
    assert!(refused.len() >= 300);
    for text in refused {
        let Err(error) = Requirement::parse(&text) else {
            panic!("{text:?} is accepted");
        };
        let reason = error.to_string();
        assert!(!reason.contains(char::is_control), "{text:?}: {reason:?}");
    }
}

#[test]
fn a_reason_names_what_is_wrong() {
    let reason = |text| Requirement::parse(text).unwrap_err().to_string();
    assert_eq!(
        reason("--index-url=x"),
        "it begins with -, as options of an installer do"
    );
    assert_eq!(
        reason("numpy @ https://example.org/x"),
        "addresses and paths are not taken: write the name of a package, as numpy"
    );
    assert_eq!(
        reason("numpy=1.2"),
        "\"=1.2\" is no version: write it as ==1.2, >=1.2 or >=1.2,<2"
    );
    assert_eq!(
        reason("numpy==latest"),
        "\"latest\" is no version, as 1.2 or 2.0rc1 are"
    );
}

#[test]
fn packages_are_the_same_whatever_stands_between_the_words_of_the_name() {
    let key = |text| Requirement::parse(text).unwrap().key();
    assert_eq!(key("Ruamel.YAML>=1"), "ruamel-yaml");
    assert_eq!(key("ruamel__-yaml"), "ruamel-yaml");
    assert_eq!(
        Requirement::parse(" requests [ socks ,security ] >= 2 , < 3 ")
            .unwrap()
            .to_string(),
        "requests[socks,security]>=2,<3"
    );
}
